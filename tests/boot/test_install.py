"""make install, without a package: from the sources, as root, into /usr/local."""

from machine import CONF


def test_install_and_uninstall(machine):
    make = "make -s -C /tmp/pinfod-* DEPS=no"
    machine.run("tar -C /tmp -xf /debs/pinfod_*.tar.xz")
    before = machine.files()
    said = machine.says(f"{make} install", timeout=100).splitlines()
    machine.run(said[-1].removeprefix("next: "))
    machine.eventually_active("pinfod")
    exe = machine.says(f"readlink /proc/{machine.main_pid()}/exe")
    assert exe == "/usr/local/sbin/pinfod"
    machine.run("systemctl reload pinfod")

    machine.run(f"echo '# ours' >>{CONF} && {make} install")
    assert "# ours" in machine.says(f"cat {CONF}")
    machine.run(f"systemctl disable --now pinfod && {make} uninstall clean")
    left = {path for path in machine.files() - before if "pinfo" in path}
    state = {"/var/lib/pinfod", "/run/pinfod"}
    assert left == {"/etc/pinfod", CONF} | state
