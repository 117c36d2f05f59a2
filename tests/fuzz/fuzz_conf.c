/*
 * A configuration file. Whatever it holds: messages or a configuration; and one
 * that loads is printed, and loaded from that says the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 loses the string that a syntax error follows. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static void
check(bool holds)
{
	if (!holds)
		abort();
}

/* The file whose text this is: always the same one, for its name is printed. */
static const char *
file_of(const void *text, size_t len)
{
	static char path[32];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("conf", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/dev/fd/%d", fd);
		/* Else it would depend on who runs this. */
		setenv("RUNTIME_DIRECTORY", "/run/pinfod", 1);
	}
	check(ftruncate(fd, 0) == 0 && pwrite(fd, text, len, 0) == (ssize_t)len);
	return path;
}

/* What conf_print makes of a text, to be freed; NULL: it does not load. */
static char *
print_of(const void *text, size_t len)
{
	struct conf_flags flags = { .file = file_of(text, len) };
	struct conf_messages messages = { 0 };
	struct conf *c = conf_load(&flags, &messages);
	char *print = NULL;
	size_t print_len;
	FILE *out;

	check((c == NULL) == (messages.errors > 0));
	check(messages.errors <= messages.count);
	for (size_t i = 0; i < messages.count; i++)
		check(messages.text[i][0] != '\0');
	conf_messages_fini(&messages);
	if (c == NULL)
		return NULL;
	out = open_memstream(&print, &print_len);
	conf_print(c, out);
	fclose(out);
	conf_free(c);
	return print;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *print = print_of(data, size), *again;

	if (print == NULL)
		return 0;
	again = print_of(print, strlen(print));
	if (again == NULL || strcmp(print, again) != 0) {
		fprintf(stderr, "loaded:\n%s\nand from that:\n%s\n", print,
			again != NULL ? again : "nothing");
		abort();
	}
	free(print);
	free(again);
	return 0;
}
