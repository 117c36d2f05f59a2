"""A subscriber in a thread."""

import math
import threading
import time

from .daemon import Daemon
from .resp import ReplyError, Resp
from .server import RedisServer
from .waiting import SLOW


class Message:
    """One message: .time (monotonic), .channel, .data, .pattern or None."""

    def __init__(self, words):
        self.time = time.monotonic()
        self.pattern = words[1] if words[0] == b"pmessage" else None
        self.channel, self.data = words[-2:]

    def __repr__(self):
        return f"<{self.channel!r} at {self.time:.3f}: {self.data[:24]!r}…>"


class Feed:
    """A subscriber in a thread, on a server or on the control socket.

    source is a RedisServer, a Daemon (its control socket) or an address.
    It is subscribed when the constructor returns.  .ended is set when the
    other side has closed.
    """

    def __init__(self, source, *channels, patterns=(), resp3=False):
        if not channels and not patterns:
            channels = ("pinfo",)
        self.messages = []
        self.ended = threading.Event()
        self._news = threading.Condition()
        if isinstance(source, RedisServer):
            self._resp = source.resp()
        elif isinstance(source, Daemon):
            self._resp = Resp(source.control_path)
        else:
            self._resp = Resp(source)
        if resp3:
            self._resp.call("HELLO", "3")
        for verb, names in (("SUBSCRIBE", channels), ("PSUBSCRIBE", patterns)):
            if names:
                self._resp.send(verb, *names)
            for _ in names:
                self._subscribed(verb)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def times(self):
        return [message.time for message in list(self.messages)]

    @property
    def data(self):
        return [message.data for message in list(self.messages)]

    def __len__(self):
        return len(self.messages)

    def since(self, moment):
        """The messages that came after a monotonic time."""
        return [m for m in list(self.messages) if m.time > moment]

    def wait_count(self, count, timeout=5.0):
        """Wait until so many have come in all; return the first `count`."""
        with self._news:
            came = self._news.wait_for(
                lambda: len(self.messages) >= count, timeout * SLOW
            )
            assert came, (
                f"{len(self.messages)} of {count} messages within "
                f"{timeout * SLOW:g} s: {self.messages[-3:]}"
            )
            return self.messages[:count]

    def wait_more(self, count, timeout=5.0):
        """Wait for so many more than there are now; return those."""
        have = len(self.messages)
        return self.wait_count(have + count, timeout)[have:]

    def close(self):
        self._resp.close()
        self._thread.join(5 * SLOW)

    def _subscribed(self, verb):
        while True:
            reply = self._resp.read()
            if isinstance(reply, ReplyError):
                raise reply
            if reply[0] == verb.lower().encode():
                return
            self.messages.append(Message(reply))

    def _listen(self):
        try:
            while True:
                reply = self._resp.read(math.inf)
                if isinstance(reply, list) and reply[0] in (
                    b"message", b"pmessage",
                ):
                    with self._news:
                        self.messages.append(Message(reply))
                        self._news.notify_all()
        except (EOFError, OSError, ValueError):
            self.ended.set()
