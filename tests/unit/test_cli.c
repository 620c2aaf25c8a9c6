/*
 * The whole of a program's main() on a small program of our own: each case
 * runs in a child, and its status, stdout and stderr are compared.
 */
#include <config.h>

#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/cli.h"

struct greet {
	const char *name;
	int64_t times;
	bool loud;
};

static int
greet_set(void *state, int key, const char *arg, struct pp_error *err)
{
	struct greet *g = state;

	switch (key) {
	case 'n': g->name = arg; return 0;
	case 'l': g->loud = true; return 0;
	case PP_OPT_LONG:
		if (strcmp(arg, "many") == 0)
			return pp_error_set(err, PP_EUSAGE,
			    "--times is a number, not '%s'", arg);
		g->times = atoi(arg);
		return 0;
	default: return -1;
	}
}

static int
greet_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	static const char *const headings[] = { "NAME", "COUNT", "PRICE" };
	struct greet *g = state;
	struct pp_table *t;
	int i;

	if (argc > 0 && strcmp(argv[0], "nobody") == 0)
		return pp_error_set(err, PP_ENOENT, "no such guest '%s'",
		    argv[0]);
	if (argc > 0 && strcmp(argv[0], "three") == 0)
		return 3;
	pp_cli_warn(cli, "%d guests", argc);
	if (cli->json) {
		puts("{\"json\":true}");
		return 0;
	}
	t = pp_table_new(headings, 3);
	for (i = 0; i < argc; i++) {
		pp_table_cell(t, argv[i]);
		pp_table_number(t, (i + 1) * 50 * (g->loud ? 2 : 1));
		pp_table_money(t, i * INT64_C(12500000000));
	}
	pp_table_print(t);
	return 0;
}

/* Writes for ever: what ends it is the end of its output. */
static int
flood_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	(void)cli, (void)state, (void)argc, (void)argv, (void)err;
	while (puts("again") != EOF)
		continue;
	return 0;
}

static int
work_run(const struct pp_cli *cli, void *state, int argc, char **argv,
    struct pp_error *err)
{
	(void)state, (void)argc, (void)argv, (void)err;
	pp_progress_start(cli);
	pp_progress("%d rows", 1);
	pp_progress("%d rows", 2); /* too soon to be drawn */
	pp_cli_note(cli, "half way");
	return 0;
}

static const struct pp_opt greet_options[] = {
	{ 'n', "name", "NAME", "say NAME", PP_COMPLETE_SEEDS, NULL },
	{ 'l', "loud", NULL, "twice the numbers", PP_COMPLETE_NONE, NULL },
	{ PP_OPT_LONG, "times", "N", "repeat it's N times", PP_COMPLETE_NONE,
	    NULL },
	{ 'f', "format", "F", "one of several", PP_COMPLETE_WORDS,
	    "jsonl csv" },
	{ 0 }
};

static const struct pp_command guest_commands[] = {
	{ .name = "greet",
	    .synopsis = "GUEST...",
	    .summary = "Greet the guests",
	    .options = greet_options,
	    .operands = PP_COMPLETE_JOB,
	    .has_json = true,
	    .has_names = true,
	    .state_bytes = sizeof(struct greet),
	    .set = greet_set,
	    .run = greet_run },
	{ .name = "flood", .summary = "Write for ever", .run = flood_run },
	{ .name = "work", .summary = "Show progress", .run = work_run }, { 0 }
};

static const struct pp_program guest = { .name = "pp-guest",
	.summary = "Look after guests",
	.commands = guest_commands };

static const struct pp_command lone_commands[] = {
	{ .synopsis = "GUEST...",
	    .summary = "Greet the guests",
	    .options = greet_options,
	    .operands = PP_COMPLETE_FILE,
	    .state_bytes = sizeof(struct greet),
	    .set = greet_set,
	    .run = greet_run },
	{ 0 }
};

static const struct pp_program lone = { .name = "pp-lone",
	.summary = "Greet the guests",
	.commands = lone_commands };

struct outcome {
	int status; /* 128 + signal when killed */
	struct pp_buf out, err;
};

static void
slurp(FILE *f, struct pp_buf *b)
{
	char part[4096];
	size_t n;

	rewind(f);
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		pp_buf_add(b, part, n);
	fclose(f);
}

/* In a child whose stdout (unless -1) and stderr are these. */
static pid_t
start(const struct pp_program *program, const char *const *args, int out,
    int err)
{
	char *argv[16];
	int argc = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	for (; args[argc] != NULL; argc++)
		argv[argc] = strdup(args[argc]);
	argv[argc] = NULL;
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	_exit(pp_cli_main(program, argc, argv));
}

/* `stdout_path` NULL: a temporary, read back into o->out. */
static void
run(const struct pp_program *program, const char *const *args,
    const char *stdout_path, struct outcome *o)
{
	FILE *out = tmpfile(), *err = tmpfile();
	int status,
	    fd = stdout_path != NULL ? open(stdout_path, O_WRONLY) :
				       dup(fileno(out));
	pid_t pid = start(program, args, fd, fileno(err));

	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	o->status = WIFEXITED(status) ? WEXITSTATUS(status) :
					128 + WTERMSIG(status);
	pp_buf_init(&o->out, 0);
	pp_buf_init(&o->err, 0);
	slurp(out, &o->out);
	slurp(err, &o->err);
}

static void
outcome_release(struct outcome *o)
{
	pp_buf_release(&o->out);
	pp_buf_release(&o->err);
}

static const struct {
	const char *name;
	const struct pp_program *program;
	const char *args[10];
	int status;
	const char *out; /* all of it */
	const char *err;
} exact[] = {
	{ "a table aligns text left and numbers right", &guest,
	    { "pp-guest", "greet", "Zo\xc3\xab", "Jan" }, 0,
	    "NAME  COUNT   PRICE\n"
	    "Zo\xc3\xab      50   $0.00\n"
	    "Jan     100  $12.50\n",
	    "pp-guest: warning: 2 guests\n" },
	{ "options may follow operands", &guest,
	    { "pp-guest", "-q", "greet", "Jan", "--loud" }, 0,
	    "NAME  COUNT  PRICE\nJan     100  $0.00\n", "" },
	{ "-- ends the options", &guest,
	    { "pp-guest", "greet", "-q", "--", "--loud" }, 0,
	    "NAME    COUNT  PRICE\n--loud     50  $0.00\n", "" },
	{ "names are the first column alone", &guest,
	    { "pp-guest", "greet", "-q", "--names", "b", "a" }, 0, "b\na\n",
	    "" },
	{ "json", &guest, { "pp-guest", "greet", "-q", "--json" }, 0,
	    "{\"json\":true}\n", "" },
	{ "a beginning of an option is enough", &guest,
	    { "pp-guest", "greet", "-q", "--lou", "--names", "x" }, 0, "x\n",
	    "" },
	{ "a cell is one line", &guest,
	    { "pp-guest", "greet", "-q", "--names", "a\nb\033[1m" }, 0,
	    "a?b?[1m\n", "" },
	{ "a command's own status passes", &guest,
	    { "pp-guest", "greet", "three" }, 3, "", "" },
	{ "an error has its code's status", &guest,
	    { "pp-guest", "greet", "nobody" }, 66, "",
	    "pp-guest: no such guest 'nobody'\n" },
	{ "a wrong value", &guest, { "pp-guest", "greet", "--times", "many" },
	    64, "",
	    "pp-guest: --times is a number, not 'many'\n"
	    "see 'pp-guest greet --help'\n" },
	{ "a mistyped command", &guest, { "pp-guest", "gret" }, 64, "",
	    "pp-guest: unknown command 'gret', did you mean 'greet'?\n"
	    "see 'pp-guest --help'\n" },
	{ "the beginning of a command", &guest, { "pp-guest", "flo" }, 64, "",
	    "pp-guest: unknown command 'flo', did you mean 'flood'?\n"
	    "see 'pp-guest --help'\n" },
	{ "nothing like a command", &guest, { "pp-guest", "xyzzy" }, 64, "",
	    "pp-guest: unknown command 'xyzzy'\nsee 'pp-guest --help'\n" },
	{ "a mistyped option", &guest, { "pp-guest", "greet", "--tiems=4" }, 64,
	    "",
	    "pp-guest: unknown option '--tiems', did you mean '--times'?\n"
	    "see 'pp-guest greet --help'\n" },
	{ "an ambiguous option", &guest, { "pp-guest", "greet", "--n" }, 64, "",
	    "pp-guest: option '--n' is ambiguous\n"
	    "see 'pp-guest greet --help'\n" },
	{ "an unknown letter", &guest, { "pp-guest", "greet", "-lz" }, 64, "",
	    "pp-guest: unknown option '-z'\nsee 'pp-guest greet --help'\n" },
	{ "a missing argument of a letter", &guest,
	    { "pp-guest", "greet", "-n" }, 64, "",
	    "pp-guest: option '-n' (--name) needs an argument: NAME\n"
	    "see 'pp-guest greet --help'\n" },
	{ "a missing argument of a word", &guest,
	    { "pp-guest", "greet", "--times" }, 64, "",
	    "pp-guest: option '--times' needs an argument: N\n"
	    "see 'pp-guest greet --help'\n" },
	{ "an argument too many", &guest, { "pp-guest", "greet", "--loud=yes" },
	    64, "",
	    "pp-guest: option '--loud' takes no argument\n"
	    "see 'pp-guest greet --help'\n" },
	{ "an unknown color", &guest,
	    { "pp-guest", "greet", "--color", "pink" }, 64, "",
	    "pp-guest: --color is 'auto', 'always' or 'never', not 'pink'\n"
	    "see 'pp-guest greet --help'\n" },
	{ "color when asked for", &guest,
	    { "pp-guest", "greet", "--color=always", "nobody" }, 66, "",
	    "pp-guest: \033[1;31merror: \033[0mno such guest 'nobody'\n" },
	{ "no progress without a terminal", &guest, { "pp-guest", "work" }, 0,
	    "", "half way\n" },
	{ "no command", &guest, { "pp-guest" }, 64, "",
	    "usage: pp-guest command [options] [operands]\n"
	    "see 'pp-guest --help'\n" },
	{ "an unknown option before the command", &guest,
	    { "pp-guest", "--loud", "greet" }, 64, "",
	    "pp-guest: unknown option '--loud'\nsee 'pp-guest --help'\n" },
	{ "version", &guest, { "pp-guest", "-V" }, 0,
	    "pp-guest (Plot Palette) " PACKAGE_VERSION "\n", "" },
	{ "version of a command", &guest, { "pp-guest", "greet", "--version" },
	    0, "pp-guest (Plot Palette) " PACKAGE_VERSION "\n", "" },
	{ "a program without commands", &lone, { "pp-lone", "-q", "Jan", "-l" },
	    0, "NAME  COUNT  PRICE\nJan     100  $0.00\n", "" },
	{ "a program without commands and an unknown option", &lone,
	    { "pp-lone", "--lound" }, 64, "",
	    "pp-lone: unknown option '--lound', did you mean '--loud'?\n"
	    "see 'pp-lone --help'\n" },
	{ "help of a command", &guest, { "pp-guest", "greet", "-h" }, 0,
	    "usage: pp-guest greet [options] GUEST...\n"
	    "\n"
	    "Greet the guests\n"
	    "\n"
	    "options:\n"
	    "  -n, --name NAME             say NAME\n"
	    "  -l, --loud                  twice the numbers\n"
	    "      --times N               repeat it's N times\n"
	    "  -f, --format F              one of several\n"
	    "\n"
	    "common options:\n"
	    "      --json                  print JSON, one object a line\n"
	    "      --names                 print the first column alone, one "
	    "name a line\n"
	    "  -h, --help                  show this help and exit\n"
	    "  -V, --version               show the version and exit\n"
	    "  -q, --quiet                 say nothing but errors\n"
	    "  -v, --verbose               say more; twice for details\n"
	    "      --color WHEN            color: auto, always or never\n"
	    "\n"
	    "PP_STORE names the home of all state, file:DIR. More in "
	    "pp-guest(1); a tour of\nall programs in plotpalette(7).\n",
	    "" },
	{ "help of a program", &guest, { "pp-guest", "--help" }, 0,
	    "usage: pp-guest command [options] [operands]\n"
	    "\n"
	    "Look after guests\n"
	    "\n"
	    "commands:\n"
	    "  greet  Greet the guests\n"
	    "  flood  Write for ever\n"
	    "  work   Show progress\n"
	    "\n"
	    "common options:\n"
	    "  -h, --help                  show this help and exit\n"
	    "  -V, --version               show the version and exit\n"
	    "  -q, --quiet                 say nothing but errors\n"
	    "  -v, --verbose               say more; twice for details\n"
	    "      --color WHEN            color: auto, always or never\n"
	    "\n"
	    "'pp-guest command --help' shows the options of a command.\n"
	    "\n"
	    "PP_STORE names the home of all state, file:DIR. More in "
	    "pp-guest(1); a tour of\nall programs in plotpalette(7).\n",
	    "" },
};

static void
test_exact(void **state)
{
	struct outcome o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof exact / sizeof *exact; i++) {
		run(exact[i].program, exact[i].args, NULL, &o);
		if (o.status != exact[i].status ||
		    strcmp(o.out.data, exact[i].out) != 0 ||
		    strcmp(o.err.data, exact[i].err) != 0)
			fail_msg("%s: status %d\n[%s]\n[%s]", exact[i].name,
			    o.status, o.out.data, o.err.data);
		outcome_release(&o);
	}
}

/* What a script must contain; the e2e tests run the real ones. */
static const struct {
	const char *shell;
	const struct pp_program *program;
	const char *has[6];
} scripts[] = {
	{ "bash", &guest,
	    { "commands) echo 'greet flood work' ;;\n",
		"'greet --name' | 'greet -n') echo 'list pp-seed list --names'",
		"'greet ') echo 'list pp-job list --names' ;;",
		"'greet --format' | 'greet -f') echo 'words jsonl csv' ;;",
		"complete -F _pp_guest pp-guest\n" } },
	{ "zsh", &guest,
	    { "#compdef pp-guest\n",
		"'*'--times='[repeat it'\\''s N times]:N: ' \\\n",
		"'*:operand:_pp_guest_names pp-job list --names' ;;\n",
		"'greet:Greet the guests'\n" } },
	{ "fish", &guest,
	    { "complete -c pp-guest -f\n",
		"-l times -x -d 'repeat it\\'s N times'\n",
		"complete -c pp-guest -n '__fish_is_first_token' -a greet "
		"-d 'Greet the guests'\n" } },
	{ "fish", &lone, { "complete -c pp-lone -F\n" } },
	{ "bash", &lone, { "' ') echo file ;;\n" } },
};

static void
test_completion_scripts(void **state)
{
	const char *args[] = { "pp-guest", "--complete", NULL, NULL };
	struct outcome o;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		args[2] = scripts[i].shell;
		run(scripts[i].program, args, NULL, &o);
		assert_int_equal(o.status, 0);
		assert_string_equal(o.err.data, "");
		for (k = 0; scripts[i].has[k] != NULL; k++) {
			if (strstr(o.out.data, scripts[i].has[k]) == NULL)
				fail_msg("%s: no [%s] in\n%s", scripts[i].shell,
				    scripts[i].has[k], o.out.data);
		}
		outcome_release(&o);
	}
	args[2] = "tcsh";
	run(&guest, args, NULL, &o);
	assert_int_equal(o.status, 64);
	outcome_release(&o);
}

static void
test_full_disk_is_an_error(void **state)
{
	const char *args[] = { "pp-guest", "flood", NULL };
	struct outcome o;

	(void)state;
	if (access("/dev/full", W_OK) < 0)
		skip();
	run(&guest, args, "/dev/full", &o);
	assert_int_equal(o.status, 74);
	assert_non_null(strstr(o.err.data, "cannot write to stdout"));
	outcome_release(&o);
}

static void
test_gone_reader_ends_quietly(void **state)
{
	const char *args[] = { "pp-guest", "flood", NULL };
	char path[] = "/tmp/pp-cli-XXXXXX", fifo[64];
	struct outcome o;
	int reader;

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(fifo, sizeof fifo, "%s/fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	/* A reader that leaves after a while. */
	if (fork() == 0) {
		reader = open(fifo, O_RDONLY);
		_exit(read(reader, path, sizeof path) > 0 ? 0 : 1);
	}
	run(&guest, args, fifo, &o);
	wait(NULL);
	assert_int_equal(o.status, 128 + SIGPIPE);
	assert_string_equal(o.err.data, "");
	outcome_release(&o);
	unlink(fifo);
	rmdir(path);
}

/* What a command writes on a terminal, into `seen`. */
static void
run_on_terminal(const struct pp_program *program, const char *const *args,
    struct pp_buf *seen)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	char part[512];
	ssize_t n;
	pid_t pid;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		skip();
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (slave < 0)
		skip();
	pid = start(program, args, -1, slave);
	close(slave);
	pp_buf_init(seen, 0);
	while ((n = read(master, part, sizeof part)) > 0)
		pp_buf_add(seen, part, (size_t)n);
	close(master);
	waitpid(pid, NULL, 0);
}

static void
test_progress_is_taken_away_before_other_text(void **state)
{
	static const char *const loud[] = { "pp-guest", "work", NULL };
	static const char *const quiet[] = { "pp-guest", "-q", "work", NULL };
	struct pp_buf seen;

	(void)state;
	run_on_terminal(&guest, loud, &seen);
	assert_string_equal(seen.data, "\r\033[K1 rows\r\033[Khalf way\r\n");
	pp_buf_release(&seen);
	run_on_terminal(&guest, quiet, &seen);
	assert_string_equal(seen.data, "");
	pp_buf_release(&seen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_completion_scripts),
		cmocka_unit_test(test_full_disk_is_an_error),
		cmocka_unit_test(test_gone_reader_ends_quietly),
		cmocka_unit_test(test_progress_is_taken_away_before_other_text),
	};

	unsetenv("NO_COLOR");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
