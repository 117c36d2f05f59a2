"""Configuration files: written by tests, and read back from what pinfod prints.

The reader knows what pinfod writes and no more of libconfig's form.
"""

import os
import pathlib
import re

TOKEN = re.compile(r'\s+|#[^\n]*|"(?:[^"\\]|\\.)*"|[][{}()=:;,]|[\w.+-]+')
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)", re.S)
LETTERS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


def quoted(text):
    """A string of libconfig's."""
    def escape(match):
        char = match.group()
        return "\\" + char if char in '"\\' else f"\\x{ord(char):02x}"

    return '"' + re.sub(r'["\\\x00-\x1f\x7f]', escape, str(text)) + '"'


def conf_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[ " + ", ".join(map(conf_value, value)) + " ]"
    return str(value) if isinstance(value, (int, float)) else quoted(value)


def conf_group(**options):
    """{ key = value; … }, on one line."""
    settings = [f"{key} = {conf_value(value)};"
                for key, value in options.items()]
    return " ".join(["{", *settings, "}"])


def conf_target(server, **options):
    """A target's group; server is a URI, or has one."""
    return conf_group(url=getattr(server, "uri", server), **options)


def conf_text(*targets, **groups):
    """A file with these targets (text), and groups like log={"level": …}."""
    lines = [f"{name}: {conf_group(**options)};"
             for name, options in groups.items()]
    if targets:
        lines.append("targets: (\n" + ",\n".join(targets) + "\n);")
    return "\n".join(lines) + "\n"


class ConfFile:
    """A configuration file; its directory is the caller's."""

    def __init__(self, directory, text=""):
        self.path = pathlib.Path(directory) / "pinfod.conf"
        self.flags = ["--config", str(self.path)]
        self.write(text)

    def write(self, text):
        """In one step, so that nobody reads half a file."""
        fresh = self.path.with_name("pinfod.conf.new")
        fresh.write_bytes(text if isinstance(text, bytes) else text.encode())
        os.replace(fresh, self.path)

    def targets(self, *targets, **groups):
        self.write(conf_text(*targets, **groups))


def parse_conf(text):
    """What --test-config or CONFIG printed, as dicts and lists.

    ValueError says what is no such text.
    """
    tokens, at = [], 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if not found:
            raise ValueError(f"no configuration: {text[at:at + 40]!r}")
        if not re.match(r"[\s#]", found.group()):
            tokens.append(found.group())
        at = found.end()
    tokens.reverse()
    return _settings(tokens, None)


def _settings(tokens, end):
    out = {}
    while tokens and tokens[-1] != end:
        key, sign = tokens.pop(), tokens.pop()
        if sign not in "=:" or key in out:
            raise ValueError(f"{key} {sign}")
        out[key] = _value(tokens)
        if tokens.pop() != ";":
            raise ValueError(f"no ; after {key}")
    return out


def _value(tokens):
    word = tokens.pop()
    if word == "{":
        out = _settings(tokens, "}")
        tokens.pop()
        return out
    if word in ("(", "["):
        out, end = [], {"(": ")", "[": "]"}[word]
        while tokens[-1] != end:
            out.append(_value(tokens))
            if tokens[-1] == ",":
                tokens.pop()
        tokens.pop()
        return out
    if word[0] == '"':
        return ESCAPE.sub(
            lambda m: chr(int(m[1][1:], 16)) if len(m[1]) > 1
            else LETTERS.get(m[1], m[1]), word[1:-1])
    if word in ("true", "false"):
        return word == "true"
    raise ValueError(f"{word} is no value")
