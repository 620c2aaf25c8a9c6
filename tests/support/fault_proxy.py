#!/usr/bin/env python3
"""usage: fault_proxy.py UPSTREAM_PORT PORT_FILE [options]

A proxy on loopback between a client of AWS and the server that stands in for
it, which does to one request in so many what networks and services do:

    refuse  answers 500 or 503 (as the service says it) and does not forward
    reset   resets the connection before the server sees anything
    drop    forwards, and then closes without a reply: the server has acted
    late    closes without a reply, and forwards some time later
    cut     forwards, and sends half of the reply
    lie     forwards, and announces a longer reply than it sends
    crc     forwards, and sends the checksum of the body wrong
    delay   forwards after a while
    expire  says that the session token is too old, now and whenever it comes
            again; not of one that has just begun

While the file --outage is there, everything is refused, or with --refused what
matches that; while the file --gate is there, what matches --held waits. Both are
matched with a request's method, path and range.

An S3 server that knows no session tokens gets requests without, signed anew by
AWS_SECRET_ACCESS_KEY, when their own signature was right.

Its port is written to PORT_FILE when it listens; a line for each request to
LOG: what was done to it, method, target or path. The same seed does the same
to the same order of requests.
"""
import argparse
import asyncio
import hashlib
import hmac
import os
import random
import re
import socket
import struct

FAULTS = ["refuse", "reset", "drop", "late", "cut", "lie", "crc", "delay",
          "expire"]
CHECKSUMS = [b"x-amz-crc32: ", b"x-amz-checksum-crc32: "]
TOKEN = "x-amz-security-token"
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/([^,]+), ?SignedHeaders=([^,]+), "
    r"?Signature=([0-9a-f]{64})$")
FIRST_USES = 3          # of a token, in which it does not expire
args = None
rng = None
log = None
uses = {}               # of session tokens
expired = set()
later = set()           # what is still to be forwarded


def choose(fields, asked):
    token = fields.get(TOKEN, "")
    uses[token] = uses.get(token, 0) + 1
    if token in expired:
        return "expire"
    if args.outage and os.path.exists(args.outage) and re.search(
            args.refused, asked):
        return "refuse"
    fault = "pass"
    if rng.random() < args.rate:
        fault = rng.choice(args.faults)
    if fault == "expire":
        if not token or uses[token] <= FIRST_USES:
            return "pass"
        expired.add(token)
    return fault


def signature(first, fields, names, scope):
    """SigV4 of a request of S3, whose path is signed as it is."""
    method, target = first.split(" ")[:2]
    path, _, query = target.partition("?")
    canonical = "\n".join(
        [method, path,
         "&".join(sorted(p if "=" in p else p + "="
                         for p in query.split("&") if p))] +
        ["%s:%s" % (name, fields[name]) for name in names] +
        ["", ";".join(names), fields["x-amz-content-sha256"]])
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join(["AWS4-HMAC-SHA256", fields["x-amz-date"], scope,
                      hashlib.sha256(canonical.encode("latin-1")).hexdigest()])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def without_token(head, first, fields):
    """The head for a server without tokens; as it is when it is not right."""
    m = AUTHORIZATION.search(fields.get("authorization", ""))
    if TOKEN not in fields or "x-amz-target" in fields or not m:
        return head
    scope, names = m[1], m[2].split(";")
    if signature(first, fields, names, scope) != m[3]:
        return head
    names.remove(TOKEN)
    fields["authorization"] = fields["authorization"].replace(
        m[2], ";".join(names)).replace(
            m[3], signature(first, fields, names, scope))
    lines = [first] + ["%s: %s" % f for f in fields.items() if f[0] != TOKEN]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def read_head(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            fields[name.strip().lower()] = value.strip()
    return head, first, fields


async def read_chunked(reader):
    body = b""
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        body += line + await reader.readexactly(size + 2)
        if size == 0:
            return body


async def read_body(reader, fields):
    if "chunked" in fields.get("transfer-encoding", ""):
        return await read_chunked(reader)
    return await reader.readexactly(int(fields.get("content-length", "0")))


REFUSALS = {
    ("refuse", "dynamodb"): [
        ("InternalServerError", "500 Internal Server Error"),
        ("ProvisionedThroughputExceededException", "400 Bad Request"),
        ("ThrottlingException", "400 Bad Request")],
    ("refuse", "s3"): [("SlowDown", "503 Slow Down"),
                       ("InternalError", "500 Internal Error"),
                       ("ServiceUnavailable", "503 Unavailable")],
    ("expire", "dynamodb"): [("ExpiredTokenException", "400 Bad Request")],
    ("expire", "s3"): [("ExpiredToken", "400 Bad Request")]}


def refusal(fault, method, fields):
    if "x-amz-target" in fields:
        kind, status = rng.choice(REFUSALS[fault, "dynamodb"])
        body = ('{"__type":"com.amazonaws.dynamodb.v20120810#%s",'
                '"message":"by the proxy"}' % kind).encode()
        kind = "application/x-amz-json-1.0"
    else:
        code, status = rng.choice(REFUSALS[fault, "s3"])
        body = ("<Error><Code>%s</Code><Message>by the proxy</Message>"
                "</Error>" % code).encode()
        kind = "application/xml"
    return ("HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
            % (status, kind, len(body))).encode() + (
                b"" if method == "HEAD" else body)


def reset(writer):
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    writer.transport.abort()


def spoil(fault, head, body):
    """The reply as it is sent, and whether the connection then ends."""
    if fault == "cut":
        whole = head + body
        return whole[:len(head) + len(body) // 2 if body else
                     len(head) // 2], True
    if fault == "lie":
        text = head.decode("latin-1")
        lines = [line for line in text.split("\r\n")
                 if not line.lower().startswith("content-length:")]
        lines.insert(1, "Content-Length: %d" % (len(body) + 7))
        return "\r\n".join(lines).encode("latin-1") + body, True
    if fault == "crc":
        for name in CHECKSUMS:
            at = head.lower().find(name) + len(name)
            if at >= len(name):
                digit = b"1" if head[at:at + 1] != b"1" else b"2"
                return head[:at] + digit + head[at + 1:] + body, False
    return head + body, False


async def forward_later(request):
    """What a network has kept for a while: nobody waits for the reply."""
    await asyncio.sleep(rng.random() * args.delay * 5)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1",
                                                       args.upstream)
        writer.write(request)
        await writer.drain()
        await read_head(reader)
        writer.close()
    except (asyncio.IncompleteReadError, OSError):
        pass


async def wait_at_gate(asked):
    if args.gate and re.search(args.held, asked):
        while os.path.exists(args.gate):
            await asyncio.sleep(0.05)


async def exchange(reader, writer, up):
    head, first, fields = await read_head(reader)
    body = await read_body(reader, fields)
    method, path = first.split(" ")[:2]
    asked = " ".join([method, path, fields.get("range", "")])
    fault = choose(fields, asked)
    head = without_token(head, first, fields)
    log.write("%s %s %s\n" % (fault, method,
                              fields.get("x-amz-target", path)))
    log.flush()
    if fault in ("refuse", "expire"):
        writer.write(refusal(fault, method, fields))
        await writer.drain()
        return True
    if fault == "late":
        task = asyncio.create_task(forward_later(head + body))
        later.add(task)
        task.add_done_callback(later.discard)
        return False
    if fault == "reset":
        reset(writer)
        return False
    if fault == "delay":
        await asyncio.sleep(rng.random() * args.delay)
    await wait_at_gate(asked)
    up_reader, up_writer = up
    up_writer.write(head + body)
    await up_writer.drain()
    reply_head, status, reply = await read_head(up_reader)
    while status.split(" ")[1] == "100":
        reply_head, status, reply = await read_head(up_reader)
    empty = method == "HEAD" or status.split(" ")[1] in ("204", "304")
    reply_body = b"" if empty else await read_body(up_reader, reply)
    if fault == "drop":
        return False
    if empty and fault in ("cut", "lie"):
        fault = "pass"
    data, ends = spoil(fault, reply_head, reply_body)
    writer.write(data)
    await writer.drain()
    return not ends and reply.get("connection", "").lower() != "close"


async def serve(reader, writer):
    up = None
    try:
        up = await asyncio.open_connection("127.0.0.1", args.upstream)
        while await exchange(reader, writer, up):
            pass
    except (asyncio.IncompleteReadError, ConnectionError, OSError):
        pass
    finally:
        for end in [writer] + ([up[1]] if up else []):
            end.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0,
                                        limit=1 << 26)
    with open(args.port_file + ".new", "w", encoding="ascii") as f:
        f.write("%d\n" % server.sockets[0].getsockname()[1])
    os.rename(args.port_file + ".new", args.port_file)
    async with server:
        await server.serve_forever()


parser = argparse.ArgumentParser()
parser.add_argument("upstream", type=int)
parser.add_argument("port_file")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--rate", type=float, default=0.0)
parser.add_argument("--delay", type=float, default=0.2)
parser.add_argument("--faults", type=lambda s: s.split(","), default=FAULTS)
parser.add_argument("--log", default="/dev/null")
parser.add_argument("--outage", default="")
parser.add_argument("--refused", default=".")
parser.add_argument("--gate", default="")
parser.add_argument("--held", default=".")
args = parser.parse_args()
rng = random.Random(args.seed)
log = open(args.log, "a", encoding="utf-8")
asyncio.run(main())
