"""Servers that go, come, hang, load, are busy or full."""

import threading
import time

import pytest

from harness import bulk, eventually, let_pass, nothing_for


def test_server_that_comes_later(make_redis, make_daemon, make_feed):
    """A server that is down at the start is watched once it is there."""
    server = make_redis(start=False)
    daemon = make_daemon(server, "-i", "0.2")
    feed = make_feed(daemon)
    daemon.wait_status(state="down")
    server.start()
    feed.wait_count(3)
    assert daemon.status_target()["state"] == "up"


def test_down_says_why(make_redis, make_daemon):
    """The reason is the errno in words."""
    daemon = make_daemon(make_redis(start=False))
    assert daemon.wait_status(state="down")["reason"] == "Connection refused"


def test_missing_unix_socket_says_why(make_redis, make_daemon):
    """A socket that is not there is down, with its reason."""
    server = make_redis(start=False, ipv4=False, unix=True)
    daemon = make_daemon(server)
    reason = daemon.wait_status(state="down")["reason"]
    assert "No such file or directory" in reason


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_killed_server_comes_back(unix, make_redis, make_daemon, make_feed):
    """After kill -9 and a restart in the same place the feed goes on."""
    server = make_redis(ipv4=not unix, unix=unix)
    daemon = make_daemon(server, "-i", "0.2")
    feed = make_feed(daemon)
    feed.wait_count(2)
    server.kill()
    daemon.wait_status(state="down")
    server.start()
    feed.wait_more(5)
    status = daemon.wait_status(state="up")
    assert status["connects"] == 2
    assert status["reason"] is None


def test_killed_server_is_down_at_once(server, make_daemon):
    """The end of the connection is noticed without a tick."""
    daemon = make_daemon(server, "-i", "60")
    daemon.wait_status(state="up")
    server.kill()
    daemon.wait_status(state="down", timeout=1.5)


def test_ticks_of_an_absence_are_counted(server, make_daemon, make_feed):
    """Messages and missed ticks add up to the ticks that have passed."""
    daemon = make_daemon(server, "-i", "0.2", "--stopped")
    feed = make_feed(daemon)
    daemon.do("START")
    feed.wait_count(3)
    server.kill()
    daemon.wait_status(state="down")
    let_pass(0.6)
    server.start()
    times = [m.time for m in feed.wait_more(4) and feed.messages]
    passed = round((times[-1] - times[0]) / 0.2) + 1
    missed = daemon.status_target()["missed"]
    assert missed >= 2
    # The message after the gap may be that tick's late one.
    assert abs(missed - (passed - len(times))) <= 1


def test_silent_after_two_seconds(server, make_daemon):
    """A suspended server is silent 2 s after the INFO, and not before."""
    daemon = make_daemon(server, "-i", "0.2")
    daemon.wait_status(state="up")
    server.suspend()
    nothing_for(1.5, lambda: daemon.status_target()["state"] != "up")
    daemon.wait_status(state="silent", timeout=2.5)


def test_silent_server_answers_again(server, make_daemon, make_feed):
    """The same connection serves when a suspended server is resumed."""
    daemon = make_daemon(server, "-i", "0.2")
    feed = make_feed(daemon)
    feed.wait_count(2)
    server.suspend()
    daemon.wait_status(state="silent")
    server.resume()
    feed.wait_more(2, timeout=2)
    assert daemon.wait_status(state="up")["connects"] == 1


def test_link_is_dropped_after_ten_seconds(make_fake, make_daemon):
    """An INFO without answer is given up at 10 s by a new connection."""
    def mute_once(connection, words):
        if words[0] == b"INFO" and connection.id == 1:
            return None
        return connection.server.default(connection, words)

    fake = make_fake(mute_once)
    daemon = make_daemon(fake, "-i", "0.5")
    asked = eventually(lambda: fake.of("INFO"))[0][0]
    nothing_for(asked + 9.5 - time.monotonic(), lambda: fake.connections > 1)
    eventually(lambda: fake.connections == 2, timeout=2.5)
    daemon.wait_status(state="up")


def test_greeting_deadline(make_fake, make_daemon):
    """A server that connects and does not greet is left after 3 s."""
    def mute_once(connection, words):
        if words[0] == b"HELLO" and connection.id == 1:
            return None
        return connection.server.default(connection, words)

    fake = make_fake(mute_once)
    daemon = make_daemon(fake, "-i", "0.2")
    greeted = eventually(lambda: fake.of("HELLO"))[0][0]
    nothing_for(greeted + 2.5 - time.monotonic(),
                lambda: fake.connections > 1)
    eventually(lambda: fake.connections == 2, timeout=2.5)
    daemon.wait_status(state="up")


def test_server_that_never_greets(make_fake, make_daemon):
    """Without a greeting the target is starting, and then failed."""
    daemon = make_daemon(make_fake(accept=False), "-i", "0.2")
    assert daemon.status_target()["state"] == "starting"
    nothing_for(2, lambda: daemon.status_target()["state"] != "starting")
    status = eventually(lambda: (s := daemon.status_target()) and
                        s["state"] != "starting" and s)
    assert status["state"] in ("down", "silent")
    assert status["reason"]


def test_connect_deadline(make_fake, make_daemon):
    """A connect that hangs is given up after 3 s."""
    daemon = make_daemon(make_fake(backlog_full=True), "-i", "0.2")
    nothing_for(2, lambda: daemon.status_target()["state"] != "starting")
    assert daemon.wait_status(state="down", timeout=3)["reason"]


def test_back_off(make_fake, make_daemon):
    """Refused again and again: 0.25 s, doubling, give or take 20 %."""
    knocks = []

    def shut(connection):
        knocks.append(time.monotonic())
        connection.close()

    make_daemon(make_fake(on_connect=shut), "-i", "0.2")
    eventually(lambda: len(knocks) >= 6, timeout=14)
    gaps = [b - a for a, b in zip(knocks, knocks[1:])]
    for gap, nominal in zip(gaps, (0.25, 0.5, 1, 2, 4)):
        assert 0.79 * nominal <= gap <= 1.2 * nominal + 0.3, gaps


def test_back_off_begins_anew_after_success(make_fake, make_daemon):
    """A server that had been well for 10 s is tried again after 0.25 s."""
    def shut_early(connection):
        if connection.id <= 4:
            connection.close()

    fake = make_fake(on_connect=shut_early)
    daemon = make_daemon(fake, "-i", "0.5")
    eventually(lambda: fake.count("PUBLISH") >= 23, timeout=20)
    fake.live[0].close()
    eventually(lambda: fake.connections == 6, timeout=1.2)
    daemon.wait_status(state="up")


@pytest.mark.since("6.2", "loading-process-events-interval-bytes")
def test_loading_server_is_up(make_redis, make_daemon, make_feed):
    """A loading server answers INFO: up, and the feed says loading:1."""
    server = make_redis("--appendonly", "yes", "--aof-use-rdb-preamble", "no")
    with server.client().pipeline(transaction=False) as pipe:
        for number in range(20000):
            pipe.set(f"key:{number}", number)
        pipe.execute()
    server.stop()
    server.start("--key-load-delay", "100",
                 "--loading-process-events-interval-bytes", "1024")
    feed = make_feed(server)
    daemon = make_daemon(server, "-i", "0.2")
    loading = feed.wait_count(3)[0].data
    assert b"\nloading:1\r" in loading
    assert daemon.status_target()["state"] == "up"
    eventually(lambda: b"\nloading:0\r" in feed.messages[-1].data, timeout=15)
    assert daemon.status_target()["connects"] == 1


def test_busy_server(server, make_daemon, make_feed):
    """An endless script: busy; after SCRIPT KILL: up on its own."""
    server.call("CONFIG", "SET", "lua-time-limit", "100")
    daemon = make_daemon(server, "-i", "0.2")
    feed = make_feed(daemon)
    feed.wait_count(1)
    with server.resp() as connection:
        connection.send("EVAL", "while true do end", "0")
        status = daemon.wait_status(state="busy")
        assert "BUSY" in status["reason"]
        server.call("SCRIPT", "KILL")
        connection.read()
    feed.wait_more(2)
    daemon.wait_status(state="up")


def test_full_server(server, make_daemon):
    """maxclients reached: the reason is the server's own, and it recovers."""
    with server.resp() as connection:
        connection.call("CONFIG", "SET", "maxclients", "1")
        daemon = make_daemon(server, "-i", "0.2")
        status = eventually(
            lambda: (s := daemon.status_target()) and s["reason"] and s
        )
        assert status["state"] in ("down", "refused")
        assert "max number of clients reached" in status["reason"]
        connection.call("CONFIG", "SET", "maxclients", "100")
    daemon.wait_status(state="up")


def test_info_refused_for_another_reason(make_fake, make_daemon, make_feed):
    """Another error to INFO: refused, the error quoted, and over in time."""
    broken = threading.Event()
    broken.set()

    def refuse(connection, words):
        if words[0] == b"INFO" and broken.is_set():
            return b"-WEATHER it rains\r\n"
        return connection.server.default(connection, words)

    daemon = make_daemon(make_fake(refuse), "-i", "0.2")
    feed = make_feed(daemon)
    status = daemon.wait_status(state="refused")
    assert "WEATHER it rains" in status["reason"]
    assert status["connects"] == 1
    assert not feed.messages
    broken.clear()
    feed.wait_count(2)
    assert daemon.wait_status(state="up")["reason"] is None


def test_server_older_than_hello(make_fake, make_daemon, make_feed):
    """A server before 6.0 knows no HELLO and is watched all the same."""
    def old(connection, words):
        if words[0] == b"HELLO":
            return b"-ERR unknown command 'HELLO'\r\n"
        return connection.server.default(connection, words)

    fake = make_fake(old)
    daemon = make_daemon(fake, "-i", "0.2")
    make_feed(daemon).wait_count(2)
    status = daemon.wait_status(state="up")
    assert status["connects"] == 1


@pytest.mark.parametrize("error", [
    b"-ERR unknown command 'HELLO'\r\n",
    b"-NOAUTH Authentication required.\r\n",        # Valkey 9.1, if it is renamed
])
def test_server_without_hello_with_a_password(error, make_fake, make_daemon):
    """There the password goes by AUTH, before INFO."""
    def old(connection, words):
        if words[0] == b"HELLO":
            return error
        return connection.server.default(connection, words)

    fake = make_fake(old)
    daemon = make_daemon(fake, "-a", "sesame", "-i", "0.2")
    daemon.wait_status(state="up")
    verbs = [row[2] for row in fake.commands]
    assert [b"AUTH", b"sesame"] in verbs
    assert verbs.index([b"AUTH", b"sesame"]) < [v[0] for v in verbs].index(
        b"INFO"
    )


def test_answer_in_small_pieces(make_fake, make_daemon, make_feed):
    """An answer that arrives byte by byte is one message."""
    body = b"# Persistence\r\nloading:0\r\n"

    def drip(connection, words):
        if words[0] != b"INFO":
            return connection.server.default(connection, words)
        for byte in bulk(body):
            connection.send(bytes([byte]))
            time.sleep(0.002)       # the script of the fake, not a wait
        return None

    feed = make_feed(make_daemon(make_fake(drip), "-i", "0.3"))
    assert [m.data for m in feed.wait_count(3)] == [body] * 3
