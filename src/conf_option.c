/*
 * conf_option: see conf_option.h.
 */
#include "conf_option.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "endpoint.h"
#include "tls_context.h"

static bool
check_control_path(const char *value, char *error, size_t size)
{
	if (*value == '/' && strlen(value) <= CONF_CONTROL_PATH_MAX)
		return true;
	snprintf(error, size,
		 "'%.120s' has %zu bytes; an absolute path of up to %d is allowed",
		 value, strlen(value), CONF_CONTROL_PATH_MAX);
	return false;
}

static bool
check_group(const char *value, char *error, size_t size)
{
	if (getgrnam(value) != NULL)
		return true;
	snprintf(error, size, "there is no group '%.80s'", value);
	return false;
}

static bool
check_absolute(const char *value, char *error, size_t size)
{
	if (*value == '/')
		return true;
	snprintf(error, size, "'%.120s' is no absolute path", value);
	return false;
}

static bool
check_level(const char *value, char *error, size_t size)
{
	enum log_level level;

	if (log_level_parse(value, &level))
		return true;
	snprintf(error, size, "'%.40s' is none of error, warning, notice, info, debug",
		 value);
	return false;
}

static const char *
format_choice(unsigned i)
{
	static const char *const names[] = { "text", "json" };

	return i < sizeof(names) / sizeof(names[0]) ? names[i] : NULL;
}

static const char *
verify_choice(unsigned i)
{
	static const char *const names[] = { "full", "none" };

	return i < sizeof(names) / sizeof(names[0]) ? names[i] : NULL;
}

static const char *
publish_choice(unsigned i)
{
	static const char *const names[] = { "all", "shard" };

	return i < sizeof(names) / sizeof(names[0]) ? names[i] : NULL;
}

static const char *
expect_choice(unsigned i)
{
	return i <= EXPECT_BOTH ? rules_expect_name((enum rules_expect)i) : NULL;
}

#define IN_CONF(field) offsetof(struct conf, field)
#define IN_TARGET(field) offsetof(struct target_config, field)
#define IN_GROUP(field) offsetof(struct conf_group_options, field)

static const struct conf_option options[] = {
	{ .scope = CONF_SCOPE_CONTROL,
	  .key = "path",
	  .type = CONF_TYPE_STRING,
	  .offset = IN_CONF(control_path),
	  .check = check_control_path,
	  .preset = "\"\"",
	  .help = "Where the control socket is. Preset: the one that systemd hands over;\n"
		  "else pinfod.sock in the directory that systemd made; else\n"
		  "/run/pinfod/pinfod.sock for root; else in $XDG_RUNTIME_DIR. A reload\n"
		  "does not move it, and one that was handed over stays where it is." },
	{ .scope = CONF_SCOPE_CONTROL,
	  .key = "group",
	  .type = CONF_TYPE_STRING,
	  .offset = IN_CONF(control_group),
	  .check = check_group,
	  .preset = "\"\"",
	  .help = "The group that the socket belongs to and whose members may START,\n"
		  "STOP, POLL. Preset: pinfod, where there is such a group and pinfod\n"
		  "may give the socket to it; else none." },
	{ .scope = CONF_SCOPE_LOG,
	  .key = "level",
	  .type = CONF_TYPE_STRING,
	  .offset = IN_CONF(log_level_name),
	  .check = check_level,
	  .preset = "\"notice\"",
	  .help = "What is logged: error, warning, notice, info or debug." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "interval",
	  .type = CONF_TYPE_DURATION,
	  .offset = IN_TARGET(interval_ns),
	  .min = CONF_INTERVAL_MIN_NS,
	  .max = CONF_INTERVAL_MAX_NS,
	  .preset = "\"5s\"",
	  .help = "The time between two messages, 0.1s to 1d. Units: ms s m h d; a bare\n"
		  "number is seconds." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "sample",
	  .type = CONF_TYPE_DURATION,
	  .offset = IN_TARGET(sample_ns),
	  .min = CONF_INTERVAL_MIN_NS,
	  .max = CONF_INTERVAL_MAX_NS,
	  .preset = "\"1s\"",
	  .help = "Between two looks at the server, from 0.1s to the interval. It is made\n"
		  "to divide that: 1s of 4.5s becomes 0.9s, and --test-config shows it.\n"
		  "What begins and ends between two samples may go unseen. With an\n"
		  "interval that is shorter than this preset, or than what defaults\n"
		  "say, each sample is published." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "channel",
	  .type = CONF_TYPE_STRING,
	  .offset = IN_TARGET(channel),
	  .check = target_config_channel_ok,
	  .preset = "\"\"",
	  .help = "What to publish on; {name} stands for the target's name. Preset:\n"
		  "pinfo; for the nodes of a cluster, and for a master and replicas that\n"
		  "sentinels name, pinfo:{name}." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "format",
	  .type = CONF_TYPE_BOOL,
	  .offset = IN_TARGET(json),
	  .choice = format_choice,
	  .preset = "\"text\"",
	  .help = "What is published there: text, what the server answered, byte for\n"
		  "byte; or json, one object with its fields, its name and the time." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "notices",
	  .type = CONF_TYPE_STRING,
	  .offset = IN_TARGET(notices),
	  .check = target_config_channel_ok,
	  .preset = "\"pinfo:notice\"",
	  .help = "What to publish notices on, as JSON: incidents that are raised and\n"
		  "cleared, and facts. {name} stands for the target's name. With \"\" they\n"
		  "are told in the log and on the control socket only." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "incidents",
	  .type = CONF_TYPE_RULES,
	  .offset = IN_TARGET(rules),
	  .preset = "[ ]",
	  .help = "What is different from the catalogue of incidents that\n"
		  "pinfod-incidents(7) shows. A target's own texts come after those of\n"
		  "defaults, and later ones outweigh earlier ones. Three forms:\n"
		  "  \"rdb.save_slow warning=5m critical=20m\"\n"
		  "    sets thresholds: times, sizes or numbers, as the catalogue has them.\n"
		  "  \"aof.* off\"\n"
		  "    switches incidents or facts off, or on; patterns have * ? and [ ].\n"
		  "  \"changes.high warning when rdb_changes_since_last_save > 1000000 "
		  "for 1m:\n"
		  "   nobody saves\"\n"
		  "    adds an incident of your own: ID SEVERITY when FIELD OP LIMIT\n"
		  "    [for TIME]: TEXT. The ID has a dot in it; SEVERITY is info, warning\n"
		  "    or critical, OP one of > >= < <= = !=, FIELD one of INFO's numbers.\n"
		  "    The same ID again replaces it, and off removes it." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "expect",
	  .type = CONF_TYPE_CHOICE,
	  .offset = IN_TARGET(rules.expect),
	  .choice = expect_choice,
	  .preset = "\"any\"",
	  .help = "The persistence that the server is meant to have: any (an AOF or save\n"
		  "points), none, rdb, aof or both. Less is the incident persistence.off;\n"
		  "where none is meant, nothing is missed after a restart either." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "memory_limit",
	  .type = CONF_TYPE_SIZE,
	  .offset = IN_TARGET(rules.memory_limit_bytes),
	  .preset = "\"\"",
	  .help = "The memory that the server may use, where that is less than maxmemory\n"
		  "and what its machine has: the limit of its container. fork.memory\n"
		  "reckons with it. Units: KiB MiB GiB TiB (1024), kB MB GB TB (1000), or\n"
		  "in lower case as redis.conf has them: k m g (1000), kb mb gb (1024)." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "user",
	  .type = CONF_TYPE_STRING,
	  .offset = IN_TARGET(endpoint.user),
	  .preset = "\"\"",
	  .help = "The ACL user to log in as. Preset: the server's default user." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "password_file",
	  .type = CONF_TYPE_STRING,
	  .offset = IN_TARGET(endpoint.password_file),
	  .check = check_absolute,
	  .preset = "\"\"",
	  .help = "A file whose first line is the password. Mode 0600, or 0640 with\n"
		  "pinfod's group. It is read at each connection, so a new password\n"
		  "needs no restart." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "credential",
	  .type = CONF_TYPE_CREDENTIAL,
	  .offset = IN_TARGET(endpoint.password_file),
	  .preset = "\"\"",
	  .help = "The same, by the name of a credential that the service manager\n"
		  "hands over (LoadCredential=)." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "cacert",
	  .type = CONF_TYPE_STRING,
	  .offset = IN_TARGET(endpoint.tls.cacert),
	  .check = tls_context_cacert_ok,
	  .preset = "\"\"",
	  .help = "For rediss:// (TLS): a file of certificates, in PEM form, that are\n"
		  "trusted. Preset: the system's store, where there is no cacertdir either.\n"
		  "Changed files count from the next connection on; a reload checks them." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "cacertdir",
	  .type = CONF_TYPE_STRING,
	  .offset = IN_TARGET(endpoint.tls.cacertdir),
	  .check = tls_context_cacertdir_ok,
	  .preset = "\"\"",
	  .help = "The same, a directory as openssl rehash leaves it." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "cert",
	  .type = CONF_TYPE_STRING,
	  .offset = IN_TARGET(endpoint.tls.cert),
	  .check = tls_context_cert_ok,
	  .preset = "\"\"",
	  .help = "Our own certificate, for servers that want one, with those that lead\n"
		  "to its CA behind it. The log warns 30 days, 7 days and 1 day before\n"
		  "it expires." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "key",
	  .type = CONF_TYPE_STRING,
	  .offset = IN_TARGET(endpoint.tls.key),
	  .check = tls_context_key_ok,
	  .preset = "\"\"",
	  .help = "Its key, without a passphrase. Mode 0600, or 0640 with pinfod's group." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "sni",
	  .type = CONF_TYPE_STRING,
	  .offset = IN_TARGET(endpoint.tls.sni),
	  .check = endpoint_host_ok,
	  .preset = "\"\"",
	  .help = "The name that the server is asked for, and that its certificate must\n"
		  "be for. Preset: the host of the url." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "verify",
	  .type = CONF_TYPE_BOOL,
	  .offset = IN_TARGET(endpoint.tls.insecure),
	  .choice = verify_choice,
	  .preset = "\"full\"",
	  .help = "full: the server's certificate must be valid, trusted and for its\n"
		  "name or address. none: any will do, and whoever stands between gets\n"
		  "the password; only where that does not matter." },
	{ .scope = CONF_SCOPE_TARGET,
	  .key = "stopped",
	  .type = CONF_TYPE_BOOL,
	  .offset = IN_TARGET(stopped),
	  .preset = "false",
	  .help = "Wait for START before publishing." },
	{ .scope = CONF_SCOPE_GROUP,
	  .kind = GROUP_SENTINEL,
	  .key = "sentinels",
	  .type = CONF_TYPE_SEEDS,
	  .offset = IN_GROUP(seeds),
	  .port = ENDPOINT_PORT_SENTINEL,
	  .preset = "[ ]",
	  .help = "The urls of 1 to 32 sentinels. The server that is watched is the\n"
		  "master that they name, and after a failover the new one; it is called\n"
		  "what the element is called, else what they call it. It is spoken to\n"
		  "by TLS when they are (rediss://)." },
	{ .scope = CONF_SCOPE_GROUP,
	  .kind = GROUP_SENTINEL,
	  .key = "master",
	  .type = CONF_TYPE_STRING,
	  .offset = IN_GROUP(master),
	  .check = target_config_name_ok,
	  .preset = "\"\"",
	  .help = "What the sentinels call the master; it must be there." },
	{ .scope = CONF_SCOPE_GROUP,
	  .kind = GROUP_SENTINEL,
	  .key = "replicas",
	  .type = CONF_TYPE_BOOL,
	  .offset = IN_GROUP(replicas),
	  .preset = "false",
	  .help = "Whether its replicas are watched, too, each as NAME/ADDRESS." },
	{ .scope = CONF_SCOPE_GROUP,
	  .kind = GROUP_SENTINEL,
	  .key = "sentinel_user",
	  .type = CONF_TYPE_STRING,
	  .offset = IN_GROUP(sentinel_user),
	  .preset = "\"\"",
	  .help = "The ACL user to log in as at the sentinels. They have users and\n"
		  "passwords of their own: what user, password_file, credential,\n"
		  "REDISCLI_AUTH and -a say is for the servers, and never told to them." },
	{ .scope = CONF_SCOPE_GROUP,
	  .kind = GROUP_SENTINEL,
	  .key = "sentinel_password_file",
	  .type = CONF_TYPE_STRING,
	  .offset = IN_GROUP(sentinel_password_file),
	  .check = check_absolute,
	  .preset = "\"\"",
	  .help = "A file whose first line is the sentinels' password, as private as\n"
		  "password_file." },
	{ .scope = CONF_SCOPE_GROUP,
	  .kind = GROUP_CLUSTER,
	  .key = "cluster",
	  .type = CONF_TYPE_SEEDS,
	  .offset = IN_GROUP(seeds),
	  .port = ENDPOINT_PORT,
	  .preset = "[ ]",
	  .help = "The urls of 1 to 32 nodes of a cluster, all rediss:// (TLS) or none.\n"
		  "All of its nodes are watched, masters and replicas, each as NAME/ID:\n"
		  "the element's name, which must be there, and the first 8 digits of\n"
		  "the node's ID." },
	{ .scope = CONF_SCOPE_GROUP,
	  .kind = GROUP_CLUSTER,
	  .key = "cluster_publish",
	  .type = CONF_TYPE_BOOL,
	  .offset = IN_GROUP(shard),
	  .choice = publish_choice,
	  .preset = "\"all\"",
	  .help = "How to publish. all: by PUBLISH, which reaches the subscribers of\n"
		  "every node, and costs every node its part. shard: by SPUBLISH (Redis\n"
		  "7.0), which stays in the shard of the node that it tells of; behind\n"
		  "the channel's name follows then, in braces, the tag of a slot of that\n"
		  "shard, and there may be no other braces than {name} in it." },
	{ .scope = CONF_SCOPE_GROUP,
	  .kind = GROUP_FILE,
	  .key = "targets_file",
	  .type = CONF_TYPE_STRING,
	  .offset = IN_GROUP(targets_file),
	  .check = check_absolute,
	  .preset = "\"\"",
	  .help = "A file with a target a line: a url and, behind it, a name if it is to\n"
		  "have one; or JSON as Prometheus' file_sd has it. It is looked at once\n"
		  "a second. It may also stand outside of targets, by itself." },
};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

static const struct {
	const char *name, *help;
} scopes[] = {
	[CONF_SCOPE_CONTROL] = { "control", "The control socket." },
	[CONF_SCOPE_LOG] = { "log", "The log, on stderr." },
	[CONF_SCOPE_TARGET] = { "defaults",
				"What holds for each target that does not say otherwise." },
	[CONF_SCOPE_GROUP] = { "targets",
			       "In place of the url an element may say where pinfod finds "
			       "its targets,\n"
			       "and goes on finding them; whatever else it says holds for "
			       "each of these." },
};

void
conf_seeds_fini(struct conf_seeds *seeds)
{
	for (size_t i = 0; i < seeds->count; i++)
		endpoint_fini(&seeds->list[i]);
	free(seeds->list);
	*seeds = (struct conf_seeds){ 0 };
}

const struct conf_option *
conf_option_at(size_t i)
{
	return i < OPTIONS ? &options[i] : NULL;
}

const struct conf_option *
conf_option_find(enum conf_scope scope, const char *key)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (options[i].scope == scope && strcmp(options[i].key, key) == 0)
			return &options[i];
	}
	return NULL;
}

const char *
conf_scope_name(enum conf_scope scope)
{
	return scopes[scope].name;
}

const char *
conf_scope_help(enum conf_scope scope)
{
	return scopes[scope].help;
}
