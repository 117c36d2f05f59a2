"""Passwords, users and what they are granted."""

import pytest

from harness import eventually, let_pass

RULES = ["on", ">secret", "resetkeys", "resetchannels", "&pinfo*", "-@all",
         "+info", "+publish"]
LOGIN = ["--user", "pinfod", "--pass", "secret"]


@pytest.fixture
def guarded(make_redis):
    """A server that wants the password `sesame`."""
    return make_redis(password="sesame", unix=True)


@pytest.fixture
def acl(server):
    """A server with the minimal user of the documentation."""
    server.grant("pinfod", *RULES)
    return server


@pytest.mark.parametrize("flags", [
    ["-a", "sesame"], ["--pass", "sesame"],
    ["--user", "default", "--pass", "sesame"],
], ids=["a", "pass", "user-pass"])
def test_right_password(flags, guarded, make_daemon, make_feed):
    """Each spelling of the password lets the daemon in."""
    daemon = make_daemon(guarded, *flags, "-i", "0.2")
    make_feed(guarded).wait_count(2)
    assert daemon.status_target()["state"] == "up"


@pytest.mark.parametrize("form", [
    "redis://default:sesame@{0.host}:{0.port}",
    "redis://:sesame@{0.host}:{0.port}",
    "unix://default:sesame@{0.path}",
])
def test_password_in_uri(form, guarded, make_daemon, make_feed):
    """A URI carries user and password; STATUS shows neither."""
    daemon = make_daemon("-u", form.format(guarded), "-i", "0.2")
    make_feed(guarded).wait_count(2)
    assert daemon.status_target()["address"] in (guarded.name, guarded.path)
    assert "sesame" not in daemon.do("STATUS", "JSON")


def test_password_from_the_environment(guarded, make_daemon):
    """REDISCLI_AUTH is the password when none is given, without a warning."""
    daemon = make_daemon(guarded, env={"REDISCLI_AUTH": "sesame"})
    daemon.wait_status(state="up")
    assert not daemon.log_lines("(?i)password")


def test_user_with_the_password_from_the_environment(acl, make_daemon):
    """--user alone takes its password from REDISCLI_AUTH."""
    daemon = make_daemon(acl, "--user", "pinfod",
                         env={"REDISCLI_AUTH": "secret"})
    daemon.wait_status(state="up", publish_state="ok", published=1)


def test_flag_goes_before_the_environment(guarded, make_daemon):
    """A password by flag is not overruled by REDISCLI_AUTH."""
    daemon = make_daemon(guarded, "-a", "sesame",
                         env={"REDISCLI_AUTH": "wrong"})
    daemon.wait_status(state="up")


def test_environment_serves_uris_without_password(guarded, make_daemon):
    """REDISCLI_AUTH also counts for a target given by -u."""
    daemon = make_daemon("-u", guarded.uri, env={"REDISCLI_AUTH": "sesame"})
    daemon.wait_status(state="up")


def test_missing_password(guarded, make_daemon):
    """Without a password: denied, and NOAUTH is the reason."""
    daemon = make_daemon(guarded, "-i", "0.2")
    assert "NOAUTH" in daemon.wait_status(state="denied")["reason"]


def test_wrong_password(guarded, make_daemon):
    """With a wrong one: denied, and WRONGPASS is the reason."""
    daemon = make_daemon(guarded, "-a", "guess", "-i", "0.2")
    assert "WRONGPASS" in daemon.wait_status(state="denied")["reason"]


def test_wrong_password_does_not_hammer(guarded, make_daemon):
    """A refused password is not tried at every tick."""
    daemon = make_daemon(guarded, "-a", "guess", "-i", "0.1")
    daemon.wait_status(state="denied")
    client = guarded.client()
    before = client.info("stats")["total_connections_received"]
    let_pass(2)
    after = client.info("stats")["total_connections_received"]
    assert after - before <= 5


def test_password_set_right_on_the_server(guarded, make_daemon, make_feed):
    """Denied ends without a restart when the server takes the password."""
    daemon = make_daemon(guarded, "-a", "later", "-i", "0.2")
    feed = make_feed(daemon)
    daemon.wait_status(state="denied")
    with guarded.resp() as connection:
        connection.call("CONFIG", "SET", "requirepass", "later")
    guarded.password = "later"
    feed.wait_count(2)
    assert daemon.wait_status(state="up")["reason"] is None


def test_superfluous_password(server, make_daemon):
    """A password for a server that wants none: it takes it or says why."""
    daemon = make_daemon(server, "-a", "sesame", "-i", "0.2")
    status = eventually(lambda: (s := daemon.status_target()) and
                        s["state"] != "starting" and s)
    assert status["state"] == "up" or status["reason"]


def test_minimal_user(acl, make_daemon, make_feed):
    """+info +publish &pinfo* is enough for the feed."""
    daemon = make_daemon(acl, *LOGIN, "-i", "0.2")
    make_feed(acl).wait_count(3)
    assert daemon.status_target()["publish_state"] == "ok"


def test_minimal_user_is_refused_nothing(acl, make_daemon, make_feed):
    """Nothing that it needs: only its save points, which are asked for once."""
    make_daemon(acl, *LOGIN, "-i", "0.1")
    make_feed(acl).wait_count(10)
    denied = [dict(zip(row[::2], row[1::2])) for row in acl.call("ACL", "LOG")]
    assert [(row[b"object"].split(b"|")[0], row[b"count"]) for row in denied] == [
        (b"config", 1)]
    acl.call("ACL", "SETUSER", "pinfod", "+config|get")
    acl.call("ACL", "LOG", "RESET")
    make_daemon(acl, *LOGIN, "-i", "0.1")
    make_feed(acl).wait_count(10)
    assert acl.call("ACL", "LOG") == []


def test_user_without_info(acl, make_daemon):
    """No +info: denied, and the reason names the grant."""
    acl.call("ACL", "SETUSER", "pinfod", "-info")
    daemon = make_daemon(acl, *LOGIN, "-i", "0.2")
    status = daemon.wait_status(state="denied")
    assert "NOPERM" in status["reason"]
    assert "info" in status["reason"].lower()


def test_info_granted_later(acl, make_daemon, make_feed):
    """Denied ends without a restart when +info is granted."""
    acl.call("ACL", "SETUSER", "pinfod", "-info")
    daemon = make_daemon(acl, *LOGIN, "-i", "0.2")
    feed = make_feed(acl)
    daemon.wait_status(state="denied")
    acl.call("ACL", "SETUSER", "pinfod", "+info")
    feed.wait_count(2)
    daemon.wait_status(state="up")


@pytest.mark.parametrize("taken", [
    "-publish",
    pytest.param("resetchannels", marks=pytest.mark.since("6.2", "ACLs for channels")),
])
def test_user_without_publish(taken, acl, make_daemon, make_feed):
    """No PUBLISH: up, publish denied; the control socket has the feed."""
    acl.call("ACL", "SETUSER", "pinfod", taken)
    daemon = make_daemon(acl, *LOGIN, "-i", "0.2")
    here, there = make_feed(daemon), make_feed(acl)
    here.wait_count(4)
    status = daemon.wait_status(state="up", publish_state="denied")
    assert "NOPERM" in status["publish_reason"]
    assert status["published"] == 0
    assert status["dropped"] >= 1
    assert not there.messages


def test_publish_granted_later(acl, make_daemon, make_feed):
    """Publishing begins without a restart when +publish is granted."""
    acl.call("ACL", "SETUSER", "pinfod", "-publish")
    daemon = make_daemon(acl, *LOGIN, "-i", "0.2")
    there = make_feed(acl)
    daemon.wait_status(publish_state="denied")
    acl.call("ACL", "SETUSER", "pinfod", "+publish")
    there.wait_count(2, timeout=20)
    daemon.wait_status(publish_state="ok", publish_reason=None)


@pytest.mark.parametrize("flags", [
    ["-a", "hunter2secret"], ["-ahunter2secret"],
    ["--pass", "hunter2secret"], ["--pass=hunter2secret"],
    ["-u", "redis://me:hunter2secret@127.0.0.1:{port}"],
], ids=["a", "a-joined", "pass", "pass-joined", "uri"])
def test_password_is_wiped_from_the_process_list(flags, server, make_daemon):
    """No password in /proc/PID/cmdline, one warning, none in the log."""
    flags = [flag.format(port=server.port) for flag in flags]
    if flags[0] != "-u":
        flags = server.flags + flags
    daemon = make_daemon(*flags)
    with open(f"/proc/{daemon.pid}/cmdline", "rb") as cmdline:
        assert b"hunter2" not in cmdline.read()
    assert len(daemon.log_lines("(?i)password.*(list|command|visible|flag)|"
                                "command line.*password")) == 1
    assert "hunter2" not in daemon.log


def test_password_after_a_reconnect(guarded, make_daemon):
    """The wiped password still serves when the server has been away."""
    daemon = make_daemon(guarded, "-a", "sesame", "-i", "0.2")
    daemon.wait_status(state="up")
    guarded.kill()
    daemon.wait_status(state="down")
    guarded.start()
    daemon.wait_status(state="up")
