"""The state file: what pinfod learnt outlives it."""

import json
import os
import stat

import pytest

from harness import eventually, temporary_directory


@pytest.fixture
def place(closing):
    """A directory of its own for the state."""
    made = temporary_directory("state")
    yield made
    for entry in made.iterdir():
        entry.unlink()
    made.rmdir()


@pytest.fixture
def failing(make_redis):
    """A server whose saves fail until its dump.rdb is no directory any more."""
    server = make_redis("--save", "3600 1")
    (server.dir / "dump.rdb").mkdir()
    server.client().set("a", "b")
    return server


def state_of(place):
    return json.loads((place / "state.json").read_text())


def incidents(daemon):
    return json.loads(daemon.do("INCIDENTS", "JSON"))


def raise_one(daemon, server):
    server.client().bgsave()
    return eventually(
        lambda: [n for n in incidents(daemon) if n["incident"] == "rdb.save_failed"],
        5, what="rdb.save_failed is open")[0]


def test_survives_a_kill(failing, make_daemon, place):
    """The incident is the same one, acknowledged as it was; so are the silences."""
    env = {"STATE_DIRECTORY": str(place)}
    daemon = make_daemon(failing, env=env)
    raised = raise_one(daemon, failing)
    assert daemon.do("ACK", "default", "rdb.save_failed") == "OK"
    assert daemon.do("SILENCE", "aof.*", "*", "1h") == "OK"
    eventually(lambda: (place / "state.json").exists() and
               "aof.*" in (place / "state.json").read_text(), 10)
    mode = stat.S_IMODE(os.stat(place / "state.json").st_mode)
    assert mode == 0o600
    daemon.kill()

    again = make_daemon(failing, env=env)
    found = eventually(lambda: incidents(again), 5)[0]
    assert (found["id"], found["acked"]) == (raised["id"], True)
    silences = json.loads(again.do("SILENCES", "JSON"))
    assert [s["incidents"] for s in silences] == ["aof.*"]


def test_written_at_the_end(failing, make_daemon, place):
    """SIGTERM before the first write is due: all is there."""
    daemon = make_daemon(failing, env={"STATE_DIRECTORY": str(place)})
    raise_one(daemon, failing)
    daemon.terminate()
    assert daemon.wait_exit() == 0
    assert list(state_of(place)["targets"]["default"]["open"]) == ["rdb.save_failed"]
    assert sorted(p.name for p in place.iterdir()) == ["state.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 99, "targets": {}}'])
def test_damaged(text, fake, make_daemon, place):
    """It is set aside, and pinfod starts without."""
    (place / "state.json").write_text(text)
    daemon = make_daemon(fake, env={"STATE_DIRECTORY": str(place)})
    assert daemon.log_lines(r"state: .*state\.json cannot be used: .*damaged")
    assert (place / "state.json.damaged").read_text() == text
    daemon.wait_status(state="up")


def test_no_directory(fake, make_daemon, place):
    """It works without, and says so once."""
    daemon = make_daemon(fake, env={"STATE_DIRECTORY": "/proc/nowhere"})
    daemon.wait_status(state="up")
    assert len(daemon.log_lines("state: cannot be kept in /proc/nowhere")) == 1


def test_one_owner(fake, make_daemon, place):
    """A second pinfod on the same directory keeps nothing, and works."""
    env = {"STATE_DIRECTORY": str(place)}
    first = make_daemon(fake, env=env)
    second = make_daemon(fake, env=env)
    second.wait_status(state="up")
    assert second.log_lines(rf"is kept by another pinfod, pid {first.pid}\b")


def test_full_disk(failing, make_daemon, place):
    """Told once, and once when it works again; nothing is lost meanwhile."""
    # A directory in the new file's place: it fails as a full disk does.
    blocker = place / "state.json.new"
    blocker.mkdir()
    daemon = make_daemon(failing, env={"STATE_DIRECTORY": str(place)})
    raise_one(daemon, failing)
    daemon.wait_log(r"error: state: cannot open|state: cannot open", 10)
    blocker.rmdir()
    daemon.wait_log("state: .* is written again", 12)
    assert len(daemon.log_lines("state: cannot")) == 1
    assert "rdb.save_failed" in state_of(place)["targets"]["default"]["open"]
