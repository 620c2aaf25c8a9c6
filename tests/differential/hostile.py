#!/usr/bin/env python3
"""Templates that want to do harm: each ends in its error, in bounded memory.

    hostile.py --engine "pp-template render" [--rss-mib N]

A row is a name, a template (text or bytes), the kind of the error, its line
and a part of its message. Each runs in a process of its own, whose largest
resident size and processor time are printed.
"""
import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile

LAUGHS = "{% macro a() %}lol{% endmacro %}\n" + "".join(
    "{%% macro %s() %%}{%% for i in range(99) %%}{{ %s() }}{%% endfor %%}"
    "{%% endmacro %%}\n" % (n, m) for m, n in zip("abcde", "bcdef"))

ROWS = [
    ("billion laughs by macro", LAUGHS + "{{ f() }}", "limit", 2, "steps"),
    ("doubling by set", "{% set ns = namespace(s='x') %}\n"
     "{% for i in range(99) %}\n{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
     "limit", 3, "string is longer"),
    ("doubling by set of lists", "{% set ns = namespace(s=[1]) %}\n"
     "{% for i in range(99) %}\n{% set ns.s = ns.s + ns.s %}{% endfor %}",
     "limit", 3, ""),
    ("a block set in itself", "{% set x = 'ab' %}\n" +
     "{% set x %}{{ x }}{{ x }}{% endset %}" * 40, "limit", 2, ""),
    ("powers of constants", "\n" + "{{ 9**20000 % 7 }}" * 50000, "limit", 2,
     "steps"),
    ("long constants", "\n" + "{{ 'a' * 60000 }}" * 50000, "limit", 2, ""),
    ("* of a string", "\n\n{{ 'x' * 10000000000 }}", "limit", 3, "string"),
    ("* of a list", "\n{{ [0] * 10000000000 }}", "limit", 2, ""),
    ("* of a list, often", "\n{% set l = [0] * 100000 %}"
     "{% for i in range(9999) %}{% set x = l * 20 %}{% endfor %}",
     "limit", 2, ""),
    ("range", "\n{% for i in range(10000000000) %}{% endfor %}", "runtime", 2,
     "range"),
    ("loops of loops", "{% for a in range(99999) %}\n"
     "{% for b in range(99999) %}{% endfor %}{% endfor %}", "limit", 2,
     "steps"),
    ("much output", "\n{% for a in range(99999) %}{{ 'x' * 1000 }}"
     "{% endfor %}", "limit", 2, "output"),
    ("recursion of a macro", "{% macro r() %}\n{{ r() }}{% endmacro %}\n"
     "{{ r() }}", "runtime", 2, "recursion limit"),
    ("recursion of a loop", "{% for x in [[1]] recursive %}\n"
     "{{ loop([[1]]) }}{% endfor %}", "runtime", 2, "recursion limit"),
    ("recursion by caller", "{% macro r() %}\n{% call r() %}{{ caller() }}"
     "{% endcall %}{% endmacro %}\n{{ r() }}", "runtime", 2,
     "recursion limit"),
    ("a list in itself", "{% set l = [] %}\n{% for i in range(5000) %}"
     "{% set l = [l] %}{% do l.append(l) %}{% endfor %}\n{{ l }}", None, None,
     ""),
    ("nested values", "{% set ns = namespace(l=[]) %}"
     "{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% endfor %}\n"
     "{{ ns.l }}", "limit", 2, "nested deeper"),
    ("deep brackets", "\n{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
     "limit", 2, "nested deeper"),
    ("deep lists", "\n{{ " + "[" * 100000, "limit", 2, "nested deeper"),
    ("deep tags", "\n" + "{% if 1 %}" * 5000, "limit", 2, "nested deeper"),
    ("deep operators", "\n{{ " + "not " * 50000 + "1 }}", "limit", 2,
     "nested deeper"),
    ("deep signs", "\n{{ " + "-" * 50000 + "1 }}", "limit", 2,
     "nested deeper"),
    ("a power", "\n{{ 9 ** (9 ** 9) }}", "limit", 2, "digits"),
    ("a power of powers", "\n{{ 10 ** 4000 ** 9 }}", "limit", 2, "digits"),
    ("an integer that Python would not print", "\n{{ 10 ** 4300 }}",
     "runtime", 2, "4300 digits"),
    ("a long number", "\n{{ " + "9" * 200000 + " }}", "syntax", 2, "digits"),
    ("widths", "\n{{ '%99999999999d' % 1 }}", None, 2, ""),
    ("widths of format", "\n{{ '{:99999999999}'.format(1) }}", "limit", 2,
     ""),
    ("center", "\n{{ 'x'|center(9999999999) }}", "limit", 2, "string"),
    ("indent", "\n{{ ('a\\n' * 100000)|indent(100000) }}", "limit", 2, ""),
    ("replace", "\n{{ ('a' * 100000)|replace('a', 'b' * 100000) }}", "limit",
     2, ""),
    ("join", "\n{{ (['a' * 10000] * 10000)|join('b' * 10000) }}", "limit", 2,
     ""),
    ("batch", "\n{{ [1]|batch(10000000000, 'x')|list }}", "limit", 2, ""),
    ("slice", "\n{{ [1]|slice(10000000000)|list }}", "limit", 2, ""),
    ("wordwrap", "\n{{ ('a' * 1000000)|wordwrap(1, true, 'x' * 1000) }}",
     "limit", 2, ""),
    ("10 MB of text", "x" * 10000000, "limit", None, "longer than"),
    ("10 MB of tags", "{{x}}" * 2000000, "limit", None, "longer than"),
    ("invalid UTF-8", b"abc \xff\xfe", None, None, ""),
    ("half a character", b"{{ '\xc3", None, None, ""),
    ("NUL", "a\n{{ 1 }}\0", "syntax", None, "NUL"),
    ("a loop over itself", "{% set l = [1] %}\n{% for x in l %}"
     "{% do l.append(x) %}{% endfor %}", "limit", 2, ""),
]


def run(engine, template):
    request = json.dumps({"id": 1, "context": {}, "undefined": "lenient",
                          "template": "@" if isinstance(template, bytes)
                          else template}).encode()
    if isinstance(template, bytes):
        request = request.replace(b'"@"', b'"' + template + b'"')
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out:
        stdin.write(request + b"\n")
        stdin.seek(0)
        p = subprocess.Popen(engine, stdin=stdin, stdout=out,
                             stderr=subprocess.PIPE)
        said = p.stderr.read()
        status, usage = os.wait4(p.pid, 0)[1:]
        p.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        return p.returncode, out.read(), said, usage


def verdict(row, status, out, said):
    """What is wrong, or None."""
    name, template, kind, line, message = row
    if isinstance(template, bytes):     # is not JSON: the request is refused
        return None if status == 65 and b"UTF-8" in said else \
            "status %d: %r" % (status, said)
    if status != 0:
        return "status %d: %s" % (status, said[-2000:].decode())
    answer = json.loads(out)
    error = answer.get("error", {"kind": None, "line": None, "message": ""})
    if kind is None:
        return None
    if error["kind"] != kind or message not in error["message"] or \
            (line is not None and error["line"] != line):
        return "ended as %.300s" % answer
    return None


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--engine", required=True)
    ap.add_argument("--rss-mib", type=int, default=256)
    a = ap.parse_args()
    engine = shlex.split(a.engine) + ["--batch"]
    bad = 0
    for row in ROWS:
        status, out, said, usage = run(engine, row[1])
        wrong = verdict(row, status, out, said)
        mib = usage.ru_maxrss / 1024
        if wrong is None and mib > a.rss_mib:
            wrong = "took too much memory"
        bad += wrong is not None
        print("%-26s %6.0f ms %5.0f MiB  %s" % (
            row[0], usage.ru_utime * 1000, mib, wrong or "ok"))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
