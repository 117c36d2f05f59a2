/*
 * A recording. Whatever it holds: entries, or an error with its line; and entries
 * recorded anew read the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "recording.h"
#include "xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

/* All entries in one text, or NULL when there is an error; recorded to out too. */
static char *
read_all(const char *file, size_t file_size, FILE *out)
{
	struct recorder *recorder = out != NULL ? recorder_new(out) : NULL;
	char *all = NULL, error[256] = "?", shown[1024];
	size_t size;
	FILE *in = fmemopen((void *)(uintptr_t)file, file_size, "r");
	FILE *told = open_memstream(&all, &size);
	struct recording *r = recording_new(in);
	struct recording_entry e;

	while (recording_next(r, &e, error, sizeof(error))) {
		check(error[0] == '\0');
		check(strlen(e.text) == e.len && e.len <= RECORDING_TEXT_MAX);
		check(e.seconds >= 0 && e.wall.ns >= 0);
		/* A link's text is escaped when it is recorded. */
		log_escape(shown, sizeof(shown), e.text);
		fprintf(told, "%.3f %lld %d %s\n%s\n", e.seconds,
			(long long)(e.wall.ns / NS_PER_MS), (int)e.kind, e.target,
			e.kind == RECORDING_LINK ? shown : e.text);
		if (recorder != NULL)
			check(recorder_add(recorder, &e));
	}
	check(error[0] == '\0' || strncmp(error, "line ", 5) == 0);
	recording_free(r);
	recorder_free(recorder);
	fclose(in);
	fclose(told);
	if (error[0] == '\0')
		return all;
	free(all);
	return NULL;
}

/* The same, as text that a server sends: nothing in it can spoil the recording. */
static void
record_raw(const char *text, size_t len)
{
	struct recording_entry e = {
		.kind = RECORDING_WIDE, .target = "t", .text = text, .len = len
	};
	char *file = NULL, *all;
	size_t size;
	FILE *out = open_memstream(&file, &size);
	struct recorder *r = recorder_new(out);

	recorder_add(r, &e);
	e.len /= 2;
	recorder_add(r, &e);
	recorder_free(r);
	fclose(out);
	all = read_all(file, size, NULL);
	check(all != NULL);
	free(all);
	free(file);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xcalloc(size + 1, 1), *file = NULL, *all, *again;
	size_t file_size;
	FILE *out = open_memstream(&file, &file_size);

	memcpy(text, data, size);
	/* fmemopen does not take an empty one. */
	all = read_all(text, size > 0 ? size : 1, out);
	fclose(out);
	if (all != NULL) {
		/* A link's text is escaped, and then stays as it is. */
		again = read_all(file, file_size, NULL);
		/* What was gone and came again within an entry may change places. */
		check(again != NULL && strlen(all) == strlen(again));
		free(again);
	}
	record_raw(text, size);
	free(all);
	free(file);
	free(text);
	return 0;
}
