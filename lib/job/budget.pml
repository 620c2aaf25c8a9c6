/*
 * The protocol of budget slices, for spin.
 *
 *	spin -a budget.pml && cc -O2 -DSAFETY -o pan pan.c && ./pan -m100000
 *
 * A job of two shards shares LIMIT; a call costs 1. Two workers claim shards,
 * are granted money, spend it, write down what they spent, give shards back.
 * Each may die at any step; each may lose its lease while it is stopped, and
 * another worker takes its shard over. An attempt stands in the journal before
 * it is sent, so that whoever takes over knows what was spent; one who could
 * not write its checkpoint, or not even read the journal, gives the shard back
 * without a word about money.
 *
 * Checked in every reachable state: what was spent, by whomever, never passes
 * LIMIT. Names are those of worker.c, shard.c and the store's queue. With
 * -DCARELESS what such a worker was granted goes back by the totals of the
 * records, which spin shows to be wrong at once.
 */
#ifndef LIMIT
#define LIMIT 3
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef CLAIMS
#define CLAIMS 3	/* of each worker */
#endif
#define SHARDS 2
#define NOBODY 255

/* The records, by shard, and the job's sum. */
byte owner[SHARDS] = NOBODY;
bool live[SHARDS];	/* the lease has not run out */
byte seq[SHARDS];	/* of the last change of money */
byte granted[SHARDS];
byte told[SHARDS];	/* settled and unproven, as recorded */
byte sum_granted;	/* of the job */

/* The truth: attempts in the journal of a shard. */
byte spent[SHARDS];
byte next_pid = 1;
byte crashes, stops;

#define CHECK assert(spent[0] + spent[1] <= LIMIT)
#define MAY_CRASH \
	:: crashes < CRASHES -> crashes++; goto dead

/* write_money(): spending is a fact, so a grant never lies below it */
inline write_money(total, grant)
{
	d_step {
		sum_granted = sum_granted - granted[s];
		told[s] = total;
		granted[s] = (grant < total -> total : grant);
		sum_granted = sum_granted + granted[s];
		seq[s]++;
		my_seq = seq[s]
	}
}

proctype worker()
{
	byte me, s, my_seq;
	byte used;		/* settled and unproven, in this process */
	byte mine;		/* what it may spend, in this process */
	byte turns;

start:	skip;
	d_step { me = next_pid; next_pid++; used = 0; mine = 0; my_seq = 0 }
claim:	/* pp_store_claim(): one transaction */
	if
	:: turns == CLAIMS -> goto done
	:: atomic { turns < CLAIMS && (owner[0] == NOBODY || !live[0]) -> s = 0;
		owner[s] = me; live[s] = true; mine = granted[s];
		my_seq = seq[s]; turns++ }
	:: atomic { turns < CLAIMS && (owner[1] == NOBODY || !live[1]) -> s = 1;
		owner[s] = me; live[s] = true; mine = granted[s];
		my_seq = seq[s]; turns++ }
	fi;

prepare: /* replay(): what was spent before us; a disk may fail here */
	if
	:: used = spent[s]
	:: goto unsettled
	MAY_CRASH
	fi;

loop:
	if
	/* pp_budget_reserve() and on_try(): the lease is asked first */
	:: atomic { used < mine && owner[s] == me && live[s] ->
		spent[s]++; used++; CHECK }
	/* pp_store_grant(): absolute, under owner and seq */
	:: atomic { used >= mine && owner[s] == me && my_seq == seq[s] &&
		sum_granted - granted[s] + used < LIMIT ->
		write_money(used, used + 1); mine = used + 1 }
	/* unfund(), progress: what is known is recorded, the rest goes back */
	:: atomic { used < mine && owner[s] == me && my_seq == seq[s] ->
		write_money(used, used); mine = used }
	:: owner[s] != me -> goto start
	:: goto settled
	:: goto unsettled
	MAY_CRASH
	fi;
	goto loop;

settled: /* pp_shard_checkpoint() worked, then pp_store_release() */
	if
	:: atomic { owner[s] == me && my_seq == seq[s] ->
		write_money(used, used); owner[s] = NOBODY }
	:: owner[s] != me -> skip
	MAY_CRASH
	fi;
	goto start;

unsettled: /* nobody can tell: what was granted stays granted */
	if
	:: atomic { owner[s] == me ->
#ifdef CARELESS
		write_money(told[s], told[s]);
#endif
		owner[s] = NOBODY }
	:: owner[s] != me -> skip
	MAY_CRASH
	fi;
	goto start;

dead:	skip;
	d_step {
		if
		:: owner[s] == me -> live[s] = false
		:: else -> skip
		fi
	};
	goto start;

done:	CHECK
}

/* A lease may run out while its holder is alive but stopped. */
proctype clock()
{
	do
	:: atomic { stops < 2 && live[0] -> live[0] = false; stops++ }
	:: atomic { stops < 2 && live[1] -> live[1] = false; stops++ }
	:: stops == 2 -> break
	:: break
	od
}

init
{
	atomic { run worker(); run worker(); run clock() }
}
