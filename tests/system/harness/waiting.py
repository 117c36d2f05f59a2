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


def slips(times, interval):
    """By how many ticks the k-th message strays from the k-th tick: {0}.

    A message that was left out shifts all later ones by +1, one too many by
    -1.  A single late one, on a busy machine, shifts nothing: of every three
    the most punctual counts.
    """
    assert len(times) >= 4, "too few messages to tell"
    late = [t - k * interval for k, t in enumerate(times)]
    best = [min(late[k:k + 3]) for k in range(len(late) - 2)]
    return {round((b - best[0]) / interval) for b in best}
