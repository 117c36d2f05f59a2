"""The daemon under test."""

import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess

import redis

from .processes import die_with_parent, suspend, temporary_directory
from .resp import Resp
from .waiting import SLOW, eventually

ROOT = pathlib.Path(__file__).resolve().parents[3]
FRAME = re.compile(r"^(<\d>|\d{4}-\d\d-\d\dT[\d:.]+Z [a-z]+: )")
REPORT = re.compile(
    r"(Address|Leak|Memory|Thread|UndefinedBehavior)Sanitizer|runtime error:"
    r"|Assertion .* failed"
)


def pinfod_binary():
    path = os.environ.get("PINFOD") or str(ROOT / "build" / "pinfod")
    assert os.access(path, os.X_OK), f"{path} is not there: make, or set PINFOD"
    return path


def clean_environment(home, more=None):
    """The environment without what would change the daemon's behaviour."""
    env = {
        key: value for key, value in os.environ.items()
        if key not in ("REDISCLI_AUTH", "NOTIFY_SOCKET", "LISTEN_FDS",
                       "LISTEN_PID", "RUNTIME_DIRECTORY", "STATE_DIRECTORY",
                       "LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID",
                       "JOURNAL_STREAM")
    }
    env.update(LC_ALL="C.UTF-8", HOME=str(home), XDG_RUNTIME_DIR=str(home),
               XDG_STATE_HOME=str(home))
    # So that no run touches the machine's own socket, nor what it has learnt.
    env.update(RUNTIME_DIRECTORY=str(home), STATE_DIRECTORY=str(home))
    env.update(more or {})
    return env


def run_pinfod(*args, env=None, timeout=5.0):
    """Run the daemon to its end: a CompletedProcess with text output."""
    home = temporary_directory("run")
    try:
        return subprocess.run(
            [pinfod_binary(), *map(str, args)], cwd=home, text=True,
            errors="surrogateescape",
            env=clean_environment(home, env), stdin=subprocess.DEVNULL,
            capture_output=True, timeout=timeout * SLOW,
            preexec_fn=die_with_parent,
        )
    finally:
        shutil.rmtree(home, ignore_errors=True)


def open_to_its_user():
    """For preexec_fn: let an ordinary user count the daemon's descriptors.

    Without a core limit its /proc is root's alone; one byte makes no core.
    """
    die_with_parent()
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if os.geteuid() != 0 and hard != 0:
        resource.setrlimit(resource.RLIMIT_CORE, (1, hard))


class Daemon:
    """A running pinfod with a control socket in its own directory.

    Among args, an object with .flags (RedisServer, FakeServer) stands for
    the flags that name it.  wait=False does not wait for the control socket.
    """

    def __init__(self, *args, env=None):
        self.dir = temporary_directory("daemon")
        self.control_path = str(self.dir / "c")
        self.prefix = []                # a command that runs the daemon
        self.control_by_flag = True     # else a test's file says where
        self.args = []
        for arg in args:
            self.args += getattr(arg, "flags", None) or [str(arg)]
        self.env = clean_environment(self.dir, env)
        self.process = None
        self._ended = False             # a test has seen it end, and how
        self._resp = None
        self._open = []

    @property
    def pid(self):
        return self.process.pid

    def start(self, wait=True, **options):
        """Start it; options go to Popen (user=…, umask=…)."""
        control = ["--control", self.control_path] * self.control_by_flag
        with open(self.dir / "stderr", "ab") as stderr:
            self.process = subprocess.Popen(
                [*self.prefix, pinfod_binary(), *control, *self.args],
                cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL,
                stdout=stderr, stderr=stderr, preexec_fn=open_to_its_user,
                **options,
            )
        self._ended = False
        if wait:
            eventually(self._answers, 5, what="pinfod answers")
        return self

    # what it says

    @property
    def log(self):
        return (self.dir / "stderr").read_text(errors="backslashreplace")

    def log_lines(self, pattern="", since=0):
        """The log's lines, from line number `since` on, that match.

        Without what frames a line: time and level, or the journal's <N>.
        """
        lines = [FRAME.sub("", line) for line in self.log.splitlines()[since:]]
        return [line for line in lines if re.search(pattern, line)]

    def log_mark(self):
        """How many lines there are now, for log_lines(since=…)."""
        return len(self.log.splitlines())

    def wait_log(self, pattern, timeout=5.0, since=0):
        """Wait for a line of the log that matches; return the first."""
        return eventually(lambda: self.log_lines(pattern, since), timeout,
                          what=f"log line /{pattern}/")[0]

    # its control socket

    def raw(self):
        """A connected unix socket and nothing else."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(5 * SLOW)
        sock.connect(self.control_path)
        self._open.append(sock)
        return sock

    def resp(self):
        """A raw RESP connection (RESP3 after call("HELLO", "3"))."""
        made = Resp(self.control_path)
        self._open.append(made)
        return made

    def control(self, protocol=2, **options):
        """A redis-py client; protocol=3 needs a redis-py that knows it."""
        options.setdefault("decode_responses", True)
        options.setdefault("socket_timeout", 5 * SLOW)
        if protocol != 2:
            options["protocol"] = protocol
        made = redis.Redis(unix_socket_path=self.control_path, **options)
        self._open.append(made)
        return made

    def do(self, *words):
        """One command; bulk replies as text.  Raises ReplyError."""
        if self._resp is None:
            self._resp = self.resp()
        try:
            return _text(self._resp.call(*words))
        except (OSError, EOFError):
            self._resp = None
            raise

    def status(self):
        """STATUS JSON, parsed."""
        return json.loads(self.do("STATUS", "JSON"))

    def status_target(self, name="default"):
        """One target's object out of STATUS JSON."""
        listed = self.status()["targets"]
        found = [target for target in listed if target["name"] == name]
        assert len(found) == 1, f"{name} among {[t['name'] for t in listed]}"
        return found[0]

    def wait_status(self, name="default", timeout=5.0, **members):
        """Wait until a target's members have these values; return it."""
        last = {}

        def matches():
            last.update(self.status_target(name))
            return all(last[key] == value for key, value in members.items())

        try:
            eventually(matches, timeout, what=f"{name}: {members}")
        except AssertionError as error:
            raise AssertionError(f"{error}; status: {last}") from None
        return dict(last)

    # its life

    def suspend(self):
        suspend(self.pid)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def terminate(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait_exit(self, within=1.0):
        """Wait for its end and return the exit code (negative: a signal).

        A test that calls this has taken over: close() checks no code.
        """
        self._ended = True
        try:
            return self.process.wait(within * SLOW)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"pinfod still ran after {within * SLOW:g} s"
            ) from None

    def kill(self):
        self._ended = True
        self.process.kill()
        self.process.wait()

    def close(self):
        """SIGTERM must end it within a second with 0, whatever goes on."""
        complaint = None
        try:
            for thing in self._open:
                thing.close()
            if self.process:
                complaint = self._end()
            print(f"--- {' '.join(self.args)}\n{self.log}", end="")
            if found := REPORT.search(self.log):
                complaint = f"{found.group()} in pinfod's stderr:\n{self.log}"
        finally:
            if self.process and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            shutil.rmtree(self.dir, ignore_errors=True)
        assert not complaint, complaint

    def _end(self):
        code = self.process.poll()
        if code is not None:
            return None if self._ended else f"pinfod had ended, code {code}"
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            code = self.process.wait(1 * SLOW)
        except subprocess.TimeoutExpired:
            return f"pinfod still runs {SLOW:g} s after SIGTERM"
        return None if code == 0 else f"pinfod ended with {code} on SIGTERM"

    def _answers(self):
        if self.process.poll() is not None:
            self._ended = True
            raise RuntimeError(
                f"pinfod ended at once, {self.process.returncode}:\n{self.log}"
            )
        try:
            return self.do("PING") == "PONG"
        except (OSError, EOFError):
            return False


def _text(value):
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, list):
        return type(value)(_text(item) for item in value)
    return value
