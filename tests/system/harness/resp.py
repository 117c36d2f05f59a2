"""RESP2 and RESP3 by hand, for what client libraries hide."""

import contextlib
import math
import os
import socket
import time

from .waiting import SLOW


class ReplyError(Exception):
    """An error reply; .code is its first word."""

    @property
    def code(self):
        return str(self).partition(" ")[0]


class Push(list):
    """A RESP3 push, to be told from an array."""


def encode(*words):
    """A request as client libraries send it: an array of bulk strings."""
    out = [b"*%d\r\n" % len(words)]
    for word in words:
        if not isinstance(word, bytes):
            word = str(word).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(out)


def bulk(data):
    return b"$%d\r\n%s\r\n" % (len(data), data)


def answer(value):
    """A reply as servers send it: of text, a number, None, or a list of such."""
    if value is None:
        return b"$-1\r\n"
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, (list, tuple)):
        return b"*%d\r\n" % len(value) + b"".join(map(answer, value))
    return bulk(value if isinstance(value, bytes) else str(value).encode())


class Resp:
    """A connection that speaks RESP2 and RESP3 and hides nothing.

    call() raises ReplyError for an error reply; read() returns it.  The end
    of the connection is an EOFError (a reset too), silence a TimeoutError.
    """

    def __init__(self, address, timeout=5.0):
        self.timeout = timeout * SLOW
        self._buffer = bytearray()
        self._deadline = None
        family = socket.AF_UNIX
        if not isinstance(address, (str, os.PathLike)):
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        else:
            address = os.fspath(address)
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.connect(address)
        except BaseException:
            self.sock.close()
            raise

    def call(self, *words):
        self.send(*words)
        reply = self.read()
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    def send(self, *words):
        self.send_raw(encode(*words))

    def send_raw(self, data):
        self.sock.settimeout(self.timeout)
        self.sock.sendall(data)

    def read(self, timeout=None):
        """The next reply.  timeout=math.inf waits for ever."""
        if timeout is None:
            timeout = self.timeout
        self._deadline = time.monotonic() + timeout
        return self._value()

    def at_end(self, timeout=None):
        """True when the other side has closed and nothing is left to read."""
        try:
            self.read(timeout)
        except EOFError:
            return True
        return False

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _more(self):
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no reply in time")
        self.sock.settimeout(None if left == math.inf else left)
        try:
            data = self.sock.recv(65536)
        except socket.timeout:
            raise TimeoutError("no reply in time") from None
        except OSError as error:
            raise EOFError(str(error)) from None
        if not data:
            raise EOFError("closed")
        self._buffer += data

    def _take(self, count):
        while len(self._buffer) < count:
            self._more()
        out = bytes(self._buffer[:count])
        del self._buffer[:count]
        return out

    def _line(self):
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._more()
        return self._take(end + 2)[:-2]

    def _value(self):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode("utf-8", "backslashreplace")
        if kind == b"-":
            return ReplyError(rest.decode("utf-8", "backslashreplace"))
        if kind == b":":
            return int(rest)
        if kind in (b"$", b"=", b"!"):
            if int(rest) < 0:
                return None
            data = self._take(int(rest) + 2)
            assert data.endswith(b"\r\n"), "a bulk that no CR LF ends"
            if kind == b"!":
                return ReplyError(data[:-2].decode())
            return data[4:-2] if kind == b"=" else data[:-2]
        if kind in (b"*", b"~", b">"):
            if int(rest) < 0:
                return None
            items = [self._value() for _ in range(int(rest))]
            return Push(items) if kind == b">" else items
        if kind == b"%":
            pairs = [(self._value(), self._value()) for _ in range(int(rest))]
            return {_key(key): value for key, value in pairs}
        if kind == b"_":
            return None
        if kind == b",":
            return float(rest)
        if kind == b"#":
            return rest == b"t"
        if kind == b"(":
            return int(rest)
        raise AssertionError(f"not RESP: {line[:80]!r}")


def _key(key):
    return key.decode() if isinstance(key, bytes) else key
