"""The log: transitions, one line each, led by the target's name."""

import re

import pytest

from harness import eventually, nothing_for


def about_default(daemon, since):
    return daemon.log_lines(r"^default:", since)


def test_one_line_when_it_goes_one_when_it_is_back(
    make_redis, make_daemon, make_feed,
):
    """A server away for 3 s: two lines, the second with how long.

    One more says that it was not only away, but has restarted.
    """
    server = make_redis()
    daemon = make_daemon(server, "-i", "0.2")
    feed = make_feed(daemon)
    feed.wait_count(2)
    mark = daemon.log_mark()
    server.kill()
    daemon.wait_status(state="down")
    nothing_for(3, lambda: len(about_default(daemon, mark)) > 1)
    assert len(about_default(daemon, mark)) == 1
    server.start()
    feed.wait_more(5)
    daemon.wait_log(r"^default: server\.restarted", since=mark)
    lines = daemon.log_lines(since=mark)
    assert len(lines) == 3, lines
    assert all(line.startswith("default:") for line in lines)
    seconds = re.search(r"(\d+(\.\d+)?) ?s\b", lines[1])
    assert seconds, lines[1]
    assert 2.5 < float(seconds[1]) < 9


def test_one_line_when_it_hangs_one_when_it_answers(
    server, make_daemon, make_feed,
):
    """A server suspended for 4 s: two lines as well."""
    daemon = make_daemon(server, "-i", "0.2")
    feed = make_feed(daemon)
    feed.wait_count(2)
    mark = daemon.log_mark()
    server.suspend()
    daemon.wait_status(state="silent")
    nothing_for(2, lambda: len(about_default(daemon, mark)) > 1)
    server.resume()
    feed.wait_more(5)
    lines = daemon.log_lines(since=mark)
    assert len(lines) == 2, lines
    assert all(line.startswith("default:") for line in lines)


def test_a_dead_server_is_told_once(make_redis, make_daemon):
    """A server that never was there is one line, not one per attempt."""
    daemon = make_daemon(make_redis(start=False), "-i", "0.2")
    daemon.wait_log(r"^default:.*Connection refused")
    nothing_for(2.5, lambda: len(about_default(daemon, 0)) > 1)


def test_healthy_feed_logs_nothing(server, make_daemon, make_feed):
    """Ticks are no transitions."""
    daemon = make_daemon(server, "-i", "0.1")
    feed = make_feed(server)
    feed.wait_count(3)
    mark = daemon.log_mark()
    feed.wait_more(12)
    assert daemon.log_lines(since=mark) == []


@pytest.mark.since("6.2", "CLIENT PAUSE WRITE")
def test_blocked_publish_is_two_lines(server, make_daemon):
    """PUBLISH that hangs and resumes: a line each."""
    daemon = make_daemon(server, "-i", "0.2")
    # The last that is said of a server that keeps nothing and is well.
    daemon.wait_log(r"^default: persistence\.off raised")
    mark = daemon.log_mark()
    server.call("CLIENT", "PAUSE", "3500", "WRITE")
    daemon.wait_status(publish_state="blocked")
    daemon.wait_status(publish_state="ok")
    eventually(lambda: len(about_default(daemon, mark)) >= 2)
    nothing_for(0.5, lambda: len(about_default(daemon, mark)) > 2)


def test_denied_is_told_once(make_redis, make_daemon):
    """A wrong password is one line, however often it is tried."""
    server = make_redis(password="sesame")
    daemon = make_daemon(server, "-a", "guess", "-i", "0.2")
    daemon.wait_status(state="denied")
    nothing_for(2.5, lambda: len(about_default(daemon, 0)) > 1)
    assert "WRONGPASS" in about_default(daemon, 0)[0]


def test_lines_are_led_by_their_target(make_redis, make_daemon):
    """With two targets each line says which one it is about."""
    one, two = make_redis(), make_redis()
    daemon = make_daemon("-u", one.uri, "-u", two.uri, "-i", "0.2")
    for server in (one, two):
        daemon.wait_status(server.name, state="up")
    mark = daemon.log_mark()
    two.kill()
    daemon.wait_log(rf"^{re.escape(two.name)}: ", since=mark)
    assert not daemon.log_lines(rf"^{re.escape(one.name)}: ", mark)


def test_long_names_are_whole(make_daemon):
    """A name as long as a socket's path may be is not cut."""
    path = "/tmp/" + "x" * 95
    daemon = make_daemon("-u", f"unix://{path}", "-u", "redis://127.0.0.9:1")
    daemon.wait_status(path, state="down")
    daemon.wait_log(rf"^{path}: ")


@pytest.mark.parametrize("text", [
    b"-ERR \x1b[31mred\x07\r\n", b"-ERR %s%n%s\r\n",
    b"-ERR " + b"long " * 2000 + b"\r\n",
    b"-ERR \xff\xfe\r\n",
], ids=["control", "format", "long", "8-bit"])
def test_text_from_outside(text, make_fake, make_daemon):
    """What a server says is bounded and escaped, in log and STATUS."""
    def refuse(connection, words):
        if words[0] == b"INFO":
            return text
        return connection.server.default(connection, words)

    daemon = make_daemon(make_fake(refuse), "-i", "0.2")
    reason = daemon.wait_status(state="refused")["reason"]
    line = daemon.wait_log(r"^default:.*ERR")
    sock = daemon.raw()
    sock.sendall(b"STATUS default\n")
    status = sock.recv(65536).decode("latin-1").replace("\r\n", "")
    for told in (reason, line, status):
        assert told.isascii() and told.isprintable(), told
        assert len(told) < 1000


def test_level_error_is_quiet(server, make_daemon):
    """--log-level error: a healthy start writes nothing."""
    daemon = make_daemon(server, "-i", "0.2", "--log-level", "error")
    daemon.wait_status(state="up")
    assert daemon.log == ""


def test_level_debug_tells_more(server, make_daemon):
    """--log-level debug has lines that notice has not."""
    loud = make_daemon(server, "-i", "0.2", "--log-level", "debug")
    plain = make_daemon(server, "-i", "0.2")
    for daemon in (loud, plain):
        daemon.wait_status(state="up")
    assert loud.log_mark() > plain.log_mark()
