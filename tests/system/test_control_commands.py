"""Every command of the contract, by every kind of client, beside a real Redis."""

import contextlib
import json
import os
import pty
import random
import re
import select
import subprocess

import pytest

from harness import (
    SLOW, Push, ReplyError, Resp, encode, eventually, nothing_for,
)

SEED = random.randrange(2**32)
COMMANDS = [
    "START", "STOP", "STATUS", "POLL", "INTERVAL", "INCIDENTS", "ACK", "SILENCE",
    "UNSILENCE", "SILENCES", "EXPLAIN", "TARGETS", "RELOAD", "CONFIG", "METRICS", "LOGLEVEL", "SUBSCRIBE", "PSUBSCRIBE", "UNSUBSCRIBE",
    "PUNSUBSCRIBE", "HELP", "SHUTDOWN",
]
COURTESIES = [
    "PUSHPERSISTENCEINFO.TIMER", "PUSHPERSISTENCEINFO.STOP", "PING", "ECHO",
    "HELLO", "AUTH", "SELECT", "CLIENT", "COMMAND", "INFO", "RESET", "QUIT",
]


@pytest.fixture
def daemon(fake, make_daemon):
    """A daemon whose ticks disturb nobody."""
    daemon = make_daemon(fake, "-i", "3600")
    daemon.wait_status(state="up")
    return daemon


@pytest.fixture
def resp(daemon):
    return daemon.resp()


def run(*words, text=None):
    """What a program prints, within five seconds."""
    environment = {key: value for key, value in os.environ.items()
                   if key != "REDISCLI_AUTH"}
    return subprocess.run(
        words, input=text, capture_output=True, text=True, timeout=5 * SLOW,
        env=environment,
    ).stdout


# The same bytes to a real server and to pinfod.

END = "the-end"


def exchange(address, requests):
    """The raw answer to these bytes, without that to a last PING."""
    with Resp(address) as connection:
        connection.send_raw(requests + encode("PING", END))
        got = b""
        connection.sock.settimeout(5 * SLOW)
        while not got.endswith(END.encode() + b"\r\n"):
            data = connection.sock.recv(65536)
            if not data:
                return got
            got += data
    return got


def comparable(reply):
    """The reply with its errors cut down to their codes."""
    return re.sub(rb"(?m)^-([A-Z]+)[^\r]*\r$", rb"-\1\r", reply)


def several(*commands):
    return b"".join(encode(*words) for words in commands)


SAME = {
    "PING": several(["PING"]),
    "PING with text": several(["PING", "hi"], ["ping", ""], ["PiNg", "a b"]),
    "PING with too much": several(["PING", "a", "b"]),
    "ECHO": several(["ECHO", "hi"], ["echo", ""], ["ECHO", b"\0\r\n\xff"]),
    "ECHO with too little": several(["ECHO"]),
    "ECHO with too much": several(["ECHO", "a", "b"]),
    "unknown": several(["NOSUCH"], ["NOSUCH", "a", "b"], [""], ["PING "]),
    "unknown with line ends": several(["NO\r\nSUCH"], ["PING"]),
    "SUBSCRIBE": several(["SUBSCRIBE", "a"], ["SUBSCRIBE", "b", "c"]),
    "SUBSCRIBE twice": several(["SUBSCRIBE", "a", "a"], ["SUBSCRIBE", "a"]),
    "SUBSCRIBE to nothing": several(["SUBSCRIBE"], ["PSUBSCRIBE"]),
    "SUBSCRIBE to the empty name": several(["SUBSCRIBE", ""], ["UNSUBSCRIBE"]),
    "PSUBSCRIBE": several(["PSUBSCRIBE", "a*", "b*"], ["PSUBSCRIBE", "a*"]),
    "both": several(["SUBSCRIBE", "a"], ["PSUBSCRIBE", "a"], ["SUBSCRIBE", "b"],
                    ["UNSUBSCRIBE", "a"], ["PUNSUBSCRIBE", "a"]),
    "UNSUBSCRIBE one of two": several(["SUBSCRIBE", "a", "b"],
                                      ["UNSUBSCRIBE", "a"]),
    "UNSUBSCRIBE all": several(["SUBSCRIBE", "a"], ["UNSUBSCRIBE"]),
    "UNSUBSCRIBE all of none": several(["UNSUBSCRIBE"], ["PUNSUBSCRIBE"]),
    "UNSUBSCRIBE what is not there": several(["UNSUBSCRIBE", "x", "y"],
                                             ["PUNSUBSCRIBE", "z"]),
    "UNSUBSCRIBE keeps patterns": several(["SUBSCRIBE", "a"],
                                          ["PSUBSCRIBE", "p"],
                                          ["UNSUBSCRIBE"], ["UNSUBSCRIBE"]),
    "PUNSUBSCRIBE keeps channels": several(["SUBSCRIBE", "a"],
                                           ["PSUBSCRIBE", "p", "q"],
                                           ["PUNSUBSCRIBE", "p"],
                                           ["PUNSUBSCRIBE"], ["PUNSUBSCRIBE"]),
    "PING of a subscriber": several(["SUBSCRIBE", "a"], ["PING"],
                                    ["PING", "hi"], ["PING", "a", "b"]),
    "what a subscriber may not say": several(
        ["SUBSCRIBE", "a"], ["ECHO", "x"], ["HELLO", "3"], ["SELECT", "0"],
        ["CLIENT", "ID"], ["COMMAND", "COUNT"], ["NOSUCH"], ["ECHO"],
    ),
    "after the last UNSUBSCRIBE": several(["SUBSCRIBE", "a"], ["UNSUBSCRIBE"],
                                          ["ECHO", "x"]),
    "RESET": several(["RESET"], ["SUBSCRIBE", "a"], ["RESET"], ["ECHO", "x"]),
    "RESET with words": several(["RESET", "a"]),
    "QUIT": several(["PING"], ["QUIT"], ["PING"]),
    "QUIT of a subscriber": several(["SUBSCRIBE", "a"], ["QUIT"]),
    "SELECT": several(["SELECT", "0"], ["SELECT", "x"], ["SELECT"]),
    "HELLO of another version": several(["HELLO", "4"], ["HELLO", "1"],
                                        ["HELLO", "99"]),
    "HELLO with nonsense": several(["HELLO", "2", "NOSUCH"],
                                   ["HELLO", "2", "SETNAME"],
                                   ["HELLO", "2", "SETNAME", "a b"],
                                   ["HELLO", "2", "AUTH", "a"]),
    "CLIENT SETNAME": several(["CLIENT", "SETNAME", "me"],
                              ["CLIENT", "GETNAME"]),
    "CLIENT SETNAME with blanks": several(["CLIENT", "SETNAME", "a b"]),
    "CLIENT SETNAME to nothing": several(["CLIENT", "SETNAME", "me"],
                                         ["CLIENT", "SETNAME", ""],
                                         ["CLIENT", "GETNAME"]),
    "CLIENT GETNAME without a name": several(["CLIENT", "GETNAME"]),
    "CLIENT GETNAME after RESET": several(["CLIENT", "SETNAME", "me"],
                                          ["RESET"], ["CLIENT", "GETNAME"]),
    "CLIENT with nonsense": several(["CLIENT"], ["CLIENT", "NOSUCH"],
                                    ["CLIENT", "SETNAME"]),
    "COMMAND with nonsense": several(["COMMAND", "NOSUCH"]),
    "line": b"PING\r\n", "line with LF": b"PING\n",
    "line with blanks": b"  ping \t hi  \r\n",
    "line with quotes": b'ECHO "a b"\r\nECHO \'a b\'\r\nECHO ""\r\nECHO \'\'\r\n',
    "line with escapes": b'ECHO "\\n\\r\\t\\\\\\"\\x41\\xzz\\a\\b\\q\'"\r\n',
    "line with single escapes": b"ECHO 'a\\'b\\n\"'\r\n",
    "line with a quote in a word": b'ECHO a"b\r\n',
    "line with hex NUL": b'ECHO "a\\x00b"\r\n',
    "empty lines": b"\r\n\r\n\nPING\r\n",
    "no words": b"*0\r\nPING\r\n",
    "lines and arrays": b"PING a\r\n" + encode("PING", "b") + b"PING c\r\n",
}
SAME_IN_RESP3 = [
    "SUBSCRIBE", "PSUBSCRIBE", "both", "UNSUBSCRIBE one of two",
    "UNSUBSCRIBE all", "UNSUBSCRIBE all of none",
    "UNSUBSCRIBE what is not there", "UNSUBSCRIBE keeps patterns",
    "PUNSUBSCRIBE keeps channels", "PING of a subscriber", "RESET",
    "CLIENT GETNAME without a name", "CLIENT SETNAME", "QUIT",
]


@pytest.mark.parametrize("name", SAME)
def test_same_as_redis(name, server, daemon):
    """Byte for byte what a real server says; of errors, the code."""
    ours = comparable(exchange(daemon.control_path, SAME[name]))
    assert ours == comparable(exchange(server.address, SAME[name]))


@pytest.mark.parametrize("name", SAME_IN_RESP3)
def test_same_as_redis_in_resp3(name, server, daemon):
    """So in RESP3: pushes, nulls, and no limit on what subscribers say."""
    def ask(address):
        return exchange(address, encode("HELLO", "3") + encode("ECHO", "greeted")
                        + SAME[name])

    ours, theirs = ask(daemon.control_path), ask(server.address)
    head = b"$7\r\ngreeted\r\n"      # what it says of itself is its own affair
    assert comparable(ours.partition(head)[2]) \
        == comparable(theirs.partition(head)[2])


@pytest.mark.parametrize("broken", [
    b"*x\r\n", b"*1\r\n+PING\r\n", b"*1\r\n$x\r\n", b'ECHO "a\r\n',
    b"ECHO 'a'b\r\n", b"*1\r\n$-2\r\n",
], ids=repr)
def test_same_error_as_redis(broken, server, daemon):
    """What is no request is an ERR that closes, there as here."""
    ours = comparable(exchange(daemon.control_path, broken))
    assert ours == comparable(exchange(server.address, broken)) == b"-ERR\r\n"


@pytest.mark.parametrize("verb", ["SUBSCRIBE", "PSUBSCRIBE"])
def test_unsubscribe_from_several(verb, server, daemon):
    """One confirmation each, counting down; the order is nobody's business."""
    def ask(address):
        with Resp(address) as connection:
            connection.send(verb, "a", "b", "c", "d")
            for _ in range(4):
                connection.read()
            connection.send(verb.replace("SUB", "UNSUB"))
            return [connection.read() for _ in range(4)]

    ours, theirs = ask(daemon.control_path), ask(server.address)
    assert [reply[2] for reply in ours] == [reply[2] for reply in theirs]
    assert sorted(reply[:2] for reply in ours) \
        == sorted(reply[:2] for reply in theirs)


@pytest.mark.parametrize("version", ["2", "3"])
def test_hello_has_the_same_shape(version, server, daemon):
    """The same members in the same order, of the same types."""
    ours, theirs = (connection.call("HELLO", version)
                    for connection in (daemon.resp(), server.resp()))
    if version == "2":
        ours, theirs = (dict(zip(reply[::2], reply[1::2]))
                        for reply in (ours, theirs))
        ours, theirs = ({key.decode(): value for key, value in reply.items()}
                        for reply in (ours, theirs))
    assert list(ours) == list(theirs)
    assert [type(v) for v in ours.values()] == [type(v) for v in theirs.values()]
    assert (ours["proto"], ours["server"]) == (int(version), b"pinfod")


def test_quit_closes(resp):
    """After its OK nothing comes any more."""
    assert resp.call("QUIT") == "OK"
    assert resp.at_end()


# HELLO and the protocol's versions.

def test_hello_without_a_version(resp):
    """HELLO alone keeps the version."""
    assert isinstance(resp.call("HELLO"), list)
    assert isinstance(resp.call("HELLO", "3"), dict)
    assert resp.call("HELLO")["proto"] == 3


def test_hello_back_to_resp2(resp):
    """HELLO 2 after HELLO 3 answers in RESP2."""
    resp.call("HELLO", "3")
    assert isinstance(resp.call("HELLO", "2"), list)


def test_reset_ends_resp3(resp):
    """RESET returns to RESP2."""
    resp.call("HELLO", "3")
    assert resp.call("RESET") == "RESET"
    assert isinstance(resp.call("HELLO"), list)


def test_hello_with_everything(resp):
    """AUTH is taken whatever it says, SETNAME sets the name."""
    resp.call("HELLO", "3", "AUTH", "user", "secret", "SETNAME", "me")
    assert resp.call("CLIENT", "GETNAME") == b"me"


def test_refused_hello_changes_nothing(resp):
    """Neither version nor name."""
    with pytest.raises(ReplyError, match="^ERR "):
        resp.call("HELLO", "3", "SETNAME", "me", "NOSUCH")
    with pytest.raises(ReplyError, match="^NOPROTO "):
        resp.call("HELLO", "4", "SETNAME", "me")
    assert isinstance(resp.call("HELLO"), list)
    assert not resp.call("CLIENT", "GETNAME")


@pytest.mark.parametrize("version", ["4", "1", "0", "-3", "33", "x", "3.0", ""])
def test_noproto(version, resp):
    """HELLO knows 2 and 3."""
    with pytest.raises(ReplyError, match="^NOPROTO "):
        resp.call("HELLO", version)


@pytest.mark.parametrize("words", [["secret"], ["user", "secret"]])
def test_auth(words, resp):
    """Any AUTH is OK."""
    assert resp.call("AUTH", *words) == "OK"


def test_client_id(daemon):
    """Each connection has a number of its own, which grows."""
    one, two = daemon.resp(), daemon.resp()
    first = one.call("CLIENT", "ID")
    assert two.call("CLIENT", "ID") > first == one.call("CLIENT", "ID")


def test_client_setinfo(resp):
    """What client libraries tell of themselves is OK."""
    assert resp.call("CLIENT", "SETINFO", "LIB-NAME", "x") == "OK"


# The feed.

def test_message_in_resp2(daemon):
    """An array of kind, channel and text."""
    with daemon.resp() as connection:
        assert connection.call("SUBSCRIBE", "pinfo") == [b"subscribe", b"pinfo", 1]
        daemon.do("POLL")
        message = connection.read()
        assert not isinstance(message, Push)
        assert message[:2] == [b"message", b"pinfo"]
        assert message[2].startswith(b"# Persistence")


def test_message_in_resp3(daemon):
    """A push, between the answers of a client that may say anything."""
    with daemon.resp() as connection:
        connection.call("HELLO", "3")
        assert isinstance(connection.call("SUBSCRIBE", "pinfo"), Push)
        assert connection.call("ECHO", "x") == b"x"
        assert connection.call("POLL") == "OK"
        message = connection.read()
        assert isinstance(message, Push)
        assert message[:2] == [b"message", b"pinfo"]


def test_message_by_pattern(daemon):
    """Kind, pattern, channel and text."""
    with daemon.resp() as connection:
        connection.call("PSUBSCRIBE", "p?nf*")
        daemon.do("POLL")
        assert connection.read()[:3] == [b"pmessage", b"p?nf*", b"pinfo"]


def test_message_for_each_subscription(daemon):
    """Channel and patterns that match each get it, as in Redis."""
    with daemon.resp() as connection:
        connection.call("PSUBSCRIBE", "p*")
        connection.call("SUBSCRIBE", "pinfo")
        connection.call("PSUBSCRIBE", "nothing*")
        connection.call("PSUBSCRIBE", "*o")
        daemon.do("POLL")
        kinds = sorted(connection.read()[:2] for _ in range(3))
        assert kinds == [[b"message", b"pinfo"], [b"pmessage", b"*o"],
                         [b"pmessage", b"p*"]]
        assert connection.call("PING", "end") == [b"pong", b"end"]


@pytest.mark.parametrize("words", [
    ["UNSUBSCRIBE"], ["UNSUBSCRIBE", "pinfo"], ["RESET"],
])
def test_no_message_after(words, daemon):
    """Whoever has unsubscribed gets none any more."""
    with daemon.resp() as connection:
        connection.call("SUBSCRIBE", "pinfo")
        connection.call(*words)
        samples = daemon.status_target()["samples"]
        daemon.do("POLL")
        daemon.wait_status(samples=samples + 1)
        assert connection.call("PING", "end") == b"end"


def test_other_channel_is_silent(daemon):
    """Only the channel of the targets has messages."""
    with daemon.resp() as connection:
        connection.call("SUBSCRIBE", "pinfo2", "PINFO", "pinf", "")
        for _ in range(3):
            connection.read()
        samples = daemon.status_target()["samples"]
        daemon.do("POLL")
        daemon.wait_status(samples=samples + 1)
        assert connection.call("PING", "end") == [b"pong", b"end"]


def random_patterns(dice, channel, count):
    """Patterns that have a chance to match, and odd ones."""
    pieces = ["*", "?", "[", "]", "^", "-", "\\", "[^", "[a-c]", "[^b]", "**",
              "[\\", "\\]", "[\\]-", "[^\\", "[a-", "[]", "[c-a]"]
    found = set()
    while len(found) < count:
        if dice.random() < 0.5:
            pattern = "".join(dice.choice(pieces + list(channel))
                              for _ in range(dice.randrange(1, 8)))
        else:
            letters = list(channel)
            for _ in range(dice.randrange(1, 4)):
                letters[dice.randrange(len(letters))] = dice.choice(pieces)
            pattern = "".join(letters)
        found.add(pattern)
    return sorted(found)


@pytest.mark.parametrize("channel", ["pinfo", "ab-c]a", "a^b\\c[", "aaaaaaaab"])
def test_patterns_match_as_in_redis(channel, server, make_daemon):
    """A few hundred random patterns: the same ones match there and here."""
    print("seed", SEED)
    patterns = random_patterns(random.Random(f"{SEED} {channel}"), channel, 320)
    daemon = make_daemon(server, "-i", "3600", "--channel", channel, "--stopped")
    matched = {}
    with contextlib.ExitStack() as stack:
        def listen(address, patterns):
            connection = stack.enter_context(Resp(address))
            for first in range(0, len(patterns), 15):
                some = patterns[first:first + 15]
                connection.send("PSUBSCRIBE", *some)
                for _ in some:
                    connection.read()
            return connection

        theirs = [listen(server.address, patterns)]
        ours = [listen(daemon.control_path, patterns[first:first + 64])
                for first in range(0, len(patterns), 64)]
        daemon.do("START")
        daemon.wait_status(published=1)
        for side, connections in (("ours", ours), ("theirs", theirs)):
            matched[side] = set()
            for connection in connections:
                connection.send("PING", "end")
                while (reply := connection.read())[0] == b"pmessage":
                    matched[side].add(reply[1].decode())
    assert matched["theirs"]
    assert sorted(matched["ours"] ^ matched["theirs"]) == []


# What pinfod alone knows.

def test_help_lists_every_command(resp):
    """A line each, with its arguments, in the order of the contract."""
    lines = resp.call("HELP")
    assert [line.split()[0] for line in lines] == COMMANDS
    assert all(" -- " in line for line in lines)


def test_command_help_is_help(resp):
    """COMMAND HELP goes through redis-cli, which keeps HELP."""
    assert resp.call("COMMAND", "HELP") == resp.call("HELP")


def test_command_count_list_and_info(resp):
    """They agree with each other and with the contract."""
    listed = {name.decode() for name in resp.call("COMMAND", "LIST")}
    assert listed == set(COMMANDS + COURTESIES)
    assert resp.call("COMMAND", "COUNT") == len(listed)
    for words in (["COMMAND"], ["COMMAND", "INFO"]):
        rows = resp.call(*words)
        assert {row[0].decode() for row in rows} == listed
        assert all(len(row) >= 6 and isinstance(row[1], int) for row in rows)


@pytest.mark.parametrize("version", ["2", "3"])
def test_command_docs(version, resp):
    """Name and description in pairs, each with a summary."""
    resp.call("HELLO", version)
    docs = resp.call("COMMAND", "DOCS")
    if version == "2":
        docs = {name.decode(): dict(zip(row[::2], row[1::2]))
                for name, row in zip(docs[::2], docs[1::2])}
        assert all(row[b"summary"] for row in docs.values())
    else:
        assert all(row["summary"] for row in docs.values())
    assert set(docs) == set(COMMANDS + COURTESIES)


@pytest.mark.parametrize("case", [str.lower, str.title, str.swapcase])
def test_names_mind_no_case(case, resp):
    """Names of commands and of their forms may be written in any way."""
    assert resp.call(case("INTERVAL")) == b"3600"
    assert json.loads(resp.call(case("STATUS"), case("JSON")))["schema"] == 1
    assert resp.call(case("COMMAND"), case("COUNT"))
    assert resp.call(case("CLIENT"), case("ID"))


@pytest.mark.parametrize("words", [
    ["START", "a", "b"], ["STOP", "a", "b"], ["POLL", "a", "b"],
    ["STATUS", "a", "JSON", "b"], ["STATUS", "default", "XML"],
    ["INTERVAL", "1", "2"], ["SUBSCRIBE"], ["PSUBSCRIBE"], ["HELP", "START"],
    ["SHUTDOWN", "NOSAVE"], ["PING", "a", "b"], ["ECHO"], ["ECHO", "a", "b"],
    ["HELLO", "3", "AUTH", "u"], ["HELLO", "3", "SETNAME"], ["AUTH"],
    ["AUTH", "a", "b", "c"], ["SELECT"], ["SELECT", "1"], ["SELECT", "0", "1"],
    ["CLIENT"], ["CLIENT", "KILL", "1"], ["CLIENT", "SETNAME"],
    ["CLIENT", "SETNAME", "a", "b"], ["RESET", "a"], ["QUIT", "a"],
    ["PUSHPERSISTENCEINFO.TIMER", "a", "b"],
    ["PUSHPERSISTENCEINFO.STOP", "a", "b"], ["GET", "a"], ["FLUSHALL"], [""],
    ["EVAL", "while 1 do end", "0"], ["STARTX"], ["STAR"],
], ids=" ".join)
def test_wrong_words(words, daemon):
    """ERR, and nothing else happens."""
    with daemon.resp() as connection:
        with pytest.raises(ReplyError, match="^ERR "):
            connection.call(*words)
        assert connection.call("PING") == "PONG"
    assert daemon.status_target()["state"] == "up"


@pytest.mark.parametrize("text", [
    "x" * 10_000, "\x1b[2J", "a\r\n+OK", "%s%n%n", "'\"", b"\xff\xfe",
], ids=repr)
@pytest.mark.parametrize("before", [[], ["STATUS"], ["START"], ["INTERVAL"]],
                         ids=" ".join)
def test_error_quotes_safely(before, text, resp):
    """What an error repeats of a request is one short line without controls."""
    resp.send(*before, text)
    error = str(resp.read())
    assert re.match("(ERR|NOTARGET) ", error)
    assert len(error) < 1024
    assert error.isprintable()
    assert resp.call("PING") == "PONG"


@pytest.mark.parametrize("seconds", [
    "0.1", "86400", "5", "0.25", "500ms", "5s", "2m", "1h", "1d",
])
def test_interval_that_is_one(seconds, resp):
    """Numbers and units of the contract are taken, and shown in seconds."""
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = re.fullmatch(r"([\d.]+)([a-z]*)", seconds).groups()
    assert resp.call("INTERVAL", seconds) == "OK"
    wanted = float(number) * units[unit or "s"]
    assert float(resp.call("INTERVAL")) == pytest.approx(wanted)


@pytest.mark.parametrize("seconds", [
    "0", "0.09", "86401", "2d", "-1", "", "x", "1x", "1 s", "nan", "inf", "1e3",
    "0x10", "99999999999999999999", "50ms", "1,5", "1.5.1", "+1",
])
def test_interval_that_is_none(seconds, resp):
    """Anything else is an ERR that says what is allowed."""
    with pytest.raises(ReplyError, match="^ERR .*0.1 to 86400"):
        resp.call("INTERVAL", seconds)
    assert resp.call("INTERVAL") == b"3600"


def test_old_names(daemon):
    """The old module's commands stop and start."""
    assert daemon.do("PUSHPERSISTENCEINFO.STOP") == "OK"
    daemon.wait_status(state="stopped")
    assert daemon.do("PUSHPERSISTENCEINFO.TIMER", "default") == "OK"
    daemon.wait_status(state="up")


def test_poll_of_a_stopped_target(daemon):
    """STOPPED, by code."""
    daemon.do("STOP")
    with pytest.raises(ReplyError, match="^STOPPED "):
        daemon.do("POLL")


def test_poll_of_a_dead_target(make_fake, make_daemon):
    """DOWN, and why."""
    daemon = make_daemon(make_fake(start=False), "-i", "3600")
    daemon.wait_status(state="down")
    with pytest.raises(ReplyError, match="^DOWN .*Connection refused"):
        daemon.do("POLL")


def test_poll_asks_nobody_when_one_cannot_be_asked(make_fake, make_daemon):
    """POLL without a name polls all or none."""
    good, dead = make_fake(), make_fake(start=False)
    daemon = make_daemon("-u", good.uri, "-u", dead.uri, "-i", "3600")
    daemon.wait_status(good.name, state="up", samples=1)
    daemon.wait_status(dead.name, state="down")
    with pytest.raises(ReplyError, match="^DOWN "):
        daemon.do("POLL")
    nothing_for(0.3, lambda: good.count("INFO") > 1)


def test_info(resp):
    """INFO has Redis' form: sections, and lines of name and value."""
    text = resp.call("INFO").decode()
    lines = [line for line in text.split("\r\n") if line]
    assert all(re.fullmatch(r"# \w+|\w+:.*", line) for line in lines)
    assert "targets_up:1" in lines


def test_shutdown(daemon):
    """No reply, the connection closes, and the daemon ends with 0."""
    with daemon.resp() as connection:
        connection.send("SHUTDOWN")
        with pytest.raises(EOFError):
            connection.read()
    assert daemon.wait_exit() == 0
    assert not os.path.exists(daemon.control_path)


# All kinds of clients.

@pytest.mark.parametrize("flag", ["-2", "-3"])
def test_redis_cli(flag, daemon):
    """STATUS in lines, as people see it."""
    lines = run("redis-cli", flag, "-s", daemon.control_path,
                "STATUS").splitlines()
    assert lines[0].startswith("pinfod ") and lines[1].startswith("default: up")


@pytest.mark.parametrize("flag", ["-2", "-3"])
def test_redis_cli_json(flag, daemon):
    """STATUS JSON as a program pipes it."""
    text = run("redis-cli", flag, "-s", daemon.control_path, "STATUS", "JSON")
    assert json.loads(text)["targets"][0]["state"] == "up"


def test_redis_cli_error(daemon):
    """An error is one, also for a script (-e)."""
    done = subprocess.run(
        ["redis-cli", "-e", "-s", daemon.control_path, "NOSUCH"],
        capture_output=True, text=True, timeout=5 * SLOW,
    )
    assert done.returncode != 0
    assert "unknown command" in done.stdout + done.stderr


def test_redis_cli_script(daemon):
    """Commands on its standard input."""
    text = run("redis-cli", "-s", daemon.control_path,
               text="PING\nINTERVAL\nSTOP\nSTART default\nCOMMAND HELP\n")
    lines = text.splitlines()
    assert lines[:2] == ["PONG", "3600"]
    assert [line for line in lines if line][2:4] == ["OK", "OK"]
    assert any(line.startswith("SHUTDOWN -- ") for line in lines)


@pytest.mark.parametrize("flag", ["-2", "-3"])
def test_redis_cli_interactive(flag, daemon):
    """It starts on a terminal, knows our commands' help, and subscribes."""
    ours, its = pty.openpty()
    environment = {**os.environ, "HOME": str(daemon.dir), "TERM": "dumb"}
    process = subprocess.Popen(
        ["redis-cli", flag, "-s", daemon.control_path], env=environment,
        stdin=its, stdout=its, stderr=its,
    )
    os.close(its)
    shown = bytearray()

    def shows(text):
        while select.select([ours], [], [], 0)[0]:
            shown.extend(os.read(ours, 65536))
        return text in shown

    try:
        eventually(lambda: shows(b"> "))
        for typed, wanted in (
            (b"PING", b"PONG"), (b"HELP STATUS", b"how the daemon"),
            (b"STATUS", b"default: up"), (b"SUBSCRIBE pinfo", b"(integer) 1"),
        ):
            del shown[:]
            os.write(ours, typed + b"\n")
            eventually(lambda: shows(wanted), what=f"{wanted} for {typed}")
        daemon.do("POLL")
        eventually(lambda: shows(b"# Persistence"))
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_redis_py(daemon):
    """A client library's ordinary calls."""
    client = daemon.control()
    assert client.ping() is True
    assert client.echo("x") == "x"
    assert client.client_setname("me") is True
    assert client.client_getname() == "me"
    assert client.execute_command("INTERVAL") == "3600"
    assert client.info()["targets"] == 1
    assert client.execute_command("STATUS")[1].startswith("default: up")


def test_redis_py_subscriber(daemon):
    """A client library's subscriber, by channel and by pattern."""
    with daemon.control().pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.subscribe("pinfo")
        pubsub.psubscribe("p*")
        eventually(lambda: pubsub.get_message() or len(pubsub.patterns) == 1)
        eventually(lambda: daemon.status()["clients"] == 2)
        got = []

        def both():
            if not got:
                daemon.do("POLL")
            if message := pubsub.get_message(timeout=0.1):
                got.append(message["type"])
            return {"message", "pmessage"} <= set(got)

        eventually(both)
        pubsub.ping()
        eventually(lambda: (pubsub.get_message(timeout=0.1) or {}).get("type")
                   == "pong")


def test_redis_py_pipeline(daemon):
    """A pipeline's answers come in its order."""
    with daemon.control().pipeline(transaction=False) as pipe:
        for number in range(100):
            pipe.echo(str(number))
        assert pipe.execute() == [str(number) for number in range(100)]


@pytest.mark.parametrize("typed,answer", [
    ("PING\n", "+PONG\r\n"), ("ping 'a b'\n", "$3\r\na b\r\n"),
    ('ECHO "\\x41\\n"\r\n', "$2\r\nA\n\r\n"), ("INTERVAL\n", "$4\r\n3600\r\n"),
    ("STOP\nSTART\n", "+OK\r\n+OK\r\n"), ("\n\nPING\n", "+PONG\r\n"),
], ids=repr)
def test_netcat(typed, answer, daemon):
    """What people type at three in the morning."""
    got = subprocess.run(
        ["nc", "-N", "-U", daemon.control_path], input=typed.encode(),
        capture_output=True, timeout=5 * SLOW,
    ).stdout
    assert got == answer.encode()


def test_bytes_one_by_one(daemon):
    """A request may come in any pieces, and two in one."""
    with daemon.raw() as sock:
        for byte in encode("ECHO", "abc") + b"PING\r\n" + encode("PING")[:-3]:
            sock.sendall(bytes([byte]))
        sock.sendall(b"G\r\nPING x\r\n")
        wanted = b"$3\r\nabc\r\n+PONG\r\n+PONG\r\n$1\r\nx\r\n"
        got = b""
        while len(got) < len(wanted):
            got += sock.recv(1000)
        assert got == wanted
