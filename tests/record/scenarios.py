"""The scenarios: healthy servers under every kind of load that touches persistence.

A scenario is a row of SCENARIOS: its servers' arguments, the keys that they begin
with, and its activities, functions that are called again and again, each in a thread of
its own. Nothing here is an incident: what the catalogue of incidents says of a
recording of it is a false alarm.

Adding a scenario: a row, and where no activity below does it, a function.

Loads are small on purpose (the whole set takes a fraction of one core) and slow where
slowness is what is to be seen: rdb-key-save-delay sleeps, it does not work.
"""

import contextlib
import os
import pathlib
import random
import signal
import sys
import threading
from dataclasses import dataclass

import redis

from harness import RedisServer, Shim


class Run:
    """A scenario that runs: its servers, by target's name, and its activities."""

    def __init__(self, scenario, seconds):
        self._scenario = scenario
        self._period = max(5, seconds // 12)
        self._stop = threading.Event()
        self._threads = []
        self.servers = {}

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            for target, args in self._scenario.servers.items():
                self.servers[target] = stack.enter_context(self._server(args))
            _populate(self.servers["server"], *self._scenario.keys)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._stack.close()

    def load(self):
        """Starts what the servers are loaded with."""
        for period, activity in self._scenario.load:
            thread = threading.Thread(target=self._repeat, args=(period, activity))
            thread.start()
            self._threads.append(thread)

    def _clients(self):
        return {target: server.client() for target, server in self.servers.items()}

    @contextlib.contextmanager
    def _server(self, args):
        words = args.format(period=self._period, long=2 * self._period).split()
        with contextlib.ExitStack() as stack:
            env = None
            if self._scenario.kernel:
                shim = stack.enter_context(contextlib.closing(Shim()))
                shim.set(*self._scenario.kernel)
                env = shim.env
            # A replica finds its master by a port only.
            ipv4 = len(self._scenario.servers) > 1
            server = RedisServer(*words, ipv4=ipv4, unix=True, env=env)
            yield stack.enter_context(contextlib.closing(server)).start()

    def _repeat(self, period, activity):
        clients = self._clients()
        # Uneven on purpose: nothing here may beat with the samples.
        while not self._stop.wait(period * random.uniform(0.5, 1.5)):
            try:
                activity(clients)
            except redis.RedisError as error:
                print(f"{self._scenario.name}: {error}", file=sys.stderr, flush=True)


def _populate(server, count, size):
    """The keys, and a dump of them: what has none yet has changes at risk."""
    client = server.client(socket_timeout=60)  # a SAVE is slow where saves are
    pipe = client.pipeline(transaction=False)
    for number in range(count):
        pipe.set(f"key:{number}", _value(size))
    pipe.execute()
    if count:
        client.save()


def _value(size):
    """Random, so that a dump is about as large as its keys."""
    return os.urandom(size // 2).hex()


# Activities: called with a client for each target.


def writes(count, size=200, keys=20000):
    """count writes in one pipeline, to the master if there are two servers."""

    def activity(clients):
        pipe = _master(clients).pipeline(transaction=False)
        for _ in range(count):
            pipe.set(f"key:{random.randrange(keys)}", _value(size))
        # A failover makes a replica of it between the question and the writes.
        with contextlib.suppress(redis.ReadOnlyError):
            pipe.execute()

    return activity


def busy(clients):
    """Writes, and a turn of the server's loop that takes 20 ms without work.

    Two of these find each other's writes, and our INFO, in every turn: a server
    that is busy all the time, where INFO runs before what the turn wrote is flushed.
    """
    pipe = clients["server"].pipeline(transaction=False)
    for _ in range(5):
        pipe.set(f"key:{random.randrange(20000)}", _value(200))
    pipe.execute_command("DEBUG", "SLEEP", "0.02")
    pipe.execute()


def bgsave(clients):
    with contextlib.suppress(redis.ResponseError):  # one is under way
        clients["server"].bgsave()


def bgrewriteaof(clients):
    with contextlib.suppress(redis.ResponseError):
        clients["server"].bgrewriteaof()


def resetstat(clients):
    clients["server"].config_resetstat()


def cancel_save(clients):
    """SIGUSR1 to the save child: the server takes that for no failure."""
    pid = clients["server"].info("server")["process_id"]
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGUSR1)


def expiring(clients):
    pipe = clients["server"].pipeline(transaction=False)
    for number in range(20):
        pipe.set(f"brief:{number}", _value(100), px=random.randint(100, 8000))
    pipe.execute()


def big_keys(clients):
    """A string of 1 MB and a list of 10,000, both gone after a while."""
    pipe = clients["server"].pipeline(transaction=False)
    pipe.set(f"big:{random.randrange(5)}", _value(1 << 20), px=15000)
    name = f"list:{random.randrange(3)}"
    pipe.rpush(name, *(_value(50) for _ in range(1000)))
    pipe.pexpire(name, 12000)
    pipe.unlink(f"big:{random.randrange(5)}")
    pipe.execute()


def replicate(clients):
    """Makes the second server a replica; nothing happens when it is one."""
    port = clients["server"].config_get("port")["port"]
    clients["replica"].replicaof("127.0.0.1", port)


def full_sync(clients):
    """Cuts the replica's link and writes more than the backlog holds."""
    replicate(clients)
    pipe = clients["server"].pipeline(transaction=False)
    pipe.execute_command("CLIENT", "KILL", "TYPE", "replica")
    for number in range(20):
        pipe.set(f"key:{number}", _value(2000))
    pipe.execute()


def failover(clients):
    """The replica becomes the master, orderly; the first time it becomes a replica."""
    if all(client.role()[0] == "master" for client in clients.values()):
        replicate(clients)
    with contextlib.suppress(redis.ResponseError):  # the replica is not in sync yet
        _master(clients).execute_command("FAILOVER", "TIMEOUT", 5000)


def _master(clients):
    for client in clients.values():
        if len(clients) == 1 or client.role()[0] == "master":
            return client
    return clients["server"]


@dataclass(frozen=True)
class Scenario:
    """One row. servers: the arguments of "server", and of "replica" if there is one;
    {period} in them is a twelfth of the recording, {long} twice that. since is the
    first version of Redis that can do it."""

    name: str
    help: str
    servers: dict
    load: tuple = ()  # (seconds from call to call on average, activity)
    keys: tuple = (0, 0)  # how many, of how many bytes
    since: tuple = (6, 0)
    kernel: tuple = ()  # what harness/shim.c makes of it


def _one(args):
    return {"server": args}


def _pair(server, replica):
    return {"server": server, "replica": replica}


AOF = "--appendonly yes "
DISKLESS = (
    "--repl-diskless-sync yes --repl-diskless-sync-delay 0 --repl-backlog-size 16kb "
    "--rdb-key-save-delay 600 "
)

SCENARIOS = (
    Scenario(
        "rdb-save-points",
        "saves by save points under steady writes",
        _one("--save 5 100 --save 60 1"),
        ((0.05, writes(10)),),
        (20000, 200),
    ),
    Scenario(
        "rdb-slow-save",
        "saves of a dozen seconds that move",
        _one("--save 10 1 --rdb-key-save-delay 1500"),
        ((0.1, writes(2, keys=8000)),),
        (8000, 200),
    ),
    Scenario(
        "rdb-large-keys",
        "saves of 400 large keys, whose progress stands still",
        _one("--save 10 1 --rdb-key-save-delay 20000"),
        ((0.5, writes(1, size=20000, keys=400)),),
        (400, 20000),
    ),
    Scenario(
        "rdb-cancelled",
        "saves, some of which SIGUSR1 cancels",
        _one("--save 5 1 --rdb-key-save-delay 500"),
        ((0.1, writes(2, keys=4000)), (7, cancel_save)),
        (4000, 200),
    ),
    Scenario(
        "rdb-expiries",
        "expiries, big keys and saves",
        _one("--save 10 1"),
        ((0.2, expiring), (3, big_keys)),
        (5000, 200),
    ),
    Scenario(
        "rdb-full-cache",
        "a cache at its maxmemory, evicting, with save points",
        _one("--save 10 1 --maxmemory 16mb --maxmemory-policy allkeys-lru"),
        ((0.1, writes(20, keys=1000000)),),
        (40000, 400),
    ),
    Scenario(
        "rdb-long-save-point",
        "one long save point under steady writes, as save 3600 1",
        _one("--save {long} 1"),
        ((0.2, writes(10)),),
        (5000, 200),
    ),
    Scenario(
        "rdb-one-write",
        "one write a second under a single save point, for twelve periods",
        _one("--save {period} 1"),
        ((1, writes(1)),),
        (100, 200),
    ),
    Scenario(
        "aof-everysec",
        "AOF everysec under pipelined writes",
        _one(AOF + "--appendfsync everysec"),
        ((0.05, writes(20)),),
        (20000, 200),
    ),
    Scenario(
        "aof-busy",
        "AOF everysec, with writes in every turn of the server's loop",
        _one(AOF + "--appendfsync everysec"),
        ((0, busy), (0, busy)),
        (20000, 200),
    ),
    Scenario(
        "aof-slow-fsync",
        "AOF everysec on a disk whose fsyncs take 150 ms",
        _one(AOF + "--appendfsync everysec"),
        ((0.05, writes(10)),),
        (5000, 200),
        kernel=("fdatasync delay 150",),
    ),
    Scenario(
        "aof-always",
        "AOF with an fsync at every write",
        _one(AOF + "--appendfsync always"),
        ((0.1, writes(1)), (0.13, writes(3))),
        (5000, 200),
    ),
    Scenario(
        "aof-rewrites",
        "AOF rewrites one after the other",
        _one(
            AOF + "--auto-aof-rewrite-percentage 10 --auto-aof-rewrite-min-size 256kb"
        ),
        ((0.1, writes(20, keys=5000)),),
        (5000, 200),
    ),
    Scenario(
        "bgsave",
        "BGSAVE and BGREWRITEAOF by command, no save points",
        _one(AOF),
        ((0.1, writes(5)), (8, bgsave), (15, bgrewriteaof)),
        (20000, 200),
    ),
    Scenario(
        "resetstat",
        "CONFIG RESETSTAT amid saves and rewrites",
        _one(
            AOF + "--save 5 1 --auto-aof-rewrite-percentage 50 "
            "--auto-aof-rewrite-min-size 256kb"
        ),
        ((0.1, writes(10, keys=5000)), (10, resetstat)),
        (5000, 200),
    ),
    Scenario(
        "diskless-sync",
        "full syncs without disk, again and again, beside save points",
        _pair("--save 10 1 " + DISKLESS, "--save 30 1"),
        ((0.2, writes(5, keys=1500)), (8, full_sync)),
        (1500, 200),
    ),
    Scenario(
        "diskless-sync-aof",
        "the same with AOF alone at both ends; no save ever",
        _pair(AOF + DISKLESS, AOF),
        ((0.2, writes(5, keys=1500)), (8, full_sync)),
        (1500, 200),
    ),
    Scenario(
        "diskless-swapdb",
        "the same into a replica that serves the old data meanwhile, slowly",
        _pair(
            AOF + "--save 10 1 " + DISKLESS,
            AOF + "--save 30 1 --repl-diskless-load swapdb --key-load-delay 500 "
            "--loading-process-events-interval-bytes 1024",
        ),
        ((0.2, writes(5, keys=1500)), (8, full_sync)),
        (1500, 200),
        since=(7, 0),
    ),
    Scenario(
        "replica",
        "a master and its replica, made after the start",
        _pair("--save 30 1 --repl-diskless-sync-delay 0", AOF + "--save 30 1"),
        ((0.1, writes(5)), (5, replicate)),
        (20000, 200),
    ),
    Scenario(
        "failover",
        "orderly failovers between two healthy servers",
        _pair(
            AOF + "--save 30 1 --repl-diskless-sync-delay 0",
            AOF + "--save 30 1 --repl-diskless-sync-delay 0",
        ),
        ((0.1, writes(5)), (15, failover)),
        (5000, 200),
        since=(6, 2),
    ),
    Scenario("idle", "nothing at all", _one("--save 3600 1"), keys=(5000, 200)),
    Scenario("idle-aof", "nothing at all, with AOF", _one(AOF), keys=(5000, 200)),
)
