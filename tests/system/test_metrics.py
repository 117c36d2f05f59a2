"""METRICS, LOGLEVEL and TARGETS."""

import os
import re
import subprocess

import pytest

from harness import (
    SLOW, ConfFile, ReplyError, conf_target, encode, eventually, parse_conf,
    quoted,
)

STRANGER = 12345
LEVELS = ["error", "warning", "notice", "info", "debug"]
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)')
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|NaN|[+-]Inf")
UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def parse(data):
    """Prometheus' text format, version 0.0.4, and nothing beside it.

    {(name, ((label, value), …)): number}, and {name: type}.
    """
    text = data.decode("utf-8")
    assert text.endswith("\n")
    helped, types, samples, done = set(), {}, {}, set()
    current = None
    for line in text[:-1].split("\n"):
        if line.startswith("#"):
            _, word, name, rest = line.split(" ", 3)
            assert name not in done and name != current, f"{name} twice"
            if word == "HELP":
                assert name not in helped and rest
                helped.add(name)
            else:
                assert word == "TYPE" and name in helped
                assert rest in ("gauge", "counter")
                types[name] = rest
            continue
        found = SAMPLE.fullmatch(line)
        assert found, f"no sample: {line!r}"
        name, labels, number = found.groups()
        assert name in helped and name in types, f"{name} comes unannounced"
        if name != current:
            assert name not in done, f"{name} is scattered"
            done.add(name)
            current = name
        assert NUMBER.fullmatch(number), line
        key = (name, parse_labels(labels))
        assert key not in samples, f"{key} twice"
        samples[key] = float(number)
    return samples, types


def parse_labels(text):
    out, at = [], 0
    while text and at < len(text):
        found = LABEL.match(text, at)
        assert found, f"no label: {text[at:]!r}"
        out.append((found[1], re.sub(r"\\.", lambda m: UNESCAPED[m.group()],
                                     found[2])))
        at = found.end()
    assert len({name for name, _ in out}) == len(out)
    return tuple(sorted(out))


def metrics(daemon):
    """What METRICS says, parsed."""
    with daemon.resp() as resp:
        return parse(resp.call("METRICS"))


def of_target(samples, name):
    """{metric: number} of one target, states as {state: number}."""
    out = {}
    for (metric, labels), number in samples.items():
        labels = dict(labels)
        if labels.get("target") == name:
            out[labels.get("state") or metric] = number
    return out


@pytest.fixture
def conf(tmp_path):
    return ConfFile(tmp_path)


# METRICS.


def test_form(make_fake, make_redis, conf, make_daemon):
    """Prometheus' text format, to the letter, with targets in many states."""
    conf.targets(conf_target(make_fake(), name="up"),
                 conf_target(make_redis(start=False), name="down"),
                 conf_target(make_fake(accept=False), name="starting"),
                 conf_target("redis://h", name="stopped", stopped=True))
    daemon = make_daemon(conf)
    daemon.wait_status("up", published=1)
    daemon.wait_status("down", state="down")
    samples, _ = metrics(daemon)
    for name in ("up", "down", "starting", "stopped"):
        assert of_target(samples, name)[name] == 1


def test_counters_are_called_so(fake, make_daemon):
    """Counters end in _total, nothing else does."""
    _, types = metrics(make_daemon(fake))
    assert len(types) > 8
    for name, kind in types.items():
        assert name.startswith("pinfod_")
        assert (kind == "counter") == name.endswith("_total"), name


FIGURES = {
    "pinfod_target_samples_total": "samples",
    "pinfod_target_published_total": "published",
    "pinfod_target_missed_total": "missed",
    "pinfod_target_dropped_total": "dropped",
    "pinfod_target_receivers": "receivers",
    "pinfod_target_connects_total": "connects",
}


def test_figures_are_those_of_status(make_fake, make_daemon):
    """All counters, of a target that has had trouble."""
    def handle(connection, words):
        if words[0] == b"PUBLISH" and connection.id == 1:
            return b"-ERR no\r\n"
        return connection.server.default(connection, words)

    fake = make_fake(handle)
    fake.receivers = 42
    daemon = make_daemon(fake, "-i", "0.1")
    eventually(lambda: fake.count("PUBLISH") >= 3)
    fake.stop()
    eventually(lambda: daemon.status_target()["missed"] >= 2)
    fake.start()
    eventually(lambda: daemon.status_target()["published"] >= 2)
    daemon.do("STOP")
    status = daemon.status_target()
    assert min(status[member] for member in FIGURES.values()) >= 2
    given = of_target(metrics(daemon)[0], "default")
    assert {name: given[name] for name in FIGURES} == \
        {name: status[member] for name, member in FIGURES.items()}


def test_times_are_those_of_status(fake, make_daemon):
    """Seconds, as Prometheus wants them."""
    daemon = make_daemon(fake, "-i", "3600")
    daemon.wait_status(published=1)
    before = daemon.status()
    given = metrics(daemon)[0]
    after = daemon.status()
    target = of_target(given, "default")
    assert before["uptime_s"] - 0.001 <= given["pinfod_uptime_seconds", ()] \
        <= after["uptime_s"] + 0.001
    age = "last_sample_age_s"
    assert before["targets"][0][age] - 0.001 \
        <= target["pinfod_target_sample_age_seconds"] \
        <= after["targets"][0][age] + 0.001
    assert target["pinfod_target_info_seconds"] == pytest.approx(
        after["targets"][0]["last_info_ms"] / 1000)


def test_daemon_itself(fake, make_daemon):
    """Version, clients and the state of the configuration."""
    daemon = make_daemon(fake)
    version = (("version", daemon.status()["version"]),)
    # Over the connection that asks for STATUS: one client, and the same.
    given, _ = parse(daemon.do("METRICS").encode())
    assert given["pinfod_info", version] == 1
    assert given["pinfod_clients", ()] == daemon.status()["clients"] == 1
    assert given["pinfod_config_ok", ()] == 1


def test_target_never_heard(make_redis, make_daemon):
    """What is not known is absent and not a made up number."""
    daemon = make_daemon(make_redis(start=False))
    daemon.wait_status(state="down")
    given = of_target(metrics(daemon)[0], "default")
    assert given["pinfod_target_up"] == 0
    assert given["pinfod_target_samples_total"] == 0
    assert "pinfod_target_sample_age_seconds" not in given
    assert "pinfod_target_info_seconds" not in given


def test_up(server, make_daemon):
    """pinfod_target_up follows the server."""
    daemon = make_daemon(server, "-i", "0.2")
    daemon.wait_status(state="up")
    assert of_target(metrics(daemon)[0], "default")["pinfod_target_up"] == 1
    server.kill()
    daemon.wait_status(state="down")
    assert of_target(metrics(daemon)[0], "default")["pinfod_target_up"] == 0


def test_one_state(make_fake, make_daemon):
    """Of a target's states one is 1."""
    daemon = make_daemon(make_fake(), "--stopped")
    states = {dict(labels)["state"]: number
              for (name, labels), number in metrics(daemon)[0].items()
              if name == "pinfod_target_state"}
    assert [state for state, number in states.items() if number] == ["stopped"]


@pytest.mark.parametrize("name", [
    r"back\slash", "\\", r"\n", r"\\n", "a=b,c", "#", "#HELP", "x" * 255,
    "%s%n", "]1", "a,b=c", "NaN",
])
def test_hostile_name(name, conf, make_daemon):
    """A name that is allowed comes out as it is."""
    conf.targets(conf_target("redis://h:1", name=name, stopped=True))
    samples, _ = metrics(make_daemon(conf))
    assert of_target(samples, name)["stopped"] == 1


@pytest.mark.parametrize("path", [
    '/a"b', "/a\nb 1\n# HELP", r"/a\b", "/a}b{", "/é", "/a\r\tb\x1b[31m",
])
def test_hostile_address(path, conf, make_daemon):
    """Nor can the path of a socket break it."""
    conf.targets(conf_target("unix://" + path, name="t", stopped=True))
    samples, _ = metrics(make_daemon(conf))
    assert of_target(samples, "t")["pinfod_target_up"] == 0


def test_address_that_is_no_text(conf, make_daemon):
    """A path may be any bytes; the format is UTF-8."""
    conf.write(r'targets: ( { url = "unix:///\xff\xfe"; name = "t"; '
               "stopped = true; } );")
    samples, _ = metrics(make_daemon(conf))
    assert of_target(samples, "t")["pinfod_target_up"] == 0


def test_thousand_targets(conf, make_daemon):
    """All of them, in one reply."""
    conf.targets(*[conf_target(f"redis://h{n}", stopped=True)
                   for n in range(1000)])
    samples, _ = metrics(make_daemon(conf))
    up = [key for key in samples if key[0] == "pinfod_target_up"]
    assert len(up) == 1000


def test_wrong_words(fake, make_daemon):
    """METRICS takes no words."""
    with pytest.raises(ReplyError, match="^ERR "):
        make_daemon(fake).do("METRICS", "x")


# LOGLEVEL.


@pytest.mark.parametrize("level", LEVELS)
def test_loglevel(level, fake, make_daemon):
    """It is set, told, and in force."""
    daemon = make_daemon(fake, "--log-level", "info")
    assert daemon.do("LOGLEVEL") == "info"
    assert daemon.do("LOGLEVEL", level) == "OK"
    assert daemon.do("LOGLEVEL") == level


def test_loglevel_is_in_force(fake, make_daemon):
    """debug tells what happens, error does not."""
    daemon = make_daemon(fake)
    daemon.wait_status(state="up")
    daemon.do("LOGLEVEL", "debug")
    daemon.do("STOP")
    daemon.wait_log("link ready -> idle")
    daemon.do("LOGLEVEL", "error")
    mark = daemon.log_mark()
    daemon.do("START")
    daemon.wait_status(state="up")
    assert daemon.log_lines(since=mark) == []


@pytest.mark.parametrize("word", ["loud", "", "4", "notice ", "x" * 1000])
def test_loglevel_that_is_none(word, fake, make_daemon):
    """ERR, with what is allowed; nothing changes."""
    daemon = make_daemon(fake)
    with pytest.raises(ReplyError, match="error, warning, notice, info, debug"):
        daemon.do("LOGLEVEL", word)
    assert daemon.do("LOGLEVEL") == "notice"


def test_loglevel_minds_no_case(fake, make_daemon):
    """DEBUG is debug."""
    daemon = make_daemon(fake)
    daemon.do("loglevel", "DEBUG")
    assert daemon.do("LOGLEVEL") == "debug"


def test_loglevel_outlives_a_reload(conf, fake, make_daemon):
    """Until the file's own level changes."""
    conf.targets(conf_target(fake), log={"level": "warning"})
    daemon = make_daemon(conf)
    daemon.do("LOGLEVEL", "debug")
    daemon.do("RELOAD")
    assert daemon.do("LOGLEVEL") == "debug"
    conf.targets(conf_target(fake), log={"level": "info"})
    daemon.do("RELOAD")
    assert daemon.do("LOGLEVEL") == "info"


ASK = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(sys.stdin.buffer.read())
print(s.makefile("rb").readline().decode())
"""


@pytest.mark.skipif(os.geteuid() != 0,
                    reason="only root can become other users")
@pytest.mark.parametrize("words, answer", [
    (["LOGLEVEL"], "$6"), (["LOGLEVEL", "debug"], "-NOPERM "),
    (["LOGLEVEL", "loud"], "-NOPERM "), (["METRICS"], "$"),
    (["TARGETS"], "*1"), (["CONFIG"], "-NOPERM "), (["RELOAD"], "-NOPERM "),
], ids=lambda value: " ".join(value) if isinstance(value, list) else value)
def test_stranger(words, answer, fake, make_daemon):
    """Everybody reads; the level and the configuration are the admin's."""
    daemon = make_daemon(fake)
    daemon.dir.chmod(0o755)
    os.chmod(daemon.control_path, 0o666)
    said = subprocess.run(
        ["/usr/bin/python3", "-c", ASK, daemon.control_path],
        input=encode(*words), user=STRANGER, group=STRANGER, extra_groups=[],
        capture_output=True, timeout=5 * SLOW, cwd="/").stdout.decode()
    assert said.startswith(answer)
    assert daemon.do("LOGLEVEL") == "notice"


# TARGETS.


@pytest.mark.parametrize("names", [
    ["z", "a", "m"], ["default"], [r"\[x]", "a:1", "b/c"],
], ids=" ".join)
def test_targets(names, conf, make_daemon):
    """All names, in the order of the file."""
    conf.targets(*[conf_target(f"redis://h{n}", name=name, stopped=True)
                   for n, name in enumerate(names)])
    assert make_daemon(conf).do("TARGETS") == names


def test_targets_are_those_of_config_and_status(conf, make_daemon):
    """The same names in the same order everywhere."""
    conf.write("targets: (" + ", ".join(
        f'{{ url = {quoted(f"redis://h{n}")}; stopped = true; }}'
        for n in range(20)) + ");")
    daemon = make_daemon(conf)
    names = daemon.do("TARGETS")
    assert names == [f"h{n}:6379" for n in range(20)]
    assert [t["name"] for t in daemon.status()["targets"]] == names
    assert [t["name"] for t in parse_conf(daemon.do("CONFIG"))["targets"]] \
        == names
