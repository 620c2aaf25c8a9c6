#!/usr/bin/env bash
# What all programs have in common, seen from the outside.
# shellcheck source=tests/e2e/lib.sh
. "${0%/*}/lib.sh"

programs()
{
	local path

	for path in "${PP_BINDIR:-$PP_BUILDDIR/cmd}"/pp-*; do
		case $path in
		*.o | *'*') ;;
		*) echo "${path##*/}" ;;
		esac
	done
}

# The commands of a program, from its help.
commands()
{
	"$1" --help | sed -n '/^commands:/,/^$/s/^  \([a-z][-a-z]*\) .*/\1/p'
}

test_every_command_has_help()
{
	local program command

	for program in $(programs); do
		run "$program" --help
		check_status 0
		check_err ''
		check_out_has "usage: $program"
		for command in $(commands "$program"); do
			run "$program" "$command" --help
			check_status 0
			check_err ''
			check_out_has "usage: $program $command"
			check "a line of '$program $command --help' is too long" \
				awk 'length > 80 { exit 1 }' "$T/.out"
		done
	done
}

test_every_program_says_its_version()
{
	local program

	for program in $(programs); do
		run "$program" --version
		check_status 0
		check_out_has "$program (Plot Palette) "
		check_out_lines 1
	done
}

test_unknown_options_are_usage_errors()
{
	local program

	for program in $(programs); do
		run "$program" --no-such-option
		check_status 64
		check_out ''
		check_err_has "see '$program"
	done
}

test_options_that_exclude_each_other_are_usage_errors()
{
	run pp-seed list --json --names
	check_status 64
	check_out ''
	check_err_has '--json and --names exclude each other'
	run pp-worker --once --forever
	check_status 64
	check_err_has '--once and --forever exclude each other'
}

test_help_on_a_full_disk_fails()
{
	local program

	[ -w /dev/full ] || skip 'no /dev/full here'
	for program in $(programs); do
		run_sh "$program --help >/dev/full"
		check_status 74
		check_err_has 'cannot write to stdout'
	done
}

# What is opened next must not be taken for the descriptor that is missing.
test_closed_descriptors_are_not_mistaken_for_others()
{
	local program

	for program in $(programs); do
		run_sh "$program --help >&-"
		check_status 74
		check_err_has 'standard output is closed'
		run_sh "$program --help <&- 2>&-"
		check_status 0
		run_sh "$program --nonsense >&- 2>&-"
		check_status 64
	done
	echo '{"n":1}' >seeds.jsonl
	run_sh 'pp-seed put seeds seeds.jsonl <&- >&- 2>&-'
	check_status 74
	run pp-seed get seeds
	check_out_file seeds.jsonl
}

test_a_closed_pipe_ends_quietly()
{
	local program

	for program in $(programs); do
		run_sh "{ sleep 0.1; $program --help; } | true"
		check_status 141
		check_err ''
	done
}

# complete LINE: what bash would offer at the end of it.
complete_line()
{
	local program=${1%% *}

	(
		# shellcheck disable=SC1090
		. "$PP_SRCDIR/completions/bash/$program"
		COMP_LINE=$1 COMP_POINT=${#1}
		"_${program//-/_}"
		printf '%s\n' "${COMPREPLY[@]}"
	)
}

check_completion()
{
	local got

	got=$(complete_line "$1" | paste -sd ' ')
	[ "$got" = "$2" ] || complain "'$1' is completed to '$got', not '$2'"
}

test_completions_in_the_tree_are_current()
{
	local program

	for program in $(programs); do
		run "$program" --complete bash
		check_out_file "$PP_SRCDIR/completions/bash/$program"
		run "$program" --complete zsh
		check_out_file "$PP_SRCDIR/completions/zsh/_$program"
		run "$program" --complete fish
		check_out_file "$PP_SRCDIR/completions/fish/$program.fish"
	done
	[ ! -e "$T/.failed" ] || echo "# 'make completions' makes them anew"
}

test_completions_are_installed()
{
	local program data

	[ -n "${PP_STAGE:-}" ] || skip 'no staged installation'
	data=${PP_SHARE%/*}
	for program in $(programs); do
		check "no bash completion of $program" \
		    test -s "$data/bash-completion/completions/$program"
		check "no zsh completion of $program" \
		    test -s "$data/zsh/site-functions/_$program"
		check "no fish completion of $program" \
		    test -s "$data/fish/vendor_completions.d/$program.fish"
	done
}

test_bash_completes_options_and_words()
{
	check_completion 'pp-export --form' '--format'
	check_completion 'pp-export --format c' 'csv'
	check_completion 'pp-export --format=c' 'csv'
	check_completion 'pp-export --format jsonl,c' 'jsonl,csv'
	check_completion 'pp-export --color a' 'auto always'
}

test_other_shells_can_read_their_completions()
{
	local program

	need zsh fish
	for program in $(programs); do
		check "zsh cannot read it" \
		    zsh -n "$PP_SRCDIR/completions/zsh/_$program"
		check "fish cannot read it" \
		    fish -n "$PP_SRCDIR/completions/fish/$program.fish"
	done
}

run_tests "$@"
