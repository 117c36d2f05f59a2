/*
 * publisher: the bytes of PUBLISH, and what becomes of them.
 */
#include "publisher.h"

#include "capture.h"
#include "log.h"

/* replaces "../../src/link.c": there is no server. */
#include "fake_link.h"

#define NOW(s) ((struct mono){ (1000 + (s)) * NS_PER_S })

static struct publisher *publisher;
static struct link *link_used;
static unsigned dones;
static struct mono done_at;

static void
done_cb(void *owner, struct mono now)
{
	assert_ptr_equal(owner, &dones);
	/* Whoever is told may send the next one at once. */
	assert_false(publisher_is_busy(publisher));
	dones++;
	done_at = now;
}

static int
make(void **state)
{
	(void)state;
	dones = 0;
	publisher = publisher_new("orders", done_cb, &dones);
	publisher_set_channels(publisher, "pinfo", NULL, NULL);
	link_used = link_new(NULL, NULL, "orders", NULL, NULL, NULL);
	link_used->open = link_used->ready = true;
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	publisher_free(publisher);
	link_free(link_used);
	return 0;
}

static void
send_text(const char *text, struct mono now)
{
	publisher_send(publisher, link_used, text, strlen(text), now);
}

static struct target_report
report(void)
{
	struct target_report r = { 0 };

	publisher_report(publisher, &r);
	return r;
}

static void
assert_counts(uint64_t published, uint64_t dropped)
{
	assert_int_equal(report().published, published);
	assert_int_equal(report().dropped, dropped);
}

static void
assert_state(enum publish_state state, const char *reason)
{
	struct target_report r = report();

	assert_int_equal(r.publish_state, state);
	if (reason == NULL)
		assert_null(r.publish_reason);
	else
		assert_string_equal(r.publish_reason, reason);
}

/* Lengths around every power of ten, growing and shrinking, any byte. */
static void
test_bytes(void **state)
{
	static const size_t lengths[] = { 5,   0,    1,	    9,	   10,	 99, 100,
					  999, 1000, 65536, 10000, 9999, 11, 0 };
	static char text[65536], want[65536 + 64];
	unsigned char byte = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)byte++;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t len = lengths[i], n;
		/* Of the exact size: ASan sees a byte too many. */
		char *exact = malloc(len + 1);

		memcpy(exact, text, len);
		n = (size_t)sprintf(want,
				    "*3\r\n$7\r\nPUBLISH\r\n$5\r\npinfo\r\n"
				    "$%zu\r\n",
				    len);
		memcpy(want + n, text, len);
		memcpy(want + n + len, "\r\n", 2);
		publisher_send(publisher, link_used, exact, len, NOW(0));
		free(exact);
		assert_int_equal(link_used->len, n + len + 2);
		assert_memory_equal(link_used->bytes, want, link_used->len);
		fake_number(link_used, 0, NOW(1));
	}
}

static void
test_channel(void **state)
{
	struct publisher *p = publisher_new("o", done_cb, &dones);
	static const char want[] = "*3\r\n$7\r\nPUBLISH\r\n$12\r\na channel:12\r\n"
				   "$1\r\nx\r\n";

	(void)state;
	publisher_set_channels(p, "a channel:12", NULL, NULL);
	publisher_send(p, link_used, "x", 1, NOW(0));
	assert_int_equal(link_used->len, sizeof(want) - 1);
	assert_memory_equal(link_used->bytes, want, sizeof(want) - 1);
	publisher_free(p);
	publisher_free(NULL);
}

static bool
is_blocked(const struct publisher *p)
{
	struct target_report report = { 0 };

	publisher_report(p, &report);
	return report.publish_state == PUBLISH_BLOCKED;
}

static void
test_one_at_a_time(void **state)
{
	(void)state;
	assert_false(publisher_is_busy(publisher));
	send_text("1", NOW(0));
	assert_true(publisher_is_busy(publisher));
	assert_false(is_blocked(publisher));
	send_text("2", NOW(1));
	send_text("3", NOW(2));
	assert_int_equal(link_used->sent[REQUEST_PUBLISH], 1);
	assert_counts(0, 2);
	fake_number(link_used, 7, NOW(3));
	assert_int_equal(dones, 1);
	assert_int_equal(done_at.ns, NOW(3).ns);
	assert_false(publisher_is_busy(publisher));
	assert_counts(1, 2);
	assert_int_equal(report().receivers, 7);
	send_text("4", NOW(4));
	assert_int_equal(link_used->sent[REQUEST_PUBLISH], 2);
	fake_number(link_used, 0, NOW(4));
	assert_int_equal(report().receivers, 0);
	assert_counts(2, 2);
}

/* What cannot be sent is dropped, and nothing is waited for. */
static void
test_link_away(void **state)
{
	(void)state;
	link_used->ready = false;
	send_text("1", NOW(0));
	assert_false(publisher_is_busy(publisher));
	assert_counts(0, 1);
	assert_int_equal(dones, 0);
	assert_state(PUBLISH_OK, NULL);
}

/* Each kind of answer to a PUBLISH, in time or past its deadline. */
static void
test_answers(void **state)
{
	static const struct {
		struct reply reply;
		bool overdue;
		enum publish_state state;
		const char *reason;
	} rows[] = {
		{ { .kind = REPLY_INTEGER, .integer = 1 }, false, PUBLISH_OK, NULL },
		{ { .kind = REPLY_INTEGER, .integer = 1 }, true, PUBLISH_OK, NULL },
		{ { .kind = REPLY_ERROR, .text = "NOPERM no" },
		  false,
		  PUBLISH_DENIED,
		  "NOPERM no" },
		{ { .kind = REPLY_ERROR, .text = "NOPERM no" },
		  true,
		  PUBLISH_DENIED,
		  "NOPERM no" },
		{ { .kind = REPLY_ERROR, .text = "ERR no" },
		  false,
		  PUBLISH_FAILED,
		  "ERR no" },
		{ { .kind = REPLY_ERROR, .text = "BUSY script" },
		  true,
		  PUBLISH_FAILED,
		  "BUSY script" },
		{ { .kind = REPLY_TEXT, .text = "1" },
		  false,
		  PUBLISH_FAILED,
		  "the answer is no number" },
		{ { .kind = REPLY_LIST },
		  false,
		  PUBLISH_FAILED,
		  "the answer is no number" },
		{ { .kind = REPLY_NIL },
		  true,
		  PUBLISH_FAILED,
		  "the answer is no number" },
		/* The link tells its own story; blocked it is no longer. */
		{ { .kind = REPLY_LOST, .text = "gone" }, false, PUBLISH_OK, NULL },
		{ { .kind = REPLY_LOST, .text = "gone" },
		  true,
		  PUBLISH_FAILED,
		  "gone" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct capture c = capture_begin();
		bool is_good = rows[i].reply.kind == REPLY_INTEGER;

		send_text("x", NOW(0));
		if (rows[i].overdue)
			publisher_overdue(publisher, "no answer", NOW(2));
		fake_reply(link_used, rows[i].reply, NOW(3));
		free(capture_end(c));
		assert_state(rows[i].state, rows[i].reason);
		assert_false(publisher_is_busy(publisher));
		assert_false(is_blocked(publisher));
		assert_counts(is_good, !is_good);
		assert_int_equal(dones, 1);
		clean(state);
		make(state);
	}
}

static void
test_blocked(void **state)
{
	struct capture c = capture_begin();

	(void)state;
	send_text("x", NOW(0));
	publisher_overdue(publisher, "no answer to PUBLISH for 2 s", NOW(2));
	free(capture_end(c));
	assert_true(is_blocked(publisher));
	assert_true(publisher_is_busy(publisher));
	assert_state(PUBLISH_BLOCKED, "no answer to PUBLISH for 2 s");
	assert_int_equal(dones, 0);
}

/* The reason is that of the last error, also when the state stays as it is. */
static void
test_reason_is_the_last_one(void **state)
{
	struct capture c = capture_begin();

	(void)state;
	send_text("x", NOW(0));
	fake_error(link_used, "ERR one", NOW(0));
	send_text("x", NOW(5));
	fake_error(link_used, "ERR two", NOW(5));
	free(capture_end(c));
	assert_state(PUBLISH_FAILED, "ERR two");
}

/*
 * The next line of *text without its time of day, ended; *text moves on. NULL
 * when there is none.
 */
static char *
next_line(char **text)
{
	char *line = strsep(text, "\n");

	/* The text after the last line end is no line. */
	return *text != NULL ? line + strlen("2026-11-22T14:07:00.123Z ") : NULL;
}

/* One line when it goes, one when it is back, none between. */
static void
test_log(void **state)
{
	struct capture c = capture_begin();
	char *text, *at;

	(void)state;
	send_text("x", NOW(0));
	fake_number(link_used, 0, NOW(0));
	for (int s = 5; s < 30; s += 5) {
		send_text("x", NOW(s));
		fake_error(link_used, "NOPERM no", NOW(s));
	}
	send_text("x", NOW(30));
	fake_number(link_used, 0, NOW(30));
	at = text = capture_end(c);
	assert_string_equal(next_line(&at),
			    "warning: orders: PUBLISH denied: NOPERM no; to grant it: "
			    "ACL SETUSER <user> +publish &pinfo*");
	assert_string_equal(
		next_line(&at),
		"notice: orders: PUBLISH works again after 25 s, 5 dropped");
	assert_null(next_line(&at));
	free(text);
}

/* From one trouble to the next; what is back is back from the first one. */
static void
test_log_of_many_troubles(void **state)
{
	struct capture c = capture_begin();
	char *text, *at;

	(void)state;
	send_text("x", NOW(0));
	publisher_overdue(publisher, "no answer", NOW(2));
	send_text("x", NOW(5));
	fake_error(link_used, "ERR no", NOW(8));
	send_text("x", NOW(10));
	fake_error(link_used, "NOAUTH no", NOW(10));
	send_text("x", NOW(15));
	fake_number(link_used, 0, NOW(15));
	/* And another time, with figures of its own. */
	send_text("x", NOW(20));
	publisher_overdue(publisher, "no answer", NOW(22));
	fake_number(link_used, 0, NOW(23));
	at = text = capture_end(c);
	assert_string_equal(next_line(&at),
			    "warning: orders: PUBLISH blocked: no answer; the server "
			    "pauses writes (CLIENT PAUSE or a failover)? INFO goes on "
			    "by a second connection");
	assert_string_equal(next_line(&at), "warning: orders: PUBLISH failed: ERR no");
	assert_non_null(next_line(&at));
	assert_string_equal(
		next_line(&at),
		"notice: orders: PUBLISH works again after 13 s, 3 dropped");
	assert_non_null(next_line(&at));
	assert_string_equal(
		next_line(&at),
		"notice: orders: PUBLISH works again after 1.0 s, 0 dropped");
	assert_null(next_line(&at));
	free(text);
}

static void
test_forget(void **state)
{
	struct capture c = capture_begin();
	char *text;

	(void)state;
	send_text("x", NOW(0));
	publisher_overdue(publisher, "no answer", NOW(2));
	link_close(link_used);
	free(capture_end(c));
	c = capture_begin();
	publisher_forget(publisher);
	text = capture_end(c);
	assert_string_equal(text, "");
	free(text);
	assert_false(publisher_is_busy(publisher));
	assert_false(is_blocked(publisher));
	assert_state(PUBLISH_OK, NULL);
	assert_counts(0, 1);
	assert_int_equal(dones, 0);
	/* With nothing outstanding nothing is dropped. */
	publisher_forget(publisher);
	assert_counts(0, 1);
}

/* A reason of any length fits. */
static void
test_long_reason(void **state)
{
	struct capture c = capture_begin();
	char reason[2000];

	(void)state;
	memset(reason, 'x', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	send_text("x", NOW(0));
	fake_error(link_used, reason, NOW(0));
	free(capture_end(c));
	assert_in_range(strlen(report().publish_reason), 100, 300);
}

/*
 * Notices.
 */

static void
notice(const char *json, struct mono now)
{
	publisher_notice(publisher, link_used, json, false, now);
}

static void
assert_notices(uint64_t published, uint64_t dropped, unsigned kept)
{
	struct target_report r = report();

	assert_int_equal(r.notices_published, published);
	assert_int_equal(r.notices_dropped, dropped);
	assert_int_equal(r.notices_kept, kept);
}

/* With the feed, in one go; without a channel not at all. */
static void
test_notices(void **state)
{
	(void)state;
	notice("none", NOW(0));
	assert_notices(0, 0, 0);
	publisher_set_channels(publisher, "pinfo", "bad", NULL);
	send_text("x", NOW(0));
	notice("a", NOW(0));
	notice("b", NOW(0));
	assert_int_equal(link_used->queue.count, 3);
	assert_memory_equal(link_used->bytes,
			    "*3\r\n$7\r\nPUBLISH\r\n$3\r\nbad\r\n$1\r\nb\r\n",
			    link_used->len);
	fake_number(link_used, 1, NOW(0));
	fake_number(link_used, 5, NOW(0));
	assert_int_equal(dones, 0);
	fake_number(link_used, 5, NOW(0));
	assert_int_equal(dones, 1);
	assert_notices(2, 0, 0);
	/* The feed's figures are its own. */
	assert_counts(1, 0);
	assert_int_equal(report().receivers, 1);
}

/* While a notice hangs the feed is not sent behind it. */
static void
test_notice_blocks(void **state)
{
	struct capture c = capture_begin();

	(void)state;
	publisher_set_channels(publisher, "pinfo", "bad", NULL);
	notice("a", NOW(0));
	publisher_overdue(publisher, "no answer", NOW(2));
	send_text("x", NOW(2));
	assert_int_equal(link_used->queue.count, 1);
	assert_counts(0, 1);
	fake_number(link_used, 1, NOW(3));
	assert_state(PUBLISH_OK, NULL);
	send_text("x", NOW(4));
	fake_number(link_used, 1, NOW(4));
	free(capture_end(c));
	assert_counts(1, 1);
}

/* Kept while the link is away, the oldest dropped; then all go, in order. */
static void
test_notices_are_kept(void **state)
{
	unsigned sent = 0;

	(void)state;
	publisher_set_channels(publisher, "pinfo", "bad", NULL);
	link_used->ready = false;
	for (int i = 0; i < PUBLISHER_KEPT_MAX + 6; i++)
		notice("x", NOW(i));
	publisher_notice(publisher, link_used, "heartbeat", true, NOW(99));
	assert_notices(0, 6, PUBLISHER_KEPT_MAX);
	link_used->ready = true;
	publisher_resume(publisher, link_used, NOW(100));
	/* A few at a time. */
	assert_in_range(link_used->queue.count, 1, REQUEST_QUEUE_MAX - 2);
	while (link_used->queue.count > 0) {
		fake_number(link_used, 0, NOW(100));
		sent++;
	}
	assert_int_equal(sent, PUBLISHER_KEPT_MAX);
	assert_notices(PUBLISHER_KEPT_MAX, 6, 0);
}

/* Refused: told once, kept, and tried one at a time, never in a circle. */
static void
test_notices_refused(void **state)
{
	struct capture c = capture_begin();
	char *text;

	(void)state;
	publisher_set_channels(publisher, "pinfo", "bad", NULL);
	for (int i = 0; i < 3; i++) {
		notice("x", NOW(i));
		fake_error(link_used, "NOPERM no", NOW(i));
		assert_int_equal(link_used->queue.count, 0);
	}
	assert_notices(0, 0, 3);
	/* The feed goes on, and is not said to be denied. */
	send_text("feed", NOW(5));
	fake_number(link_used, 1, NOW(5));
	assert_int_equal(link_used->queue.count, 1);
	assert_state(PUBLISH_OK, NULL);
	while (link_used->queue.count > 0)
		fake_number(link_used, 1, NOW(5));
	assert_notices(3, 0, 0);
	text = capture_end(c);
	assert_non_null(strstr(text, "PUBLISH of notices on bad failed: NOPERM no"));
	assert_non_null(strstr(text, "PUBLISH of notices works again"));
	free(text);
}

/* Lost with the connection: sent again; a heartbeat is not. */
static void
test_notices_lost(void **state)
{
	(void)state;
	publisher_set_channels(publisher, "pinfo", "bad", NULL);
	notice("a", NOW(0));
	publisher_notice(publisher, link_used, "heartbeat", true, NOW(0));
	assert_int_equal(link_used->queue.count, 2);
	fake_reply(link_used, (struct reply){ .kind = REPLY_LOST }, NOW(1));
	fake_reply(link_used, (struct reply){ .kind = REPLY_LOST }, NOW(1));
	assert_notices(0, 0, 1);
	publisher_resume(publisher, link_used, NOW(2));
	assert_int_equal(link_used->queue.count, 1);
	/* Those before a server that pauses writes wait, too. */
	publisher_overdue(publisher, "no answer", NOW(4));
	notice("b", NOW(5));
	assert_int_equal(link_used->queue.count, 1);
	fake_number(link_used, 1, NOW(6));
	assert_int_equal(link_used->queue.count, 1);
	fake_number(link_used, 1, NOW(6));
	assert_notices(2, 0, 0);
	assert_state(PUBLISH_OK, NULL);
}

/*
 * SPUBLISH.
 */

static void
test_shard(void **state)
{
	static const char feed[] = "*3\r\n$8\r\nSPUBLISH\r\n$9\r\npinfo{42}\r\n"
				   "$1\r\nx\r\n";
	static const char bad[] = "*3\r\n$8\r\nSPUBLISH\r\n$6\r\nbad{7}\r\n"
				  "$1\r\na\r\n";
	static const char plain[] = "*3\r\n$7\r\nPUBLISH\r\n$5\r\npinfo\r\n"
				    "$1\r\nx\r\n";

	(void)state;
	publisher_set_channels(publisher, "pinfo", "bad", "42");
	assert_string_equal(publisher_channel(publisher), "pinfo{42}");
	assert_string_equal(report().channel, "pinfo{42}");
	assert_string_equal(report().notices, "bad{42}");
	send_text("x", NOW(0));
	assert_int_equal(link_used->len, sizeof(feed) - 1);
	assert_memory_equal(link_used->bytes, feed, sizeof(feed) - 1);
	fake_number(link_used, 0, NOW(0));
	/* What is kept goes where it goes by then. */
	link_used->ready = false;
	notice("a", NOW(1));
	link_used->ready = true;
	publisher_set_channels(publisher, "pinfo", "bad", "7");
	publisher_resume(publisher, link_used, NOW(2));
	assert_int_equal(link_used->len, sizeof(bad) - 1);
	assert_memory_equal(link_used->bytes, bad, sizeof(bad) - 1);
	fake_number(link_used, 0, NOW(2));
	publisher_set_channels(publisher, "pinfo", NULL, NULL);
	assert_null(report().notices);
	send_text("x", NOW(3));
	assert_int_equal(link_used->len, sizeof(plain) - 1);
	assert_memory_equal(link_used->bytes, plain, sizeof(plain) - 1);
	fake_number(link_used, 0, NOW(3));
}

/* Told once, with what follows; a notice is kept for the other channel. */
static void
test_the_slot_has_moved(void **state)
{
	static const char moved[] = "MOVED 3999 127.0.0.1:7001";
	struct capture c = capture_begin();
	unsigned lines = 0;
	char *text;

	(void)state;
	publisher_set_channels(publisher, "pinfo", "bad", "1");
	for (int i = 0; i < 3; i++) {
		send_text("x", NOW(i));
		fake_error(link_used, moved, NOW(i));
	}
	assert_state(PUBLISH_FAILED, moved);
	assert_counts(0, 3);
	notice("a", NOW(3));
	fake_error(link_used, moved, NOW(3));
	publisher_set_channels(publisher, "pinfo", "bad", "2");
	send_text("x", NOW(4));
	fake_number(link_used, 0, NOW(4));
	fake_number(link_used, 0, NOW(4));
	assert_state(PUBLISH_OK, NULL);
	assert_notices(1, 0, 0);
	text = capture_end(c);
	assert_non_null(strstr(text, "SPUBLISH failed: MOVED 3999 127.0.0.1:7001; the "
				     "slot has moved; another channel follows with "
				     "the next look at the cluster\n"));
	assert_non_null(strstr(text, "SPUBLISH of notices on bad{1} failed: MOVED 3999 "
				     "127.0.0.1:7001; the slot has moved; "));
	assert_non_null(strstr(text, "SPUBLISH works again after 4.0 s, 3 dropped\n"));
	for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
		lines++;
	assert_int_equal(lines, 3);
	free(text);
}

static void
test_shard_advice(void **state)
{
	static const struct {
		const char *error, *told;
	} rows[] = {
		{ "ERR unknown command `SPUBLISH`, with args beginning with: `a{1}`",
		  "`a{1}`; SPUBLISH needs 7.0\n" },
		{ "NOPERM no",
		  "NOPERM no; to grant it: ACL SETUSER <user> +spublish &pinfo*\n" },
		{ "ERR MOVED", "SPUBLISH failed: ERR MOVED\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct capture c;
		char *text;

		clean(NULL);
		make(NULL);
		publisher_set_channels(publisher, "pinfo", NULL, "1");
		c = capture_begin();
		send_text("x", NOW(0));
		fake_error(link_used, rows[i].error, NOW(0));
		text = capture_end(c);
		assert_non_null(strstr(text, rows[i].told));
		free(text);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bytes),
		TEST(test_channel),
		TEST(test_one_at_a_time),
		TEST(test_link_away),
		TEST(test_answers),
		TEST(test_blocked),
		TEST(test_reason_is_the_last_one),
		TEST(test_log),
		TEST(test_log_of_many_troubles),
		TEST(test_forget),
		TEST(test_long_reason),
		TEST(test_notices),
		TEST(test_notice_blocks),
		TEST(test_notices_are_kept),
		TEST(test_notices_refused),
		TEST(test_notices_lost),
		TEST(test_shard),
		TEST(test_the_slot_has_moved),
		TEST(test_shard_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
