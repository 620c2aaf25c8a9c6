#!/usr/bin/env bash
# The judge of chaos and of money is judged itself.
if ! command -v python3 >/dev/null; then
	echo '1..0 # SKIP no python3 here'
	exit 0
fi
exec env PYTHONDONTWRITEBYTECODE=1 python3 "$(dirname "$0")/judge_test.py"
