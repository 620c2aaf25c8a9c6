#!/usr/bin/env python3
"""The judge is judged: a sound job passes, and each damage is named.

Speaks TAP. A case is a name, what is done to the files of a sound job, and
what the judge must say then ("" when nothing).
"""

import contextlib
import hashlib
import io
import json
import os
import sys
import tempfile

import judge

JOB = "0199d000-0000-7000-8000-000000000001"


def row(n, failed=False):
    """Two steps on one model; the second one cost two attempts."""
    out = {"row": n, "id": f"{n:032x}"}
    if failed:
        out["failed"] = {"step": "b", "class": "rejected", "reason": "no"}
    else:
        out["record"] = {"n": n, "b": f"answer {n}", "x": 1.50}
    out["steps"] = {
        "a": {"model": "m", "output": "x", "finish": "stop",
              "key": f"0-1-{3 * n + 1}", "tokens_in": 10, "tokens_out": 5,
              "cost": "0.000000015", "attempts": 1},
        "b": {"model": "m", "output": "y", "finish": "stop",
              "key": f"0-1-{3 * n + 3}", "tokens_in": 10, "tokens_out": 5,
              "cost": "0.000000015", "unproven": "0.000000040",
              "attempts": 2}}
    if failed:
        for member in ["output", "finish", "key"]:
            del out["steps"]["b"][member]
        out["steps"]["b"]["cost"] = "0"
    return out


def calls_of(n, failed=False):
    """What the server knows of a row: the second attempt of b was cut."""
    for i, billed in enumerate(["whole", "maybe", "whole"], 1):
        if failed and i == 3:
            billed = "no"
        yield {"n": 3 * n + i, "client_id": f"0-1-{3 * n + i}",
               "prompt": f"{n}{'a' if i == 1 else 'b'}", "status": 200,
               "fault": "none", "billed": billed,
               "nusd": 0 if billed == "no" else 15}


class World:
    """A job of six rows in three batches, of which row 4 failed."""

    def __init__(self):
        self.config = {"job_id": JOB, "rows": 6, "shards": 1, "steps": [
            {"id": "a", "model": {"name": "m"}},
            {"id": "b", "model": {"name": "m"}}]}
        self.batches = [[], [row(0), row(1), row(3)],
                        [row(2), row(4, True), row(5)]]
        self.heads = [{}, {}, {}]       # what their headers say otherwise
        self.checkpoint = {}            # the same
        self.log = [call for n in range(6) for call in calls_of(n, n == 4)]
        self.run = JOB                  # before attempts' ids
        self.bill = None
        self.journal = [
            {"t": "try", "id": "0-1-1", "row": 0, "step": 0, "reserved": 40},
            {"t": "end", "id": "0-1-1", "row": 0, "step": 0, "class": "ok",
             "cost": 15, "unproven": 0, "text": "x"}]
        self.torn = b""
        self.late_journal = []          # of a worker of a lower epoch
        self.beyond = None
        self.export = [r["record"] for n in range(6)
                       for b in self.batches for r in b
                       if r["row"] == n and "record" in r]
        self.cost_line = {}
        self.cost_rows = [self.cost_row(1, cost="0.000000015", tokens_in=10,
                                        tokens_out=5, compute_ms=60)]
        self.arguments = ["--final", "--limit", "0.000001"]
        self.files = ["stats", "log", "cost", "cost-rows", "export"]
        self.after = None               # done to the files themselves
        self.proven = None              # what must come out

    @staticmethod
    def cost_row(number, **members):
        return dict({"timestamp": f"2026-01-01T00:00:00Z#00000#{number:09}#0",
                     "model": "m", "compute_ms": 0}, **members)

    def last_cost_row(self):
        """What the first one does not tell."""
        sums = self.sums()
        return self.cost_row(
            2, cost=text(sum(judge.nusd(s["cost"]) for s in sums) - 15),
            tokens_in=sum(s["tokens_in"] for s in sums) - 10,
            tokens_out=sum(s["tokens_out"] for s in sums) - 5, compute_ms=40)

    def rows(self):
        return [r for b in self.batches for r in b]

    def sums(self):
        sums = {}
        for r in self.rows():
            for step, s in r["steps"].items():
                judge.add_step(sums, (step, s["model"]), s)
        return [dict(s, step=key[0], model=key[1],
                     cost=text(s["cost"]), unproven=text(s["unproven"]))
                for key, s in sums.items()]

    def write(self, folder):
        self.folder = folder
        os.makedirs(f"{folder}/objects/jobs/{JOB}/outputs")
        os.makedirs(f"{folder}/journal/{JOB}")
        self.put_json("config.json", self.config)
        last = ""
        for number, rows in enumerate(self.batches, 1):
            last = self.put_batch(number, rows, last)
        self.put_checkpoint(last)
        if self.beyond is not None:
            self.put_batch(len(self.batches) + 1, self.beyond, last)
        self.put_journal()
        self.put("stats", json.dumps({
            "inflight": 0, "bill_nusd": self.bill if self.bill is not None
            else sum(c["nusd"] for c in self.log)}))
        self.put("log", lines([
            dict(c, client_id=c["client_id"] and f"{self.run}-{c['client_id']}")
            for c in self.log]))
        self.put("export", lines(self.export))
        total = {"total": True, "cost": text(sum(
            judge.nusd(s["cost"]) for s in self.sums())),
            "rows_done": 5, "rows_failed": 1}
        total.update(self.cost_line)
        self.put("cost", lines(self.sums() + [total]))
        self.put("cost-rows", lines(self.cost_rows + [self.last_cost_row()]))

    def put(self, name, data):
        with open(f"{self.folder}/{name}", "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())

    def put_json(self, name, value):
        self.put(f"objects/jobs/{JOB}/{name}", json.dumps(value))

    def put_batch(self, number, rows, previous):
        head = {"job_id": JOB, "shard": 0, "number": number, "epoch": 1,
                "writer": "w", "previous": previous, "rows": len(rows),
                "failed": sum("failed" in r for r in rows),
                "first_row": rows[0]["row"] if rows else -1,
                "last_row": rows[-1]["row"] if rows else -1}
        if number <= len(self.heads):
            head.update(self.heads[number - 1])
        data = lines([{"batch": head}] + rows).encode()
        self.put(f"objects/jobs/{JOB}/outputs/batch-{number:09}.jsonl", data)
        return hashlib.sha256(data).hexdigest()

    def put_checkpoint(self, last):
        cp = {"job_id": JOB, "shard": 0, "epoch": 1, "writer": "w",
              "records_generated": sum("record" in r for r in self.rows()),
              "records_failed": sum("failed" in r for r in self.rows()),
              "current_batch": len(self.batches), "last_batch_sha256": last,
              "resume_state": {"seed_data_index": 6, "template_step": 0},
              "done": [], "open": [], "attempts": [],
              "journal_generation": 2, "compute_ms": 110, "untold_ms": 10,
              "ledger": {"lost": "0", "steps": self.sums()}}
        cp.update(self.checkpoint)
        self.put_json("checkpoint.json", cp)

    def put_journal(self):
        folder = f"journal/{JOB}"
        self.put(f"{folder}/00000-000000000001-000000001.log",
                 records(self.journal) + self.torn)
        if self.late_journal:
            self.put(f"{folder}/00000-000000000001-000000000.log",
                     records(self.late_journal))

    def judged(self):
        out = io.StringIO()
        arguments = ["--home", self.folder, "--job", JOB] + self.arguments
        for name in self.files:
            arguments += [f"--{name}", f"{self.folder}/{name}"]
        with contextlib.redirect_stdout(out):
            status = judge.main(arguments)
        return status, out.getvalue()


def text(nusd):
    return f"{nusd // judge.NUSD}.{nusd % judge.NUSD:09}"


def records(journal):
    texts = [json.dumps(record).encode() for record in journal]
    return b"".join(b"%08x %s\n" % (judge.crc32c(t), t) for t in texts)


def lines(values):
    return "".join(json.dumps(v) + "\n" for v in values)


# ---- damages ----

def batch_changed(w):
    w.after = lambda: w.put(
        f"objects/jobs/{JOB}/outputs/batch-000000002.jsonl",
        open(f"{w.folder}/objects/jobs/{JOB}/outputs/batch-000000002.jsonl",
             "rb").read().replace(b"answer 1", b"answer X"))


def batch_missing(w):
    w.after = lambda: os.unlink(
        f"{w.folder}/objects/jobs/{JOB}/outputs/batch-000000002.jsonl")


def batch_cut(w):
    w.after = lambda: os.truncate(
        f"{w.folder}/objects/jobs/{JOB}/outputs/batch-000000002.jsonl", 300)


def wrong_count(w):
    w.heads[1] = {"rows": 4}


def older_epoch(w):
    w.heads[0] = {"epoch": 2}


def other_last_batch(w):
    w.checkpoint["last_batch_sha256"] = "00"


def row_twice(w):
    w.batches[2][0] = row(1)


def row_missing(w):
    del w.batches[2][0]
    del w.export[2]
    w.checkpoint.update(done=[[3, 6]], resume_state={"seed_data_index": 2})


def row_not_marked(w):
    w.checkpoint["resume_state"] = {"seed_data_index": 5}


def row_marked_and_absent(w):
    row_missing(w)
    w.checkpoint["done"] = [[2, 6]]


def two_rows_with_one_id(w):
    w.batches[2][0]["id"] = row(0)["id"]


def neither_good_nor_failed(w):
    del w.batches[1][0]["record"]


def ledger_too_small(w):
    w.checkpoint["ledger"] = {"lost": "0", "steps": w.sums()[:1]}


def generated_too_many(w):
    w.checkpoint["records_generated"] = 6


def bill_below_proven(w):
    for call in w.log:
        call["nusd"] = 0
    w.bill = 0


def bill_above_all(w):
    for call in w.log:
        if call["billed"] == "maybe":
            call["nusd"] += 41


def server_disagrees(w):
    w.bill = 300


def lost_counts_as_unproven(w):
    bill_above_all(w)
    w.checkpoint["ledger"] = {"lost": "0.000000200", "steps": w.sums()}


def limit_passed(w):
    w.arguments[2] = "0.000000100"


def cost_differs(w):
    w.cost_line["cost"] = "0.000000001"


def cost_row_missing(w):
    w.cost_rows = []


def cost_row_twice(w):
    w.cost_rows *= 2


def time_untold(w):
    w.checkpoint["untold_ms"] = 0


def cost_counts_otherwise(w):
    w.cost_line["rows_done"] = 6


def answer_the_server_did_not_give(w):
    w.log[0]["billed"] = "no"
    w.log[0]["nusd"] = 0


def of_another_job(w):
    w.run = JOB[:-1] + "2"


def call_unknown_to_the_server(w):
    w.log[0]["client_id"] = ""


def price_is_not_the_servers(w):
    w.log[0]["nusd"] = 14


def sent_twice(w):
    again = dict(w.log[1], n=100, nusd=0, billed="no")
    w.log.append(again)


def asked_again(w):
    w.log.append(dict(w.log[0], n=100, client_id="0-2-1", nusd=0,
                      billed="no"))


def journalled_and_asked_again(w):
    """The answer is in no row: the journal alone knows of it."""
    w.journal += [
        {"t": "try", "id": "0-1-50", "row": 9, "step": 0, "reserved": 40},
        {"t": "end", "id": "0-1-50", "row": 9, "step": 0, "class": "ok",
         "cost": 15, "unproven": 0, "text": "x"}]
    w.log += [{"n": 50, "client_id": "0-1-50", "prompt": "9a", "status": 200,
               "fault": "none", "billed": "whole", "nusd": 15},
              {"n": 60, "client_id": "0-2-3", "prompt": "9a", "status": 429,
               "fault": "429", "billed": "no", "nusd": 0}]


def tried_again_by_the_journal(w):
    w.journal.append({"t": "try", "id": "0-2-1", "row": 0, "step": 0,
                      "reserved": 40})


def tried_before_it_was_answered(w):
    w.journal.insert(0, {"t": "try", "id": "0-0-9", "row": 0, "step": 0,
                         "reserved": 40})


def answered_too_late(w):
    """By a worker that was stopped while another one took over."""
    w.late_journal = [
        {"t": "end", "id": "0-0-9", "row": 0, "step": 0, "class": "ok",
         "cost": 15, "unproven": 0, "text": "x"}]
    w.log.insert(0, dict(w.log[0], n=0, client_id="0-0-9"))


def journal_damaged(w):
    w.torn = b"00000000 {}\n"


def journal_torn(w):
    w.torn = b'00000000 {"t":"tr'


def export_short(w):
    del w.export[2]


def export_in_other_order(w):
    w.export[0], w.export[1] = w.export[1], w.export[0]


def export_with_other_members_order(w):
    w.export[0] = dict(reversed(w.export[0].items()))


def export_with_rounded_number(w):
    w.export[0] = dict(w.export[0], x=2)


def unfinished(w):
    """Killed: an open row in the checkpoint, an answer in the journal."""
    row_missing(w)
    w.arguments = ["--limit", "0.000001"]
    w.checkpoint["open"] = [{"row": 2, "at": 1, "steps": [
        {"state": 1, "key": "0-1-7", "cost": "0.000000015", "attempts": 1,
         "tokens_in": 10, "tokens_out": 5},
        {"state": 0, "cost": "0", "attempts": 1}]}]
    w.checkpoint["attempts"] = [
        {"id": "0-1-8", "row": 2, "step": 1, "reserved": "0.000000040"}]
    w.log = [c for c in w.log if c["client_id"] != "0-1-9"]
    w.files = ["stats", "log"]


def unfinished_and_told(w):
    unfinished(w)
    w.files.append("cost-rows")
    w.cost_rows.append(w.cost_row(3, cost="0.000000015", tokens_in=10,
                                  tokens_out=5))


def unfinished_and_answered(w):
    """The attempt on the wire came home, says a journal not yet covered."""
    unfinished(w)
    w.checkpoint["journal_generation"] = 1
    w.journal = [
        {"t": "try", "id": "0-1-8", "row": 2, "step": 1, "reserved": 40},
        {"t": "end", "id": "0-1-8", "row": 2, "step": 1, "class": "ok",
         "cost": 15, "unproven": 0, "text": "y"}]
    w.proven = 165


def batch_not_yet_in_the_checkpoint(w):
    """Paid for, published, and the checkpoint after it was not written."""
    row_missing(w)
    w.beyond = [row(2)]
    w.arguments = ["--limit", "0.000001"]
    w.files = ["stats", "log"]


CASES = [
    ("a sound job", None, ""),
    ("a journal cut by a kill", journal_torn, ""),
    ("a try before the answer", tried_before_it_was_answered, ""),
    ("an answer that came too late", answered_too_late, ""),
    ("money lost counts as unproven", lost_counts_as_unproven, ""),
    ("a job that was interrupted", unfinished, ""),
    ("an answer in a journal alone", unfinished_and_answered, ""),
    ("a batch beyond the checkpoint", batch_not_yet_in_the_checkpoint, ""),
    ("a batch changed", batch_changed, "chain: batch-000000003.jsonl: prev"),
    ("a batch missing", batch_missing, "cannot judge: "),
    ("a batch cut", batch_cut, "batch-000000002.jsonl ends in half a line"),
    ("a wrong count", wrong_count, "chain: batch-000000002.jsonl: rows is 4"),
    ("an epoch that falls", older_epoch, "chain: batch-000000002.jsonl: its"),
    ("another last batch", other_last_batch, "last_batch_sha256 is 00"),
    ("a row twice", row_twice, "rows: row 1 is in batch-000000002.jsonl and"),
    ("a row missing", row_missing, "rows: row 2 is missing"),
    ("a row done and not marked", row_not_marked, "rows: row 5 is on the"),
    ("a row marked and absent", row_marked_and_absent, "rows: row 2 is done"),
    ("two rows with one id", two_rows_with_one_id, "rows 0 and 2 have one id"),
    ("a row of neither kind", neither_good_nor_failed, "row 0 is neither"),
    ("a ledger too small", ledger_too_small, "ledger: ledger: b/m is None"),
    ("too many records", generated_too_many, "records_generated is 6, not 5"),
    ("a bill below proven", bill_below_proven, "money: proven is"),
    ("a bill above all", bill_above_all, "money: the bill is"),
    ("a server that disagrees", server_disagrees, "the server's log is"),
    ("the limit passed", limit_passed, "more than the limit"),
    ("pp-cost differs", cost_differs, "cost: total cost is 1"),
    ("pp-cost counts otherwise", cost_counts_otherwise, "cost: rows_done is"),
    ("a cost row is not there", cost_row_missing,
     "told: the sum of the cost rows of m is"),
    ("a cost row is there twice", cost_row_twice,
     "told: the sum of the cost rows of m is"),
    ("time is in no cost row", time_untold,
     "told: shard 0: the time in cost rows is 100, not 110"),
    ("a cost row of a step that is not finished", unfinished_and_told, ""),
    ("an answer never given", answer_the_server_did_not_give,
     "calls: row 0, step a: the server gave no answer"),
    ("a call of another job", of_another_job, "is no attempt of this job"),
    ("a call unknown", call_unknown_to_the_server,
     "calls: row 0, step a: the server knows no call 0-1-1"),
    ("a price not the server's", price_is_not_the_servers,
     "calls: row 0, step a cost $0.000000015, and the server's"),
    ("an attempt sent twice", sent_twice, "calls: attempt 0-1-2 was sent"),
    ("an answer asked for again", asked_again,
     "paid: row 0, step a was answered by 0-1-1 (call 1) and asked for"),
    ("a journalled answer asked for again", journalled_and_asked_again,
     "paid: row 9, step 0 was answered by 0-1-50 (call 50) and asked for"),
    ("a journal that tries again", tried_again_by_the_journal,
     "paid: row 0, step 0 has answer 0-1-1 in a journal, and 0-2-1"),
    ("a journal damaged", journal_damaged, "journal: 00000-000000000001-"),
    ("a line missing in the export", export_short, "export: its number of"),
    ("lines in another order", export_in_other_order,
     "export: line 1 is not the record of row 0"),
    ("members in another order", export_with_other_members_order,
     "export: line 1 is not the record of row 0"),
    ("a number changed", export_with_rounded_number,
     "export: line 1 is not the record of row 0"),
]


def run_case(damage, expected):
    """What went wrong; "" when nothing did."""
    world = World()
    if damage is not None:
        damage(world)
    with tempfile.TemporaryDirectory() as folder:
        world.write(folder)
        if world.after is not None:
            world.after()
        status, out = world.judged()
    if expected == "" and status != 0:
        return f"status {status}: {out}"
    if expected != "" and (status == 0 or expected not in out):
        return f"status {status}, and not '{expected}': {out}"
    if world.proven is not None and \
            f"proven {judge.usd(world.proven)}," not in out:
        return f"proven is not {judge.usd(world.proven)}: {out}"
    return ""


def main():
    failed = 0
    print(f"1..{len(CASES)}")
    for number, (name, damage, expected) in enumerate(CASES, 1):
        problem = run_case(damage, expected)
        print(f"{'not ok' if problem else 'ok'} {number} - {name}")
        for line in problem.splitlines():
            print(f"# {line}")
        failed += problem != ""
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
