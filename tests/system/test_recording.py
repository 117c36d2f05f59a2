"""pinfoctl record: what servers say, so that it can be replayed."""

import json
import os
import pathlib
import signal
import subprocess

import pytest

from harness import (
    SLOW, clean_environment, die_with_parent, eventually, pinfod_binary,
    run_pinfod,
)

DONE, REFUSED, USAGE, NO_DAEMON, NO_OUTPUT = 0, 1, 64, 69, 74


class Recorder:
    """A running `pinfoctl record`."""

    def __init__(self, daemon, *args):
        ctl = pathlib.Path(pinfod_binary()).with_name("pinfoctl")
        self.process = subprocess.Popen(
            [ctl, "-s", daemon.control_path, "record", *map(str, args)],
            env=clean_environment(daemon.dir), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=die_with_parent,
        )

    def begun(self):
        line = self.process.stderr.readline()
        assert line.startswith("pinfoctl: recording to "), line
        return self

    def end(self, number=signal.SIGINT):
        """(exit code, stdout, stderr)"""
        if number:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=10 * SLOW)
        return self.process.returncode, out, err

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def server(make_redis):
    """One that saves, so that nothing is to be told of it."""
    return make_redis(save="3600 1")


@pytest.fixture
def record(closing):
    return lambda daemon, *args: closing(Recorder(daemon, *args))


def replay(path, *args):
    """(exit code, notices)"""
    done = run_pinfod("--replay", path, "--json", *args)
    return done.returncode, [json.loads(n) for n in done.stdout.splitlines()]


def told(notices, prefix):
    """What is the same in a replay."""
    return [(n["kind"], n["incident"], n["severity"], n["summary"], n["at"])
            for n in notices if n["incident"].startswith(prefix)]


def live(feed):
    return [json.loads(data) for data in feed.data]


def test_save_tells_the_same(server, make_daemon, make_feed, record, tmp_path):
    with server.resp() as connection:
        connection.call("DEBUG", "POPULATE", "3000")
        connection.call("CONFIG", "SET", "rdb-key-save-delay", "500")
    daemon = make_daemon(server, "-i", "0.5", "--sample", "0.25")
    notices = make_feed(daemon, "pinfo:notice")
    daemon.wait_status(state="up")
    recorder = record(daemon, tmp_path / "file").begun()

    # Not before it has seen the server as it is.
    eventually(lambda: " wide " in (tmp_path / "file").read_text(), 10)
    server.call("BGSAVE")
    eventually(lambda: told(live(notices), "rdb.save_finished"), 15)
    code, out, err = recorder.end()

    assert (code, err) == (DONE, "")
    assert "entries of" in out and "recorded" in out
    code, again = replay(tmp_path / "file")
    assert code == 0
    assert told(again, "rdb.") == told(live(notices), "rdb.")
    assert [n["incident"] for n in again if n["incident"].startswith("rdb.")] == [
        "rdb.save_started", "rdb.save_finished"]


def test_incident_tells_the_same(server, make_daemon, make_feed, record, tmp_path):
    # Tenths are told of how long it was: half of one would be rounded either way.
    daemon = make_daemon(server, "-i", "0.4", "--sample", "0.2")
    notices = make_feed(daemon, "pinfo:notice")
    daemon.wait_status(state="up")
    recorder = record(daemon, tmp_path / "file", "default").begun()
    eventually(lambda: " wide " in (tmp_path / "file").read_text(), 10)

    (server.dir / "dump.rdb").mkdir()
    server.call("BGSAVE")
    eventually(lambda: told(live(notices), "rdb.save_failed"))
    (server.dir / "dump.rdb").rmdir()
    server.call("BGSAVE")
    eventually(lambda: len(told(live(notices), "rdb.save_failed")) == 2)
    assert recorder.end()[0] == DONE

    code, again = replay(tmp_path / "file")
    assert code == 1
    assert told(again, "rdb.save_failed") == told(live(notices), "rdb.save_failed")
    assert [n["kind"] for n in again if n["incident"] == "rdb.save_failed"] == [
        "raised", "cleared"]


def test_emptied_tells_the_same(server, make_daemon, make_feed, record, tmp_path):
    """No line but a heading tells that there are no keys."""
    server.call("DEBUG", "POPULATE", "100")
    server.call("SAVE")
    daemon = make_daemon(server, "-i", "0.5", "--sample", "0.25")
    notices = make_feed(daemon, "pinfo:notice")
    daemon.wait_status(state="up")
    recorder = record(daemon, tmp_path / "file").begun()
    eventually(lambda: "\ndb0:keys=100," in (tmp_path / "file").read_text(), 10)
    server.kill()
    (server.dir / "dump.rdb").unlink()
    server.start()
    eventually(lambda: told(live(notices), "server.restarted_empty"), 15)
    assert recorder.end()[0] == DONE
    code, again = replay(tmp_path / "file")
    assert code == 1
    assert (told(again, "server.restarted_empty")
            == told(live(notices), "server.restarted_empty"))


def test_server_away(server, make_daemon, make_feed, record, tmp_path):
    daemon = make_daemon(server, "-i", "0.5", "--sample", "0.25")
    notices = make_feed(daemon, "pinfo:notice")
    daemon.wait_status(state="up")
    recorder = record(daemon, tmp_path / "file").begun()
    eventually(lambda: " narrow " in (tmp_path / "file").read_text())
    server.kill()
    eventually(lambda: told(live(notices), "link.down"), 10)
    server.start()
    eventually(lambda: len(told(live(notices), "link.down")) == 2, 30)
    assert recorder.end()[0] == DONE
    code, again = replay(tmp_path / "file")
    assert code == 1
    assert [n["kind"] for n in again if n["incident"] == "link.down"] == [
        "raised", "cleared"]
    assert " link default down " in (tmp_path / "file").read_text()


def test_to_stdout(server, make_daemon, record):
    daemon = make_daemon(server, "-i", "0.2", "--sample", "0.1")
    code, out, err = record(daemon, "--for", "1", "-").end(None)
    assert code == DONE
    assert out.startswith("pinfod-recording 1\n@ 0.000 ")
    assert out.endswith("\n") and " narrow default\n" in out
    assert "entries of" in err


def test_json_says_how_much(server, make_daemon, record, tmp_path):
    daemon = make_daemon(server, "-i", "0.2", "--sample", "0.1")
    code, out, err = record(daemon, "--json", "--for", "700ms",
                            tmp_path / "file").end(None)
    said = json.loads(out)
    assert (code, err) == (DONE, "")
    text = (tmp_path / "file").read_text()
    assert said["entries"] == text.count("\n@ ") > 1
    assert said["left_out"] == 0 and 0 < said["seconds"] < 1


def test_overwrites_nothing(server, make_daemon, record, tmp_path):
    (tmp_path / "file").write_text("precious")
    code, out, err = record(make_daemon(server), tmp_path / "file").end(None)
    assert (code, out) == (NO_OUTPUT, "")
    assert "is there already" in err
    assert (tmp_path / "file").read_text() == "precious"


def test_bad_use(server, make_daemon, record, tmp_path):
    daemon = make_daemon(server)
    code, _, err = record(daemon, tmp_path / "file", "nobody").end(None)
    assert code == REFUSED and "there is no target 'nobody'" in err
    assert not (tmp_path / "file").exists()
    code, _, err = record(daemon).end(None)
    assert code == USAGE and "record FILE [target ...]" in err
    code, _, err = record(daemon, tmp_path / "no" / "file").end(None)
    assert code == NO_OUTPUT and "No such file or directory" in err
    code, _, err = record(daemon, "--for", "never", "-").end(None)
    assert code == USAGE and "--for" in err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_full_disk(server, make_daemon, record):
    daemon = make_daemon(server, "-i", "0.2")
    ctl = pathlib.Path(pinfod_binary()).with_name("pinfoctl")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [ctl, "-s", daemon.control_path, "record", "-"], stdout=full,
            stderr=subprocess.PIPE, text=True, timeout=10 * SLOW,
            env=clean_environment(daemon.dir),
        )
    assert done.returncode == NO_OUTPUT
    assert "cannot write" in done.stderr


def test_daemon_ends(server, make_daemon, record, tmp_path):
    daemon = make_daemon(server, "-i", "0.2", "--sample", "0.1")
    recorder = record(daemon, tmp_path / "file").begun()
    eventually(lambda: " narrow " in (tmp_path / "file").read_text())
    daemon.terminate()
    assert daemon.wait_exit() == 0
    code, out, err = recorder.end(None)
    assert (code, out) == (NO_DAEMON, "")
    assert "recorded" in err and "the daemon closed the connection" in err
    assert replay(tmp_path / "file")[0] in (0, 1)
