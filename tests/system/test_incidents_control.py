"""INCIDENTS, ACK, SILENCE, UNSILENCE, SILENCES, EXPLAIN, with a real incident."""

import json
import subprocess

import pytest

from harness import ConfFile, ReplyError, conf_target, conf_text, eventually


@pytest.fixture
def failing(make_redis):
    """A server whose saves fail until its dump.rdb is no directory any more."""
    server = make_redis(save="3600 1")
    (server.dir / "dump.rdb").mkdir()
    server.client().set("a", "b")
    return server


@pytest.fixture
def daemon(failing, make_daemon):
    """With that incident open."""
    made = make_daemon(failing)
    made.wait_status(state="up")
    failing.client().bgsave()
    eventually(lambda: "rdb.save_failed" in str(made.do("INCIDENTS")), 5)
    return made


def incidents(daemon):
    return json.loads(daemon.do("INCIDENTS", "JSON"))


def cure(server):
    (server.dir / "dump.rdb").rmdir()
    server.client().bgsave()


def test_raised_and_cleared(daemon, failing):
    """One line for people, one notice for programs; none when it is over."""
    lines = daemon.do("INCIDENTS")
    assert len(lines) == 1
    assert lines[0].startswith("default: rdb.save_failed critical for ")
    assert daemon.do("INCIDENTS", "default") and daemon.do("INCIDENTS", "default", "JSON")
    notice = incidents(daemon)[0]
    assert (notice["schema"], notice["kind"]) == (1, "open")
    assert (notice["incident"], notice["severity"]) == ("rdb.save_failed", "critical")
    assert notice["advice"] and notice["summary"]
    assert daemon.status_target()["incidents"] == {"critical": 1, "warning": 0}
    assert daemon.do("STATUS")[1].endswith("; 1 critical")
    metrics = daemon.do("METRICS")
    assert ('pinfod_incident_open{target="default",incident="rdb.save_failed",'
            'severity="critical"} 1') in metrics
    cure(failing)
    eventually(lambda: incidents(daemon) == [], 5)
    assert daemon.do("INCIDENTS") == []


def test_ack(daemon):
    """It stays open, and says that somebody knows."""
    assert daemon.do("ACK", "default", "rdb.save_failed") == "OK"
    assert incidents(daemon)[0]["acked"] is True
    assert "(acknowledged)" in daemon.do("INCIDENTS")[0]
    for words in (("default", "rdb.stale"), ("default", "no.such")):
        with pytest.raises(ReplyError, match="NOTOPEN"):
            daemon.do("ACK", *words)
    with pytest.raises(ReplyError, match="NOTARGET"):
        daemon.do("ACK", "nope", "rdb.save_failed")


def test_silence_ends(daemon):
    """What is open still is told again, by itself and by UNSILENCE."""
    reader = daemon.resp()
    reader.call("SUBSCRIBE", "pinfo:notice")

    def told():
        while True:
            notice = json.loads(reader.read()[2])
            if notice["kind"] != "heartbeat":
                return notice["kind"], notice["incident"]

    assert daemon.do("SILENCE", "rdb.*", "def*", "1s") == "OK"
    assert "(silenced until 20" in daemon.do("INCIDENTS")[0]
    assert told() == ("open", "rdb.save_failed")
    assert daemon.do("SILENCES") == []
    assert daemon.do("SILENCE", "rdb.*", "*", "1h") == "OK"
    assert daemon.do("UNSILENCE", "rdb.*", "*") == "OK"
    assert told() == ("open", "rdb.save_failed")


def test_silenced_is_not_told(daemon, failing):
    """Cleared while it is silenced: nobody hears."""
    reader = daemon.resp()
    reader.call("SUBSCRIBE", "pinfo:notice")
    daemon.do("SILENCE", "rdb.save_failed", "*", "1h")
    cure(failing)
    eventually(lambda: incidents(daemon) == [], 5)
    daemon.do("START")
    while (notice := json.loads(reader.read()[2]))["kind"] != "heartbeat":
        assert notice["incident"] != "rdb.save_failed"


@pytest.mark.parametrize("words, part", [
    (("SILENCE", "a b", "*", "1h"), "is no pattern"),
    (("SILENCE", "*", "", "1h"), "is no pattern"),
    (("SILENCE", "x" * 256, "*", "1h"), "is no pattern"),
    (("SILENCE", "*", "*", "0.5"), "from 1s to 30d"),
    (("SILENCE", "*", "*", "31d"), "from 1s to 30d"),
    (("SILENCE", "*", "*", "soon"), "from 1s to 30d"),
    (("UNSILENCE", "*", "*"), "there is no silence"),
    (("SILENCES", "XML"), "JSON is"), (("INCIDENTS", "default", "XML"), "JSON is"),
    (("INCIDENTS", "nope"), "NOTARGET"), (("EXPLAIN", "no.such"), "EXPLAIN lists"),
    (("ACK", "default"), "wrong number of arguments"),
])
def test_wrong(words, part, fake, make_daemon):
    with pytest.raises(ReplyError, match=part):
        make_daemon(fake).do(*words)


def test_silence_of_nothing(fake, make_daemon, tmp_path):
    """A slip of the hand is told: an error, or OK for a target yet to come."""
    file = ConfFile(tmp_path, conf_text(conf_target(
        fake, name="orders", incidents=["changes.high warning when "
                                        "rdb_changes_since_last_save > 5: ours"])))
    daemon = make_daemon(*file.flags)
    for pattern in ("rbd.*", "rdb", "rdb.save_failed?", "changes.low"):
        with pytest.raises(ReplyError, match="no incident is called"):
            daemon.do("SILENCE", pattern, "*", "1h")
    assert daemon.do("SILENCES") == []
    for pattern in ("rdb.*", "role.switched", "changes.high"):
        assert daemon.do("SILENCE", pattern, "ord*", "1h") == "OK"
    said = daemon.do("SILENCE", "rdb.*", "ordres", "1h")
    assert said == ("OK, but no target is called 'ordres' as yet; "
                    "TARGETS lists what there is")
    assert daemon.do("SILENCES")[-1].startswith("rdb.* on ordres until ")


def test_too_many_silences(fake, make_daemon):
    """64 of them; the same one again is a new end."""
    daemon = make_daemon(fake)
    for i in range(64):
        assert daemon.do("SILENCE", "*" * (i + 1), "*", "1h") == "OK"
    with pytest.raises(ReplyError, match="64 silences already"):
        daemon.do("SILENCE", "rdb.*", "*", "1h")
    assert daemon.do("SILENCE", "***", "*", "2h") == "OK"
    assert len(daemon.do("SILENCES")) == 64


def test_explain(fake, make_daemon):
    """The catalogue: ids, and one of them."""
    daemon = make_daemon(fake)
    ids = [line.split(": ")[0] for line in daemon.do("EXPLAIN")]
    assert "rdb.save_failed" in ids and "heartbeat" in " ".join(ids)
    for name in ids:
        assert daemon.do("EXPLAIN", name).startswith(name)
