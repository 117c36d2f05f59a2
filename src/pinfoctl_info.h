/*
 * info: shows texts in the form of Redis' INFO: whole, or what changed since another.
 * Everything is escaped and bounded.
 */
#ifndef PINFOCTL_INFO_H
#define PINFOCTL_INFO_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What begins a message: its time and channel. On a terminal they stand in its first
 * line only; elsewhere in every one, for grep.
 */
struct info_head {
	char text[128];
	int width;
	bool used;
};

void info_head(struct info_head *head, const char *time, const char *channel);

void info_whole(struct info_head *head, const char *text, size_t len);

/* A line for each field that is new, gone or another; one line when there is none. */
void info_changes(struct info_head *head, const char *before, size_t before_len,
		  const char *text, size_t len);

#endif
