#!/usr/bin/env python3
"""Writes lib/template/unicode_tables.inc from Python's own unicodedata, so that
case and character classes are those of the Python that it runs on.

    python3 tests/support/make-unicode-tables.py > lib/template/unicode_tables.inc
"""
import sys
import unicodedata

SHIFT = 7
FLAGS = ["ALPHA", "DECIMAL", "DIGIT", "NUMERIC", "SPACE", "UPPER", "LOWER",
         "TITLE", "PRINTABLE", "ID_START", "ID_CONTINUE", "CASED",
         "CASE_IGNORABLE"]


def case_ignorable(c):
    """Whether the final sigma rule looks past it: found by asking lower()."""
    # After a cased letter, c and a sigma: final only if c is ignorable.
    return ("a" + c + "\u03a3").lower().endswith("\u03c2") and not cased(c)


def cased(c):
    return (c + "\u03a3").lower().endswith("\u03c2")


def flags(c):
    have = {
        "ALPHA": c.isalpha(), "DECIMAL": c.isdecimal(), "DIGIT": c.isdigit(),
        "NUMERIC": c.isnumeric(), "SPACE": c.isspace(), "UPPER": c.isupper(),
        "LOWER": c.islower(),
        "TITLE": unicodedata.category(c) == "Lt",
        "PRINTABLE": c.isprintable(), "ID_START": c.isidentifier(),
        "ID_CONTINUE": ("a" + c).isidentifier(), "CASED": cased(c),
        "CASE_IGNORABLE": case_ignorable(c),
    }
    return sum(1 << i for i, f in enumerate(FLAGS) if have[f])


def main():
    records, index = {(0, 0, 0, 0, 0): 0}, []
    special = []
    for cp in range(0x110000):
        c = chr(cp)
        if 0xD800 <= cp < 0xE000:
            index.append(0)
            continue
        delta = []
        for kind, mapped in enumerate((c.upper(), c.lower(), c.title())):
            if len(mapped) == 1:
                delta.append(ord(mapped) - cp)
            else:
                delta.append(0)
                special.append((cp, kind, mapped))
        fold = c.casefold()
        if fold != c.lower():
            special.append((cp, 3, fold))
        digit = unicodedata.decimal(c, -1)
        r = (flags(c), *delta, digit + 1)
        index.append(records.setdefault(r, len(records)))
    blocks, first = {}, []
    for i in range(0, 0x110000, 1 << SHIFT):
        first.append(blocks.setdefault(tuple(index[i:i + (1 << SHIFT)]),
                                       len(blocks)))
    out = sys.stdout.write
    out("/* Made by tests/support/make-unicode-tables.py; Unicode %s. */\n\n"
        % unicodedata.unidata_version)
    out("#define UC_SHIFT %d\n\n" % SHIFT)
    out("static const struct uc_record uc_records[] = {\n")
    for r in records:
        out("\t{ 0x%x, { %d, %d, %d }, %d },\n" % r)
    out("};\n\n")
    table("uint8_t" if len(blocks) < 256 else "uint16_t", "uc_first", first)
    table("uint8_t" if len(records) < 256 else "uint16_t", "uc_blocks",
          [x for b in blocks for x in b])
    out("static const struct uc_special uc_specials[] = {\n")
    for cp, kind, text in sorted(special):
        cps = [ord(x) for x in text] + [0, 0, 0]
        out("\t{ 0x%x, %d, { 0x%x, 0x%x, 0x%x } },\n" % (cp, kind, *cps[:3]))
    out("};\n")


def table(ctype, name, values):
    out = sys.stdout.write
    out("static const %s %s[] = {\n" % (ctype, name))
    line = "\t"
    for v in values:
        item = "%d," % v
        if len(line) + len(item) > 72:
            out(line + "\n")
            line = "\t"
        line += item
    out(line + "\n};\n\n")


main()
