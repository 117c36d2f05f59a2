"""PUBLISH that hangs or fails, while INFO must go on."""

import threading
import time

import pytest

from harness import eventually, nothing_for


class Stuck:
    """A handler that keeps PUBLISH, and all behind it on its connection."""

    def __init__(self):
        self.on = threading.Event()
        self.kept = {}              # connection -> answers owed
        self.info_in_flight = 0
        self.most = 0

    def __call__(self, connection, words):
        answer = connection.server.default(connection, words)
        if words[0] == b"INFO":
            self.info_in_flight += 1
            self.most = max(self.most, self.info_in_flight)
        if connection in self.kept or (
            words[0] == b"PUBLISH" and self.on.is_set()
        ):
            self.kept.setdefault(connection, []).append((words[0], answer))
            return None
        if words[0] == b"INFO":
            self.info_in_flight -= 1
        return answer

    def release(self):
        self.on.clear()
        kept, self.kept = self.kept, {}
        for connection, owed in kept.items():
            for verb, answer in owed:
                self.info_in_flight -= verb == b"INFO"
                connection.send(answer)


@pytest.fixture
def stuck(make_fake, make_daemon, make_feed):
    """(handler, fake, daemon, feed) with PUBLISH hanging since just now."""
    handler = Stuck()
    fake = make_fake(handler)
    daemon = make_daemon(fake, "-i", "0.2")
    feed = make_feed(daemon)
    feed.wait_count(2)
    handler.on.set()
    eventually(lambda: handler.kept)
    return handler, fake, daemon, feed


@pytest.mark.since("6.2", "CLIENT PAUSE WRITE")
def test_paused_writes(server, make_daemon, make_feed):
    """CLIENT PAUSE 4000 WRITE: blocked after 2 s, ok again by itself."""
    daemon = make_daemon(server, "-i", "0.2")
    daemon.wait_status(state="up", publish_state="ok")
    server.call("CLIENT", "PAUSE", "4000", "WRITE")
    paused = time.monotonic()
    nothing_for(1.5, lambda: daemon.status_target()["publish_state"] != "ok")
    daemon.wait_status(publish_state="blocked", state="up", timeout=2)
    daemon.wait_status(publish_state="ok", publish_reason=None)
    assert time.monotonic() - paused > 3.9


@pytest.mark.since("6.2", "CLIENT PAUSE WRITE")
def test_feed_goes_on_while_writes_are_paused(server, make_daemon, make_feed):
    """Control subscribers have messages while PUBLISH cannot get through."""
    daemon = make_daemon(server, "-i", "0.2")
    here, there = make_feed(daemon), make_feed(server)
    there.wait_count(2)
    server.call("CLIENT", "PAUSE", "5000", "WRITE")
    daemon.wait_status(publish_state="blocked")
    have = len(there)
    here.wait_more(5, timeout=1.8)
    assert len(there) == have
    there.wait_count(have + 3)


@pytest.mark.since("6.2", "CLIENT PAUSE WRITE")
def test_second_connection_is_closed_again(server, make_daemon):
    """After the pause one connection is left on the real server."""
    daemon = make_daemon(server, "-i", "0.2")
    daemon.wait_status(state="up")
    assert server.connections_named("pinfod") == 1
    server.call("CLIENT", "PAUSE", "3500", "WRITE")
    daemon.wait_status(publish_state="blocked")
    eventually(lambda: server.connections_named("pinfod") == 2, timeout=1)
    daemon.wait_status(publish_state="ok")
    eventually(lambda: server.connections_named("pinfod") == 1)


def test_blocked_opens_one_more_connection(stuck):
    """INFO moves to a second connection, and never to a third."""
    _, fake, daemon, feed = stuck
    assert fake.connections == 1
    daemon.wait_status(publish_state="blocked")
    feed.wait_more(5)
    assert fake.connections == 2


def test_no_second_publish_while_one_is_owed(stuck):
    """No further PUBLISH is sent, on neither connection."""
    handler, fake, daemon, feed = stuck
    have = fake.count("PUBLISH")
    daemon.wait_status(publish_state="blocked")
    feed.wait_more(5)
    assert fake.count("PUBLISH") == have


def test_no_second_info_while_one_is_owed(stuck):
    """No INFO is sent while another is owed, on whichever connection."""
    handler, _, daemon, feed = stuck
    daemon.wait_status(publish_state="blocked")
    feed.wait_more(5)
    handler.release()
    daemon.wait_status(publish_state="ok")
    feed.wait_more(5)
    assert handler.most == 1


def test_publishing_resumes_when_the_answer_comes(stuck):
    """After the late answer PUBLISH goes on, on one connection."""
    handler, fake, daemon, feed = stuck
    daemon.wait_status(publish_state="blocked")
    feed.wait_more(3)
    have = fake.count("PUBLISH")
    handler.release()
    daemon.wait_status(publish_state="ok", publish_reason=None)
    eventually(lambda: fake.count("PUBLISH") >= have + 3)
    eventually(lambda: fake.open == 1)
    nothing_for(0.6, lambda: fake.open != 1)


def test_no_burst_when_the_answer_comes(stuck):
    """The samples that were not published are dropped, not made up for."""
    handler, fake, daemon, feed = stuck
    daemon.wait_status(publish_state="blocked")
    feed.wait_more(5)
    have = fake.count("PUBLISH")
    handler.release()
    moment = time.monotonic()
    eventually(lambda: fake.count("PUBLISH") >= have + 3)
    times = [row[0] for row in fake.of("PUBLISH")[have:]]
    assert times[2] - moment > 0.3
    assert daemon.status_target()["dropped"] >= 5


def test_blocked_is_not_silent(stuck):
    """While INFO answers elsewhere the target is up all the time."""
    _, _, daemon, feed = stuck
    nothing_for(4, lambda: daemon.status_target()["state"] != "up")


def test_stop_drops_the_publish_under_way(make_fake, make_daemon):
    """A sample whose PUBLISH is lost by STOP counts as dropped."""
    def mute(connection, words):
        if words[0] == b"PUBLISH":
            return None
        return connection.server.default(connection, words)

    fake = make_fake(mute)
    daemon = make_daemon(fake, "-i", "60")
    eventually(lambda: fake.count("PUBLISH"))
    daemon.do("STOP")
    status = daemon.status_target()
    assert (status["samples"], status["published"]) == (1, 0)
    assert status["dropped"] == 1


def test_first_connection_ends_while_blocked(stuck):
    """INFO and PUBLISH go on when only the blocked connection is closed."""
    handler, fake, daemon, feed = stuck
    daemon.wait_status(publish_state="blocked")
    feed.wait_more(2)
    handler.on.clear()
    handler.kept.clear()
    have = fake.count("PUBLISH")
    first = len(feed) - 1
    fake.live[0].close()
    eventually(lambda: fake.count("PUBLISH") >= have + 3)
    times = feed.times[first:]
    assert max(b - a for a, b in zip(times, times[1:])) < 1
    daemon.wait_status(state="up", publish_state="ok")
    eventually(lambda: fake.open == 1)


def test_stop_while_blocked(stuck):
    """STOP closes both connections."""
    _, fake, daemon, feed = stuck
    daemon.wait_status(publish_state="blocked")
    feed.wait_more(2)
    daemon.do("STOP")
    eventually(lambda: fake.open == 0)


def test_server_dies_while_blocked(stuck):
    """After the server's restart the target publishes afresh."""
    handler, fake, daemon, feed = stuck
    daemon.wait_status(publish_state="blocked")
    fake.stop()
    daemon.wait_status(state="down")
    handler.on.clear()
    handler.kept.clear()
    fake.start()
    have = fake.count("PUBLISH")
    daemon.wait_status(state="up", publish_state="ok")
    eventually(lambda: fake.count("PUBLISH") >= have + 3)
    assert fake.open == 1


def test_samples_are_published_or_dropped(stuck):
    """Every sample is counted once: published, dropped or under way."""
    handler, _, daemon, feed = stuck
    daemon.wait_status(publish_state="blocked")
    feed.wait_more(3)
    handler.release()
    daemon.wait_status(publish_state="ok")
    feed.wait_more(3)
    status = daemon.status_target()
    lost = status["samples"] - status["published"] - status["dropped"]
    assert lost in (0, 1), status


def test_failed_publish(make_fake, make_daemon, make_feed):
    """Another error to PUBLISH: failed, quoted, counted, and over in time."""
    broken = threading.Event()
    broken.set()

    def refuse(connection, words):
        if words[0] == b"PUBLISH" and broken.is_set():
            return b"-WEATHER it rains\r\n"
        return connection.server.default(connection, words)

    daemon = make_daemon(make_fake(refuse), "-i", "0.2")
    make_feed(daemon).wait_count(3)
    status = daemon.wait_status(state="up", publish_state="failed")
    assert "WEATHER it rains" in status["publish_reason"]
    assert status["published"] == 0
    assert status["dropped"] >= 1
    broken.clear()
    daemon.wait_status(publish_state="ok", publish_reason=None, timeout=10)


def test_publish_lost_with_its_connection(make_fake, make_daemon, make_feed):
    """A PUBLISH whose connection ends before the answer is dropped."""
    def cut_once(connection, words):
        if words[0] == b"PUBLISH" and connection.id == 1:
            connection.close()
            return None
        return connection.server.default(connection, words)

    fake = make_fake(cut_once)
    daemon = make_daemon(fake, "-i", "0.5")
    eventually(lambda: fake.count("PUBLISH") >= 3)
    status = daemon.wait_status(state="up")
    assert status["dropped"] == 1
