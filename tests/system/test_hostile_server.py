"""Servers that break the protocol: nobody else notices, and nothing grows.

One daemon watches a healthy real server and, for each moment of a
conversation, one fake server that misbehaves just then.  The fakes behave at
first, misbehave on new connections, and behave again in the end.  All of it is
said in clear, and again by TLS, where a relay stands between.
"""

import fcntl
import random
import re
import struct
import termios
import threading

import pytest

from harness import (
    MIB, Authority, Burden, TlsFakeServer, bulk, eventually, let_pass, nothing_for, sanitized,
)

INTERVAL = 0.3
SEED = random.randrange(2**32)
MAX_BYTES = 65536
MISTRUST = r"nobody asked|Protocol error"

# When a fake misbehaves: on connecting, in place of an answer, or after it.
ASKED = ["HELLO", "INFO", "PUBLISH"]
UNASKED = ["connect", "+HELLO", "+INFO", "+PUBLISH"]


def attack(moment, payload, on):
    """The handler and on_connect of a server that does it, while on is set."""
    def play(connection):
        if callable(payload):
            payload(connection)
        else:
            connection.send(payload)

    def handler(connection, words):
        answer = connection.server.default(connection, words)
        if not on.is_set() or words[0] != moment.lstrip("+").encode():
            return answer
        if moment.startswith("+") and isinstance(payload, bytes):
            return answer + payload         # so that one read gets both
        if moment.startswith("+"):
            connection.send(answer)
        play(connection)
        return None

    def on_connect(connection):
        if moment == "connect" and on.is_set():
            play(connection)

    return handler, on_connect


def flood(head, filler=b"x", size=40 * MIB):
    """Send the head, then filler without end, until the other side has left."""
    def play(connection):
        chunk = filler * (65536 // len(filler))
        connection.sock.sendall(head)
        for _ in range(size // len(chunk)):
            connection.sock.sendall(chunk)

    return play


def last_words(data=b""):
    """Send this and close."""
    def play(connection):
        connection.send(data)
        connection.close()

    return play


def reset(connection):
    connection.reset()


class Scene:
    """See above; fakes are told apart by their moments."""

    def __init__(self, server, attacks, make_fake, make_daemon, make_feed,
                 interval=INTERVAL, flags=()):
        self.interval = interval
        self.on = threading.Event()
        self.fakes = {}
        for moment, payload in attacks.items():
            handler, on_connect = attack(moment, payload, self.on)
            self.fakes[moment] = make_fake(handler, on_connect=on_connect)
        self.server, self.feed = server, make_feed(server)
        uris = [server.uri] + [fake.uri for fake in self.fakes.values()]
        self.daemon = make_daemon(
            "-i", interval, *flags, *(word for uri in uris for word in ("-u", uri))
        )
        self.wait_up()
        self.burden = Burden(self.daemon)

    def wait_up(self):
        names = {server.name for server in (self.server, *self.fakes.values())}
        eventually(lambda: names == {
            target["name"] for target in self.daemon.status()["targets"]
            if target["state"] == "up" and target["publish_state"] == "ok"
            and target["last_sample_age_s"] < 3 * self.interval
        }, timeout=8, what="all targets are up")

    def kick(self):
        for fake in self.fakes.values():
            for connection in fake.live:
                connection.close()

    def misbehave(self):
        self.on.set()
        self.kick()

    def behave(self, kick=False):
        self.on.clear()
        if kick:
            self.kick()
        self.wait_up()

    def target(self, moment):
        return self.daemon.status_target(self.fakes[moment].name)

    def wait_seen(self, states, reason, timeout=5):
        """Wait until each fake was seen once in such a state for such a reason."""
        names = {fake.name: moment for moment, fake in self.fakes.items()}
        missing, last = set(self.fakes), {}

        def all_seen():
            for target in self.daemon.status()["targets"]:
                moment = names.get(target["name"])
                if moment is None or target["reason"] is None:
                    continue
                last[moment] = (target["state"], target["reason"])
                if target["state"] in states and re.search(
                    reason, target["reason"],
                ):
                    missing.discard(moment)
            return not missing

        try:
            eventually(all_seen, timeout)
        except AssertionError:
            seen = {moment: last.get(moment) for moment in missing}
            raise AssertionError(f"not {states} /{reason}/: {seen}") from None

    def check_unharmed(self, grown=4 * MIB, cpu=0.4):
        """The healthy server's feed has no gap; memory and CPU are in bounds."""
        self.feed.wait_more(1)
        self.burden.check(grown, cpu)
        healthy = self.daemon.status_target(self.server.name)
        assert (healthy["missed"], healthy["dropped"]) == (0, 0)
        assert (healthy["connects"], healthy["state"]) == (1, "up")
        times = self.feed.times
        passed = (times[-1] - times[0]) / self.interval
        assert len(times) - 1 >= passed - 0.9


@pytest.fixture(scope="module")
def ca():
    made = Authority()
    made.server = made.issue()
    yield made
    made.close()


@pytest.fixture(params=["clear", "tls"])
def make_scene(request, ca, closing, server, make_fake, make_daemon, make_feed):
    """make_scene({moment: payload, …}, interval=…)"""
    def make_tls(handler, **options):
        return closing(TlsFakeServer(ca.server, handler, **options)).start()

    def make(attacks, **options):
        by_tls = request.param == "tls"
        return Scene(server, attacks, make_tls if by_tls else make_fake,
                     make_daemon, make_feed, flags=ca.flags if by_tls else (),
                     **options)

    return make


def garbage(connection):
    dice = random.Random(SEED + connection.id)
    connection.send(b"".join(
        dice.choice([b"\x00", b"\r\n", b"<", b"z"]) + dice.randbytes(4096)
        for _ in range(100)
    ))


# name: (what it sends, what STATUS says beside MISTRUST)
MALFORMED = {
    "arrays nested a million times": (b"*1\r\n" * 10**6,
                                      "nested|more elements"),
    "array of 2147483647": (flood(b"*2147483647\r\n", b":1\r\n"),
                            "more elements"),
    "array of -5": (b"*-5\r\n", "elements|length"),
    "array of 10^20": (b"*99999999999999999999\r\n", "elements|length"),
    "array of nonsense": (b"*abc\r\n", "length"),
    "bulk of 1 TB": (flood(b"$1099511627776\r\n"), "longer reply"),
    "bulk of 2^63 - 1": (flood(b"$9223372036854775807\r\n"), "longer reply"),
    "bulk of -5": (b"$-5\r\n", "length"),
    "bulk of 10^20": (b"$99999999999999999999\r\n", "length"),
    "bulk of nonsense": (b"$abc\r\n", "length"),
    "bulk that goes on": (b"$2\r\nabcdef\r\n", "longer reply|nobody"),
    "endless status": (flood(b"+"), "longer reply"),
    "endless error": (flood(b"-ERR "), "longer reply"),
    "endless integer": (flood(b":", b"1"), "longer reply"),
    "endless length": (flood(b"$", b"1"), "longer reply"),
    "endless nils": (flood(b"", b"$-1\r\n"), "no text"),
    "endless empty arrays": (flood(b"", b"*0\r\n"), "no text"),
    "integer of 40 digits": (b":" + b"9" * 40 + b"\r\n", "integer"),
    "integer of nonsense": (b":one\r\n", "integer"),
    "HTTP": (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "H"),
    "HTTP and close": (last_words(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "H"),
    "TLS alert": (b"\x15\x03\x01\x00\x02\x02\x46", "x15"),
    "NULs": (b"\0" * 100_000, "x00"),
    "empty lines": (b"\r\n" * 100_000, "reply type"),
    "garbage": (garbage, "reply type"),
    "map": (b"%1\r\n+a\r\n+b\r\n", "RESP3"),
    "set": (b"~2\r\n+a\r\n+b\r\n", "RESP3"),
    "push": (b">2\r\n+message\r\n+b\r\n", "RESP3"),
    "double": (b",3.14\r\n", "RESP3"),
    "boolean": (b"#t\r\n", "RESP3"),
    "big number": (b"(3492890328409238509324850943850943825024385\r\n", "RESP3"),
    "verbatim text": (b"=8\r\ntxt:text\r\n", "RESP3"),
    "blob error": (b"!9\r\nERR wrong\r\n", "RESP3"),
    "attribute": (b"|1\r\n+a\r\n+b\r\n+c\r\n", "RESP3"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_reply(name, make_scene):
    """What is no reply ends the connection, in whatever place it comes."""
    print("seed", SEED)
    payload, reason = MALFORMED[name]
    scene = make_scene(dict.fromkeys(ASKED + UNASKED, payload))
    scene.misbehave()
    scene.wait_seen({"refused"}, f"{MISTRUST}|{reason}")
    scene.behave()
    scene.check_unharmed()


def test_resp3_null(make_scene):
    """A RESP3 null is no INFO, whether hiredis knows it or not."""
    scene = make_scene(dict.fromkeys(["INFO", "+INFO", "+PUBLISH"], b"_\r\n"))
    scene.misbehave()
    scene.wait_seen({"refused"}, f"{MISTRUST}|no text|no answer")
    scene.behave()
    scene.check_unharmed()


@pytest.mark.parametrize("reply", [
    b"+OK\r\n", b":1\r\n", b"$3\r\nfoo\r\n", b"$0\r\n\r\n", b"$-1\r\n",
    b"*-1\r\n", b"*0\r\n", b"*1\r\n:1\r\n",
    b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n", b"+OK\r\n" * 10_000,
], ids=repr)
def test_reply_that_nobody_asked_for(reply, make_scene):
    """One reply too many ends the connection, and does not abort us."""
    scene = make_scene(dict.fromkeys(UNASKED, reply))
    scene.misbehave()
    # Said at once after a TLS handshake it may come as the answer to HELLO, and
    # HELLO's as that to the next question: then that one tells.
    scene.wait_seen({"refused"}, "nobody asked|elements|no text|unknown command")
    scene.behave()
    scene.check_unharmed()


def test_reply_long_after_the_last_answer(make_scene):
    """A reply in the quiet between two ticks was asked for by nobody."""
    scene = make_scene({"never": b""}, interval=1)
    [connection] = scene.fakes["never"].live
    have = scene.fakes["never"].count("PUBLISH")
    eventually(lambda: scene.fakes["never"].count("PUBLISH") > have)
    let_pass(0.3)
    connection.send(b"+surprise\r\n")
    scene.wait_seen({"refused"}, "nobody asked")
    scene.wait_up()
    scene.check_unharmed()


LOST = {
    # Woken by an end of file, the fake's OpenSSL 3.5 still sends an alert.
    "reset": (reset, "reset|alert decode error"),
    "close": (last_words(), "closed"),
    "close in a length": (last_words(b"$10"), "closed"),
    "close in a bulk": (last_words(b"$100\r\nloading:"), "closed"),
    "close in an array": (last_words(b"*2\r\n$1\r\na\r\n"), "closed"),
    "close in a line": (last_words(b"+O"), "closed"),
}


@pytest.mark.parametrize("name", LOST)
def test_lost_connection(name, make_scene):
    """A connection that ends in the middle is down, not refused."""
    payload, reason = LOST[name]
    moments = ASKED + UNASKED
    if "array" in name:
        moments = ["HELLO"]         # elsewhere an array is hostile
    elif name not in ("reset", "close"):
        moments = ASKED
    scene = make_scene(dict.fromkeys(moments, payload))
    scene.misbehave()
    # A server that closes before it has read our request resets.
    scene.wait_seen({"down"}, f"{reason}|reset|pipe")
    scene.behave()
    scene.check_unharmed()


@pytest.mark.parametrize("moment", ["connect", "HELLO", "+PUBLISH"])
def test_full_server(moment, make_scene):
    """-ERR max clients and close: refused, in the server's own words."""
    scene = make_scene({
        moment: last_words(b"-ERR max number of clients reached\r\n")
    })
    scene.misbehave()
    if moment == "+PUBLISH":
        # It may be taken for the answer to INFO replication, which matters to
        # nobody; then there is only the close.
        scene.wait_seen({"refused", "down"}, "^ERR max number|closed|reset")
    else:
        scene.wait_seen({"refused"}, "^ERR max number of clients reached$")
    scene.behave()
    scene.check_unharmed()


@pytest.mark.parametrize("begun", [
    b"", b"$", b"$100\r\nloading", b"$1099511627776\r\n", b"+O", b"*",
], ids=repr)
def test_half_a_reply_and_silence(begun, make_scene):
    """An answer that does not come to its end is no answer: silent."""
    scene = make_scene(dict.fromkeys(["HELLO", "INFO"], begun))
    scene.misbehave()
    scene.wait_seen({"silent"}, "no answer to (HELLO|INFO)", timeout=6)
    scene.behave(kick=True)
    scene.check_unharmed()


def test_server_that_never_reads(make_scene):
    """What it does not read is not added to: one request at a time."""
    def block(connection):
        connection.send(bulk(b"x" * 60_000))
        eventually(lambda: not scene.on.is_set() or None, timeout=30)

    scene = make_scene({"INFO": block})
    fake = scene.fakes["INFO"]
    scene.misbehave()
    eventually(lambda: scene.target("INFO")["publish_state"] == "blocked"
               and fake.open == 2)
    let_pass(1)
    # The feed's PUBLISH of 60 KB, and the probe's, whose INFO was answered.
    waiting = [_unread(connection.sock) for connection in fake.live]
    assert sum(waiting) < 2 * 61_000, waiting
    scene.behave(kick=True)
    scene.check_unharmed()


def _unread(sock):
    size = fcntl.ioctl(sock.fileno(), termios.FIONREAD, b"\0" * 4)
    return struct.unpack("i", size)[0]


@pytest.mark.parametrize("moment", ["connect", "+HELLO", "+INFO"])
def test_back_off_of_a_server_that_hangs_up(moment, make_scene):
    """Greeted and closed again and again: ever fewer attempts."""
    scene = make_scene({moment: last_words()})
    fake = scene.fakes[moment]
    have = fake.connections
    scene.misbehave()
    eventually(lambda: fake.connections >= have + 3, timeout=4)
    # 0.25, 0.5, 1 and 2 s lie between the attempts.
    nothing_for(1.2, lambda: fake.connections > have + 4)
    scene.behave()
    scene.check_unharmed()


# What INFO is answered.

@pytest.mark.parametrize("answer", [
    b"$-1\r\n", b":1\r\n", b"*-1\r\n", b"*0\r\n", b"*1\r\n$1\r\na\r\n",
], ids=repr)
def test_info_that_is_no_text(answer, make_scene):
    """Such a server is refused, and nothing is published."""
    scene = make_scene({"INFO": answer})
    fake = scene.fakes["INFO"]
    newest = fake.connections
    scene.misbehave()
    scene.wait_seen({"refused"}, "no text|more elements")
    assert not [row for row in fake.of("PUBLISH") if row[1] > newest]
    scene.behave()
    scene.check_unharmed()


@pytest.mark.parametrize("answer,body", [
    (b"+OK\r\n", b"OK"), (b"+\r\n", b""), (b"$0\r\n\r\n", b""),
    (bulk(b"\0\xff\r\n\x1b[2J"), b"\0\xff\r\n\x1b[2J"),
    (bulk(b"x" * MAX_BYTES), b"x" * MAX_BYTES),
], ids=["status", "empty status", "empty bulk", "binary", "64 KiB"])
def test_info_that_is_any_text(answer, body, make_scene):
    """Any text is published, byte for byte."""
    scene = make_scene({"INFO": answer})
    fake = scene.fakes["INFO"]
    scene.on.set()
    eventually(lambda: [r[2][2] for r in fake.of("PUBLISH")][-1:] == [body])
    assert scene.target("INFO")["state"] == "up"
    scene.behave()
    assert scene.target("INFO")["connects"] == 1
    scene.check_unharmed()


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 10 * MIB])
def test_info_that_is_too_long(size, make_scene):
    """Past 64 KiB an answer is not taken."""
    answer = bulk(b"x" * size)
    scene = make_scene({"INFO": answer})
    fake = scene.fakes["INFO"]
    newest = fake.connections
    scene.misbehave()
    scene.wait_seen({"refused"}, "longer reply")
    assert not [row for row in fake.of("PUBLISH") if row[1] > newest]
    scene.behave()
    scene.check_unharmed()


def test_a_byte_at_a_time(make_scene):
    """A slow server is served like others: greeting, INFO and PUBLISH."""
    def drip(verb):
        def play(connection):
            server = connection.server
            for byte in server.default(connection, [verb.encode()]):
                connection.send(bytes([byte]))
                let_pass(0.0005)

        return play

    scene = make_scene({verb: drip(verb) for verb in ASKED})
    before = {moment: scene.target(moment) for moment in ASKED}
    scene.misbehave()
    for moment in ASKED:
        eventually(lambda: scene.target(moment)["published"]
                   >= before[moment]["published"] + 3)
        assert scene.target(moment)["connects"] == 2
    scene.behave()
    scene.check_unharmed()


# What PUBLISH is answered.

@pytest.mark.parametrize("answer", [
    b"+OK\r\n", b"$2\r\nno\r\n", b"$-1\r\n", b"*0\r\n", b"*-1\r\n",
], ids=repr)
def test_publish_that_is_no_number(answer, make_scene, make_feed):
    """PUBLISH has failed then; INFO goes on."""
    scene = make_scene({"PUBLISH": answer})
    feed = make_feed(scene.daemon)
    scene.on.set()
    eventually(lambda: scene.target("PUBLISH")["publish_state"] == "failed")
    status = scene.target("PUBLISH")
    assert status["publish_reason"] == "the answer is no number"
    assert (status["state"], status["connects"]) == ("up", 1)
    feed.wait_more(4)               # of two targets
    assert scene.target("PUBLISH")["dropped"] > status["dropped"]
    scene.behave()
    scene.check_unharmed()


def test_publish_that_is_an_array(make_scene):
    """No PUBLISH is answered with elements: refused."""
    scene = make_scene({"PUBLISH": b"*2\r\n:1\r\n:2\r\n"})
    scene.misbehave()
    scene.wait_seen({"refused"}, "more elements")
    assert scene.target("PUBLISH")["dropped"] >= 1
    scene.behave()
    scene.check_unharmed()


# What HELLO is answered.

@pytest.mark.parametrize("answer", [
    b"*1\r\n" * 8 + b":1\r\n",
    b"*100000\r\n" + b":1\r\n" * 100_000,
    b"*4097\r\n" + b":1\r\n" * 4097,
    b"*4000\r\n*4000\r\n" + b":1\r\n" * 7999,
    b"*2\r\n" + bulk(b"server") + bulk(b"x" * 100_000),
    b"*2\r\n" + bulk(b"x" * 40_000) * 2,
], ids=["deep", "wide", "a little too wide", "wide twice", "long",
        "long in all"])
def test_hello_out_of_bounds(answer, make_scene):
    """A greeting past its bounds is refused."""
    scene = make_scene({"HELLO": answer})
    scene.misbehave()
    scene.wait_seen({"refused"}, "nested|longer reply|more elements")
    scene.behave()
    scene.check_unharmed()


@pytest.mark.parametrize("answer", [
    b"*0\r\n", b"*1\r\n+server\r\n", b"*4\r\n:1\r\n:2\r\n$-1\r\n*0\r\n",
    b"*4\r\n" + bulk(b"server") + b":7\r\n" + bulk(b"version") + b"*1\r\n:1\r\n",
    b"*2\r\n*2\r\n" + bulk(b"server") * 3,
    b"*1\r\n" * 7 + b":1\r\n",
    b"*4096\r\n"[:4] + b"5\r\n" + b":1\r\n" * 4095,
    b"*2\r\n" + bulk(b"server") + bulk(b"x" * 60_000),
    b"*2\r\n" + bulk(b"server") + bulk(b"\0\n\x1b[31m\xff"),
], ids=["empty", "odd", "wrong keys", "wrong values", "array as key",
        "seven deep", "4095 wide", "60 KB", "binary"])
def test_hello_of_odd_content(answer, make_scene):
    """What a greeting says is of no importance: INFO works."""
    scene = make_scene({"HELLO": answer})
    scene.misbehave()
    eventually(lambda: (t := scene.target("HELLO"))["connects"] == 2
               and t["state"] == "up")
    have = scene.fakes["HELLO"].count("PUBLISH")
    eventually(lambda: scene.fakes["HELLO"].count("PUBLISH") >= have + 2)
    scene.behave()
    scene.check_unharmed()


# Texts that want to be more than text.

CONTROLS = b"\x1b[2J\x1b]0;owned\x07 \x01\x7f\x80\xff 2026 error: forged"


@pytest.mark.parametrize("moment", ASKED)
def test_error_with_controls(moment, make_scene):
    """They are escaped in the log, in STATUS JSON and in STATUS."""
    scene = make_scene({moment: b"-ERR " + CONTROLS + b"\r\n"})
    scene.misbehave()

    def quoted():
        status = scene.target(moment)
        text = status["reason"] or status["publish_reason"]
        return text and "forged" in text and text

    assert eventually(quoted).isprintable()
    log = (scene.daemon.dir / "stderr").read_bytes()
    assert b"forged" in log
    assert not set(log) - set(b"\n") - set(range(0x20, 0x7f))
    scene.behave()
    scene.check_unharmed()


@pytest.mark.parametrize("moment", ASKED)
def test_error_of_several_lines(moment, make_scene):
    """hiredis 0.14 hands it on, and it is escaped; 1.x refuses such a reply."""
    scene = make_scene({moment: b"-ERR a \r \n2026 error: forged\r\n"})
    scene.misbehave()

    def told():
        status = scene.target(moment)
        text = status["reason"] or status["publish_reason"] or ""
        return re.search("forged|Bad simple string value", text) and text

    assert eventually(told).isprintable()
    assert not scene.daemon.log_lines(r"^2026 error: forged")
    scene.behave()
    scene.check_unharmed()


@pytest.mark.parametrize("moment", ASKED)
def test_error_with_controls_in_status_lines(moment, make_scene):
    """STATUS, which redis-cli prints as it is, has printable lines too."""
    scene = make_scene({moment: b"-ERR " + CONTROLS + b"\r\n"})
    scene.misbehave()
    line = eventually(lambda: [
        text for text in scene.daemon.do("STATUS") if "forged" in text
    ])[0]
    assert line.isprintable() and line.isascii()


def test_error_with_controls_in_poll(make_scene):
    """So has POLL's error."""
    scene = make_scene({"HELLO": b"-ERR " + CONTROLS + b"\r\n"})
    scene.misbehave()
    scene.wait_seen({"refused"}, "forged")
    with scene.daemon.resp() as connection:
        connection.send("POLL", scene.fakes["HELLO"].name)
        error = str(connection.read())
    assert error.startswith("DOWN ") and "forged" in error
    assert error.isprintable() and error.isascii()


@pytest.mark.parametrize("key", [b"server", b"version"])
def test_server_name_that_is_a_reply(key, make_scene):
    """What a server calls itself adds no reply to STATUS' answer."""
    hello = b"*4\r\n" + bulk(key) + bulk(b"x\r\n-ERR a\r\n") \
        + bulk(b"server") + bulk(b"y")
    if key == b"version":
        hello = b"*4\r\n" + bulk(b"server") + bulk(b"y") + bulk(key) \
            + bulk(b"x\r\n-ERR a\r\n")
    else:
        hello = b"*2\r\n" + bulk(key) + bulk(b"x\r\n-ERR a\r\n")
    scene = make_scene({"HELLO": hello})
    scene.misbehave()
    eventually(lambda: scene.target("HELLO")["connects"] == 2)
    with scene.daemon.resp() as connection:
        lines = connection.call("STATUS")
        assert connection.call("PING", "in step") == b"in step"
    assert len(lines) == 3
    assert all(isinstance(line, str) for line in lines)


@pytest.mark.parametrize("moment", ASKED)
def test_error_of_1_mib(moment, make_scene):
    """It is not taken, whatever it says; what is quoted is short."""
    scene = make_scene({moment: b"-ERR " + b"e" * MIB + b"\r\n"})
    scene.misbehave()
    scene.wait_seen({"refused"}, "longer reply")
    assert max(map(len, scene.daemon.log.splitlines())) < 1200
    scene.behave()
    scene.check_unharmed()


def test_long_error_is_cut(make_scene):
    """An error within the bounds is quoted, but not all of it."""
    scene = make_scene({"INFO": b"-ERR " + b"e" * 60_000 + b"\r\n"})
    scene.misbehave()
    scene.wait_seen({"refused"}, "^ERR eeee")
    assert len(scene.target("INFO")["reason"]) < 1024
    assert max(map(len, scene.daemon.log.splitlines())) < 1200
    scene.behave()
    scene.check_unharmed()


def test_many_rounds_leak_nothing(make_scene):
    """A server that is refused forty times costs no more than once."""
    if sanitized():
        rounds = 5          # there the leak checker counts, not we
    else:
        rounds = 40
    scene = make_scene({"INFO": b"*1\r\n:1\r\n"})
    name, fake = scene.fakes["INFO"].name, scene.fakes["INFO"]
    scene.misbehave()
    for _ in range(rounds):
        have = fake.connections
        scene.daemon.do("STOP", name)
        scene.daemon.do("START", name)
        eventually(lambda: fake.connections > have)
        eventually(lambda: scene.target("INFO")["state"] == "refused")
    scene.behave()
    scene.check_unharmed(grown=MIB, cpu=1)
