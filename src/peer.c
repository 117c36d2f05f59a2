/*
 * peer: see peer.h.
 */
#include "peer.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "xalloc.h"

/* What every user outside of a user namespace looks like inside of it. */
#define UID_OVERFLOW 65534

/* All groups of the peer count, not only the primary one (Linux 4.13). */
static bool
in_group(int fd, gid_t primary, gid_t group)
{
	socklen_t len = 0;
	gid_t *groups = NULL;
	bool found = primary == group;

	if (found || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 ||
	    errno != ERANGE)
		return found;
	groups = xcalloc(1, len);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0) {
		for (size_t i = 0; i < len / sizeof(groups[0]); i++)
			found |= groups[i] == group;
	}
	free(groups);
	return found;
}

enum privilege
peer_privilege(int fd, gid_t group, uid_t *uid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	*uid = (uid_t)-1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return PRIVILEGE_READ;
	*uid = peer.uid;
	if (peer.uid == UID_OVERFLOW)
		return PRIVILEGE_READ;
	if (peer.uid == 0 || peer.uid == geteuid())
		return PRIVILEGE_ADMIN;
	if (group != (gid_t)-1 && in_group(fd, peer.gid, group))
		return PRIVILEGE_OPERATE;
	return PRIVILEGE_READ;
}

const char *
peer_privilege_name(enum privilege privilege)
{
	static const char *const names[] = {
		[PRIVILEGE_READ] = "read",
		[PRIVILEGE_OPERATE] = "operate",
		[PRIVILEGE_ADMIN] = "admin",
	};

	return names[privilege];
}
