#!/usr/bin/env python3
"""The examples of pp-template(5) print what the manual says, and it names
every filter, test and global function that there is.

    manual.py --engine "pp-template render" --srcdir DIR
"""
import argparse
import json
import os
import re
import shlex
import subprocess
import sys

ARROW = "    => "
ERROR = "error: "

# These need the dialect of chat templates, and a clock that stands.
OF_CHATS = re.compile(r"raise_exception|strftime_now")
CHAT_OPTIONS = {"dialect": "hf", "now": "2026-11-20 12:00:00"}


def plain(line):
    return line.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def context(page):
    """The values that the examples see, as the manual gives them."""
    block = re.search(r"they see these values:\n\.Bd -literal\n(.*?)\n\.Ed",
                      page, re.S).group(1)
    return {name: eval(value, {"__builtins__": {}}) for name, value in
            (line.split(" = ", 1) for line in block.split("\n"))}


def examples(page):
    lines = [plain(line) for line in page.split("\n")]
    for before, line in zip(lines, lines[1:]):
        if line.startswith(ARROW):
            yield before, re.sub(r"\\(.)", lambda m: "\n" if
                                 m.group(1) == "n" else m.group(1),
                                 line[len(ARROW):])


def names(srcdir):
    """Of filters, tests and global functions, out of their tables."""
    found = []
    for path, pattern in (
            ("filters.c", r'(?:PLAIN|RAW)\("(\w+)"'),
            ("tests.c", r'\{ "([^"]+)", is_\w+,'),
            ("globals.c", r'\{ "(\w+)", global_\w+,')):
        some = re.findall(pattern, read(srcdir, "lib/template", path))
        assert len(some) > 5, path
        found += some
    return found


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--engine", required=True)
    ap.add_argument("--srcdir", required=True)
    a = ap.parse_args()
    page = read(a.srcdir, "man/pp-template.5")
    given, values, bad = list(examples(page)), context(page), 0
    entries = {plain(w) for line in re.findall(r"^\.It Cm (.*)$", page, re.M)
               for w in line.split()}
    for name in names(a.srcdir):
        if name not in entries:
            bad += 1
            print("the manual does not name %s" % name)
    requests = "".join(json.dumps({
        "id": i, "template": t, "context": values, "undefined": "lenient",
        "options": CHAT_OPTIONS if OF_CHATS.search(t) else {}}) +
        "\n" for i, (t, _) in enumerate(given))
    p = subprocess.run(shlex.split(a.engine) + ["--batch"], check=True,
                       input=requests.encode(), capture_output=True)
    for (template, said), line in zip(given, p.stdout.splitlines()):
        got = json.loads(line)
        if (ERROR + got["error"]["message"] if "error" in got else
                got["output"]) != said:
            bad += 1
            print("%s\n  manual %r\n  gives  %r" % (template, said, got))
    print("# %d examples, %d wrong" % (len(given), bad))
    return 1 if bad or len(given) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
