#!/usr/bin/env python3
"""usage: verify_server.py PORT-FILE ACCESS SECRET [TOKEN]

Recomputes the SigV4 signature of every request from the bytes on the wire,
by the written rules and with nothing but hashlib and hmac. 200 or 403, and a
JSON object that says what was expected. Serves a free port on loopback, which
it writes to PORT-FILE. Where a client needs more to go on, the reply to a right
request is the least that it takes: a listing, an upload's id, an answer. GET
/__signed lists the distinct requests so far that were signed rightly, and
/__wrong those that were not.
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
LARGE = 9 << 20     # bytes of an object whose key ends in "large"
signed, wrong = set(), set()
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


XML = {
    "list-type": "<ListBucketResult><IsTruncated>false</IsTruncated>"
                 "<Contents><Key>a%20b</Key><Size>1</Size></Contents>"
                 "</ListBucketResult>",
    "uploads": "<InitiateMultipartUploadResult><UploadId>u+/=1</UploadId>"
               "</InitiateMultipartUploadResult>",
    "uploadId": "<CompleteMultipartUploadResult><ETag>\"e\"</ETag>"
                "</CompleteMultipartUploadResult>",
    "delete": "<DeleteResult/>",
    "restore": "<RestoreResult/>",
    "sts": "<R><Account>1</Account><Arn>arn:aws:iam::1:user/ann</Arn>"
           "<UserId>AID</UserId><Credentials>"
           f"<AccessKeyId>{ACCESS}</AccessKeyId>"
           f"<SecretAccessKey>{SECRET}</SecretAccessKey>"
           f"<SessionToken>{TOKEN}</SessionToken>"
           "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></R>",
}
CONVERSE = {"output": {"message": {"content": [{"text": "yes"}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 1, "outputTokens": 1}}


def operation(service, command, query, target, headers):
    """What was asked for, in a word or two."""
    for name in ("list-type", "uploads", "partNumber", "uploadId", "delete",
                 "restore", "X-Amz-Signature"):
        if name in query:
            return f"{service} {command} {name}"
    if target:
        return f"{service} {target.split('.')[-1]}"
    also = [h for h in ("range", "x-amz-tagging", "if-none-match", "if-match",
                        "x-amz-trailer") if h in headers]
    return " ".join([service, command, *also])


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
        self.service = service
        crc = self.headers.get("x-amz-checksum-crc32")
        if crc and crc != base64.b64encode(
                zlib.crc32(body).to_bytes(4, "big")).decode():
            raise Wrong("x-amz-checksum-crc32 is not that of the body")
        if said and said.startswith("STREAMING-"):
            body = read_chunks(body, scope, got, "HMAC" in said)
            if len(body) != int(self.headers["x-amz-decoded-content-length"]):
                raise Wrong("x-amz-decoded-content-length is wrong")
        return body

    def send(self, status, text, *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def send_object(self, path):
        """What a reader of objects needs: all of one, or a range."""
        size = LARGE if path.endswith("large") else 3
        m = re.match(r"bytes=(\d+)-(\d+)$", self.headers.get("range") or "")
        etag = ("ETag", '"e"')
        if self.command == "HEAD":
            self.send(200, b"", etag, ("Content-Length", str(size)))
        elif m:
            first, last = int(m[1]), min(int(m[2]), size - 1)
            self.send(206, b"x" * (last - first + 1), etag)
        else:
            self.send(200, b"x" * size, etag)

    def send_right(self, path, query, out):
        asked = "sts" if self.service == "sts" else next(
            (n for n in XML if n in query), None)
        if self.service == "bedrock":
            self.send(200, json.dumps(CONVERSE).encode())
        elif self.command in ("GET", "HEAD") and path.endswith(
                ("object", "large")):
            self.send_object(path)
        elif asked and "partNumber" not in query:
            self.send(200, XML[asked].encode())
        else:
            out["tasks"] = [{"taskArn": "arn:t"}]
            self.send(200, json.dumps(out).encode(), ("ETag", '"e"'))

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path, _, query = self.path.partition("?")
        query = [p.partition("=")[0] for p in query.split("&")]
        if path in ("/__signed", "/__wrong"):
            names = signed if path == "/__signed" else wrong
            return self.send(200, "\n".join(sorted(names)).encode())
        self.service = ""
        try:
            out = {"ok": True, "wire_path": self.path,
                   "body_sha256": sha(self.check(body))}
        except (Wrong, ValueError, KeyError, IndexError) as e:
            wrong.add(f"{self.command} {self.path}: {e}")
            out = {"ok": False, "wire_path": self.path, "message": str(e),
                   "__type": "SignatureDoesNotMatch"}
            return self.send(403, json.dumps(out).encode())
        what = operation(self.service, self.command, query,
                         self.headers.get("x-amz-target"),
                         [h.lower() for h in self.headers.keys()])
        if what == "sts POST" or what == "sns POST":
            what += " " + body.decode().partition("&")[0]
        signed.add(what)
        return self.send_right(path, query, out)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that has what it wants may go as it likes."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


server = Server(("127.0.0.1", 0), Handler)
with open(PORT_FILE + ".new", "w", encoding="ascii") as f:
    f.write(f"{server.server_port}\n")
os.rename(PORT_FILE + ".new", PORT_FILE)
server.serve_forever()
