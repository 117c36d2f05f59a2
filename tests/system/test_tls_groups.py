"""Groups by TLS: sentinels and nodes that are spoken to by rediss://, real ones.

test_tls has what becomes of certificates; here it is who is found through them.
"""

import pytest

from harness import (
    Authority, ClusterNode, RedisServer, Sentinel, conf_group, eventually, free_port,
)

QUORUM = 2


@pytest.fixture(scope="module")
def ca():
    made = Authority()
    yield made
    made.close()


@pytest.fixture(scope="module")
def good(ca):
    return ca.issue()


@pytest.fixture
def by_tls(ca, good):
    """by_tls(port): what a server is told to listen there by TLS."""
    def args(port):
        return ["--tls-port", port, "--tls-cert-file", good.cert,
                "--tls-key-file", good.key, "--tls-ca-cert-file", ca.cert,
                "--tls-auth-clients", "no", "--tls-replication", "yes"]

    return args


@pytest.fixture
def cluster(by_tls, closing):
    """Three masters whose bus and addresses are TLS'; .tls_port of each."""
    nodes = []
    for _ in range(3):
        port = free_port()
        node = closing(ClusterNode(*by_tls(port), "--tls-cluster", "yes"))
        node.tls_port = port
        nodes.append(node.start())
    for n, node in enumerate(nodes):
        node.call("CLUSTER", "ADDSLOTS", *range(n * 16384 // 3, (n + 1) * 16384 // 3))
        for other in nodes[:n]:
            node.call("CLUSTER", "MEET", other.host, other.tls_port, other.bus)
    eventually(lambda: all(node.info()["cluster_state"] == "ok"
                           and len(node.view()) == 3 for node in nodes), 20,
               what="the cluster is well")
    return nodes


@pytest.mark.since("7.0", "cluster-port")
def test_cluster(cluster, ca, make_groups):
    """From one node to all, each at its port for TLS, with a checked certificate."""
    watch = make_groups(conf_group(
        name="orders", cluster=f"rediss://127.0.0.1:{cluster[0].tls_port}",
        cacert=str(ca.cert)))
    targets = watch.wait_targets(*(f"orders/{node.short}" for node in cluster))
    for node in cluster:
        target = targets[f"orders/{node.short}"]
        assert target["address"] == f"rediss://127.0.0.1:{node.tls_port}"
        assert target["tls"]["version"] == "TLSv1.3"
    watch.wait_group("orders", heard=3, agree=3, trouble=None)


@pytest.mark.since("7.0", "cluster-port")
def test_cluster_that_nobody_vouches_for(cluster, make_groups):
    """Who it is cannot be known: nobody is asked who else there is."""
    watch = make_groups(conf_group(
        name="orders", cluster=f"rediss://127.0.0.1:{cluster[0].tls_port}"))
    group = watch.wait_group("orders", settled=True, heard=0,
                             trouble="certificate verify failed")
    assert group["targets"] == 0
    assert watch.targets() == {}


@pytest.fixture
def sentinels(by_tls, closing):
    """(three sentinels, the master, its replica), all by TLS among each other."""
    servers, made = [], []
    for _ in range(2):
        port = free_port()
        args = by_tls(port)
        if servers:
            args += ["--replicaof", "127.0.0.1", str(servers[0].tls_port),
                     "--repl-diskless-sync-delay", "0"]
        server = closing(RedisServer(*args, save="3600 1000000"))
        server.tls_port = port
        servers.append(server.start())
    for _ in range(3):
        port = free_port()
        sentinel = closing(Sentinel(*by_tls(port)))
        sentinel.tls_port = port
        sentinel.start()
        sentinel.call("SENTINEL", "MONITOR", "m", "127.0.0.1", servers[0].tls_port,
                      QUORUM)
        made.append(sentinel)

    def settled():
        for sentinel in made:
            master = sentinel.master("m")
            if master["flags"] != "master" or master["num-other-sentinels"] != "2":
                return False
            if [r["flags"] for r in sentinel.replicas("m")] != ["slave"]:
                return False
        return True

    eventually(settled, 40, what="sentinels agree")
    return made, *servers


def test_sentinels(sentinels, ca, make_groups):
    """The master and its replica are found by TLS, and a failover is followed."""
    made, master, replica = sentinels
    watch = make_groups(conf_group(
        name="cache", master="m", replicas=True, cacert=str(ca.cert),
        sentinels=[f"rediss://127.0.0.1:{s.tls_port}" for s in made]))
    old = f"127.0.0.1:{master.tls_port}"
    new = f"127.0.0.1:{replica.tls_port}"
    targets = watch.wait_known("cache", f"cache/{new}")
    assert targets["cache"]["address"] == f"rediss://{old}"
    assert targets["cache"]["tls"] is not None
    watch.wait_group("cache", heard=3, agree=3, trouble=None)
    made[0].call("SENTINEL", "FAILOVER", "m")
    watch.daemon.wait_status("cache", 30, address=f"rediss://{new}", state="up")
    watch.notices.wait("role.switched", timeout=10, target="cache")
    watch.wait_targets("cache", f"cache/{old}", timeout=20)
