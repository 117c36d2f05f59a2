"""The nodes of a cluster: found from any of them, and followed.

A real cluster of three masters and three replicas, one for all tests that leave
it as it was; and scripted nodes that lie.
"""

import binascii
import contextlib
import hashlib
import itertools
import threading

import pytest

from harness import (
    Cluster, Resp, answer, bulk, conf_group, eventually, free_port, let_pass,
    nothing_for,
)

has_shards = pytest.mark.since("7.0", "SPUBLISH")


@pytest.fixture(scope="module")
def shared():
    """Six nodes, for all tests of a worker."""
    with contextlib.closing(Cluster()) as made:
        yield made


@pytest.fixture
def cluster(shared):
    """The same, put right again behind the test."""
    yield shared
    for node in shared.nodes:
        if node.suspended:
            node.resume()
        elif not node.process:
            node.start()
    shared.settle()


def orders(*nodes, **options):
    """The group `orders`, from these nodes or URIs on."""
    uris = [getattr(node, "uri", node) for node in nodes]
    return conf_group(**{"name": "orders", "cluster": uris, **options})


def name(node):
    return f"orders/{node.short}"


def names(cluster):
    return [name(node) for node in cluster.nodes]


def slot_of(key):
    """Redis' CRC16 of a key without a hash tag."""
    return binascii.crc_hqx(key.encode(), 0) % 16384


# Finding.

def test_all_nodes_from_one(cluster, make_groups, make_feed):
    """By their ids, masters and replicas, each with a channel of its own."""
    watch = make_groups(orders(cluster.nodes[0]))
    targets = watch.wait_known(*names(cluster))
    for node in cluster.nodes:
        target = targets[name(node)]
        assert target["address"] == node.name
        assert target["channel"] == f"pinfo:{name(node)}"
    watch.wait_group("orders", kind="cluster", targets=6, settled=True, heard=3,
                     agree=3, trouble=None)
    assert {name(node) for node in cluster.replicas} == {
        key for key, target in targets.items() if target["role"] == "slave"}
    # PUBLISH goes to all nodes: one subscriber hears the feed of each.
    feed = make_feed(cluster.nodes[-1], patterns=["pinfo:orders/*"])
    eventually(lambda: {m.channel.decode() for m in feed.messages} ==
               {f"pinfo:{each}" for each in names(cluster)})


def test_feed_is_the_nodes_own(cluster, make_groups, make_feed):
    """Whoever listens on a channel hears that one node, once a tick."""
    watch = make_groups(orders(cluster.nodes[0], interval="500ms", format="json"))
    watch.wait_targets(*names(cluster))
    node = cluster.nodes[4]
    feed = make_feed(cluster.nodes[1], f"pinfo:{name(node)}")
    for message in feed.wait_count(4):
        assert f'"address":"{node.name}"'.encode() in message.data


def test_seed_is_dead(cluster, make_groups):
    """One of the others is enough."""
    dead = f"redis://127.0.0.1:{free_port()}"
    watch = make_groups(orders(dead, cluster.nodes[3]))
    watch.wait_targets(*names(cluster))
    watch.wait_group("orders", heard=3, agree=3, trouble=None)


def test_seeds_die_later(cluster, make_groups):
    """The nodes that were found are asked instead."""
    seed = cluster.replicas[0]
    watch = make_groups(orders(seed))
    watch.wait_targets(*names(cluster), connects=1)
    seed.kill()
    watch.daemon.wait_status(name(seed), state="down")
    watch.wait_group("orders", heard=3, agree=3, trouble=None)
    others = [n for n in names(cluster) if n != name(seed)]
    seed.start()
    watch.wait_targets(*names(cluster), timeout=20)
    assert {watch.targets()[other]["connects"] for other in others} == {1}


def test_no_seed_at_the_start(cluster, make_groups):
    """pinfod is ready without, and finds the nodes when one answers."""
    seed = cluster.replicas[0]
    seed.kill()
    watch = make_groups(orders(seed))
    assert "refused" in watch.wait_group("orders", settled=True, heard=0)["trouble"]
    assert watch.targets() == {}
    seed.start()
    watch.wait_targets(*names(cluster), timeout=20)


def test_all_nodes_are_away(cluster, make_groups):
    """Nobody is dropped for want of news."""
    watch = make_groups(orders(*cluster.nodes))
    watch.wait_targets(*names(cluster))
    for node in cluster.nodes:
        node.suspend()
    watch.wait_group("orders", heard=0)
    assert set(watch.targets()) == set(names(cluster))
    for node in cluster.nodes:
        node.resume()
    watch.wait_group("orders", heard=3, trouble=None, timeout=20)
    watch.wait_targets(*names(cluster), connects=1)


# What happens to nodes.

def test_killed_master(cluster, make_groups):
    """It is down under its own name; its replica tells that it took over."""
    watch = make_groups(orders(cluster.nodes[0]))
    targets = watch.wait_known(*names(cluster))
    master = cluster.masters[0]
    replica = cluster.replica_of(master)
    assert targets[name(master)]["address"] == master.name
    master.kill()
    watch.notices.wait("link.down", target=name(master), kind="raised")
    eventually(lambda: replica in cluster.masters, 20)
    watch.notices.wait("role.switched", target=name(replica), timeout=10)
    assert set(watch.targets()) == set(names(cluster))
    master.start()
    cluster.settle()
    watch.notices.wait("link.down", target=name(master), kind="cleared", timeout=20)
    watch.notices.wait("server.restarted", target=name(master), timeout=10)
    back = watch.wait_targets(*names(cluster))[name(master)]
    assert back["address"] == master.name
    eventually(lambda: watch.targets()[name(master)]["role"] == "slave", 10)
    assert len(watch.notices.all("role.switched", target=name(replica))) == 1
    assert not [n for n in watch.notices.alarms("link.*", "server.restarted*")
                if n.target not in (name(master), name(replica))]


def test_node_moves(cluster, make_groups):
    """Another port with the same id: the same name, and its history goes along."""
    watch = make_groups(orders(cluster.nodes[0]))
    watch.wait_known(*names(cluster))
    node = cluster.replicas[-1]
    node.kill()
    watch.daemon.wait_status(name(node), state="down")
    node.move()
    node.start()
    cluster.settle()
    watch.wait_address(name(node), node, timeout=20)
    assert set(watch.targets()) == set(names(cluster))
    # That it was restarted can only be told by who has not forgotten it.
    watch.notices.wait("server.restarted", target=name(node), timeout=10)
    assert not watch.notices.all("server.restarted_empty")


def test_pinfod_is_restarted(cluster, make_groups):
    """Names and histories are those of before, from another seed as well."""
    watch = make_groups(orders(cluster.nodes[0]))
    watch.wait_known(*names(cluster))
    watch.stop()
    before = watch.state()
    assert set(names(cluster)) <= set(before)
    watch.start()
    watch.wait_known(*names(cluster))
    assert watch.notices.alarms() == []
    assert not watch.notices.all("role.switched")
    watch.stop()
    after = watch.state()
    assert {n: before[n]["run_id"] for n in names(cluster)} == \
        {n: after[n]["run_id"] for n in names(cluster)}
    watch.start()


def test_node_comes_and_goes(cluster, make_groups):
    """One that is added is watched, one that is removed is not."""
    watch = make_groups(orders(cluster.nodes[0]))
    watch.wait_targets(*names(cluster))
    node = cluster.add(master=cluster.masters[0])
    watch.wait_targets(*names(cluster))
    assert name(node) in watch.targets()
    cluster.remove(node)
    targets = watch.wait_targets(*names(cluster), connects=1)
    assert name(node) not in targets
    assert watch.notices.alarms() == []


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_node_that_is_asked_goes(seeds, cluster, make_groups):
    """Removed, it knows itself only: that is no news of the others."""
    nodes = [cluster.add() for _ in range(seeds)]
    watch = make_groups(orders(*nodes))
    watch.wait_targets(*names(cluster))
    watch.wait_group("orders", heard=3, agree=3)
    for node in nodes:
        cluster.remove(node)
    watch.wait_targets(*names(cluster), connects=1, timeout=15)
    watch.wait_group("orders", heard=3, agree=3, trouble=None, timeout=15)
    nothing_for(2, lambda: set(watch.targets()) != set(names(cluster)))


# cluster_publish = "shard".

class ShardFeed:
    """A subscriber by SSUBSCRIBE; the channel's node or a replica of it."""

    def __init__(self, node, channel):
        self._resp = Resp(node.address)
        self._channel = channel.encode()
        assert self._resp.call("SSUBSCRIBE", channel)[0] == b"ssubscribe"

    def next(self):
        kind, channel, data = self._resp.read()
        assert (kind, channel) == (b"smessage", self._channel)
        return data

    def close(self):
        self._resp.close()


def tag_of(target):
    return target["channel"].rpartition("{")[2].rstrip("}")


@has_shards
def test_shard(cluster, make_groups, closing):
    """Each node's feed is heard in its shard, at the master and the replica."""
    watch = make_groups(orders(cluster.nodes[0], cluster_publish="shard",
                               format="json", interval="200ms"))
    targets = watch.wait_targets(*names(cluster), publish_state="ok")
    for master in cluster.masters:
        replica = cluster.replica_of(master)
        for node, at in itertools.product((master, replica), repeat=2):
            target = targets[name(node)]
            assert cluster.owner(slot_of(tag_of(target))) is master
            assert target["channel"].startswith(f"pinfo:{name(node)}{{")
            data = closing(ShardFeed(at, target["channel"])).next()
            assert f'"address":"{node.name}"'.encode() in data


@has_shards
def test_tag_follows_its_slot(cluster, make_groups, closing):
    """When another shard has it, the node takes a tag that is still its own."""
    watch = make_groups(orders(cluster.nodes[0], cluster_publish="shard"))
    targets = watch.wait_targets(*names(cluster))
    node, other = cluster.masters[:2]
    tag = tag_of(targets[name(node)])
    cluster.move_slot(slot_of(tag), other)
    cluster.settle()
    eventually(lambda: tag_of(watch.targets()[name(node)]) != tag)
    target = watch.targets()[name(node)]
    assert cluster.owner(slot_of(tag_of(target))) is node
    feed = closing(ShardFeed(node, target["channel"]))
    feed.next(), feed.next()
    assert watch.targets()[name(node)]["connects"] == 1
    assert watch.notices.alarms() == []
    # A slot that is not a tag's moves no tag.
    before = {n: tag_of(t) for n, t in watch.targets().items()}
    cluster.move_slot(slot_of(tag), node)
    cluster.settle()
    let_pass(2)
    assert {n: tag_of(t) for n, t in watch.targets().items()} == before


@has_shards
def test_tag_of_a_new_master(cluster, make_groups):
    """A failover moves the slots to the replica, and the tags stay."""
    watch = make_groups(orders(cluster.nodes[0], cluster_publish="shard"))
    before = watch.wait_targets(*names(cluster))
    master = cluster.masters[1]
    replica = cluster.replica_of(master)
    replica.call("CLUSTER", "FAILOVER")
    eventually(lambda: replica in cluster.masters, 10)
    cluster.settle()
    watch.notices.wait("role.switched", target=name(replica), timeout=10)
    after = watch.wait_targets(*names(cluster), publish_state="ok", connects=1)
    assert {n: tag_of(t) for n, t in after.items()} == \
        {n: tag_of(t) for n, t in before.items()}


@has_shards
def test_reload_to_shards(cluster, make_groups):
    """The connections stay, the channels change."""
    watch = make_groups(orders(cluster.nodes[0]))
    watch.wait_targets(*names(cluster))
    watch.reload(orders(cluster.nodes[0], cluster_publish="shard"))
    eventually(lambda: all("{" in target["channel"]
                           for target in watch.targets().values()))
    watch.wait_targets(*names(cluster), connects=1, publish_state="ok")
    watch.reload(orders(cluster.nodes[0]))
    eventually(lambda: all("{" not in target["channel"]
                           for target in watch.targets().values()))


# Nodes that lie, and many of them.

def node_id(n):
    return hashlib.sha1(str(n).encode()).hexdigest()


def line(n, port, slots="", flags="master", epoch=None):
    """A line of CLUSTER NODES; the first node is who says it."""
    flags = ("myself," if n == 0 else "") + flags
    return (f"{node_id(n)} 127.0.0.1:{port}@{port + 1} {flags} - 0 0 "
            f"{n if epoch is None else epoch} connected {slots}").rstrip() + "\n"


def shares(count):
    bounds = [16384 * n // count for n in range(count + 1)]
    return [f"{a}-{b - 1}" for a, b in zip(bounds, bounds[1:])]


@pytest.fixture
def make_node(make_fake):
    """make_node(reply): a fake node that answers CLUSTER NODES so."""
    def make(reply):
        def nodes(connection, words):
            if words[0] != b"CLUSTER":
                return connection.server.default(connection, words)
            return reply(connection.server)

        return make_fake(nodes)

    return make


LIES = {
    "another cluster": lambda s: bulk(line(0, s.port, "0-16383", epoch=10**6)
                                      .encode()),
    "nobody": lambda s: bulk(b""),
    "no slots": lambda s: bulk(line(0, s.port).encode()),
    "all are dead": lambda s: bulk("".join(
        line(n, 1, share, "master,fail", 10**6)
        for n, share in enumerate(shares(50))).encode()),
    "rubbish": lambda s: bulk(b"\0\xff\n" * 1000),
    "a long line": lambda s: bulk(b"a" * 10**6),
    "slots beyond": lambda s: bulk(line(0, s.port, "0-99999").encode()),
    "slots twice": lambda s: bulk(line(0, s.port, "0-16383 0-16383").encode()),
    "a strange host": lambda s: bulk(
        line(0, s.port, "0-16383").replace("127.0.0.1", "\x1b[2J;rm").encode()),
    "huge": lambda s: bulk(b"x" * 2**24),
    "a list": lambda s: answer([1, [2, [3]]]),
    "an error": lambda s: b"-ERR it rains\r\n",
    "nil": lambda s: b"$-1\r\n",
    "no protocol": lambda s: b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_liar_among_the_seeds(lie, cluster, make_node, make_groups):
    """The honest ones are believed."""
    liar = make_node(lie)
    watch = make_groups(orders(liar, *cluster.nodes[:2]))
    watch.wait_targets(*names(cluster))
    let_pass(2.2)                       # two rounds more
    watch.wait_targets(*names(cluster), connects=1)
    assert liar.count("CLUSTER")
    assert watch.notices.alarms() == []


def test_two_clusters(make_node, make_groups):
    """Nodes that no longer know each other are no reason to watch none of them."""
    apart = threading.Event()
    nodes = []

    def reply(server):
        me = nodes.index(server)
        rows = [line(n, node.port, share)
                for n, (node, share) in enumerate(zip(nodes, shares(2)))]
        return bulk((rows[me] if apart.is_set() else "".join(rows)).encode())

    nodes += [make_node(reply), make_node(reply)]
    both = [f"orders/{node_id(n)[:8]}" for n in range(2)]
    watch = make_groups(orders(*nodes))
    watch.wait_targets(*both)
    apart.set()
    watch.daemon.wait_log("different clusters")
    let_pass(1.2)                       # a round more
    watch.wait_targets(*both)
    apart.clear()
    watch.daemon.wait_log("orders: all is well again")


def test_many_nodes(make_node, make_groups):
    """Past 50 the log tells once what PUBLISH costs, with the arithmetic."""
    node = make_node(lambda s: bulk("".join(
        line(n, s.port, share) for n, share in enumerate(shares(60))).encode()))
    watch = make_groups(orders(node, interval="2s"))
    watch.wait_group("orders", targets=60)
    told = watch.daemon.wait_log("60 nodes")
    assert "3540 " in told and "1770 a second" in told
    assert 'cluster_publish = "shard"' in told
    let_pass(3)
    assert len(watch.daemon.log_lines("60 nodes")) == 1


@has_shards
def test_many_nodes_in_shards(make_node, make_groups):
    """There it costs little, and nothing is told."""
    node = make_node(lambda s: bulk("".join(
        line(n, s.port, share) for n, share in enumerate(shares(60))).encode()))
    watch = make_groups(orders(node, cluster_publish="shard"))
    watch.wait_group("orders", targets=60)
    let_pass(2)
    assert not watch.daemon.log_lines("60 nodes publish")


def test_ids_that_begin_alike(make_node, make_groups):
    """All forty digits then."""
    def reply(server):
        rows = [line(n, server.port, share) for n, share in enumerate(shares(2))]
        return bulk("".join(rows).replace(node_id(1)[:8], node_id(0)[:8]).encode())

    watch = make_groups(orders(make_node(reply)))
    watch.wait_group("orders", targets=2)
    begin = node_id(0)[:8]
    assert set(watch.targets()) == {f"orders/{node_id(0)}",
                                    f"orders/{begin}{node_id(1)[8:]}"}
