"""The control socket as a file: getting it, keeping it, who may use it."""

import grp
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess

import pytest

from harness import (
    SLOW, Daemon, die_with_parent, eventually, encode, let_pass, pinfod_binary,
    run_pinfod, temporary_directory,
)

UNAVAILABLE, USAGE = 69, 64
PATH_MAX = 107
NOBODY, STRANGER = 65534, 12345

as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become other users",
)


@pytest.fixture
def place(closing):
    """A path for a control socket in a directory that is there."""
    class Place:
        directory = temporary_directory("place")
        path = str(directory / "s")
        lock = path + ".lock"

        def close(self):
            shutil.rmtree(self.directory)

    return closing(Place())


@pytest.fixture
def make_at(closing, fake):
    """make_at(path, *args, start=True, user=…, umask=…)"""
    def make(path, *args, start=True, **options):
        daemon = closing(Daemon(fake, "-i", "3600", *args))
        daemon.control_path = str(path)
        return daemon.start(**options) if start else daemon

    return make


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def refused(path):
    """Start a second daemon there; it must end with 69.  What it says."""
    done = run_pinfod("--control", path, "--stopped")
    assert done.returncode == UNAVAILABLE, done
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


# What it looks like.

@pytest.mark.parametrize("umask", [0o022, 0o000, 0o077, 0o777])
def test_mode_of_the_socket(umask, place, make_at):
    """0660, whatever the umask."""
    make_at(place.path, umask=umask)
    assert stat.S_ISSOCK(os.stat(place.path).st_mode)
    assert mode(place.path) == 0o660


@pytest.mark.parametrize("umask", [0o022, 0o000])
def test_directory_is_made(umask, place, make_at):
    """One that is missing is made, and lets everybody look."""
    path = place.directory / "run" / "s"
    make_at(path, umask=umask)
    assert mode(path.parent) == 0o755


def test_directory_that_is_there_stays_as_it_is(place, make_at):
    """Its mode is its owner's affair."""
    make_at(place.path)
    assert mode(place.directory) == 0o700


def test_parents_are_not_made(place):
    """Only the last directory is; what fails is named."""
    path = str(place.directory / "a" / "b" / "s")
    assert str(place.directory / "a" / "b") in refused(path)
    assert os.listdir(place.directory) == []


def test_lock_file(place, make_at):
    """It stands beside the socket and holds the pid."""
    daemon = make_at(place.path)
    assert pathlib.Path(place.lock).read_text() == f"{daemon.pid}\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_clean_end(number, place, make_at):
    """Socket and lock go with the daemon; the directory stays."""
    daemon = make_at(place.path)
    daemon.terminate(number)
    assert daemon.wait_exit() == 0
    assert os.listdir(place.directory) == []


def test_shutdown_cleans_up_too(place, make_at):
    """So after SHUTDOWN."""
    daemon = make_at(place.path)
    daemon.raw().sendall(encode("SHUTDOWN"))
    assert daemon.wait_exit() == 0
    assert os.listdir(place.directory) == []


def test_socket_that_somebody_removed(place, make_at):
    """Without its socket the daemon runs on and ends cleanly."""
    daemon = make_at(place.path)
    os.unlink(place.path)
    let_pass(0.1)
    daemon.terminate()
    assert daemon.wait_exit() == 0
    assert os.listdir(place.directory) == []


@pytest.mark.parametrize("length,code", [
    (PATH_MAX, None), (PATH_MAX + 1, USAGE), (5000, USAGE),
])
def test_length_of_the_path(length, code, place, make_at):
    """107 bytes are a path, one more is a usage error, and nothing is cut."""
    path = f"{place.directory}/".ljust(length, "s")
    if code is None:
        make_at(path)
        assert sorted(os.listdir(place.directory)) == sorted(
            [os.path.basename(path), os.path.basename(path) + ".lock"]
        )
    else:
        done = run_pinfod("--control", path)
        assert done.returncode == code
        assert f"1 to {PATH_MAX}" in done.stderr
        assert os.listdir(place.directory) == []


def test_empty_path():
    """No path is no path."""
    assert run_pinfod("--control", "").returncode == USAGE


# What is in the way.

def test_live_daemon(place, make_at):
    """The second one ends with 69 and names the first one's pid."""
    daemon = make_at(place.path)
    said = refused(place.path)
    assert f"pid {daemon.pid}" in said and place.path in said
    assert daemon.do("PING") == "PONG"
    assert sorted(os.listdir(place.directory)) == ["s", "s.lock"]


def test_suspended_daemon(place, make_at):
    """One that does not answer is not dead."""
    daemon = make_at(place.path)
    daemon.suspend()
    assert f"pid {daemon.pid}" in refused(place.path)
    daemon.resume()
    assert daemon.do("PING") == "PONG"


def test_daemon_whose_socket_somebody_removed(place, make_at):
    """The lock alone keeps the second one out."""
    daemon = make_at(place.path)
    os.unlink(place.path)
    assert f"pid {daemon.pid}" in refused(place.path)
    assert os.listdir(place.directory) == ["s.lock"]


def test_stale_socket(place, make_at):
    """What kill -9 left behind is replaced."""
    first = make_at(place.path)
    first.kill()
    assert sorted(os.listdir(place.directory)) == ["s", "s.lock"]
    old = os.stat(place.path).st_ino, os.stat(place.path).st_ctime_ns
    second = make_at(place.path)
    new = os.stat(place.path)
    assert (new.st_ino, new.st_ctime_ns) != old
    assert second.do("PING") == "PONG"
    assert pathlib.Path(place.lock).read_text() == f"{second.pid}\n"


def test_stale_socket_without_a_lock(place, make_at):
    """A socket on which nobody listens is stale by itself."""
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(place.path)
    assert make_at(place.path).do("PING") == "PONG"


@pytest.mark.parametrize("kind", [
    "file", "empty file", "directory", "fifo", "link", "dangling link",
    "link to a socket",
])
def test_what_is_no_socket(kind, place):
    """It stays as it is; 69, and the message names the path."""
    elsewhere = place.directory / "elsewhere"
    with socket.socket(socket.AF_UNIX) as other:
        if kind.endswith("file"):
            pathlib.Path(place.path).write_text("x" * (kind == "file"))
        elif kind == "directory":
            os.mkdir(place.path)
        elif kind == "fifo":
            os.mkfifo(place.path)
        else:
            if kind == "link":
                elsewhere.write_text("precious")
            elif kind == "link to a socket":
                other.bind(str(elsewhere))
            os.symlink(elsewhere, place.path)
    before = os.lstat(place.path)
    assert place.path in refused(place.path)
    after = os.lstat(place.path)
    assert (before.st_ino, before.st_mode, before.st_mtime_ns) \
        == (after.st_ino, after.st_mode, after.st_mtime_ns)
    assert not os.path.lexists(place.lock)
    if kind == "link":
        assert elsewhere.read_text() == "precious"


def test_foreign_listener(place):
    """A socket on which another program listens is not touched."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(place.path)
        other.listen()
        before = os.stat(place.path)
        assert place.path in refused(place.path)
        assert os.stat(place.path).st_ino == before.st_ino
        assert not os.path.exists(place.lock)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(place.path)


def test_foreign_listener_that_is_busy(place):
    """Nor one whose backlog is full."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(place.path)
        other.listen(0)
        with socket.socket(socket.AF_UNIX) as first:
            first.connect(place.path)
            refused(place.path)
            assert os.path.exists(place.path)


def test_foreign_datagram_socket(place):
    """Nor one of another kind."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(place.path)
        refused(place.path)
        assert os.path.exists(place.path)


def test_lock_that_is_a_link(place):
    """The lock is not written through a link."""
    precious = place.directory / "precious"
    precious.write_text("precious")
    os.symlink(precious, place.lock)
    assert place.lock in refused(place.path)
    assert precious.read_text() == "precious"


def test_directory_that_cannot_be_written(place):
    """The reason is the errno in words."""
    said = refused("/proc/pinfod-test/s")
    assert "No such file or directory" in said or "Permission denied" in said


class Pair:
    """Two daemons started at once on one socket."""

    def __init__(self, path, fake, home):
        self.path = path
        command = [pinfod_binary(), "--control", path, *fake.flags, "-i", "3600"]
        self.log = open(home / "log", "w+b")
        self.processes = [
            subprocess.Popen(command, stdout=self.log, stderr=self.log,
                             stdin=subprocess.DEVNULL, cwd=home,
                             preexec_fn=die_with_parent)
            for _ in range(2)
        ]

    def winner(self):
        """The one that lives, when the other has ended with 69."""
        def one_ended():
            return [p for p in self.processes if p.poll() is not None]

        eventually(one_ended, what="one of two ends")
        codes = [process.poll() for process in self.processes]
        assert sorted(codes, key=str) == [UNAVAILABLE, None], codes
        return self.processes[codes.index(None)]

    def answers(self, process):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(5 * SLOW)
            try:
                sock.connect(self.path)
            except OSError:
                return False
            sock.sendall(b"STATUS\r\n")
            return b"pid %d," % process.pid in sock.recv(1000)

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
        self.log.close()


@pytest.mark.parametrize("part", range(4))
def test_two_at_once(part, place, fake):
    """Of two started together one lives, over what kill -9 left, each time."""
    for _ in range(25):
        pair = Pair(place.path, fake, place.directory)
        try:
            winner = pair.winner()
            eventually(lambda: pair.answers(winner))
            assert winner.poll() is None
        finally:
            pair.close()


@pytest.mark.parametrize("part", range(2))
def test_one_ends_while_another_starts(part, place, fake, make_at):
    """A clean end removes only its own files, never the next one's."""
    for _ in range(10):
        first = make_at(place.path)
        first.terminate()
        pair = Pair(place.path, fake, place.directory)
        try:
            eventually(lambda: all(p.poll() is not None for p in pair.processes)
                       or any(p.poll() is None and pair.answers(p)
                              for p in pair.processes))
            alive = [p for p in pair.processes if p.poll() is None]
            assert len(alive) <= 1 or eventually(pair.winner)
            if alive:
                assert pair.answers(pair.winner())
        finally:
            pair.close()
        assert first.wait_exit() == 0


# Who may do what.

def ask(path, request, user, group=None, groups=()):
    """The first line of the answer that a user gets; None: not let in."""
    done = subprocess.run(
        ["nc", "-N", "-U", path], input=request.encode() + b"\n",
        capture_output=True, timeout=5 * SLOW, user=user,
        group=group or user, extra_groups=groups,
    )
    if done.returncode:
        assert b"Permission denied" in done.stderr, done
        return None
    return done.stdout.decode().partition("\r\n")[0]


def some_group():
    """A group that is none of root's."""
    return next(row for row in grp.getgrall() if 0 < row.gr_gid < 1000)


@pytest.fixture
def open_place(place):
    """A place that every user reaches."""
    os.chmod(place.directory, 0o755)
    return place


@pytest.fixture
def public_binary(open_place, monkeypatch):
    """The daemon's program, where every user may run it."""
    copy = open_place.directory / "pinfod"
    shutil.copy(pinfod_binary(), copy)
    os.chmod(copy, 0o755)
    monkeypatch.setenv("PINFOD", str(copy))


READ = [
    ("PING", "+PONG"), ("STATUS", "*2"), ("STATUS default JSON", "$"),
    ("INTERVAL", "$4"), ("SUBSCRIBE pinfo", "*3"), ("PSUBSCRIBE p*", "*3"),
    ("UNSUBSCRIBE", "*3"), ("HELP", "*"), ("COMMAND HELP", "*"), ("INFO", "$"),
    ("HELLO 3", "%7"), ("AUTH root toor", "+OK"), ("SELECT 0", "+OK"),
    ("ECHO a", "$1"), ("CLIENT ID", ":"), ("RESET", "+RESET"), ("QUIT", "+OK"),
]
OPERATE = [
    ("STOP", "+OK"), ("START default", "+OK"), ("INTERVAL 3600", "+OK"),
    ("PUSHPERSISTENCEINFO.STOP", "+OK"), ("PUSHPERSISTENCEINFO.TIMER", "+OK"),
]
ADMIN = [("SHUTDOWN", "")]


def check_privileges(daemon, allowed, denied, **who):
    for request, answer in allowed:
        got = ask(daemon.control_path, request, **who)
        assert got is not None and got.startswith(answer), (request, got)
    for request, _ in denied:
        got = ask(daemon.control_path, request, **who)
        assert got and got.startswith("-NOPERM "), (request, got)


@as_root
def test_mode_keeps_strangers_out(open_place, make_at):
    """Neither owner nor group: the kernel says no."""
    daemon = make_at(open_place.path)
    assert ask(daemon.control_path, "PING", STRANGER) is None
    assert ask(daemon.control_path, "PING", NOBODY) is None


@as_root
@pytest.mark.parametrize("user,groups", [
    (STRANGER, ()), (NOBODY, ()), (STRANGER, (0,)), (NOBODY, (0,)),
], ids=["stranger", "nobody", "in root's group", "nobody in root's group"])
def test_read(user, groups, open_place, make_at):
    """Everybody that the mode lets in reads, and does nothing else."""
    daemon = make_at(open_place.path)
    os.chmod(open_place.path, 0o666)
    check_privileges(daemon, READ, OPERATE + ADMIN + [("POLL", "")],
                     user=user, groups=groups)
    assert daemon.status_target()["state"] == "up"


@as_root
def test_operate(open_place, make_at):
    """A member of the control group by a supplementary group alone."""
    group = some_group()
    daemon = make_at(open_place.path, "--control-group", group.gr_name)
    check_privileges(daemon, READ + OPERATE, ADMIN, user=STRANGER,
                     groups=(group.gr_gid,))


@as_root
def test_operate_by_the_primary_group(open_place, make_at):
    """A member by the primary group alone."""
    group = some_group()
    daemon = make_at(open_place.path, "--control-group", group.gr_name)
    check_privileges(daemon, OPERATE, ADMIN, user=STRANGER, group=group.gr_gid)


@as_root
def test_operate_by_one_of_many_groups(open_place, make_at):
    """The control group may be the last of hundreds."""
    group = some_group()
    daemon = make_at(open_place.path, "--control-group", group.gr_name)
    check_privileges(daemon, OPERATE, ADMIN, user=STRANGER,
                     groups=(*range(20000, 20500), group.gr_gid))


@as_root
def test_no_member_of_the_control_group(open_place, make_at):
    """Other groups count for nothing."""
    group = some_group()
    daemon = make_at(open_place.path, "--control-group", group.gr_name)
    os.chmod(open_place.path, 0o666)
    check_privileges(daemon, READ, OPERATE + ADMIN, user=STRANGER,
                     groups=(20000, 20001))


@as_root
def test_nobody_in_the_control_group(open_place, make_at):
    """User 65534 reads only, whatever its groups."""
    group = some_group()
    daemon = make_at(open_place.path, "--control-group", group.gr_name)
    check_privileges(daemon, READ, OPERATE + ADMIN, user=NOBODY,
                     groups=(group.gr_gid,))


@as_root
def test_group_of_the_socket(open_place, make_at):
    """The socket belongs to the control group, its mode stays."""
    group = some_group()
    make_at(open_place.path, "--control-group", group.gr_name)
    found = os.stat(open_place.path)
    assert (found.st_uid, found.st_gid) == (0, group.gr_gid)
    assert mode(open_place.path) == 0o660


@as_root
def test_admin_is_root(open_place, make_at):
    """Root may do everything."""
    daemon = make_at(open_place.path)
    check_privileges(daemon, READ + OPERATE + ADMIN, [], user=0)
    assert daemon.wait_exit() == 0


@as_root
def test_admin_is_the_daemons_user(open_place, make_at, public_binary):
    """So may the user that pinfod runs as; others only read."""
    os.chown(open_place.directory, STRANGER, STRANGER)
    daemon = make_at(open_place.path, user=STRANGER, group=STRANGER,
                     extra_groups=[])
    os.chmod(open_place.path, 0o666)
    check_privileges(daemon, READ, OPERATE + ADMIN, user=STRANGER + 1)
    check_privileges(daemon, READ + OPERATE + ADMIN, [], user=STRANGER)
    assert daemon.wait_exit() == 0


@as_root
def test_root_is_admin_of_anybodys_daemon(open_place, make_at, public_binary):
    """Root may end a daemon that is not its own."""
    os.chown(open_place.directory, STRANGER, STRANGER)
    daemon = make_at(open_place.path, user=STRANGER, group=STRANGER,
                     extra_groups=[])
    check_privileges(daemon, OPERATE + ADMIN, [], user=0)
    assert daemon.wait_exit() == 0


@as_root
def test_group_that_the_daemon_may_not_give(open_place, make_at, public_binary):
    """A user who is no member cannot give the socket away: 69, no leftovers."""
    os.chown(open_place.directory, STRANGER, STRANGER)
    group = some_group()
    daemon = make_at(open_place.path, "--control-group", group.gr_name,
                     user=STRANGER, group=STRANGER, extra_groups=[], wait=False)
    assert daemon.wait_exit(within=5) == UNAVAILABLE
    assert daemon.log_lines("cannot give")
    assert os.listdir(open_place.directory) == ["pinfod"]
