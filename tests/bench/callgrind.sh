#!/usr/bin/env bash
# usage: callgrind.sh [-n CALLS] [-k] [-u] [openai|bedrock]...
#
# Instructions that pp-worker --filter takes for a call, by valgrind: those of
# twice as many calls less those of CALLS, by CALLS. Unlike times they hardly
# differ from run to run, so a change of more than a hundredth is a change of
# the program: the figures are kept in the file `instructions` beside this one,
# and it fails where one is passed by more than a twentieth, since libcurl, libc
# and the compiler have a part in them. -u keeps those of now instead; they are
# of 1,000 calls, as is the default. Without names, both ways, and what Converse
# and signatures add. -k keeps what callgrind wrote, in the folder it was called
# from.
#
# `make bench-callgrind` gives PP_BUILDDIR and PP_SRCDIR.
. "$(dirname "$0")/bench.sh"
calls=1000
keep=
update=
kept=$PP_SRCDIR/tests/bench/instructions

while getopts n:ku opt; do
	case $opt in
	n) calls=$OPTARG ;;
	k) keep=$PWD ;;
	u) update=yes ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || set -- openai bedrock

server --no-track
cat >"$scratch/template.yaml" <<-'END'
	template:
	  id: bench
	  steps:
	    - {id: only, model: bench, max_tokens: 1024, prompt: "{{ n }} {{ text }}"}
END
export PP_MODEL_1_NAME=bench PP_MODEL_1_INPUT_USD=0 PP_MODEL_1_OUTPUT_USD=0
export PP_MODEL_1_URL=$url/v1 AWS_ENDPOINT_URL_BEDROCK_RUNTIME=$url
export AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=AKIDBENCH
export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG

# instructions PROVIDER CALLS
instructions()
{
	make_seeds "$2" >"$scratch/seeds"
	PP_MODEL_1_PROVIDER=$1 valgrind --tool=callgrind \
		--callgrind-out-file="$scratch/$1.out" \
		"$bin/pp-worker" -q --filter -t "$scratch/template.yaml" -c 64 \
		<"$scratch/seeds" >/dev/null 2>"$scratch/err"
	sed -n 's/^summary: //p' "$scratch/$1.out"
}

# beside_kept PROVIDER INSTRUCTIONS
beside_kept()
{
	if [ -n "$update" ]; then
		sed -i "s/^$1 .*/$1 $2/" "$kept"
	fi
	awk -v name="$1" -v n="$2" '$1 == name {
		printf "instructions a call, %s: %d, %.3f of the %d that are " \
		    "kept: %s\n", name, n, n / $2, $2,
		    (n <= 1.05 * $2 ? "yes" : "NO")
		exit n > 1.05 * $2 }' "$kept"
}

command -v valgrind >/dev/null || {
	echo 'instructions are left out: there is no valgrind'
	exit 0
}
status=0
for provider; do
	few=$(instructions "$provider" "$calls")
	many=$(instructions "$provider" $((2 * calls)))
	each=$(((many - few) / calls))
	echo "$each" >>"$scratch/each"
	beside_kept "$provider" "$each" || status=1
	callgrind_annotate "$scratch/$provider.out" 2>/dev/null |
		grep -E '^ *[0-9,]+ \(' | head -n 15
	[ -z "$keep" ] || cp "$scratch/$provider.out" "$keep/callgrind.$provider"
done
paste -s -d ' ' "$scratch/each" |
	awk 'NF == 2 { printf "the second takes %.2f of the first\n", $2 / $1 }'
exit $status
