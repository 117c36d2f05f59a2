"""Thousands of targets, and dozens of servers of which some are in trouble."""

import collections
import resource

import pytest

from harness import MIB, eventually, let_pass, sanitized
from harness.burden import resident_bytes

# A sanitizer build takes several times the CPU: there the rules are tested, and
# not the size.
MANY = 500 if sanitized() else 2000


def setup_module():
    """A server asks for as many descriptors as its clients may need."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.fixture
def make_fleet(make_daemon, tmp_path):
    """make_fleet(addresses, interval="1s"): a target t0, t1, … for each.

    Each has a channel of its own, so that one address may come many times.
    """

    def make(addresses, interval="1s", **options):
        targets = ",\n".join(
            f'{{ name = "t{n}"; url = "redis://{host}:{port}"; }}'
            for n, (host, port) in enumerate(addresses)
        )
        config = tmp_path / f"{len(addresses)}.conf"
        config.write_text(
            f'defaults: {{ interval = "{interval}"; '
            f'channel = "pinfo:{{name}}"; }};\ntargets: (\n{targets}\n);\n'
        )
        return make_daemon("--config", config, "--log-level", "warning", **options)

    return make


def targets_of(daemon):
    return {target["name"]: target for target in daemon.status()["targets"]}


def wait_states(daemon, names, state, timeout=10):
    """Wait until all these targets are in that state."""
    def others():
        now = targets_of(daemon)
        return [now[name]["reason"] for name in names
                if now[name]["state"] != state or not now[name]["published"]]

    eventually(lambda: not others(), timeout, what=f"all are {state}")


def check_arrived(targets, feed):
    """What stopped targets say that they have published, and nothing else.

    One more may have arrived of which STOP has cut off the answer: that one
    counts as dropped. Notices are not counted here.
    """
    def arrived():
        return collections.Counter(m.channel.decode() for m in list(feed.messages)
                                   if m.channel != b"pinfo:notice")

    eventually(lambda: sum(arrived().values()) >=
               sum(target["published"] for target in targets))
    came = arrived()
    assert set(came) == {target["channel"] for target in targets}
    for target in targets:
        assert target["dropped"] <= 1, target
        more = came[target["channel"]] - target["published"]
        assert more in (0, target["dropped"]), target


def test_two_thousand_targets(make_redis, make_fleet, make_feed):
    """2,000 targets on 4 servers at 1 s: each tick of each is published."""
    hosts = [f"127.0.0.{n}" for n in range(1, 6)]
    servers = [make_redis("--bind", *hosts) for _ in range(4)]
    places = [(host, server.port) for server in servers for host in hosts]
    addresses = [places[n % len(places)] for n in range(MANY)]
    feed = make_feed(servers[0], patterns=["pinfo:*"])
    daemon = make_fleet(addresses)
    names = [f"t{n}" for n in range(MANY)]
    wait_states(daemon, names, "up", timeout=20)

    before, heard = targets_of(daemon), len(feed)
    let_pass(5)
    after = targets_of(daemon)
    assert set(after) == set(names)
    for name in names:
        was, now = before[name], after[name]
        assert (now["state"], now["connects"]) == ("up", 1), now
        assert now["missed"] == was["missed"] and now["dropped"] == 0, now
        assert now["published"] - was["published"] in (4, 5, 6), (was, now)

    daemon.do("STOP")
    on_first = [f"t{n}" for n, (_, port) in enumerate(addresses)
                if port == servers[0].port]
    end = targets_of(daemon)
    check_arrived([end[name] for name in on_first], feed)
    assert len(feed) - heard >= 4 * len(on_first)


def test_trouble_elsewhere(make_redis, make_fleet, make_feed):
    """Of 24 servers 4 die and 4 hang and come back: 16 feeds miss nothing."""
    servers = [make_redis() for _ in range(24)]
    dying, hanging, well = servers[:4], servers[4:8], servers[8:]
    names = [f"t{n}" for n in range(24)]
    feeds = {f"t{n}": make_feed(server, f"pinfo:t{n}")
             for n, server in enumerate(servers) if server in well}
    daemon = make_fleet([server.address for server in servers], "0.2s")
    wait_states(daemon, names, "up")
    start = targets_of(daemon)

    for server in hanging:
        server.suspend()
    for server in dying:
        server.kill()
    wait_states(daemon, names[:4], "down")
    wait_states(daemon, names[4:8], "silent")
    for server in dying:
        server.start()
    for server in hanging:
        server.resume()
    wait_states(daemon, names, "up")

    daemon.do("STOP")
    end = targets_of(daemon)
    for name in names[:8]:
        assert end[name]["missed"] > start[name]["missed"]
    assert [end[name]["connects"] for name in names] == [2] * 4 + [1] * 20
    for name, feed in feeds.items():
        assert end[name]["missed"] == 0, end[name]
        check_arrived([end[name]], feed)


def test_memory_of_a_target(make_redis, make_fleet):
    """1,000 targets more that wait for their next tick: so much memory each."""
    servers = [make_redis() for _ in range(2)]
    resident = []
    for count in (100, 1100):
        daemon = make_fleet([servers[n % 2].address for n in range(count)], "1h")
        wait_states(daemon, [f"t{n}" for n in range(count)], "up", timeout=20)
        resident.append(resident_bytes(daemon.pid))
        daemon.terminate()
        assert daemon.wait_exit() == 0
    each = (resident[1] - resident[0]) / 1000
    print(f"resident: {resident[0] / MIB:.2f} MiB with 100 targets, "
          f"{resident[1] / MIB:.2f} with 1,100: {each / 1024:.1f} KiB a target")
    if not sanitized():
        assert each < 32 * 1024
