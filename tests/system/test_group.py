"""Two targets of one replication group: what is said of them, and asked."""

import threading

import pytest

from harness import (
    ConfFile, bulk, conf_target, eventually, nothing_for, slips,
)

INTERVAL = 0.2
REPLICATION = [b"INFO", b"replication"]


@pytest.fixture
def conf(tmp_path):
    return ConfFile(tmp_path)


@pytest.fixture
def pair(make_redis):
    """A master and its replica, in step."""
    master = make_redis("--repl-diskless-sync-delay", 0)
    replica = make_redis("--replicaof", master.host, master.port)
    eventually(lambda: replication(replica)["master_link_status"] == "up", 20)
    return master, replica


def replication(server):
    return server.client().info("replication")


def target(server, name, interval=INTERVAL, **options):
    return conf_target(server, name=name, interval=interval, **options)


def told(daemon, *names):
    """Wait until the servers have said what they are; their STATUS."""
    return [eventually(lambda name=name: (s := daemon.status_target(name))
                       and s["replication_id"] and s) for name in names]


def warnings(daemon):
    return daemon.log_lines("replicates with")


def asked(fake):
    """How often a fake was asked whom it replicates with."""
    return sum(row[2] == REPLICATION for row in list(fake.commands))


def one_by_one(handler=None):
    """A handler that knows one section an INFO only, as before 7.0."""
    def handle(connection, words):
        if words[0] == b"INFO" and len(words) > 2:
            return b"-ERR syntax error\r\n"
        return (handler or connection.server.default)(connection, words)

    return handle


def test_warning(pair, conf, make_daemon):
    """It names both, the channel and the cure."""
    conf.targets(target(pair[0], "orders"), target(pair[1], "orders-copy"))
    daemon = make_daemon(conf)
    line = daemon.wait_log("replicates with")
    who, _, text = line.partition(": ")
    other = ({"orders", "orders-copy"} - {who}).pop()
    assert f"with {other}," in text
    assert "on pinfo:" in text and '"pinfo:{name}"' in text


def test_warning_comes_once(pair, conf, make_daemon):
    """Not at every tick, nor at every connection."""
    conf.targets(target(pair[0], "a"), target(pair[1], "b"))
    daemon = make_daemon(conf)
    daemon.wait_log("replicates with")
    for server in pair:
        server.call("CLIENT", "KILL", "TYPE", "normal")
    for name in "ab":
        status = daemon.wait_status(name, connects=2)
        daemon.wait_status(name, state="up")
        eventually(lambda: daemon.status_target(name)["samples"]
                   >= status["samples"] + 3)
    assert len(warnings(daemon)) == 1


def test_role_and_id_in_status(pair, conf, make_daemon):
    """STATUS JSON has what the servers say."""
    conf.targets(target(pair[0], "a"), target(pair[1], "b"))
    one, two = told(make_daemon(conf), "a", "b")
    assert (one["role"], two["role"]) == ("master", "slave")
    number = replication(pair[0])["master_replid"]
    assert (one["replication_id"], two["replication_id"]) == (number, number)


def test_what_the_warning_says_is_so(pair, conf, make_daemon, make_feed):
    """On one channel the replica's subscribers get the master's feed, too."""
    conf.targets(target(pair[0], "a"), target(pair[1], "b", interval=3600))
    feed = make_feed(pair[1])
    daemon = make_daemon(conf)
    feed.wait_count(4)
    assert daemon.status_target("b")["published"] <= 1


def test_cure(pair, conf, make_daemon, make_feed):
    """With {name} in the channel: no warning, and no mixed feeds."""
    conf.targets(target(pair[0], "a"), target(pair[1], "b"),
                 defaults={"channel": "pinfo:{name}"})
    feed = make_feed(pair[1], patterns=["pinfo:?"])
    daemon = make_daemon(conf)
    told(daemon, "a", "b")
    eventually(lambda: {m.channel for m in list(feed.messages)}
               == {b"pinfo:a", b"pinfo:b"})
    assert not warnings(daemon)


def test_cure_by_reload(pair, conf, make_daemon):
    """Channels of their own, put in force: the warning does not come again."""
    conf.targets(target(pair[0], "a"), target(pair[1], "b"))
    daemon = make_daemon(conf)
    daemon.wait_log("replicates with")
    conf.targets(target(pair[0], "a"), target(pair[1], "b"),
                 defaults={"channel": "pinfo:{name}"})
    daemon.do("RELOAD")
    pair[1].call("CLIENT", "KILL", "TYPE", "normal")
    daemon.wait_status("b", connects=2)
    told(daemon, "a", "b")
    assert len(warnings(daemon)) == 1


def test_replica_added_by_reload(pair, conf, make_daemon):
    """The one that was alone knows its group already."""
    conf.targets(target(pair[0], "a"))
    daemon = make_daemon(conf)
    daemon.wait_status("a", state="up", role="master")
    conf.targets(target(pair[0], "a"), target(pair[1], "b"))
    daemon.do("RELOAD")
    told(daemon, "a", "b")
    daemon.wait_log("replicates with")
    assert daemon.status_target("a")["connects"] == 1


def test_two_replicas(pair, make_redis, conf, make_daemon):
    """They share a channel with each other as well: each is named once."""
    third = make_redis("--replicaof", pair[0].host, pair[0].port)
    eventually(lambda: replication(third)["master_link_status"] == "up", 20)
    conf.targets(*[target(server, name) for server, name
                   in zip((*pair, third), ("one", "two", "three"))])
    daemon = make_daemon(conf)
    told(daemon, "one", "two", "three")
    lines = eventually(lambda: len(found := warnings(daemon)) >= 2 and found)
    assert len(lines) == 2
    assert len({line.partition(":")[0] for line in lines}) == 2


def test_strangers(make_redis, conf, make_daemon):
    """Two masters have nothing to do with each other."""
    conf.targets(target(make_redis(), "a"), target(make_redis(), "b"))
    daemon = make_daemon(conf)
    one, two = told(daemon, "a", "b")
    assert one["replication_id"] != two["replication_id"]
    assert not warnings(daemon)


def test_lone_target_is_not_asked(fake, conf, make_daemon):
    """INFO replication is never sent; role and replication_id are null."""
    conf.targets(target(fake, "a"))
    daemon = make_daemon(conf)
    eventually(lambda: fake.count("PUBLISH") >= 3)
    status = daemon.status_target("a")
    assert (status["role"], status["replication_id"]) == (None, None)
    assert asked(fake) == 0


def test_asked_once_a_connection(make_fake, conf, make_daemon):
    """At once, and then every 5 s, not at every tick."""
    fakes = [make_fake(one_by_one()), make_fake(one_by_one())]
    conf.targets(*[target(fake, f"t{n}") for n, fake in enumerate(fakes)])
    make_daemon(conf)
    for fake in fakes:
        eventually(lambda: fake.count("PUBLISH") >= 5)
        assert asked(fake) == 1
    fakes[0].live[0].close()
    eventually(lambda: asked(fakes[0]) == 2)
    have = fakes[0].count("PUBLISH")
    eventually(lambda: fakes[0].count("PUBLISH") >= have + 3)
    assert [asked(fake) for fake in fakes] == [2, 1]


def test_first_sample_does_not_wait_for_it(make_fake, conf, make_daemon):
    """INFO persistence and PUBLISH come first."""
    fakes = [make_fake(one_by_one()), make_fake(one_by_one())]
    conf.targets(*[target(fake, f"t{n}") for n, fake in enumerate(fakes)])
    make_daemon(conf)
    for fake in fakes:
        eventually(lambda: asked(fake) == 1)
        words = [row[2] for row in fake.commands]
        before = words[:words.index(REPLICATION)]
        assert [b"INFO", b"persistence"] in before
        assert any(row[0] == b"PUBLISH" for row in before)


ANSWERS = {
    "error": b"-ERR no such section\r\n", "denied": b"-NOPERM no\r\n",
    "integer": b":1\r\n", "nil": b"$-1\r\n", "empty": bulk(b""),
    "nothing useful": bulk(b"# Replication\r\nfoo:bar\r\n\r\nrole\r\n"),
    "escapes": bulk(b"role:\x1b[31m\xff\"\\\r\nmaster_replid:\x07\xfe\r\n"),
    "long": bulk(b"role:" + b"r" * 9000 + b"\r\nmaster_replid:"
                 + b"i" * 9000 + b"\r\n"),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_odd_answer(kind, make_fake, conf, make_daemon):
    """Whatever it says, the feed goes on, on one connection; STATUS is JSON."""
    def handle(connection, words):
        if words == REPLICATION:
            return ANSWERS[kind]
        return connection.server.default(connection, words)

    odd, other = make_fake(one_by_one(handle)), make_fake()
    conf.targets(target(odd, "odd"), target(other, "other"))
    daemon = make_daemon(conf)
    eventually(lambda: asked(odd))
    eventually(lambda: odd.count("PUBLISH") >= 5)
    assert slips([row[0] for row in odd.of("INFO")], INTERVAL) == {0}
    assert daemon.wait_status("odd", state="up")["connects"] == 1
    assert all(line.isprintable() for line in daemon.do("STATUS"))


def test_id_that_nobody_has(make_fake, conf, make_daemon):
    """Two servers without a replication id are no group."""
    def handle(connection, words):
        if words == REPLICATION:
            return bulk(b"role:master\r\n")
        return connection.server.default(connection, words)

    fakes = [make_fake(one_by_one(handle)), make_fake(one_by_one(handle))]
    conf.targets(*[target(fake, f"t{n}") for n, fake in enumerate(fakes)])
    daemon = make_daemon(conf)
    for fake in fakes:
        eventually(lambda: asked(fake))
    nothing_for(0.3, lambda: warnings(daemon))


def test_group_that_ends_while_it_is_asked_about(
    make_fake, conf, make_daemon,
):
    """A reload leaves one target, whose answer is still on its way."""
    free = threading.Event()

    def handle(connection, words):
        if words == REPLICATION:
            free.wait(10)
            return bulk(b"role:master\r\nmaster_replid:abc\r\n")
        return connection.server.default(connection, words)

    slow, other = make_fake(one_by_one(handle)), make_fake()
    conf.targets(target(slow, "a"), target(other, "b"))
    daemon = make_daemon(conf)
    eventually(lambda: asked(slow))
    conf.targets(target(slow, "a"))
    assert daemon.do("RELOAD") == "OK"
    free.set()
    have = slow.count("PUBLISH")
    eventually(lambda: slow.count("PUBLISH") >= have + 2)
    assert slow.connections == 1
