"""Who may say what on the control socket, with real users; and the passwords."""

import pytest

from machine import REDIS
from waiting import eventually

# The exit codes of pinfoctl: 0 done, 77 no permission.
ALL, OPERATE, READ, NONE = (0, 0, 0), (0, 0, 77), (0, 77, 77), (77, 77, 77)


def codes(machine, user):
    """How status, poll and reload go, which want to read, operate and administer."""
    return tuple(
        machine.run(f"pinfoctl {command}", user=user, check=False).returncode
        for command in ("status", "poll", "reload")
    )


@pytest.fixture
def users(redis):
    redis.run("useradd -G pinfod member && useradd stranger")
    state(redis)
    return redis


def test_the_control_socket_knows_its_users(users):
    for user, may in {
        "root": ALL,
        "pinfod": ALL,
        "member": OPERATE,
        "stranger": NONE,
    }.items():
        assert (user, codes(users, user)) == (user, may)


@pytest.mark.parametrize("drop_in", ["SocketMode=0666", "SocketGroup=stranger"])
def test_a_stranger_may_be_let_in_to_read(users, drop_in):
    users.drop_in(f"[Socket]\n{drop_in}\n", "pinfod.socket")
    # As after a boot: nothing of pinfod's is there yet.
    users.run("systemctl stop pinfod && rm -r /run/pinfod")
    users.run("systemctl start pinfod.socket")
    state(users)
    assert codes(users, "stranger") == READ
    assert codes(users, "root") == ALL


def state(machine, reason=""):
    """Wait until the one target is up, or down for a reason."""

    def reached():
        target = machine.status()["targets"][0]
        assert reason in str(target["reason"])
        return target["state"] == "up" or reason

    eventually(reached, 10)


def test_a_new_credential_needs_a_restart(redis):
    redis.run("mkdir -m 700 /etc/credstore; echo one >/etc/credstore/pinfod.password")
    redis.run("redis-cli CONFIG SET requirepass one")
    redis.configure([("local", REDIS, 'credential = "pinfod.password";')])
    redis.run("systemctl restart pinfod")
    state(redis)
    redis.run("redis-cli -a one CONFIG SET requirepass two")
    redis.run("echo two >/etc/credstore/pinfod.password")
    redis.run("redis-cli -a two CLIENT KILL TYPE normal")
    redis.run("systemctl reload pinfod")
    state(redis, "WRONGPASS")
    redis.run("systemctl restart pinfod")
    state(redis)


def test_a_new_password_file_needs_none(redis):
    secret = "/etc/pinfod/local.secret"
    redis.run(f"(umask 027; echo one >{secret}); chgrp pinfod {secret}")
    redis.run("redis-cli CONFIG SET requirepass one")
    redis.configure([("local", REDIS, f'password_file = "{secret}";')])
    redis.run("systemctl reload pinfod")
    state(redis)
    pid = redis.main_pid()
    redis.run(f"redis-cli -a one CONFIG SET requirepass two; echo two >{secret}")
    redis.run("redis-cli -a two CLIENT KILL TYPE normal")
    state(redis)
    assert redis.main_pid() == pid


def test_without_its_credential_it_runs_and_says_so(redis):
    redis.configure([("local", REDIS, 'credential = "pinfod.password";')])
    redis.run("systemctl restart pinfod")
    state(redis, "pinfod.password")


def test_an_instance_has_a_credential_of_its_own(redis):
    redis.run("mkdir /etc/credstore; echo one >/etc/credstore/pinfod-orders.password")
    redis.run("redis-cli CONFIG SET requirepass one")
    redis.configure(
        [("orders", REDIS, 'credential = "pinfod.password";')],
        "/etc/pinfod/orders.conf",
    )
    redis.run("systemctl start pinfod@orders")
    redis.feed("-a one")
