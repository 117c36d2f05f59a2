/*
 * cluster_view: the forms of CLUSTER NODES from 3.0 on and what is none, what
 * several nodes agree on, tags; and that hostile texts cost little.
 */
#include "cluster_view.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "cluster_slot.h"
#include "xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Ids: eight digits that tell, and 32 that do not. */
#define TAIL "00000000000000000000000000000000"
#define A "aaaaaaaa" TAIL
#define B "bbbbbbbb" TAIL
#define C "cccccccc" TAIL
#define D "dddddddd" TAIL
#define TIMES " 1426238316232 1426238315232 "
#define HALVES A " 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-8191\n"

/* "NAME=HOST:PORT", for a replica with an r, with a tag behind #. */
static void
describe(char *out, size_t size, const struct members *m)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < m->count; i++) {
		const struct member *one = &m->list[i];

		if (i > 0)
			assert_true(strcmp(one->name, m->list[i - 1].name) > 0);
		len += (size_t)snprintf(out + len, size - len, "%s%s=%s:%d%s%s%s",
					i > 0 ? " " : "", one->name, one->endpoint.host,
					one->endpoint.port, one->replica ? "r" : "",
					one->tag ? "#" : "", one->tag ? one->tag : "");
		assert_true(len < size);
	}
}

static struct cluster_view *
parse(const char *text, bool prefer_names)
{
	char error[512] = "";
	struct cluster_view *view = cluster_view_parse(
		text, strlen(text), "asked", prefer_names, error, sizeof(error));

	if (view == NULL)
		fail_msg("%s: %s", text, error);
	return view;
}

static void
test_forms(void **state)
{
	static const struct {
		const char *text;
		bool prefer_names;
		const char *want; /* NULL: the view does not count */
	} rows[] = {
		/* 3.0: no bus port. */
		{ A " 127.0.0.1:30004 slave " B TIMES "4 connected\n" B
		    " 127.0.0.1:30001 myself,master - 0 0 1 connected 0-16383\n",
		  false, "aaaaaaaa=127.0.0.1:30004r bbbbbbbb=127.0.0.1:30001" },
		/* 4.0 to 6.2. */
		{ A
		  " 127.0.0.1:30004@31004 slave " B TIMES "4 connected\n" B
		  " 127.0.0.1:30001@31001 myself,master - 0 0 1 connected 0 5-16383\n",
		  false, "aaaaaaaa=127.0.0.1:30004r bbbbbbbb=127.0.0.1:30001" },
		/* 7.0: a host name; none; wanted and not. */
		{ A " 127.0.0.1:1@2,db1.example master - 0 0 1 connected 1\n" B
		    " 127.0.0.1:2@3, master - 0 0 2 connected\n",
		  false, "aaaaaaaa=127.0.0.1:1 bbbbbbbb=127.0.0.1:2" },
		{ A " 127.0.0.1:1@2,db1.example master - 0 0 1 connected 1\n" B
		    " 127.0.0.1:2@3, master - 0 0 2 connected\n",
		  true, "aaaaaaaa=db1.example:1 bbbbbbbb=127.0.0.1:2" },
		/* 7.2 and Valkey, as in nodes.conf. */
		{ A " 10.0.0.1:1@2,db1,shard-id=" B ",nodename=x master - 0 0 1 "
		    "connected 1\n" B " 10.0.0.2:1@2,,shard-id=" B ",tls-port=0 "
		    "master - 0 0 1 connected\n" C " 10.0.0.3:1@2,shard-id=" B
		    " master - 0 0 1 connected\n",
		  true, "aaaaaaaa=db1:1 bbbbbbbb=10.0.0.2:1 cccccccc=10.0.0.3:1" },
		/* A name without an address. */
		{ A " :1@2,db1 myself,master - 0 0 1 connected 1\n" B
		    " :1@2,db2 master - 0 0 1 connected\n",
		  true, "aaaaaaaa=db1:1 bbbbbbbb=db2:1" },
		/* IPv6: the port is behind the last colon before the @. */
		{ A " ::1:7000@17000 myself,master - 0 0 1 connected 0\n" B
		    " 2001:db8::2:7000 master - 0 0 1 connected\n" C
		    " fe80::1%eth0:1@2,db:3 master - 0 0 1 connected\n",
		  false,
		  "aaaaaaaa=::1:7000 bbbbbbbb=2001:db8::2:7000 "
		  "cccccccc=fe80::1%eth0:1" },
		/* Who does not know its own address is where it was asked. */
		{ A " :7000@17000 myself,master - 0 0 0 connected 0\n", false,
		  "aaaaaaaa=asked:7000" },
		{ A " :7000 master,myself - 0 0 0 connected 0\n", false,
		  "aaaaaaaa=asked:7000" },
		/* Only that one. */
		{ A " :7000@17000 master - 0 0 0 connected 0\n", false, "" },
		/* Nodes that do not count, with slots or without. */
		{ A " 10.0.0.1:1@2 handshake - 0 0 0 connected\n" B
		    " 10.0.0.1:1@2 master,noaddr - 0 0 0 disconnected 1 3 5\n" C
		    " :0@0 slave,noaddr " B " 0 0 0 disconnected\n" D
		    " 10.0.0.2:0@0 master - 0 0 0 connected\n",
		  false, "" },
		{ A " :0@0 myself,master,noaddr - 0 0 0 connected\n", true, NULL },
		/* All others do. */
		{ A " 10.0.0.1:1@2 master,fail - 0 0 0 disconnected\n" B
		    " 10.0.0.2:1@2 slave,fail?,nofailover " A " 0 0 0 connected\n" C
		    " 10.0.0.3:1@2 noflags - 0 0 0 disconnected\n" D
		    " 10.0.0.4:1@2 slave,fail - 0 0 0 connected 0",
		  false,
		  "aaaaaaaa=10.0.0.1:1 bbbbbbbb=10.0.0.2:1r cccccccc=10.0.0.3:1 "
		  "dddddddd=10.0.0.4:1r" },
		/* A flag is a word, and not a part of one. */
		{ A " 10.0.0.1:1@2 slaves,nohandshake,xnoaddr,noaddrx - 0 0 0 "
		    "connected 0\n",
		  false, "aaaaaaaa=10.0.0.1:1" },
		/* Slots on their way: still or not yet its own. */
		{ A " 10.0.0.1:1@2 master - 0 0 0 connected [93-<-" B "]\n", false,
		  NULL },
		{ A " 10.0.0.1:1@2 master - 0 0 0 connected 93 [93->-" B "]\n" B
		    " 10.0.0.2:1@2 master - 0 0 0 connected [93-<-" A "] [94-<-" A
		    "] 16383\n",
		  false, "aaaaaaaa=10.0.0.1:1 bbbbbbbb=10.0.0.2:1" },
		/* Blanks at the end; the largest epoch. */
		{ A " 10.0.0.1:65535@2 master - 0 0 18446744073709551615 connected "
		    " 0-0  16383 \n",
		  false, "aaaaaaaa=10.0.0.1:65535" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cluster_view *view = parse(rows[i].text, rows[i].prefer_names);
		const struct cluster_view *views[] = { view };
		struct members m, none = { 0 };
		size_t agreeing;
		char got[512];
		bool counts = rows[i].want != NULL;

		assert_int_equal(cluster_view_counts(view), counts);
		assert_int_equal(cluster_view_agree(views, 1, false, &none, &m,
						    &agreeing),
				 counts && *rows[i].want != '\0');
		assert_int_equal(agreeing, counts);
		describe(got, sizeof(got), &m);
		if (strcmp(got, counts ? rows[i].want : "") != 0)
			fail_msg("row %zu: %s", i, got);
		members_fini(&m);
		cluster_view_free(view);
	}
	cluster_view_free(NULL);
}

static void
test_refusals(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} rows[] = {
		{ "", "it is empty" },
		{ "\n", "line 1: it has 0 words, and not 8 or more" },
		{ "ERR This instance has cluster support disabled",
		  "line 1: it has 7 words, and not 8 or more" },
		{ HALVES "\n", "line 2: it has 0 words" },
		{ A " 10.0.0.1:1@2 master - 0 0 1", "it has 7 words" },
		{ A " 10.0.0.1:1@2  master - 0 0 1 connected", "it has 2 words" },
		{ HALVES "x", "line 2: it has 1 words" },
		/* Ids. */
		{ "a" A " 10.0.0.1:1@2 master - 0 0 1 connected",
		  "is no id of a node" },
		{ "aaaaaaa" TAIL " 10.0.0.1:1@2 master - 0 0 1 connected",
		  "'aaaaaaa" TAIL "' is no id of a node" },
		{ "Aaaaaaaa" TAIL " 10.0.0.1:1@2 master - 0 0 1 connected",
		  "is no id" },
		{ "{aaaaaaa" TAIL " 10.0.0.1:1@2 master - 0 0 1 connected",
		  "is no id" },
		{ "`aaaaaaa" TAIL " 10.0.0.1:1@2 master - 0 0 1 connected",
		  "is no id" },
		{ A " 10.0.0.1:1@2 slave b 0 0 1 connected",
		  "line 1: 'b' is no id of a master" },
		/* Addresses. */
		{ A " 10.0.0.1 master - 0 0 1 connected", "'10.0.0.1' is no address" },
		{ A " @1:2 master - 0 0 1 connected", "'' is no address" },
		{ A " ,db1:2 master - 0 0 1 connected", "'' is no address" },
		{ A " 10.0.0.1:65536@1 master - 0 0 1 connected",
		  "'65536' is no port" },
		{ A " 10.0.0.1:@1 master - 0 0 1 connected", "'' is no port" },
		{ A " 10.0.0.1:-1@1 master - 0 0 1 connected", "'-1' is no port" },
		{ A " 10.0.0.1:1x master - 0 0 1 connected", "'1x' is no port" },
		{ A " a/b:1@1 master - 0 0 1 connected", "'a/b' is no host" },
		/* Epochs. */
		{ A " 10.0.0.1:1@2 master - 0 0 x connected", "'x' is no epoch" },
		{ A " 10.0.0.1:1@2 master - 0 0 18446744073709551616 connected",
		  "'18446744073709551616' is no epoch" },
		{ A " 10.0.0.1:1@2 master - 0 0 99999999999999999999 connected",
		  "is no epoch" },
		/* Slots. */
		{ A " 10.0.0.1:1@2 master - 0 0 1 connected 16384",
		  "'16384' is no range of slots" },
		{ A " 10.0.0.1:1@2 master - 0 0 1 connected 0-16384", "no range" },
		{ A " 10.0.0.1:1@2 master - 0 0 1 connected 5-", "'5-' is no range" },
		{ A " 10.0.0.1:1@2 master - 0 0 1 connected -5", "'-5' is no range" },
		{ A " 10.0.0.1:1@2 master - 0 0 1 connected 6-5", "'6-5' is no range" },
		{ A " 10.0.0.1:1@2 master - 0 0 1 connected 1-2-3", "no range" },
		{ A " 10.0.0.1:1@2 master - 0 0 1 connected x", "'x' is no range" },
		{ A " 10.0.0.1:1@2 master - 0 0 1 connected 0\r", "is no range" },
		{ HALVES B " 10.0.0.1:1@2 master - 0 0 1 connected 9000 8191\n",
		  "line 2: slot 8191 has another owner already" },
		{ A " 10.0.0.1:1@2 master,noaddr - 0 0 1 connected 7\n" B
		    " 10.0.0.1:1@2 master - 0 0 1 connected 5-9\n",
		  "line 2: slot 7 has another owner already" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char error[512] = "";

		if (cluster_view_parse(rows[i].text, strlen(rows[i].text), "asked",
				       false, error, sizeof(error)) != NULL ||
		    strstr(error, rows[i].error) == NULL)
			fail_msg("row %zu: '%s'", i, error);
	}
}

/* No text may hide what follows, or be taken for a shorter one. */
static void
test_nul(void **state)
{
	static const char text[] = A " 10.0\0.0.1:1@2 master - 0 0 1 connected 1";
	static const char id[] =
		"aaa\0aaaa" TAIL " 10.0.0.1:1@2 master - 0 0 1 connected 1";
	char error[512];

	(void)state;
	assert_null(cluster_view_parse(text, sizeof(text) - 1, "asked", false, error,
				       sizeof(error)));
	assert_non_null(strstr(error, "is no host"));
	assert_null(cluster_view_parse(id, sizeof(id) - 1, "asked", false, error,
				       sizeof(error)));
}

static void
test_self(void **state)
{
	struct cluster_view *view =
		parse(A " 10.0.0.1:7000@17000 master - 0 0 1 "
			"connected 0-8191\n" B " :7001@17001 master,myself - 0 0 2 "
			"connected\n",
		      false);

	(void)state;
	assert_string_equal(cluster_view_self(view), B);
	cluster_view_free(view);
	view = parse(A " 10.0.0.1:7000@17000 master - 0 0 1 connected 0-8191\n", false);
	assert_string_equal(cluster_view_self(view), "");
	cluster_view_free(view);
}

#define VIEWS_MAX 4
/* One line each; `more` is what follows the address. */
#define AT1(id, more) id " 10.0.0.1:1@2 " more "\n"
#define AT2(id, more) id " 10.0.0.2:1@2 " more "\n"
#define EMPTY(id) id " 10.0.0.9:9@9 myself,master - 0 0 0 connected\n"

static void
test_agreement(void **state)
{
	static const struct {
		const char *views[VIEWS_MAX + 1];
		size_t agreeing;
		const char *want;
	} rows[] = {
		{ { NULL }, 0, "" },
		{ { EMPTY(A), EMPTY(B) }, 0, "" },
		/* A node that was removed knows itself, and nobody who counts. */
		{ { EMPTY(B), AT1(A, "master - 0 0 1 connected 1") },
		  1,
		  "aaaaaaaa=10.0.0.1:1" },
		/* More than half of those that count. */
		{ { AT1(A, "master - 0 0 1 connected 1"),
		    AT1(A, "master - 0 0 1 connected 1")
			    AT2(B, "master - 0 0 1 connected") },
		  2,
		  "aaaaaaaa=10.0.0.1:1" },
		{ { AT1(A, "master - 0 0 1 connected 1")
			    AT2(B, "master - 0 0 1 connected"),
		    AT2(B, "master - 0 0 1 connected")
			    AT1(A, "master - 0 0 1 connected 1"),
		    AT1(A, "master - 0 0 1 connected 1"), EMPTY(B) },
		  3,
		  "aaaaaaaa=10.0.0.1:1 bbbbbbbb=10.0.0.2:1" },
		/* Saying it twice does not make it true. */
		{ { AT1(A, "master - 0 0 1 connected 1"),
		    AT1(A, "master - 0 0 1 connected 1")
			    AT2(B, "master - 0 0 1 connected")
				    AT2(B, "master - 0 0 1 connected") },
		  2,
		  "aaaaaaaa=10.0.0.1:1" },
		{ { AT1(A, "master - 0 0 1 connected 1")
			    AT2(A, "master - 0 0 2 connected") },
		  1,
		  "aaaaaaaa=10.0.0.2:1" },
		/* The highest epoch, wherever it sits. */
		{ { AT1(A, "master - 0 0 1 connected 1"),
		    AT2(A, "slave " B " 0 0 2 connected 1"),
		    AT1(A, "master - 0 0 1 connected 1") },
		  3,
		  "aaaaaaaa=10.0.0.2:1r" },
		{ { AT2(A, "slave " B " 0 0 2 disconnected 1"),
		    AT1(A, "master - 0 0 1 connected 1") },
		  2,
		  "aaaaaaaa=10.0.0.2:1r" },
		/* Among equals who hears it, and then the first. */
		{ { AT1(A, "master - 0 0 1 disconnected 1"),
		    AT2(A, "master - 0 0 1 connected 1") },
		  2,
		  "aaaaaaaa=10.0.0.2:1" },
		{ { AT1(A, "master,fail - 0 0 1 connected 1"),
		    AT2(A, "master - 0 0 1 connected 1") },
		  2,
		  "aaaaaaaa=10.0.0.2:1" },
		{ { A " :1@2 myself,master - 0 0 1 connected 1\n",
		    AT2(A, "master - 0 0 1 connected 1") },
		  2,
		  "aaaaaaaa=10.0.0.2:1" },
		{ { AT2(A, "master - 0 0 1 connected 1"),
		    A " :1@2 myself,master - 0 0 1 connected 1\n" },
		  2,
		  "aaaaaaaa=10.0.0.2:1" },
		{ { AT1(A, "master - 0 0 1 connected 1"),
		    AT2(A, "master - 0 0 1 connected 1") },
		  2,
		  "aaaaaaaa=10.0.0.1:1" },
		/* Two clusters are none. */
		{ { AT1(A, "master - 0 0 1 connected 1"),
		    AT2(B, "master - 0 0 1 connected 1") },
		  2,
		  "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct cluster_view *views[VIEWS_MAX];
		struct cluster_view *view[VIEWS_MAX];
		struct members m, none = { 0 };
		size_t count = 0, agreeing;
		char got[512];
		bool ok;

		for (; rows[i].views[count] != NULL; count++)
			views[count] = view[count] = parse(rows[i].views[count], false);
		ok = cluster_view_agree(views, count, false, &none, &m, &agreeing);
		describe(got, sizeof(got), &m);
		if (ok != (m.count > 0) || agreeing != rows[i].agreeing ||
		    strcmp(got, rows[i].want) != 0)
			fail_msg("row %zu: %zu agree on %s", i, agreeing, got);
		members_fini(&m);
		for (size_t k = 0; k < count; k++)
			cluster_view_free(view[k]);
	}
}

/* Ids that begin alike are told whole, wherever they stand. */
static void
test_names(void **state)
{
	static const char *const ids[] = {
		"aaaaaaaa00000000000000000000000000000001",
		"aaaaaaaa00000000000000000000000000000002",
		"aaaaaaab00000000000000000000000000000001",
		"bbbbbbbb00000000000000000000000000000001",
		"bbbbbbbb10000000000000000000000000000001",
		"bbbbbbbb20000000000000000000000000000001",
		"cccccccc00000000000000000000000000000001",
		"cccccccd00000000000000000000000000000001",
	};
	static const int shown[] = { 40, 40, 8, 40, 40, 40, 8, 8 };
	char text[2048] = "";
	struct members m, none = { 0 };
	struct cluster_view *view;
	size_t agreeing;

	(void)state;
	for (size_t i = 8; i-- > 0;)
		sprintf(text + strlen(text), "%s h:1 master - 0 0 0 connected %zu\n",
			ids[i], i);
	view = parse(text, false);
	assert_true(cluster_view_agree((const struct cluster_view *[]){ view }, 1,
				       false, &none, &m, &agreeing));
	assert_int_equal(m.count, 8);
	for (size_t i = 0; i < 8; i++) {
		sprintf(text, "%.*s", shown[i], ids[i]);
		assert_string_equal(m.list[i].name, text);
	}
	members_fini(&m);
	cluster_view_free(view);
}

/*
 * The slots of 0, 1, 2, ... are 13907, 9842, 5649, 1584, 14039, 9974, 5781, 1716,
 * 14171, 10106; that of 109757 is 1469, of which no smaller number is.
 */
static void
test_tags(void **state)
{
	static const struct {
		const char *views[VIEWS_MAX + 1];
		const char *before; /* NAME#TAG of one */
		const char *want;
	} rows[] = {
		{ { AT1(A, "master - 0 0 1 connected 0-16383")
			    AT2(B, "slave " A " 0 0 1 connected") },
		  NULL,
		  "aaaaaaaa=10.0.0.1:1#0 bbbbbbbb=10.0.0.2:1r#0" },
		{ { AT1(A, "master - 0 0 1 connected 0-8191")
			    AT2(B, "master - 0 0 2 connected 8192-16383")
				    AT1(C, "slave " B " 0 0 2 connected") },
		  NULL,
		  "aaaaaaaa=10.0.0.1:1#2 bbbbbbbb=10.0.0.2:1#0 "
		  "cccccccc=10.0.0.1:1r#0" },
		{ { AT1(A, "master - 0 0 1 connected 9842 1469")
			    AT2(B, "master - 0 0 1 connected 11557") },
		  NULL,
		  "aaaaaaaa=10.0.0.1:1#1 bbbbbbbb=10.0.0.2:1#28688" },
		{ { AT1(A, "master - 0 0 1 connected 1469") },
		  NULL,
		  "aaaaaaaa=10.0.0.1:1#109757" },
		/* A replica has none, whatever is said. */
		{ { AT1(A, "slave " B " 0 0 3 connected 13907")
			    AT2(B, "master - 0 0 1 connected"),
		    AT1(A, "slave " B " 0 0 1 connected")
			    AT2(B, "master - 0 0 2 connected 0-16383") },
		  NULL,
		  "aaaaaaaa=10.0.0.1:1r#0 bbbbbbbb=10.0.0.2:1#0" },
		/* It has no slot; its master has none, is unknown, is no master. */
		{ { AT1(A, "master - 0 0 1 connected 0")
			    AT2(B, "master - 0 0 1 connected")
				    AT1(C, "slave " B " 0 0 1 connected")
					    AT1(D, "slave " C " 0 0 1 connected") },
		  NULL,
		  "aaaaaaaa=10.0.0.1:1#3560 bbbbbbbb=10.0.0.2:1 "
		  "cccccccc=10.0.0.1:1r dddddddd=10.0.0.1:1r" },
		{ { AT1(A, "slave " B " 0 0 1 connected")
			    AT2(C, "master - 0 0 1 connected 0-16383") },
		  NULL,
		  "aaaaaaaa=10.0.0.1:1r cccccccc=10.0.0.2:1#0" },
		{ { AT1(A, "slave - 0 0 1 connected")
			    AT2(C, "master - 0 0 1 connected 0-16383") },
		  NULL,
		  "aaaaaaaa=10.0.0.1:1r cccccccc=10.0.0.2:1#0" },
		/* What it has it keeps, while the slot is its shard's. */
		{ { HALVES }, "aaaaaaaa#7", "aaaaaaaa=10.0.0.1:7000#7" },
		{ { HALVES AT2(B, "slave " A " 0 0 1 connected") },
		  "bbbbbbbb#3",
		  "aaaaaaaa=10.0.0.1:7000#2 bbbbbbbb=10.0.0.2:1r#3" },
		{ { HALVES }, "aaaaaaaa#8", "aaaaaaaa=10.0.0.1:7000#2" },
		{ { HALVES }, "bbbbbbbb#7", "aaaaaaaa=10.0.0.1:7000#2" },
		{ { AT1(A, "master - 0 0 1 connected 0") },
		  "aaaaaaaa#0",
		  "aaaaaaaa=10.0.0.1:1#3560" },
		/* Slots of which two views have another owner: the higher epoch. */
		{ { AT1(A, "master - 0 0 1 connected 0-16383")
			    AT2(B, "slave " A " 0 0 1 connected"),
		    AT1(A, "slave " B " 0 0 2 connected")
			    AT2(B, "master - 0 0 2 connected 0-16383") },
		  NULL,
		  "aaaaaaaa=10.0.0.1:1r#0 bbbbbbbb=10.0.0.2:1#0" },
		{ { AT1(A, "master - 0 0 3 connected 0-16383")
			    AT2(B, "master - 0 0 1 connected"),
		    AT1(A, "master - 0 0 1 connected 0-9841 9843-16383")
			    AT2(B, "master - 0 0 4 connected 9842") },
		  NULL,
		  "aaaaaaaa=10.0.0.1:1#0 bbbbbbbb=10.0.0.2:1#1" },
		{ { AT1(A, "master - 0 0 1 connected 0-9841 9843-16383")
			    AT2(B, "master - 0 0 4 connected 9842"),
		    AT1(A, "master - 0 0 5 connected 0-16383")
			    AT2(B, "master - 0 0 1 connected") },
		  NULL,
		  "aaaaaaaa=10.0.0.1:1#0 bbbbbbbb=10.0.0.2:1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct cluster_view *views[VIEWS_MAX];
		struct cluster_view *view[VIEWS_MAX];
		struct members m, before = { 0 };
		size_t count = 0, agreeing;
		char got[512];

		if (rows[i].before != NULL) {
			char *name = xstrdup(rows[i].before);
			char *tag = strchr(name, '#');

			*tag++ = '\0';
			members_add(&before, name, "h", 1)->tag = xstrdup(tag);
			free(name);
		}
		for (; rows[i].views[count] != NULL; count++)
			views[count] = view[count] = parse(rows[i].views[count], false);
		assert_true(
			cluster_view_agree(views, count, true, &before, &m, &agreeing));
		describe(got, sizeof(got), &m);
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("row %zu: %s", i, got);
		members_fini(&m);
		members_fini(&before);
		for (size_t k = 0; k < count; k++)
			cluster_view_free(view[k]);
	}
}

/* Each slot has a tag, and a tag its slot. */
static void
test_every_slot(void **state)
{
	char text[256];

	(void)state;
	for (unsigned slot = 0; slot < 16384; slot += 97) {
		struct members m, none = { 0 };
		struct cluster_view *view;
		size_t agreeing;
		const char *tag;

		snprintf(text, sizeof(text), A " h:1 master - 0 0 1 connected %u",
			 slot);
		view = parse(text, false);
		cluster_view_agree((const struct cluster_view *[]){ view }, 1, true,
				   &none, &m, &agreeing);
		tag = m.list[0].tag;
		assert_non_null(tag);
		assert_int_equal(cluster_slot(tag, strlen(tag)), slot);
		snprintf(text, sizeof(text), "pinfo:orders{%s}", tag);
		assert_int_equal(cluster_slot(text, strlen(text)), slot);
		members_fini(&m);
		cluster_view_free(view);
	}
}

/* A text of copies of one piece, with %06zu in it for its number. */
static char *
many(const char *before, const char *piece, size_t count, size_t *len)
{
	char *text = xcalloc(1, strlen(before) + count * (strlen(piece) + 6) + 1);
	char *p = text;

	p += sprintf(p, "%s", before);
	for (size_t i = 0; i < count; i++) {
		const char *at = strchr(piece, '#');

		if (at == NULL)
			p += sprintf(p, "%s", piece);
		else
			p += sprintf(p, "%.*s%06zu%s", (int)(at - piece), piece, i,
				     at + 1);
	}
	*len = (size_t)(p - text);
	return text;
}

/*
 * Texts of some MiB take no more than milliseconds: quadratic ones would take
 * minutes. The limits leave room for sanitizers and a busy machine.
 */
static void
test_cost(void **state)
{
#define NODE "#0000000000000000000000000000000000 "
	static const struct {
		const char *before, *piece;
		size_t count;
		const char *error;
	} rows[] = {
		/* The most that there may be, and one more. */
		{ "", NODE "h:1 master - 0 0 1 connected\n", 10000, NULL },
		{ "", NODE "h:1 master - 0 0 1 connected\n", 10001,
		  "line 10001: there are more than 10000 nodes" },
		/* Nodes that do not count are not counted. */
		{ "", NODE "h:1 master,noaddr - 0 0 1 connected\n", 100000, NULL },
		{ A " h:1 master - 0 0 1 connected", " 0-16383", 100000, "slot 0" },
		{ A " h:1 master - 0 0 1 connected", " [5-<-" B "]", 100000, NULL },
		{ A " h:1 master - 0 0 1 connected", " ", 1000000, NULL },
		{ A " h:1 ", "master,", 1000000, "it has 3 words" },
		{ A " h:1", ",", 1000000, "it has 2 words" },
		{ A " h:1", ":", 1000000, "it has 2 words" },
		{ "", "a", 1000000, "it has 1 words" },
		{ "", "\n", 1000000, "it has 0 words" },
	};
	struct mono before = clock_now();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char error[512] = "", *text;
		struct cluster_view *view;
		size_t len;

		text = many(rows[i].before, rows[i].piece, rows[i].count, &len);
		view = cluster_view_parse(text, len, "asked", false, error,
					  sizeof(error));
		if ((view != NULL) != (rows[i].error == NULL) ||
		    (view == NULL && strstr(error, rows[i].error) == NULL))
			fail_msg("row %zu: '%s'", i, error);
		cluster_view_free(view);
		free(text);
	}
	assert_true(clock_now().ns - before.ns < 20 * NS_PER_S);
}

/* Each other slot by itself: thousands of ranges. */
static void
test_ranges(void **state)
{
	char *text = xcalloc(1, 16384 * 8), *p = text;
	struct members m, none = { 0 };
	struct cluster_view *view;
	size_t agreeing;

	(void)state;
	for (int odd = 0; odd < 2; odd++) {
		p += sprintf(p, "%s h:%d master - 0 0 1 connected", odd ? B : A,
			     1 + odd);
		for (int slot = odd; slot < 16384; slot += 2)
			p += sprintf(p, " %d", slot);
		p += sprintf(p, "\n");
	}
	view = parse(text, false);
	assert_true(cluster_view_agree((const struct cluster_view *[]){ view }, 1, true,
				       &none, &m, &agreeing));
	/* 13907 is odd, 9842 even. */
	assert_string_equal(m.list[0].tag, "1");
	assert_string_equal(m.list[1].tag, "0");
	members_fini(&m);
	cluster_view_free(view);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),	  cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_nul),	  cmocka_unit_test(test_self),
		cmocka_unit_test(test_agreement), cmocka_unit_test(test_names),
		cmocka_unit_test(test_tags),	  cmocka_unit_test(test_every_slot),
		cmocka_unit_test(test_cost),	  cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
