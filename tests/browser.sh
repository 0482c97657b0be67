# browser.sh - for the scripts in this folder: a page in a real browser, measured and drawn. To be sourced after lib.sh.
# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154

# Needs Chromium (Debian's chromium) and python3; without a browser the test is skipped.
browser=$(command -v chromium || command -v chromium-headless-shell) || {
    echo "skipped: no Chromium is installed (on Debian: apt-get install chromium)"
    exit 77
}

# browse OPTION...: without a network, for at most a minute
browse() {
    run timeout 60 env HOME="$work" XDG_CONFIG_HOME="$work" XDG_CACHE_HOME="$work" "$browser" --headless --no-sandbox \
        --disable-gpu --disable-dev-shm-usage --hide-scrollbars --no-first-run --disable-background-networking \
        --host-resolver-rules='MAP * ~NOTFOUND' --user-data-dir="$work/profile" "$@"
}

# measured FILE WIDTH: sizes are asked of a copy with a script, that makes the page so wide and writes them to its end: the page
# itself has no script, and a browser's window may not be as narrow as a phone.
measured() {
    sed 's|</body>|<pre id="sizes"></pre><script>\
        document.documentElement.style.width = "'"$2"'px";\
        document.querySelectorAll("details").forEach((d) => { d.open = true; });\
        const all = (what) => [...document.querySelectorAll(what)], box = (e) => e.getBoundingClientRect();\
        const common = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]);\
        const over = (a, b) => common(a, b, "left", "right") > 1 \&\& common(a, b, "top", "bottom") > 4;\
        const inside = (b, s) => b.left >= s.left - 1 \&\& b.right <= s.right + 1 \&\& b.top >= s.top - 1 \&\& b.bottom <= s.bottom + 1;\
        document.getElementById("sizes").textContent = "sizes " + JSON.stringify({\
            right: Math.max(...all("body *").filter((e) => !e.closest("table")).map((e) => box(e).right)),\
            loose: all("table").filter((e) => getComputedStyle(e.parentElement).overflowX !== "auto").length,\
            texts: all("svg text").length, least: Math.min(...all("svg text").map((e) => box(e).height)),\
            outside: all("svg text").filter((e) => !inside(box(e), box(e.ownerSVGElement))).map((e) => e.textContent),\
            touching: all("svg").flatMap((s) => [...s.querySelectorAll("text")].filter((e, i, t) => t.slice(0, i).some((o) =>\
                over(box(e), box(o)))).map((e) => e.textContent)) });\
        </script></body>|' "$1"
}

# sizes_are CONDITION: in Python, of what the script wrote
sizes_are() {
    python3 - "$work/stdout" "$1" <<'SIZES'
import json, re, sys
found = re.search(r"sizes (\{.*?\})</pre>", open(sys.argv[1], encoding="utf-8").read())
sizes = json.loads(found.group(1))
sys.exit(0 if eval(sys.argv[2], {}, sizes) else f"not so: {sys.argv[2]}: {sizes}")
SIZES
}

# picture_is FILE WIDTH DARK: a PNG of that width with many colours, whose corner is dark (1) or light (0)
picture_is() {
    python3 - "$@" <<'PICTURE'
import struct, sys, zlib
raw, width, dark = open(sys.argv[1], "rb").read(), int(sys.argv[2]), sys.argv[3] == "1"
assert raw[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
at, data = 8, b""
while at < len(raw):
    size, kind = struct.unpack(">I4s", raw[at : at + 8])
    if kind == b"IHDR":
        w, h, depth, colours = struct.unpack(">IIBB", raw[at + 8 : at + 18])
    if kind == b"IDAT":
        data += raw[at + 8 : at + 8 + size]
    at += size + 12
step = {2: 3, 6: 4}[colours]
assert depth == 8 and w == width, (w, h, depth)
data, line, seen, corner = zlib.decompress(data), bytearray(w * step), {}, None
for y in range(h):
    kind, now = data[y * (w * step + 1)], bytearray(data[y * (w * step + 1) + 1 : (y + 1) * (w * step + 1)])
    for i in range(w * step):
        left, up, slant = now[i - step] if i >= step else 0, line[i], line[i - step] if i >= step else 0
        near = left + up - slant
        paeth = min((left, up, slant), key=lambda v: abs(near - v))
        now[i] = now[i] + (0, left, up, (left + up) // 2, paeth)[kind] & 255
    line = now
    for x in range(0, w * step, step):
        seen[bytes(now[x : x + 3])] = seen.get(bytes(now[x : x + 3]), 0) + 1
    corner = corner or bytes(now[:3])
share = seen[corner] / (w * h)
good = len(seen) > 100 and 0.5 < share < 0.99 and (max(corner) < 64 if dark else min(corner) > 192)
sys.exit(0 if good else f"{len(seen)} colours, the corner's {corner.hex()} on {share:.3f} of it")
PICTURE
}

# looks_right PAGE TEXTS: it fits a phone and a screen, with at least so many labels in its charts, and is drawn light and dark
looks_right() {
    for width in 360 1200; do
        measured "$1" $width >"$work/measured.html"
        browse --window-size=1400,900 --dump-dom "file://$work/measured.html"
        holds "it fits $width pixels" sizes_are "right <= $width and loose == 0"
        holds "... its labels are large enough to read" sizes_are "texts >= $2 and least >= 11"
        holds "... and none is cut off" sizes_are "outside == []"
        holds "... or runs into another" sizes_are "touching == []"
    done
    for dark in 0 1; do
        browse --window-size=600,900 --blink-settings=preferredColorScheme=$((1 - dark)) --screenshot="$work/$dark.png" "file://$1"
    done
    holds "a picture of it in light colours is not empty" picture_is "$work/0.png" 600 0
    holds "a picture of it in dark colours is not empty" picture_is "$work/1.png" 600 1
}
