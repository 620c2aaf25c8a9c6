"""An export as the `datasets` library opens it.

Usage: open_dataset.py FOLDER ROWS.jsonl

The folder has the splits train and test; together they must hold the rows of
the file, by their member `n`, value by value, under the types they are
declared with.
"""

import datetime
import decimal
import json
import sys

import datasets

UTC = datetime.timezone.utc


def plain(v):
    """A value as the file of rows has it."""
    if isinstance(v, datetime.datetime):
        return v.replace(tzinfo=v.tzinfo or UTC).isoformat()
    if isinstance(v, decimal.Decimal):
        return format(v, "f")
    if isinstance(v, list):
        return [plain(x) for x in v]
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    return v


def main():
    folder, source = sys.argv[1:]
    with open(source, encoding="utf-8") as f:
        want = {row["n"]: row for row in map(json.loads, f)}
    found = datasets.load_dataset(folder)
    if sorted(found) != ["test", "train"]:
        sys.exit("splits are %s" % sorted(found))
    rows = [row for split in found.values() for row in split]
    got = {row["n"]: {k: plain(v) for k, v in row.items()} for row in rows}
    if len(rows) != len(want) or got.keys() != want.keys():
        sys.exit("%d rows, not %d" % (len(rows), len(want)))
    for n, row in want.items():
        if got[n] != row:
            sys.exit("%r is not %r" % (got[n], row))
    for name, feature in found["train"].features.items():
        print(name, getattr(feature, "dtype", type(feature).__name__))


main()
