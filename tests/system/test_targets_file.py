"""Targets of a file that changes while pinfod runs: who comes, goes and stays."""

import contextlib
import json
import os
import random
import subprocess
import time

import pytest

from harness import (
    SLOW, ConfFile, Notices, ReplyError, conf_group, conf_target, conf_text, eventually,
    let_pass, nothing_for, pinfod_binary, sanitized,
)

MANY = 500 if sanitized() else 2000
# As many addresses as a server listens on at once.
HOSTS = [f"127.0.0.{n}" for n in range(1, 17)]
CHANNEL = "pinfo:{name}"


class TargetsFile:
    """A file of targets beside a configuration that names it."""

    def __init__(self, directory, *targets, **options):
        self.path = directory / "targets"
        options.setdefault("channel", CHANNEL)
        self.options = {"interval": "1s", **options}
        self.targets = targets
        self.conf = ConfFile(directory)
        self.flags = self.conf.flags
        self.configure()

    def configure(self, **options):
        self.options.update(options)
        self.conf.write(conf_text(
            *self.targets, conf_group(targets_file=self.path, **self.options)))

    def replace(self, text):
        """Whole, as one does who thinks of readers."""
        fresh = self.path.with_name("fresh")
        fresh.write_text(text)
        os.replace(fresh, self.path)


@pytest.fixture
def make_file(tmp_path):
    """make_file(listed_target, …, option=…)"""
    def make(*targets, **options):
        return TargetsFile(tmp_path, *targets, **options)

    return make


@pytest.fixture
def file(make_file):
    return make_file()


def line(server, name):
    return f"{server.uri} {name}\n"


def names(daemon):
    return daemon.do("TARGETS")


def wait_names(daemon, expected, timeout=10):
    eventually(lambda: names(daemon) == list(expected), timeout,
               what=f"targets {list(expected)[:20]}")


def group_of(daemon):
    (group,) = daemon.status()["groups"]
    return group


def wait_group(daemon, **members):
    """Wait until the group says so; return what it says."""
    def found():
        group = group_of(daemon)
        return all(group[key] == value for key, value in members.items()) and group

    return eventually(found, 10, what=f"group {members}")


def wait_trouble(daemon, part):
    return eventually(lambda: part in (group_of(daemon)["trouble"] or ""), 10,
                      what=f"trouble with '{part}'")


def clients(*servers):
    """The connections to these servers, by the address that was connected to."""
    found = {}
    for server in servers:
        for row in server.call("CLIENT", "LIST").decode().splitlines():
            fields = dict(word.split("=", 1) for word in row.split(" "))
            if fields["name"] == "pinfod":
                found.setdefault(fields["laddr"], []).append(fields["id"])
    return found


# Thousands.


class Many:
    """Targets at real servers and at ports where nobody listens."""

    def __init__(self, servers, seed):
        self.random = random.Random(seed)
        self.real = [f"{host}:{server.port}" for server in servers
                     for host in HOSTS]
        self.closed = [f"{host}:{port}" for port in range(1, 400)
                       for host in HOSTS]
        self.random.shuffle(self.real)
        self.random.shuffle(self.closed)
        self.here = self.closed[:MANY - len(self.real) // 2]
        self.here += self.real[:len(self.real) // 2]
        self.closed = self.closed[len(self.here):]
        self.random.shuffle(self.here)

    def change(self):
        """Every tenth goes, as many come, and all change places."""
        gone = self.random.sample(self.here, MANY // 10)
        for address in gone:
            self.here.remove(address)
        for _ in gone:
            more = [a for a in self.real if a not in self.here and a not in gone]
            self.here.append(self.random.choice(more) if more
                             else self.closed.pop())
        self.random.shuffle(self.here)

    def up(self):
        real = set(self.real)
        return [address for address in self.here if address in real]

    def text(self):
        return "".join(f"redis://{address}\n" for address in self.here)


@pytest.fixture
def many(make_redis):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    servers = [make_redis("--bind", *HOSTS) for _ in range(2)]
    return servers, Many(servers, seed)


def wait_up(daemon, addresses, timeout=30):
    def others():
        state = {t["name"]: t["state"] for t in daemon.status()["targets"]}
        return [address for address in addresses if state.get(address) != "up"]

    eventually(lambda: not others(), timeout, what=f"{len(addresses)} are up")


def in_pieces(path, text, pieces=20):
    """Write a file in place; return the longest pause between two pieces."""
    size, pauses, last = len(text) // pieces + 1, [], time.monotonic()
    with open(path, "w", encoding="ascii") as out:
        for at in range(0, len(text), size):
            out.write(text[at:at + size])
            out.flush()
            now = time.monotonic()
            pauses.append(now - last)
            last = now
            let_pass(0.1)
    return max(pauses)


@pytest.mark.timeout(180 * SLOW)
def test_thousands(many, file, make_daemon):
    """Of 2,000 each tenth changes, by rename: the others' connections stay."""
    servers, list_of = many
    file.replace(list_of.text())
    daemon = make_daemon(*file.flags, "--log-level", "error")
    wait_up(daemon, list_of.up())
    assert names(daemon) == sorted(list_of.here)
    for _ in range(3):
        before = clients(*servers)
        assert sorted(before) == sorted(list_of.up())
        was = set(list_of.here)
        list_of.change()
        file.replace(list_of.text())
        wait_names(daemon, sorted(list_of.here), 30)
        wait_up(daemon, list_of.up())
        eventually(lambda: sorted(clients(*servers)) == sorted(list_of.up()))
        after = clients(*servers)
        stayed = [address for address in list_of.up() if address in was]
        assert stayed and [after[a] for a in stayed] == [before[a] for a in stayed]
    connects = {t["name"]: t["connects"] for t in daemon.status()["targets"]}
    assert {connects[address] for address in list_of.up()} == {1}
    assert group_of(daemon) == {
        "name": str(file.path), "kind": "file", "settled": True,
        "targets": MANY, "sources": 1, "heard": 1, "agree": 1, "trouble": None}


@pytest.mark.timeout(180 * SLOW)
def test_thousands_in_pieces(many, file, make_daemon):
    """Written in place and slowly it is taken once, whole."""
    servers, list_of = many
    file.replace(list_of.text())
    daemon = make_daemon(*file.flags)
    wait_up(daemon, list_of.up())
    before, was = clients(*servers), set(list_of.here)
    list_of.change()
    mark = daemon.log_mark()
    # Where this process is held up for so long the file looks complete.
    while in_pieces(file.path, list_of.text()) > 0.7:
        wait_names(daemon, sorted(list_of.here), 30)
        mark = daemon.log_mark()
    wait_names(daemon, sorted(list_of.here), 30)
    assert len(daemon.log_lines(r"more have gone", since=mark)) <= 1
    wait_up(daemon, list_of.up())
    after = clients(*servers)
    stayed = [address for address in list_of.up() if address in was]
    assert [after[a] for a in stayed] == [before[a] for a in stayed]


# What a file may say.


def test_lines(make_redis, file, make_daemon):
    """Comments, blank lines, names; an address is a name, too."""
    one, two, three = (make_redis() for _ in range(3))
    file.path.write_text(
        f"# ours\n\nredis://{one.name}\n  {two.uri}\tcarts  # the old one\r\n"
        f"{three.name} orders")
    daemon = make_daemon(*file.flags)
    wait_names(daemon, sorted([one.name, "carts", "orders"]))
    for name, server in [(one.name, one), ("carts", two), ("orders", three)]:
        status = daemon.wait_status(name, state="up", address=server.name)
        assert status["channel"] == f"pinfo:{name}"
    assert daemon.do("STATUS")[1] == f"group {file.path}: file, 3 targets"


def test_json(make_redis, file, make_daemon):
    """As Prometheus' file_sd has it; from lines to JSON nobody is disturbed."""
    one, two = make_redis(), make_redis()
    file.replace(line(one, "carts"))
    daemon = make_daemon(*file.flags)
    daemon.wait_status("carts", state="up")
    before = clients(one)
    file.replace(json.dumps([
        {"targets": [one.name], "labels": {"name": "carts", "team": "shop"}},
        {"targets": [f"redis://{two.name}"]},
    ]))
    wait_names(daemon, sorted(["carts", two.name]))
    daemon.wait_status(two.name, state="up")
    assert clients(one) == before


def test_at_the_top_level(server, tmp_path, make_daemon):
    """targets_file needs no list of targets."""
    (tmp_path / "targets").write_text(line(server, "carts"))
    conf = ConfFile(tmp_path, f'targets_file = "{tmp_path / "targets"}";\n')
    daemon = make_daemon(*conf.flags)
    daemon.wait_status("carts", state="up")


def test_moved(make_redis, file, make_daemon):
    """The same name at another address: connected to anew, and told."""
    one, two = make_redis(), make_redis()
    file.replace(line(one, "carts"))
    daemon = make_daemon(*file.flags)
    daemon.wait_status("carts", state="up")
    file.replace(line(two, "carts"))
    daemon.wait_status("carts", timeout=10, state="up", address=two.name)
    eventually(lambda: not clients(one))
    daemon.wait_log(f"{file.path}: carts is {two.name} now, no longer {one.name}")
    assert not daemon.log_lines("has gone")


def test_bad_lines(make_redis, file, make_daemon):
    """They are told, in one line a change, and skipped; nobody else notices."""
    one, two = make_redis(), make_redis()
    file.replace(line(one, "carts"))
    daemon = make_daemon(*file.flags)
    daemon.wait_status("carts", state="up")
    before = clients(one)
    file.replace(line(one, "carts") + "redis://127.0.0.1:99999\n"
                 + line(two, "orders") + f"redis://u:secret@{two.name} x\n"
                 + line(two, "more words"))
    wait_names(daemon, ["carts", "orders"])
    trouble = group_of(daemon)["trouble"]
    for part in ("line 2: ", "; line 4: ", "; line 5: "):
        assert part in trouble
    assert "secret" not in trouble + daemon.log
    assert daemon.do("STATUS")[1] == (
        f"group {file.path}: file, 2 targets; {trouble}")
    (told,) = daemon.log_lines("line 4: ")
    assert trouble in told
    file.replace(line(one, "carts") + line(two, "orders"))
    wait_group(daemon, trouble=None)
    daemon.wait_log(f"{file.path}: all is well again")
    assert clients(one) == before


@pytest.mark.parametrize("text, part", [
    ("", "is empty"),
    ("[ { \"targets\": [", "the 1 target it had stays"),
    ("<!DOCTYPE html>\n<html>\n", "the 1 target it had stays"),
    (None, "cannot be opened: No such file or directory"),
    (os.mkfifo, "is no regular file"),
    (os.mkdir, "is no regular file"),
], ids=["empty", "half JSON", "HTML", "missing", "FIFO", "directory"])
def test_kept(text, part, server, file, make_daemon):
    """What is no file of targets leaves those that there were; and back."""
    file.replace(line(server, "carts"))
    daemon = make_daemon(*file.flags)
    daemon.wait_status("carts", state="up")
    before = clients(server)
    if isinstance(text, str):
        file.replace(text)
    else:
        file.path.unlink()
        if text is not None:
            text(file.path)
    wait_trouble(daemon, part)
    assert names(daemon) == ["carts"]
    if file.path.is_dir():
        file.path.rmdir()
    file.replace(line(server, "carts"))
    wait_group(daemon, trouble=None)
    assert clients(server) == before
    assert daemon.status_target("carts")["connects"] == 1


def test_missing_at_the_start(server, file, make_daemon):
    """pinfod starts all the same, says so, and takes it when it is there."""
    daemon = make_daemon(*file.flags)
    group = group_of(daemon)
    assert (group["settled"], group["targets"], group["heard"]) == (True, 0, 0)
    assert "No such file" in group["trouble"]
    file.replace(line(server, "carts"))
    daemon.wait_log("carts: up")
    wait_group(daemon, targets=1, heard=1, trouble=None)


COMMANDS = [
    "START", "STOP", "STATUS", "STATUS JSON", "TARGETS", "POLL", "INTERVAL", "METRICS",
    "INFO", "INCIDENTS", "INCIDENTS JSON", "SILENCES", "SILENCE * * 1m", "UNSILENCE * *",
    "RELOAD", "CONFIG", "HELP", *(f"{verb} nobody" for verb in (
        "START", "STOP", "STATUS", "POLL", "INCIDENTS", "ACK", "ACL")),
]


def test_commands_without_targets(file, make_daemon):
    """There may be none, and nobody is harmed by asking."""
    daemon = make_daemon(*file.flags)
    for words in COMMANDS:
        with contextlib.suppress(ReplyError):
            daemon.do(*words.split())
    with pytest.raises(ReplyError, match="there are no targets"):
        daemon.do("INTERVAL")
    with pytest.raises(ReplyError, match="there are none"):
        daemon.do("POLL", "nobody")


def test_emptied_on_purpose(server, file, make_daemon):
    """A comment, or an empty list, says that nobody is watched."""
    file.replace(line(server, "carts"))
    daemon = make_daemon(*file.flags)
    daemon.wait_status("carts", state="up")
    file.replace("# nobody\n")
    wait_names(daemon, [])
    eventually(lambda: not clients(server))
    assert daemon.log_lines(f"{file.path}: carts at {server.name} has gone")


def test_gone_while_it_is_down(make_redis, file, make_daemon):
    """What was open is closed: nobody waits for its end for ever."""
    server = make_redis()
    file.replace(line(server, "carts"))
    daemon = make_daemon(*file.flags)
    daemon.wait_status("carts", state="up")
    with contextlib.closing(Notices(daemon)) as notices:
        server.kill()
        notices.wait("link.down", kind="raised", target="carts", timeout=8)
        file.replace("# nobody\n")
        notices.wait("link.down", kind="cleared", target="carts", timeout=8)
        notices.wait("target.stopped", target="carts", timeout=4)


# Beside others.


def test_name_of_another_one(make_redis, make_file, make_daemon):
    """One that is listed keeps its name; whose line it is, is told."""
    one, two = make_redis(), make_redis()
    file = make_file(conf_target(one, name="carts"))
    file.replace(line(two, "carts"))
    daemon = make_daemon(*file.flags)
    daemon.wait_status("carts", state="up", address=one.name)
    assert group_of(daemon)["trouble"] == (
        "1 left out, as another target has the name: carts")
    assert len(daemon.log_lines("left out")) == 1
    file.replace(line(two, "orders"))
    daemon.wait_log("orders: up")
    assert names(daemon) == ["carts", "orders"]
    assert group_of(daemon)["trouble"] is None


def test_reload(make_redis, file, make_daemon):
    """Another option holds for all of them; their connections stay."""
    one, two = make_redis(), make_redis()
    file.replace(line(one, "carts") + line(two, "orders"))
    daemon = make_daemon(*file.flags)
    for name in ("carts", "orders"):
        daemon.wait_status(name, state="up")
    before = clients(one, two)
    file.configure(interval="0.2s", channel="other:{name}")
    daemon.do("RELOAD")
    for name in ("carts", "orders"):
        status = daemon.status_target(name)
        assert (status["interval_s"], status["channel"]) == (0.2, f"other:{name}")
    assert clients(one, two) == before
    assert daemon.log_lines("reload: 2 targets")


def test_reload_with_another_file(make_redis, file, make_daemon):
    """Those of the other file, at once; who is in both stays."""
    one, two = make_redis(), make_redis()
    file.replace(line(one, "carts") + line(two, "orders"))
    daemon = make_daemon(*file.flags)
    daemon.wait_status("carts", state="up")
    before = clients(one)
    file.path = file.path.with_name("others")
    file.replace(line(one, "carts"))
    file.configure()
    daemon.do("RELOAD")
    assert names(daemon) == ["carts"]
    assert daemon.log_lines("orders: no longer configured")
    assert clients(one) == before


def test_reload_without_it(make_redis, make_file, make_daemon):
    """They end with the file that named them."""
    one, two = make_redis(), make_redis()
    file = make_file(conf_target(one, name="listed"))
    file.replace(line(two, "carts"))
    daemon = make_daemon(*file.flags)
    daemon.wait_status("carts", state="up")
    file.conf.write(conf_text(conf_target(one, name="listed")))
    daemon.do("RELOAD")
    assert (names(daemon), daemon.status()["groups"]) == (["listed"], [])
    eventually(lambda: not clients(two))
    with pytest.raises(ReplyError, match="^NOTARGET "):
        daemon.do("STOP", "carts")


def test_stop_and_start_of_all(make_redis, file, make_daemon):
    """They hold for those who are found later."""
    one, two, three = (make_redis() for _ in range(3))
    file.replace(line(one, "a"))
    daemon = make_daemon(*file.flags)
    daemon.wait_status("a", state="up")
    daemon.do("STOP")
    file.replace(line(one, "a") + line(two, "b"))
    wait_names(daemon, ["a", "b"])
    nothing_for(0.3, lambda: clients(one, two))
    assert daemon.status_target("b")["state"] == "stopped"
    daemon.do("START")
    file.replace(line(one, "a") + line(two, "b") + line(three, "c"))
    wait_names(daemon, ["a", "b", "c"])
    for name in "abc":
        daemon.wait_status(name, state="up")


def test_interval_of_all(make_redis, file, make_daemon):
    """Of those who are found later, too, also when nobody was there."""
    one, two = make_redis(), make_redis()
    file.replace("# nobody\n")
    daemon = make_daemon(*file.flags)
    daemon.do("INTERVAL", "2")
    file.replace(line(one, "a"))
    daemon.wait_status("a", interval_s=2)
    daemon.do("INTERVAL", "3")
    file.replace(line(one, "a") + line(two, "b"))
    daemon.wait_status("b", interval_s=3)
    assert daemon.do("INTERVAL") == "3"


def test_not_started(make_redis, file, make_daemon):
    """--stopped: they wait for START, and those found after it do not."""
    one, two = make_redis(), make_redis()
    file.replace(line(one, "a"))
    daemon = make_daemon(*file.flags, "--stopped")
    assert daemon.status_target("a")["state"] == "stopped"
    daemon.do("START")
    file.replace(line(one, "a") + line(two, "b"))
    wait_names(daemon, ["a", "b"])
    daemon.wait_status("b", state="up")


# What is told.


def test_figures(server, file, make_daemon):
    """METRICS and INFO."""
    file.replace(line(server, "carts"))
    daemon = make_daemon(*file.flags)
    label = f'{{group="{file.path}"}}'
    metrics = daemon.do("METRICS").splitlines()
    for name in ("targets", "sources", "sources_heard"):
        assert f"pinfod_group_{name}{label} 1" in metrics
    assert (f"group0:name={file.path},kind=file,targets=1,sources=1,heard=1,"
            "agree=1") in daemon.do("INFO").split("\r\n")


def probe(file):
    return subprocess.run(
        [pinfod_binary(), *file.flags, "--probe"], text=True, timeout=20 * SLOW,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_probe(server, file):
    """What the file names is tried."""
    file.replace(line(server, "carts"))
    done = probe(file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        f"group {file.path}: file, 1 target\n\ncarts: ready\n")


def test_probe_of_nobody(file):
    """Why it is nobody is said."""
    done = probe(file)
    assert (done.returncode, done.stderr) == (69, "")
    assert done.stdout == (f"group {file.path}: file, 0 targets; cannot be opened: "
                           "No such file or directory\n\n")
