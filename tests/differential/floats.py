#!/usr/bin/env python3
"""Floats as text: what we print is what Python's repr() prints.

    floats.py --engine "pp-template render" [--count N] [--seed N]

All powers of two and their neighbours, then N random bit patterns.
"""
import argparse
import json
import math
import random
import shlex
import struct
import subprocess
import sys

CHUNK = 20000


def doubles(count, seed):
    for e in range(-1074, 1024):
        f = math.ldexp(1.0, e)
        yield from (f, -f, math.nextafter(f, 0.0), math.nextafter(f, math.inf))
    yield from (0.0, -0.0, 5e-324, 1.7976931348623157e308, 1e15, 1e16, 1e17,
                1e22, 1e23, 9007199254740993.0, 123456789012345.0, 1e-4, 1e-5)
    rng = random.Random(seed)
    for _ in range(count):
        f = struct.unpack("<d", rng.randbytes(8))[0]
        if math.isfinite(f):
            yield f
        yield rng.randrange(1, 10 ** rng.randrange(1, 18)) / \
            10 ** rng.randrange(0, 20)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--engine", required=True)
    ap.add_argument("--count", type=int, default=50000)
    ap.add_argument("--seed", type=int, default=1)
    a = ap.parse_args()
    values = list(doubles(a.count, a.seed))
    requests = "".join(json.dumps({
        "id": i, "undefined": "strict", "context": {"l": values[i:i + CHUNK]},
        "template": "{% for x in l %}{{ x }} {% endfor %}"}) + "\n"
        for i in range(0, len(values), CHUNK))
    p = subprocess.run(shlex.split(a.engine) + ["--batch"], check=True,
                       input=requests.encode(), capture_output=True)
    ours = []
    for line in p.stdout.splitlines():
        ours += json.loads(line)["output"].split()
    wrong = [(v, o) for v, o in zip(values, ours) if repr(v) != o]
    for v, o in wrong[:20]:
        print("%s: python %r, ours %s" % (v.hex(), v, o))
    print("# %d floats, %d differ" % (len(ours), len(wrong)))
    return 1 if wrong or len(ours) != len(values) else 0


if __name__ == "__main__":
    sys.exit(main())
