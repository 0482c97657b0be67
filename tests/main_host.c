/* main_host.c - runs the suites that need no device. SPDX-License-Identifier: MIT */

#include <check.h>
#include <stdlib.h>

Suite *reference_suite(void);
Suite *dtype_suite(void);
Suite *view_suite(void);
Suite *job_suite(void);
Suite *emulate_suite(void);
Suite *judge_suite(void);
Suite *ffn_emulate_suite(void);
Suite *ffn_reference_suite(void);
Suite *ffn_refuse_suite(void);
Suite *backward_refuse_suite(void);
Suite *backward_emulate_suite(void);
Suite *backward_reference_suite(void);
Suite *backward_bound_suite(void);

int main(void)
{
    SRunner *runner = srunner_create(reference_suite());
    srunner_add_suite(runner, dtype_suite());
    srunner_add_suite(runner, view_suite());
    srunner_add_suite(runner, job_suite());
    srunner_add_suite(runner, emulate_suite());
    srunner_add_suite(runner, judge_suite());
    srunner_add_suite(runner, ffn_refuse_suite());
    srunner_add_suite(runner, ffn_emulate_suite());
    srunner_add_suite(runner, ffn_reference_suite());
    srunner_add_suite(runner, backward_refuse_suite());
    srunner_add_suite(runner, backward_emulate_suite());
    srunner_add_suite(runner, backward_reference_suite());
    srunner_add_suite(runner, backward_bound_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner), run = srunner_ntests_run(runner);
    srunner_free(runner);
    return failed == 0 && run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
