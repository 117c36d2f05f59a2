/*
 * pair: see pair.h.
 */
#include "pair.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Makes the directory, and puts the socket's path in it. */
static bool
make_directory(struct pair *p, const char *where)
{
	static const char name[] = "/pinfod-XXXXXX", socket_name[] = "/s";
	size_t len;

	if (where == NULL || *where != '/')
		return false;
	/* systemd.exec(5): a list, separated by colons; the first is ours. */
	len = strcspn(where, ":");
	if (len + strlen(name) + strlen(socket_name) >= sizeof(p->path))
		return false;
	snprintf(p->path, sizeof(p->path), "%.*s%s", (int)len, where, name);
	/* Of mode 0700, and of a name that nobody has. */
	if (mkdtemp(p->path) == NULL)
		return false;
	memcpy(p->path + strlen(p->path), socket_name, sizeof(socket_name));
	return true;
}

int
pair_listen(struct pair *p)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	errno = ENOENT;
	if (!make_directory(p, getenv("RUNTIME_DIRECTORY")) &&
	    !make_directory(p, getenv("XDG_RUNTIME_DIR")) && !make_directory(p, "/tmp"))
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", p->path);
	p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* With a backlog of 0 Linux lets one connection wait, and no more. */
	if (p->listener >= 0 &&
	    bind(p->listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(p->listener, 0) == 0)
		return 0;
	pair_close(p);
	return -1;
}

/* A peer that has ended cannot have left its pid to us: we have it. */
static bool
is_ours(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       peer.pid == getpid();
}

int
pair_accept(struct pair *p, int client)
{
	int fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	/*
	 * The client's peer is whoever listened: another one's socket may have
	 * been put in the place of ours.
	 */
	if (fd >= 0 && (!is_ours(fd) || client < 0 || !is_ours(client))) {
		close(fd);
		errno = EPERM;
		fd = -1;
	}
	return fd;
}

void
pair_close(struct pair *p)
{
	int saved = errno;

	close(p->listener);
	unlink(p->path);
	*strrchr(p->path, '/') = '\0';
	rmdir(p->path);
	errno = saved;
}
