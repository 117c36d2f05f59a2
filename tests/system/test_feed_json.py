"""format = "json": one object a tick, with every field of INFO as what it is."""

import json
import re
import time

import pytest

from harness import ConfFile, conf_target, conf_text, eventually

MEMBERS = ["schema", "target", "server", "at", "persistence", "at_risk",
           "incidents"]
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


@pytest.fixture
def server(make_redis):
    """One that saves, so that nothing is to be told of it."""
    return make_redis(save="3600 1")


@pytest.fixture
def daemon(server, make_daemon, tmp_path):
    conf = ConfFile(tmp_path, conf_text(
        conf_target(server, name="orders", format="json", interval="500ms",
                    sample="250ms")))
    return make_daemon(conf)


def fields_of(server):
    lines = server.call("INFO", "persistence").decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def same(value, text):
    """Whether a member is what the server's text says, with its type."""
    if type(value) in (int, float):
        return NUMBER.fullmatch(text) and value == float(text)
    return type(value) is str and value == text and not NUMBER.fullmatch(text)


def test_every_message(server, daemon, make_feed):
    ours, theirs = make_feed(daemon, "pinfo"), make_feed(server, "pinfo")
    ours.wait_count(4), theirs.wait_count(4)
    for data in ours.data + theirs.data:
        message = json.loads(data)
        assert list(message) == MEMBERS
        assert message["schema"] == 1 and message["target"] == "orders"
        assert abs(message["at"] - time.time()) < 60
        assert b"\n" not in data
    assert set(ours.data) & set(theirs.data)


def test_fields_are_those_of_info(server, daemon, make_feed):
    feed = make_feed(daemon, "pinfo")
    feed.wait_count(2)

    def agrees():
        message = json.loads(feed.wait_more(1)[0].data)["persistence"]
        raw = fields_of(server)
        assert list(message) == list(raw)
        return all(same(message[name], raw[name]) for name in raw)

    assert eventually(agrees)
    server.call("CONFIG", "SET", "appendonly", "yes")
    eventually(lambda: "aof_base_size" in
               json.loads(feed.wait_more(1)[0].data)["persistence"])
    assert eventually(agrees)
    message = json.loads(feed.data[-1])["persistence"]
    assert message["rdb_last_bgsave_status"] == "ok"
    assert message["aof_enabled"] == 1
    if server.version >= (6, 2, 0):
        assert type(message["current_fork_perc"]) is float
    assert type(message["rdb_last_save_time"]) is int


def test_identity_and_incidents(server, daemon, make_feed):
    feed = make_feed(daemon, "pinfo")
    client = server.client()

    def last():
        return json.loads(feed.wait_more(1)[0].data)

    message = eventually(lambda: (m := last())["server"]["role"] and m)
    info = client.info()
    assert message["server"] == {
        "address": server.name, "version": info["redis_version"],
        "run_id": info["run_id"], "role": "master"}
    assert message["incidents"] == []

    client.set("a", 1)
    assert eventually(lambda: last()["at_risk"]["operations"] == 1)
    (server.dir / "dump.rdb").mkdir()
    client.bgsave()
    incidents = eventually(lambda: last()["incidents"], 10)
    assert [i["id"] for i in incidents] == ["rdb.save_failed"]
    assert incidents[0]["severity"] in ("warning", "critical")
    assert abs(incidents[0]["since"] - time.time()) < 30
    (server.dir / "dump.rdb").rmdir()
    client.bgsave()
    assert eventually(lambda: last()["incidents"] == [], 10)


def test_text_stays_text(server, make_daemon, make_feed):
    feed = make_feed(make_daemon(server, "-i", "0.5"), "pinfo")
    assert feed.wait_count(1)[0].data.startswith(b"# Persistence\r\n")
