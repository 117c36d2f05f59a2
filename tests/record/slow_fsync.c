/*
 * A disk that takes 150 ms for each fsync of the AOF, for a server that is started
 * with this preloaded. Redis syncs its AOF by fdatasync and its dumps by fsync.
 */
#include <sys/syscall.h>
#include <unistd.h>

int
fdatasync(int fd)
{
	usleep(150000);
	return (int)syscall(SYS_fdatasync, fd);
}
