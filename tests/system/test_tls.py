"""Servers behind TLS: real ones, and fakes whose certificates are wrong.

Whatever is wrong with a server's certificate, nothing is said to it: no name,
no password.
"""

import datetime
import json
import os
import re
import shutil
import socket
import ssl
import subprocess

import pytest

from harness import (
    MIB, Authority, Burden, ConfFile, Daemon, NameServer, Namespace,
    TlsFakeServer, conf_group, conf_target, descriptors, eventually, free_port,
    nothing_for, run_pinfod, sanitized,
)

PASSWORD = "not-to-be-told"
DIGITS = r"\d{4}-\d\d-\d\d"
# More than any test has to wait for an attempt: back-off is 15 s at the most.
LATE = 8


@pytest.fixture(scope="module")
def ca():
    made = Authority()
    yield made
    made.close()


@pytest.fixture(scope="module")
def other_ca():
    made = Authority("Another CA")
    yield made
    made.close()


@pytest.fixture(scope="module")
def good(ca):
    return ca.issue()


@pytest.fixture
def make_tls(closing):
    """make_tls(certificate, handler=None, start=True, …): a fake by TLS."""
    def make(certificate, handler=None, start=True, **options):
        server = closing(TlsFakeServer(certificate, handler, **options))
        return server.start() if start else server

    return make


@pytest.fixture
def make_tls_redis(make_redis, ca):
    """make_tls_redis(certificate, clients="no", …): real, .tls is its URI."""
    def make(certificate, clients="no", **options):
        port = free_port()
        server = make_redis(
            "--tls-port", port, "--tls-cert-file", certificate.cert,
            "--tls-key-file", certificate.key, "--tls-ca-cert-file", ca.cert,
            "--tls-auth-clients", clients, **options)
        server.tls_port = port
        server.tls = f"rediss://{server.host}:{port}"
        return server

    return make


def only(daemon):
    [target] = daemon.status()["targets"]
    return target


def wait_reason(daemon, reason, timeout=LATE):
    """Wait until the target is down for such a reason; return that."""
    return eventually(
        lambda: only(daemon)["state"] == "down"
        and re.search(reason, only(daemon)["reason"])
        and only(daemon)["reason"], timeout, what=reason)


def wait_up(daemon, timeout=LATE):
    return eventually(lambda: (t := only(daemon))["state"] == "up" and t,
                      timeout, what="up")


# It works.

@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_feed(host, make_tls_redis, good, ca, make_daemon, make_feed):
    """By name and by address, the feed is the server's own words."""
    server = make_tls_redis(good, ipv6=True)
    feed = make_feed(server)
    daemon = make_daemon("-u", f"rediss://{host}:{server.tls_port}", *ca.flags,
                         "-i", "0.2")
    assert feed.wait_count(3)[0].data.startswith(b"# Persistence\r\n")
    target = wait_up(daemon)
    assert target["address"] == f"rediss://{host}:{server.tls_port}"
    assert target["connects"] == 1
    assert target["tls"]["version"] == "TLSv1.3"
    assert "_" in target["tls"]["cipher"]
    assert daemon.log_lines(rf"up: {server.kind} .* at rediss://")


def test_flags(make_tls_redis, good, ca, make_daemon):
    """--tls as redis-cli has it, files by relative paths."""
    server = make_tls_redis(good)
    done = run_pinfod("--tls", "--cacert", "no.pem")
    assert re.search("--cacert: /.*/no.pem: No such file", done.stderr)
    assert done.returncode == 64
    # It runs in a directory beside the CA's.
    done = run_pinfod("--probe", "--tls", "-p", server.tls_port,
                      "--cacert", os.path.relpath(ca.cert, "/tmp/x"))
    assert done.returncode == 0, done
    assert re.search(r"TLS +TLSv1.3, TLS_\w+", done.stdout)
    assert re.search(rf"certificate +valid until {DIGITS}, for 29d", done.stdout)


def test_big_reply_in_bites(good, ca, make_tls, make_daemon, make_feed):
    """64 KiB in records of every size arrive whole."""
    def handler(connection, words):
        answer = connection.server.default(connection, words)
        if words[0] != b"INFO":
            return answer
        body = b"".join(b"%07d\n" % i for i in range(8192))
        answer = b"$65536\r\n" + body + b"\r\n"
        for size in (1, 5, 100, 16384, 20000):
            connection.send(answer[:size])
            answer = answer[size:]
        return answer

    fake = make_tls(good, handler)
    daemon = make_daemon(fake, *ca.flags, "-i", "0.2")
    feed = make_feed(daemon)
    for message in feed.wait_count(5):
        assert len(message.data) == 65536
        assert message.data[-8:] == b"0008191\n"
    eventually(lambda: fake.count("PUBLISH") >= 3)
    assert fake.of("PUBLISH")[-1][2][2] == feed.data[0]
    assert only(daemon)["connects"] == 1


def test_server_that_dies_and_comes_back(make_tls_redis, good, ca, make_daemon):
    """Its end, without a close-notify, is an end like any other."""
    server = make_tls_redis(good)
    daemon = make_daemon("-u", server.tls, *ca.flags, "-i", "0.2")
    wait_up(daemon)
    server.kill()
    assert "TLS" not in wait_reason(daemon, ".", 2)
    server.start()
    assert wait_up(daemon)["connects"] == 2


def test_old_but_good_enough(good, ca, make_tls, make_daemon):
    """TLS 1.2 is spoken."""
    fake = make_tls(good, start=False)
    fake.context.maximum_version = ssl.TLSVersion.TLSv1_2
    fake.start()
    daemon = make_daemon(fake, *ca.flags)
    assert wait_up(daemon)["tls"]["version"] == "TLSv1.2"


# The server is not the one that was meant.

@pytest.fixture(scope="module")
def wrong(ca, other_ca):
    """name: (its certificate, what is said)"""
    cannot = "certificate verify failed: "
    return {
        "expired": (ca.issue(start=-9, end=-2),
                    cannot + rf"certificate has expired \({DIGITS}\)$"),
        "not yet": (ca.issue(start=3),
                    cannot + f"certificate is not valid before {DIGITS}$"),
        "self-signed": (ca.issue(signed=False),
                        cannot + "self-signed certificate; cacert = "),
        "unknown CA": (other_ca.issue(),
                       cannot + "its issuer 'Another CA' is not among"),
        "name": (ca.issue("DNS:db2.example", "DNS:db3.example"),
                 cannot + "it is for db2.example, db3.example, not for "
                 "127.0.0.1$"),
        "address": (ca.issue("IP:127.0.0.2", "IP:::1"),
                    cannot + "it is for 127.0.0.2, ::1, not for 127.0.0.1$"),
        "name as address": (ca.issue("DNS:127.0.0.1", cn="127.0.0.1"),
                            cannot + "it is for 127.0.0.1, not for 127"),
        "no server's": (ca.issue("DNS:x", cn="nobody"), "it is for x, not"),
    }


WRONG = ["expired", "not yet", "self-signed", "unknown CA", "name", "address",
         "name as address", "no server's"]


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_wrong_certificate(name, version, wrong, ca, make_tls, make_daemon):
    """It says what is wrong, and the server hears nothing."""
    certificate, reason = wrong[name]
    fake = make_tls(certificate, start=False)
    fake.context.minimum_version = fake.context.maximum_version \
        = ssl.TLSVersion[version]
    fake.start()
    daemon = make_daemon(fake, *ca.flags, env={"REDISCLI_AUTH": PASSWORD})
    wait_reason(daemon, reason)
    eventually(lambda: fake.connections >= 2)
    assert fake.commands == []
    assert only(daemon)["connects"] == 0
    assert daemon.log_lines(reason.rstrip("$"))


def test_name_in_words(wrong, ca, make_tls, make_daemon):
    """By name: for whom it is, and for whom it is not."""
    certificate, _ = wrong["name"]
    fake = make_tls(certificate)
    daemon = make_daemon("-u", f"rediss://localhost:{fake.port}", *ca.flags)
    wait_reason(daemon, "db2.example, db3.example, not for localhost$")


def test_certificate_of_no_name(ca, make_tls, make_daemon):
    """What the handshake calls an error of ours is told in OpenSSL's words."""
    with open(ca.dir / "bare.ext", "w") as f:
        f.write("keyUsage=cRLSign\nextendedKeyUsage=clientAuth\n"
                "subjectAltName=IP:127.0.0.1\n")
    made = ca.issue("IP:127.0.0.1\nextendedKeyUsage=clientAuth")
    daemon = make_daemon(make_tls(made), *ca.flags)
    wait_reason(daemon, "certificate verify failed: .*purpose")


def test_trusted_when_named(ca, make_tls, make_daemon):
    """A self-signed certificate is trusted when cacert holds it."""
    made = ca.issue(signed=False)
    daemon = make_daemon(make_tls(made), "--cacert", made.cert)
    wait_up(daemon)


def test_directory(good, ca, make_tls, make_daemon, tmp_path):
    """cacertdir, once its files lie there by their hashes."""
    shutil.copy(ca.cert, tmp_path)
    done = run_pinfod("--cacertdir", tmp_path, "--test-config")
    assert "run openssl rehash" in done.stderr
    subprocess.run(["openssl", "rehash", tmp_path], check=True)
    daemon = make_daemon(make_tls(good), "--cacertdir", tmp_path)
    wait_up(daemon)


def test_system_store(good, ca, make_tls, make_daemon):
    """Without cacert it is the system's store, as OpenSSL finds it."""
    fake = make_tls(good)
    daemon = make_daemon(fake)
    wait_reason(daemon, "its issuer 'Test CA' is not among those")
    daemon = make_daemon(fake, env={"SSL_CERT_FILE": str(ca.cert)})
    wait_up(daemon)


def test_verify_none(wrong, make_tls, make_daemon):
    """Only by that word, and with a warning."""
    fake = make_tls(wrong["expired"][0])
    daemon = make_daemon(fake, "--insecure", env={"REDISCLI_AUTH": PASSWORD})
    wait_up(daemon)
    assert daemon.log_lines("verify: none, so whoever answers there is taken")
    assert daemon.log_lines("the server's certificate has expired")
    mark = daemon.log_mark()
    daemon.do("RELOAD")
    daemon.wait_log("verify: none, so whoever", since=mark)
    assert only(daemon)["connects"] == 1


def test_sni(ca, make_tls, make_daemon):
    """The host is asked for, or what sni says; an address is not."""
    fake = make_tls(ca.issue("DNS:localhost", "DNS:other.example",
                             "IP:127.0.0.1"))
    for flags, name in (
        (["-u", f"rediss://localhost:{fake.port}"], "localhost"),
        (["-u", f"rediss://127.0.0.1:{fake.port}"], None),
        (["-u", f"rediss://127.0.0.1:{fake.port}", "--sni", "other.example"],
         "other.example"),
    ):
        fake.names.clear()
        done = run_pinfod("--probe", *flags, *ca.flags)
        assert done.returncode == 0, done
        assert fake.names == [name]


def test_sni_is_checked(good, ca, make_tls, make_daemon):
    """The certificate must be for that name then."""
    daemon = make_daemon(make_tls(good), *ca.flags, "--sni", "db1.example")
    wait_reason(daemon, "it is for localhost, 127.0.0.1, ::1, not for db1.exa")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a network "
                    "namespace")
def test_second_address(good, wrong, ca, closing, make_tls):
    """Of several addresses a bad one does not matter."""
    network = closing(Namespace())
    closing(NameServer(network)).names["localhost"] = ["127.0.0.2", "127.0.0.1"]
    bad = make_tls(wrong["expired"][0], host="127.0.0.2", start=False)
    fake = make_tls(good, port=bad.port, start=False)
    for server in (bad, fake):
        network.inside(server.start)
    daemon = Daemon("-u", f"rediss://localhost:{bad.port}", *ca.flags)
    daemon.prefix = network.prefix
    wait_up(closing(daemon).start())
    assert bad.commands == [] and fake.commands


# We are not the one that the server wants.

def test_mutual(make_tls_redis, good, ca, make_daemon):
    """A server that wants a certificate gets ours."""
    server = make_tls_redis(good, clients="yes")
    daemon = make_daemon("-u", server.tls, *ca.flags,
                         *ca.issue("DNS:client").flags)
    assert wait_up(daemon)["connects"] == 1


REFUSED = {
    "none": "the server wants a certificate of ours: cert and key",
    "another CA's": "the server does not know the CA of our certificate",
    "expired": rf"our certificate has expired \({DIGITS}\)$",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_client(name, make_tls_redis, good, ca, other_ca, make_daemon):
    """Without, or with a wrong one: it says why."""
    flags = {
        "none": lambda: [],
        "another CA's": lambda: other_ca.issue("DNS:client").flags,
        "expired": lambda: ca.issue("DNS:c", start=-9, end=-2).flags,
    }[name]()
    server = make_tls_redis(good, clients="yes")
    daemon = make_daemon("-u", server.tls, *ca.flags, *flags)
    wait_reason(daemon, REFUSED[name])


def test_refused_client_of_old(good, ca, make_tls, make_daemon):
    """By TLS 1.2 it is the handshake that fails."""
    fake = make_tls(good, start=False)
    fake.context.maximum_version = ssl.TLSVersion.TLSv1_2
    fake.context.verify_mode = ssl.CERT_REQUIRED
    fake.context.load_verify_locations(ca.cert)
    fake.start()
    daemon = make_daemon(fake, *ca.flags)
    wait_reason(daemon, "a certificate of ours")


@pytest.mark.parametrize("days,said", [
    (29.5, "in 29d 1[12]h"), (6.5, "in 6d 1[12]h"), (0.5, "in 1[12]h"),
    (-1, None), (31, None),
])
def test_own_certificate_ends(days, said, good, ca, make_tls, make_daemon):
    """The log warns, once."""
    mine = ca.issue("DNS:client", start=-40, end=days)
    fake = make_tls(good)
    daemon = make_daemon(fake, *ca.flags, *mine.flags, "-i", "0.1")
    wait_up(daemon)
    eventually(lambda: fake.count("INFO") > 5)
    lines = daemon.log_lines("our certificate")
    if days > 30:
        assert lines == []
        return
    [line] = lines
    assert re.search(said or "has expired", line) and str(mine.cert) in line


@pytest.mark.parametrize("days", [13.5, 14.5])
def test_servers_certificate_ends(days, ca, make_tls, make_daemon):
    """With less than 14 days left it is told, once."""
    fake = make_tls(ca.issue(end=days))
    daemon = make_daemon(fake, *ca.flags, "-i", "0.1")
    until = wait_up(daemon)["tls"]["certificate_until"]
    end = datetime.datetime.fromisoformat(until.replace("Z", "+00:00"))
    left = end - datetime.datetime.now(datetime.timezone.utc)
    assert abs(left / datetime.timedelta(days=1) - days) < 0.01
    metrics = daemon.do("METRICS")
    shown = float(re.search(r"certificate_end_timestamp_seconds{[^}]*} (\S+)",
                            metrics)[1])
    assert abs(shown - end.timestamp()) <= 10
    for connection in fake.live:
        connection.close()
    eventually(lambda: only(daemon)["connects"] == 2)
    lines = daemon.log_lines("the server's certificate expires in 13d")
    assert len(lines) == (1 if days < 14 else 0)


# What is no TLS, or none that will do.

def test_plain_port(fake, make_daemon):
    """TLS towards a port that answers in clear."""
    daemon = make_daemon("-u", f"rediss://{fake.name}")
    wait_reason(daemon, "^the server does not speak TLS on this port$")


def test_plain_port_of_a_real_server(server, make_daemon):
    """Whatever it does with a ClientHello, it is told in words."""
    daemon = make_daemon("-u", f"rediss://{server.name}")
    wait_reason(daemon, "does (not|the server) speak TLS|TLS handshake")


def test_tls_port_in_clear(make_tls_redis, good, make_daemon):
    """Its silence is explained."""
    server = make_tls_redis(good)
    daemon = make_daemon("-p", server.tls_port)
    wait_reason(daemon, "if it speaks TLS on this port: rediss://$")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_too_old(good, ca, make_tls, make_daemon):
    """TLS 1.1 is none."""
    fake = make_tls(good, start=False)
    fake.context.set_ciphers("ALL:@SECLEVEL=0")
    fake.context.minimum_version = ssl.TLSVersion.TLSv1
    fake.context.maximum_version = ssl.TLSVersion.TLSv1_1
    fake.start()
    daemon = make_daemon(fake, *ca.flags)
    wait_reason(daemon, "the server speaks no TLS of version 1.2 or later")
    assert fake.commands == []


def test_silent_handshake(make_fake, make_daemon):
    """One that accepts and says nothing: after 3 s, and no sooner."""
    fake = make_fake(accept=False)
    daemon = make_daemon("-u", f"rediss://{fake.name}")
    nothing_for(2.5, lambda: only(daemon)["state"] != "starting")
    wait_reason(daemon, "the TLS handshake timed out", 2)


def test_closed_in_the_handshake(make_fake, make_daemon):
    def hang_up(connection):
        connection.sock.recv(100)
        connection.close()

    daemon = make_daemon("-u", f"rediss://{make_fake(on_connect=hang_up).name}")
    wait_reason(daemon, "during the TLS handshake")


def test_closed_in_half_a_handshake(good, ca, make_tls, make_fake, make_daemon):
    """Its first record, cut: the connection ends in the middle."""
    def hang_up(connection):
        connection.sock.recv(10000)
        connection.send(b"\x16\x03\x03\x40\x00" + b"\x02" * 100)
        connection.close()

    daemon = make_daemon("-u", f"rediss://{make_fake(on_connect=hang_up).name}")
    wait_reason(daemon, "TLS handshake")


def test_closed_in_a_record(good, ca, make_tls, make_daemon):
    """Half a record, and the end: down, and up again."""
    done = []

    def handler(connection, words):
        if words[0] == b"PUBLISH" and not done:
            done.append(True)
            raw = socket.socket(fileno=os.dup(connection.sock.fileno()))
            raw.sendall(b"\x17\x03\x03\x01\x00" + b"x" * 50)
            raw.shutdown(socket.SHUT_RDWR)
            raw.close()
            return None
        return connection.server.default(connection, words)

    fake = make_tls(good, handler)
    daemon = make_daemon(fake, *ca.flags, "-i", "0.2")
    eventually(lambda: only(daemon)["connects"] == 2, LATE)
    wait_up(daemon)


def test_garbage_in_a_record(good, ca, make_tls, make_daemon):
    """A record that was tampered with is refused, and told."""
    done = []

    def handler(connection, words):
        if words[0] == b"PUBLISH" and not done:
            done.append(True)
            raw = socket.socket(fileno=os.dup(connection.sock.fileno()))
            raw.sendall(b"\x17\x03\x03\x00\x40" + b"x" * 64)
            raw.close()
            return None
        return connection.server.default(connection, words)

    fake = make_tls(good, handler)
    daemon = make_daemon(fake, *ca.flags, "-i", "0.2")
    # OpenSSL 3.5 has its own word for it.
    daemon.wait_log("TLS: .*(bad record mac|record layer failure)")
    wait_up(daemon)


# Files.

@pytest.fixture
def conf(tmp_path):
    return ConfFile(tmp_path)


def one_error(conf):
    done = run_pinfod("--test-config", *conf.flags)
    assert done.returncode == 78, done
    [line] = [line for line in done.stderr.splitlines()]
    return line


def test_wrong_files(conf, ca, other_ca, good, tmp_path):
    """Each is told with file and line."""
    junk, locked = tmp_path / "junk.pem", tmp_path / "locked.key"
    junk.write_text("nothing\n")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-aes256",
                    "-pass", "pass:x", "-out", str(locked)], check=True)
    folder = tmp_path / "folder"
    folder.mkdir()
    for url, options, says in (
        ("rediss://h", {"cacert": "ca.pem"}, "'ca.pem' is no absolute path"),
        ("rediss://h", {"cacert": "/no/ca.pem"}, "/no/ca.pem: No such file"),
        ("rediss://h", {"cacert": junk}, "holds no certificates in PEM form"),
        ("rediss://h", {"cacert": folder}, "is no regular file"),
        ("rediss://h", {"cacertdir": junk}, "Not a directory"),
        ("rediss://h", {"cacertdir": folder}, "run openssl rehash"),
        ("rediss://h", {"cert": junk, "key": good.key}, "holds no certificate"),
        ("rediss://h", {"cert": good.cert, "key": junk}, "no private key"),
        ("rediss://h", {"cert": good.cert, "key": locked}, "passphrase"),
        ("rediss://h", {"cert": good.cert}, "needs key beside it"),
        ("rediss://h", {"key": good.key}, "needs cert beside it"),
        ("rediss://h", {"cert": good.cert, "key": ca.issue().key},
         "does not belong to"),
        ("rediss://h", {"sni": "a b"}, "host 'a b' holds a ' '"),
        ("rediss://h", {"verify": "peer"}, "none of full, none"),
        ("redis://h", {"cacert": ca.cert}, "does not begin with rediss://"),
        ("redis://h", {"verify": "none"}, "does not begin with rediss://"),
        ("unix:///h", {"sni": "h"}, "does not begin with rediss://"),
    ):
        conf.write(f"\n{'targets: ('}\n" + conf_target(url, **options) + ");")
        line = one_error(conf)
        key = next(key for key in options
                   if f"targets[0].{key}" in line)
        assert line.startswith(f"pinfod: {conf.path}:3: targets[0].{key}: ")
        assert says in line, (options, line)


def test_readable_key(conf, ca, good, tmp_path):
    """A warning, and no more."""
    key = tmp_path / "open.key"
    shutil.copy(good.key, key)
    key.chmod(0o644)
    conf.targets(conf_target("rediss://h", cert=good.cert, key=key))
    done = run_pinfod("--test-config", *conf.flags)
    assert done.returncode == 0
    assert "has mode 0644, so others may read it; chmod 0640" in done.stderr


def test_files_of_groups(conf, ca, good, tmp_path):
    """As those of a target: together, in defaults, and who may read them."""
    key = tmp_path / "open.key"
    shutil.copy(good.key, key)
    key.chmod(0o644)
    for group in ({"name": "g", "cluster": "rediss://h"},
                  {"name": "g", "sentinels": "rediss://h", "master": "m"},
                  {"targets_file": "/g"}):
        conf.write("targets: (\n" + conf_group(**group, cert=good.cert) + ");")
        assert ":2: targets[0].cert: it needs key" in one_error(conf)
        conf.targets(conf_group(**group), defaults={"cert": good.cert})
        assert re.search("group /?g: cert: it needs key", one_error(conf))
        conf.targets(conf_group(**group), defaults={
            "cert": good.cert, "key": ca.issue().key})
        assert re.search("group /?g: TLS: .*does not belong to", one_error(conf))
        conf.targets(conf_group(**group, cert=good.cert, key=key))
        done = run_pinfod("--test-config", *conf.flags)
        assert done.returncode == 0
        assert re.search("group /?g: key: .* has mode 0644", done.stderr)
    # Plain ones have none of it.
    conf.targets(conf_group(name="g", cluster="redis://h"),
                 defaults={"cert": good.cert})
    done = run_pinfod("--test-config", *conf.flags)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(good.cert) not in done.stdout


def test_printed_as_given(conf, ca, good):
    """--test-config shows it in a form that says the same again."""
    conf.targets(
        conf_target("rediss://h:1", name="a", sni="x.example", verify="none"),
        conf_target("redis://h:2", name="b"),
        defaults={"cacert": ca.cert, "cert": good.cert, "key": good.key})
    first = run_pinfod("--test-config", *conf.flags)
    assert first.returncode == 0, first
    assert 'url = "rediss://h:1"' in first.stdout
    # Who has no TLS has none of its options.
    assert first.stdout.count(str(ca.cert)) == 1
    conf.write(first.stdout)
    second = run_pinfod("--test-config", *conf.flags)
    assert (second.returncode, second.stdout) == (0, first.stdout)


def test_replaced_files_and_reload(conf, ca, other_ca, make_tls, make_daemon,
                                   tmp_path):
    """Other files count from the next connection on; a reload cuts nothing."""
    trusted = tmp_path / "trusted.pem"
    shutil.copy(ca.cert, trusted)
    fake = make_tls(ca.issue())
    conf.targets(conf_target(fake, name="t", cacert=trusted, interval=0.2))
    daemon = make_daemon(conf)
    wait_up(daemon)

    replace(other_ca.cert, trusted)
    daemon.do("RELOAD")
    have = fake.count("INFO")
    eventually(lambda: fake.count("INFO") > have + 2)
    assert only(daemon)["connects"] == 1
    for connection in fake.live:
        connection.close()
    wait_reason(daemon, "its issuer 'Test CA' is not among")
    replace(ca.cert, trusted)
    wait_up(daemon)

    # Half a file is none: what was read before stays in force.
    replace(None, trusted)
    for connection in fake.live:
        connection.close()
    daemon.wait_log("has changed and is of no use, what was read before stays")
    eventually(lambda: only(daemon)["connects"] == 3)
    wait_up(daemon)


def replace(source, target):
    fresh = target.with_suffix(".new")
    fresh.write_bytes(source.read_bytes() if source else b"-----BEGIN")
    os.replace(fresh, target)


def test_reload_to_tls_and_back(conf, make_tls_redis, good, ca, make_daemon):
    """A target that changes to TLS is connected to anew, and back."""
    server = make_tls_redis(good)
    plain = conf_target(server, name="t", interval=0.2)
    tls = conf_target(server.tls, name="t", interval=0.2, cacert=ca.cert)
    conf.targets(plain)
    daemon = make_daemon(conf)
    for count, (target, shown) in enumerate(
            [(plain, False), (tls, True), (plain, False)], 1):
        conf.targets(target)
        daemon.do("RELOAD")
        eventually(lambda: (t := only(daemon))["connects"] == count
                   and t["state"] == "up" and bool(t["tls"]) == shown, LATE)


# What it costs, and what it leaves behind.

def test_reconnects_leave_nothing(good, ca, make_tls, make_daemon, tmp_path):
    """Two hundred connections later it is as it was."""
    rounds = 200 if not sanitized() else 30
    fake = make_tls(good)
    daemon = make_daemon(fake, *ca.flags, "-i", "60",
                         env={"RUNTIME_DIRECTORY": str(tmp_path)})

    def again():
        have = fake.count("HELLO")
        daemon.do("STOP")
        daemon.do("START")
        eventually(lambda: fake.count("HELLO") > have)
        wait_up(daemon)

    for _ in range(20):
        again()
    burden, have = Burden(daemon), descriptors(daemon.pid)
    for _ in range(rounds):
        again()
    burden.check(grown=MIB // 2, cpu=0.02 * rounds)
    assert descriptors(daemon.pid) == have
    assert os.listdir(tmp_path) == []


def test_descriptors_are_closed_on_exec(good, ca, make_tls, make_daemon):
    """All three of a connection by TLS."""
    daemon = make_daemon(make_tls(good), *ca.flags)
    wait_up(daemon)
    folder = f"/proc/{daemon.pid}"
    for number in os.listdir(f"{folder}/fd"):
        if int(number) <= 2:
            continue
        with open(f"{folder}/fdinfo/{number}") as f:
            flags = int(re.search(r"flags:\s*(\d+)", f.read())[1], 8)
        assert flags & os.O_CLOEXEC, os.readlink(f"{folder}/fd/{number}")


def test_intruder(good, ca, make_tls, make_daemon, tmp_path):
    """Who tries every name in our directory gets no word of ours."""
    import threading

    heard, ended = [], threading.Event()

    def intrude():
        while not ended.is_set():
            for name in os.listdir(tmp_path):
                try:
                    with socket.socket(socket.AF_UNIX) as sock:
                        sock.settimeout(0.01)
                        sock.connect(str(tmp_path / name / "s"))
                        heard.append(sock.recv(100))
                except OSError:
                    pass

    fake = make_tls(good)
    daemon = make_daemon(fake, *ca.flags, "-i", "60",
                         env={"RUNTIME_DIRECTORY": str(tmp_path)})
    thread = threading.Thread(target=intrude)
    thread.start()
    try:
        for _ in range(100):
            have = fake.connections
            daemon.do("STOP")
            daemon.do("START")
            eventually(lambda: fake.connections > have)
    finally:
        ended.set()
        thread.join()
    assert not [words for words in heard if words]
    daemon.do("STOP")
    daemon.do("START")
    wait_up(daemon)


def test_clear_text_nowhere(good, ca, make_tls_redis, make_daemon):
    """Status of a plain target has no TLS in it."""
    server = make_tls_redis(good)
    daemon = make_daemon(server)
    assert wait_up(daemon)["tls"] is None
    assert "certificate_end" not in "".join(
        line for line in daemon.do("METRICS").splitlines()
        if not line.startswith("#"))
    assert json.loads(daemon.do("STATUS", "JSON"))["schema"] == 1
