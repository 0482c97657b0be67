# command_train.sh - clglu train: fields, hashes, refusals, a stop half-way, the page. Sourced by command.sh behind
# command_endings.sh.
# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154

commands="$commands train"

# A text that every machine has: it is not the same from one version of this folder to the next, and need not be.
train_text="LICENSE,README.md,include/clglu.h"
trained() { "$clglu" train --data "$train_text" "$@"; }
runs="[r for v in d['variants'] for r in v['runs']]"
hashes="' '.join(r['hash'] for v in d['variants'] for r in v['runs'])"

print_json() { "$python" -c "import json, sys; d = json.load(open(sys.argv[1])); print($2)" "$1"; }

train_fields() {
    good "train --json works" trained --variant relu,geglu,swiglu --steps 40 --seeds 2 --json
    cp "$work/stdout" "$work/train.json"
    judge_json "train --json has the model, the text and each variant" "d['command'] == 'train' and d['whole']" \
        "d['device']['name'] and d['text']['files'] == 3 and len(d['text']['hash']) == 16" \
        "[v['name'] for v in d['variants']] == ['relu', 'geglu', 'swiglu']" \
        "[v['gated'] for v in d['variants']] == [False, True, True]" \
        "len({v['parameters'] for v in d['variants']}) == 1" \
        "all(0 < v['in_blocks_s'] < v['step_s'] for v in d['variants'])" \
        "(d['steps'], d['steps_done'], d['seeds'], d['seeds_done'], d['against']) == (40, 40, 2, 2, 'relu')"
    judge_json "train has 20 evaluations behind the first, and the gradients of all layers" \
        "all([p['step'] for p in r['curve']] == list(range(0, 41, 2)) for r in $runs)" \
        "len(d['model']['layers']) == d['model']['blocks'] + 2" \
        "all(len(p['gradient']) == len(d['model']['layers']) and min(p['gradient']) > 0 for r in $runs for p in r['curve'][1:])" \
        "all(r['curve'][0]['train_loss'] is None and r['curve'][0]['gradient'] is None for r in $runs)" \
        "all(len(r['dead_units']) == d['model']['blocks'] for r in $runs)"
    judge_json "the loss goes down, on the text that is trained on and on the other" \
        "all(r['curve'][-1]['validation_loss'] < 4.2 < 5 < r['curve'][0]['validation_loss'] for r in $runs)" \
        "all(r['curve'][-1]['train_loss'] < 4.2 < 4.5 < r['curve'][1]['train_loss'] for r in $runs)"
    judge_json "what train reports are means over the seeds" \
        "all(abs(v['loss'] - sum(r['curve'][-1]['validation_loss'] for r in v['runs']) / 2) < 1e-7 for v in d['variants'])" \
        "all(abs(v['apart'] - (v['loss'] - d['variants'][0]['loss'])) < 1e-7 for v in d['variants'])" \
        "all(abs(v['deviation'] - abs(v['runs'][0]['curve'][-1]['validation_loss'] - v['runs'][1]['curve'][-1]['validation_loss'])
             / 2**0.5) < 1e-7 for v in d['variants'])" \
        "d['target'] >= max(v['loss'] for v in d['variants']) and all(0 < v['steps_to_target'] <= 40 for v in d['variants'])"
    judge_json "two seeds and three variants are six different trainings" "len({r['hash'] for r in $runs}) == 6"
}

# same_hashes SENTENCE: the trainings that the last command printed ended with the bits of the first one's
same_hashes() {
    if [ "$status" -eq 0 ] && [ "$(print_json "$work/stdout" "$hashes")" = "$(print_json "$work/first.json" "$hashes")" ]; then
        pass "$1"
    else
        fail "$1" "exit status $status, or other hashes"
    fi
}

# How many devices there are that a second run may go to, as selectors.
other_devices() {
    "$clglu" devices --json >"$work/devices.json" || true
    print_json "$work/devices.json" \
        "'\n'.join('%d:%d' % (v['platform'], v['device']) for v in d['devices'] if v['usable'])" | tail -n +2
}

train_hashes() {
    short="--variant gelu,geglu,geglu_sigmoid --steps 5 --seed 3 --json"
    # shellcheck disable=SC2086
    {
        run trained $short
        cp "$work/stdout" "$work/first.json"
        run trained $short
        same_hashes "the same seed gives the same bits again"
        run trained $short --emulate
        same_hashes "the host's emulation gives the device's bits"
        judge_json "... without a device" "d['device'] is None"
        run trained --variant geglu,gelu --steps 5 --seeds 3 --json
    }
    judge_json "a training's bits do not depend on what else is trained" \
        "$(printf "'%s'.split()[:2] == [d['variants'][i]['runs'][2]['hash'] for i in (1, 0)]" "$(print_json "$work/first.json" "$hashes")")"
    others=$(other_devices)
    [ -n "$others" ] || skip "every device gives the same bits" "there is one device only"
    for device in $others; do
        # shellcheck disable=SC2086
        run trained $short --device "$device"
        same_hashes "device $device gives the same bits"
    done
}

train_refusals() {
    wrong "named 'gellu'" train --variant gellu
    wrong "named ''" train --variant relu,
    wrong "is there twice" train --variant relu,gelu,relu
    wrong "16 at most" train --variant "$variant_list,relu,relu2,sigmoid,tanh,silu,gelu,gelu_tanh"
    wrong "--steps" train --steps 0
    wrong "--steps" train --steps many
    wrong "--steps" train --steps 100001
    wrong "--seeds" train --seeds 0
    wrong "--seeds" train --seeds 101
    wrong "exclude one another" train --seeds 2 --seed 1
    wrong "exclude one another" train --emulate --device cpu
    wrong "--rate" train --rate 0
    wrong "--target" train --target -1
    printf 'too little' >"$work/little"
    mkdir -p "$work/empty"
    refuse 4 "4096 at least" "train refuses too little text" "$clglu" train --data "$work/little" --html "$out/p.html"
    refuse 4 "no files" "train refuses a folder without files" "$clglu" train --data "$work/empty" --html "$out/p.html"
    refuse 4 "No such file" "train names the text that is not there" "$clglu" train --data "LICENSE,$work/none" --html "$out/p.html"
    refuse 4 "neither a file nor a folder" "train refuses a device as its text" "$clglu" train --data /dev/zero
    refuse 4 "16 MiB" "train refuses too much text" "$clglu" train --data "$in/long.npy"
    refuse 4 "cannot be written" "train looks at the page's place before it begins" trained --html "$out/none/p.html"
    refuse 4 "cannot be written" "train refuses a folder that is not there" trained --quick --dump "$out/none"
    refuse 3 "CLGLU_NO_DEVICE" "train without a device says so, and leaves no page" trained --device 'no such device' \
        --html "$out/p.html"
}

# page_is_good FILE: well-formed, all labels, and nothing from elsewhere
page_is_good() {
    "$python" - "$1" <<'PAGE'
import html.parser, sys, xml.etree.ElementTree as tree
text = open(sys.argv[1], encoding="utf-8").read()
root = tree.fromstring(text)
html.parser.HTMLParser().feed(text)
names = [e.tag for e in root.iter()]
words = " ".join("".join(root.itertext()).split())
wanted = ["Loss by step", "Cost of a step", "At the start", "At the end", "relu", "geglu", "swiglu", "embedding", "block 3"]
missing = [w for w in wanted if w not in words]
elsewhere = [w for w in ("http", "<script", "<link", "<img", "url(", "@import", "src=", "href=") if w in text.lower()]
lines = [e for e in root.iter("path") if e.findtext("title") and "line" in e.get("class", "")]
sys.exit(f"missing {missing}, elsewhere {elsewhere}, {len(lines)} lines, {names.count('svg')} charts, title "
         f"{root.findtext('head/title')!r}" if missing or elsewhere or len(lines) < 9 or not root.findtext("head/title")
         or "prefers-color-scheme" not in text or root.find("head/meta[@name='viewport']") is None else 0)
PAGE
}

train_page() {
    clear_out
    good "train --html works" trained --variant relu,gelu,geglu,swiglu --steps 8 --seeds 2 --html "$out/p.html"
    holds "train fits 80 columns" narrow "$work/stdout"
    holds "train sends no escapes to a file" no_escapes
    holds "train says how GeGLU stands beside ReLU and GELU" test "$(grep -c -E \
        '^GeGLU beside (ReLU|GELU): loss [0-9.]+ \+- [0-9.]+ (less|more), a step takes [0-9.]+ times as long\.$' "$work/stdout")" = 2
    holds "the page is well-formed, has its charts and labels, and needs nothing else" page_is_good "$out/p.html"
    holds "... and is the only file" test "$(contents "$out")" = "p.html "
    hash=$(sed -n 's/^geglu .*% *\([0-9a-f]\{16\}\)$/\1/p' "$work/stdout")
    holds "... with the hash of the table" grep -q "${hash:-none}" "$out/p.html"
    printf '%4096s' 'a text of <tags> & "quotes"' >"$work/<i>&.txt"
    good "a text with any name can be trained on" "$clglu" train --data "$work/<i>&.txt" --variant relu,geglu,swiglu --steps 8 \
        --seed 1 --html "$out/p.html"
    holds "... and its name is no markup" page_is_good "$out/p.html"
}

# stop_training SIGNAL PERCENT COMMAND...: COMMAND shows its progress on a terminal, gets the signal once it is that far, and
# ends by it
stop_training() {
    "$python" - "$@" <<'STOP'
import os, pty, re, signal, subprocess, sys
number, percent = signal.Signals[sys.argv[1]], int(sys.argv[2])
def default():
    for n in (signal.SIGINT, signal.SIGTERM):
        signal.signal(n, signal.SIG_DFL)
master, slave = pty.openpty()
run = subprocess.Popen(sys.argv[3:], preexec_fn=default, stderr=slave, stdin=subprocess.DEVNULL)
os.close(slave)
seen, sent = b"", False
while True:
    try:
        piece = os.read(master, 4096)
    except OSError:
        break
    seen += piece
    far = [int(n) for n in re.findall(rb" +(\d+) %", seen)]
    if not sent and far and far[-1] >= percent:
        run.send_signal(number)
        sent = True
    if not piece:
        break
status = run.wait(30)
sys.stderr.buffer.write(seen[-200:])
sys.exit(0 if sent and status == -number else f"status {status}, sent: {sent}")
STOP
}

train_stops() {
    for name in SIGINT SIGTERM; do
        clear_out
        good "$name ends a training with that signal" stop_training $name 6 "$clglu" train --data "$train_text" \
            --variant relu,geglu,swiglu --steps 2000 --seed 1 --json --html "$out/p.html"
        judge_json "... and with what is done until then" "not d['whole'] and 100 <= d['steps_done'] < 2000" \
            "all(v['hash'] is None and v['loss'] < 4 and v['steps_to_target'] for v in d['variants'])"
        holds "... on the page too" page_is_good "$out/p.html"
        holds "... and leaves nothing else" test "$(contents "$out")" = "p.html "
    done
    clear_out
    good "a training that has hardly begun can be stopped" stop_training SIGINT 0 "$clglu" train --data "$train_text" \
        --steps 100000 --html "$out/p.html"
    holds "... it says that there is nothing to show" grep -q "nothing to show" "$work/stderr"
    holds "... and leaves nothing" test -z "$(contents "$out")"
}

# The text that is trained on without --data.
train_default() {
    if [ -d /usr/share/common-licenses ]; then
        good "train reads the licences that Debian has" "$clglu" train --variant bilinear --steps 1 --seed 1 --json
        judge_json "... all of them" "d['text']['path'] == '/usr/share/common-licenses' and d['text']['files'] >= 10"
    else
        skip "train reads the licences that Debian has" "there are none here"
    fi
}

trainings() {
    variant_list=$("$clglu" acts --json >"$work/acts.json" && print_json "$work/acts.json" "','.join(v['name'] for v in d['variants'])")
    train_fields
    train_hashes
    train_refusals
    train_page
    train_stops
    train_default
}
