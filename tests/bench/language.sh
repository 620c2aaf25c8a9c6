#!/usr/bin/env bash
# usage: language.sh [ROUNDS]
#
# Renders per second of the prompt language beside Jinja2 and minijinja, in one
# run, engines taking turns on one processor. minijinja is built with cargo,
# where that is there. `make bench` gives PP_BUILDDIR and PP_SRCDIR.
set -eu

PP_SRCDIR=${PP_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
PP_BUILDDIR=${PP_BUILDDIR:-$PP_SRCDIR/_build}
jinja=$PP_SRCDIR/tests/bench/jinja
target=$PP_BUILDDIR/tests/bench/minijinja
rounds=${1:-3}

if ! command -v python3 >/dev/null || ! python3 -c 'import jinja2' 2>/dev/null
then
	echo 'language: no python3 with jinja2, so nothing to compare with'
	exit 0
fi
set -- "jinja2=python3 $jinja/bench_jinja2.py" \
	"ours=${PP_BINDIR:-$PP_BUILDDIR/cmd}/pp-template bench --dir $jinja"
if ! command -v cargo >/dev/null; then
	echo 'language: no cargo, so without minijinja'
elif cargo build -q --release --target-dir "$target" \
	--manifest-path "$PP_SRCDIR/tests/bench/minijinja/Cargo.toml"; then
	set -- "$@" \
	    "minijinja=env BENCH_DIR=$jinja $target/release/bench-minijinja"
else
	echo 'language: minijinja could not be built, so without it'
fi
[ "$(nproc)" -lt 2 ] || set -- --cpu 1 "$@"
python3 "$jinja/bench_all.py" --rounds "$rounds" "$@" | tee "$PP_BUILDDIR/tests/bench/language.table"
python3 - "$PP_BUILDDIR/tests/bench/language.table" <<'EOF'
import math
import sys

rows = [line.split() for line in open(sys.argv[1])]
names, rows = rows[0][2:], [r for r in rows[1:] if len(r) > 3 and
                            r[1].isdigit()]
least, product, slow = {}, {}, []
for row in rows:
    times = dict(zip(names, row[2:]))
    ours = float(times["ours"].rstrip("*"))
    for name in names:
        if name == "ours" or not times[name].isdigit() or \
                times[name] == "0":
            continue        # another output, or none
        ratio = float(times[name]) / ours
        least[name] = min(ratio, least.get(name, ratio))
        product.setdefault(name, []).append(math.log(ratio))
        if ratio < (5 if name == "jinja2" else 2):
            slow.append("%s: %.1f times %s" % (row[0], ratio, name))
for name in least:
    print("ours is %.1f times %s (geometric mean), at least %.1f times" % (
        math.exp(sum(product[name]) / len(product[name])), name,
        least[name]))
for line in slow:
    print("too slow: " + line)
EOF
