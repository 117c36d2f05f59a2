/*
 * lock: a file that says that its holder lives, and who it is.
 */
#ifndef LOCK_H
#define LOCK_H

#include <sys/types.h>

/*
 * Takes the lock at path and writes our pid into it; the kernel lets go of it
 * when we end, however that happens. Returns a descriptor for lock_drop, or -1
 * with errno; EAGAIN when somebody holds it, and then *holder is that pid, or
 * 0 when it cannot be told.
 */
int lock_take(const char *path, pid_t *holder);

/* Removes the file, then lets go. */
void lock_drop(const char *path, int fd);

#endif
