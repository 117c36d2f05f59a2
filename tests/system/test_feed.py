"""The feed: which bytes come, on which channel, to whom."""

import pytest

from harness import eventually, let_pass, nothing_for


def test_the_modules_session(server, make_daemon, make_feed):
    """The old module's two commands start and stop the feed as they did."""
    daemon = make_daemon(server, "--stopped", "-i", "0.2")
    feed = make_feed(server)
    assert nothing_for(0.5, lambda: feed.messages) is None
    assert daemon.do("PUSHPERSISTENCEINFO.timer") == "OK"
    first = feed.wait_count(6)
    assert {m.channel for m in first} == {b"pinfo"}
    assert all(m.data.startswith(b"# Persistence\r\nloading:0\r\n")
               for m in first)
    assert first[5].time - first[0].time == pytest.approx(1.0, abs=0.15)
    assert daemon.do("PUSHPERSISTENCEINFO.stop") == "OK"
    let_pass(0.1)     # one PUBLISH may be on its way
    have = len(feed)
    nothing_for(0.8, lambda: len(feed) > have)


def test_payload_is_what_a_real_server_answers(server, make_daemon, make_feed):
    """On an idle server the message equals INFO persistence byte for byte."""
    feed = make_feed(server)
    make_daemon(server, "-i", "0.2")
    got = feed.wait_count(3)[2].data
    assert got == server.call("INFO", "persistence")


@pytest.mark.parametrize("payload", [
    b"# Persistence\r\na:1\0\0b:2\r\n",
    b"\r\n\r\n\n\r\r\n$5\r\n:1\r\n-ERR\r\n",
    bytes(range(256)) * 3,
    b"x",
    b"# Persistence\r\n" + b"k:\xff\xfe" * 12000,
], ids=["nul", "crlf", "8-bit", "one-byte", "60k"])
def test_payload_is_not_touched(payload, make_fake, make_daemon, make_feed):
    """Whatever the bytes, PUBLISH and control subscribers get those bytes."""
    fake = make_fake(info=payload)
    daemon = make_daemon(fake, "-i", "0.2", "--stopped")
    feed = make_feed(daemon)
    daemon.do("START")
    assert {m.data for m in feed.wait_count(3)} == {payload}
    words = eventually(lambda: fake.of("PUBLISH"))[0][2]
    assert words[1:] == [b"pinfo", payload]


def test_an_empty_answer_is_a_message_too(make_fake, make_daemon, make_feed):
    """A server that hides the section still gives its tick."""
    fake = make_fake(info=b"")
    feed = make_feed(make_daemon(fake, "-i", "0.2"))
    assert feed.wait_count(2)[1].data == b""


def test_channel_flag(server, make_daemon, make_feed):
    """--channel moves the feed, on the server and on the control socket."""
    old, new = make_feed(server), make_feed(server, "elsewhere")
    daemon = make_daemon(server, "-i", "0.2", "--channel", "elsewhere")
    here = make_feed(daemon, "elsewhere")
    new.wait_count(3)
    assert here.wait_count(2)[0].channel == b"elsewhere"
    assert daemon.status_target()["channel"] == "elsewhere"
    assert not old.messages


def test_both_sides_get_the_same(make_fake, make_daemon, make_feed):
    """The n-th message on the control socket is the n-th that is published."""
    number = iter(range(10 ** 6))

    def numbered(connection, words):
        if words == [b"INFO", b"persistence"]:
            connection.server.info = b"n:%d\r\n" % next(number)
        return connection.server.default(connection, words)

    fake = make_fake(numbered)
    daemon = make_daemon(fake, "-i", "0.1", "--stopped")
    feed = make_feed(daemon)
    daemon.do("START")
    here = [m.data for m in feed.wait_count(10)]
    eventually(lambda: fake.count("PUBLISH") >= 10)
    there = [row[2][2] for row in fake.of("PUBLISH")[:10]]
    assert here == there == [b"n:%d\r\n" % n for n in range(10)]


def test_every_control_subscriber_gets_each_message_once(
    server, make_daemon, make_feed,
):
    """Two clients, by name and by pattern, see the same sequence."""
    daemon = make_daemon(server, "-i", "0.2", "--stopped")
    feeds = [make_feed(daemon), make_feed(daemon),
             make_feed(daemon, patterns=["p?nf[o]"])]
    daemon.do("START")
    for feed in feeds:
        feed.wait_count(5)
    daemon.do("STOP")
    counts = {len(feed) for feed in feeds}
    published = daemon.status_target()["published"]
    assert len(counts) == 1
    assert counts.pop() - published in (0, 1)
    assert feeds[2].messages[0].pattern == b"p?nf[o]"


def test_redis_py_is_a_subscriber_of_the_control_socket(server, make_daemon):
    """A stock client library reads the feed from the control socket."""
    daemon = make_daemon(server, "-i", "0.2")
    with daemon.control().pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe("pinfo")
        message = eventually(lambda: pubsub.get_message(timeout=0.1))
    assert message["type"] == "message"
    assert message["data"].startswith("# Persistence\r\n")


def test_resp3_subscriber_gets_pushes(server, make_daemon, make_feed):
    """After HELLO 3 the feed comes as pushes beside ordinary replies."""
    daemon = make_daemon(server, "-i", "0.2")
    feed = make_feed(daemon, resp3=True)
    assert feed.wait_count(2)[1].data.startswith(b"# Persistence\r\n")


def test_only_the_commands_that_it_needs(fake, make_daemon):
    """Beside the greeting: INFO, PUBLISH, and CONFIG GET where it is granted."""
    make_daemon(fake, "-i", "0.1")
    eventually(lambda: fake.count("PUBLISH") >= 5)
    verbs = {row[2][0] for row in fake.commands}
    assert [b"CONFIG", b"GET", b"save"] in [row[2] for row in fake.commands]
    assert verbs == {b"HELLO", b"INFO", b"PUBLISH", b"CONFIG"}


def test_one_connection_serves_a_healthy_server(fake, make_daemon):
    """Fifteen ticks are one connection, one greeting."""
    make_daemon(fake, "-i", "0.1")
    eventually(lambda: fake.count("PUBLISH") >= 15)
    assert (fake.connections, fake.count("HELLO")) == (1, 1)


def test_receivers_are_counted(server, make_daemon, make_feed):
    """STATUS tells how many subscribers the last PUBLISH reached."""
    feeds = [make_feed(server) for _ in range(3)]
    daemon = make_daemon(server, "-i", "0.2")
    daemon.wait_status(receivers=3)
    feeds[0].close()
    daemon.wait_status(receivers=2)
