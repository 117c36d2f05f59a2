"""Processes, ports and directories that leave nothing behind."""

import collections
import ctypes
import errno
import os
import pathlib
import random
import signal
import socket
import tempfile

from .waiting import eventually


_prctl = ctypes.CDLL(None, use_errno=True).prctl
_given = collections.deque(maxlen=100)  # ports whose servers may not listen yet


def die_with_parent():
    """For preexec_fn: SIGKILL this child when the test process is gone."""
    _prctl(1, signal.SIGKILL)


def process_state(pid):
    """The letter that /proc has for a process: R, S, T (stopped), Z …"""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0]


def suspend(pid):
    """SIGSTOP a process and wait until it has stopped."""
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: process_state(pid) in "Tt", what=f"{pid} suspended")


def free_port():
    """A port that is free on 127.0.0.1 and ::1.

    Taken from below the kernel's range for outgoing connections: a port in
    it could be lost between stop and restart, and a daemon that knocks at a
    dead server there could end up connected to itself.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 20
    while True:
        port = random.randrange(12000 + worker * 1000, 13000 + worker * 1000)
        if port in _given:
            continue
        try:
            for family, host in (
                (socket.AF_INET, "127.0.0.1"),
                (socket.AF_INET6, "::1"),
            ):
                with socket.socket(family, socket.SOCK_STREAM) as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:  # no IPv6 is no obstacle
                continue
        _given.append(port)
        return port


def temporary_directory(kind, parent="/tmp"):
    """A directory with a name short enough for a unix socket inside it."""
    return pathlib.Path(tempfile.mkdtemp(prefix=f"pinfod-{kind}-", dir=parent))
