# What .ci/run and its like are made of; sourced by them. One line a step; a step that
# fails shows what failed in it, and then the end of its log: little, for who reads a
# CI's page may see only how it begins.
# shellcheck shell=bash
exec </dev/null
export CI=true LC_ALL=C.UTF-8 NO_COLOR=1 DEBIAN_FRONTEND=noninteractive

logs=build/ci
limit=1200
failed=()
# An interrupt ends the command that runs, and what that started.
trap 'kill "${child:-}" 2>/dev/null; wait; exit 130' INT TERM HUP
trap '((${#failed[@]} == 0)) || echo "failed: ${failed[*]}"' EXIT

# What says why: compilers and linters, make, cmocka, sanitizers, pytest's summary, the
# scripts here. And what a log has besides and nobody misses.
faults='^(\S+:[0-9]+:([0-9]+:)? (fatal )?(error|warning|style|performance|portability): |'
faults+='make(\[[0-9]+\])?: \*\*\*|.*(undefined reference to |: command not found)|[EW]: |'
faults+='\[ +(ERROR|LINE|FAILED) +\] [^0-9]|--- .* \(exit code |In .* line [0-9]+:|'
faults+='[ |]*(==[0-9]+== ?ERROR: |SUMMARY: |.*: runtime error: )|(FAILED|ERROR) |FAIL |'
faults+='(not met|bench|mandoc|demo): )'
noise='^( +(CC|LD|TEST|FUZZ) |[.FEsx]+ +\[ *[0-9]+%\]|bringing up nodes|[0-9]+ warnings? gen)'

# explain LOG: the lines that say why, then the last of the others.
explain()
{
	grep -aE "$faults" "$1" | awk '!seen[$0]++' | head -n 60 | cut -c 1-300 |
		sed 's/^/    ! /' || :
	grep -avE "$noise|$faults" "$1" | tail -n 40 | cut -c 1-300 | sed 's/^/    | /' || :
}

# run COMMAND...: runs it where it can be interrupted. It must be told not to ignore
# SIGINT, as what runs in the background does.
run()
{
	local status=0
	env --default-signal=INT,QUIT "$@" &
	child=$!
	wait "$child" || status=$?
	child=
	return "$status"
}

# step NAME COMMAND...: runs it, for $limit seconds at most; shows how it went and what
# the test suites counted.
step()
{
	local name=$1 log=$logs/$1.log status=0 started=$SECONDS
	shift
	run timeout --kill-after=10 "$limit" "$@" >"$log" 2>&1 || status=$?
	if ((status == 0)); then
		printf 'ok    %-9s %4d s\n' "$name" $((SECONDS - started))
	else
		failed+=("$name")
		printf 'FAIL  %-9s %4d s  (exit code %d) %s\n' "$name" \
			$((SECONDS - started)) "$status" "$*"
		explain "$log"
	fi
	grep -aE '^(unit|fuzz|versions): |^=* ?[0-9]+ [a-z]+.* in [0-9.]+s' "$log" |
		sed 's/^/      /' || :
	return "$status"
}

# What all steps come to: the caller's last line, and its status.
conclude()
{
	((${#failed[@]} == 0)) && echo "all good, after $SECONDS s"
}
