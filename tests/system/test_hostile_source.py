"""Sentinels and nodes that break the protocol, or say what is not so.

Two of three behave, and name a real server; the third misbehaves while it is told
to.  The server's target must not notice, and nothing must grow.
"""

import re
import threading

import pytest

from harness import (
    MIB, Burden, ConfFile, bulk, conf_group, eventually, free_port, let_pass,
)
from test_hostile_server import CONTROLS, MALFORMED, flood, last_words, reset

INTERVAL = 0.3
ID = b"a" * 40


def array(*items):
    return b"*%d\r\n" % len(items) + b"".join(items)


def texts(*words):
    return array(*(bulk(str(word).encode()) for word in words))


class Sentinels:
    """What they are asked, and what the honest ones say."""

    name, target = "cache", "cache"
    attacked = b"SENTINEL", b"MASTER"

    @staticmethod
    def answer(words, server):
        if words[1] == b"REPLICAS":
            return array()
        return texts("name", "m", "ip", server.host, "port", server.port,
                     "config-epoch", 7)

    @staticmethod
    def options(uris):
        return {"sentinels": uris, "master": "m", "replicas": True}


class Replicas(Sentinels):
    """Who lie only of replicas."""

    attacked = b"SENTINEL", b"REPLICAS"


class Nodes:
    """The same of nodes; the server is the only one that they name."""

    name, attacked = "orders", (b"CLUSTER", b"NODES")
    target = f"orders/{ID[:8].decode()}"

    @staticmethod
    def answer(words, server):
        return bulk(ID + f" {server.host}:{server.port}@1 master - 0 0 1 "
                         "connected 0-16383\n".encode())

    @staticmethod
    def options(uris):
        return {"cluster": uris}


class Scene:
    """A daemon, three sources, and what the third of them does while it is on."""

    def __init__(self, kind, payload, server, make_fake, make_daemon, tmp_path):
        self.kind, self.on, self.done = kind, threading.Event(), threading.Event()

        def honest(connection, words):
            if words[0] == kind.attacked[0]:
                return kind.answer(words, server)
            return connection.server.default(connection, words)

        def hostile(connection, words):
            if tuple(words[:2]) != kind.attacked or not self.on.is_set():
                return honest(connection, words)
            self.done.set()
            if callable(payload):
                return payload(connection)
            return payload

        self.fakes = [make_fake(handler) for handler in (honest, honest, hostile)]
        group = conf_group(name=kind.name, interval=f"{INTERVAL}s",
                           **kind.options([fake.uri for fake in self.fakes]))
        conf = ConfFile(tmp_path, f"targets: ( {group} );\n")
        self.daemon = make_daemon(*conf.flags)
        self.wait_well()
        self.daemon.wait_status(kind.target, state="up")
        self.burden = Burden(self.daemon)

    def group(self):
        [group] = self.daemon.status()["groups"]
        return group

    def wait_well(self):
        eventually(lambda: self.group()["heard"] == 3, 20, what="all are heard")
        assert self.group()["trouble"] is None

    def misbehave(self):
        self.on.set()
        eventually(self.done.is_set, what="the third was asked")

    def wait_trouble(self, reason):
        """Where each source has a seat of its own its fault is told."""
        eventually(lambda: self.group()["heard"] == 2, 20, what="two are heard")
        if self.kind is not Nodes:
            eventually(lambda: re.search(reason, self.group()["trouble"] or ""),
                       what=reason)

    def behave(self):
        self.on.clear()
        for connection in self.fakes[2].live:
            connection.close()
        self.wait_well()

    def check_unharmed(self, grown=24 * MIB, cpu=1.0):
        target = self.daemon.status_target(self.kind.target)
        assert (target["state"], target["connects"]) == ("up", 1)
        assert (target["missed"], target["dropped"]) == (0, 0)
        self.burden.check(grown, cpu)


@pytest.fixture(params=[Sentinels, Nodes])
def make_scene(request, server, make_fake, make_daemon, tmp_path):
    """make_scene(payload)"""
    def make(payload):
        return Scene(request.param, payload, server, make_fake, make_daemon,
                     tmp_path)

    return make


@pytest.mark.parametrize("make_scene", [Sentinels], indirect=True)
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_answer(name, make_scene):
    """What is no reply ends that connection, and nothing else."""
    payload, _ = MALFORMED[name]
    scene = make_scene(payload)
    scene.misbehave()
    scene.wait_trouble(r"127\.0\.0\.1:\d+")
    scene.behave()
    scene.check_unharmed()


@pytest.mark.parametrize("payload", [reset, last_words(), last_words(b"$9\r\n+")],
                         ids=["reset", "close", "half"])
def test_lost_connection(payload, make_scene):
    """Gone in the midst of an answer."""
    scene = make_scene(payload)
    scene.misbehave()
    scene.wait_trouble("closed|reset")
    scene.behave()
    scene.check_unharmed()


def test_silence(make_scene):
    """Who does not answer counts no longer after two seconds."""
    scene = make_scene(b"")
    scene.misbehave()
    scene.wait_trouble("no answer to discovery's question for 2 s")
    scene.behave()
    scene.check_unharmed()


SENTENCES = {
    "nil": b"$-1\r\n", "number": b":1\r\n", "empty list": array(),
    "text": bulk(b"127.0.0.1 6379"), "odd list": texts("ip"),
    "no port": texts("ip", "127.0.0.1", "config-epoch", 8),
    "port 0": texts("ip", "127.0.0.1", "port", 0, "config-epoch", 8),
    "port of ten digits": texts("ip", "127.0.0.1", "port", 9999999999,
                                "config-epoch", 8),
    "no host": texts("ip", "", "port", 6379, "config-epoch", 8),
    "host with blanks": texts("ip", "a b", "port", 6379, "config-epoch", 8),
    "host with a NUL": texts("ip", "\0b", "port", 6379, "config-epoch", 8),
    "long host": texts("ip", "h" * 300, "port", 6379, "config-epoch", 8),
    "lists for texts": array(bulk(b"ip"), array(), bulk(b"port"), array()),
    "deep": b"*1\r\n" * 7 + b":1\r\n",
    "65,535 elements": b"*65535\r\n" + b":1\r\n" * 65535,
    "replicas for a master": array(texts("ip", "127.0.0.1", "port", 6379)),
    "a node without an end": bulk(ID + b" 127.0.0.1:1@2 master"),
    "a node of a million slots": bulk(ID + b" 127.0.0.1:1@2 master - 0 0 1 "
                                      b"connected 0-999999\n"),
    "a megabyte of lines": bulk(b"\n" * MIB),
    "a megabyte of blanks": bulk(b" " * MIB),
    "no slots": bulk(ID + b" 127.0.0.1:1@2 myself,master - 0 0 1 connected\n"),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_nonsense(name, make_scene):
    """Replies as they should be, but for what they say."""
    scene = make_scene(SENTENCES[name])
    scene.misbehave()
    scene.wait_trouble("answers nonsense")
    if scene.kind is Sentinels:
        assert scene.fakes[2].connections == 1
    scene.behave()
    scene.check_unharmed()


@pytest.mark.parametrize("make_scene", [Replicas], indirect=True)
@pytest.mark.parametrize("payload", [
    b"$-1\r\n", b":1\r\n", texts("ip", "127.0.0.1", "port", 6379),
    array(array()), array(texts("ip", "127.0.0.1")),
    array(texts("ip", "", "port", 6379)), array(texts("ip", "a b", "port", 6379)),
    array(texts("ip", "127.0.0.1", "port", 6379), b":1\r\n"),
], ids=["nil", "number", "texts", "empty", "no port", "no host", "blanks", "mixed"])
def test_nonsense_about_replicas(payload, make_scene):
    """It spoils what was said of the master, too."""
    scene = make_scene(payload)
    scene.misbehave()
    scene.wait_trouble("answers nonsense")
    scene.behave()
    scene.check_unharmed()


@pytest.mark.parametrize("error,told", [
    (b"ERR unknown command 'SENTINEL'", "is no sentinel"),
    (b"ERR No such master with that name", "knows no master 'm'"),
    (b"NOPERM this user has no permissions", "refuses: NOPERM this user"),
    (b"ERR " + CONTROLS.replace(b"\r", b"").replace(b"\n", b""), "refuses: ERR"),
    (b"ERR " + b"x" * 60_000, "refuses: ERR x{100}"),
], ids=["no sentinel", "no master", "NOPERM", "controls", "long"])
def test_error(error, told, make_scene):
    """In words that say what to do, and fit a line."""
    scene = make_scene(b"-" + error + b"\r\n")
    scene.misbehave()
    scene.wait_trouble(told)
    log = (scene.daemon.dir / "stderr").read_bytes()
    assert not set(log) - set(b"\n") - set(range(0x20, 0x7f))
    assert max(map(len, log.splitlines())) < 1200
    assert all(line.isprintable() for line in scene.daemon.do("STATUS"))
    scene.behave()
    scene.check_unharmed()


def test_trouble_is_told_once(make_scene):
    """Not with each round, nor with each attempt that fails."""
    scene = make_scene(flood(b"$9223372036854775807\r\n"))
    told = r"longer reply|all is well again"
    scene.misbehave()
    scene.wait_trouble("longer reply")
    let_pass(10 * INTERVAL)
    expected = 1 if scene.kind is Sentinels else 0
    assert len(scene.daemon.log_lines(told)) == expected
    scene.behave()
    assert len(scene.daemon.log_lines(told)) == 2 * expected


def test_trouble_of_many_is_told_once(make_daemon, tmp_path):
    """Each second another node is tried in vain; the reason stays the first."""
    seeds = [f"redis://127.0.0.1:{free_port()}" for _ in range(6)]
    group = conf_group(name="orders", cluster=seeds)
    daemon = make_daemon(*ConfFile(tmp_path, f"targets: ( {group} );\n").flags)
    daemon.wait_log("Connection refused.*0 of 3 nodes heard")
    let_pass(3)
    assert len(daemon.log_lines("Connection refused")) == 1
    [said] = daemon.status()["groups"]
    assert (said["targets"], said["settled"], said["heard"]) == (0, True, 0)
