"""Fixtures: everything that a test opens is closed in reverse order.

The make_* fixtures build any number of things; the plain ones are the usual
one of each.  See harness for what they are.
"""

import sys

sys.dont_write_bytecode = True

import collections
import contextlib
import os

import pytest

import harness
from harness import stalls


UNFIT = "not for this server"


def pytest_configure(config):
    config.pluginmanager.register(stalls)
    config.addinivalue_line(
        "markers", "since(version, what): the server must be of that version, for it "
        "needs what; on others it is counted as not for this server")


def pytest_collection_modifyitems(items):
    """A test that hangs is a failure, not a night without results."""
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(60 * harness.SLOW))


def pytest_runtest_setup(item):
    for marker in item.iter_markers("since"):
        version, what = marker.args
        if harness.redis_binary()[1] < tuple(map(int, version.split("."))):
            item.unfit = f"{what} ({version})"
            pytest.skip(item.unfit)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """In CI, which is root and has all packages, nothing has a reason to skip.

    But for a server that is too old, which is no skip: it is counted by itself,
    and told with its reason.
    """
    report = (yield).get_result()
    if report.skipped and hasattr(item, "unfit"):
        report.unfit = item.unfit
    elif report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped: {report.longrepr}"


def pytest_report_teststatus(report):
    if hasattr(report, "unfit"):
        return UNFIT, "-", UNFIT.upper()


def pytest_terminal_summary(terminalreporter):
    """One line: which server it was, and what it has not."""
    counts = collections.Counter(
        report.unfit for report in terminalreporter.getreports(UNFIT))
    if counts or "REDIS_SERVER" in os.environ:
        _, version, kind = harness.redis_binary()
        lacks = ", ".join(f"{what} {n}" for what, n in counts.most_common())
        terminalreporter.write_line(
            f"versions: {kind} {'.'.join(map(str, version))}"
            + (f", {UNFIT}: {lacks}" if lacks else ""))


@pytest.fixture
def closing():
    """Give it an object; its close() is called at the end of the test."""
    with contextlib.ExitStack() as stack:

        def keep(thing):
            stack.callback(thing.close)
            return thing

        yield keep


@pytest.fixture
def make_redis(closing):
    """make_redis(*server_args, ipv6=…, unix=…, password=…, start=True)"""

    def make(*args, start=True, **options):
        server = closing(harness.RedisServer(*args, **options))
        return server.start() if start else server

    return make


@pytest.fixture
def make_fake(closing):
    """make_fake(handler=None, on_connect=…, start=True, …)"""

    def make(handler=None, start=True, **options):
        server = closing(harness.FakeServer(handler, **options))
        return server.start() if start else server

    return make


@pytest.fixture
def make_daemon(closing):
    """make_daemon(server, "-i", "0.2", env=…, wait=True), running."""

    def make(*args, env=None, wait=True):
        return closing(harness.Daemon(*args, env=env)).start(wait)

    return make


@pytest.fixture
def make_feed(closing):
    """make_feed(server_or_daemon, *channels, patterns=…), subscribed."""

    def make(source, *channels, **options):
        return closing(harness.Feed(source, *channels, **options))

    return make


@pytest.fixture
def make_watch(closing):
    """make_watch(server, incidents=["ID NAME=VALUE"], …), see harness.Watch"""

    def make(servers, **options):
        return closing(harness.Watch(servers, **options))

    return make


@pytest.fixture
def make_groups(closing):
    """make_groups(conf_group(…), interval="1s", …), see harness.GroupWatch"""

    def make(*groups, **defaults):
        return closing(harness.GroupWatch(*groups, **defaults))

    return make


@pytest.fixture
def shim(closing):
    """For make_redis(env=shim.env): see harness.Shim."""
    return closing(harness.Shim())


@pytest.fixture
def make_notices(closing):
    """make_notices(server_or_daemon, channel), subscribed."""

    def make(source, *channel):
        return closing(harness.Notices(source, *channel))

    return make


@pytest.fixture
def server(make_redis):
    """A real server on 127.0.0.1 without a password."""
    return make_redis()


@pytest.fixture
def fake(make_fake):
    """A fake server that behaves."""
    return make_fake()
