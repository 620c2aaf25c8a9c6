"""pp-export beside DuckDB, pyarrow and orjson: time, memory, size of files.

Usage: export.py BUILDDIR PP_EXPORT [MEGABYTES [ROUNDS]]

The tools take turns on the same file; a ratio is the median over the rounds of
what the other took by what pp-export took. With one thread that is processor
time, which other load on the machine does not change much; with two it is time
on the clock, so the machine should be idle. Of the others the work alone is
counted, without what Python takes to begin; of pp-export all of it.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile

import orjson

# What each of the others does, from `rows` to `out`; `threads` is given.
DUCKDB = """
import duckdb
c = duckdb.connect()
c.sql("set threads=%d" % threads)
c.sql("set enable_progress_bar=false")
def work():
    c.sql("copy (select * from read_json('%s', format='newline_delimited')) "
          "to '%s' (format OPTIONS)" % (rows, out))
"""
PYARROW = """
import pyarrow, pyarrow.json, pyarrow.parquet
pyarrow.set_cpu_count(threads)
pyarrow.set_io_thread_count(threads)
def work():
    t = pyarrow.json.read_json(rows, pyarrow.json.ReadOptions(
        use_threads=threads > 1))
    pyarrow.parquet.write_table(t, out, compression="zstd",
                                compression_level=1)
"""
ORJSON = """
import orjson
def work():
    with open(rows, "rb") as i, open(out, "wb") as o:
        for line in i:
            o.write(orjson.dumps(orjson.loads(line)))
            o.write(b"\\n")
"""
TIMED = """
import time
cpu, wall = time.process_time(), time.perf_counter()
work()
print(time.process_time() - cpu, time.perf_counter() - wall)
"""

# name, options, threads, most MB; others with the least ratio of time wanted
# (None: any) and the largest ratio of sizes (None: any)
TESTS = [
    ("Parquet, zstd 1", "-f parquet", 1, 64, [
        ("duckdb", DUCKDB, "parquet, compression zstd, compression_level 1",
         1.4, 1.05),
        ("pyarrow", PYARROW, "", 1.0, None)]),
    ("Parquet, zstd 1, two threads", "-f parquet", 2, 96, [
        ("duckdb", DUCKDB, "parquet, compression zstd, compression_level 1",
         1.5, 1.05)]),
    ("Parquet, zstd 3", "-f parquet --parquet-compress zstd:3", 1, None, [
        ("duckdb", DUCKDB, "parquet, compression zstd, compression_level 3",
         None, 1.15)]),
    ("CSV", "-f csv", 1, None, [("duckdb", DUCKDB, "csv", 2.0, None)]),
    ("JSONL", "-f jsonl", 1, 16, [
        ("duckdb", DUCKDB, "json", 4.0, None),
        ("orjson", ORJSON, "", 2.5, None)]),
]


def make_rows(path, megabytes):
    """Rows as a job makes them: seeds' fields, three texts, numbers."""
    r = random.Random(7)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(r.choice(letters) for _ in range(r.randint(2, 10)))
             for _ in range(20000)]
    prose = r.choices(words, [1 / (i + 2) for i in range(len(words))],
                      k=1_000_000)

    def text():
        size, at = r.randint(500, 2000), r.randint(0, len(prose) - 800)
        return " ".join(prose[at:at + size // 4])[:size].replace(
            " the ", ' "the"\n')

    with open(path, "wb") as f:
        while f.tell() < megabytes * 1_000_000:
            f.write(orjson.dumps({
                "id": "%032x" % r.getrandbits(128),
                "author": " ".join(r.choices(words[:500], k=2)),
                "genre": r.choice(["sonnet", "haiku", "ballad", "ode"]),
                "title": " ".join(r.choices(words, k=3)),
                "year": r.randint(1500, 2025),
                "outline": text(), "story": text(), "summary": text(),
                "tokens_in": r.randint(10, 4000),
                "tokens_out": r.randint(1, 2000),
                "score": round(r.random() * 10, 3),
                "cost": r.random() / 100,
                "ok": r.random() < .9,
                "made": "2025-11-%02dT%02d:%02d:%02d.%06dZ" % (
                    r.randint(1, 30), r.randint(0, 23), r.randint(0, 59),
                    r.randint(0, 59), r.randint(0, 999999)),
            }) + b"\n")


def run(bench, command, rows, out):
    """Processor seconds, seconds, most MB."""
    said = out + ".took"  # what bench_run says on descriptor 3
    with open(rows) as i, open(out, "wb") as o:
        subprocess.run(["sh", "-c", 'exec "$@" 3>"$0"', said, bench] +
                       command, stdin=i, stdout=o, check=True)
    with open(said) as f:
        took = json.load(f)
    if took["status"] != 0:
        sys.exit("%s: status %d" % (command[0], took["status"]))
    return took["cpu_s"], took["wall_s"], took["rss_kib"] / 1024


def run_other(bench, script, options, threads, rows, out):
    head = "threads, rows, out = %r, %r, %r\n" % (threads, rows, out)
    times = out + ".times"
    _, _, memory = run(bench, [sys.executable, "-c", head + script.replace(
        "OPTIONS", options) + TIMED], rows, times)
    with open(times) as f:
        cpu, wall = map(float, f.read().split())
    return cpu, wall, memory


def verdict(ok):
    return "" if ok is None else ": yes" if ok else ": NO"


def compare(test, bench, pp_export, rows, folder, rounds):
    name, options, threads, most, others = test
    ours = os.path.join(folder, "ours")
    theirs = os.path.join(folder, "theirs")
    own, other = [], {o[0]: [] for o in others}
    for _ in range(rounds):
        own.append(run(bench, [pp_export, "--threads", str(threads)] +
                       options.split(), rows, ours))
        for o in others:
            other[o[0]].append(run_other(bench, o[1], o[2], threads,
                                         rows, theirs))
            size = os.path.getsize(ours) / os.path.getsize(theirs)
            if o[4] is not None:
                sizes = size
    which = 0 if threads == 1 else 1
    memory = max(x[2] for x in own)
    print("%s: %.2f s, %.0f MB of memory%s" % (
        name, statistics.median(x[which] for x in own), memory,
        "" if most is None else ", at most %d are wanted%s" % (
            most, verdict(memory <= most))))
    for o in others:
        ratio = statistics.median(
            b[which] / a[which] for a, b in zip(own, other[o[0]]))
        print("    %-8s %.2f s, %4.0f MB; pp-export is %.2f times as fast%s" % (
            o[0], statistics.median(x[which] for x in other[o[0]]),
            max(x[2] for x in other[o[0]]), ratio,
            "" if o[3] is None else ", %.1f is wanted%s" % (
                o[3], verdict(ratio >= o[3]))))
        if o[4] is not None:
            print("    %-8s the file has %.3f of its size, %.2f is wanted%s" %
                  ("", sizes, o[4], verdict(sizes <= o[4])), flush=True)


def main():
    bench = os.path.join(sys.argv[1], "tests", "bench", "bench_run")
    pp_export = sys.argv[2]
    megabytes = int(sys.argv[3]) if len(sys.argv) > 3 else 300
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        rows = os.path.join(folder, "rows.jsonl")
        make_rows(rows, megabytes)
        print("export of %d MB of JSONL, %d rounds" % (megabytes, rounds),
              flush=True)
        for test in TESTS:
            compare(test, bench, pp_export, rows, folder, rounds)


main()
