#!/usr/bin/env python3
"""clinfo.py - what `clglu devices --json` says beside what `clinfo --json` says: every fact that both know, in the same order.

usage: clinfo.py DEVICES.json CLINFO.json
SPDX-License-Identifier: MIT
"""

import json
import re
import sys

# Facts of a device: ours, theirs, and how theirs is read.
FACTS = {
    "name": ("CL_DEVICE_NAME", str),
    "vendor": ("CL_DEVICE_VENDOR", str),
    "device_version": ("CL_DEVICE_VERSION", str),
    "c_version": ("CL_DEVICE_OPENCL_C_VERSION", str),
    "driver_version": ("CL_DRIVER_VERSION", str),
    "compute_units": ("CL_DEVICE_MAX_COMPUTE_UNITS", int),
    "clock_mhz": ("CL_DEVICE_MAX_CLOCK_FREQUENCY", int),
    "global_bytes": ("CL_DEVICE_GLOBAL_MEM_SIZE", int),
    "max_alloc_bytes": ("CL_DEVICE_MAX_MEM_ALLOC_SIZE", int),
    "cache_bytes": ("CL_DEVICE_GLOBAL_MEM_CACHE_SIZE", int),
    "local_bytes": ("CL_DEVICE_LOCAL_MEM_SIZE", int),
    "max_work_group": ("CL_DEVICE_MAX_WORK_GROUP_SIZE", int),
    "address_bits": ("CL_DEVICE_ADDRESS_BITS", int),
    "profiling_ns": ("CL_DEVICE_PROFILING_TIMER_RESOLUTION", int),
    "available": ("CL_DEVICE_AVAILABLE", bool),
    "compiler": ("CL_DEVICE_COMPILER_AVAILABLE", bool),
    "little_endian": ("CL_DEVICE_ENDIAN_LITTLE", bool),
    "unified": ("CL_DEVICE_HOST_UNIFIED_MEMORY", bool),
}
# A simulator may be all of them at once: the first goes.
TYPES = {"GPU": "CL_DEVICE_TYPE_GPU", "accelerator": "CL_DEVICE_TYPE_ACCELERATOR", "CPU": "CL_DEVICE_TYPE_CPU"}


def words(value):
    """A text or a list of texts as one text."""
    return value if isinstance(value, str) else json.dumps(value)


def number(value):
    if isinstance(value, dict):
        value = value.get("raw", value)
    return int(re.search(r"\d+|0x[0-9a-f]+", str(value)).group(0), 0)


def expected(ours, theirs):
    """The facts that clinfo has in other words, by our names."""
    extensions = words(theirs.get("CL_DEVICE_EXTENSIONS", ""))
    single = words(theirs.get("CL_DEVICE_SINGLE_FP_CONFIG", ""))
    preferred, native = (number(theirs[f"CL_DEVICE_{kind}_VECTOR_WIDTH_FLOAT"]) for kind in ("PREFERRED", "NATIVE"))
    return {
        "type": next((ours for ours, name in TYPES.items() if name in words(theirs["CL_DEVICE_TYPE"])), None),
        "vector_width": max(preferred, native) if ours["type"] == "CPU" else preferred,
        "fp16": "cl_khr_fp16" in extensions.split(),
        "fp64": number(theirs.get("CL_DEVICE_DOUBLE_FP_CONFIG", 0)) != 0,
        "subnormals": "CL_FP_DENORM" in single and "though it says otherwise" not in ours["remarks"],
        "fma": "CL_FP_FMA" in single,
        "round_nearest": "CL_FP_ROUND_TO_NEAREST" in single,
        "inf_nan": "CL_FP_INF_NAN" in single,
    }


def compare(ours, theirs):
    """The differences in one device, and how many facts were compared."""
    want = expected(ours, theirs)
    for key, (name, kind) in FACTS.items():
        if name in theirs:
            want[key] = number(theirs[name]) if kind is int else kind(theirs[name])
        else:
            want[key] = 0 if key == "cache_bytes" else None  # clinfo does not speak of a cache that is not there
    got = {key: ours[key] for key in want}
    for facts in (want, got):
        facts.update({key: value.strip() for key, value in facts.items() if isinstance(value, str)})
    return [f"{key} is {got[key]!r}, clinfo has {want[key]!r}" for key in want if got[key] != want[key]], len(want)


def main():
    ours = json.load(open(sys.argv[1], encoding="utf-8"))["devices"]
    theirs = json.load(open(sys.argv[2], encoding="utf-8"))
    wrong, facts, devices = [], 0, 0
    for p, platform in enumerate(theirs["platforms"]):
        mine = [d for d in ours if d["platform"] == p]
        online = theirs["devices"][p].get("online", [])
        if not mine or any(
            mine[0][f"platform_{k.lower()}"].strip() != platform[f"CL_PLATFORM_{k}"].strip() for k in ("NAME", "VERSION")
        ):
            wrong.append(f"platform {p} is another: {mine[:1]}")
            continue
        if len([d for d in mine if d["present"]]) != len(online):
            wrong.append(f"platform {p} has {len(mine)} devices, clinfo has {len(online)}")
            continue
        for d, info in zip(mine, online):
            bad, count = compare(d, info)
            wrong += [f"{p}:{d['device']}: {w}" for w in bad]
            facts += count
            devices += 1
    if len({d["platform"] for d in ours}) != len(theirs["platforms"]):
        wrong.append("the numbers of platforms differ")
    if wrong or devices == 0 or facts < 25 * devices:
        sys.exit("\n".join(wrong) or f"{facts} facts of {devices} devices were compared")
    print(f"{facts} facts of {devices} devices are the same")


main()
