"""What a process costs: memory, CPU time, descriptors."""

import functools
import os
import pathlib

from .daemon import pinfod_binary
from .waiting import SLOW

MIB = 1024 * 1024


@functools.lru_cache(maxsize=None)
def sanitized():
    """Whether the daemon is a sanitizer build, whose memory says nothing."""
    return b"__asan_init" in pathlib.Path(pinfod_binary()).read_bytes()


def resident_bytes(pid):
    """Memory that is in RAM now."""
    pages = pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid):
    """CPU time that was used so far, in user and kernel mode."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    return sum(map(int, stat.split()[11:13])) / os.sysconf("SC_CLK_TCK")


def descriptors(pid):
    """How many descriptors are open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


class Burden:
    """What a daemon has taken since this was made."""

    def __init__(self, daemon):
        self.pid = daemon.pid
        self._resident = resident_bytes(self.pid)
        self._cpu = cpu_seconds(self.pid)

    @property
    def grown(self):
        return resident_bytes(self.pid) - self._resident

    @property
    def cpu(self):
        return cpu_seconds(self.pid) - self._cpu

    def check(self, grown=4 * MIB, cpu=0.5):
        """At most so many bytes more than before, and so much CPU time.

        AddressSanitizer keeps what was freed: there memory is not looked at,
        and CPU time is given more room.
        """
        assert self.cpu <= cpu * SLOW
        if not sanitized():
            assert self.grown <= grown
