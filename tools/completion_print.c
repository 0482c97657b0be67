/* completion_print.c - the completion of clglu in the languages of three shells. SPDX-License-Identifier: MIT
 */

#include "completion.h"

#include <stdio.h>
#include <string.h>

/* What they share: a visit of each option of each command. */
typedef void visit_option(const struct cli_command *command, const struct cli_option *option);

static void each_option(const struct cli_command *command, visit_option *visit)
{
    const struct cli_option *all[CLI_MAX_OPTIONS];
    int n = cli_options(command, all);
    for (int i = 0; i < n; i++) visit(command, all[i]);
}

/* The text inside single quotes: `quote` stands for a quote in it, a backslash for the sign before each of
   `special`; newlines become spaces. */
static void print_text(const char *text, const char *quote, const char *special)
{
    for (; *text; text++)
        if (*text == '\'')
            fputs(quote, stdout);
        else
            printf("%s%c", strchr(special, *text) ? "\\" : "", *text == '\n' ? ' ' : *text);
}

/* ---------------------------------------------------------------- bash */

static void bash_name(const struct cli_command *command, const struct cli_option *o)
{
    (void)command;
    printf(" --%s", o->name);
}

static void bash_many(const struct cli_command *command, const struct cli_option *o)
{
    struct completion_hint h;
    if (!o->arg) return;
    completion_hint(command, o, &h);
    if (h.many) printf("        '%s --%s') option=--%s ;;\n", command->name, o->name, o->name);
}

static void bash_argument(const struct cli_command *command, const struct cli_option *o)
{
    struct completion_hint h;
    if (!o->arg) return;
    completion_hint(command, o, &h);
    printf("    '%s --%s'", command->name, o->name);
    if (o->letter) printf(" | '%s -%c'", command->name, o->letter);
    if (h.kind == COMPLETION_WORDS)
        printf(") words='%s'%s ;;\n", h.words, h.list ? " list=1" : "");
    else if (h.kind == COMPLETION_NOTHING)
        printf(") compopt +o default 2>/dev/null ;;\n");
    else if (h.kind == COMPLETION_FOLDER)
        printf(") files=- ;;\n"); /* beside the folders */
    else if (*h.ending)
        printf(") files='*.%s' ;;\n", h.ending);
    else
        printf(") ;;\n"); /* nothing here: bash completes files by itself */
}

static void bash_options(const struct cli_command *command)
{
    const char *operands = completion_operands(command);
    printf("        %s) words='%s", command->name, operands ? operands : "");
    each_option(command, bash_name);
    printf("' ;;\n");
}

void completion_bash(void)
{
    printf("# bash completion of clglu %s; made by: clglu completion bash\n"
           "_clglu() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]} "
           "command=${COMP_WORDS[1]}\n"
           "    local words='' list='' files='' head='' i\n"
           "    COMPREPLY=()\n"
           "    [[ $COMP_CWORD -gt 1 ]] || command=''\n"
           "    # --option=value comes in three words.\n"
           "    if [[ $cur == = ]]; then\n"
           "        cur=''\n"
           "    elif [[ $option == = ]]; then\n"
           "        option=${COMP_WORDS[COMP_CWORD - 2]}\n"
           "    fi\n"
           "    # One of many files after an option.\n"
           "    if [[ $option != -* && $cur != -* ]]; then\n"
           "        for ((i = COMP_CWORD - 1; i > 1; i--)); do\n"
           "            [[ ${COMP_WORDS[i]} != -* ]] || break\n"
           "        done\n"
           "        case \"$command ${COMP_WORDS[i]}\" in\n",
           clglu_version());
    for (size_t i = 0; command_at(i); i++) each_option(command_at(i), bash_many);
    printf("        esac\n"
           "    fi\n"
           "    case \"$command $option\" in\n");
    for (size_t i = 0; command_at(i); i++) each_option(command_at(i), bash_argument);
    printf("    *)\n"
           "        case $command in\n"
           "        '') words='");
    for (size_t i = 0; command_at(i); i++) printf("%s ", command_at(i)->name);
    printf("--help --version' ;;\n");
    for (size_t i = 0; command_at(i); i++) bash_options(command_at(i));
    printf("        esac\n"
           "        ;;\n"
           "    esac\n"
           "    if [[ $words ]]; then\n"
           "        [[ ! $list || $cur != *,* ]] || head=${cur%%,*},\n"
           "        mapfile -t COMPREPLY < <(compgen -P \"$head\" -W \"$words\" -- \"${cur#\"$head\"}\")\n"
           "    elif [[ $files ]]; then\n"
           "        compopt -o filenames 2>/dev/null\n"
           "        mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"; compgen -f -X \"!$files\" -- \"$cur\")\n"
           "    fi\n"
           "}\n"
           "complete -o default -F _clglu clglu\n");
}

/* ---------------------------------------------------------------- zsh */

static void zsh_action(const struct completion_hint *h, const char *arg)
{
    if (h->many) printf(":*-*");
    printf(":%s:", arg);
    if (h->kind == COMPLETION_WORDS)
        printf(h->list ? "_sequence compadd - %s" : "(%s)", h->words);
    else if (h->kind == COMPLETION_FOLDER)
        printf("_files -/");
    else if (h->kind == COMPLETION_FILE && *h->ending)
        printf("_files -g \"*.%s\"", h->ending);
    else if (h->kind == COMPLETION_FILE)
        printf("_files");
}

static void zsh_option(const struct cli_command *command, const struct cli_option *o)
{
    const char *equal = o->arg ? "=" : "", *plus = o->arg ? "+" : "";
    printf(" \\\n            ");
    if (o->letter)
        printf("'(-%c --%s)'{-%c%s,--%s%s}'[", o->letter, o->name, o->letter, plus, o->name, equal);
    else
        printf("'--%s%s[", o->name, equal);
    print_text(o->help, "'\\''", "[]:\\");
    putchar(']');
    if (o->arg) {
        struct completion_hint h;
        completion_hint(command, o, &h);
        zsh_action(&h, o->arg);
    }
    putchar('\'');
}

void completion_zsh(void)
{
    printf("#compdef clglu\n"
           "# zsh completion of clglu %s; made by: clglu completion zsh\n"
           "_clglu() {\n"
           "    local -a commands=(\n",
           clglu_version());
    for (size_t i = 0; command_at(i); i++) {
        printf("        '%s:", command_at(i)->name);
        print_text(command_at(i)->summary, "'\\''", ":\\");
        printf("'\n");
    }
    printf("    )\n"
           "    if ((CURRENT == 2)); then\n"
           "        _describe -t commands 'command of clglu' commands -- '(--help --version)'\n"
           "        return\n"
           "    fi\n"
           "    local command=$words[2]\n"
           "    shift words\n"
           "    ((CURRENT--))\n"
           "    case $command in\n");
    for (size_t i = 0; command_at(i); i++) {
        const char *operands = completion_operands(command_at(i));
        printf("    %s)\n        _arguments -s -S", command_at(i)->name);
        each_option(command_at(i), zsh_option);
        if (operands) printf(" \\\n            ':which:(%s)'", operands);
        printf("\n        ;;\n");
    }
    printf("    esac\n"
           "}\n"
           "if [[ $funcstack[1] == _clglu ]]; then _clglu \"$@\"; else compdef _clglu clglu; fi\n");
}

/* ---------------------------------------------------------------- fish */

static void fish_begin(const struct cli_command *command)
{
    printf("complete -c clglu -n '__clglu_is %s'", command->name);
}

static void fish_action(const struct completion_hint *h)
{
    if (h->kind == COMPLETION_WORDS)
        printf(h->list ? " -x -a '(__fish_append , %s)'" : " -x -a '%s'", h->words);
    else if (h->kind == COMPLETION_FOLDER)
        printf(" -x -a '(__fish_complete_directories)'");
    else if (h->kind == COMPLETION_FILE && *h->ending)
        printf(" -x -a '(__fish_complete_suffix .%s)'", h->ending);
    else
        printf(h->kind == COMPLETION_FILE ? " -r -F" : " -x");
}

static void fish_option(const struct cli_command *command, const struct cli_option *o)
{
    struct completion_hint h = {.many = 0};
    fish_begin(command);
    printf(" -l %s", o->name);
    if (o->letter) printf(" -s %c", o->letter);
    if (o->arg) {
        completion_hint(command, o, &h);
        fish_action(&h);
    }
    printf(" -d '");
    print_text(o->help, "\\'", "\\");
    printf("'\n");
    if (!h.many) return;
    fish_begin(command);
    printf(" -F\n");
}

void completion_fish(void)
{
    printf("# fish completion of clglu %s; made by: clglu completion fish\n"
           "function __clglu_is\n"
           "    set -l words (commandline -opc)\n"
           "    test (count $words) -gt 1; and test $words[2] = $argv[1]\n"
           "end\n"
           "complete -c clglu -f\n"
           "complete -c clglu -n __fish_use_subcommand -l help -s h -d 'the commands'\n"
           "complete -c clglu -n __fish_use_subcommand -l version -s V -d 'the version'\n",
           clglu_version());
    for (size_t i = 0; command_at(i); i++) {
        const struct cli_command *c = command_at(i);
        const char *operands = completion_operands(c);
        printf("complete -c clglu -n __fish_use_subcommand -a %s -d '", c->name);
        print_text(c->summary, "\\'", "\\");
        printf("'\n");
        each_option(c, fish_option);
        if (!operands) continue;
        fish_begin(c);
        printf(" -a '%s'\n", operands);
    }
}
