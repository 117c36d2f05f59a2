"""A target that is at another address: after a reload, and after pinfod's own restart."""

import pytest

from harness import conf_target, eventually, free_port

OPTIONS = {"name": "server", "interval": "1s"}


@pytest.fixture(params=["reload", "restart"])
def move(request):
    """move(watch, server): the target is there, and its first samples were taken."""
    def moved(watch, server, url=None):
        watch.conf.targets(conf_target(url or server, **OPTIONS))
        if request.param == "restart":
            watch.stop()
            watch.start()
        else:
            assert watch.daemon.do("RELOAD") == "OK"
        known(watch, server)

    return moved


def run_id(server):
    return server.client().info("server")["run_id"]


def known(watch, server):
    """It is up, and the wide sections were heard."""
    eventually(lambda: [
        n for n in watch.notices.all("heartbeat")[-1:]
        if n.server["run_id"] == run_id(server) and n.summary == "up"
    ], 10, what="a heartbeat of the server")
    watch.samples()


@pytest.fixture
def failing(make_redis):
    """A master of 100 keys, with an incident: its saves fail."""
    server = make_redis(save="3600 1000000", unix=True)
    server.call("DEBUG", "POPULATE", 100)
    (server.dir / "dump.rdb").mkdir()
    return server


@pytest.fixture
def watch(failing, make_watch):
    watch = make_watch(failing, interval="1s")
    known(watch, failing)
    failing.client().bgsave()
    watch.notices.wait("rdb.save_failed", kind="raised")
    return watch


def test_another_server(watch, failing, move, make_redis):
    """Empty, younger, a replica of another one: it is told of what it does, no more."""
    other = make_redis("--replicaof", "127.0.0.1", free_port(), save="3600 1000000")
    move(watch, other)
    told = [(n.kind, n.incident) for n in watch.notices.all()
            if n.severity != "info" and n.kind != "open"]
    assert told[-1:] == [("cleared", "rdb.save_failed")], told
    cleared = watch.notices.all("rdb.save_failed", kind="cleared")[0]
    assert cleared.summary.startswith("another server is watched after ")
    for fact in ("server.restarted*", "role.switched", "stats.reset", "load.*"):
        assert watch.notices.all(fact) == []
    assert watch.open() == []

    # And from then on it is the one that is known.
    before = run_id(other)
    other.stop()
    other.start()
    told = watch.notices.wait("server.restarted", timeout=10)
    assert told.server["run_id"] not in (before, run_id(failing))
    assert watch.notices.all("server.restarted_empty") == []


def test_told_where_it_was(watch, failing, make_redis, make_notices):
    """Who listens on the old server learns that nobody watches it any more."""
    there = make_notices(failing)
    known(watch, failing)
    watch.conf.targets(conf_target(make_redis(), **OPTIONS))
    assert watch.daemon.do("RELOAD") == "OK"
    cleared = there.wait("rdb.save_failed", kind="cleared")
    assert cleared.server["address"] == f"127.0.0.1:{failing.port}"
    assert cleared.server["run_id"] == run_id(failing)


def test_the_same_server_by_another_road(watch, failing, move):
    """It cannot be told from another one before it answers: what is wrong is told anew."""
    move(watch, failing, url=f"unix://{failing.path}")
    assert watch.notices.wait("rdb.save_failed", kind="cleared")
    eventually(lambda: [n for n in watch.notices.all("rdb.save_failed", kind="raised")
                        if n.server["address"] == failing.path])
    assert watch.notices.all("server.restarted*") == []


def test_taken_back(watch, failing, move):
    """An address where nothing answers; then the old one: nothing is forgotten."""
    nowhere = f"redis://127.0.0.1:{free_port()}"
    watch.conf.targets(conf_target(nowhere, **OPTIONS))
    assert watch.daemon.do("RELOAD") == "OK"
    status = watch.daemon.status_target("server")
    assert status["address"] == nowhere.removeprefix("redis://")
    for unknown in ("server", "server_version", "role", "replication_id"):
        assert status[unknown] is None
    assert set(status["at_risk"].values()) == {None}
    assert status["blind"] == []
    watch.notices.wait("link.down", kind="raised", timeout=10)

    (failing.dir / "dump.rdb").rmdir()
    before = run_id(failing)
    failing.stop()
    failing.start()
    move(watch, failing)
    assert run_id(failing) != before
    assert watch.notices.wait("server.restarted").figures["keys_before"] == 100
