"""The daemon's end: within a second, with 0, whatever a server does."""

import os
import signal
import time

import pytest

from harness import Daemon, bulk, eventually, run_pinfod

SIGNALS = [signal.SIGTERM, signal.SIGINT]


@pytest.fixture(params=SIGNALS, ids=["term", "int"])
def ends(request):
    """Signal a daemon; it must end within a second with 0."""
    def check(daemon):
        daemon.terminate(request.param)
        assert daemon.wait_exit(within=1) == 0

    return check


def test_healthy(server, make_daemon, ends):
    """While all is well."""
    daemon = make_daemon(server, "-i", "0.1")
    daemon.wait_status(state="up")
    ends(daemon)


def test_stopped(server, make_daemon, ends):
    """While its target is stopped."""
    ends(make_daemon(server, "--stopped"))


def test_hanging_server(server, make_daemon, ends):
    """While an INFO is owed by a suspended server."""
    daemon = make_daemon(server, "-i", "0.1")
    daemon.wait_status(state="up")
    server.suspend()
    daemon.wait_status(state="silent")
    ends(daemon)


def test_greeting_owed(make_fake, make_daemon, ends):
    """While a server has not greeted."""
    daemon = make_daemon(make_fake(accept=False))
    daemon.wait_status(state="starting")
    ends(daemon)


def test_connecting(make_fake, make_daemon, ends):
    """While connect() hangs."""
    daemon = make_daemon(make_fake(backlog_full=True))
    daemon.wait_status(state="starting")
    ends(daemon)


def test_dead_server(make_fake, make_daemon, ends):
    """While it waits before the next attempt."""
    daemon = make_daemon(make_fake(start=False))
    daemon.wait_status(state="down")
    ends(daemon)


def test_unresolvable_name(make_daemon, ends):
    """While a name is being looked up, or cannot be."""
    ends(make_daemon("-h", "no-such-host.invalid"))


def test_publish_hangs(make_fake, make_daemon, ends):
    """While a PUBLISH is owed, with the second connection open."""
    def mute(connection, words):
        if words[0] == b"PUBLISH":
            return None
        return connection.server.default(connection, words)

    daemon = make_daemon(make_fake(mute), "-i", "0.1")
    daemon.wait_status(publish_state="blocked")
    ends(daemon)


def test_half_an_answer(make_fake, make_daemon, ends):
    """While half an answer has come."""
    def half(connection, words):
        if words[0] == b"INFO":
            return bulk(connection.server.info)[:-7]
        return connection.server.default(connection, words)

    fake = make_fake(half)
    daemon = make_daemon(fake, "-i", "0.1")
    eventually(lambda: fake.count("INFO"))
    ends(daemon)


def test_clients_connected(server, make_daemon, make_feed, ends):
    """While clients are subscribed or are halfway through a request."""
    daemon = make_daemon(server, "-i", "0.1")
    feed = make_feed(daemon)
    daemon.raw().sendall(b"*2\r\n$6\r\nSTA")
    feed.wait_count(1)
    ends(daemon)
    assert feed.ended.wait(5)


def test_during_a_burst_of_commands(server, make_daemon, ends):
    """While START and STOP pour in."""
    daemon = make_daemon(server, "-i", "0.1")
    sock = daemon.raw()
    sock.sendall(b"START\nSTOP\n" * 500)
    ends(daemon)


def test_at_once_after_its_start(server, make_daemon, ends):
    """As soon as it answers."""
    ends(make_daemon(server, "-i", "0.1"))


def test_shutdown_command(server, make_daemon):
    """SHUTDOWN answers nothing, closes the connection and ends with 0."""
    daemon = make_daemon(server)
    with daemon.resp() as connection:
        connection.send("SHUTDOWN")
        assert connection.at_end()
    assert daemon.wait_exit(within=1) == 0


def test_server_sees_the_end(fake, make_daemon):
    """The server's connections are closed by the end."""
    daemon = make_daemon(fake, "-i", "0.1")
    eventually(lambda: fake.count("PUBLISH"))
    daemon.terminate()
    assert daemon.wait_exit() == 0
    eventually(lambda: fake.open == 0)


def test_control_socket_is_free_again(server, make_daemon):
    """After the end a new daemon takes the same path."""
    daemon = make_daemon(server)
    daemon.terminate()
    assert daemon.wait_exit() == 0
    daemon.start()
    assert daemon.status()["pid"] == daemon.pid


def test_control_socket_of_a_crashed_daemon(server, make_daemon):
    """A socket left by kill -9 is replaced."""
    daemon = make_daemon(server)
    daemon.kill()
    assert os.path.exists(daemon.control_path)
    daemon.start()
    assert daemon.status()["pid"] == daemon.pid


def test_second_daemon_on_one_path(server, make_daemon):
    """It ends with 69 and names the first one's pid."""
    daemon = make_daemon(server)
    done = run_pinfod("--control", daemon.control_path, *server.flags)
    assert done.returncode == 69
    assert str(daemon.pid) in done.stderr
    assert daemon.do("PING") == "PONG"


def test_control_path_is_a_file(server, tmp_path):
    """A file that is no socket is refused with 69 and left as it is."""
    path = tmp_path / "precious"
    path.write_text("data")
    done = run_pinfod("--control", path, *server.flags)
    assert done.returncode == 69
    assert str(path) in done.stderr
    assert path.read_text() == "data"


def test_control_directory_cannot_be(server, tmp_path):
    """A path below a file is 69, by name."""
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "c"
    done = run_pinfod("--control", path, *server.flags)
    assert done.returncode == 69
    assert str(path) in done.stderr


def test_starts_in_no_time(server, make_daemon):
    """It answers on its socket well before a server has."""
    begun = time.monotonic()
    daemon = make_daemon(server)
    assert isinstance(daemon, Daemon)
    assert time.monotonic() - begun < 2
