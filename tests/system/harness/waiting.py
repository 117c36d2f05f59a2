"""Waiting for a condition, with a limit."""

import math
import os
import time

SLOW = float(os.environ.get("TEST_SLOW", "1"))
POLL_S = 0.01


def eventually(fn, timeout=5.0, what=None):
    """Call fn every 10 ms until it returns something true, and return that.

    An AssertionError inside fn means "not yet" as well.  The time-out is
    multiplied by TEST_SLOW; the failure shows what fn returned last.
    """
    deadline = time.monotonic() + timeout * SLOW
    while True:
        try:
            last = fn()
        except AssertionError as error:
            last = error
        else:
            if last:
                return last
        if time.monotonic() >= deadline:
            name = what or getattr(fn, "__name__", "condition")
            raise AssertionError(
                f"{name}: not within {timeout * SLOW:g} s; last: {last!r}"
            )
        time.sleep(POLL_S)


def nothing_for(seconds, fn, what=None):
    """Call fn every 10 ms for so many seconds; it must never return true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        got = fn()
        if got:
            name = what or getattr(fn, "__name__", "condition")
            raise AssertionError(f"{name}: came within {seconds:g} s: {got!r}")
        time.sleep(POLL_S)


def let_pass(seconds):
    """Let time pass: only where that time is itself what is tested."""
    time.sleep(max(0, seconds))


def ticks(times, interval, slack=0.3):
    """Number the ticks that these times belong to, the first being 0.

    A message may come late by the time that the daemon, the server and this
    process need, never early: `slack` is the share of an interval by which
    the first one may have been later than the others.
    """
    return [math.floor((t - times[0]) / interval + slack) for t in times]
