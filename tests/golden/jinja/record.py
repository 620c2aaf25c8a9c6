#!/usr/bin/env python3
"""Cases for more.jsonl, with what Jinja2 gives for each.

    record.py FEATURE <templates.jsonl >>more.jsonl

A line of input is a template as a JSON string, or an object with `template`
and perhaps `context`, `options`, `templates`, `undefined` and `check_line`.
"""
import json
import sys

import score


def record(feature, number, given):
    case = {"id": "%s-%03d" % (feature, number), "feature": feature}
    case.update({"template": given} if isinstance(given, str) else given)
    case.setdefault("context", {})
    case.setdefault("undefined", "lenient")
    got = score.run(case)
    if "output" in got:
        case["expected"] = got["output"]
    else:
        e = got["error"]
        case.update(error=e["kind"], line=e["line"], message=e["message"])
    return case


def main():
    for number, line in enumerate(filter(str.strip, sys.stdin), 1):
        print(json.dumps(record(sys.argv[1], number, json.loads(line)),
                         ensure_ascii=False))


if __name__ == "__main__":
    main()
