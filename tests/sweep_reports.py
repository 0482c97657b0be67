#!/usr/bin/env python3
"""sweep_reports.py - what clglu sweep writes: JSON by its schema, CSV, JUnit and page beside that JSON, and documents that lie.
SPDX-License-Identifier: MIT

Needs build/clglu, a C compiler, make, and one usable device. The schema is judged by jsonschema, CSV and XML by Python's own
readers. Then the writers, built with the address and undefined-behaviour sanitizers, get documents with something changed.
Exit status 1 if something fails, 77 if jsonschema is not there and there is no network to fetch it.
"""

import collections
import concurrent.futures
import copy
import csv
import io
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as tree

import packages

packages.enter()

import jsonschema

ROOT = packages.TESTS.parent
CLGLU = os.environ.get("CLGLU", ROOT / "build" / "clglu")
SCHEMA = json.loads((ROOT / "tools" / "sweep.schema.json").read_text())
MUTANTS = int(os.environ.get("CLGLU_MUTANTS", "200"))
COLUMNS = "machine platform place device kind name direction output dtype rows measure value unit text".split()
counts = collections.Counter()


def judge(sentence, wrong):
    """Prints one case; `wrong` is falsy, or says what is wrong."""
    counts["failed" if wrong else "passed"] += 1
    print(f"not ok - {sentence}: {str(wrong)[:600]}" if wrong else f"ok - {sentence}", flush=True)


def run(*arguments, program=CLGLU, **extra):
    env = dict(os.environ, **extra)
    env.pop("CLGLU_DEVICE", None)
    return subprocess.run([program, *map(str, arguments)], capture_output=True, env=env, timeout=120)


def save(path, document):
    path.write_text(json.dumps(document))
    return path


def devices(document):
    return [(m, d) for m in document["machines"] for d in m["devices"]]


class Reports:
    """A document and what --merge makes of it, beside another if that is given."""

    def __init__(self, folder, name, document, compare=None, program=CLGLU):
        self.document, stem = document, folder / name
        source = save(stem.with_suffix(".in.json"), document)
        beside = ["--compare", compare] if compare else []
        self.files = {kind: stem.with_suffix("." + kind) for kind in ("json", "csv", "xml", "html")}
        options = zip(("--json", "--csv", "--junit", "--html"), self.files.values())
        self.ended = run("sweep", "--merge", source, *beside, *[x for pair in options for x in pair], program=program)

    def json(self):
        return json.loads(self.files["json"].read_text())

    def csv(self):
        raw = self.files["csv"].read_bytes().decode()
        lines = list(csv.reader(io.StringIO(raw, newline=""), strict=True))
        assert lines[0] == COLUMNS, lines[0]
        assert all(len(line) == len(COLUMNS) for line in lines), "lines of other widths"
        assert raw.endswith("\r\n") and "\n" not in raw.replace("\r\n", ""), "line ends"
        return [dict(zip(COLUMNS, line)) for line in lines[1:]]

    def junit(self):
        return tree.parse(self.files["xml"]).getroot()

    def page(self):
        return tree.parse(self.files["html"]).getroot()

    def well_formed(self):
        try:
            self.csv(), self.junit(), self.page(), self.json()
        except (AssertionError, csv.Error, tree.ParseError, ValueError, OSError) as error:
            return f"{type(error).__name__}: {error}"
        return None


# ---------------------------------------------------------------- documents


def broken_driver(folder):
    """A folder of drivers: those that are there, and one that crashes when it is loaded."""
    place = folder / "drivers"
    place.mkdir()
    for icd in pathlib.Path(os.environ.get("OCL_ICD_VENDORS", "/etc/OpenCL/vendors")).glob("*.icd"):
        (place / icd.name).write_bytes(icd.read_bytes())
    library = place / "crashing.so"
    compiler = os.environ.get("CC", "cc").split()
    source = packages.TESTS / "command_driver.c"
    subprocess.run([*compiler, "-shared", "-fPIC", "-DCRASH_AT_LOAD", "-o", library, source], check=True)
    (place / "crashing.icd").write_text(f"{library}\n")
    return place


def sweep(folder):
    """A real sweep, as quick as one can be that has everything, beside a driver that crashes; and its outputs."""
    files = {kind: folder / f"sweep.{kind}" for kind in ("json", "csv", "xml", "html")}
    ended = run("sweep", "--quick", "--dtypes", "f32", "--models", "64:96,96:64:32", "--json", files["json"], "--csv", files["csv"],
                "--junit", files["xml"], "--html", files["html"], OCL_ICD_VENDORS=str(broken_driver(folder)))
    judge("a sweep beside a driver that crashes writes all reports", ended.returncode != 0 and ended.stderr.decode()
          or [str(f) for f in files.values() if not f.exists() or not f.stat().st_size])
    return json.loads(files["json"].read_text()), files


def of(document, verdict):
    return [d for _, d in devices(document) if d["verdict"] == verdict]


def fleet(document):
    """The machine, and another on which things are wrong, with a driver's names that steer terminals, browsers and spreadsheets."""
    both = copy.deepcopy(document)
    other = copy.deepcopy(document["machines"][0])
    other["host"]["name"] = "node7"
    both["machines"].append(other)
    device = next(d for d in other["devices"] if d["verdict"] == "good")
    device.update(verdict="FAILED", failed_rows=2, same_bits=False, hash="0123456789abcdef", why="2 rows are wrong",
                  name='=HYPERLINK("x","<script>alert(1)</script>"), \u001b[31m\u202e\ufffe\u0001 &amp; ]]>')
    for row, changed in zip(device["verify"][3:5], ({"outside": 7, "max_ulp": "inf"}, {"bits_differ": 9})):
        row.update(changed, good=False, hash="fedcba9876543210")
    device["ffn"].append({"name": "too-large", "form": "geglu", "dtype": "f32", "skipped": "needs 80 GiB of its 8 GiB", "rows": []})
    other["devices"].append(dict(copy.deepcopy(device), name="another", verdict="unusable", why="it has no compiler", usable=False))
    return both


def older(document):
    """The report of a day on which the same device was faster, and one row had other bits."""
    old = copy.deepcopy(document)
    for device in of(old, "good"):
        device["bench"][0]["ratio"] *= 4
        device["verify"][5]["hash"] = "00000000000000ff"
        device["rates"]["copy_gb_per_s"] *= 2
    return old


# ---------------------------------------------------------------- the schema


def members(schema, path=""):
    """Every member that the schema names, by its path, with what is said of it."""
    for key, value in schema.get("properties", {}).items():
        yield f"{path}.{key}", value
        yield from members(value, f"{path}.{key}")
    inner = {**schema.get("$defs", {}), **dict(enumerate(schema.get("anyOf", [])))}
    if "items" in schema:
        inner["items"] = schema["items"]
    for key, value in inner.items():
        yield from members(value, f"{path}/{key}")


def judge_schema(documents):
    validator = jsonschema.Draft202012Validator(SCHEMA)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    judge("the schema says something of every member", [p for p, s in members(SCHEMA) if "description" not in s and "$ref" not in s])
    for name, document in documents.items():
        errors = [f"{list(e.path)}: {e.message[:200]}" for e in validator.iter_errors(document)]
        judge(f"{name} is as the schema says", errors)
    good = documents["the sweep"]
    judge("the sweep has devices that work and one that crashed", [v for v in ("good", "crashed") if not of(good, v)])
    index = good["machines"][0]["devices"].index(of(good, "good")[0])
    changes = {"another verdict": ("verdict", "fine"), "a number as text": ("seconds", "3"), "another member": ("colour", "red"),
               "a negative count": ("failed_rows", -1), "half a hash": ("hash", "12345678")}
    for sentence, (key, value) in changes.items():
        bad = copy.deepcopy(good)
        bad["machines"][0]["devices"][index][key] = value
        judge(f"the schema refuses {sentence}", validator.is_valid(bad) and "it did not")
    device = ("machines", 0, "devices", index)
    for path in (("schema",), ("machines",), ("machines", 0, "plan"), (*device, "verify", 0, "histogram"),
                 (*device, "bench", 0, "limit"), (*device, "ffn", 0, "rows", 0, "block", "time", "q1_s")):
        bad = owner = copy.deepcopy(good)
        *above, last = path
        for step in above:
            owner = owner[step]
        del owner[last]
        judge(f"the schema wants {last}", validator.is_valid(bad) and "it did not")


# ---------------------------------------------------------------- CSV


FIGURES = {
    "verify": "max_ulp bound_ulp max_abs worst_got worst_want points outside bits_differ special_bad worst_a_bits worst_b_bits hash expected_hash",
    "bench": "time.median_s time.q1_s time.q3_s limit.median_s:limit_median_s gb_per_s limit_gb_per_s ratio",
    "ffn": "block.time.median_s block.time.q1_s block.time.q3_s block.gflop_per_s block.gb_per_s block.of_fma block.of_read"
           " projections.time.median_s:projections_median_s clblast.time.median_s:clblast_median_s"
           " openblas_projections.time.median_s:openblas_projections_median_s read_gb_per_s",
    "device": "verdict why hash expected_hash published_hash max_ulp failed_rows seconds memory.peak_bytes",
    "rate": "rates.copy_gb_per_s rates.read_gb_per_s rates.fma_gflop_per_s",
    "build": "cold_s warm_s",
}


def figures_of(kind, subject, entry):
    """(subject, measure): value, of what the JSON has."""
    for figure in FIGURES[kind].split():
        path, _, measure = figure.partition(":")
        value = entry
        for step in path.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        if value not in (None, "", "nan"):
            yield (*subject, measure or path.split(".")[-1]), value


def wanted_figures(device):
    def subject(kind, entry, rows=None):
        return kind, *(entry.get(k, "") for k in ("name", "direction", "output", "dtype")), rows

    yield from figures_of("device", ("device", "", "", "", "", None), device)
    yield from figures_of("rate", ("rate", "", "", "", "", None), device)
    for b in device.get("build", []):
        yield from figures_of("build", ("build", b["what"], "", "", "", None), b)
    for row in device.get("verify", []):
        yield from figures_of("verify", subject("verify", row), row)
    for row in device.get("bench", []):
        yield from figures_of("bench", subject(row["kind"], row), row)
    for block in device.get("ffn", []):
        for row in block["rows"]:
            yield from figures_of("ffn", subject("ffn", dict(block, direction="forward"), row["rows"]), row)
        if "skipped" in block:
            yield (*subject("ffn", block), "skipped"), block["skipped"]


def place_of(device):
    number = "-" if device["device"] < 0 else device["device"]
    return f"{device['platform']}:{number}" if device["platform"] >= 0 else "-"


def csv_figures(lines, place, machine):
    for line in lines:
        if (line["place"], line["machine"]) == (place, machine):
            rows = int(line["rows"]) if line["rows"] else None
            key = (*(line[k] for k in ("kind", "name", "direction", "output", "dtype")), rows, line["measure"])
            yield key, float(line["value"]) if line["value"] else line["text"]


def unit_of(measure):
    endings = {"gb_per_s": "GB/s", "gflop_per_s": "GFLOP/s", "_s": "s", "seconds": "s", "_ulp": "ULP", "_bytes": "B"}
    return next((unit for ending, unit in endings.items() if measure.endswith(ending)), "")


def judge_csv(name, reports, labels):
    lines, wrong = reports.csv(), []
    for machine, label in zip(reports.document["machines"], labels):
        for device in machine["devices"]:
            if [place_of(d) for d in machine["devices"]].count(place_of(device)) > 1:
                continue
            place = place_of(device)
            got, want = dict(csv_figures(lines, place, label)), dict(wanted_figures(device))
            wrong += [f"{k}: {got.get(k)} for {v}" for k, v in want.items() if got.get(k) != (float(v) if v == "inf" else v)]
            wrong += [f"{k} is too much" for k in got if k not in want]
    judge(f"{name}: the CSV has each figure of the JSON, all digits", wrong[:5] or (not lines and "no lines"))
    wrong = [x for x in lines if x["value"] and x["unit"] != unit_of(x["measure"])]
    judge(f"{name}: every number of the CSV has its unit or needs none", wrong[:3])
    wrong = [c for x in lines for k, c in x.items() if k != "value" and re.match(r"[=+@\t\r]|-.", c)]
    judge(f"{name}: no cell is a formula", wrong)


# ---------------------------------------------------------------- JUnit


ENDS = {"good": [], "FAILED": ["failure"], "unusable": ["skipped"], "no device": ["skipped"], "skipped": ["skipped"]}


def judge_junit(name, reports):
    root, document = reports.junit(), reports.json()
    suites = root.findall("testsuite")
    wrong = []
    for element in [root, *suites]:
        cases = element.iter("testcase")
        found = collections.Counter(child.tag for case in cases for child in case)
        found["tests"] = len(list(element.iter("testcase")))
        want = {"tests": found["tests"], "failures": found["failure"], "errors": found["error"], "skipped": found["skipped"]}
        wrong += [f"{element.get('name')}: {k} {element.get(k)} for {v}" for k, v in want.items() if element.get(k) != str(v)]
        wrong += [] if float(element.get("time")) >= 0 else ["no time"]
    judge(f"{name}: the counts of the JUnit report are those of its cases", wrong)

    extra = ["sweep"] + (["changes"] if "changes" in document else [])
    judge(f"{name}: ... a suite for each device", [s.get("name") for s in suites[1 : 1 + len(devices(document))]] if
          len(suites) != len(devices(document)) + len(extra) else None)
    wrong = []
    for suite, (_, device) in zip(suites[1:], devices(document)):
        cases = {case.get("name"): case for case in suite.findall("testcase")}
        tags = [child.tag for child in cases["device"]]
        wrong += [f"{device['verdict']} as {tags}"] if tags != ENDS.get(device["verdict"], ["error"]) else []
        for row in device.get("verify", []):
            output = "" if row["direction"] == "forward" else " " + row["output"]
            case = cases.pop(f"{row['operator']} {row['name']} {row['direction']} {row['dtype']}{output}")
            bad = [c.get("message") for c in case.findall("failure")]
            wrong += [f"{case.get('name')}: {bad}"] if bool(bad) == row["good"] or any(
                row["hash"] not in m or row["worst_a_bits"] not in m or f"{row['outside']} of {row['points']}" not in m for m in bad) else []
        published = cases.pop("hash of all bits", None)
        if device["hash"] and device["published_hash"]:
            same = device["hash"] == device["published_hash"]
            wrong += ["the hash of all bits"] if (published.find("failure") is None) != same else []
        if device["verdict"] in ("crashed", "timed out"):
            wrong += [] if device["last_step"] in cases["device"].find("error").get("message") else ["no step"]
        wrong += [f"more: {list(cases)}"] if list(cases) != ["device"] else []
    judge(f"{name}: ... a case for each row, which fails as the JSON says, with the reason", wrong)
    if "changes" in document:
        judge(f"{name}: ... regressions are failures", [len(suites[-1].findall(".//failure"))] if not document["changes"] or
              [c.find("failure") is not None for c in suites[-1]] != [c["regression"] for c in document["changes"]] else None)


# ---------------------------------------------------------------- the page


def texts(element):
    return ["".join(cell.itertext()) for cell in element]


def tables(root):
    """Every table as rows of texts, by the title of its first column."""
    return [[texts(row) for row in table.iter("tr")] for table in root.iter("table")]


def judge_page(name, reports, sections):
    root, raw, document = reports.page(), reports.files["html"].read_text(), reports.json()
    headings = texts(root.iter("h2"))
    judge(f"{name}: the page has its sections", [s for s in sections if not any(s in h for h in headings)] and headings)
    outside = r"<(?:script|link|img|iframe|object|embed|base)\b|\bsrc=|\bhref=|@import|url\(|<[^>]*\son\w+="
    judge(f"{name}: ... needs nothing else", re.findall(outside, raw))
    found = tables(root)
    verdicts = next(t for t in found if t[0][1:2] == ["verdict"])[1:]
    judge(f"{name}: ... a verdict for each device, with a mark", [row for row, (_, d) in zip(verdicts, devices(document))
          if d["verdict"] not in row[1] or row[1][0] not in "\u2713\u2717\u2013"] or (len(verdicts) != len(devices(document)) and verdicts))
    whole = "".join(root.itertext())
    judge(f"{name}: ... and every reason", [d["why"] for _, d in devices(document) if d["why"][:200] not in whole])
    hashes = next(t for t in found if t[0][1:2] == ["expected"])[1:]
    compared = [d for _, d in devices(document) if d.get("verify")]
    wrong = [row for k, d in enumerate(compared) for row, v in zip(hashes, d["verify"])
             if row[2 + k] != ("\u2713 " + v["hash"][:6] if v["hash"] == v["expected_hash"] else "\u2717 " + v["hash"])]
    judge(f"{name}: ... all hashes, differing ones whole", wrong[:3] or (len(hashes) != 1 + len(compared[0]["verify"]) and len(hashes)))
    worst = [row for t in found if t[0][-1:] == [""] and "error, ULP" in t[0] for row in t[1:]]
    different = {d["hash"]: d for d in reversed(compared)}.values()
    wrong = [v for d in different for v in d["verify"] if v["max_ulp"] != "inf" and not any(
        row[:4] == [f"{v['operator']} {v['name']}", v["output"], v["dtype"], f"{v['max_ulp']:.4f}"] for row in worst)]
    judge(f"{name}: ... the largest error of every row", wrong[:2])
    return root


def judge_charts(root, document):
    captions = texts(root.iter("figcaption"))
    good = of(document, "good")[0]
    exact = {c["name"] for c in good["curves"] if c["direction"] == "forward"} - {
        c["name"] for c in good["curves"] if max(c["ulp"]) > 0}
    wanted = [f"{c['name']}, f32" for c in good["curves"] if c["direction"] == "forward" and c["name"] not in exact]
    wanted += ["Roofline of the feed-forward blocks", "Activations, f32", "Derivatives, f32", "Gates, forward, f32", "Gates, backward, f32"]
    wanted += [f"CLBlast's time, {b['name']}" for b in good["ffn"] if b["rows"][0]["clblast"]]
    judge("the page draws curves, roofline, gates, CLBlast and histograms", [w for w in wanted if w not in captions])
    judge("... and names what has no error at all", exact and ("No error at all: " + ", ".join(
        c["name"] for c in good["curves"] if c["name"] in exact and c["direction"] == "forward")) not in "".join(root.itertext()))
    roofline = next(f for f in root.iter("figure") if "Roofline" in "".join(f.find("figcaption").itertext()))
    points = [p for p in roofline.iter("path") if "line" not in p.get("class")]
    judge("... a point for each block and number of rows", len(points) != sum(len(b["rows"]) for b in good["ffn"]) and len(points))
    curve = next(f for f in root.iter("figure") if "".join(f.find("figcaption").itertext()) == "gelu, f32")
    judge("... each curve with its bound, dashed", sorted(p.get("class").count("dashed") for p in curve.iter("path")) != [0, 0, 1, 1])


# ---------------------------------------------------------------- documents that lie


class Sanitized:
    """The command, built with sanitizers while other tests run; the library as it is."""

    def __init__(self, folder):
        self.place = folder / "sanitized"
        self.place.mkdir()
        (self.place / "libclglu.a").write_bytes((ROOT / "build" / "libclglu.a").read_bytes())
        flags = "-fsanitize=address,undefined -fno-sanitize-recover=all"
        make = ["make", "--no-print-directory", "-j2", "-o", self.place / "libclglu.a", f"B={self.place}",
                f"CFLAGS=-O1 -g {flags}", f"LDFLAGS={flags}", self.place / "clglu"]
        self.make = subprocess.Popen(make, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def program(self):
        said = self.make.communicate()[0]
        judge("the command is built with sanitizers", self.make.returncode and said[-500:])
        return self.place / "clglu"


LIES = (None, True, "", "nan", "inf", "-inf", "x" * 3000, "\u0001\u001b]0;x\u0007\ufffe\u202e<&>\"'", "=1+1", "\u00e9" * 700, "\t" * 90, -1, 0, 3,
        2**62, -(2**62), 1e308, -1e308, 5e-324, [], {}, [[]], [1, "2", None], [{}], {"a": 1}, [1e300] * 40, list(range(-5, 300)), [0] * 5)


def spots(value, found):
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        found.append((value, key))
        spots(value[key], found)
    return found


def change(document, chance):
    """Another document: members gone, of other types, others' values, lists longer."""
    lie = copy.deepcopy(document)
    for _ in range(chance.choice((1, 1, 2, 5, 30))):
        owner, key = chance.choice(spots(lie, []))
        how = chance.randrange(5)
        if how == 0:
            del owner[key]
        elif how == 1:
            owner[key] = copy.deepcopy(chance.choice(LIES))
        elif how == 2:
            other, there = chance.choice(spots(lie, []))
            owner[key] = copy.deepcopy(other[there])
        elif isinstance(owner, list):
            owner[key:key] = [copy.deepcopy(owner[key]) for _ in range(chance.choice((1, 3, 40)))]
        elif isinstance(owner[key], (int, float)):
            owner[key] = owner[key] * chance.choice((-1, 0, 1e-9, 1e9, 1e30)) if abs(owner[key]) < 1e200 else 0
        else:
            owner[key] = copy.deepcopy(chance.choice(LIES))
    lie.setdefault("schema", "clglu-sweep/2")
    return lie


def ends_well(reports):
    """What is wrong with how it ended, or None."""
    said = reports.ended.stderr.decode(errors="replace")
    if reports.ended.returncode not in (0, 1, 3, 4) or re.search("Sanitizer|runtime error", said):
        return f"exit status {reports.ended.returncode}: {said[:1500]}"
    if reports.ended.returncode == 4:
        return None if said.startswith("clglu") and not reports.files["html"].exists() else f"refused without a reason: {said}"
    return reports.well_formed()


def smaller(document):
    """The same with less in it, so that a change meets what matters, and quickly."""
    less = copy.deepcopy(document)
    for _, device in devices(less):
        device["verify"] = device.get("verify", [])[:8] + device.get("verify", [])[-3:]
        device["curves"] = device.get("curves", [])[:6]
        for curve in device["curves"]:
            curve["x"], curve["ulp"] = curve["x"][::12], curve["ulp"][::12]
    return less


def judge_lies(folder, document, compare, program):
    chance, wrong, ends = random.Random(2), [], collections.Counter()
    lies = [change(smaller(document), chance) for _ in range(MUTANTS)]

    def attempt(numbered):
        number, lie = numbered
        reports = Reports(folder, f"lie{number}", lie, compare if number % 3 == 0 else None, program)
        bad = ends_well(reports)
        for path in (*reports.files.values(), folder / f"lie{number}.in.json"):
            if not bad:
                path.unlink(missing_ok=True)
        return number, reports.ended.returncode, bad

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, status, bad in pool.map(attempt, enumerate(lies)):
            ends[status] += 1
            wrong += [f"{number}: {bad}"] if bad else []
    judge(f"{MUTANTS} documents with something changed end well ({dict(ends)})",
          wrong and f"{len(wrong)} did not; the first is {wrong[0]}")
    judge("... most of them are read", ends[0] + ends[1] + ends[3] < MUTANTS / 2 and ends)
    many = smaller(document)
    many["machines"][0]["devices"] = [dict(d, device=i) for i in range(1000) for d in many["machines"][0]["devices"][:3]]
    judge("... and one with thousands of devices", ends_well(Reports(folder, "many", many, None, program)))


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        built = Sanitized(folder)
        real, files = sweep(folder)
        old = save(folder / "old.json", older(real))
        plain, both = Reports(folder, "plain", real), Reports(folder, "both", fleet(real), old)
        itself = Reports(folder, "itself", real)
        itself.files = files
        judge_schema({"the sweep": real, "--merge of it": plain.json(), "--merge of several, compared": both.json()})
        labels = [real["machines"][0]["host"]["name"]], [real["machines"][0]["host"]["name"], "node7"]
        judge_csv("one machine", plain, labels[0])
        judge_csv("two machines", both, labels[1])
        for title, reports in (("the sweep", itself), ("one machine", plain), ("two machines", both)):
            judge_junit(title, reports)
        sections = ["Verdicts", of(real, "good")[0]["name"], "Errors", "Hashes"]
        root = judge_page("the sweep", itself, sections)
        judge_charts(root, real)
        judge_page("two machines", both, [*sections, "Since the older report", "Side by side", "Errors where the bits are others"])
        judge_lies(folder, fleet(real), old, built.program())
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    sys.exit(1 if counts["failed"] else 0)


main()
