#!/bin/bash
# Runs the unit tests and adds them up: tests/unit.sh PROGRAM...
# `make check-unit` calls it with one cmocka program per tests/unit/test_*.c. Only a
# program that fails shows its output. A skipped test and no test at all are failures.
set -uo pipefail

passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# count WORD: adds up the lines "[  WORD  ] 3 test(s)." of the last program.
count()
{
	sed -nE "s/^\[ +$1 +\] .*\b([0-9]+) test\(s\).*/\1/p" "$log" |
		awk '{ n += $1 } END { print n + 0 }'
}

for program; do
	timeout 120 "$program" >"$log" 2>&1
	status=$?
	p=$(count PASSED) f=$(count FAILED) s=$(count SKIPPED)
	# A crash tells no number, nor does a program without tests.
	((status == 0 && p == 0 || status != 0 && f == 0)) && f=1
	((f + s == 0)) || {
		echo "--- $program (exit code $status)"
		cat "$log"
	}
	((passed += p, failed += f, skipped += s))
done

summary="unit: $passed passed, $failed failed"
((skipped == 0)) || summary+=", $skipped skipped"
echo "$summary"
((passed > 0 && failed + skipped == 0))
