"""Names: looked up anew for each connection, and never in anybody's way.

In a network namespace of their own, with a scripted name server.
"""

import os
import time

import pytest

from harness import (
    ConfFile, Daemon, FakeServer, NameServer, Namespace, conf_target,
    eventually, nothing_for, slips,
)

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can make a network namespace",
)
INTERVAL = 0.2
GIVEN_UP = 8        # a look-up is given up after 5 s


@pytest.fixture(scope="module")
def network():
    made = Namespace()
    yield made
    made.close()


@pytest.fixture
def dns(network, closing):
    """The name server, which knows nothing yet."""
    return closing(NameServer(network))


@pytest.fixture
def make_inside(network, closing):
    """make_inside(host=…): a fake server in the namespace, running."""
    def make(host="127.0.0.1", **options):
        fake = closing(FakeServer(host=host, **options))
        network.inside(fake.start)
        return fake

    return make


@pytest.fixture
def run(network, closing, tmp_path):
    """run(*targets): a daemon in the namespace, watching these."""
    def start(*targets):
        conf = ConfFile(tmp_path)
        conf.targets(*targets)
        daemon = Daemon(conf)
        daemon.conf = conf
        daemon.prefix = network.prefix
        return closing(daemon).start()

    return start


def target(name, host, port, **options):
    options.setdefault("interval", INTERVAL)
    return conf_target(f"redis://{host}:{port}", name=name, **options)


def dead(_query):
    return None


def served(fake, more=3):
    have = fake.count("PUBLISH")
    eventually(lambda: fake.count("PUBLISH") >= have + more)


def unharmed(fake):
    """A healthy target's server was asked at every tick, once."""
    served(fake, 2)
    eventually(lambda: fake.count("INFO") >= 4)
    assert slips([row[0] for row in fake.of("INFO")], INTERVAL) == {0}


# Answers.


@pytest.mark.parametrize("addresses, host", [
    (["127.0.0.1"], "127.0.0.1"), (["::1"], "::1"),
    (["127.0.0.1", "::1"], "127.0.0.1"), (["127.0.0.1", "::1"], "::1"),
], ids=["A", "AAAA", "both, IPv4 serves", "both, IPv6 serves"])
def test_right_answer(addresses, host, dns, make_inside, run):
    """Whatever kind of address serves is found."""
    fake = make_inside(host)
    dns.names["db.test"] = addresses
    daemon = run(target("t", "db.test", fake.port))
    served(fake)
    assert daemon.status_target("t")["address"] == f"db.test:{fake.port}"


@pytest.mark.parametrize("count", [2, 4, 8])
def test_all_addresses_are_tried(count, dns, make_inside, run):
    """One of several serves, and the others refuse."""
    fake = make_inside("127.0.0.1")
    dns.names["db.test"] = [f"127.0.1.{n}" for n in range(1, count)] \
        + ["127.0.0.1"]
    run(target("t", "db.test", fake.port))
    served(fake)


def test_no_address_serves(dns, make_inside, run):
    """Down, with the reason of the last one."""
    dns.names["db.test"] = ["127.0.1.1", "127.0.1.2", "::1"]
    daemon = run(target("t", "db.test", 7000))
    assert daemon.wait_status("t", state="down")["reason"] == \
        "Connection refused"


def test_first_address_hangs(dns, make_inside, run):
    """One that does not answer at all costs its deadline, no more."""
    fake = make_inside("127.0.0.1")
    make_inside("::1", port=fake.port, backlog_full=True)
    dns.names["db.test"] = ["127.0.0.1", "::1"]
    run(target("t", "db.test", fake.port))
    eventually(lambda: fake.count("PUBLISH") >= 2, timeout=10)


def test_names_mind_no_case(dns, make_inside, run):
    """DB.Test is db.test."""
    fake = make_inside()
    dns.names["db.test"] = ["127.0.0.1"]
    run(target("t", "DB.Test", fake.port))
    served(fake)


def test_slow_answer(dns, make_inside, run):
    """3 s: in the meantime all else goes on; then it is served."""
    slow, steady = make_inside(), make_inside()
    dns.names["slow.test"], dns.delay["slow.test"] = ["127.0.0.1"], 3
    daemon = run(target("slow", "slow.test", slow.port),
                 target("steady", "127.0.0.1", steady.port))
    eventually(lambda: dns.asked("slow.test"))
    served(steady)
    assert daemon.status_target("slow")["state"] == "starting"
    eventually(lambda: slow.count("PUBLISH") >= 2, timeout=8)
    unharmed(steady)


def test_dead_name_server(dns, run):
    """The look-up is given up in time, with a reason."""
    dns.names["db.test"] = dead
    daemon = run(target("t", "db.test", 7000))
    assert daemon.wait_status("t", state="down", timeout=GIVEN_UP)["reason"]


LIES = {
    "NXDOMAIN": lambda query: query.no_such_name(),
    "SERVFAIL": lambda query: query.failure(),
    "no addresses": lambda query: query.answer([]),
    "truncated": lambda query: query.truncated(),
    "alias of itself": lambda query: query.alias_of_itself(),
    "garbage": lambda query: query.garbage(),
    "wrong id": lambda query: query.wrong_id(),
    "half an answer": lambda query: query.half(),
    "empty": lambda query: b"",
}


@pytest.fixture
def impatient(network):
    """The C library asks once, and waits for a second."""
    resolv = network.dir / "resolv.conf"
    before = resolv.read_text()
    resolv.write_text(before + "options timeout:1 attempts:1\n")
    yield
    resolv.write_text(before)


@pytest.mark.parametrize("lie", LIES)
def test_lie(lie, impatient, dns, make_inside, run):
    """Down with a reason; and up when the truth is told at last."""
    fake = make_inside()
    dns.names["db.test"] = LIES[lie]
    daemon = run(target("t", "db.test", fake.port))
    assert daemon.wait_status("t", state="down", timeout=GIVEN_UP)["reason"]
    assert fake.connections == 0
    dns.names["db.test"] = ["127.0.0.1"]
    daemon.wait_status("t", state="up", reason=None, timeout=20)


def test_reason_names_what_is_wrong(dns, run):
    """An unknown name is told as one."""
    daemon = run(target("t", "nosuch.test", 7000))
    reason = daemon.wait_status("t", state="down")["reason"]
    assert "not known" in reason or "name" in reason.lower()


# Anew.


def test_address_that_moves(dns, make_inside, run):
    """Each connection looks the name up again."""
    old = make_inside("127.0.0.1")
    new = make_inside("127.0.0.2", port=old.port)
    dns.names["db.test"] = ["127.0.0.1"]
    daemon = run(target("t", "db.test", old.port))
    served(old)
    dns.names["db.test"] = ["127.0.0.2"]
    old.stop()
    eventually(lambda: new.count("PUBLISH") >= 3, timeout=10)
    assert daemon.status_target("t")["connects"] == 2


def test_connection_that_holds_is_not_looked_up(dns, make_inside, run):
    """As long as it serves nobody is asked again."""
    fake = make_inside()
    dns.names["db.test"] = ["127.0.0.1"]
    run(target("t", "db.test", fake.port))
    served(fake)
    asked = dns.asked("db.test")
    served(fake, 5)
    assert dns.asked("db.test") == asked


def test_unknown_name_does_not_hammer(dns, run):
    """A name that fails at once is looked up with the back-off."""
    run(target("t", "nosuch.test", 7000))
    eventually(lambda: dns.asked("nosuch.test") >= 4)
    moment, asked = time.monotonic(), dns.asked("nosuch.test")
    nothing_for(1, lambda: dns.asked("nosuch.test") > asked + 8)
    assert time.monotonic() - moment >= 1


# In nobody's way.


def test_twenty_dead_names(dns, make_inside, run):
    """Beside them one target's feed misses no tick."""
    steady = make_inside()
    for number in range(20):
        dns.names[f"dead{number}.test"] = dead
    daemon = run(*[target(f"d{n}", f"dead{n}.test", 7000) for n in range(20)],
                 target("steady", "127.0.0.1", steady.port))
    daemon.wait_status("d19", state="down", timeout=GIVEN_UP)
    unharmed(steady)
    assert daemon.status_target("steady")["missed"] == 0


def test_dead_names_beside_a_good_one(dns, make_inside, run):
    """A good name is not kept waiting by twenty dead ones."""
    good = make_inside()
    for number in range(20):
        dns.names[f"dead{number}.test"] = dead
    dns.names["good.test"] = ["127.0.0.1"]
    run(*[target(f"d{n}", f"dead{n}.test", 7000) for n in range(20)],
        target("good", "good.test", good.port))
    served(good)


def test_more_dead_names_than_threads(dns, make_inside, run):
    """A hundred may keep it waiting, not for ever."""
    good = make_inside()
    for number in range(100):
        dns.names[f"dead{number}.test"] = dead
    dns.names["good.test"] = ["127.0.0.1"]
    run(*[target(f"d{n}", f"dead{n}.test", 7000) for n in range(100)],
        target("good", "good.test", good.port))
    eventually(lambda: good.count("PUBLISH") >= 2, timeout=30)


def test_one_name_for_many(dns, make_inside, run):
    """Targets of one host share a look-up."""
    fakes = [make_inside() for _ in range(5)]
    dns.names["db.test"], dns.delay["db.test"] = ["127.0.0.1"], 0.5
    run(*[target(f"t{n}", "db.test", fake.port)
          for n, fake in enumerate(fakes)])
    for fake in fakes:
        served(fake, 1)
    assert dns.asked("db.test") == 2    # A and AAAA


# While it is looked up.


@pytest.fixture
def looking(dns, make_inside, run):
    """A daemon in the middle of a look-up, beside a healthy target."""
    steady = make_inside()
    dns.names["dead.test"] = dead
    daemon = run(target("t", "dead.test", 7000),
                 target("steady", "127.0.0.1", steady.port))
    daemon.steady = steady
    eventually(lambda: dns.asked("dead.test"))
    served(steady, 1)
    assert daemon.status_target("t")["state"] == "starting"
    return daemon


def test_end(looking):
    """SIGTERM ends the daemon within a second."""
    looking.terminate()
    assert looking.wait_exit(within=1) == 0


def test_stop(looking):
    """STOP is obeyed at once."""
    looking.do("STOP", "t")
    assert looking.status_target("t")["state"] == "stopped"
    unharmed(looking.steady)


def test_stop_and_start(looking, dns):
    """Again and again: the look-up that runs is shared, not repeated."""
    asked = dns.asked("dead.test")
    for _ in range(50):
        looking.do("STOP", "t")
        looking.do("START", "t")
    assert looking.status_target("t")["state"] == "starting"
    assert dns.asked("dead.test") <= asked + 4
    unharmed(looking.steady)


def test_answer_after_stop(dns, make_inside, run):
    """An answer that comes after STOP connects nobody."""
    fake = make_inside()
    dns.names["db.test"], dns.delay["db.test"] = ["127.0.0.1"], 0.5
    daemon = run(target("t", "db.test", fake.port))
    eventually(lambda: dns.asked("db.test") == 2)
    daemon.do("STOP")
    nothing_for(1, lambda: fake.connections)
    assert daemon.status_target("t")["state"] == "stopped"


def test_reload_unchanged(looking):
    """The look-up goes on."""
    assert looking.do("RELOAD") == "OK"
    assert looking.status_target("t")["state"] == "starting"
    unharmed(looking.steady)


def test_reload_with_another_address(looking, make_inside):
    """It is served at once; the look-up is forgotten."""
    new = make_inside()
    looking.conf.targets(
        target("t", "127.0.0.1", new.port),
        target("steady", "127.0.0.1", looking.steady.port))
    looking.do("RELOAD")
    served(new)
    unharmed(looking.steady)


def test_reload_with_another_name(looking, dns, make_inside):
    """The other name is looked up."""
    new = make_inside()
    dns.names["new.test"] = ["127.0.0.1"]
    looking.conf.targets(
        target("t", "new.test", new.port),
        target("steady", "127.0.0.1", looking.steady.port))
    looking.do("RELOAD")
    served(new)
    unharmed(looking.steady)


def test_reload_without_it(looking, dns):
    """It is gone; the late end of the look-up harms nobody."""
    looking.conf.targets(target("steady", "127.0.0.1", looking.steady.port))
    looking.do("RELOAD")
    assert looking.do("TARGETS") == ["steady"]
    unharmed(looking.steady)


def test_reload_often(looking, dns):
    """Fifty reloads with another name each, and then the daemon ends."""
    for number in range(50):
        dns.names[f"dead{number}.test"] = dead
        looking.conf.targets(
            target("t", f"dead{number}.test", 7000),
            target("steady", "127.0.0.1", looking.steady.port))
        assert looking.do("RELOAD") == "OK"
    unharmed(looking.steady)
    looking.terminate()
    assert looking.wait_exit(within=1) == 0
