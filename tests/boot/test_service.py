"""The service's life: ready, reloaded, watched, restarted, activated, stopped."""

from machine import CONF, REDIS, REDIS_SOCKET, SOCKET
from waiting import eventually, nothing_for

def test_ready_without_redis(installed):
    assert installed.show("pinfod", "ActiveState") == "active"
    eventually(lambda: "0 of 1 target" in installed.show("pinfod", "StatusText"))
    assert "local" in installed.show("pinfod", "StatusText")


def test_feeds_over_tcp(redis):
    redis.configure([("local", REDIS), ("named", "redis://localhost")])
    redis.run("systemctl reload pinfod")
    redis.feed("-h 127.0.0.1")
    eventually(lambda: "2 of 2 targets" in redis.show("pinfod", "StatusText"))


def test_feeds_over_the_unix_socket_by_the_drop_in(redis):
    assert redis.says(f"stat -c '%a %U %G' {REDIS_SOCKET}") == "770 redis redis"
    redis.configure([("local", f"unix://{REDIS_SOCKET}")])
    redis.run("systemctl restart pinfod")
    eventually(lambda: "Permission denied" in redis.journal())
    redis.use_example("redis-socket")
    redis.run("systemctl restart pinfod")
    redis.feed(f"-s {REDIS_SOCKET}")


def test_a_reload_keeps_the_process(redis):
    pid = redis.main_pid()
    redis.configure([("local", REDIS)])
    redis.run("systemctl reload pinfod")
    assert redis.main_pid() == pid
    assert redis.status()["targets"][0]["interval_s"] == 0.2


def test_a_bad_reload_fails_and_changes_nothing(installed):
    pid = installed.main_pid()
    good = installed.says("pinfoctl config")
    installed.write(CONF, "targets: ( { url = 3; } );\nnonsense = 1;\n")
    assert installed.run("systemctl reload pinfod", check=False).returncode != 0
    assert installed.show("pinfod", "ActiveState") == "active"
    assert installed.main_pid() == pid
    assert installed.says("pinfoctl config") == good
    eventually(lambda: "reload" in installed.show("pinfod", "StatusText"))
    assert "nonsense" in installed.journal()
    installed.configure([("local", REDIS)])
    installed.run("systemctl reload pinfod")
    eventually(lambda: "reload" not in installed.show("pinfod", "StatusText"))


def test_the_watchdog_ends_a_loop_that_hangs(installed):
    installed.drop_in("[Service]\nWatchdogSec=2s\n")
    installed.run("systemctl restart pinfod")
    pid = installed.main_pid()
    nothing_for(3, lambda: installed.main_pid() != pid)  # fed, it lives on
    installed.run(f"kill -STOP {pid}")
    eventually(lambda: installed.main_pid() not in (0, pid), 20)
    installed.eventually_active("pinfod")
    assert "watchdog" in installed.journal().lower()


def test_restarted_when_killed(redis):
    redis.configure([("local", REDIS)])
    for _ in range(7):  # more than systemd's own limit
        redis.eventually_active("pinfod")
        pid = redis.main_pid()
        redis.run(f"kill -KILL {pid}")
        eventually(lambda: redis.main_pid() not in (0, pid), 10)
    redis.feed("")


def test_a_wrong_configuration_fails_once(installed):
    installed.write(CONF, "nonsense = 1;\n")
    assert installed.run("systemctl restart pinfod", check=False).returncode != 0
    nothing_for(2.5, lambda: installed.show("pinfod", "NRestarts") != "0")
    assert installed.show("pinfod", "ActiveState") == "failed"
    assert installed.show("pinfod", "ExecMainStatus") == "78"


def test_a_second_one_in_its_place_fails_once(installed):
    installed.run("systemctl stop pinfod")
    installed.run("systemd-run --unit=other -p User=pinfod pinfod --control " + SOCKET)
    eventually(lambda: installed.run("pinfoctl status", check=False).returncode == 0)
    assert installed.run("systemctl start pinfod", check=False).returncode != 0
    assert installed.show("pinfod", "ExecMainStatus") == "69"
    assert installed.show("pinfod", "ActiveState") == "failed"
    assert "other" not in installed.says("systemctl --failed --plain --no-legend")
    assert installed.status()["pid"] == installed.main_pid("other")


def test_a_client_starts_it_by_the_socket(installed):
    installed.run("systemctl stop pinfod && systemctl start pinfod.socket")
    assert installed.says(f"stat -c '%a %U %G' {SOCKET}") == "660 pinfod pinfod"
    assert installed.show("pinfod", "ActiveState") == "inactive"
    assert installed.status()["pid"] == installed.main_pid()
    # The socket outlives restarts and stops; who comes meanwhile waits.
    inode = installed.says(f"stat -c %i {SOCKET}")
    installed.run("systemctl restart pinfod")
    assert installed.status()["pid"] == installed.main_pid()
    installed.run("systemctl reload pinfod")
    installed.run("systemctl stop pinfod 2>/dev/null")
    assert installed.status()["pid"] == installed.main_pid()
    assert installed.says(f"stat -c %i {SOCKET}") == inode
    installed.run("systemctl stop pinfod.socket pinfod")
    assert installed.run(f"test -e {SOCKET}", check=False).returncode == 1


def test_stopped_it_leaves_an_empty_directory(installed):
    installed.run("systemctl stop pinfod")
    assert installed.show("pinfod", "Result") == "success"
    assert installed.says("ls -A /run/pinfod") == ""


def test_a_shutdown_is_meant(installed):
    installed.run("pinfoctl shutdown")
    eventually(lambda: installed.show("pinfod", "ActiveState") == "inactive")
    nothing_for(2, lambda: installed.show("pinfod", "ActiveState") != "inactive")


def test_two_instances_at_once(redis):
    redis.run("redis-server --port 6380 --save '' --daemonize yes")
    for name, port in ("orders", 6379), ("carts", 6380):
        redis.configure([(name, f"{REDIS}:{port}")], f"/etc/pinfod/{name}.conf")
        redis.run(f"systemctl start pinfod@{name}")
    for name, port in ("orders", 6379), ("carts", 6380):
        redis.feed(f"-p {port}")
        status = redis.status(f"/run/pinfod-{name}/pinfod.sock")
        assert [target["name"] for target in status["targets"]] == [name]
        assert status["pid"] == redis.main_pid(f"pinfod@{name}")
        assert redis.says(f"stat -c '%a %U' /var/lib/pinfod-{name}") == "700 pinfod"
        redis.run(f"systemctl reload pinfod@{name}")
    redis.run("systemctl stop pinfod@orders")
    assert redis.run("test -e /run/pinfod-orders", check=False).returncode == 1
    redis.feed("-p 6380")
    assert redis.status()["targets"][0]["name"] == "local"
