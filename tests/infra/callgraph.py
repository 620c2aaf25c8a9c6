"""Which calls of AWS a program's functions can come to, read from the sources.

A graph of functions: one that names another (calls it, or hands it on) leads
there. It relies on how the sources look: a definition's name begins a line, its
body ends with a brace at the beginning of one; tables of functions are static
and const. Calls through the table of a home's operations (`s->ops->claim`) lead
to that operation of the AWS home.
"""
import glob
import os
import re

# The operations of the AWS home: who calls through `ops` in a file, and where
# the table is.
OPS = {'store.c': 'dynamodb_ops', 'blob.c': 's3_ops'}

FUNCTION = re.compile(r'^(\w+)\([^;{]*?\)\n\{\n(.*?)^\}', re.M | re.S)
TABLE = re.compile(r'^(?:static )?const [^;{}()]*?(\w+)(?:\[\w*\])?\s*=\s*\{'
                   r'(.*?)\n?\}\s*;', re.M | re.S)
WORD = re.compile(r'\b[a-zA-Z_]\w*')


def without_comments(text):
    return re.sub(r'/\*.*?\*/', ' ', text, flags=re.S)


class Graph:
    """Bodies of functions and tables by (file, name)."""

    def __init__(self, top):
        self.bodies, self.globals, self.paths = {}, {}, {}
        for path in sorted(glob.glob(os.path.join(top, 'lib/*/*.c')) +
                           glob.glob(os.path.join(top, 'cmd/*.c'))):
            with open(path, encoding='utf-8') as file:
                self.add(os.path.relpath(path, top),
                         without_comments(file.read()))

    def add(self, path, text):
        name = os.path.basename(path)
        self.paths[name] = path
        for pattern in (TABLE, FUNCTION):
            for symbol, body in pattern.findall(text):
                self.bodies[name, symbol] = body
                if symbol.startswith('pp_'):
                    self.globals[symbol] = (name, symbol)

    def operations(self, name, body):
        """Of the home: what `s->ops->claim` in a body comes to."""
        table = OPS.get(name)
        if table is None:
            return
        home = next(f for f, s in self.bodies if s == table)
        for operation in re.findall(r'ops->(\w+)', body):
            member = re.search(r'\.%s = (\w+)' % operation,
                               self.bodies[home, table])
            if member:
                yield self.find(home, member.group(1))

    def find(self, name, symbol):
        if (name, symbol) in self.bodies:
            return name, symbol
        return self.globals.get(symbol)

    def reach(self, starts):
        """{node: the node that led there} of all that `starts` lead to."""
        found = {start: None for start in starts}
        todo = list(starts)
        for start in starts:
            if start not in self.bodies:
                raise KeyError('no function %s in %s' % (start[1], start[0]))
        while todo:
            node = todo.pop()
            body = self.bodies[node]
            words = {w for w in WORD.findall(re.sub(r'"(\\.|[^"\\])*"', '""',
                                                    body))}
            ahead = {self.find(node[0], word) for word in words
                     if word not in OPS.values()}
            ahead |= set(self.operations(node[0], body))
            for other in ahead - set(found) - {None}:
                found[other] = node
                todo.append(other)
        return found
