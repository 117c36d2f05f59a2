"""The manual pages: what the programs' tables say, and what a reader sees."""

import pathlib
import re
import shutil
import subprocess

import pytest

from harness import pinfod_binary, run_pinfod

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = {path.name: path for path in sorted((ROOT / "docs").glob("*.[1-8]"))}
# A long flag, or a short one, that is not a part of another word.
FLAG = re.compile(r"(?<![\w-])(--[a-z][a-z-]*|-[a-z])(?![\w-])")
# What others' flags the pages speak of, in examples.
FOREIGN = {"pinfod.8": {"-U"}, "pinfod.conf.5": {"-m", "-g"}, "pinfoctl.1": set(),
           "pinfod-incidents.7": {"-USR1"}}


def run(*words):
    return subprocess.run([str(word) for word in words], text=True, timeout=60,
                          capture_output=True, check=False)


def pinfoctl(*words):
    done = run(pathlib.Path(pinfod_binary()).with_name("pinfoctl"), *words)
    assert done.returncode == 0, done
    return done.stdout


def shown(page):
    """The page as a reader sees it, on a wide terminal."""
    done = run("mandoc", "-T", "utf8", "-O", "width=400", PAGES[page])
    assert (done.returncode, done.stderr) == (0, ""), done
    return re.sub(".\b", "", done.stdout)


def section(page, title):
    """The text below a heading, up to the next one."""
    found = re.search(rf"^{title}\n(.*?)(?=^\S)", shown(page), re.M | re.S)
    assert found, f"{page} has no section {title}"
    return found[1]


def heads(text):
    """What stands five columns in: a list's heads, and paragraphs."""
    return [line[5:].split("  ")[0]
            for line in text.splitlines() if re.match(r" {5}\S", line)]


def flags(text):
    return set(FLAG.findall(text))


def program_help(page):
    return (run_pinfod("--help").stdout if page == "pinfod.8"
            else pinfoctl("--help"))


def test_pages():
    """There are four."""
    assert list(PAGES) == ["pinfoctl.1", "pinfod-incidents.7", "pinfod.8",
                           "pinfod.conf.5"]


def test_incidents_are_the_catalogue():
    """`make manual` has nothing to do there, either."""
    done = run(pinfod_binary(), "--manual-incidents")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == PAGES["pinfod-incidents.7"].read_text(), "make manual"


@pytest.mark.parametrize("page", PAGES)
def test_lists_are_the_tables(page, tmp_path):
    """`make manual` has nothing to do."""
    copy = tmp_path / page
    shutil.copy(PAGES[page], copy)
    done = run(ROOT / "tests" / "manual.sh",
               pathlib.Path(pinfod_binary()).parent, copy)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert copy.read_text() == PAGES[page].read_text(), "make manual"


def test_a_stale_list_is_written_anew(tmp_path):
    """A row that has gone, one that is new, one that has changed; text stays."""
    fresh = PAGES["pinfod.8"].read_text()
    item = re.compile(r"\.It Fl -stopped\n(.*?)(?=\.It)", re.S)
    stale = item.sub(lambda m: ".It Fl -gone\nOld.\n.\\\" more\nOld.\n", fresh)
    stale = stale.replace(".It Fl p Ar PORT\n", ".It Fl p Ar OLD\nOld.\n")
    assert stale != fresh
    copy = tmp_path / "pinfod.8"
    copy.write_text(stale)
    done = run(ROOT / "tests" / "manual.sh",
               pathlib.Path(pinfod_binary()).parent, copy)
    assert (done.returncode, done.stdout) == (0, f"{copy}\n"), done
    by_hand = re.search(r'\.\\" more\n(.*)', item.search(fresh)[1], re.S)[1]
    assert by_hand
    assert copy.read_text() == fresh.replace(by_hand, "")


def test_no_list_no_page(tmp_path):
    """Where a program prints no such list, the page stays as it was."""
    copy = tmp_path / "page.1"
    text = '.\\" begin pinfod --version options\n.\\" end\n'
    copy.write_text(text)
    done = run(ROOT / "tests" / "manual.sh",
               pathlib.Path(pinfod_binary()).parent, copy)
    assert done.returncode != 0 and "pinfod --version" in done.stderr
    assert copy.read_text() == text
    assert list(tmp_path.iterdir()) == [copy]


@pytest.mark.parametrize("page", PAGES)
def test_renders_clean(page):
    """No warning, and nothing past 80 columns."""
    lint = run("mandoc", "-T", "lint", "-W", "warning", PAGES[page])
    assert (lint.returncode, lint.stdout) == (0, "")
    done = run("mandoc", "-T", "utf8", "-O", "width=80", PAGES[page])
    text = re.sub(".\b", "", done.stdout)
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("page", ["pinfod.8", "pinfoctl.1"])
def test_flags(page):
    """Each flag of --help is an item of OPTIONS, and no other is."""
    listed = set()
    for head in heads(section(page, "OPTIONS")):
        listed |= flags(head) if head.startswith("-") else set()
    assert listed == flags(
        "\n".join(line[:26] for line in program_help(page).splitlines()
                  if re.match(r"  +-", line)))


@pytest.mark.parametrize("page", PAGES)
def test_no_unknown_flag(page):
    """The text speaks of no flag that there is not."""
    known = flags(program_help("pinfod.8")) | flags(program_help("pinfoctl.1"))
    assert flags(shown(page)) - FOREIGN[page] <= known


def test_commands():
    """Each command of pinfoctl is an item of COMMANDS, and no other is."""
    rows = re.findall(r"^  ([a-z]+(?: \[[a-z]+\])?) +", pinfoctl("help"), re.M)
    assert [head for head in heads(section("pinfoctl.1", "COMMANDS"))
            if re.fullmatch(r"[a-z]+( \[[a-z]+\])?", head)] == rows


def test_keys():
    """Each key of the configuration, with its preset; and what a target has."""
    sample = run_pinfod("--sample-config").stdout
    keys = re.findall(r"^#?\t(\w+ = .*);$", sample, re.M)
    text = section("pinfod.conf.5", "OPTIONS")
    assert [head for head in heads(text) if " = " in head] == keys
    assert re.findall(r"^     (url|name)\b", text, re.M) == ["url", "name"]


@pytest.mark.parametrize("page, sources", [
    ("pinfod.8", ["main.c", "daemon.c"]), ("pinfoctl.1", ["pinfoctl.h"]),
])
def test_exit_codes(page, sources):
    """Each exit code in the source is told, and no other is."""
    names = {"EX_OK": 0, "EX_USAGE": 64, "EX_DATAERR": 65, "EX_NOINPUT": 66,
             "EX_UNAVAILABLE": 69, "EX_IOERR": 74, "EX_CONFIG": 78}
    codes = set()
    for name in sources:
        text = (ROOT / "src" / name).read_text()
        codes |= {names[word] for word in re.findall(r"\bEX_\w+", text)}
        codes |= {int(n) for n in
                  re.findall(r"\b(?:EXIT_\w+ =|define REPLAY_RAISED)\s*(\d+)", text)}
    told = {int(head) for head in heads(section(page, "EXIT STATUS"))
            if head.isdigit()}
    assert told == codes


@pytest.mark.parametrize("page", PAGES)
def test_references(page):
    """Pages of ours that are referred to are there."""
    for name, number in re.findall(r"\b(pinfo[\w.]*)\((\d)\)", shown(page)):
        assert f"{name}.{number}" in PAGES


def test_environment():
    """Each variable that the programs read is told."""
    for page, pattern in (("pinfod.8", "src/[!p]*.c"), ("pinfod.8", "src/p[!i]*.c"),
                          ("pinfoctl.1", "src/pinfoctl*.c")):
        told = section(page, "ENVIRONMENT")
        for path in ROOT.glob(pattern):
            for name in re.findall(r'\bgetenv\("(\w+)"\)', path.read_text()):
                assert name in told or name == "TERM", (page, path.name, name)
