/*
 * The protocol of claim, fence, batch, checkpoint and journal, for spin.
 *
 *	spin -a fence.pml && cc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan
 *
 * One shard of ROWS rows, two workers that come back after each crash as a new
 * process. A worker may stop for as long as it likes at any step (a zombie),
 * and lose its lease meanwhile; a process may die at any step; the reply to a
 * write may be lost after the write took effect, and is then answered by
 * reading, as the code does. Every write below is one atomic step, as it is in
 * the stores: a record's transaction, an object's conditional put, one
 * write(2) to the journal.
 *
 * Checked in every reachable state:
 *	a row is on the chain at most once
 *	an answer that reached the journal is not asked for again by a worker
 *	    that began after it
 *	what is on the chain was paid for
 * and at the end of the job: every row is on the chain, once.
 *
 * Names are those of worker.c, fence.c, publish.c and journal.c. Set ZOMBIE to
 * 0 for a home where only crashes happen; JOURNAL to 0 for one that cannot
 * append (there an answer may be lost with its process, and is asked again).
 *
 * With -DCARELESS checkpoints are replaced whatever is there, which spin shows
 * to be wrong at once.
 *
 * To keep the states few, a process is named by the epoch of its claim, which
 * is as much its own as the writer's name that the code puts beside it; and
 * what is not looked at again is 0.
 */
#ifndef JOURNAL
#define JOURNAL 1
#endif
#ifndef ZOMBIE
#define ZOMBIE 1
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef STOPS
#define STOPS 1		/* leases that run out under a living worker */
#endif
#ifdef CARELESS
#define IF_MATCH true
#else
#define IF_MATCH (cp_etag == etag)
#endif
#define ROWS 2
#define ALL ((1 << ROWS) - 1)
#define BATCHES 9
#define NOBODY 0

/* The queue's entry (records). */
byte owner;		/* epoch of the process that holds it */
byte epoch;		/* of the last claim */
bool live;		/* the lease has not run out */
bool over;		/* the shard has ended */

/* Objects: batches by number, and the checkpoint with its ETag. */
byte batch_epoch[BATCHES];	/* 0: not there */
byte batch_rows[BATCHES];	/* a set, as bits */
byte cp_etag;		/* 0: not there; changes with every write */
byte cp_epoch;
byte cp_last;		/* number of the last batch on the chain */
byte cp_done;		/* rows on the chain */

/* The journal: answers that no checkpoint covers. */
byte journal;

/* What the server saw. */
byte answered;		/* rows that were paid for */
byte crashes;

/* rows of batches 1 to n, which must not overlap */
inline check_chain()
{
	d_step {
		seen = 0;
		n = 1;
		do
		:: n > cp_last -> break
		:: else ->
			assert((seen & batch_rows[n]) == 0);
			seen = seen | batch_rows[n];
			n++
		od;
		assert(seen == cp_done);
		n = 0;
		seen = 0
	}
}

#define MAY_CRASH \
	:: atomic { crashes < CRASHES -> crashes++; goto dead }

proctype worker()
{
	byte mine;		/* epoch of its claim */
	byte etag;		/* of the checkpoint as read or written */
	byte last, done;	/* as in the checkpoint, and what is adopted */
	byte have;		/* answers in hand: replayed or come home */
	byte pending;		/* rows finished since the last checkpoint */
	byte row, n, seen;

start:	/* pp_store_claim(): one transaction */
	atomic {
		mine = 0; etag = 0; last = 0; done = 0; have = 0; pending = 0;
		row = 0;
		if
		:: over -> goto finished
		:: !over && (owner == NOBODY || !live) ->
			epoch++; mine = epoch; owner = mine; live = true
		fi
	}

read:	/* fence_once(): the checkpoint, then the epoch above it */
	if
	:: atomic { cp_epoch <= mine ->
		etag = cp_etag; last = cp_last; done = cp_done }
	:: cp_epoch > mine -> goto lost
	MAY_CRASH
	fi;

fence:	/* put_fence(): an empty batch at the next number, or adopt */
	do
	:: atomic { batch_epoch[last + 1] == 0 ->
		batch_epoch[last + 1] = mine;
		batch_rows[last + 1] = 0 };
		/* the reply may be lost: then the next turn finds our own */
		if
		:: last++; break
		:: skip
		MAY_CRASH
		fi
	:: atomic { batch_epoch[last + 1] == mine -> last++ }; break
	:: atomic { batch_epoch[last + 1] != 0 &&
		batch_epoch[last + 1] < mine ->
		assert((done & batch_rows[last + 1]) == 0);
		done = done | batch_rows[last + 1]; last++ }
	:: batch_epoch[last + 1] > mine -> goto lost
	MAY_CRASH
	od;

	/* replay(): what came home before us and is in no batch */
	have = (JOURNAL -> journal & ~done : 0);

first:	/* pp_checkpoint_save(), if-match: from here on we are the writer */
	if
	:: atomic { IF_MATCH ->
		cp_etag++; cp_epoch = mine; cp_last = last;
		cp_done = done; journal = have;
		/* a new generation: what we hold is in its open rows */
		etag = cp_etag; check_chain() }
	:: atomic { cp_etag != etag && cp_epoch == mine -> etag = cp_etag }
	:: cp_etag != etag && cp_epoch != mine -> goto read
	MAY_CRASH
	fi;

loop:
	if
	:: (done | pending) == ALL && pending == 0 -> goto finish
	:: pending != 0 -> goto publish
	:: (done | pending) != ALL -> goto call
	MAY_CRASH
	fi;

call:	/* a row that is neither on the chain nor in hand */
	if
	:: ((done | pending) & 1) == 0 -> row = 0
	:: ((done | pending) & 2) == 0 -> row = 1
	fi;
	if
	:: (have >> row) & 1 -> skip	/* paid for before: no call */
	:: else ->
		/*
		 * Sent and answered. A zombie may send although its lease is
		 * gone; what its server then answers is its own loss, which
		 * is why the clock of the lease is asked before each call.
		 */
		atomic {
			answered = answered | (1 << row);
			/* nobody who knows of the answer asks again */
			assert(!(JOURNAL && ((journal >> row) & 1) &&
			    cp_epoch == mine))
		};
		if
		:: atomic { JOURNAL && cp_epoch == mine ->
			journal = journal | (1 << row) }
		:: atomic { JOURNAL && cp_epoch != mine -> skip
			/* its file is unlinked: a write to nowhere */ }
		:: !JOURNAL -> skip
		MAY_CRASH
		fi
	fi;
	atomic { have = have | (1 << row); pending = pending | (1 << row);
		row = 0 };
	goto loop;

publish: /* pp_shard_checkpoint(): the batch, if-none-match */
	if
	:: atomic { batch_epoch[last + 1] == 0 ->
		batch_epoch[last + 1] = mine;
		batch_rows[last + 1] = pending }
	/* the reply was lost, or somebody was faster: read and compare */
	:: batch_epoch[last + 1] == mine -> skip
	:: batch_epoch[last + 1] != 0 && batch_epoch[last + 1] != mine ->
		goto lost
	MAY_CRASH
	fi;
save:	/* then the checkpoint, if-match */
	if
	:: atomic { IF_MATCH ->
		last++; done = done | pending; pending = 0;
		cp_etag++; cp_epoch = mine; cp_last = last;
		cp_done = done; journal = have & ~done;
		etag = cp_etag; check_chain() }
	:: cp_etag != etag -> goto lost
	MAY_CRASH
	fi;
	goto loop;

finish:	/* pp_store_finish(), fenced by owner and epoch */
	if
	:: atomic { owner == mine ->
		assert(cp_done == ALL); over = true; owner = NOBODY }
	:: owner != mine -> goto lost
	MAY_CRASH
	fi;
	goto finished;

lost:	/* somebody younger has the shard: status 75, and come again */
dead:	/* the process is gone: its lease runs out, or its lock is free */
	atomic {
		if
		:: owner == mine -> live = false
		:: else -> skip
		fi
	};
	goto start;

finished:
	atomic {
		assert(over && cp_done == ALL && answered == ALL);
		mine = 0; etag = 0; last = 0; done = 0; have = 0; pending = 0;
		row = 0
	}
}

/* Time: a lease may run out while its holder is alive but stopped. */
proctype clock()
{
	byte times;

	do
	:: atomic { ZOMBIE && times < STOPS && live -> live = false; times++ }
	:: over -> break
	od
}

init
{
	atomic {
		run worker();
		run worker();
		run clock()
	}
}
