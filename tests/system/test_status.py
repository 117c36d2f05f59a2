"""STATUS, for people and for programs."""

import json
import re

import pytest

from harness import ReplyError, eventually, let_pass

DAEMON_MEMBERS = {
    "schema": int, "version": str, "pid": int, "uptime_s": (int, float),
    "clients": int, "clients_refused": int, "clients_dropped": int,
    "targets": list,
}
TARGET_MEMBERS = {
    "name": str, "address": str, "state": str, "since_s": (int, float),
    "reason": (str, type(None)), "server": (str, type(None)),
    "server_version": (str, type(None)), "interval_s": (int, float),
    "channel": str, "samples": int, "published": int, "missed": int,
    "dropped": int, "receivers": int, "publish_state": str,
    "publish_reason": (str, type(None)),
    "last_sample_age_s": (int, float, type(None)),
    "last_info_ms": (int, float, type(None)), "connects": int,
}
TARGET_LINE = re.compile(
    r"(?P<name>\S+): (?P<state>[a-z]+)( for (?P<since>[^:,]+))?"
    r"(: (?P<reason>.+?))?, (?P<address>\S+?)( \((?P<server>[^)]+)\))?, "
    r"every (?P<interval>[^,]+) on (?P<channel>\S+): "
    r"(?P<published>\d+) published( to (?P<receivers>\d+) receivers?)?, "
    r"(?P<missed>\d+) missed, (?P<dropped>\d+) dropped"
    r"(, last (?P<last>.+) ago)?.*"
)


def assert_members(given, members):
    for name, kind in members.items():
        assert name in given
        assert isinstance(given[name], kind), (name, given[name])
        assert not isinstance(given[name], bool), name


def test_json_members_of_the_daemon(server, make_daemon):
    """Every member of the contract is there, of its type."""
    daemon = make_daemon(server, "-i", "0.2")
    assert_members(daemon.status(), DAEMON_MEMBERS)


def test_json_values_of_the_daemon(server, make_daemon):
    """Schema, pid and the clients are right."""
    daemon = make_daemon(server)
    daemon.do("PING")
    more = daemon.resp()
    more.call("PING")
    status = daemon.status()
    assert (status["schema"], status["pid"]) == (1, daemon.pid)
    assert (status["clients"], status["clients_refused"]) == (2, 0)
    assert 0 <= status["uptime_s"] < 60


@pytest.mark.parametrize("state", ["up", "down", "stopped", "starting"])
def test_json_members_of_a_target(state, make_fake, make_daemon):
    """Every member is there in every state, of its type."""
    fake = make_fake(start=state != "down", accept=state != "starting")
    daemon = make_daemon(fake, "-i", "0.2",
                         *(["--stopped"] if state == "stopped" else []))
    assert_members(daemon.wait_status(state=state), TARGET_MEMBERS)


def test_json_of_a_healthy_target(server, make_daemon, make_feed):
    """An up target's figures are those of its feed."""
    daemon = make_daemon(server, "-i", "0.2")
    make_feed(server).wait_count(4)
    status = daemon.status_target()
    assert status["address"] == server.name
    assert (status["state"], status["reason"]) == ("up", None)
    assert status["server"] == server.kind
    assert status["server_version"] == ".".join(map(str, server.version))
    assert (status["interval_s"], status["channel"]) == (0.2, "pinfo")
    assert status["samples"] >= status["published"] >= 4
    assert status["samples"] - status["published"] <= 1
    assert (status["missed"], status["dropped"]) == (0, 0)
    assert status["receivers"] == 1
    assert (status["publish_state"], status["publish_reason"]) == ("ok", None)
    assert 0 <= status["last_sample_age_s"] < 1
    assert 0 < status["last_info_ms"] < 500
    assert status["connects"] == 1


def test_published_equals_what_subscribers_got(server, make_daemon, make_feed):
    """After STOP the counters and the subscriber agree to the last one."""
    daemon = make_daemon(server, "-i", "0.1", "--stopped")
    feed = make_feed(server)
    daemon.do("START")
    feed.wait_count(10)
    daemon.do("STOP")
    let_pass(0.2)
    status = daemon.status_target()
    assert len(feed) - status["published"] in (0, 1)


def test_json_of_a_target_never_heard(make_redis, make_daemon):
    """What is not known yet is null, and the counts are 0."""
    daemon = make_daemon(make_redis(start=False))
    status = daemon.wait_status(state="down")
    assert status["server"] is None
    assert status["server_version"] is None
    assert status["last_sample_age_s"] is None
    assert (status["samples"], status["published"]) == (0, 0)
    assert (status["connects"], status["receivers"]) == (0, 0)


def test_since_grows_and_begins_anew(server, make_daemon):
    """since_s is the time in the present state."""
    daemon = make_daemon(server, "-i", "0.2")
    daemon.wait_status(state="up")
    eventually(lambda: daemon.status_target()["since_s"] >= 1)
    server.kill()
    assert daemon.wait_status(state="down")["since_s"] < 1


def test_uptime_grows(server, make_daemon):
    """uptime_s is monotonic and counts seconds."""
    daemon = make_daemon(server)
    first = daemon.status()["uptime_s"]
    let_pass(1)
    passed = daemon.status()["uptime_s"] - first
    assert 0.9 < passed < 2


def test_age_of_the_last_sample(fake, make_daemon):
    """last_sample_age_s counts from the last answer, published or not."""
    daemon = make_daemon(fake, "-i", "60", "--sample", "3")
    daemon.wait_status(state="up")
    first = daemon.status_target()["last_sample_age_s"]
    let_pass(1)
    assert 0.9 < daemon.status_target()["last_sample_age_s"] - first < 2
    eventually(lambda: fake.count("INFO") >= 2)
    status = eventually(lambda: (s := daemon.status_target()) and
                        s["last_sample_age_s"] < 1 and s)
    assert status["published"] == 1


def test_one_target_of_two(make_fake, make_daemon):
    """STATUS name JSON answers the same object with only that target."""
    one, two = make_fake(), make_fake()
    daemon = make_daemon("-u", one.uri, "-u", two.uri)
    given = json.loads(daemon.do("STATUS", two.name, "JSON"))
    assert_members(given, DAEMON_MEMBERS)
    assert [target["name"] for target in given["targets"]] == [two.name]


def test_json_word_minds_no_case(server, make_daemon):
    """STATUS json will do, as command names do."""
    daemon = make_daemon(server)
    assert json.loads(daemon.do("status", "json"))["schema"] == 1


def test_text_first_line(make_fake, make_daemon):
    """The daemon's line: version, pid, uptime, number of targets."""
    one, two = make_fake(), make_fake()
    daemon = make_daemon("-u", one.uri, "-u", two.uri)
    lines = daemon.do("STATUS")
    assert len(lines) == 3
    version = re.escape(daemon.status()["version"])
    assert re.fullmatch(
        rf"pinfod {version}, pid {daemon.pid}, up \S.*, 2 targets", lines[0]
    )


def test_text_of_a_healthy_target(server, make_daemon, make_feed):
    """The line of an up target has all its figures."""
    daemon = make_daemon(server, "-i", "0.2")
    make_feed(server).wait_count(3)
    line = daemon.do("STATUS")[1]
    found = TARGET_LINE.fullmatch(line)
    assert found, line
    assert found["name"] == "default"
    assert found["state"] == "up"
    assert found["address"] == server.name
    assert re.fullmatch(rf"{server.kind} [\d.]+", found["server"])
    assert (found["interval"], found["channel"]) == ("0.2 s", "pinfo")
    assert int(found["published"]) >= 3
    assert found["receivers"] == "1"
    assert found["missed"] == found["dropped"] == "0"
    assert found["last"]


def test_text_of_a_dead_target(make_redis, make_daemon):
    """The line of a target that is down says since when and why."""
    server = make_redis(start=False)
    daemon = make_daemon(server)
    daemon.wait_status(state="down")
    line = daemon.do("STATUS")[1]
    found = TARGET_LINE.fullmatch(line)
    assert found, line
    assert (found["state"], found["reason"]) == ("down", "Connection refused")
    assert found["since"]
    assert found["published"] == "0"


def test_text_of_a_stopped_target(server, make_daemon):
    """The line of a stopped target says so."""
    daemon = make_daemon(server, "--stopped")
    assert daemon.do("STATUS")[1].startswith("default: stopped")


def test_text_of_one_target(make_fake, make_daemon):
    """With a name there is that target's line and nothing else."""
    one, two = make_fake(), make_fake()
    daemon = make_daemon("-u", one.uri, "-u", two.uri)
    lines = daemon.do("STATUS", two.name)
    assert len(lines) == 1
    assert lines[0].startswith(f"{two.name}: ")


@pytest.mark.parametrize("words", [
    ["STATUS", "a", "b", "c"], ["STATUS", "default", "XML"],
])
def test_wrong_words(words, server, make_daemon):
    """Too many words or an unknown format are an ERR."""
    with pytest.raises(ReplyError, match="^(ERR|NOTARGET) "):
        make_daemon(server).do(*words)


def test_status_after_restart_of_the_server(server, make_daemon):
    """Counters go on over a reconnect; connects counts it."""
    daemon = make_daemon(server, "-i", "0.2")
    before = daemon.wait_status(state="up", connects=1)
    server.kill()
    daemon.wait_status(state="down")
    server.start()
    after = daemon.wait_status(state="up", connects=2)
    assert after["samples"] >= before["samples"]
