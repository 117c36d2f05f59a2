"""The measuring functions: each takes a subject and returns {key: figure}.

None of them knows which subjects there are, nor what the table shows. At the end
stands how the subjects share a measurement: at the same time, or in turns.
"""

import collections
import concurrent.futures
import contextlib
import math
import re
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from processes import BenchError, children, log_tail, process, process_end
from servers import Redis, Target

LIMIT_S = 30  # beyond what a run takes by the clock, before it is given up


@dataclass(frozen=True)
class Lengths:
    """How long the runs are; ticks are at `interval_s`."""

    interval_s: float
    short: int  # ticks of the shorter of two counted runs
    long: int  # ticks of the longer one
    rounds: int  # of both, where instructions are counted
    memory: int  # ticks before memory is read
    period: int  # ticks of which the period is judged
    warm_up: int  # ticks before those
    idle_s: int  # seconds watched between two ticks
    starts: int
    fleet: tuple  # numbers of targets
    fleet_ticks: int  # of each of them, at 1 s


@dataclass
class Bench:
    """What the measuring functions share."""

    directory: Path
    lengths: Lengths
    tcp: bool
    cpu: int  # where subject and server run when it is the clock that counts
    redis: str | None  # the program
    remarks: list = field(default_factory=list)

    def run_directory(self):
        return Path(tempfile.mkdtemp(dir=self.directory, prefix=""))

    def target(self, directory, count, cpu=None):
        return Target(directory, count, self.tcp, cpu)

    @contextlib.contextmanager
    def subject(self, subject, server, directory, interval_s, wrap=(), cpu=None):
        argv = [*wrap, *subject.argv(server, interval_s, directory)]
        with process(argv, f"{directory}/subject.log", cpu) as child:
            yield child

    @contextlib.contextmanager
    def fleet(self, subject, server, directory, interval_s, count):
        argv = subject.fleet_argv(server, interval_s, directory, count)
        with process(argv, f"{directory}/subject.log") as child:
            yield child

    def wait(self, child, subject, server, directory, seconds):
        """Waits for the server's count while the child is there to fill it."""
        deadline = time.monotonic() + seconds + LIMIT_S
        while child.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                return server.wait(1)
        what = "too few messages" if child.returncode is None else "ended"
        tail = log_tail(f"{directory}/subject.log")
        raise BenchError(f"{subject.name}: {what}{tail}")

    def counted_run(self, subject, ticks, wrap):
        """One run under a tool: (ticks that there were, commands)."""
        interval_s = self.lengths.interval_s
        directory = self.run_directory()
        wrap = [word.format(dir=directory) for word in wrap]
        with self.target(directory, ticks) as server:
            with self.subject(subject, server, directory, interval_s, wrap) as child:
                self.wait(child, subject, server, directory, ticks * interval_s)
                process_end(child)
            arrivals, commands = server.notes()
        return directory, len(arrivals), commands

    def both_lengths(self, count):
        """[count(short), count(long)], at the same time: they mostly sleep."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            return list(pool.map(count, (self.lengths.short, self.lengths.long)))


VALGRIND = [
    "valgrind",
    "--tool=cachegrind",
    "--cache-sim=no",
    "--cachegrind-out-file=/dev/null",
    "--log-file={dir}/valgrind.log",
]
# -I 4: strace lives through our SIGTERM to the group and sees the end.
STRACE = ["strace", "-f", "-qq", "-I", "4", "-e", "signal=none", "-o", "{dir}/strace"]
SYSCALL_LINE = re.compile(r"^\d+ +([a-z_0-9]+)\(", re.MULTILINE)


def instructions_measure(bench, subject):
    """User instructions a tick: the median of some rounds.

    The figure is not quite deterministic: glibc's heap comes to lie in one of
    several ways, which differ by 300 instructions a tick.
    """

    def count(ticks):
        directory, real, _ = bench.counted_run(subject, ticks, VALGRIND)
        text = (directory / "valgrind.log").read_text()
        found = re.search(r"I\s+refs:\s+([\d,]+)", text)
        if not found:
            raise BenchError(f"{subject.name}: no count from valgrind")
        return real, int(found[1].replace(",", ""))

    rounds = []
    for _ in range(bench.lengths.rounds):
        short, long = bench.both_lengths(count)
        rounds.append((long[1] - short[1]) / (long[0] - short[0]))
    return {"instructions": statistics.median(rounds)}


def syscalls_measure(bench, subject):
    """System calls a tick; which ones, and what the server saw, as a remark."""

    def count(ticks):
        directory, real, commands = bench.counted_run(subject, ticks, STRACE)
        calls = collections.Counter(
            SYSCALL_LINE.findall((directory / "strace").read_text())
        )
        return real, calls, collections.Counter(commands)

    runs = bench.both_lengths(count)
    ticks = runs[1][0] - runs[0][0]

    def per_tick(counters):
        counters[1].subtract(counters[0])
        each = {name: n / ticks for name, n in counters[1].most_common()}
        return ", ".join(f"{n:.3g} {k}" for k, n in each.items() if n >= 0.05)

    total = sum(runs[1][1].values()) - sum(runs[0][1].values())
    bench.remarks.append(
        f"{subject.name}, a tick: {per_tick([run[1] for run in runs])}; "
        f"at the server: {per_tick([run[2] for run in runs])}"
    )
    return {"syscalls": total / ticks}


def idle_measure(bench, subject):
    """System calls while there is nothing to do: a tick long ago, none near."""
    directory = bench.run_directory()
    wrap = [word.format(dir=directory) for word in [*STRACE, "-ttt"]]
    with bench.target(directory, 1) as server:
        with bench.subject(subject, server, directory, 3600, wrap) as child:
            bench.wait(child, subject, server, directory, 0)
            time.sleep(1 + bench.lengths.idle_s)
            until = time.time()
            process_end(child)
    # Half a second for what follows on the first answer, as much at the end.
    end, start = until - 0.5, until - 0.5 - bench.lengths.idle_s
    trace = text_read(directory, "strace")
    times = re.findall(r"^\d+ +([\d.]+) [a-z_0-9]+\(", trace, re.M)
    calls = sum(start <= float(stamp) <= end for stamp in times)
    return {"idle": calls / bench.lengths.idle_s}


def memory_measure(bench, subject):
    """KiB resident after some ticks."""
    ticks, interval_s = bench.lengths.memory, bench.lengths.interval_s
    directory = bench.run_directory()
    with bench.target(directory, ticks) as server:
        with bench.subject(subject, server, directory, interval_s) as child:
            bench.wait(child, subject, server, directory, ticks * interval_s)
            text = text_read(f"/proc/{child.pid}", "smaps_rollup")
    kib = dict(re.findall(r"^(\w+): +(\d+) kB", text, re.M))
    return {"rss": int(kib["Rss"]), "pss": int(kib["Pss"])}


def text_read(directory, name):
    return (Path(directory) / name).read_text()


def period_figures(arrivals_ns, interval_s, warm_up):
    """How far arrivals are from an even grid, and whether they run away from it.

    The grid stands where the first ten arrivals after the warm-up have their
    median: a single late one as the anchor would charge its own lateness to all
    the others. A gap of nearly two intervals is a missed tick, not a late one.
    """
    interval_ms = interval_s * 1000
    times = [ns / 1e6 for ns in arrivals_ns[warm_up:]]
    ticks = [0]
    for previous, this in zip(times, times[1:]):
        gap = (this - previous) / interval_ms
        ticks.append(ticks[-1] + (round(gap) if gap > 1.7 else 1))
    offsets = [t - times[0] - k * interval_ms for t, k in zip(times, ticks)]
    anchor = statistics.median(offsets[:10])
    errors = sorted(abs(offset - anchor) for offset in offsets)
    slope = statistics.linear_regression(ticks, offsets).slope
    return {
        "median": statistics.median(errors),
        "p99": errors[math.ceil(0.99 * len(errors)) - 1],
        "drift": slope / interval_ms * 1e6,
        "missed": ticks[-1] + 1 - len(ticks),
    }


def period_run(bench, subject, prefix, server_class, directory):
    lengths, interval_s = bench.lengths, bench.lengths.interval_s
    ticks = lengths.period + lengths.warm_up
    with server_class(directory, ticks) as server:
        with bench.subject(
            subject, server, directory, interval_s, cpu=bench.cpu
        ) as child:
            bench.wait(child, subject, server, directory, ticks * interval_s)
            arrivals, _ = server.notes()
    figures = period_figures(arrivals[:ticks], interval_s, lengths.warm_up)
    missed = figures.pop("missed")
    if missed:
        bench.remarks.append(f"{subject.name}, {prefix}: {missed} ticks missed")
    return {f"{prefix} {name}": figure for name, figure in figures.items()}


def period_measure(bench, subject):
    """Lateness in ms and drift in ppm, at the scripted server."""

    def server(directory, count):
        return bench.target(directory, count, bench.cpu)

    return period_run(bench, subject, "script", server, bench.run_directory())


def period_redis_measure(bench, subject):
    """The same at a real Redis, seen by a subscriber."""
    if not bench.redis:
        return {}

    def server(directory, count):
        return Redis(directory, count, bench.redis, bench.cpu)

    return period_run(bench, subject, "redis", server, bench.run_directory())


def start_measure(bench, subject):
    """ms from before the fork to the arrival of the first PUBLISH, one start."""
    directory = bench.run_directory()
    with bench.target(directory, 1, bench.cpu) as server:
        start = time.monotonic_ns()
        with bench.subject(subject, server, directory, 1, cpu=bench.cpu) as child:
            bench.wait(child, subject, server, directory, 0)
            arrivals, _ = server.notes()
    return {"start": (arrivals[0] - start) / 1e6}


FLEET_INTERVAL_S = 1
FLEET_FEW = 10  # what the memory of the largest is compared with


def fleet_lateness(arrivals_ns):
    """How long after its grid each arrival of a target comes, in ms.

    The grid stands where the earliest is on time: none can be early. So what
    all of a target's messages have in common is not seen, such as its place in
    the row of those that are due in the same instant.
    """
    interval_ns = FLEET_INTERVAL_S * 1e9
    ticks = [0]
    for previous, this in zip(arrivals_ns, arrivals_ns[1:]):
        ticks.append(ticks[-1] + max(1, round((this - previous) / interval_ns)))
    offsets = [ns - k * interval_ns for ns, k in zip(arrivals_ns, ticks)]
    return [(offset - min(offsets)) / 1e6 for offset in offsets], ticks


def fleet_run(bench, subject, count, ticks):
    """(KiB resident, [(from, CPU ns), (to, CPU ns)], {channel: arrivals})."""
    directory = bench.run_directory()
    with bench.target(directory, count * 2) as server:
        with bench.fleet(
            subject, server, directory, FLEET_INTERVAL_S, count
        ) as child:
            # Two ticks of each: everybody is connected, and has room to read.
            bench.wait(child, subject, server, directory, 2 * FLEET_INTERVAL_S)
            moments = [(time.monotonic_ns(), cpu_ns(child))]
            time.sleep(ticks * FLEET_INTERVAL_S)
            moments.append((time.monotonic_ns(), cpu_ns(child)))
            kib = rss_kib(child)
            channels = server.channels()
    if len(channels) != count:
        raise BenchError(f"{subject.name}: {len(channels)} of {count} targets")
    return kib, moments, channels


def fleet_figures(bench, subject, moments, channels):
    (start, cpu_start), (end, cpu_end) = moments
    count, late, missed = len(channels), [], 0
    for arrivals in channels.values():
        seen = [ns for ns in arrivals if start <= ns <= end]
        each, numbers = fleet_lateness(seen)
        late += each
        missed += numbers[-1] + 1 - len(numbers)
    if missed:
        bench.remarks.append(f"{subject.name}, {count} targets: {missed} ticks missed")
    late.sort()
    return {
        f"cpu {count}": (cpu_end - cpu_start) / len(late) / 1000,
        f"late median {count}": statistics.median(late),
        f"late p99 {count}": late[math.ceil(0.99 * len(late)) - 1],
    }


def fleet_measure(bench, subject):
    """What many targets cost, and how late their messages are."""
    if subject.fleet is None:
        return {}
    lengths, figures = bench.lengths, {}
    least, _, _ = fleet_run(bench, subject, FLEET_FEW, 0)
    for count in lengths.fleet:
        kib, moments, channels = fleet_run(bench, subject, count, lengths.fleet_ticks)
        figures.update(fleet_figures(bench, subject, moments, channels))
        figures["target kib"] = (kib - least) / (count - FLEET_FEW)
    return figures


def cpu_ns(child):
    """User and system time, without the 10 ms of /proc/PID/stat."""
    return int(text_read(f"/proc/{child.pid}", "schedstat").split()[0])


def rss_kib(child):
    text = text_read(f"/proc/{child.pid}", "status")
    return int(re.search(r"^VmRSS:\s+(\d+) kB", text, re.M)[1])


def in_parallel(bench, subjects, measure, stagger_s=0):
    def measured(subject, delay_s):
        time.sleep(delay_s)
        return measure(bench, subject)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        delays = [i * stagger_s / len(subjects) for i in range(len(subjects))]
        try:
            figures = list(pool.map(measured, subjects, delays))
        except BaseException:
            # Leaving the pool waits for its threads: make that short.
            children.end_all()
            raise
    return dict(zip((subject.name for subject in subjects), figures))


def staggered(bench, subjects, measure):
    """In parallel, but spread over the interval: nobody waits for another."""
    return in_parallel(bench, subjects, measure, bench.lengths.interval_s)


def in_turns(bench, subjects, measure):
    """One after the other, again and again; the median of each."""
    rounds = collections.defaultdict(list)
    for _ in range(bench.lengths.starts):
        for subject in subjects:
            for name, figure in measure(bench, subject).items():
                rounds[subject.name, name].append(figure)
    result = {subject.name: {} for subject in subjects}
    for (subject, name), figures in rounds.items():
        result[subject][name] = statistics.median(figures)
    return result


def alone(bench, subjects, measure):
    """One after the other, once each."""
    return {subject.name: measure(bench, subject) for subject in subjects}


# How the subjects share a measurement. At the same time where nothing is timed
# or where all should suffer the same noise, in turns where they would compete.
MEASURES = {
    "instructions": (instructions_measure, in_parallel),
    "system calls": (syscalls_measure, in_parallel),
    "idle": (idle_measure, in_parallel),
    "memory": (memory_measure, in_parallel),
    "period": (period_measure, staggered),
    "period at Redis": (period_redis_measure, staggered),
    "start": (start_measure, in_turns),
    "fleet": (fleet_measure, alone),
}
