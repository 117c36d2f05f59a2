"""Notices on their way: facts, an operator's own rules, thresholds, silences,
and what happens to them while a server or pinfod itself is away.
"""

import pytest

from harness import conf_target, conf_text, eventually, first_shown

RULE = "changes.high warning when rdb_changes_since_last_save > 10 for 1s: save it"


@pytest.fixture
def failing(make_redis):
    """A server whose saves fail until cure(); none has been tried."""
    server = make_redis(save="3600 1000000")
    (server.dir / "dump.rdb").mkdir()
    server.call("SET", "a", "b")
    return server


def fail(server):
    """Let a save fail; return when INFO first showed it."""
    server.call("BGSAVE")
    return first_shown(server, lambda f: f["rdb_last_bgsave_status"] == "err")


def cure(server):
    (server.dir / "dump.rdb").rmdir()
    server.call("BGSAVE")
    return first_shown(server, lambda f: f["rdb_last_bgsave_status"] == "ok")


@pytest.fixture
def open_one(failing, make_watch):
    """A watch with rdb.save_failed open, and the notice of that."""
    def make(**options):
        watch = make_watch(failing, **options)
        return watch, watch.notices.in_time("rdb.save_failed", fail(failing),
                                            kind="raised")

    return make


def told(notices, incident="[!ht]*"):
    """(kind, incident) of each, but for heartbeats and target.started."""
    return [(n.kind, n.incident) for n in notices.all(incident)]


# facts

def test_facts_of_a_save(make_redis, make_watch):
    """One that takes longer than a sample: its begin and its end, and its keys."""
    server = make_redis("--rdb-key-save-delay", "200", save="3600 1000000")
    server.call("DEBUG", "POPULATE", "6000")
    server.call("SET", "a", "b")
    watch = make_watch(server)
    server.call("BGSAVE")
    begun = first_shown(server, lambda f: f["rdb_bgsave_in_progress"] == "1")
    started = watch.notices.in_time("rdb.save_started", begun)
    assert started.figures["changes"] == 1
    ended = first_shown(server, lambda f: f["rdb_bgsave_in_progress"] == "0")
    finished = watch.notices.in_time("rdb.save_finished", ended)
    assert finished.figures["seconds"] >= 1
    assert finished.figures["keys"] == 6001
    assert told(watch.notices) == [("fact", "rdb.save_started"),
                                   ("fact", "rdb.save_finished")]


@pytest.mark.since("7.0", "rdb_saves")
def test_stats_reset(make_redis, make_watch):
    """Counters that fall are told once, and raise nothing."""
    server = make_redis(save="3600 1000000")
    server.call("BGSAVE")
    first_shown(server, lambda f: int(f["rdb_saves"]) >= 1
                and f["rdb_bgsave_in_progress"] == "0")
    watch = make_watch(server)
    server.call("CONFIG", "RESETSTAT")
    shown = first_shown(server, lambda f: f["rdb_saves"] == "0")
    watch.notices.in_time("stats.reset", shown)
    watch.samples(more=2)
    assert told(watch.notices) == [("fact", "stats.reset")]


def test_heartbeats_count(failing, make_watch):
    """One an interval, with the samples, what is open, and what is at risk."""
    watch = make_watch(failing, interval="1s", sample="200ms")
    beat = watch.notices.wait("heartbeat", count=2)
    assert beat.open == {"critical": 0, "warning": 0}
    assert beat.at_risk["operations"] == 1
    fail(failing)
    watch.notices.wait("rdb.save_failed", kind="raised")
    have = len(watch.notices.all("heartbeat"))
    beats = [watch.notices.wait("heartbeat", count=have + i) for i in (1, 2, 3)]
    assert {b.open["critical"] for b in beats} == {1}
    assert {b.kind for b in beats} == {"heartbeat"}
    # Samples that ask why come besides those that are due.
    assert beats[2].samples - beats[0].samples in range(9, 16)
    assert beats[2].missed == 0
    assert beats[2].time - beats[0].time == pytest.approx(2, abs=0.3)


# what the configuration makes of the catalogue

def test_own_rule(make_redis, make_watch):
    server = make_redis(save="3600 1000000")
    watch = make_watch(server, incidents=[RULE], sample="200ms")
    server.call("DEBUG", "POPULATE", "1")
    for i in range(11):
        server.call("SET", f"key{i}", "x")
    shown = first_shown(server, lambda f: f["rdb_changes_since_last_save"] == "11")
    raised = watch.notices.in_time("changes.high", shown, hold=1, sample=0.2,
                                   kind="raised")
    assert raised.severity == "warning"
    assert raised.summary.startswith("save it (rdb_changes_since_last_save 11 > 10")
    assert raised.figures == {"rdb_changes_since_last_save": 11, "limit": 10}
    assert watch.daemon.do("ACK", "server", "changes.high") == "OK"
    server.call("SAVE")
    shown = first_shown(server, lambda f: f["rdb_changes_since_last_save"] == "0")
    cleared = watch.notices.in_time("changes.high", shown, sample=0.2, kind="cleared")
    assert cleared.id == raised.id


@pytest.mark.since("7.0", "rdb_saves")
def test_rules_of_each_target(failing, make_watch):
    """Off for one, own thresholds for another, and one that leaves all as it is."""
    watch = make_watch(failing)
    watch.conf.write(conf_text(*(
        conf_target(failing, name=name, channel="pinfo:{name}", incidents=rules)
        for name, rules in (("server", []), ("off", ["rdb.save_failed off"]),
                            ("all_off", ["* off", "rdb.save_failed on"]),
                            ("own", ["x.saves info when rdb_saves >= 1: some"]))
    )))
    assert watch.daemon.do("RELOAD") == "OK"
    for name in ("off", "all_off", "own"):
        watch.daemon.do("START", name)
        watch.samples(name, 2)
    fail(failing)
    for name in ("server", "all_off", "own"):
        watch.notices.wait("rdb.save_failed", kind="raised", target=name)
    watch.notices.wait("x.saves", kind="raised", severity="info")
    watch.samples("off", 2)
    assert watch.notices.all("rdb.save_failed", target="off") == []
    assert {n.incident for n in watch.notices.all(target="all_off")} == {
        "rdb.save_failed"}
    assert {n.target for n in watch.notices.all("x.saves")} == {"own"}


def test_switched_off_while_it_is_open(failing, open_one):
    """It is cleared, and says why; switched on, it is raised again."""
    watch, raised = open_one()

    def reload(rules):
        watch.conf.write(conf_text(
            conf_target(failing, name="server", incidents=rules)))
        assert watch.daemon.do("RELOAD") == "OK"

    reload(["rdb.* off"])
    cleared = watch.notices.wait("rdb.save_failed", kind="cleared")
    assert cleared.id == raised.id
    assert cleared.summary.startswith("switched off after ")
    reload([])
    again = watch.notices.wait("rdb.save_failed", kind="raised", count=2)
    assert again.id != raised.id


def test_reload_tells_what_is_open(failing, open_one):
    """For nobody knows who began to listen; the id says that it is the same."""
    watch, raised = open_one()
    watch.conf.write(conf_text(
        conf_target(failing, name="server", incidents=[RULE])))
    assert watch.daemon.do("RELOAD") == "OK"
    again = watch.notices.wait("rdb.save_failed", kind="open")
    assert (again.id, again.since) == (raised.id, raised.since)
    assert again.severity == "critical" and again.summary == raised.summary
    cured = cure(failing)
    cleared = watch.notices.in_time("rdb.save_failed", cured, kind="cleared")
    assert cleared.id == raised.id


def test_reload_tells_it_on_another_channel(failing, open_one, make_notices):
    """Who listens there has heard nothing yet."""
    watch, raised = open_one()
    there = make_notices(failing, "pinfo:other")
    watch.conf.write(conf_text(
        conf_target(failing, name="server", incidents=[RULE],
                    notices="pinfo:other")))
    assert watch.daemon.do("RELOAD") == "OK"
    assert there.wait("rdb.save_failed", kind="open").id == raised.id


# silences and acknowledgements

def test_silence(failing, make_watch, make_notices):
    """On Redis and on the control socket alike; what is open then is told."""
    watch = make_watch(failing)
    on_redis = make_notices(failing)
    assert watch.daemon.do("SILENCE", "rdb.*", "ser*", "1h") == "OK"
    fail(failing)
    eventually(lambda: "rdb.save_failed" in str(watch.daemon.do("INCIDENTS")))
    watch.samples()
    for notices in (watch.notices, on_redis):
        assert notices.all("rdb.save_failed") == []
    # Other incidents of the same server are told all the while.
    failing.call("CONFIG", "SET", "save", "")
    for notices in (watch.notices, on_redis):
        notices.wait("persistence.off", kind="raised", timeout=8)
    assert watch.daemon.do("UNSILENCE", "rdb.*", "ser*") == "OK"
    for notices in (watch.notices, on_redis):
        assert notices.wait("rdb.save_failed").kind == "open"
    cure(failing)
    for notices in (watch.notices, on_redis):
        notices.wait("rdb.save_failed", kind="cleared")


def test_acknowledged(failing, open_one):
    """It stays open, and each notice of it says that somebody knows."""
    watch, raised = open_one()
    assert raised.acked is False
    assert watch.daemon.do("ACK", "server", "rdb.save_failed") == "OK"
    watch.conf.write(conf_text(
        conf_target(failing, name="server", incidents=[RULE])))
    watch.daemon.do("RELOAD")
    assert watch.notices.wait("rdb.save_failed", kind="open").acked is True
    cure(failing)
    assert watch.notices.wait("rdb.save_failed", kind="cleared").acked is True
    (failing.dir / "dump.rdb").unlink()
    (failing.dir / "dump.rdb").mkdir()
    fail(failing)
    again = watch.notices.wait("rdb.save_failed", kind="raised", count=2)
    assert again.acked is False and again.id != raised.id


# a server that is away

def test_kept_while_the_server_is_silent(make_redis, make_watch, make_notices):
    """Told at once on the control socket; on Redis when it answers, in order."""
    server = make_redis(save="3600 1000000")
    watch = make_watch(server)
    on_redis = make_notices(server)
    server.suspend()
    watch.notices.wait("link.silent", kind="raised", timeout=8)
    server.resume()
    on_redis.wait("link.up", timeout=8)
    order = [("raised", "link.silent"), ("cleared", "link.silent"),
             ("fact", "link.up")]
    eventually(lambda: len(told(on_redis)) >= 3)
    assert sorted(told(on_redis)) == sorted(order)
    assert told(on_redis)[0] == order[0]
    assert told(on_redis) == told(watch.notices)


def test_kept_while_the_server_is_dead(make_redis, make_watch, make_notices):
    """All that was told meanwhile is published to who is there after it."""
    server = make_redis(save="3600 1000000")
    server.call("SET", "a", "b")
    watch = make_watch(server)
    before = watch.notices.all()
    server.kill()
    watch.notices.wait("link.down", kind="raised", timeout=8)
    # So that the subscriber is there before pinfod is.
    watch.daemon.suspend()
    server.start()
    on_redis = make_notices(server)
    watch.daemon.resume()
    on_redis.wait("server.restarted_empty", kind="raised", timeout=8)
    fresh = [n.data for n in watch.notices.all()[len(before):]
             if n.kind != "heartbeat"]
    kept = [n.data for n in on_redis.all() if n.kind != "heartbeat"]
    assert kept == fresh
    assert told(on_redis)[0] == ("raised", "link.down")
    assert ("cleared", "link.down") in told(on_redis)
    assert ("fact", "server.restarted") in told(on_redis)


@pytest.mark.since("6.2", "CLIENT PAUSE WRITE")
def test_kept_while_writes_are_paused(failing, make_watch, make_notices):
    """PUBLISH hangs, INFO goes on: what it shows is told there at the end."""
    watch = make_watch(failing, interval="1s")
    on_redis = make_notices(failing)
    failing.call("CLIENT", "PAUSE", "60000", "WRITE")
    watch.notices.wait("publish.blocked", kind="raised", timeout=8)
    fail_shown = fail(failing)
    watch.notices.in_time("rdb.save_failed", fail_shown, kind="raised")
    assert told(on_redis, "rdb.save_failed") == []
    failing.call("CLIENT", "UNPAUSE")
    on_redis.wait("publish.blocked", kind="cleared", timeout=8)
    on_redis.wait("rdb.save_failed", kind="raised")
    ids = [n.data for n in on_redis.all("[!ht]*")]
    assert ids == [n.data for n in watch.notices.all("[!ht]*")]


# a pinfod that is away

def test_restart_of_pinfod(failing, open_one):
    """What was open is open, by the same id, and cleared when it is over."""
    watch, raised = open_one()
    watch.daemon.do("ACK", "server", "rdb.save_failed")
    watch.stop()
    watch.start()
    again = watch.notices.wait("rdb.save_failed")
    assert (again.kind, again.id, again.acked) == ("open", raised.id, True)
    assert again.summary.startswith("the last save failed")
    cleared = watch.notices.in_time("rdb.save_failed", cure(failing), kind="cleared")
    assert cleared.id == raised.id
    assert cleared.figures["duration_s"] > 1
    assert watch.notices.all("rdb.save_failed", kind="raised") == []


def test_cured_while_pinfod_was_away(failing, open_one):
    watch, raised = open_one()
    watch.stop()
    cure(failing)
    watch.start()
    cleared = watch.notices.wait("rdb.save_failed")
    assert (cleared.kind, cleared.id) == ("cleared", raised.id)


def test_raised_while_pinfod_was_away(failing, make_watch):
    """The first sample already tells."""
    watch = make_watch(failing)
    watch.stop()
    fail(failing)
    watch.start()
    assert watch.notices.wait("rdb.save_failed").kind == "raised"
