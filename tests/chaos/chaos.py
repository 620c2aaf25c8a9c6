#!/usr/bin/env python3
"""Do to workers what can be done to them, and see whether any promise breaks.

One job on a four-step template runs against the mock model server, which
writes down every request and its price. Workers are killed, stopped and
continued, their disk fails or is full (faults.so), another program holds the
database, clocks jump, the server throttles, fails, resets, hangs. Then
judge.py, which shares nothing with the worker, checks rows, sums, costs and
calls against the server's own log and bill; and this here, that

 1. no row failed, unless --may-fail
 2. the export equals that of an undisturbed run, byte for byte, which cost
    what the server billed and not a nano-dollar more
 3. nothing is left half written: every object can be read, the database is
    sound, journals are gone, a fresh worker ends at once and calls nobody
 4. no worker has taken more memory or descriptors than it may, or has left
    a child

With --poor the budget ends first: rows may be missing then, and 2 is left out.

With --aws PROGRAM the home is on AWS, by the servers of with-aws-servers, which
runs this here, and PROGRAM (awshome) makes it. What is between the worker and
the servers is then troubled too: --wire is the share of requests that
fault_proxy.py spoils. There is no journal, so what came home since the last
checkpoint of a worker that was killed is asked for again, and its cost, as
that of the whole slice of the budget, is unproven.

What is done when is a function of --seed, which is printed; how far the
workers are by then is not. --mix draws everything anew for each round.

Usage: chaos.py --bin DIR --mock PROGRAM [--shim faults.so] [--mix]
        [--aws PROGRAM [--wire SHARE]]
        [--rounds N | --seconds S] [--seed N]
"""
import argparse
import concurrent.futures
import glob
import http.server
import itertools
import json
import mmap
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from decimal import Decimal

sys.dont_write_bytecode = True
import judge

MODELS = {"small": ("0.22", "0.22"), "middle": ("0.72", "0.72"),
          "dear": ("3", "15"), "other": ("0.15", "0.20")}
TEMPLATE = """template:
  id: chaos
  category: "{{ 'even' if n % 2 == 0 else 'odd' }}"
  steps:
    - {id: a, model: small, max_tokens: 40, prompt: "row {{ row.index }} a {{ text }}"}
    - {id: b, model: middle, max_tokens: 40, prompt: "row {{ row.index }} b {{ steps.a.output[:60] }}"}
    - {id: c, model: dear, max_tokens: 40, prompt: "row {{ row.index }} c {{ steps.b.output[:60] }}"}
    - {id: d, model: other, max_tokens: 40, when: "row.index % 3 != 0", prompt: "row {{ row.index }} d {{ steps.c.output[:60] }}"}
  record:
    n: "{{ n }}"
    a: "{{ steps.a.output }}"
    c: "{{ steps.c.output }}"
    d: "{{ steps.d.output | default('none') }}"
"""
FINISH_S = 300
ROW_USD = 0.00068               # what a row of it costs, about
HOUR_MS = 3600 * 1000


class Broken(Exception):
    pass


class Weather:
    """The page that faults.so reads: clocks and the disk."""

    def __init__(self, path):
        with open(path, "wb") as f:
            f.write(bytes(4096))
        self.path = path
        self.file = open(path, "r+b")
        self.page = mmap.mmap(self.file.fileno(), 4096)

    def close(self):
        self.page.close()
        self.file.close()

    def set_clocks(self, wall_ms, boot_ms):
        struct.pack_into("=qq", self.page, 0, wall_ms, boot_ms)

    def clocks(self):
        return struct.unpack_from("=qq", self.page, 0)

    def set_disk(self, eio_ppm, full_ppm):
        struct.pack_into("=II", self.page, 16, eio_ppm, full_ppm)

    def failed(self):
        return struct.unpack_from("=II", self.page, 24)


class EmbeddedHome:
    """SQLite and a folder."""

    kinds = ["kill", "term", "stop", "disk", "busy", "clock"]
    files = 48                  # of a worker, besides those of its calls

    def __init__(self, folder):
        self.folder = folder
        self.env = {"PP_STORE": "file:" + folder}
        self.copies = 0         # of journals, taken when a worker ended

    def close(self):
        pass

    def keep_journals(self, job, into):
        """A checkpoint will remove them, and the judge wants to see them."""
        self.copies += 1
        folder = "%s/%d" % (into, self.copies)
        os.makedirs(folder)
        for name in glob.glob("%s/journal/%s/*.log" % (self.folder, job)):
            try:
                shutil.copy(name, folder)
            except FileNotFoundError:
                continue        # another worker's checkpoint was faster
        db = sqlite3.connect(self.folder + "/plotpalette.db", timeout=60)
        try:
            epochs = dict(db.execute(
                "SELECT shard, epoch FROM queue WHERE job_id = ?", (job,)))
        finally:
            db.close()
        with open(folder + "/epochs.json", "w") as f:
            json.dump(epochs, f)

    def cost_rows(self, job):
        db = sqlite3.connect(self.folder + "/plotpalette.db", timeout=60)
        try:
            return [{"timestamp": row[0], "model": row[1], "tokens_in": row[2],
                     "tokens_out": row[3], "compute_ms": row[4],
                     "cost": str(Decimal(row[5]) / 10 ** 9)}
                    for row in db.execute(
                        "SELECT timestamp, model_id, tokens_in, tokens_out, "
                        "compute_ms, estimated_cost FROM costs "
                        "WHERE job_id = ?", (job,))]
        finally:
            db.close()

    def hold(self, seconds):
        """Another program holds the database."""
        db = sqlite3.connect(self.folder + "/plotpalette.db", timeout=30,
                             isolation_level=None)
        try:
            db.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            db.execute("ROLLBACK")
        finally:
            db.close()

    def check(self):
        for name in glob.glob(self.folder + "/*.db"):
            db = sqlite3.connect(name)
            try:
                verdict = db.execute("PRAGMA integrity_check").fetchall()
            finally:
                db.close()
            if verdict != [("ok",)]:
                raise Broken("%s: %s" % (name, verdict))


class Keys(http.server.BaseHTTPRequestHandler):
    """Hands out the keys of a task, each time with another token."""

    numbers = itertools.count(1)

    def do_GET(self):
        end = time.gmtime(time.time() + 6 * 3600)
        body = json.dumps({
            "AccessKeyId": os.environ["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": os.environ["AWS_SECRET_ACCESS_KEY"],
            "Token": "token-%d" % next(self.numbers),
            "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", end)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        try:
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            pass                # whoever asked was killed

    def log_message(self, *_):
        pass


class AwsHome:
    """Tables and a bucket, whose objects are files; a proxy before each."""

    kinds = ["kill", "term", "stop", "clock"]
    files = 112     # some 30, and two clients may have 32 connections each
    tries_of_programs = "12"    # pp-job and the like have no second run

    def __init__(self, folder, program, share, seed):
        self.folder, self.program = folder, program
        self.name = "chaos-%s" % os.urandom(8).hex()
        self.processes = []
        subprocess.run([program, "make", self.name, self.name], check=True)
        os.mkdir(folder)
        os.symlink(os.path.join(os.environ["PP_S3_FOLDER"], self.name),
                   folder + "/objects")
        self.keys = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys)
        threading.Thread(target=self.keys.serve_forever, daemon=True).start()
        self.env = {
            "PP_STORE": "aws:" + self.name, "PP_TABLE_PREFIX": self.name,
            "PP_USER": "ann", "AWS_MAX_ATTEMPTS": self.tries_of_programs,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI":
                "http://127.0.0.1:%d/" % self.keys.server_address[1]}
        for service in ["DYNAMODB", "S3"]:
            name = "AWS_ENDPOINT_URL_" + service
            self.env[name] = self.proxy(service, os.environ[name], share, seed)

    def proxy(self, service, url, share, seed):
        port_file = "%s/%s.port" % (self.folder, service)
        self.processes.append(subprocess.Popen(
            [sys.executable, os.path.join(
                os.path.dirname(os.path.abspath(__file__)),
                "../support/fault_proxy.py"), url.rpartition(":")[2],
             port_file, "--rate", str(share), "--seed", str(seed), "--log",
             "%s/%s.wire" % (self.folder, service)]))
        deadline = time.time() + 60
        while not os.path.exists(port_file):
            if time.time() > deadline:
                raise Broken("no proxy")
            time.sleep(0.02)
        with open(port_file) as f:
            return "http://127.0.0.1:" + f.read().strip()

    def wire(self):
        """How often the proxies did what."""
        counts = {}
        for name in glob.glob(self.folder + "/*.wire"):
            with open(name) as f:
                for line in f:
                    what = line.split(" ")[0]
                    counts[what] = counts.get(what, 0) + 1
        return counts

    def close(self):
        for p in self.processes:
            p.terminate()
            p.wait()
        self.keys.shutdown()
        self.keys.server_close()
        subprocess.run([self.program, "drop", self.name, self.name],
                       check=True)

    def keep_journals(self, job, into):
        pass

    def cost_rows(self, job):
        """Asked without a proxy in between; nobody checks the signature."""
        query = {"TableName": self.name + "CostTracking",
                 "KeyConditionExpression": "job_id = :j",
                 "ExpressionAttributeValues": {":j": {"S": job}}}
        request = urllib.request.Request(
            os.environ["AWS_ENDPOINT_URL_DYNAMODB"], headers={
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": "DynamoDB_20120810.Query",
                "Authorization": "AWS4-HMAC-SHA256 Credential=%s/20260101/"
                "us-east-1/dynamodb/aws4_request, SignedHeaders=host, "
                "Signature=0" % os.environ["AWS_ACCESS_KEY_ID"]})
        rows = []
        while True:
            request.data = json.dumps(query).encode()
            with urllib.request.urlopen(request) as r:
                page = json.load(r)
            rows += [{"timestamp": item["timestamp"]["S"],
                      "model": item["model_id"]["S"],
                      "cost": item["estimated_cost"]["N"],
                      **{name: int(item[name]["N"]) for name in
                         ["tokens_in", "tokens_out", "compute_ms"]}}
                     for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return rows
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def check(self):
        pass


class World:
    """A home, a mock server and the programs, in a folder of their own."""

    def __init__(self, args, folder):
        self.args = args
        self.folder = folder
        if args.aws:
            self.home = AwsHome(self.path("home"), args.aws, args.wire,
                                args.seed)
        else:
            self.home = EmbeddedHome(self.path("home"))
        self.env = dict(os.environ,
                        PATH=args.bin + ":" + os.environ["PATH"], TZ="UTC",
                        PP_MAX_CONCURRENT_JOBS="1000")
        for name in list(self.env):
            if name.startswith("PP_MODEL"):
                del self.env[name]
        if args.aws:
            # the keys of a task, not those of the environment
            del self.env["AWS_ACCESS_KEY_ID"]
            del self.env["AWS_SECRET_ACCESS_KEY"]
        self.env.update(self.home.env)
        self.mock = None
        self.weather = Weather(self.path("weather"))
        self.peak_kib = self.peak_files = 0

    def close(self):
        self.weather.close()
        self.home.close()

    def path(self, name):
        return os.path.join(self.folder, name)

    def write_inputs(self):
        with open(self.path("chaos.yaml"), "w") as f:
            f.write(TEMPLATE)
        with open(self.path("seeds.jsonl"), "w") as f:
            for n in range(1, 98):
                f.write(json.dumps({"n": n, "text": "seed %d" % n}) + "\n")
        with open(self.path("prices.json"), "w") as f:
            json.dump({"m-" + name: {"input": i, "output": o}
                       for name, (i, o) in MODELS.items()}, f)

    def start_mock(self, log, options):
        port_file = self.path("port")
        if os.path.exists(port_file):
            os.unlink(port_file)
        self.mock = subprocess.Popen(
            [self.args.mock, "--port", "0", "--port-file", port_file,
             "--prices", self.path("prices.json"), "--log", self.path(log),
             "--seed", str(self.args.mock_seed), "--bytes", "150",
             "--quiet"] + options)
        deadline = time.time() + 60
        while not (os.path.exists(port_file) and os.path.getsize(port_file)):
            if time.time() > deadline:
                raise Broken("the mock server does not start")
            time.sleep(0.02)
        with open(port_file) as f:
            self.url = "http://127.0.0.1:" + f.read().strip()
        for i, (name, (price_in, price_out)) in enumerate(MODELS.items()):
            p = "PP_MODEL_%d_" % (i + 1)
            self.env.update({
                p + "NAME": name, p + "PROVIDER": "openai",
                p + "ID": "m-" + name, p + "URL": self.url + "/v1",
                p + "INPUT_USD": price_in, p + "OUTPUT_USD": price_out,
                p + "TIMEOUT": self.args.timeout})

    def stop_mock(self):
        if self.mock is not None:
            self.mock.terminate()
            self.mock.wait()
            self.mock = None

    def stats(self):
        """When all is over: a server may still wait for a client's reset."""
        deadline = time.time() + 60
        while True:
            with urllib.request.urlopen(self.url + "/__stats") as r:
                stats = json.load(r)
            if stats["inflight"] == 0 or time.time() > deadline:
                return stats
            time.sleep(0.05)

    def run(self, *command, ok=(0,)):
        try:
            done = subprocess.run(command, env=self.env, cwd=self.folder,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=600)
        except subprocess.TimeoutExpired as e:
            raise Broken("%s hangs" % " ".join(command)) from e
        if done.returncode not in ok:
            raise Broken("%s: status %d\n%s" % (
                " ".join(command), done.returncode,
                done.stderr.decode("utf-8", "replace")[-2000:]))
        return done.stdout

    def create_job(self, shards):
        a = self.args
        job = json.loads(self.run(
            "pp-job", "create", "-t", "chaos.yaml", "-s", "seeds", "-n",
            str(a.rows), "--budget", a.budget, "--seed", str(a.job_seed),
            "--shards", str(shards), "--checkpoint-rows",
            str(a.checkpoint_rows)))
        return job["job_id"]

    def status(self, job):
        return json.loads(self.run("pp-job", "show", job, "--json"))["status"]

    def worker_options(self):
        return ["--concurrency", str(self.args.concurrency), "--backoff",
                "20ms", "--retries", "12"]

    def start_worker(self):
        env = dict(self.env)
        if self.args.shim:
            env.update(LD_PRELOAD=self.args.shim,
                       PP_FAULTS=self.weather.path,
                       PP_FAULTS_ROOT=self.path("home"),
                       ASAN_OPTIONS="verify_asan_link_order=0")
        with open(self.path("worker.log"), "ab") as log:
            return subprocess.Popen(
                ["pp-worker", "--lease", self.args.lease, "--grace", "2s",
                 "--checkpoint", "2s", "--forever"] + self.worker_options(),
                env=env, cwd=self.folder, stderr=log,
                stdout=subprocess.DEVNULL)

    def last_words(self):
        with open(self.path("worker.log"), errors="replace") as f:
            return "".join(f.readlines()[-8:])

    def keep_journals(self, job):
        self.home.keep_journals(job, self.path("journals"))


# ---- what is done to workers ----

class Trouble:
    """The workers of a round, and what befalls them."""

    def __init__(self, world, rng, job):
        self.world, self.rng, self.job = world, rng, job
        self.args = world.args
        self.workers = []
        self.counts = {}

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def fill_up(self):
        """Those that have ended are replaced."""
        for w in self.workers[:]:
            status = w.poll()
            if status is None:
                continue
            self.workers.remove(w)
            self.count("exit%d" % status)
            if status in (1, 65, 66, 70, 71, 77, 78) or status < 0:
                raise Broken("a worker ended with status %d: %s" % (
                    status, self.world.last_words()))
            self.world.keep_journals(self.job)
        while len(self.workers) < self.args.workers:
            self.workers.append(self.world.start_worker())

    def look_at(self, w):
        """Memory, descriptors, children: all have a bound."""
        world, proc = self.world, "/proc/%d" % w.pid
        try:
            with open(proc + "/status") as f:
                kib = [int(line.split()[1]) for line in f
                       if line.startswith("VmHWM:")]
            with open("%s/task/%d/children" % (proc, w.pid)) as f:
                children = f.read().split()
            files = len(os.listdir(proc + "/fd"))
        except (OSError, ValueError):
            return              # it has ended, or is not ours to look at
        world.peak_kib = max([world.peak_kib] + kib)
        world.peak_files = max(world.peak_files, files)
        if children:
            raise Broken("a worker has children: %s" % children)
        if 0 < self.args.max_rss < world.peak_kib / 1024:
            raise Broken("a worker takes %d MiB" % (world.peak_kib / 1024))
        if files > self.args.concurrency + world.home.files:
            raise Broken("a worker has %d descriptors" % files)

    def kill(self):
        victim = self.workers.pop(self.rng.randrange(len(self.workers)))
        victim.send_signal(signal.SIGKILL)
        victim.wait(timeout=120)
        self.world.keep_journals(self.job)

    def terminate(self):
        victim = self.workers.pop(self.rng.randrange(len(self.workers)))
        victim.send_signal(signal.SIGTERM)
        if self.rng.random() < 0.3:
            time.sleep(self.rng.uniform(0, 0.1))
            victim.send_signal(signal.SIGTERM)
        victim.wait(timeout=120)
        self.world.keep_journals(self.job)

    def stop(self):
        victim = self.rng.choice(self.workers)
        victim.send_signal(signal.SIGSTOP)
        time.sleep(self.rng.uniform(0.1, self.args.longest_stop))
        victim.send_signal(signal.SIGCONT)

    def disk(self):
        eio, full = self.rng.choice([(1, 0), (0, 1), (1, 1)])
        ppm = self.rng.choice([1000, 10000, 100000, 1000000])
        self.world.weather.set_disk(eio * ppm, full * ppm)
        time.sleep(self.rng.uniform(0.05, 0.4))
        self.world.weather.set_disk(0, 0)

    def busy(self):
        """Now and then for longer than a lease."""
        self.world.home.hold(self.rng.choice([0.05, 0.1, 0.2, 0.5, 3]))

    def clock(self):
        """The wall clock may go anywhere, the boot clock forward alone."""
        wall, boot = self.world.weather.clocks()
        if self.rng.random() < 0.6:
            wall += int(self.rng.choice([-1, 1]) *
                        10 ** self.rng.uniform(2, 8))
            if self.args.aws:   # off by an hour, and back
                wall = self.rng.choice([-HOUR_MS, HOUR_MS, 0, wall % HOUR_MS])
        if self.rng.random() < 0.5:
            boot += int(10 ** self.rng.uniform(2, 4.7))
        self.world.weather.set_clocks(wall, boot)

    KINDS = {"kill": kill, "term": terminate, "stop": stop, "disk": disk,
             "busy": busy, "clock": clock}

    def disturb(self):
        """Until there was enough of it, or the job is over."""
        a = self.args
        kinds = [k for k in self.world.home.kinds if a.weights.get(k, 0) > 0]
        weights = [a.weights[k] for k in kinds]
        deadline = time.time() + a.time_limit
        events = 0
        while events < a.events and time.time() < deadline:
            self.fill_up()
            time.sleep(self.rng.uniform(a.shortest, a.longest))
            if self.world.status(self.job) not in ("QUEUED", "RUNNING"):
                break
            for w in self.workers:
                self.look_at(w)
            self.fill_up()
            events += 1
            if kinds:
                kind = self.rng.choices(kinds, weights)[0]
                self.KINDS[kind](self)
                self.count(kind)

    def end(self):
        for w in self.workers:
            w.send_signal(signal.SIGKILL)
            w.wait()
            self.world.keep_journals(self.job)
        self.workers = []


# ---- what must be true then ----

def finish(world, job):
    """Whatever has happened, fresh workers bring it to its end."""
    deadline = time.time() + FINISH_S
    while (status := world.status(job)) in ("QUEUED", "RUNNING"):
        if time.time() > deadline:
            break
        world.run("pp-worker", "-q", *world.worker_options(),
                  ok=(0, 1, 3, 75) + ((69,) if world.args.wire > 0 else ()))
        time.sleep(0.1)         # the leases of the dead run out
    if world.args.poor and status == "BUDGET_EXCEEDED":
        return
    if status != "COMPLETED":
        raise Broken("the job ended as %s: %s" % (status, world.run(
            "pp-job", "show", job, "--json").decode()))


def check_nothing_is_left(world, job):
    calls = world.stats()["requests"]
    world.run("pp-worker", "-q", *world.worker_options())
    if world.stats()["requests"] != calls:
        raise Broken("a worker calls models with nothing to do")
    left = glob.glob(world.path("home/journal/%s/*" % job))
    if len(left) > world.args.shards:
        raise Broken("journals are left: %s" % left)


def check_files(world):
    """Each object is whole, and what else the home has."""
    for name in glob.glob(world.path("home/objects/**"), recursive=True):
        if not name.endswith((".json", ".jsonl")):
            continue
        with open(name, "rb") as f:
            text = f.read()
        try:
            for line in text.splitlines() if name.endswith("l") else [text]:
                json.loads(line)
        except ValueError as e:
            raise Broken("%s: %s" % (name, e)) from e
    world.home.check()


def data_set(world, job):
    return world.run("pp-export", job, "--format", "jsonl", "-o", "-")


def check_job(world, job, log):
    """What the judge says; the sums it has made."""
    files = {"export": data_set(world, job),
             "cost": world.run("pp-cost", "show", job, "--json"),
             "cost-rows": "".join(
                 json.dumps(row) + "\n"
                 for row in world.home.cost_rows(job)).encode(),
             "stats": json.dumps(world.stats()).encode()}
    arguments = ["--home", world.path("home"), "--job", job, "--limit",
                 world.args.budget, "--log", world.path(log),
                 "--journals", world.path("journals")]
    for name, data in files.items():
        with open(world.path(name), "wb") as f:
            f.write(data)
        arguments += ["--" + name, world.path(name)]
    if not world.args.poor:
        arguments.append("--final")
    try:
        verdict, sums = judge.judge(judge.read_options(arguments))
    except judge.CannotJudge as e:
        raise Broken(str(e)) from e
    if verdict.problems:
        raise Broken("\n".join(verdict.lines()))
    if sums["failed"] > 0 and not world.args.may_fail:
        raise Broken("%d rows failed" % sums["failed"])
    return files["export"], sums


def undisturbed(args, folder, known={}):
    """
    The export of a run with nothing in its way, on the embedded home; made
    once a job.
    """
    key = (args.rows, args.job_seed, args.mock_seed)
    if key in known:
        return known[key]
    os.mkdir(folder)
    calm = argparse.Namespace(**dict(vars(args), budget="100", poor=False,
                                     timeout="10m", aws=None, wire=0))
    world = World(calm, folder)
    world.write_inputs()
    world.start_mock("calm.log", ["--latency", "1"])
    try:
        world.run("pp-seed", "put", "seeds", "seeds.jsonl")
        job = world.create_job(1)
        finish(world, job)
        known[key], sums = check_job(world, job, "calm.log")
    finally:
        world.stop_mock()
        world.close()
    if judge.nusd(sums["unproven"][1:]) != 0 or sums["bill"] != sums["proven"]:
        raise Broken("undisturbed, %s" % judge.show(sums))
    return known[key]


# ---- rounds ----

HOMES = [EmbeddedHome, AwsHome]


def draw_aws(a, rng):
    """A short job: each of its steps is some calls of servers."""
    a.rows = rng.choice([12, 20, 40, 60])
    a.workers, a.shards = rng.randint(1, 4), rng.randint(1, 4)
    a.events = rng.randint(0, 6)
    a.wire = rng.choice([0, 0.02, 0.05, 0.1, 0.2])
    a.budget = "100000"         # slices that are lost count as spent

def draw(args, rng):
    """Everything about a round, by chance."""
    a = argparse.Namespace(**vars(args))
    a.rows = rng.choice([40, 60, 80, 120, 160])
    a.job_seed, a.mock_seed = rng.randrange(3), rng.randrange(4)
    a.workers, a.shards = rng.randint(1, 8), rng.randint(1, 8)
    a.concurrency = rng.choice([1, 4, 8, 16, 32])
    a.checkpoint_rows = rng.choice([1, 10, 50])
    a.events = rng.randint(1, 12)
    if a.aws:
        draw_aws(a, rng)
    a.longest = rng.choice([0.05, 0.1, 0.4])
    a.lease = rng.choice(["1s", "2s"])
    a.timeout = "2s"
    kinds = [k for k in HOMES[bool(a.aws)].kinds
             if a.shim or k not in ("disk", "clock")]
    a.weights = {k: rng.randint(1, 4) for k in kinds if rng.random() < 0.5}
    a.poor = rng.random() < 0.12
    if a.poor:
        a.budget = "%.6f" % (a.rows * ROW_USD * rng.uniform(0.2, 0.9))
    a.mock_options = ["--latency", str(rng.choice([1, 5, 20, 40])),
                      "--retry-after", str(rng.choice([0, 0, 0, 1]))]
    for fault in ["429", "500", "503", "529", "408", "reset", "reset_mid",
                  "truncate", "close", "garbage", "empty", "drip", "hang"]:
        if rng.random() < 0.25:
            share = 0.01 if fault in ("hang", "drip") else 0.03
            a.mock_options += ["--fault", "%s=%s" % (fault, share)]
    return a


def show_counts(before, counts):
    return "".join([before] + ["%s %d, " % c for c in sorted(counts.items())])


def one_round(args, folder):
    rng = random.Random(args.seed)
    if args.mix:
        args = draw(args, rng)
    calm = None if args.poor else undisturbed(args, folder + "/calm")
    world = World(args, folder)
    world.write_inputs()
    world.start_mock("chaos.log", args.mock_options)
    try:
        world.run("pp-seed", "put", "seeds", "seeds.jsonl")
        job = world.create_job(args.shards)
        trouble = Trouble(world, rng, job)
        try:
            trouble.disturb()
        finally:
            trouble.end()
        finish(world, job)
        disturbed, sums = check_job(world, job, "chaos.log")
        check_nothing_is_left(world, job)
        check_files(world)
        eio, full = world.weather.failed()
    finally:
        world.stop_mock()
        world.close()
    if calm is not None and calm != disturbed:
        raise Broken("the export differs from an undisturbed run's")
    print("seed %d: %d workers, %d shards, %s, eio %d, enospc %d, "
          "%d MiB, %d files, %s%s" % (
              args.seed, args.workers, args.shards,
              " ".join("%s %d" % c for c in sorted(trouble.counts.items())),
              eio, full, world.peak_kib / 1024, world.peak_files,
              show_counts("wire: ", world.home.wire()) if args.aws else "",
              judge.show(sums)), flush=True)


def read_arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--bin", required=True, help="folder of the programs")
    p.add_argument("--mock", required=True, help="the mock server's program")
    p.add_argument("--shim", help="faults.so; without it, no disk and clocks")
    p.add_argument("--aws", metavar="PROGRAM",
                   help="the home is on AWS; awshome, which makes it")
    p.add_argument("--wire", type=float, default=0, metavar="SHARE",
                   help="of requests to AWS that are spoiled on their way")
    p.add_argument("--mix", action="store_true",
                   help="draw everything anew for each round")
    p.add_argument("--rounds", type=int, default=1)
    p.add_argument("--seconds", type=float,
                   help="begin rounds for so long, and one at least")
    p.add_argument("--at-once", type=int, default=1,
                   help="rounds side by side; they wait most of the time")
    p.add_argument("--seed", type=int, default=None)
    p.add_argument("--job-seed", type=int, default=1)
    p.add_argument("--mock-seed", type=int, default=1)
    p.add_argument("--rows", type=int, default=2000)
    p.add_argument("--events", type=int, default=200)
    p.add_argument("--workers", type=int, default=1)
    p.add_argument("--shards", type=int, default=1)
    p.add_argument("--concurrency", type=int, default=16)
    p.add_argument("--checkpoint-rows", type=int, default=50)
    p.add_argument("--budget", default="100")
    p.add_argument("--lease", default="2s")
    p.add_argument("--timeout", default="10s", help="of a call")
    p.add_argument("--shortest", type=float, default=0.02)
    p.add_argument("--longest", type=float, default=0.4)
    p.add_argument("--longest-stop", type=float, default=3)
    p.add_argument("--weight", action="append", default=[],
                   metavar="KIND=N", help="of kill (1 by default), term, "
                   "stop, disk, busy, clock")
    p.add_argument("--time-limit", type=float, default=900)
    p.add_argument("--max-rss", type=int, default=64, help="MiB; 0: no bound")
    p.add_argument("--poor", action="store_true",
                   help="the budget is too small for the job")
    p.add_argument("--may-fail", action="store_true")
    p.add_argument("--keep", action="store_true",
                   help="keep the folder of a round that broke")
    p.add_argument("mock_options", nargs="*", default=["--latency", "20"],
                   help="options of the mock server, after --")
    args = p.parse_args()
    args.weights = {"kill": 1}
    for text in args.weight:
        kind, _, weight = text.partition("=")
        if kind not in Trouble.KINDS or not weight.isdigit():
            p.error("no weight: " + text)
        args.weights[kind] = int(weight)
    if args.seed is None:
        args.seed = random.SystemRandom().randrange(2 ** 31)
    return args


def try_round(args, seed):
    """Whether nothing broke."""
    args = argparse.Namespace(**dict(vars(args), seed=seed))
    folder = tempfile.mkdtemp(prefix="pp-chaos.")
    try:
        one_round(args, folder)
    except Broken as e:
        print("seed %d: BROKEN: %s" % (seed, e), flush=True)
        if args.keep:
            print("kept in " + folder, flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
        return False
    shutil.rmtree(folder)
    return True


def main():
    args = read_arguments()
    begin = time.time()

    def seeds():
        for n in itertools.count():
            if n > 0 and (time.time() - begin >= args.seconds
                          if args.seconds else n >= args.rounds):
                return
            yield args.seed + n

    done = broken = 0
    with concurrent.futures.ThreadPoolExecutor(args.at_once) as pool:
        running = set()
        for seed in seeds():
            running.add(pool.submit(try_round, args, seed))
            if len(running) < args.at_once:
                continue
            over, running = concurrent.futures.wait(
                running,
                return_when=concurrent.futures.FIRST_COMPLETED)
            done += len(over)
            broken += sum(not f.result() for f in over)
        done += len(running)
        broken += sum(not f.result() for f in running)
    print("%d rounds, %d broken, %.0f s" % (done, broken,
                                            time.time() - begin))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
