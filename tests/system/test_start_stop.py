"""START and STOP in every order: exact counts, never a second timer."""

import itertools
import time

import pytest

from harness import ReplyError, eventually, nothing_for

INTERVAL = 0.25
TICKS = 3
WORDS = {"+": "START", "-": "STOP"}
SEQUENCES = [
    "".join(letters) for length in (1, 2, 3, 4)
    for letters in itertools.product("+-", repeat=length)
] + ["+++++", "+-+-+-+-+-", "+-+-+-+-+-+", "++--++--++"]


class Watch:
    """A daemon that starts stopped, with its subscriber."""

    def __init__(self, server, channel, make_daemon, make_feed):
        self.daemon = make_daemon(server, "-i", INTERVAL, "--stopped",
                                  "--channel", channel)
        self.feed = make_feed(server, channel)
        self.running = False
        self.mark = 0           # messages before the last START that counts
        self.missed = 0

    def spaced(self, sequence):
        """Wait for each command's effect before the next command."""
        for letter in sequence:
            fresh = letter == "+" and not self.running
            if fresh:
                self.mark = len(self.feed)
                self.missed = self.daemon.status_target()["missed"]
            assert self.daemon.do(WORDS[letter]) == "OK"
            if fresh:
                self.feed.wait_count(self.mark + 1)
            elif letter == "-":
                self.daemon.wait_status(state="stopped")
            self.running = letter == "+"

    def pipelined(self, sequence):
        """All commands in one write: no time passes between them."""
        sock = self.daemon.raw()
        lines = "".join(WORDS[letter] + "\n" for letter in sequence)
        sock.sendall(lines.encode())
        got = b""
        while len(got) < len(b"+OK\r\n") * len(sequence):
            got += sock.recv(4096)
        assert got == b"+OK\r\n" * len(sequence)
        self.running = sequence[-1] == "+"

    def check(self):
        """Over three intervals: four messages, or none."""
        if not self.running:
            moment = time.monotonic() + 0.1  # a PUBLISH may be on its way
            nothing_for(TICKS * INTERVAL,
                        lambda: self.feed.since(moment))
            assert self.daemon.status_target()["state"] == "stopped"
            return
        first = self.feed.wait_count(self.mark + 1)[self.mark].time
        end = first + (TICKS + 0.5) * INTERVAL
        nothing_for(end - time.monotonic(),
                    lambda: len(self.feed) - self.mark > TICKS + 1)
        got = sum(t <= end for t in self.feed.times[self.mark:])
        missed = self.daemon.status_target()["missed"] - self.missed
        assert got + missed == TICKS + 1


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_sequence(sequence, server, make_daemon, make_feed):
    """After any sequence, spaced: one timer or none."""
    watch = Watch(server, "spaced", make_daemon, make_feed)
    watch.spaced(sequence)
    watch.check()


@pytest.mark.parametrize("sequence", [s for s in SEQUENCES if len(s) >= 4])
def test_sequence_in_one_write(sequence, server, make_daemon, make_feed):
    """After any sequence, all at once: one timer or none."""
    watch = Watch(server, "pipelined", make_daemon, make_feed)
    watch.pipelined(sequence)
    watch.check()


def test_start_and_timer_are_one_command(server, make_daemon, make_feed):
    """The old name on a running target doubles nothing either."""
    watch = Watch(server, "mixed", make_daemon, make_feed)
    watch.spaced("+")
    for _ in range(5):
        assert watch.daemon.do("pushpersistenceinfo.timer") == "OK"
    watch.check()


def test_start_when_the_daemon_started_it(server, make_daemon, make_feed):
    """START on a target that runs since the start publishes nothing extra."""
    feed = make_feed(server)
    daemon = make_daemon(server, "-i", "60")
    feed.wait_count(1)
    for _ in range(5):
        assert daemon.do("START") == "OK"
    nothing_for(0.5, lambda: len(feed) > 1)


def test_start_of_a_running_target_keeps_the_grid(
    server, make_daemon, make_feed,
):
    """A START between two ticks moves neither of them."""
    daemon = make_daemon(server, "-i", "1", "--stopped")
    feed = make_feed(server)
    daemon.do("START")
    first = feed.wait_count(1)[0].time
    nothing_for(0.5, lambda: len(feed) > 1)
    daemon.do("START")
    second = feed.wait_count(2)[1].time
    assert second - first == pytest.approx(1, abs=0.25)


def test_start_after_stop_begins_a_new_grid(server, make_daemon, make_feed):
    """STOP and START between two ticks publish at once and count from there."""
    daemon = make_daemon(server, "-i", "2", "--stopped")
    feed = make_feed(server)
    daemon.do("START")
    first = feed.wait_count(1)[0].time
    nothing_for(0.7, lambda: len(feed) > 1)
    daemon.do("STOP")
    daemon.do("START")
    second, third = [m.time for m in feed.wait_count(3)[1:]]
    assert 0.6 < second - first < 1.5
    assert third - second == pytest.approx(2, abs=0.3)


def test_stop_closes_the_connection(fake, make_daemon):
    """A stopped target costs its server no connection."""
    daemon = make_daemon(fake, "-i", "0.2")
    eventually(lambda: fake.count("PUBLISH") >= 2)
    daemon.do("STOP")
    eventually(lambda: fake.open == 0)
    nothing_for(0.5, lambda: fake.open)


def test_stopped_at_start_makes_no_connection(fake, make_daemon):
    """--stopped knocks at no server."""
    daemon = make_daemon(fake, "-i", "0.1", "--stopped")
    nothing_for(0.5, lambda: fake.connections)
    assert daemon.status_target()["state"] == "stopped"


def test_stop_discards_the_answer_on_its_way(make_fake, make_daemon, make_feed):
    """An INFO answered after STOP reaches neither side."""
    kept = []

    def keep_info(connection, words):
        if words[0] == b"INFO":
            kept.append(connection)
            return None
        return connection.server.default(connection, words)

    fake = make_fake(keep_info)
    daemon = make_daemon(fake, "-i", "0.2")
    feed = make_feed(daemon)
    eventually(lambda: kept)
    daemon.do("STOP")
    kept[0].send(b"$1\r\nx\r\n")
    nothing_for(0.5, lambda: feed.messages or fake.count("PUBLISH"))


def test_start_after_a_discarded_answer(make_fake, make_daemon, make_feed):
    """START while the old connection still owes an answer works at once."""
    def mute_once(connection, words):
        if words[0] == b"INFO" and connection.id == 1:
            return None
        return connection.server.default(connection, words)

    fake = make_fake(mute_once)
    daemon = make_daemon(fake, "-i", "60")
    feed = make_feed(daemon)
    eventually(lambda: fake.count("INFO") == 1)
    daemon.do("STOP")
    daemon.do("START")
    feed.wait_count(1, timeout=1.5)


def test_stop_while_the_server_is_down(make_fake, make_daemon):
    """STOP ends the knocking at a dead server, START resumes it."""
    fake = make_fake(start=False)
    daemon = make_daemon(fake, "-i", "0.2")
    daemon.wait_status(state="down")
    daemon.do("STOP")
    fake.start()
    nothing_for(1.5, lambda: fake.connections)
    daemon.do("START")
    eventually(lambda: fake.count("PUBLISH"), timeout=1.5)


def test_start_and_stop_of_one_target(make_fake, make_daemon):
    """A name after the command leaves the other target alone."""
    one, two = make_fake(), make_fake()
    daemon = make_daemon("-u", one.uri, "-u", two.uri, "-i", "0.1",
                         "--stopped")
    daemon.do("START", two.name)
    eventually(lambda: two.count("PUBLISH") >= 3)
    assert one.connections == 0
    daemon.do("START", one.name)
    daemon.do("STOP", two.name)
    eventually(lambda: two.open == 0)
    have = two.count("INFO")
    eventually(lambda: one.count("PUBLISH") >= 3)
    assert two.count("INFO") == have


def test_start_and_stop_of_all(make_fake, make_daemon):
    """Without a name both commands mean every target."""
    fakes = [make_fake(), make_fake()]
    daemon = make_daemon("-u", fakes[0].uri, "-u", fakes[1].uri, "-i", "0.1",
                         "--stopped")
    daemon.do("START")
    for fake in fakes:
        eventually(lambda: fake.count("PUBLISH") >= 2)
    daemon.do("STOP")
    for fake in fakes:
        eventually(lambda: fake.open == 0)


@pytest.mark.parametrize("command", ["START", "STOP", "POLL", "STATUS"])
def test_unknown_target(command, make_fake, make_daemon):
    """NOTARGET lists the targets that there are."""
    one, two = make_fake(), make_fake()
    daemon = make_daemon("-u", one.uri, "-u", two.uri)
    with pytest.raises(ReplyError, match="^NOTARGET ") as caught:
        daemon.do(command, "nobody")
    assert one.name in str(caught.value)
    assert two.name in str(caught.value)
