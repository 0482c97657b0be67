/* sweep_machine.c - a sweep's rows as this machine's part of the document. SPDX-License-Identifier: MIT */

#include "sweep.h"
#include "cli.h"
#include "json.h"
#include "stop.h"

#include <string.h>
#include <sys/utsname.h>

const char *sweep_word(const struct sweep_row *row)
{
    static const char *const broken[] = {"broken",  "not started", "ended early", "crashed",
                                         "timed out", "nonsense",  "skipped"};
    switch (row->verdict) {
    case SWEEP_GOOD:
        return "good";
    case SWEEP_FAILED:
        return "FAILED";
    case SWEEP_UNUSABLE:
        return "unusable";
    case SWEEP_NO_DEVICE:
        return "no device";
    case SWEEP_SKIPPED:
        return "skipped";
    case SWEEP_BROKEN:
        return broken[row->end.how];
    }
    return "?";
}

static json_t *text_or_null(const char *text) { return *text ? json_string(text) : json_null(); }

static json_t *device_json(const struct sweep_row *row)
{
    json_t *o = json_pack("{s:i, s:i, s:o, s:o, s:s, s:b, s:b, s:o, s:o, s:f, s:o}", "platform", row->platform, "device",
                          row->device, "name", json_text(row->name), "platform_name", json_text(row->platform_name),
                          "verdict", sweep_word(row), "usable", row->usable, "finished", row->verified, "last_step",
                          json_text(row->step), "why", json_text(row->why), "seconds", row->seconds, "environment",
                          json_text(row->set));
    const json_t *ulp = json_object_get(json_object_get(row->found, "verified"), "max_ulp");
    json_object_set(o, "facts", row->facts ? row->facts : json_null());
    json_object_set_new(o, "hash", text_or_null(row->hash));
    json_object_set_new(o, "expected_hash", text_or_null(row->expected));
    json_object_set_new(o, "published_hash", text_or_null(row->published));
    json_object_set_new(o, "same_bits", row->same_bits < 0 ? json_null() : json_boolean(row->same_bits));
    json_object_set_new(o, "max_ulp", ulp ? json_deep_copy(ulp) : json_null());
    json_object_set_new(o, "failed_rows", json_integer(row->failed_rows));
    json_object_update_missing(o, row->found);
    return o;
}

static json_t *host_json(void)
{
    struct utsname host;
    if (uname(&host) != 0) return json_object();
    return json_pack("{s:o, s:o, s:o, s:o}", "name", json_text(host.nodename), "system", json_text(host.sysname), "release",
                     json_text(host.release), "machine", json_text(host.machine));
}

json_t *sweep_machine(const struct sweep *s, const struct plan *plan, const char *selector, time_t started, double seconds)
{
    struct tm utc;
    char when[32] = "";
    json_t *root = json_object(), *devices = json_array();
    if (gmtime_r(&started, &utc)) strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    json_object_set_new(root, "version", json_string(clglu_version()));
    json_object_set_new(root, "host", host_json());
    json_object_set_new(root, "started", json_string(when));
    json_object_set_new(root, "seconds", json_real(seconds));
    json_object_set_new(root, "plan", plan_json(plan));
    json_object_set_new(json_object_get(root, "plan"), "device", json_text(selector ? selector : ""));
    json_object_set_new(root, "stopped", json_boolean(stop_asked()));
    json_object_set_new(root, "exit_status", json_integer(sweep_exit(s)));
    for (int i = 0; i < s->count; i++) json_array_append_new(devices, device_json(s->rows[i]));
    json_object_set_new(root, "devices", devices);
    return root;
}
