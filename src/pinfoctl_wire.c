/*
 * wire: see pinfoctl_wire.h.
 *
 * hiredis' own redisGetReply has a time-out for one read and no bound for an answer.
 * So the waiting is ours: poll with a deadline, redisBufferRead, then
 * redisGetReplyFromReader; on 0.14.1 and 1.x alike. hiredis makes an array as large
 * as its header says before an element has come: that hook is ours too.
 */
#include "pinfoctl_wire.h"

#include <assert.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "duration.h"
#include "log.h"
#include "pinfoctl.h"
#include "pinfoctl_say.h"
#include "pinfoctl_socket.h"
#include "xalloc.h"

/* STATUS JSON has about 600 bytes a target, so this is for some 25,000. */
#define ANSWER_BYTES_MAX (16 * 1024 * 1024)
#define ANSWER_ELEMENTS_MAX 100000
/* A reply's line that does not end; hiredis searches all of it with every read. */
#define LINE_BYTES_MAX 65536
#define LENGTH_BYTES_MAX 32
#define WORDS_MAX 16

struct wire {
	redisContext *context;
	redisReplyObjectFunctions ours;
	const redisReplyObjectFunctions *theirs;
	const char *refusal; /* why we refused what came; NULL: we did not */
	size_t came;	     /* bytes of the answer that is on its way */
	int64_t timeout_ns;
};

/* 0.14's header has an int there, all libraries a size_t: see fence.c. */
typedef void *create_array(const redisReadTask *, size_t);

static void *
create_array_of(const redisReadTask *task, size_t elements)
{
	struct wire *w = task->privdata;

	if (task->parent != NULL || elements > ANSWER_ELEMENTS_MAX) {
		w->refusal = task->parent != NULL ? "a list inside of a list"
						  : "a list that is too long";
		return NULL;
	}
	return ((create_array *)(void *)w->theirs->createArray)(task, elements);
}

struct wire *
wire_open(const struct pinfoctl *ctl, struct trouble *t)
{
	int fd = socket_connect(ctl, t);
	struct wire *w;

	if (fd < 0)
		return NULL;
	w = xcalloc(1, sizeof(*w));
	w->timeout_ns = ctl->timeout_ns;
	w->context = redisConnectFd(fd);
	if (w->context == NULL)
		abort(); /* out of memory */
	w->theirs = w->context->reader->fn;
	w->ours = *w->theirs;
	/* Through void *: the declared type of the argument differs, see above. */
	w->ours.createArray = (void *)create_array_of;
	w->context->reader->fn = &w->ours;
	w->context->reader->privdata = w;
	return w;
}

void
wire_close(struct wire *w)
{
	if (w == NULL)
		return;
	redisFree(w->context);
	free(w);
}

/*
 * Waiting. Returns what poll does, and -1 with ETIMEDOUT past the deadline.
 */
static int
await(const struct wire *w, short events, struct mono deadline, const sigset_t *during)
{
	struct pollfd p = { .fd = w->context->fd, .events = events };
	struct timespec left;
	int64_t ns;
	int rc;

	for (;;) {
		ns = clock_diff_ns(deadline, clock_now());
		if (during == NULL && ns <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		left = (struct timespec){ ns / NS_PER_S, ns % NS_PER_S };
		rc = ppoll(&p, 1, during == NULL ? &left : NULL, during);
		if (rc > 0 || (rc < 0 && (errno != EINTR || during != NULL)))
			return rc;
	}
}

static bool
no_answer(const struct wire *w, struct trouble *t)
{
	char seconds[32];

	return say_trouble_set(t, EXIT_NO_ANSWER, "TIMEOUT",
			       "the daemon did not answer within %s s: it hangs",
			       duration_seconds(seconds, w->timeout_ns));
}

static bool
gone(struct trouble *t)
{
	return say_trouble_set(
		t, EXIT_NO_DAEMON, "NODAEMON",
		"the daemon closed the connection: it has ended, or dropped "
		"us");
}

static bool
no_sense(const struct wire *w, const char *what, struct trouble *t)
{
	char shown[160];

	log_escape(shown, sizeof(shown), w->refusal ? w->refusal : what);
	return say_trouble_set(t, EXIT_NO_ANSWER, "NOSENSE",
			       "that is no pinfod, or a broken one; it sent: %s",
			       shown);
}

static bool
send_words(struct wire *w, const char *const words[], struct trouble *t)
{
	struct mono deadline = clock_add_ns(clock_now(), w->timeout_ns);
	const char *argv[WORDS_MAX];
	long long len; /* an int on 0.14 */
	char *request;
	bool ok = true;
	int argc = 0;
	ssize_t sent;

	for (; words[argc] != NULL; argc++) {
		assert(argc < WORDS_MAX);
		argv[argc] = words[argc];
	}
	len = redisFormatCommandArgv(&request, argc, argv, NULL);
	if (len < 0)
		abort(); /* out of memory */
	for (long long at = 0; ok && at < len; at += sent) {
		sent = 0;
		if (await(w, POLLOUT, deadline, NULL) < 0)
			ok = no_answer(w, t);
		else
			sent = send(w->context->fd, request + at, (size_t)(len - at),
				    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent >= 0)
			continue;
		/* A daemon that closes may have said why: that is still to be read. */
		if (errno == EPIPE || errno == ECONNRESET)
			break;
		sent = 0;
		if (errno != EAGAIN && errno != EINTR)
			ok = gone(t);
	}
	redisFreeCommand(request);
	return ok;
}

/*
 * Answers.
 */

static struct answer_text
text_of(const redisReply *reply)
{
	if (reply->str == NULL)
		return (struct answer_text){ "", 0 };
	return (struct answer_text){ reply->str, reply->len };
}

/* The daemon's error as trouble: its first word is the code. */
static bool
refused(const redisReply *reply, struct trouble *t)
{
	const char *text = text_of(reply).bytes;
	size_t code_len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	bool has_code = code_len > 0 && code_len < sizeof(t->code) &&
			(text[code_len] == ' ' || text[code_len] == '\0');
	char code[sizeof(t->code)], shown[sizeof(t->text)];

	snprintf(code, sizeof(code), "%.*s", has_code ? (int)code_len : 3,
		 has_code ? text : "ERR");
	text += has_code ? code_len : 0;
	log_escape(shown, sizeof(shown), text + strspn(text, " "));
	say_trouble_set(t,
			strcmp(code, "NOPERM") == 0 ? EXIT_NO_PERMISSION : EXIT_REFUSED,
			code, "%s", shown);
	t->refused = true;
	return false;
}

static bool
read_answer(redisReply *reply, struct answer *a)
{
	static const enum answer_kind kinds[] = {
		[REDIS_REPLY_STRING] = ANSWER_TEXT,
		[REDIS_REPLY_ARRAY] = ANSWER_LIST,
		[REDIS_REPLY_INTEGER] = ANSWER_INTEGER,
		[REDIS_REPLY_NIL] = ANSWER_NIL,
		[REDIS_REPLY_STATUS] = ANSWER_OK,
	};

	*a = (struct answer){ .reply = reply };
	/* From 1.0 on hiredis has more types; a server sends them when asked to. */
	if (reply->type < REDIS_REPLY_STRING || reply->type > REDIS_REPLY_STATUS)
		return false;
	a->kind = kinds[reply->type];
	a->count = a->kind == ANSWER_LIST ? reply->elements : 1;
	a->texts = xcalloc(a->count + 1, sizeof(a->texts[0]));
	if (a->kind == ANSWER_INTEGER) {
		snprintf(a->digits, sizeof(a->digits), "%lld", reply->integer);
		a->texts[0] = (struct answer_text){ a->digits, strlen(a->digits) };
	} else if (a->kind != ANSWER_LIST) {
		a->texts[0] = text_of(reply);
	}
	for (size_t i = 0; a->kind == ANSWER_LIST && i < a->count; i++)
		a->texts[i] = text_of(reply->element[i]);
	return true;
}

void
answer_fini(struct answer *a)
{
	free(a->texts);
	if (a->reply != NULL)
		freeReplyObject(a->reply);
	*a = (struct answer){ 0 };
}

static bool
too_much(struct wire *w)
{
	const redisReader *r = w->context->reader;
	size_t unparsed = r->len - r->pos;

	if (w->came > ANSWER_BYTES_MAX)
		w->refusal = "an answer that is too long";
	/* A bulk's length stands in a short line of its own. */
	else if (unparsed > LINE_BYTES_MAX &&
		 memmem(r->buf + r->pos, LENGTH_BYTES_MAX, "\r\n", 2) == NULL)
		w->refusal = "a line that is too long";
	return w->refusal != NULL;
}

enum wire_result
wire_next(struct wire *w, const sigset_t *during, struct answer *a, struct trouble *t)
{
	struct mono deadline = clock_add_ns(clock_now(), w->timeout_ns);
	redisReader *reader = w->context->reader;
	void *reply = NULL;
	size_t had;

	for (;;) {
		if (redisGetReplyFromReader(w->context, &reply) != REDIS_OK) {
			no_sense(w, w->context->errstr, t);
			return WIRE_TROUBLE;
		}
		if (reply != NULL)
			break;
		if (too_much(w)) {
			no_sense(w, "", t);
			return WIRE_TROUBLE;
		}
		if (await(w, POLLIN, deadline, during) < 0) {
			if (errno == EINTR)
				return WIRE_INTERRUPTED;
			no_answer(w, t);
			return WIRE_TROUBLE;
		}
		had = reader->len;
		if (redisBufferRead(w->context) != REDIS_OK) {
			gone(t);
			return WIRE_TROUBLE;
		}
		w->came += reader->len - had;
	}
	w->came = reader->len - reader->pos;
	if (((redisReply *)reply)->type == REDIS_REPLY_ERROR) {
		refused(reply, t);
		freeReplyObject(reply);
		return WIRE_TROUBLE;
	}
	if (read_answer(reply, a))
		return WIRE_ANSWER;
	answer_fini(a);
	no_sense(w, "a type of RESP3, which was not asked for", t);
	return WIRE_TROUBLE;
}

bool
wire_ask(struct wire *w, const char *const words[], struct answer *a, struct trouble *t)
{
	return send_words(w, words, t) && wire_next(w, NULL, a, t) == WIRE_ANSWER;
}
