"""Certificates made by the openssl command, and a fake server that speaks TLS."""

import contextlib
import datetime
import itertools
import shutil
import socket
import ssl
import subprocess

from .fake import FakeServer
from .processes import temporary_directory

CA_CONF = """
[ca]
default_ca = own
[own]
dir = .
database = index
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""
CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def _stamp(days):
    moment = datetime.datetime.now(datetime.timezone.utc) \
        + datetime.timedelta(days=days)
    return moment.strftime("%Y%m%d%H%M%SZ")


class Certificate:
    """.cert and .key are files; the certificate is valid from .. until."""

    def __init__(self, cert, key):
        self.cert, self.key = cert, key

    @property
    def flags(self):
        return ["--cert", str(self.cert), "--key", str(self.key)]


class Authority:
    """A CA in a directory of its own; .cert is its certificate."""

    def __init__(self, name="Test CA"):
        self.dir = temporary_directory("ca")
        self._ids = itertools.count(1)
        self._run("req", "-x509", *CURVE, "-keyout", "ca.key", "-out", "ca.pem",
                  "-subj", f"/CN={name}", "-days", "30")
        (self.dir / "ca.conf").write_text(CA_CONF)
        (self.dir / "index").write_text("")
        (self.dir / "serial").write_text("01\n")
        self.cert = self.dir / "ca.pem"

    @property
    def flags(self):
        return ["--cacert", str(self.cert)]

    def issue(self, *names, cn="test", start=-1, end=30, signed=True):
        """A certificate for DNS:… and IP:… names; days from now.

        With signed=False it is its own CA, and start is now.
        """
        stem = f"c{next(self._ids)}"
        names = names or ("DNS:localhost", "IP:127.0.0.1", "IP:::1")
        san = "subjectAltName=" + ",".join(names)
        made = Certificate(self.dir / f"{stem}.pem", self.dir / f"{stem}.key")
        request = ["req", *CURVE, "-keyout", f"{stem}.key", "-subj", f"/CN={cn}"]
        if not signed:
            self._run(*request, "-x509", "-days", str(end), "-addext", san,
                      "-out", f"{stem}.pem")
            return made
        (self.dir / f"{stem}.ext").write_text(san + "\n")
        self._run(*request, "-out", f"{stem}.csr")
        self._run("ca", "-batch", "-notext", "-config", "ca.conf",
                  "-in", f"{stem}.csr", "-out", f"{stem}.pem",
                  "-startdate", _stamp(start), "-enddate", _stamp(end),
                  "-extfile", f"{stem}.ext")
        return made

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def _run(self, *words):
        subprocess.run(["openssl", *words], cwd=self.dir, check=True,
                       stdin=subprocess.DEVNULL, capture_output=True)


class TlsFakeServer(FakeServer):
    """A FakeServer that speaks TLS.

    .names are those that clients asked for, .refusals what their handshakes
    failed for.  context is the server's own, to be changed before start().
    """

    def __init__(self, certificate, handler=None, **options):
        super().__init__(handler, **options)
        self.names, self.refusals = [], []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate.cert, certificate.key)
        self.context.sni_callback = lambda sock, name, context: \
            self.names.append(name)

    @property
    def uri(self):
        return f"rediss://{self.name}"

    @property
    def flags(self):
        return ["--tls", *super().flags]

    def _serve(self, connection):
        try:
            connection.sock = self.context.wrap_socket(
                connection.sock, server_side=True)
        except OSError as error:
            self.refusals.append(error)
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
            connection.sock.close()
            with self._lock:
                self._live.pop(connection.id, None)
            connection.open = False
        else:
            super()._serve(connection)
