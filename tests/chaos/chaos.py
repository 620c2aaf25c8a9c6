#!/usr/bin/env python3
"""Kill workers at random moments and see whether any promise breaks.

One job of --rows rows on a four-step template runs against the mock model
server, which writes down every request and its price. Workers are started and
killed (SIGKILL, SIGTERM, or stopped and continued) until the job is over; what
is chosen when is a function of --seed, which is printed. Then judge.py, which
shares nothing with the worker, checks rows, sums, money and calls against the
server's own log and bill; and this here, that

 1. no row failed, unless --may-fail
 2. the export equals that of an undisturbed run, byte for byte
 3. nothing is left half written: journals are gone, a fresh worker ends at once

With --poor the budget ends first: rows may be missing then, and 2 and 3 are
left out.

Usage: chaos.py --bin DIR --mock PROGRAM [--rows 2000] [--kills 200] [--seed N]
"""
import argparse
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

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


class Broken(Exception):
    pass


class World:
    """A home, a mock server and the programs, in a folder of their own."""

    def __init__(self, args, folder):
        self.args = args
        self.folder = folder
        self.env = dict(os.environ, PP_STORE="file:" + folder + "/home",
                        PATH=args.bin + ":" + os.environ["PATH"], TZ="UTC")
        for name in list(self.env):
            if name.startswith("PP_MODEL"):
                del self.env[name]
        self.mock = None
        self.copies = 0         # of journals, taken when a worker ended

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
             "--bytes", "150", "--quiet"] + options)
        deadline = time.time() + 10
        while not (os.path.exists(port_file) and os.path.getsize(port_file)):
            if time.time() > deadline:
                raise Broken("the mock server does not start")
            time.sleep(0.02)
        self.url = "http://127.0.0.1:" + open(port_file).read().strip()
        for i, (name, (price_in, price_out)) in enumerate(MODELS.items()):
            p = "PP_MODEL_%d_" % (i + 1)
            self.env.update({
                p + "NAME": name, p + "PROVIDER": "openai",
                p + "ID": "m-" + name, p + "URL": self.url + "/v1",
                p + "INPUT_USD": price_in, p + "OUTPUT_USD": price_out})

    def stop_mock(self):
        self.mock.terminate()
        self.mock.wait()

    def stats(self):
        with urllib.request.urlopen(self.url + "/__stats") as r:
            return json.load(r)

    def run(self, *command, ok=(0,)):
        done = subprocess.run(command, env=self.env, cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=600)
        if done.returncode not in ok:
            raise Broken("%s: status %d\n%s" % (
                " ".join(command), done.returncode,
                done.stderr.decode("utf-8", "replace")[-2000:]))
        return done.stdout

    def create_job(self):
        a = self.args
        job = json.loads(self.run(
            "pp-job", "create", "-t", "chaos.yaml", "-s", "seeds", "-n",
            str(a.rows), "--budget", a.budget, "--seed", str(a.seed),
            "--shards", str(a.shards), "--checkpoint-rows", "50"))
        return job["job_id"]

    def status(self, job):
        return json.loads(self.run("pp-job", "show", job, "--json"))["status"]

    def start_worker(self, number):
        log = open(self.path("worker.log"), "ab")
        return subprocess.Popen(
            ["pp-worker", "--concurrency", str(self.args.concurrency),
             "--lease", self.args.lease, "--grace", "2s", "--checkpoint",
             "2s", "--backoff", "20ms", "--retries", "8", "--forever"],
            env=self.env, cwd=self.folder, stderr=log,
            stdout=subprocess.DEVNULL)

    def copy_journals(self, job):
        """A checkpoint will remove them, and the judge wants to see them."""
        self.copies += 1
        folder = self.path("journals/%d" % self.copies)
        os.makedirs(folder)
        for name in glob.glob(self.path("home/journal/%s/*.log" % job)):
            try:
                shutil.copy(name, folder)
            except FileNotFoundError:
                continue        # another worker's checkpoint was faster


def data_set(world, job):
    return world.run("pp-export", job, "--format", "jsonl", "-o", "-")


def check_job(world, job):
    """What the judge says; the sums it has made."""
    files = {"export": data_set(world, job),
             "cost": world.run("pp-cost", "show", job, "--json"),
             "stats": json.dumps(world.stats()).encode()}
    arguments = ["--home", world.path("home"), "--job", job, "--limit",
                 world.args.budget, "--log", world.path("chaos.log"),
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


def disturb(world, rng, job):
    """Start and end workers until enough were killed or the job is over."""
    a = world.args
    workers = []
    kills = {"KILL": 0, "TERM": 0, "STOP": 0}
    deadline = time.time() + a.time_limit
    while sum(kills.values()) < a.kills and time.time() < deadline:
        while len(workers) < a.workers:
            workers.append(world.start_worker(len(workers)))
        time.sleep(rng.uniform(a.shortest, a.longest))
        if world.status(job) not in ("QUEUED", "RUNNING"):
            break
        victim = workers.pop(rng.randrange(len(workers)))
        how = rng.choices(["KILL", "TERM", "STOP"], a.weights)[0]
        kills[how] += 1
        if how == "STOP":
            victim.send_signal(signal.SIGSTOP)
            time.sleep(rng.uniform(0.1, 3))
            victim.send_signal(signal.SIGCONT)
            workers.append(victim)
            continue
        victim.send_signal(getattr(signal, "SIG" + how))
        victim.wait(timeout=60)
        world.copy_journals(job)
    for w in workers:
        w.send_signal(signal.SIGKILL)
        w.wait()
        world.copy_journals(job)
    return kills


def finish(world, job):
    for _ in range(20):
        if world.status(job) not in ("QUEUED", "RUNNING"):
            break
        world.run("pp-worker", "--concurrency", str(world.args.concurrency),
                  "--backoff", "20ms", "--retries", "8", "-q",
                  ok=(0, 1, 3, 75))
    status = world.status(job)
    if world.args.poor and status == "BUDGET_EXCEEDED":
        return
    if status != "COMPLETED":
        raise Broken("the job ended as %s: %s" % (status, world.run(
            "pp-job", "show", job, "--json").decode()))
    left = glob.glob(world.path("home/journal/%s/*.log" % job))
    if len(left) > world.args.shards:
        raise Broken("journals are left: %s" % left)


def one_round(args, folder):
    rng = random.Random(args.seed)
    world = World(args, folder)
    world.write_inputs()
    world.start_mock("chaos.log", args.mock_options)
    try:
        world.run("pp-seed", "put", "seeds", "seeds.jsonl")
        job = world.create_job()
        kills = disturb(world, rng, job)
        finish(world, job)
        disturbed, sums = check_job(world, job)
    finally:
        world.stop_mock()
    if not args.poor:
        check_undisturbed(world, disturbed)
    print("seed %d: kills %s, %s" % (args.seed, kills, judge.show(sums)),
          flush=True)


def check_undisturbed(world, disturbed):
    world.start_mock("calm.log", ["--latency", "1"])
    try:
        calm = world.create_job()
        finish(world, calm)
        if data_set(world, calm) != disturbed:
            raise Broken("the export differs from an undisturbed run's")
    finally:
        world.stop_mock()


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--bin", required=True, help="folder of the programs")
    p.add_argument("--mock", required=True, help="the mock server's program")
    p.add_argument("--rows", type=int, default=2000)
    p.add_argument("--kills", type=int, default=200)
    p.add_argument("--rounds", type=int, default=1)
    p.add_argument("--seed", type=int, default=None)
    p.add_argument("--workers", type=int, default=1)
    p.add_argument("--shards", type=int, default=1)
    p.add_argument("--concurrency", type=int, default=16)
    p.add_argument("--budget", default="100")
    p.add_argument("--lease", default="2s")
    p.add_argument("--shortest", type=float, default=0.02)
    p.add_argument("--longest", type=float, default=0.4)
    p.add_argument("--weights", type=int, nargs=3, default=[1, 0, 0],
                   metavar=("KILL", "TERM", "STOP"))
    p.add_argument("--time-limit", type=float, default=900)
    p.add_argument("--poor", action="store_true",
                   help="the budget is too small for the job")
    p.add_argument("--may-fail", action="store_true")
    p.add_argument("--keep", action="store_true",
                   help="keep the folder of a round that broke")
    p.add_argument("mock_options", nargs="*", default=["--latency", "20"],
                   help="options of the mock server, after --")
    args = p.parse_args()
    if args.seed is None:
        args.seed = random.SystemRandom().randrange(2 ** 31)
    for _ in range(args.rounds):
        folder = tempfile.mkdtemp(prefix="pp-chaos.")
        try:
            one_round(args, folder)
            shutil.rmtree(folder)
        except Broken as e:
            print("seed %d: BROKEN: %s" % (args.seed, e), flush=True)
            if args.keep:
                print("kept in " + folder)
            else:
                shutil.rmtree(folder, ignore_errors=True)
            return 1
        args.seed += 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
