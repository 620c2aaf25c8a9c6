/* Descriptors, timers, signals and deferred calls of the event loop. */
#include <config.h>

#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/loop.h"

struct trace {
	struct pp_loop *loop;
	struct pp_timer timer;
	char text[64];
	int count;
	int fds[2];
};

static struct pp_loop *
new_loop(void)
{
	struct pp_error err = PP_ERROR_INIT;
	struct pp_loop *l = pp_loop_new(&err);

	if (l == NULL)
		fail_msg("%s", err.text);
	return l;
}

static void
turn(struct pp_loop *l, int max_wait_ms)
{
	struct pp_error err = PP_ERROR_INIT;

	assert_ok(pp_loop_turn(l, max_wait_ms, &err), err);
}

static void
note(struct trace *t, char c)
{
	size_t n = strlen(t->text);

	t->text[n] = c;
	t->text[n + 1] = '\0';
}

static void
count_it(void *arg)
{
	((struct trace *)arg)->count++;
}

struct mark {
	struct trace *trace;
	struct pp_timer timer;
	char name;
};

static void
on_mark(void *arg)
{
	struct mark *m = arg;

	note(m->trace, m->name);
}

static void
timers_fire_once_in_order_of_time(void **state)
{
	struct trace t = { .loop = new_loop() };
	struct mark marks[4];
	static const int ms[4] = { 160, 40, 120, 80 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		marks[i] = (struct mark){ .trace = &t,
			.name = (char)('a' + i) };
		pp_timer_set(t.loop, &marks[i].timer, ms[i] * 1000, on_mark,
		    &marks[i]);
	}
	pp_timer_set(t.loop, &marks[2].timer, 240000, on_mark, &marks[2]);
	pp_timer_cancel(t.loop, &marks[3].timer);
	pp_timer_cancel(t.loop, &marks[3].timer);
	for (int i = 0; i < 20 && strlen(t.text) < 3; i++)
		turn(t.loop, 100);
	assert_string_equal(t.text, "bac");
	turn(t.loop, 0);
	assert_string_equal(t.text, "bac");
	pp_loop_free(t.loop);
}

static void
a_timer_is_never_early(void **state)
{
	struct trace t = { .loop = new_loop() };
	int64_t start = pp_clock_boot_us();

	(void)state;
	pp_timer_set(t.loop, &t.timer, 3500, count_it, &t);
	while (t.count == 0)
		turn(t.loop, -1);
	assert_true(pp_clock_boot_us() - start >= 3500);
	pp_loop_free(t.loop);
}

static void
many_timers_keep_their_heap_in_order(void **state)
{
	enum { N = 2000 };
	struct pp_loop *l = new_loop();
	struct trace t = { .loop = l };
	struct pp_timer *timers = pp_calloc(N, sizeof *timers);
	struct pp_rand r;
	int left = 0;

	(void)state;
	pp_rand_seed(&r, 7);
	for (int i = 0; i < 20000; i++) {
		struct pp_timer *x = &timers[pp_rand_below(&r, N)];

		if (pp_rand_below(&r, 3) == 0)
			pp_timer_cancel(l, x);
		else
			pp_timer_set(l, x, (int64_t)pp_rand_below(&r, 5000),
			    count_it, &t);
	}
	for (int i = 0; i < N; i++)
		left += timers[i].due_us != 0;
	for (int i = 0; i < 100 && t.count < left; i++)
		turn(l, 20);
	assert_int_equal(t.count, left);
	free(timers);
	pp_loop_free(l);
}

static void
defer_again(void *arg)
{
	struct trace *t = arg;

	t->count++;
	pp_loop_defer(t->loop, defer_again, t);
}

static void
deferred_calls_come_once_a_turn_without_sleep(void **state)
{
	struct trace t = { .loop = new_loop() };
	int64_t start = pp_clock_boot_us();

	(void)state;
	pp_loop_defer(t.loop, defer_again, &t);
	assert_int_equal(t.count, 0);
	for (int i = 1; i <= 5; i++) {
		turn(t.loop, 60000);
		assert_int_equal(t.count, i);
	}
	assert_true(pp_clock_boot_us() - start < 60000000);
	pp_loop_free(t.loop);
}

static void
read_one(void *arg, int fd, unsigned events)
{
	struct trace *t = arg;
	char c;

	if ((events & PP_LOOP_READ) && read(fd, &c, 1) == 1)
		note(t, c);
	if (events & PP_LOOP_ERROR)
		note(t, '!');
}

static void
a_descriptor_is_watched_until_told_otherwise(void **state)
{
	struct trace t = { .loop = new_loop() };
	struct pp_error err = PP_ERROR_INIT;

	(void)state;
	assert_int_equal(pipe(t.fds), 0);
	assert_ok(pp_loop_watch(t.loop, t.fds[0], PP_LOOP_READ, read_one, &t,
		      &err),
	    err);
	assert_int_equal(write(t.fds[1], "abc", 3), 3);
	turn(t.loop, 1000);
	turn(t.loop, 1000);
	assert_string_equal(t.text, "ab");
	assert_ok(pp_loop_watch(t.loop, t.fds[0], 0, NULL, NULL, &err), err);
	turn(t.loop, 0);
	assert_string_equal(t.text, "ab");
	assert_ok(pp_loop_watch(t.loop, t.fds[0], PP_LOOP_READ, read_one, &t,
		      &err),
	    err);
	turn(t.loop, 1000);
	assert_string_equal(t.text, "abc");
	close(t.fds[1]);
	turn(t.loop, 1000);
	assert_string_equal(t.text, "abc!");
	close(t.fds[0]);
	pp_loop_free(t.loop);
}

/* The first of two ready descriptors closes the other and reuses its number. */
static void
swap_the_other(void *arg, int fd, unsigned events)
{
	struct trace *t = arg;
	int other = fd == t->fds[0] ? t->fds[1] : t->fds[0];

	(void)events;
	t->count++;
	pp_loop_watch(t->loop, t->fds[0], 0, NULL, NULL, NULL);
	pp_loop_watch(t->loop, t->fds[1], 0, NULL, NULL, NULL);
	pp_loop_watch(t->loop, other, PP_LOOP_READ, read_one, t, NULL);
}

static void
an_event_of_an_ended_watch_is_dropped(void **state)
{
	struct trace t = { .loop = new_loop() };
	struct pp_error err = PP_ERROR_INIT;
	int a[2], b[2];

	(void)state;
	assert_int_equal(pipe(a), 0);
	assert_int_equal(pipe(b), 0);
	t.fds[0] = a[0];
	t.fds[1] = b[0];
	for (int i = 0; i < 2; i++)
		assert_ok(pp_loop_watch(t.loop, t.fds[i], PP_LOOP_READ,
			      swap_the_other, &t, &err),
		    err);
	assert_int_equal(write(a[1], "x", 1) + write(b[1], "x", 1), 2);
	turn(t.loop, 1000);
	assert_int_equal(t.count, 1);
	assert_string_equal(t.text, "");
	turn(t.loop, 1000);
	assert_string_equal(t.text, "x");
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
	pp_loop_free(t.loop);
}

static void
a_descriptor_closed_unseen_may_come_again(void **state)
{
	struct trace t = { .loop = new_loop() };
	struct pp_error err = PP_ERROR_INIT;
	int again[2];

	(void)state;
	assert_int_equal(pipe(t.fds), 0);
	assert_ok(pp_loop_watch(t.loop, t.fds[0], PP_LOOP_READ, read_one, &t,
		      &err),
	    err);
	close(t.fds[0]);
	close(t.fds[1]);
	assert_int_equal(pipe(again), 0);
	assert_int_equal(again[0], t.fds[0]);
	assert_ok(pp_loop_watch(t.loop, again[0], PP_LOOP_READ, read_one, &t,
		      &err),
	    err);
	assert_int_equal(write(again[1], "y", 1), 1);
	turn(t.loop, 1000);
	assert_string_equal(t.text, "y");
	close(again[0]);
	close(again[1]);
	pp_loop_free(t.loop);
}

static void
on_signal(void *arg, int signo)
{
	note(arg, signo == SIGTERM ? 'T' : 'U');
}

static void
signals_come_from_the_loop(void **state)
{
	struct trace t = { .loop = new_loop() };
	struct pp_error err = PP_ERROR_INIT;
	sigset_t set;

	(void)state;
	assert_ok(pp_loop_signal(t.loop, SIGTERM, on_signal, &t, &err), err);
	assert_ok(pp_loop_signal(t.loop, SIGUSR1, on_signal, &t, &err), err);
	kill(getpid(), SIGTERM);
	turn(t.loop, 1000);
	assert_string_equal(t.text, "T");
	kill(getpid(), SIGUSR1);
	turn(t.loop, 1000);
	assert_string_equal(t.text, "TU");
	pp_loop_free(t.loop);
	sigprocmask(SIG_SETMASK, NULL, &set);
	assert_false(sigismember(&set, SIGTERM));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_once_in_order_of_time),
		cmocka_unit_test(a_timer_is_never_early),
		cmocka_unit_test(many_timers_keep_their_heap_in_order),
		cmocka_unit_test(deferred_calls_come_once_a_turn_without_sleep),
		cmocka_unit_test(a_descriptor_is_watched_until_told_otherwise),
		cmocka_unit_test(an_event_of_an_ended_watch_is_dropped),
		cmocka_unit_test(a_descriptor_closed_unseen_may_come_again),
		cmocka_unit_test(signals_come_from_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
