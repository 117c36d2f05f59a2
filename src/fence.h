/*
 * fence: what keeps any server from aborting, filling or stalling us through
 * hiredis. Only connection uses it.
 *
 * hiredis trusts the server: a reply that nobody asked for aborts the process,
 * a declared length is allocated, nesting recurses, an endless line is kept.
 * The fence takes the place of the reader's reply constructors and refuses
 * what the command at the head of the queue may not answer; hiredis then
 * disconnects ("Out of memory"), and the true reason stands here.
 */
#ifndef FENCE_H
#define FENCE_H

#include <stdbool.h>
#include <stddef.h>

struct fence;
struct redisAsyncContext;
struct reply_bounds;

struct fence *fence_new(void);

/* NULL is fine. Not before the context that it was put into is freed. */
void fence_free(struct fence *fence);

/*
 * Puts the fence into a context that has not read yet, nothing being expected.
 * It may have been in another one before.
 */
void fence_attach(struct fence *fence, struct redisAsyncContext *ac);

/*
 * What the reply that comes next may be; NULL: none is outstanding. To be
 * called whenever that changes. *bounds is borrowed until the next call.
 */
void fence_expect(struct fence *fence, const struct reply_bounds *bounds);

/*
 * To be called after each read, while the context lives: false when it holds
 * more unfinished reply than is expected; the caller closes the connection.
 */
bool fence_holds(struct fence *fence, const struct redisAsyncContext *ac);

/* Why something was refused, in words; NULL: nothing was. */
const char *fence_reason(const struct fence *fence);

#endif
