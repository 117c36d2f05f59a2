"""Clients that break the bounds: they are dropped, and nobody else notices."""

import contextlib
import math
import random
import resource
import select
import socket
import subprocess
import threading
import time

import pytest

from harness import (
    MIB, SLOW, Burden, Resp, ReplyError, descriptors, encode, eventually,
    let_pass, nothing_for,
)

CLIENTS_MAX = 64
WORDS_MAX = 16
REQUEST_MAX = 65536
HALF_REQUEST_S = 10
SEED = random.randrange(2**32)


class Guarded:
    """A daemon on a fake server, with a subscriber that behaves."""

    def __init__(self, fake, make_daemon, make_feed, interval=0.2):
        self.daemon = make_daemon(fake, "-i", interval, "--stopped")
        self.feed = make_feed(self.daemon)
        self.daemon.do("START")
        self.feed.wait_count(1)
        self.before = self.daemon.status()
        self.burden = Burden(self.daemon)

    def count(self, what):
        """How many clients were refused or dropped since."""
        return self.daemon.status()[what] - self.before[what]

    def check_unharmed(self, grown=4 * MIB, cpu=0.5):
        """The subscriber got every sample, no tick was missed; bounds hold."""
        self.burden.check(grown, cpu)
        self.feed.wait_more(1)
        self.daemon.do("STOP")
        status = self.daemon.status_target()
        assert status["missed"] == 0
        eventually(lambda: len(self.feed) == status["samples"],
                   what=f"all {status['samples']} samples")


@pytest.fixture
def guarded(fake, make_daemon, make_feed):
    return Guarded(fake, make_daemon, make_feed)


def read_to_end(sock, timeout=5.0):
    """All that comes until the other side closes."""
    got = bytearray()
    deadline = time.monotonic() + timeout * SLOW
    while (left := deadline - time.monotonic()) > 0:
        sock.settimeout(left)
        try:
            data = sock.recv(65536)
        except ConnectionResetError:
            return bytes(got)
        except socket.timeout:
            break
        if not data:
            return bytes(got)
        got += data
    raise AssertionError(f"still open after {timeout * SLOW:g} s: {got[-80:]}")


def connect_patiently(daemon):
    """A connection, also while more knock than the backlog holds."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(daemon.control_path)   # with a time-out it would not wait
    sock.settimeout(5 * SLOW)
    return sock


def send_until_cut(sock, data):
    """Send all of it, or as much as the other side wants to have."""
    with contextlib.suppress(OSError):
        sock.sendall(data)


# Requests that are none.

BROKEN = {
    "million words": b"*1000000\r\n" + b"$4\r\nPING\r\n" * 20_000,
    "17 words": b"*17\r\n",
    "10^20 words": b"*99999999999999999999\r\n",
    "-5 words": b"*-5\r\n",
    "nonsense words": b"*abc\r\n",
    "length without end": b"*" + b"1" * 10_000,
    "length with LF only": b"*1\n$4\nPING\n",
    "gigabyte": b"*1\r\n$1073741824\r\n" + b"x" * MIB,
    "byte too much": b"*1\r\n$65537\r\n",
    "10^20 bytes": b"*1\r\n$99999999999999999999\r\n",
    "-1 bytes": b"*1\r\n$-1\r\n",
    "too much in all": encode("ECHO", b"x" * 40_000, b"y" * 40_000),
    "no bulk": b"*1\r\n+PING\r\n",
    "bulk that goes on": b"*1\r\n$4\r\nPINGPONG\r\n",
    "array in array": b"*1\r\n*1\r\n$4\r\nPING\r\n",
    "endless line": b"x" * MIB,
    "line of 64 KiB and 1": b"x" * (REQUEST_MAX + 1) + b"\n",
    "NUL in a line": b"PING \0\r\n",
    "open double quote": b'ECHO "a\r\n',
    "open single quote": b"ECHO 'a\r\n",
    "text after a quote": b'ECHO "a"b\r\n',
    "17 words in a line": b"x " * 17 + b"\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_request(name, guarded):
    """An error, then the end of the connection; it counts as dropped."""
    sock = guarded.daemon.raw()
    send_until_cut(sock, BROKEN[name])
    got = read_to_end(sock)
    assert got.startswith(b"-ERR Protocol error"), got
    assert got.endswith(b"\r\n") and got.count(b"\r\n") == 1
    eventually(lambda: guarded.count("clients_dropped") == 1)
    assert guarded.count("clients_refused") == 0
    guarded.check_unharmed()


@pytest.mark.parametrize("request_bytes", [
    encode("ECHO", b"x" * (REQUEST_MAX - 60)), encode("PING", b"\0\r\n\xff"),
    encode(*["SUBSCRIBE"] + ["c"] * (WORDS_MAX - 1)),
    b"PING " + b" " * (REQUEST_MAX - 6) + b"\n",
    b"\r\n\r\n\n   \r\nPING\r\n", b"*0\r\nPING\r\n",
], ids=["64 KiB", "binary", "16 words", "line of 64 KiB", "empty lines",
        "no words"])
def test_request_just_within_the_bounds(request_bytes, guarded):
    """What is at a bound, and what says nothing, is no offence."""
    with guarded.daemon.resp() as connection:
        connection.send_raw(request_bytes)
        assert not isinstance(connection.read(), ReplyError)
        connection.send("PING", "still here")
        eventually(lambda: b"still here" in (reply := connection.read())
                   or reply == b"still here")
    assert guarded.count("clients_dropped") == 0


def test_request_before_a_broken_one(guarded):
    """What was asked before the offence is answered first."""
    sock = guarded.daemon.raw()
    sock.sendall(encode("PING") * 3 + b"*x\r\n" + encode("PING"))
    got = read_to_end(sock)
    assert got.startswith(b"+PONG\r\n" * 3 + b"-ERR Protocol error")
    assert got.count(b"+PONG") == 3


def test_gigabyte_that_is_sent(guarded):
    """Whoever announces a gigabyte gets rid of next to nothing of it."""
    sock = guarded.daemon.raw()
    sock.sendall(b"*1\r\n$1073741824\r\n")
    sent, chunk = 0, b"x" * 65536
    with contextlib.suppress(ConnectionError):
        while sent < 64 * MIB:
            sent += sock.send(chunk)
    assert sent <= MIB
    guarded.check_unharmed()


def test_garbage(guarded):
    """Bytes at random: each client is answered or dropped, nothing else."""
    print("seed", SEED)
    dice = random.Random(SEED)
    for _ in range(100):
        head = dice.choice([b"", b"", b"*2\r\n$", b"*1\r\n", b'"', b"PING "])
        with guarded.daemon.raw() as sock:
            send_until_cut(sock, head + dice.randbytes(dice.randrange(4096)))
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)
            got = read_to_end(sock)
            assert not got or got.startswith((b"-ERR ", b"+", b"$"))
    eventually(lambda: guarded.daemon.status()["clients"] == 2)
    guarded.check_unharmed()


def test_all_bytes_as_one_byte_requests(guarded):
    """Each byte value alone, as a line, a word and a channel."""
    with guarded.daemon.resp() as connection:
        for value in range(256):
            word = bytes([value])
            assert connection.call("ECHO", word) == word
            if value:
                reply = connection.call("SUBSCRIBE", word)
                assert reply == [b"subscribe", word, 1]
                connection.call("UNSUBSCRIBE", word)
    guarded.check_unharmed()


@pytest.mark.parametrize("words", [
    [b"PING\0x"], [b"STOP\0"], [b"STOP", b"default\0x"],
    [b"INTERVAL", b"5\0x"], [b"SUBSCRIBE", b"pinfo\0x"],
    [b"PSUBSCRIBE", b"*\0x"], [b"CLIENT", b"SETNAME", b"a\0b"],
    [b"STATUS", b"JSON\0x"], [b"SELECT", b"0\0x"], [b"HELLO", b"3\0x"],
], ids=repr)
def test_nul_ends_no_word(words, guarded):
    """A word with a NUL is not taken for what stands before the NUL."""
    with guarded.daemon.resp() as connection:
        connection.send(*words)
        reply = connection.read()
        assert isinstance(reply, ReplyError), reply
    guarded.check_unharmed()


# Requests that do not come to their end.

HALVES = [
    b"P", b"PING", b"PING\r", b"*", b"*1\r", b"*1\r\n", b"*2\r\n$4\r\nECHO",
    b"*2\r\n$4\r\nECHO\r\n", b"*1\r\n$65000\r\n" + b"x" * 64_000, b'"',
]


def closed_at(socks, limit):
    """When each socket was found closed, by monotonic time; inf: not."""
    times = dict.fromkeys(socks, math.inf)
    poll = select.poll()
    by_number = {sock.fileno(): sock for sock in socks}
    for number in by_number:
        poll.register(number, select.POLLIN)
    deadline = time.monotonic() + limit
    while by_number and (left := deadline - time.monotonic()) > 0:
        for number, _ in poll.poll(left * 1000):
            poll.unregister(number)
            times[by_number.pop(number)] = time.monotonic()
    return list(times.values())


def test_half_a_request(guarded):
    """It has ten seconds to become a whole one; other clients have for ever."""
    quiet = guarded.daemon.resp()
    quiet.call("PING")
    socks = [guarded.daemon.raw() for _ in HALVES]
    start = time.monotonic()
    for sock, half in zip(socks, HALVES):
        sock.sendall(half)
    took = [t - start for t in closed_at(socks, HALF_REQUEST_S + 3 * SLOW)]
    assert all(HALF_REQUEST_S - 0.2 < t < math.inf for t in took), took
    assert all(sock.recv(1) == b"" for sock in socks)
    assert guarded.count("clients_dropped") == len(HALVES)
    assert quiet.call("PING") == "PONG"
    guarded.check_unharmed()


def test_dripping_bytes_buys_no_time(guarded):
    """A byte now and then does not make the ten seconds begin anew."""
    drips = [b"ECHO " + b"x" * 1000, encode("ECHO", b"x" * 1000)]
    socks = [guarded.daemon.raw() for _ in drips]
    over = threading.Event()

    def drip():
        for position in range(1000):
            for sock, data in zip(socks, drips):
                with contextlib.suppress(OSError):
                    sock.send(data[position:position + 1])
            if over.wait(0.1):
                return

    start = time.monotonic()
    thread = threading.Thread(target=drip)
    thread.start()
    took = [t - start for t in closed_at(socks, HALF_REQUEST_S + 3 * SLOW)]
    over.set()
    thread.join()
    assert all(HALF_REQUEST_S - 0.2 < t < math.inf for t in took), took
    guarded.check_unharmed()


def test_slow_requests_are_fine(guarded):
    """Each request has its own ten seconds, also behind the one before it."""
    with guarded.daemon.raw() as sock:
        sock.sendall(b"PING\r")
        start = time.monotonic()
        while time.monotonic() - start < HALF_REQUEST_S + 1:
            for piece in (b"\nPI", b"N", b"G\r"):
                sock.sendall(piece)
                let_pass(0.2)
            assert sock.recv(100) == b"+PONG\r\n"
    assert guarded.count("clients_dropped") == 0


@pytest.mark.parametrize("request_bytes", [
    encode("ECHO", "abc"), b'ECHO "a\\x00b" \'c\'\r\n',
    encode("SUBSCRIBE", "pinfo"), encode("HELLO", "3"),
], ids=["array", "line", "subscribe", "hello"])
def test_close_at_each_point_of_a_request(request_bytes, guarded):
    """Clients that leave in the middle leave nothing behind."""
    for end in range(len(request_bytes) + 1):
        for lingering in (False, True):
            sock = guarded.daemon.raw()
            sock.sendall(request_bytes[:end])
            if lingering:
                sock.shutdown(socket.SHUT_WR)
            sock.close()
    eventually(lambda: guarded.daemon.status()["clients"] == 2)
    assert guarded.count("clients_dropped") == 0
    guarded.check_unharmed()
    assert descriptors(guarded.daemon.pid) < 20


# Clients that do not read.

def test_subscriber_that_does_not_read(make_fake, make_daemon, make_feed):
    """It is dropped at 1 MiB of unread output."""
    guarded = Guarded(make_fake(info=b"x" * 60_000), make_daemon, make_feed)
    lazy = guarded.daemon.raw()
    for number in range(4):
        lazy.sendall(encode("PSUBSCRIBE", *(
            "p*" + "*" * (10 * number + i) for i in range(10)
        )))
    eventually(lambda: guarded.count("clients_dropped") == 1)
    guarded.check_unharmed(grown=6 * MIB)


def test_memory_for_a_subscriber_that_does_not_read(
    make_fake, make_daemon, make_feed,
):
    """What is kept for it before it is dropped has a bound too."""
    guarded = Guarded(make_fake(info=b"x" * 60_000), make_daemon, make_feed,
                      interval=0.1)
    most = 0
    for _ in range(10):
        lazy = guarded.daemon.raw()
        have = guarded.count("clients_dropped")
        lazy.sendall(encode("SUBSCRIBE", "pinfo") + encode("PSUBSCRIBE", *(
            "p*" + "*" * i for i in range(15)
        )))

        def dropped():
            nonlocal most
            most = max(most, guarded.burden.grown)
            return guarded.count("clients_dropped") > have

        eventually(dropped)
    guarded.check_unharmed(grown=6 * MIB, cpu=1)
    print("most", most)


def test_slow_subscriber_is_kept(make_fake, make_daemon, make_feed):
    """Who reads, if late and in bites, is not dropped."""
    guarded = Guarded(make_fake(info=b"x" * 10_000), make_daemon, make_feed)
    slow = Resp(guarded.daemon.control_path)
    slow.send("SUBSCRIBE", "pinfo")
    let_pass(1)
    assert slow.read()[0] == b"subscribe"
    assert [slow.read()[0] for _ in range(5)] == [b"message"] * 5
    slow.close()
    assert guarded.count("clients_dropped") == 0


PIPELINED = 100_000


def test_pipelining_without_reading(guarded):
    """The client is made to wait, and gets every answer in its order."""
    sock = guarded.daemon.raw()
    sock.settimeout(None)
    thread = threading.Thread(target=send_until_cut, args=(
        sock, b"".join(b"PING %d\r\n" % number for number in range(PIPELINED)),
    ), daemon=True)
    thread.start()
    nothing_for(0.5, lambda: guarded.burden.check(cpu=1))
    assert thread.is_alive(), "all requests were taken"
    wanted = b"".join(b"$%d\r\n%d\r\n" % (len(str(number)), number)
                      for number in range(PIPELINED))
    sock.settimeout(10 * SLOW)
    got = bytearray()
    while len(got) < len(wanted):
        data = sock.recv(MIB)
        assert data, f"closed after {len(got)} of {len(wanted)} bytes"
        got += data
    assert got == wanted
    thread.join()
    assert guarded.count("clients_dropped") == 0
    guarded.check_unharmed(cpu=1.5)


@pytest.mark.parametrize("request_bytes", [
    b"PING\r\n", b"COMMAND DOCS\r\n", encode("ECHO", b"x" * 60_000),
], ids=["short", "short with long answers", "long"])
def test_waiting_for_a_client_to_read_costs_nothing(request_bytes, guarded):
    """While one is made to wait the daemon does not spin."""
    sock = guarded.daemon.raw()
    sock.settimeout(0.3 * SLOW)
    with contextlib.suppress(socket.timeout):
        sock.sendall(request_bytes * (8 * MIB // len(request_bytes)))
    since = Burden(guarded.daemon)
    let_pass(1)
    since.check(cpu=0.15)
    guarded.check_unharmed(cpu=1)


def test_big_answers_without_reading(guarded):
    """Nor does memory grow by requests whose answers are larger than they."""
    sock = guarded.daemon.raw()
    sock.settimeout(None)
    thread = threading.Thread(target=send_until_cut, args=(
        sock, b"COMMAND DOCS\r\n" * 50_000,
    ), daemon=True)
    thread.start()
    nothing_for(0.5, lambda: guarded.burden.check(cpu=1))
    assert thread.is_alive(), "all requests were taken"
    guarded.check_unharmed(cpu=1.5)
    sock.shutdown(socket.SHUT_RDWR)
    thread.join()


# Too many.

def test_more_clients_than_seats(guarded):
    """64 get in; each of the others gets an error and the end."""
    have = guarded.daemon.status()["clients"]
    refusal = b"-ERR max number of clients reached\r\n"
    connections, seated = [], []
    for _ in range(500):
        connections.append(connect_patiently(guarded.daemon))
    for sock in connections:
        send_until_cut(sock, b"PING\r\n")
        first = sock.recv(100)
        if first == b"+PONG\r\n":
            seated.append(sock)
        else:
            assert first == refusal
            assert read_to_end(sock) == b""
    assert len(seated) == CLIENTS_MAX - have
    assert seated == connections[:len(seated)]
    assert guarded.count("clients_refused") == 500 - len(seated)
    assert guarded.count("clients_dropped") == 0
    for sock in connections:
        sock.close()
    eventually(lambda: guarded.daemon.status()["clients"] == have)
    with guarded.daemon.resp() as late:
        assert late.call("PING") == "PONG"
    guarded.check_unharmed()


def test_a_seat_is_free_again_at_once(guarded):
    """When one of 64 has left, one more gets in."""
    have = guarded.daemon.status()["clients"]
    seated = [guarded.daemon.resp() for _ in range(CLIENTS_MAX - have)]
    assert all(one.call("PING") == "PONG" for one in seated)
    with guarded.daemon.resp() as refused:
        assert "max number of clients" in str(refused.read())
    seated.pop().close()

    def one_more():
        with guarded.daemon.resp() as late:
            with contextlib.suppress(ReplyError, OSError):
                return late.call("PING") == "PONG"

    eventually(one_more)


def test_subscriptions_have_a_bound(guarded):
    """The 65th is an error; the 64 before it stay, and leave one by one."""
    with guarded.daemon.resp() as connection:
        for number in range(64):
            verb = "PSUBSCRIBE" if number % 2 else "SUBSCRIBE"
            assert connection.call(verb, f"c{number}")[2] == number + 1
        with pytest.raises(ReplyError, match="^ERR .*64"):
            connection.call("SUBSCRIBE", "more")
        assert connection.call("SUBSCRIBE", "c0")[2] == 64
        assert connection.call("PUNSUBSCRIBE", "c1")[2] == 63
        assert connection.call("SUBSCRIBE", "more")[2] == 64


@pytest.mark.parametrize("verb", ["SUBSCRIBE", "PSUBSCRIBE"])
def test_channel_names_have_a_bound(verb, guarded):
    """256 bytes are a name, 257 an error; the connection stays."""
    with guarded.daemon.resp() as connection:
        assert connection.call(verb, "n" * 256)[2] == 1
        with pytest.raises(ReplyError, match="^ERR .*256"):
            connection.call(verb, "n" * 257)
        assert connection.call("PING") == [b"pong", b""]


def test_patterns_cost_no_time(guarded):
    """64 patterns of the kind that backtracks do not stall the daemon."""
    with guarded.daemon.resp() as connection:
        for number in range(64):
            connection.call("PSUBSCRIBE", "*i" * (60 + number) + "x")
        guarded.feed.wait_more(3)
    guarded.check_unharmed(cpu=0.3)


# Descriptors used up.

def test_out_of_descriptors(guarded):
    """No busy loop, one line in the log; and it goes on when there are some."""
    daemon = guarded.daemon
    have = descriptors(daemon.pid)
    limits = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (have + 5, limits[1]))
    waiting = [daemon.raw() for _ in range(20)]
    since = Burden(daemon)
    daemon.wait_log("cannot accept clients: Too many open files")
    nothing_for(1.5, lambda: len(daemon.log_lines("cannot accept")) != 1)
    since.check(grown=MIB, cpu=0.15)
    assert daemon.status()["clients"] == guarded.before["clients"] + 5
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limits)
    for sock in waiting:
        sock.sendall(b"PING\r\n")
        assert sock.recv(100) == b"+PONG\r\n"
    assert len(daemon.log_lines("cannot accept")) == 1
    guarded.check_unharmed()


def test_descriptors_come_back(guarded):
    """Those who wait get in when others leave."""
    daemon = guarded.daemon
    have = descriptors(daemon.pid)
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (have + 2, have + 2))
    waiting = [daemon.raw() for _ in range(6)]
    daemon.wait_log("cannot accept clients")
    for sock in waiting:
        sock.sendall(b"PING\r\n")
        assert sock.recv(100) == b"+PONG\r\n"
        sock.close()
    guarded.check_unharmed()


# Half-closed.

@pytest.mark.parametrize("text,answer", [
    (b"PING\n", b"+PONG\r\n"), (b"PING\r\nPING x\r\n", b"+PONG\r\n$1\r\nx\r\n"),
    (encode("ECHO", "hi"), b"$2\r\nhi\r\n"), (b"PING", b""), (b"", b""),
], ids=repr)
def test_netcat_that_closes_its_half(text, answer, guarded):
    """Who says no more still gets the answers, then the end."""
    done = subprocess.run(
        ["nc", "-N", "-U", guarded.daemon.control_path], input=text,
        capture_output=True, timeout=5 * SLOW,
    )
    assert done.stdout == answer
    assert guarded.count("clients_dropped") == 0


@pytest.mark.parametrize("count", [*range(10, 50, 4), 300])
def test_half_closed_with_much_to_come(count, guarded):
    """All the answers come, though they are more than the pipe can hold."""
    sock = guarded.daemon.raw()
    sock.settimeout(None)

    def send():
        sock.sendall(encode("ECHO", b"x" * 10_000) * count)
        sock.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    thread.join(0.3)                # it ends when there is room for all
    nothing_for(0.2, lambda: guarded.daemon.status()["clients"] != 3)
    got = read_to_end(sock, 10)
    thread.join()
    assert len(got) == count * len(b"$10000\r\n\r\n" + b"x" * 10_000)
    guarded.check_unharmed()
