#!/usr/bin/env python3
"""usage: fault_proxy.py UPSTREAM_PORT PORT_FILE [options]

A proxy on loopback between a client of AWS and the server that stands in for
it, which does to one request in so many what networks and services do:

    refuse  answers 500 or 503 (as the service says it) and does not forward
    reset   resets the connection before the server sees anything
    drop    forwards, and then closes without a reply: the server has acted
    cut     forwards, and sends half of the reply
    lie     forwards, and announces a longer reply than it sends
    crc     forwards, and sends DynamoDB's checksum wrong
    delay   forwards after a while

Its port is written to PORT_FILE when it listens; a line for each request to
LOG: what was done to it, method, target or path. The same seed does the same
to the same order of requests.
"""
import argparse
import asyncio
import os
import random
import socket
import struct

FAULTS = ["refuse", "reset", "drop", "cut", "lie", "crc", "delay"]
args = None
rng = None
log = None


def choose():
    if rng.random() >= args.rate:
        return "pass"
    return rng.choice(args.faults)


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


def refusal(fields):
    if "x-amz-target" in fields:
        kind, status = rng.choice(
            [("InternalServerError", "500 Internal Server Error"),
             ("ProvisionedThroughputExceededException", "400 Bad Request"),
             ("ThrottlingException", "400 Bad Request")])
        body = ('{"__type":"com.amazonaws.dynamodb.v20120810#%s",'
                '"message":"by the proxy"}' % kind).encode()
        kind = "application/x-amz-json-1.0"
    else:
        code, status = rng.choice([("SlowDown", "503 Slow Down"),
                                   ("InternalError", "500 Internal Error"),
                                   ("ServiceUnavailable", "503 Unavailable")])
        body = ("<Error><Code>%s</Code><Message>by the proxy</Message>"
                "</Error>" % code).encode()
        kind = "application/xml"
    return ("HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
            % (status, kind, len(body))).encode() + body


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
    if fault == "crc" and b"x-amz-crc32: " in head:
        at = head.index(b"x-amz-crc32: ") + len(b"x-amz-crc32: ")
        digit = b"1" if head[at:at + 1] != b"1" else b"2"
        return head[:at] + digit + head[at + 1:] + body, False
    return head + body, False


async def exchange(reader, writer, up):
    head, first, fields = await read_head(reader)
    body = await read_body(reader, fields)
    method, path = first.split(" ")[:2]
    fault = choose()
    log.write("%s %s %s\n" % (fault, method,
                              fields.get("x-amz-target", path)))
    log.flush()
    if fault == "refuse":
        writer.write(refusal(fields))
        await writer.drain()
        return True
    if fault == "reset":
        reset(writer)
        return False
    if fault == "delay":
        await asyncio.sleep(rng.random() * args.delay)
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
args = parser.parse_args()
rng = random.Random(args.seed)
log = open(args.log, "a", encoding="utf-8")
asyncio.run(main())
