"""A Debian that systemd really booted, in a container of systemd-nspawn.

It sees the bootstrapped root through an overlay in memory and a network that is
its own and empty: nothing that happens in it reaches the root or the host, and
nothing of it is left once it is closed.  Booting takes less than a second.
"""

import itertools
import json
import os
import pathlib
import shlex
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "system/harness"))

from waiting import eventually

CONF = "/etc/pinfod/pinfod.conf"
SOCKET = "/run/pinfod/pinfod.sock"
FEED = "rdb_changes_since_last_save"
REDIS = "redis://127.0.0.1"
REDIS_SOCKET = "/run/redis/redis-server.sock"
ENVIRONMENT = ["env", "-i", "--chdir=/", "PATH=/usr/sbin:/usr/bin", "LC_ALL=C.UTF-8", "HOME=/root"]


class Machine:
    """run() runs a shell command in it; the rest is made of that."""

    _numbers = itertools.count()

    def __init__(self, root, debs, private):
        self.console = private / "console"
        with self.console.open("w") as console:
            # Should the tests be killed, the machine is as well.
            self.nspawn = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "systemd-nspawn", "--quiet"]
                + ["--directory", root, "--volatile=overlay"]
                + ["--machine", f"pinfod-{os.getpid()}-{next(self._numbers)}"]
                + ["--register=no", "--keep-unit", "--private-network"]
                + [f"--bind-ro={debs}:/debs", "--boot"],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        try:
            self.init = eventually(self._find_init, 20)
            eventually(self._has_booted, 30)
        except BaseException:
            self.close()
            print(self.console.read_text())
            raise

    def close(self):
        self.nspawn.terminate()
        try:
            self.nspawn.wait(20)
        except subprocess.TimeoutExpired:
            self.nspawn.kill()
            self.nspawn.wait()

    def _find_init(self):
        """The host's number of the process that is 1 inside."""
        assert self.nspawn.poll() is None, self.console.read_text()
        children = pathlib.Path(f"/proc/{self.nspawn.pid}/task").glob("*/children")
        for pid in " ".join(file.read_text() for file in children).split():
            proc = pathlib.Path("/proc", pid)
            numbers = [l for l in (proc / "status").open() if l.startswith("NSpid:")]
            if numbers[0].split()[1:] == [pid, "1"]:
                if (proc / "comm").read_text() == "systemd\n":
                    return pid

    def _has_booted(self):
        state = self.run("systemctl is-system-running", check=False).stdout.strip()
        assert state != "degraded", self.run("systemctl --failed").stdout
        return state == "running"

    def run(self, command, user=None, check=True, timeout=60):
        """Run a shell command as root, or with the rights of a user."""
        enter = ["nsenter", "--target", self.init, "--all", "--root"]
        if user:
            enter += ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        done = subprocess.run(
            [*enter, *ENVIRONMENT, "sh", "-c", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if check:
            assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done

    def says(self, command, **options):
        """What a command prints, without the line's end."""
        return self.run(command, **options).stdout.strip()

    def write(self, path, text):
        self.run(f"mkdir -p $(dirname {path}) && printf %s {shlex.quote(text)} >{path}")

    # The package.

    def install(self, deb="/debs/pinfod_*.deb"):
        return self.run(f"DEBIAN_FRONTEND=noninteractive dpkg -i {deb}")

    # Units.

    def show(self, unit, name):
        """A property's value."""
        return self.says(f"systemctl show {unit} -P {name}")

    def main_pid(self, unit="pinfod"):
        return int(self.show(unit, "MainPID"))

    def eventually_active(self, unit, timeout=10):
        def is_active():
            state = self.says(f"systemctl is-active {unit}", check=False)
            assert state == "active", self.journal(unit)
            return True

        eventually(is_active, timeout)

    def journal(self, unit="pinfod"):
        return self.run(f"journalctl -o cat --no-pager -u {unit}").stdout

    def drop_in(self, text, unit="pinfod.service", name="test"):
        self.write(f"/etc/systemd/system/{unit}.d/{name}.conf", text)
        self.run("systemctl daemon-reload")

    def use_example(self, name):
        """A drop-in that the package brings along, as an operator would use it."""
        example = f"/usr/share/doc/pinfod/examples/{name}.conf"
        self.drop_in(self.run(f"cat {example}").stdout, name=name)

    def configure(self, targets, path=CONF, interval="0.2s"):
        """A configuration with these targets: (name, url[, more])."""
        rows = ",\n".join(
            f'{{ name = "{name}"; url = "{url}"; {" ".join(more)} }}'
            for name, url, *more in targets
        )
        text = f'defaults: {{ interval = "{interval}"; }};\ntargets: (\n{rows}\n);\n'
        self.write(path, text)

    # pinfod.

    def status(self, socket=SOCKET):
        """STATUS JSON, as root."""
        return json.loads(self.says(f"pinfoctl -s {socket} --json status"))

    def feed(self, server, channel="pinfo"):
        """Wait for a message that a subscriber of this server gets."""
        self.run(
            f"timeout 10 redis-cli {server} SUBSCRIBE {channel} | grep -m 1 {FEED}"
        )
