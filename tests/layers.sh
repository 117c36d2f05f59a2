#!/bin/bash
# Checks that includes in src/ point down only, that each outside library is included
# where it belongs, and that docs/ARCHITECTURE.md, which says why, knows each file.
# `make layers` calls it.
set -euo pipefail

# From top to bottom: a file may include headers of its own line or of lines below it.
# Clients are programs of their own: what they may use is below them, and nothing
# above includes them.
# Adding a file to src/: put its name (without .c or .h) where it belongs.
layers='
top:        main
top:        daemon options
actors:     attend probe call client commands control courtesy discovery fleet group group_cluster group_file group_sentinel inquiry replay status subscribe target
mechanism:  bus conf conf_check conf_file conf_group conf_option conf_print conf_settings conf_text conf_value connection council fence history_file history_writer link lock loop pair peer publisher relay resolve resp secret service tls_context tls_session
clients:    pinfoctl pinfoctl_acl pinfoctl_check pinfoctl_command pinfoctl_explain pinfoctl_info pinfoctl_list pinfoctl_record pinfoctl_say pinfoctl_socket pinfoctl_status pinfoctl_view pinfoctl_watch pinfoctl_wire
values:     acl catalogue cluster_slot cluster_view conf_scan detect detect_aof detect_link detect_rdb detect_server duration endpoint facts fault feed glob group_config history history_json incidents json manual members metrics nearest notice number recording recording_lines reply report request rules rules_parse run schedule sections sentinel_view silences size snapshot target_config targets_text watch
base:       clock fail log thread xalloc
'

# Headers that begin with the first word may be included by these files only.
libraries='
event2/     probe client connection control council daemon fleet group_file history_file history_writer link loop main relay resolve resp service target
hiredis/    connection fence pinfoctl_wire
jansson.h   json
libconfig.h conf_file conf_group conf_settings conf_value
openssl/    tls_context tls_session
'

cd "$(dirname "$0")/.."
awk -v layers="$layers" -v libraries="$libraries" '
function noun(path) { sub(/.*\//, "", path); sub(/\.[ch]$/, "", path); return path }
function wrong(text) { print FILENAME ":" FNR ": " text; bad = 1 }

BEGIN {
	rows = split(layers, row, "\n")
	for (i = 1; i <= rows; i++) {
		words = split(row[i], word)
		for (w = 2; w <= words; w++) {
			depth[word[w]] = i
			layer[word[w]] = substr(word[1], 1, length(word[1]) - 1)
		}
	}
	rows = split(libraries, row, "\n")
	for (i = 1; i <= rows; i++)
		if (split(row[i], word))
			users[word[1]] = substr(row[i], length(word[1]) + 1) " "
	while ((getline line <"docs/ARCHITECTURE.md") > 0)
		told = told line
}

FNR == 1 {
	self = noun(FILENAME)
	if (!(self in depth))
		wrong(self " is in no layer: see the table in tests/layers.sh")
	if (!index(told, "`" self "`"))
		wrong(self " is not in docs/ARCHITECTURE.md")
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	other = noun(part[2])
	if (self in depth && other in depth && depth[other] < depth[self])
		wrong(self " (" layer[self] ") includes " other " (" layer[other] ") above it")
	if (layer[other] == "clients" && layer[self] != "clients")
		wrong(self " (" layer[self] ") includes " other ", which is of a client")
}

/^[ \t]*#[ \t]*include[ \t]*</ {
	split($0, part, "[<>]")
	for (library in users)
		if (index(part[2], library) == 1 && !index(users[library], " " self " "))
			wrong("<" part[2] "> is not for " self ", only:" users[library])
}

END { exit bad }
' src/*.[ch]
