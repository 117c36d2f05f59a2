/*
 * blocker: a module of Redis' whose command BLOCKER.FORK forks a child that sleeps
 * for a minute. Of redismodule.h, which no package has, only what is called here:
 * functions are asked for by name, with what the first word of the context is.
 */
#include <stddef.h>
#include <unistd.h>

struct context {
	int (*get)(const char *name, void *function);
};

typedef int command_fn(struct context *, void **argv, int argc);

static int (*fork_child)(void (*done)(int, int, void *), void *arg);
static int (*end_child)(int code);
static int (*reply)(struct context *, long long value);

static int
fork_command(struct context *context, void **argv, int argc)
{
	int pid = fork_child(NULL, NULL);

	(void)argv, (void)argc;
	if (pid == 0) {
		sleep(60);
		end_child(0);
	}
	return reply(context, pid);
}

int
RedisModule_OnLoad(struct context *context, void **argv, int argc)
{
	void (*describe)(struct context *, const char *name, int version, int api);
	int (*create)(struct context *, const char *name, command_fn *,
		      const char *flags, int first, int last, int step);

	(void)argv, (void)argc;
	context->get("RedisModule_SetModuleAttribs", &describe);
	context->get("RedisModule_CreateCommand", &create);
	context->get("RedisModule_Fork", &fork_child);
	context->get("RedisModule_ExitFromChild", &end_child);
	context->get("RedisModule_ReplyWithLongLong", &reply);
	describe(context, "blocker", 1, 1);
	return create(context, "blocker.fork", fork_command, "", 0, 0, 0);
}
