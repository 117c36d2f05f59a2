"""Incidents of a server as a whole: loading, restarts, its clock, its settings.

What only the wide sections and CONFIG GET show is seen each 5 s, or when a
sample asks why: WIDE_S is how much later such a thing may be told.
"""

import pytest

from harness import (
    ReplyError, eventually, first_shown, info, let_pass, save_child,
)

WIDE_S = 5.5                            # a wide sample waits for the next narrow one
RECONNECT_S = 2.4                       # at the most, until a server is tried again


def populate(server, keys, prefix="key"):
    server.call("DEBUG", "POPULATE", keys, prefix)


def new_run(server, before, timeout=10.0):
    """When INFO first showed another run."""
    return first_shown(server, lambda f: f["run_id"] != before, "server",
                       timeout=timeout)


def replica_of(master, make_redis, *args, **options):
    """A replica that is in sync."""
    replica = make_redis("--replicaof", master.host, master.port, *args,
                         **options)
    in_sync(replica)
    return replica


def in_sync(replica, timeout=10.0):
    return first_shown(replica, lambda f: f.get("master_link_status") == "up",
                       "replication", timeout=timeout)


@pytest.fixture
def master(make_redis):
    """Whose replicas need not wait for others, and that has save points."""
    return make_redis("--repl-diskless-sync-delay", "0", save="3600 1000000")


# load.slow

@pytest.mark.since("6.2", "loading-process-events-interval-bytes")
def test_load_slow(make_redis, make_watch):
    """Scaled from 5 min to go to 2 s."""
    server = make_redis("--loading-process-events-interval-bytes", "1024",
                        save="3600 1000000")
    populate(server, 30000)
    server.call("CONFIG", "SET", "key-load-delay", "300")
    watch = make_watch(server, incidents=["load.slow eta=2s"])
    with server.resp() as loader:
        loader.send("DEBUG", "RELOAD")
        shown = first_shown(server, lambda f: f["loading"] == "1"
                            and int(f["loading_eta_seconds"]) > 2)
        raised = watch.notices.in_time("load.slow", shown, kind="raised")
        assert raised.severity == "warning"
        assert raised.figures["eta_s"] > 2
        assert 0 < raised.figures["loaded_percent"] < 100
        started = watch.notices.wait("load.started")
        assert started.figures["total_bytes"] > 30000
        server.call("CONFIG", "SET", "key-load-delay", "0")
        shown = first_shown(server, lambda f: f["loading"] == "0")
        watch.notices.in_time("load.slow", shown, kind="cleared")
        assert loader.read() == "OK"
    assert watch.notices.wait("load.finished").figures["keys"] == 30000
    assert watch.notices.alarms("load.slow") == []


LOADING = b"""# Persistence
loading:1
loading_start_time:1763831000
loading_total_bytes:1000000
loading_loaded_bytes:%d
loading_loaded_perc:%d.00
loading_eta_seconds:9
rdb_last_bgsave_status:ok
aof_enabled:0
"""


def test_load_that_stands(make_fake, make_watch):
    """Scaled from 60 s.  By the fake server: a real one answers as it progresses."""
    fake = make_fake(info=LOADING % (400000, 40))
    watch = make_watch(fake, sample="200ms", incidents=["load.slow stall=1s"])
    raised = watch.notices.wait("load.slow", kind="raised")
    assert raised.figures["still_s"] == pytest.approx(1, abs=0.3)
    assert "40.0 %" in raised.summary
    fake.info = LOADING % (500000, 50)
    watch.notices.wait("load.slow", kind="cleared")


@pytest.mark.since("6.2", "loading-process-events-interval-bytes")
def test_replica_that_loads(master, make_redis, make_watch):
    """Its first sync, slow to load: facts and no alarm, on either end."""
    populate(master, 10000)
    replica = make_redis("--loading-process-events-interval-bytes", "1024",
                         "--key-load-delay", "150", save="3600 1000000")
    watch = make_watch({"master": master, "replica": replica})
    replica.call("REPLICAOF", master.host, master.port)
    watch.notices.wait("load.started", target="replica", timeout=10)
    watch.notices.wait("load.finished", target="replica", timeout=10)
    in_sync(replica)
    assert watch.notices.wait("role.switched", target="replica").kind == "fact"
    watch.daemon.wait_log("replica: role.switched: it was master")
    watch.samples("replica")
    assert watch.notices.alarms() == []


@pytest.mark.since("7.0", "async_loading")
def test_replica_that_loads_beside_its_data(master, make_redis, make_watch):
    """async_loading: it has synced before, and serves what it has meanwhile."""
    master.call("CONFIG", "SET", "repl-backlog-size", "16kb")
    populate(master, 3000)
    replica = replica_of(
        master, make_redis, "--repl-diskless-load", "swapdb",
        "--loading-process-events-interval-bytes", "1024", save="3600 1000000")
    watch = make_watch(replica)
    replica.suspend()
    master.call("CLIENT", "KILL", "TYPE", "replica")
    with master.resp() as writer:
        for i in range(100):
            writer.call("SET", f"more{i}", "x" * 1000)
    master.call("CONFIG", "SET", "rdb-key-save-delay", "500")
    replica.resume()
    first_shown(replica, lambda f: f["async_loading"] == "1")
    watch.notices.wait("load.started")
    watch.notices.wait("load.finished", timeout=10)
    assert watch.notices.alarms("link.*") == []


# server.restarted, server.restarted_empty

@pytest.fixture
def forgetful(make_redis):
    """A server with 100 keys that no save has seen."""
    server = make_redis(save="3600 1000000")
    for i in range(100):
        server.call("SET", f"key{i}", "value")
    return server


def restart(server, fn=None):
    """Kill and start it; return when INFO first showed the new run."""
    before = info(server, "server")["run_id"]
    server.kill()
    if fn:
        fn()
    server.start()
    return new_run(server, before)


def test_restarted(forgetful, make_watch):
    watch = make_watch(forgetful)
    shown = restart(forgetful)
    told = watch.notices.in_time("server.restarted", shown, hold=RECONNECT_S - 1)
    assert (told.kind, told.severity) == ("fact", "warning")
    assert told.figures["changes_before"] == 100
    assert told.figures["keys_before"] == 100
    assert "100 changes were not saved" in told.summary
    let_pass(2)
    assert len(watch.notices.all("server.restarted")) == 1
    assert watch.notices.all("stats.reset") == []


def test_restarted_while_pinfod_was_away(forgetful, make_watch):
    """The state file knows the run that was there before."""
    watch = make_watch(forgetful)
    watch.stop()
    restart(forgetful)
    watch.start()
    told = watch.notices.wait("server.restarted")
    assert told.figures["changes_before"] == 100
    raised = watch.notices.wait("server.restarted_empty", kind="raised")
    assert raised.figures["keys_before"] == 100


def test_same_run_after_pinfod_was_away(forgetful, make_watch):
    watch = make_watch(forgetful)
    watch.stop()
    watch.start()
    assert watch.notices.alarms() == []


def test_restarted_empty(forgetful, make_watch):
    """Cleared when as many keys are back."""
    watch = make_watch(forgetful)
    shown = restart(forgetful)
    raised = watch.notices.in_time("server.restarted_empty", shown,
                                   hold=RECONNECT_S - 1, kind="raised")
    assert raised.severity == "critical"
    assert raised.figures == {"keys": 0, "keys_before": 100}
    assert "stop the replicas before they synchronize" in raised.advice
    populate(forgetful, 40)
    let_pass(WIDE_S)
    assert watch.open() == ["server.restarted_empty"]
    populate(forgetful, 80)
    shown = first_shown(forgetful, lambda f: "keys=80" in f["db0"], "keyspace")
    cleared = watch.notices.in_time("server.restarted_empty", shown, hold=WIDE_S - 1,
                                    kind="cleared")
    assert cleared.id == raised.id


def test_restarted_empty_is_acknowledged(forgetful, make_watch):
    """It is meant; nor does it come back with the next sample, or run."""
    watch = make_watch(forgetful)
    restart(forgetful)
    raised = watch.notices.wait("server.restarted_empty", kind="raised")
    assert watch.daemon.do("ACK", "server", "server.restarted_empty") == "OK"
    cleared = watch.notices.wait("server.restarted_empty", kind="cleared")
    assert cleared.id == raised.id
    let_pass(WIDE_S)
    shown = restart(forgetful)
    watch.notices.in_time("server.restarted", shown, hold=RECONNECT_S - 1, count=2)
    watch.samples()
    assert watch.open() == []


@pytest.mark.parametrize("kept, raised", [(40, True), (60, False)])
def test_restarted_with_a_part(kept, raised, make_redis, make_watch):
    """Less than half of the keys is as good as none."""
    server = make_redis(save="3600 1000000")
    populate(server, kept)
    server.call("SAVE")
    populate(server, 100)
    watch = make_watch(server)
    restart(server)
    watch.notices.wait("server.restarted")
    watch.samples()
    found = watch.notices.all("server.restarted_empty", kind="raised")
    assert [n.figures["keys"] for n in found] == ([kept] if raised else [])


def test_flushed(forgetful, make_watch):
    """FLUSHALL without a restart is somebody's wish."""
    watch = make_watch(forgetful)
    forgetful.call("FLUSHALL")
    let_pass(WIDE_S)
    assert watch.notices.alarms() == []


def test_restarted_where_nothing_is_expected(make_redis, make_watch):
    """A cache."""
    server = make_redis()
    populate(server, 100)
    watch = make_watch(server, expect="none")
    restart(server)
    watch.notices.wait("server.restarted")
    watch.samples()
    assert watch.notices.alarms("server.restarted", "link.*") == []


def test_restart_that_was_told(forgetful, make_watch):
    """STOP before it and START after it: nothing is said, also of the keys."""
    watch = make_watch(forgetful)
    assert watch.daemon.do("STOP", "server") == "OK"
    watch.notices.wait("target.stopped")
    restart(forgetful)
    assert watch.daemon.do("START", "server") == "OK"
    watch.notices.wait("target.started", count=2)
    watch.daemon.wait_status("server", state="up")
    watch.samples(more=2)
    assert watch.notices.alarms() == []


def test_replica_out_of_sync(master, make_redis, make_watch):
    """Restarted while its master is away it has no keys, and cannot have any."""
    populate(master, 100)
    master.call("SAVE")
    replica = replica_of(master, make_redis, save="3600 1000000")
    watch = make_watch(replica)
    master.kill()
    restart(replica, (replica.dir / "dump.rdb").unlink)
    watch.notices.wait("server.restarted")
    assert info(replica, "keyspace").get("db0") is None
    let_pass(WIDE_S)
    assert watch.open() == []
    master.start()
    in_sync(replica)
    let_pass(1.5)
    assert watch.notices.alarms("server.restarted", "link.*") == []


# server.clock_jump

@pytest.mark.parametrize("seconds", [3600, -3600])
@pytest.mark.since("6.2", "server_time_usec")
def test_clock_jump(seconds, make_redis, shim, make_watch):
    server = make_redis(save="3600 1000000", env=shim.env)
    watch = make_watch(server)
    before = int(info(server, "server")["server_time_usec"])
    shim.set(f"clock ahead {seconds}")
    shown = first_shown(
        server, lambda f: abs(int(f["server_time_usec"]) - before) > 3e9, "server")
    told = watch.notices.in_time("server.clock_jump", shown, hold=WIDE_S - 1)
    assert (told.kind, told.severity) == ("fact", "warning")
    if told.figures["jump_s"] is not None:
        assert told.figures["jump_s"] == pytest.approx(seconds, abs=1)
    assert watch.notices.alarms("server.clock_jump") == []


@pytest.mark.since("6.2", "server_time_usec")
def test_save_in_its_future(make_redis, shim, make_watch):
    """A clock that was wrong, and is right when pinfod first sees the server."""
    server = make_redis(save="3600 1000000", env=shim.env)
    shim.set("clock ahead 3600")
    let_pass(0.2)                       # the server reads it at each turn
    server.call("SAVE")
    shim.set()
    watch = make_watch(server)
    told = watch.notices.wait("server.clock_jump")
    assert told.summary == "the server's last save lies in its future"
    assert watch.notices.alarms("server.clock_jump") == []


def test_save_of_a_negative_time(make_redis, shim, make_watch):
    """The clock was set back while the save ran, before pinfod came."""
    shim.set("clock ahead -7200")
    server = make_redis("--rdb-key-save-delay", "300", save="3600 1000000",
                        env=shim.env)
    populate(server, 10000)
    shim.set()
    let_pass(0.2)
    server.call("BGSAVE")
    save_child(server)
    shim.set("clock ahead -3600")
    watch = make_watch(server)
    shown = first_shown(
        server, lambda f: int(f["rdb_last_bgsave_time_sec"]) < -3000, timeout=10)
    told = watch.notices.in_time("server.clock_jump", shown)
    assert told.summary == "the server's last save took a negative time"
    assert watch.notices.alarms("server.clock_jump") == []


def test_clock_that_is_adjusted(make_redis, shim, make_watch):
    """By a second: no jump."""
    server = make_redis(save="3600 1000000", env=shim.env)
    watch = make_watch(server)
    shim.set("clock ahead 1")
    let_pass(WIDE_S)
    assert watch.notices.alarms() == []


# persistence.off

def test_persistence_off(make_redis, make_watch):
    """A warning; critical while it has replicas, which a restart would empty."""
    server = make_redis("--repl-diskless-sync-delay", "0")
    watch = make_watch(server)
    raised = watch.notices.wait("persistence.off", kind="raised")
    assert raised.severity == "warning"
    assert raised.figures["replicas"] == 0
    replica_of(server, make_redis)
    shown = first_shown(server, lambda f: f["connected_slaves"] == "1", "replication")
    changed = watch.notices.in_time("persistence.off", shown, hold=WIDE_S - 1,
                                    kind="changed")
    assert (changed.severity, changed.id) == ("critical", raised.id)
    server.call("CONFIG", "SET", "save", "3600 1")
    cleared = watch.notices.wait("persistence.off", kind="cleared", timeout=8)
    assert cleared.id == raised.id
    assert watch.notices.wait("persistence.changed").figures["save_points"] == 1


def test_persistence_off_cured_by_an_aof(make_redis, make_watch):
    server = make_redis()
    watch = make_watch(server)
    watch.notices.wait("persistence.off", kind="raised")
    server.call("CONFIG", "SET", "appendonly", "yes")
    shown = first_shown(server, lambda f: f["aof_enabled"] == "1")
    watch.notices.in_time("persistence.off", shown, kind="cleared")
    told = watch.notices.in_time("persistence.changed", shown)
    assert (told.kind, told.severity) == ("fact", "warning")
    assert told.figures["aof_enabled"] == 1
    server.call("CONFIG", "SET", "appendonly", "no")
    shown = first_shown(server, lambda f: f["aof_enabled"] == "0")
    told = watch.notices.in_time("persistence.changed", shown, count=2)
    assert told.figures["aof_enabled"] == 0
    watch.notices.in_time("persistence.off", shown, kind="raised", count=2)


@pytest.mark.parametrize("expect, save, raised", [
    ("none", "", False), ("any", "3600 1", False), ("rdb", "3600 1", False),
    ("aof", "3600 1", True), ("both", "3600 1", True),
])
def test_persistence_expected(expect, save, raised, make_redis, make_watch):
    watch = make_watch(make_redis(save=save), expect=expect)
    assert watch.open() == (["persistence.off"] if raised else [])


def test_persistence_off_without_config(make_redis, make_watch):
    """Save points show by the saves that they cause.  Scaled from 26 h."""
    server = make_redis()
    server.grant("p", "on", ">x", "resetkeys", "&pinfo*", "-@all", "+info", "+publish")
    secret = server.dir / "secret"
    secret.write_text("x\n")
    secret.chmod(0o600)
    watch = make_watch(server, user="p", password_file=str(secret),
                       incidents=["persistence.off for=2s"])
    let_pass(2.5)
    assert watch.open() == []           # nothing has changed: nothing is missed
    server.call("SET", "a", "b")
    shown = first_shown(server, lambda f: f["rdb_changes_since_last_save"] == "1")
    raised = watch.notices.in_time("persistence.off", shown, hold=2, kind="raised")
    assert raised.severity == "warning"
    assert "it seems" in raised.summary
    server.call("CONFIG", "SET", "save", "1 1")
    shown = first_shown(server, lambda f: f["rdb_changes_since_last_save"] == "0")
    watch.notices.in_time("persistence.off", shown, kind="cleared")
    blind = watch.daemon.log_lines("CONFIG GET")
    assert len(blind) == 1 and "NOPERM" in blind[0]


def test_save_points_changed(make_redis, make_watch):
    """CONFIG GET is asked each 5 s."""
    server = make_redis(save="3600 1")
    watch = make_watch(server)
    server.call("CONFIG", "SET", "save", "3600 1 300 100")
    told = watch.notices.wait("persistence.changed", timeout=8)
    assert told.figures["save_points"] == 2
    assert len(watch.notices.all("persistence.changed")) == 1


# writes.refused

@pytest.mark.since("6.2", "errorstats")
def test_writes_refused(make_redis, make_watch):
    """The first refusal already; scaled from 60 s without one until it is over."""
    server = make_redis(save="3600 1")
    watch = make_watch(server, incidents=["writes.refused clear=2s"])
    (server.dir / "dump.rdb").mkdir()
    server.call("SET", "a", "b")
    server.call("BGSAVE")
    first_shown(server, lambda f: f["rdb_last_bgsave_status"] == "err")
    with pytest.raises(ReplyError, match="MISCONF"):
        server.call("SET", "a", "b")
    shown = first_shown(server, lambda f: "errorstat_MISCONF" in f, "errorstats")
    raised = watch.notices.in_time("writes.refused", shown, kind="raised")
    assert raised.severity == "critical"
    assert raised.figures["refused"] == 1
    assert raised.summary.endswith("see rdb.save_failed")
    (server.dir / "dump.rdb").rmdir()
    server.call("BGSAVE")
    watch.notices.wait("writes.refused", kind="cleared", timeout=10)
    watch.notices.wait("rdb.save_failed", kind="cleared")
    server.call("CONFIG", "RESETSTAT")
    watch.notices.wait("stats.reset", timeout=8)
    assert watch.open() == []


# watch.gap

def test_watch_gap(make_redis, make_watch):
    """A pinfod that was suspended says for how long.  Scaled from 3 s."""
    watch = make_watch(make_redis(save="3600 1"), incidents=["watch.gap for=2s"])
    watch.daemon.suspend()
    let_pass(4)
    watch.daemon.resume()
    told = watch.notices.wait("watch.gap")
    assert (told.kind, told.severity) == ("fact", "warning")
    assert told.figures["seconds"] == pytest.approx(4, abs=1.1)
    watch.samples()
    assert [n.incident for n in watch.notices.alarms()] == ["watch.gap"]


def test_no_gap_by_stop(make_redis, make_watch):
    watch = make_watch(make_redis(save="3600 1"), incidents=["watch.gap for=1s"])
    watch.daemon.do("STOP", "server")
    let_pass(2.5)
    watch.daemon.do("START", "server")
    watch.samples()
    assert watch.notices.alarms() == []


# A failover where both ends stay healthy.

def roles(watch):
    return [n.target for n in watch.notices.all("role.switched")]


def test_role_switch(master, make_redis, make_watch):
    """By hand: the replica first, then the old master."""
    populate(master, 100)
    replica = replica_of(master, make_redis, "--repl-diskless-sync-delay", "0",
                         save="3600 1000000")
    watch = make_watch({"one": master, "two": replica})
    replica.call("REPLICAOF", "NO", "ONE")
    master.call("REPLICAOF", replica.host, replica.port)
    in_sync(master)
    eventually(lambda: sorted(roles(watch)) == ["one", "two"], 8)
    watch.samples("one")
    watch.samples("two")
    assert watch.notices.alarms() == []


@pytest.mark.since("6.2", "FAILOVER")
def test_failover(master, make_redis, make_watch):
    """By FAILOVER, which pauses writes until the replica has them all."""
    populate(master, 100)
    replica = replica_of(master, make_redis, "--repl-diskless-sync-delay", "0",
                         save="3600 1000000")
    watch = make_watch({"one": master, "two": replica})
    master.call("FAILOVER")
    in_sync(master)
    eventually(lambda: sorted(roles(watch)) == ["one", "two"], 8)
    watch.samples("one")
    watch.samples("two")
    assert watch.notices.alarms() == []
