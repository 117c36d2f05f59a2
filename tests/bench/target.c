/*
 * A scripted server: just enough of Redis 7.0 for pinfod and the rivals, with
 * an INFO reply whose numbers change at every call. It notes when each PUBLISH
 * arrives (CLOCK_MONOTONIC) and on which channel, and how often each command came;
 * notices are counted only, for the feed's PUBLISHes are the ticks.
 *
 * It is no fake of Redis for tests: it trusts its clients and ends at the first
 * oddity. Any number of clients may connect, so that one process can play many
 * targets. Started by tests/bench/run:
 *
 *	target PATH|PORT COUNT WIDE
 *
 * listens on a unix socket, or on 127.0.0.1 (port 0: any free one), says
 * "listening <path or port>", and "reached" at the COUNTth PUBLISH. A line on
 * stdin is answered with the notes so far and "end". The end of stdin ends it,
 * so that it never outlives the benchmark. The file WIDE is what INFO of several
 * sections says, but for the time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES 65536
#define MAX_WORDS 16
#define CHANNEL_BYTES 24
#define BACKLOG 4096 /* of all that connect at the same time */
#define ERROR_UNKNOWN "-ERR unknown command\r\n"
#define HELLO_REPLY                                                         \
	"*14\r\n"                                                           \
	"$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n"  \
	"$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:%d\r\n"                          \
	"$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n" \
	"$7\r\nmodules\r\n*0\r\n"

#define NOTICES "pinfo:notice"
#define WIDE_BYTES 16384
#define WIDE_TIME "server_time_usec:" /* and 16 digits */

enum command { HELLO, INFO, WIDE, PUBLISH, NOTICE, OTHER, COMMAND_COUNT };

static const char *const command_names[COMMAND_COUNT] = {
	"hello", "info", "wide", "publish", "notice", "other",
};

/* Lives from accept to the close by its client. */
struct client {
	int fd;
	int id;		     /* counts from 1 in the order of accept */
	unsigned long infos; /* asked so far: each client has a server of its own */
	size_t len;	     /* bytes in buffer */
	char buffer[BUFFER_BYTES];
};

struct arrival {
	int64_t ns;
	char channel[CHANNEL_BYTES]; /* which tells targets apart; cut off if longer */
};

struct words {
	int count;
	struct {
		const char *data;
		size_t len;
	} at[MAX_WORDS];
};

static struct {
	struct arrival *arrivals;
	size_t arrival_count, arrival_room, wanted;
	unsigned long commands[COMMAND_COUNT];
	int clients;
	int64_t now_ns; /* read once a turn, right after epoll_wait */
	char wide[WIDE_BYTES];
	size_t wide_len;
	char *wide_time; /* in wide, its digits */
	time_t started;
} target;

static void
die(const char *what)
{
	fprintf(stderr, "target: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

/*
 * The fields of Redis 7.0.15 with an AOF, and an RDB save under way, which is when
 * the reply is longest. Nothing in it is an incident.
 */
static int
info_format(char *text, size_t size, unsigned long n)
{
	return snprintf(text, size,
			"# Persistence\r\nloading:0\r\nasync_loading:0\r\n"
			"current_cow_peak:%lu\r\ncurrent_cow_size:%lu\r\n"
			"current_cow_size_age:%lu\r\ncurrent_fork_perc:%lu.%02lu\r\n"
			"current_save_keys_processed:%lu\r\n"
			"current_save_keys_total:%lu\r\n"
			"rdb_changes_since_last_save:%lu\r\n"
			"rdb_bgsave_in_progress:1\r\nrdb_last_save_time:%lu\r\n"
			"rdb_last_bgsave_status:ok\r\nrdb_last_bgsave_time_sec:%lu\r\n"
			"rdb_current_bgsave_time_sec:%lu\r\nrdb_saves:%lu\r\n"
			"rdb_last_cow_size:%lu\r\nrdb_last_load_keys_expired:0\r\n"
			"rdb_last_load_keys_loaded:104729\r\naof_enabled:1\r\n"
			"aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0\r\n"
			"aof_last_rewrite_time_sec:3\r\n"
			"aof_current_rewrite_time_sec:-1\r\n"
			"aof_last_bgrewrite_status:ok\r\naof_rewrites:%lu\r\n"
			"aof_rewrites_consecutive_failures:0\r\n"
			"aof_last_write_status:ok\r\naof_last_cow_size:%lu\r\n"
			"module_fork_in_progress:0\r\nmodule_fork_last_cow_size:0\r\n"
			"aof_current_size:%lu\r\naof_base_size:%lu\r\n"
			"aof_pending_rewrite:0\r\naof_buffer_length:%lu\r\n"
			"aof_pending_bio_fsync:%lu\r\naof_delayed_fsync:3\r\n",
			4198400 + n * 4096, 4194304 + n * 4096, n % 5, n % 100,
			n * 7 % 100, n * 977, 1000000 + n, n * 13,
			(unsigned long)target.started + n / 100, n % 60, n % 30, n / 10,
			655360 + n % 10 * 4096, n / 50, 524288 + n % 7 * 4096,
			88000000 + n * 431, 44000000 + n / 50, n * 31 % 4096, n % 2);
}

static void
wide_read(const char *path)
{
	FILE *file = fopen(path, "r");

	if (!file)
		die(path);
	target.wide_len = fread(target.wide, 1, sizeof(target.wide) - 1, file);
	fclose(file);
	target.wide_time = strstr(target.wide, WIDE_TIME);
	errno = EINVAL;
	if (!target.wide_time)
		die(path);
	target.wide_time += strlen(WIDE_TIME);
}

/* A clock that stands still would be news to who reads it. */
static int
wide_format(char *reply, size_t size)
{
	struct timespec now;
	char digits[32];

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(digits, sizeof(digits), "%lld%06ld", (long long)now.tv_sec,
		 now.tv_nsec / 1000);
	memcpy(target.wide_time, digits, strlen(digits));
	return snprintf(reply, size, "$%zu\r\n%s\r\n", target.wide_len, target.wide);
}

static void
send_all(struct client *client, const char *data, size_t len)
{
	/* A client that does not read 1 KB replies is a bug: no queue. */
	if (write(client->fd, data, len) != (ssize_t)len && errno != EPIPE)
		die("write");
}

static void
arrival_note(const char *channel, size_t len)
{
	struct arrival *arrival;

	if (target.arrival_count == target.arrival_room) {
		target.arrival_room = target.arrival_room * 2 + 1024;
		target.arrivals = realloc(target.arrivals,
					  target.arrival_room * sizeof(*arrival));
		if (!target.arrivals)
			die("realloc");
	}
	arrival = &target.arrivals[target.arrival_count++];
	arrival->ns = target.now_ns;
	snprintf(arrival->channel, sizeof(arrival->channel), "%.*s", (int)len, channel);
}

static int
word_is(const struct words *words, int i, const char *name)
{
	return i < words->count && words->at[i].len == strlen(name) &&
	       !strncasecmp(words->at[i].data, name, words->at[i].len);
}

static void
command_answer(struct client *client, const struct words *words)
{
	char text[2048], reply[WIDE_BYTES + 64];
	enum command command = OTHER;
	int len;

	if (word_is(words, 0, "PUBLISH") && word_is(words, 1, NOTICES)) {
		command = NOTICE;
		send_all(client, ":1\r\n", 4);
	} else if (word_is(words, 0, "PUBLISH") && words->count == 3) {
		command = PUBLISH;
		send_all(client, ":1\r\n", 4);
		arrival_note(words->at[1].data, words->at[1].len);
	} else if (word_is(words, 0, "INFO") && words->count == 2 &&
		   word_is(words, 1, "persistence")) {
		command = INFO;
		len = info_format(text, sizeof(text), client->infos++);
		len = snprintf(reply, sizeof(reply), "$%d\r\n%s\r\n", len, text);
		send_all(client, reply, (size_t)len);
	} else if (word_is(words, 0, "INFO") && words->count > 2) {
		command = WIDE;
		len = wide_format(reply, sizeof(reply));
		send_all(client, reply, (size_t)len);
	} else if (word_is(words, 0, "HELLO") && word_is(words, 1, "2")) {
		command = HELLO;
		len = snprintf(reply, sizeof(reply), HELLO_REPLY, client->id);
		send_all(client, reply, (size_t)len);
	} else {
		send_all(client, ERROR_UNKNOWN, strlen(ERROR_UNKNOWN));
	}
	target.commands[command]++;
	if (command == PUBLISH && target.arrival_count == target.wanted) {
		puts("reached");
		fflush(stdout);
	}
}

/* A number after its type byte; moves *p behind CR LF. False: not there yet. */
static int
number_parse(const char **p, const char *end, char type, size_t *n)
{
	const char *eol = memchr(*p, '\n', (size_t)(end - *p));

	if (!eol)
		return 0;
	errno = EPROTO;
	if (**p != type || !isdigit((unsigned char)(*p)[1]))
		die("request");
	*n = strtoul(*p + 1, NULL, 10);
	*p = eol + 1;
	return 1;
}

/* Returns the bytes that one request took, 0 when it is not all there. */
static size_t
request_parse(const char *data, size_t len, struct words *words)
{
	const char *p = data, *end = data + len;
	size_t count, n, i;

	if (!number_parse(&p, end, '*', &count))
		return 0;
	if (count > MAX_WORDS)
		die("request of too many words");
	words->count = (int)count;
	for (i = 0; i < count; i++) {
		if (!number_parse(&p, end, '$', &n) || (size_t)(end - p) < n + 2)
			return 0;
		words->at[i].data = p;
		words->at[i].len = n;
		p += n + 2;
	}
	return (size_t)(p - data);
}

static void
client_readable(struct client *client)
{
	struct words words;
	size_t used = 0, n;
	ssize_t got;

	got = read(client->fd, client->buffer + client->len,
		   sizeof(client->buffer) - client->len);
	if (got <= 0) {
		close(client->fd);
		free(client);
		return;
	}
	client->len += (size_t)got;
	while ((n = request_parse(client->buffer + used, client->len - used, &words)) >
	       0) {
		command_answer(client, &words);
		used += n;
	}
	client->len -= used;
	memmove(client->buffer, client->buffer + used, client->len);
	if (client->len == sizeof(client->buffer)) {
		errno = EMSGSIZE;
		die("request");
	}
}

static void
client_accept(int epoll, int listener)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct client *client = malloc(sizeof(*client));
	int one = 1;

	if (!client)
		die("malloc");
	client->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (client->fd < 0)
		die("accept");
	/* Fails on a unix socket, where there is nothing to switch off. */
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	client->id = ++target.clients;
	client->infos = 0;
	client->len = 0;
	event.data.ptr = client;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event))
		die("epoll_ctl");
}

static int
listen_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	errno = ENAMETOOLONG;
	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		die(path);
	strcpy(address.sun_path, path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, BACKLOG))
		die(path);
	printf("listening %s\n", path);
	return fd;
}

static int
listen_tcp(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_port = htons((uint16_t)atoi(port));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) ||
	    listen(fd, BACKLOG) || getsockname(fd, (struct sockaddr *)&address, &len))
		die(port);
	printf("listening %d\n", ntohs(address.sin_port));
	return fd;
}

/* Answers a line on stdin with all notes; the end of stdin ends the process. */
static void
notes_print(void)
{
	char line[64];
	size_t i;

	if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
		exit(EXIT_SUCCESS);
	for (i = 0; i < COMMAND_COUNT; i++)
		printf("command %s %lu\n", command_names[i], target.commands[i]);
	for (i = 0; i < target.arrival_count; i++)
		printf("publish %s %lld\n", target.arrivals[i].channel,
		       (long long)target.arrivals[i].ns);
	puts("end");
	fflush(stdout);
}

static void
loop(int epoll, int listener)
{
	static int stdin_tag, listener_tag;
	struct epoll_event event = { .events = EPOLLIN };
	struct timespec now;

	event.data.ptr = &listener_tag;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event))
		die("epoll_ctl");
	event.data.ptr = &stdin_tag;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event))
		die("epoll_ctl");
	for (;;) {
		if (epoll_wait(epoll, &event, 1, -1) != 1)
			die("epoll_wait");
		clock_gettime(CLOCK_MONOTONIC, &now);
		target.now_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
		if (event.data.ptr == &listener_tag)
			client_accept(epoll, listener);
		else if (event.data.ptr == &stdin_tag)
			notes_print();
		else
			client_readable(event.data.ptr);
	}
}

int
main(int argc, char **argv)
{
	int listener;

	if (argc != 4) {
		fprintf(stderr, "usage: %s PATH|PORT COUNT WIDE\n", argv[0]);
		return 64;
	}
	wide_read(argv[3]);
	target.started = time(NULL);
	signal(SIGPIPE, SIG_IGN);
	target.wanted = strtoul(argv[2], NULL, 10);
	listener = strchr(argv[1], '/') ? listen_unix(argv[1]) : listen_tcp(argv[1]);
	fflush(stdout);
	loop(epoll_create1(EPOLL_CLOEXEC), listener);
	return EXIT_SUCCESS;
}
