#!/usr/bin/env python3
"""usage: second_judge.py DYNAMODB_PORT DYNALITE_PORT PORT_FILE LOG

DynamoDB for clients, with a second opinion: each request goes to the server
that answers, and to dynalite, which is stricter about what a request may be
and is asked nothing else. It has no transactions, so their parts go one by
one; a condition that fails there is a request that was understood. A line for
each part to LOG: the operation and "ok", or what dynalite says is wrong.
"""
import http.client
import http.server
import json
import os
import sys
import threading

TARGET = 'DynamoDB_20120810.'
PARTS = {'Put': 'PutItem', 'Update': 'UpdateItem', 'Delete': 'DeleteItem',
         'ConditionCheck': 'UpdateItem'}
# What dynalite does not know at all.
UNKNOWN = {'UpdateTimeToLive', 'DescribeTimeToLive', 'UpdateContinuousBackups'}
DROPPED = ('ReturnValuesOnConditionCheckFailure', 'ClientRequestToken')
WRONG = ('ValidationException', 'SerializationException')
lock = threading.Lock()


def parts(operation, body):
    if operation == 'TransactWriteItems':
        for action in body['TransactItems']:
            for kind, part in action.items():
                yield PARTS[kind], part
    elif operation not in UNKNOWN:
        yield operation, body


def judge(operation, body):
    body = {k: v for k, v in body.items() if k not in DROPPED}
    server = http.client.HTTPConnection('127.0.0.1', int(sys.argv[2]), 60)
    server.request('POST', '/', json.dumps(body), {
        'X-Amz-Target': TARGET + operation,
        'Content-Type': 'application/x-amz-json-1.0',
        'X-Amz-Date': '20260102T030405Z',
        'Authorization': 'AWS4-HMAC-SHA256 Credential=a/20260102/us-east-1/'
                         'dynamodb/aws4_request, SignedHeaders=host, '
                         'Signature=b'})
    reply = server.getresponse()
    text = reply.read().decode()
    server.close()
    said = json.loads(text) if text else {}
    kind = said.get('__type', '').rpartition('#')[2]
    return f'{kind}: {said.get("message")}' if kind in WRONG else 'ok'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    # A reply's head and body are two writes.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        operation = self.headers['X-Amz-Target'].rpartition('.')[2]
        said = [f'{name}\t{judge(name, part)}\n'
                for name, part in parts(operation, json.loads(body))]
        with lock, open(sys.argv[4], 'a', encoding='utf-8') as log:
            log.writelines(said)
        server = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), 60)
        server.request('POST', self.path, body, dict(self.headers))
        reply = server.getresponse()
        data = reply.read()
        self.send_response(reply.status)
        for name, value in reply.getheaders():
            if name.lower() in ('content-type', 'x-amz-crc32',
                                'x-amzn-requestid'):
                self.send_header(name, value)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        server.close()


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
with open(sys.argv[3] + '.new', 'w', encoding='ascii') as f:
    f.write(str(server.server_port))
os.rename(sys.argv[3] + '.new', sys.argv[3])
server.serve_forever()
