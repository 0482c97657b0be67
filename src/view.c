/* view.c - arithmetic on views, overflow-safe.
   SPDX-License-Identifier: MIT */

#include "view.h"

static bool multiply(size_t a, size_t b, size_t *product)
{
    if (b != 0 && a > SIZE_MAX / b) return false;
    *product = a * b;
    return true;
}

static bool add(size_t a, size_t b, size_t *sum)
{
    *sum = a + b;
    return *sum >= a;
}

clglu_status clglu_view_resolve(clglu_view *view, size_t rows, size_t cols, size_t size, size_t *end)
{
    size_t down = 0, across, last, bytes;

    if (cols == 0) return CLGLU_INVALID_SIZE;
    if (view->inc == 0) view->inc = 1;
    if (rows <= 1) view->ld = cols;
    if (view->ld == 0 && !multiply(cols, view->inc, &view->ld)) return CLGLU_INVALID_SIZE;
    if (cols == 1) view->inc = 1;
    if (rows > 1 && !multiply(rows - 1, view->ld, &down)) return CLGLU_INVALID_SIZE;
    if (!multiply(cols - 1, view->inc, &across) || !add(view->offset, down, &last) || !add(last, across, &last) ||
        !add(last, 1, end) || !multiply(*end, size, &bytes))
        return CLGLU_INVALID_SIZE;
    if (rows == 0) *end = 0;
    return CLGLU_OK;
}

bool clglu_view_is_injective(const clglu_view *view, size_t rows, size_t cols)
{
    if (rows <= 1 || cols == 1) return true;
    return view->ld > (cols - 1) * view->inc || view->inc > (rows - 1) * view->ld;
}

/* Is there an i in (-many, many) and a j in (-few, few) with i * big + j * small == d >= 0, if a step of `big` is
   longer than all `few` steps of `small` together? Then only two multiples of `big` come near enough. */
static bool on_lattice(size_t d, size_t big, size_t many, size_t small, size_t few)
{
    size_t i = d / big, below = d % big, above = big - below;
    if (i < many && below % small == 0 && below / small < few) return true;
    return i + 1 < many && above % small == 0 && above / small < few;
}

bool clglu_views_meet(const clglu_view *p, const clglu_view *q, size_t rows, size_t cols)
{
    if (q->offset < p->offset) {
        const clglu_view *t = p;
        p = q;
        q = t;
    }
    size_t d = q->offset - p->offset;
    if (rows == 0 || d > (rows - 1) * p->ld + (cols - 1) * p->inc) return false;
    bool same = (p->ld == q->ld || rows == 1) && (p->inc == q->inc || cols == 1);
    if (!same || !clglu_view_is_injective(p, rows, cols)) return true;
    if (rows == 1) return d % p->inc == 0;
    if (cols == 1) return d % p->ld == 0;
    if (p->ld > (cols - 1) * p->inc) return on_lattice(d, p->ld, rows, p->inc, cols);
    return on_lattice(d, p->inc, cols, p->ld, rows);
}

bool clglu_views_equal(const clglu_view *p, const clglu_view *q)
{
    return p->offset == q->offset && p->ld == q->ld && p->inc == q->inc;
}
