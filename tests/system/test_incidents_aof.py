"""Incidents of the append-only file: brought about, told, cured, cleared."""

import os
import signal
import subprocess
import threading

import pytest

from harness import (
    SLOW, ReplyError, encode, first_shown, info, let_pass, save_child,
)

AOF = "*/appendonly*.aof"               # for shim: the files that are appended to
REWRITE = "*/temp-rewriteaof*"


@pytest.fixture
def aof_server(make_redis, shim):
    """A server with an AOF and nothing else, whose kernel does what shim says."""
    return make_redis("--appendonly", "yes", env=shim.env)


WRITES = [("SET", f"key{i}", "x" * 64) for i in range(50)]
# A write among what keeps a server busy, so that INFO hardly finds it idle.
BUSY = [("SET", "key", "x" * 64)] + [("BITCOUNT", "big")] * 20


class Writer:
    """Pipelines of commands, a pause apart, two on their way, till it is closed."""

    def __init__(self, server, commands=WRITES, pause=0.01):
        self._resp = server.resp()
        self._over = threading.Event()
        self._text = b"".join(encode(*words) for words in commands)
        self._count, self._pause = len(commands), pause
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def _write(self):
        self._resp.send_raw(self._text)
        while not self._over.wait(self._pause):
            self._resp.send_raw(self._text)
            for _ in range(self._count):
                self._resp.read()

    def close(self):
        self._over.set()
        self._thread.join(5 * SLOW)
        self._resp.close()


@pytest.fixture
def make_writer(closing):
    return lambda *args, **options: closing(Writer(*args, **options))


def broken(fields):
    return fields["aof_last_write_status"] == "err"


def whole(fields):
    return fields["aof_last_write_status"] == "ok"


# aof.write_failed

def test_write_failed(aof_server, shim, make_watch):
    watch = make_watch(aof_server)
    shim.set(f"write full {AOF}")
    aof_server.call("SET", "a", "b" * 5000)
    shown = first_shown(aof_server, broken)
    raised = watch.notices.in_time("aof.write_failed", shown, kind="raised")
    assert raised.severity == "critical"
    assert raised.figures["buffer_bytes"] > 5000
    assert "do not restart the server" in raised.advice
    shim.set()                          # the server tries again each second
    shown = first_shown(aof_server, whole)
    cleared = watch.notices.in_time("aof.write_failed", shown, kind="cleared")
    assert cleared.id == raised.id
    assert watch.open() == []


@pytest.fixture
def small_disk(make_redis):
    """A server whose directory is a disk of half a MiB.  Only root can mount."""
    server = make_redis("--appendonly", "yes", start=False)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "pinfod-test",
                    server.dir], check=True)
    yield server.start()
    if server.process:
        server.kill()
    subprocess.run(["umount", server.dir], check=True)


@pytest.mark.since("6.2", "errorstats")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_write_failed_on_a_full_disk(small_disk, make_watch):
    """The same with a disk that is really full, until it is made larger."""
    watch = make_watch(small_disk)
    with pytest.raises(ReplyError, match="MISCONF"):
        for i in range(60):
            small_disk.call("SET", f"key{i}", "x" * 20000)
    shown = first_shown(small_disk, broken)
    watch.notices.in_time("aof.write_failed", shown, kind="raised")
    watch.notices.in_time("writes.refused", shown, kind="raised")
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk.dir], check=True)
    shown = first_shown(small_disk, whole)
    watch.notices.in_time("aof.write_failed", shown, kind="cleared")


def test_write_failed_with_the_aof_off(aof_server, shim, make_watch):
    """The status stays err when the AOF is switched off, and means nothing."""
    watch = make_watch(aof_server)
    shim.set(f"write full {AOF}")
    aof_server.call("SET", "a", "b")
    watch.notices.wait("aof.write_failed", kind="raised")
    aof_server.call("CONFIG", "SET", "save", "3600 1")
    aof_server.call("CONFIG", "SET", "appendonly", "no")
    watch.notices.wait("aof.write_failed", kind="cleared")
    assert info(aof_server)["aof_last_write_status"] == "err"
    late = make_watch(aof_server)
    late.samples(more=2)
    assert late.notices.alarms() == []


# aof.backlog, scaled from 32 MiB for 5 s

def test_backlog_behind_an_fsync(aof_server, shim, make_watch):
    """What is written while an fsync runs waits in memory, for 2 s at most."""
    watch = make_watch(aof_server, sample="200ms",
                       incidents=["aof.backlog size=256KiB for=1s"])
    shim.set("fdatasync delay 4000")
    aof_server.call("SET", "first", "x")
    first_shown(aof_server, lambda f: f["aof_pending_bio_fsync"] == "1")
    aof_server.call("SET", "big", "x" * 1000000)
    shown = first_shown(aof_server, lambda f: int(f["aof_buffer_length"]) > 262144
                        and f["aof_pending_bio_fsync"] == "1")
    raised = watch.notices.in_time("aof.backlog", shown, hold=1, sample=0.2,
                                   kind="raised")
    assert raised.severity == "critical"
    assert raised.figures["buffer_bytes"] > 1000000
    assert raised.figures["pending_fsyncs"] == 1
    shim.set()
    shown = first_shown(aof_server, lambda f: int(f["aof_buffer_length"]) < 131072)
    watch.notices.in_time("aof.backlog", shown, hold=1, sample=0.2, kind="cleared")


def test_backlog_of_failing_writes(aof_server, shim, make_watch):
    """Small, but it does not fall."""
    watch = make_watch(aof_server, sample="200ms",
                       incidents=["aof.backlog size=1MiB for=1s"])
    shim.set(f"write full {AOF}")
    aof_server.call("SET", "a", "x" * 1000)
    shown = first_shown(aof_server, broken)
    raised = watch.notices.in_time("aof.backlog", shown, hold=1, sample=0.2,
                                   kind="raised")
    assert "writing fails" in raised.summary
    shim.set()
    shown = first_shown(aof_server, whole)
    watch.notices.in_time("aof.backlog", shown, hold=1, sample=0.2, kind="cleared")


# aof.fsync_stalled; its clear is scaled from 60 s

STALLED = ["aof.fsync_stalled clear=2s"]


def test_fsync_stalled_by_delayed_writes(aof_server, shim, make_watch, make_writer):
    """After 2 s the server no longer waits for the fsync, and counts that."""
    watch = make_watch(aof_server, incidents=STALLED)
    shim.set("fdatasync delay 3000")
    make_writer(aof_server)
    shown = first_shown(aof_server, lambda f: f["aof_delayed_fsync"] != "0", timeout=9)
    raised = watch.notices.in_time("aof.fsync_stalled", shown, kind="raised")
    assert raised.severity == "warning"
    assert raised.figures["pending_fsyncs"] in (0, 1)
    shim.set()
    cleared = watch.notices.wait("aof.fsync_stalled", kind="cleared", timeout=8)
    assert cleared.figures["duration_s"] >= 2


def test_fsync_stalled_that_delays_nothing(aof_server, shim, make_watch):
    """A single write: no counter rises, but the fsync is there in each repeat."""
    watch = make_watch(aof_server, incidents=STALLED)
    shim.set("fdatasync delay 5000")
    aof_server.call("SET", "a", "b")
    shown = first_shown(aof_server, lambda f: f["aof_pending_bio_fsync"] == "1")
    raised = watch.notices.in_time("aof.fsync_stalled", shown, hold=2.1, kind="raised")
    assert raised.figures["delayed_fsyncs"] == 0
    assert raised.figures["pending_fsyncs"] == 1
    shim.set()
    watch.notices.wait("aof.fsync_stalled", kind="cleared", timeout=8)


def phases(make_watch, server, count):
    """The same server as so many targets, whose samples divide the second."""
    names = [f"phase{i}" for i in range(count)]
    return make_watch(dict.fromkeys(names, server), wait=False, apart=1 / count,
                      channel="pinfo:{name}")


def all_quiet(watch, seconds):
    """Let that time pass; everything was looked at, and nothing raised."""
    let_pass(seconds)
    for target in watch.daemon.status()["targets"]:
        assert target["samples"] >= seconds - 2
    assert watch.notices.alarms() == []


@pytest.mark.parametrize("pause", [0.01, 0.45])
def test_fsyncs_of_150_ms(pause, aof_server, shim, make_watch, make_writer):
    """A slow disk that keeps up raises nothing, at whichever phase of a second.

    They come with the second, so one of seven samplers sees each of them.
    """
    shim.set("fdatasync delay 150")
    make_writer(aof_server, pause=pause)
    watch = phases(make_watch, aof_server, 7)
    first_shown(aof_server, lambda f: f["aof_pending_bio_fsync"] == "1")
    all_quiet(watch, 10)
    assert info(aof_server)["aof_delayed_fsync"] == "0"


def test_pipelined_writes(make_redis, make_watch, make_writer):
    """Ten minutes in the field, 25 s here: INFO runs before the flush.

    The server is busy all the time, and yields to whoever else wants to run.
    """
    server = make_redis("--appendonly", "yes")
    os.setpriority(os.PRIO_PROCESS, server.pid, 15)
    server.call("SET", "big", "x" * 500000)
    make_writer(server, BUSY, pause=0)
    watch = phases(make_watch, server, 3)
    seen = [info(server)["aof_buffer_length"] != "0" for _ in range(20)]
    assert sum(seen) >= 10
    all_quiet(watch, 25)


# aof.rewrite_*

@pytest.mark.since("7.0", "aof_rewrites")
def test_rewrite_failed_in_the_child(aof_server, shim, make_watch):
    """No room for a second copy."""
    watch = make_watch(aof_server)
    shim.set(f"write full {REWRITE}")
    aof_server.call("BGREWRITEAOF")
    shown = first_shown(aof_server, lambda f: f["aof_last_bgrewrite_status"] == "err")
    raised = watch.notices.in_time("aof.rewrite_failed", shown, kind="raised")
    assert raised.severity == "critical"
    assert raised.figures["failures_in_a_row"] == 1
    assert raised.figures["attempts"] >= 1
    shim.set()
    aof_server.call("BGREWRITEAOF")
    shown = first_shown(aof_server, lambda f: f["aof_last_bgrewrite_status"] == "ok")
    watch.notices.in_time("aof.rewrite_failed", shown, kind="cleared")
    finished = watch.notices.wait("aof.rewrite_finished")
    assert finished.figures["seconds"] >= 0


@pytest.mark.since("7.0", "a status of AOF rewrites whose fork failed")
def test_rewrite_failed_by_its_fork(aof_server, shim, make_watch):
    watch = make_watch(aof_server)
    shim.set("fork fail")
    with pytest.raises(ReplyError, match="AOF background rewriting"):
        aof_server.call("BGREWRITEAOF")
    shown = first_shown(aof_server, lambda f: f["aof_last_bgrewrite_status"] == "err")
    watch.notices.in_time("aof.rewrite_failed", shown, kind="raised")
    shim.set()
    aof_server.call("BGREWRITEAOF")
    watch.notices.wait("aof.rewrite_failed", kind="cleared")
    assert watch.notices.all("aof.rewrite_storm") == []


@pytest.mark.since("7.0", "aof_rewrites")
def test_rewrite_storm(aof_server, shim, make_watch):
    """Automatic rewrites whose fork fails come at each turn; clear is scaled."""
    watch = make_watch(aof_server, incidents=["aof.rewrite_storm clear=2s"])
    fields = info(aof_server, "persistence", "stats")
    before, forks = int(fields["aof_rewrites"]), fields["total_forks"]
    shim.set("fork fail")
    aof_server.call("SET", "a", "x" * 1000)
    aof_server.call("CONFIG", "SET", "auto-aof-rewrite-min-size", "1",
                    "auto-aof-rewrite-percentage", "1")
    shown = first_shown(aof_server, lambda f: int(f["aof_rewrites"]) >= before + 3)
    raised = watch.notices.in_time("aof.rewrite_storm", shown, kind="raised")
    assert raised.severity == "critical"
    assert raised.figures["attempts"] >= 3
    assert raised.figures["forks"] == int(forks)
    watch.notices.wait("aof.rewrite_failed", kind="raised")
    aof_server.call("CONFIG", "SET", "auto-aof-rewrite-percentage", "0")
    shim.set()
    aof_server.call("BGREWRITEAOF")
    watch.notices.wait("aof.rewrite_failed", kind="cleared")
    cleared = watch.notices.wait("aof.rewrite_storm", kind="cleared", timeout=12)
    assert cleared.figures["duration_s"] >= 2


def test_rewrite_slow(aof_server, make_watch):
    """Scaled from 10 min to 2 s; a rewrite that is cancelled has not failed."""
    aof_server.call("DEBUG", "POPULATE", "20000")
    aof_server.call("CONFIG", "SET", "rdb-key-save-delay", "1000")
    watch = make_watch(aof_server, incidents=["aof.rewrite_slow warning=2s"])
    aof_server.call("BGREWRITEAOF")
    started = watch.notices.wait("aof.rewrite_started")
    assert started.kind == "fact"
    shown = first_shown(
        aof_server, lambda f: int(f["aof_current_rewrite_time_sec"]) >= 2)
    raised = watch.notices.in_time("aof.rewrite_slow", shown, kind="raised")
    assert raised.severity == "warning"
    assert raised.figures["seconds"] >= 2
    os.kill(save_child(aof_server), signal.SIGUSR1)
    shown = first_shown(aof_server, lambda f: f["aof_rewrite_in_progress"] == "0")
    watch.notices.in_time("aof.rewrite_slow", shown, kind="cleared")
    assert watch.notices.alarms("aof.rewrite_slow") == []


# aof.stopped

# A replica that loads what it receives, and answers meanwhile.
INTO_MEMORY = ["--repl-diskless-load", "swapdb",
               "--loading-process-events-interval-bytes", "1024"]


@pytest.mark.since("6.2", "loading-process-events-interval-bytes")
def test_stopped(make_redis, make_watch):
    """A replica whose master dies while it sends the data, straight into memory.

    The AOF was stopped for that and begins again with the end of the next sync
    only.  Scaled from 30 s.
    """
    master = make_redis("--repl-diskless-sync-delay", "0")
    master.call("DEBUG", "POPULATE", "20000", "key", "1000")
    master.call("SAVE")
    master.call("CONFIG", "SET", "rdb-key-save-delay", "1000")
    replica = make_redis("--appendonly", "yes", *INTO_MEMORY)
    watch = make_watch(replica, incidents=["aof.stopped for=2s"])
    replica.call("REPLICAOF", master.host, master.port)
    first_shown(replica, lambda f: f["aof_enabled"] == "0", timeout=10)
    master.kill()
    shown = first_shown(
        replica, lambda f: f["aof_enabled"] == "0" and f["loading"] == "0"
        and f["master_sync_in_progress"] == "0", "persistence", "replication",
        timeout=10)
    raised = watch.notices.in_time("aof.stopped", shown, hold=2, kind="raised")
    assert raised.severity == "critical"
    assert raised.figures["master_link_up"] == 0
    master.start("--rdb-key-save-delay", "100")
    # Under way it is not over yet.
    first_shown(replica, lambda f: f["loading"] == "1", timeout=10)
    shown = first_shown(replica, lambda f: f["aof_enabled"] == "1", timeout=15)
    cleared = watch.notices.in_time("aof.stopped", shown, kind="cleared")
    assert cleared.time > shown - 0.2
    assert watch.notices.all("persistence.changed") == []


@pytest.mark.since("6.2", "loading-process-events-interval-bytes")
def test_not_stopped_by_a_slow_sync(make_redis, make_watch):
    """The AOF is off while the replica loads, for longer than the threshold."""
    master = make_redis("--repl-diskless-sync-delay", "0",
                        "--rdb-key-save-delay", "500", save="3600 1")
    master.call("DEBUG", "POPULATE", "5000", "key", "1000")
    replica = make_redis("--appendonly", "yes", *INTO_MEMORY)
    watch = make_watch(replica, incidents=["aof.stopped for=1s"])
    replica.call("REPLICAOF", master.host, master.port)
    off = first_shown(replica, lambda f: f["aof_enabled"] == "0", timeout=10)
    on = first_shown(replica, lambda f: f["aof_enabled"] == "1", timeout=20)
    assert on - off > 1.5
    watch.samples(more=2)
    assert watch.notices.alarms() == []


# aof.overgrown

def test_overgrown(make_redis, make_watch):
    """Scaled from 1 GiB for 10 min."""
    server = make_redis("--appendonly", "yes", "--auto-aof-rewrite-percentage", "0")
    watch = make_watch(server, sample="200ms",
                       incidents=["aof.overgrown size=64KiB factor=4 for=1s"])
    for _ in range(10):
        server.call("SET", "a", "x" * 10000)
    shown = first_shown(server, lambda f: int(f["aof_current_size"]) > 65536)
    raised = watch.notices.in_time("aof.overgrown", shown, hold=1, sample=0.2,
                                   kind="raised")
    assert raised.severity == "warning"
    assert raised.figures["aof_bytes"] > 65536
    assert raised.figures["aof_bytes"] > 4 * raised.figures["base_bytes"]
    server.call("BGREWRITEAOF")
    shown = first_shown(server, lambda f: int(f["aof_current_size"]) < 65536)
    watch.notices.in_time("aof.overgrown", shown, sample=0.2, kind="cleared")
