#!/bin/bash
# Keeps the lists in the manual pages what the programs' tables say: `make manual`.
#	tests/manual.sh FOLDER PAGE...		FOLDER holds pinfod and pinfoctl
#
# In a page such a list stands between two comments:
#	.\" begin PROGRAM FLAG KIND
#	.\" end
# It has an item for each row that PROGRAM FLAG prints: its head, what the table says
# of it, and, after the comment `.\" more', what was written by hand. That stays with
# its item; all else in there is written anew. KIND is options, commands, a group of
# the configuration, or several: what an element of its targets may say instead of url.
set -euo pipefail

folder=$1
shift

for page; do
	PATH=$folder:$PATH awk '
# Text as mdoc wants it: a sentence a line, nothing taken for a macro.
function prose(text,    out)
{
	gsub(/\\/, "\\e", text)
	gsub(/--/, "\\-\\-", text)
	text = toupper(substr(text, 1, 1)) substr(text, 2)
	if (text !~ /[.:]$/)
		text = text "."
	while (match(text, /[.] [A-Z]/)) {
		out = out substr(text, 1, RSTART) "\n"
		text = substr(text, RSTART + 2)
	}
	return out text
}

function row(id, mdoc) { key[++rows] = id; head[rows] = mdoc; body[rows] = list[rows] = "" }
function add(text) { body[rows] = body[rows] (body[rows] == "" ? "" : " ") text }

# "  -f, --config FILE   help", and lines of more help
function option(line,    short, name, argument)
{
	if (line !~ /^  +-/) {
		sub(/^ +/, "", line)
		add(line)
		return
	}
	sub(/^ +/, "", line)
	if (match(line, /^-[a-z],? */)) {
		short = "Fl " substr(line, 2, 1)
		line = substr(line, RLENGTH + 1)
		if (substr(line, 1, 2) != "--")
			line = " " line
	}
	if (match(line, /^--[a-z-]+/)) {
		name = "Fl " substr(line, 2, RLENGTH - 1)
		line = substr(line, RLENGTH + 1)
	}
	if (match(line, /^ [A-Z]+ /)) {
		argument = " Ar " substr(line, 2, RLENGTH - 2)
		line = substr(line, RLENGTH + 1)
	}
	sub(/^ +/, "", line)
	row(name != "" ? name : short, short (short != "" && name != "" ? " , " : "") \
		name argument)
	add(line)
}

# "  start [target]   help"
function command(line,    word)
{
	split(line, word, " ")
	row("Ic " word[1], "Ic " word[1] (word[2] ~ /^\[/ ? \
		" Op Ar " substr(word[2], 2, length(word[2]) - 2) : ""))
	sub(/^ +[a-z]+ +(\[[a-z]+\])? */, "", line)
	add(line)
}

# What follows the help of a setting: "  a form", "   and its second line", "    what
# that does", and again.
function form(line,    blanks)
{
	match(line, /^ +/)
	blanks = RLENGTH
	line = substr(line, blanks + 1)
	if (blanks <= 3)
		gsub(/"/, "\\(dq", line)
	if (blanks == 2)
		forms[++form_count] = line
	else if (blanks == 3)
		forms[form_count] = forms[form_count] " " line
	else
		does[form_count] = does[form_count] (does[form_count] == "" ? "" : " ") line
}

function take_forms(    i, out)
{
	for (i = 1; i <= form_count; i++)
		out = out ".It Li " forms[i] "\n" prose(does[i]) "\n"
	if (form_count > 0)
		list[rows] = ".Bl -tag -width Ds\n" out ".El\n"
	form_count = 0
	delete does
}

# "	# help", "	key = preset;"
function setting(line,    at, name, value)
{
	if (line ~ /^\t#   /) {
		form(substr(line, 4))
		return
	}
	if (line ~ /^\t# /) {
		help = help (help == "" ? "" : " ") substr(line, 4)
		return
	}
	at = index(line, " = ")
	name = "Ic " substr(line, 2, at - 2)
	value = substr(line, at + 3, length(line) - at - 3)
	gsub(/"/, "\\(dq", value)
	if (value ~ / /)
		value = "\"" value "\"" # else mdoc takes "[ ]" for punctuation
	row(name, name " No = " value)
	add(help)
	take_forms()
	help = ""
}

function read_rows(program, kind,    line, group, status)
{
	rows = 0
	while ((status = (program | getline line)) > 0) {
		if (line ~ /^[a-z]+: [{(]/)
			group = substr(line, 1, index(line, ":") - 1)
		if (kind == "options" && (line ~ /^  +-/ || (rows && line ~ /^   /)))
			option(line)
		else if (kind == "commands" && line ~ /^  [a-z]/)
			command(line)
		else if (kind == group && line ~ /^\t/)
			setting(line)
		else if (kind == "several" && line ~ /^#\t(# |[a-z_]+ = )/)
			setting(substr(line, 2))
	}
	if (close(program) != 0 || status < 0 || rows == 0) {
		print FILENAME ": no " kind " from " program >"/dev/stderr"
		exit 1
	}
}

$1 == ".\\\"" && $2 == "begin" {
	print
	read_rows($3 " " $4, $5)
	inside = 1
	hand = ""
	delete more
	next
}

$1 == ".\\\"" && $2 == "end" {
	for (i = 1; i <= rows; i++)
		printf ".It %s\n%s\n%s.\\\" more\n%s", head[i], prose(body[i]), list[i], \
			more[key[i]]
	inside = 0
}

# The hand-written text of an old item goes by its command, its long flag or, where
# there is none, its short one.
inside && $1 == ".It" {
	hand = $2 " " $3
	if ($4 == "," && $5 == "Fl")
		hand = "Fl " $6
	keep = 0
	next
}
inside && $1 == ".\\\"" && $2 == "more" { keep = 1; next }
inside { if (keep) more[hand] = more[hand] $0 "\n"; next }
{ print }
' "$page" >"$page.new" || { rm -f "$page.new"; exit 1; }
	if cmp -s "$page" "$page.new"; then
		rm "$page.new"
	else
		cat "$page.new" >"$page" && rm "$page.new"
		echo "$page"
	fi
done
