"""What the sandbox keeps from pinfod, tried in it and not read off the unit."""

import pytest

# A shell command, and whether the sandbox lets it pass.
TRIES = {
    "touch /var/lib/pinfod/x": True,
    "touch /run/pinfod/x": True,
    "touch /tmp/x": True,
    "touch /etc/pinfod/x": False,
    "touch /var/lib/x": False,
    "touch /run/x": False,
    "touch /usr/x": False,
    "test -e /tmp/of-others": False,
    "test -e /home/of-others": False,
    "test -e /root/of-others": False,
    "test -d /proc/1": False,
    "test -e /proc/meminfo": False,
    "test -e /dev/null": True,
    "test -e /dev/console": False,
    "test -S /run/redis/redis-server.sock": True,
    "redis-cli -h 127.0.0.1 PING": True,
    "chgrp pinfod /var/lib/pinfod": True,
    "unshare --user true": False,
    "chmod u+s /tmp/x": False,
    "nice -n 5 test $(nice -n 5 nice) = 5": False,
    "setpriv --reuid=0 true": False,
    "hostname other": False,
    "date --set=now": False,
    "dmesg": False,
    "test $(ulimit -c) = 0": True,
    "test $(umask) = 0077": True,
}


def test_from_inside(redis):
    """The unit's own settings, around a script instead of pinfod."""
    redis.run("cd /home && touch of-others /root/of-others /tmp/of-others")
    redis.run("chmod 755 /root")
    script = "".join(f"{command} && echo yes || echo no\n" for command in TRIES)
    redis.write("/usr/local/bin/try", script)
    redis.drop_in(
        "[Service]\nType=oneshot\nExecStart=\nExecStart=/bin/sh /usr/local/bin/try\n"
        "StandardOutput=file:/var/tmp/said\nStandardError=journal\n"
    )
    redis.run("systemctl restart pinfod", check=False)
    said = redis.says("grep -Fx -e yes -e no /var/tmp/said").splitlines()
    assert dict(zip(TRIES, (answer == "yes" for answer in said))) == TRIES


def test_the_daemon_has_no_rights(installed):
    pid = installed.main_pid()
    status = dict(
        line.split(":\t", 1)
        for line in installed.says(f"cat /proc/{pid}/status").splitlines()
    )
    user, group = installed.says("id -u pinfod; id -g pinfod").split()
    assert set(status["Uid"].split()) == {user}
    assert set(status["Gid"].split()) == {group}
    assert set(status["Groups"].split()) == {group}
    for name in "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb":
        assert int(status[name], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    # Nor anything to hand on: standard input and output, its own, and no more.
    links = installed.says(f"ls -l /proc/{pid}/fd")
    assert "/etc/" not in links and "/run/credentials" not in links
