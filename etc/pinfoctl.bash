# Completion of pinfoctl's command line for bash. Commands, options and what a command
# takes are read from pinfoctl --help, the targets' names from the daemon.
# shellcheck shell=bash

# _pinfoctl_add CANDIDATE: keeps it if it begins like the word at the cursor ($cur).
# What the shell would make something of is quoted: names come from elsewhere. Where
# bash takes the colon for a word's end it replaces only what follows the last one.
_pinfoctl_add()
{
	local quoted
	[[ $1 == "$cur"* ]] || return 0
	printf -v quoted %q "$1"
	[[ $COMP_WORDBREAKS != *:* || $cur != *:* ]] ||
		quoted=${quoted#"${cur%"${cur##*:}"}"}
	COMPREPLY+=("$quoted")
}

# _pinfoctl PROGRAM: fills COMPREPLY.
_pinfoctl()
{
	local IFS=$' \t\n' program=${1/#\~/$HOME} before=${COMP_LINE:0:COMP_POINT}
	local cur words line name i command='' given=0 open='' kind='' socket=()
	local kinds=() rest
	local commands=() options=() candidates=()
	COMPREPLY=()
	cur=${before##*[$' \t']}
	read -ra words <<<"${before%"$cur"}"

	# What is there already; `open` is an option that lacks its argument.
	for ((i = 1; i < ${#words[@]}; i++)); do
		open=''
		case ${words[i]} in
		-s | --socket | --timeout)
			open=${words[i]}
			((++i < ${#words[@]})) || break
			[[ $open == --timeout ]] || socket=(-s "${words[i]}")
			open=''
			;;
		--socket=*) socket=(-s "${words[i]#*=}") ;;
		-*) ;;
		*)
			[[ -z $command ]] || ((++given))
			command=${command:-${words[i]}}
			;;
		esac
	done

	# "  name [argument]  help", "  name ARGUMENT ...", "  -x, --name ARGUMENT  help"
	while IFS= read -r line; do
		[[ $line =~ ^'  '(-., )?([a-z-]+)' '(.*) ]] || continue
		rest=${BASH_REMATCH[3]}
		name=${BASH_REMATCH[2]}
		if [[ $name == -* ]]; then
			options+=("$name")
			continue
		fi
		commands+=("$name")
		# An exact name outweighs those that only begin like it.
		[[ -n $command && $name == "$command"* && $kind != exact ]] || continue
		[[ $name != "$command" ]] || kind=exact
		kinds=()
		while [[ $rest =~ ^('['([a-z]+)']'|([A-Z]{2,}))' '+(.*) ]]; do
			kinds+=("${BASH_REMATCH[2]:-${BASH_REMATCH[3],,}}")
			rest=${BASH_REMATCH[4]}
		done
	done < <("$program" --help 2>/dev/null)

	kind=${kinds[given]-}
	if [[ -n $open ]]; then
		[[ $open != --timeout ]] || return 0
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return 0
	elif [[ $cur == -* ]]; then
		candidates=("${options[@]}")
	elif [[ -z $command || $kind == command ]]; then
		candidates=("${commands[@]}")
	elif [[ $kind == target || $kind == targets ]]; then
		mapfile -t candidates < <("$program" "${socket[@]}" --timeout 1 targets \
			2>/dev/null)
	elif [[ $kind == incident || $kind == incidents ]]; then
		mapfile -t candidates < <("$program" explain 2>/dev/null)
		candidates=("${candidates[@]%% *}")
	elif [[ $kind == level ]]; then
		candidates=(error warning notice info debug)
	fi
	for name in "${candidates[@]}"; do
		_pinfoctl_add "$name"
	done
}

complete -F _pinfoctl pinfoctl
