"""Fixtures: a machine for each test, booted, and thrown away afterwards."""

import sys

sys.dont_write_bytecode = True

import contextlib
import os
import pathlib

import pytest

from machine import REDIS_SOCKET, Machine


def pytest_collection_modifyitems(items):
    """A test that hangs is a failure, not a night without results."""
    for item in items:
        item.add_marker(pytest.mark.timeout(120))


@pytest.fixture
def machine(tmp_path):
    """A machine on which pinfod never was."""
    root = pathlib.Path(os.environ["BOOT_ROOT"])
    debs = pathlib.Path(os.environ["BOOT_DEBS"])
    with contextlib.closing(Machine(root, debs, tmp_path)) as booted:
        yield booted


@pytest.fixture
def installed(machine):
    """The same with the package on it, which starts pinfod."""
    machine.install()
    machine.eventually_active("pinfod")
    return machine


@pytest.fixture
def redis(installed):
    """And a redis-server, as the distribution runs it, with a unix socket as well."""
    installed.run(
        f"echo 'unixsocket {REDIS_SOCKET}\nunixsocketperm 770' >>/etc/redis/redis.conf"
        " && systemctl start redis-server"
    )
    return installed
