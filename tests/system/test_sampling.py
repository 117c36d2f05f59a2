"""Samples between the ticks, wide samples and notices, as a server sees them."""

import json

import pytest

from harness import bulk, eventually, let_pass, nothing_for

WIDE = [b"server", b"stats", b"memory", b"replication", b"keyspace", b"errorstats"]


def infos(fake):
    """All INFO commands: (time, sections)."""
    return [(row[0], row[2][1:]) for row in list(fake.commands)
            if row[2][0] == b"INFO"]


def notices(fake):
    return [json.loads(row[2][2]) for row in list(fake.commands)
            if row[2][:2] == [b"PUBLISH", b"pinfo:notice"]]


def one_section(refused=()):
    """What a server before 7.0 says; some sections it does not grant."""
    def handle(connection, words):
        if words[0] == b"INFO" and len(words) > 2:
            return b"-ERR syntax error\r\n"
        if words[0] == b"INFO" and words[1] in refused:
            return b"-NOPERM no permissions\r\n"
        if words == [b"INFO", b"server"]:
            return bulk(b"# Server\r\nuptime_in_seconds:100\r\nrun_id:abc\r\n")
        if words == [b"INFO", b"replication"]:
            return bulk(b"# Replication\r\nrole:master\r\n")
        return connection.server.default(connection, words)

    return handle


def test_samples_and_ticks(fake, make_daemon):
    """At 0.2 s samples and 1 s ticks: five INFOs, one PUBLISH."""
    make_daemon(fake, "-i", "1", "--sample", "0.2")
    eventually(lambda: fake.count("PUBLISH") >= 4)
    published = [row[0] for row in fake.of("PUBLISH")][:4]
    asked = [row[0] for row in fake.of("INFO")
             if published[0] < row[0] < published[3]]
    assert len(asked) in (14, 15, 16)
    assert published[3] - published[0] == pytest.approx(3, abs=0.2)


def test_wide_is_asked_apart_from_the_tick(fake, make_daemon):
    """One INFO with all sections, after the first PUBLISH, and then each 5 s."""
    make_daemon(fake, "-i", "0.5")
    wide = eventually(lambda: len(w := [i for i in infos(fake) if i[1] == WIDE]) > 1
                      and w, timeout=12)
    verbs = [row[2] for row in list(fake.commands)]
    first = verbs.index([b"INFO", *WIDE])
    assert any(v[:2] == [b"PUBLISH", b"pinfo"] for v in verbs[:first])
    assert wide[1][0] - wide[0][0] == pytest.approx(5, abs=0.7)


def test_server_before_7(make_fake, make_daemon):
    """It is asked for one section an INFO, and told apart no more than once."""
    fake = make_fake(one_section())
    daemon = make_daemon(fake, "-i", "0.2")
    daemon.wait_status(role="master")
    assert [words for _, words in infos(fake)].count(WIDE) == 1
    assert not daemon.log_lines("INFO .*NOPERM")


def test_refused_sections(make_fake, make_daemon):
    """Told once in the log; the others go on, and so does the feed."""
    fake = make_fake(one_section(refused=(b"stats", b"errorstats")))
    daemon = make_daemon(fake, "-i", "0.2")
    daemon.wait_status(role="master")
    line = daemon.wait_log("INFO stats errorstats: NOPERM no permissions")
    assert line.startswith("default: ")
    eventually(lambda: len([w for _, w in infos(fake) if w == [b"server"]]) > 1,
               timeout=12)
    assert len(daemon.log_lines("INFO stats errorstats")) == 1
    assert daemon.status_target()["missed"] == 0


def test_errorstats_too_long(make_fake, make_daemon):
    """Past its bound twice it is asked for no more; the feed is back at once."""
    def handle(connection, words):
        if words[0] == b"INFO" and b"errorstats" in words:
            return bulk(b"# Errorstats\r\n" + b"errorstat_X:count=1\r\n" * 60000)
        return connection.server.default(connection, words)

    fake = make_fake(handle)
    daemon = make_daemon(fake, "-i", "0.5")
    daemon.wait_log("INFO errorstats: .*it is asked for no more")
    daemon.wait_status(state="up")
    connections = fake.connections
    assert connections == 3
    have = fake.count("PUBLISH")
    eventually(lambda: fake.count("PUBLISH") >= have + 12, timeout=12)
    assert fake.connections == connections
    assert len(daemon.log_lines("asked for no more")) == 1


def test_config_by_acl(make_redis, make_daemon):
    """Where it is not granted, that is told once; where it is, nothing is."""
    server = make_redis()
    server.grant("p", "on", ">x", "resetkeys", "&pinfo*", "-@all", "+info", "+publish")
    daemon = make_daemon("-u", f"redis://p:x@{server.host}:{server.port}", "-i", "0.2")
    daemon.wait_log("CONFIG GET save: NOPERM")
    server.call("ACL", "SETUSER", "p", "+config|get")
    server.call("CLIENT", "KILL", "TYPE", "normal")
    target = daemon.do("TARGETS")[0]
    daemon.wait_status(target, connects=2, state="up")
    nothing_for(1, lambda: len(daemon.log_lines("CONFIG GET")) > 1)


def test_heartbeat(fake, make_daemon):
    """One each interval, with the feed; none while the server is away."""
    make_daemon(fake, "-i", "0.5")
    eventually(lambda: [n["kind"] for n in notices(fake)].count("heartbeat") >= 3)
    fake.stop()
    let_pass(1.2)
    have = len(notices(fake))
    fake.start()
    eventually(lambda: len(notices(fake)) > have)
    kinds = [n["kind"] for n in notices(fake)[have:]]
    assert kinds.count("heartbeat") <= 2


def test_notices_off(fake, make_daemon):
    """An empty channel: nothing is published, all of it is on the socket."""
    daemon = make_daemon(fake, "-i", "0.2", "--notices", "")
    eventually(lambda: fake.count("PUBLISH") >= 5)
    assert not notices(fake)
    assert daemon.status_target()["missed"] == 0


def test_samples_channel(fake, make_daemon, make_feed):
    """Each answer as it came, and only for who asks for it by name."""
    daemon = make_daemon(fake, "-i", "0.5", "--stopped")
    everything = make_feed(daemon, patterns=["*"])
    feed = make_feed(daemon, "pinfod:samples:default")
    daemon.do("START")
    kinds = eventually(lambda: {"link", "narrow", "wide"} <= (
        k := {m.data.split(b" ")[0].decode() for m in list(feed.messages)}) and k)
    assert kinds
    narrow = next(m.data for m in feed.messages if m.data.startswith(b"narrow"))
    assert narrow.split(b"\n", 1)[1] == fake.info
    assert not any(m.channel.startswith(b"pinfod:") for m in everything.messages)
