#!/bin/sh
# The JSON reader and writer against Python's: documents made and damaged at
# random are taken or refused by both with equal values; doubles have the same
# shortest text.
if ! command -v python3 >/dev/null; then
	echo '1..0 # SKIP no python3 here'
	exit 0
fi
exec python3 - "${PP_BUILDDIR:-.}/tests/unit/json_check" <<'PYTHON'
import json, random, struct, subprocess, sys

random.seed(20261120)
CHECK = sys.argv[1]
PARTS = ['"', '\\', '\\u', '\\ud83d', '\\ude00', '\\u0000', '{', '}', '[',
         ']', ',', ':', '0', '-', '.', 'e', 'E+', '1e9', 'true', 'null',
         '\n', '\t', ' ', '\x01', '\x7f', '//', "'", 'NaN', '\\x', '01',
         '\u00a0', '\ufeff', '\u2028', '😀', 'é']


def make(depth=0):
    kind = random.randrange(4 if depth > 5 else 8)
    if kind == 0:
        return ''.join(random.choice(['a', 'é', '€', '😀', '"', '\\', '\n',
                                      '/', '\0', 'plain text', '\x7f'])
                       for _ in range(random.randrange(6)))
    if kind == 1:
        return random.choice([0, -1, 12345678901234567890, 1.5, -2e-7, 1e300])
    if kind < 4:
        return random.choice([True, False, None, '', 'x' * 70])
    if kind < 6:
        return [make(depth + 1) for _ in range(random.randrange(4))]
    return {str(make(9)): make(depth + 1) for _ in range(random.randrange(4))}


def document():
    text = json.dumps(make(), ensure_ascii=random.random() < .5,
                      indent=random.choice([None, None, 1]))
    for _ in range(random.randrange(3)):
        at = random.randrange(len(text) + 1)
        text = (text[:at] + random.choice(PARTS + ['']) +
                text[at + random.randrange(2):])
        if random.random() < .1:
            text = text[:random.randrange(len(text) + 1)]
    data = text.encode('utf-8')
    if random.random() < .1 and data:
        at = random.randrange(len(data))
        data = data[:at] + bytes([random.randrange(256)]) + data[at + 1:]
    return data


def refuse(word):
    raise ValueError(word)


def has_half_a_pair(value):
    if isinstance(value, str):
        return any('\ud800' <= c <= '\udfff' for c in value)
    if isinstance(value, list):
        return any(map(has_half_a_pair, value))
    if isinstance(value, dict):
        return any(has_half_a_pair(k) or has_half_a_pair(v)
                   for k, v in value.items())
    return False


def read(data):
    """What Python reads, numbers as their text; None when it refuses."""
    try:
        value = json.loads(data.decode('utf-8'), parse_constant=refuse,
                           parse_float=lambda t: ('float', t),
                           parse_int=lambda t: ('int', t))
    except ValueError:
        return None
    return None if has_half_a_pair(value) else (value,)


def run(args, data):
    done = subprocess.run([CHECK] + args, input=data, check=True,
                          stdout=subprocess.PIPE)
    return done.stdout.decode('utf-8', 'surrogateescape').split('\n')[:-1]


def report(number, name, wrong):
    for line in wrong[:5]:
        print('#', line)
    print('not ok' if wrong else 'ok', number, '-', name)


print('1..2')
documents = [document() for _ in range(6000)]
answers = run([], b''.join(struct.pack('<I', len(d)) + d for d in documents))
wrong = [] if len(answers) == len(documents) else ['answers are missing']
taken = 0
for data, answer in zip(documents, answers):
    expect = read(data)
    got = read(answer[3:].encode()) if answer.startswith('ok ') else None
    taken += got is not None
    if expect != got:
        wrong.append('%r: %r instead of %r' % (data, answer, expect))
if not 600 < taken < 5400:
    wrong.append('%d of 6000 were taken: the documents are bad' % taken)
report(1, 'documents are read as Python reads them', wrong)

doubles = [struct.unpack('<d', struct.pack('<Q', random.getrandbits(64)))[0]
           for _ in range(20000)]
doubles += [2.0 ** e for e in range(-1074, 1024)]
doubles += [s * m * 10.0 ** e for e in range(-30, 30) for s in (1, -1)
            for m in (1, 1.5, 3.14159, 9.999999999999999)]
doubles += [random.random() for _ in range(5000)]
doubles += [float(random.randrange(10 ** 17)) for _ in range(5000)]
doubles = [d for d in doubles if d == d and abs(d) != float('inf')]
texts = run(['--doubles'], struct.pack('<%dd' % len(doubles), *doubles))
wrong = [] if len(texts) == len(doubles) else ['numbers are missing']
wrong += ['%r was written as %s' % (d, t) for d, t in zip(doubles, texts)
          if repr(d) != t]
report(2, 'doubles are written as Python writes them', wrong)
PYTHON
