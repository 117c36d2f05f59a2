"""The schedule: at once, then on a fixed grid, with no bursts and no drift."""

import statistics
import time

import pytest

from harness import ReplyError, eventually, let_pass, nothing_for, ticks


def median_gap(times):
    return statistics.median(b - a for a, b in zip(times, times[1:]))


def test_first_message_comes_at_the_daemons_start(
    server, make_daemon, make_feed,
):
    """Nobody waits an interval of a minute for the first message."""
    feed = make_feed(server)
    make_daemon(server, "-i", "60")
    feed.wait_count(1, timeout=3)
    nothing_for(0.5, lambda: len(feed) > 1)


def test_first_message_comes_at_start_command(server, make_daemon, make_feed):
    """START publishes at once, not after an interval."""
    daemon = make_daemon(server, "-i", "60", "--stopped")
    feed = make_feed(server)
    daemon.do("START")
    feed.wait_count(1, timeout=3)
    nothing_for(0.5, lambda: len(feed) > 1)


def test_fixed_rate(server, make_daemon, make_feed):
    """Fifty intervals of 0.1 s: one message a tick, and the grid holds."""
    daemon = make_daemon(server, "-i", "0.1", "--stopped")
    feed = make_feed(server)
    daemon.do("START")
    times = [m.time for m in feed.wait_count(51, timeout=15)]
    missed = daemon.status_target()["missed"]
    numbers = ticks(times, 0.1)
    assert numbers == sorted(set(numbers)), "two messages in one interval"
    assert numbers[-1] - 50 <= missed <= numbers[-1] - 50 + 1
    # Lateness comes and goes with the machine's load, drift only grows: so
    # compare the most punctual message of the first and of the last quarter.
    phases = [t - n * 0.1 for t, n in zip(times, numbers)]
    assert min(phases[-13:]) == pytest.approx(min(phases[:13]), abs=0.008)
    assert median_gap(times) == pytest.approx(0.1, abs=0.01)
    assert max(b - a for a, b in zip(times, times[1:])) < 0.6


def test_suspended_daemon_does_not_catch_up(server, make_daemon, make_feed):
    """After 3 s of SIGSTOP: no burst, the loss is counted, the grid kept."""
    interval = 0.5
    daemon = make_daemon(server, "-i", interval, "--stopped")
    feed = make_feed(server)
    daemon.do("START")
    feed.wait_count(3)
    daemon.suspend()
    let_pass(0.1)     # what it had sent may be on its way
    have = len(feed)
    nothing_for(3, lambda: len(feed) > have)
    daemon.resume()
    resumed = time.monotonic()
    feed.wait_more(5)
    status = daemon.status_target()
    times = feed.times
    numbers = ticks(times, interval)
    after = [t for t in times if t > resumed]
    assert sum(t < resumed + 0.8 * interval for t in after) <= 2
    assert numbers[have] - numbers[have - 1] in (6, 7)
    assert status["missed"] == numbers[-1] + 1 - len(times)
    before = min(t - n * interval for t, n in zip(times[:3], numbers))
    later = min(t - n * interval for t, n in zip(times[-4:], numbers[-4:]))
    assert later == pytest.approx(before, abs=0.1)


@pytest.mark.parametrize("how", ["suspended", "debug-sleep"])
def test_hanging_server_causes_no_burst(how, server, make_daemon, make_feed):
    """A server that hangs for 3 s costs those ticks and shifts nothing."""
    interval = 0.5
    daemon = make_daemon(server, "-i", interval, "--stopped")
    feed = make_feed(server)
    daemon.do("START")
    feed.wait_count(3)
    if how == "suspended":
        server.suspend()
        let_pass(3)
        server.resume()
    else:
        server.call("DEBUG", "SLEEP", "3")
    resumed = time.monotonic()
    feed.wait_more(5)
    times = feed.times
    numbers = ticks(times, interval)
    assert sum(resumed < t < resumed + 0.8 * interval for t in times) <= 2
    later = min(t - n * interval for t, n in zip(times[-4:], numbers[-4:]))
    before = min(t - n * interval for t, n in zip(times[:3], numbers))
    assert later == pytest.approx(before, abs=0.1)
    assert daemon.status_target()["missed"] == numbers[-1] + 1 - len(times)


class Withhold:
    """A handler that keeps the answers to INFO while .on is set."""

    def __init__(self):
        self.on = False
        self.kept = []
        self.in_flight = 0
        self.most = 0

    def __call__(self, connection, words):
        answer = connection.server.default(connection, words)
        if words != [b"INFO", b"persistence"]:
            return answer
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        if self.on:
            self.kept.append((connection, answer))
            return None
        self.in_flight -= 1
        return answer

    def release(self):
        self.on = False
        kept, self.kept = self.kept, []
        for connection, answer in kept:
            self.in_flight -= 1
            connection.send(answer)


def test_one_info_in_flight(make_fake, make_daemon, make_feed):
    """A server slower than the interval is never asked twice at a time."""
    slow = Withhold()
    fake = make_fake(slow)
    daemon = make_daemon(fake, "-i", "0.1")
    feed = make_feed(daemon)
    feed.wait_count(2)
    slow.on = True
    eventually(lambda: slow.kept)
    nothing_for(1.5, lambda: len(slow.kept) > 1)
    slow.release()
    feed.wait_more(3)
    assert slow.most == 1
    assert daemon.status_target()["missed"] >= 12


@pytest.mark.parametrize("late_s", [0.3, 1.6])
def test_late_answer_serves_its_tick(late_s, make_fake, make_daemon, make_feed):
    """Own answers are published however late in the interval of 2 s."""
    slow = Withhold()
    fake = make_fake(slow)
    # One sample a tick: the INFO that is kept is a tick's.
    daemon = make_daemon(fake, "-i", "2", "--sample", "2")
    feed = make_feed(daemon)
    eventually(lambda: fake.count("PUBLISH") == 1)
    slow.on = True
    eventually(lambda: slow.kept)
    asked = fake.of("INFO")[-1][0]
    have = len(feed)
    let_pass(asked + late_s - time.monotonic())
    slow.release()
    late, following = [m.time for m in feed.wait_count(have + 2)[have:]]
    assert late - asked == pytest.approx(late_s, abs=0.2)
    assert following - asked == pytest.approx(2, abs=0.2)
    assert daemon.status_target()["missed"] == 0


def test_tick_of_a_suspended_daemon_is_made_good_early(
    server, make_daemon, make_feed,
):
    """Woken 0.5 s after a tick at interval 3, the tick is served at once."""
    daemon = make_daemon(server, "-i", "3", "--stopped")
    feed = make_feed(server)
    daemon.do("START")
    start = feed.wait_count(1)[0].time
    daemon.suspend()
    nothing_for(start + 3.5 - time.monotonic(), lambda: len(feed) > 1)
    daemon.resume()
    second = feed.wait_count(2, timeout=1)[1].time
    assert second - start < 4.5
    third = feed.wait_count(3)[2].time
    assert third - start == pytest.approx(6, abs=0.3)
    assert daemon.status_target()["missed"] == 0


def test_tick_of_a_suspended_daemon_is_missed_late(
    server, make_daemon, make_feed,
):
    """Woken 0.5 s before the next tick at interval 3, the old one is lost."""
    daemon = make_daemon(server, "-i", "3", "--stopped")
    feed = make_feed(server)
    daemon.do("START")
    start = feed.wait_count(1)[0].time
    daemon.suspend()
    nothing_for(start + 5.5 - time.monotonic(), lambda: len(feed) > 1)
    daemon.resume()
    second = feed.wait_count(2)[1].time
    assert second - start == pytest.approx(6, abs=0.3)
    assert daemon.status_target()["missed"] == 1


# -- POLL --------------------------------------------------------------------

def test_poll_publishes_beside_the_schedule(server, make_daemon, make_feed):
    """POLL adds one message now and leaves the grid where it was."""
    daemon = make_daemon(server, "-i", "1.5", "--stopped")
    feed = make_feed(server)
    daemon.do("START")
    start = feed.wait_count(1)[0].time
    nothing_for(0.4, lambda: len(feed) > 1)
    assert daemon.do("POLL") == "OK"
    polled = feed.wait_count(2)[1].time
    assert polled - start < 1.2
    third, fourth = [m.time for m in feed.wait_count(4)[2:]]
    assert third - start == pytest.approx(1.5, abs=0.25)
    assert fourth - start == pytest.approx(3.0, abs=0.25)


def test_poll_of_a_stopped_target(server, make_daemon, make_feed):
    """POLL says STOPPED and asks nothing."""
    daemon = make_daemon(server, "--stopped")
    feed = make_feed(daemon)
    with pytest.raises(ReplyError, match="^STOPPED "):
        daemon.do("POLL")
    nothing_for(0.3, lambda: feed.messages)


def test_poll_of_a_dead_target(server, make_daemon):
    """POLL says DOWN and why."""
    daemon = make_daemon(server, "-i", "0.2")
    daemon.wait_status(state="up")
    server.kill()
    daemon.wait_status(state="down", reason="Connection refused")
    with pytest.raises(ReplyError, match="^DOWN .*Connection refused"):
        daemon.do("POLL")


def test_poll_of_a_silent_target(make_fake, make_daemon):
    """An INFO owed for over 2 s: POLL cannot ask, and says DOWN."""
    slow = Withhold()
    daemon = make_daemon(make_fake(slow), "-i", "0.2")
    daemon.wait_status(state="up")
    slow.on = True
    daemon.wait_status(state="silent")
    with pytest.raises(ReplyError, match="^DOWN .*no answer"):
        daemon.do("POLL")


def test_poll_while_publish_is_owed(make_fake, make_daemon, make_feed):
    """A PUBLISH under way for a moment does not make its target DOWN."""
    kept = []

    def keep_publish(connection, words):
        answer = connection.server.default(connection, words)
        if words[0] == b"PUBLISH" and not kept:
            kept.append((connection, answer))
            return None
        return answer

    daemon = make_daemon(make_fake(keep_publish), "-i", "60", "--stopped")
    feed = make_feed(daemon)
    daemon.do("START")
    connection, answer = eventually(lambda: kept)[0]
    try:
        assert daemon.do("POLL") == "OK"
    finally:
        connection.send(answer)
    feed.wait_count(2)


def test_poll_of_all_is_all_or_nothing(make_fake, make_daemon):
    """With one target stopped, a POLL of all asks no other either."""
    one, two = make_fake(), make_fake()
    daemon = make_daemon("-u", one.uri, "-u", two.uri, "-i", "60")
    daemon.wait_status(one.name, state="up", published=1)
    daemon.wait_status(two.name, state="up", published=1)
    daemon.do("STOP", two.name)
    with pytest.raises(ReplyError, match="^STOPPED "):
        daemon.do("POLL")
    nothing_for(0.4, lambda: one.count("INFO") > 1)
    assert daemon.do("POLL", one.name) == "OK"
    eventually(lambda: one.count("INFO") == 2)


# -- INTERVAL ----------------------------------------------------------------

def test_interval_tells(server, make_daemon):
    """Without an argument INTERVAL answers the seconds."""
    daemon = make_daemon(server, "-i", "2500ms")
    assert float(daemon.do("INTERVAL")) == 2.5


def test_interval_is_5_s_unless_told_otherwise(server, make_daemon):
    """The default is the module's interval."""
    daemon = make_daemon(server)
    assert float(daemon.do("INTERVAL")) == 5
    assert daemon.status_target()["interval_s"] == 5


@pytest.mark.parametrize("text, seconds", [
    ("0.1", 0.1), ("7", 7), ("1.25", 1.25), ("86400", 86400),
    ("500ms", 0.5), ("100ms", 0.1), ("5s", 5), ("0.5s", 0.5), ("2m", 120),
    ("1h", 3600), ("1d", 86400),
])
def test_interval_takes(text, seconds, server, make_daemon):
    """Numbers and units within bounds are taken and told back."""
    daemon = make_daemon(server, "--stopped")
    assert daemon.do("INTERVAL", text) == "OK"
    assert float(daemon.do("INTERVAL")) == pytest.approx(seconds)
    assert daemon.status_target()["interval_s"] == pytest.approx(seconds)


BAD_INTERVALS = [
    "0", "0.09", "99ms", "-1", "86401", "86400.5", "2d", "25h", "1e9", "", " ",
    "abc", "5x", "5 s s", "s", "nan", "inf", "0x10", "1,5", "--5", "1.2.3",
    "99999999999999999999", "5ss", "1dd",
]


@pytest.mark.parametrize("text", BAD_INTERVALS)
def test_interval_refuses(text, server, make_daemon):
    """A bad value is an ERR that changes nothing."""
    daemon = make_daemon(server, "-i", "3", "--stopped")
    with pytest.raises(ReplyError, match="^ERR "):
        daemon.do("INTERVAL", text)
    assert float(daemon.do("INTERVAL")) == 3


def test_shorter_interval_counts_from_the_last_message(
    server, make_daemon, make_feed,
):
    """From 60 s to 2 s: the next message is 2 s after the last one."""
    daemon = make_daemon(server, "-i", "60", "--stopped")
    feed = make_feed(server)
    daemon.do("START")
    first = feed.wait_count(1)[0].time
    nothing_for(0.8, lambda: len(feed) > 1)
    daemon.do("INTERVAL", "2")
    times = [m.time for m in feed.wait_count(3)]
    assert times[1] - first == pytest.approx(2, abs=0.3)
    assert times[2] - first == pytest.approx(4, abs=0.3)


def test_longer_interval_counts_from_the_last_message(
    server, make_daemon, make_feed,
):
    """From 0.3 s to 1.5 s: one gap of 1.5 s follows, and nothing sooner."""
    daemon = make_daemon(server, "-i", "0.3")
    feed = make_feed(server)
    feed.wait_count(3)
    daemon.do("INTERVAL", "1.5")
    moment = time.monotonic()
    nothing_for(1, lambda: feed.since(moment + 0.1))
    times = [m.time for m in feed.wait_more(3)]
    assert median_gap(times) == pytest.approx(1.5, abs=0.2)


def test_interval_when_the_new_one_has_already_passed(
    server, make_daemon, make_feed,
):
    """From 60 s to 0.3 s after 1 s: the feed goes on at once, no burst."""
    daemon = make_daemon(server, "-i", "60", "--stopped")
    feed = make_feed(server)
    daemon.do("START")
    feed.wait_count(1)
    nothing_for(1, lambda: len(feed) > 1)
    daemon.do("INTERVAL", "0.3")
    moment = time.monotonic()
    times = [m.time for m in feed.wait_more(6)]
    assert times[0] - moment < 0.6
    numbers = ticks(times, 0.3)
    assert numbers == sorted(set(numbers))
    assert median_gap(times) == pytest.approx(0.3, abs=0.05)


def test_interval_of_a_stopped_target_waits_for_start(
    server, make_daemon, make_feed,
):
    """INTERVAL starts nothing; START then uses it."""
    daemon = make_daemon(server, "--stopped")
    feed = make_feed(server)
    daemon.do("INTERVAL", "200ms")
    nothing_for(0.6, lambda: feed.messages)
    daemon.do("START")
    assert median_gap([m.time for m in feed.wait_count(5)]) == pytest.approx(
        0.2, abs=0.05
    )
