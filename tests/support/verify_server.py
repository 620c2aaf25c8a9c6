#!/usr/bin/env python3
"""usage: verify_server.py PORT-FILE ACCESS SECRET [TOKEN]

Recomputes the SigV4 signature of every request from the bytes on the wire,
by the written rules and with nothing but hashlib and hmac. 200 or 403, and a
JSON object that says what was expected. Serves a free port on loopback, which
it writes to PORT-FILE.
"""
import base64
import hashlib
import hmac
import json
import os
import re
import sys
import urllib.parse
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT_FILE, ACCESS, SECRET = sys.argv[1:4]
TOKEN = sys.argv[4] if len(sys.argv) > 4 else None
EMPTY = hashlib.sha256(b"").hexdigest()
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request"
    r", SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$")


def sha(data):
    return hashlib.sha256(data).hexdigest()


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def quote(raw, safe="-_.~"):
    return urllib.parse.quote(raw, safe=safe)


def normal(path):
    out = []
    for part in path.split("/"):
        if part == "..":
            out and out.pop()
        elif part not in ("", "."):
            out.append(part)
    end = "/" if path.endswith("/") and out else ""
    return "/" + "/".join(out) + end


class Wrong(Exception):
    pass


class Scope:
    def __init__(self, day, region, service, time):
        self.time = time
        self.text = f"{day}/{region}/{service}/aws4_request"
        key = ("AWS4" + SECRET).encode()
        for part in (day, region, service, "aws4_request"):
            key = mac(key, part)
        self.key = key

    def sign(self, algorithm, *rest):
        text = "\n".join([algorithm, self.time, self.text, *rest])
        return mac(self.key, text).hex()


def read_chunks(body, scope, signature, signed):
    """The decoded body of aws-chunked, its signatures and CRC checked."""
    data, at, trailer = b"", 0, {}
    while True:
        end = body.index(b"\r\n", at)
        head, at = body[at:end].decode(), end + 2
        size = int(head.split(";")[0], 16)
        piece = body[at:at + size]
        if len(piece) != size:
            raise Wrong("a chunk is cut")
        if signed:
            signature = scope.sign("AWS4-HMAC-SHA256-PAYLOAD", signature,
                                   EMPTY, sha(piece))
            if head.split(";chunk-signature=")[1] != signature:
                raise Wrong("a chunk's signature is wrong")
        data, at = data + piece, at + size
        if size == 0:
            break
        if body[at:at + 2] != b"\r\n":
            raise Wrong("a chunk has no end")
        at += 2
    for line in body[at:].decode().split("\r\n"):
        if line:
            name, _, value = line.partition(":")
            trailer[name] = value
    crc = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    if trailer.get("x-amz-checksum-crc32") != crc:
        raise Wrong("the trailing CRC is wrong")
    if signed:
        line = f"x-amz-checksum-crc32:{crc}\n".encode()
        if trailer.get("x-amz-trailer-signature") != scope.sign(
                "AWS4-HMAC-SHA256-TRAILER", signature, sha(line)):
            raise Wrong("the trailer's signature is wrong")
    return data


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def canonical(self, path, pairs, names, service, payload):
        headers = ""
        for name in names:
            values = self.headers.get_all(name, [""])
            text = ",".join(re.sub(r"\s+", " ", v.strip()) for v in values)
            headers += f"{name}:{text}\n"
        query = "&".join(f"{a}={b}" for a, b in sorted(
            (quote(urllib.parse.unquote_to_bytes(a)),
             quote(urllib.parse.unquote_to_bytes(b))) for a, b in pairs))
        if service == "s3":
            path = quote(urllib.parse.unquote_to_bytes(path), "/-_.~")
        else:
            path = quote(normal(path).encode(), "/-_.~")
        return "\n".join([self.command, path, query, headers,
                          ";".join(names), payload])

    def check_names(self, names):
        if names != sorted(names) or "host" not in names:
            raise Wrong("SignedHeaders are not sorted, or lack host")
        for name in self.headers.keys():
            name = name.lower()
            if name.startswith("x-amz-") and name not in names:
                raise Wrong("unsigned header " + name)

    def check(self, body):
        path, _, query = self.path.partition("?")
        pairs = [p.partition("=")[::2] for p in query.split("&") if p]
        given = dict((a, urllib.parse.unquote(b)) for a, b in pairs)
        presigned = "X-Amz-Signature" in given
        if presigned:
            access, day, region, service, _ = \
                given["X-Amz-Credential"].split("/")
            names, got = given["X-Amz-SignedHeaders"], given["X-Amz-Signature"]
            time, token = given["X-Amz-Date"], given.get("X-Amz-Security-Token")
            pairs = [p for p in pairs if p[0] != "X-Amz-Signature"]
        else:
            m = AUTHORIZATION.match(self.headers.get("authorization") or "")
            if not m:
                raise Wrong("no authorization that can be read")
            access, day, region, service, names, got = m.groups()
            time = self.headers["x-amz-date"]
            token = self.headers.get("x-amz-security-token")
        names = names.split(";")
        if access != ACCESS or token != TOKEN:
            raise Wrong("wrong access key or token")
        self.check_names(names)
        scope = Scope(day, region, service, time)
        said = self.headers.get("x-amz-content-sha256")
        if service == "s3" and not said and not presigned:
            raise Wrong("S3 wants x-amz-content-sha256")
        if said and re.match("[0-9a-f]{64}$", said) and said != sha(body):
            raise Wrong("x-amz-content-sha256 is not that of the body")
        payload = said or ("UNSIGNED-PAYLOAD" if presigned and service == "s3"
                           else sha(body))
        text = self.canonical(path, pairs, names, service, payload)
        want = scope.sign("AWS4-HMAC-SHA256", sha(text.encode()))
        if want != got:
            raise Wrong("signature does not match this canonical request:\n"
                        + text)
        if said and said.startswith("STREAMING-"):
            body = read_chunks(body, scope, got, "HMAC" in said)
            if len(body) != int(self.headers["x-amz-decoded-content-length"]):
                raise Wrong("x-amz-decoded-content-length is wrong")
        return body

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        out = {"ok": True, "wire_path": self.path}
        try:
            data = self.check(body)
            out["body_sha256"] = sha(data)
        except (Wrong, ValueError, KeyError, IndexError) as e:
            out.update(ok=False, __type="SignatureDoesNotMatch", message=str(e))
        text = json.dumps(out).encode()
        self.send_response(200 if out["ok"] else 403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(PORT_FILE + ".new", "w", encoding="ascii") as f:
    f.write(f"{server.server_port}\n")
os.rename(PORT_FILE + ".new", PORT_FILE)
server.serve_forever()
