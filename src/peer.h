/*
 * peer: who is at the other end of a unix socket, as the kernel says, and what
 * that user may do.
 */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <sys/types.h>

/* Each may also do what stands above it. */
enum privilege {
	PRIVILEGE_READ,
	PRIVILEGE_OPERATE,
	PRIVILEGE_ADMIN,
};

/*
 * The privilege of fd's peer: root and our own user are admins, members of
 * `group` ((gid_t)-1: nobody) operate, all others, and whoever the kernel says
 * nothing about, read. *uid is the peer's, for the log; (uid_t)-1: unknown.
 */
enum privilege peer_privilege(int fd, gid_t group, uid_t *uid);

/* "read", "operate", "admin" */
const char *peer_privilege_name(enum privilege privilege);

#endif
