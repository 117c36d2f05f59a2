"""What looks like an incident of saves, syncs or links, and must stay silent.

Thresholds are scaled down where a test would not reach the presets anyway, so
that a rule which does not look closely enough is caught.
"""

import time

import pytest

from harness import (
    cancel_save, eventually, first_shown, info, let_pass, slow_save,
)

DISKLESS = ("--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", 0)
# Longer than from one wide sample to the next.
WHILE_S = 6


def idle(fields):
    return fields["rdb_bgsave_in_progress"] == "0"


def in_sync(replica):
    first_shown(replica, lambda fields: fields["master_link_status"] == "up"
                and fields["loading"] == "0", "replication", "persistence",
                timeout=15)


def test_idle_for_a_month(make_redis, make_watch, shim):
    """Nothing has changed since a save that is a month old."""
    server = make_redis(save="3600 1", env=shim.env)
    # A save at the start would be taken for none at all.
    shim.set("clock ahead 60")
    server.call("SET", "a", 1)
    server.call("SAVE")
    shim.set(f"clock ahead {30 * 86400}")
    watch = make_watch(server)
    now, _ = server.call("TIME")
    assert int(now) - int(info(server)["rdb_last_save_time"]) > 29 * 86400
    let_pass(WHILE_S)
    assert watch.notices.alarms() == []


def test_fresh_start(make_redis, make_watch):
    """A server that has just begun, and what is written to it at first."""
    server = make_redis(save="3600 1")
    watch = make_watch(server)
    for number in range(200):
        server.call("SET", number, 1)
    let_pass(WHILE_S)
    assert watch.notices.alarms() == []


def test_fresh_and_empty(make_redis, make_watch):
    """Nothing was ever saved, for there is nothing: that is never stale."""
    server = make_redis(save="3600 1")
    watch = make_watch(server, incidents=["rdb.stale warning=1s critical=2s"])
    let_pass(WHILE_S)
    assert watch.notices.alarms() == []


def test_manual_save_without_save_points(make_redis, make_watch):
    """BGSAVE where nobody asked for saves is nothing but a fact."""
    server = make_redis()
    watch = make_watch(server, expect="none")
    server.call("SET", "a", 1)
    server.call("BGSAVE")
    watch.notices.wait("rdb.save_finished", kind="fact", severity="info")
    let_pass(WHILE_S)
    assert watch.notices.alarms() == []


def test_cancelled_save(make_redis, make_watch):
    """kill -USR1 of the child leaves all statuses as they were."""
    server = make_redis(save="3600 1")
    watch = make_watch(server)
    child = slow_save(server)
    watch.notices.wait("rdb.save_started", kind="fact")
    cancel_save(child)
    first_shown(server, idle)
    watch.samples(more=3)
    assert watch.notices.alarms() == []
    assert watch.notices.all("rdb.save_finished") == []


@pytest.mark.since("7.0", "rdb_saves")
def test_counters_reset(make_redis, make_watch):
    """CONFIG RESETSTAT, before a save, during one and after it."""
    server = make_redis(save="3600 1")
    server.call("BGSAVE")
    first_shown(server, lambda fields: idle(fields)
                and fields["rdb_saves"] == "1")
    watch = make_watch(server)
    server.call("CONFIG", "RESETSTAT")
    watch.notices.wait("stats.reset", kind="fact", severity="info",
                       timeout=WHILE_S)
    child = slow_save(server)
    watch.notices.wait("rdb.save_started", kind="fact")
    server.call("CONFIG", "RESETSTAT")
    watch.samples()
    cancel_save(child)
    first_shown(server, idle)
    server.call("CONFIG", "SET", "rdb-key-save-delay", 0)
    server.call("BGSAVE")
    watch.notices.wait("rdb.save_finished", kind="fact")
    server.call("CONFIG", "RESETSTAT")
    let_pass(WHILE_S)
    assert watch.notices.alarms() == []


def test_slow_save_that_moves(make_redis, make_watch):
    """A save of 5 s in steps: stuck after 3 s or three steps, slow after 20."""
    server = make_redis(save="3600 1")
    watch = make_watch(server, incidents=["rdb.save_stuck for=3s factor=3",
                                          "rdb.save_slow warning=20s"])
    slow_save(server, keys=10000)
    watch.notices.wait("rdb.save_finished", kind="fact", timeout=20)
    assert watch.notices.alarms() == []


@pytest.mark.since("6.2", "current_save_keys_processed")
def test_save_of_large_keys(make_redis, make_watch):
    """400 keys make no step of 1,024: standing still is no sign."""
    server = make_redis(save="3600 1")
    watch = make_watch(server, incidents=["rdb.save_stuck for=1s factor=1"])
    slow_save(server, keys=400, delay_us=15000)
    first_shown(server, lambda fields:
                int(fields["rdb_current_bgsave_time_sec"]) >= 4)
    assert info(server)["current_save_keys_processed"] in ("0", "1")
    watch.notices.wait("rdb.save_finished", kind="fact", timeout=20)
    assert watch.notices.alarms() == []


def test_one_write_a_second(make_redis, make_watch):
    """A single save point that fires again and again, for ten of its periods.

    rdb.stale's own minute is out of the way: one and a half periods count.
    """
    server = make_redis(save="3 1")
    watch = make_watch(server, incidents=["rdb.stale warning=1s"])
    end = time.monotonic() + 10 * 3
    while time.monotonic() < end:
        server.call("INCR", "a")
        let_pass(1)
    assert len(watch.notices.all("rdb.save_finished")) >= 6
    assert watch.notices.alarms() == []


def test_diskless_syncs(make_redis, make_watch):
    """Full syncs without disk, one of them slow: no save, at neither end."""
    master = make_redis(*DISKLESS, save="3600 1")
    replica = make_redis("--appendonly", "yes", save="3600 1")
    watch = make_watch({"master": master, "replica": replica}, incidents=[
        "rdb.save_slow warning=1s", "rdb.save_stuck for=1s factor=1 keys=1"])
    master.call("SET", "a", 1)
    replica.call("REPLICAOF", "127.0.0.1", master.port)
    in_sync(replica)
    watch.notices.wait("role.switched", kind="fact", severity="info",
                       target="replica", timeout=WHILE_S)
    master.call("DEBUG", "POPULATE", 8000)
    master.call("CONFIG", "SET", "rdb-key-save-delay", 400)
    replica.call("REPLICAOF", "NO", "ONE")
    replica.call("SET", "b", 1)
    replica.call("REPLICAOF", "127.0.0.1", master.port)
    eventually(lambda: int(info(master, "stats")["sync_full"]) == 2)
    first_shown(master, lambda fields:
                int(fields["rdb_current_bgsave_time_sec"]) >= 3, timeout=10)
    in_sync(replica)
    watch.samples("replica", 2)
    assert watch.notices.all("rdb.save_*", target="master") == []
    assert watch.notices.alarms() == []


@pytest.mark.since("6.2", "loading-process-events-interval-bytes")
def test_replica_that_loads_at_first(make_redis, make_watch):
    """A replica that loads for a while at its first sync."""
    master = make_redis(*DISKLESS, save="3600 1")
    master.call("DEBUG", "POPULATE", 10000)
    replica = make_redis("--key-load-delay", 200,
                         "--loading-process-events-interval-bytes", 1024,
                         save="3600 1")
    watch = make_watch({"master": master, "replica": replica})
    replica.call("REPLICAOF", "127.0.0.1", master.port)
    watch.notices.wait("load.started", kind="fact", target="replica")
    watch.notices.wait("load.finished", kind="fact", target="replica",
                       timeout=15)
    watch.samples("replica", 2)
    assert watch.notices.alarms() == []


def test_planned_restart(make_redis, make_watch):
    """STOP, a restart with nothing left, START: the operator knows."""
    server = make_redis(save="3600 1")
    server.call("DEBUG", "POPULATE", 1000)
    watch = make_watch(server)
    watch.daemon.do("STOP")
    server.restart()
    assert server.call("DBSIZE") == 0
    let_pass(2)
    watch.daemon.do("START")
    watch.notices.wait("target.started", kind="fact", count=2)
    let_pass(WHILE_S)
    assert watch.notices.all("server.restarted*") == []
    assert watch.notices.all("link.*") == []
    assert watch.notices.alarms() == []


@pytest.mark.since("6.2", "FAILOVER")
def test_failover(make_redis, make_watch):
    """An orderly failover: both ends change their roles, and nothing else."""
    options = *DISKLESS, "--appendonly", "yes"
    first = make_redis(*options, save="3600 1")
    second = make_redis(*options, save="3600 1")
    first.call("SET", "a", 1)
    second.call("REPLICAOF", "127.0.0.1", first.port)
    in_sync(second)
    eventually(lambda: b"state=online" in first.call("INFO", "replication"))
    watch = make_watch({"first": first, "second": second})
    first.call("FAILOVER")
    in_sync(first)
    for target, role in ("first", "slave"), ("second", "master"):
        switched = watch.notices.wait("role.switched", kind="fact",
                                      target=target, timeout=WHILE_S)
        assert switched.server["role"] == role
        assert switched.severity == "info"
    let_pass(WHILE_S)
    assert watch.notices.alarms() == []
