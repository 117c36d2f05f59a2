"""What a recording is: its text, and who fills it.

    pinfod-recording 1
    @ SECONDS WALL KIND TARGET [TEXT]
    key:value
    -key

A head, then entries in the order of time. SECONDS count from the start of the
recording on the monotonic clock, WALL is the recorder's unix time, both with three
decimals. KIND is `narrow` (the reply to INFO persistence), `wide` (that to the wide
sample, several sections in one text), `config` (CONFIG GET, `name:value`) or `link`
(TEXT is `up`, or `down` and a reason). What follows an entry's first line is the
difference to the previous entry of its kind and target: lines that are new or changed,
and `-key` for one that went away. So the first entry of a kind is whole. A heading,
`# Keyspace`, is a line that is all key: an empty section is told by nothing else.

Reading and replaying is pinfod's work: nothing here does.
"""

import collections
import heapq
import re
import time

from harness import ReplyError, Resp

HEAD = "pinfod-recording 1\n"
SAMPLE_S = 1
WIDE_EVERY = 5  # samples
NARROW = ("persistence",)
WIDE = "stats", "server", "replication", "memory", "keyspace", "errorstats"

# Says where a recording was made, and nothing about persistence.
OF_THE_MACHINE = re.compile(rb"^(os:\w+|executable:).*?(?=\r?$)", re.MULTILINE)

# A narrow sample in which one of these changed is followed by a wide one at once.
ASK_WIDE = (
    "loading",
    "async_loading",
    "rdb_saves",
    "rdb_last_save_time",
    "rdb_bgsave_in_progress",
    "rdb_last_bgsave_status",
    "aof_enabled",
    "aof_rewrites",
    "aof_rewrites_consecutive_failures",
    "aof_rewrite_in_progress",
    "aof_rewrite_scheduled",
    "aof_last_bgrewrite_status",
    "aof_last_write_status",
    "aof_delayed_fsync",
    "module_fork_in_progress",
)

# A pending fsync beats with the second, and so do samples: it is asked for again
# after so many seconds, until a sample shows none.
REPEAT_S = 0.37, 0.83, 1.31, 2.1

# What may be refused, or is unknown to some version, is left out.
CONFIG = (
    "save",
    "appendonly",
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "auto-aof-rewrite-percentage",
    "auto-aof-rewrite-min-size",
    "dir",
    "dbfilename",
    "appendfilename",
    "appenddirname",
    "maxmemory",
    "maxmemory-policy",
    "stop-writes-on-bgsave-error",
    "repl-diskless-sync",
    "hz",
)

# Counters whose rise is told when a recording ends.
TOLD = (
    "rdb_saves",
    "aof_rewrites",
    "sync_full",
    "total_forks",
    "aof_delayed_fsync",
    "expired_keys",
    "evicted_keys",
)

# What is told by the number of samples in which it was set.
TOLD_SET = (
    "rdb_bgsave_in_progress",
    "aof_rewrite_in_progress",
    "aof_pending_bio_fsync",
    "loading",
    "async_loading",
)


def info(link, version, sections):
    """The reply, or before 7.0, which knows no lists of sections, the replies."""
    if version >= (7, 0):
        text = link.call("INFO", *sections)
    else:
        text = b"".join(link.call("INFO", section) for section in sections)
    return OF_THE_MACHINE.sub(rb"\1", text)


def info_fields(text):
    """The lines of an INFO text as a dictionary, in their order; headings have None."""
    fields = {}
    for line in filter(None, text.decode("utf-8", "backslashreplace").splitlines()):
        key, _, value = line.partition(":")
        fields |= {line: None} if line[0] == "#" else {key: value}
    return fields


class Recording:
    """One file. Entries are flushed at once: what was cut short is still good."""

    def __init__(self, path):
        self._file = open(path, "w", encoding="utf-8", newline="\n")
        self._file.write(HEAD)
        self._start = time.monotonic()
        self._last = {}
        self.counts = collections.Counter()

    def close(self):
        self._file.close()

    def link(self, target, text):
        self._write("link", target, [text], [])

    def fields(self, kind, target, fields):
        """Writes an entry; returns {key: (before, now)} of what changed."""
        last = self._last.get((kind, target), {})
        missing = object()
        changed = {
            k: (last.get(k), v)
            for k, v in fields.items()
            if last.get(k, missing) != v
        }
        gone = [k for k in last if k not in fields]
        self._last[kind, target] = fields
        lines = [k if fields[k] is None else f"{k}:{fields[k]}" for k in changed]
        lines += [f"-{k}" for k in gone]
        self._write(kind, target, [], lines)
        self._count(target, changed, fields if kind == "narrow" else {})
        return changed | {k: (last[k], None) for k in gone}

    def _write(self, kind, target, text, lines):
        now = time.monotonic() - self._start
        head = f"@ {now:.3f} {time.time():.3f} {kind} {target}"
        self._file.write("\n".join([" ".join([head, *text]), *lines, ""]))
        self._file.flush()
        self.counts[kind] += 1

    def _count(self, target, changed, narrow):
        for key in TOLD:
            before, now = changed.get(key, (None, None))
            if before and now and int(now) > int(before):
                self.counts[f"{target}.{key}"] += int(now) - int(before)
        for key in TOLD_SET:
            self.counts[f"{target}.{key}"] += narrow.get(key) == "1"


class Sampler:
    """Asks a scenario's servers once a second, at a fixed phase of the wall second."""

    def __init__(self, recording, servers, phase):
        self._recording = recording
        self._servers = servers  # {target: harness.RedisServer}
        self._phase = phase
        self._links = {}
        self._repeats = dict.fromkeys(servers, ())  # those not yet due
        self._queue = []

    def run(self, stop):
        """Returns when the threading.Event stop is set."""
        first = time.monotonic() + (self._phase - time.time()) % SAMPLE_S
        self._queue = [(first, target, 0) for target in self._servers]
        while not stop.wait(max(0, self._queue[0][0] - time.monotonic())):
            due, target, slot = heapq.heappop(self._queue)
            self._guarded(target, slot)
            if slot is not None:
                # A slot that was missed is skipped, never made up for.
                late = int((time.monotonic() - first) / SAMPLE_S)
                slot = max(slot, late) + 1
                entry = (first + slot * SAMPLE_S, target, slot)
                heapq.heappush(self._queue, entry)
        for link in self._links.values():
            link.close()

    def _guarded(self, target, slot):
        link = None
        try:
            link = self._links.pop(target, None) or self._connect(target)
            self._sample(link, target, slot)
            self._links[target] = link
        except (OSError, EOFError, ReplyError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self._recording.link(target, f"down {reason}")
            self._repeats[target] = ()
            if link:
                link.close()

    def _connect(self, target):
        link = Resp(self._servers[target].path)
        self._recording.link(target, "up")
        values = {}
        for name in CONFIG:
            for key, value in _pairs(link.call("CONFIG", "GET", name)):
                values[key] = value
        self._recording.fields("config", target, values)
        return link

    def _sample(self, link, target, slot):
        """A regular sample of a slot, or (slot None) one that asks again."""
        version = self._servers[target].version
        narrow = info_fields(info(link, version, NARROW))
        changed = self._recording.fields("narrow", target, narrow)
        self._ask_again(target, slot, narrow.get("aof_pending_bio_fsync") == "1")
        regular = slot is not None and slot % WIDE_EVERY == 0
        if regular or any(key in changed for key in ASK_WIDE):
            wide = info_fields(info(link, version, WIDE))
            self._recording.fields("wide", target, wide)

    def _ask_again(self, target, slot, pending):
        """A series of repeats ends with the first that shows nothing pending."""
        left = self._repeats[target]
        if slot is None:
            left = left[1:] if pending else ()
        elif pending and not left:
            now = time.monotonic()
            left = tuple(now + delay for delay in REPEAT_S)
        else:
            return
        self._repeats[target] = left
        if left:
            heapq.heappush(self._queue, (left[0], target, None))


def _pairs(reply):
    texts = [item.decode("utf-8", "backslashreplace") for item in reply]
    return zip(texts[::2], texts[1::2])
