"""Particular Parquet files of pp-export, read back value by value.

Usage: parquet_cases.py PP_EXPORT

Prints TAP. Each case is rows, options and, where types are declared, how the
values look to a reader.
"""

import datetime
import json
import math
import os
import subprocess
import sys
import tempfile

import duckdb
import polars
import pyarrow.parquet as pq

UTC = datetime.timezone.utc


def numbered(n):
    return [{"i": i, "s": "row %d" % i} for i in range(n)]


def overflowing(n):
    """Many distinct texts, then the first again: past a dictionary."""
    return [{"s": "%0200d" % (i % (n * 2 // 3)), "n": (i * 7919) % 50021}
            for i in range(n)]


INT64 = [{"v": v} for v in (2**63 - 1, -2**63, 0, -1, 1, 2**53, -2**53)]
NOTHING = [{"a": None, "b": [], "c": [None], "d": {"e": None}}]
NESTED = [
    {"l": [[1, 2], [], None, [None, 3]], "s": [{"a": [{"b": "x"}]}, None]},
    {"l": None, "s": []},
    {"l": [], "s": [{"a": []}, {"a": None}, {"a": [None, {"b": None}]}]},
    {},
]

CASES = [
    # name, rows, options, columns as readers give them (None: as they are)
    ("no rows", [], [], None),
    ("one row", [{"a": 1, "b": "x"}], [], None),
    ("nulls and empty lists", NOTHING,
     [], {"a": [None], "b": [[]], "c": [[None]], "d": [{"e": None}]}),
    ("lists and structs in each other", NESTED, [], {
        "l": [NESTED[0]["l"], None, [], None],
        "s": [[{"a": [{"b": "x"}]}, None], [],
              [{"a": []}, {"a": None}, {"a": [None, {"b": None}]}], None]}),
    ("limits of 64 bits", INT64, [], None),
    ("a number of 65 bits is JSON", [{"v": 2**64}, {"v": 1}], [],
     {"v": ["18446744073709551616", "1"]}),
    ("text of 10 MB", [{"s": "é" * 5_000_000}, {"s": "x"}, {"s": ""}], [],
     None),
    ("many large texts", [{"s": "%d " % i + "ab" * 200_000}
                          for i in range(100)], [], None),
    ("a dictionary that overflows", overflowing(30000), [], None),
    ("a dictionary that pays", [{"s": "text %d" % (i % 40) * 30}
                                for i in range(20000)], [], None),
    ("a million rows", numbered(1_000_000), [], None),
    ("a million and a half rows, in two groups",
     [{"b": i % 3 == 0} for i in range(1_500_000)], [], None),
    ("three thousand columns",
     [{"c%d" % c: c + i for c in range(3000)} for i in range(20)], [], None),
    ("not a number", [{"v": "NaN"}, {"v": 1.5}, {"v": "-Infinity"}],
     ["-t", "v=double"], {"v": [math.nan, 1.5, -math.inf]}),
    ("only not a number", [{"v": "NaN"}] * 3, ["-t", "v=double"],
     {"v": [math.nan] * 3}),
    ("times before 1970", [{"t": "1969-12-31T23:59:59.999999Z"},
                           {"t": "0001-01-01"},
                           {"t": "1900-02-28T12:00:00+05:30"}],
     ["-t", "t=timestamp"],
     {"t": [datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
            datetime.datetime(1, 1, 1, tzinfo=UTC),
            datetime.datetime(1900, 2, 28, 6, 30, tzinfo=UTC)]}),
]


def same(want, got):
    if isinstance(want, float) and math.isnan(want):
        return isinstance(got, float) and math.isnan(got)
    if isinstance(want, str) and isinstance(got, bytes):
        got = got.decode()
    if isinstance(want, list):
        return isinstance(got, list) and len(want) == len(got) and \
            all(map(same, want, got))
    if isinstance(want, dict):
        return want.keys() == got.keys() and \
            all(same(want[k], got[k]) for k in want)
    return type(want) is type(got) and want == got


def same_columns(want, got):
    """The first row that differs, or None."""
    if want == got and list(map(type, want)) == list(map(type, got)) and \
            not any(isinstance(x, (dict, list)) for x in want):
        return None  # as most are: quick
    if len(want) != len(got):
        return min(len(want), len(got))
    for i, (x, y) in enumerate(zip(want, got)):
        if not same(x, y):
            return i
    return None


def columns_of(rows):
    names = list(dict.fromkeys(k for row in rows for k in row))
    return {k: [row.get(k) for row in rows] for k in names}


def by_pyarrow(path):
    f = pq.ParquetFile(path, page_checksum_verification=True)
    t = f.read()
    return dict(zip(t.column_names, (c.to_pylist() for c in t.columns)))


def by_duckdb(path):
    c = duckdb.connect()
    c.sql("set timezone='UTC'")
    q = c.sql("select * from read_parquet('%s')" % path)
    names = q.columns
    rows = q.fetchall()
    return {k: [row[i] for row in rows] for i, k in enumerate(names)}


def by_polars(path):
    return {c.name: c.to_list()
            for c in polars.read_parquet(path).get_columns()}


def write_rows(source, rows):
    with open(source, "w", encoding="utf-8") as f:
        for row in rows:
            f.write(json.dumps(row, ensure_ascii=False) + "\n")


def run_case(pp_export, source, path, options, want):
    with open(source) as i, open(path, "wb") as o:
        subprocess.run([pp_export, "-f", "parquet"] + options, stdin=i,
                       stdout=o, check=True)
    for reader in (by_pyarrow, by_duckdb, by_polars):
        if not want and reader is by_duckdb:
            continue  # it takes no file without columns
        got = reader(path)
        if list(got) != list(want):
            return "%s: columns %r" % (reader.__name__, list(got)[:9])
        for k, values in want.items():
            bad = same_columns(values, got[k])
            if bad is not None:
                return "%s: column %r, row %d" % (reader.__name__, k, bad)
    return None


def check_bloom(pp_export, source, path):
    """DuckDB finds what is there and passes over what is not."""
    rows = [{"id": "row %d" % i, "kind": "k%d" % (i % 3),
             "u": "00000000-0000-0000-0000-%012x" % i} for i in range(30000)]
    write_rows(source, rows)
    with open(source) as i, open(path, "wb") as o:
        subprocess.run([pp_export, "-f", "parquet", "-t", "u=uuid",
                        "--bloom", "id", "--bloom", "kind", "--bloom", "u"],
                       stdin=i, stdout=o, check=True)
    c = duckdb.connect()

    def excluded(column, value):
        return c.execute("select bool_and(bloom_filter_excludes) from "
                         "parquet_bloom_probe('%s', '%s', %s)" % (
                             path, column, value)).fetchone()[0]

    for row in rows[::100]:
        for k, v in row.items():
            if excluded(k, "'%s'%s" % (v, "::uuid" if k == "u" else "")):
                return "%s %r is said not to be there" % (k, v)
    missed = sum(not excluded("id", "'row %d'" % i)
                 for i in range(30000, 31000))
    if missed > 30 or not excluded("kind", "'k3'"):
        return "%d of 1000 values seem to be there" % missed
    found = c.execute("select kind from '%s' where id = 'row 777'" % path)
    if found.fetchall() != [("k0",)]:
        return "a row is not found"
    return None if by_pyarrow(path)["id"] == [r["id"] for r in rows] \
        else "pyarrow reads something else"


def report(n, name, why):
    print("%sok %d - %s" % ("not " if why else "", n, name), flush=True)
    if why:
        print("# %s" % why[:500])
    return bool(why)


def main():
    pp_export = sys.argv[1]
    failed = n = 0
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "rows.jsonl")
        path = os.path.join(folder, "rows.parquet")
        for name, rows, options, want in CASES:
            write_rows(source, rows)
            want = want or columns_of(rows)
            for version in (1, 2):
                if version == 2 and len(rows) == 1_000_000:
                    continue  # the other large ones show it
                extra = ["--parquet-pages-v2"] if version == 2 else []
                try:
                    why = run_case(pp_export, source, path, options + extra,
                                   want)
                except Exception as e:
                    why = repr(e)
                n += 1
                failed += report(n, "%s, pages of version %d" % (
                    name, version), why)
        n += 1
        failed += report(n, "Bloom filters", check_bloom(pp_export, source,
                                                         path))
    print("1..%d" % n)
    sys.exit(failed > 0)


main()
