"""A server that says what a test wants it to say."""

import contextlib
import itertools
import os
import shutil
import socket
import struct
import threading
import time

from .processes import free_port, temporary_directory
from .resp import bulk
from .server import RedisServer
from .waiting import SLOW


NOTICES = b"pinfo:notice"
FAKE_INFO = b"# Persistence\r\nloading:0\r\nrdb_changes_since_last_save:0\r\n"


def is_feed(words):
    """Whether a command is of the feed, and not of what goes beside it."""
    if words[0] == b"INFO":
        return words[1:] == [b"persistence"]
    return words[0] != b"PUBLISH" or words[1] != NOTICES


class FakeConnection:
    """One client of a FakeServer, as its handler sees it."""

    def __init__(self, server, sock, number):
        self.server, self.sock, self.id = server, sock, number
        self.open = True
        self.hung_up = False            # by us
        self._lock = threading.Lock()

    def send(self, data):
        """Send raw bytes; a client that has left is no error."""
        with self._lock, contextlib.suppress(OSError):
            self.sock.sendall(data)

    def _shutdown(self, how):
        # An SSLSocket's own shutdown() also forgets that it speaks TLS: what its
        # reader gets then is what is on the wire.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.sock, how)

    def close(self):
        self.hung_up = True
        self._shutdown(socket.SHUT_RDWR)

    def reset(self):
        """Close with RST instead of FIN."""
        self.hung_up = True
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
        # shutdown wakes the reader, whose close() then sends the RST.
        self._shutdown(socket.SHUT_RD)


class FakeServer:
    """A server on loopback that says what a test wants it to.

    handler(connection, words) gets every parsed command (words[0] in
    capitals) in the connection's own thread, and returns raw bytes to send
    or None for nothing; `return connection.server.default(connection, words)`
    behaves.  It may block, send more, close or reset.  on_connect(connection)
    is called before the first command is read.

    With accept=False nobody is taken in: connections succeed (the kernel
    holds them) and nothing is ever answered.  With backlog_full=True they do
    not even succeed: connect() hangs.
    """

    def __init__(self, handler=None, on_connect=None, host="127.0.0.1",
                 port=None, unix=False, accept=True, backlog_full=False,
                 info=FAKE_INFO, version="7.0.15"):
        self.handler = handler or self.default
        self.on_connect = on_connect
        self.info = info
        self.version_text = version
        self.receivers = 1
        self.connections = 0            # accepted so far
        self.commands = []              # (monotonic time, connection id, words)
        self.errors = []                # what handlers raised
        self._live = {}
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._accept, self._backlog_full = accept, backlog_full
        self._stuffing = []
        self._threads = []
        self._listener = None
        self.dir = temporary_directory("fake") if unix else None
        self.host = host
        self.port = 0 if unix else port or free_port()
        self.path = str(self.dir / "fake.sock") if unix else None

    address = RedisServer.address
    name = RedisServer.name
    uri = RedisServer.uri
    flags = RedisServer.flags

    @property
    def hosts(self):
        return [] if self.path else [self.host]

    @property
    def open(self):
        """Connections that are open now."""
        with self._lock:
            return len(self._live)

    @property
    def live(self):
        """The connections that are open now, oldest first."""
        with self._lock:
            return [self._live[number] for number in sorted(self._live)]

    def count(self, verb):
        """How many commands of that name have come."""
        return len(self.of(verb))

    def of(self, verb):
        """The commands of that name: (time, connection id, words).

        INFO is INFO persistence, and PUBLISH that of the feed: other sections
        are asked beside it, and notices published.
        """
        verb = verb.upper().encode()
        with self._lock:
            return [row for row in self.commands
                    if row[2][0] == verb and is_feed(row[2])]

    def start(self):
        if self.path:
            family, address = socket.AF_UNIX, self.path
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
        else:
            family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
            address = (self.host, self.port)
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(0 if self._backlog_full else 64)
        self._listener = listener
        if self._backlog_full:
            for _ in range(4):
                stuffing = socket.socket(family, socket.SOCK_STREAM)
                stuffing.setblocking(False)
                stuffing.connect_ex(address)
                self._stuffing.append(stuffing)
        elif self._accept:
            self._spawn(self._accept_loop, listener)
        return self

    def stop(self):
        """Close the listener and every connection; start() opens again."""
        listener, self._listener = self._listener, None
        if listener:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for sock in self._stuffing:
            sock.close()
        self._stuffing = []
        for connection in self.live:
            connection.close()

    def close(self):
        self.stop()
        for thread in self._threads:
            thread.join(5 * SLOW)
        if self.dir:
            shutil.rmtree(self.dir, ignore_errors=True)
        if self.errors:
            raise self.errors[0]

    def default(self, connection, words):
        """What a healthy Redis 7.0.15 says to the few words that it is told."""
        verb = words[0]
        if verb == b"HELLO":
            return self.hello(connection)
        if verb in (b"AUTH", b"SELECT", b"CLIENT"):
            return b"+OK\r\n"
        if verb == b"INFO":
            return bulk(self.info)
        if verb == b"PUBLISH":
            return b":%d\r\n" % self.receivers
        if verb == b"PING":
            return b"+PONG\r\n"
        return b"-ERR unknown command '%s'\r\n" % verb

    def hello(self, connection):
        pairs = b"".join(
            bulk(key) + value for key, value in (
                (b"server", bulk(b"redis")),
                (b"version", bulk(self.version_text.encode())),
                (b"proto", b":2\r\n"),
                (b"id", b":%d\r\n" % connection.id),
                (b"mode", bulk(b"standalone")),
                (b"role", bulk(b"master")),
                (b"modules", b"*0\r\n"),
            )
        )
        return b"*14\r\n" + pairs

    def _spawn(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept_loop(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            connection = FakeConnection(self, sock, next(self._ids))
            with self._lock:
                self.connections += 1
                self._live[connection.id] = connection
            self._spawn(self._serve, connection)

    def _serve(self, connection):
        try:
            if self.on_connect:
                self.on_connect(connection)
            for words in _requests(connection.sock):
                words[0] = words[0].upper()
                with self._lock:
                    self.commands.append(
                        (time.monotonic(), connection.id, words)
                    )
                out = self.handler(connection, words)
                if out is not None:
                    connection.send(out)
        except OSError:
            pass
        except Exception as error:  # a bug in a test's handler
            # What still comes after we hung up need not be a request.
            if not connection.hung_up:
                self.errors.append(error)
        finally:
            with self._lock:
                self._live.pop(connection.id, None)
            connection.open = False
            connection.sock.close()


def _requests(sock):
    """Every request that comes on a socket, as a list of words, till EOF."""
    stream = sock.makefile("rb")
    while line := stream.readline():
        if not line.startswith(b"*"):
            if words := line.split():
                yield words
            continue
        words = []
        for _ in range(int(line[1:])):
            size = stream.readline()
            if not size.startswith(b"$"):
                return
            words.append(stream.read(int(size[1:])))
            stream.read(2)
        if words:
            yield words
