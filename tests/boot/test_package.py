"""Installing, upgrading, removing and purging the package."""

from machine import CONF, SOCKET


def test_it_runs_once_installed_and_after_a_boot(installed):
    assert installed.says("systemctl is-enabled pinfod") == "enabled"
    assert installed.says("systemctl is-enabled pinfod.socket", check=False) == "disabled"
    assert installed.show("pinfod", "NRestarts") == "0"
    version = installed.says("dpkg-query -W -f '${Version}' pinfod")
    assert f"pinfod {version}" in installed.says("pinfod --version")


def files(machine):
    """All that is on the disk, but for what dpkg and the journal write."""
    return set(
        machine.run(
            "find / -xdev ! -path '/var/lib/dpkg/*' ! -path '/var/log/*'"
            " ! -path '/var/cache/*'; find /run -xdev -name '*pinfod*'"
        ).stdout.splitlines()
    )


def test_a_purge_leaves_the_user_and_nothing_else(machine):
    before = files(machine)
    users = machine.says("cat /etc/passwd /etc/group")
    machine.install()
    machine.eventually_active("pinfod")
    machine.write("/etc/pinfod/orders.conf", "targets: ();")
    machine.run("systemctl enable --now pinfod@orders pinfod.socket", check=False)
    machine.run("touch /var/lib/pinfod/state")
    machine.run("rm /etc/pinfod/orders.conf; dpkg --purge pinfod")
    assert machine.says("systemctl list-units --all --plain --no-legend 'pinfod*'") == ""
    assert machine.says("pgrep -a pinfod", check=False) == ""
    # The password's files and their backups are written by systemd-sysusers.
    backups = {f"/etc/{name}-" for name in ("passwd", "group", "shadow", "gshadow")}
    assert files(machine) - before - backups == set()
    assert before - files(machine) == set()
    added = set(machine.says("cat /etc/passwd /etc/group").split("\n"))
    assert {line.split(":")[0] for line in added - set(users.split("\n"))} == {"pinfod"}


def test_an_upgrade_keeps_all_of_it_running(machine):
    machine.run(
        "dpkg-deb -R /debs/pinfod_*.deb /tmp/old && cd /tmp/old"
        " && sed -i 's/^Version:.*/Version: 0.0.1/' DEBIAN/control"
        " && dpkg-deb -b . /tmp/old.deb"
    )
    machine.install("/tmp/old.deb")
    machine.eventually_active("pinfod")
    machine.run(f"echo '# ours' >>{CONF} && cp {CONF} /etc/pinfod/orders.conf")
    machine.run("systemctl enable --now pinfod@orders")
    machine.run("systemctl stop pinfod && systemctl enable --now pinfod.socket pinfod")
    units = "pinfod", "pinfod.socket", "pinfod@orders"
    pids = {unit: machine.main_pid(unit) for unit in (units[0], units[2])}
    machine.install()
    for unit in units:
        machine.eventually_active(unit)
    for unit, pid in pids.items():
        assert machine.main_pid(unit) != pid
        assert machine.show(unit, "NRestarts") == "0"
    assert "# ours" in machine.says(f"cat {CONF}")
    assert machine.status()["pid"] == machine.main_pid()


def test_an_upgrade_starts_nothing_that_was_off(installed):
    installed.run("systemctl disable --now pinfod 2>/dev/null")
    installed.install()
    assert installed.show("pinfod", "ActiveState") == "inactive"
    assert installed.says("systemctl is-enabled pinfod", check=False) == "disabled"


def test_removed_it_keeps_configuration_and_state(installed):
    installed.run("touch /var/lib/pinfod/state && dpkg --remove pinfod")
    installed.run(f"test -e {CONF} -a -e /var/lib/pinfod/state")
    assert installed.says("pgrep -a pinfod", check=False) == ""
    installed.install()
    installed.eventually_active("pinfod")
