"""A plugin of pytest: what fails while the machine stands still is tried again.

It says nothing of the daemon: a tick that nobody let run is late.  What fails at
another time has failed, and so has the third try; the end of the run tells all.
"""

import threading
import time

import pytest
from _pytest.runner import runtestprotocol

from .waiting import SLOW

WAKE_S = 0.02
STALL_S = 0.1                           # what tests of punctuality do not bear
TRIES = 3
AGAIN_S = 20                            # a longer test has no time for another


class Stalls(threading.Thread):
    """A thread that wakes up 50 times a second, and notes how late it was."""

    def __init__(self):
        super().__init__(daemon=True)
        self._worst = 0.0
        self.start()

    def run(self):
        while True:
            due = time.monotonic() + WAKE_S
            time.sleep(WAKE_S)
            self._worst = max(self._worst, time.monotonic() - due)

    def take(self):
        """The worst delay since the last call, in seconds."""
        worst, self._worst = self._worst, 0.0
        return worst


STALLS = Stalls()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    hook, began = item.ihook, time.monotonic()
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for left in reversed(range(TRIES)):
        STALLS.take()
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        stall = STALLS.take()
        if left == 0 or stall < STALL_S or not any(r.failed for r in reports) \
                or time.monotonic() - began > AGAIN_S * SLOW:
            break
        item.user_properties.append(("stall_s", stall))
    for report in reports:
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_terminal_summary(terminalreporter):
    for reports in terminalreporter.stats.values():
        for report in reports:
            stalls = [value for key, value in getattr(report, "user_properties", [])
                      if key == "stall_s"]
            if stalls and report.when == "teardown":
                terminalreporter.write_line(
                    f"{report.nodeid}: tried again, for the machine stood still "
                    + ", ".join(f"{stall:.2f} s" for stall in stalls))
