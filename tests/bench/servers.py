"""The servers that the subjects poll: the scripted one, and a real Redis.

Both note when each PUBLISH arrives, and have the same verbs: enter and leave,
`flags` for the subject's command line, `wait` for the count given at the start,
`notes`.
"""

import contextlib
import os
import selectors
import shutil
import socket
import subprocess
import time
from pathlib import Path

from processes import BenchError, log_tail, process

TOP = Path(__file__).resolve().parent.parent.parent
TARGET = TOP / "build" / "bench" / "target"
RECORDED = TOP / "tests" / "fixtures" / "info" / "redis-7.0-saved.txt"
START_LIMIT_S = 30


class Target:
    """The scripted server (target.c): a context manager around one process."""

    def __init__(self, directory, count, tcp=False, cpu=None):
        address = "0" if tcp else f"{directory}/target.sock"
        self._argv = [str(TARGET), address, str(count), wide_write(directory)]
        self._tcp = tcp
        self._cpu = cpu
        self._log = f"{directory}/target.log"
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        child = process(self._argv, self._log, self._cpu, **pipes)
        self._child = self._stack.enter_context(child)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._child.stdout, selectors.EVENT_READ)
        self._partial = b""
        where = self._line(time.monotonic() + START_LIMIT_S).split()[1]
        self.flags = ["-h", "127.0.0.1", "-p", where] if self._tcp else ["-s", where]
        self.uri = f"redis://127.0.0.1:{where}" if self._tcp else f"unix://{where}"
        return self

    def __exit__(self, *exc):
        self._stack.close()
        self._child.stdin.close()
        self._child.stdout.close()
        self._selector.close()

    def _line(self, deadline):
        while b"\n" not in self._partial:
            left = deadline - time.monotonic()
            if left <= 0 or not self._selector.select(left):
                raise TimeoutError
            data = os.read(self._child.stdout.fileno(), 65536)
            if not data:
                raise BenchError("the scripted server ended" + log_tail(self._log))
            self._partial += data
        line, self._partial = self._partial.split(b"\n", 1)
        return line.decode()

    def wait(self, seconds):
        """Waits for the PUBLISH that makes up the count given at the start."""
        while self._line(time.monotonic() + seconds) != "reached":
            pass

    def _notes(self):
        """([(ns, channel)] in the order of arrival, {command: how often})."""
        self._child.stdin.write(b"notes\n")
        self._child.stdin.flush()
        arrivals, commands = [], {}
        while (line := self._line(time.monotonic() + START_LIMIT_S)) != "end":
            kind, *words = line.split()
            if kind == "command":
                commands[words[0]] = int(words[1])
            elif kind == "publish":
                arrivals.append((int(words[1]), words[0]))
        return arrivals, commands

    def notes(self):
        """(arrivals in ns in their order, {command: how often})."""
        arrivals, commands = self._notes()
        return [ns for ns, _ in arrivals], commands

    def channels(self):
        """{channel: its arrivals in ns}: what tells many targets apart."""
        channels = {}
        for ns, channel in self._notes()[0]:
            channels.setdefault(channel, []).append(ns)
        return channels


def wide_write(directory):
    """What a real server said to INFO of the other sections, in a file."""
    text = RECORDED.read_text()
    start = text.index("# Persistence")
    text = text[:start] + text[text.index("# Stats", start) :]
    path = Path(directory) / "wide"
    path.write_text(text.replace("\n", "\r\n"), newline="")
    return str(path)


class Redis:
    """A real server with a subscriber that notes when messages arrive.

    The same verbs as Target. The notes hold the server's delivery and our own
    waking up as well, for every subject alike.
    """

    def __init__(self, directory, count, program, cpu=None):
        path = f"{directory}/redis.sock"
        self.flags = ["-s", path]
        self._path = path
        self._count = count
        self._arrivals = []
        self._log = f"{directory}/redis.log"
        self._argv = [program, "--port", "0", "--unixsocket", path]
        self._argv += ["--save", "", "--dir", str(directory)]
        self._cpu = cpu
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        child = process(self._argv, self._log, self._cpu)
        self._stack.enter_context(child)
        try:
            self._reader = self._subscribe()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *exc):
        self._reader.close()
        self._stack.close()

    def _subscribe(self):
        deadline = time.monotonic() + START_LIMIT_S
        while True:
            reader = socket.socket(socket.AF_UNIX)
            reader.settimeout(START_LIMIT_S)
            try:
                reader.connect(self._path)
                break
            except OSError:
                reader.close()
                if time.monotonic() > deadline:
                    raise BenchError("redis-server" + log_tail(self._log))
                time.sleep(0.02)
        reader.sendall(b"SUBSCRIBE pinfo\r\n")
        reader.recv(4096)
        return reader

    def wait(self, seconds):
        deadline = time.monotonic() + seconds
        while len(self._arrivals) < self._count:
            self._reader.settimeout(max(0.001, deadline - time.monotonic()))
            data = self._reader.recv(65536)
            now = time.monotonic_ns()
            if not data:
                raise BenchError("redis-server ended" + log_tail(self._log))
            # A message of 1 KB comes in one piece through a unix socket.
            self._arrivals += [now] * data.count(b"*3\r\n$7\r\nmessage\r\n")

    def notes(self):
        return list(self._arrivals), {}


def redis_program(directory):
    """redis-server, or Debian's redis-check-rdb by the name that makes it one."""
    found = shutil.which("redis-server")
    if found:
        return found
    check = shutil.which("redis-check-rdb")
    if not check:
        return None
    link = Path(directory) / "redis-server"
    link.symlink_to(check)
    return str(link)
