"""A private real server for a test."""

import contextlib
import functools
import os
import pathlib
import re
import shutil
import signal
import subprocess

import redis

from .processes import die_with_parent, free_port, suspend, temporary_directory
from .resp import Resp
from .waiting import SLOW, eventually


@functools.lru_cache(maxsize=None)
def redis_binary():
    """(path, version, kind) of the server; the path may need another argv[0].

    The kind is what it calls itself: redis, valkey, redict.
    """
    candidates = [
        os.environ.get("REDIS_SERVER"),
        shutil.which("redis-server"),
        "/usr/bin/redis-check-rdb",
        shutil.which("valkey-server"),
    ]
    for path in candidates:
        if not path or not os.path.exists(path):
            continue
        # redis-check-rdb is the same program and looks at its own name.
        text = subprocess.run(
            ["redis-server", "--version"],
            executable=path, capture_output=True, text=True, check=True,
        ).stdout
        found = re.match(r"(\w+) server v=(\d+)\.(\d+)\.(\d+)", text)
        assert found, f"{path} --version says {text!r}"
        kind, *version = found.groups()
        return path, tuple(map(int, version)), kind.lower()
    raise RuntimeError("no Redis server: set REDIS_SERVER")


class RedisServer:
    """A private server: its own directory, a free port, or a unix socket.

    args are given on the command line as they are, env is set besides what
    the environment has.  ipv4, ipv6 and unix say where it listens; .address
    and .flags are the first of those three.
    """

    def __init__(self, *args, ipv4=True, ipv6=False, unix=False, port=None,
                 password=None, save="", env=None):
        self.binary, self.version, self.kind = redis_binary()
        self.dir = temporary_directory("redis")
        self.args = [str(arg) for arg in args]
        self.env = {**os.environ, **(env or {})}
        self.save = save
        self.password = password
        self.config = None              # a file that goes before the arguments
        self.port = (port or free_port()) if ipv4 or ipv6 else 0
        self.hosts = ["127.0.0.1"] * ipv4 + ["::1"] * ipv6
        self.path = str(self.dir / "redis.sock") if unix else None
        self.process = None
        self.suspended = False
        self._clients = []

    @property
    def host(self):
        return self.hosts[0]

    @property
    def address(self):
        return (self.host, self.port) if self.hosts else self.path

    @property
    def name(self):
        """What pinfod calls this server when given by -u."""
        if not self.hosts:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host \
            else f"{self.host}:{self.port}"

    @property
    def uri(self):
        return f"redis://{self.name}" if self.hosts else f"unix://{self.path}"

    @property
    def flags(self):
        if not self.hosts:
            return ["-s", self.path]
        return ["-h", self.host, "-p", str(self.port)]

    @property
    def pid(self):
        return self.process.pid

    def start(self, *more, wait=True):
        """Start it; more are arguments for this start only."""
        assert self.process is None
        program = self.dir / "redis-server"
        if not program.is_symlink():
            program.symlink_to(self.binary)
        command = [str(program)] + ([str(self.config)] if self.config else [])
        command += ["--dir", str(self.dir), "--save", *(self.save.split() or [""]),
                    "--daemonize", "no", "--port", str(self.port),
                    "--logfile", str(self.dir / "log")]
        if self.hosts:
            command += ["--bind", *self.hosts]
        if self.path:
            command += ["--unixsocket", self.path]
        if self.password:
            command += ["--requirepass", self.password]
        if self.version >= (7, 0, 0):
            command += ["--enable-debug-command", "yes",
                        "--enable-protected-configs", "yes"]
        self.process = subprocess.Popen(
            command + self.args + [str(arg) for arg in more], env=self.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=die_with_parent,
        )
        self.suspended = False
        return self.wait_answers() if wait else self

    def wait_answers(self):
        eventually(self._answers, 10, what="redis-server answers")
        return self

    def stop(self):
        """End it in an orderly way (SIGTERM)."""
        self._end(signal.SIGTERM)

    def kill(self):
        """End it as the kernel does when memory is short (SIGKILL)."""
        self._end(signal.SIGKILL)

    def restart(self, *more, wait=True):
        """Kill it if it runs, and start it where it was."""
        if self.process:
            self.kill()
        return self.start(*more, wait=wait)

    def suspend(self):
        """It accepts connections (the kernel does) and answers nothing."""
        suspend(self.pid)
        self.suspended = True

    def resume(self):
        os.kill(self.pid, signal.SIGCONT)
        self.suspended = False

    def client(self, **options):
        """A redis-py client, closed when the server is."""
        options.setdefault("decode_responses", True)
        options.setdefault("password", self.password)
        options.setdefault("socket_timeout", 10 * SLOW)
        if self.hosts:
            options.update(host=self.host, port=self.port)
        else:
            options.update(unix_socket_path=self.path)
        made = redis.Redis(**options)
        self._clients.append(made)
        return made

    def resp(self):
        """A raw connection, logged in; the caller closes it."""
        made = Resp(self.address)
        if self.password:
            made.call("AUTH", self.password)
        return made

    def call(self, *words):
        """One command on a connection of its own."""
        with self.resp() as connection:
            return connection.call(*words)

    def grant(self, user, *rules):
        """ACL SETUSER; before 6.2 there are no rules about channels."""
        if self.version < (6, 2, 0):
            rules = [rule for rule in rules
                     if rule != "resetchannels" and rule[0] != "&"]
        self.call("ACL", "SETUSER", user, *rules)

    def connections_named(self, name):
        """How many connections have that CLIENT SETNAME."""
        listed = self.call("CLIENT", "LIST").decode()
        return len(re.findall(rf"\bname={re.escape(name)}\b", listed))

    @property
    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def close(self):
        for client in self._clients:
            client.close()
            client.connection_pool.disconnect()
        if self.process:
            self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"redis-server ended at once:\n{self.log}")
        try:
            with Resp(self.address) as connection:
                connection.send("PING")
                connection.read()
                return True
        except (OSError, EOFError):
            return False

    def _end(self, number):
        process, self.process = self.process, None
        children = _children(process.pid)
        process.send_signal(number)
        if self.suspended:
            process.send_signal(signal.SIGCONT)
        try:
            process.wait(10 * SLOW)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # One that saves slowly, or is stopped, would outlive its server.
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _children(pid):
    with contextlib.suppress(FileNotFoundError):
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        return [int(child) for child in children.read_text().split()]
    return []
