"""A daemon that finds its targets by itself, and what it tells of them."""

import json

from .conf import ConfFile, conf_text
from .daemon import Daemon
from .feed import Feed
from .incidents import Notices
from .waiting import eventually


class GroupWatch:
    """A running daemon that watches groups of targets.

    groups are elements of `targets` (see conf_group), defaults options of the
    group of that name; the presets here are an interval and a sample of 1 s.
    .notices are all that it has told since it was started.
    """

    def __init__(self, *groups, **defaults):
        self.daemon = Daemon()
        self.conf = ConfFile(self.daemon.dir)
        self.daemon.args = self.conf.flags
        self.notices = None
        self._write(groups, defaults)
        self.start()

    def start(self):
        """After stop() or a kill of the daemon: with the state of before."""
        try:
            self.daemon.start()
            self.notices = Notices(self.daemon)
        except BaseException:
            self.close()
            raise

    def stop(self):
        """End the daemon in an orderly way."""
        self.notices.close()
        self.daemon.terminate()
        assert self.daemon.wait_exit() == 0

    def reload(self, *groups, **defaults):
        self._write(groups, defaults)
        assert self.daemon.do("RELOAD") == "OK"

    def targets(self):
        """What STATUS says of each target, by its name."""
        return {target["name"]: target for target in self.daemon.status()["targets"]}

    def wait_targets(self, *names, timeout=10.0, **members):
        """Wait until these are the targets, each up; return them.

        Or in another state, or with other members that have these values.
        """
        members.setdefault("state", "up")

        def found():
            targets = self.targets()
            assert set(targets) == set(names), sorted(targets)
            for name, target in targets.items():
                for key, value in members.items():
                    assert target[key] == value, (name, target)
            return targets

        return eventually(found, timeout, what=f"{names} {members}")

    def wait_known(self, *names, timeout=10.0):
        """The same, and each has been judged once by all that it tells."""
        def known():
            return all(target["role"] and target["samples"] > 1
                       for target in self.targets().values())

        self.wait_targets(*names, timeout=timeout)
        eventually(known, timeout, what=f"what {names} are")
        return self.targets()

    def wait_address(self, name, server, timeout=10.0):
        """Wait until a target is that server, and up; return it."""
        return self.daemon.wait_status(name, timeout, address=server.name, state="up")

    def group(self, name):
        """What STATUS says of a group."""
        found = [group for group in self.daemon.status()["groups"]
                 if group["name"] == name]
        assert len(found) == 1, found
        return found[0]

    def wait_group(self, name, timeout=10.0, **members):
        """Wait until a group's members have these values; return it.

        A text is found anywhere in the value: trouble="NOPERM".
        """
        def found():
            group = self.group(name)
            for key, value in members.items():
                if isinstance(value, str):
                    assert value in (group[key] or ""), group
                else:
                    assert group[key] == value, group
            return group

        return eventually(found, timeout, what=f"{name}: {members}")

    def feed(self, name):
        """A subscriber to a target's feed on the control socket."""
        return Feed(self.daemon, self.daemon.status_target(name)["channel"])

    def state(self):
        """What the state file has of each target, once the daemon has ended."""
        return json.loads((self.daemon.dir / "state.json").read_text())["targets"]

    def close(self):
        if self.notices:
            self.notices.close()
        self.daemon.close()

    def _write(self, groups, defaults):
        defaults = {"interval": "1s", "sample": "1s", **defaults}
        self.conf.write(conf_text(*groups, defaults=defaults))
