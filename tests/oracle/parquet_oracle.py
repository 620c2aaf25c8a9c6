"""Random rows through pp-export, read back by pyarrow, DuckDB and Polars.

Usage: parquet_oracle.py PP_EXPORT SEED {TRIALS | SECONDSs}

Rows of a random shape are exported as Parquet, with random options; each
reader must give exactly the values that went in, by types worked out here
once more, on their own. The seed is printed; with it a failure comes again.
"""

import datetime
import decimal
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid

import duckdb
import polars
import pyarrow.parquet as pq

EXACT_INT = 2**53
UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)

# ---- rows ----


def text(r):
    kind = r.random()
    if kind < 0.1:
        return ""
    if kind < 0.4:
        return r.choice(["poem", "story", "naïve", "日本語", "😀", "a,b", 'q"'])
    if kind < 0.5:
        return "".join(chr(r.choice([r.randint(0, 0x7F), r.randint(0x80, 0x7FF),
                                     r.randint(0xE000, 0xFFFD),
                                     r.randint(0x10000, 0x10FFFF)]))
                       for _ in range(r.randint(1, 90)))
    if kind < 0.52:
        return "\U0010ffff" * r.randint(10, 40)
    if kind < 0.53:
        return "x" * r.randint(1000, 300000)
    return "id-%08d" % r.randint(0, 99999999)


def integer(r):
    return r.choice([
        lambda: r.randint(-5, 5), lambda: r.randint(-10**6, 10**6),
        lambda: r.randint(-2**63, 2**63 - 1), lambda: 2**63 - 1,
        lambda: -2**63])()


def small_integer(r):
    return r.randint(-2**53, 2**53) if r.random() < .2 else r.randint(0, 999)


def double(r):
    return r.choice([
        lambda: r.random(), lambda: -0.0, lambda: 0.0, lambda: 1e308,
        lambda: 5e-324, lambda: r.uniform(-1e9, 1e9), lambda: 1.5])()


def timestamp(r):
    t = EPOCH + datetime.timedelta(microseconds=r.randint(-10**15, 4 * 10**15))
    return t.isoformat().replace("+00:00", "Z")


def money(r):
    return "%s%d.%09d" % (r.choice(["", "", "-"]), r.randint(0, 99999999),
                          r.randint(0, 999999999))


def shape(r, depth=0):
    """A generator of values: None, a scalar's name, [element] or {fields}."""
    kinds = ["text", "integer", "small", "double", "bool", "null", "mixed",
             "number", "few"]
    if depth < 3:
        kinds += ["list", "struct"] * 2
    kind = r.choice(kinds)
    if kind == "list":
        return [shape(r, depth + 1)]
    if kind == "struct":
        return {name(r): shape(r, depth + 1) for _ in range(r.randint(0, 4))}
    return kind


def name(r):
    return r.choice("abcdefghijk") + r.choice(["", "_x", " y", "é", ".z", "1"])


def value(r, s):
    if r.random() < 0.12:
        return None
    if isinstance(s, list):
        return [value(r, s[0]) for _ in range(r.choice([0, 0, 1, 2, 5]))]
    if isinstance(s, dict):
        return {k: value(r, v) for k, v in s.items() if r.random() < 0.9}
    return {
        "text": text, "integer": integer, "small": small_integer,
        "double": double, "bool": lambda r: r.random() < .5,
        "null": lambda r: None,
        "mixed": lambda r: r.choice([text, integer, double,
                                     lambda r: [1, "a"],
                                     lambda r: {"x": text(r)}])(r),
        "number": lambda r: r.choice([small_integer, double])(r),
        "few": lambda r: r.choice([1, 2, 70000]),
        "timestamp": timestamp, "money": money,
        "uuid": lambda r: str(uuid.UUID(int=r.getrandbits(128))),
        "real": lambda r: r.choice([double(r), "NaN", "Infinity"]),
    }[s](r)


# ---- types, as rowtype.h has them ----


def join(a, b):
    """The type of two types: a kind, ("list", T) or ("struct", {...})."""
    if a == b or b == "null":
        return a
    if a == "null":
        return b
    if {a[0], b[0]} == {"struct"}:
        fields = dict(a[1])
        for k, t in b[1].items():
            fields[k] = join(fields.get(k, "null"), t)
        return ("struct", fields)
    if {a[0], b[0]} == {"list"}:
        return ("list", join(a[1], b[1]))
    numbers = {"int", "wide", "double"}
    if isinstance(a, str) and isinstance(b, str) and {a, b} <= numbers:
        if {a, b} == {"int", "wide"}:
            return "wide"
        return "double" if "wide" not in (a, b) else "json"
    return "json"


def type_of(v):
    if v is None:
        return "null"
    if isinstance(v, bool):
        return "bool"
    if isinstance(v, int):
        if not -2**63 <= v < 2**63:
            return "json"
        return "wide" if abs(v) > EXACT_INT else "int"
    if isinstance(v, float):
        return "double"
    if isinstance(v, str):
        return "string"
    if isinstance(v, list):
        t = "null"
        for item in v:
            t = join(t, type_of(item))
        return ("list", t)
    return ("struct", {k: type_of(x) for k, x in v.items()})


def settle(t):
    if t == "null":
        return "string"
    if t == "wide":
        return "int"
    if t[0] == "list":
        return ("list", settle(t[1]))
    if t[0] == "struct":
        if not t[1]:
            return "json"
        return ("struct", {k: settle(x) for k, x in t[1].items()})
    return t


def expected(v, t):
    """What a reader should give for `v` in a column of type `t`."""
    if v is None:
        return None
    if t == "json":
        return ("json", v)
    if t == "double":
        return float(v)
    if t == "timestamp":
        return datetime.datetime.fromisoformat(v.replace("Z", "+00:00"))
    if t.__class__ is str and t.startswith("decimal"):
        return decimal.Decimal(v)
    if t == "uuid":
        return uuid.UUID(v)
    if t[0] == "list":
        return [expected(x, t[1]) for x in v]
    if t[0] == "struct":
        return {k: expected(v.get(k), x) for k, x in t[1].items()}
    return v


def same(want, got):
    if want is None or got is None:
        return want is None and got is None
    if isinstance(want, tuple):  # JSON text
        if isinstance(got, bytes):
            got = got.decode()
        return equal_json(want[1], json.loads(got))
    if isinstance(want, uuid.UUID):
        if isinstance(got, bytes):
            got = uuid.UUID(bytes=got)
        return want == got
    if isinstance(want, datetime.datetime):
        if got.tzinfo is None:
            got = got.replace(tzinfo=UTC)
        return want == got
    if isinstance(want, float):
        if math.isnan(want):
            return math.isnan(got)
        return isinstance(got, float) and want == got and \
            math.copysign(1, want) == math.copysign(1, got)
    if isinstance(want, list):
        return len(want) == len(got) and all(map(same, want, got))
    if isinstance(want, dict):
        return list(want) == list(got) and \
            all(same(want[k], got[k]) for k in want)
    return type(want) is type(got) and want == got


def equal_json(a, b):
    return json.dumps(a) == json.dumps(b)


# ---- readers ----


def read_pyarrow(path):
    f = pq.ParquetFile(path, page_checksum_verification=True)
    table = f.read()
    columns = [c.to_pylist() for c in table.columns]
    return table.column_names, list(zip(*columns)) if columns else []


def read_duckdb(path):
    c = duckdb.connect()
    c.sql("set timezone='UTC'")
    q = c.sql("select * from read_parquet('%s')" % path)
    return None, q.fetchall()  # names are changed where they differ by case


def read_polars(path):
    t = polars.read_parquet(path)
    return t.columns, t.rows()


def has_only(t, ok):
    if isinstance(t, tuple):
        inner = t[1].values() if t[0] == "struct" else [t[1]]
        return all(has_only(x, ok) for x in inner)
    return ok(t)


# ---- one trial ----


CODECS = ["zstd", "zstd:3", "snappy", "gzip", "none"]
DECLARED = {"timestamp": "timestamp", "money": "decimal(18,9)",
            "uuid": "uuid", "real": "double"}


def trial(pp_export, seed, folder):
    r = random.Random(seed)
    row_shape = {name(r): shape(r) for _ in range(r.randint(1, 8))}
    declared = {}
    for kind, t in DECLARED.items():
        if r.random() < 0.3:
            row_shape["d_" + kind] = kind
            declared["d_" + kind] = t
    count = r.choice([0, 1, 2, 17, 300, 300, 3000])
    rows = [{k: value(r, s) for k, s in row_shape.items()
             if r.random() < .95} for _ in range(count)]
    source = os.path.join(folder, "rows.jsonl")
    with open(source, "w", encoding="utf-8") as f:
        for row in rows:
            json.dump(row, f, ensure_ascii=r.random() < .5)
            f.write("\n")
    command = [pp_export, "-f", "parquet", "--parquet-compress",
               r.choice(CODECS)]
    for k, t in declared.items():
        command += ["-t", "%s=%s" % (k, t)]
    if r.random() < .3:
        command.append("--parquet-pages-v2")
    path = os.path.join(folder, "rows.parquet")
    with open(source) as i, open(path, "wb") as o:
        subprocess.run(command, stdin=i, stdout=o, check=True, timeout=120)

    types = {}
    for row in rows:
        for k, v in row.items():
            types[k] = join(types.get(k, "null"), type_of(v)) \
                if k not in declared else declared[k]
    for k, t in declared.items():
        types.setdefault(k, t)
    types = {k: t if k in declared else settle(t) for k, t in types.items()}
    want = [tuple(expected(row.get(k), t) for k, t in types.items())
            for row in rows]
    for reader in (read_pyarrow, read_duckdb, read_polars):
        if reader is read_duckdb and not types:
            continue
        names, got = reader(path)
        if names is not None and list(names) != list(types):
            raise SystemExit("%s: columns %r, not %r" % (
                reader.__name__, names, list(types)))
        if not types:
            continue
        if len(got) != len(want):
            raise SystemExit("%s: %d rows, not %d" % (
                reader.__name__, len(got), len(want)))
        for i, (w, g) in enumerate(zip(want, got)):
            for k, x, y in zip(types, w, g):
                if not same(x, y):
                    raise SystemExit("%s: row %d, %r: %r is not %r" % (
                        reader.__name__, i, k, y, x))


    check_filters(r, path, rows, types)
    check_cat(r, pp_export, path, folder)


def check_filters(r, path, rows, types):
    """Readers pass over pages and groups by our statistics and indexes."""
    plain = [k for k, t in types.items() if t in ("string", "int", "double")]
    if not plain:
        return
    k = r.choice(plain)
    there = [expected(row[k], types[k]) for row in rows
             if row.get(k) is not None]
    if not there or any(x != x or "\0" in str(x) for x in there):
        return
    v = r.choice(there)
    same = sum(1 for x in there if x == v)
    above = sum(1 for x in there if x >= v)
    t = polars.scan_parquet(path).filter(polars.col(k) == v)
    got = t.select(polars.len()).collect().item()
    if got != same:
        raise SystemExit("polars: %r == %r %d times, not %d" % (
            k, v, got, same))
    if any(a != b and a.lower() == b.lower() for a in types for b in types):
        return  # DuckDB cannot tell them apart
    q = duckdb.connect().execute(
        'select count(*) filter ("%s" = $1), count(*) filter ("%s" >= $1) '
        "from read_parquet('%s') where \"%s\" >= $1" % (k, k, path, k), [v])
    got = q.fetchone()
    if got != (same, above):
        raise SystemExit("duckdb: %r of %r: %r, not %r" % (
            v, k, got, (same, above)))


def cat(pp_export, path):
    return subprocess.run([pp_export, "cat", path], check=True,
                          stdout=subprocess.PIPE, timeout=120).stdout


def check_cat(r, pp_export, path, folder):
    """What pyarrow makes of the file is the same to us in its encodings."""
    if pq.read_metadata(path).num_columns == 0:
        return
    table = pq.read_table(path)
    other = os.path.join(folder, "other.parquet")
    encoding = {}
    dictionary = r.random() < .4
    if not dictionary:
        flat = {"int64": ["DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"],
                "double": ["BYTE_STREAM_SPLIT"],
                "string": ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"]}
        for field in table.schema:
            if "." not in field.name and str(field.type) in flat:
                encoding[field.name] = r.choice(
                    flat[str(field.type)] + ["PLAIN"])
    pq.write_table(
        table, other, use_dictionary=dictionary,
        column_encoding=encoding or None,
        compression=r.choice([c for c in CODECS if ":" not in c]),
        data_page_version=r.choice(["1.0", "2.0"]),
        data_page_size=r.choice([64, 1000, 1 << 20]),
        row_group_size=r.choice([7, 1000, 1 << 20]),
        write_page_checksum=r.random() < .5,
        use_compliant_nested_type=r.random() < .5)
    ours, theirs = cat(pp_export, path), cat(pp_export, other)
    if ours != theirs:
        for a, b in zip(ours.splitlines(), theirs.splitlines()):
            if a != b:
                raise SystemExit("cat: %r, of pyarrow's %r" % (a, b))
        raise SystemExit("cat: %d bytes, of pyarrow's %d" % (
            len(ours), len(theirs)))


def leave_out_what_is_not_built_in(pp_export):
    for codec in CODECS[:]:
        tried = subprocess.run(
            [pp_export, "-f", "parquet", "--parquet-compress", codec],
            input=b"", capture_output=True, timeout=120)
        if b"built without" in tried.stderr:
            CODECS.remove(codec)


def main():
    pp_export, seed, bound = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    leave_out_what_is_not_built_in(pp_export)
    end = math.inf
    trials = math.inf
    if bound.endswith("s"):
        end = time.monotonic() + float(bound[:-1])
    else:
        trials = int(bound)
    done = 0
    with tempfile.TemporaryDirectory() as folder:
        while done < trials and time.monotonic() < end:
            try:
                trial(pp_export, seed + done, folder)
            except BaseException:
                print("failed with seed %d" % (seed + done))
                raise
            done += 1
    print("%d trials from seed %d" % (done, seed))


main()
