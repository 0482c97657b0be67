/* export.c - clglu export: kernels with their options, for offline compilers; binaries, for devices without one.
   SPDX-License-Identifier: MIT */

#include "export.h"
#include "commands.h"
#include "ending.h"
#include "json.h"
#include "outfile.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct options {
    struct cli_common common;
    const char *output, *variant, *binaries, *seal;
    struct plan_options plan;
};

#define AT(member) offsetof(struct options, member)
static const struct cli_option options[] = {
    {"output", 'o', "DIR", "the folder; made if it is not there, empty or an older export if it is", AT(output)},
    {"operators", 0, "LIST", "of act, gate, ffn; default: all", AT(plan.operators)},
    {"dtypes", 0, "LIST", "of f32, f16, bf16; default: all", AT(plan.dtypes)},
    {"variant", 0, "NAME", "gates and blocks of this variant only", AT(variant)},
    {"binaries", 0, NULL, "compile on the device and write NAME.bin, for like devices", AT(binaries)},
    {"seal", 0, NULL, "make NAME.bin of each NAME.raw, what an offline compiler made of NAME.cl", AT(seal)},
    {NULL, 0, NULL, NULL, 0}};
#undef AT

static const char manifest_name[] = "manifest.json", readme_name[] = "README.txt";

static const char readme[] =
    "Kernels of clglu, each with everything that it includes, for a device without a compiler.\n"
    "\n"
    "manifest.json lists them: compile each NAME.cl with the `options` that stand there, and put what the\n"
    "compiler writes beside it as NAME.raw. Then, on the machine with the device:\n"
    "\n"
    "    clglu export --seal --device SELECTOR -o THIS_FOLDER    (with the same --operators, --dtypes, --variant)\n"
    "\n"
    "writes NAME.bin: the compiler's output with the program, device and driver that it is for, and a checksum.\n"
    "A program gives the folder as kernel_dir to clglu_context_open; the command takes it from CLGLU_KERNELS.\n";

/* ---------------------------------------------------------------- files of the folder */

struct folder {
    const struct options *o;
    clglu_context *context;
    json_t *programs;
    int code, written, binaries;
    char device[256];
};

static int path_of(const struct folder *f, const char *name, const char *end, char path[PATH_MAX])
{
    int n = snprintf(path, PATH_MAX, "%s/%s%s", f->o->output, name, end);
    return n > 0 && n < PATH_MAX ? CLI_GO_ON : (cli_say("%s: the name is too long", f->o->output), CLI_BAD_FILE);
}

static int write_file(const struct folder *f, const char *name, const char *end, const void *data, size_t size)
{
    struct outfile out = {.slot = -1, .fd = -1};
    char path[PATH_MAX];
    int code = path_of(f, name, end, path);
    if (code != CLI_GO_ON) return code;
    code = outfile_open(&out, path);
    if (!code) code = outfile_write(&out, data, size);
    if (!code) code = outfile_commit(&out);
    outfile_abandon(&out);
    return code ? code : CLI_GO_ON;
}

static int is_empty_or_ours(const char *path)
{
    DIR *d = opendir(path);
    int others = 0, ours = 0;
    if (!d) return cli_say("%s: %s", path, strerror(errno)), 0;
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        ours |= strcmp(e->d_name, manifest_name) == 0;
        others |= strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    }
    closedir(d);
    if (others && !ours) cli_say("%s: there are other files in it; give an empty folder, or one that 'clglu export' wrote", path);
    return !others || ours;
}

static int prepare_folder(const char *path)
{
    if (mkdir(path, 0777) == 0) return CLI_GO_ON;
    if (errno != EEXIST) return cli_say("%s: %s", path, strerror(errno)), CLI_BAD_FILE;
    return is_empty_or_ours(path) ? CLI_GO_ON : CLI_BAD_FILE;
}

/* ---------------------------------------------------------------- sources and binaries */

static void add_program(const clglu_program_info *p, void *user)
{
    struct folder *f = user;
    if (f->code != CLI_GO_ON) return;
    f->code = write_file(f, p->name, ".cl", p->source, strlen(p->source));
    if (f->code == CLI_GO_ON && p->binary) f->code = write_file(f, p->name, ".bin", p->binary, p->binary_bytes);
    f->binaries += f->code == CLI_GO_ON && p->binary;
    f->written += f->code == CLI_GO_ON;
    json_array_append_new(f->programs, json_pack("{s:s, s:s, s:s, s:o}", "name", p->name, "file", p->file, "options", p->options,
                                                 "binary", p->binary ? json_sprintf("%s.bin", p->name) : json_null()));
}

static int write_manifest(const struct folder *f)
{
    json_t *root = json_root("export");
    char path[PATH_MAX];
    int code = path_of(f, manifest_name, "", path);
    json_object_set_new(root, "schema", json_string("clglu-export/1"));
    json_object_set_new(root, "device", json_facts(clglu_context_facts(f->context)));
    json_object_set(root, "programs", f->programs);
    if (code != CLI_GO_ON) {
        json_decref(root);
        return code;
    }
    code = json_emit(root, path);
    return code ? code : CLI_GO_ON;
}

static int write_all(struct folder *f)
{
    f->code = CLI_GO_ON;
    clglu_status status = clglu_context_programs(f->context, f->o->binaries != NULL, add_program, f);
    if (status != CLGLU_OK) return cli_failed(f->context, status, f->o->output);
    if (f->code == CLI_GO_ON) f->code = write_file(f, readme_name, "", readme, sizeof readme - 1);
    return f->code == CLI_GO_ON ? write_manifest(f) : f->code;
}

/* ---------------------------------------------------------------- what an offline compiler made */

/* The context may not be called from within its own callback: the names first. */
struct names {
    char (*name)[128];
    size_t count, room;
    int failed;
};

static void note_name(const clglu_program_info *p, void *user)
{
    struct names *n = user;
    if (n->count == n->room) {
        size_t room = n->room ? 2 * n->room : 256;
        char(*more)[128] = realloc(n->name, room * sizeof *more);
        if (!more) {
            n->failed = 1;
            return;
        }
        n->name = more;
        n->room = room;
    }
    snprintf(n->name[n->count++], sizeof *n->name, "%s", p->name);
}

/* The file's contents, to be freed; NULL if there is none (CLI_GO_ON) or it cannot be read. */
static int read_raw(const char *path, void **data, size_t *size)
{
    enum { LARGEST = 1 << 30 };
    struct stat facts;
    FILE *in = fopen(path, "rb");
    *data = NULL;
    if (!in) return errno == ENOENT ? CLI_GO_ON : (cli_say("%s: %s", path, strerror(errno)), CLI_BAD_FILE);
    int good = fstat(fileno(in), &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0 && facts.st_size <= LARGEST;
    *size = good ? (size_t)facts.st_size : 0;
    if (good) *data = malloc(*size);
    good = *data && fread(*data, 1, *size, in) == *size;
    fclose(in);
    if (good) return CLI_GO_ON;
    free(*data);
    *data = NULL;
    return cli_say("%s: it is no file of 1 byte to 1 GiB that can be read", path), CLI_BAD_FILE;
}

static int seal_one(struct folder *f, const char *name)
{
    char path[PATH_MAX];
    void *raw = NULL, *sealed = NULL;
    size_t raw_size = 0, size = 0;
    int code = path_of(f, name, ".raw", path);
    if (code == CLI_GO_ON) code = read_raw(path, &raw, &raw_size);
    if (code != CLI_GO_ON || !raw) return code;
    clglu_status status = clglu_program_wrap(f->context, name, raw, raw_size, NULL, &size);
    if (status == CLGLU_OK && !(sealed = malloc(size))) status = CLGLU_OUT_OF_MEMORY;
    if (status == CLGLU_OK) status = clglu_program_wrap(f->context, name, raw, raw_size, sealed, &size);
    code = status == CLGLU_OK ? write_file(f, name, ".bin", sealed, size) : cli_failed(f->context, status, name);
    f->binaries += code == CLI_GO_ON;
    free(raw);
    free(sealed);
    return code;
}

static int seal_all(struct folder *f)
{
    struct names n = {.name = NULL};
    clglu_status status = clglu_context_programs(f->context, 0, note_name, &n);
    int code = status == CLGLU_OK ? CLI_GO_ON : cli_failed(f->context, status, f->o->output);
    if (n.failed) cli_say("out of memory"), code = CLI_OPENCL;
    for (size_t i = 0; i < n.count && code == CLI_GO_ON; i++) code = seal_one(f, n.name[i]);
    free(n.name);
    if (code == CLI_GO_ON && f->binaries == 0)
        cli_say("%s: there is no NAME.raw in it for any of %zu programs", f->o->output, n.count), code = CLI_BAD_FILE;
    return code;
}

/* ---------------------------------------------------------------- the command */

static int export_from(struct folder *f, const struct plan *plan)
{
    struct progress progress;
    progress_begin(&progress, "export", "", export_steps(plan, f->o->variant), f->o->common.quiet != NULL);
    int code = export_ask(f->context, plan, f->o->variant, &progress);
    progress_end(&progress);
    if (code != CLI_GO_ON) return code;
    code = f->o->seal ? seal_all(f) : write_all(f);
    if (code != CLI_GO_ON) return code;
    if (f->o->common.json)
        return json_emit(json_pack("{s:s, s:i, s:i}", "folder", f->o->output, "programs", f->written, "binaries", f->binaries), NULL);
    if (f->o->seal)
        printf("%s: %d binaries for %s\n", f->o->output, f->binaries, f->device);
    else
        printf("%s: %d programs, %d binaries, for %s\n", f->o->output, f->written, f->binaries, f->device);
    return CLI_GOOD;
}

static int run(const struct cli_command *self, int argc, char **argv)
{
    struct options o = {.output = NULL};
    struct plan plan;
    struct cli_device device = {.context = NULL};
    struct folder f = {.o = &o, .code = CLI_GO_ON};
    clglu_gate_desc form;
    int code = cli_parse(self, argc, argv, &o);
    if (code == CLI_GO_ON) code = plan_make(self, &o.plan, &plan);
    if (code != CLI_GO_ON) return code;
    if (!o.output) return cli_usage(self, "-o DIR: which folder?");
    if (o.binaries && o.seal) return cli_usage(self, "--binaries and --seal exclude each other");
    if (o.variant && clglu_variant_set(o.variant, &form) != CLGLU_OK)
        return cli_usage(self, "no variant is named '%s'; 'clglu acts' lists them", o.variant);
    code = prepare_folder(o.output);
    if (code == CLI_GO_ON) code = cli_open_as(&device, cli_selector(&o.common), o.binaries ? CLI_TESTED : CLI_LISTS);
    if (code != CLI_GO_ON) return code;
    f.context = device.context;
    f.programs = json_array();
    text_clean(f.device, sizeof f.device, clglu_context_facts(f.context)->name, 0);
    code = export_from(&f, &plan);
    json_decref(f.programs);
    clglu_context_close(device.context);
    return code;
}

const struct cli_command command_export = {
    "export",
    "kernels and options for offline compilers; binaries",
    "clglu export -o DIR [--operators LIST] [--dtypes LIST] [--variant NAME]\n"
    "clglu export --binaries -o DIR [OPTIONS]\n"
    "clglu export --seal -o DIR [OPTIONS]",
    "Writes every program that the operators ask a device's compiler for as a file that\n"
    "stands alone, with its options in manifest.json; nothing is compiled. A device without\n"
    "a compiler is given the binaries: clglu_context_params.kernel_dir, or CLGLU_KERNELS\n"
    "for this command. Programs with biases and rounding like torch are not among them.",
    "clglu export -o kernels --device accelerator --dtypes f32\n"
    "clglu export -o kernels --binaries --variant swiglu\n"
    "CLGLU_KERNELS=kernels clglu gate --variant swiglu --a a.npy --b b.npy -o y.npy",
    options,
    run};
