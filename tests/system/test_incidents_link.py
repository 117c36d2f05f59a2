"""Incidents of the link: servers that are away, mute, closed or busy.

What INFO cannot show, for it is not answered, is timed from the moment at
which the test's own connection saw it.
"""

import time

import pytest

from harness import (Resp, ReplyError, SLOW, eventually, first_shown, info,
                     let_pass)

# Deadlines of INFO and PUBLISH. They begin at the next sample or tick.
DEADLINE_S = 2
HOLD_S = 2
EARLY_S = 0.1                           # so much of a hold is forgiven
USER = ("on", "nopass", "resetchannels", "&pinfo*", "-@all", "+info",
        "+publish", "+config|get")


def first_error(server, code, *words, user=None):
    """When a command was first answered by that error, on a new connection."""
    def fails():
        try:
            with Resp(server.address) as connection:
                if user:
                    connection.call("AUTH", user, "")
                connection.call(*words)
        except ReplyError as error:
            return error.code == code and time.monotonic()

    return eventually(fails, what=f"{code} for {words}")


def first_answer(server):
    """When INFO was answered again: SCRIPT KILL's OK may come before that."""
    def answers():
        try:
            return info(server) and time.monotonic()
        except ReplyError as error:
            if error.code != "BUSY":
                raise

    return eventually(answers, what="an answer that is not BUSY")


def cut_off(admin):
    """Close all other connections; new ones find what has changed."""
    admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def watch_as_user(server, make_watch):
    """A daemon that is the user pinfod, with all that it needs."""
    server.grant("pinfod", *USER)
    secret = server.dir / "secret"
    secret.write_text("any\n")
    secret.chmod(0o600)
    return make_watch(server, user="pinfod", password_file=str(secret),
                      interval="1s")


def test_down(make_redis, make_watch):
    """A server that dies is down after 2 s, not before, and comes back."""
    server = make_redis(save="3600 1")
    watch = make_watch(server)
    server.kill()
    died = time.monotonic()
    found = watch.notices.in_time("link.down", died, HOLD_S, kind="raised")
    assert found.time - died >= HOLD_S - EARLY_S
    assert found.severity == "critical"
    assert found.summary.startswith("no connection for ")
    assert found.summary.endswith(": Connection refused")
    assert found.figures["seconds"] == pytest.approx(found.time - died, abs=0.1)
    assert "start the server" in found.advice
    assert watch.open() == ["link.down"]
    server.start()
    # The next attempt comes after 2 s at the most, give or take 20 %.
    cleared = watch.notices.wait("link.down", kind="cleared")
    up = watch.notices.wait("link.up", kind="fact")
    assert up.figures["seconds"] == pytest.approx(up.time - died, abs=0.5)
    assert cleared.id == found.id
    assert watch.open() == []


def test_down_from_the_start(make_redis, make_watch):
    """A server that was never there is down, too."""
    server = make_redis(start=False)
    begun = time.monotonic()
    watch = make_watch(server, wait=False)
    found = watch.notices.in_time("link.down", begun, HOLD_S, kind="raised")
    assert found.severity == "critical"
    assert found.server["run_id"] is None


def test_refused_by_maxclients(make_redis, make_watch):
    """A server that takes in nobody is as good as down."""
    server = make_redis(save="3600 1")
    watch = make_watch(server)
    with server.resp() as only:
        only.call("CONFIG", "SET", "maxclients", 1)
        cut_off(only)
        shown = first_error(server, "ERR", "INFO")
        found = watch.notices.in_time("link.down", shown, HOLD_S, kind="raised")
        assert "max number of clients reached" in found.summary
        assert found.severity == "critical"
        only.call("CONFIG", "SET", "maxclients", 100)
        watch.notices.wait("link.down", kind="cleared")
    assert watch.open() == []


def test_back_within_the_hold(make_redis, make_watch):
    """A server that is restarted in a second was not down: it restarted."""
    server = make_redis(save="3600 1")
    watch = make_watch(server)
    server.restart()
    watch.notices.wait("link.up", kind="fact")
    watch.notices.wait("server.restarted", kind="fact", severity="warning")
    assert watch.notices.alarms("server.restarted") == []


def test_silent_when_suspended(make_redis, make_watch):
    """A suspended server is silent 2 s after the INFO, and answers again."""
    server = make_redis(save="3600 1")
    watch = make_watch(server)
    server.suspend()
    began = time.monotonic()
    found = watch.notices.in_time("link.silent", began, DEADLINE_S,
                                  kind="raised")
    assert found.severity == "critical"
    # Since the last answer, which was up to a sample before.
    silent_s = found.figures["seconds"]
    assert found.time - began - 0.1 <= silent_s <= found.time - began + 1.1
    assert found.summary.startswith(f"no answer for {silent_s:.1f} s")
    assert watch.open() == ["link.silent"]
    server.resume()
    shown = first_shown(server, lambda fields: True)
    watch.notices.in_time("link.silent", shown, kind="cleared")
    up = watch.notices.wait("link.up", kind="fact")
    assert up.figures["seconds"] == pytest.approx(
        silent_s + up.time - found.time, abs=0.1)
    assert watch.notices.alarms("link.silent") == []


def test_silent_in_a_command(make_redis, make_watch):
    """A server that sleeps in a command is silent, and then is not."""
    server = make_redis(save="3600 1")
    watch = make_watch(server)
    began = time.monotonic()
    with server.resp() as sleeper:
        sleeper.send("DEBUG", "SLEEP", "4")
        watch.notices.in_time("link.silent", began, DEADLINE_S, kind="raised")
        sleeper.read(10 * SLOW)
    watch.notices.in_time("link.silent", time.monotonic(), kind="cleared")


def test_slow_command_is_no_silence(make_redis, make_watch):
    """A second and a half without an answer is nothing to tell."""
    server = make_redis(save="3600 1")
    watch = make_watch(server)
    server.call("DEBUG", "SLEEP", "1.5")
    watch.samples()
    assert watch.notices.alarms() == []


def test_denied_without_password(make_redis, make_watch):
    """A password that is set while pinfod has none."""
    server = make_redis(save="3600 1")
    watch = make_watch(server)
    with server.resp() as admin:
        admin.call("CONFIG", "SET", "requirepass", "secret")
        cut_off(admin)
        shown = first_error(server, "NOAUTH", "INFO")
        found = watch.notices.in_time("link.denied", shown, kind="raised")
        assert found.severity == "critical"
        assert "NOAUTH" in found.summary
        assert "pinfoctl acl" in found.advice
        admin.call("CONFIG", "SET", "requirepass", "")
    watch.notices.wait("link.denied", kind="cleared")
    assert watch.notices.alarms("link.denied") == []


def test_denied_info(make_redis, make_watch):
    """The user loses its right to INFO, and gets it back."""
    server = make_redis(save="3600 1")
    watch = watch_as_user(server, make_watch)
    server.call("ACL", "SETUSER", "pinfod", "-info")
    shown = first_error(server, "NOPERM", "INFO", user="pinfod")
    found = watch.notices.in_time("link.denied", shown, kind="raised")
    assert found.severity == "critical"
    assert "NOPERM" in found.summary
    server.call("ACL", "SETUSER", "pinfod", "+info")
    watch.notices.in_time("link.denied", time.monotonic(), kind="cleared")
    assert watch.notices.alarms("link.denied") == []


def test_denied_publish(make_redis, make_watch):
    """The user may not publish: INFO and the control socket's feed go on."""
    server = make_redis(save="3600 1")
    watch = watch_as_user(server, make_watch)
    server.call("ACL", "SETUSER", "pinfod", "-publish")
    shown = first_error(server, "NOPERM", "PUBLISH", "pinfo", "",
                        user="pinfod")
    found = watch.notices.in_time("link.denied", shown, kind="raised")
    assert found.severity == "critical"
    assert found.summary.startswith("PUBLISH is refused: NOPERM")
    watch.samples()
    server.call("ACL", "SETUSER", "pinfod", "+publish")
    watch.notices.in_time("link.denied", time.monotonic(), kind="cleared")
    assert watch.notices.alarms("link.denied") == []


def test_busy(make_redis, make_watch):
    """An endless script: a warning after 2 s of BUSY, until it is killed."""
    server = make_redis(save="3600 1")
    watch = make_watch(server)
    server.call("CONFIG", "SET", "lua-time-limit", 200)
    with server.resp() as script:
        script.send("EVAL", "while true do end", 0)
        shown = first_error(server, "BUSY", "INFO")
        found = watch.notices.in_time("link.busy", shown, HOLD_S, kind="raised")
        assert found.severity == "warning"
        assert "BUSY" in found.summary
        assert "SCRIPT KILL" in found.advice
        assert found.figures["seconds"] >= HOLD_S - EARLY_S
        server.call("SCRIPT", "KILL")
        shown = first_answer(server)
        watch.notices.in_time("link.busy", shown, kind="cleared")
    assert watch.notices.alarms("link.busy") == []


def test_short_script_is_not_busy(make_redis, make_watch):
    """BUSY for a second is nothing to tell."""
    server = make_redis(save="3600 1")
    watch = make_watch(server)
    server.call("CONFIG", "SET", "lua-time-limit", 100)
    with server.resp() as script:
        script.send("EVAL", "while true do end", 0)
        shown = first_error(server, "BUSY", "INFO")
        # As long as the daemon saw it once.
        eventually(lambda: watch.daemon.status_target("server")["state"]
                   == "busy")
        let_pass(shown + 1 - time.monotonic())
        server.call("SCRIPT", "KILL")
    watch.daemon.wait_status("server", state="up")
    watch.samples()
    assert watch.notices.alarms() == []


@pytest.mark.since("6.2", "CLIENT PAUSE WRITE")
def test_publish_blocked(make_redis, make_watch, make_notices):
    """CLIENT PAUSE WRITE: PUBLISH hangs, INFO goes on, nothing is silent."""
    server = make_redis(save="3600 1")
    watch = make_watch(server, interval="1s")
    on_redis = make_notices(server)
    server.call("CLIENT", "PAUSE", 60000, "WRITE")
    began = time.monotonic()
    found = watch.notices.in_time("publish.blocked", began, DEADLINE_S,
                                  kind="raised")
    assert found.severity == "warning"
    assert found.summary.startswith("PUBLISH is not answered")
    assert "CLIENT UNPAUSE" in found.advice
    watch.samples()
    assert on_redis.all("publish.blocked") == []
    server.call("CLIENT", "UNPAUSE")
    watch.notices.in_time("publish.blocked", time.monotonic(), kind="cleared")
    # What could not be published meanwhile was kept.
    on_redis.wait("publish.blocked", kind="raised")
    assert watch.notices.alarms("publish.blocked") == []


@pytest.mark.since("6.2", "CLIENT PAUSE WRITE")
def test_short_pause_is_not_blocked(make_redis, make_watch):
    """A pause of a second and a half, as of an orderly failover."""
    server = make_redis(save="3600 1")
    watch = make_watch(server, interval="1s")
    server.call("CLIENT", "PAUSE", 1500, "WRITE")
    watch.samples(more=4)
    server.call("CLIENT", "PAUSE", 1500, "ALL")
    watch.samples(more=2)
    assert watch.notices.alarms() == []


def test_started_and_stopped(make_redis, make_watch):
    """What the operator does is told as facts; STOP clears what is open."""
    server = make_redis(save="3600 1")
    watch = make_watch(server)
    watch.notices.wait("target.started", kind="fact", severity="info")
    server.kill()
    watch.notices.wait("link.down", kind="raised")
    watch.daemon.do("STOP")
    watch.notices.wait("link.down", kind="cleared")
    watch.notices.wait("target.stopped", kind="fact", severity="info")
    assert watch.open() == []


def test_heartbeat(make_redis, make_watch, make_notices):
    """One each interval, with what is open, also when the server is away."""
    server = make_redis()               # without save points: one is open
    watch = make_watch(server, interval="500ms")
    on_redis = make_notices(server)
    beats = [on_redis.wait("heartbeat", count=n) for n in range(1, 5)]
    gaps = [b.time - a.time for a, b in zip(beats, beats[1:])]
    assert sum(gaps) / len(gaps) == pytest.approx(0.5, abs=0.1 * SLOW)
    assert all(beat.kind == "heartbeat" for beat in beats)
    assert beats[-1].open == {"critical": 0, "warning": 1}
    assert beats[-1].samples - beats[0].samples == 3
    assert beats[-1].summary == "up"
    server.kill()
    watch.notices.wait("heartbeat", summary="down",
                       open={"critical": 1, "warning": 1})
