"""Processes that end with the benchmark, whatever happens to it."""

import contextlib
import os
import re
import signal
import subprocess
import threading
from pathlib import Path


class BenchError(Exception):
    """A run did not go as it must; the message names the subject."""


def environment(state):
    """Ours without what would make a subject behave otherwise than by hand.

    What it learns it keeps in a folder that ends with the benchmark.
    """
    dropped = re.compile(r"NOTIFY_SOCKET|WATCHDOG_|LISTEN_|RUNTIME_DIR|REDISCLI")
    kept = {k: v for k, v in os.environ.items() if not dropped.match(k)}
    return {**kept, "STATE_DIRECTORY": str(state)}


class Children:
    """All processes that are alive, so that one thread can end them for all.

    Ctrl-C reaches the main thread only, while others wait for their subjects.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._alive = set()
        self._closed = False

    def start(self, argv, **kwargs):
        with self._lock:
            if self._closed:
                raise BenchError("stopped")
            child = subprocess.Popen(argv, start_new_session=True, **kwargs)
            self._alive.add(child)
            return child

    def end(self, child):
        process_end(child)
        with self._lock:
            self._alive.discard(child)

    def end_all(self):
        """Ends what is alive and lets nothing start any more."""
        with self._lock:
            self._closed = True
            alive = list(self._alive)
        for child in alive:
            process_end(child)


children = Children()


@contextlib.contextmanager
def process(argv, log, cpu=None, **kwargs):
    """Runs argv in a session of its own and ends whatever of it is left.

    The session makes one group of a wrapper (strace) and what it wraps, and
    keeps Ctrl-C away from them: they are ended here, in one place.
    """
    allowed = os.sched_getaffinity(0)
    with open(log, "ab") as output:
        # The child inherits our CPU: no taskset, hence no second exec to time.
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
        try:
            child = children.start(
                argv,
                stderr=output,
                env=environment(Path(log).resolve().parent),
                **{"stdin": subprocess.DEVNULL, "stdout": output, **kwargs},
            )
        finally:
            if cpu is not None:
                os.sched_setaffinity(0, allowed)
    try:
        yield child
    finally:
        children.end(child)


def process_end(child):
    """SIGTERM to the group, SIGKILL if that does not do; the child is reaped."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(10)


def log_tail(path):
    lines = Path(path).read_text(errors="replace").splitlines()[-5:]
    return "".join(f"\n    {line}" for line in lines)
