/*
 * The rival that marks the floor: epoll, a timerfd and one socket, no library,
 * at a fixed rate. It parses exactly the two replies that it expects, and ends
 * at the first thing that it does not expect.
 *
 * Nobody should write this; it shows what the kernel's part of the work costs,
 * so that the rest can be told from it. Started by tests/bench/run.
 */
#define _GNU_SOURCE
#include "rival.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#define INFO_COMMAND "*2\r\n$4\r\nINFO\r\n$11\r\npersistence\r\n"
#define BUFFER_BYTES 16384

enum bare_state { IDLE, WAIT_INFO, WAIT_PUBLISH };

struct bare {
	int sock, timer;
	enum bare_state state;
	size_t len; /* bytes in buffer */
	char buffer[BUFFER_BYTES];
};

static void
die(const char *what)
{
	fprintf(stderr, "bare: %s: %s\n", what, errno ? strerror(errno) : "unexpected");
	exit(EXIT_FAILURE);
}

static int
connect_to(const struct rival_options *options)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr *address = (struct sockaddr *)&in;
	socklen_t len = sizeof(in);
	int fd, one = 1;

	if (options->socket) {
		if (strlen(options->socket) >= sizeof(un.sun_path)) {
			errno = ENAMETOOLONG;
			die(options->socket);
		}
		strcpy(un.sun_path, options->socket);
		address = (struct sockaddr *)&un;
		len = sizeof(un);
	} else {
		in.sin_port = htons((uint16_t)options->port);
		if (inet_pton(AF_INET, options->host, &in.sin_addr) != 1)
			die(options->host);
	}
	fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, address, len) < 0)
		die("connect");
	if (!options->socket)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void
send_all(struct bare *bare, const char *data, size_t len)
{
	/* Blocking, and far smaller than any socket buffer: one write. */
	if (write(bare->sock, data, len) != (ssize_t)len)
		die("write");
}

/* The payload of the bulk string in the buffer, NULL if it is not all there. */
static const char *
bulk_parse(const struct bare *bare, size_t *payload_len)
{
	const char *end = memchr(bare->buffer, '\n', bare->len);
	size_t n = 0, head;
	const char *p;

	if (!end)
		return NULL;
	if (bare->buffer[0] != '$')
		die("INFO gave no string");
	for (p = bare->buffer + 1; *p >= '0' && *p <= '9'; p++)
		n = n * 10 + (size_t)(*p - '0');
	head = (size_t)(end + 1 - bare->buffer);
	if (n > BUFFER_BYTES / 2)
		die("INFO gave too much");
	if (bare->len < head + n + 2)
		return NULL;
	*payload_len = n;
	return bare->buffer + head;
}

static void
socket_readable(struct bare *bare)
{
	char out[BUFFER_BYTES];
	const char *payload;
	size_t payload_len;
	ssize_t got;
	int head;

	got = read(bare->sock, bare->buffer + bare->len,
		   sizeof(bare->buffer) - bare->len);
	if (got <= 0)
		die("read");
	bare->len += (size_t)got;
	if (bare->state == WAIT_INFO) {
		payload = bulk_parse(bare, &payload_len);
		if (!payload)
			return;
		head = snprintf(out, sizeof(out),
				"*3\r\n$7\r\nPUBLISH\r\n$5\r\npinfo\r\n$%zu\r\n",
				payload_len);
		/* The reply's own CR LF ends the command as well. */
		memcpy(out + head, payload, payload_len + 2);
		send_all(bare, out, (size_t)head + payload_len + 2);
		bare->state = WAIT_PUBLISH;
	} else {
		if (bare->state != WAIT_PUBLISH || bare->buffer[0] != ':')
			die("PUBLISH gave no integer");
		if (!memchr(bare->buffer, '\n', bare->len))
			return;
		bare->state = IDLE;
	}
	bare->len = 0;
}

static void
timer_expired(struct bare *bare)
{
	uint64_t expired;

	if (read(bare->timer, &expired, sizeof(expired)) != sizeof(expired))
		die("read timerfd");
	if (bare->state != IDLE)
		return;
	send_all(bare, INFO_COMMAND, sizeof(INFO_COMMAND) - 1);
	bare->state = WAIT_INFO;
}

static void
loop(struct bare *bare)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	event.data.fd = bare->sock;
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, bare->sock, &event))
		die("epoll");
	event.data.fd = bare->timer;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, bare->timer, &event))
		die("epoll");
	for (;;) {
		if (epoll_wait(epoll, &event, 1, -1) != 1)
			die("epoll_wait");
		if (event.data.fd == bare->timer)
			timer_expired(bare);
		else
			socket_readable(bare);
	}
}

int
main(int argc, char **argv)
{
	static struct bare bare;
	struct rival_options options;
	struct itimerspec spec;

	rival_options_parse(&options, argc, argv);
	bare.sock = connect_to(&options);
	bare.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	spec.it_interval.tv_sec = options.interval_us / 1000000;
	spec.it_interval.tv_nsec = options.interval_us % 1000000 * 1000;
	/* One nanosecond: at once, since zero would disarm the timer. */
	spec.it_value.tv_sec = 0;
	spec.it_value.tv_nsec = 1;
	if (bare.timer < 0 || timerfd_settime(bare.timer, 0, &spec, NULL))
		die("timerfd");
	loop(&bare);
	return EXIT_SUCCESS;
}
