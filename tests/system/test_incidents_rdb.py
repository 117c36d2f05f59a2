"""Incidents of RDB files and of forks: brought about, told, cured, cleared.

Where hours would pass the thresholds are scaled down by configuration, and the
test says to what.  Nothing else is made easier for the daemon.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import threading
import time

import pytest

from harness import (
    SLOW, ReplyError, Resp, cancel_save, eventually, first_shown, info,
    save_child, slow_save,
)

BLOCKER = pathlib.Path(__file__).parent / "harness" / "blocker.c"


def failed(fields):
    return fields["rdb_last_bgsave_status"] == "err"


def succeeded(fields):
    return fields["rdb_last_bgsave_status"] == "ok"


def idle(fields):
    return fields["rdb_bgsave_in_progress"] == "0"


def cure(server, watch):
    """A save that succeeds, and with it the end of rdb.save_failed."""
    server.call("BGSAVE")
    shown = first_shown(server, succeeded)
    cleared = watch.notices.in_time("rdb.save_failed", shown, kind="cleared")
    assert cleared.at_risk["operations"] == 0
    assert watch.open() in ([], ["persistence.off"])


# rdb.save_failed


@pytest.mark.since("6.2", "total_forks")
def test_child_failed(make_redis, make_watch, make_notices):
    """The file cannot be put in place: critical, and it says that it was
    the child.  Subscribers on the server hear the same, byte for byte."""
    server = make_redis(save="3600 1")
    watch = make_watch(server)
    on_redis = make_notices(server)
    (server.dir / "dump.rdb").mkdir()
    for key in "abc":
        server.call("SET", key, 1)
    server.call("BGSAVE")
    shown = first_shown(server, failed)
    found = watch.notices.in_time("rdb.save_failed", shown, kind="raised")
    assert found.severity == "critical"
    assert "its child ended with an error; 3 changes not saved" in found.summary
    assert found.figures["changes"] == found.at_risk["operations"] == 3
    assert found.figures["attempts"] == 1
    assert "CONFIG GET dir" in found.advice
    (server.dir / "dump.rdb").rmdir()
    cure(server, watch)
    on_redis.wait("rdb.save_failed", kind="cleared")
    assert [notice.data for notice in on_redis.all("rdb.save_failed")] \
        == [notice.data for notice in watch.notices.all("rdb.save_failed")]


@pytest.mark.since("6.2", "total_forks")
def test_child_killed(make_redis, make_watch):
    """kill -9 of the child, as the kernel does when memory is short."""
    server = make_redis(save="3600 1")
    watch = make_watch(server)
    os.kill(slow_save(server), signal.SIGKILL)
    shown = first_shown(server, failed)
    found = watch.notices.in_time("rdb.save_failed", shown, kind="raised")
    assert found.severity == "critical"
    assert "its child ended" in found.summary
    server.call("CONFIG", "SET", "rdb-key-save-delay", 0)
    cure(server, watch)


@pytest.mark.since("6.2", "total_forks")
def test_fork_failed(make_redis, make_watch, shim):
    """No memory for the fork: critical, and it says that it was the fork."""
    server = make_redis(save="3600 1", env=shim.env)
    watch = make_watch(server)
    server.call("SET", "a", 1)
    shim.set("fork fail")
    with pytest.raises(ReplyError):
        server.call("BGSAVE")
    shown = first_shown(server, failed)
    found = watch.notices.in_time("rdb.save_failed", shown, kind="raised")
    assert found.severity == "critical"
    assert "the fork failed; 1 change not saved" in found.summary
    assert "overcommit" in found.advice
    shim.set()
    cure(server, watch)


@pytest.mark.parametrize("cause", ["child", "fork"])
@pytest.mark.since("6.2", "total_forks")
def test_failed_without_save_points(cause, make_redis, make_watch, shim):
    """Nobody relies on saves there, and no write is refused: a warning."""
    server = make_redis(env=shim.env)
    watch = make_watch(server)
    server.call("SET", "a", 1)
    shim.set("fork fail" if cause == "fork" else "write full */temp-*.rdb")
    with contextlib.suppress(ReplyError):
        server.call("BGSAVE")
    shown = first_shown(server, failed)
    found = watch.notices.in_time("rdb.save_failed", shown, kind="raised")
    assert found.severity == "warning"
    assert cause in found.summary
    shim.set()
    cure(server, watch)


@pytest.fixture
def small_disk(make_redis):
    """A server whose directory is a disk of 256 KiB.  Only root can mount."""
    server = make_redis(save="3600 1", start=False)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "pinfod-test",
                    server.dir], check=True)
    try:
        yield server.start()
        server.kill()
    finally:
        subprocess.run(["umount", server.dir], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_disk_full(small_disk, make_watch):
    """A disk that is really full, until there is less to save."""
    watch = make_watch(small_disk)
    # Does not shrink: half a MiB, of which LZF can make nothing.
    for number in range(50):
        small_disk.call("SET", f"key:{number}", os.urandom(10000))
    small_disk.call("BGSAVE")
    shown = first_shown(small_disk, failed)
    found = watch.notices.in_time("rdb.save_failed", shown, kind="raised")
    assert found.severity == "critical"
    assert "free space" in found.advice
    small_disk.call("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
    small_disk.call("FLUSHALL")
    cure(small_disk, watch)


# saves that take long


@pytest.mark.since("6.2", "current_save_keys_processed")
def test_save_stuck(make_redis, make_watch):
    """A child that is stopped after two steps: for=3s (1 min), factor=1 (5)."""
    server = make_redis(save="3600 1")
    watch = make_watch(server, incidents=["rdb.save_stuck for=3s factor=1"])
    child = slow_save(server)
    seen = {}

    def step(fields):
        """Whether it has made a step; seen has all, and when."""
        done = int(fields["current_save_keys_processed"])
        return done not in seen and (seen.update({done: time.monotonic()})
                                     or len(seen) > 3)

    first_shown(server, step, timeout=10)
    os.kill(child, signal.SIGSTOP)
    # One more step may be on its way to the server.
    eventually(lambda: step(info(server)) and False
               or watch.notices.all("rdb.save_stuck"), 8)
    found = watch.notices.in_time("rdb.save_stuck", max(seen.values()), 3,
                                  kind="raised")
    assert found.severity == "critical"
    assert found.figures["keys_saved"] == max(seen)
    assert found.figures["keys_total"] == 20001
    assert found.figures["still_s"] >= 3 - 0.1
    assert "kill -USR1" in found.advice
    assert "kill -9 would mark it failed" in found.advice
    os.kill(child, signal.SIGCONT)
    shown = first_shown(server, step)
    watch.notices.in_time("rdb.save_stuck", shown, kind="cleared")
    cancel_save(child)
    first_shown(server, idle)
    watch.samples()
    assert watch.notices.alarms("rdb.save_stuck") == []


@pytest.mark.since("6.2", "current_save_keys_processed")
def test_save_slow(make_redis, make_watch):
    """A save that runs long: a warning at 2 s (2 min), critical at 4 (10 min),
    till it is cancelled."""
    def runs(seconds):
        return lambda fields: \
            int(fields["rdb_current_bgsave_time_sec"]) >= seconds

    server = make_redis(save="3600 1")
    watch = make_watch(server,
                       incidents=["rdb.save_slow warning=2s critical=4s"])
    child = slow_save(server)
    shown = first_shown(server, runs(2))
    found = watch.notices.in_time("rdb.save_slow", shown, kind="raised")
    assert found.severity == "warning"
    assert found.figures["seconds"] in (2, 3)
    assert 0 < found.figures["keys_saved"] < found.figures["keys_total"]
    shown = first_shown(server, runs(4))
    found = watch.notices.in_time("rdb.save_slow", shown, kind="changed")
    assert found.severity == "critical"
    cancel_save(child)
    shown = first_shown(server, idle)
    watch.notices.in_time("rdb.save_slow", shown, kind="cleared")
    assert watch.notices.alarms("rdb.save_slow") == []


def test_save_facts(make_redis, make_watch):
    """A save is told when it begins and when it ends, with its figures."""
    server = make_redis(save="3600 1")
    watch = make_watch(server)
    slow_save(server, keys=3000, delay_us=400)
    shown = first_shown(server, lambda fields: not idle(fields))
    begun = watch.notices.in_time("rdb.save_started", shown, kind="fact")
    assert begun.severity == "info"
    assert begun.figures["changes"] >= 1
    first_shown(server, idle)
    took = int(info(server)["rdb_last_bgsave_time_sec"])
    ended = watch.notices.in_time("rdb.save_finished", time.monotonic(),
                                  kind="fact")
    assert ended.figures["seconds"] == took >= 1
    assert ended.figures["keys"] == 3001
    assert ended.figures["cow_bytes"] > 0
    assert ended.at_risk == {"seconds": 0, "operations": 0, "bytes": 0}
    assert watch.notices.alarms() == []


# saves that do not come


def age_s(fields):
    """Since the last save; the server's clock is ours."""
    return time.time() - int(fields["rdb_last_save_time"])


def test_stale(make_redis, make_watch):
    """Changes that nobody saves: a warning at 4 s (2 h), critical at 7 (24 h)
    of age."""
    server = make_redis()
    watch = make_watch(server, incidents=["rdb.stale warning=4s critical=7s"],
                       expect="rdb")
    server.call("BGSAVE")
    watch.notices.wait("rdb.save_finished", kind="fact")
    for key in "abc":
        server.call("SET", key, 1)
    shown = first_shown(server, lambda fields: age_s(fields) >= 4)
    found = watch.notices.in_time("rdb.stale", shown, kind="raised")
    assert found.severity == "warning"
    assert found.figures["changes"] == found.at_risk["operations"] == 3
    assert 4 <= found.figures["save_age_s"] <= 5.3 * SLOW
    assert found.at_risk["seconds"] == pytest.approx(
        found.figures["save_age_s"], abs=0.1)
    assert "BGSAVE" in found.advice
    shown = first_shown(server, lambda fields: age_s(fields) >= 7)
    found = watch.notices.in_time("rdb.stale", shown, kind="changed")
    assert found.severity == "critical"
    server.call("BGSAVE")
    shown = first_shown(
        server, lambda fields: fields["rdb_changes_since_last_save"] == "0")
    watch.notices.in_time("rdb.stale", shown, kind="cleared")
    assert watch.notices.alarms("rdb.stale", "persistence.off") == []


def test_never_saved(make_redis, make_watch):
    """Changes since the start, and no save at all: a warning at 4 s (2 h)."""
    server = make_redis()
    watch = make_watch(server, incidents=["rdb.stale warning=4s"])
    server.call("SET", "a", 1)
    shown = first_shown(server,
                        lambda fields: int(fields["uptime_in_seconds"]) >= 4,
                        "server")
    found = watch.notices.in_time("rdb.never_saved", shown, kind="raised")
    assert found.severity == "warning"
    assert found.figures["changes"] == 1
    assert 4 <= found.figures["uptime_s"] <= 5.3 * SLOW
    server.call("BGSAVE")
    shown = first_shown(
        server, lambda fields: fields["rdb_changes_since_last_save"] == "0")
    watch.notices.in_time("rdb.never_saved", shown, kind="cleared")
    assert watch.notices.alarms("rdb.never_saved", "persistence.off") == []


class Looping:
    """Replicas that begin a full sync, leave it when it comes, and begin anew.

    There are so many that one always waits: so no save gets its turn.
    """

    def __init__(self, server, count=4):
        self._server = server
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._loop, daemon=True)
                         for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _loop(self):
        while not self._over.is_set():
            with contextlib.suppress(OSError, EOFError), \
                    Resp(self._server.address) as link:
                link.call("REPLCONF", "capa", "eof", "capa", "psync2")
                link.send("PSYNC", "?", -1)
                got = 0
                # The dump's first bytes: then it is no longer waiting.
                while got < 200:
                    got += len(link.sock.recv(4096)) or 200

    def close(self):
        self._over.set()
        for thread in self._threads:
            thread.join(10 * SLOW)


@pytest.mark.since("6.2", "syncs that follow one another at once")
def test_save_starved(make_redis, make_watch, closing):
    """Replicas that sync in a loop keep a save that is due from beginning:
    for=4s (10 min)."""
    server = make_redis("--repl-diskless-sync", "yes",
                        "--repl-diskless-sync-delay", 0, save="1 1")
    server.call("DEBUG", "POPULATE", 2000)
    server.call("SAVE")
    server.call("CONFIG", "SET", "rdb-key-save-delay", 200)
    watch = make_watch(server, incidents=["save.starved for=4s"])
    replicas = closing(Looping(server))
    eventually(lambda: int(info(server, "stats")["sync_full"]) >= 3)
    server.call("SET", "a", 1)
    saved = info(server)["rdb_last_save_time"]
    shown = first_shown(
        server, lambda fields: int(fields["rdb_changes_since_last_save"]) > 0)
    found = watch.notices.in_time("save.starved", shown, 4, kind="raised")
    assert info(server)["rdb_last_save_time"] == saved, "none ended"
    assert found.severity == "critical"
    assert found.figures["full_syncs"] >= 3
    assert found.figures["seconds"] >= 4 - 0.1
    assert "client-output-buffer-limit" in found.advice
    replicas.close()
    server.call("CONFIG", "SET", "rdb-key-save-delay", 0)
    shown = first_shown(
        server, lambda fields: fields["rdb_last_save_time"] != saved,
        timeout=10)
    watch.notices.in_time("save.starved", shown, kind="cleared")
    assert watch.notices.alarms("save.starved") == []


# forks


@pytest.mark.parametrize("severity", ["warning", "critical"])
def test_fork_slow(severity, make_redis, make_watch, shim):
    """A fork of 200 ms.  That is far over 100 ms a GB for so small a server:
    for a warning critical is set higher."""
    server = make_redis(save="3600 1", env=shim.env)
    watch = make_watch(server, incidents=[
        "fork.slow critical=1000000" if severity == "warning"
        else "fork.slow on"])
    shim.set("fork delay 200")
    server.call("BGSAVE")
    shown = first_shown(
        server, lambda fields: int(fields["latest_fork_usec"]) >= 200000,
        "stats")
    found = watch.notices.in_time("fork.slow", shown, kind="raised")
    assert found.severity == severity
    assert 200 <= found.figures["fork_ms"] < 200 + 100 * SLOW
    assert found.figures["rss_bytes"] > 1e6
    assert "transparent huge pages" in found.advice
    shim.set()
    # Before 7.0 only its second tells a save from the one before.
    first_shown(server, lambda fields: idle(fields)
                and int(fields["rdb_last_save_time"]) < int(time.time()))
    server.call("BGSAVE")
    shown = first_shown(
        server, lambda fields: int(fields["latest_fork_usec"]) < 100000,
        "stats")
    watch.notices.in_time("fork.slow", shown, kind="cleared")


@pytest.mark.since("6.2", "current_cow_size")
def test_fork_memory(make_redis, make_watch):
    """Nearly all keys change during a save, where memory_limit leaves as much
    as a third of them."""
    server = make_redis(save="3600 1")
    server.call("DEBUG", "POPULATE", 20000, "key", 1000)
    # The server looks at its own size ten times a second.
    first_shown(server, lambda fields: int(fields["used_memory_rss"])
                > int(fields["used_memory"]), "memory")
    rss = int(info(server, "memory")["used_memory_rss"])
    watch = make_watch(server, memory_limit=str(rss + (8 << 20)))
    server.call("CONFIG", "SET", "rdb-key-save-delay", 300)
    server.call("BGSAVE")
    child = save_child(server)
    with server.resp() as writer:
        for number in range(18000):
            writer.send("SETRANGE", f"key:{number}", 0, "changed")
        for number in range(18000):
            writer.read()
    shown = first_shown(server, lambda fields: int(fields["current_cow_size"])
                        >= 0.85 * (8 << 20), timeout=10)
    found = watch.notices.in_time("fork.memory", shown, severity="critical")
    assert found.kind in ("raised", "changed")
    assert found.figures["cow_bytes"] >= 6 << 20
    assert found.figures["percent"] >= 85
    assert 7 << 20 <= found.figures["headroom_bytes"] <= 9 << 20
    assert "memory_limit" in found.advice
    cancel_save(child)
    shown = first_shown(server, idle)
    watch.notices.in_time("fork.memory", shown, kind="cleared")


@pytest.fixture
def blocker(tmp_path):
    """A module whose command forks a child that does nothing, and for long."""
    library = tmp_path / "blocker.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, BLOCKER],
                   check=True)
    return library


def test_module_fork_blocking(make_redis, make_watch, blocker):
    """A module's child that runs and runs: for=3s (10 min)."""
    server = make_redis("--loadmodule", blocker, save="3600 1")
    watch = make_watch(server, incidents=["module.fork_blocking for=3s"])
    server.call("SET", "a", 1)
    server.call("BLOCKER.FORK")
    shown = first_shown(
        server, lambda fields: fields["module_fork_in_progress"] == "1")
    found = watch.notices.in_time("module.fork_blocking", shown, 3,
                                  kind="raised")
    assert found.severity == "warning"
    assert found.figures["seconds"] >= 3 - 0.1
    assert found.figures["changes"] == 1
    os.kill(save_child(server), signal.SIGKILL)
    shown = first_shown(
        server, lambda fields: fields["module_fork_in_progress"] == "0")
    watch.notices.in_time("module.fork_blocking", shown, kind="cleared")
    assert watch.notices.alarms("module.fork_blocking") == []
