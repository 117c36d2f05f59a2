"""A network of its own with a name server that says what a test wants."""

import contextlib
import ctypes
import os
import shutil
import socket
import struct
import subprocess
import threading
import time

from .processes import die_with_parent, temporary_directory
from .waiting import eventually

CLONE_NEWNET = 0x40000000
A, AAAA = 1, 28
SETUP = """
set -e
mount --make-rprivate /
ip link set lo up
mount --bind "$0/resolv.conf" /etc/resolv.conf
mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf
: >"$0/ready"
exec sleep infinity
"""


class Namespace:
    """A network and mount namespace in which 127.0.0.1 is the name server.

    Only root can make one.  prefix runs a command inside; inside(fn) calls
    fn there, and the sockets that it makes stay there.
    """

    def __init__(self):
        self.dir = temporary_directory("names")
        (self.dir / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        (self.dir / "nsswitch.conf").write_text("hosts: dns\n")
        self._holder = subprocess.Popen(
            ["unshare", "-n", "-m", "sh", "-c", SETUP, str(self.dir)],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            preexec_fn=die_with_parent)
        try:
            eventually(self._is_ready, 5, what="a namespace")
        except BaseException:
            self.close()
            raise

    @property
    def prefix(self):
        return ["nsenter", "-t", str(self._holder.pid), "-n", "-m", "--"]

    def inside(self, fn):
        done = []

        def work():
            try:
                libc = ctypes.CDLL(None, use_errno=True)
                with open(f"/proc/{self._holder.pid}/ns/net") as net:
                    if libc.setns(net.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                done.append((fn(), None))
            except BaseException as error:
                done.append((None, error))

        # A namespace is a thread's: this one ends with it.
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        value, error = done[0]
        if error:
            raise error
        return value

    def close(self):
        self._holder.kill()
        self._holder.communicate()
        shutil.rmtree(self.dir, ignore_errors=True)

    def _is_ready(self):
        if self._holder.poll() is not None:
            raise RuntimeError(f"no namespace: {self._holder.stderr.read()}")
        return (self.dir / "ready").exists()


class NameServer:
    """Answers on UDP 127.0.0.1:53 of a Namespace.

    names maps a name to a list of numeric addresses (none: NODATA), to a
    function(query) -> bytes or None for no answer, or to nothing: NXDOMAIN.
    """

    def __init__(self, namespace):
        self.names = {}
        self.delay = {}                 # seconds, by name
        self.queries = []               # (monotonic time, name, type)
        self._sock = namespace.inside(self._open)
        self._threads = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def asked(self, name):
        """How often it was asked for a name, in whatever type."""
        return sum(row[1] == name for row in list(self.queries))

    def close(self):
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._sock.close()

    @staticmethod
    def _open():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 53))
        return sock

    def _serve(self):
        while True:
            data, address = self._sock.recvfrom(4096)
            if not address:             # shut down
                return
            query = Query(data)
            self.queries.append((time.monotonic(), query.name, query.type))
            found = self.names.get(query.name, query.no_such_name)
            if callable(found):
                out = found() if found == query.no_such_name else found(query)
            else:
                out = query.answer(found)
            wait = self.delay.get(query.name, 0)
            threading.Timer(wait, self._send, (out, address)).start()

    def _send(self, out, address):
        if out is not None:
            with contextlib.suppress(OSError):
                self._sock.sendto(out, address)


class Query:
    """One question, and the answers that a server might give."""

    def __init__(self, data):
        self.data = data
        self.id = data[:2]
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode())
            at += 1 + data[at]
        self.name = ".".join(labels).lower()
        self.type, _ = struct.unpack(">HH", data[at + 1:at + 5])
        self.question = data[12:at + 5]

    def reply(self, records=(), flags=0x8180, number=None):
        """number: another id than the query's."""
        head = struct.pack(">HHHHH", flags, 1, len(records), 0, 0)
        return (number or self.id) + head + self.question + b"".join(records)

    def answer(self, addresses, **options):
        family = {A: socket.AF_INET, AAAA: socket.AF_INET6}.get(self.type)
        records = []
        for text in addresses:
            if family == (socket.AF_INET6 if ":" in text else socket.AF_INET):
                bits = socket.inet_pton(family, text)
                records.append(b"\xc0\x0c" + struct.pack(
                    ">HHIH", self.type, 1, 0, len(bits)) + bits)
        return self.reply(records, **options)

    def no_such_name(self):
        return self.reply(flags=0x8183)

    def failure(self):
        return self.reply(flags=0x8182)

    def garbage(self):
        return self.id + os.urandom(40)

    def wrong_id(self):
        return self.answer(["127.0.0.1"],
                           number=bytes([self.id[0] ^ 0xff, self.id[1]]))

    def truncated(self):
        return self.reply(flags=0x8380)

    def half(self):
        return self.answer(["127.0.0.1"])[:-3]

    def alias_of_itself(self):
        """A CNAME that leads nowhere."""
        record = b"\xc0\x0c" + struct.pack(">HHIH", 5, 1, 0, 2) + b"\xc0\x0c"
        return self.reply([record])
