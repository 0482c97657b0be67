/* host_view.c - views: ends, overflow, repetition and meeting, against counting by hand.
   SPDX-License-Identifier: MIT */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "view.h"

enum { MOST = 400 };

static size_t end_of(clglu_view v, size_t rows, size_t cols)
{
    size_t end = 0;
    ck_assert_int_eq(clglu_view_resolve(&v, rows, cols, 4, &end), CLGLU_OK);
    return end;
}

START_TEST(all_zero_is_dense)
{
    clglu_view v = {0, 0, 0};
    size_t end;
    ck_assert_int_eq(clglu_view_resolve(&v, 3, 5, 4, &end), CLGLU_OK);
    ck_assert_uint_eq(v.ld, 5);
    ck_assert_uint_eq(v.inc, 1);
    ck_assert_uint_eq(end, 15);
}
END_TEST

START_TEST(the_end_is_one_past_the_last_element)
{
    ck_assert_uint_eq(end_of((clglu_view){7, 10, 2}, 3, 4), 7 + 2 * 10 + 3 * 2 + 1);
    ck_assert_uint_eq(end_of((clglu_view){7, 0, 3}, 2, 4), 7 + 12 + 9 + 1);
    ck_assert_uint_eq(end_of((clglu_view){7, 0, 3}, 0, 4), 0);
}
END_TEST

START_TEST(what_does_not_fit_a_size_t_is_an_invalid_size)
{
    static const struct {
        clglu_view v;
        size_t rows, cols;
    } wrong[] = {
        {{0, 0, 0}, 1, 0},
        {{0, 0, 0}, SIZE_MAX, 2},
        {{0, SIZE_MAX, 1}, 3, 2},
        {{0, 0, SIZE_MAX}, 2, 3},
        {{SIZE_MAX, 0, 1}, 1, 1},
        {{SIZE_MAX - 3, 0, 1}, 1, 5},
        {{0, SIZE_MAX / 2, 1}, 3, 4},
        {{SIZE_MAX / 4, 0, 1}, 1, 1}, /* the elements fit, their bytes do not */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        clglu_view v = wrong[i].v;
        size_t end;
        ck_assert_msg(clglu_view_resolve(&v, wrong[i].rows, wrong[i].cols, 4, &end) == CLGLU_INVALID_SIZE,
                      "case %zu was let through", i);
    }
}
END_TEST

/* Marks a view's elements; how often was the most frequent one named? */
static int mark(const clglu_view *v, size_t rows, size_t cols, unsigned char *line)
{
    int most = 0;
    memset(line, 0, MOST);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++) {
            size_t at = v->offset + r * v->ld + c * v->inc;
            ck_assert_uint_lt(at, MOST);
            if (++line[at] > most) most = line[at];
        }
    return most;
}

static clglu_view any_view(size_t rows, size_t cols)
{
    clglu_view v = {(size_t)rand() % 30, (size_t)rand() % 30, (size_t)rand() % 6};
    size_t end;
    ck_assert_int_eq(clglu_view_resolve(&v, rows, cols, 4, &end), CLGLU_OK);
    return v;
}

START_TEST(an_injective_view_names_no_element_twice)
{
    unsigned char line[MOST];
    for (int i = 0; i < 20000; i++) {
        size_t rows = 1 + (size_t)rand() % 6, cols = 1 + (size_t)rand() % 6;
        clglu_view v = any_view(rows, cols);
        if (clglu_view_is_injective(&v, rows, cols)) ck_assert_int_eq(mark(&v, rows, cols, line), 1);
    }
}
END_TEST

START_TEST(views_that_share_an_element_meet_and_like_views_that_share_none_do_not)
{
    unsigned char p_line[MOST], q_line[MOST];
    int apart = 0;
    for (int i = 0; i < 100000; i++) {
        size_t rows = 1 + (size_t)rand() % 6, cols = 1 + (size_t)rand() % 6;
        clglu_view p = any_view(rows, cols), q = any_view(rows, cols);
        bool like = rand() % 4 != 0, shared = false;
        if (like) q.ld = p.ld, q.inc = p.inc;
        bool once = mark(&p, rows, cols, p_line) == 1;
        mark(&q, rows, cols, q_line);
        for (size_t k = 0; k < MOST; k++) shared |= p_line[k] && q_line[k];
        bool meet = clglu_views_meet(&p, &q, rows, cols);
        ck_assert_msg(!shared || meet, "%zu x %zu {%zu %zu %zu} {%zu %zu %zu} share an element", rows, cols, p.offset,
                      p.ld, p.inc, q.offset, q.ld, q.inc);
        if (!like || shared || !once || !clglu_view_is_injective(&p, rows, cols)) continue;
        ck_assert_msg(!meet, "%zu x %zu {%zu %zu %zu} {%zu %zu %zu} share none", rows, cols, p.offset, p.ld, p.inc,
                      q.offset, q.ld, q.inc);
        apart++;
    }
    ck_assert_int_gt(apart, 1000);
}
END_TEST

Suite *view_suite(void);
Suite *view_suite(void)
{
    Suite *s = suite_create("view");
    TCase *t = tcase_create("views");
    tcase_add_test(t, all_zero_is_dense);
    tcase_add_test(t, the_end_is_one_past_the_last_element);
    tcase_add_test(t, what_does_not_fit_a_size_t_is_an_invalid_size);
    tcase_add_test(t, an_injective_view_names_no_element_twice);
    tcase_add_test(t, views_that_share_an_element_meet_and_like_views_that_share_none_do_not);
    suite_add_tcase(s, t);
    return s;
}
