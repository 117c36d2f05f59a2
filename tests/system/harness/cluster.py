"""A real cluster, made by hand: MEET, ADDSLOTS, REPLICATE."""

import itertools
import socket

from .processes import free_port
from .resp import ReplyError
from .sentinel import SAVE
from .server import RedisServer, redis_binary
from .waiting import eventually

SLOTS = 16384


def bus_port(port):
    """Where a node talks to its like: of its own choice from 7.0 on."""
    return free_port() if redis_binary()[1] >= (7, 0, 0) else port + 10000


def node_port():
    """A free port; before 7.0 the one 10000 above is the node's bus, and free."""
    while True:
        port = free_port()
        if redis_binary()[1] >= (7, 0, 0):
            return port
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port + 10000)) != 0:
                return port


class ClusterNode(RedisServer):
    """A node that belongs to no cluster yet; nodes.conf is in its directory."""

    def __init__(self, *args, node_timeout_ms=1000, **options):
        super().__init__(*args, port=node_port(), save=SAVE, **options)
        self.bus = bus_port(self.port)
        self.args += ["--cluster-enabled", "yes",
                      "--cluster-node-timeout", str(node_timeout_ms),
                      "--cluster-replica-validity-factor", "0",
                      "--repl-diskless-sync-delay", "0"]
        self._id = None

    def start(self, *more, wait=True):
        if self.version >= (7, 0, 0):
            more = ("--cluster-port", self.bus, *more)
        return super().start(*more, wait=wait)

    @property
    def id(self):
        if not self._id:
            self._id = self.call("CLUSTER", "MYID").decode()
        return self._id

    @property
    def short(self):
        """What pinfod calls it, after the cluster's name and a slash."""
        return self.id[:8]

    def move(self):
        """To be started on other ports; what it knows stays in nodes.conf."""
        self.port = node_port()
        self.bus = bus_port(self.port)

    def meet(self, other):
        words = [other.host, other.port]
        self.call("CLUSTER", "MEET", *words,
                  *([other.bus] if self.version >= (7, 0, 0) else []))

    def info(self):
        """CLUSTER INFO as a dict of texts."""
        text = self.call("CLUSTER", "INFO").decode()
        return dict(line.split(":", 1) for line in text.splitlines())

    def view(self):
        """CLUSTER NODES as lists of words, by the nodes' ids."""
        rows = [line.split() for line
                in self.call("CLUSTER", "NODES").decode().splitlines()]
        return {row[0]: row[1:] for row in rows}


class Cluster:
    """Masters with equal shares of the slots, and replicas of theirs.

    .nodes are all that belong to it; the first `masters` of them begin as
    masters.  It is settled when the constructor returns.
    """

    def __init__(self, masters=3, replicas=1, **options):
        self.nodes, self._options = [], options
        self._gone = []
        try:
            for _ in range(masters * (1 + replicas)):
                self.nodes.append(ClusterNode(**options).start(wait=False))
            for node in self.nodes:
                node.wait_answers()
            first = self.nodes[:masters]
            bounds = [SLOTS * n // masters for n in range(masters + 1)]
            for n, node in enumerate(self.nodes):
                node.call("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
            for node, begin, end in zip(first, bounds, bounds[1:]):
                _add_slots(node, begin, end)
            for one, other in itertools.combinations(self.nodes, 2):
                one.meet(other)
            eventually(self._all_know_all, 15, what="nodes have met")
            for n, node in enumerate(self.nodes[masters:]):
                self.replicate(node, first[n % masters])
            self.settle()
        except BaseException:
            self.close()
            raise

    @property
    def live(self):
        return [node for node in self.nodes
                if node.process and not node.suspended]

    @property
    def masters(self):
        """Those that have slots, by their own word."""
        return [node for node in self.live if self._slots(node)]

    @property
    def replicas(self):
        return [node for node in self.live
                if "slave" in node.view()[node.id][1]]

    def replica_of(self, master):
        return next(node for node in self.live
                    if node.view()[node.id][2] == master.id)

    def owner(self, slot):
        """The master that has a slot, by its own word."""
        return next(node for node in self.live
                    for begin, end in self._slots(node) if begin <= slot <= end)

    def settle(self, timeout=20):
        """Wait until all that live are linked, agree and have all slots."""
        eventually(self._is_settled, timeout, what="the cluster is well")
        return self

    def replicate(self, node, master):
        """CLUSTER REPLICATE, as soon as the node knows the master."""
        def done():
            try:
                return node.call("CLUSTER", "REPLICATE", master.id)
            except ReplyError as error:
                if "Unknown node" not in str(error):
                    raise

        eventually(done, what="CLUSTER REPLICATE is taken")

    def move_slot(self, slot, to):
        """Hand an empty slot over to another master."""
        owner = self.owner(slot)
        to.call("CLUSTER", "SETSLOT", slot, "IMPORTING", owner.id)
        owner.call("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id)
        for node in (to, owner):
            node.call("CLUSTER", "SETSLOT", slot, "NODE", to.id)

    def add(self, master=None):
        """A node more, without slots; with a master: its replica."""
        node = ClusterNode(**self._options).start()
        self.nodes.append(node)
        self.nodes[0].meet(node)
        eventually(self._all_know_all, 15, what="the new node has met all")
        if master:
            self.replicate(node, master)
        return self.settle() and node

    def remove(self, node):
        """Forgotten by all at once, and reset; it runs on by itself."""
        self.nodes.remove(node)
        self._gone.append(node)
        for other in self.live:
            other.call("CLUSTER", "FORGET", node.id)
        node.call("CLUSTER", "RESET", "SOFT")
        return node

    def close(self):
        for node in self.nodes + self._gone:
            node.close()

    @staticmethod
    def _slots(node):
        """Ranges (first, last) that a node says to be its own."""
        words = node.view()[node.id][7:]
        ranges = [word.split("-") for word in words if not word.startswith("[")]
        return [(int(r[0]), int(r[-1])) for r in ranges]

    def _all_know_all(self):
        ids = {node.id for node in self.live}
        for node in self.live:
            view = node.view()
            if not ids <= set(view) or any("handshake" in row[1] or
                                           "noaddr" in row[1]
                                           for row in view.values()):
                return False
        return True

    def _is_settled(self):
        views = []
        for node in self.live:
            if node.info()["cluster_state"] != "ok":
                return False
            rows = node.view()
            view = {}
            for other in self.live:
                row = rows.get(other.id)
                flags = set(row[1].split(",")) - {"myself", "nofailover"} \
                    if row else None
                if flags not in ({"master"}, {"slave"}) or row[6] != "connected":
                    return False
                view[other.id] = (row[0], tuple(flags), row[2], tuple(row[7:]))
            views.append(view)
            if "slave" in rows[node.id][1] and b"master_link_status:up" not in \
                    node.call("INFO", "replication"):
                return False
        return all(view == views[0] for view in views)


def _add_slots(node, begin, end):
    if node.version >= (7, 0, 0):
        node.call("CLUSTER", "ADDSLOTSRANGE", begin, end - 1)
    else:
        node.call("CLUSTER", "ADDSLOTS", *range(begin, end))
