/* main_device.c - runs the suites that need a device; CK_RUN_SUITE chooses one. SPDX-License-Identifier: MIT */

#include "device.h"

#include <stdio.h>
#include <stdlib.h>

/* Says where the tests run. Without a usable device nothing is tested, and that is a failure. */
static bool say_device(void)
{
    clglu_context *ctx;
    clglu_context_params params = {.no_self_test = without_self_test()};
    clglu_status s = clglu_context_open(device_selector(), &params, &ctx);
    if (s != CLGLU_OK) {
        printf("no device for \"%s\": %s\n", device_selector(), clglu_status_name(s));
        return false;
    }
    const clglu_device_facts *f = clglu_context_facts(ctx);
    printf("device %u:%u %s, %s, driver %s%s%s\n", f->platform, f->device, f->name, f->platform_name,
           f->driver_version, *f->remarks ? ", " : "", f->remarks);
    clglu_context_close(ctx);
    return true;
}

/* A driver's threads do not survive a fork: everything runs in this process. */
int main(void)
{
    if (!say_device()) return EXIT_FAILURE;
    fflush(stdout);
    SRunner *runner = srunner_create(NULL);
#define ADD_SUITE(name) srunner_add_suite(runner, name##_suite());
    DEVICE_SUITES(ADD_SUITE)
#undef ADD_SUITE
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner), run = srunner_ntests_run(runner);
    srunner_free(runner);
    close_context();
    if (run == 0) puts("no test was run");
    return failed == 0 && run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
