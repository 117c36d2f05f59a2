"""The service manager: what it is told, what it hands over, what it can rely on.

No systemd is booted here. A test plays the manager: a datagram socket stands in
NOTIFY_SOCKET, and sockets are handed over as systemd does it.
"""

import grp
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest

from harness import (
    SLOW, ConfFile, Daemon, NameServer, Namespace, ReplyError, conf_target,
    eventually, nothing_for, pinfod_binary, run_pinfod, sanitized,
    temporary_directory,
)

STRANGER = 12345
UNAVAILABLE, CONFIG = 69, 78
ROOT = pathlib.Path(__file__).resolve().parents[2]

as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become other users",
)


@pytest.fixture
def place(closing):
    """A directory that every user reaches."""
    class Place:
        def __init__(self):
            self.dir = temporary_directory("service")
            self.dir.chmod(0o755)

        def close(self):
            shutil.rmtree(self.dir)

    return closing(Place())


@pytest.fixture
def conf(tmp_path):
    return ConfFile(tmp_path)


# The manager that is told.

class Manager:
    """Hears datagrams; each is kept as (monotonic time, {variable: value})."""

    def __init__(self, path):
        self.heard = []
        self.path = path
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.setblocking(False)
        self._sock.bind(path.replace("@", "\0", 1))
        self.env = {"NOTIFY_SOCKET": path}

    def listen(self):
        """Take what has come; return all that has been heard so far."""
        while True:
            try:
                text = self._sock.recv(8192).decode()
            except BlockingIOError:
                return self.heard
            pairs = [line.split("=", 1) for line in text.split("\n")]
            self.heard.append((time.monotonic(), dict(pairs)))

    def wait(self, since=0, **variables):
        """Wait for a datagram with these values; its place among all."""
        def found():
            for i, (_, said) in enumerate(self.listen()[since:], since):
                if variables.items() <= said.items():
                    return i + 1
            return None

        return eventually(found, what=f"{variables} among {self.heard}") - 1

    def wait_status(self, text, since=0):
        """Wait until STATUS= holds the text; it may come again as well."""
        def found():
            for i, (_, said) in enumerate(self.listen()[since:], since):
                if text in said.get("STATUS", ""):
                    return i + 1
            return None

        return eventually(found, what=f"STATUS {text} in {self.heard}") - 1

    def close(self):
        self._sock.close()


@pytest.fixture
def manager(closing, place):
    return closing(Manager(str(place.dir / "notify")))


def test_ready_does_not_wait_for_redis(manager, make_fake, make_daemon):
    """READY=1 comes first, when the control socket answers."""
    daemon = make_daemon(make_fake(start=False), env=manager.env, wait=False)
    manager.wait(READY="1")
    assert daemon.do("PING") == "PONG"
    assert manager.heard[0][1]["STATUS"] == "0 of 1 target up; starting: default"
    manager.wait_status("0 of 1 target up; down: default")


def test_abstract_address(closing, server, make_daemon):
    """@NAME is an abstract socket."""
    manager = closing(Manager(f"@pinfod-test-{os.getpid()}-{time.time_ns()}"))
    make_daemon(server, env=manager.env)
    manager.wait(READY="1")


def test_status_follows_the_targets(manager, make_redis, conf, make_daemon):
    """How many are up, and which are not, by their names."""
    servers = [make_redis() for _ in range(3)]
    conf.targets(*(conf_target(server, name=name, interval=0.2)
                   for server, name in zip(servers, ["a", "b", "carts"])))
    daemon = make_daemon(conf, env=manager.env)
    manager.wait(STATUS="3 of 3 targets up")
    servers[2].kill()
    since = manager.wait(STATUS="2 of 3 targets up; down: carts")
    daemon.do("STOP", "b")
    manager.wait(since, STATUS="1 of 3 targets up; down: carts; stopped: b")
    servers[2].start()
    daemon.do("START", "b")
    manager.wait(since + 1, STATUS="3 of 3 targets up")


def test_status_only_when_it_changes(manager, fake, make_daemon):
    """Ticks alone tell the manager nothing."""
    daemon = make_daemon(fake, "-i", "0.1", env=manager.env)
    manager.wait(STATUS="1 of 1 target up")
    have, ticks = len(manager.listen()), fake.count("INFO")
    nothing_for(1.5, lambda: manager.listen()[have:])
    assert fake.count("INFO") > ticks + 5
    assert daemon.do("PING") == "PONG"


def test_status_once_a_second(manager, fake, make_daemon):
    """However often a state changes."""
    daemon = make_daemon(fake, env=manager.env)
    manager.wait(STATUS="1 of 1 target up")
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        daemon.do("STOP")
        daemon.do("START")
        manager.listen()
    manager.wait(STATUS="1 of 1 target up")
    times = [at for at, said in manager.heard if "STATUS" in said]
    assert len(times) <= 6
    # The first is of READY; the time here is when it was read, not sent.
    assert all(b - a > 0.8 for a, b in zip(times, times[1:])), times


@pytest.fixture(params=["RELOAD", "SIGHUP"])
def reload(request):
    def by_command(daemon):
        try:
            daemon.do("RELOAD")
        except ReplyError as error:
            assert str(error).startswith("CONF ")

    if request.param == "RELOAD":
        return by_command
    return lambda daemon: daemon.terminate(signal.SIGHUP)


def microseconds():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def reloaded(manager, since):
    """Wait for RELOADING=1 and READY=1, in this order; both datagrams."""
    reloading = manager.wait(since, RELOADING="1")
    ready = manager.wait(reloading, READY="1")
    assert ready == reloading + 1
    return manager.heard[reloading][1], manager.heard[ready][1]


def test_reload(manager, reload, fake, conf, make_daemon):
    """RELOADING=1 with a time after the wish, then READY=1."""
    conf.targets(conf_target(fake, name="a"))
    daemon = make_daemon(conf, env=manager.env)
    manager.wait(READY="1")
    since = manager.wait(STATUS="1 of 1 target up")
    conf.targets(conf_target(fake, name="a"), conf_target(fake, name="b",
                                                          channel="other"))
    before = microseconds()
    reload(daemon)
    reloading, ready = reloaded(manager, since)
    assert before <= int(reloading["MONOTONIC_USEC"]) <= microseconds()
    assert ready["STATUS"] == "1 of 2 targets up; starting: b"


def test_failed_reload(manager, reload, fake, conf, make_daemon):
    """The same, and STATUS= tells of it until one succeeds."""
    conf.targets(conf_target(fake, name="a"))
    daemon = make_daemon(conf, env=manager.env)
    since = manager.wait(STATUS="1 of 1 target up")
    good = pathlib.Path(conf.path).read_text()
    conf.write("frobnicate = 1;\n")
    before = microseconds()
    reload(daemon)
    reloading, ready = reloaded(manager, since)
    assert before <= int(reloading["MONOTONIC_USEC"]) <= microseconds()
    assert ready["STATUS"].startswith(
        f"1 of 1 target up; the last reload failed: 1 error, nothing has "
        f"changed; {conf.path}:1: ")
    since = len(manager.listen())
    conf.write(good)
    reload(daemon)
    _, ready = reloaded(manager, since)
    assert ready["STATUS"] == "1 of 1 target up"


@pytest.mark.parametrize("way", ["SIGTERM", "SIGINT", "SHUTDOWN"])
def test_stopping(way, manager, fake, make_daemon):
    """STOPPING=1 is the last word."""
    daemon = make_daemon(fake, env=manager.env)
    manager.wait(READY="1")
    if way == "SHUTDOWN":
        daemon.raw().sendall(b"SHUTDOWN\r\n")
    else:
        daemon.terminate(getattr(signal, way))
    assert daemon.wait_exit() == 0
    assert manager.listen()[-1][1] == {"STOPPING": "1", "STATUS": "ending"}


@pytest.mark.parametrize("args", [["--test-config"], ["--version"], ["--help"],
                                  ["--probe"], ["--control", "/"]])
def test_not_a_word(args, manager, fake):
    """What is no daemon, or does not become one, tells nothing."""
    run_pinfod(*fake.flags, *args, env={**manager.env, "WATCHDOG_USEC": "1000"})
    assert manager.listen() == []


def test_nobody_there(place, fake, make_daemon):
    """A manager that is gone is told about once, and harms nothing."""
    daemon = make_daemon(fake, "-i", "0.2", env={
        "NOTIFY_SOCKET": str(place.dir / "none"), "WATCHDOG_USEC": "100000"})
    daemon.wait_status(state="up")
    eventually(lambda: fake.count("PUBLISH") > 5)
    assert len(daemon.log_lines("cannot be told")) == 1


def test_manager_that_does_not_read(place, fake, make_daemon, closing):
    """Its queue is full: the feed goes on, and so does the end."""
    manager = closing(Manager(str(place.dir / "notify")))
    daemon = make_daemon(fake, "-i", "0.1", env={
        **manager.env, "WATCHDOG_USEC": "2000"})
    daemon.wait_log("cannot be told", timeout=20)
    have = fake.count("PUBLISH")
    eventually(lambda: fake.count("PUBLISH") > have + 5)
    daemon.terminate()
    assert daemon.wait_exit() == 0


# The watchdog.

def fed(manager):
    return sum("WATCHDOG" in said for _, said in manager.listen())


def test_watchdog(manager, fake, make_daemon):
    """Fed at half of its time, while the loop turns and not else."""
    daemon = make_daemon(fake, wait=False, env={
        **manager.env, "WATCHDOG_USEC": str(400_000)})
    manager.wait(READY="1")
    eventually(lambda: fed(manager) >= 6)
    times = [at for at, said in manager.heard if "WATCHDOG" in said]
    assert all(said == {"WATCHDOG": "1"} for _, said in manager.heard
               if "WATCHDOG" in said)
    assert (times[5] - times[0]) / 5 == pytest.approx(0.2, abs=0.02 * SLOW)
    daemon.suspend()
    have = fed(manager)
    nothing_for(1, lambda: fed(manager) > have)
    daemon.resume()
    eventually(lambda: fed(manager) > have + 2)


def test_watchdog_of_another(manager, fake, make_daemon):
    """WATCHDOG_PID that is not ours: another process is watched."""
    make_daemon(fake, env={**manager.env, "WATCHDOG_USEC": "20000",
                           "WATCHDOG_PID": "1"})
    nothing_for(0.5, lambda: fed(manager))


@as_root
def test_watchdog_while_names_hang(manager, closing):
    """A name server that is silent is no reason to be killed."""
    namespace = closing(Namespace())
    names = closing(NameServer(namespace))
    names.names["slow.test"] = lambda query: None
    daemon = closing(Daemon("-h", "slow.test", env={
        **manager.env, "WATCHDOG_USEC": "100000"}))
    daemon.prefix = namespace.prefix
    daemon.start()
    eventually(lambda: names.asked("slow.test"))
    have = fed(manager)
    eventually(lambda: fed(manager) > have + 10)


# A socket that is handed over.

HAND_OVER = """
import fcntl, os, sys
given = [int(word) for word in sys.argv[1].split(",")]
given = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in given]
for at, fd in enumerate(given, 3):
    os.dup2(fd, at)
os.closerange(3 + len(given), 200)
os.environ.update(LISTEN_FDS=str(len(given)), LISTEN_PID=str(os.getpid()),
                  LISTEN_FDNAMES=":".join(["pinfod.socket"] * len(given)))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Socket:
    """What pinfod.socket makes of ListenStream=."""

    def __init__(self, path, kind=socket.SOCK_STREAM, listen=True):
        self.path = str(path)
        self.sock = socket.socket(socket.AF_UNIX, kind)
        self.sock.bind(self.path)
        os.chmod(self.path, 0o666)
        if listen:
            self.sock.listen(16)

    def close(self):
        self.sock.close()


@pytest.fixture
def make_activated(closing):
    """make_activated(sockets, *args, start=True, wait=True, env=…)"""
    def make(sockets, *args, env=None, start=True, **options):
        fds = [one.sock.fileno() for one in sockets]
        daemon = closing(Daemon(*args, env=env))
        daemon.prefix = [sys.executable, "-c", HAND_OVER,
                         ",".join(map(str, fds))]
        daemon.control_by_flag = False
        daemon.control_path = sockets[0].path
        if start:
            daemon.start(pass_fds=fds, **options)
        return daemon

    return make


@pytest.fixture
def given(place, closing):
    return closing(Socket(place.dir / "given.sock"))


def test_activation(given, fake, make_activated):
    """The socket is used, and stays when the daemon ends; there is no lock."""
    before = os.stat(given.path)
    daemon = make_activated([given], fake)
    daemon.wait_status(state="up")
    assert daemon.log_lines(rf"control socket {given.path}\b")
    assert not daemon.log_lines("control.path")
    daemon.terminate()
    assert daemon.wait_exit() == 0
    assert os.listdir(os.path.dirname(given.path)) == ["given.sock"]
    after = os.stat(given.path)
    assert (after.st_ino, after.st_mode, after.st_gid) == (
        before.st_ino, before.st_mode, before.st_gid)


def test_activation_by_a_client(given, fake, make_activated):
    """Who connected before the daemon was there is answered."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5 * SLOW)
        client.connect(given.path)
        client.sendall(b"PING\r\n")
        make_activated([given], fake)
        assert client.recv(100) == b"+PONG\r\n"


def test_activation_again(given, fake, make_activated):
    """The next daemon gets the same socket."""
    for way in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        daemon = make_activated([given], fake)
        assert daemon.status()["pid"] == daemon.pid
        daemon.terminate(way)
        daemon.wait_exit()


def test_activation_keeps_others_out(given, fake, make_activated):
    """A daemon that is started by hand there finds it alive."""
    daemon = make_activated([given], fake)
    done = run_pinfod("--control", given.path, "--stopped")
    assert done.returncode == UNAVAILABLE
    assert given.path in done.stderr
    assert daemon.do("PING") == "PONG"


def test_activation_elsewhere(given, place, fake, make_activated):
    """control.path that says something else is warned about, and not made."""
    path = place.dir / "else" / "s"
    daemon = make_activated([given], fake, "--control", path)
    assert daemon.log_lines(rf"nobody listens on {path}.*{given.path}")
    assert not path.parent.exists()


def test_activation_is_the_preset_path(given, fake, make_activated):
    """CONFIG says where clients find it; no other place is needed."""
    daemon = make_activated([given], fake, env={"RUNTIME_DIRECTORY": ""})
    assert f'path = "{given.path}";' in daemon.do("CONFIG")
    assert daemon.do("RELOAD") == "OK"
    assert not daemon.log_lines("needs a restart")


def test_activation_and_ready(given, manager, fake, make_activated):
    """Both protocols at once."""
    make_activated([given], fake, env=manager.env)
    manager.wait(READY="1")
    manager.wait(STATUS="1 of 1 target up")


@pytest.mark.parametrize("sockets", [
    [{}, {}],
    [{"kind": socket.SOCK_DGRAM, "listen": False}],
    [{"kind": socket.SOCK_SEQPACKET}],
    [{"listen": False}],
], ids=["two", "datagram", "seqpacket", "does not listen"])
def test_activation_by_something_else(sockets, place, closing, fake,
                                      make_activated):
    """One clear error, and 78: the unit is wrong."""
    made = [closing(Socket(place.dir / f"s{i}", **options))
            for i, options in enumerate(sockets)]
    daemon = make_activated(made, fake, wait=False)
    assert daemon.wait_exit(within=5) == CONFIG
    assert len(daemon.log_lines()) == 1
    assert daemon.log_lines("the service manager hands over")


def ask(path, request, user, groups=()):
    """The first line of the answer that a user gets."""
    done = subprocess.run(
        ["nc", "-N", "-U", path], input=request.encode() + b"\n",
        capture_output=True, timeout=5 * SLOW, user=user, group=user,
        extra_groups=groups,
    )
    return done.stdout.decode().partition("\r\n")[0]


@as_root
def test_activation_and_the_control_group(given, conf, fake, make_activated):
    """Its members operate; the socket's own group is the manager's affair."""
    group = next(row for row in grp.getgrall() if 0 < row.gr_gid < 1000)
    conf.targets(conf_target(fake), control={"group": group.gr_name})
    before = os.stat(given.path)
    daemon = make_activated([given], conf)
    assert ask(given.path, "STOP", STRANGER, [group.gr_gid]) == "+OK"
    assert ask(given.path, "STOP", STRANGER).startswith("-NOPERM ")
    assert os.stat(given.path).st_gid == before.st_gid
    conf.targets(conf_target(fake), control={"group": "root"})
    daemon.do("RELOAD")
    assert ask(given.path, "STOP", STRANGER, [group.gr_gid]).startswith("-NOPERM")
    assert os.stat(given.path).st_gid == before.st_gid


# The preset of control.group.

PINFOD_GID = 54321
WITH_GROUP = 'mount --make-rprivate / && mount --bind "$0" /etc/group && exec "$@"'


@pytest.fixture
def with_group(place):
    """A prefix that runs a command where there is a group pinfod."""
    known = [line for line in
             pathlib.Path("/etc/group").read_text().splitlines()
             if not line.startswith("pinfod:")]
    path = place.dir / "group"
    path.write_text("\n".join([*known, f"pinfod:x:{PINFOD_GID}:", ""]))
    return ["unshare", "-m", "sh", "-c", WITH_GROUP, str(path)]


@pytest.fixture
def make_grouped(place, with_group, closing, fake, conf):
    """make_grouped(user=…, groups=…): a daemon where there is a group pinfod."""
    def make(*args, user=0, groups=None, wait=True):
        program = place.dir / "pinfod"
        shutil.copy(pinfod_binary(), program)
        program.chmod(0o755)
        run = place.dir / "run"
        run.mkdir()
        os.chown(run, user, user)
        run.chmod(0o755)
        daemon = closing(Daemon(fake, *args))
        daemon.dir.chmod(0o755)
        daemon.control_path = str(run / "s")
        daemon.prefix = [
            *with_group, "setpriv", "--pdeathsig", "KILL", f"--reuid={user}",
            f"--regid={user}",
            f"--groups={groups}" if groups else "--clear-groups",
            "sh", "-c", f'shift; exec {program} "$@"', "sh"]
        return daemon.start(wait)

    return make


@as_root
def test_group_pinfod_operates(make_grouped):
    """Where there is such a group its members operate, unasked."""
    daemon = make_grouped()
    found = os.stat(daemon.control_path)
    assert (found.st_gid, stat.S_IMODE(found.st_mode)) == (PINFOD_GID, 0o660)
    assert ask(daemon.control_path, "STOP", STRANGER, [PINFOD_GID]) == "+OK"
    assert daemon.do("RELOAD") == "OK"
    assert os.stat(daemon.control_path).st_gid == PINFOD_GID


@as_root
def test_group_pinfod_by_a_member(make_grouped):
    """As under the unit: the daemon's user is of the group."""
    daemon = make_grouped(user=STRANGER, groups=PINFOD_GID)
    assert os.stat(daemon.control_path).st_gid == PINFOD_GID
    assert ask(daemon.control_path, "STOP", STRANGER + 1, [PINFOD_GID]) == "+OK"


@as_root
def test_group_pinfod_that_cannot_be_had(make_grouped):
    """An ordinary user goes on without it, and without a word."""
    daemon = make_grouped(user=STRANGER)
    assert os.stat(daemon.control_path).st_gid == STRANGER
    os.chmod(daemon.control_path, 0o666)
    answer = ask(daemon.control_path, "STOP", STRANGER + 1, [PINFOD_GID])
    assert answer.startswith("-NOPERM ")
    assert daemon.do("RELOAD") == "OK"
    assert not daemon.log_lines("group")


@as_root
def test_group_pinfod_that_was_asked_for(make_grouped):
    """By name it is an error like any group."""
    daemon = make_grouped("--control-group", "pinfod", user=STRANGER, wait=False)
    assert daemon.wait_exit(within=5) == UNAVAILABLE
    assert daemon.log_lines("cannot give .* to group pinfod:")
    assert not os.path.exists(daemon.control_path)


@as_root
def test_another_group_outweighs_it(make_grouped):
    """A group that is named is the one."""
    daemon = make_grouped("--control-group", "daemon")
    wanted = grp.getgrnam("daemon").gr_gid
    assert os.stat(daemon.control_path).st_gid == wanted


# What others get to see of the process.

def flags_of(pid):
    """{descriptor: (what it is, its flags)} of a process."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fdinfo"):
        text = pathlib.Path(f"/proc/{pid}/fdinfo/{name}").read_text()
        found[int(name)] = (os.readlink(f"/proc/{pid}/fd/{name}"),
                            int(re.search(r"flags:\s*(\d+)", text)[1], 8))
    return found


@as_root
def test_descriptors_close_on_exec(manager, given, closing, place, server,
                                   conf):
    """All but 0 to 2, with connections, clients and a resolver at work."""
    namespace = closing(Namespace())
    names = closing(NameServer(namespace))
    names.names["slow.test"] = lambda query: None
    fake_path = place.dir / "redis.sock"
    local = closing(Socket(fake_path))
    conf.targets(conf_target("redis://slow.test", name="slow"),
                 conf_target(f"unix://{fake_path}", name="local"))
    daemon = closing(Daemon(conf, env={**manager.env, "WATCHDOG_USEC": "1000000"}))
    daemon.control_path = given.path
    daemon.control_by_flag = False
    daemon.prefix = [*namespace.prefix, sys.executable, "-c", HAND_OVER,
                     str(given.sock.fileno())]
    daemon.start(pass_fds=[given.sock.fileno()])
    eventually(lambda: names.asked("slow.test"))
    with local.sock.accept()[0], daemon.resp() as client:
        assert client.call("PING")
        found = flags_of(daemon.pid)
    inherited = {fd: what for fd, (what, flags) in found.items()
                 if fd > 2 and not flags & os.O_CLOEXEC}
    assert not inherited
    # epoll, timerfd, eventfd, signals, notify, listener, client, server, lookup
    assert len(found) >= 12, found


def owner_of_memory(daemon):
    return os.stat(f"/proc/{daemon.pid}/environ").st_uid


@pytest.mark.parametrize("limit,private", [("0", True), ("1", False)],
                         ids=["no core", "core"])
def test_memory_is_private(limit, private, place, closing, fake):
    """Where no core is asked for, memory and environment are root's alone."""
    program = place.dir / "pinfod"
    shutil.copy(pinfod_binary(), program)
    program.chmod(0o755)
    user = STRANGER if os.geteuid() == 0 else os.geteuid()
    # AddressSanitizer takes the core limit away, unless it is told not to.
    asan = os.environ.get("ASAN_OPTIONS", "") + ":disable_coredump=0"
    daemon = closing(Daemon(fake, env={"REDISCLI_AUTH": "hunter2",
                                       "ASAN_OPTIONS": asan}))
    if os.geteuid() == 0:
        os.chown(daemon.dir, user, user)
        become = ["setpriv", "--pdeathsig", "KILL", f"--reuid={user}",
                  f"--regid={user}", "--clear-groups"]
    else:
        become = []
    daemon.prefix = [*become, "sh", "-c",
                     f'ulimit -Sc {limit}; shift; exec {program} "$@"', "sh"]
    daemon.start()
    assert owner_of_memory(daemon) == (0 if private else user)
    if become:
        read = subprocess.run(
            [*become, "cat", f"/proc/{daemon.pid}/environ"],
            capture_output=True)
        assert (b"hunter2" in read.stdout) != private


# The binary.

def readelf(path, *options):
    return subprocess.run(["readelf", "-W", *options, path], check=True,
                          capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


def check_linked(path):
    """Position independent, nothing both writable and executable, full RELRO."""
    assert re.search(r"Type:\s+DYN", readelf(path, "-h"))
    segments, dynamic = readelf(path, "-l"), readelf(path, "-d")
    assert re.search(r"GNU_STACK.* RW +0x", segments)
    assert "GNU_RELRO" in segments
    assert not re.search(r"LOAD.* [R ]WE ", segments)
    assert re.search(r"FLAGS_1.*NOW.*PIE", dynamic)
    assert not re.search(r"RPATH|RUNPATH|TEXTREL", dynamic)


def imported(path):
    return set(re.findall(r"UND (\w+)", readelf(path, "--dyn-syms")))


def test_binary():
    """The one that is tested here, whoever built it."""
    for name in ("pinfod", "pinfoctl"):
        path = pathlib.Path(pinfod_binary()).with_name(name)
        check_linked(path)
        if not sanitized():
            assert "__stack_chk_fail" in imported(path)


OFTEN = ["-fstack-protector-strong", "-fstack-clash-protection"]
# What a compiler may lack: asked for by the same words as in the Makefile.
SOMETIMES = ["-ftrivial-auto-var-init=zero", "-fcf-protection=full",
             "-mbranch-protection=standard"]


def compiler_has(flag):
    return subprocess.run(
        ["cc", "-Werror", flag, "-x", "c", "-S", "-o", "/dev/null", "/dev/null"],
        capture_output=True).returncode == 0


@pytest.mark.parametrize("settings,fortified", [
    ({"CFLAGS": "-O1 -g"}, True),
    ({"CFLAGS": "-O0 -g"}, False),
    # A package's build, with a level of its own and less than ours of others.
    ({"CFLAGS": "-g -O2 -fstack-protector-strong -Werror=format-security",
      "CPPFLAGS": "-Wdate-time -D_FORTIFY_SOURCE=2",
      "LDFLAGS": "-Wl,-z,relro"}, True),
], ids=["own flags", "not optimised", "package"])
@pytest.mark.timeout(180 * SLOW)
def test_build(settings, fortified, place):
    """Hardened also with the caller's own flags."""
    path = place.dir / "b" / "pinfod"
    env = {key: value for key, value in os.environ.items()
           if key not in ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL",
                          "SAN", "CC", "CFLAGS", "CPPFLAGS", "LDFLAGS")}
    # Others measure time meanwhile.
    subprocess.run(["nice", "-n", "19", "make", "-s", "-j2", f"B={path.parent}", path,
                    *(f"{key}={value}" for key, value in settings.items())],
                   cwd=ROOT, env=env, check=True, capture_output=True)
    check_linked(path)
    assert "__stack_chk_fail" in imported(path)
    assert any(name.endswith("_chk") for name in imported(path)) == fortified
    units = re.findall(r"DW_AT_producer.*: (GNU C.*)",
                       readelf(path, "--debug-dump=info"))
    wanted = [*OFTEN, *filter(compiler_has, SOMETIMES)]
    ours = [unit for unit in units if "-std=gnu11" in unit]
    assert len(ours) >= len(list((ROOT / "src").glob("*.c"))) / 2
    for unit in ours:
        assert [flag for flag in wanted if flag not in unit] == []
