"""The configuration file: what is accepted, what is refused, and how.

Nothing here starts a daemon: --test-config says it all.
"""

import os
import random
import re
import subprocess

import pytest

from harness import (
    SLOW, ConfFile, clean_environment, conf_group, conf_target, conf_text,
    die_with_parent, parse_conf, pinfod_binary, quoted, run_pinfod,
)
from harness.daemon import ROOT

SHIPPED = ROOT / "etc" / "pinfod.conf"
USAGE, CONFIG = 64, 78
STRANGER = 12345
ENV = {"RUNTIME_DIRECTORY": "/run/x"}
ODD = 'quote " backslash \\ tab \t line \n cr \r bell \x07 \x7f end é € 😀 # // /*'

as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become other users",
)


@pytest.fixture
def conf(tmp_path):
    return ConfFile(tmp_path)


def check(conf, *flags, env=None, **options):
    """pinfod --test-config on a file, or on a path."""
    path = getattr(conf, "path", conf)
    return run_pinfod("--config", path, "--test-config", *flags,
                      env={**ENV, **(env or {})}, **options)


def accepted(conf, *flags, env=None):
    """What is in force, parsed; no error and no warning."""
    done = check(conf, *flags, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    return parse_conf(done.stdout)


def errors_of(done, code=CONFIG):
    """The error lines of a run that was refused, without `pinfod: `."""
    assert done.returncode == code, done
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines and all(line.startswith("pinfod: ") for line in lines), lines
    return [line[len("pinfod: "):] for line in lines]


def one_error(conf, *flags, env=None, code=CONFIG):
    lines = errors_of(check(conf, *flags, env=env), code)
    assert len(lines) == 1, lines
    return lines[0]


def target_with(**options):
    return conf_text(conf_target("redis://h:1", name="t", **options))


# The shipped file, and what is in force without one.


def test_shipped_file_is_accepted():
    """etc/pinfod.conf has no errors."""
    assert accepted(SHIPPED)["targets"][0]["name"] == "local"


def test_shipped_file_is_what_is_printed():
    """etc/pinfod.conf is what --sample-config prints, to the byte."""
    done = run_pinfod("--sample-config")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == SHIPPED.read_text()


def test_presets_of_the_shipped_file_are_in_force_without_it():
    """It documents every option with what it is when nobody says so."""
    shipped, without = accepted(SHIPPED), accepted("/dev/null")
    shipped["targets"][0]["name"] = "default"
    assert shipped == without


def test_shipped_file_names_every_option(conf):
    """What --test-config prints stands in the shipped file."""
    documented = SHIPPED.read_text()
    in_force = accepted(conf)
    keys = [*in_force["control"], *in_force["log"], *in_force["targets"][0]]
    missing = [key for key in keys if not re.search(rf"\b{key}\b", documented)]
    assert not missing


@pytest.mark.parametrize("path", ["/dev/null", "empty", "comment", "none"])
def test_nothing_configured(path, conf):
    """No targets: one called default on 127.0.0.1:6379."""
    if path == "comment":
        conf.write("# nothing\n/* at all */\n")
    if path == "none":
        conf.write("targets: ( );\n")
    target, = accepted(path if path[0] == "/" else conf)["targets"]
    assert (target["name"], target["url"]) == ("default", "redis://127.0.0.1:6379")


# What --test-config prints is a configuration that says the same.

SENTINELS = {"sentinels": ["redis://s1", "redis://s2:2"], "master": "m"}
CLUSTER = {"name": "o", "cluster": ["redis://n1:7000"]}
PRINTED = {
    "nothing": "",
    "groups": 'targets_file = "/top \\" \\\\";\n' + conf_text(
        conf_target("redis://h"),
        conf_group(**SENTINELS),
        conf_group(**SENTINELS, name="s", replicas=True, sentinel_user=ODD,
                   sentinel_password_file="/" + ODD, channel="{name}{x}",
                   password_file="/nowhere/p", interval=9, sample=2),
        conf_group(**CLUSTER, stopped=True, incidents=["aof.* off"]),
        conf_group(name="t", cluster="rediss://[::1]", cluster_publish="shard",
                   sni="n", notices="{name}", format="json", verify="none"),
        conf_group(targets_file="/f", sni="n", verify="none", user="u"),
        defaults={"channel": "c", "memory_limit": "1GiB"}),
    "every option": conf_text(
        conf_target("redis://h:1", name="a", interval="100ms", channel="c",
                    user="u", password_file="/nowhere/p", stopped=True,
                    sample=0.1, format="json", notices="", expect="both",
                    memory_limit="500MB",
                    incidents=["aof.* off", "aof.backlog size=1kB",
                               'a.b info when keys>1: "T" \\ é']),
        conf_target("unix:///run/r.sock"),
        conf_target("redis://[::1]:7000", stopped=False, user=""),
        control={"path": "/run/a b/c", "group": "root"},
        log={"level": "debug"},
        defaults={"interval": 86400, "channel": "x:{name}", "user": "d",
                  "password_file": "/nowhere/d", "stopped": True,
                  "sample": 7, "format": "text", "notices": "n:{name}",
                  "expect": "rdb", "memory_limit": 1024,
                  "incidents": ["* off", "rdb.* on", "rdb.stale warning=3h"]}),
    "odd channel": target_with(channel=ODD),
    "odd user": target_with(user=ODD),
    "odd password_file": target_with(password_file="/" + ODD),
    "odd control path": conf_text(control={"path": "/" + ODD}),
    "odd socket": conf_text(conf_target("unix:///" + ODD, name="t")),
    "odd name": conf_text(conf_target("redis://h", name=r"!#$%&()*+,/<=>?@[\]^`|~")),
    "bytes that are no UTF-8": r'defaults: { channel = "\xff\xfe\x80"; };',
    "channel in braces": target_with(channel="{name}{nam}{}{{name}}"),
    "zone": conf_text(conf_target("redis://[fe80::1%eth0]:1")),
    "longest channel": target_with(channel="c" * 256),
    "longest name": conf_text(conf_target("redis://h", name="n" * 255)),
    "a thousand targets": conf_text(
        *[conf_target(f"redis://h{n}:1") for n in range(1000)]),
}


@pytest.mark.parametrize("text", PRINTED.values(), ids=PRINTED)
def test_round_trip(text, conf):
    """What is printed is read again to the same."""
    conf.write(text)
    first = check(conf)
    assert first.returncode == 0, first
    conf.write(os.fsencode(first.stdout))
    second = check(conf)
    assert (second.returncode, second.stdout) == (0, first.stdout)


def test_round_trip_of_a_long_channel_by_name(conf):
    """{name} does not make a channel longer than one may be: an error."""
    conf.write(conf_text(conf_target("redis://h", name="n" * 200,
                                     channel="{name}{name}")))
    assert "256" in one_error(conf)


def test_round_trip_with_flags(conf, tmp_path):
    """The flags' part is printed with the file's."""
    conf.write(conf_text(conf_target("redis://h", name="t")))
    first = check(conf, "--control", "here.sock", "-i", "2m", "--stopped",
                  "--channel", "c", "--user", "u", "--log-level", "info")
    assert first.returncode == 0, first
    conf.write(first.stdout)
    assert accepted(conf)["targets"] == parse_conf(first.stdout)["targets"]


def test_round_trip_of_odd_values_loses_nothing(conf):
    """They are printed as they were given."""
    conf.write(target_with(channel=ODD, user=ODD))
    target, = accepted(conf)["targets"]
    assert (target["channel"], target["user"]) == (ODD, ODD)


def test_unprintable_file_name_cannot_break_it(tmp_path):
    """The comment that names the file stays a comment."""
    path = tmp_path / "a\nlog = 3;\n"
    path.write_text("")
    parse_conf(check(path).stdout)


# Every option: good values, at both ends of what is allowed.

GOOD = [
    ("control", "path", '"/run/p"', "/run/p"),
    ("control", "path", quoted("/" + "p" * 106), "/" + "p" * 106),
    ("control", "path", '""', "/run/x/pinfod.sock"),
    ("control", "group", '"root"', "root"),
    ("control", "group", '""', ""),
    *[("log", "level", quoted(level), level)
      for level in ("error", "warning", "notice", "info", "debug")],
    *[("target", "interval", given, printed) for given, printed in [
        ('"0.1"', "0.1s"), ('"100ms"', "0.1s"), ("0.1", "0.1s"),
        ("1", "1s"), ("5", "5s"), ("5L", "5s"), ("0x10", "16s"),
        ("5.0", "5s"), ("1e1", "10s"), ("+5", "5s"), ("86400", "86400s"),
        ("86400.0", "86400s"), ("86400L", "86400s"), ('"1d"', "86400s"),
        ('"24h"', "86400s"), ('"1440m"', "86400s"), ('"1.5"', "1.5s"),
        ('"86400000ms"', "86400s"), ("0.25", "0.25s"), ('"0010"', "10s"),
    ]],
    ("target", "channel", '"c"', "c"),
    ("target", "channel", quoted("c" * 256), "c" * 256),
    ("target", "channel", '""', "pinfo"),
    ("target", "channel", '"a {name} b"', "a t b"),
    ("target", "user", '"u"', "u"),
    ("target", "user", '""', ""),
    ("target", "password_file", '""', ""),
    ("target", "credential", '""', None),
    *[("target", "sample", given, printed) for given, printed in [
        ('"0.1"', "0.1s"), ('"100ms"', "0.1s"), ("1", "1s"), ("5", "5s"),
        ("0.7", "0.7s"),
    ]],
    ("target", "format", '"json"', "json"),
    ("target", "format", '"TEXT"', "text"),
    ("target", "notices", '"n"', "n"),
    ("target", "notices", '""', ""),
    ("target", "notices", '"a {name} b"', "a t b"),
    ("target", "notices", quoted("c" * 256), "c" * 256),
    *[("target", "expect", quoted(word), word)
      for word in ("any", "none", "rdb", "aof", "both")],
    *[("target", "memory_limit", given, printed) for given, printed in [
        ('""', ""), ("0", ""), ('"0"', ""), ("1", "1"), ('"2gb"', "2GiB"),
        ('"2GB"', "2GB"), ('"1GiB"', "1GiB"), ('"1k"', "1kB"),
        ("1073741824", "1GiB"), ("4294967296L", "4GiB"),
        ('"8192TiB"', "8192TiB"),
    ]],
    *[("target", "incidents", given, printed) for given, printed in [
        ("[ ]", []), ("( )", []), ('["rdb.stale off"]', ["rdb.stale off"]),
        ('("rdb.stale off")', ["rdb.stale off"]),
        ('["rdb.stale off", "rdb.stale on"]', []),
        ('["rdb.save_slow warning=300"]', ["rdb.save_slow warning=5m"]),
        ('["a.b info when keys>1:T"]', ["a.b info when keys > 1: T"]),
    ]],
    ("target", "stopped", "true", True),
    ("target", "stopped", "FALSE", False),
]


def one_option(scope, key, value):
    """A file with that option, and nothing else to complain about."""
    if scope != "target":
        return f"{scope}: {{\n\t{key} = {value};\n}};\n"
    name = 'name = "t"; ' if key != "name" else ""
    url = 'url = "redis://h"; ' if key != "url" else ""
    return f"targets: ( {{ {name}{url}\n\t{key} = {value}; }} );\n"


@pytest.mark.parametrize(
    "scope, key, value, printed", GOOD,
    ids=[f"{row[1]} {row[2][:20]}" for row in GOOD])
def test_good_value(scope, key, value, printed, conf):
    """It is accepted, and in force."""
    conf.write(one_option(scope, key, value))
    in_force = accepted(conf)
    group = in_force["targets"][0] if scope == "target" else in_force[scope]
    assert group.get(key) == printed


@pytest.mark.parametrize(
    "key, value, printed", [row[1:] for row in GOOD if row[0] == "target"],
    ids=[f"{row[1]} {row[2][:20]}" for row in GOOD if row[0] == "target"])
def test_good_default(key, value, printed, conf):
    """In defaults it holds for a target that says nothing."""
    conf.write(f'targets: ( {{ url = "redis://h"; name = "t"; }} );\n'
               f"defaults: {{ {key} = {value}; }};\n")
    assert accepted(conf)["targets"][0].get(key) == printed


@pytest.mark.parametrize("name", ["a", "n" * 255, "json2", r"\[x]", "a:1/b"])
def test_good_name(name, conf):
    """Names are 1 to 255 printable characters."""
    conf.write(conf_text(conf_target("redis://h", name=name)))
    assert accepted(conf)["targets"][0]["name"] == name


@pytest.mark.parametrize("url, name", [
    ("redis://h", "h:6379"), ("redis://h:1", "h:1"), ("redis://h/7", "h:6379"),
    ("REDIS://h:65535", "h:65535"), ("redis://[::1]", "[::1]:6379"),
    ("redis://127.0.0.1:2", "127.0.0.1:2"), ("unix:///r.sock", "/r.sock"),
    ("unix:///" + "s" * 105, "/" + "s" * 105),
])
def test_target_without_name(url, name, conf):
    """It is called by its address."""
    conf.write(conf_text(conf_target(url)))
    assert accepted(conf)["targets"][0]["name"] == name


def test_lone_word_in_the_url(conf):
    """redis://word@host: a password to redis-cli.  So nobody documents it."""
    assert "@" not in SHIPPED.read_text()
    conf.write(conf_text(conf_target("redis://me@h:1", name="t")))
    assert "me" not in re.findall(r"\w+", one_error(conf))


def test_defaults_may_stand_last(conf):
    """The order of the groups does not matter."""
    conf.write('targets: ( { url = "redis://h"; } );\n'
               "defaults: { interval = 7; };\n")
    assert accepted(conf)["targets"][0]["interval"] == "7s"


def test_target_outweighs_defaults(conf):
    """Each option of a target goes before that of defaults."""
    conf.write(conf_text(
        conf_target("redis://h", interval=1, channel="t", user="t",
                    stopped=False),
        conf_target("redis://i", channel="", user=""),
        defaults={"interval": 2, "channel": "d", "user": "d", "stopped": True}))
    one, two = accepted(conf)["targets"]
    picked = [(t["interval"], t["channel"], t["user"], t["stopped"])
              for t in (one, two)]
    assert picked == [("1s", "t", "t", False), ("2s", "pinfo", "", True)]


# Every option: bad values.

BAD = [
    ("control", "path", '"relative"', ["relative", "absolute", "107"]),
    ("control", "path", quoted("/" + "p" * 107), ["108 bytes", "107"]),
    ("log", "level", '"loud"', ["loud", "error, warning, notice, info, debug"]),
    ("log", "level", '" info"', ["' info'", "error, warning"]),
    *[("target", "interval", value, [found, "0.1 to 86400", "ms s m h d"])
      for value, found in [
          ("0", "0 "), ("-5", "-5"), ("0.09", "0.09"), ('"99ms"', "99ms"),
          ("86401", "86401"), ("86400.1", "86400"), ('"25h"', "25h"),
          ('"2d"', "2d"), ('"often"', "often"), ('"5x"', "5x"), ('""', "''"),
          ('"5 s"', "5 s"), ('"-1"', "-1"), ('"nan"', "nan"), ('"inf"', "inf"),
          ("1e400", ""), ("-1e400", ""), ("86401L", "86401"), ("0xFFFFF", ""),
          ('"99999999999999999999d"', "9999"), ("0x80000000", ""),
          ("-2147483648", "-2147483648"), ("2147483647", "2147483647"),
          ("99999999999L", "99999999999"), ("3000000000.0", "3e+09"),
      ]],
    *[("target", "sample", value, [found, "0.1 to 86400", "ms s m h d"])
      for value, found in [("0", "0 "), ("0.09", "0.09"), ('"x"', "x"),
                           ("86401", "86401"), ('""', "''")]],
    ("target", "sample", "5.1", ["5.1", "longer than the interval", "5"]),
    ("target", "format", '"xml"', ["xml", "text, json"]),
    ("target", "expect", '"all"', ["all", "any, none, rdb, aof, both"]),
    ("target", "notices", quoted("c" * 257), ["256", "257"]),
    *[("target", "memory_limit", value, [found, "8192TiB", "KiB", "redis.conf"])
      for value, found in [("-1", "-1"), ("1.5", "1.5"), ('"2Gb"', "2Gb"),
                           ('"8193TiB"', "8193"), ('"lots"', "lots"),
                           ("true", "true or false")]],
    ("target", "incidents", '"rdb.stale off"', ["a string", "array"]),
    ("target", "incidents", '["rdb.stal off"]', ["[0]", "'rdb.stale'"]),
    ("target", "incidents", '["rdb.stale off", "rdb.stale warnin=1h"]',
     ["[1]", "did you mean 'warning'"]),
    ("target", "incidents", "[5]", ["[0]", "a number", '"string"']),
    ("target", "channel", quoted("c" * 257), ["256", "257"]),
    ("target", "password_file", '"secret"', ["secret", "absolute"]),
    ("target", "password_file", '"~/secret"', ["~/secret", "absolute"]),
    ("target", "credential", '"a/b"', ["a/b", "credential"]),
    ("target", "credential", '".."', ["..", "credential"]),
    ("target", "credential", '"c"', ["CREDENTIALS_DIRECTORY"]),
    ("target", "name", '""', ["1 to 255"]),
    ("target", "name", quoted("n" * 256), ["1 to 255", "256"]),
    ("target", "name", '"a b"', ["a b", "printable"]),
    ("target", "name", '"JSON"', ["JSON", "STATUS"]),
    ("target", "name", '"a{b"', ["a{b", "braces"]),
    ("target", "name", quoted('a"b'), ["quotes"]),
    ("target", "name", '"é"', ["printable"]),
    ("target", "url", '""', ["redis://", "unix://"]),
    ("target", "url", '"h:1"', ["h:1", "redis://", "unix://"]),
    ("target", "url", '"http://h"', ["http://h", "redis://"]),
    ("target", "url", '"rediss://"', ["host"]),
    ("target", "url", '"redisss://h"', ["redisss://h", "rediss://"]),
    ("target", "url", '"redis://"', ["host"]),
    ("target", "url", '"redis://h:0"', ["'0'", "1 to 65535"]),
    ("target", "url", '"redis://h:65536"', ["65536", "1 to 65535"]),
    ("target", "url", '"redis://h:x"', ["'x'", "1 to 65535"]),
    ("target", "url", '"redis://h h"', ["h h", "letters"]),
    ("target", "url", quoted("redis://" + "h" * 256), ["255"]),
    ("target", "url", '"redis://[::1"', ["["]),
    ("target", "url", '"unix://r.sock"', ["r.sock", "/"]),
    ("target", "url", quoted("unix:///" + "s" * 106), ["107 bytes", "106"]),
]


@pytest.mark.parametrize("scope, key, value, parts", BAD,
                         ids=[f"{row[1]} {row[2][:20]}" for row in BAD])
def test_bad_value(scope, key, value, parts, conf):
    """File, line, key, what was found and what is allowed."""
    conf.write(one_option(scope, key, value))
    line = one_error(conf)
    assert line.startswith(f"{conf.path}:2: "), line
    assert re.search(rf"\b{key}\b", line), line
    for part in parts:
        assert part in line, (part, line)


STRING = ["path", "group", "level", "channel", "user", "password_file",
          "credential", "name", "url"]
KINDS = {
    "an int": ("7", "a number"), "a long": ("7L", "a number"),
    "a float": ("7.5", "a number"), "a bool": ("true", "true or false"),
    "a list": ('("x")', "a list"), "an array": ('["x"]', "an array"),
    "a group": ('{ x = "y"; }', "a group"), "a string": ('"yes"', "a string"),
}
WRONG = [
    (scope, key, kind)
    for scope, key in [("control", "path"), ("control", "group"),
                       ("log", "level"), ("target", "interval"),
                       ("target", "channel"), ("target", "user"),
                       ("target", "password_file"), ("target", "credential"),
                       ("target", "stopped"), ("target", "name"),
                       ("target", "url")]
    for kind in KINDS
    if not (key in STRING and kind == "a string")
    and not (key == "stopped" and kind == "a bool")
    and not (key == "interval" and kind in ("an int", "a long", "a float",
                                            "a string"))
]


@pytest.mark.parametrize("scope, key, kind", WRONG,
                         ids=[f"{row[1]} {row[2]}" for row in WRONG])
def test_wrong_type(scope, key, kind, conf):
    """Each type where another is meant: what it is, and what is allowed."""
    value, found = KINDS[kind]
    allowed = {"stopped": "true or false", "interval": "0.1 to 86400"}
    conf.write(one_option(scope, key, value))
    line = one_error(conf)
    assert line.startswith(f"{conf.path}:2: "), line
    for part in (key, found, allowed.get(key, '"string"')):
        assert part in line, (part, line)


@pytest.mark.parametrize("name", ["control", "log", "defaults", "targets"])
@pytest.mark.parametrize("kind", KINDS)
def test_wrong_type_of_a_group(name, kind, conf):
    """The groups, too; and a target must be a group."""
    value, found = KINDS[kind]
    if kind == "a group":
        value, wanted = ("[1]", "a list") if name == "targets" else ("()", "a group")
        found = "an array" if name == "targets" else "a list"
    else:
        wanted = "a list" if name == "targets" else "a group"
        if name == "targets" and kind == "a list":
            found, wanted, name = "a string", "a group", "targets[0]"
    conf.write(f"\n\n{name.partition('[')[0]} = {value};\n")
    line = one_error(conf)
    assert line.startswith(f"{conf.path}:3: {name}: "), line
    assert found in line and wanted in line


@pytest.mark.parametrize("text, line, parts", [
    ('targets: (\n{ name = "x"; } );', 2, ["targets[0]", "url"]),
    ('targets: (\n{ },\n{ url = "redis://h"; } );', 2, ["targets[0]", "url"]),
    ('targets: ( { url = "redis://h"; },\n"redis://i" );', 2,
     ["targets[1]", "a string", "a group"]),
])
def test_incomplete_target(text, line, parts, conf):
    """A target without a url, or that is none."""
    conf.write(text)
    got = one_error(conf)
    assert got.startswith(f"{conf.path}:{line}: "), got
    assert all(part in got for part in parts), got


def test_line_of_each_incident(conf):
    """Each text has its own errors, at its own line."""
    conf.write('defaults: { incidents = [\n"x off",\n"* off",\n"y off" ]; };')
    lines = errors_of(check(conf))
    assert [line.split(": ")[:2] for line in lines] == [
        [f"{conf.path}:2", "defaults.incidents[0]"],
        [f"{conf.path}:4", "defaults.incidents[2]"]]


def test_incidents_of_defaults_and_target(conf):
    """A target's come after those of defaults; another has defaults' only."""
    conf.write(conf_text(
        conf_target("redis://a", incidents=["rdb.stale on", "link.busy off"]),
        conf_target("redis://b"),
        defaults={"incidents": ["rdb.stale off", "x.y info when keys > 1: T"]}))
    one, two = accepted(conf)["targets"]
    own = "x.y info when keys > 1: T"
    assert one["incidents"] == ["link.busy off", own]
    assert two["incidents"] == ["rdb.stale off", own]


def test_two_targets_on_one_notices_channel(conf):
    """It is fine: a notice says of whom it is."""
    conf.write(conf_text(conf_target("redis://a", channel="a"),
                         conf_target("redis://b", channel="b"),
                         defaults={"notices": "n"}))
    assert [t["notices"] for t in accepted(conf)["targets"]] == ["n", "n"]


def test_notices_on_the_feeds_channel(conf):
    """A warning, but for a feed that is JSON, too."""
    conf.write(target_with(notices="pinfo"))
    done = check(conf)
    assert done.returncode == 0 and "target t: notices: " in done.stderr
    conf.write(target_with(notices="pinfo", format="json"))
    accepted(conf)


def test_effective_sample(conf):
    """--test-config tells what is made of a sample that does not divide."""
    conf.write(target_with(sample=0.7))
    assert "# a sample every 0.625 s" in check(conf).stdout
    conf.write(target_with(sample=0.5))
    assert "# a sample" not in check(conf).stdout


# Elements of targets that stand for several.


@pytest.mark.parametrize("options, printed", [
    (SENTINELS, {"name": "m", "master": "m", "replicas": False,
                 "sentinels": ["redis://s1:26379", "redis://s2:2"],
                 "sentinel_user": "", "sentinel_password_file": "",
                 "channel": "pinfo"}),
    ({**SENTINELS, "name": "n", "replicas": True},
     {"name": "n", "master": "m", "replicas": True, "channel": "pinfo:{name}"}),
    ({**SENTINELS, "sentinels": "rediss://s"},
     {"sentinels": ["rediss://s:26379"]}),
    ({**SENTINELS, "replicas": True, "channel": "c"}, {"channel": "c"}),
    (CLUSTER, {"name": "o", "cluster": ["redis://n1:7000"],
               "cluster_publish": "all", "channel": "pinfo:{name}",
               "notices": "pinfo:notice"}),
    ({**CLUSTER, "cluster": "redis://n"}, {"cluster": ["redis://n:6379"]}),
    ({**CLUSTER, "cluster": [f"redis://n{n}" for n in range(32)]},
     {"cluster": [f"redis://n{n}:6379" for n in range(32)]}),
    ({**CLUSTER, "cluster_publish": "Shard", "channel": "a{name}b{name}"},
     {"cluster_publish": "shard", "channel": "a{name}b{name}"}),
    ({**CLUSTER, "channel": "{}"}, {"channel": "{}"}),
    # An empty string says: as if it were not there.
    ({**CLUSTER, "targets_file": "", "master": ""}, {"name": "o"}),
    ({"targets_file": "/f"}, {"targets_file": "/f", "channel": "pinfo",
                              "name": None}),
    ({"targets_file": "/f", "interval": 1, "user": "u", "expect": "aof"},
     {"interval": "1s", "user": "u", "expect": "aof"}),
], ids=lambda value: str(value)[:40])
def test_group(options, printed, conf):
    """It is accepted, and in force; nobody else's server is watched."""
    conf.write(conf_text(conf_group(**options)))
    group, = accepted(conf)["targets"]
    assert {key: group.get(key) for key in printed} == printed


@pytest.mark.parametrize("options, parts", [
    ({**CLUSTER, "url": "redis://h"}, ["url", "cluster", "one of url"]),
    ({**CLUSTER, **SENTINELS}, ["sentinels", "cluster", "one of url"]),
    ({**CLUSTER, "targets_file": "/f"}, ["cluster", "targets_file", "one of"]),
    ({"name": "x"}, ["no url", "sentinels, cluster or targets_file"]),
    ({**CLUSTER, "master": "m"}, ["master", "beside sentinels"]),
    ({"url": "redis://h", "replicas": False}, ["replicas", "sentinels"]),
    ({**SENTINELS, "cluster_publish": "all"}, ["publish", "beside cluster"]),
    ({"targets_file": "/f", "sentinel_user": "u"}, ["sentinel_user"]),
    ({"sentinels": "redis://h"}, ["no master"]),
    ({"sentinels": "redis://h", "master": ""}, ["no master"]),
    ({"sentinels": "redis://h", "master": 7}, ["master", "a number"]),
    ({"sentinels": "redis://h", "master": "my master"}, ["master", "without blanks"]),
    ({"cluster": "redis://h"}, ["no name"]),
    ({**CLUSTER, "name": 7}, ["name", "a number"]),
    ({**CLUSTER, "name": ""}, ["1 to 255"]),
    ({"targets_file": "/f", "name": "x"}, ["a file has none"]),
    ({"targets_file": "f"}, ["targets_file", "'f'", "absolute"]),
    ({**CLUSTER, "cluster": 7}, ["cluster", "a number", "array"]),
    ({**CLUSTER, "cluster": True}, ["cluster", "true or false", "array"]),
    ({**CLUSTER, "cluster": []}, ["0 urls", "1 to 32"]),
    ({**CLUSTER, "cluster": [f"redis://n{n}" for n in range(33)]},
     ["33 urls", "1 to 32"]),
    ({**CLUSTER, "cluster": ""}, ["no url"]),
    ({**CLUSTER, "cluster": ["redis://a", "b"]}, ["cluster[1]", "'b'"]),
    ({**CLUSTER, "cluster": ["redis://a", "redis://A:6379"]},
     ["cluster[1]", "twice"]),
    ({**SENTINELS, "sentinels": ["redis://a", "redis://a:26379"]},
     ["sentinels[1]", "twice"]),
    ({**CLUSTER, "cluster": ["rediss://a", "redis://b"]},
     ["cluster[1]", "rediss://", "all must or none"]),
    ({**CLUSTER, "cluster": "unix:///r"}, ["/r", "rediss:// are allowed"]),
    ({**CLUSTER, "cluster": ["redis://x:hunter2@h"]},
     ["cluster[0]", "that in password_file"]),
    ({**SENTINELS, "sentinels": ["redis://x:hunter2@h"]},
     ["sentinels[0]", "sentinel_password_file"]),
    ({**SENTINELS, "sentinel_password_file": "p"}, ["'p'", "absolute"]),
    ({**CLUSTER, "cluster_publish": "none"}, ["'none'", "all, shard"]),
    ({**CLUSTER, "cluster_publish": "shard", "channel": "{x}"}, ["'{x}'"]),
    ({**CLUSTER, "cluster_publish": "shard", "notices": "{name"}, ["'{name'"]),
    ({**CLUSTER, "channel": "{name}" + "c" * 247}, ["o/0123abcd", "257"]),
    ({**CLUSTER, "name": "n" * 247}, ["255", "256"]),
    ({**CLUSTER, "nmae": "x"}, ["did you mean 'name'"]),
    ({**CLUSTER, "interval": 0}, ["interval"]),
    ({**CLUSTER, "verify": "none"}, ["TLS", "urls do not begin"]),
], ids=lambda value: str(value)[:60])
def test_bad_group(options, parts, conf):
    """One error, with file, line and what is allowed."""
    conf.write("\ntargets: ( " + conf_group(**options) + " );\n")
    line = one_error(conf)
    assert line.startswith(f"{conf.path}:2: targets[0]"), line
    assert "hunter2" not in line
    for part in parts:
        assert part in line, (part, line)


def test_all_errors_of_groups_at_once(conf):
    """Also those of an element that nobody knows what it is."""
    conf.write("targets: ( {\nstopped = 7; },\n"
               '{ name = "a b"; cluster = [\n"x" ];\nmaster = "m"; } );')
    lines = [re.match(rf"{re.escape(str(conf.path))}:(\d+): (\S+?):? ", line)
             for line in errors_of(check(conf))]
    assert sorted((line[1], line[2]) for line in lines) == [
        ("1", "targets[0]"), ("2", "targets[0].stopped"), ("3", "targets[1]"),
        ("4", "targets[1].cluster[0]"), ("5", "targets[1]")]


def test_targets_file_outside_of_targets(conf):
    """The same as an element that says nothing else; beside others."""
    conf.write('targets_file = "/f";\ndefaults: { interval = 7; };\n')
    alone = accepted(conf)["targets"]
    conf.write(conf_text(conf_group(targets_file="/f"), defaults={"interval": 7}))
    assert accepted(conf)["targets"] == alone
    conf.write('targets_file = "/f";\n' + conf_text(conf_target("redis://h")))
    assert len(accepted(conf)["targets"]) == 2
    conf.write('\ntargets_file = "f";\n')
    assert one_error(conf).startswith(f"{conf.path}:2: targets_file: 'f'")
    conf.write('targets_file = "";\n')
    assert accepted(conf)["targets"][0]["name"] == "default"


NAMED = {"target": conf_target("redis://h", name="x"),
         "cluster": conf_group(name="x", cluster="redis://n"),
         "sentinels": conf_group(sentinels="redis://s", master="x")}


@pytest.mark.parametrize("one, other, what", [
    ("target", "cluster", "a target and a group"),
    ("sentinels", "target", "a target and a group"),
    ("cluster", "sentinels", "two groups"),
])
def test_names_of_groups_and_targets(one, other, what, conf):
    """They are one space."""
    conf.write(conf_text(NAMED[one], NAMED[other]))
    line = one_error(conf)
    assert what in line and "'x'" in line and str(conf.path) in line


def test_one_file_twice(conf):
    """An error; but a target may be called like a file."""
    conf.write(conf_text(*2 * [conf_group(targets_file="/f")]))
    assert "'/f' is there twice" in one_error(conf)
    conf.write(conf_text(conf_group(targets_file="/f"), conf_target("unix:///f")))
    accepted(conf)


@pytest.mark.parametrize("groups, error", [
    ([CLUSTER, {**CLUSTER, "name": "p"}], None),
    ([{**CLUSTER, "channel": "c"}, {**CLUSTER, "name": "p", "channel": "c"}],
     "on the same channel"),
    ([SENTINELS, {**SENTINELS, "name": "n", "replicas": True}], None),
    ([SENTINELS, {**SENTINELS, "name": "n"}], "on the same channel"),
], ids=["cluster", "one channel", "sentinels", "same master"])
def test_one_group_twice(groups, error, conf):
    """The same servers by two names: as with targets."""
    conf.write(conf_text(*[conf_group(**group) for group in groups]))
    if error:
        assert error in one_error(conf)
    else:
        done = check(conf)
        assert done.returncode == 0 and "is watched twice" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_groups_that_have_a_seed_in_common(conf):
    """Sentinels watch many masters; nodes are of one cluster."""
    conf.write(conf_text(conf_group(**SENTINELS),
                         conf_group(**{**SENTINELS, "master": "n"})))
    accepted(conf)
    conf.write(conf_text(
        conf_group(name="a", cluster=["redis://x", "redis://y"]),
        conf_group(name="b", cluster=["redis://z", "redis://y", "redis://x"])))
    assert len(check(conf).stderr.splitlines()) == 1


@pytest.mark.parametrize("options", [CLUSTER, SENTINELS, {"targets_file": "/f"}],
                         ids=lambda options: list(options)[-1])
def test_password_by_flag_is_for_groups(options, conf):
    """It is a default there, too, and not shown; a file of its own outweighs it."""
    for own in ({}, {"password_file": "/nowhere"}):
        conf.write(conf_text(conf_group(**options, **own)))
        done = check(conf, env={"REDISCLI_AUTH": "hunter2"})
        assert ("# a password was given" in done.stdout) == (not own)
        assert "hunter2" not in done.stdout + done.stderr


def test_missing_password_files_of_a_group(conf):
    """Warnings, of the servers' and of the sentinels'."""
    conf.write(conf_text(conf_group(**SENTINELS, password_file="/nowhere/a",
                                    sentinel_password_file="/nowhere/b")))
    done = check(conf)
    assert done.returncode == 0
    assert re.search("group m: password_file: .*/nowhere/a", done.stderr)
    assert re.search("group m: sentinel_password_file: .*/nowhere/b", done.stderr)


def test_servers_by_flag_beside_groups(conf):
    """As beside targets: a usage message."""
    for text in ('targets_file = "/f";', conf_text(conf_group(**CLUSTER))):
        conf.write(text)
        assert "command line" in one_error(conf, "-h", "x", code=USAGE)


def test_too_many_targets(conf):
    """More than 10,000 are refused with the limit."""
    conf.write(conf_text(*['{url="redis://h%d";}' % n for n in range(10001)]))
    line = one_error(conf)
    assert "10001" in line and "10000" in line
    # What is printed must be readable again, and has all in one list.
    conf.write('targets_file = "/f";\n' + conf_text(
        *['{url="redis://h%d";}' % n for n in range(10000)]))
    assert "10001" in one_error(conf)


def test_all_errors_at_once(conf):
    """One run tells all errors, each with its line."""
    lines = [
        'control: { path = "relative";',
        "group = 3; };",
        'log: { level = "loud"; };',
        "logs: { };",
        "defaults: { intervall = 5;",
        "interval = 0;",
        "stopped = 1; };",
        'targets: ( { url = "redis://h"; channel = 5; },',
        '{ url = "http://h"; },',
        '{ name = "a b"; url = "redis://i"; },',
        "3 );",
    ]
    conf.write("\n".join(lines))
    got = errors_of(check(conf))
    numbers = [int(re.match(rf"{re.escape(str(conf.path))}:(\d+): ", line)[1])
               for line in got]
    assert sorted(numbers) == list(range(1, len(lines) + 1)), got


def test_unknown_group_is_told_with_the_others(conf):
    """control.group names a group of the system: an error like the others."""
    conf.write('control: {\n\tgroup = "no-such-group"; };\n'
               'log: { level = "loud"; };\n')
    got = errors_of(check(conf))
    assert any(line.startswith(f"{conf.path}:2: ") and "no-such-group" in line
               for line in got), got
    assert len(got) == 2


@pytest.mark.parametrize("wrong, right", [
    ("contrl: { };", "control"), ("lgo: { };", "log"),
    ("default: { };", "defaults"), ("target: ( );", "targets"),
    ("Targets: ( );", "targets"),
    ('control: { paht = "/x"; };', "path"),
    ('control: { groups = "x"; };', "group"),
    ('log: { lvel = "info"; };', "level"),
    ("defaults: { intervall = 5; };", "interval"),
    ("defaults: { Interval = 5; };", "interval"),
    ('defaults: { chanel = "x"; };', "channel"),
    ('defaults: { pasword_file = "/x"; };', "password_file"),
    ('defaults: { password-file = "/x"; };', "password_file"),
    ('defaults: { credentials = "x"; };', "credential"),
    ("defaults: { stoped = true; };", "stopped"),
    ('targets: ( { url = "redis://h"; nmae = "x"; } );', "name"),
    ('targets: ( { url = "redis://h"; uri = "x"; } );', "url"),
    ('targets: ( { url = "redis://h"; usr = "x"; } );', "user"),
])
def test_misspelt(wrong, right, conf):
    """A misspelt key names the one that is meant."""
    conf.write("\n" + wrong)
    line = one_error(conf)
    assert line.startswith(f"{conf.path}:2: "), line
    assert f"did you mean '{right}'" in line


@pytest.mark.parametrize("text, there_is", [
    ("frobnicate = 1;", "control, log, defaults, targets"),
    ("control: { frobnicate = 1; };", "path, group"),
    ("log: { frobnicate = 1; };", "level"),
    ("defaults: { frobnicate = 1; };", "interval, sample, channel"),
    ('targets: ( { url = "redis://h"; frobnicate = 1; } );', "name, url"),
    ("x" * 200 + " = 1;", "control, log"),
])
def test_unknown(text, there_is, conf):
    """One that resembles none gets the list."""
    conf.write(text)
    assert f"there is: {there_is}" in one_error(conf)


# libconfig's traps.

TRAPS = [
    "3000000000", "99999999999", "2147483648", "-2147483649", "+3000000000",
    "4294967296", "99999999999999999999999999999999999999", "010", "007",
    "-08", "00", "0x1FFFFFFFF", "0X100000005",
]


@pytest.mark.parametrize("number", TRAPS)
def test_number_that_libconfig_would_change(number, conf):
    """Named as it stands, with its line, whatever it was for."""
    conf.write('log: {\n level = "info"; };\n\n'
               f"defaults: {{ interval = {number}; }};")
    first = errors_of(check(conf))[0]
    assert first.startswith(f"{conf.path}:4: "), first
    assert f"'{number[:40]}'" in first
    assert re.search("32 bits|leading zero", first)


@pytest.mark.parametrize("number", ["3000000000", "010", "0x1FFFFFFFF"])
def test_such_a_number_in_an_included_file(number, conf, tmp_path):
    """The same, with the name and line of that file."""
    (tmp_path / "sub").write_text(f"\ninterval = {number};\n")
    conf.write('defaults: {\n@include "sub"\n};')
    assert errors_of(check(conf))[0].startswith(f"{tmp_path}/sub:2: '{number}'")


@pytest.mark.parametrize("text", [
    "# 3000000000 010", "// 99999999999", "/* 3000000000\n010 */",
    '/* " */ # "', '# "\ndefaults: { };',
    'defaults: { channel = "3000000000 010 0x1FFFFFFFF"; };',
    r'defaults: { channel = "a \" 3000000000"; };',
    r'defaults: { channel = "\\"; }; # 010',
    'defaults: { channel = "# /* //"; }; # 010',
    'defaults: { channel = "a" " 010"; };',
    'defaults: { channel = "two\nlines 010"; };',
    'targets: ( { name = "010"; url = "redis://10.0.0.1:01"; } );',
    'targets: ( { name = "a"; url = "redis://099999999999"; } );',
    "defaults: { interval = 5L; };", "defaults: { interval = 0.5; };",
    "defaults: { interval = 0x0A; };", "defaults: { interval = 1.000000; };",
])
def test_numbers_that_are_none(text, conf):
    """In strings and comments they are no trouble."""
    conf.write(text)
    accepted(conf)


def test_line_numbers_after_long_comments(conf):
    """Comments and strings of several lines are counted."""
    conf.write('/* a\nb\nc */ # d\ndefaults: { channel = "x\ny\\\nz"; };\n'
               "// e\ndefaults2 = 010;")
    assert errors_of(check(conf))[0].startswith(f"{conf.path}:8: '010'")


@pytest.mark.parametrize("text", [
    "defaults: { interval = 1; interval = 2; };",
    "log: { };\nlog: { };",
])
def test_setting_twice(text, conf):
    """One of two is not silently dropped."""
    conf.write(text)
    line = one_error(conf)
    assert line.startswith(f"{conf.path}:") and "duplicate" in line


# @include.


def test_include_beside_the_file(conf, tmp_path):
    """Relative names are relative to the file and not to where we are."""
    (tmp_path / "sub.conf").write_text("defaults: { interval = 7; };\n")
    conf.write('@include "sub.conf"\n')
    assert accepted(conf)["targets"][0]["interval"] == "7s"


def test_include_with_a_relative_config(tmp_path):
    """Also when --config itself is relative."""
    (tmp_path / "sub.conf").write_text("defaults: { interval = 7; };\n")
    (tmp_path / "main.conf").write_text('@include "sub.conf"\n')
    done = subprocess.run(
        [pinfod_binary(), "--test-config", "--config", "main.conf"],
        cwd=tmp_path, env=clean_environment(tmp_path), capture_output=True,
        text=True, timeout=5 * SLOW)
    assert parse_conf(done.stdout)["targets"][0]["interval"] == "7s"


def test_include_nested(conf, tmp_path):
    """Relative to the outermost file at each depth, inside a group as well."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d/one").write_text('  @include "d/two"\n')
    (tmp_path / "d/two").write_text('\t@include\t"three"\n')
    (tmp_path / "three").write_text("interval = 7;\n")
    conf.write('defaults: {\n@include "d/one"\n};\n')
    assert accepted(conf)["targets"][0]["interval"] == "7s"


def test_include_a_target_a_file(conf, tmp_path):
    """A list of targets from several files."""
    for n in range(9):
        (tmp_path / f"t{n}").write_text(conf_target(f"redis://h{n}"))
    parts = ",\n".join(f'@include "t{n}"\n' for n in range(9))
    conf.write(f"targets: (\n{parts});\n")
    assert len(accepted(conf)["targets"]) == 9


@pytest.mark.parametrize("text, line", [
    ("\n\ninterval = 0;", 3), ("interval = ;", 1), ("\nfrobnicate = 1;\n", 2),
    ("\n\n\nstopped = 1;", 4),
])
def test_error_in_an_included_file(text, line, conf, tmp_path):
    """It is told with the name and line of that file."""
    (tmp_path / "sub").write_text(text)
    conf.write('defaults: {\n@include "sub"\n};\n')
    assert re.match(rf"({re.escape(str(tmp_path))}/)?sub:{line}: ",
                    one_error(conf))


def test_error_after_an_include(conf, tmp_path):
    """The outer file's lines count on."""
    (tmp_path / "sub").write_text("interval = 5;\n\n\n")
    conf.write('defaults: {\n@include "sub"\nuser = 3; };\n')
    assert one_error(conf).startswith(f"{conf.path}:3: ")


@pytest.mark.parametrize("name, what", [
    ("missing", "No such file"),
    ("directory", "regular file"), (".", "regular file"),
    ("/", "regular file"), ("", ""), ("fifo", "regular file"),
    ("socket/x", "No such file"), ("nul", "NUL"), ("big", "16 MiB"),
    ("d" * 300, "too long"),
])
def test_include_of_what_cannot_be_read(name, what, conf, tmp_path):
    """One error, with the line of the @include; never a hang or a crash."""
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "nul").write_bytes(b"log: { };\0")
    with open(tmp_path / "big", "wb") as big:
        big.truncate(20_000_000)
    conf.write(f'log: {{ level = "info"; }};\n@include "{name}"\n')
    line = one_error(conf)
    assert line.startswith(f"{conf.path}:2: "), line
    assert what in line


@pytest.mark.parametrize("times", [1, 2, 8])
def test_include_of_itself(times, conf):
    """Endless includes are an error, also when each file includes many."""
    conf.write('@include "pinfod.conf"\n' * times)
    lines = errors_of(check(conf))
    assert f"{conf.path}:" in lines[0] and "nested" in lines[0]
    assert len(lines) <= 10


def test_include_in_a_circle(conf, tmp_path):
    """Also by way of another file."""
    (tmp_path / "sub").write_text('@include "pinfod.conf"\n')
    conf.write('@include "sub"\n')
    assert "nested" in one_error(conf)


@pytest.mark.parametrize("text", [
    '# @include "missing"', '#\n// @include "missing"',
    '/*\n@include "missing"\n*/', '/* a\n * b\n\t@include "missing"\n*/',
    'log: { level = "info"; }; # x\n/*\n@include "/"\n*/',
    'defaults: { channel = "\n@include missing\n"; };',
])
def test_include_that_is_none(text, conf):
    """In comments and strings it includes nothing."""
    conf.write(text)
    accepted(conf)


# Files.


@pytest.mark.parametrize("text, line", [
    ("defaults: { interval = 5", 1), ("log: {\nlevel = ;\n};", 2),
    ("log: {\n\nlevel = \"x\n", 4), ("}", 1), ("\n\n\n???", 4),
    ("log {\n}", 1), ("a\n=\n5\n5", 4), ("targets: (\n{}\n);\n)", 4),
    ("log: {\n} }", 2), ("a = [ 1, \"x\" ];", 1), ('log = "\\', 1),
])
def test_syntax_error(text, line, conf):
    """With file and line."""
    conf.write(text)
    got = errors_of(check(conf))[0]
    found = re.match(rf"{re.escape(str(conf.path))}:(\d+): ", got)
    assert found, got
    # Where a text ends too early, the last line or the one after it is right.
    assert line <= int(found[1]) <= line + 1


@pytest.mark.parametrize("kind, what", [
    ("missing", "No such file"), ("directory", "regular file"),
    ("fifo", "regular file"), ("socket", ""), ("nul", "NUL"),
    ("big", "16 MiB"), ("loop", ""), ("file/x", "Not a directory"),
])
def test_file_that_cannot_be_read(kind, what, conf, tmp_path):
    """One error that names the file and says why; at once."""
    path = tmp_path / kind
    (tmp_path / "file").write_text("")
    if kind == "directory":
        path.mkdir()
    if kind == "fifo":
        os.mkfifo(path)
    if kind == "socket":
        os.mknod(path, 0o140600)
    if kind == "nul":
        path.write_bytes(b"log: { };\n\0\n")
    if kind == "big":
        path.write_bytes(b"# 20 MB\n" * 2_500_000)
    if kind == "loop":
        path.symlink_to(path)
    line = one_error(path)
    assert line.startswith(f"{path}: ") and what in line


@as_root
def test_unreadable_file(conf):
    """For the user that pinfod runs as: told, and 78."""
    conf.path.chmod(0o600)
    for directory in list(conf.path.parents)[:3]:
        if str(directory).startswith("/tmp/"):
            directory.chmod(directory.stat().st_mode | 0o055)
    done = subprocess.run(
        [pinfod_binary(), "--config", conf.path, "--test-config"],
        env={**clean_environment("/"), **ENV}, user=STRANGER, group=STRANGER,
        extra_groups=[], capture_output=True, text=True, timeout=5 * SLOW)
    assert "Permission denied" in errors_of(done)[0]


@pytest.mark.parametrize("size", [1, 100, 100_000])
def test_binary_garbage(size, conf):
    """An error with the file's name."""
    conf.write(bytes(1 + n * 7919 % 255 for n in range(size)) + b"\xff")
    assert str(conf.path) in errors_of(check(conf))[0]


@pytest.mark.parametrize("text", [
    "a = " + "(" * 100_000, "a = " + "{a=" * 100_000, "(" * 1_000_000,
    'a = "' + "\\" * 1_000_001, "/*" * 1_000_000, "[" * 1_000_000,
], ids=lambda text: text[:8])
def test_deep_or_endless(text, conf):
    """A file that wants to exhaust the parser is refused by name."""
    conf.write(text)
    assert str(conf.path) in errors_of(check(conf))[0]


def test_megabytes_of_comment(conf):
    """15 MB are read within seconds."""
    conf.write(b"# a comment of thirty-two bytes.\n" * 450_000 + b"log: { };\n")
    accepted(conf)


@pytest.mark.parametrize("text", ["log: { };\r\n# x\r\n", "\ufefflog: { };"])
def test_other_systems_files(text, conf):
    """CR LF is fine; a byte order mark is an error with file and line."""
    conf.write(text)
    if "\r" in text:
        accepted(conf)
    else:
        assert one_error(conf).startswith(f"{conf.path}:1: ")


# Targets beside each other.


def test_two_targets_of_one_name(conf):
    """Refused by that name, with the file's."""
    conf.write(conf_text(conf_target("redis://a", name="x"),
                         conf_target("redis://b", name="y"),
                         conf_target("redis://c", name="x")))
    line = one_error(conf)
    assert "'x'" in line and str(conf.path) in line


def test_name_that_is_anothers_address(conf):
    """Also when one of the names is an address."""
    conf.write(conf_text(conf_target("redis://a:1"),
                         conf_target("redis://b:1", name="a:1")))
    assert "a:1" in one_error(conf)


TWINS = [["a:1", "a:1"], ["A:1", "a:1"], ["A:1", "B:1", "a:1"]]


@pytest.mark.parametrize("hosts", TWINS, ids=" ".join)
def test_one_address_twice(hosts, conf):
    """On one channel: an error that names both and the address."""
    conf.write(conf_text(*[conf_target(f"redis://{host}", name=f"t{n}")
                           for n, host in enumerate(hosts)]))
    line = one_error(conf)
    assert "t0" in line and f"t{len(hosts) - 1}" in line and "channel" in line
    assert str(conf.path) in line


@pytest.mark.parametrize("hosts", TWINS, ids=" ".join)
def test_one_address_twice_on_two_channels(hosts, conf):
    """A warning that names both; it is accepted."""
    conf.write(conf_text(*[conf_target(f"redis://{host}", name=f"t{n}")
                           for n, host in enumerate(hosts)],
                         defaults={"channel": "c:{name}"}))
    done = check(conf)
    assert done.returncode == 0
    assert "t0" in done.stderr and f"t{len(hosts) - 1}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_one_address_thrice(conf):
    """Two of three on one channel, with another channel between: an error."""
    conf.write(conf_text(*[
        conf_target("redis://a", name=f"t{n}", channel=channel)
        for n, channel in enumerate("xyx")]))
    assert any("t0" in line and "t2" in line
               for line in errors_of(check(conf)))


def test_one_socket_twice(conf):
    """Unix sockets, too."""
    conf.write(conf_text(conf_target("unix:///a"),
                         conf_target("unix:///a", name="b")))
    assert "/a" in one_error(conf)


# Passwords.


@pytest.mark.parametrize("url", [
    "redis://me:hunter2@h", "redis://:hunter2@h:1", "redis://me:hunter2@[::1]",
    "unix://me:hunter2@/r.sock", "redis://me:hunter2@h:99999",
    "redis://me:hunter2@", "redis://me:hunter2%zz@h", "http://me:hunter2@h",
    "me:hunter2@h", "redis://me:hunter2@h/x", "redis://me:a@b:hunter2@h",
])
def test_password_in_the_url(url, conf):
    """Refused, and not printed."""
    conf.write(f'\ntargets: ( {{ url = "{url}"; }} );')
    line = one_error(conf)
    assert line.startswith(f"{conf.path}:2: ") and "hunter2" not in line


def test_password_in_the_url_names_the_cure(conf):
    """The message says where a password belongs."""
    conf.write(conf_text(conf_target("redis://me:hunter2@h")))
    assert "password_file" in one_error(conf)


def test_missing_password_file_is_a_warning(conf):
    """It may come later, but whoever looks now is told."""
    conf.write(target_with(password_file="/nowhere/secret"))
    done = check(conf)
    assert done.returncode == 0
    assert re.search("t: .*/nowhere/secret.*No such file", done.stderr)


# Flags beside the file.

FLAGS = [
    (["-i", "2m"], "interval", "120s"), (["--channel", "f"], "channel", "f"),
    (["--user", "f"], "user", "f"), (["--stopped"], "stopped", True),
    (["--sample", "0.25"], "sample", "0.25s"),
    (["--notices", "f"], "notices", "f"), (["--notices", ""], "notices", ""),
]


@pytest.mark.parametrize("flags, key, value", FLAGS, ids=lambda x: str(x)[:20])
def test_flag_over_the_files_defaults(flags, key, value, conf):
    """A flag outweighs defaults; a target of its own opinion keeps it."""
    own = {"interval": "1s", "channel": "own", "user": "own", "stopped": False,
           "sample": "1s", "notices": "own"}
    conf.write(conf_text(
        conf_target("redis://a"), conf_target("redis://b", **{key: own[key]}),
        defaults={"interval": "3s", "channel": "d", "user": "d",
                  "stopped": False}))
    one, two = accepted(conf, *flags)["targets"]
    assert (one[key], two[key]) == (value, own[key])


@pytest.mark.parametrize("flags, group, key, value", [
    (["--control", "/f"], "control", "path", "/f"),
    (["--control-group", "daemon"], "control", "group", "daemon"),
    (["--log-level", "error"], "log", "level", "error"),
], ids=lambda x: str(x)[:20])
def test_flag_over_the_file(flags, group, key, value, conf):
    """A flag outweighs what the file says of the daemon."""
    conf.write(conf_text(control={"path": "/c", "group": "root"},
                         log={"level": "info"}))
    assert accepted(conf, *flags)[group][key] == value


def test_password_by_flag_is_for_the_files_targets(conf):
    """-a is a default; --test-config says that there is one, and not which."""
    conf.write(conf_text(conf_target("redis://a")))
    done = check(conf, "-a", "hunter2")
    assert "password" in done.stdout.partition("password_file")[2]
    assert "hunter2" not in done.stdout + done.stderr


NAMING = [["-h", "x"], ["-p", "1"], ["-s", "/x"], ["-u", "redis://x"],
          ["-u", "redis://x", "-u", "redis://y"]]


@pytest.mark.parametrize("flags", NAMING, ids=" ".join)
def test_servers_in_both_places(flags, conf):
    """A file with targets and flags with servers: a usage message."""
    conf.write(conf_text(conf_target("redis://h")))
    line = one_error(conf, *flags, code=USAGE)
    assert str(conf.path) in line and "command line" in line


@pytest.mark.parametrize("flags", NAMING, ids=" ".join)
def test_servers_by_flag_beside_a_file_without_targets(flags, conf):
    """Then the file's defaults hold for the flags' servers."""
    conf.write(conf_text(defaults={"interval": 7}))
    targets = accepted(conf, *flags)["targets"]
    assert {target["interval"] for target in targets} == {"7s"}
    assert len(targets) == flags.count("-u") or 1


@pytest.mark.parametrize("args, code", [
    (["--config", "/dev/null", "--test-config"], 0),
    (["--config", "/nowhere", "--test-config"], CONFIG),
    (["--config", "/nowhere"], CONFIG),
    (["--config"], USAGE), (["--config", "", "--test-config"], CONFIG),
    (["--config", "/dev/null", "--test-config", "-i", "0"], USAGE),
    (["--config", "/dev/null", "--test-config", "--sample", "5"], 0),
    (["--config", "/dev/null", "--test-config", "--sample", "5.1"], USAGE),
    (["--config", "/dev/null", "--test-config", "--sample", "0.09"], USAGE),
    (["--config", "/dev/null", "--test-config", "stray"], USAGE),
    (["--sample-config"], 0),
], ids=lambda x: " ".join(x) if isinstance(x, list) else str(x))
def test_exit_code(args, code):
    """0, 64 for the command line, 78 for the file."""
    assert run_pinfod(*args, env=ENV).returncode == code


def test_daemon_does_not_start_with_errors(conf):
    """Without --test-config the same errors, and no daemon."""
    conf.write("frobnicate = 1;")
    done = run_pinfod("--config", conf.path, "--control", conf.path.parent / "c")
    assert "frobnicate" in errors_of(done)[0]
    assert not (conf.path.parent / "c").exists()


# Whatever stands in it.

WORDS = [
    "control", "log", "defaults", "targets", "path", "group", "level", "url",
    "interval", "channel", "user", "password_file", "credential", "stopped",
    "sample", "notices", "format", "expect", "memory_limit", "incidents",
    '["aof.* off"]', '("rdb.stale warning=3h")', '"json"', '"2gb"', '"none"',
    "name", "{", "}", "(", ")", "[", "]", "=", ":", ";", ",", "\n", " ", "\t",
    '"', "\\", "#", "//", "/*", "*/", "true", "false", "5", "0.1", "-1", "1e9",
    "3000000000", "010", "0xFF", "7L", "3000000000L", '"redis://h"', '"5s"',
    '"unix:///r"', '"{name}"', '"info"', '"a" "b"', '"\\x41"', '"root"',
    '\n@include "sub"\n', '\n@include "pinfod.conf"\n', '\n@include "."\n',
    "sentinels", "master", "replicas", "sentinel_user", "cluster", '"shard"',
    "cluster_publish", "targets_file", '["redis://a", "redis://b"]', '"/f"',
    '\n@include ""\n', "@include", "\r", "\x01", "é", "\x7f", '"\n"', "+", ".",
]
BASES = [SHIPPED.read_text(), PRINTED["every option"], *PRINTED.values()][:8]


def mutated(chance):
    """A random text, or a good one with a few changes."""
    if chance.random() < 0.25:
        return "".join(chance.choice(WORDS) + " " * chance.randrange(2)
                       for _ in range(chance.randrange(1, 60)))
    text = chance.choice(BASES)
    for _ in range(chance.choice([1, 1, 1, 2, 3, 8])):
        at = chance.randrange(len(text) + 1)
        to = min(len(text), at + chance.choice([0, 0, 1, 1, 3, 40]))
        fresh = chance.choice(
            ["", chance.choice(WORDS), chr(chance.randrange(1, 256)),
             text[at:to] * 2])
        text = text[:at] + fresh + text[to:]
    return text


@pytest.mark.parametrize("part", range(4))
def test_any_file(part, conf, tmp_path):
    """500 random files: never a crash, and each error names its file."""
    seed = int(os.environ.get("SEED") or random.randrange(2 ** 32))
    print(f"SEED={seed}")
    chance = random.Random(f"{seed} {part}")
    (tmp_path / "sub").write_text("user = 5;\n")
    env = {**clean_environment(tmp_path), **ENV}
    command = [pinfod_binary(), "--config", str(conf.path), "--test-config"]
    message = re.compile(rf"pinfod: (({re.escape(str(tmp_path))}/)?[\w.]+(:\d+)?: "
                         r"|(target|group) .*: (sentinel_)?password_file: "
                         r"|group .*: verify: )")
    for number in range(500):
        text = mutated(chance)
        conf.write(text)
        done = subprocess.run(command, cwd=tmp_path, env=env, text=True,
                              errors="surrogateescape", capture_output=True,
                              timeout=10 * SLOW, preexec_fn=die_with_parent)
        about = f"file {number}:\n{text}\n---\n{done}"
        assert done.returncode in (0, CONFIG), about
        assert (done.returncode == 0) == (done.stdout != ""), about
        for line in done.stderr.splitlines():
            assert message.match(line), f"{line}\n{about}"
        if done.returncode == 0:
            conf.write(os.fsencode(done.stdout))
            again = subprocess.run(command, cwd=tmp_path, env=env,
                                   capture_output=True, timeout=10 * SLOW)
            assert again.stdout == os.fsencode(done.stdout), about
