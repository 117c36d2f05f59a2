"""RELOAD and SIGHUP: what did not change goes on as if nothing had been."""

import json
import os
import select
import signal
import threading

import pytest

from harness import (
    MIB, Burden, ConfFile, Daemon, ReplyError, bulk, conf_target, conf_text,
    descriptors, eventually, nothing_for, parse_conf, slips,
)

INTERVAL = 0.2


@pytest.fixture
def conf(tmp_path):
    return ConfFile(tmp_path)


@pytest.fixture(params=["RELOAD", "SIGHUP"])
def reload(request):
    """reload(daemon): it has read a good file and put it in force."""
    if request.param == "RELOAD":
        return by_command

    def by_signal(daemon):
        before = daemon.status()["config"]["reloads"]
        daemon.terminate(signal.SIGHUP)
        eventually(lambda: daemon.status()["config"]["reloads"] == before + 1)

    return by_signal


def by_command(daemon):
    assert daemon.do("RELOAD") == "OK"


def refused_reload(daemon):
    with pytest.raises(ReplyError, match="^CONF ") as error:
        daemon.do("RELOAD")
    return str(error.value)


def target(server, name="default", interval=INTERVAL, **options):
    return conf_target(server, name=name, interval=interval, **options)


def names(daemon):
    return daemon.do("TARGETS")


def check_schedule(fake, interval=INTERVAL):
    """So far a fake was asked at every tick, once."""
    eventually(lambda: fake.count("INFO") >= 4)
    assert slips([row[0] for row in fake.of("INFO")], interval) == {0}


# What did not change.


def test_unchanged_keeps_its_connection(reload, conf, fake, make_daemon):
    """One connection before and after."""
    conf.targets(target(fake))
    daemon = make_daemon(conf)
    daemon.wait_status(state="up")
    reload(daemon)
    have = fake.count("PUBLISH")
    eventually(lambda: fake.count("PUBLISH") >= have + 3)
    assert (fake.connections, daemon.status_target()["connects"]) == (1, 1)


def test_unchanged_keeps_its_schedule(reload, conf, fake, make_daemon):
    """The grid goes on: no tick is missed, none comes twice or early."""
    conf.targets(target(fake))
    daemon = make_daemon(conf)
    for count in (2, 4, 6, 8):
        eventually(lambda: fake.count("INFO") >= count)
        reload(daemon)
    eventually(lambda: fake.count("INFO") >= 10)
    check_schedule(fake)
    assert daemon.status_target()["missed"] == 0


def test_unchanged_keeps_its_counters(reload, conf, fake, make_daemon):
    """samples, published and the time in the state go on."""
    conf.targets(target(fake, interval=3600))
    daemon = make_daemon(conf)
    before = daemon.wait_status(state="up", published=1)
    reload(daemon)
    after = daemon.status_target()
    assert after["since_s"] >= before["since_s"]
    for key in ("samples", "published", "missed", "dropped", "connects"):
        assert after[key] == before[key], key


def test_unchanged_beside_everything_else(reload, conf, make_fake, make_daemon):
    """While all others change, one target's feed misses nothing."""
    steady, one, two = make_fake(), make_fake(), make_fake()
    conf.targets(target(one, "a"), target(steady, "steady"))
    daemon = make_daemon(conf)
    for changed in (
        [target(steady, "steady"), target(one, "a", channel="other")],
        [target(two, "b"), target(steady, "steady")],
        [target(two, "a", interval=1), target(steady, "steady"),
         target(one, "b", user="u")],
        [target(steady, "steady")],
    ):
        have = steady.count("INFO")
        eventually(lambda: steady.count("INFO") >= have + 2)
        conf.targets(*changed, log={"level": "info"})
        reload(daemon)
    have = steady.count("INFO")
    eventually(lambda: steady.count("INFO") >= have + 2)
    check_schedule(steady)
    assert steady.connections == 1


def test_reordered(reload, conf, make_fake, make_daemon):
    """TARGETS has the new order; every connection stays."""
    fakes = {name: make_fake() for name in "abc"}
    conf.targets(*[target(fakes[name], name) for name in "abc"])
    daemon = make_daemon(conf)
    for name in "abc":
        daemon.wait_status(name, state="up")
    conf.targets(*[target(fakes[name], name) for name in "cab"])
    reload(daemon)
    assert names(daemon) == list("cab")
    for fake in fakes.values():
        have = fake.count("PUBLISH")
        eventually(lambda: fake.count("PUBLISH") >= have + 2)
    assert [fake.connections for fake in fakes.values()] == [1, 1, 1]


# What did change.


def test_changed_interval(reload, conf, fake, make_daemon):
    """It is in force from the last message on; the connection stays."""
    conf.targets(target(fake, interval=3600))
    daemon = make_daemon(conf)
    daemon.wait_status(published=1)
    conf.targets(target(fake, interval=0.1))
    reload(daemon)
    eventually(lambda: fake.count("PUBLISH") >= 5)
    assert daemon.status_target()["interval_s"] == 0.1
    assert fake.connections == 1


def test_changed_interval_is_no_extra_message(conf, fake, make_daemon):
    """To a longer one: the next message comes that long after the last."""
    conf.targets(target(fake, interval=0.5))
    daemon = make_daemon(conf)
    eventually(lambda: fake.count("PUBLISH") >= 2)
    conf.targets(target(fake, interval=1))
    by_command(daemon)
    eventually(lambda: fake.count("PUBLISH") >= 4)
    times = [row[0] for row in fake.of("INFO")]
    assert times[2] - times[1] > 0.9
    assert times[3] - times[2] > 0.9


def test_changed_channel(reload, conf, server, make_daemon, make_feed):
    """From the next message on; nothing more on the old one."""
    conf.targets(target(server, channel="old"))
    daemon = make_daemon(conf)
    old, new = make_feed(server, "old"), make_feed(server, "new")
    old.wait_count(2)
    conf.targets(target(server, channel="new"))
    reload(daemon)
    new.wait_count(3)
    assert len(old.since(new.times[0])) == 0
    assert daemon.status_target()["connects"] == 1
    assert daemon.status_target()["channel"] == "new"


def test_changed_channel_on_the_control_socket(
    conf, fake, make_daemon, make_feed,
):
    """Subscribers there follow the channel, too."""
    conf.targets(target(fake, channel="old"))
    daemon = make_daemon(conf)
    old, new = make_feed(daemon, "old"), make_feed(daemon, "new")
    old.wait_count(2)
    conf.targets(target(fake, channel="new"))
    by_command(daemon)
    new.wait_count(3)
    assert len(old.since(new.times[0])) == 0


def test_changed_user(reload, conf, server, make_daemon, tmp_path):
    """Another user is logged in as, by a new connection."""
    for user in ("one", "two"):
        server.call("ACL", "SETUSER", user, "on", ">secret", "&*", "+@all")
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    secret.chmod(0o600)
    conf.targets(target(server, user="one", password_file=secret))
    daemon = make_daemon(conf)
    daemon.wait_status(state="up", user="one")
    conf.targets(target(server, user="two", password_file=secret))
    reload(daemon)
    daemon.wait_status(state="up", user="two", connects=2)
    listed = server.call("CLIENT", "LIST").decode()
    assert "user=two" in listed and "user=one" not in listed


def test_changed_password_file(reload, conf, make_redis, make_daemon, tmp_path):
    """Another file is read, by a new connection."""
    server = make_redis(password="right")
    for word in ("wrong", "right"):
        (tmp_path / word).write_text(word)
        (tmp_path / word).chmod(0o600)
    conf.targets(target(server, password_file=tmp_path / "wrong"))
    daemon = make_daemon(conf)
    daemon.wait_status(state="denied")
    conf.targets(target(server, password_file=tmp_path / "right"))
    reload(daemon)
    daemon.wait_status(state="up", reason=None)


def test_changed_url(reload, conf, make_fake, make_daemon):
    """The old connection ends, the new one is made; counters go on."""
    old, new = make_fake(), make_fake()
    conf.targets(target(old))
    daemon = make_daemon(conf)
    eventually(lambda: old.count("PUBLISH") >= 3)
    before = daemon.status_target()
    conf.targets(target(new))
    reload(daemon)
    eventually(lambda: new.count("PUBLISH") >= 3)
    eventually(lambda: old.open == 0)
    after = daemon.wait_status(state="up")
    assert after["address"] == new.name
    assert after["samples"] >= before["samples"] + 3


def test_changed_url_keeps_the_schedule(conf, make_fake, make_daemon):
    """The grid is the target's and not the connection's; one INFO more comes at once."""
    old, new = make_fake(), make_fake()
    conf.targets(target(old, interval=0.5))
    daemon = make_daemon(conf)
    eventually(lambda: old.count("PUBLISH") >= 3)
    conf.targets(target(new, interval=0.5))
    by_command(daemon)
    eventually(lambda: new.count("PUBLISH") >= 3)
    times = [row[0] for fake in (old, new) for row in fake.of("PUBLISH")]
    assert slips(times, 0.5) == {0}
    assert new.count("INFO") == new.count("PUBLISH") + 1


def test_added(reload, conf, make_fake, make_daemon):
    """A new target starts."""
    one, two = make_fake(), make_fake()
    conf.targets(target(one, "a"))
    daemon = make_daemon(conf)
    daemon.wait_status("a", state="up")
    conf.targets(target(one, "a"), target(two, "b"))
    reload(daemon)
    daemon.wait_status("b", state="up", publish_state="ok")
    assert names(daemon) == ["a", "b"]


def test_removed(reload, conf, make_fake, make_daemon):
    """It ends: no connection, no name."""
    one, two = make_fake(), make_fake()
    conf.targets(target(one, "a"), target(two, "b"))
    daemon = make_daemon(conf)
    daemon.wait_status("b", state="up")
    conf.targets(target(one, "a"))
    reload(daemon)
    eventually(lambda: two.open == 0)
    assert names(daemon) == ["a"]
    with pytest.raises(ReplyError, match="^NOTARGET "):
        daemon.do("STOP", "b")


def test_renamed(reload, conf, fake, make_daemon):
    """Another name is another target: it begins anew."""
    conf.targets(target(fake, "a"))
    daemon = make_daemon(conf)
    eventually(lambda: fake.count("PUBLISH") >= 3)
    conf.targets(target(fake, "b", interval=3600))
    reload(daemon)
    daemon.wait_status("b", state="up", samples=1)
    eventually(lambda: fake.open == 1)


def test_log_level(reload, conf, fake, make_daemon):
    """The file's level is taken over."""
    conf.targets(target(fake), log={"level": "notice"})
    daemon = make_daemon(conf)
    conf.targets(target(fake), log={"level": "debug"})
    reload(daemon)
    assert daemon.do("LOGLEVEL") == "debug"


def test_control_path_by_flag(reload, conf, fake, make_daemon, tmp_path):
    """--control outweighs the file: nothing to warn of."""
    conf.targets(target(fake))
    daemon = make_daemon(conf)
    conf.targets(target(fake, channel="c"), control={"path": tmp_path / "x"})
    reload(daemon)
    assert daemon.status_target()["channel"] == "c"
    assert not daemon.log_lines("restart")
    assert not (tmp_path / "x").exists()


def test_control_path_moved(reload, conf, fake, closing, tmp_path):
    """A socket does not move: a warning with the cure; the rest is in force."""
    daemon = closing(Daemon(conf))
    daemon.control_by_flag = False
    conf.targets(target(fake), control={"path": daemon.control_path})
    daemon.start()
    conf.targets(target(fake, channel="c"), control={"path": tmp_path / "x"})
    reload(daemon)
    assert "restart" in daemon.wait_log(r"control\.path")
    assert daemon.status_target()["channel"] == "c"
    assert not (tmp_path / "x").exists()


def test_flags_still_outweigh_the_file(reload, conf, fake, make_daemon):
    """What the command line said holds for every reload."""
    conf.targets(conf_target(fake, name="default"), defaults={"channel": "x"})
    daemon = make_daemon(conf, "--channel", "flag", "-i", "7")
    conf.targets(conf_target(fake, name="default"),
                 defaults={"channel": "y", "interval": "9s"})
    reload(daemon)
    status = daemon.status_target()
    assert (status["channel"], status["interval_s"]) == ("flag", 7)


def test_without_a_file(reload, fake, make_daemon):
    """Servers by flags: a reload changes nothing."""
    daemon = make_daemon(fake, "-i", "0.2")
    daemon.wait_status(state="up")
    reload(daemon)
    assert daemon.wait_status(state="up")["connects"] == 1


# START, STOP and INTERVAL outlive it.


def test_stopped_stays_stopped(reload, conf, make_fake, make_daemon):
    """STOP holds, whatever else changes of that target."""
    old, new = make_fake(), make_fake()
    conf.targets(target(old))
    daemon = make_daemon(conf)
    daemon.wait_status(state="up")
    daemon.do("STOP")
    conf.targets(target(new, channel="c", interval=1))
    reload(daemon)
    assert daemon.status_target()["state"] == "stopped"
    nothing_for(0.3, lambda: new.connections)


def test_stopped_starts_with_what_is_new(conf, make_fake, make_daemon):
    """START then uses the address, channel and interval of the reload."""
    old, new = make_fake(), make_fake()
    conf.targets(target(old))
    daemon = make_daemon(conf, "--stopped")
    conf.targets(target(new, channel="c", interval=0.1))
    by_command(daemon)
    daemon.do("START")
    eventually(lambda: new.count("PUBLISH") >= 3)
    assert {row[2][1] for row in new.of("PUBLISH")} == {b"c"}
    assert old.connections == 0


def test_started_stays_started(reload, conf, fake, make_daemon):
    """`stopped` in the file is for the start and for new targets."""
    conf.targets(target(fake))
    daemon = make_daemon(conf)
    daemon.wait_status(state="up")
    conf.targets(target(fake, stopped=True))
    reload(daemon)
    have = fake.count("PUBLISH")
    eventually(lambda: fake.count("PUBLISH") >= have + 2)


def test_new_one_may_be_stopped(reload, conf, make_fake, make_daemon):
    """A new target with `stopped` waits for START."""
    one, two = make_fake(), make_fake()
    conf.targets(target(one, "a"))
    daemon = make_daemon(conf)
    conf.targets(target(one, "a"), target(two, "b", stopped=True))
    reload(daemon)
    assert daemon.status_target("b")["state"] == "stopped"
    nothing_for(0.3, lambda: two.connections)


def test_interval_by_command_outlives_it(reload, conf, fake, make_daemon):
    """A reload that does not change the file's interval leaves it."""
    conf.targets(target(fake, interval=3600))
    daemon = make_daemon(conf)
    daemon.do("INTERVAL", "0.2")
    conf.targets(target(fake, interval=3600, channel="c"))
    reload(daemon)
    assert daemon.status_target()["interval_s"] == 0.2


def test_interval_of_the_file_outweighs_the_command(
    reload, conf, fake, make_daemon,
):
    """One that does change it is in force."""
    conf.targets(target(fake, interval=3600))
    daemon = make_daemon(conf)
    daemon.do("INTERVAL", "0.2")
    conf.targets(target(fake, interval=1800))
    reload(daemon)
    assert daemon.status_target()["interval_s"] == 1800


# A bad file.

BAD = "log: {\n\tlevel = 5;\n};\nfrobnicate = 1;\n"


def test_bad_file_changes_nothing(reload, conf, make_fake, make_daemon):
    """Not even what is good in it; and the next good one is taken."""
    fake, other = make_fake(), make_fake()
    conf.targets(target(fake))
    daemon = make_daemon(conf)
    eventually(lambda: fake.count("INFO") >= 2)
    before = daemon.do("CONFIG")
    conf.write(conf_text(target(other)) + BAD)
    refused_reload(daemon)
    eventually(lambda: fake.count("INFO") >= 5)
    assert daemon.do("CONFIG") == before
    assert (fake.connections, other.connections) == (1, 0)
    check_schedule(fake)
    conf.targets(target(other))
    reload(daemon)
    eventually(lambda: other.count("PUBLISH") >= 1)


def test_bad_file_in_the_reply(conf, fake, make_daemon):
    """How many errors, the first one, and that nothing has changed."""
    conf.targets(target(fake))
    daemon = make_daemon(conf)
    conf.write(BAD)
    reply = refused_reload(daemon)
    assert reply.startswith("CONF 2 errors, nothing has changed")
    assert f"{conf.path}:4: " in reply or f"{conf.path}:2: " in reply


def bad_reload(daemon, how):
    if how == "RELOAD":
        refused_reload(daemon)
    else:
        daemon.terminate(signal.SIGHUP)
        eventually(lambda: daemon.status()["config"]["error"])


@pytest.mark.parametrize("how", ["RELOAD", "SIGHUP"])
def test_bad_file_in_the_log(how, conf, fake, make_daemon):
    """Every error, with its line."""
    conf.targets(target(fake))
    daemon = make_daemon(conf)
    conf.write(BAD)
    bad_reload(daemon, how)
    for line in (2, 4):
        daemon.wait_log(rf"pinfod\.conf:{line}: ")
    daemon.wait_log("nothing has changed")


@pytest.mark.parametrize("how", ["RELOAD", "SIGHUP"])
def test_bad_file_in_status(how, conf, fake, make_daemon):
    """In text and JSON, until a good one has been read."""
    conf.targets(target(fake))
    daemon = make_daemon(conf)
    assert daemon.status()["config"]["error"] is None
    conf.write(BAD)
    bad_reload(daemon, how)
    config = daemon.status()["config"]
    assert "pinfod.conf:" in config["error"] and config["reloads"] == 0
    assert "pinfod.conf:" in daemon.do("STATUS")[0]
    conf.targets(target(fake))
    by_command(daemon)
    assert daemon.status()["config"]["error"] is None
    assert "reload" not in daemon.do("STATUS")[0]


def test_bad_file_in_metrics(conf, fake, make_daemon):
    """pinfod_config_ok is 0 until a good one has been read."""
    conf.targets(target(fake))
    daemon = make_daemon(conf)
    conf.write(BAD)
    refused_reload(daemon)
    assert "\npinfod_config_ok 0\n" in daemon.do("METRICS")
    conf.targets(target(fake))
    by_command(daemon)
    assert "\npinfod_config_ok 1\n" in daemon.do("METRICS")


def test_age_and_file_of_the_configuration(conf, fake, make_daemon):
    """age_s begins anew with a good reload, not with a bad one."""
    conf.targets(target(fake))
    daemon = make_daemon(conf)
    eventually(lambda: daemon.status()["config"]["age_s"] > 0.5)
    conf.write(BAD)
    refused_reload(daemon)
    assert daemon.status()["config"]["age_s"] > 0.5
    conf.targets(target(fake))
    by_command(daemon)
    config = daemon.status()["config"]
    assert config["age_s"] < 0.5
    assert (config["file"], config["reloads"]) == (str(conf.path), 1)


@pytest.mark.parametrize("text", [
    "targets: (", '@include "missing"\n', '@include ""\n', "\0",
    '@include "pinfod.conf"\n', 'log: { level = "two\r\nlines\r\n+OK"; };',
    "defaults: { interval = 3000000000; };",
    'control: { group = "no-such-group"; };', b"\xff\xfe",
    'targets: ( { url = "redis://me:hunter2@h"; } );',
    conf_text(target("redis://h", "a"), target("redis://h", "b")),
], ids=lambda text: repr(text)[:20])
def test_every_kind_of_bad_file(text, conf, fake, make_daemon):
    """Refused, in one line each; the daemon and its feed go on."""
    conf.targets(target(fake))
    daemon = make_daemon(conf)
    conf.write(text)
    refused_reload(daemon)
    have = fake.count("PUBLISH")
    eventually(lambda: fake.count("PUBLISH") >= have + 2)
    error = json.dumps([daemon.do("STATUS"), daemon.status()["config"]])
    assert "\\n" not in error and "hunter2" not in error + daemon.log
    assert fake.connections == 1


@pytest.mark.parametrize("what", ["removed", "directory", "fifo"])
def test_file_that_is_no_longer_one(what, conf, fake, make_daemon):
    """Told by its name; the feed goes on; and it may come back."""
    conf.targets(target(fake))
    daemon = make_daemon(conf)
    text = conf.path.read_text()
    conf.path.unlink()
    if what == "directory":
        conf.path.mkdir()
    if what == "fifo":
        os.mkfifo(conf.path)
    assert str(conf.path) in refused_reload(daemon)
    have = fake.count("PUBLISH")
    eventually(lambda: fake.count("PUBLISH") >= have + 2)
    if what == "directory":
        conf.path.rmdir()
    conf.write(text)
    by_command(daemon)
    assert daemon.status_target()["connects"] == 1


def test_warnings_do_not_refuse(conf, fake, make_daemon):
    """One address on two channels: OK, and the log has it."""
    conf.targets(target(fake))
    daemon = make_daemon(conf)
    conf.targets(target(fake), target(fake, "twin", channel="other"))
    by_command(daemon)
    daemon.wait_log("twice")
    daemon.wait_status("twin", state="up")


# In every state.


class Scene:
    """A fake server in some state, and how to end that state."""

    def __init__(self, make_fake, name):
        self.name = name
        self.free = threading.Event()
        self.held = threading.Event()
        options = {"connecting": {"backlog_full": True},
                   "connected": {"accept": False},
                   "waiting": {"start": False}}.get(name, {})
        self.fake = make_fake(self._handle, **options)

    HELD = {"greeting": b"HELLO", "info": b"INFO", "silent": b"INFO",
            "publish": b"PUBLISH", "blocked": b"PUBLISH"}
    ERRORS = {"denied": (b"HELLO", b"-WRONGPASS no\r\n"),
              "no info": (b"INFO", b"-NOPERM no\r\n"),
              "busy": (b"INFO", b"-BUSY a script\r\n"),
              "refused": (b"INFO", b"-ERR no\r\n"),
              "no publish": (b"PUBLISH", b"-NOPERM no\r\n")}
    REACHED = {
        "connecting": {"state": "starting"}, "connected": {"state": "starting"},
        "greeting": {"state": "starting"}, "info": {"state": "starting"},
        "silent": {"state": "silent"}, "publish": {"state": "up"},
        "blocked": {"publish_state": "blocked"}, "waiting": {"state": "down"},
        "denied": {"state": "denied"}, "no info": {"state": "denied"},
        "busy": {"state": "busy"}, "refused": {"state": "refused"},
        "no publish": {"publish_state": "denied"}, "ready": {"published": 1},
        "stopped": {"state": "stopped"}, "wide": {"state": "up"},
        "lost": {"state": "down"},
    }

    def _handle(self, connection, words):
        if self.free.is_set():
            return connection.server.default(connection, words)
        wide = words[0] == b"INFO" and words[1:] != [b"persistence"]
        if words[0] == self.HELD.get(self.name) and not wide \
                or wide and self.name == "wide":
            # Only the first one: the second connection's INFO is answered.
            if self.name != "blocked" or not self.held.is_set():
                self.held.set()
                self.free.wait(30)
            if wide:
                return bulk(b"role:master\r\nmaster_replid:abc\r\n")
        verb, error = self.ERRORS.get(self.name, (None, None))
        if words[0] == verb and not wide:
            return error
        return connection.server.default(connection, words)

    def reach(self, daemon):
        if self.name in self.HELD or self.name == "wide":
            eventually(self.held.is_set)
        if self.name == "stopped":
            daemon.do("STOP", "x")
        if self.name == "lost":
            daemon.wait_status("x", state="up")
            self.fake.stop()
        daemon.wait_status("x", timeout=8, **self.REACHED[self.name])
        if self.name == "blocked":
            eventually(lambda: self.fake.open == 2)

    def is_left(self):
        """The daemon has closed every connection, read to the end or not."""
        poll = select.poll()
        for connection in self.fake.live:
            poll.register(connection.sock, select.POLLRDHUP)
        ended = [event for _, event in poll.poll(0)
                 if event & (select.POLLRDHUP | select.POLLHUP)]
        return len(ended) == len(self.fake.live)

    def close(self):
        self.free.set()


@pytest.fixture(params=Scene.REACHED)
def scene(request, make_fake, closing):
    return closing(Scene(make_fake, request.param))


@pytest.fixture
def stage(scene, conf, make_fake, make_daemon, closing):
    """A daemon with x in the scene's state, beside a healthy target."""
    class Stage:
        steady = make_fake()

        def __init__(self):
            interval = 3600 if scene.name == "ready" else INTERVAL
            self.x = {"interval": interval}
            self.write(target(scene.fake, "x", **self.x))
            self.daemon = make_daemon(conf)
            scene.reach(self.daemon)

        def write(self, *others):
            conf.targets(*others, target(self.steady, "steady"))

        def reload(self, *others):
            self.write(*others)
            by_command(self.daemon)

        def check(self):
            """The other one never noticed."""
            have = self.steady.count("INFO")
            eventually(lambda: self.steady.count("INFO") >= have + 2)
            check_schedule(self.steady)
            assert self.steady.connections == 1

        def close(self):
            scene.close()

    return closing(Stage())


def test_unchanged_in_every_state(scene, stage):
    """A reload does not touch a target that did not change."""
    before = stage.daemon.status_target("x")
    connections = scene.fake.connections
    stage.reload(target(scene.fake, "x", **stage.x))
    after = stage.daemon.status_target("x")
    same = ["address", "connects", "channel"]
    if scene.name not in ("silent", "connecting", "connected"):
        same += ["state", "publish_state"]
    assert [after[key] for key in same] == [before[key] for key in same]
    if scene.name not in ("waiting", "denied", "lost"):
        assert scene.fake.connections == connections
    scene.free.set()
    stage.check()
    if scene.name in ("waiting", "lost"):
        scene.fake.start()
    if scene.name == "stopped":
        assert stage.daemon.status_target("x")["state"] == "stopped"
    elif scene.name not in ("connecting", "connected", "ready"):
        stage.daemon.wait_status("x", state="up", publish_state="ok",
                                 timeout=20)


def test_changed_in_every_state(scene, stage, make_fake):
    """Another address: the old one is left at once, the new one served."""
    new = make_fake()
    stage.reload(target(new, "x", channel="c"))
    eventually(scene.is_left)
    if scene.name == "stopped":
        nothing_for(0.3, lambda: new.connections)
        stage.daemon.do("START", "x")
    eventually(lambda: new.count("PUBLISH") >= 3)
    stage.daemon.wait_status("x", state="up", publish_state="ok",
                             address=new.name)
    scene.free.set()
    stage.check()
    assert {row[2][1] for row in new.of("PUBLISH")} == {b"c"}
    assert new.connections == 1


def test_changed_channel_in_every_state(scene, stage):
    """The connection stays and what is published is on the new channel."""
    connections = scene.fake.connections
    stage.reload(target(scene.fake, "x", channel="c", interval=INTERVAL))
    mark = len(scene.fake.of("PUBLISH"))
    if scene.name not in ("waiting", "denied", "lost"):
        assert scene.fake.connections == connections
    scene.free.set()
    stage.check()
    if scene.name in ("waiting", "lost"):
        scene.fake.start()
    if scene.name == "stopped":
        stage.daemon.do("START", "x")
    if scene.name not in ("connecting", "connected"):
        eventually(lambda: len(scene.fake.of("PUBLISH")) >= mark + 2, 20)
        fresh = scene.fake.of("PUBLISH")[mark:]
        assert {row[2][1] for row in fresh} == {b"c"}


def test_removed_in_every_state(scene, stage):
    """Its connections end at once; what it was waiting for harms nobody."""
    stage.reload()
    eventually(scene.is_left)
    assert names(stage.daemon) == ["steady"]
    scene.free.set()
    stage.check()


def test_other_one_removed_in_every_state(scene, stage, conf):
    """What is in flight is answered when the target has become the only one."""
    # With the other goes the reason to ask who replicates with whom.
    conf.targets(target(scene.fake, "x", **stage.x))
    by_command(stage.daemon)
    assert names(stage.daemon) == ["x"]
    scene.free.set()
    if scene.name in ("waiting", "lost"):
        scene.fake.start()
    if scene.name == "stopped":
        stage.daemon.do("START", "x")
    if scene.name not in ("connecting", "connected"):
        stage.daemon.wait_status("x", state="up", publish_state="ok",
                                 timeout=20)
    assert stage.daemon.do("PING") == "PONG"


# Often.


def test_two_hundred(conf, server, make_fake, make_daemon, make_feed):
    """An unchanged target's feed has every message once; nothing is lost."""
    other, third = make_fake(), make_fake()
    quiet = [target(server, "steady", interval=0.1)]
    busy = [target(other, "a"), *quiet, target(third, "b", channel="c")]
    conf.targets(*quiet)
    daemon = make_daemon(conf)
    feed = make_feed(server)
    feed.wait_count(2)
    burden = None
    for number in range(200):
        conf.targets(*(quiet if number % 2 else busy))
        if number % 25 == 24:
            conf.write(BAD)
            refused_reload(daemon)
        else:
            by_command(daemon)
        if number % 10 == 0:
            feed.wait_more(1)
        if number == 40:
            burden, fds = Burden(daemon), descriptors(daemon.pid)
    conf.targets(*quiet)
    by_command(daemon)
    feed.wait_more(3)
    assert slips(feed.times, 0.1) == {0}
    status = daemon.status_target("steady")
    assert (status["missed"], status["dropped"], status["connects"]) == (0, 0, 1)
    eventually(lambda: descriptors(daemon.pid) <= fds)
    burden.check(grown=2 * MIB, cpu=3)


def test_two_hundred_signals(conf, fake, make_daemon):
    """Signals in a burst: each is followed by a reload that sees the file."""
    conf.targets(target(fake))
    daemon = make_daemon(conf)
    for number in range(200):
        conf.targets(target(fake, channel=f"c{number}"))
        daemon.terminate(signal.SIGHUP)
    daemon.wait_status(channel="c199", state="up")
    assert fake.connections == 1
    assert daemon.status_target()["missed"] == 0


def test_reload_in_a_pipeline(conf, fake, make_daemon):
    """Among other commands it is answered in its turn."""
    conf.targets(target(fake))
    daemon = make_daemon(conf)
    resp = daemon.resp()
    for words in (["STOP"], ["RELOAD"], ["START"], ["RELOAD"], ["PING"]):
        resp.send(*words)
    assert [resp.read() for _ in range(5)] == ["OK"] * 4 + ["PONG"]
    eventually(lambda: fake.count("PUBLISH") >= 2)


def test_subscribers_outlive_it(conf, make_fake, make_daemon, make_feed):
    """A subscriber on the control socket gets the new targets' messages."""
    one, two = make_fake(info=b"one\r\n"), make_fake(info=b"two\r\n")
    conf.targets(target(one, "a"))
    daemon = make_daemon(conf)
    feed = make_feed(daemon)
    feed.wait_count(1)
    conf.targets(target(two, "b"))
    by_command(daemon)
    eventually(lambda: b"two\r\n" in feed.data)


# CONFIG.


@pytest.mark.parametrize("odd", ["plain", 'odd " \\ \n\t\x07 é {name} # /*'])
def test_config_is_a_configuration(odd, conf, fake, make_daemon):
    """What it says, reloaded, changes nothing and is said again."""
    conf.targets(
        target(fake, "a", channel=odd, user="me" + odd),
        target("unix:///nowhere/s", "b", interval="1d", stopped=True),
        defaults={"interval": "7s"}, log={"level": "info"})
    daemon = make_daemon(conf)
    daemon.wait_status("a", state="up")
    first = daemon.do("CONFIG")
    conf.write(first)
    by_command(daemon)
    assert daemon.do("CONFIG") == first
    assert daemon.status_target("a")["connects"] == 1
    assert daemon.status_target("b")["state"] == "stopped"


def test_config_says_what_is_in_force(conf, fake, make_daemon):
    """Every option, of each target."""
    conf.targets(target(fake, "a", channel="c", user="u", stopped=True),
                 log={"level": "info"})
    daemon = make_daemon(conf)
    given = parse_conf(daemon.do("CONFIG"))
    assert given["log"] == {"level": "info"}
    assert given["control"]["path"] == daemon.control_path
    assert given["targets"] == [{
        "name": "a", "url": fake.uri, "interval": f"{INTERVAL}s",
        "sample": f"{INTERVAL}s", "channel": "c", "format": "text",
        "notices": "pinfo:notice", "incidents": [], "expect": "any",
        "memory_limit": "", "user": "u", "password_file": "", "cacert": "",
        "cacertdir": "", "cert": "", "key": "", "sni": "", "verify": "full",
        "stopped": True,
    }]


def test_config_needs_no_file(fake, make_daemon):
    """With flags alone it is a configuration, too."""
    daemon = make_daemon(fake, "-i", "7")
    assert parse_conf(daemon.do("CONFIG"))["targets"][0]["interval"] == "7s"
