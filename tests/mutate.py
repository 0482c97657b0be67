#!/usr/bin/env python3
# mutate.py - are the tests any good? Small faults are put into src/ and cl/, one at a time: tests/mutate.py [options]. SPDX-License-Identifier: MIT
"""Each mutant is built in a copy of the tree below build/ and the suites that reach its line are run, the most promising first,
until a test fails. What a run has found is kept in build/mutate/log: a run that was broken off goes on from there.
Survivors are to be named in tests/mutants.txt with the reason; one that is not makes the run fail, and so does a score under 95 %."""

import argparse, collections, hashlib, json, math, os, random, re, selectors, shutil, signal, subprocess, sys, tempfile, threading, time

FOLDER = "build/mutate"
LOG, MAP, EXCUSES = f"{FOLDER}/log", f"{FOLDER}/map", "tests/mutants.txt"
WANTED = 0.95
# No debugging information and no clones: an object that stays the same to the byte is no mutant.
# What a compiler need not take (a swap of a pointer and a number) does not build here.
FLAGS = ["CFLAGS=-O1 -march=native -DCLGLU_NO_CLONES", "VECTORISE=-O1",
         "WARN=-Werror=incompatible-pointer-types -Werror=int-conversion -Werror=discarded-qualifiers"]

# ---------------------------------------------------------------- which changes there are

SWAPS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "+": "-", "-": "+", "*": "/", "/": "*", "%": "/",
         "+=": "-=", "-=": "+=", "*=": "/=", "|=": "&=", "&=": "|=", "&&": "||", "||": "&&", "&": "|", "|": "&", "^": "|",
         "<<": ">>", ">>": "<<"}
KINDS = {"comparison": r"(?<= )(<=|>=|==|!=|<|>)(?= )", "arithmetic": r"(?<=[\w)\]] )(\+=|-=|\*=|[-+*/%])(?= )",
         "bits": r"(?<=[\w)\]] )(\|=|&=|<<|>>|[&|^])(?= )", "logic": r"(?<= )(&&|\|\|)(?= |$)"}
# Their arguments may change places: that is the same.
SYMMETRIC = {"FMA", "min", "max", "fma", "fmin", "fmax", "strcmp", "memcmp", "if", "while", "for", "switch", "return", "sizeof"}
# What follows on these is words for a person, up to the end of the statement.
WORDS = re.compile(r"\b(clglu_fail\w*|snprintf|vsnprintf|remark|printf|refuse)\(|\bwhy = ")


def blank(text):
    """The text with comments, strings and directives made blank: what may change is left, where it was."""
    hide = lambda m: re.sub(r"[^\n]", " ", m.group())
    text = re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])'", hide, text, flags=re.S)
    text = re.sub(r"^#\s*define \w+(\([^)]*\))?|^#(?!\s*define)[^\n]*", hide, text, flags=re.M)
    text = re.sub(r"\\$", " ", text, flags=re.M)
    text = re.sub(r"^[^\n]*(_Static_assert|CLGLU_PRINTF)[^\n]*$", hide, text, flags=re.M)
    text = re.sub(r"\bchar \w+\[[^\]]*\]", hide, text)  # room for words
    parts, at = [], 0
    for m in WORDS.finditer(text):
        if m.start() < at: continue
        end = text.find(";", m.start())
        parts += [text[at:m.start()], re.sub(r"[^\n]", " ", text[m.start():end])]
        at = end
    return "".join(parts) + text[at:]


def other_number(text, chance):
    """A number nearby; of a floating-point one the last digit or the size."""
    if m := re.fullmatch(r"(0x[\da-fA-F]*\.?[\da-fA-F]*)p([-+]\d+)(f?)", text):
        digits, power, end = m.groups()
        if "." in digits and chance.random() < 0.5:
            return f"{digits[:-1]}{int(digits[-1], 16) ^ 1:x}p{power}{end}"
        return f"{digits}p{int(power) + 1:+d}{end}"
    if m := re.fullmatch(r"(\d+\.\d*)(f?)", text):
        return f"{float(m.group(1)) + 1}{m.group(2)}"
    if m := re.fullmatch(r"0x([\da-fA-F]+)(u?)", text):
        return f"0x{int(m.group(1), 16) ^ 1:x}{m.group(2)}"
    m = re.fullmatch(r"(\d+)(u?l{0,2})", text, re.I)
    n = int(m.group(1))
    return f"{(1 if n == 0 else 0 if n == 1 else n + chance.choice((-1, 1)))}{m.group(2)}"


def changes(text, chance):
    """All (kind, start, end, replacement) of a file."""
    code = blank(text)
    for kind, pattern in KINDS.items():
        for m in re.finditer(pattern, code, re.M): yield kind, m.start(), m.end(), SWAPS[m.group()]
    number = r"(?<![\w.])(0x[\da-fA-F]*\.?[\da-fA-F]*p[-+]\d+f?|0x[\da-fA-F]+u?|\d+\.\d*f?|\d+(?:u|U)?[lL]{0,2})(?![\w.])"
    for m in re.finditer(number, code): yield "constant", m.start(), m.end(), other_number(m.group(), chance)
    for m in re.finditer(r"\b(true|false)\b", code):
        yield "constant", m.start(), m.end(), "false" if m.group() == "true" else "true"
    for m in re.finditer(r"!(?=[A-Za-z_(])", code): yield "negation", m.start(), m.end(), ""
    for m in re.finditer(r"\bif \(", code):
        depth, end = 1, m.end()
        while depth and end < len(code):
            depth += {"(": 1, ")": -1}.get(code[end], 0)
            end += 1
        if not depth: yield "negation", m.end(), end - 1, f"!({text[m.end():end - 1]})"
    call = r"\b(\w+)\(([\w.>\[\]-]+), ([\w.>\[\]-]+)(?=[,)])"
    for m in re.finditer(call, code):
        if m.group(1) not in SYMMETRIC and m.group(2) != m.group(3):
            yield "swap", m.start(2), m.end(3), f"{m.group(3)}, {m.group(2)}"
    for m in re.finditer(r"\? ([^?:;,()\n]+) : ([^?:;,()\n]*[^?:;,()\s])(?=[;,)])", code):
        yield "swap", m.start(1), m.end(2), f"{m.group(2)} : {m.group(1)}"
    # Memory that is not given back is the sanitizers' to find.
    drop = r"^ +(?!free\(|return\b)((?:\w+\([^;\n]*\)|\*?[\w.>\[\]-]+ [-+|&*]?= [^;\n]+);)(?= *$)"
    for m in re.finditer(drop, code, re.M): yield "drop", m.start(1), m.end(1), ";"


class Mutant:
    def __init__(self, file, text, kind, start, end, new):
        self.file, self.kind = file, kind
        self.text = text[:start] + new + text[end:]
        first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
        self.line = text.count("\n", 0, start) + 1
        self.before = " ".join(text[first:last].split())
        self.after = " ".join((text[first:start] + new + text[end:last]).split())
        self.key = hashlib.sha1(f"{file}\n{self.before}\n{self.after}\n{text[first:start]}".encode()).hexdigest()[:12]

    def __str__(self): return f"{self.file}:{self.line}: {self.before}  ->  {self.after}"


def mutants(count, seed, only):
    """As many of each file as its share of the code is; of each kind in turn, and of a line one."""
    files = sorted(f"{d}/{n}" for d in ("src", "cl") for n in os.listdir(d) if re.search(r"\.(c|cl|clh)$", n))
    texts = {f: open(f).read() for f in files}
    size = {f: sum(1 for line in blank(t).splitlines() if line.strip(" {}")) for f, t in texts.items()}
    found, carry = [], 0.0
    for f in files:
        carry += count * size[f] / sum(size.values())
        chance, kinds, lines = random.Random(f"{seed}:{f}"), collections.defaultdict(list), set()
        for change in changes(texts[f], chance): kinds[change[0]].append(change)
        names = sorted(kinds)
        chance.shuffle(names)
        wanted, carry = int(carry + 0.5), carry - int(carry + 0.5)
        while wanted and any(kinds.values()):
            for name in names:
                if not wanted or not kinds[name]: continue
                m = Mutant(f, texts[f], *kinds[name].pop(chance.randrange(len(kinds[name]))))
                if m.line in lines: continue
                lines.add(m.line)
                found.append(m)
                wanted -= 1
    return [m for m in found if not only or m.file in only]


# ---------------------------------------------------------------- what runs

def suites():
    """(program, suite) of all, as the tests' sources name them."""
    host = re.findall(r'suite_create\("(\w+)"\)', "".join(open(f"tests/{n}").read() for n in sorted(os.listdir("tests")) if n.startswith("host_")))
    device = re.findall(r"X\((device_\w+)\)", open("tests/device.h").read())
    return [("bits", "bits")] + [("host", s) for s in host] + [("device", s) for s in device]


# For what the suites have let live, minutes each: what tests whole programs, and the suites once more in a build with sanitizers.
SCRIPTS = [("script", name) for name in ("facts.sh", "export.sh", "cache.sh", "faults.sh")]
SANITIZED = ["B=build/sanitize", "CFLAGS=-O1 -g -DCLGLU_NO_CLONES -fno-sanitize-recover=all -fsanitize=address,undefined", "VECTORISE=-O1",
             "LDFLAGS=-fsanitize=address,undefined"]


def program_of(suite): return suite if suite == "bits" else "script" if suite.endswith(".sh") else "device" if suite.startswith("device_") else "host"


def command(program, suite, build="build"):
    if program == "bits": return ["tests/bits.sh"]
    return [f"tests/{suite}", "quick"] if program == "script" else [f"{build}/test-{program}"]


def environment(work):
    """One driver, small runs, and no program of an earlier mutant: PoCL's cache goes by the source's hash, the library's is off."""
    os.makedirs(f"{work}/tmp", exist_ok=True)
    return dict(os.environ, CK_FORK="no", CK_TAP_LOG_FILE_NAME="-", CK_TIMEOUT_MULTIPLIER="60", CLGLU_CACHE="", TMPDIR=f"{work}/tmp",
                CLGLU_TEST_SCALE=os.environ.get("CLGLU_TEST_SCALE", "small"), ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=4",
                POCL_CACHE_DIR=os.path.abspath(f"{FOLDER}/pocl"),
                OCL_ICD_VENDORS=os.environ.get("OCL_ICD_VENDORS", "/etc/OpenCL/vendors/pocl.icd"), LC_ALL="C")


RUNNING = set()


def stop(*_):
    """What was started ends with the run."""
    for child in list(RUNNING): os.killpg(child.pid, signal.SIGKILL)
    sys.exit(1)


def watch(command, env, cwd, limit):
    """Runs until it ends, a test fails or the time is over: ("passed" | the reason), and what was printed at last."""
    child = subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             start_new_session=True)
    RUNNING.add(child)
    end, text, reason = time.monotonic() + limit, b"", None
    wait = selectors.DefaultSelector()
    wait.register(child.stdout, selectors.EVENT_READ)
    while reason is None:
        if not wait.select(max(0, end - time.monotonic())):
            reason = "time"
            break
        part = os.read(child.stdout.fileno(), 65536)
        text += part
        if m := re.search(rb"^not ok (?:\d+ )?- ([^\n]*)\n", text, re.M): reason = m.group(1).decode(errors="replace")
        if not part: break
    if reason is not None:
        os.killpg(child.pid, signal.SIGKILL)
    child.stdout.close()
    child.wait()
    RUNNING.discard(child)
    if reason is None: reason = "passed" if child.returncode == 0 else f"exit {child.returncode}"
    return reason, text.decode(errors="replace")


def reached(lines, m):
    """Does that suite come by there? A statement's later lines count as its first."""
    known = lines.get(m.file)
    return bool(known) and any(n in known for n in range(m.line, max(0, m.line - 4), -1))


# Kernels are no part of the map: a block's are run by the suites of blocks, all others by any.
def kernel_suites(file):
    block = re.match(r"cl/(ffn_|finish|pack|product|overflow)", file)
    return {s for s in suites() if s[0] == "device" and (not block or re.match("device_(ffn|back|tune|check|kernels)", s[1]))}


BETS = [(r"/(ffn|project|panel|finish|pack|number)", "device_ffn_batch"), (r"/(back|product)", "device_back_batch"),
        (r"/(gate|view|operand|run)\b", "device_bits"), (r"/(share|twin|tiles|job)", "device_host_twins"), (r"/check\b", "device_check"),
        (r"/check_ffn", "device_ffn_check"), (r"/tune", "device_tune"), (r"/(select|harmless|binary)", "device_parts")]
SCRIPTED = r"src/(program|binary|buffer|cache|context|device|file|panel|run|share|source|tune)"
SANITIZED_SUITES = 12


class Plan:
    """For each mutant, the suites in the order in which they are worth running; what has killed in that file comes first."""

    def __init__(self, budget, whole):
        self.whole = whole
        # The bits need no map: what a suite of the host comes by, they do.
        self.budget, self.seconds, self.lines, self.kills = budget, {}, {}, collections.Counter()
        # What compares every bit is the best bet.
        for pattern, suite in BETS:
            for f in [f"{d}/{n}" for d in ("src", "cl") for n in os.listdir(d)]:
                if re.search(pattern, f): self.kills[f, ("device", suite)] += 1
                if f.endswith(".clh"): self.kills[f, ("bits", "bits")] += 1
        self.seconds["bits", "bits"], self.lines["bits", "bits"] = 1, {}
        for s in suites()[1:]:
            if not os.path.exists(f"{MAP}/{s[0]}-{s[1]}.json"): continue  # --part
            data = json.load(open(f"{MAP}/{s[0]}-{s[1]}.json"))
            self.seconds[s] = data["seconds"]
            self.lines[s] = {os.path.normpath(f): set(lines) for f, lines in data["lines"].items()}

    def of(self, m):
        wanted = {s for s in self.seconds if reached(self.lines[s], m)}
        if m.file.startswith("cl/"): wanted |= kernel_suites(m.file) & set(self.seconds)
        if not wanted: wanted = {s for s in self.seconds if m.file in self.lines[s]}  # a table is reached by nobody
        if m.file.endswith(".clh") or any(s[0] == "host" for s in wanted): wanted.add(("bits", "bits"))
        order, total = [], 0
        for s in sorted(wanted, key=lambda s: (-self.kills[m.file, s], self.seconds[s])):
            total += self.seconds[s]
            if not order or total <= self.budget: order.append(s)
        return order + (SCRIPTS if self.whole and re.match(SCRIPTED, m.file) else [])

    def with_sanitizers(self, m):
        """Kernels are compiled by the driver, which knows no sanitizer."""
        suites = [s for s in self.of(m) if s[0] in ("host", "device")]
        return suites[:SANITIZED_SUITES] if self.whole and m.file.endswith(".c") else []


# ---------------------------------------------------------------- the map of lines

def shell(command, **more): return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)


def gcov_lines(build):
    lines = collections.defaultdict(set)
    data = [os.path.abspath(f"{build}/src/{n}") for n in os.listdir(f"{build}/src") if n.endswith(".gcda")]
    with tempfile.TemporaryDirectory() as here:
        text = shell(["gcov", "--json-format", "--stdout", *data], cwd=here).stdout
    for doc in text.splitlines():
        if not doc.startswith("{"): continue
        for f in json.loads(doc)["files"]:
            lines[os.path.normpath(f["file"])].update(n["line_number"] for n in f["lines"] if n["count"])
    return {f: sorted(n) for f, n in lines.items() if f.startswith(("src/", "cl/"))}


def make_map():
    """Which lines each suite comes by, and how long it takes, from a build for coverage."""
    missing = [s for s in suites()[1:] if not os.path.exists(f"{MAP}/{s[0]}-{s[1]}.json")]
    if not missing: return
    os.makedirs(MAP, exist_ok=True)
    build = "build/cover"
    made = shell(["tests/coverage.sh", "build"])
    if made.returncode: sys.exit(made.stdout)
    for program, suite in missing:
        for n in os.listdir(f"{build}/src"):
            if n.endswith(".gcda"): os.remove(f"{build}/src/{n}")
        start = time.monotonic()
        reason, text = watch([f"{build}/test-{program}"], dict(environment(os.path.abspath(FOLDER)), CK_RUN_SUITE=suite), ".", 3600)
        if reason != "passed": sys.exit(f"mutate: {suite} fails without any mutant: {reason}\n{text[-3000:]}")
        data = {"seconds": round(time.monotonic() - start, 1), "lines": gcov_lines(build)}
        with open(f"{MAP}/{program}-{suite}.json", "w") as f: json.dump(data, f)
        print(f"# {suite}: {data['seconds']} s", flush=True)


# ---------------------------------------------------------------- a worker and its tree

class Tree:
    def __init__(self, like=None):
        self.path = tempfile.mkdtemp(prefix="mutant-", dir="build")
        if like:
            shutil.copytree(like.path, self.path, dirs_exist_ok=True)
            return
        for d in ("src", "cl", "include", "tests", "tools"): shutil.copytree(d, f"{self.path}/{d}", ignore=shutil.ignore_patterns("corpus"))
        shutil.copy("Makefile", self.path)
        made = self.make("host", "device")
        if made.returncode: sys.exit(made.stdout)

    def make(self, *programs):
        return shell(["make", "-s", "--no-print-directory", *FLAGS, "build/bits", *(p if "/" in p else f"build/test-{p}" for p in programs)], cwd=self.path)

    def make_sanitized(self):
        return shell(["make", "-s", "--no-print-directory", *SANITIZED, "build/sanitize/test-host", "build/sanitize/test-device"], cwd=self.path)

    def write(self, file, text):
        with open(f"{self.path}/{file}", "w") as f: f.write(text)

    def object(self, file):
        with open(f"{self.path}/build/{file[:-2]}.o", "rb") as f: return f.read()

    def put_back(self, file, content):
        with open(f"{self.path}/build/{file[:-2]}.o", "wb") as f: f.write(content)

    def test(self, program, suite, seconds, build="build"):
        env = dict(environment(os.path.abspath(self.path)), CK_RUN_SUITE=suite)
        said = watch(command(program, suite, build), env, self.path, 30 + seconds)
        shutil.rmtree(f"{self.path}/tmp", ignore_errors=True)
        return said

    def free(self): shutil.rmtree(self.path, ignore_errors=True)


def judge(tree, m, plan):
    """(verdict, what brought it)"""
    alone = m.file.endswith(".c")
    original = open(f"{tree.path}/{m.file}").read()
    was = tree.object(m.file) if alone else None
    tree.write(m.file, m.text)
    try:
        made = tree.make("host", "device")
        if made.returncode: return "unbuilt", "the compiler"
        if alone and tree.object(m.file) == was: return "equivalent", "the same object"
        for program, suite in plan.of(m):
            if program == "script": tree.make("host", "device", "build/clglu")
            reason, text = tree.test(program, suite, 6 * plan.seconds.get((program, suite), 100))
            if reason == "passed": continue
            if not alone and re.search("does not build|BUILD_FAILED", text): return "unbuilt", f"{suite}: the device's compiler"
            plan.kills[m.file, (program, suite)] += 1
            return "killed", f"{suite}: {reason[:160]}"
        sanitized = plan.with_sanitizers(m)
        if sanitized and tree.make_sanitized().returncode: return "survived", "the build with sanitizers failed"
        for program, suite in sanitized:
            reason, text = tree.test(program, suite, 30 * plan.seconds[program, suite], "build/sanitize")
            if reason == "passed": continue
            if said := re.search("(AddressSanitizer|runtime error): [^\n(]*", text): reason = said.group()
            return "killed", f"{suite}: {reason[:160]}"
        return "survived", f"{len(plan.of(m))} suites, {len(sanitized)} of them with sanitizers too"
    finally:
        # The object that was there is newer than the source again. A kernel file is part of several.
        tree.write(m.file, original)
        if alone: tree.put_back(m.file, was)
        else: tree.make("host", "device")


# ---------------------------------------------------------------- the run

def read_log():
    """The last word on each mutant."""
    seen = {}
    if os.path.exists(LOG):
        for line in open(LOG):
            part = line.rstrip("\n").split("\t")
            if len(part) == 5: seen[part[0]] = part
    return seen


def excuses():
    """FILE: the line as it was -> the line as it is | reason; texts as the log has them."""
    found = {}
    for line in open(EXCUSES) if os.path.exists(EXCUSES) else []:
        if line.startswith("#") or not line.strip(): continue
        what, _, reason = line.rstrip("\n").rpartition(" | ")
        found[what] = reason
    return found


def excused(m, table): return table.get(f"{m.file}: {m.before}  ->  {m.after}")


def work(todo, tree, plan, lock, log):
    while True:
        with lock:
            if not todo: return
            m = todo.pop(0)
        start = time.monotonic()
        verdict, by = judge(tree, m, plan)
        with lock:
            line = f"{m.key}\t{verdict}\t{time.monotonic() - start:.0f}\t{by}\t{m}"
            log.write(line + "\n")
            log.flush()
            print(line, flush=True)


def run(todo, jobs, part, budget, whole):
    if not part: make_map()
    plan, lock = Plan(budget, whole), threading.Lock()
    for key, verdict, _, by, where in read_log().values():
        suite = by.split(":")[0]
        if verdict == "killed": plan.kills[where.split(":")[0], (program_of(suite), suite)] += 1
    trees = []
    try:
        for _ in range(min(jobs, len(todo))): trees.append(Tree(trees[0] if trees else None))
        with open(LOG, "a") as log:
            workers = [threading.Thread(target=work, args=(todo, t, plan, lock, log), daemon=True) for t in trees]
            for w in workers: w.start()
            for w in workers: w.join()
    finally:
        for t in trees: t.free()


def report(all_of_them):
    """Counts, and the survivors with their reasons; is it good enough?"""
    seen, table, count, bad = read_log(), excuses(), collections.Counter(), 0
    for m in all_of_them:
        verdict = seen[m.key][1] if m.key in seen else "not run"
        count[verdict] += 1
        if verdict != "survived": continue
        reason = excused(m, table)
        bad += reason is None
        print(f"{'survived' if reason else 'SURVIVED'}: {m}" + (f"\n    {reason}" if reason else ""))
    tried = count["killed"] + count["survived"]
    print(f"# {len(all_of_them)} mutants: {count['killed']} killed, {count['survived']} survived ({bad} without a reason), {count['unbuilt']} did not "
          f"build, {count['equivalent']} changed no object, {count['not run']} not run")
    if not tried: return False
    real = count["killed"] + bad
    print(f"# {100 * count['killed'] / tried:.1f} % killed; of those that make a difference (no reason in {EXCUSES}) {100 * count['killed'] / real:.1f} %")
    return count["killed"] >= WANTED * real and not bad and not count["not run"]


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--count", type=int, default=270)
    p.add_argument("--seed", default="1")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--file", action="append", help="only mutants of this file")
    p.add_argument("--again", action="store_true", help="survivors without a reason once more, by whole programs, under faults and with sanitizers too")
    p.add_argument("--list", action="store_true", help="no run: what would be changed")
    p.add_argument("--budget", type=float, default=math.inf, help="seconds of suites for a mutant; what is left then has survived so far")
    p.add_argument("--part", action="store_true", help="with as much of the map of lines as there is")
    p.add_argument("--report", action="store_true", help="no run: what the log says")
    o = p.parse_args()
    os.chdir(os.path.dirname(os.path.abspath(__file__)) + "/..")
    os.makedirs(FOLDER, exist_ok=True)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, stop)
    every = mutants(o.count, o.seed, o.file)
    if o.list:
        for m in every: print(f"{m.kind}\t{m}")
        return 0
    if not o.report:
        seen, table = read_log(), excuses()
        todo = [m for m in every if m.key not in seen or (o.again and seen[m.key][1] == "survived" and not excused(m, table))]
        # Mixed, so that a run that is broken off has seen of everything.
        random.Random(o.seed).shuffle(todo)
        if todo: run(todo, o.jobs, o.part, o.budget, o.again)
    return 0 if report(every) else 1


if __name__ == "__main__": sys.exit(main())
