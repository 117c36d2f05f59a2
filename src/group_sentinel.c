/*
 * group_sentinel: a master, and its replicas if they are wanted, as sentinels name
 * them. See group.h; what several of them agree on is sentinel_view's.
 *
 * Sentinel would also push the news (+switch-master), but to be pushed something
 * one has to be connected, and the news may be lost with the connection. Asking is
 * needed in any case; done twice a sample it is as good.
 *
 * https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
 */
#include "group.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "council.h"
#include "endpoint.h"
#include "members.h"
#include "sentinel_view.h"
#include "xalloc.h"

#define PERIOD_MIN_NS (100 * NS_PER_MS)

/* So many sentinels are named of which something is wrong; the others counted. */
#define NAMED_MAX 3

struct seat {
	struct sentinel_view view;  /* what it said last; not known: nothing */
	struct sentinel_view draft; /* what it has said of the questions so far */
	bool spoilt;		    /* the draft is no good */
	char *wrong;		    /* why it is not heard, in words; NULL: it is */
};

struct source {
	struct group *group;
	struct council *council;
	struct seat seats[GROUP_SEEDS_MAX];
};

static_assert(GROUP_SEEDS_MAX <= COUNCIL_SEATS_MAX, "each sentinel has a seat");

/* Twice a sample: then a change is known within the sample after it. */
static int64_t
period_ns(const struct group_config *config)
{
	int64_t ns = target_config_sample_ns(&config->pattern) / 2;

	return ns < PERIOD_MIN_NS ? PERIOD_MIN_NS : ns;
}

/*
 * Answers. Each reader returns NULL, or in words what is wrong, to be freed.
 */

static bool
read_address(const struct reply *list, const char **host, int *port)
{
	const char *text = connection_list_text(list, "port");
	char error[256];

	*host = connection_list_text(list, "ip");
	return *host != NULL && endpoint_host_ok(*host, error, sizeof(error)) &&
	       text != NULL && endpoint_port_parse(text, port, error, sizeof(error));
}

static char *
read_master(struct sentinel_view *view, const struct reply *reply)
{
	const char *host, *epoch = connection_list_text(reply, "config-epoch");

	if (!read_address(reply, &host, &view->port) ||
	    strlen(host) >= sizeof(view->host) || epoch == NULL)
		return xstrdup("answers nonsense to SENTINEL MASTER");
	snprintf(view->host, sizeof(view->host), "%s", host);
	view->epoch = strtoull(epoch, NULL, 10);
	view->known = true;
	return NULL;
}

static char *
read_replicas(struct sentinel_view *view, const struct reply *reply)
{
	char name[ENDPOINT_TEXT_BYTES];
	struct reply replica;

	for (size_t i = 0; connection_list_at(reply, i, &replica); i++) {
		struct endpoint e = { .path = NULL };
		const char *host;

		if (replica.kind != REPLY_LIST ||
		    !read_address(&replica, &host, &e.port))
			return xstrdup("answers nonsense to SENTINEL REPLICAS");
		e.host = xstrdup(host);
		members_add(&view->replicas, endpoint_name(&e, name), host, e.port);
		endpoint_fini(&e);
	}
	return NULL;
}

static char *
read_error(const struct group_config *config, const struct reply *reply)
{
	if (strncmp(reply->text, "ERR unknown command", 19) == 0)
		return xstrdup("is no sentinel");
	if (strncmp(reply->text, "ERR No such master", 18) == 0)
		return xasprintf("knows no master '%s'", config->master);
	return xasprintf("refuses: %.200s", reply->text);
}

/* The questions, and who reads their answers. */
static const struct question {
	const char *word;
	char *(*read)(struct sentinel_view *view, const struct reply *reply);
} questions[] = {
	{ "MASTER", read_master },
	{ "REPLICAS", read_replicas },
};

#define QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static unsigned
question_count(const struct group_config *config)
{
	return config->replicas ? QUESTIONS : 1;
}

/*
 * What the council says.
 */

static void
set_wrong(struct seat *s, char *wrong)
{
	free(s->wrong);
	s->wrong = wrong;
}

static bool
on_answer(void *owner, unsigned seat, unsigned question, const struct endpoint *where,
	  const struct reply *reply)
{
	struct source *source = owner;
	const struct group_config *config = group_config(source->group);
	struct seat *s = &source->seats[seat];
	char name[ENDPOINT_TEXT_BYTES], *wrong;

	if (question == 0) {
		sentinel_view_fini(&s->draft);
		s->spoilt = false;
	}
	if (reply->kind == REPLY_ERROR)
		wrong = read_error(config, reply);
	else if (reply->kind == REPLY_LIST)
		wrong = questions[question].read(&s->draft, reply);
	else
		wrong = xstrdup("answers nonsense");
	if (wrong != NULL && !s->spoilt)
		set_wrong(s, xasprintf("%s %s", endpoint_name(where, name), wrong));
	s->spoilt |= wrong != NULL;
	free(wrong);
	if (question + 1 < question_count(config))
		return !s->spoilt;
	/* All at once: a new master with the old one's replicas is neither. */
	sentinel_view_fini(&s->view);
	if (!s->spoilt) {
		set_wrong(s, NULL);
		s->view = s->draft;
		s->draft = (struct sentinel_view){ .known = false };
	}
	return !s->spoilt;
}

static void
on_gone(void *owner, unsigned seat, const struct endpoint *where, const char *reason)
{
	struct source *source = owner;
	struct seat *s = &source->seats[seat];
	char name[ENDPOINT_TEXT_BYTES];

	sentinel_view_fini(&s->view);
	endpoint_name(where, name);
	/* Redis has many more words for it, and not whose password. */
	if (strncmp(reason, "NOAUTH", 6) == 0)
		set_wrong(s, xasprintf("%s asks for a password of its own: "
				       "sentinel_password_file",
				       name));
	else
		set_wrong(s, xasprintf("%s: %s", name, reason));
}

/* "10.0.0.1:26379: Connection refused; 10.0.0.2:26379 is no sentinel". */
static char *
trouble(const struct source *source)
{
	char *text = xstrdup("");
	size_t named = 0;

	for (size_t i = 0; i < GROUP_SEEDS_MAX; i++) {
		const char *wrong = source->seats[i].wrong;

		if (wrong != NULL && named++ < NAMED_MAX)
			xappendf(&text, "%s%s", named > 1 ? "; " : "", wrong);
	}
	if (named > NAMED_MAX)
		xappendf(&text, " (and %zu more)", named - NAMED_MAX);
	return text;
}

static void
on_round(void *owner, struct mono now)
{
	struct source *source = owner;
	const struct sentinel_view *views[GROUP_SEEDS_MAX];
	unsigned seats = council_seats(source->council);
	unsigned heard = council_heard(source->council);
	struct members members;
	size_t agreeing;
	char *text;

	for (unsigned i = 0; i < seats; i++)
		views[i] = &source->seats[i].view;
	if (sentinel_view_agree(views, seats, &members, &agreeing))
		group_set_members(source->group, &members, agreeing, seats, now);
	members_fini(&members);
	text = trouble(source);
	group_set_trouble(source->group,
			  heard == 0 && *text == '\0' ? "no sentinel has answered yet"
						      : text,
			  heard, seats, now);
	free(text);
}

static const struct council_handlers handlers = {
	.answer = on_answer,
	.gone = on_gone,
	.round = on_round,
};

/*
 * Life.
 */

static void *new (struct group *group, const struct group_env *env,
		  const struct group_config *config, struct mono now)
{
	struct source *source = xcalloc(1, sizeof(*source));
	const char *words[QUESTIONS][4];
	const char *const *lists[QUESTIONS];
	char *name = xasprintf("%s, sentinel", config->name);

	source->group = group;
	for (size_t i = 0; i < QUESTIONS; i++) {
		words[i][0] = "SENTINEL";
		words[i][1] = questions[i].word;
		words[i][2] = config->master;
		words[i][3] = NULL;
		lists[i] = words[i];
	}
	source->council = council_new(env->base, env->resolver, name,
				      (unsigned)config->seed_count, period_ns(config),
				      lists, question_count(config), config->seeds,
				      config->seed_count, &handlers, source, now);
	free(name);
	return source;
}

static void
free_source(void *arg)
{
	struct source *source = arg;

	council_free(source->council);
	for (size_t i = 0; i < GROUP_SEEDS_MAX; i++) {
		struct seat *s = &source->seats[i];

		sentinel_view_fini(&s->view);
		sentinel_view_fini(&s->draft);
		free(s->wrong);
	}
	free(source);
}

const struct group_source group_sentinel = {
	.new = new,
	.free = free_source,
};
