#!/usr/bin/env bash
# What others' tools say of infra/: cfn-lint of the templates, shellcheck of
# the scripts.
. "${0%/*}/../e2e/lib.sh"
INFRA=$PP_SRCDIR/infra

test_cfn_lint_has_no_finding_in_five_regions()
{
	local python

	python=$("$PP_SRCDIR/tests/support/python-venv" \
	    "$PP_SRCDIR/tests/infra/requirements.txt" 2>"$T/why") ||
		skip "$(cat "$T/why")"
	LIMIT=300
	run "${python%/*}/cfn-lint" -r us-east-1 us-west-2 eu-central-1 \
	    ap-northeast-1 sa-east-1 -- "$INFRA"/cloudformation/*.yaml
	check_status 0
	check_out ''
}

# What checkov would find and is meant to be so says why beside it.
test_every_exception_has_a_reason()
{
	check_fails 'an exception without a reason' \
	    awk '/- id: CKV/ { if (open) bad = 1; open = 1; next }
		open && /^ *comment: ./ { open = 0; next }
		open { bad = 1 }
		END { exit !(bad || open) }' "$INFRA"/cloudformation/*.yaml
}

# CloudFormation takes neither.
test_templates_have_no_anchor_and_are_small_enough()
{
	check_fails 'an alias' grep -nE '^[^#]*[:-] \*[a-z]' \
	    "$INFRA"/cloudformation/*.yaml
	check_fails 'over 51,200 bytes' \
	    sh -c 'find "$1" -size +51200c | grep .' - "$INFRA/cloudformation"
}

test_no_region_account_or_partition_is_written_down()
{
	check_fails 'a region' grep -nE '(us|eu|ap|sa|ca)-[a-z]+-[0-9]' \
	    "$INFRA"/cloudformation/*.yaml
	check_fails 'an account' grep -nE '[0-9]{12}' \
	    "$INFRA"/cloudformation/*.yaml
	check_fails 'a partition' grep -n 'arn:aws' \
	    "$INFRA"/cloudformation/*.yaml
}

test_shellcheck_has_no_finding()
{
	need shellcheck
	run shellcheck "$PP_SRCDIR"/tests/infra/*.sh \
	    "$PP_SRCDIR"/infra/scripts/*.sh
	check_status 0
	check_out ''
}

# Each script that README.md names is there, and has the options it is given.
test_the_readme_names_what_there_is()
{
	local script option words others

	while read -r script words; do
		check "$script" test -x "$PP_SRCDIR/$script"
		others=$INFRA/scripts/deploy.sh
		[[ $script != */estimate-cost.sh ]] ||
			others=$PP_SRCDIR/completions/bash/pp-cost
		for option in $words; do
			check "$script takes $option" grep -q -e "^[^#]*$option\b" \
			    "$PP_SRCDIR/$script" "$INFRA/scripts/common.sh" \
			    "$others"
		done
	done < <(tr '\n' ' ' <"$INFRA/README.md" |
		grep -oE 'infra/scripts/[a-z-]+\.sh( +--?[a-z-]+( [A-Za-z0-9=._,-]+)?)*' |
		sed -E 's/ [^- ][^ ]*//g' | sort -u)
	check_fails 'a command without a mark' grep -nE \
	    '^    ([a-z]+=\$\()?(infra/scripts|pp-|aws)' <(grep -vE \
	    '\((tested|AWS)\)' "$INFRA/README.md")
}

run_tests "$@"
