# What .ci/run and its like are made of; sourced by them. One line a step; a step that
# fails shows the end of its log.
# shellcheck shell=bash
exec </dev/null
export CI=true LC_ALL=C.UTF-8 NO_COLOR=1 DEBIAN_FRONTEND=noninteractive

logs=build/ci
limit=1200
failed=()
# An interrupt ends the step that runs, and what that started.
trap 'kill "${child:-}" 2>/dev/null; wait; exit 130' INT TERM HUP

# step NAME COMMAND...: runs it, for $limit seconds at most; shows how it went and what
# the test suites counted. What runs in the background ignores SIGINT, unless told.
step()
{
	local name=$1 log=$logs/$1.log status=0 started=$SECONDS
	shift
	env --default-signal=INT,QUIT timeout --kill-after=10 "$limit" \
		"$@" >"$log" 2>&1 &
	child=$!
	wait "$child" || status=$?
	child=
	if ((status == 0)); then
		printf 'ok    %-9s %4d s\n' "$name" $((SECONDS - started))
	else
		failed+=("$name")
		printf 'FAIL  %-9s %4d s  (exit code %d) %s\n' "$name" \
			$((SECONDS - started)) "$status" "$*"
		tail -n 200 "$log" | sed 's/^/    | /'
	fi
	grep -E '^(unit|fuzz): |^=* ?[0-9]+ [a-z]+.* in [0-9.]+s' "$log" | sed 's/^/      /' || :
	return "$status"
}

# What all steps come to: the caller's last line, and its status.
conclude()
{
	if ((${#failed[@]})); then
		echo "failed: ${failed[*]}"
		return 1
	fi
	echo "all good, after $SECONDS s"
}
