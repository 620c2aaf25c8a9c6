#!/usr/bin/env bash
# Objects in S3: a bucket that keeps versions, and an upload in parts that fails.
if [ "${PP_E2E_HOME:-file}" != aws ]; then
	here=$PP_SRCDIR/tests
	folder=$(mktemp -d "${TMPDIR:-/tmp}/pp-objects.XXXXXX") || exit 99
	trap 'rm -rf "$folder"' EXIT
	export PP_E2E_HOME=aws PP_S3_VERSIONS=1 PP_FAULT_LOG=$folder/log
	export PP_FAULTS="--rate 0 --outage $folder/outage"
	PP_FAULTS+=' --refused PUT.*partNumber=4&'
	"$here/support/with-aws-servers" bash "$0" "$@"
	exit
fi
. "${0%/*}/lib.sh"
. "${0%/*}/jobs.sh"
log=$PP_FAULT_LOG.s3
outage=${PP_FAULT_LOG%/log}/outage
export AWS_MAX_ATTEMPTS=2	# of what fails for good

awshome()
{
	"$PP_BUILDDIR/tests/support/awshome" "$@"
}

bucket()
{
	echo "${PP_STORE#aws:}"
}

# How many of the tag in what the bucket says to a query.
count_of()
{
	awshome query "$(bucket)" "$1" | grep -o "<$2>" | wc -l
}

# A delete leaves a marker, a replaced object its versions; neither is there for
# anybody who does not ask for versions.
test_a_bucket_with_versions_is_as_another()
{
	awshome version - "$(bucket)"
	MOCK='--latency 5' start_job one 60 --budget 5 --shards 2
	run pp-worker --job "$JOB" -c 4 --checkpoint 1s
	check_status 0
	run_sh "pp-export $JOB --format jsonl -o - | wc -l"
	check_out 60
	run pp-cost show "$JOB" --verify
	check_status 0
	run pp-job rm "$JOB"
	check_status 0
	run pp-seed rm seeds
	check_status 0
	check 'nothing is left' test -z "$(awshome ls "$(bucket)" '')"
	check 'but for versions' test "$(count_of versions= Version)" -gt 5
	check 'and markers' test "$(count_of versions= DeleteMarker)" -gt 2
	run pp-seed list --names
	check_out ''
	run pp-seed get seeds
	check_status 66
}

# A checkpoint that has to be restored first would be the end of its job.
test_a_home_is_not_kept_in_the_archive()
{
	local class

	for class in GLACIER DEEP_ARCHIVE; do
		PP_S3_STORAGE_CLASS=$class run pp-job list
		check_status 78
		check_err_has "PP_S3_STORAGE_CLASS cannot be $class"
	done
	PP_S3_STORAGE_CLASS=STANDARD run pp-job list
	check_status 0
}

test_an_upload_that_fails_leaves_no_parts()
{
	head -c 150000000 /dev/zero >big
	: >"$log"
	touch "$outage"
	run "$PP_BUILDDIR/tests/support/awshome" move "$(bucket)" big
	check_status 1
	check_err_has "cannot put object 'big'"
	rm "$outage"
	check 'parts were sent' grep -q '^pass PUT .*partNumber=3&' "$log"
	check 'the fourth failed' grep -q '^refuse PUT .*partNumber=4&' "$log"
	check 'no more was sent' test "$(grep -c 'partNumber=1[0-9]&' "$log")" = 0
	check 'it was given up' grep -q '^pass DELETE .*uploadId=' "$log"
	check 'no upload is left' test "$(count_of uploads= Upload)" = 0
	check 'no object is there' test -z "$(awshome ls "$(bucket)" big)"
	check 'the file is' test -s big
	run "$PP_BUILDDIR/tests/support/awshome" move "$(bucket)" big
	check_status 0
	grep -qs 'PP_SANITIZED 1' "$PP_BUILDDIR/config.h" ||
	    check "$(out) KiB" test "$(out)" -lt 65536
	check 'the file has moved' test ! -e big
	check 'the object is there' test "$(awshome ls "$(bucket)" big)" = big
}

run_tests "$@"
