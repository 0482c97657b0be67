/* page.c - one page that can be read alone and offline: its frame, text and tables. SPDX-License-Identifier:
 * MIT */

#include "page.h"
#include "cli.h"
#include "text.h"

#include <string.h>

/* Colours: plain ones first, then gated ones; on a dark ground they are lighter. */
static const char *const light[PAGE_COLOURS] = {"#5f6b76", "#0067b1", "#00805c", "#8a5a2b", "#d01f2e",
                                                "#c2438f", "#7a4fbf", "#7a7400", "#007f93", "#c96400"};
static const char *const dark[PAGE_COLOURS] = {"#a9b4bf", "#5db2ff", "#3fcf9f", "#cf9c66", "#ff6b70",
                                               "#ff8fd0", "#b794ff", "#cfc73a", "#39c9de", "#ff9c40"};

static const char style[] =
    "body{font:1rem/1.5 system-ui,sans-serif;margin:0 "
    "auto;max-width:70rem;padding:1rem;background:var(--ground);"
    "color:var(--ink)}\n"
    "h1{font-size:1.5rem;line-height:1.2}h2{font-size:1.15rem;margin:2rem 0 .5rem}p{max-width:44rem}\n"
    ".charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr));gap:1rem}\n"
    "figure{margin:0}figcaption{font-weight:600}svg{width:100%;height:auto;display:block}\n"
    "svg text{font:13px system-ui,sans-serif;fill:var(--ink)}\n"
    ".grid{stroke:var(--faint);stroke-width:1}.line{fill:none;stroke-width:1.6}.thick{stroke-width:3}\n"
    ".dashed{stroke-dasharray:5 3}.rest{opacity:.35}.mean{stroke-width:3}\n"
    "ul.legend{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:.5rem 0}\n"
    "ul.legend svg{display:inline-block;width:2rem;height:.6rem;margin-right:.4rem}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
    "table{margin:.5rem 0}.good{color:var(--c2)}.bad{color:var(--c4);font-weight:700}summary{cursor:pointer;padding:.3rem 0}\n"
    "th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid var(--faint);white-space:nowrap}\n"
    "th{vertical-align:bottom;white-space:normal}p,h1,h2{overflow-wrap:anywhere}\n"
    "th:first-child,td:first-child{text-align:left;white-space:normal;min-width:min(11rem,44vw)}\n"
    ".facts td,.facts td:first-child{text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:6rem;vertical-align:top}\n";

static void put_colours(struct page *p, const char *const *colours, const char *ground, const char *ink,
                        const char *faint)
{
    fprintf(p->out, ":root{--ground:%s;--ink:%s;--faint:%s", ground, ink, faint);
    for (int i = 0; i < PAGE_COLOURS; i++) fprintf(p->out, ";--c%d:%s", i, colours[i]);
    fputs("}", p->out);
}

int page_open(struct page *p, const char *title)
{
    *p = (struct page){.text = NULL};
    p->out = open_memstream(&p->text, &p->size);
    if (!p->out) return cli_say("out of memory for the page"), CLI_OPENCL;
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
          "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>",
          p->out);
    page_text(p, title);
    fputs("</title>\n<style>\n", p->out);
    put_colours(p, light, "#ffffff", "#1b1f23", "#d5dade");
    fputs("\n@media (prefers-color-scheme: dark){", p->out);
    put_colours(p, dark, "#14171a", "#e6e9ec", "#3a4148");
    fprintf(p->out, "}\n%s", style);
    for (int i = 0; i < PAGE_COLOURS; i++)
        fprintf(p->out, ".c%d{stroke:var(--c%d);fill:var(--c%d)}", i, i, i);
    fputs("\n.line{fill:none}\n</style>\n</head>\n<body>\n<h1>", p->out);
    page_text(p, title);
    fputs("</h1>\n", p->out);
    return 0;
}

int page_close(struct page *p, struct outfile *out)
{
    fputs("</body>\n</html>\n", p->out);
    return outfile_take(out, p->out, &p->text, &p->size);
}

void page_text(struct page *p, const char *text)
{
    char clean[1024];
    text_markup(p->out, text_clean(clean, sizeof clean, text, 0));
}

void page_heading(struct page *p, const char *text)
{
    fputs("<h2>", p->out);
    page_text(p, text);
    fputs("</h2>\n", p->out);
}

void page_paragraph(struct page *p, const char *text)
{
    fputs("<p>", p->out);
    page_text(p, text);
    fputs("</p>\n", p->out);
}

/* ---------------------------------------------------------------- tables */

static const char *class_of(const char *cell)
{
    if (strncmp(cell, PAGE_GOOD, strlen(PAGE_GOOD)) == 0) return " class=\"good\"";
    return strncmp(cell, PAGE_BAD, strlen(PAGE_BAD)) == 0 ? " class=\"bad\"" : "";
}

static void cells(struct page *p, const char *text, const char *tag)
{
    char cell[256];
    fputs("<tr>", p->out);
    for (const char *s = text;; s++) {
        size_t n = strcspn(s, "\t");
        snprintf(cell, sizeof cell, "%.*s", (int)n, s);
        fprintf(p->out, "<%s%s>", tag, class_of(cell));
        page_text(p, cell);
        fprintf(p->out, "</%s>", tag);
        s += n;
        if (!*s) break;
    }
    fputs("</tr>\n", p->out);
}

void page_table_begin(struct page *p, const char *titles)
{
    fputs("<div class=\"scroll\"><table>\n<thead>", p->out);
    cells(p, titles, "th");
    fputs("</thead>\n<tbody>\n", p->out);
}

void page_facts_begin(struct page *p) { fputs("<div class=\"scroll\"><table class=\"facts\">\n<tbody>\n", p->out); }
void page_table_row(struct page *p, const char *text) { cells(p, text, "td"); }
void page_table_end(struct page *p) { fputs("</tbody>\n</table></div>\n", p->out); }

void page_details_begin(struct page *p, const char *summary, int open)
{
    fprintf(p->out, "<details%s><summary>", open ? " open=\"open\"" : "");
    page_text(p, summary);
    fputs("</summary>\n", p->out);
}

void page_details_end(struct page *p) { fputs("</details>\n", p->out); }

void page_charts_begin(struct page *p) { fputs("<div class=\"charts\">\n", p->out); }
void page_charts_end(struct page *p) { fputs("</div>\n", p->out); }
