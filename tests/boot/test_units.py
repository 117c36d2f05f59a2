"""The units as systemd reads them."""

import pytest

UNITS = "pinfod.service", "pinfod.socket", "pinfod@x.service"


def directives(machine, unit):
    text = machine.says(f"systemctl cat {unit}")
    return [l for l in text.splitlines() if l and not l.startswith("#")]


def test_systemd_finds_no_fault_with_them(installed):
    done = installed.run(f"systemd-analyze verify {' '.join(UNITS)}")
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("unit", ["pinfod.service", "pinfod@x.service"])
def test_the_sandbox_is_tight(installed, unit):
    """Tenths: 15 is 1.5."""
    installed.run(f"systemd-analyze security --threshold=15 {unit}")


def test_an_instance_differs_only_in_its_names(installed):
    system = "\n".join(directives(installed, "pinfod.service"))
    for here, there in {
        "Redis is doing": "Redis is doing (%i)",
        "/pinfod/": "/pinfod-%i/",
        "/pinfod\n": "/pinfod --config /etc/pinfod/%i.conf\n",
        "Directory=pinfod": "Directory=pinfod-%i",
        "RuntimeDirectoryPreserve=yes\n": "",
        "=pinfod.password": "=pinfod.password:pinfod-%i.password",
    }.items():
        assert here in system
        system = system.replace(here, there)
    assert "\n".join(directives(installed, "pinfod@x.service")) == system


@pytest.mark.parametrize("name", ["redis-socket", "credentials", "on-failure"])
def test_the_examples_are_understood(installed, name):
    installed.use_example(name)
    done = installed.run("systemd-analyze verify pinfod.service")
    assert done.stdout + done.stderr == ""


def test_notify_reload(installed):
    """From 253; before, systemd passes the line over and stays with notify."""
    installed.use_example("notify-reload")
    version = int(installed.says("systemctl --version").split()[1])
    installed.run("systemctl restart pinfod")
    if version < 253:
        assert installed.show("pinfod", "Type") == "notify"
    else:
        installed.run("systemctl reload pinfod")
        assert "reload: 1 targets" in installed.journal()
