"""Several targets, and every way to name one."""

import os
import subprocess

import pytest

from harness import eventually, let_pass, nothing_for


@pytest.mark.parametrize("listen", ["ipv4", "ipv6", "unix"])
def test_address_by_flags(listen, make_redis, make_daemon, make_feed):
    """-h and -p or -s: the target is called default."""
    server = make_redis(**{"ipv4": False, listen: True})
    daemon = make_daemon(server, "-i", "0.2")
    make_feed(server).wait_count(2)
    status = daemon.status_target("default")
    assert status["state"] == "up"
    assert status["address"] == server.name


@pytest.mark.parametrize("listen", ["ipv4", "ipv6", "unix"])
def test_address_by_uri(listen, make_redis, make_daemon, make_feed):
    """-u: the target is named by its host and port, or its path."""
    server = make_redis(**{"ipv4": False, listen: True})
    other = make_redis()
    daemon = make_daemon("-u", server.uri, "-u", other.uri, "-i", "0.2")
    make_feed(server).wait_count(2)
    names = [target["name"] for target in daemon.status()["targets"]]
    assert names == [server.name, other.name]


def test_host_by_name(server, make_daemon, make_feed):
    """A name is resolved; localhost will do."""
    daemon = make_daemon("-h", "localhost", "-p", server.port, "-i", "0.2")
    make_feed(server).wait_count(2)
    assert daemon.status_target()["state"] == "up"


def test_name_that_does_not_resolve(make_daemon):
    """An unknown name is a target that is down, with the reason."""
    daemon = make_daemon("-h", "no-such-host.invalid", "-i", "0.2")
    assert daemon.wait_status(state="down", timeout=15)["reason"]


def test_dead_target_does_not_disturb(make_redis, make_daemon, make_feed):
    """With one of two servers dead the other's feed misses no tick."""
    dead, alive = make_redis(start=False), make_redis()
    daemon = make_daemon("-u", dead.uri, "-u", alive.uri, "-i", "0.5")
    feed = make_feed(alive)
    feed.wait_count(8)
    times = feed.times[1:]
    gaps = [b - a for a, b in zip(times, times[1:])]
    assert max(gaps) < 1
    assert daemon.status_target(alive.name)["missed"] == 0
    assert daemon.status_target(dead.name)["state"] == "down"


def test_hanging_target_does_not_disturb(make_redis, make_daemon, make_feed):
    """Nor does one that accepts connections and never answers."""
    mute, alive = make_redis(), make_redis()
    mute.suspend()
    daemon = make_daemon("-u", mute.uri, "-u", alive.uri, "-i", "0.5")
    feed = make_feed(alive)
    feed.wait_count(10, timeout=8)
    assert daemon.status_target(alive.name)["missed"] == 0


SLOW_RESOLVER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <time.h>

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
            struct addrinfo **res)
{
    int (*real)(const char *, const char *, const struct addrinfo *,
                struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");

    if (node != NULL && strcmp(node, "slow.invalid") == 0) {
        struct timespec left = { 4, 0 };

        /* As the real one, it goes on when a signal has been handled. */
        while (nanosleep(&left, &left) != 0)
            ;
        return EAI_AGAIN;
    }
    return real(node, service, hints, res);
}
"""


@pytest.fixture
def slow_resolver(tmp_path):
    """An environment in which the name slow.invalid takes 4 s to fail."""
    source, library = tmp_path / "slow.c", tmp_path / "slow.so"
    source.write_text(SLOW_RESOLVER)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"],
                   check=True)
    options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    return {"LD_PRELOAD": str(library), "ASAN_OPTIONS": options.lstrip(":")}


def test_slow_name_does_not_disturb(
    slow_resolver, make_redis, make_daemon, make_feed,
):
    """Nor does one whose name takes seconds to be looked up."""
    alive = make_redis()
    feed = make_feed(alive)
    daemon = make_daemon("-u", alive.uri, "-u", "redis://slow.invalid:6379",
                         "-i", "0.5", env=slow_resolver, wait=False)
    feed.wait_count(8, timeout=8)
    assert daemon.status_target(alive.name)["missed"] == 0


def test_end_while_a_name_is_looked_up(slow_resolver, make_daemon):
    """SIGTERM ends the daemon within a second during a slow look-up."""
    daemon = make_daemon("-h", "slow.invalid", env=slow_resolver, wait=False)
    eventually(lambda: os.path.exists(daemon.control_path))
    let_pass(0.3)
    daemon.terminate()
    assert daemon.wait_exit(within=1) == 0


def test_each_target_publishes_to_itself(make_redis, make_daemon, make_feed):
    """Two servers: each one's subscribers get its own INFO and no other."""
    one, two = make_redis(), make_redis()
    one.client().mset({f"k{n}": n for n in range(77)})
    make_daemon("-u", one.uri, "-u", two.uri, "-i", "0.2")
    first = make_feed(one)
    second = make_feed(two)
    first.wait_count(3)
    second.wait_count(3)
    assert all(b"last_save:77\r\n" in data for data in first.data)
    assert all(b"last_save:0\r\n" in data for data in second.data)


def test_control_subscribers_get_all_targets(
    make_fake, make_daemon, make_feed,
):
    """On the control socket the channel carries every target's messages."""
    one, two = make_fake(info=b"one\r\n"), make_fake(info=b"two\r\n")
    daemon = make_daemon("-u", one.uri, "-u", two.uri, "-i", "0.2")
    feed = make_feed(daemon)
    eventually(lambda: {b"one\r\n", b"two\r\n"} <= set(feed.data))
    feed.wait_more(10)
    status = daemon.status()["targets"]
    assert [target["missed"] for target in status] == [0, 0]


def test_twenty_targets(make_fake, make_daemon):
    """Twenty servers are all served, each at every tick."""
    fakes = [make_fake() for _ in range(20)]
    flags = [word for fake in fakes for word in ("-u", fake.uri)]
    daemon = make_daemon(*flags, "-i", "0.5")
    for fake in fakes:
        eventually(lambda: fake.count("PUBLISH") >= 4)
    states = {target["state"] for target in daemon.status()["targets"]}
    assert states == {"up"}


def test_stopped_target_is_left_alone(make_fake, make_daemon):
    """Of two targets the stopped one gets no command."""
    one, two = make_fake(), make_fake()
    daemon = make_daemon("-u", one.uri, "-u", two.uri, "-i", "0.1")
    for fake in (one, two):
        eventually(lambda: fake.count("PUBLISH") >= 2)
    daemon.do("STOP", one.name)
    eventually(lambda: one.open == 0)
    have = len(one.commands)
    nothing_for(0.5, lambda: len(one.commands) > have)
    assert daemon.status_target(one.name)["state"] == "stopped"
    assert daemon.status_target(two.name)["state"] == "up"
