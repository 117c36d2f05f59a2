"""Servers as managed services have them: commands renamed, refused, half there.

What can flow flows, what cannot be known is told once, in the log and in
STATUS, and nothing of it is a wrong alarm.  test_auth.py has the passwords and
the grants of the documentation.
"""

import re
import subprocess

import pytest

from harness import (
    FAKE_INFO, Sentinel, conf_group, eventually, pinfod_binary, redis_binary,
)

VERSION = redis_binary()[1]
CHANNELS = ["resetchannels", "&pinfo*"] if VERSION >= (6, 2, 0) else []
# A server that saves, so that a server without save points is no incident.
SAVE = "3600 1000000"


def without(*names):
    """Arguments of a server that has no such commands."""
    return [word for name in names for word in ("--rename-command", name, "")]


@pytest.fixture
def watched(make_redis, make_watch):
    """watched(*server_args, grants=…, …): a server, and what is told of it.

    With grants a user has these only; other options are the target's.
    """
    def make(*args, grants=None, password=None, **options):
        server = make_redis(*args, save=SAVE, password=password)
        if grants:
            server.call("ACL", "SETUSER", "p", "on", ">secret", "resetkeys",
                        *CHANNELS, "-@all", *grants)
            options.update(user="p", password_file=secret(server, "secret"))
        elif password:
            options.update(password_file=secret(server, password))
        return server, make_watch(server, wait=False, interval="1s", **options)

    return make


def secret(server, text):
    path = server.dir / "password"
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def status(watch, **members):
    return watch.daemon.wait_status("server", **members)


def warnings(watch):
    """What the log has of the target, beside what every log has of it."""
    return [line for line in watch.daemon.log_lines("^server: ")
            if not re.match("server: up: ", line)]


def wide(watch, make_feed):
    """Wait for another wide sample: what is refused would be asked again by then."""
    feed = make_feed(watch.daemon, "pinfod:samples:server")
    eventually(lambda: any(m.data.startswith(b"wide") for m in feed.messages), 10,
               what="a wide sample")


# Arguments of the server, the user's grants, what a line of `blind` begins with,
# what the one line of the log has.
BLIND = {
    "no CONFIG": (without("CONFIG"), None, ["save points: "],
                  ["CONFIG GET save: ERR unknown command"]),
    "CONFIG not granted": ([], ["+info", "+publish"], ["save points: "],
                           ["CONFIG GET save: NOPERM"]),
    "only what the README grants, and CONFIG": (
        [], ["+info", "+publish", "+config|get"], [], []),
    "no HELLO": (without("HELLO"), None, [], []),
    "no CLIENT, no COMMAND, no PING": (without("CLIENT", "COMMAND", "PING"), None,
                                       [], []),
    "as cloud providers do": (
        without("CONFIG", "DEBUG", "SAVE", "BGSAVE", "BGREWRITEAOF", "SHUTDOWN",
                "REPLICAOF", "SLAVEOF", "ACL", "MODULE"), None,
        ["save points: "], ["CONFIG GET save: ERR unknown command"]),
}


@pytest.mark.parametrize("args, grants, blind, log", BLIND.values(), ids=BLIND)
def test_feed_flows(args, grants, blind, log, watched, make_feed):
    """Every tick is published, and what is not known is told once."""
    server, watch = watched(*args, grants=grants)
    make_feed(server).wait_count(2)
    wide(watch, make_feed)
    found = status(watch, state="up", publish_state="ok", missed=0, dropped=0)
    refused = [line for line in found["blind"] if "this server does not" not in line]
    assert len(refused) == len(blind), refused
    assert all(line.startswith(tuple(blind)) for line in refused), refused
    told = warnings(watch)
    assert len(told) == len(log), told
    for line, text in zip(told, log):
        assert text in line
    assert watch.notices.alarms() == []


@pytest.mark.parametrize("user", [False, True], ids=["requirepass", "user"])
def test_no_hello_and_a_password(user, watched, make_feed):
    """It goes by AUTH then."""
    server, watch = watched(*without("HELLO"), password=None if user else "sesame",
                            grants=["+info", "+publish"] if user else None)
    make_feed(watch.daemon).wait_count(3)
    status(watch, state="up", publish_state="ok", connects=1)
    assert watch.notices.alarms() == []
    assert len(warnings(watch)) == user         # CONFIG GET is not granted


@pytest.mark.since("7.0", "grants by the first argument")
def test_info_persistence_alone_is_granted(watched, make_feed):
    """No wide sample: what needs it is named, told once, and no alarm."""
    server, watch = watched(grants=["+info|persistence", "+publish"])
    make_feed(server).wait_count(3)
    blind = eventually(lambda: status(watch)["blind"])
    assert any(line.startswith("writes.refused: ") for line in blind)
    assert all(line.endswith(("'info' command)", "'config|get' command"))
               for line in blind), blind
    make_feed(server).wait_count(6, timeout=10)     # until it would be asked again
    told = warnings(watch)
    assert len(told) == 2, told
    assert "INFO server" in told[0] and "CONFIG GET" in told[1]
    assert watch.notices.alarms() == []
    assert status(watch)["role"] is None


def test_no_publish(watched, make_feed):
    """The control socket has the feed; that nobody else has is an alarm."""
    _, watch = watched(*without("PUBLISH"))
    make_feed(watch.daemon).wait_count(3)
    found = status(watch, state="up", publish_state="failed")
    assert "unknown command" in found["publish_reason"]
    assert found["published"] == 0
    assert len([line for line in warnings(watch) if "PUBLISH failed" in line]) == 1


def test_no_info(watched):
    """Nothing can be known: one alarm that says why, and no back-off storm."""
    server, watch = watched(*without("INFO"))
    status(watch, state="refused", connects=1)
    raised = watch.notices.wait("link.down", kind="raised")
    assert "unknown command 'INFO'" in raised.summary.replace("`", "'")
    assert "no connection" not in raised.summary
    assert len(warnings(watch)) == 1
    assert len(watch.notices.alarms()) == 1


@pytest.mark.parametrize("text", [
    b"", b"# Persistence\r\n", FAKE_INFO,
    b"# Persistence\r\nloading:0\r\nrdb_last_bgsave_status:ok\r\naof_enabled:0\r\n",
    b"loading:0\r\nrdb_changes_since_last_save:5\r\n",
], ids=["empty", "heading", "two fields", "four", "no heading"])
def test_info_with_few_fields(text, make_fake, make_watch, make_feed):
    """It is published as it is, the rest is not known, and no alarm."""
    watch = make_watch(make_fake(info=text), interval="1s")
    assert [m.data for m in make_feed(watch.daemon).wait_count(2)] == [text] * 2
    assert status(watch, state="up")["blind"]
    assert watch.notices.alarms() == []


def test_sections_are_refused_one_by_one(make_fake, make_watch, make_feed):
    """A proxy that knows only some: the others still count."""
    def proxy(connection, words):
        if words[0] == b"INFO" and words[1:] != [b"persistence"]:
            if len(words) > 2:
                return b"-ERR wrong number of arguments for 'info' command\r\n"
            if words[1] in (b"errorstats", b"keyspace"):
                return b"-ERR section is not supported\r\n"
        return connection.server.default(connection, words)

    watch = make_watch(make_fake(proxy), interval="1s")
    make_feed(watch.daemon).wait_count(7, timeout=12)
    status(watch, state="up", publish_state="ok", connects=1)
    assert watch.notices.alarms() == []
    told = [line for line in warnings(watch) if "INFO" in line]
    assert len(told) == len(set(told)) <= 3, told


def test_probe_says_what_is_missing(make_redis):
    """--probe is what an operator tries first on such a server."""
    server = make_redis(*without("CONFIG"))
    done = subprocess.run([pinfod_binary(), "--probe", *server.flags], text=True,
                          capture_output=True, timeout=10)
    assert done.returncode == 0, done
    assert re.search(r"INFO +works", done.stdout)
    assert re.search(r"CONFIG GET +ERR unknown command", done.stdout)


# Groups whose sources refuse to answer.

@pytest.mark.since("6.2", "sentinels with ACLs")
def test_sentinel_is_refused(make_groups, closing, tmp_path):
    """In words, and only once."""
    sentinel = closing(Sentinel().start())
    sentinel.call("ACL", "SETUSER", "p", "on", ">secret", "-@all", "+ping")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "secret").chmod(0o600)
    watch = make_groups(conf_group(
        name="cache", sentinels=[sentinel.uri], master="mymaster",
        sentinel_user="p", sentinel_password_file=str(tmp_path / "secret")))
    group = watch.wait_group("cache", settled=True, trouble="NOPERM")
    assert sentinel.name in group["trouble"]
    assert len(watch.daemon.log_lines("NOPERM")) == 1


def test_cluster_is_refused(make_groups, make_redis):
    """CLUSTER NODES renamed away."""
    server = make_redis("--cluster-enabled", "yes", *without("CLUSTER"))
    watch = make_groups(conf_group(name="orders", cluster=[server.uri]))
    group = watch.wait_group("orders", settled=True, trouble="does not know CLUSTER")
    assert server.name in group["trouble"]
    assert len(watch.daemon.log_lines("does not know CLUSTER")) == 1


def test_cluster_nodes_is_not_granted(make_groups, make_redis, tmp_path):
    """The reason is the server's own."""
    server = make_redis("--cluster-enabled", "yes")
    server.call("ACL", "SETUSER", "p", "on", ">secret", "resetkeys", *CHANNELS,
                "-@all", "+info", "+publish")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "secret").chmod(0o600)
    watch = make_groups(conf_group(
        name="orders", cluster=[server.uri], user="p",
        password_file=str(tmp_path / "secret")))
    watch.wait_group("orders", settled=True, trouble="NOPERM")


def test_a_server_that_is_no_cluster(make_groups, server):
    """It says so itself."""
    watch = make_groups(conf_group(name="orders", cluster=[server.uri]))
    watch.wait_group("orders", settled=True, trouble="is no node of a cluster")
