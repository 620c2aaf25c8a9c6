#!/usr/bin/env python3
"""Judge a job of the embedded home by what it left behind.

    judge.py --home DIR --job ID [--final] [--limit USD]
        [--stats FILE] [--log FILE] [--cost FILE] [--cost-rows FILE]
        [--export FILE] [--journals DIR]...

No worker may be at work on the job. It reads the files that pp-record(5)
describes, and shares no code with the programs that wrote them. It checks

    chain    each batch is the one that its successor, or the checkpoint,
             names by SHA-256, and holds the rows that its header says
    rows     no row is there twice; those done are those of the checkpoint;
             with --final, each row of the job is there
    ledger   the checkpoint's sums are those of the rows, by step and model
    cost     `pp-cost show --json` (--cost) says the same
    told     the cost rows of the table (--cost-rows) add up to what was
             spent, rows that are not finished included, and to the time that
             workers took
    money    proven <= bill <= proven + unproven <= limit, where the bill is
             the model server's own (--stats, --log: those of mockllm, which
             served this job alone)
    calls    an answer in a row was given by the server to that attempt, at
             that price; no attempt was sent twice
    paid     what was answered, in a row or in a journal, was not asked for
             again; --journals is a folder with copies of journal/ID, one
             for each time that a worker ended
    export   the JSONL file (--export) holds the records of the good rows, in
             their order, each once

It prints a line of sums and exits with 0, or a line for each thing that is
wrong and exits with 1; 2 when it cannot judge.
"""

import argparse
import glob
import hashlib
import json
import os
import sys
from decimal import Decimal, InvalidOperation

SHOWN = 10              # of problems of one kind
NUSD = 10 ** 9


class CannotJudge(Exception):
    pass


class Verdict:
    """What was found wrong, by kind of check."""

    def __init__(self):
        self.problems = {}

    def wrong(self, check, text):
        self.problems.setdefault(check, []).append(text)

    def equal(self, check, what, got, expected):
        if got != expected:
            self.wrong(check, f"{what} is {got}, not {expected}")

    def lines(self):
        for check, texts in self.problems.items():
            for text in texts[:SHOWN]:
                yield f"{check}: {text}"
            if len(texts) > SHOWN:
                yield f"{check}: and {len(texts) - SHOWN} more"


# ---- reading ----

def read_bytes(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError as e:
        raise CannotJudge(f"{path}: {e.strerror}") from e


def read_json(path):
    try:
        return json.loads(read_bytes(path))
    except ValueError as e:
        raise CannotJudge(f"{path}: {e}") from e


def read_jsonl(path):
    out = []
    for number, line in enumerate(read_bytes(path).splitlines(), 1):
        try:
            out.append(json.loads(line))
        except ValueError as e:
            raise CannotJudge(f"{path}:{number}: {e}") from e
    return out


def nusd(text):
    """Exact US dollars, as text, to nano-dollars."""
    try:
        value = Decimal(text) * NUSD
    except (InvalidOperation, TypeError) as e:
        raise CannotJudge(f"no amount of money: {text!r}") from e
    if value != int(value):
        raise CannotJudge(f"more than nine decimal places: {text!r}")
    return int(value)


def usd(amount):
    return f"${Decimal(amount) / NUSD:.9f}"


def exactly(text):
    """A record for comparing: order of members and text of numbers count."""
    return json.loads(text, object_pairs_hook=tuple,
                      parse_float=Decimal, parse_int=Decimal)


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC32C = crc32c_table()


def crc32c(data):
    """RFC 3720, appendix B.4."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC32C[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


# ---- a job's files ----

class Batch:
    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)
        data = read_bytes(path)
        self.sha256 = hashlib.sha256(data).hexdigest()
        lines = data.split(b"\n")
        if lines.pop() != b"":
            raise CannotJudge(f"{self.name} ends in half a line")
        try:
            self.header = json.loads(lines[0])["batch"]
            self.texts = lines[1:]
            self.rows = [json.loads(line) for line in self.texts]
        except (ValueError, KeyError, IndexError) as e:
            raise CannotJudge(f"{self.name} is not readable: {e}") from e


class Shard:
    """A checkpoint and the batches on its chain, and those after it."""

    def __init__(self, folder, number, shards):
        suffix = f"-{number:05}" if shards > 1 else ""
        part = f"{number:05}-" if shards > 1 else ""
        self.number = number
        self.folder = folder
        self.checkpoint = read_json(f"{folder}/checkpoint{suffix}.json")
        self.pattern = f"{folder}/outputs/batch-{part}%09d.jsonl"
        last = self.checkpoint["current_batch"]
        self.chain = [Batch(self.pattern % i) for i in range(1, last + 1)]
        self.beyond = []
        while os.path.exists(self.pattern % (last + 1)):
            last += 1
            self.beyond.append(Batch(self.pattern % last))


class Job:
    def __init__(self, home, job_id):
        self.id = job_id
        self.folder = f"{home}/objects/jobs/{job_id}"
        self.config = read_json(f"{self.folder}/config.json")
        self.row_count = self.config["rows"]
        self.shards = [Shard(self.folder, i, self.config["shards"])
                       for i in range(self.config["shards"])]

    def batches(self):
        for shard in self.shards:
            yield from shard.chain

    def rows(self):
        for batch in self.batches():
            yield from batch.rows


class JournalFile:
    """One generation of one worker, as far as it was written."""

    def __init__(self, verdict, path):
        name = os.path.basename(path)
        parts = name.split(".")[0].split("-")
        self.shard, self.generation, self.epoch = map(int, parts)
        self.tries, self.ends = {}, {}
        lines = read_bytes(path).split(b"\n")
        lines.pop()             # nothing, or what a kill has cut
        for number, line in enumerate(lines, 1):
            if line[8:9] != b" " or line[:8] != b"%08x" % crc32c(line[9:]):
                verdict.wrong("journal", f"{name}:{number} is damaged")
                continue
            record = json.loads(line[9:])
            if record["t"] == "try":
                self.tries[record["id"]] = record
            elif record["t"] == "end":
                self.ends[record["id"]] = record


class Journal:
    """
    What the journals say, those that are there and copies of earlier ones.

    A worker that was stopped may go on for a moment after another one took
    its shard, and write down answers that came too late: nobody honours
    them, and their cost stays unproven. So what stands in a file counts as
    long as the shard has not been claimed with a higher epoch. A folder of
    copies has a file epochs.json, made after the copies, {SHARD: EPOCH} of
    what the queue says then. For what is left in the home in the end the
    checkpoints tell.
    """

    def __init__(self, verdict, job, home, copies):
        self.tries, self.honoured = {}, {}
        self.now = self.read_folder(verdict, home, {
            shard.number: shard.checkpoint["epoch"] for shard in job.shards})
        for folder in copies:
            for path in [p[0] for p in os.walk(folder)]:
                self.read_folder(verdict, path)

    def read_folder(self, verdict, folder, claimed=None):
        files = [JournalFile(verdict, path)
                 for path in sorted(glob.glob(f"{folder}/*.log"))]
        if claimed is None and files:
            claimed = {int(shard): epoch for shard, epoch in
                       read_json(f"{folder}/epochs.json").items()}
        for f in files:
            self.tries.update(f.tries)
            # a shard that the queue does not have any more has ended
            if f.epoch >= claimed.get(f.shard, f.epoch + 1):
                self.honoured.update(f.ends)
        return files

    def answers(self):
        return (e for e in self.honoured.values() if e["class"] == "ok")


# ---- checks ----

def check_header(v, job, shard, batch, number, before):
    h = batch.header
    rows = [row["row"] for row in batch.rows]
    expected = {
        "job_id": job.id, "shard": shard.number, "number": number,
        "previous": before.sha256 if before else "",
        "rows": len(rows),
        "failed": sum("failed" in row for row in batch.rows),
        "first_row": rows[0] if rows else -1,
        "last_row": rows[-1] if rows else -1,
    }
    for member, value in expected.items():
        v.equal("chain", f"{batch.name}: {member}", h[member], value)
    if rows != sorted(rows):
        v.wrong("chain", f"{batch.name}: its rows are not in order")
    if before and h["epoch"] < before.header["epoch"]:
        v.wrong("chain", f"{batch.name}: its epoch {h['epoch']} is below "
                f"that of the batch before, {before.header['epoch']}")


def check_chain(v, job):
    for shard in job.shards:
        before = None
        for number, batch in enumerate(shard.chain, 1):
            check_header(v, job, shard, batch, number, before)
            before = batch
        v.equal("chain", f"shard {shard.number}: last_batch_sha256",
                shard.checkpoint["last_batch_sha256"],
                before.sha256 if before else "")
        v.equal("chain", f"shard {shard.number}: job_id",
                shard.checkpoint["job_id"], job.id)


def check_rows(v, job, final):
    seen, ids = {}, {}
    for batch in job.batches():
        for row in batch.rows:
            n = row["row"]
            if n in seen:
                v.wrong("rows", f"row {n} is in {seen[n]} and again in "
                        f"{batch.name}")
            seen[n] = batch.name
            if row["id"] in ids:
                v.wrong("rows", f"rows {ids[row['id']]} and {n} have one id")
            ids[row["id"]] = n
            if ("record" in row) == ("failed" in row):
                v.wrong("rows", f"row {n} is neither good nor failed")
            if not 0 <= n < job.row_count:
                v.wrong("rows", f"row {n} is outside of the job")
    if final:
        for n in range(job.row_count):
            if n not in seen:
                v.wrong("rows", f"row {n} is missing")
    return seen


def first_row_of(job, shard):
    """Shards are as even as can be; the first ones have a row more."""
    each, rest = divmod(job.row_count, len(job.shards))
    return each * shard.number + min(shard.number, rest)


def check_marks(v, job, seen):
    """What checkpoints say is done, is on the chain, and nothing else."""
    for shard in job.shards:
        cp = shard.checkpoint
        own = {row["row"] for batch in shard.chain for row in batch.rows}
        done = set(range(first_row_of(job, shard), cp["resume_state"]["seed_data_index"]))
        for begin, end in cp["done"]:
            done |= set(range(begin, end))
        for n in sorted(done ^ own):
            v.wrong("rows", f"row {n} is done by the checkpoint of shard "
                    f"{shard.number}" if n in done else
                    f"row {n} is on the chain of shard {shard.number}, and "
                    "not done by its checkpoint")
        for row in cp["open"]:
            if row["row"] in seen:
                v.wrong("rows", f"row {row['row']} is done and open")


TOKENS = ["tokens_in", "tokens_out", "tokens_cached", "tokens_cache_write"]


def add_step(sums, key, step):
    s = sums.setdefault(key, dict.fromkeys(
        ["calls", "cost", "unproven"] + TOKENS, 0))
    s["calls"] += step.get("attempts", step.get("calls", 0))
    s["cost"] += nusd(step["cost"])
    s["unproven"] += nusd(step.get("unproven", "0"))
    for name in TOKENS:
        s[name] += step.get(name, 0)


def without_empty(sums):
    return {key: s for key, s in sums.items() if any(s.values())}


def sums_of_rows(job):
    sums = {}
    for row in job.rows():
        for step, s in row["steps"].items():
            add_step(sums, (step, s["model"]), s)
    return sums


def sums_of_open(job):
    """Open rows name neither step nor model: those of the configuration."""
    sums = {}
    plan = [(s["id"], s["model"]["name"]) for s in job.config["steps"]]
    for shard in job.shards:
        for row in shard.checkpoint["open"]:
            for key, step in zip(plan, row["steps"]):
                add_step(sums, key, step)
    return sums


def sums_of_all(job):
    sums = sums_of_rows(job)
    for key, s in sums_of_open(job).items():
        into = sums.setdefault(key, dict.fromkeys(s, 0))
        for name in s:
            into[name] += s[name]
    return sums


def compare_sums(v, check, what, got, expected):
    got, expected = without_empty(got), without_empty(expected)
    for key in sorted(set(got) | set(expected)):
        a, b = got.get(key), expected.get(key)
        if a != b:
            v.wrong(check, f"{what}: {'/'.join(key)} is {a}, and the rows "
                    f"add up to {b}")


def check_ledger(v, job):
    told = {}
    good = failed = 0
    for shard in job.shards:
        cp = shard.checkpoint
        for step in cp["ledger"]["steps"]:
            add_step(told, (step["step"], step["model"]), step)
        good += cp["records_generated"]
        failed += cp["records_failed"]
    compare_sums(v, "ledger", "ledger", told, sums_of_rows(job))
    v.equal("ledger", "records_generated", good,
            sum("record" in row for row in job.rows()))
    v.equal("ledger", "records_failed", failed,
            sum("failed" in row for row in job.rows()))


class Spent:
    """Proven and unproven, of rows, open rows, and what the journal adds."""

    def __init__(self, job, journal):
        sums = list(sums_of_rows(job).values())
        sums += list(sums_of_open(job).values())
        self.proven = sum(s["cost"] for s in sums)
        self.unproven = sum(s["unproven"] for s in sums)
        for shard in job.shards:
            self.unproven += nusd(shard.checkpoint["ledger"]["lost"])
            self.add_rest(shard, journal)

    def add_rest(self, shard, journal):
        """What no checkpoint covers: of a worker that was killed."""
        adopted = set()
        for batch in shard.beyond:
            for row in batch.rows:
                adopted.add(row["row"])
                for s in row["steps"].values():
                    self.proven += nusd(s["cost"])
                    self.unproven += nusd(s.get("unproven", "0"))
        open_calls = {a["id"]: (a["row"], nusd(a["reserved"]))
                      for a in shard.checkpoint["attempts"]}
        fresh = [f for f in journal.now if f.shard == shard.number and
                 f.generation >= shard.checkpoint["journal_generation"]]
        for f in fresh:
            for id, t in f.tries.items():
                open_calls[id] = (t["row"], t["reserved"])
        for f in fresh:
            for id, e in f.ends.items():
                if open_calls.pop(id, None) and e["row"] not in adopted:
                    self.proven += e["cost"]
                    self.unproven += e["unproven"]
        self.unproven += sum(amount for row, amount in open_calls.values()
                             if row not in adopted)


def check_money(v, spent, bill, limit):
    if bill is not None and not spent.proven <= bill:
        v.wrong("money", f"proven is {usd(spent.proven)}, more than the bill "
                f"of {usd(bill)}")
    most = spent.proven + spent.unproven
    if bill is not None and not bill <= most:
        v.wrong("money", f"the bill is {usd(bill)}, more than proven and "
                f"unproven, {usd(spent.proven)} + {usd(spent.unproven)} = "
                f"{usd(most)}")
    if limit is not None and not most <= limit:
        v.wrong("money", f"proven and unproven are {usd(most)}, more than "
                f"the limit of {usd(limit)}")


def check_cost(v, job, lines):
    """pp-cost show --json against rows and open rows."""
    told = {}
    total = None
    for line in lines:
        if line.get("job_id", job.id) != job.id:
            continue
        if "step" in line:
            add_step(told, (line["step"], line["model"]), line)
        elif line.get("total"):
            total = line
    expected = sums_of_all(job)
    compare_sums(v, "cost", "pp-cost", told, expected)
    if total is None:
        v.wrong("cost", "pp-cost prints no line with the total")
        return
    v.equal("cost", "total cost", nusd(total["cost"]),
            sum(s["cost"] for s in expected.values()))
    v.equal("cost", "rows_done", total["rows_done"],
            sum("record" in row for row in job.rows()))
    v.equal("cost", "rows_failed", total["rows_failed"],
            sum("failed" in row for row in job.rows()))


def sums_by_model(sums):
    """What cost rows tell of (model, sums)."""
    out = {}
    for model, s in sums:
        into = out.setdefault(model, dict.fromkeys(
            ["cost", "tokens_in", "tokens_out"], 0))
        for name in into:
            into[name] += s[name]
    return without_empty(out)


def check_cost_rows(v, job, lines):
    """The rows of reports, whose ids begin TIME#SHARD#: each a difference."""
    told = sums_by_model((line["model"], dict(line, cost=nusd(line["cost"])))
                         for line in lines)
    spent = sums_by_model((model, s) for (_, model), s in
                          sums_of_all(job).items())
    for model in sorted(set(told) | set(spent)):
        v.equal("told", f"the sum of the cost rows of {model}",
                told.get(model), spent.get(model))
    times = dict.fromkeys((shard.number for shard in job.shards), 0)
    for line in lines:
        times[int(line["timestamp"].split("#")[1])] += line["compute_ms"]
    for shard in job.shards:
        v.equal("told", f"shard {shard.number}: the time in cost rows",
                times[shard.number] + shard.checkpoint["untold_ms"],
                shard.checkpoint["compute_ms"])


def check_bill(v, stats, log):
    """The server agrees with itself."""
    v.equal("money", "the sum of the server's log",
            sum(line["nusd"] for line in log), stats["bill_nusd"])
    if stats["inflight"] != 0:
        v.wrong("money", f"{stats['inflight']} calls are still under way")


def answered_steps(job):
    """Each answer in a row: (row, step, its members)."""
    plan = [s["id"] for s in job.config["steps"]]
    for row in job.rows():
        for step, s in row["steps"].items():
            if "key" in s:
                yield row["row"], step, s
    for shard in job.shards:
        for row in shard.checkpoint["open"]:
            for step, s in zip(plan, row["steps"]):
                if "key" in s:
                    yield row["row"], step, s


def check_calls(v, job, by_id):
    used = {}
    for row, step, s in answered_steps(job):
        key, what = s["key"], f"row {row}, step {step}"
        if key in used:
            v.wrong("calls", f"{what} and {used[key]} have one answer, {key}")
        used[key] = what
        line = by_id.get(key)
        if line is None:
            v.wrong("calls", f"{what}: the server knows no call {key}")
        elif line["billed"] == "no":
            v.wrong("calls", f"{what}: the server gave no answer to {key}, "
                    f"but {line['status']}, {line['fault']}")
        elif s["attempts"] == 1 and nusd(s["cost"]) != line["nusd"]:
            v.wrong("calls", f"{what} cost {usd(nusd(s['cost']))}, and the "
                    f"server's price is {usd(line['nusd'])}")
        elif nusd(s["cost"]) < line["nusd"]:
            v.wrong("calls", f"{what} cost {usd(nusd(s['cost']))}, less than "
                    f"its answer alone, {usd(line['nusd'])}")


def index_log(v, job, log):
    """The server's log by attempt; on the wire the job's id comes first."""
    by_id = {}
    prefix = job.id + "-"
    for line in log:
        id = line["client_id"]
        if id == "":
            continue
        if not id.startswith(prefix):
            v.wrong("calls", f"call {line['n']} has the id {id}, which is no "
                    "attempt of this job")
            continue
        id = id[len(prefix):]
        if id in by_id:
            v.wrong("calls", f"attempt {id} was sent twice, as calls "
                    f"{by_id[id]['n']} and {line['n']}")
        by_id[id] = line
    return by_id


def number(id):
    """Attempts in the order in which workers began them: shard-epoch-n."""
    return tuple(int(part) for part in id.split("-"))


def check_paid(v, job, journal, by_id):
    """
    Of prompts: once answered, never asked again.

    By a worker that began later, that is: one that was stopped between its
    journal and its socket sends what the next one has already written off.
    """
    answered = {s["key"]: f"row {row}, step {step}"
                for row, step, s in answered_steps(job)}
    for e in journal.answers():
        answered.setdefault(e["id"], f"row {e['row']}, step {e['step']}")
    asked = {}
    for id, line in by_id.items():
        asked.setdefault(line["prompt"], []).append(id)
    for id, what in sorted(answered.items()):
        line = by_id.get(id)
        if line is None:
            continue            # told by check_calls
        for later in asked[line["prompt"]]:
            if (by_id[later]["n"] > line["n"] and
                    number(later) > number(id)):
                v.wrong("paid", f"{what} was answered by {id} (call "
                        f"{line['n']}) and asked for again by {later} (call "
                        f"{by_id[later]['n']})")


def check_tries(v, journal):
    """The same by the journals alone: no try of what had an answer."""
    answers = {(e["row"], e["step"]): e["id"] for e in journal.answers()}
    for id, t in sorted(journal.tries.items()):
        answer = answers.get((t["row"], t["step"]))
        if answer is not None and number(id) > number(answer):
            v.wrong("paid", f"row {t['row']}, step {t['step']} has answer "
                    f"{answer} in a journal, and {id} asked for it again")


def check_export(v, job, path):
    """The very records, without a look at their meaning."""
    texts = {}
    for batch in job.batches():
        for text, row in zip(batch.texts, batch.rows):
            if "record" in row:
                texts[row["row"]] = text
    lines = read_bytes(path).split(b"\n")
    if lines.pop() != b"":
        v.wrong("export", "it ends in half a line")
    v.equal("export", "its number of lines", len(lines), len(texts))
    for number, (n, line) in enumerate(zip(sorted(texts), lines), 1):
        record = dict(exactly(texts[n]))["record"]
        try:
            same = exactly(line) == record
        except ValueError:
            same = False
        if not same:
            v.wrong("export", f"line {number} is not the record of row {n}")


# ---- all of it ----

def judge(options):
    v = Verdict()
    job = Job(options.home, options.job)
    journal = Journal(v, job, f"{options.home}/journal/{options.job}",
                      options.journals)
    check_chain(v, job)
    seen = check_rows(v, job, options.final)
    check_marks(v, job, seen)
    check_ledger(v, job)
    check_tries(v, journal)
    spent = Spent(job, journal)
    bill = None
    log = read_jsonl(options.log) if options.log else []
    if options.stats:
        stats = read_json(options.stats)
        bill = stats["bill_nusd"]
        if options.log:
            check_bill(v, stats, log)
    elif options.log:
        bill = sum(line["nusd"] for line in log)
    check_money(v, spent, bill, options.limit)
    if options.log:
        by_id = index_log(v, job, log)
        check_calls(v, job, by_id)
        check_paid(v, job, journal, by_id)
    if options.cost:
        check_cost(v, job, read_jsonl(options.cost))
    if options.cost_rows:
        check_cost_rows(v, job, read_jsonl(options.cost_rows))
    if options.export:
        check_export(v, job, options.export)
    failed = sum("failed" in row for row in job.rows())
    sums = {"rows": len(seen), "failed": failed, "calls": len(log),
            "journalled": sum(1 for _ in journal.answers()),
            "proven": usd(spent.proven),
            "bill": usd(bill) if bill is not None else None,
            "unproven": usd(spent.unproven),
            "limit": usd(options.limit) if options.limit is not None else None}
    return v, sums


def show(sums):
    return ", ".join(f"{name} {value}" for name, value in sums.items()
                     if value is not None)


def read_options(argv):
    p = argparse.ArgumentParser(description="Judge a job by its files.")
    p.add_argument("--home", required=True)
    p.add_argument("--job", required=True)
    p.add_argument("--final", action="store_true")
    p.add_argument("--limit", type=nusd)
    for name in ["stats", "log", "cost", "cost-rows", "export"]:
        p.add_argument(f"--{name}")
    p.add_argument("--journals", action="append", default=[])
    return p.parse_args(argv)


def main(argv):
    options = read_options(argv)
    try:
        verdict, sums = judge(options)
    except CannotJudge as e:
        print(f"judge: cannot judge: {e}")
        return 2
    except (KeyError, TypeError, ValueError, IndexError) as e:
        print(f"judge: cannot judge: a file is not as pp-record(5) has it: "
              f"{type(e).__name__}: {e}")
        return 2
    for line in verdict.lines():
        print(f"judge: {line}")
    if verdict.problems:
        return 1
    print(f"judge: ok: {show(sums)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
