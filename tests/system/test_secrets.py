"""Passwords that lie in files, come from a terminal, and stay secret."""

import contextlib
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import termios
import time

import pytest

from harness import (
    SLOW, ConfFile, Daemon, ReplyError, clean_environment, conf_target,
    conf_text, die_with_parent, eventually, pinfod_binary, process_state,
    run_pinfod, temporary_directory,
)

SECRET = "hunter2-Zyx"
STRANGER = 12345

as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can give files away",
)


@pytest.fixture
def guarded(make_redis):
    """A server that wants the password."""
    return make_redis(password=SECRET)


@pytest.fixture
def conf(tmp_path):
    return ConfFile(tmp_path)


@pytest.fixture
def secret(tmp_path):
    """The file that holds the password."""
    path = tmp_path / "secret"
    write(path, SECRET + "\n")
    return path


def write(path, text, mode=0o600):
    """Replace a file in one step, so that nobody reads half of it."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(text.encode() if isinstance(text, str) else text)
    fresh.chmod(mode)
    fresh.rename(path)


def using(server, path, **options):
    return conf_text(conf_target(server, name="t", interval=0.2,
                                 password_file=path, **options))


def warning(conf):
    """What --test-config warns of, in one line."""
    done = run_pinfod("--config", conf.path, "--test-config")
    assert done.returncode == 0, done
    line, = done.stderr.splitlines()
    return line


# What may be in the file.


@pytest.mark.parametrize("text", [
    SECRET, SECRET + "\n", SECRET + "\r\n", SECRET + "\nsecond\nthird\n",
    SECRET + "\n" + "x" * 100_000, SECRET + "\n\n",
], ids=["bare", "LF", "CR LF", "several lines", "long rest", "empty rest"])
def test_first_line_is_the_password(text, guarded, conf, secret, make_daemon):
    """Without its end; the rest does not matter."""
    write(secret, text)
    conf.write(using(guarded, secret))
    make_daemon(conf).wait_status("t", state="up", publish_state="ok")


@pytest.mark.parametrize("password", [
    " blanks around ", "tab\there", "é€😀", "\"'\\$#;{}", "x" * 4096, "*1\\r",
], ids=["blanks", "tab", "unicode", "quotes", "longest", "protocol"])
def test_odd_password(password, server, conf, secret, make_daemon):
    """Every character counts."""
    server.call("CONFIG", "SET", "requirepass", password)
    server.password = password
    write(secret, password + "\n")
    conf.write(using(server, secret))
    make_daemon(conf).wait_status("t", state="up")


def test_user_with_a_password_file(server, conf, secret, make_daemon):
    """The file goes with a user."""
    server.call("ACL", "SETUSER", "me", "on", f">{SECRET}", "&*", "+@all")
    conf.write(using(server, secret, user="me"))
    make_daemon(conf).wait_status("t", state="up", user="me")
    assert "user=me" in server.call("CLIENT", "LIST").decode()


def test_wrong_password(guarded, conf, secret, make_daemon):
    """Denied, with the server's word for it."""
    write(secret, "guess\n")
    conf.write(using(guarded, secret))
    status = make_daemon(conf).wait_status("t", state="denied")
    assert "WRONGPASS" in status["reason"]


def make_bad(kind, path):
    """Put something at path that cannot be used; what the reason says."""
    if kind == "missing":
        path.unlink()
        return "No such file"
    if kind == "empty":
        write(path, "")
        return "empty"
    if kind == "empty first line":
        write(path, f"\n{SECRET}\n")
        return "empty"
    if kind == "too long":
        write(path, "x" * 4097)
        return "4096"
    if kind == "NUL":
        write(path, f"{SECRET}\0more\n")
        return "first line"
    if kind == "directory":
        path.unlink()
        path.mkdir()
        return "regular file"
    if kind == "fifo":
        path.unlink()
        os.mkfifo(path, 0o600)
        return "regular file"
    if kind == "dangling link":
        path.unlink()
        path.symlink_to("nowhere")
        return "No such file"
    if kind == "device":
        path.unlink()
        path.symlink_to("/dev/null")
        return "regular file"
    raise AssertionError(kind)


KINDS = ["missing", "empty", "empty first line", "too long", "NUL",
         "directory", "fifo", "dangling link", "device"]


@pytest.mark.parametrize("kind", KINDS)
def test_unusable_file(kind, guarded, conf, secret, make_daemon):
    """Denied, naming the file and what is wrong with it; no hang."""
    what = make_bad(kind, secret)
    conf.write(using(guarded, secret))
    reason = make_daemon(conf).wait_status("t", state="denied")["reason"]
    assert str(secret) in reason and what in reason


@pytest.mark.parametrize("kind", KINDS)
def test_unusable_file_is_warned_of(kind, guarded, conf, secret):
    """Whoever looks at the configuration is told, too."""
    what = make_bad(kind, secret)
    conf.write(using(guarded, secret))
    line = warning(conf)
    assert str(secret) in line and what in line and SECRET not in line


@pytest.mark.parametrize("kind", KINDS)
def test_unusable_file_that_becomes_one(
    kind, guarded, conf, secret, make_daemon,
):
    """It is read at each attempt: no reload, no restart."""
    make_bad(kind, secret)
    conf.write(using(guarded, secret))
    daemon = make_daemon(conf)
    daemon.wait_status("t", state="denied")
    if secret.is_dir():
        secret.rmdir()
    write(secret, SECRET)
    daemon.wait_status("t", state="up", reason=None, timeout=20)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o666, 0o660, 0o650, 0o601])
def test_mode_that_is_too_open(mode, guarded, conf, secret, make_daemon):
    """Refused with the mode and the cure."""
    secret.chmod(mode)
    conf.write(using(guarded, secret))
    reason = make_daemon(conf).wait_status("t", state="denied")["reason"]
    assert f"{mode:04o}" in reason and "chmod" in reason
    assert str(secret) in reason


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_mode_that_is_fine(mode, guarded, conf, secret, make_daemon):
    """0600, or 0640 with our own group, and less."""
    secret.chmod(mode)
    conf.write(using(guarded, secret))
    make_daemon(conf).wait_status("t", state="up")


@as_root
def test_owner_who_is_a_stranger(guarded, conf, secret, make_daemon):
    """Another user's file is refused by that user's number."""
    os.chown(secret, STRANGER, -1)
    conf.write(using(guarded, secret))
    reason = make_daemon(conf).wait_status("t", state="denied")["reason"]
    assert str(STRANGER) in reason and str(secret) in reason


@as_root
def test_group_that_is_a_stranger(guarded, conf, secret, make_daemon):
    """0640 with another group is refused, with the cure."""
    os.chown(secret, -1, STRANGER)
    secret.chmod(0o640)
    conf.write(using(guarded, secret))
    reason = make_daemon(conf).wait_status("t", state="denied")["reason"]
    assert str(STRANGER) in reason and "chmod 0600" in reason


@as_root
@pytest.mark.parametrize("owner, group, mode, state", [
    (0, STRANGER, 0o640, "up"), (STRANGER, STRANGER, 0o600, "up"),
    (STRANGER, STRANGER, 0o640, "up"), (0, 0, 0o600, "denied"),
    (STRANGER + 1, STRANGER, 0o640, "denied"),
])
def test_daemon_of_another_user(
    owner, group, mode, state, guarded, closing,
):
    """Root's file or its own, readable by its own group at most."""
    daemon = Daemon("--config", "unset")
    os.chown(daemon.dir, STRANGER, STRANGER)
    secret, file = daemon.dir / "secret", ConfFile(daemon.dir)
    write(secret, SECRET, mode)
    os.chown(secret, owner, group)
    file.write(using(guarded, secret))
    daemon.args = file.flags
    closing(daemon).start(user=STRANGER, group=STRANGER, extra_groups=[])
    daemon.wait_status("t", state=state)


# A new password.


@pytest.mark.parametrize("first", ["server", "file"])
def test_rotation(first, guarded, conf, secret, make_daemon, make_feed):
    """Password changed, clients killed: back without restart or reload."""
    conf.write(using(guarded, secret))
    daemon = make_daemon(conf)
    feed = make_feed(daemon)
    daemon.wait_status("t", state="up")
    if first == "file":
        write(secret, "another\n")
    with guarded.resp() as connection:
        connection.call("CONFIG", "SET", "requirepass", "another")
        guarded.password = "another"
        connection.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    if first == "server":
        daemon.wait_status("t", state="denied")
        write(secret, "another\n")
    daemon.wait_status("t", state="up", reason=None, timeout=20)
    feed.wait_more(3)
    assert daemon.status()["config"]["reloads"] == 0


def test_new_file_does_not_disturb(guarded, conf, secret, make_daemon):
    """As long as the connection holds, the file is not looked at."""
    conf.write(using(guarded, secret))
    daemon = make_daemon(conf)
    daemon.wait_status("t", state="up")
    secret.unlink()
    assert daemon.do("RELOAD") == "OK"
    before = daemon.status_target("t")["samples"]
    eventually(lambda: daemon.status_target("t")["samples"] >= before + 3)
    assert daemon.status_target("t")["connects"] == 1


# Credentials of the service manager.


def with_credential(server, name="redis"):
    return conf_text(conf_target(server, name="t", interval=0.2,
                                 credential=name))


def test_credential(guarded, conf, secret, make_daemon):
    """The file of that name in CREDENTIALS_DIRECTORY."""
    conf.write(with_credential(guarded, secret.name))
    daemon = make_daemon(conf, env={"CREDENTIALS_DIRECTORY": secret.parent})
    daemon.wait_status("t", state="up")


def test_credential_that_is_missing(guarded, conf, tmp_path, make_daemon):
    """Denied, naming its file."""
    conf.write(with_credential(guarded, "nosuch"))
    daemon = make_daemon(conf, env={"CREDENTIALS_DIRECTORY": tmp_path})
    assert f"{tmp_path}/nosuch" in \
        daemon.wait_status("t", state="denied")["reason"]


def test_credential_without_service_manager(guarded, conf):
    """Without CREDENTIALS_DIRECTORY it is an error that names both."""
    conf.write(with_credential(guarded))
    done = run_pinfod("--config", conf.path, "--test-config")
    assert done.returncode == 78
    assert re.search(r"pinfod\.conf:2: .*credential.*CREDENTIALS_DIRECTORY",
                     done.stderr)


@pytest.mark.parametrize("name", ["a/b", "/etc/shadow", "..", ".", "../x"])
def test_credential_that_is_a_path(name, guarded, conf, tmp_path):
    """It is a name, and stays in its directory."""
    conf.write(with_credential(guarded, name))
    done = run_pinfod("--config", conf.path, "--test-config",
                      env={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert done.returncode == 78
    assert "credential" in done.stderr and name in done.stderr


def test_credential_over_the_defaults_file(guarded, conf, secret, make_daemon):
    """A target's credential goes before the defaults' password_file."""
    conf.write(conf_text(
        conf_target(guarded, name="t", credential=secret.name),
        defaults={"password_file": "/nowhere/x"}))
    daemon = make_daemon(conf, env={"CREDENTIALS_DIRECTORY": secret.parent})
    daemon.wait_status("t", state="up")


# The environment.


def test_environment_is_for_the_files_targets(guarded, conf, make_daemon):
    """REDISCLI_AUTH serves targets that name no password."""
    conf.write(conf_text(conf_target(guarded, name="t")))
    daemon = make_daemon(conf, env={"REDISCLI_AUTH": SECRET})
    daemon.wait_status("t", state="up")


def test_password_file_goes_before_the_environment(
    guarded, conf, secret, make_daemon,
):
    """A target's own password_file is not overruled by REDISCLI_AUTH."""
    conf.write(using(guarded, secret))
    daemon = make_daemon(conf, env={"REDISCLI_AUTH": "wrong"})
    daemon.wait_status("t", state="up")


# The terminal.


class Asking:
    """pinfod --askpass on a terminal of its own."""

    def __init__(self, *args):
        self.said = b""
        self.code = None
        self.home = temporary_directory("askpass")
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            die_with_parent()
            os.execve(pinfod_binary(),
                      ["pinfod", "--askpass", *map(str, args)],
                      clean_environment(self.home))

    def wait_for(self, text):
        deadline = time.monotonic() + 5 * SLOW
        while text not in self.said:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.fd], [], [], left)[0], \
                f"{text} within {self.said}"
            self.said += os.read(self.fd, 4096)

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def type(self, data):
        """Once it asks: it throws away what was typed before."""
        self.wait_for(b"Password: ")
        os.write(self.fd, data)

    def wait_exit(self):
        """The exit code; negative: a signal."""
        def ended():
            with contextlib.suppress(OSError):
                while select.select([self.fd], [], [], 0)[0]:
                    data = os.read(self.fd, 4096)
                    if not data:
                        break
                    self.said += data
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            return pid

        eventually(ended, what="its end")
        return self.code

    def close(self):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        shutil.rmtree(self.home)
        os.close(self.fd)


@pytest.fixture
def ask(closing):
    """ask("-p", 1): --askpass with these flags."""
    return lambda *args: closing(Asking(*args))


def test_askpass(guarded, ask, tmp_path):
    """What is typed is the password; it is not shown."""
    asking = ask(*guarded.flags, "--control", tmp_path / "c", "-i", "0.2")
    asking.type(SECRET.encode() + b"\n")
    asking.wait_for(b": up: ")
    assert SECRET.encode() not in asking.said


def test_askpass_hides_while_it_asks(ask, tmp_path):
    """Echo is off during the question and on after it."""
    asking = ask("--config", "/dev/null", "--test-config")
    asking.wait_for(b"Password: ")
    assert not asking.echoes()
    asking.type(b"x\n")
    assert asking.wait_exit() == 0
    assert asking.echoes()


def test_askpass_interrupted(ask):
    """Ctrl-C ends it by the signal, and leaves the echo on."""
    asking = ask("--config", "/dev/null", "--test-config")
    asking.type(b"half\x03")
    assert asking.wait_exit() == -signal.SIGINT
    assert asking.echoes()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP,
                                    signal.SIGQUIT])
def test_askpass_ended(number, ask):
    """Whatever ends it leaves the echo on."""
    asking = ask("--config", "/dev/null", "--test-config")
    asking.wait_for(b"Password: ")
    os.kill(asking.pid, number)
    assert asking.wait_exit() == -number
    assert asking.echoes()


def test_askpass_end_of_file(ask):
    """Ctrl-D is no password: an error that does not deny the terminal."""
    asking = ask("--config", "/dev/null", "--test-config")
    asking.type(b"\x04")
    assert asking.wait_exit() == 64
    assert asking.echoes()
    assert b"no terminal" not in asking.said


def test_askpass_prints_no_password(ask):
    """--test-config says that there is one, and not which."""
    asking = ask("--config", "/dev/null", "--test-config")
    asking.type(SECRET.encode() + b"\n")
    assert asking.wait_exit() == 0
    assert b"127.0.0.1" in asking.said and SECRET.encode() not in asking.said


def test_askpass_without_terminal():
    """No terminal: a clear error, at once."""
    done = subprocess.run(
        [pinfod_binary(), "--askpass", "--config", "/dev/null",
         "--test-config"],
        env=clean_environment("/tmp"), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=5 * SLOW,
        start_new_session=True)
    assert done.returncode == 64
    assert re.search("--askpass: .*terminal", done.stderr)


# Nobody else learns it.

PLACES = ["flag", "environment", "file", "uri", "defaults"]


def with_password(place, server, conf, secret):
    """Flags and environment that give SECRET in that way."""
    if place == "flag":
        return [server, "-a", SECRET], {}
    if place == "environment":
        return [server], {"REDISCLI_AUTH": SECRET}
    if place == "uri":
        return ["-u", f"redis://default:{SECRET}@{server.name}"], {}
    if place == "file":
        conf.write(using(server, secret))
    else:
        conf.write(conf_text(conf_target(server, name="t"),
                             defaults={"password_file": secret}))
    return [conf], {}


def everything_told(daemon):
    """What the daemon says to whom it may, its log and its arguments."""
    replies = []
    for words in (["STATUS"], ["STATUS", "JSON"], ["CONFIG"], ["INFO"],
                  ["METRICS"], ["TARGETS"], ["HELP"], ["RELOAD"],
                  ["CLIENT", "LIST"], ["COMMAND", "DOCS"]):
        try:
            replies.append(daemon.do(*words))
        except ReplyError as error:
            replies.append(str(error))
    with open(f"/proc/{daemon.pid}/cmdline", "rb") as file:
        replies.append(file.read())
    return repr(replies) + daemon.log


@pytest.mark.parametrize("place", PLACES)
def test_password_is_told_nobody(
    place, guarded, conf, secret, make_daemon,
):
    """Not in the log at level debug, in no reply, in no argument."""
    args, env = with_password(place, guarded, conf, secret)
    daemon = make_daemon(*args, "--log-level", "debug", env=env)
    eventually(lambda: daemon.status()["targets"][0]["state"] == "up")
    guarded.call("CLIENT", "KILL", "TYPE", "normal")
    eventually(lambda: daemon.status()["targets"][0]["connects"] == 2)
    daemon.do("RELOAD")
    assert SECRET not in everything_told(daemon)


@pytest.mark.parametrize("place", PLACES)
def test_wrong_password_is_told_nobody(
    place, make_redis, conf, secret, make_daemon,
):
    """Nor when the server refuses it."""
    server = make_redis(password="another")
    args, env = with_password(place, server, conf, secret)
    daemon = make_daemon(*args, "--log-level", "debug", env=env)
    eventually(lambda: daemon.status()["targets"][0]["state"] == "denied")
    assert SECRET not in everything_told(daemon)


@pytest.mark.parametrize("renamed", [["HELLO"], ["HELLO", "AUTH"]],
                         ids=" ".join)
def test_server_that_quotes_what_it_does_not_know(
    renamed, make_redis, conf, secret, make_daemon,
):
    """`unknown command 'AUTH', with args beginning with: …` is kept back."""
    server = make_redis(*[word for name in renamed
                          for word in ("--rename-command", name, "")])
    conf.write(using(server, secret))
    daemon = make_daemon(conf, "--log-level", "debug")
    eventually(lambda: daemon.status_target("t")["state"] != "starting")
    assert SECRET not in everything_told(daemon)


@pytest.mark.parametrize("place", PLACES)
def test_password_is_not_printed(place, guarded, conf, secret):
    """--test-config shows all but that."""
    args, env = with_password(place, guarded, conf, secret)
    flags = [word for arg in args for word in getattr(arg, "flags", [arg])]
    done = run_pinfod(*flags, "--test-config", env=env)
    assert done.returncode == 0, done
    assert SECRET not in done.stdout + done.stderr


def test_password_is_not_in_the_environment_of_the_list(guarded, make_daemon):
    """What the process list shows: the arguments hold no password."""
    daemon = make_daemon(guarded, f"--pass={SECRET}")
    shown = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(daemon.pid)],
                           capture_output=True, text=True, check=True).stdout
    assert "--pass" in shown and SECRET not in shown
    assert process_state(daemon.pid) in "SR"
