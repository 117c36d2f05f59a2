/*
 * conf: files in a directory of the test's own, what the flags add, and that what
 * is printed says the same when it is read again.
 */
#include "conf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf_option.h"
#include "xalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define URL "url = \"redis://db1\"; "
#define URL2 "url = \"redis://db2\"; "
#define SENTINELS "sentinels = [ \"redis://s1\", \"redis://s2:2\" ]; master = \"m\"; "
#define CLUSTER "cluster = \"redis://n1:7000\"; "

#define L50 "01234567890123456789012345678901234567890123456789"

static char directory[] = "/tmp/test_conf.XXXXXX";
static char path[64];
static struct conf_messages messages;

static int
make(void **state)
{
	(void)state;
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/pinfod.conf", directory);
	/* The control socket's place, whoever runs this. */
	setenv("RUNTIME_DIRECTORY", "/run/test:/run/more", 1);
	unsetenv("CREDENTIALS_DIRECTORY");
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	conf_messages_fini(&messages);
	unlink(path);
	return rmdir(directory);
}

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* The file with that text, and flags (NULL: none) beside it. */
static struct conf *
load(const char *text, const struct conf_flags *given)
{
	struct conf_flags flags = { 0 };

	if (given != NULL)
		flags = *given;
	write_file(text);
	flags.file = path;
	conf_messages_fini(&messages);
	return conf_load(&flags, &messages);
}

static struct conf *
load_well(const char *text, const struct conf_flags *flags)
{
	struct conf *c = load(text, flags);

	if (c == NULL || messages.count > 0)
		fail_msg("%s: %s", text, messages.count ? messages.text[0] : "NULL");
	return c;
}

static void
test_presets(void **state)
{
	/* /dev/null leaves out what may lie in /etc. */
	struct conf_flags flags = { .file = "/dev/null" };
	struct conf *c = conf_load(&flags, &messages);

	(void)state;
	assert_non_null(c);
	assert_int_equal(messages.count, 0);
	assert_string_equal(c->file, "/dev/null");
	assert_string_equal(c->control_path, "/run/test/pinfod.sock");
	assert_null(c->control_group);
	assert_int_equal(c->log_level, LOG_LEVEL_NOTICE);
	assert_int_equal(c->target_count, 1);
	assert_string_equal(c->targets[0].name, "default");
	assert_string_equal(c->targets[0].endpoint.host, "127.0.0.1");
	assert_int_equal(c->targets[0].endpoint.port, 6379);
	assert_string_equal(c->targets[0].channel, "pinfo");
	assert_int_equal(c->targets[0].interval_ns, 5 * NS_PER_S);
	assert_null(c->targets[0].endpoint.user);
	assert_null(c->targets[0].endpoint.password);
	assert_false(c->targets[0].stopped);
	assert_int_equal(c->targets[0].sample_ns, NS_PER_S);
	assert_string_equal(c->targets[0].notices, "pinfo:notice");
	assert_false(c->targets[0].json);
	assert_int_equal(c->targets[0].rules.expect, EXPECT_ANY);
	assert_true(c->targets[0].rules.memory_limit_bytes == 0);
	assert_true(c->targets[0].rules.limit[T_LINK_DOWN_FOR] == 2);
	conf_free(c);
	conf_free(NULL);
}

/* Clients look where the configuration says, else where the manager's socket is. */
static void
test_handed_over(void **state)
{
	struct conf_flags flags = { .handed_over = "/run/given" };
	struct conf *c = load_well("", &flags);

	(void)state;
	assert_string_equal(c->control_path, "/run/given");
	conf_free(c);
	c = load_well("control: { path = \"/run/said\"; };", &flags);
	assert_string_equal(c->control_path, "/run/said");
	conf_free(c);
}

/* Preset, file's defaults, flag, the target's own: each outweighs the one before. */
static void
test_precedence(void **state)
{
	static const char *const sources[] = { "pinfo", "def", "flag", "own" };
	static const int seconds[] = { 5, 7, 11, 13 };

	(void)state;
	for (unsigned set = 0; set < 8; set++) {
		struct conf_flags flags = { 0 };
		unsigned best = set & 4 ? 3 : set & 2 ? 2 : set & 1 ? 1 : 0;
		struct conf *c;
		char text[512];

		/* The targets stand before the defaults: the order says nothing. */
		snprintf(text, sizeof(text), "targets: ({ " URL "%s });\n%s",
			 set & 4 ? "channel = \"own\"; interval = 13; user = \"own\"; "
				   "stopped = false;"
				 : "",
			 set & 1 ? "defaults: { channel = \"def\"; interval = \"7s\"; "
				   "user = \"def\"; stopped = true; };"
				 : "");
		if (set & 2)
			flags = (struct conf_flags){ .channel = "flag",
						     .user = "flag",
						     .interval_ns = 11 * NS_PER_S,
						     .stopped = true };
		c = load_well(text, &flags);
		assert_string_equal(c->targets[0].name, "db1:6379");
		assert_string_equal(c->targets[0].channel, sources[best]);
		assert_int_equal(c->targets[0].interval_ns, seconds[best] * NS_PER_S);
		if (best == 0)
			assert_null(c->targets[0].endpoint.user);
		else
			assert_string_equal(c->targets[0].endpoint.user, sources[best]);
		assert_int_equal(c->targets[0].stopped, best == 1 || best == 2);
		conf_free(c);
	}
}

/* What is published of a target, and what is watched for. */
static void
test_watching(void **state)
{
	const char *text =
		"defaults: { sample = \"2s\"; notices = \"n:{name}\"; format = \"json\";"
		"  expect = \"none\"; memory_limit = \"2gb\";"
		"  incidents = [ \"link.* off\", \"rdb.stale warning=1h\" ]; };"
		"targets: ({ name = \"a\"; " URL "}, { name = \"b\"; " URL2
		"  sample = 1; notices = \"\"; format = \"Text\"; expect = \"BOTH\";"
		"  memory_limit = 1000000; incidents = ( \"link.down on\" ); },"
		"  { name = \"c\"; url = \"redis://c\"; memory_limit = \"\";"
		"  interval = 1; });";
	struct conf_flags flags = { .sample_ns = 3 * NS_PER_S, .notices = "f" };
	struct conf *c = load_well(text, NULL);
	const struct target_config *a = &c->targets[0], *b = &c->targets[1];

	(void)state;
	assert_int_equal(a->sample_ns, 2 * NS_PER_S);
	assert_string_equal(a->notices, "n:a");
	assert_true(a->json);
	assert_int_equal(a->rules.expect, EXPECT_NONE);
	assert_true(a->rules.memory_limit_bytes == 2147483648.0);
	assert_true(a->rules.off[INCIDENT_LINK_DOWN]);
	assert_true(a->rules.limit[T_STALE_WARNING] == 3600);
	assert_int_equal(b->sample_ns, NS_PER_S);
	assert_null(b->notices);
	assert_false(b->json);
	assert_int_equal(b->rules.expect, EXPECT_BOTH);
	assert_true(b->rules.memory_limit_bytes == 1000000);
	/* Its own come after those of defaults. */
	assert_false(b->rules.off[INCIDENT_LINK_DOWN]);
	assert_true(b->rules.off[INCIDENT_LINK_BUSY]);
	assert_true(b->rules.limit[T_STALE_WARNING] == 3600);
	assert_true(c->targets[2].rules.memory_limit_bytes == 0);
	/* What it inherits gives way to a shorter interval. */
	assert_int_equal(target_config_sample_ns(&c->targets[2]), NS_PER_S);
	conf_free(c);
	c = load_well(text, &flags);
	assert_int_equal(c->targets[0].sample_ns, 3 * NS_PER_S);
	assert_string_equal(c->targets[0].notices, "f");
	assert_null(c->targets[1].notices);
	conf_free(c);
	flags.notices = "";
	c = load_well("", &flags);
	assert_null(c->targets[0].notices);
	conf_free(c);
	/* Of flags the command line is at fault; one at the limit is none. */
	flags.interval_ns = 3 * NS_PER_S;
	conf_free(load_well("", &flags));
	flags.interval_ns--;
	assert_null(load("", &flags));
	assert_true(messages.usage);
	assert_non_null(strstr(messages.text[0], "--sample: 3 seconds are longer"));
}

static void
test_globals(void **state)
{
	struct conf_flags flags = { .control_path = "/flag",
				    .control_group = "flag",
				    .log_level = "error" };
	const char *text = "control: { path = \"/file\"; group = \"root\"; };"
			   "log: { level = \"DEBUG\"; };";
	struct conf *c = load_well(text, NULL);

	(void)state;
	assert_string_equal(c->control_path, "/file");
	assert_string_equal(c->control_group, "root");
	assert_int_equal(c->log_level, LOG_LEVEL_DEBUG);
	conf_free(c);
	c = load_well(text, &flags);
	assert_string_equal(c->control_path, "/flag");
	assert_string_equal(c->control_group, "flag");
	assert_int_equal(c->log_level, LOG_LEVEL_ERROR);
	conf_free(c);
}

static void
test_servers(void **state)
{
	char db1[] = "db1", db2[] = "db2", own[] = "own";
	struct endpoint servers[] = { { .host = db1, .port = 1 },
				      { .host = db2, .port = 2, .user = own } };
	struct conf_flags flags = { .servers = servers,
				    .server_count = 2,
				    .channel = "p:{name}",
				    .user = "flag",
				    .password = "secret" };
	struct conf *c = load_well("", &flags);

	(void)state;
	assert_int_equal(c->target_count, 2);
	assert_string_equal(c->targets[0].name, "db1:1");
	assert_string_equal(c->targets[0].channel, "p:db1:1");
	assert_string_equal(c->targets[0].endpoint.user, "flag");
	assert_string_equal(c->targets[0].endpoint.password, "secret");
	assert_string_equal(c->targets[1].channel, "p:db2:2");
	assert_string_equal(c->targets[1].endpoint.user, "own");
	conf_free(c);
	flags.server_count = 1;
	c = load_well("", &flags);
	assert_string_equal(c->targets[0].name, "default");
	assert_string_equal(c->targets[0].channel, "p:default");
	conf_free(c);
	/* Not both ways. */
	assert_null(load("targets: ({ " URL "});", &flags));
	assert_non_null(strstr(messages.text[0], "use one of the two ways"));
}

/* What the elements that stand for several say, and what they inherit. */
static void
test_groups(void **state)
{
	struct conf_flags flags = { .user = "u", .password = "secret" };
	const char *text = "targets_file = \"/top\";"
			   "targets: ({ " URL "}, { " SENTINELS
			   "  name = \"cache\"; replicas = true; interval = 1;"
			   "  sentinel_user = \"s\"; },"
			   "{ name = \"orders\"; " CLUSTER
			   "  cluster_publish = \"Shard\"; notices = \"n\"; },"
			   "{ targets_file = \"/f\"; expect = \"aof\"; });";
	struct conf *c = load_well(text, &flags);
	const struct group_config *g = c->groups;

	(void)state;
	assert_int_equal(c->target_count, 1);
	assert_int_equal(c->group_count, 4);
	assert_int_equal(g[0].kind, GROUP_SENTINEL);
	assert_string_equal(g[0].name, "cache");
	assert_string_equal(g[0].master, "m");
	assert_true(g[0].replicas);
	assert_int_equal(g[0].seed_count, 2);
	assert_string_equal(g[0].seeds[1].host, "s2");
	assert_int_equal(g[0].seeds[0].port, 26379);
	assert_int_equal(g[0].seeds[1].port, 2);
	assert_string_equal(g[0].pattern.channel, "pinfo:{name}");
	assert_int_equal(g[0].pattern.interval_ns, NS_PER_S);
	/* What is told to sentinels, and what to servers. */
	assert_string_equal(g[0].seeds[0].user, "s");
	assert_null(g[0].seeds[0].password);
	assert_null(g[0].seeds[0].password_file);
	assert_string_equal(g[0].pattern.endpoint.user, "u");
	assert_string_equal(g[0].pattern.endpoint.password, "secret");
	assert_int_equal(g[1].kind, GROUP_CLUSTER);
	assert_string_equal(g[1].name, "orders");
	assert_true(g[1].shard);
	assert_string_equal(g[1].seeds[0].user, "u");
	assert_string_equal(g[1].seeds[0].password, "secret");
	assert_int_equal(g[1].seeds[0].port, 7000);
	assert_string_equal(g[1].pattern.channel, "pinfo:{name}");
	assert_string_equal(g[1].pattern.notices, "n");
	assert_int_equal(g[2].kind, GROUP_FILE);
	assert_string_equal(g[2].name, "/f");
	assert_string_equal(g[2].path, "/f");
	assert_string_equal(g[2].pattern.channel, "pinfo");
	assert_int_equal(g[2].pattern.rules.expect, EXPECT_AOF);
	assert_string_equal(g[3].path, "/top");
	assert_int_equal(g[3].pattern.rules.expect, EXPECT_ANY);
	conf_free(c);
}

/* Nobody else's server is watched when there are groups only. */
static void
test_only_groups(void **state)
{
	char db1[] = "db1";
	struct endpoint server = { .host = db1, .port = 1 };
	struct conf_flags flags = { .servers = &server, .server_count = 1 };
	struct conf *c = load_well("targets: ({ " SENTINELS "});", NULL);

	(void)state;
	assert_int_equal(c->target_count, 0);
	assert_string_equal(c->groups[0].name, "m");
	/* One server is no reason for channels of its own. */
	assert_string_equal(c->groups[0].pattern.channel, "pinfo");
	conf_free(c);
	assert_null(load("targets_file = \"/f\";", &flags));
	assert_true(messages.usage);
	assert_non_null(strstr(messages.text[0], "use one of the two ways"));
}

/* The preset of a group's channel is what nobody else says. */
static void
test_group_channel(void **state)
{
	static const struct {
		const char *defaults, *flag, *own, *channel;
	} rows[] = {
		{ "", NULL, "", "pinfo:{name}" },
		{ "defaults: { channel = \"\"; };", NULL, "", "pinfo:{name}" },
		{ "defaults: { channel = \"d\"; };", NULL, "", "d" },
		{ "defaults: { channel = \"d\"; };", "f", "", "f" },
		{ "", "f", "channel = \"o{name}\";", "o{name}" },
		{ "defaults: { channel = \"d\"; };", "f", "channel = \"\";",
		  "pinfo:{name}" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_flags flags = { .channel = rows[i].flag };
		struct conf *c;
		char text[256];

		snprintf(text, sizeof(text),
			 "%s targets: ({ name = \"o\"; " CLUSTER "%s });",
			 rows[i].defaults, rows[i].own);
		c = load_well(text, &flags);
		assert_string_equal(c->groups[0].pattern.channel, rows[i].channel);
		conf_free(c);
	}
}

/* One message each, with the file, the line and what is wrong. */
static void
test_messages(void **state)
{
	static const struct {
		const char *text;
		int line; /* 0: the message has none */
		const char *message;
		bool warning;
	} rows[] = {
		/* Twins. */
		{ "targets: ({ name = \"a\"; " URL "}, { name = \"a\"; " URL2 "});", 0,
		  "two targets are called 'a'", false },
		{ "targets: ({ name = \"a\"; " URL "}, { name = \"b\"; " URL "});", 0,
		  "on the same channel", false },
		{ "targets: ({ name = \"a\"; " URL "}, { name = \"b\"; " URL
		  "channel = \"x\"; });",
		  0, "db1:6379 is watched twice, as '", true },
		{ "defaults: { channel = \"{name}\"; };\n"
		  "targets: ({ name = \"a\"; " URL "}, { name = \"b\"; " URL "});",
		  0, "is watched twice", true },
		{ "targets: ({ name = \"a\"; " URL
		  "}, { name = \"b\"; url = \"redis://DB1:6379\"; });",
		  0, "on the same channel", false },
		/* Words. */
		{ "\ntarget: ();", 2, "did you mean 'targets'?", false },
		{ "log: {\nlevle = \"info\"; };", 2, "did you mean 'level'?", false },
		{ "xyzzyx = 1;", 1, "there is: control, log, defaults, targets",
		  false },
		{ "log: { level = \"loud\"; };", 1, "'loud' is none of error", false },
		{ "log = 5;", 1, "found a number; a group { } is allowed", false },
		{ "targets: {};", 1, "a list of groups is allowed", false },
		{ "targets: ( 5 );", 1, "targets[0]: found a number", false },
		{ "targets: ({ });", 1, "targets[0]: there is no url", false },
		{ "control: { path = \"here\"; };", 1, "an absolute path", false },
		{ "defaults: { password_file = \"x\"; };", 1, "no absolute path",
		  false },
		{ "defaults: { stopped = 1; };", 1, "true or false is allowed", false },
		{ "defaults: { channel = 1; };", 1, "a \"string\" is allowed", false },
		{ "defaults: { credential = \"a/b\"; };", 1, "no credential's name",
		  false },
		{ "defaults: { credential = \"a\"; };", 1, "CREDENTIALS_DIRECTORY",
		  false },
		/* Times. */
		{ "defaults: { interval = \"0.09s\"; };", 1,
		  "from 0.1 to 86400 seconds", false },
		{ "defaults: { interval = 86401; };", 1, "86401 is no time", false },
		{ "defaults: { interval = -1; };", 1, "-1 is no time", false },
		{ "defaults: { interval = \"5 s\"; };", 1, "'5 s' is no time", false },
		{ "defaults: { interval = 4294967301; };", 1, "past 32 bits", false },
		{ "defaults: {\n\n interval = 010; };", 3, "a leading zero", false },
		{ "defaults: { sample = \"0.09s\"; };", 1, "from 0.1 to 86400 seconds",
		  false },
		{ "defaults: {\nsample = 6; };", 2, "6 seconds are longer", false },
		{ "targets: ({ " URL "interval = 2;\nsample = \"3s\"; });", 2,
		  "targets[0].sample: 3 seconds are longer than the interval, which "
		  "is 2",
		  false },
		/* One message, though the preset is longer than this interval. */
		{ "targets: ({ " URL "interval = 0.5;\nsample = \"x\"; });", 2,
		  "'x' is no time", false },
		/* What is published, and what is watched for. */
		{ "defaults: { notices = 1; };", 1, "a \"string\" is allowed", false },
		{ "targets: ({ " URL "name = \"a\"; notices = \"pinfo\"; });", 0,
		  "target a: notices: they go to the channel of its feed", true },
		{ "defaults: { format = \"xml\"; };", 1,
		  "format: 'xml' is none of text, json", false },
		{ "defaults: { format = true; };", 1, "found true or false", false },
		{ "defaults: { expect = \"all\"; };", 1,
		  "'all' is none of any, none, rdb, aof, both", false },
		{ "defaults: { expect = 1; };", 1,
		  "found a number; a \"string\" is allowed: any, none", false },
		{ "defaults: { memory_limit = \"2Gb\"; };", 1,
		  "'2Gb' is no whole number of bytes", false },
		{ "defaults: { memory_limit = -1; };", 1, "-1 is no whole number",
		  false },
		{ "defaults: { memory_limit = 9007199254740993L; };", 1, "8192TiB",
		  false },
		{ "defaults: { memory_limit = 1.5; };", 1, "1.5 is no whole number",
		  false },
		{ "defaults: { memory_limit = [ ]; };", 1, "an array [ ] is no whole",
		  false },
		{ "defaults: { incidents = \"rdb.stale off\"; };", 1,
		  "found a string; an array of strings is allowed", false },
		{ "defaults: { incidents = { }; };", 1, "found a group", false },
		{ "defaults: { incidents = [ \"rdb.stale off\",\n\"rdb.stal off\" ]; };",
		  2, "defaults.incidents[1]: 'rdb.stal' is no incident; did you mean",
		  false },
		{ "targets: ({ " URL "\nincidents = ( \"aof.* off\",\n 5 ); });", 3,
		  "targets[0].incidents[1]: found a number; a \"string\" is allowed",
		  false },
		/* Urls and names. */
		{ "targets: ({ url = \"redis://:secret@db1\"; });", 1,
		  "a password does not belong here", false },
		{ "targets: ({ url = \"http://db1\"; });", 1, "begins neither with",
		  false },
		{ "targets: ({ name = \"a b\"; " URL "});", 1, "name: 'a b' holds",
		  false },
		{ "targets: ({ name = \"json\"; " URL "});", 1, "a form of STATUS",
		  false },
		/* What stands for several: which of them, */
		{ "targets: ({ " URL "\n" CLUSTER "});", 2,
		  "targets[0]: there are both url and cluster; one of url, sentinels,",
		  false },
		{ "targets: ({ name = \"a\"; " CLUSTER "\n" SENTINELS "});", 1,
		  "both sentinels and cluster", false },
		{ "targets: ({ name = \"a\"; " CLUSTER "\nmaster = \"m\"; });", 2,
		  "master: it belongs beside sentinels, and not beside cluster",
		  false },
		{ "targets: ({ " URL "\nreplicas = true; });", 2,
		  "replicas: it belongs beside sentinels, and not beside url", false },
		{ "targets: ({ " SENTINELS "\ncluster_publish = \"all\"; });", 2,
		  "cluster_publish: it belongs beside cluster", false },
		{ "targets: (\n{ sentinels = [ \"redis://s1\" ]; });", 2,
		  "there is no master", false },
		{ "targets: (\n{ " CLUSTER "});", 2, "there is no name", false },
		{ "targets: ({ targets_file = \"/f\";\nname = \"f\"; });", 2,
		  "name: a file has none", false },
		{ "targets: ({ sentinels = \"redis://s\"; name = \"n\";\n"
		  "master = \"a b\"; });",
		  2, "master: 'a b' holds", false },
		{ "targets: ({ targets_file = \"/f\";\nmastr = \"\"; });", 2,
		  "did you mean 'master'?", false },
		/* where it begins, */
		{ "targets: ({ name = \"a\";\ncluster = [ ]; });", 2,
		  "targets[0].cluster: there are 0 urls; 1 to 32 are allowed", false },
		{ "targets: ({ name = \"a\";\ncluster = 7; });", 2,
		  "found a number; a \"string\" or an array", false },
		{ "targets: ({ name = \"a\"; cluster = ( \"redis://h\",\n7 ); });", 2,
		  "targets[0].cluster[1]: found a number", false },
		{ "targets: ({ name = \"a\"; cluster = [ \"redis://h\",\n"
		  "\"redis://H:6379\" ]; });",
		  2, "targets[0].cluster[1]: H:6379 is there twice", false },
		{ "targets: ({ name = \"a\"; cluster = [ \"redis://h\",\n"
		  "\"rediss://i\" ]; });",
		  2, "begins with redis://, and this one does not", false },
		{ "targets: ({ name = \"a\"; cluster = [\n\"unix:///r\" ]; });", 2,
		  "redis:// and rediss:// are allowed", false },
		{ "targets: ({ name = \"a\"; cluster = \"redis://:secret@h\"; });", 1,
		  "name that in password_file", false },
		{ "targets: ({ master = \"a\"; sentinels = \"redis://:secret@h\"; });",
		  1, "name that in sentinel_password_file", false },
		{ "targets: ({ targets_file = \"f\"; });", 1, "'f' is no absolute path",
		  false },
		{ "\ntargets_file = \"f\";", 2, "targets_file: 'f' is no absolute",
		  false },
		{ "\ntargets_file = 7;", 2, "targets_file: found a number", false },
		{ "targets: ({ name = \"a\"; " CLUSTER "\nsni = \"h\"; });", 2,
		  "sni: it is for TLS, and the urls do not begin with rediss://",
		  false },
		{ "targets: ({ name = \"a\"; " CLUSTER "\nverify = \"none\"; });", 2,
		  "it is for TLS, and the urls do not begin with rediss://", false },
		/* what is published of its targets, */
		{ "targets: ({ name = \"a\"; " CLUSTER "cluster_publish = \"shard\";"
		  "channel = \"{a}{name}\"; });",
		  1, "braces in the channel '{a}{name}' would be taken", false },
		{ "defaults: { notices = \"n}\"; };\n"
		  "targets: ({ name = \"a\"; " CLUSTER
		  "cluster_publish = \"shard\"; });",
		  2, "braces in the notices 'n}' would be taken", false },
		{ "targets: ({ name = \"a\"; " CLUSTER
		  "channel = \"{name}" L50 L50 L50 L50 L50 "\"; });",
		  1, "a target of it, as a/0123abcd, could not be: a channel's",
		  false },
		{ "targets: ({ name = \"" L50 L50 L50 L50 L50 "\"; " SENTINELS
		  "replicas = true; channel = \"c\"; });",
		  1, "a name has 1 to 255 bytes, and not 272", false },
		{ "targets: ({ name = \"a\"; " CLUSTER "notices = \"n\";"
		  "channel = \"n\"; });",
		  0, "group a: notices: they go to the channel of its feed", true },
		{ "targets: ({ " SENTINELS "password_file = \"/nonexistent\"; });", 0,
		  "group m: password_file: cannot read /nonexistent", true },
		{ "targets: ({ " SENTINELS "sentinel_password_file = \"/none\"; });", 0,
		  "group m: sentinel_password_file: cannot read /none", true },
		{ "targets: ({ targets_file = \"/f\"; verify = \"none\"; });", 0,
		  "group /f: verify: none", true },
		/* and who else has its name, or its servers. */
		{ "targets: ({ name = \"a\"; " URL "}, { name = \"a\"; " CLUSTER "});",
		  0, "a target and a group are called 'a'", false },
		{ "targets: ({ name = \"a\"; " SENTINELS "}, { name = \"a\"; " CLUSTER
		  "});",
		  0, "two groups are called 'a'", false },
		{ "targets_file = \"/f\"; targets: ({ targets_file = \"/f\"; });", 0,
		  "targets_file: '/f' is there twice", false },
		{ "targets: ({ name = \"a\"; " SENTINELS "}, { name = \"b\";"
		  "sentinels = [ \"redis://S2:2\", \"redis://s1\" ];"
		  "master = \"m\"; });",
		  0,
		  "master m is watched twice, as 'a' and as 'b', on the same channel",
		  false },
		{ "targets: ({ name = \"a\"; " CLUSTER "}, { name = \"b\"; " CLUSTER
		  "});",
		  0, "the same cluster is watched twice, as 'a' and as 'b'", true },
		/* The form. */
		{ "log: {\nlevel = ;\n};", 2, "syntax error", false },
		{ "@include \"missing\"", 1, "No such file", false },
		{ "\n@include \".\"", 2, "no regular file", false },
		{ "@include \"pinfod.conf\"", 1, "nested too deep", false },
		/* A file that is not there yet. */
		{ "targets: ({ " URL "password_file = \"/nonexistent\"; });", 0,
		  "target db1:6379: password_file: cannot read /nonexistent", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf *c = load(rows[i].text, NULL);
		char place[96] = "";
		/* What libconfig 1.5 wraps into range, 1.7 reads as it is, and that
		 * is out of range as well. */
		bool twice = strstr(rows[i].message, "32 bits") != NULL;

		if (rows[i].line > 0)
			snprintf(place, sizeof(place), "%s:%d: ", path, rows[i].line);
		if ((c != NULL) != rows[i].warning || messages.count < 1 ||
		    messages.count > 1 + (size_t)twice ||
		    strstr(messages.text[0], rows[i].message) == NULL ||
		    strstr(messages.text[0], "secret") != NULL ||
		    strncmp(messages.text[0], place, strlen(place)) != 0)
			fail_msg("row %zu, %s: %zu messages, %s", i, rows[i].text,
				 messages.count,
				 messages.count > 0 ? messages.text[0] : "none");
		conf_free(c);
	}
}

static void
test_missing(void **state)
{
	struct conf_flags flags = { .file = path };

	(void)state;
	assert_null(conf_load(&flags, &messages));
	assert_non_null(strstr(messages.text[0], path));
	assert_non_null(strstr(messages.text[0], "No such file"));
	write_file("");
}

static char *
printed(const struct conf *c)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	conf_print(c, f);
	assert_int_equal(fclose(f), 0);
	return text;
}

/* Printed, read and printed again: the same text. */
static void
test_print(void **state)
{
	static const char *const rows[] = {
		"",
		"targets: ({ url = \"redis://[::1]:1234\"; interval = 0.25; });",
		"targets: ({ url = \"unix:///run/a b@c.sock\"; name = \"s\"; });",
		"targets: ({ name = \"a\\\\b\"; " URL
		"user = \"a\\\"b\\\\c\\x01\\n\"; });",
		"targets: ({ " URL "channel = \"\xc3\xa4\\t{x}\\x7f\"; });",
		"defaults: { channel = \"p:{name}:{name}\"; stopped = true; };"
		"log: { level = \"Debug\"; }; control: { group = \"adm\"; };"
		"targets: ({ " URL "}, { " URL2 "interval = \"1d\"; user = \"\"; });",
		"targets: ({ " URL "sample = 0.7; notices = \"\"; format = \"json\";"
		"expect = \"aof\"; memory_limit = \"1500MB\"; incidents = ["
		"\"* off\", \"rdb.stale on\", \"fork.memory warning=12.5\","
		"\"a.b info when keys > 1 for 90s: \\\"quoted\\\", \xc3\xa4: ok\" ]; });",
		"targets: ({ " SENTINELS "sentinel_user = \"a\\\"b\"; });",
		"targets: ({ " URL "}, { " SENTINELS "name = \"a\\\\b\"; sample = 0.7;"
		"replicas = true; interval = \"9s\"; channel = \"{x}{name}\"; });",
		"defaults: { channel = \"c\"; }; targets: ({ name = \"o\";"
		"cluster = ( \"redis://[::1]\", \"redis://n1\" ); },"
		"{ name = \"p\"; cluster = [ \"rediss://n2\" ]; sni = \"n\";"
		"cluster_publish = \"shard\"; channel = \"{name}\"; });",
		"targets_file = \"/a b\\\"c\"; targets: ({ targets_file = \"/d\";"
		"sni = \"n\"; stopped = true; });",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf *c = load_well(rows[i], NULL);
		char *first = printed(c), *second;

		conf_free(c);
		c = load_well(first, NULL);
		second = printed(c);
		conf_free(c);
		assert_string_equal(second, first);
		free(first);
		free(second);
	}
}

static void
test_print_password(void **state)
{
	struct conf_flags flags = { .password = "hunter2" };
	struct conf *c = load_well("", &flags);
	char *text = printed(c);

	(void)state;
	assert_null(strstr(text, "hunter2"));
	assert_non_null(strstr(text, "# a password was given"));
	free(text);
	conf_free(c);
}

/* The shipped file is what is printed, and says what no file says. */
static void
test_sample(void **state)
{
	FILE *shipped = fopen("etc/pinfod.conf", "r"), *f;
	char *text = NULL, file[16384] = "";
	struct conf *c;
	size_t len;

	(void)state;
	if (shipped == NULL)
		fail_msg("run it where etc/pinfod.conf is");
	len = fread(file, 1, sizeof(file) - 1, shipped);
	file[len] = '\0';
	fclose(shipped);
	f = open_memstream(&text, &len);
	assert_non_null(f);
	conf_print_sample(f);
	fclose(f);
	assert_string_equal(text, file);
	c = load_well(text, NULL);
	assert_int_equal(c->target_count, 1);
	assert_string_equal(c->targets[0].name, "local");
	assert_string_equal(c->targets[0].channel, "pinfo");
	assert_int_equal(c->targets[0].interval_ns, CONF_INTERVAL_NS);
	assert_int_equal(c->log_level, LOG_LEVEL_NOTICE);
	conf_free(c);
	free(text);
}

/* What a sample really is, where that is not what was asked for. */
static void
test_print_sample(void **state)
{
	static const struct {
		const char *settings, *printed, *comment;
	} rows[] = {
		{ "sample = 1;", "sample = \"1s\";", NULL },
		{ "sample = 0.7;", "sample = \"0.7s\";", "# a sample every 0.625 s" },
		{ "interval = 0.25;", "sample = \"0.25s\";", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[256], *print;
		struct conf *c;

		snprintf(text, sizeof(text), "targets: ({ " URL "%s });",
			 rows[i].settings);
		c = load_well(text, NULL);
		print = printed(c);
		assert_non_null(strstr(print, rows[i].printed));
		if (rows[i].comment != NULL)
			assert_non_null(strstr(print, rows[i].comment));
		else
			assert_null(strstr(print, "# a sample"));
		free(print);
		conf_free(c);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_groups),	   TEST(test_only_groups),
		TEST(test_group_channel),  TEST(test_watching),
		TEST(test_print_sample),   TEST(test_presets),
		TEST(test_precedence),	   TEST(test_globals),
		TEST(test_servers),	   TEST(test_messages),
		TEST(test_missing),	   TEST(test_print),
		TEST(test_print_password), TEST(test_handed_over),
		TEST(test_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
