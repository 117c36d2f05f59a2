"""A master that sentinels name: found, followed through failovers, and believed
to most of them only.

Real sentinels, one group of them for all tests that leave it as it was; and
scripted ones that lie.
"""

import contextlib
import os
import time

import pytest

from harness import (
    SLOW, Feed, SentinelGroup, answer, conf_group, eventually, free_port, info,
    let_pass, nothing_for,
)

SAMPLE_S = 1.0
SLACK_S = 0.2
# How many failovers are measured; .ci/run-long asks for more.
FAILOVERS = int(os.environ.get("FAILOVERS", "2"))


@pytest.fixture(scope="module")
def shared():
    """Three sentinels, a master and two replicas, for all tests of a worker."""
    with contextlib.closing(SentinelGroup()) as made:
        yield made


@pytest.fixture
def sentinels(shared):
    """The same, put right again behind the test."""
    yield shared
    for sentinel in shared.sentinels:
        if sentinel.suspended:
            sentinel.resume()
        elif not sentinel.process:
            sentinel.start()
    for server in shared.servers:
        if not server.process:
            server.start("--replicaof", shared.master.host, shared.master.port)
    shared.settle()


def cache(sentinels, **options):
    """The group `cache`, of these sentinels or of these URIs."""
    uris = getattr(sentinels, "uris", sentinels)
    return conf_group(**{"name": "cache", "sentinels": uris,
                         "master": "mymaster", **options})


def names(sentinels):
    """What the targets are called, with replicas."""
    return ["cache", *(f"cache/{r.name}" for r in sentinels.replicas)]


def told_of(watch, incident, target="cache"):
    return [n for n in watch.notices.all(incident) if n.target == target]


# Finding.

def test_master_is_the_target(sentinels, make_groups, make_feed):
    """Its feed is published on it, under the preset channel."""
    watch = make_groups(cache(sentinels))
    target = watch.wait_targets("cache")["cache"]
    assert target["address"] == sentinels.master.name
    assert target["channel"] == "pinfo"
    make_feed(sentinels.master).wait_count(1)
    watch.wait_group("cache", kind="sentinel", sources=3, heard=3, agree=3,
                     targets=1, settled=True, trouble=None)


def test_name_is_the_masters_by_preset(sentinels, make_groups):
    watch = make_groups(conf_group(sentinels=sentinels.uris, master="mymaster"))
    watch.wait_targets("mymaster")


def test_replicas_on_request(sentinels, make_groups, make_feed):
    """Each is a target with a channel of its own."""
    watch = make_groups(cache(sentinels, replicas=True))
    targets = watch.wait_known(*names(sentinels))
    assert {name: target["role"] for name, target in targets.items()} == {
        name: "master" if name == "cache" else "slave"
        for name in names(sentinels)}
    for server in sentinels.servers:
        name = "cache" if server is sentinels.master else f"cache/{server.name}"
        assert targets[name]["channel"] == f"pinfo:{name}"
        make_feed(server, f"pinfo:{name}").wait_count(1)


def test_one_of_the_seeds_suffices(sentinels, make_groups):
    """Of which the others are dead."""
    dead = [f"redis://127.0.0.1:{free_port()}" for _ in range(2)]
    watch = make_groups(cache([*dead, sentinels.uris[0]]))
    watch.wait_targets("cache")
    watch.wait_group("cache", sources=3, heard=1, agree=1)
    assert watch.group("cache")["trouble"]


def test_none_at_the_start_and_then_one(sentinels, make_groups, make_daemon):
    """pinfod is ready without, and finds the master when one is there."""
    for sentinel in sentinels.sentinels:
        sentinel.kill()
    watch = make_groups(cache(sentinels))
    trouble = watch.wait_group("cache", settled=True, heard=0)["trouble"]
    assert "refused" in trouble
    assert watch.targets() == {}
    sentinels.sentinels[1].start()
    watch.wait_targets("cache", timeout=20)


def test_a_name_that_nobody_knows(sentinels, make_groups):
    """It is said in words, and found when it is known."""
    sentinel = sentinels.sentinels[0]
    watch = make_groups(cache(sentinels, master="other"))
    trouble = watch.wait_group("cache", settled=True)["trouble"]
    assert "other" in trouble
    told = len(watch.daemon.log_lines("cache: "))
    assert watch.targets() == {}
    let_pass(2)
    assert len(watch.daemon.log_lines("cache: ")) == told
    sentinel.monitor("other", sentinels.master, 2)
    try:
        assert watch.wait_targets("cache")["cache"]["address"] == \
            sentinels.master.name
    finally:
        sentinel.call("SENTINEL", "REMOVE", "other")
    nothing_for(2, lambda: set(watch.targets()) != {"cache"})


# A failover.

@pytest.fixture
def announcements(sentinels):
    """announced(): when a sentinel first said +switch-master from now on."""
    feeds = [Feed(s, "+switch-master") for s in sentinels.sentinels]

    def announced(since):
        times = [m.time for feed in feeds for m in feed.since(since)]
        return times and min(times)

    yield announced
    for feed in feeds:
        feed.close()


def first_sample(samples, server, since):
    """When a server's first answer came that bears its name: its run_id."""
    run_id = info(server, "server")["run_id"].encode()
    for message in samples.since(since):
        if run_id in message.data:
            return message.time
    return None


def measure(watch, samples, sentinels, announced, kill):
    """One failover: how long after the announcement the new one was sampled."""
    old, since = sentinels.master, time.monotonic()
    if kill:
        old.kill()
    else:
        sentinels.begin_failover()
    said = eventually(lambda: announced(since), 20, what="+switch-master")
    new = eventually(lambda: sentinels.master is not old and sentinels.master, 10)
    heard = eventually(lambda: first_sample(samples, new, since), 10,
                       what="a sample of the new master")
    if kill:
        old.start("--replicaof", new.host, new.port)
    watch.wait_address("cache", new)
    sentinels.settle()
    return heard - said


@pytest.mark.timeout(max(60, 30 * FAILOVERS) * SLOW)
@pytest.mark.parametrize("kill", [False, True], ids=["asked", "killed"])
def test_failover(kill, sentinels, announcements, make_groups, make_feed):
    """The new master is sampled within a sample of the announcement.

    The switch is told once each time; nothing else is but what a killed master
    is: it was down.  The channel stays, and each tick of its is published.
    """
    watch = make_groups(cache(sentinels))
    watch.wait_known("cache")
    samples = make_feed(watch.daemon, "pinfod:samples:cache")
    late = []
    for n in range(FAILOVERS):
        late.append(measure(watch, samples, sentinels, announcements, kill))
        watch.notices.wait("role.switched", count=n + 1, kind="fact")
    print("late by", " ".join(f"{s:.3f}" for s in sorted(late)))
    make_feed(sentinels.master).wait_count(3)
    assert len(told_of(watch, "role.switched")) == FAILOVERS
    assert not watch.notices.all("server.restarted*")
    assert watch.notices.alarms("link.down" if kill else "") == []
    assert max(late) <= (SAMPLE_S + SLACK_S) * SLOW


def test_history_goes_with_the_role(sentinels, make_groups):
    """What was known of the name before a failover is known after."""
    watch = make_groups(cache(sentinels))
    watch.wait_known("cache")
    sentinels.master.client().bgsave()
    watch.notices.wait("rdb.save_finished")
    watch.stop()
    before = watch.state()["cache"]
    assert before["last_save"]
    watch.start()
    watch.wait_targets("cache")
    new = sentinels.failover()
    watch.wait_address("cache", new)
    watch.notices.wait("role.switched")
    watch.stop()
    after = watch.state()["cache"]
    assert after["last_save"] >= before["last_save"]
    assert after["run_id"] != before["run_id"]
    assert after["address"] == new.name
    watch.start()


def test_pinfod_is_away_during_a_failover(sentinels, make_groups, make_notices):
    """It comes back to another master, which hears of a switch and no restart."""
    watch = make_groups(cache(sentinels))
    watch.wait_known("cache")
    watch.stop()
    new = sentinels.failover()
    notices = make_notices(new)
    watch.start()
    watch.wait_address("cache", new)
    notices.wait("role.switched")
    let_pass(1.5)
    assert len(notices.all("role.switched")) == 1
    assert not notices.all("server.restarted*")


def test_pinfod_starts_during_a_failover(sentinels, make_groups):
    """The master is dead and no other one named yet: then it is followed."""
    old = sentinels.master
    old.kill()
    watch = make_groups(cache(sentinels))
    new = eventually(lambda: sentinels.master is not old and sentinels.master, 20)
    watch.wait_address("cache", new)
    let_pass(1.5)
    assert not watch.notices.all("server.restarted*")


def test_old_master_returns_as_a_replica(sentinels, make_groups):
    """With replicas: all three are targets again, under the right names."""
    watch = make_groups(cache(sentinels, replicas=True))
    watch.wait_targets(*names(sentinels))
    old = sentinels.master
    old.kill()
    new = eventually(lambda: sentinels.master is not old and sentinels.master, 20)
    watch.wait_address("cache", new)
    old.start("--replicaof", new.host, new.port)
    sentinels.settle()
    targets = watch.wait_targets(*names(sentinels))
    assert targets["cache"]["address"] == new.name
    eventually(lambda: watch.targets()[f"cache/{old.name}"]["role"] == "slave")
    assert not watch.notices.all("server.restarted*", target="cache")
    assert len(told_of(watch, "role.switched")) == 1


# Sentinels that are not there.

@pytest.mark.parametrize("how, count", [
    ("kill", 1), ("suspend", 1), ("kill", 2), ("suspend", 2),
])
def test_sentinels_are_away(how, count, sentinels, make_groups):
    """The others' word is enough for a failover, and STATUS says who is away."""
    watch = make_groups(cache(sentinels))
    watch.wait_targets("cache")
    for sentinel in sentinels.sentinels[:count]:
        getattr(sentinel, how)()
    group = watch.wait_group("cache", heard=3 - count, agree=3 - count)
    assert sentinels.sentinels[0].name in group["trouble"]
    new = sentinels.failover()
    watch.wait_address("cache", new)
    for sentinel in sentinels.sentinels[:count]:
        sentinel.resume() if how == "suspend" else sentinel.start()
    watch.wait_group("cache", timeout=20, heard=3, agree=3, trouble=None)


def test_all_sentinels_are_away(sentinels, make_groups, closing):
    """The master is watched on, at the address that it had."""
    watch = make_groups(cache(sentinels))
    watch.wait_targets("cache")
    feed = closing(watch.feed("cache"))
    for sentinel in sentinels.sentinels:
        sentinel.suspend()
    watch.wait_group("cache", heard=0)
    feed.wait_more(3)
    assert watch.targets()["cache"]["connects"] == 1
    for sentinel in sentinels.sentinels:
        sentinel.resume()
    watch.wait_group("cache", heard=3, trouble=None, timeout=20)
    assert watch.targets()["cache"]["connects"] == 1


def test_password_of_the_sentinels(make_groups, closing, tmp_path):
    """Theirs and the servers' are two."""
    group = closing(SentinelGroup(password="ours", sentinel_password="theirs"))
    for word in ("ours", "theirs", "wrong"):
        (tmp_path / word).write_text(word)
        (tmp_path / word).chmod(0o600)
    options = {"password_file": str(tmp_path / "ours"), "replicas": True}
    watch = make_groups(cache(group, **options))
    watch.wait_group("cache", settled=True, heard=0, trouble="sentinel_password_file")
    watch.reload(cache(group, **options,
                       sentinel_password_file=str(tmp_path / "wrong")))
    watch.wait_group("cache", heard=0, trouble="WRONGPASS")
    assert watch.targets() == {}
    watch.reload(cache(group, **options,
                       sentinel_password_file=str(tmp_path / "theirs")))
    watch.wait_targets(*names(group))
    watch.wait_group("cache", heard=3, trouble=None)
    assert "theirs" not in watch.daemon.do("CONFIG").replace("/theirs", "")


# Sentinels that lie.

def says(host, port, epoch=0, replicas=(), **more):
    """A sentinel's answers: to SENTINEL MASTER, and to SENTINEL REPLICAS."""
    def entry(host, port, **more):
        fields = {"name": "mymaster", "ip": host, "port": port, "flags": "master",
                  "config-epoch": epoch, **more}
        return [word for pair in fields.items() for word in pair]

    return (answer(entry(host, port, **more)),
            answer([entry(*replica, flags="slave") for replica in replicas]))


def deep(levels):
    return b"*1\r\n" * levels + b":1\r\n"


LIES = {
    "dead": lambda other: says("127.0.0.1", free_port()),
    "dead, higher epoch": lambda other: says("127.0.0.1", free_port(), 2**62),
    "another master": lambda other: says(other.host, other.port),
    "another, higher epoch": lambda other: says(other.host, other.port, 10**6),
    "beyond any epoch": lambda other: says(other.host, other.port, "9" * 30),
    "no port": lambda other: says("127.0.0.1", 0),
    "a port beyond": lambda other: says("127.0.0.1", 70000),
    "a negative port": lambda other: says("127.0.0.1", -1),
    "no address": lambda other: says("", 6379),
    "a long address": lambda other: says("a" * 5000, 6379),
    "a strange address": lambda other: says("127.0.0.1\r\nSHUTDOWN\x1b[2J\0", 6379),
    "an odd list": lambda other: (answer(["ip"]),) * 2,
    "no texts": lambda other: (answer([1, [2], None, []]),) * 2,
    "nothing": lambda other: (b"$-1\r\n",) * 2,
    "no list": lambda other: (b"$-1\r\n",) * 2,
    "a number": lambda other: (b":1\r\n",) * 2,
    "a word": lambda other: (b"+OK\r\n",) * 2,
    "an error": lambda other: (b"-ERR it rains\r\n",) * 2,
    "rubbish": lambda other: (b"HTTP/1.1 400 Bad Request\r\n\r\n",) * 2,
    "deep": lambda other: (deep(100),) * 2,
    "huge": lambda other: (answer("x" * 2**24),) * 2,
    "wide": lambda other: (answer([1] * 10**6),) * 2,
    "endless": lambda other: (b"*2147483647\r\n",) * 2,
    "nobody has replicas": lambda other: says(other.host, other.port, 10**6,
                                              [("127.0.0.1", free_port())] * 50),
}


@pytest.fixture
def make_liar(make_fake):
    """make_liar(answers): a fake sentinel with these two."""
    def make(answers):
        def lie(connection, words):
            if words[0] != b"SENTINEL":
                return connection.server.default(connection, words)
            return answers[words[1].upper() in (b"REPLICAS", b"SLAVES")]

        return make_fake(lie)

    return make


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_liar_beside_two_honest_ones(lie, sentinels, server, make_liar,
                                       make_groups):
    """Nothing happens, whatever it says; STATUS tells that it is outvoted, or why
    it is not heard."""
    liar = make_liar(lie(server))
    watch = make_groups(cache([liar.uri, *sentinels.uris[:2]], replicas=True))
    watch.wait_targets(*names(sentinels))
    eventually(lambda: liar.count("SENTINEL") > 2 or liar.connections > 1, 10)
    group = watch.wait_group("cache", agree=2)
    assert group["heard"] == 3 or liar.name in group["trouble"]
    targets = watch.wait_targets(*names(sentinels))
    assert {t["connects"] for t in targets.values()} == {1}
    assert targets["cache"]["address"] == sentinels.master.name
    assert watch.notices.alarms() == []


def test_a_liar_during_a_failover(sentinels, server, make_liar, make_groups):
    """It does not keep the two honest ones from being believed."""
    liar = make_liar(says(server.host, server.port, 10**6))
    watch = make_groups(cache([liar.uri, *sentinels.uris[:2]]))
    watch.wait_targets("cache")
    new = sentinels.failover()
    watch.wait_address("cache", new)
    watch.notices.wait("role.switched")
    assert len(told_of(watch, "role.switched")) == 1


# A reload.

def test_reload_with_replicas_and_without(sentinels, make_groups):
    """The master goes on with its connection."""
    watch = make_groups(cache(sentinels, channel="pinfo:{name}"))
    watch.wait_targets("cache")
    watch.reload(cache(sentinels, channel="pinfo:{name}", replicas=True))
    watch.wait_targets(*names(sentinels), connects=1)
    watch.reload(cache(sentinels, channel="pinfo:{name}"))
    watch.wait_targets("cache", connects=1)


def test_reload_with_another_sentinel(sentinels, make_groups):
    """It is asked as well; nothing else changes."""
    watch = make_groups(cache(sentinels.uris[:2]))
    watch.wait_targets("cache")
    watch.wait_group("cache", sources=2, heard=2)
    watch.reload(cache(sentinels))
    watch.wait_group("cache", sources=3, heard=3, agree=3)
    watch.wait_targets("cache", connects=1)


def test_reload_without_the_group(sentinels, server, make_groups):
    """Its targets go, and nobody else is disturbed."""
    other = conf_group(name="other", url=server.uri)
    watch = make_groups(cache(sentinels, replicas=True), other)
    watch.wait_targets("other", *names(sentinels))
    watch.reload(other)
    watch.wait_targets("other", connects=1)
    eventually(lambda: all("cmd=sentinel" not in line for line in
                           sentinels.sentinels[0].call("CLIENT", "LIST")
                           .decode().splitlines() if "name=pinfod" in line))
