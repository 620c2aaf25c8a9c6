/*
 * The protocol of budget slices, for spin.
 *
 *	spin -a budget.pml && cc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan
 *
 * A job of two shards shares LIMIT; a call costs 1. Two workers claim shards,
 * are granted money, spend it, write down what they spent, give shards back or
 * end them; a job whose shards have all ended is resumed. A worker may die at
 * any step; it may lose its lease while it is stopped, and another takes its
 * shard over. What it asks the records for may get no answer: it was done and
 * the reply was lost, or it is on its way and will be done later, after what
 * the worker asks next. The worker asks again then, by the sequence number that
 * it knows, and the records may be one ahead of it. An attempt stands in the journal before it is sent, so that whoever takes over
 * knows what was spent; one who could not write its checkpoint, or not even
 * read the journal, gives the shard back without a word about money.
 *
 * Checked in every reachable state: what was spent, by whomever, never passes
 * LIMIT. Names are those of worker.c, shard.c and the store's queue.
 *
 * Three that are wrong, as spin shows at once: with -DCARELESS what such a worker
 * was granted goes back by the totals of the records; with -DFORGETFUL a resumed
 * job counts the totals of its shards instead of what they were granted; with
 * -DLOOSE a change is held to the sequence number alone, not to the record as
 * it was read, so that money given back in vain may go back when it is spent.
 *
 * Nothing is counted, so any number of crashes, stops, claims and resumes is
 * looked at. For that, a process that comes after a crash has the name of the
 * one that died, which cannot act any more, and owner stands for owner and
 * epoch. Sequence numbers are kept as how far the records are ahead of somebody.
 */
#ifndef LIMIT
#define LIMIT 3
#endif
#define NOBODY 0	/* workers are processes 1 and 2 */
#define ENDED 3

/* The records, by shard, and the job's sum. */
byte owner[2];
bool live[2];		/* the lease has not run out */
byte granted[2];
#if defined(CARELESS) || defined(FORGETFUL)
byte told[2];		/* settled and unproven, as recorded */
#define TELL(total) told[s] = total;
#else
#define TELL(total)
#endif
byte sum_granted;	/* of the job */

/* Of the records' sequence number, how far they are ahead of the owner's. */
byte ahead[2];

/*
 * A change under way that the worker has given up on: what is to be granted,
 * and the job's sum that it was reckoned from. Of several one is kept, since
 * the first that is done makes the others fail.
 */
bool late[2];
byte late_grant[2], late_sum[2];
#ifdef LOOSE
byte late_ahead[2];	/* of the number in it; 2: too far */
#define MAY_BE_DONE(s) (late_ahead[s] < 2)
#else
#define MAY_BE_DONE(s) true
#endif

/* The truth: attempts in the journal of a shard. */
byte spent[2];

#define MINE (owner[s] == _pid)
#define MAY_CRASH :: goto dead

/* write_money(): spending is a fact, so a grant never lies below it */
inline write_money(s, total, grant)
{
	d_step {
		sum_granted = sum_granted - granted[s];
		TELL(total)
		granted[s] = (grant < total -> total : grant);
		sum_granted = sum_granted + granted[s];
#ifndef LOOSE
		forget_late(s)	/* rev is another now */
#endif
	}
}

inline forget_late(s)
{
	late[s] = false; late_grant[s] = 0; late_sum[s] = 0
}

/* The owner's next number, which the records may have already. */
inline number_next(s)
{
	assert(ahead[s] <= 1);
#ifdef LOOSE
	if
	:: ahead[s] == 0 && late[s] && late_ahead[s] < 2 -> late_ahead[s]++
	:: else
	fi;
#endif
	ahead[s] = 1
}

/* grant(): absolute, under owner and number; what becomes of it is chance. */
inline change(total, grant)
{
	if
	:: number_next(s); write_money(s, total, grant);
		ahead[s] = 0; mine = grant	/* the reply came */
	:: number_next(s); write_money(s, total, grant)	/* it was lost */
	:: true					/* this will never arrive */
	:: late[s] = true; late_grant[s] = grant;
		late_sum[s] = sum_granted
#ifdef LOOSE
		; late_ahead[s] = ahead[s]
#endif
	fi
}

proctype worker()
{
	byte s;
	byte used;		/* settled and unproven, in this process */
	byte mine;		/* what it may spend, in this process */

claim:	/* pp_store_claim(): one transaction */
	atomic {
		s = 0; used = 0; mine = 0;
		if
		:: owner[0] == NOBODY || (owner[0] != ENDED && !live[0]) ->
			s = 0
		:: owner[1] == NOBODY || (owner[1] != ENDED && !live[1]) ->
			s = 1
		fi;
		owner[s] = _pid; live[s] = true; mine = granted[s];
		ahead[s] = 0; forget_late(s)
	}

prepare: /* replay(): what was spent before us; a disk may fail here */
	if
	:: used = spent[s]
	:: goto unsettled
	MAY_CRASH
	fi;

loop:
	if
	/* pp_budget_reserve() and on_try(): the lease is asked first */
	:: atomic { used < mine && MINE && live[s] ->
		spent[s]++; used++; assert(spent[0] + spent[1] <= LIMIT) }
	/* pp_store_grant(): absolute, under owner */
	:: atomic { used >= mine && MINE &&
		sum_granted - granted[s] + used < LIMIT ->
		change(used, used + 1) }
	/* unfund(): what goes back must not be spent while that is said */
	:: atomic { used < mine && MINE ->
		mine = used; change(used, used) }
	:: atomic { !MINE -> goto claim }
	:: goto settled
	:: goto unsettled
	MAY_CRASH
	fi;
	goto loop;

settled: /* pp_shard_checkpoint() worked: pp_store_release() or _finish() */
	if
	:: atomic { MINE ->
		write_money(s, used, used); live[s] = false;
		forget_late(s);
		if
		:: owner[s] = NOBODY
		:: owner[s] = ENDED
		fi }
	:: !MINE
	MAY_CRASH
	fi;
	goto claim;

unsettled: /* nobody can tell: what was granted stays granted */
	if
	:: atomic { MINE ->
#ifdef CARELESS
		write_money(s, told[s], told[s]);
#endif
		live[s] = false; forget_late(s);
		if
		:: owner[s] = NOBODY
		:: owner[s] = ENDED
		fi }
	:: !MINE
	MAY_CRASH
	fi;
	goto claim;

dead:	/* its lease runs out, or its lock is free */
	atomic {
		if
		:: MINE -> live[s] = false
		:: else -> skip
		fi
	};
	goto claim;
}

/* What was under way arrives; owner, rev and the job's sum are looked at. */
#define ARRIVES(s) \
	:: atomic { late[s] -> \
		if \
		:: sum_granted == late_sum[s] && MAY_BE_DONE(s) -> \
			number_next(s); \
			write_money(s, late_grant[s], late_grant[s]) \
		:: else \
		fi; \
		forget_late(s) }

proctype wire()
{
	do
	ARRIVES(0)
	ARRIVES(1)
	od
}

/* A lease may run out while its holder is alive but stopped. */
proctype clock()
{
	do
	:: d_step { live[0] -> live[0] = false }
	:: d_step { live[1] -> live[1] = false }
	od
}

/* pp_store_job_resume(): the shards go back to the queue as they are. */
proctype user()
{
	do
	:: d_step { owner[0] == ENDED && owner[1] == ENDED ->
		owner[0] = NOBODY; owner[1] = NOBODY;
#ifdef FORGETFUL
		sum_granted = told[0] + told[1]
#else
		sum_granted = granted[0] + granted[1]
#endif
	    }
	od
}

init
{
	atomic { run worker(); run worker(); run clock(); run wire(); run user() }
}
