#!/usr/bin/env python3
"""Chat templates as their authors publish them, rendered by us as transformers
renders them with Jinja2.

    chat_templates.py --engine "pp-template render" --dir DIR [--show N]

DIR has the templates, *.jinja. Each renders every conversation below, with and
without a generation prompt; the output, or the kind of the error, must be the
same. Templates may use any of it or refuse it.
"""
import argparse
import glob
import json
import os
import shlex
import subprocess
import sys
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "golden", "jinja"))
import score  # noqa: E402

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "Say what the weather is.",
    "parameters": {"type": "object", "required": ["city"], "properties": {
        "city": {"type": "string", "description": "Where, \"quoted\" & <so>"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "default": 1}}},
    "return": {"type": "object", "description": "Größe und Wind"}}}
CLOCK = {"type": "function", "function": {
    "name": "clock", "description": "The time.",
    "parameters": {"type": "object", "properties": {}}}}
CALL = {"id": "call_1aB2c3D4", "type": "function", "function": {
    "name": "get_weather", "arguments": {"city": "Zürich", "days": 2}}}
CALL_TEXT = {"id": "call12345", "type": "function", "function": {
    "name": "get_weather", "arguments": "{\"city\": \"Oslo\"}"}}
SHORT_CALL = {"id": "abcdefghi", "type": "function", "function": {
    "name": "clock", "arguments": {}}}


def say(role, content, **more):
    return dict({"role": role, "content": content}, **more)


SYSTEM = say("system", "You are brief.\n  Be kind. ")
QUESTION = say("user", "  What is 2 + 2?\n")
ANSWER = say("assistant", "It is 4.")
THOUGHT = say("assistant", "<think>\nTwo and two.\n</think>\n\nFour.")

CONVERSATIONS = {
    "one question": {"messages": [QUESTION]},
    "system": {"messages": [SYSTEM, QUESTION]},
    "long": {"messages": [SYSTEM, QUESTION, ANSWER, say("user", "ünï 日本"),
                          say("assistant", "ok"), say("user", "bye <|end|>")]},
    "ends with an answer": {"messages": [QUESTION, ANSWER]},
    "system alone": {"messages": [SYSTEM]},
    "nothing": {"messages": []},
    "two questions": {"messages": [QUESTION, QUESTION]},
    "answer first": {"messages": [ANSWER, QUESTION]},
    "parts": {"messages": [say("user", [
        {"type": "text", "text": "Look: "}, {"type": "image"},
        {"type": "image_url", "image_url": {"url": "data:,"}},
        {"type": "text", "text": "what?"}])]},
    "parts of all": {"messages": [
        say("system", [{"type": "text", "text": "Short."}]),
        say("user", [{"type": "text", "text": "Hi"}]),
        say("assistant", [{"type": "text", "text": "Ho"}]),
        say("user", [{"type": "text", "text": "Bye"}])]},
    "tools": {"messages": [SYSTEM, QUESTION], "tools": [WEATHER, CLOCK]},
    "tools, no system": {"messages": [QUESTION], "tools": [WEATHER]},
    "a call": {"messages": [QUESTION, say("assistant", None,
                                          tool_calls=[CALL])],
               "tools": [WEATHER]},
    "a call and its result": {"messages": [
        SYSTEM, QUESTION, say("assistant", "", tool_calls=[CALL]),
        say("tool", "{\"t\": 21.5}", name="get_weather",
            tool_call_id="call_1aB2c3D4"),
        say("assistant", "21.5 degrees."), say("user", "Thanks")],
        "tools": [WEATHER, CLOCK]},
    "ids of nine letters": {"messages": [
        QUESTION, say("assistant", None, tool_calls=[CALL_TEXT]),
        say("tool", "cold", name="get_weather", tool_call_id="call12345"),
        say("assistant", "Cold.")], "tools": [WEATHER]},
    "two calls": {"messages": [
        QUESTION, say("assistant", "Let me see.",
                      tool_calls=[CALL_TEXT, SHORT_CALL]),
        say("tool", "cold", name="get_weather", tool_call_id="call12345"),
        say("tool", "noon", name="clock", tool_call_id="abcdefghi")],
        "tools": [WEATHER, CLOCK]},
    "a thought": {"messages": [QUESTION, THOUGHT, say("user", "And 3?")]},
    "a thought apart": {"messages": [
        QUESTION, say("assistant", "Four.", reasoning_content="Two twos.",
                      thinking="Two twos."), say("user", "And 3?"),
        say("assistant", "Six.", reasoning_content="Again.")]},
    "no thinking": {"messages": [QUESTION], "enable_thinking": False,
                    "thinking": False, "reasoning_effort": "high"},
    "documents": {"messages": [QUESTION], "documents": [
        {"title": "A", "text": "Alpha.", "doc_id": 1},
        {"title": "B", "text": "Beta & <b>.", "doc_id": 2}],
        "controls": {"length": "long"}, "citations": True},
    "an unknown role": {"messages": [say("critic", "Hm.")]},
    "other options": {"messages": [SYSTEM, QUESTION], "tools": [CLOCK],
                      "tools_in_user_message": False,
                      "custom_tools": [WEATHER],
                      "builtin_tools": ["wolfram_alpha", "code_interpreter"],
                      "date_string": "20 Nov 2026", "datetime": "today",
                      "functions": "[]", "keep_past_thinking": True},
}


def cases(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    for name, given in CONVERSATIONS.items():
        for prompt in (False, True):
            yield {"id": "%s/%s/%d" % (os.path.basename(path), name, prompt),
                   "template": text, "undefined": "lenient",
                   "context": dict({"bos_token": "<s>", "eos_token": "</s>",
                                    "add_generation_prompt": prompt}, **given),
                   "options": {"trim_blocks": True, "lstrip_blocks": True,
                               "keep_trailing_newline": False,
                               "dialect": "hf"}}


def same(ref, ours):
    if "output" in ref:
        return ours.get("output") == ref["output"]
    return ours.get("error", {}).get("kind") == ref["error"]["kind"]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--engine", required=True)
    ap.add_argument("--dir", required=True)
    ap.add_argument("--show", type=int, default=10)
    a = ap.parse_args()
    warnings.filterwarnings("ignore")
    paths = sorted(glob.glob(os.path.join(a.dir, "*.jinja")))
    all_cases = [c for p in paths for c in cases(p)]
    p = subprocess.run(shlex.split(a.engine) + ["--batch"], check=True,
                       input="".join(score.request(c) + "\n" for c in
                                     all_cases).encode(), capture_output=True)
    ours = {}
    for line in p.stdout.splitlines():
        answer = json.loads(line)
        ours[answer["id"]] = answer
    bad = errors = 0
    templates = {}
    for c in all_cases:
        if c["template"] not in templates:
            templates[c["template"]] = score.compiled(c)
        ref = score.run(c, templates[c["template"]])
        errors += "error" in ref
        if same(ref, ours.get(c["id"], {})):
            continue
        bad += 1
        if bad <= a.show:
            print("DIFFERS %s\n  jinja2 %r\n  ours   %r" % (
                c["id"], ref, ours.get(c["id"])))
    print("# %d templates, %d renders, %d of them errors, %d differ" % (
        len(paths), len(all_cases), errors, bad))
    return 1 if bad or not all_cases else 0


if __name__ == "__main__":
    sys.exit(main())
