/*
 * fence: see fence.h. Measured against every hostile server of the tests on
 * hiredis 0.14.1 and 1.2.0.
 */
#include "fence.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"
#include "xalloc.h"

struct fence {
	redisReplyObjectFunctions ours;
	const redisReplyObjectFunctions *theirs;
	const struct reply_bounds *bounds; /* NULL: no reply is expected */
	struct reply_bounds used;	   /* by the reply that is being built */
	char reason[128];		   /* of the refusal; empty: none yet */
	/*
	 * A reply that is one string, as all but HELLO's are, is made here: that
	 * spares three allocations for each. There is one reply at a time.
	 */
	redisReply string;
	char *text;
	size_t room;
};

/* How free_object knows `string` from theirs, whose strings have no elements. */
#define OURS SIZE_MAX

/* An error reply may come unasked: "max number of clients reached". */
static const struct reply_bounds unasked = { .bytes = 4096, .objects = 1 };

/* Type byte, length line and line ends around a reply's own bytes. */
#define FRAMING_BYTES 64
/* What an array costs on the wire an element, at the least. */
#define FRAMING_OBJECT_BYTES 16

/*
 * No line of a reply is longer; a text's, which may be, has its length before it.
 * hiredis looks for the end of a line from its beginning with each read: a few
 * megabytes of it would take seconds.
 */
#define LINE_BYTES_MAX 65536

#define DEPTH_MAX 7

/*
 * What is kept for the next reply, here and in hiredis' reader: an INFO persistence
 * fits, and what a rare longer one took does not stay, times thousands of targets.
 */
#define TEXT_KEPT_BYTES 2048
#define READER_KEPT_BYTES 4096

/*
 * 0.14's header declares createArray with an int, Debian's patched function
 * and every 1.x take a size_t.
 */
typedef void *create_array(const redisReadTask *, size_t);

static struct fence *
fence_of(const redisReadTask *task)
{
	return task->privdata;
}

static void *
refuse(struct fence *f, const char *what)
{
	if (f->reason[0] == '\0')
		snprintf(f->reason, sizeof(f->reason), "the server sent %s", what);
	return NULL;
}

static const struct reply_bounds *
limit(const struct fence *f)
{
	return f->bounds != NULL ? f->bounds : &unasked;
}

/* Counts one more object with its bytes; false when that is too much. */
static bool
admit(const redisReadTask *task, size_t bytes)
{
	struct fence *f = fence_of(task);
	const struct reply_bounds *max = limit(f);
	unsigned depth = 0;

	if (task->parent == NULL)
		f->used = (struct reply_bounds){ 0 };
	if (f->bounds == NULL && task->type != REDIS_REPLY_ERROR)
		return refuse(f, "a reply that nobody asked for");
	for (const redisReadTask *t = task->parent; t != NULL; t = t->parent)
		depth++;
	if (depth > DEPTH_MAX)
		return refuse(f, "a reply that is nested too deep");
	/* Written so that no sum can overflow: used never passes max. */
	if (bytes > max->bytes - f->used.bytes)
		return refuse(f, "a longer reply than this command can have");
	if (f->used.objects >= max->objects)
		return refuse(f, "more elements than this command's reply can have");
	f->used.bytes += bytes;
	f->used.objects++;
	return true;
}

static redisReply *
make_string(struct fence *f, int type, const char *text, size_t len)
{
	if (len >= f->room || f->room > TEXT_KEPT_BYTES) {
		f->room = len + 1;
		f->text = xrealloc(f->text, f->room, 1);
	}
	memcpy(f->text, text, len);
	f->text[len] = '\0';
	f->string = (redisReply){
		.type = type,
		.str = f->text,
		.len = len,
		.elements = OURS,
	};
	return &f->string;
}

static void *
create_string(const redisReadTask *task, char *text, size_t len)
{
	switch (task->type) {
	case REDIS_REPLY_STRING:
	case REDIS_REPLY_STATUS:
	case REDIS_REPLY_ERROR:
		break;
	default:
		return refuse(fence_of(task), "a RESP3 type, which was not asked for");
	}
	if (!admit(task, len))
		return NULL;
	if (task->parent == NULL)
		return make_string(fence_of(task), task->type, text, len);
	return fence_of(task)->theirs->createString(task, text, len);
}

static void *
create_array_of(const redisReadTask *task, size_t elements)
{
	struct fence *f = fence_of(task);

	if (task->type != REDIS_REPLY_ARRAY)
		return refuse(f, "a RESP3 type, which was not asked for");
	if (!admit(task, 0))
		return NULL;
	if (elements > limit(f)->objects - f->used.objects)
		return refuse(f, "more elements than this command's reply can have");
	return ((create_array *)(void *)f->theirs->createArray)(task, elements);
}

static void *
create_integer(const redisReadTask *task, long long value)
{
	if (!admit(task, 0))
		return NULL;
	return fence_of(task)->theirs->createInteger(task, value);
}

static void *
create_nil(const redisReadTask *task)
{
	if (!admit(task, 0))
		return NULL;
	return fence_of(task)->theirs->createNil(task);
}

static void
free_object(void *object)
{
	redisReply *reply = object;

	if (reply->elements != OURS)
		freeReplyObject(reply);
}

#if HIREDIS_MAJOR >= 1
static void *
create_double(const redisReadTask *task, double value, char *text, size_t len)
{
	(void)value, (void)text, (void)len;
	return refuse(fence_of(task), "a RESP3 type, which was not asked for");
}

static void *
create_bool(const redisReadTask *task, int value)
{
	(void)value;
	return refuse(fence_of(task), "a RESP3 type, which was not asked for");
}
#endif

struct fence *
fence_new(void)
{
	return xcalloc(1, sizeof(struct fence));
}

void
fence_free(struct fence *f)
{
	if (f == NULL)
		return;
	free(f->text);
	free(f);
}

void
fence_attach(struct fence *f, redisAsyncContext *ac)
{
	redisReader *reader = ac->c.reader;

	f->ours = *reader->fn;
	f->theirs = reader->fn;
	f->bounds = NULL;
	f->reason[0] = '\0';
	f->ours.createString = create_string;
	/* Through void *: the declared type of the argument differs, see above. */
	f->ours.createArray = (void *)create_array_of;
	f->ours.createInteger = create_integer;
	f->ours.createNil = create_nil;
	f->ours.freeObject = free_object;
#if HIREDIS_MAJOR >= 1
	f->ours.createDouble = create_double;
	f->ours.createBool = create_bool;
#endif
	reader->fn = &f->ours;
	reader->privdata = f;
	reader->maxbuf = READER_KEPT_BYTES;
}

void
fence_expect(struct fence *f, const struct reply_bounds *bounds)
{
	f->bounds = bounds;
}

static bool
has_line(const redisReader *reader)
{
	return memmem(reader->buf + reader->pos, reader->len - reader->pos, "\r\n",
		      2) != NULL;
}

bool
fence_holds(struct fence *f, const redisAsyncContext *ac)
{
	const struct reply_bounds *max = limit(f);
	size_t unparsed = ac->c.reader->len - ac->c.reader->pos;

	if (unparsed <= max->bytes + FRAMING_BYTES +
				(size_t)FRAMING_OBJECT_BYTES * max->objects &&
	    (unparsed <= LINE_BYTES_MAX || has_line(ac->c.reader)))
		return true;
	refuse(f, "a longer reply than this command can have");
	return false;
}

const char *
fence_reason(const struct fence *f)
{
	return f->reason[0] != '\0' ? f->reason : NULL;
}
