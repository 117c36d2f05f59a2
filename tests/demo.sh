#!/bin/bash
# Shows pinfod at work in half a minute: `make demo` calls it, with the binary in PINFOD.
# It starts a Redis of its own in a private folder, on a unix socket, and removes all
# of that at its end, however it ends. Every line that begins with $ is run as it
# stands, in that folder; the numbered lines are what a subscriber on Redis receives.
set -uo pipefail
unset REDISCLI_AUTH

pinfod=$(realpath -- "${PINFOD:-build/pinfod}")
pinfoctl=$(dirname "$pinfod")/pinfoctl
bold='' dim='' green='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
	bold=$'\e[1m' dim=$'\e[36m' green=$'\e[32m' plain=$'\e[0m'
fi
pids=()
here=''

cleanup()
{
	local i
	trap '' INT TERM HUP
	# At SIGTERM alone it would save first, and slowly.
	[[ ! -S redis.sock ]] || timeout 2 redis-cli -s redis.sock SHUTDOWN NOSAVE &>/dev/null
	for ((i = 0; i < 50 && ${#pids[@]} > 0; i++)); do
		kill "${pids[@]}" 2>/dev/null || break # they are all gone
		sleep 0.1
	done
	((i < 50)) || kill -KILL "${pids[@]}" 2>/dev/null
	wait
	[[ -z $here ]] || rm -rf -- "$here"
}
trap cleanup EXIT
trap 'echo; echo "stopped; nothing is left behind"; exit 130' INT
trap 'exit 143' TERM HUP

# die TEXT [LOG]: ends the demo, with the last lines of what the culprit said.
die()
{
	printf '\ndemo: %s\n' "$1" >&2
	[[ -z ${2:-} || ! -s $2 ]] || tail -n 10 "$2" | sed 's/^/  /' >&2
	exit 1
}

# narrate TEXT, run COMMAND..., start LOG COMMAND...: what happens, and doing it. Who
# prints more than a line holds the lock "screen", on a descriptor of its own.
narrate() { printf '\n%s# %s%s\n' "$dim" "$1" "$plain"; }
prompt() { printf '%s$ %s%s\n' "$bold" "$*" "$plain"; }

run()
{
	flock 4
	prompt "$*"
	timeout 10 "$@" >answer 2>&1 || die "that failed:" answer
	fold -s -w 76 answer | sed 's/^/    /'
	flock -u 4
}

start()
{
	local log=$1
	shift
	prompt "$* &"
	"$@" >"$log" 2>&1 </dev/null &
	pids+=($!)
}

# within SECONDS COMMAND...: waits until the command succeeds.
within()
{
	local i
	for ((i = 0; i < $1 * 10; i++)); do
		! "${@:2}" || return 0
		sleep 0.1
	done
	return 1
}

received() { cat count; }
received_are() { (($(received) >= $1)); }
subscribed() { [[ $(redis-cli -s redis.sock PUBSUB NUMSUB pinfo) == *1 ]]; }
answered() { [[ $(redis-cli -s "$1" PING 2>/dev/null) == PONG ]]; }
ended_or_answered() { ! kill -0 "${pids[-1]}" 2>/dev/null || answered "$1"; }

# answers SOCKET LOG: waits until the process started last answers there.
answers()
{
	within 10 ended_or_answered "$1"
	answered "$1" || die "${2%.log} does not answer on $1; it said:" "$2"
}

# messages N: waits for N more messages.
messages()
{
	within $(($1 + 4)) received_are $(($(received) + $1)) ||
		die "messages stay away; pinfod said:" pinfod.log
}

# noticed TEXT: waits until pinfod's log says so, and shows the line.
said() { grep -q "default: $1" pinfod.log; }
noticed()
{
	within 8 said "$1" || die "no '$1'; pinfod said:" pinfod.log
	flock 4
	grep "default: $1" pinfod.log | tail -n 1 | fold -s -w 74 |
		sed "s/^/    $green/; s/\$/$plain/"
	flock -u 4
}

# show_whole LINE...: a message in two columns.
show_whole()
{
	local i rows=$((($# + 1) / 2))
	for ((i = 1; i <= rows; i++)); do
		printf '      %-36s %s\n' "${!i}" "${@:i+rows:1}"
	done
}

# show_feed: reads what redis-cli prints for SUBSCRIBE (a word a line; a message's own
# lines end in CR, and a line without one ends it), shows and counts the messages.
show_feed()
{
	local -A before=() now=()
	local line field when head lines=() n=0 fresh
	exec 4>screen
	while IFS= read -r line; do
		if [[ $line == *$'\r' ]]; then
			line=${line%$'\r'}
			lines+=("$line")
			[[ $line != *:* ]] || now[${line%%:*}]=${line#*:}
			continue
		fi
		((${#lines[@]})) || continue
		((n++))
		flock 4
		when=${EPOCHREALTIME: -6:2}
		printf -v head '%3d  %(%T)T.%s' "$n" -1 "$when"
		if ((n == 1)); then
			printf '%s  the first message, whole:\n' "$head"
			show_whole "${lines[@]}"
		else
			fresh=$head
			for line in "${lines[@]}"; do
				field=${line%%:*}
				[[ $line == *:* && ${now[$field]} != "${before[$field]:-}" ]] || continue
				printf '%-16s  %s%s %s -> %s%s\n' "$fresh" "$green" "$field" \
					"${before[$field]:-(absent)}" "${now[$field]}" "$plain"
				fresh=''
			done
			[[ -z $fresh ]] || printf '%s  nothing changed\n' "$head"
		fi
		for field in "${!now[@]}"; do before[$field]=${now[$field]}; done
		flock -u 4
		now=() lines=()
		echo "$n" >count.new && mv count.new count
	done
}

[[ -x $pinfod && -x $pinfoctl ]] || die "there is no $pinfod: type make first"
server=$(command -v redis-server || command -v redis-check-rdb) ||
	die "there is no Redis here: install the package redis-tools"
command -v redis-cli redis-benchmark >/dev/null ||
	die "redis-cli or redis-benchmark is not here: install the package redis-tools"

here=$(mktemp -d "${TMPDIR:-/tmp}/pinfod-demo.XXXXXX") || die "no temporary folder"
cd "$here" || die "no way into $here"
mkdir bin && ln -s "$pinfod" "$pinfoctl" bin && ln -s "$server" bin/redis-server
PATH=$here/bin:$PATH
export STATE_DIRECTORY=$here # what pinfod learns is to be forgotten with the rest
echo 0 >count
mkfifo feed.pipe idle.pipe
exec 4>screen

printf '%spinfod at work, half a minute, in %s. Ctrl-C ends it.%s\n' \
	"$bold" "$here" "$plain"

narrate 'A Redis (one that saves slowly enough to be watched) and a subscriber:'
start redis.log redis-server --port 0 --unixsocket redis.sock --rdb-key-save-delay 400
answers redis.sock redis.log
show_feed <feed.pipe &
pids+=($!)
exec 3<>idle.pipe # some versions of redis-cli stop listening at the end of their input
prompt 'redis-cli -s redis.sock SUBSCRIBE pinfo &'
redis-cli -s redis.sock SUBSCRIBE pinfo >feed.pipe 2>&1 <&3 &
pids+=($!)
within 5 subscribed || die "redis-cli cannot subscribe"

narrate 'pinfod asks that Redis for INFO persistence every second and publishes it:'
start pinfod.log pinfod -s redis.sock -i 1 --control pinfod.sock
answers pinfod.sock pinfod.log
messages 3

narrate 'Something is written, and not yet saved:'
run redis-cli -s redis.sock SET greeting hello
prompt 'redis-benchmark -s redis.sock -t set -n 5000 -r 1000000 -q'
redis-benchmark -s redis.sock -t set -n 5000 -r 1000000 -q >answer 2>&1 ||
	die "that failed:" answer
messages 2

narrate 'It is saved:'
run redis-cli -s redis.sock BGSAVE
messages 4

narrate "pinfod's own socket speaks Redis' protocol, so redis-cli is its client too:"
run redis-cli -s pinfod.sock STATUS
messages 1
run redis-cli -s pinfod.sock STOP
had=$(received)
narrate 'Three seconds in which nothing comes ...'
sleep 3
(($(received) == had)) || die "a message came after STOP"
run redis-cli -s pinfod.sock START
messages 3

narrate 'Something breaks: a directory lies where the file is to be written.'
run rm -f dump.rdb
run mkdir dump.rdb
run redis-cli -s redis.sock SET precious data
run redis-cli -s redis.sock BGSAVE
noticed 'rdb.save_failed raised'
narrate 'What is wrong, and what to do (the same as JSON on the channel pinfo:notice):'
run pinfoctl -s pinfod.sock incidents

narrate 'It is cured:'
run rmdir dump.rdb
run redis-cli -s redis.sock BGSAVE
noticed 'rdb.save_failed cleared'

narrate 'In the end:'
run redis-cli -s pinfod.sock STATUS
printf '%s\n' "    The subscriber received $(received) messages."

narrate 'On a real server, from here (pinfod --help tells the rest):'
cat <<'END'
  build/pinfod -h 127.0.0.1 -p 6379 --control ~/pinfod.sock &
  redis-cli -h 127.0.0.1 -p 6379 SUBSCRIBE pinfo
  redis-cli -s ~/pinfod.sock STATUS
  redis-cli -s ~/pinfod.sock COMMAND HELP
END
