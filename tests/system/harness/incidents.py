"""Incidents: brought about on real servers, and what the daemon tells of them."""

import collections
import fnmatch
import json
import pathlib
import time

from .conf import ConfFile, conf_target, conf_text
from .daemon import Daemon
from .feed import Feed
from .waiting import SLOW, eventually

CHANNEL = "pinfo:notice"
SAMPLE_S = 1.0                          # the preset
SLACK_S = 0.2                           # what a notice may take besides


class Notice:
    """One notice: its JSON's members as attributes, and when it came here."""

    def __init__(self, message):
        self.time = message.time
        self.data = message.data
        self.__dict__.update(json.loads(message.data))

    def __repr__(self):
        return (f"<{self.target}: {self.incident} {self.kind} "
                f"({self.severity}) at {self.time:.3f}: {self.summary!r}>")


class Notices:
    """The notices that come on a daemon's control socket, or by a server.

    In what is asked for, incident is a pattern; any other member may be
    named, too: target="orders", severity="critical".
    """

    def __init__(self, source, channel=CHANNEL):
        self._feed = Feed(source, channel)
        self._parsed = []

    def all(self, incident="*", **members):
        """Those that have come so far, in order."""
        for message in self._feed.messages[len(self._parsed):]:
            self._parsed.append(Notice(message))
        return [notice for notice in self._parsed
                if fnmatch.fnmatchcase(notice.incident, incident)
                and all(getattr(notice, key) == value
                        for key, value in members.items())]

    def wait(self, incident, timeout=5.0, count=1, **members):
        """Wait for the count-th such notice, and return it."""
        return eventually(
            lambda: self.all(incident, **members)[count - 1:count], timeout,
            what=f"{incident} {members or ''} among {self.all('[!h]*')}",
        )[0]

    def in_time(self, incident, shown, hold=0.0, sample=SAMPLE_S, **members):
        """The same, told in time: within the row's hold and one sample.

        shown is when INFO first showed the condition: see first_shown.
        """
        limit = hold + sample + SLACK_S
        found = self.wait(incident, timeout=limit + 2, **members)
        late = found.time - shown
        assert late <= limit * SLOW, f"{found} came {late:.3f} s after INFO"
        return found

    def alarms(self, *but):
        """What would have called an operator, but for incidents like these."""
        return [notice for notice in self.all()
                if notice.kind in ("raised", "changed", "open", "fact")
                and notice.severity in ("warning", "critical")
                and not any(fnmatch.fnmatchcase(notice.incident, pattern)
                            for pattern in but)]

    def close(self):
        self._feed.close()


class Watch:
    """A daemon that watches servers, and all the notices that it tells.

    servers is one server (the target is called "server"), or a dict of them
    by target's name; options are those of a target in the configuration, as
    incidents=["rdb.save_slow warning=1s"], sample="200ms".  It is running
    and has taken two samples of each when the constructor returns.
    """

    def __init__(self, servers, wait=True, **options):
        if not isinstance(servers, dict):
            servers = {"server": servers}
        self.daemon = Daemon()
        self.notices = None
        try:
            conf = ConfFile(self.daemon.dir, conf_text(*(
                conf_target(server, name=name, **options)
                for name, server in servers.items()
            )))
            self.daemon.args = [*conf.flags, "--stopped"]
            self.conf = conf
            self.daemon.start()
            self.notices = Notices(self.daemon)
            self.daemon.do("START")
            for name in servers if wait else ():
                self.samples(name, 2)
        except BaseException:
            self.close()
            raise

    def samples(self, target="server", more=2, timeout=10.0):
        """Wait until the target has answered so many more times."""
        had = self.daemon.status_target(target)["samples"]
        eventually(
            lambda: self.daemon.status_target(target)["samples"] >= had + more,
            timeout, what=f"{more} samples of {target}",
        )

    def open(self):
        """The ids of the incidents that are open now, by the notices."""
        state = collections.OrderedDict()
        for notice in self.notices.all():
            key = notice.target, notice.incident
            if notice.kind in ("raised", "changed", "open"):
                state[key] = True
            elif notice.kind == "cleared":
                state.pop(key, None)
        return [incident for _, incident in state]

    def close(self):
        if self.notices:
            self.notices.close()
        self.daemon.close()


def info(server, *sections):
    """What INFO says, all of it as text; the default is persistence."""
    with server.resp() as connection:
        return _info(connection, sections or ("persistence",))


def first_shown(server, condition, *sections, timeout=5.0):
    """Poll INFO until it shows a condition; return when it first did.

    condition is called with the fields, as text, by their names.
    """
    with server.resp() as connection:
        def shows():
            found = condition(_info(connection, sections or ("persistence",)))
            return found and time.monotonic()

        return eventually(shows, timeout, what="INFO shows it")


def _info(connection, sections):
    text = b"".join(connection.call("INFO", section) for section in sections)
    return dict(line.split(":", 1) for line in text.decode().splitlines()
                if ":" in line)


def save_child(server, timeout=5.0):
    """Wait for a child of the server; return its pid."""
    path = pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children")
    return int(eventually(lambda: path.read_text().split(), timeout,
                          what="a child of the server")[0])
