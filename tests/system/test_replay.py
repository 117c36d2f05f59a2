"""pinfod --replay: what pinfod would have told of a recording."""

import json
import pathlib
import time

import pytest

from harness import SLOW, ConfFile, run_pinfod

RECORDINGS = sorted(
    (pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "recordings")
    .glob("*.rec"))
QUIET, RAISED, BAD_DATA, NO_INPUT = 0, 1, 65, 66
START = 1763831000

WIDE = """redis_version:7.0.15
run_id:abcdef
uptime_in_seconds:100000
total_forks:5
role:master
db0:keys=100,expires=0,avg_ttl=0
"""
NARROW = f"""loading:0
rdb_changes_since_last_save:15
rdb_bgsave_in_progress:0
rdb_last_save_time:{START - 100}
rdb_last_bgsave_status:ok
rdb_saves:5
aof_enabled:0
"""


def entry(seconds, kind, text="", target="orders"):
    return f"@ {seconds:.3f} {START + seconds:.3f} {kind} {target}{text}"


def begin(target="orders"):
    """A healthy server."""
    return ["pinfod-recording 1\n", entry(0, "link", " up\n", target),
            entry(0, "config", "\nsave:3600 1\n", target),
            entry(0, "narrow", "\n" + NARROW, target),
            entry(0, "wide", "\n" + WIDE, target)]


def samples(first, last, changes=""):
    """One a second, of which only the first says something new."""
    lines = [entry(s, "narrow", "\n") for s in range(first, last)]
    lines[0] += changes
    return lines


@pytest.fixture
def replay(tmp_path):
    def run(lines, *args):
        (tmp_path / "file").write_text("".join(lines))
        return run_pinfod("--replay", tmp_path / "file", *args)

    return run


def notices(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def told(done):
    return [(n["kind"], n["incident"]) for n in notices(done)]


def test_fixtures_are_there():
    assert len(RECORDINGS) >= 7


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_healthy_servers_raise_nothing(path):
    done = run_pinfod("--replay", path)
    assert "raised" not in done.stdout
    assert (done.returncode, "incidents raised: 0," in done.stderr) == (QUIET, True)
    json_done = run_pinfod("--replay", path, "--json")
    assert len(notices(json_done)) == len(done.stdout.splitlines())
    assert {n["kind"] for n in notices(json_done)} == {"fact"}


def test_save_failed(replay):
    failed = samples(3, 6, "rdb_last_bgsave_status:err\nrdb_saves:6\n")
    failed.insert(1, entry(3, "wide", "\ntotal_forks:6\n"))
    cured = samples(6, 9, "rdb_last_bgsave_status:ok\nrdb_saves:7\n"
                    f"rdb_last_save_time:{START + 6}\n")
    done = replay(begin() + samples(1, 3) + failed + cured)
    assert done.returncode == RAISED
    line = [x for x in done.stdout.splitlines() if " raised " in x]
    assert len(line) == 1
    assert line[0].startswith("2025-11-22T17:03:23.000Z orders: "
                              "rdb.save_failed raised (critical): ")
    assert "incidents raised: 1, open at the end: 0" in done.stderr

    json_done = replay(begin() + samples(1, 3) + failed + cured, "--json")
    assert [t for t in told(json_done) if t[1] == "rdb.save_failed"] == [
        ("raised", "rdb.save_failed"), ("cleared", "rdb.save_failed")]
    assert all(n["target"] == "orders" for n in notices(json_done))


def test_open_at_the_end(replay):
    failed = samples(1, 4, "rdb_last_bgsave_status:err\n")
    done = replay(begin() + failed)
    assert "incidents raised: 1, open at the end: 1" in done.stderr


@pytest.mark.parametrize("seconds, code", [(1.5, QUIET), (4, RAISED)])
def test_hole_is_time(replay, seconds, code):
    """No connection for 2 s is an incident, though nothing is recorded then."""
    away = [entry(1, "link", " down Connection refused\n"),
            entry(1 + seconds, "link", " up\n"),
            entry(1 + seconds, "narrow", "\n")]
    done = replay(begin() + away, "--json")
    assert done.returncode == code
    assert ("raised", "link.down") in told(done) or code == QUIET


def test_gap(replay):
    done = replay(begin() + [entry(20, "narrow", "\n")], "--json")
    assert ("fact", "watch.gap") in told(done)
    done = replay(begin() + [entry(3, "narrow", "\n")], "--json")
    assert ("fact", "watch.gap") not in told(done)


def test_publish_blocked(replay):
    done = replay(begin() + [entry(1, "link", " publish blocked no answer\n"),
                             entry(2, "narrow", "\n"),
                             entry(3, "link", " publish ok \n"),
                             entry(4, "narrow", "\n")], "--json")
    assert done.returncode == RAISED
    assert [t for t in told(done) if t[1] == "publish.blocked"] == [
        ("raised", "publish.blocked"), ("cleared", "publish.blocked")]


def test_rules_of_the_configuration(replay, tmp_path):
    """Of the target of that name, else of the defaults."""
    lines = begin() + samples(1, 4, "rdb_last_bgsave_status:err\n")
    target = '{{ name = "{}"; url = "redis://127.0.0.1:1"; incidents = {}; }}'
    off, on = '[ "rdb.save_failed off" ]', "[ ]"

    def code(name, its, defaults=on):
        conf = ConfFile(tmp_path, f"defaults: {{ incidents = {defaults}; }};\n"
                        f"targets: ( {target.format(name, its)} );\n")
        return replay(lines, *conf.flags).returncode

    assert code("orders", on) == RAISED
    assert code("orders", off) == QUIET
    assert code("others", off) == RAISED
    assert code("others", on, defaults=off) == QUIET
    assert code("orders", '[ "rdb.save_failed on" ]', defaults=off) == RAISED


def test_own_rule(replay, tmp_path):
    conf = ConfFile(tmp_path, 'defaults: { incidents = [ "changes.high warning '
                    'when rdb_changes_since_last_save > 10 for 2s: too many" ]; };')
    done = replay(begin() + samples(1, 6), "--json", *conf.flags)
    assert ("raised", "changes.high") in told(done)


def test_two_targets(replay):
    lines = begin("a") + begin("b")[1:]
    lines += [entry(s, "narrow", "\n", t) for s in range(1, 5) for t in "ab"]
    lines[-1] += "rdb_last_bgsave_status:err\n"
    lines += [entry(s, "narrow", "\n", t) for s in range(5, 8) for t in "ab"]
    done = replay(lines, "--json")
    raised = [n for n in notices(done) if n["kind"] == "raised"]
    assert [(n["target"], n["incident"]) for n in raised] == [("b", "rdb.save_failed")]
    assert "targets: 2;" in done.stderr
    times = [n["at"] for n in notices(done)]
    assert times == sorted(times)


@pytest.mark.parametrize("text, error", [
    ("", "line 1: the file is empty"),
    ("REDIS0011", "line 1: the file ends within it"),
    ("pinfod-recording 2\n", "line 1: 'pinfod-recording 2' is not"),
    ("pinfod-recording 1\n@ 0 0 link a sideways\n",
     "line 2: 'sideways' is no state of a link"),
    ("pinfod-recording 1\n@ 0 0 link a publish sideways\n",
     "line 2: 'publish sideways' is no state of a link"),
    ("pinfod-recording 1\n@ 0 0 narrow a\n\x1b[0m\n",
     "line 3: '\\x1b[0m' is no name:value"),
])
def test_bad_file(replay, text, error):
    done = replay(text)
    assert done.returncode == BAD_DATA
    assert f"{error}" in done.stderr.splitlines()[0]
    assert "\x1b" not in done.stderr


def test_bad_end_does_not_hide_the_beginning(replay):
    done = replay(begin() + samples(1, 4, "rdb_last_bgsave_status:err\n") + ["@ 4"])
    assert done.returncode == BAD_DATA
    assert "rdb.save_failed raised" in done.stdout


def test_no_file(tmp_path):
    done = run_pinfod("--replay", tmp_path / "none")
    assert (done.returncode, done.stdout) == (NO_INPUT, "")
    assert "No such file or directory" in done.stderr
    done = run_pinfod("--replay", tmp_path)
    assert done.returncode == BAD_DATA
    assert "Is a directory" in done.stderr


def test_an_hour_takes_less_than_a_second(replay):
    lines = begin()
    for second in range(1, 3600):
        lines.append(entry(second, "narrow",
                           f"\nrdb_changes_since_last_save:{second % 50}\n"))
        if second % 5 == 0:
            lines.append(entry(second, "wide",
                               f"\nuptime_in_seconds:{100000 + second}\n"))
    began = time.monotonic()
    assert replay(lines).returncode == QUIET
    assert time.monotonic() - began < 1 * SLOW
