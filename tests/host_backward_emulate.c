/* host_backward_emulate.c - the backward's emulation beside naive loops: the same bits, whatever the layout and the strides.
   SPDX-License-Identifier: MIT */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "host_backward.h"

enum { CASES = 250 };

static void emulate(back *s)
{
    s->arrays.overflow = &s->overflow;
    ck_assert_int_eq(clglu_emulate_ffn_backward(&s->b.desc, &s->call, &s->arrays), CLGLU_OK);
}

START_TEST(the_bits_are_those_of_naive_loops)
{
    uint64_t state = 3000u + (uint64_t)_i;
    back_case k = random_back_case(&state);
    back s = back_new(&k, &state);
    void *want[GRADIENTS];
    char text[700];
    describe_back(&k, text, sizeof text);
    bool overflow = naive_backward(&s, want);
    emulate(&s);
    for (int i = 0; i < GRADIENTS; i++) {
        clglu_dtype t = s.gradient[i].dtype;
        for (size_t j = 0; j < s.elements[i]; j++)
            ck_assert_msg(same_number(t, s.tensor[i], want[i], j), "%s: element %zu is %a, not %a; %s", gradient_names[i], j,
                          (double)number_at(t, s.tensor[i], j), (double)number_at(t, want[i], j), text);
        free(want[i]);
    }
    ck_assert_msg(s.overflow == overflow, "overflow is %u; %s", (unsigned)s.overflow, text);
    back_free(&s);
}
END_TEST

Suite *backward_emulate_suite(void);
Suite *backward_emulate_suite(void)
{
    Suite *s = suite_create("backward_emulate");
    TCase *t = tcase_create("backward");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_bits_are_those_of_naive_loops, 0, CASES);
    suite_add_tcase(s, t);
    return s;
}
