/*
 * secret: passwords that lie in files.
 */
#ifndef SECRET_H
#define SECRET_H

#include <stddef.h>

#define SECRET_MAX 4096

/*
 * The first line of the file at path, to be freed with xfree_secret; NULL, and
 * error says why in words, when it cannot be read, is no file, is empty or too
 * long, or when others could read it: it must belong to root or to our own
 * user, with mode 0600 at most, or 0640 when its group is ours or root's.
 */
char *secret_read(const char *path, char *error, size_t error_size);

/*
 * Asks for a password on the terminal, without echo; to be freed with
 * xfree_secret. NULL when there is no terminal.
 */
char *secret_ask(const char *prompt);

#endif
