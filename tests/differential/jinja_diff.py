#!/usr/bin/env python3
"""Random templates and contexts, rendered by us and by Jinja2; they must agree.

    jinja_diff.py --engine "pp-template render" [--seed N] [--seconds S]
                  [--cases N] [--show N] [--out FILE]

A case comes from a grammar: expressions over a small context with all
operators, filters, tests and methods, and statements with their scoping. Both
give the same output, or both give an error of the same kind. Cases in which
the reference says something that is about Python rather than the language (an
address, a set's order) are left out. Differences are printed and, with --out,
written as cases that score.py reads. The seed is printed first.
"""
import argparse
import copy
import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "golden", "jinja"))
import score  # noqa: E402

# Of a processor, for one case in Jinja2: most take a thousandth of one.
MOST_SECONDS = 5

STRINGS = ["", "a", "abc", "Hello World", "  pad ", "x,y,z", "foo bar baz qux",
           "1", "42", "-7", "3.14", "1e3", "ünï cödé", "日本 語", "it's", 'q"q',
           "a\nb\n\nc", "<b>&x</b>", "UPPER", "mixedCase", "tab\there", "ß",
           "ΑΣ", "a.b.c", "%s", "{}", "İ", "ǆx", "one-two three--four",
           "http://a.bc/d?e=f", "x" * 30]
INTS = ["0", "1", "2", "3", "-1", "5", "7", "10", "100", "2**40", "2**70",
        "10**20", "-2**65", "9007199254740993"]
FLOATS = ["0.5", "1.5", "2.0", "-0.25", "3.14159", "1e10", "1e16", "1e-7",
          "0.1", "2.675", "1e100"]
NAMES = ["i", "j", "f", "s", "t", "l", "m", "d", "e", "n", "b", "u", "nope"]

FILTERS = """abs attr('a') attr('upper') batch(2) batch(3,'-') capitalize center(9) count
d('x') default('dd',true) dictsort dictsort(by='value') dictsort(reverse=true) e escape
filesizeformat filesizeformat(true) first float float(1.5) forceescape format(1,2) groupby('k')
groupby(0) indent indent(2,true) indent(1,blank=true) int int(7) int(base=16) items join
join(', ') join('-',attribute='k') last length list lower map('upper') map(attribute='k')
map(attribute='k',default='z') map('int') map('length') max min max(attribute='k') pprint
reject('odd') reject rejectattr('k') replace('a','b') replace('b','',1) reverse round round(1)
round(2,'floor') round(0,'ceil') round(-1) safe select select('string') select('none')
selectattr('k') selectattr('k','eq',1) slice(2) slice(3,'.') sort sort(reverse=true)
sort(case_sensitive=true) sort(attribute='k') string striptags sum sum(start=5) title tojson
tojson(indent=2) trim trim('a') truncate(5) truncate(7,true) truncate(6,false,'!',0) unique
unique(true) upper urlencode urlize wordcount wordwrap(5) wordwrap(8,false) xmlattr
sum(attribute='k') min(case_sensitive=true) join('<') unique(attribute='k')
batch(linecount=2,fill_with=0) center(width=7) default(default_value=3) default(boolean=true)
dictsort(case_sensitive=true) dictsort(true,'value',true) filesizeformat(binary=true) float(default=2)
format(k=1) format('a','b','c') groupby('k',default='z') groupby('k',case_sensitive=true)
indent(width='>>') indent(first=true,blank=true) int(default=3) int(0,2) int(0,8) join(d='+')
join(attribute='v') map('default','z') map('replace','a','b') map('nosuch') map(attribute=0)
map(attribute='k.a') max(attribute='nope') min(attribute='k') pprint reject('in',[1,2]) reject('none')
rejectattr('k','in',[1,2]) rejectattr('k','none') replace(old='a',new='q') replace('a') reverse
round(precision=1) round(method='ceil') round(1,'up') select('divisibleby',2) select('gt',1)
select('mapping') selectattr('k','defined') selectattr('v','string') selectattr('nope') slice(0)
slice(slices=2,fill_with='x') sort(true) sort(true,true) sort(attribute='k,v') sort(attribute='v')
string sum('v') sum(attribute='v',start=10) tojson(4) tojson(indent='--') tojson(none)
trim(chars='ab ') truncate truncate(0) truncate(length=4,end='') truncate(3,true,'…') truncate(5,false,'..',2)
unique(case_sensitive=true) unique(attribute='v') urlencode urlize(10) urlize(nofollow=true)
urlize(target='_blank',rel='x') wordcount wordwrap(4,true,'|') wordwrap(width=6,break_on_hyphens=false)
wordwrap(7,wrapstring='~') xmlattr(false) attr(name='k') attr('__class__') attr('items') escape|safe
capitalize|title last|upper first|int list|tojson sort|join lower|trim|length""".split()

# Generators: made lists, since Python shows them with an address.
LAZY = re.compile(r"(map|select|reject|selectattr|rejectattr|unique|batch|slice|"
                  r"items|reverse)\b")
CONSUMERS = ["list", "list", "list", "join(',')", "first", "sort", "sum",
             "list|length", "max"]

TESTS = """defined undefined none string number integer float boolean mapping sequence iterable
callable odd even divisibleby(2) divisibleby(0) lower upper true false in([1,2,'a']) eq(1) ne(2)
lt(3) gt(1) ge('a') le(2.5) sameas(none) sameas(true) escaped filter test equalto(1)
greaterthan(0) lessthan('b') in('abc') in({1:2}) in(5) eq(none) ne('a') divisibleby(num=3) nosuch
gt('a') sameas(1) eq([1]) in(d) in(l) divisibleby('x') odd(1)""".split()

METHODS = """upper() lower() title() capitalize() swapcase() strip() lstrip() rstrip('a') split()
split(',') split(None,1) rsplit('.',1) splitlines() startswith('a') endswith(('c','x')) find('b')
rfind('o') count('a') replace('a','zz') replace('','-') join(['p','q']) center(7,'*') ljust(5)
rjust(6,'0') zfill(6) isdigit() isalpha() isalnum() isupper() islower() istitle() isspace()
isnumeric() isdecimal() isidentifier() isprintable() format(1,a=2) partition('.') rpartition(' ')
casefold() expandtabs(4) removeprefix('a') removesuffix('c') index('a') keys() values() items()
get('k') get('zz',9) copy() pop() append(1) extend([1]) insert(0,5) reverse() sort() bit_length()
is_integer() real imag index(1) count(1) update(z=1) setdefault('q',1) popitem() clear()
nosuch() conjugate() rindex('o') isascii() format_map({'a':1,'b':[2]}) maketrans('ab','xy')
translate({97:'q',98:none}) remove(1) fromkeys('ab') fromkeys([1,2],0) bit_count() numerator
denominator split('') split(maxsplit=1) rsplit(none,1) splitlines(true) splitlines(keepends=1)
startswith(('a','b'),1) endswith('d',-3) find('') find('a',1,3) count('') count('l',2)
replace('l','L',1) replace('a') join('xyz') join([1]) join({'a':1,'b':2}) center(4) center(7,'ab')
zfill(-1) ljust('x') partition('') strip('ab') strip(none) lstrip('xyz ') index('zz') index('a',2)
pop(0) pop('k') pop('zz',1) pop(99) insert(-1,'z') extend('ab') extend({'q':1}) sort(reverse=true)
update({'w':2}) update([['a',1]]) update(5) setdefault('k') get() get('k','d') keys()|list
values()|sum items()|length title().swapcase() upper(1) hex() as_integer_ratio() __len__() __class__
strip().split() lower().title() isdigit casefold().upper() encode copy().append(2)""".split()

FORMATS = ["%s", "%d", "%5d|", "%-5s|", "%05.1f", "%x", "%r", "%%", "%s-%s",
           "%(k)s", "%e", "%g", "%+d", "%c", "%.2s", "%i %s"]
BRACES = ["{}", "{0}", "{:>5}", "{:05d}", "{:.2f}", "{!r}", "{:,}", "{:x}",
          "{a}", "{0[0]}", "{:^7}", "{:e}", "{:%}", "{:+}", "{0.real}", "{:_}",
          "{:*<6}", "{:10.3}", "{{}}", "{:#b}", "{!s:>4}", "{0[k]}", "{a.k}",
          "{:c}", "{:n}", "{:g}", "{:.3g}", "{:#x}", "{:08.3f}", "{: d}", "{!a}",
          "{0}{1}", "{}{0}", "{", "}", "{!x}", "{:{a}}", "{:>{a}}", "{0.__class__}",
          "{:,.2f}", "{:=+8}", "{:o}", "{:X}", "{:s}", "{:d}", "{:G}", "{:.0%}",
          "{:é^7}", "{:z}", "{:10,}", "{:_x}", "{a[0]}", "{a[k]!r:>9}"]
ESCAPES = [r"'a\nb'", r"'\x41\u00e9'", r"'\t|\\\\'", r'"\"q\""',
           r"'\101\0'", r"'\q\''", r"'a' 'b'", r"'\U0001F600'", r"'\x4'", r"'\u12'",
           r"'\a\b\v\f\r'"]
NUMBERS = ["0x1f", "0b101", "0o17", "1_000", "1_0.5e1_0", "1e3", "1.5e-3", "007", "0_0",
           "1__0", "12.", ".5", "1e", "0x", "5.real", "1.0.real", "1E5", "9" * 40]


class Maker:
    def __init__(self, rng):
        self.r = rng
        self.names = list(NAMES)
        self.macros = []
        self.loops = 0

    def pick(self, seq):
        return self.r.choice(seq)

    def chance(self, p):
        return self.r.random() < p

    # -- contexts

    def value(self, depth=0):
        r = self.r.random()
        if r < .22:
            return self.r.choice([0, 1, 2, 3, -1, 7, 10, 255, 10 ** 12, -5])
        if r < .32:
            return self.r.choice([0.5, 1.0, -2.5, 3.14159, 1e20, 0.1, 2.675])
        if r < .60:
            return self.r.choice(STRINGS)
        if r < .70:
            return self.r.choice([True, False, None])
        if depth > 2:
            return 1
        if r < .85:
            return [self.value(depth + 1) for _ in range(self.r.randrange(4))]
        return {self.pick(["a", "k", "v", "b c", "items", "1", "é", "x"]):
                self.value(depth + 1) for _ in range(self.r.randrange(4))}

    def context(self):
        k = self.r.choice([1, "x", 0.5])
        return {
            "i": self.r.randrange(-3, 20), "j": self.r.choice([0, 1, 2, 255]),
            "f": self.r.choice([0.5, -1.25, 2.0, 3.14159, 1e16]),
            "s": self.r.choice(STRINGS), "t": self.r.choice(STRINGS),
            "l": [self.value(1) for _ in range(self.r.randrange(5))],
            "m": [{"k": self.r.choice([k, 2, 1, "b", "A", None, k]),
                   "v": self.value(2)} for _ in range(self.r.randrange(4))],
            "d": {x: self.value(1) for x in
                  self.r.sample(["a", "b", "c", "k", "B", "items", "get"], 3)},
            "e": self.r.choice([[], {}, "", 0]), "n": None,
            "b": self.chance(.5), "u": self.value(),
        }

    # -- expressions

    def literal(self):
        r = self.r.random()
        if r < .3:
            return self.pick(INTS)
        if r < .4:
            return self.pick(FLOATS)
        if r < .8:
            return self.string()
        if r < .9:
            return self.pick(["true", "false", "none", "[]", "{}", "()",
                              "True", "None", "False"])
        return self.pick(ESCAPES if r < .95 else NUMBERS)

    def string(self):
        s = self.pick(STRINGS)
        return json.dumps(s, ensure_ascii=self.chance(.3)) if self.chance(.7) \
            else "'" + s.replace("\\", "\\\\").replace("'", "\\'") \
            .replace("\n", "\\n") + "'"

    def expr(self, depth=0):
        if depth > 4 or self.chance(.12 + .1 * depth):
            return self.pick(self.names) if self.chance(.65) else \
                self.literal()
        kinds = [self.binary, self.binary, self.filtered, self.filtered,
                 self.filtered, self.tested, self.method, self.method,
                 self.attr, self.item, self.slice, self.compare, self.logic,
                 self.cond, self.seq, self.concat, self.unary, self.formatted,
                 self.call, self.paren]
        return self.pick(kinds)(depth + 1)

    def paren(self, depth):
        return "(" + self.expr(depth) + ")"

    def binary(self, depth):
        op = self.pick(["+", "+", "-", "*", "/", "//", "%", "**"])
        right = self.pick(["2", "3", "-1", "0", "0.5", "i"]) \
            if op == "**" or self.chance(.3) else self.expr(depth)
        return "%s %s %s" % (self.operand(depth), op, right)

    def operand(self, depth):
        e = self.expr(depth)
        return e if self.chance(.5) else "(%s)" % e

    def filtered(self, depth):
        e = self.operand(depth)
        for _ in range(self.r.choice([1, 1, 1, 2, 3])):
            f = self.pick(FILTERS)
            e += self.pick(["|", "|", " | "]) + f
            if LAZY.match(f):
                e += "|" + self.pick(CONSUMERS)
        return e

    def tested(self, depth):
        return "%s is %s%s" % (self.operand(depth),
                               self.pick(["", "", "not "]), self.pick(TESTS))

    def method(self, depth):
        return "%s.%s" % (self.operand_name(depth), self.pick(METHODS))

    def operand_name(self, depth):
        if self.chance(.5):
            return self.pick(self.names)
        return "(%s)" % self.expr(depth)

    def attr(self, depth):
        return "%s.%s" % (self.operand_name(depth),
                          self.pick(["k", "a", "v", "items", "0", "1", "zz"]))

    def item(self, depth):
        return "%s[%s]" % (self.operand_name(depth), self.pick(
            ["0", "-1", "1", "'k'", "'a'", "'items'", "i", "s", "none",
             "1.0", "true", "'zz'", "'upper'"]))

    def slice(self, depth):
        n = ["", "0", "1", "2", "-1", "-2", "10", "none"]
        # Of a name: Jinja folds a slice of a literal number to undefined.
        s = "%s[%s:%s" % (self.pick(self.names), self.pick(n), self.pick(n))
        if self.chance(.4):
            s += ":" + self.pick(["", "1", "2", "-1", "-2", "0"])
        return s + "]"

    def compare(self, depth):
        s = self.operand(depth)
        for _ in range(self.r.choice([1, 1, 1, 2])):
            s += " %s %s" % (self.pick(["==", "!=", "<", "<=", ">", ">=",
                                        "in", "not in"]), self.operand(depth))
        return s

    def logic(self, depth):
        return "%s %s %s" % (self.operand(depth), self.pick(["and", "or"]),
                             self.operand(depth))

    def unary(self, depth):
        return self.pick(["not ", "-", "+"]) + self.operand(depth)

    def cond(self, depth):
        s = "%s if %s" % (self.operand(depth), self.expr(depth))
        return "(" + s + (" else " + self.operand(depth)
                          if self.chance(.8) else "") + ")"

    def seq(self, depth):
        n = self.r.randrange(4)
        items = [self.expr(depth) for _ in range(n)]
        r = self.r.random()
        if r < .5:
            return "[" + ", ".join(items) + "]"
        if r < .7:
            return "(" + ", ".join(items) + ("," if n == 1 else "") + ")"
        return "{" + ", ".join("%s: %s" % (self.pick(
            ["'a'", "'k'", "1", "1.0", "true", "none", "(1,2)", "s", "i"]), x)
            for x in items) + "}"

    def concat(self, depth):
        return " ~ ".join(self.operand(depth) for _ in range(2))

    def formatted(self, depth):
        if self.chance(.5):
            args = self.pick(["%s", "(%s,)", "(%s, 1)", "{'k': %s}"]) % \
                self.expr(depth)
            return "%r %% %s" % (self.pick(FORMATS), args)
        return "%r.format(%s)" % (self.pick(BRACES), ", ".join(
            [self.expr(depth)] * self.r.randrange(3) +
            (["a=" + self.expr(depth)] if self.chance(.3) else [])))

    def call(self, depth):
        if self.macros and self.chance(.6):
            name, params = self.pick(self.macros)
            args = [self.expr(depth) for _ in
                    range(self.r.randrange(params + 2))]
            if self.chance(.3):
                args.append("%s=%s" % (self.pick(["p", "q", "z"]),
                                       self.expr(depth)))
            if self.chance(.1):
                args.append(self.pick(["*l", "*[1,2]", "*s"]))
            if self.chance(.1):
                args.append(self.pick(["**d", "**{'q': 2}", "**dict(z=1)"]))
            return "%s(%s)" % (name, ", ".join(args))
        return self.pick([
            "range(%s)", "range(1, %s)", "dict(a=%s)", "range(10, 0, -%s)",
            "namespace(a=%s).a", "cycler(%s, 2).next()", "joiner(%s)()",
            "dict([('a', %s)])", "range(%s)|list", "dict(d, a=%s)",
            "range(5)[%s]", "range(0, 10, %s)|list", "namespace(d, b=%s).a",
            "cycler(%s).current", "dict({'b': %s}, **d)", "dict(%s)",
            "range(3)[::-1]|list ~ %s", "range(4).index(%s)"]) % self.pick(
                ["3", "i", "j", "s", "2", "l"])

    # -- statements

    def body(self, depth):
        return "".join(self.statement(depth) for _ in
                       range(self.r.choice([1, 1, 2, 3])))

    def space(self):
        return self.pick(["", "", "", " ", "\n", "  \n", "text "])

    def tag(self, inside):
        return self.space() + self.pick(["{%", "{%", "{%-", "{%+"]) + " " + \
            inside + " " + self.pick(["%}", "%}", "%}", "-%}", "+%}"]) + \
            self.space()

    def statement(self, depth):
        if depth > 3 or self.chance(.45):
            return "%s{{%s %s %s}}%s" % (
                self.space(), self.pick(["", "", "-", ""]), self.expr(),
                self.pick(["", "", "-"]), self.space())
        return self.pick([self.st_if, self.st_for, self.st_for, self.st_set,
                          self.st_set, self.st_macro, self.st_with,
                          self.st_filter, self.st_setblock, self.st_call,
                          self.st_raw, self.st_ns, self.st_do,
                          self.st_comment, self.st_print, self.st_line,
                          self.st_fragment, self.st_block,
                          self.st_autoescape, self.st_cycler])(depth + 1)

    def st_do(self, depth):
        return self.tag("do " + self.pick([
            "l.append(%s)", "d.update(a=%s)", "m.insert(0, %s)", "x.pop(%s)",
            "l.extend([%s])", "d.setdefault('q', %s)", "%s"]) % self.expr(2))

    def st_comment(self, depth):
        return self.space() + self.pick([
            "{# %s #}", "{#- {{ x }} %s -#}", "{#%s\n#}", "{#+ %s -#}"]) % \
            self.pick(["c", "{% if %}", "- -", ""]) + self.space()

    def st_print(self, depth):
        return self.tag("print " + ", ".join(
            self.expr(2) for _ in range(self.r.choice([1, 1, 2]))))

    # Of the options; without them it is text.
    def st_line(self, depth):
        return "\n" + self.pick([
            "%% for x in l\n  {{ x }}%%%% c\n%% endfor\n",
            "  %% if i:\n yes\n%% else\n no\n  %% endif\n",
            "%% set v1 = (1,\n 2)\n{{ v1 }}\n", "## all of it\n", "a ## b\n",
            "%%- if b\n  x\n%%- endif\n"]).replace("%%%%", "##")

    def st_fragment(self, depth):
        return self.pick([
            lambda: self.tag("include " + self.pick([
                "'f1'", "'f2' without context", "'f1' with context",
                "'none' ignore missing", "['none', 'f2']", "'none'", "s",
                "['x','y'] ignore missing with context"])),
            lambda: self.tag("import 'f2' as lib" + self.pick(
                ["", " with context"])) + "{{ lib.fm(%s) }}{{ lib.fv }}" %
            self.expr(2) + self.pick(["", "{{ lib.nope }}", "{{ lib._p }}"]),
            lambda: self.tag("from 'f2' import " + self.pick([
                "fm", "fm as g, fv", "fv as v1", "nope", "fm, nope as x"]) +
                self.pick(["", " with context"])) +
            "{{ fm is defined }}{{ fv }}{{ v1 }}"])()

    def st_block(self, depth):
        name = self.pick(["b1", "b2", "b3"])
        return self.tag("block %s%s" % (name, self.pick(
            ["", "", " scoped", " required"]))) + self.body(depth) + \
            self.pick(["", "{{ super() }}", "{{ self.%s() }}" % self.pick(
                ["b4", "nope"])]) + self.tag("endblock" + self.pick(
                    ["", " " + name]))

    def st_autoescape(self, depth):
        return self.tag("autoescape " + self.pick(
            ["true", "false", "b"])) + self.body(depth) + \
            self.tag("endautoescape")

    def st_cycler(self, depth):
        return self.tag("set cy = cycler(%s, %s)" % (
            self.expr(3), self.expr(3))) + self.tag("set jo = joiner(%s)" % (
                self.pick(["", "'|'", "s"]))) + \
            "{% for x in range(3) %}{{ jo() }}{{ cy.next() }}{{ cy.current }}" \
            "{% endfor %}" + self.pick(["", "{% do cy.reset() %}"]) + \
            "{{ cy.current }}{{ cy.pos }}{{ cy.items|list }}"

    def st_if(self, depth):
        s = self.tag("if " + self.expr()) + self.body(depth)
        if self.chance(.3):
            s += self.tag("elif " + self.expr()) + self.body(depth)
        if self.chance(.5):
            s += self.tag("else") + self.body(depth)
        return s + self.tag("endif")

    def st_for(self, depth):
        names = list(self.names)
        target = self.pick(["x", "x", "i", "s", "x, y", "k", "(x, y)",
                            "x, (y, k)", "(x,)"])
        it = self.pick(["l", "m", "d", "s", "range(3)", "d.items()", "e",
                        "l|reverse", "m|map(attribute='k')", "d|dictsort",
                        "[[1,2],[3,4]]", "l|batch(2)", "m|groupby('k')",
                        "[(1,(2,3)),(4,'ab')]", "l|slice(2)", "dict(a=1)",
                        "m|selectattr('v')", "l, s", "range(i)", "'ab'",
                        "u", "d|items", "l[::-1]", "[1]"]) \
            if self.chance(.8) else self.expr(2)
        cond = " if " + self.pick(["x", "loop.index", "i", "x is string",
                                   self.expr(3)]) if self.chance(.2) else ""
        rec = " recursive" if self.chance(.08) else ""
        self.names += ["x", "y", "loop.index", "loop.first", "loop.last",
                       "loop.length", "loop.revindex0", "loop.previtem",
                       "loop.nextitem", "loop.depth", "loop.cycle('a','b')",
                       "loop.changed(x)", "loop.index0", "loop.revindex",
                       "loop.depth0", "loop.nope", "loop.cycle(*l)",
                       "loop.changed(x, i)", "loop.changed()"]
        self.loops += 1
        s = self.tag("for %s in %s%s%s" % (target, it, cond, rec))
        if rec and self.chance(.7):
            s += "{% if loop.depth < 3 %}{{ loop(" + self.pick(
                ["[1,2]", "l", "x"]) + ") }}{% endif %}"
        s += self.body(depth)
        if self.chance(.15):
            s += "{% if " + self.pick(["loop.index > 1", "x", "i"]) + \
                " %}{% " + self.pick(["break", "continue"]) + " %}{% endif %}"
            s += self.body(depth)
        self.loops -= 1
        self.names = names
        if self.chance(.3):
            s += self.tag("else") + self.body(depth)
        return s + self.tag("endfor")

    def st_set(self, depth):
        name = self.pick(["x", "y", "i", "s", "v1", "v2", "l"])
        s = self.tag("set %s = %s" % (name, self.expr()))
        if self.chance(.1):
            s = self.tag("set x, y = " + self.pick(["[1, 2]", "(s, i)", "l"]))
        self.names += ["x", "y", "v1", "v2"]
        return s

    def st_ns(self, depth):
        s = self.tag("set ns = namespace(a=%s)" % self.expr(3))
        s += self.tag("for x in [1,2]") + self.tag(
            "set ns.a = " + self.pick(["x", "ns.a ~ x", "ns.a + 1",
                                       "[ns.a]"]))
        return s + self.tag("endfor") + "{{ ns.a }}"

    def st_macro(self, depth):
        name = self.pick(["m1", "m2", "m3"])
        params = self.pick([[], ["p"], ["p", "q=1"], ["p='d'", "q=p"]])
        names = list(self.names)
        self.names += ["p", "q", "varargs", "kwargs", "caller"]
        macros, self.macros = self.macros, []
        s = self.tag("macro %s(%s)" % (name, ", ".join(params)))
        s += self.pick(["", "", "{{ varargs }}", "{{ kwargs }}",
                        "{{ caller() }}", "{{ caller(p, 2) if caller }}",
                        "{{ kwargs.z }}{{ varargs|length }}"])
        s += self.body(depth) + self.tag("endmacro")
        self.names = names
        self.macros = macros + [(name, len(params))]
        return s

    def st_call(self, depth):
        if not self.macros:
            return self.st_set(depth)
        name, params = self.pick(self.macros)
        return self.tag("call%s %s(%s)" % (
            self.pick(["", "", "(x)", "(x, y=2)"]), name, ", ".join(
                [self.expr(2) for _ in range(params)]))) + \
            self.body(depth) + self.tag("endcall")

    def st_with(self, depth):
        names = list(self.names)
        s = self.tag("with x = %s, i = x" % self.expr(2))
        self.names += ["x"]
        s += self.body(depth) + self.tag("endwith")
        self.names = names
        return s

    def st_filter(self, depth):
        return self.tag("filter " + self.pick(
            ["upper", "trim", "replace('a', 'b')", "indent(2)", "title",
             "e", "truncate(9)", "wordwrap(10)"])) + \
            self.body(depth) + self.tag("endfilter")

    def st_setblock(self, depth):
        s = self.tag("set v1" + self.pick(["", " | upper", " | length"]))
        s += self.body(depth) + self.tag("endset")
        self.names += ["v1"]
        return s + "{{ v1 }}"

    def st_raw(self, depth):
        return self.tag("raw") + "{{ x }} {% y %}" + self.tag("endraw")

    def case(self, number):
        self.names, self.macros = list(NAMES), []
        opts = {}
        for o in ("trim_blocks", "lstrip_blocks"):
            if self.chance(.3):
                opts[o] = True
        if self.chance(.2):
            opts["keep_trailing_newline"] = False
        if self.chance(.08):
            opts["line_statement_prefix"] = "%%"
            opts["line_comment_prefix"] = "##"
        if self.chance(.55):
            t = "".join("{{ %s }}|" % self.expr() for _ in
                        range(self.r.choice([1, 1, 2])))
        else:
            t = self.body(0) + self.body(0)
        if self.chance(.05):
            t = self.tag("extends " + self.pick(
                ["'base'", "'base'", "'base' if b else 'f1'", "t"])) + t
        if self.chance(.03):
            t = t.replace("\n", "\r\n")
        return {"id": "r%d" % number, "feature": "random", "template": t,
                "context": self.context(), "options": opts,
                "templates": self.fragments(t),
                "undefined": self.pick(["lenient", "lenient", "strict",
                                        "chainable"])}


    def fragments(self, template):
        """What it may include, import or extend."""
        if not re.search(r"include|import|extends", template):
            return {}
        self.names, self.macros = list(NAMES), []
        return {
            "f1": "[%s{{ x }}{%% set x = 9 %%}]" % self.expr(3),
            "f2": "{% macro fm(p, q=2) %}<{{ p }}|{{ q }}|{{ i }}>{% endmacro"
                  " %}{% set fv = " + self.expr(3) + " %}{% set _p = 1 %}"
                  "{{ s }}",
            "base": "A{% block b1 %}one{{ i }}{% endblock %}{% block b2 scoped"
                    " %}" + self.space() + "{{ x }}{% endblock %}" +
                    self.space() + self.pick(
                        ["", "{{ self.b1() }}", "{% block b4 required %}"
                         "{% endblock %}"]) + "Z\n"}


# About Python, not the language: addresses, its own names, its limits.
PYTHON_ONLY = re.compile(
    r"( |%20)at( |%20)0x|object at|<built-in|<bound method|<function|<class|<generator|"
    r"<list_reverse|<dict_|reversed object|<range_it|<reversed|_iterator|"
    r"<jinja2|<Cycler|<Joiner|LoopContext|\bcomplex\b|\(nan|j\)|"
    r"<Undefined|bytes-like|b'", re.I)


def comparable(ref):
    if "output" in ref:
        return not PYTHON_ONLY.search(ref["output"])
    e = ref["error"]
    if e["line"] is None and e.get("exc") in ("UndefinedError",
                                              "SecurityError"):
        return False    # a constant that failed while it was compiled
    return "recursion" not in e["message"] and \
        e.get("exc") not in ("MemoryError", "AssertionError", "Endless")


def agree(case, ref, ours):
    if "error" in ours and (ours["error"]["kind"] == "limit" or
                            "complex number" in ours["error"]["message"]):
        return True     # we have bounds, and no complex numbers
    if "output" in ref:
        return ours.get("output") == ref["output"]
    return "error" in ours and ours["error"]["kind"] == ref["error"]["kind"]


def run_ours(engine, cases):
    data = "".join(score.request(c) + "\n" for c in cases)
    p = subprocess.run(engine, input=data.encode(), capture_output=True,
                       timeout=300)
    out = {}
    for line in p.stdout.split(b"\n"):
        if line.strip():
            o = json.loads(line)
            out[o["id"]] = o
    if p.returncode:
        print("engine: status %d: %s" % (p.returncode, p.stderr.decode(
            "utf-8", "replace")[-2000:]))
    return out


class Endless(BaseException):
    """Jinja2 has no bound: a loop that feeds itself goes on for ever."""


def end_it(_signal, _frame):
    raise Endless


def reference(case):
    """What Jinja2 gives; what the template does to its context is undone."""
    signal.signal(signal.SIGVTALRM, end_it)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
    try:
        return score.run(dict(case, context=copy.deepcopy(case["context"])))
    except Endless:
        return {"error": {"kind": "limit", "exc": "Endless", "line": 0,
                          "message": "no end in %d s" % MOST_SECONDS}}
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def shorten(case, engine):
    """Drop parts of the template while the difference stays."""
    t, step = case["template"], max(1, len(case["template"]) // 2)
    tries = 0
    while step >= 1 and tries < 150:
        i, changed = 0, False
        while i < len(t) and tries < 150:
            smaller = dict(case, template=t[:i] + t[i + step:])
            tries += 1
            ref = reference(smaller)
            if comparable(ref) and not ("error" in ref and
                                        ref["error"]["kind"] == "syntax"):
                ours = run_ours(engine, [smaller]).get(case["id"])
                if ours is None or not agree(smaller, ref, ours):
                    t, changed = smaller["template"], True
                    continue
            i += step
        if not changed:
            step //= 2
    return dict(case, template=t)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--engine", required=True)
    ap.add_argument("--seed", type=int)
    ap.add_argument("--seconds", type=float)
    ap.add_argument("--cases", type=int, default=0)
    ap.add_argument("--show", type=int, default=20)
    ap.add_argument("--shorten", action="store_true")
    ap.add_argument("--out")
    a = ap.parse_args()
    warnings.filterwarnings("ignore")
    sys.setrecursionlimit(3000)
    seed = a.seed if a.seed is not None else random.SystemRandom().randrange(
        1 << 32)
    print("# seed %d" % seed, flush=True)
    engine = shlex.split(a.engine) + ["--batch"]
    maker = Maker(random.Random(seed))
    if a.seconds is None:
        a.seconds = 1e9 if a.cases else 60
    end = time.time() + a.seconds
    total = compared = bad = 0
    out = open(a.out, "w") if a.out else None
    while time.time() < end and not (a.cases and total >= a.cases):
        cases = [maker.case(total + k) for k in range(500)]
        ours = run_ours(engine, cases)
        for c in cases:
            ref = reference(c)
            total += 1
            if not comparable(ref):
                continue
            compared += 1
            mine = ours.get(c["id"])
            if mine is not None and agree(c, ref, mine):
                continue
            bad += 1
            ref.get("error", {}).pop("exc", None)
            if out:
                c.update({"expected": ref["output"]} if "output" in ref else
                         {"error": ref["error"]["kind"],
                          "message": ref["error"]["message"]})
                out.write(json.dumps(c) + "\n")
            if bad <= a.show:
                c = shorten(c, engine) if a.shorten else c
                ref, mine = reference(c), run_ours(engine, [c]).get(c["id"])
                print("DIFFERS %s [%s] %s\n  template %r\n  context  %s\n"
                      "  jinja2   %r\n  ours     %r" % (
                          c["id"], c["undefined"], c["options"],
                          c["template"], json.dumps(c["context"]),
                          ref.get("output", ref.get("error")),
                          mine and mine.get("output", mine.get("error"))))
    print("# %d cases, %d compared, %d differ" % (total, compared, bad))
    return 1 if bad or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
