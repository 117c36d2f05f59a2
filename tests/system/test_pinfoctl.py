"""pinfoctl: every command, every exit code, every message for a missing daemon.

Most run it against a real daemon; what must be exact to the byte, or hostile,
is said by a scripted control socket (make_fake(unix=True)).
"""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import termios
import time

import pytest

from harness import (
    SLOW, bulk, clean_environment, die_with_parent, eventually, pinfod_binary,
    temporary_directory,
)

ROOT = pathlib.Path(__file__).resolve().parents[2]
DONE, REFUSED, NO_ANSWER, USAGE, NO_DAEMON, NO_OUTPUT, NO_PERMISSION = (
    0, 1, 2, 64, 69, 74, 77)
OK, WARNING, CRITICAL, UNKNOWN = range(4)
STRANGER = 12345
COMMANDS = ["start", "stop", "status", "targets", "poll", "interval", "watch",
            "record", "check", "incidents", "explain", "ack", "silence",
            "unsilence", "silences", "acl", "reload", "config", "metrics",
            "loglevel", "help", "shutdown"]
# Of some the name is all there is: another one begins with it.
WHOLE = ("silence",)
# Those that take any number of words.
ENDLESS = ("record",)
ESC = "\x1b"

as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become other users",
)


def pinfoctl_binary():
    path = pathlib.Path(pinfod_binary()).with_name("pinfoctl")
    assert os.access(path, os.X_OK), f"{path} is not there: make"
    return str(path)


class Ctl:
    """Runs pinfoctl, by default at the socket of one daemon or fake."""

    def __init__(self):
        self.dir = temporary_directory("ctl")
        self.dir.chmod(0o755)           # other users' runs are in it too
        self.socket = None
        self.fake = None
        self.running = []

    def at(self, thing):
        self.socket = getattr(thing, "control_path", None) or thing.path
        return self

    def environment(self, env=None):
        """One in which no place is known but those that a test names."""
        full = clean_environment(self.dir / "home", {"TERM": "xterm"})
        for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR", "NO_COLOR",
                     "PINFOD_SOCKET"):
            full.pop(name, None)
        full.update(env or {})
        return full

    def command(self, args):
        named = ["-s", self.socket] if self.socket else []
        return [pinfoctl_binary(), *named, *map(str, args)]

    def __call__(self, *args, env=None, limit=10, **options):
        """Run it to its end: a CompletedProcess with text output."""
        options.setdefault("stdout", subprocess.PIPE)
        if "user" in options:
            options.update(group=options["user"], extra_groups=[])
        return subprocess.run(
            self.command(args), env=self.environment(env), cwd=self.dir,
            encoding="utf-8", errors="backslashreplace",
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
            timeout=limit * SLOW, preexec_fn=die_with_parent, **options,
        )

    def json(self, *args, **options):
        """Run it with --json: (exit code, object); stderr must be silent."""
        done = self("--json", *args, **options)
        assert done.stderr == ""
        return done.returncode, json.loads(done.stdout)

    def _start(self, args, env, **options):
        process = subprocess.Popen(
            self.command(args), env=self.environment(env), cwd=self.dir,
            stdin=subprocess.DEVNULL, preexec_fn=die_with_parent, **options,
        )
        self.running.append(process)
        return process

    def spawn(self, *args, env=None):
        """Start it: a Popen with binary pipes, ended by close()."""
        return self._start(args, env, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)

    def on_terminal(self, *args, columns=80, env=None):
        """Run it with a terminal as stdout: (exit code, what it showed)."""
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, columns, 0, 0))
        process = self._start(args, env, stdout=its, stderr=its)
        os.close(its)
        shown = b""
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:             # how a terminal says that it has ended
                data = b""
            if not data:
                break
            shown += data
        os.close(ours)
        return process.wait(10 * SLOW), shown.decode().replace("\r\n", "\n")

    def close(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream:
                    stream.close()
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture
def ctl(closing):
    return closing(Ctl())


@pytest.fixture
def scripted(ctl, make_fake):
    """scripted(START=b"+OK\\r\\n", …): a ctl at a socket that answers so.

    A value may be a function of (connection, words), too.
    """
    def make(**answers):
        def handler(connection, words):
            answer = answers.get(words[0].decode(), b"-ERR unscripted\r\n")
            return answer(connection, words) if callable(answer) else answer

        ctl.fake = make_fake(handler, unix=True)
        return ctl.at(ctl.fake)

    return make


def target(name="orders", state="up", **more):
    """One target of STATUS JSON, all well but for what is given."""
    return {
        "name": name, "address": "127.0.0.1:6379", "state": state,
        "since_s": 60.0, "reason": None, "server": "redis",
        "server_version": "7.0.15", "user": None, "role": "master",
        "replication_id": "8c1ca9e14f5a2b5c", "interval_s": 5.0,
        "channel": "pinfo", "samples": 10, "published": 9, "missed": 2,
        "dropped": 1, "receivers": 1, "publish_state": "ok",
        "publish_reason": None, "last_sample_age_s": 1.2, "last_info_ms": 0.3,
        "connects": 1, **more,
    }


def status_bytes(*targets, **more):
    return json.dumps({
        "schema": 1, "version": "0.1.0", "pid": 4711, "uptime_s": 7380.1,
        "clients": 1, "clients_refused": 0, "clients_dropped": 0,
        "config": {"file": None, "age_s": 1.0, "reloads": 0, "error": None},
        "targets": list(targets), **more,
    }).encode()


def status(*targets, **more):
    return bulk(status_bytes(*targets, **more))


def error_of(done):
    """What stderr says, which must begin with the program's name."""
    assert done.stderr.startswith("pinfoctl: "), done
    return done.stderr[len("pinfoctl: "):]


# Help, names, wrong use.

def test_help(ctl):
    """--help: exit 0, fits a screen, names all commands and options."""
    done = ctl("--help")
    assert (done.returncode, done.stderr) == (DONE, "")
    lines = done.stdout.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    for command in COMMANDS:
        assert re.search(rf"^  {command}\b", done.stdout, re.M)
    for option in ("-s", "--socket", "--json", "--timeout", "--stopped-ok"):
        assert re.search(rf"(?<![\w-]){option}\b", done.stdout)
    for code in (DONE, REFUSED, NO_ANSWER, USAGE, NO_DAEMON, NO_OUTPUT,
                 NO_PERMISSION):
        assert re.search(rf"\b{code}\b", done.stdout)


def test_no_command(ctl):
    """Without a command: the help, exit 64."""
    done = ctl()
    assert done.returncode == USAGE
    assert done.stdout == ctl("--help").stdout


def test_help_command(ctl):
    """help needs no daemon; with a command it is that command's line."""
    whole = ctl("--help").stdout
    assert ctl("help").stdout == whole
    for command in COMMANDS:
        done = ctl("help", command)
        assert done.returncode == DONE
        assert done.stdout.startswith(f"  {command}")
        assert done.stdout in whole
    assert ctl("help", "frob").returncode == USAGE


def test_help_json(ctl):
    """help --json is a list of all commands."""
    code, rows = ctl.json("help")
    assert code == DONE
    assert [row["name"] for row in rows] == COMMANDS
    assert all(set(row) == {"name", "arguments", "help"} for row in rows)
    assert ctl.json("help", "stop") == (DONE, [rows[1]])


def test_version(ctl, fake, make_daemon):
    """--version: one line, and pinfod's version."""
    done = ctl("--version")
    version = make_daemon(fake).status()["version"]
    assert (done.returncode, done.stdout) == (DONE, f"pinfoctl {version}\n")


def unique(command):
    """The shortest beginning of a command that no other one has."""
    for end in range(1, len(command) + 1):
        if sum(name.startswith(command[:end]) for name in COMMANDS) == 1:
            return command[:end]
    assert command in WHOLE
    return command


@pytest.mark.parametrize("command", COMMANDS)
def test_abbreviation(command, ctl):
    """Each command may be shortened to what no other one begins with."""
    assert ctl("help", unique(command)).stdout == ctl("help", command).stdout
    if command in ENDLESS:
        return
    done = ctl(unique(command), "one", "argument", "too", "many")
    assert done.returncode in (USAGE, UNKNOWN)
    assert f"it is: {command}" in done.stderr + done.stdout


@pytest.mark.parametrize("short, names", [
    ("sta", {"start", "status"}), ("st", {"start", "stop", "status"}),
    ("s", {"start", "stop", "status", "shutdown", "silence", "silences"}), ("c", {"check", "config"}),
])
def test_ambiguous(short, names, ctl):
    """An abbreviation that is not clear: exit 64, and between what."""
    done = ctl(short)
    assert (done.returncode, done.stdout) == (USAGE, "")
    listed = error_of(done).splitlines()[0]
    assert f"'{short}' is not clear" in listed
    assert set(re.split(r", | or ", listed.split(": ")[1].rstrip("?"))) == names


@pytest.mark.parametrize("args, part", [
    (["frob"], "'frob' is no command"), ([""], "'' is no command"),
    (["stop", "a", "b"], "'b' is one argument too many; it is: stop [target]"),
    (["targets", "x"], "'x' is one argument too many; it is: targets"),
    (["stop", ""], "an empty argument"),
    (["ack", "orders", ""], "an empty argument"),
    (["ack", "orders"], "an argument is missing; it is: ack TARGET INCIDENT"),
    (["silence", "*", "*"], "it is: silence INCIDENTS TARGETS TIME"),
    (["unsilence"], "an argument is missing; it is: unsilence INCIDENTS TARGETS"),
    (["--frob", "status"], "--frob: no such option"),
    (["-x", "status"], "-x: no such option"),
    (["status", "--timeout"], "--timeout: an argument is missing"),
    (["status", "-s"], "--socket: an argument is missing"),
    (["--timeout", "0", "status"], "--timeout: '0' is no number of seconds"),
    (["--timeout", "x", "status"], "--timeout: 'x' is no number"),
    (["--timeout", "3601", "status"], "from 0.1 to 3600"),
    (["--stopped-ok", "status"], "--stopped-ok: it belongs to check"),
    (["fr\x1b[31mob"], r"'fr\x1b[31mob' is no command"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_wrong_use(args, part, ctl):
    """Exit 64, what was wrong, where help is; with --json an error object."""
    done = ctl(*args)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert part in error_of(done)
    assert "Try 'pinfoctl --help'" in done.stderr
    code, answer = ctl.json(*args)
    assert code == USAGE
    assert answer["error"]["code"] == "USAGE"
    assert part in answer["error"]["message"]


def test_no_command_json(ctl):
    """Nothing but --json is an error, as JSON."""
    code, answer = ctl.json()
    assert (code, answer["error"]["code"]) == (USAGE, "USAGE")


@pytest.mark.parametrize("args", [
    ["check", "a", "b"], ["check", "--frob"], ["--timeout", "0", "check"],
    ["ch", "a", "b"],
], ids=" ".join)
def test_wrong_use_of_check(args, ctl):
    """To Nagios a wrong use is UNKNOWN, on stdout."""
    done = ctl(*args)
    assert (done.returncode, done.stderr) == (UNKNOWN, "")
    assert done.stdout.startswith("PINFOD UNKNOWN - ")
    code, answer = ctl.json(*args)
    assert (code, answer["status"]) == (UNKNOWN, "UNKNOWN")
    assert answer["error"]["code"] == "USAGE"


def test_options_after_the_command(scripted):
    """Options may stand anywhere; after -- nothing is one."""
    ctl = scripted(STOP=b"+OK\r\n")
    assert json.loads(ctl("stop", "--json", "a").stdout) == {"ok": True}
    assert ctl("stop", "--", "--json").stdout == "OK\n"
    assert [row[2] for row in ctl.fake.commands] == \
        [[b"STOP", b"a"], [b"STOP", b"--json"]]


# Where the daemon is, and what is said when it is not there.

def make_socket(path, mode=0o666):
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    os.chmod(path, mode)
    made.listen()
    return made


@pytest.fixture
def seven(ctl, make_fake):
    """A fake daemon for all users, at ctl.dir/pinfod.sock, that says 7."""
    made = make_fake(lambda *_: b"$1\r\n7\r\n", unix=True)
    made.dir.chmod(0o755)
    os.chmod(made.path, 0o666)
    os.symlink(made.path, ctl.dir / "pinfod.sock")
    return made


def test_socket_by_name(ctl, fake, make_daemon):
    """PINFOD_SOCKET names it; -s has precedence."""
    path = make_daemon(fake).control_path
    assert ctl("interval", env={"PINFOD_SOCKET": path}).stdout == "5\n"
    assert ctl("-s", path, "interval", env={"PINFOD_SOCKET": "/nowhere"}
               ).stdout == "5\n"
    done = ctl("-s", "/nowhere", "interval", env={"PINFOD_SOCKET": path})
    assert done.returncode == NO_DAEMON
    assert "/nowhere (-s): no such file" in error_of(done)
    done = ctl("interval", env={"PINFOD_SOCKET": "/nowhere"})
    assert "/nowhere (PINFOD_SOCKET): no such file" in error_of(done)


def test_socket_in_the_runtime_directory(ctl, seven):
    """As the daemon does, it takes the first of RUNTIME_DIRECTORY."""
    done = ctl("interval", env={"RUNTIME_DIRECTORY": f"{ctl.dir}:/other"})
    assert done.stdout == "7\n"


@as_root
def test_socket_of_a_user(ctl, seven):
    """A user's own daemon comes before the system's; root has none."""
    env = {"XDG_RUNTIME_DIR": str(ctl.dir)}
    assert ctl("interval", env=env, user=STRANGER).stdout == "7\n"
    assert str(ctl.dir) not in ctl("interval", env=env).stderr


@as_root
@pytest.mark.parametrize("what", ["missing", "closed"])
def test_next_place(what, ctl, seven):
    """Where nothing is, or nobody gets in, the next place is tried."""
    first = ctl.dir / "first"
    if what == "closed":
        first.mkdir(mode=0o700)
    done = ctl("interval", user=STRANGER, env={
        "RUNTIME_DIRECTORY": str(first), "XDG_RUNTIME_DIR": str(ctl.dir)})
    assert done.stdout == "7\n"


@as_root
def test_no_next_place_after_a_refusal(ctl, seven):
    """A daemon that was there and is not is never mistaken for another."""
    first = ctl.dir / "first"
    first.mkdir()
    make_socket(first / "pinfod.sock").close()
    done = ctl("stop", user=STRANGER, env={
        "RUNTIME_DIRECTORY": str(first), "XDG_RUNTIME_DIR": str(ctl.dir)})
    assert done.returncode == NO_DAEMON
    assert f"{first}/pinfod.sock: connection refused" in done.stderr
    assert f"{ctl.dir}/pinfod.sock: not tried" in done.stderr
    assert seven.connections == 0


def test_no_daemon_anywhere(ctl):
    """Each place that was looked at is named with what it said."""
    env = {"RUNTIME_DIRECTORY": str(ctl.dir)}
    done = ctl("status", env=env)
    assert (done.returncode, done.stdout) == (NO_DAEMON, "")
    lines = error_of(done).splitlines()
    assert lines[:2] == ["no daemon to be reached; looked at:",
                         f"  {ctl.dir}/pinfod.sock: no such file"]
    # Whatever this machine has there.
    assert re.match("  /run/pinfod/pinfod.sock: (no such|connection refused)",
                    lines[2])
    assert "-s SOCKET" in lines[3] and "PINFOD_SOCKET" in lines[3]
    code, answer = ctl.json("status", env=env)
    assert (code, answer["error"]["code"]) == (NO_DAEMON, "NODAEMON")
    assert f"looked at: {ctl.dir}/pinfod.sock: no such file; /run" in \
        answer["error"]["message"]


@pytest.mark.parametrize("command", COMMANDS)
def test_no_daemon_for_any_command(command, ctl):
    """All commands but help, explain and check end with 69."""
    expected = {"help": DONE, "explain": DONE, "check": UNKNOWN}.get(
        command, NO_DAEMON)
    words = {"record": "-", "ack": "a b", "silence": "a b 1s", "unsilence": "a b"}
    for flags in ([], ["--json"]):
        done = ctl("-s", ctl.dir / "none", *flags, command,
                   *words.get(command, "").split())
        assert done.returncode == expected
    if command == "check":
        assert done.stdout.startswith('{"status":"UNKNOWN"')
    elif expected == NO_DAEMON:
        assert json.loads(done.stdout)["error"]["code"] == "NODAEMON"


def test_daemon_that_crashed(ctl, fake, make_daemon):
    """Its socket is still there: connection refused, not running."""
    daemon = make_daemon(fake)
    daemon.kill()
    done = ctl.at(daemon)("status")
    assert done.returncode == NO_DAEMON
    assert error_of(done) == (
        f"no daemon to be reached at {daemon.control_path} (-s): connection "
        "refused: the daemon is not running\n")


def test_what_is_no_socket(ctl):
    """A file, a directory and paths that cannot be one."""
    (ctl.dir / "file").touch()
    for path, said in ((ctl.dir / "file", "it is no socket"),
                       (ctl.dir, "it is no socket"),
                       (ctl.dir / "file" / "x", "no such file"),
                       ("/tmp/" + "x" * 110, "a socket's path has 1 to 107"),
                       ("", "a socket's path has 1 to 107")):
        done = ctl("-s", path, "status")
        assert done.returncode == NO_DAEMON
        assert f"(-s): {said}" in error_of(done)


@as_root
def test_who_may(ctl):
    """Permission denied: exit 77, and who may, at the socket."""
    listener = make_socket(ctl.dir / "s", mode=0o660)
    os.chown(ctl.dir / "s", 0, STRANGER + 1)
    done = ctl("-s", ctl.dir / "s", "status", user=STRANGER)
    assert done.returncode == NO_PERMISSION
    assert error_of(done).endswith(
        f"permission denied: it is for user root and group {STRANGER + 1} "
        "(mode 0660)\n")
    os.chmod(ctl.dir / "s", 0o600)
    done = ctl("-s", ctl.dir / "s", "--json", "status", user=STRANGER)
    answer = json.loads(done.stdout)["error"]
    assert (done.returncode, answer["code"]) == (NO_PERMISSION, "NOACCESS")
    assert "it is for user root (mode 0600)" in answer["message"]
    listener.close()


@as_root
def test_who_may_enter(ctl):
    """The same where a directory on the way is closed."""
    closed = ctl.dir / "closed"
    closed.mkdir(mode=0o710)
    done = ctl("-s", closed / "deep" / "s", "status", user=STRANGER)
    assert done.returncode == NO_PERMISSION
    assert (f"permission denied: the directory {closed} is for user root and "
            "group root (mode 0710)") in error_of(done)


# status

def rows_of(text):
    """The table's rows as {name: {title: cell}}."""
    lines = text.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("TARGET"))
    titles = lines[first].split()
    rows = {}
    for line in lines[first + 1:]:
        if not line:
            break
        cells = line.split()
        assert len(cells) == len(titles), line
        rows[cells[0]] = dict(zip(titles, cells))
    return rows


def test_status(make_redis, make_daemon, make_feed, ctl):
    """One row a target with its figures, and the reasons below."""
    one, two = make_redis(), make_redis(start=False)
    daemon = make_daemon("-u", one.uri, "-u", two.uri, "-i", "0.2")
    make_feed(one).wait_count(3)
    daemon.wait_status(two.name, state="down")
    done = ctl.at(daemon)("status")
    assert (done.returncode, done.stderr) == (DONE, "")
    assert re.match(rf"pinfod [\d.]+, pid {daemon.pid}, up \S+ s, 2 targets\n\n",
                    done.stdout)
    rows = rows_of(done.stdout)
    up, down = rows[one.name], rows[two.name]
    assert (up["STATE"], down["STATE"]) == ("up", "down")
    version = ".".join(map(str, one.version))
    assert up["SERVER"] == f"{one.kind}-{version}"
    assert (down["SERVER"], down["LAST"]) == ("-", "-")
    assert (up["ROLE"], up["ADDRESS"]) == ("master", one.name)
    assert (down["ROLE"], down["ADDRESS"]) == ("-", two.name)
    assert up["EVERY"] == "0.2s"
    assert int(up["PUBLISHED"]) >= 3 and up["MISSED"] == up["DROPPED"] == "0"
    assert re.fullmatch(r"\d\.\ds", up["LAST"])
    assert re.search(rf"\n\n{two.name}: down for \S+ s: Connection refused\n$",
                     done.stdout)


def test_status_of_one(make_fake, make_daemon, ctl):
    """With a name: that row only."""
    one, two = make_fake(), make_fake()
    daemon = make_daemon("-u", one.uri, "-u", two.uri)
    done = ctl.at(daemon)("status", two.name)
    assert list(rows_of(done.stdout)) == [two.name]
    assert done.stdout.startswith("TARGET")


def test_status_json(make_fake, make_daemon, ctl):
    """The daemon's own object, in the same shape for one and for all."""
    one, two = make_fake(), make_fake()
    daemon = make_daemon("-u", one.uri, "-u", two.uri)
    code, all_of_them = ctl.at(daemon).json("status")
    assert code == DONE
    theirs = daemon.status()
    assert set(all_of_them) == set(theirs)
    assert [t["name"] for t in all_of_them["targets"]] == [one.name, two.name]
    assert set(all_of_them["targets"][0]) == set(theirs["targets"][0])
    assert ctl("--json", "status").stdout.count("\n") == 1
    code, single = ctl.json("status", two.name)
    assert (code, set(single)) == (DONE, set(theirs))
    assert [t["name"] for t in single["targets"]] == [two.name]
    code, shown = ctl.on_terminal("--json", "status")
    assert set(json.loads(shown)) == set(theirs)
    assert shown.count("\n") > 20


def test_status_json_keeps_what_it_does_not_know(scripted):
    """Members of a later daemon are handed on."""
    ctl = scripted(STATUS=status(target(new={"a": [1]}), other=None))
    _, answer = ctl.json("status")
    assert answer["other"] is None
    assert answer["targets"] == [target(new={"a": [1]})]


def test_status_of_unknown_target(fake, make_daemon, ctl):
    """Exit 1, with the daemon's error without the minus."""
    ctl.at(make_daemon(fake))
    done = ctl("status", "nope")
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert error_of(done) == (
        "NOTARGET no target is called 'nope'; there is: default\n")
    assert ctl.json("status", "nope") == (REFUSED, {"error": {
        "code": "NOTARGET",
        "message": "no target is called 'nope'; there is: default"}})


STATES = [
    target("orders"), target("a-long-name", "down", reason="Connection refused",
                             last_sample_age_s=None, server=None,
                             server_version=None),
    target("stop", "stopped"), target("mute", "silent", since_s=7380),
    target("pub", publish_state="denied", publish_reason="NOPERM no"),
]


def test_status_table(scripted):
    """Columns are aligned, cells without value are a dash, no line ends in
    blanks; reasons follow, with the address where the name is another."""
    done = scripted(STATUS=status(*STATES))("status")
    lines = done.stdout.splitlines()
    assert not any(line.endswith(" ") for line in lines)
    table = lines[2:8]
    assert len({line.index(cell) for line, cell in zip(
        table, ("STATE", "up", "down", "stopped", "silent", "up"))}) == 1
    assert len({line.rindex(" ") for line in table}) == 1
    assert lines[8:] == [
        "",
        "a-long-name (127.0.0.1:6379): down for 60 s: Connection refused",
        "mute (127.0.0.1:6379): silent for 2h 3m",
        "pub (127.0.0.1:6379): PUBLISH denied: NOPERM no",
    ]
    assert rows_of(done.stdout)["mute"]["SINCE"] == "2h3m"


def group(name="cache", **members):
    """A group in STATUS JSON: three sentinels that agree on three targets."""
    return {"name": name, "kind": "sentinel", "settled": True, "targets": 3,
            "sources": 3, "heard": 3, "agree": 3, "trouble": None, **members}


def test_status_of_groups(scripted):
    """Groups stand below the table; not where one target is asked for."""
    groups = [
        group(heard=2, agree=2, trouble="127.0.0.1:2: Connection refused"),
        group("/f", kind="file", targets=1, sources=1, heard=1, agree=1),
        group("orders", kind="cluster", settled=False, heard=0, agree=0),
        group(f"{ESC}", targets="x", trouble=7), 7,
    ]
    ctl = scripted(STATUS=status(target(), groups=groups))
    assert ctl("status").stdout.splitlines()[4:] == [
        "",
        "group cache: sentinel, 2 of 3 heard, 2 agree, 3 targets; "
        "127.0.0.1:2: Connection refused",
        "group /f: file, 1 target",
        "group orders: cluster, 0 of 3 heard, 0 agree, asking",
        "group \\x1b: sentinel, 3 of 3 heard, 3 agree, -1 targets",
        "group ?: ?, asking",
    ]
    assert "group" not in ctl("status", "orders").stdout


def test_status_after_a_failed_reload(scripted):
    """A configuration that is not in force is told."""
    config = {"file": "/f", "age_s": 1, "reloads": 0,
              "error": "/f:3: unknown key 'x'"}
    done = scripted(STATUS=status(target(), config=config))("status")
    assert "/f:3: unknown key 'x'" in done.stdout.splitlines()[-1]
    assert "RELOAD failed" in done.stdout


def test_status_colours(scripted):
    """On a terminal only, and not with NO_COLOR or a dumb one."""
    ctl = scripted(STATUS=status(*STATES))
    assert ESC not in ctl("status").stdout
    code, shown = ctl.on_terminal("status")
    assert code == DONE
    assert f"{ESC}[32mup{ESC}[0m" in shown
    assert f"{ESC}[31mdown{ESC}[0m" in shown
    assert f"{ESC}[33mstopped{ESC}[0m" in shown
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert ESC not in ctl.on_terminal("status", env=env)[1]
    assert ESC in ctl.on_terminal("status", env={"NO_COLOR": ""})[1]


@pytest.mark.parametrize("columns", [200, 80, 70, 60, 50])
def test_status_fits_the_terminal(columns, scripted):
    """Columns are left out where there is no room; never those that count."""
    ctl = scripted(STATUS=status(*STATES))
    _, shown = ctl.on_terminal("status", columns=columns, env={"NO_COLOR": "1"})
    table = shown.splitlines()[2:8]
    assert max(map(len, table)) <= columns
    titles = table[0].split()
    for title in ("TARGET", "STATE", "MISSED", "DROPPED", "LAST"):
        assert title in titles
    assert ("ROLE" in titles) == (columns >= 70)
    assert ("SERVER" in titles) == (columns == 200)
    assert ("ADDRESS" in titles) == (columns == 200)


def test_status_without_targets(scripted):
    """None is no mistake."""
    done = scripted(STATUS=status())("status")
    assert (done.returncode, done.stderr) == (DONE, "")
    assert "0 targets" in done.stdout


# The commands that are one word of the protocol.

def test_ok_with_a_note(scripted):
    """It is done, and there is something to say."""
    ctl = scripted(SILENCE=b"+OK, but x\r\n")
    words = ("silence", "rdb.*", "a", "1h")
    assert ctl(*words).stdout == "OK, but x\n"
    assert ctl.json(*words) == (DONE, {"ok": True, "note": "OK, but x"})


def test_stop_and_start(fake, make_daemon, ctl):
    """OK, in text and JSON; with a target and without."""
    daemon = make_daemon(fake)
    ctl.at(daemon)
    for command, state in (("stop", "stopped"), ("start", "up")):
        for args in ([command], [command, "default"]):
            done = ctl(*args)
            assert (done.returncode, done.stdout, done.stderr) == \
                (DONE, "OK\n", "")
            daemon.wait_status(state=state)
            assert ctl.json(*args) == (DONE, {"ok": True})
        assert ctl(command, "nope").returncode == REFUSED


def test_poll(server, make_daemon, make_feed, ctl):
    """poll publishes once more; a stopped target refuses, in words."""
    daemon = make_daemon(server, "-i", "3600")
    feed = make_feed(server)
    daemon.wait_status(state="up")
    have = len(feed)
    assert ctl.at(daemon)("poll").stdout == "OK\n"
    feed.wait_count(have + 1)
    assert ctl.json("poll", "default") == (DONE, {"ok": True})
    ctl("stop")
    done = ctl("poll")
    assert done.returncode == REFUSED
    assert error_of(done).startswith("STOPPED target 'default' is stopped")
    code, answer = ctl.json("poll")
    assert (code, answer["error"]["code"]) == (REFUSED, "STOPPED")


def test_interval(fake, make_daemon, ctl):
    """Shows and sets; what is no interval is refused by the daemon."""
    ctl.at(make_daemon(fake))
    assert ctl("interval").stdout == "5\n"
    assert ctl.json("interval") == (DONE, {"interval_s": 5})
    assert ctl("interval", "500ms").stdout == "OK\n"
    assert ctl.json("interval", "250ms") == (DONE, {"ok": True})
    assert ctl("interval").stdout == "0.25\n"
    assert ctl.json("interval") == (DONE, {"interval_s": 0.25})
    done = ctl("interval", "often")
    assert done.returncode == REFUSED
    assert error_of(done).startswith("ERR interval 'often' is no number")


def test_targets(make_fake, make_daemon, ctl):
    """One name a line, or a list."""
    one, two = make_fake(), make_fake()
    ctl.at(make_daemon("-u", one.uri, "-u", two.uri))
    assert ctl("targets").stdout == f"{one.name}\n{two.name}\n"
    assert ctl.json("targets") == (DONE, [one.name, two.name])


def test_loglevel(fake, make_daemon, ctl):
    """Shows and sets."""
    ctl.at(make_daemon(fake, "--log-level", "warning"))
    assert ctl("loglevel").stdout == "warning\n"
    assert ctl("loglevel", "debug").stdout == "OK\n"
    assert ctl.json("loglevel") == (DONE, {"loglevel": "debug"})
    assert ctl.json("loglevel", "notice") == (DONE, {"ok": True})
    done = ctl("loglevel", "loud")
    assert done.returncode == REFUSED
    assert "loud" in error_of(done)


def test_config(fake, make_daemon, ctl):
    """The configuration in force, with the target's channel in it."""
    ctl.at(make_daemon(fake, "--channel", "pinfo:here"))
    done = ctl("config")
    assert (done.returncode, done.stderr) == (DONE, "")
    assert "pinfo:here" in done.stdout
    code, answer = ctl.json("config")
    assert code == DONE
    assert answer["config"].rstrip("\n") == done.stdout.rstrip("\n")


def test_metrics(fake, make_daemon, ctl):
    """Prometheus' text format."""
    ctl.at(make_daemon(fake))
    done = ctl("metrics")
    assert done.returncode == DONE
    assert re.search(r"^# TYPE \w+ \w+$", done.stdout, re.M)
    code, answer = ctl.json("metrics")
    assert code == DONE
    assert "# TYPE " in answer["metrics"]


def test_reload(make_daemon, tmp_path, ctl):
    """OK, or CONF with what is wrong."""
    config = tmp_path / "pinfod.conf"
    config.write_text("")
    ctl.at(make_daemon("--config", config))
    assert ctl("reload").stdout == "OK\n"
    assert ctl.json("reload") == (DONE, {"ok": True})
    config.write_text("frobnicate = 1;\n")
    done = ctl("reload")
    assert done.returncode == REFUSED
    assert error_of(done).startswith("CONF ")
    assert "frobnicate" in done.stderr
    code, answer = ctl.json("reload")
    assert (code, answer["error"]["code"]) == (REFUSED, "CONF")
    assert "RELOAD failed" in ctl("status").stdout


@pytest.mark.parametrize("flags, said", [([], "OK\n"),
                                         (["--json"], '{"ok":true}\n')])
def test_shutdown(flags, said, fake, make_daemon, ctl):
    """The daemon ends; that the connection closes is the answer."""
    daemon = make_daemon(fake)
    done = ctl.at(daemon)("shutdown", *flags)
    assert (done.returncode, done.stdout, done.stderr) == (DONE, said, "")
    assert daemon.wait_exit(within=2) == 0


@pytest.mark.parametrize("command", ["start", "stop", "poll", "reload"])
def test_words(command, scripted):
    """What goes over the wire, and OK."""
    ctl = scripted(**{command.upper(): b"+OK\r\n"})
    assert ctl(command).stdout == "OK\n"
    assert ctl.json(command) == (DONE, {"ok": True})
    assert [row[2] for row in ctl.fake.commands] == \
        2 * [[command.upper().encode()]]


def test_long_texts(scripted):
    """config and metrics are shown as they are, but for the terminal."""
    text = b'a = "1";\n\tb = 2;\r\n\x1b[2J\xc3\xa4\x00end'
    ctl = scripted(CONFIG=bulk(text), METRICS=bulk(b"m 1\n" * 50000))
    assert ctl("config").stdout == \
        'a = "1";\n\tb = 2;\n\\x1b[2J\\xc3\\xa4\\x00end\n'
    assert ctl.json("config") == (DONE, {"config": text.decode()})
    assert ctl("metrics").stdout == "m 1\n" * 50000


def test_lists(scripted):
    """A name with a newline does not become two."""
    ctl = scripted(TARGETS=b"*3\r\n" + bulk(b"a") + bulk(b"b\nc\x1b") + b"+d\r\n")
    assert ctl("targets").stdout == "a\nb\\x0ac\\x1b\nd\n"
    assert ctl.json("targets") == (DONE, ["a", "b\nc\x1b", "d"])
    ctl = scripted(TARGETS=b"*0\r\n")
    assert ctl("targets").stdout == ""
    assert ctl.json("targets") == (DONE, [])


@as_root
def test_no_permission(fake, make_daemon, ctl):
    """NOPERM: exit 77, in words; what a stranger may works."""
    daemon = make_daemon(fake)
    os.chmod(daemon.dir, 0o755)
    os.chmod(daemon.control_path, 0o666)
    ctl.at(daemon)
    assert ctl("interval", user=STRANGER).stdout == "5\n"
    assert ctl("status", user=STRANGER).returncode == DONE
    for args in (["stop"], ["start"], ["poll"], ["interval", "1"], ["reload"],
                 ["config"], ["loglevel", "debug"], ["shutdown"]):
        done = ctl(*args, user=STRANGER)
        assert done.returncode == NO_PERMISSION, args
        assert error_of(done).startswith("NOPERM "), args
    code, answer = ctl.json("stop", user=STRANGER)
    assert (code, answer["error"]["code"]) == (NO_PERMISSION, "NOPERM")
    assert "root" in answer["error"]["message"]


# acl

CHANNELS = "on >PASSWORD resetkeys resetchannels &pinfo*"
GRANTS = "-@all +info +publish"


@pytest.mark.parametrize("members, line", [
    ({}, f"ACL SETUSER pinfod {CHANNELS} {GRANTS}"),
    ({"server_version": "6.2.0"}, f"ACL SETUSER pinfod {CHANNELS} {GRANTS}"),
    ({"server_version": "10.1"}, f"ACL SETUSER pinfod {CHANNELS} {GRANTS}"),
    ({"server_version": "6.0.16"},
     f"ACL SETUSER pinfod on >PASSWORD resetkeys {GRANTS}"),
    ({"user": "watcher"}, f"ACL SETUSER watcher {CHANNELS} {GRANTS}"),
    ({"channel": "pinfo:orders"}, f"ACL SETUSER pinfod {CHANNELS} {GRANTS}"),
    ({"channel": "persistence"},
     f"ACL SETUSER pinfod {CHANNELS} &persistence {GRANTS}"),
    ({"channel": "p*[a]?"},
     rf"ACL SETUSER pinfod {CHANNELS} &p\*\[a\]\? {GRANTS}"),
    ({"channel": 'my "ch*'}, rf"ACL SETUSER pinfod {CHANNELS} &my??ch\* {GRANTS}"),
    ({"channel": r"gr\xc3\xbcn"},
     rf"ACL SETUSER pinfod {CHANNELS} &gr??n {GRANTS}"),
    ({"channel": r"a\xb"}, rf"ACL SETUSER pinfod {CHANNELS} &a\\xb {GRANTS}"),
    ({"user": r'a"\xc3\xbc'},
     rf'ACL SETUSER "a\"\xc3\xbc" {CHANNELS} {GRANTS}'),
    ({"identity": "node", "tag": None},
     f"ACL SETUSER pinfod {CHANNELS} {GRANTS} +cluster|nodes"),
    ({"identity": "node", "channel": "pinfo:orders/3c1f9e2a{42}", "tag": "42"},
     f"ACL SETUSER pinfod {CHANNELS} -@all +info +spublish +cluster|nodes"),
    ({"channel": "feed{42}", "tag": "42"},
     f"ACL SETUSER pinfod {CHANNELS} &feed{{*}} -@all +info +spublish"),
    ({"server": "valkey", "server_version": "8.1.0"},
     f"ACL SETUSER pinfod {CHANNELS} {GRANTS}"),
], ids=str)
def test_acl(members, line, scripted):
    """The line for that version, user and channel, and nothing else."""
    ctl = scripted(STATUS=status(target(**members)))
    done = ctl("acl", "orders")
    assert (done.returncode, done.stdout, done.stderr) == (DONE, line + "\n", "")
    assert ctl.json("acl") == (DONE, [
        {"target": "orders", "line": line, "note": None}])


def test_acl_of_old_servers(scripted):
    """Before 6.0 there are none: it says what there is."""
    ctl = scripted(STATUS=status(target(server_version="5.0.14")))
    done = ctl("acl")
    assert done.returncode == DONE
    assert done.stdout.startswith("# redis 5.0.14 has no ACLs")
    assert "requirepass" in done.stdout
    code, rows = ctl.json("acl")
    assert rows[0]["line"] is None
    assert "requirepass" in rows[0]["note"]


def test_acl_of_unknown_servers(scripted):
    """Not heard yet: the newest line, and that this is a guess."""
    ctl = scripted(STATUS=status(target(server_version=None)))
    done = ctl("acl")
    assert done.stdout == f"ACL SETUSER pinfod {CHANNELS} {GRANTS}\n"
    assert "version is not known" in done.stderr


def test_acl_of_several(scripted):
    """Each line below its target's name, as a comment."""
    ctl = scripted(STATUS=status(target("a"), target("b", user="x")))
    assert ctl("acl").stdout.splitlines() == [
        "# a, 127.0.0.1:6379, redis 7.0.15",
        f"ACL SETUSER pinfod {CHANNELS} {GRANTS}",
        "# b, 127.0.0.1:6379, redis 7.0.15",
        f"ACL SETUSER x {CHANNELS} {GRANTS}",
    ]


def test_acl_is_enough(server, make_daemon, make_feed, ctl):
    """What it prints, pasted, is all that pinfod needs."""
    first = make_daemon(server, "--channel", "our feed")
    first.wait_status(state="up")
    line = ctl.at(first)("acl").stdout.strip()
    first.kill()
    done = subprocess.run(
        ["redis-cli", "-p", str(server.port)], text=True, capture_output=True,
        input=line.replace("PASSWORD", "secret"), timeout=10 * SLOW)
    assert done.stdout.strip() == "OK", (line, done)
    feed = make_feed(server, "our feed")
    make_daemon(server, "--channel", "our feed", "--user", "pinfod", "-a",
                "secret", "-i", "0.2")
    feed.wait_count(2)


# check

PERFORMANCE = (r" \| targets=\d+ up=\d+ published=\d+c missed=\d+c "
               r"dropped=\d+c( age=[\d.]+s)?\n$")


@pytest.mark.parametrize("members, code, text", [
    ({}, OK, "1 of 1 target up"),
    ({"state": "down", "reason": "Connection refused"}, CRITICAL,
     "orders down for 60 s: Connection refused; 0 of 1 target up"),
    ({"state": "silent"}, CRITICAL, "orders silent for 60 s; "),
    ({"state": "denied", "reason": "NOAUTH"}, CRITICAL,
     "orders denied for 60 s: NOAUTH; "),
    ({"state": "refused", "reason": "ERR"}, CRITICAL, "orders refused for"),
    ({"state": "busy"}, WARNING, "orders busy for 60 s; "),
    ({"state": "starting", "since_s": 10.0}, OK,
     "0 of 1 target up, 1 starting"),
    ({"state": "starting", "since_s": 10.5}, WARNING, "orders starting for"),
    ({"state": "stopped"}, WARNING, "orders stopped for 60 s; 0 of 1"),
    ({"publish_state": "blocked"}, WARNING, "orders PUBLISH blocked; 1 of 1"),
    ({"publish_state": "denied", "publish_reason": "NOPERM"}, WARNING,
     "orders PUBLISH denied: NOPERM; 1 of 1"),
    ({"publish_state": "failed", "publish_reason": "ERR x"}, WARNING,
     "orders PUBLISH failed: ERR x; "),
    ({"last_sample_age_s": 15.0}, OK, "1 of 1"),
    ({"last_sample_age_s": 15.1}, WARNING, "orders last sample 15 s ago; "),
    ({"state": "stopped", "last_sample_age_s": 9999.0}, WARNING,
     "orders stopped"),
    ({"state": "unheard-of"}, UNKNOWN, "orders unheard-of for"),
    ({"state": "down", "reason": "a|b"}, CRITICAL, "a/b; "),
], ids=str)
def test_check(members, code, text, scripted):
    """Code, word and text of each condition; the figures behind a bar."""
    ctl = scripted(STATUS=status(target(**members)))
    name = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][code]
    done = ctl("check")
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.startswith(f"PINFOD {name} - ")
    assert text in done.stdout
    assert re.search(PERFORMANCE, done.stdout)
    assert done.stdout.count("|") == 1
    json_code, answer = ctl.json("check")
    assert json_code == code
    assert (answer["status"], answer["code"]) == (name, code)
    assert len(answer["problems"]) == (code != OK)
    assert answer["figures"]["missed"] == 2


@pytest.mark.parametrize("members, code, text", [
    ({}, OK, "OK - 1 of 1 target up"),
    ({"settled": False, "targets": 0, "heard": 0}, OK, "OK - 1 of 1"),
    ({"targets": 0}, CRITICAL, "group cache has no target; 1 of 1"),
    ({"targets": 0, "heard": 0, "trouble": "x: refused"}, CRITICAL,
     "group cache has no target: x: refused; 1 of 1"),
    ({"heard": 2}, OK, "OK - 1 of 1"),
    ({"heard": 1}, WARNING, "group cache hears 1 of 3; 1 of 1"),
    ({"heard": 1, "sources": 2}, OK, "OK - 1 of 1"),
    ({"heard": 2, "trouble": "x: refused"}, WARNING,
     "group cache hears 2 of 3: x: refused; "),
    ({"sources": 1, "heard": 0, "trouble": "is empty"}, WARNING,
     "group cache has trouble: is empty; "),
], ids=str)
def test_check_groups(members, code, text, scripted):
    """A group counts, but not where one target is checked."""
    ctl = scripted(STATUS=status(target(), groups=[group(**members)]))
    done = ctl("check")
    assert (done.returncode, done.stderr) == (code, "")
    assert text in done.stdout
    problems = ctl.json("check")[1]["problems"]
    assert [problem["group"] for problem in problems] == ["cache"] * (code != OK)
    assert ctl("check", "orders").returncode == OK


def test_check_worst_first(scripted):
    """Whatever the order of the targets: critical, unknown, warning."""
    ctl = scripted(STATUS=status(
        target("a"), target("b", "stopped"), target("c", "odd"),
        target("d", "down"), target("e", "silent"),
        target("f", publish_state="denied")))
    done = ctl("check")
    assert done.returncode == CRITICAL
    found = re.findall(r"\b([a-f]) (?:PUBLISH|down|silent|stopped|odd)",
                       done.stdout)
    assert found == ["d", "e", "c", "b", "f"]
    assert "; 2 of 6 targets up, 1 stopped | targets=6 up=2 " in done.stdout
    assert " published=54c missed=12c dropped=6c age=1.200s" in done.stdout


def test_check_of_many(scripted):
    """So many are named as a pager shows; the others are counted."""
    ctl = scripted(STATUS=status(*(
        target(f"t{n}", "down", reason="x" * 5000) for n in range(100))))
    done = ctl("check")
    assert done.returncode == CRITICAL
    assert "; and 92 more; 0 of 100 targets up" in done.stdout
    assert len(done.stdout) < 3000
    assert len(ctl.json("check")[1]["problems"]) == 100


def test_check_stopped_ok(scripted):
    """--stopped-ok: what is stopped is meant to be."""
    ctl = scripted(STATUS=status(target("a"), target("b", "stopped")))
    assert ctl("check").returncode == WARNING
    done = ctl("check", "--stopped-ok")
    assert done.returncode == OK
    assert done.stdout.startswith("PINFOD OK - 1 of 2 targets up, 1 stopped |")


def test_check_without_targets(scripted):
    """A daemon that watches nothing is worth a warning."""
    done = scripted(STATUS=status())("check")
    assert done.returncode == WARNING
    assert done.stdout.startswith("PINFOD WARNING - 0 of 0 targets up | ")


def test_check_for_real(make_redis, make_daemon, ctl):
    """A daemon, two servers, one of which dies; then the daemon does."""
    one, two = make_redis(), make_redis()
    daemon = make_daemon("-u", one.uri, "-u", two.uri, "-i", "0.5")
    for server in (one, two):
        daemon.wait_status(server.name, state="up")
    ctl.at(daemon)
    # These servers keep nothing on purpose.
    eventually(lambda: len(ctl.json("incidents")[1]) == 2, 5)
    assert ctl("check").returncode == WARNING
    assert ctl("silence", "persistence.off", "*", "1h").returncode == DONE
    done = ctl("check")
    assert (done.returncode, done.stderr) == (OK, "")
    assert done.stdout.startswith(
        "PINFOD OK - 2 of 2 targets up, 2 incidents acknowledged or silenced | "
        "targets=2 up=2")
    assert " critical=0 warning=0 quiet=2" in done.stdout
    two.kill()
    daemon.wait_status(two.name, state="down")
    assert ctl("check").returncode == CRITICAL
    assert ctl("check", one.name).returncode == OK
    assert ctl("check", two.name).returncode == CRITICAL
    done = ctl("check", "nope")
    assert (done.returncode, done.stderr) == (UNKNOWN, "")
    assert done.stdout.startswith("PINFOD UNKNOWN - no target is called 'nope'")
    assert ctl.json("check", "nope")[1]["error"]["code"] == "NOTARGET"
    daemon.suspend()
    done = ctl("check", "--timeout", "0.3")
    assert done.returncode == UNKNOWN
    assert "did not answer within 0.3 s" in done.stdout
    daemon.kill()
    done = ctl("check")
    assert (done.returncode, done.stdout.count("\n")) == (UNKNOWN, 1)
    assert "not running" in done.stdout


LONG = b"orders: rdb.save_failed critical for 2 s: the last save failed; look"


@pytest.mark.parametrize("columns, shown", [
    (80, LONG.decode() + "\n"),
    (68, LONG.decode() + "\n"),
    (67, LONG.decode().replace(" look", "\n    look") + "\n"),
    (30, "orders: rdb.save_failed\n    critical for 2 s: the last\n"
         "    save failed; look\n"),
    (1, LONG.decode().replace(" ", "\n    ") + "\n"),
])
def test_incidents_are_folded(columns, shown, scripted):
    """To the terminal's width, at blanks; into a pipe they stay one line."""
    ctl = scripted(INCIDENTS=b"*1\r\n" + bulk(LONG))
    code, out = ctl.on_terminal("incidents", columns=columns)
    assert (code, out.replace("\r\n", "\n")) == (DONE, shown)
    assert ctl("incidents").stdout == LONG.decode() + "\n"


@pytest.fixture
def failing(make_redis):
    """A server whose saves fail, because its dump is a directory."""
    server = make_redis(save="3600 1")
    (server.dir / "dump.rdb").mkdir()
    return server


def test_incident_from_raise_to_clear(failing, make_daemon, ctl):
    """Seen by check, incidents and status, acknowledged, and over."""
    daemon = make_daemon(failing, "-i", "0.5")
    daemon.wait_status(state="up")
    ctl.at(daemon)
    assert ctl("check").returncode == OK
    process = ctl.spawn("watch")
    reader = Reader(process)
    reader.until(r"loading:0")
    failing.call("BGSAVE")
    line = reader.until(r"rdb\.save_failed raised")
    assert re.match(r"\d\d:\d\d:\d\d\.\d{3}Z default: rdb\.save_failed raised, "
                    r"critical: the last save failed", line)
    assert "{" not in line

    done = ctl("check")
    assert (done.returncode, done.stderr) == (CRITICAL, "")
    assert done.stdout.startswith(
        "PINFOD CRITICAL - default rdb.save_failed: the last save failed")
    assert " critical=1 warning=0 quiet=0" in done.stdout
    table = [line.split() for line in ctl("status").stdout.splitlines() if line]
    head = next(row for row in table if row[0] == "TARGET")
    row = next(row for row in table if row[0] == "default")
    assert row[head.index("OPEN")] == "1c"
    assert ctl.json("incidents")[1][0]["incident"] == "rdb.save_failed"

    assert ctl("ack", "default", "rdb.save_failed").returncode == DONE
    done = ctl("check")
    assert done.returncode == OK
    assert "1 incident acknowledged or silenced" in done.stdout
    assert ctl("incidents").stdout.endswith("(acknowledged)\n")

    (failing.dir / "dump.rdb").rmdir()
    failing.call("BGSAVE")
    reader.until(r"default: rdb\.save_failed cleared")
    assert ctl("incidents").stdout == "no open incidents\n"
    assert " quiet=0" in ctl("check").stdout


# watch

class Reader:
    """Lines of a process' stdout, as they come."""

    def __init__(self, process):
        self.process, self.buffer = process, b""

    def line(self, limit=5):
        deadline = time.monotonic() + limit * SLOW
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            assert left > 0, f"no line, but {self.buffer!r}"
            if select.select([self.process.stdout], [], [], left)[0]:
                data = os.read(self.process.stdout.fileno(), 65536)
                assert data, (f"the end, after {self.buffer!r}: "
                              f"{self.process.stderr.read()!r}")
                self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode()

    def until(self, pattern, limit=5):
        while True:
            line = self.line(limit)
            if re.search(pattern, line):
                return line


HEAD = r"^\d\d:\d\d:\d\d\.\d\d\dZ pinfo  "


def test_watch(server, make_daemon, ctl):
    """The first message whole, then what changed, each with time and channel."""
    daemon = make_daemon(server, "-i", "0.2")
    process = ctl.at(daemon).spawn("watch", "default")
    reader = Reader(process)
    assert re.match(HEAD + "# Persistence", reader.line())
    reader.until(HEAD + "nothing changed$")
    server.client().set("a", 1)
    reader.until(HEAD + r"rdb_changes_since_last_save 0 -> 1$")
    reader.until(HEAD + "nothing changed$")
    process.send_signal(signal.SIGINT)
    assert process.wait(2 * SLOW) == DONE
    assert process.stderr.read() == b""


def test_watch_by_shard(scripted):
    """Its channels have a tag on the server, and none on the control socket."""
    said = []

    def subscribe(_connection, words):
        said.append(words)
        return b"*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n"

    ctl = scripted(STATUS=status(target("a/1", channel="pinfo:a/1{42}", tag="42",
                                        notices="pinfo:notice{42}")),
                   SUBSCRIBE=subscribe)
    process = ctl.spawn("watch", "a/1")
    eventually(lambda: said)
    process.kill()
    assert process.communicate()[1] == b""
    assert said == [[b"SUBSCRIBE", b"pinfo:a/1", b"pinfo:notice"]]


def test_watch_json(make_fake, make_daemon, ctl):
    """One object a message, with the text as it was."""
    daemon = make_daemon(make_fake(info=b"a:1\r\n\xffb\r\n"), "-i", "0.2")
    process = ctl.at(daemon).spawn("--json", "watch")
    reader = Reader(process)
    for _ in range(3):
        while (got := json.loads(reader.line()))["channel"] == "pinfo:notice":
            assert json.loads(got["text"])["target"] == "default"
        assert list(got) == ["time", "channel", "text"]
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
                            got["time"])
        assert got["channel"] == "pinfo"
        assert got["text"] == "a:1\r\n\ufffdb\r\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(2 * SLOW) == DONE


@pytest.mark.parametrize("how", ["terminate", "kill"])
@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["text", "json"])
def test_watch_when_the_daemon_ends(how, flags, server, make_daemon, ctl):
    """It says so and ends with 69."""
    daemon = make_daemon(server, "-i", "0.2")
    process = ctl.at(daemon).spawn(*flags, "watch")
    reader = Reader(process)
    reader.line()
    getattr(daemon, how)()
    daemon.wait_exit()
    assert process.wait(2 * SLOW) == NO_DAEMON
    said = process.stderr.read().decode()
    if flags:
        last = reader.buffer + process.stdout.read()
        answer = json.loads(last.splitlines()[-1])
        assert answer["error"]["code"] == "NODAEMON"
        assert said == ""
    else:
        assert said.startswith("pinfoctl: the daemon closed the connection")


def test_watch_has_no_deadline(fake, make_daemon, ctl):
    """Only its answers have one; messages may take as long as they do."""
    daemon = make_daemon(fake, "-i", "1.5")
    process = ctl.at(daemon).spawn("--timeout", "0.2", "watch")
    reader = Reader(process)
    reader.line()
    reader.until("nothing changed$")
    reader.until("nothing changed$")
    assert process.poll() is None


def test_watch_of_unknown_target(fake, make_daemon, ctl):
    """NOTARGET, as anywhere."""
    done = ctl.at(make_daemon(fake))("watch", "nope")
    assert done.returncode == REFUSED
    assert error_of(done).startswith("NOTARGET ")


def test_watch_of_a_shared_channel(make_fake, make_daemon, ctl):
    """Messages carry no target: it says so."""
    one, two = make_fake(info=b"x:1\r\n"), make_fake(info=b"x:2\r\n")
    daemon = make_daemon("-u", one.uri, "-u", two.uri, "-i", "0.2")
    ctl.at(daemon)
    for args in (["watch"], ["watch", one.name]):
        process = ctl.spawn(*args)
        Reader(process).until(r"x 1 -> 2$|x 2 -> 1$")
        process.send_signal(signal.SIGINT)
        assert process.wait(2 * SLOW) == DONE
        said = process.stderr.read().decode()
        assert said == ("pinfoctl: 2 targets publish on pinfo, messages do not "
                        f"say which: {one.name}, {two.name}\n")


def test_watch_of_a_stopped_target(fake, make_daemon, ctl):
    """It says why nothing comes."""
    process = ctl.at(make_daemon(fake, "--stopped")).spawn("watch")
    assert b"nothing comes before START" in process.stderr.readline()


def message(channel, text, pattern=None):
    head = [b"message"] if pattern is None else [b"pmessage", pattern]
    words = [*head, channel, text]
    return b"*%d\r\n" % len(words) + b"".join(map(bulk, words))


def feed(*messages):
    """SUBSCRIBE and PSUBSCRIBE that send these."""
    def subscribe(connection, words):
        sent = b"*3\r\n%s%s:1\r\n" % (bulk(words[0].lower()), bulk(words[1]))
        return sent + b"".join(messages)

    return {"SUBSCRIBE": subscribe, "PSUBSCRIBE": subscribe}


def watched(ctl, *args, last, limit=5):
    """Run watch until a line matches `last`: all lines, without their times."""
    process = ctl.spawn("watch", *args)
    reader, lines = Reader(process), []
    while not lines or not re.search(last, lines[-1]):
        lines.append(reader.line(limit))
    process.send_signal(signal.SIGINT)
    assert process.wait(2 * SLOW) == DONE
    return [line.partition(" ")[2] for line in lines]


def test_watch_changes(scripted):
    """Fields that change, come and go; by channel; other texts too."""
    ctl = scripted(STATUS=status(target()), **feed(
        message(b"pinfo", b"# P\r\na:1\r\nb:2\r\n", b"*"),
        message(b"other", b"a:7\r\n", b"*"),
        message(b"pinfo", b"# P\r\na:1\r\nc:3\r\n", b"*"),
        message(b"pinfo", b"# Q\r\na:1\r\nc:3\r\n", b"*"),
        message(b"pinfo", b"", b"*"), message(b"other", b"a:7\r\n", b"*"),
        message(b"other", b"a:\x1b[2J\r\nend:1\r\n", b"*"),
    ))
    assert watched(ctl, last="end ") == [
        "pinfo  # P", "pinfo  a:1", "pinfo  b:2",
        "other  a:7",
        "pinfo  c (absent) -> 3", "pinfo  b 2 -> (absent)",
        "pinfo  no field changed, but the text did",
        "pinfo  a 1 -> (absent)", "pinfo  c 3 -> (absent)",
        "other  nothing changed",
        r"other  a 7 -> \x1b[2J", "other  end (absent) -> 1",
    ]


def test_watch_of_one_channel(scripted):
    """With a target: its channel, also when its name had to be escaped."""
    messages = [message(b"other", b"x:1\r\n"),
                message("gr\u00fcn".encode(), b"y:1\r\n", b"*"),
                message(b"pinfo", b"z:1\r\n")]
    ctl = scripted(STATUS=status(target()), **feed(*messages))
    assert watched(ctl, "orders", last="z") == ["pinfo  z:1"]
    assert ctl.fake.of("SUBSCRIBE")[0][2] == [b"SUBSCRIBE", b"pinfo"]
    ctl = scripted(STATUS=status(target(channel=r"gr\xc3\xbcn")),
                   **feed(*messages))
    assert watched(ctl, "orders", last="y") == [r"gr\xc3\xbcn  y:1"]


def test_watch_on_a_terminal(scripted):
    """Two columns, colours, and the head once a message."""
    text = b"".join(b"field%d:%d\r\n" % (n, n) for n in range(5))
    changed = text.replace(b":1", b":9").replace(b":2", b":8")
    sent = feed(message(b"pinfo", text), message(b"pinfo", changed))

    def subscribe(connection, words):
        connection.send(sent["PSUBSCRIBE"](connection, words))
        connection.close()

    ctl = scripted(STATUS=status(target()), PSUBSCRIBE=subscribe)
    code, shown = ctl.on_terminal("watch")
    assert code == NO_DAEMON
    lines = re.sub(rf"{ESC}\[\d+m", "", shown).splitlines()
    assert lines[0].endswith("pinfo  the first message, whole:")
    assert [line.split() for line in lines[1:4]] == [
        ["field0:0", "field3:3"], ["field1:1", "field4:4"], ["field2:2"]]
    assert lines[4].endswith("pinfo  field1 1 -> 9")
    assert lines[5].strip() == "field2 2 -> 8"
    assert lines[5].index("field2") == lines[4].index("field1")
    assert f"{ESC}[32m" in shown


def test_watch_into_a_pipe_that_closes(server, make_daemon, ctl):
    """`pinfoctl watch | head -1` ends."""
    daemon = make_daemon(server, "-i", "0.2")
    process = ctl.at(daemon).spawn("watch")
    Reader(process).line()
    process.stdout.close()
    assert process.wait(3 * SLOW) in (-signal.SIGPIPE, NO_OUTPUT)


# Daemons that hang, die, or are none.

def test_timeout(fake, make_daemon, ctl):
    """A stopped daemon: exit 2 after --timeout, in words."""
    daemon = make_daemon(fake)
    daemon.suspend()
    ctl.at(daemon)
    for command in ("status", "stop", "interval", "watch", "acl", "shutdown"):
        began = time.monotonic()
        done = ctl("--timeout", "300ms", command)
        took = time.monotonic() - began
        assert (done.returncode, done.stdout) == (NO_ANSWER, ""), command
        said = "the daemon did not answer within 0.3 s: it hangs"
        if command in ("stop", "shutdown"):
            said += "; what was asked may still come to pass"
        assert error_of(done) == said + "\n"
        assert 0.3 <= took < 0.3 + 1 * SLOW
    code, answer = ctl.json("--timeout", "0.1", "status")
    assert (code, answer["error"]["code"]) == (NO_ANSWER, "TIMEOUT")
    daemon.kill()                       # it would heed SHUTDOWN


def test_timeout_by_default(fake, make_daemon, ctl):
    """Without --timeout it is 5 s."""
    daemon = make_daemon(fake)
    daemon.suspend()
    began = time.monotonic()
    done = ctl.at(daemon)("status", limit=20)
    assert 5 <= time.monotonic() - began < 6 * SLOW
    assert "within 5 s" in error_of(done)


def test_full_backlog(make_fake, ctl):
    """A daemon that hangs and takes nobody in any more: the same."""
    began = time.monotonic()
    done = ctl.at(make_fake(unix=True, backlog_full=True))(
        "--timeout", "0.3", "status")
    assert done.returncode == NO_ANSWER
    assert "it takes nobody in: the daemon hangs" in error_of(done)
    assert time.monotonic() - began < 0.3 + 1 * SLOW


def test_max_clients(make_fake, ctl):
    """What a daemon says as it closes is told, whoever is faster."""
    def on_connect(connection):
        connection.send(b"-ERR max number of clients reached\r\n")
        connection.close()

    done = ctl.at(make_fake(unix=True, on_connect=on_connect))("status")
    assert done.returncode == REFUSED
    assert error_of(done) == "ERR max number of clients reached\n"


def test_daemon_that_closes_between_requests(scripted):
    """The same where the next request cannot be sent any more."""
    def answer(connection, words):
        # So many that it has closed before they are read.
        connection.send(status(*map(target, map(str, range(3000)))) +
                        b"-ERR you are too slow\r\n")
        connection.close()

    done = scripted(STATUS=answer)("watch")
    assert done.returncode == REFUSED
    assert error_of(done).splitlines()[-1].endswith("ERR you are too slow")


@pytest.mark.parametrize("how", ["close", "reset", "half"])
def test_daemon_that_closes(how, scripted):
    """No answer but the end: exit 69."""
    def answer(connection, words):
        if how == "half":
            connection.send(b"$100\r\nhalf")
        getattr(connection, "reset" if how == "reset" else "close")()

    ctl = scripted(STATUS=answer, STOP=answer)
    for command in ("status", "stop"):
        done = ctl(command)
        assert done.returncode == NO_DAEMON
        assert "closed the connection" in error_of(done)
        assert ctl.json(command)[1]["error"]["code"] == "NODAEMON"


def endless(head, data):
    """Sends head, and data until nobody reads it any more."""
    def answer(connection, words):
        connection.sock.sendall(head)
        while True:
            connection.sock.sendall(data)

    return answer


def trickle(connection, words):
    while True:
        connection.sock.sendall(b"+")
        time.sleep(0.02)


HOSTILE = {
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "zeros": b"\0" * 1000,
    "huge array": b"*2147483647\r\n",
    "larger array": b"*1000000000000\r\n",
    "long array": b"*100001\r\n",
    "negative array": b"*-2\r\n",
    "nested": b"*1\r\n" * 100000,
    "nested twice": b"*1\r\n*1\r\n+a\r\n",
    "huge bulk": b"$1099511627776\r\n",
    "bulk without end": endless(b"$1099511627776\r\n", b"x" * 65536),
    "17 MiB": b"$17825792\r\n" + b"x" * 17825792 + b"\r\n",
    "17 MiB in pieces": b"*18\r\n" + 18 * bulk(b"x" * 1024 * 1024),
    "line without end": endless(b"+", b"x" * 65536),
    "error without end": endless(b"-", b"\x1b[2J"),
    "length without end": endless(b"$", b"1" * 65536),
    "trickle": trickle,
    "map": b"%1\r\n+a\r\n+b\r\n",
    "double": b",1.5\r\n",
    "boolean": b"#t\r\n",
    "push": b">1\r\n+a\r\n",
    "integer": b":99999999999999999999999\r\n",
    "escapes": b"\x1b[2J\x1b]0;gotcha\x07\r\n",
}


TOO_LONG = ["line without end", "error without end", "length without end"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(name, scripted):
    """No crash, no hang, no escape sequence, and an exit code that says so."""
    sent = HOSTILE[name]
    ctl = scripted(STATUS=sent, TARGETS=sent, METRICS=sent)
    for command in ("status", "targets", "metrics", "check"):
        began = time.monotonic()
        done = ctl("--timeout", "1.5", command, limit=20)
        assert time.monotonic() - began < 2.5 * SLOW, command
        expected = UNKNOWN if command == "check" else NO_ANSWER
        assert done.returncode == expected, done
        assert ESC not in done.stdout + done.stderr
        assert len(done.stdout + done.stderr) < 4096
        if name in TOO_LONG:
            assert "sent: a line that is too long" in done.stdout + done.stderr


BAD_STATUS = {
    "empty": b"", "null": b"null", "number": b"7", "list": b"[]",
    "text": b"\"x\"", "object": b"{}", "cut": status_bytes(target())[:-3],
    "schema": status_bytes(target(), schema=2),
    "no schema": status_bytes(target(), schema=None),
    "deep": b"[" * 100000, "nul": b"{\"a\":\"\\u0000\"}", "bytes": b"\xff\xfe",
    "number too large": b"{\"schema\":1e999}", "escapes": b"\x1b[2J",
    "targets": b"{\"schema\":1,\"targets\":{}}",
}


@pytest.mark.parametrize("name", BAD_STATUS)
def test_bad_status(name, scripted):
    """What is no STATUS JSON: exit 2, in words."""
    ctl = scripted(STATUS=bulk(BAD_STATUS[name]))
    for command in ("status", "acl", "watch"):
        done = ctl(command)
        assert (done.returncode, done.stdout) == (NO_ANSWER, ""), done
        assert "STATUS" in error_of(done)
        assert ESC not in done.stderr
    assert ctl("check").returncode == UNKNOWN


@pytest.mark.parametrize("answer", [b"+OK\r\n", b":1\r\n", b"$-1\r\n", b"*0\r\n",
                                    b"*-1\r\n"])
def test_status_of_another_type(answer, scripted):
    """The same for other replies."""
    done = scripted(STATUS=answer)("status")
    assert (done.returncode, done.stdout) == (NO_ANSWER, "")
    assert "STATUS makes no sense" in error_of(done)


def test_odd_members(scripted):
    """Members of wrong types and sizes do no harm."""
    odd = [target(name=1, state=None, address=[], channel={}, reason=7,
                  since_s="x", interval_s=-5, published=1e300, missed=None),
           {}, 7, None, target(name="n" * 100000, reason="r" * 100000),
           target(name=f"{ESC}[2J\u009b\r\n|", state=f"{ESC}]0;x\x07",
                  reason=f"{ESC}[31m", server="\n\n", user=f"{ESC}",
                  channel=f"{ESC}\n", publish_reason="\n", publish_state="\n"),
           target(since_s=1e308, interval_s=1e308, last_sample_age_s=1e308)]
    ctl = scripted(STATUS=status(*odd, version=ESC, config=7))
    for command in ("status", "check", "acl"):
        done = ctl(command)
        assert done.returncode == (UNKNOWN if command == "check" else DONE)
        assert not set(ESC + "\u009b\r\x07") & set(done.stdout + done.stderr)
        code, shown = ctl.on_terminal(command, env={"NO_COLOR": "1"})
        assert not set(ESC + "\u009b\x07") & set(shown)
    code, shown = ctl.on_terminal("--json", "status")
    assert not set(ESC + "\u009b\x07") & set(shown)
    assert len(json.loads(shown)["targets"]) == len(odd)


def test_errors_are_escaped(scripted):
    """An error's text can do nothing to a terminal, nor fill it."""
    ctl = scripted(STOP=b"-ERR \x1b[2J" + b"x" * 60000 + b"\r\n",
                   START=b"-gibberish \x1b\r\n", POLL=b"-\r\n")
    done = ctl("stop")
    assert done.returncode == REFUSED
    assert error_of(done).startswith(r"ERR \x1b[2Jxxx")
    assert len(done.stderr) < 2000
    assert error_of(ctl("start")) == "ERR gibberish \\x1b\n"
    assert ctl("poll").returncode == REFUSED
    assert ctl.json("start")[1]["error"]["code"] == "ERR"


def test_hostile_feed(scripted):
    """Messages that are none, or huge, or many channels, do not end the feed."""
    ctl = scripted(STATUS=status(target()), **feed(
        b"*0\r\n", b"*1\r\n$-1\r\n", b"+OK\r\n", b":7\r\n", b"$-1\r\n",
        b"*3\r\n:1\r\n:2\r\n:3\r\n", b"*3\r\n$7\r\nmessage\r\n$-1\r\n$-1\r\n",
        b"*5\r\n" + 5 * bulk(b"message"),
        message(b"x" * 100000, b"a:1\r\n"), message(b"\x1b\0", b"\0\x1b\n" * 9),
        message(b"big", b"a:1\r\n" * 300000), message(b"big", b"a:2\r\n"),
        *(message(b"c%d" % n, b"a:1\r\n") for n in range(3000)),
        message(b"pinfo", b"last:1\r\n"),
    ))
    lines = watched(ctl, last="last:1", limit=20)
    assert lines[-1] == "pinfo  last:1"
    assert max(map(len, lines)) < 1000
    assert not any(set("\x1b\0") & set(line) for line in lines)


def test_error_in_the_feed(scripted):
    """An error between messages ends it, in words."""
    ctl = scripted(STATUS=status(target()), **feed(
        message(b"pinfo", b"a:1\r\n"), b"-ERR out of patience\r\n"))
    done = ctl("watch")
    assert done.returncode == REFUSED
    assert error_of(done) == "ERR out of patience\n"
    assert done.stdout.endswith("pinfo  a:1\n")


# Output that cannot be written.

def test_output_that_fails(scripted):
    """A full disk: exit 74; for check 3, as nobody has read a word."""
    ctl = scripted(STATUS=status(target()), STOP=b"+OK\r\n")
    for args, code in ((["status"], NO_OUTPUT), (["--json", "stop"], NO_OUTPUT),
                       (["--help"], NO_OUTPUT), (["check"], UNKNOWN)):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = ctl(*args, stdout=full)
        assert done.returncode == code
        assert "cannot write" in error_of(done)


def test_closed_descriptors(scripted):
    """Without stdin, stdout and stderr nothing is printed into the socket."""
    ctl = scripted(STOP=b"+OK\r\n")
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *ctl.command(["stop"])],
        env=ctl.environment(), timeout=10 * SLOW, check=False)
    assert done.returncode == DONE
    assert [row[2] for row in ctl.fake.commands] == [[b"STOP"]]


# Completion.

COMPLETE = r"""
    . "$1" || exit 9
    [[ $(complete -p pinfoctl) == "complete -F _pinfoctl pinfoctl" ]] || exit 8
    COMP_LINE=$2 COMP_POINT=${#2}
    _pinfoctl "$3" "" ""
    for word in "${COMPREPLY[@]}"; do printf '%s\n' "$word"; done
"""


@pytest.fixture
def complete(ctl):
    """complete("pinfoctl st") -> what bash would offer, cursor at the end."""
    def run(line):
        done = subprocess.run(
            ["bash", "--norc", "-c", COMPLETE, "bash",
             str(ROOT / "etc" / "pinfoctl.bash"), line, pinfoctl_binary()],
            env=ctl.environment({"PINFOD_SOCKET": ctl.socket or "/nowhere"}),
            text=True, capture_output=True, timeout=10 * SLOW, cwd=ctl.dir,
            check=False)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout.splitlines()

    return run


def test_completion_of_words(complete):
    """Commands, options, levels; nothing where nothing is to say."""
    assert complete("pinfoctl ") == COMMANDS
    assert complete("pinfoctl st") == ["start", "stop", "status"]
    assert complete("pinfoctl --json w") == ["watch"]
    assert set(complete("pinfoctl --")) == {
        "--socket", "--timeout", "--json", "--stopped-ok", "--for", "--version",
        "--help"}
    assert "rdb.save_failed" in complete("pinfoctl explain rdb.")
    assert complete("pinfoctl ack nobody aof.over") == ["aof.overgrown"]
    assert complete("pinfoctl silence aof.over") == ["aof.overgrown"]
    assert complete("pinfoctl silences ") == []
    assert complete("pinfoctl status --j") == ["--json"]
    assert complete("pinfoctl loglevel ") == [
        "error", "warning", "notice", "info", "debug"]
    assert complete("pinfoctl logl wa") == ["warning"]
    assert complete("pinfoctl help sh") == ["shutdown"]
    for line in ("pinfoctl reload ", "pinfoctl --timeout ", "pinfoctl stop ",
                 "pinfoctl interval ", "pinfoctl loglevel info ",
                 "pinfoctl frob "):
        assert complete(line) == []


def test_completion_of_sockets(complete, ctl):
    """After -s: files."""
    (ctl.dir / "one.sock").touch()
    assert complete(f"pinfoctl -s {ctl.dir}/on") == [f"{ctl.dir}/one.sock"]
    assert complete("pinfoctl --socket one") == ["one.sock"]


NAMES = [b"orders", b"carts", b"127.0.0.1:6379", b"127.0.0.1:6380",
         b"/run/r.sock", b"$(touch gotcha)", b"a b", b"`touch gotcha`"]


def test_completion_of_targets(complete, scripted):
    """The daemon's names; whatever they are, bash only sees them quoted."""
    ctl = scripted(TARGETS=b"*8\r\n" + b"".join(map(bulk, NAMES)))
    for command in ("start", "stop", "status", "poll", "watch", "check", "acl",
                    "stat"):
        assert complete(f"pinfoctl {command} o") == ["orders"]
    assert len(complete("pinfoctl status ")) == len(NAMES)
    assert complete("pinfoctl status /") == ["/run/r.sock"]
    assert complete("pinfoctl status 127") == ["127.0.0.1:6379",
                                               "127.0.0.1:6380"]
    # bash takes what follows the colon for the word.
    assert complete("pinfoctl status 127.0.0.1:") == ["6379", "6380"]
    assert complete("pinfoctl status 127.0.0.1:638") == ["6380"]
    assert complete("pinfoctl status orders ") == []
    assert r"\$\(touch\ gotcha\)" in complete("pinfoctl status ")
    assert r"a\ b" in complete("pinfoctl status ")
    assert not (ctl.dir / "gotcha").exists()


def test_completion_takes_the_socket(complete, scripted):
    """-s on the line is where the names come from."""
    ctl = scripted(TARGETS=b"*1\r\n" + bulk(b"here"))
    path, ctl.socket = ctl.socket, None
    assert complete("pinfoctl status ") == []
    assert complete(f"pinfoctl -s {path} status ") == ["here"]
    assert complete(f"pinfoctl --socket={path} status ") == ["here"]


def test_completion_does_not_hang(complete, fake, make_daemon, ctl):
    """A daemon that hangs costs a second, not the prompt."""
    daemon = make_daemon(fake)
    daemon.suspend()
    ctl.at(daemon)
    began = time.monotonic()
    assert complete("pinfoctl status ") == []
    assert time.monotonic() - began < 3 * SLOW


def test_completion_for_real(complete, make_fake, make_daemon, ctl):
    """With a daemon and its targets."""
    one, two = make_fake(), make_fake()
    ctl.at(make_daemon("-u", one.uri, "-u", two.uri))
    assert complete("pinfoctl stop ") == [one.name, two.name]
