#!/usr/bin/env python3
"""usage: aws_stub.py PORT-FILE LOG [CAPACITY [COMMAND...]]

Stands in for ECS's RunTask, ListTasks and StopTask, for STS, SNS and a task's
metadata and credentials endpoints, where no server of others does: it records
each request of a service, and for credentials, as a line of JSON in LOG and
answers as AWS does. A client token seen before is answered with the tasks of
then; a launch type beside a capacity provider strategy is refused; of
FARGATE_SPOT there are CAPACITY tasks (default 100). Credentials are those of
its own environment, for $STUB_LIFE_S seconds.
With COMMAND a task is a process: it with the words of the task's override,
its output in LOG.task. StopTask sends it SIGTERM, as ECS does, and one that
has ended is listed no longer.
"""
import json
import os
import subprocess
import sys
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT_FILE, LOG = sys.argv[1:3]
SPOT = int(sys.argv[3]) if len(sys.argv) > 3 else 100
COMMAND = sys.argv[4:]
LIFE_S = int(os.environ.get("STUB_LIFE_S", "3600"))
TASK = "arn:aws:ecs:us-east-1:123456789012:task/plot-palette/%032x"
running, by_token, processes = {}, {}, {}


class Refused(Exception):
    pass


def start(arn, request):
    words = request["overrides"]["containerOverrides"][0]["command"]
    with open(LOG + ".task", "ab") as output:
        processes[arn] = subprocess.Popen(COMMAND + words, stdout=output,
                                          stderr=output)


def forget_ended():
    for arn in [a for a, p in processes.items() if p.poll() is not None]:
        del processes[arn]
        running.pop(arn, None)


def note(action, request):
    with open(LOG, "a", encoding="utf-8") as f:
        f.write(json.dumps({"action": action, "request": request}) + "\n")


def run_task(r):
    spot = "capacityProviderStrategy" in r
    if spot == ("launchType" in r):
        raise Refused("launchType and capacityProviderStrategy")
    if not 1 <= r["count"] <= 10 or len(r["clientToken"]) > 64:
        raise Refused("count or clientToken")
    network = r["networkConfiguration"]["awsvpcConfiguration"]
    if not network["subnets"]:
        raise Refused("subnets")
    if r["clientToken"] in by_token:
        return by_token[r["clientToken"]]
    out = {"tasks": [], "failures": []}
    for _ in range(r["count"]):
        if spot and len(running) >= SPOT:
            out["failures"].append({
                "reason": "Capacity is unavailable at this time"})
            continue
        arn = TASK % (len(by_token) * 100 + len(running) + 1)
        running[arn] = r
        if COMMAND:
            start(arn, r)
        out["tasks"].append({"taskArn": arn, "lastStatus": "PROVISIONING"})
    by_token[r["clientToken"]] = out
    return out


def list_tasks(r):
    def fits(task):
        family = task["taskDefinition"].split("/")[-1].split(":")[0]
        return (r.get("startedBy") in (None, task.get("startedBy")) and
                r.get("family") in (None, family))
    forget_ended()
    arns = sorted(a for a, t in running.items() if fits(t))
    start = int(r.get("nextToken", "0"))
    out = {"taskArns": arns[start:start + 2]}
    if start + 2 < len(arns):
        out["nextToken"] = str(start + 2)
    return out


def stop_task(r):
    forget_ended()
    if r["task"] in processes:
        processes[r["task"]].terminate()
    if running.pop(r["task"], None) is None:
        raise Refused("The referenced task was not found.")
    return {"task": {"taskArn": r["task"]}}


def caller(_):
    return ("<GetCallerIdentityResponse><GetCallerIdentityResult>"
            "<Arn>arn:aws:iam::123456789012:user/ann</Arn>"
            "<UserId>AIDEXAMPLE</UserId><Account>123456789012</Account>"
            "</GetCallerIdentityResult></GetCallerIdentityResponse>")


def publish(_):
    return ("<PublishResponse><PublishResult><MessageId>1</MessageId>"
            "</PublishResult></PublishResponse>")


ACTIONS = {"RunTask": run_task, "ListTasks": list_tasks, "StopTask": stop_task,
           "GetCallerIdentity": caller, "Publish": publish}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def send(self, status, body):
        body = body if isinstance(body, str) else json.dumps(body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_POST(self):
        text = self.rfile.read(int(self.headers["content-length"])).decode()
        target = self.headers.get("x-amz-target", "")
        if target:
            action, request = target.split(".")[-1], json.loads(text)
        else:
            request = dict(urllib.parse.parse_qsl(text))
            action = request["Action"]
        note(action, request)
        if not self.headers.get("authorization", "").startswith("AWS4-"):
            self.send(403, {"__type": "MissingAuthenticationToken"})
            return
        try:
            self.send(200, ACTIONS[action](request))
        except (Refused, KeyError) as e:
            self.send(400, {"__type": "InvalidParameterException",
                            "message": str(e)})

    def do_GET(self):
        if self.path == "/credentials":
            note("Credentials", {})
            return self.send(200, {
                "AccessKeyId": os.environ["AWS_ACCESS_KEY_ID"],
                "SecretAccessKey": os.environ["AWS_SECRET_ACCESS_KEY"],
                "Expiration": time.strftime(
                    "%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + LIFE_S))})
        return self.send(200, {
            "Cluster": "plot-palette", "TaskARN": TASK % 0xfa,
            "Limits": {"CPU": 0.25, "Memory": 512},
            "AvailabilityZone": "us-east-1a"})

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(PORT_FILE + ".new", "w", encoding="ascii") as out_file:
    out_file.write(f"{server.server_port}\n")
os.rename(PORT_FILE + ".new", PORT_FILE)
server.serve_forever()
