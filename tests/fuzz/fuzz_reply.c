/*
 * What a server may send, at the whole way that it takes: a socket, hiredis'
 * async reader, the fence. Nothing may abort, and no reply may take more memory
 * than its bounds and what is needed to read them.
 *
 * The input: a byte N; then N steps of a byte each, whose lower three bits name
 * a request to be sent (past the last kind: none) and whose upper five say how
 * many bytes of the rest the server then sends; in the end it sends all others.
 */
#include <event2/event.h>
#include <sanitizer/allocator_interface.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "connection.h"
#include "request.h"

/* Text and objects of a HELLO at its bounds; hiredis doubles its buffers. */
#define MEMORY_MAX (1024 * 1024)
#define PIECE 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct request_queue queue;
static struct connection *connection;
static struct event_base *base;
static size_t before;

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
expect_head(void)
{
	struct request *r = request_head(&queue);

	connection_expect(connection, r != NULL ? request_bounds(r->kind) : NULL);
}

static void
on_reply(void *owner, struct reply *r)
{
	(void)owner;
	check(__sanitizer_get_current_allocated_bytes() < before + MEMORY_MAX);
	check(queue.count > 0);
	if (r->kind == REPLY_LIST)
		connection_list_text(r, "version");
	check(r->kind == REPLY_LOST || strlen(r->text) <= r->len);
	check(r->len <= request_bounds(request_head(&queue)->kind)->bytes);
	request_pop(&queue);
	expect_head();
}

static void
on_turn(void *owner, struct mono now)
{
	(void)owner, (void)now;
	check(__sanitizer_get_current_allocated_bytes() < before + MEMORY_MAX);
	if (!connection_is_open(connection))
		check(connection_reason(connection)[0] != '\0');
}

static void
ask(unsigned kind)
{
	if (kind > REQUEST_PUBLISH || request_queue_is_full(&queue))
		return;
	/* What is asked is all the same to the fuzzer, who does not read it. */
	if (!connection_write(connection, "*1\r\n$4\r\nPING\r\n", 14))
		return;
	request_push(&queue, (struct request){ .kind = kind });
	expect_head();
	connection_flush(connection);
}

static void
say(int fd, const uint8_t *data, size_t len)
{
	while (len > 0 && connection_is_open(connection)) {
		size_t n = len < PIECE ? len : PIECE;

		check(send(fd, data, n, MSG_NOSIGNAL) == (ssize_t)n);
		event_base_loop(base, EVLOOP_NONBLOCK);
		data += n;
		len -= n;
	}
}

/* A unix socket in the current directory, which tests/fuzz/run throws away. */
static int
listener(struct sockaddr_un *address)
{
	static int fd = -1;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "%ld.sock",
		 (long)getpid());
	if (fd >= 0)
		return fd;
	base = event_base_new();
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	check(bind(fd, (struct sockaddr *)address, sizeof(*address)) == 0);
	check(listen(fd, 1) == 0);
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct connection_handlers handlers = { on_reply, on_turn };
	struct sockaddr_un address;
	int fd, door = listener(&address);
	size_t steps = size > 0 ? *data : 0;

	if (size < 1 + steps)
		return 0;
	queue.count = 0;
	before = __sanitizer_get_current_allocated_bytes();
	connection = connection_new(base, &handlers, NULL);
	check(connection_open_unix(connection, address.sun_path));
	fd = accept(door, NULL, NULL);
	event_base_loop(base, EVLOOP_NONBLOCK);
	check(fd >= 0 && connection_is_connected(connection));
	for (size_t i = 1, at = 1 + steps; at < size; i++) {
		size_t n = i <= steps ? data[i] >> 3 : size;

		if (i <= steps)
			ask(data[i] & 7);
		n = n < size - at ? n : size - at;
		say(fd, data + at, n);
		at += n;
	}
	close(fd);
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_loop(base, EVLOOP_NONBLOCK);
	check(!connection_is_open(connection));
	connection_free(connection);
	return 0;
}
