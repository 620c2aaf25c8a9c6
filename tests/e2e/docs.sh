#!/usr/bin/env bash
# README and manuals against the programs: what they name must be there.
# shellcheck disable=SC2013,SC2016
. "${0%/*}/lib.sh"

# Lines of shell in a text: blocks after ```sh in Markdown; literal displays in
# the EXAMPLES of a manual. Continued lines are joined.
shell_of()
{
	case $1 in
	*.md) sed -n '/^```sh$/,/^```$/p' "$1" | sed '/^```/d' ;;
	*) sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' "$1" |
	    sed -n '/^\.Bd -literal/,/^\.Ed/p;s/^\.Dl //p' |
	    sed '/^\./d;s/\\e$/\\/;s/\\&//g;s/\\-/-/g' ;;
	esac | sed -e ':a' -e '/\\$/N; s/\\\n *//; ta'
}

# One "program command options..." a line for each of our programs in it.
calls_of()
{
	shell_of "$1" | sed 's/#.*//; s/[|;&()`]/\n/g; s/\$(/\n/g' |
	    grep -oE '(^|[ =])pp-(seed|template|job|worker|export|cost) .*' |
	    sed 's/^[ =]*//; s/[<>].*//'
}

# The options in a call, without their values.
options_of()
{
	grep -oE ' --?[a-z][-a-z]*' <<<"$1" | sort -u
}

check_call()
{
	local where=$1 call=$2 program command option help

	read -r program command _ <<<"$call"
	if ! command -v "$program" >/dev/null; then
		echo "# $program is not built"
		return
	fi
	case $command in
	[a-z]*) "$program" --help | grep -qE "^  $command " || command= ;;
	*) command= ;;
	esac
	help=$T/help
	# shellcheck disable=SC2086
	"$program" $command --help >"$help" 2>&1
	for option in $(options_of "$call"); do
		grep -qE -- "(^|[ ,])$option([ ,]|\$)" "$help" ||
			complain "$where: '$program $command' has no $option: $call"
	done
}

manuals()
{
	ls "$PP_SRCDIR"/man/*.[1-9]
}

test_readme_begins_with_the_two_commands()
{
	check_commands=$(grep -m 2 -o '\./quickstart.*' "$PP_SRCDIR/README.md")
	[ "$check_commands" = './quickstart
./quickstart check' ] || complain "it begins with: $check_commands"
}

test_links_in_the_readme_lead_somewhere()
{
	local link

	for link in $(grep -oE '\]\([^)]*\)' "$PP_SRCDIR/README.md" |
	    sed 's/^](//; s/)$//; s/#.*//'); do
		case $link in
		http*) complain "a link that no test can follow: $link" ;;
		*) [ -e "$PP_SRCDIR/$link" ] || complain "no $link" ;;
		esac
	done
}

test_files_named_in_the_readme_are_there()
{
	local name

	for name in $(grep -oE '`(lib|share|man|tests|cmd|infra)/[^` ]*`' \
	    "$PP_SRCDIR/README.md" | tr -d '`'); do
		[ -e "$PP_SRCDIR/$name" ] || complain "no $name"
	done
}

test_commands_in_the_documents_exist()
{
	local file call

	for file in "$PP_SRCDIR/README.md" $(manuals); do
		while read -r call; do
			check_call "${file##*/}" "$call"
		done < <(calls_of "$file")
	done
}

test_manuals_are_clean()
{
	local manual

	need mandoc
	for manual in $(manuals); do
		check "${manual##*/} has faults" \
		    mandoc -Tlint -Wwarning "$manual"
	done
}

# The long options that a manual defines: in SYNOPSIS and in its lists. Those
# that all programs take stand in plotpalette(7).
manual_options()
{
	sed -n -e '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' -e '/^\.It .*Fl/p' "$1" |
	    grep -oE 'Fl (Fl |-)[a-z][-a-z0-9]*' |
	    sed -E 's/^Fl (Fl |-)/--/' | sort -u
}

common_options()
{
	printf -- '--%s\n' color help quiet verbose version
}

help_options()
{
	{
		"$1" --help
		for command in $("$1" --help |
		    sed -n '/^commands:/,/^$/s/^  \([a-z][-a-z]*\) .*/\1/p'); do
			"$1" "$command" --help
		done
	} | grep -oE '^  (-[A-Za-z], |    )--[a-z][-a-z0-9]*' |
	    grep -oE -- '--[a-z][-a-z0-9]*' | sort -u
}

test_manuals_have_every_option_of_help()
{
	local manual program option

	for manual in "$PP_SRCDIR"/man/pp-*.1; do
		[ -e "$manual" ] || skip 'no manuals of programs yet'
		program=${manual##*/}
		program=${program%.1}
		command -v "$program" >/dev/null || continue
		manual_options "$manual" >"$T/manual"
		help_options "$program" >"$T/help"
		for option in $(comm -23 "$T/help" <(common_options |
		    sort - "$T/manual")); do
			complain "$program.1 says nothing of $option"
		done
		for option in $(comm -13 "$T/help" "$T/manual"); do
			complain "$program.1 has $option, which --help has not"
		done
	done
}

test_every_program_has_a_manual()
{
	local program

	for program in pp-seed pp-template pp-job pp-worker pp-export pp-cost; do
		command -v "$program" >/dev/null || continue
		[ -e "$PP_SRCDIR/man/$program.1" ] || complain "no $program.1"
	done
}

test_manuals_point_at_manuals_that_exist()
{
	local manual name section

	for manual in $(manuals); do
		while read -r _ name section _; do
			case $name in
			pp-* | plotpalette)
				[ -e "$PP_SRCDIR/man/$name.$section" ] ||
					complain "${manual##*/}: no $name($section)"
				;;
			esac
		done < <(grep '^\.\(It \)\{0,1\}Xr ' "$manual" | sed 's/^\.It /./')
	done
}

run_tests "$@"
