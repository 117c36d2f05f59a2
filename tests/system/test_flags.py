"""The command line: what is refused, and what is told."""

import re

import pytest

from harness import run_pinfod

BAD = [
    # flags, what the message must hold beside the flag: value, what is allowed
    (["-i", "0"], ["0", r"0\.1|100ms"]),
    (["-i", "0.05"], ["0.05", r"0\.1|100ms"]),
    (["-i", "-1"], ["-1", r"0\.1|100ms"]),
    (["-i", "86401"], ["86401", "86400|1d"]),
    (["-i", "2d"], ["2d", "86400|1d"]),
    (["-i", "often"], ["often", r"0\.1|100ms"]),
    (["-i", "5x"], ["5x", r"0\.1|100ms"]),
    (["-i", ""], [r"0\.1|100ms"]),
    (["-i", "nan"], ["nan", r"0\.1|100ms"]),
    (["-i", "inf"], ["inf", r"0\.1|100ms"]),
    (["-p", "0"], ["0", "65535"]),
    (["-p", "65536"], ["65536", "65535"]),
    (["-p", "-1"], ["-1", "65535"]),
    (["-p", "redis"], ["redis", "65535"]),
    (["-p", "6379x"], ["6379x", "65535"]),
    (["-p", "4294973675"], ["4294973675", "65535"]),
    (["-p", ""], ["65535"]),
    # A URI may hold a password: the message need not show all of it.
    (["-u", "http://localhost"], ["redis://.*unix://"]),
    (["-u", "localhost"], ["localhost", "redis://"]),
    (["-u", "redis://"], ["redis://", "redis://"]),
    (["-u", "redis://localhost:99999"], ["99999", "65535"]),
    (["-u", "redis://localhost:x"], ["'x'|localhost:x", "65535"]),
    (["-u", "redis://[::1"], [r"\["]),
    (["-u", "unix://"], ["path.*/"]),
    (["-u", ""], ["redis://"]),
    (["--log-level", "loud"], ["loud", "error.*warning.*notice.*info.*debug"]),
    (["--log-level", ""], ["error.*warning.*notice.*info.*debug"]),
    (["-s", "/tmp/" + "x" * 110], ["x{20}", "10[0-9]"]),
    (["-s", ""], [""]),
    (["-h", ""], [""]),
    (["--channel", ""], [""]),
    (["--control", "/tmp/" + "x" * 110], ["x{20}", "10[0-9]"]),
]


@pytest.mark.parametrize("flags, parts", BAD,
                         ids=[" ".join(row[0])[:30] for row in BAD])
def test_bad_value(flags, parts):
    """Exit 64, and a message with flag, value and what is allowed."""
    done = run_pinfod(*flags)
    assert done.returncode == 64, done
    assert done.stdout == ""
    assert re.search(rf"{re.escape(flags[0])}\b", done.stderr), done.stderr
    for part in parts:
        assert re.search(part, done.stderr), (part, done.stderr)


@pytest.mark.parametrize("flags", [
    ["--frobnicate"], ["-Z"], ["stray"], ["-i"], ["--channel"], ["-u"],
    ["-i", "5", "stray"], ["--", "stray"],
], ids=" ".join)
def test_wrong_use(flags):
    """Unknown flags, missing values and stray words are usage errors."""
    done = run_pinfod(*flags)
    assert done.returncode == 64, done
    assert flags[-1] in done.stderr
    assert len(done.stderr.splitlines()) <= 3


@pytest.mark.parametrize("uri", [
    "http://me:hunter2@localhost", "redis://me:hunter2@localhost:99999",
    "redis://me:hunter2@[::1", "redis://me:hunter2@h/x", "unix://me:hunter2@x",
    "redis://me:hunter2%zz@h", "redis://me:hunter2@h:", "redis://hunter2@:x",
    "redis://me:hunter2@" + "h" * 400,
])
def test_bad_uri_shows_no_password(uri):
    """A message about a URI does not print the password in it."""
    done = run_pinfod("-u", uri, "-i", "0")
    assert done.returncode == 64, done
    assert "hunter2" not in done.stderr


def test_unknown_group(tmp_path):
    """A control group that does not exist is refused by name."""
    done = run_pinfod("--control", tmp_path / "c",
                      "--control-group", "no-such-group")
    assert done.returncode in (64, 78), done
    assert "no-such-group" in done.stderr


def test_same_target_twice():
    """Two targets of one name could not be told apart."""
    uri = "redis://127.0.0.1:6399"
    done = run_pinfod("-u", uri, "-u", uri, "--stopped")
    assert done.returncode in (64, 78), done
    assert "127.0.0.1:6399" in done.stderr


def test_help():
    """--help: exit 0, on stdout, at most 36 lines of 80 columns."""
    done = run_pinfod("--help")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert 5 <= len(lines) <= 36
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("flag", [
    "--tls", "--cacert", "--cacertdir", "--cert", "--key", "--sni", "--insecure",
    "-h", "-p", "-s", "-u", "-a", "--user", "--pass", "-i", "--sample", "--channel", "--notices",
    "--control", "--control-group", "--stopped", "--log-level", "--version",
    "--help",
])
def test_help_names(flag):
    """--help names every flag."""
    pattern = rf"(^|[\s,|\[]){re.escape(flag)}($|[\s,=|\]])"
    assert re.search(pattern, run_pinfod("--help").stdout, re.M)


def test_version(server, make_daemon):
    """--version: one line, the version that STATUS tells too."""
    done = run_pinfod("--version")
    assert (done.returncode, done.stderr) == (0, "")
    version = make_daemon(server).status()["version"]
    assert re.fullmatch(rf"pinfod {re.escape(version)}\b.*\n", done.stdout)


@pytest.mark.parametrize("text, seconds", [
    ("0.1", 0.1), ("86400", 86400), ("500ms", 0.5), ("2m", 120), ("1d", 86400),
])
def test_interval_flag(text, seconds, server, make_daemon):
    """-i takes what INTERVAL takes."""
    daemon = make_daemon(server, "-i", text, "--stopped")
    assert daemon.status_target()["interval_s"] == seconds


def test_nothing_but_flags_is_needed(make_daemon):
    """Without a server named it is 127.0.0.1:6379."""
    daemon = make_daemon("--stopped")
    assert daemon.status_target()["address"] == "127.0.0.1:6379"


def test_uri_without_port(make_daemon):
    """A URI without a port means 6379."""
    daemon = make_daemon("-u", "redis://127.0.0.9", "--stopped")
    assert daemon.status_target()["address"] == "127.0.0.9:6379"
