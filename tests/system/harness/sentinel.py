"""Real sentinels, and the master and replicas that they watch."""

from .server import RedisServer
from .resp import ReplyError
from .waiting import eventually

# What makes them quick (SENTINEL DEBUG, from 7.0): they say hello, ask for INFO
# and ping this often, in ms, and wait no longer after they were suspended.  The
# presets are 2000, 10000, 1000 and 30000.
PERIODS = {"publish-period": 200, "info-period": 500, "ping-period": 200,
           "tilt-period": 500}
# Save points that no test reaches: without any, it is an incident.
SAVE = "3600 1000000"


class Sentinel(RedisServer):
    """A sentinel that knows no master yet."""

    def __init__(self, *args, quick=True, **options):
        super().__init__("--sentinel", *args, **options)
        self.config = self.dir / "sentinel.conf"
        self.config.write_text("")
        self.quick = quick and self.version >= (7, 0, 0)

    def start(self):
        super().start()
        for key, period in PERIODS.items() if self.quick else ():
            self.call("SENTINEL", "DEBUG", key, period)
        return self

    def monitor(self, name, server, quorum, **settings):
        """SENTINEL MONITOR; settings are those of SENTINEL SET."""
        self.call("SENTINEL", "MONITOR", name, server.host, server.port, quorum)
        for key, value in settings.items():
            self.call("SENTINEL", "SET", name, key.replace("_", "-"), value)

    def master(self, name):
        """SENTINEL MASTER as a dict of texts."""
        return _pairs(self.call("SENTINEL", "MASTER", name))

    def replicas(self, name):
        """SENTINEL REPLICAS as dicts of texts."""
        return [_pairs(words) for words
                in self.call("SENTINEL", "REPLICAS", name)]


class SentinelGroup:
    """A master, its replicas, and sentinels that watch them under `name`.

    .servers are the first master and its replicas, .master is the one that the
    sentinels agree on now.  It is settled when the constructor returns.
    """

    def __init__(self, name="mymaster", replicas=2, sentinels=3, quick=True,
                 password=None, sentinel_password=None):
        self.name = name
        self.quorum = sentinels // 2 + 1
        self.servers, self.sentinels = [], []
        try:
            for _ in range(1 + replicas):
                self._add_server(password)
            for _ in range(sentinels):
                self.sentinels.append(
                    Sentinel(quick=quick, password=sentinel_password).start())
            # Two pings at the least, or a busy machine is taken for a dead server.
            down_after_ms = 500 if self.sentinels[0].quick else 2500
            settings = {"down_after_milliseconds": down_after_ms,
                        "failover_timeout": 5000, "parallel_syncs": replicas or 1}
            if password:
                settings["auth_pass"] = password
            for sentinel in self.sentinels:
                sentinel.monitor(name, self.servers[0], self.quorum, **settings)
            self.settle()
        except BaseException:
            self.close()
            raise

    @property
    def uris(self):
        return [sentinel.uri for sentinel in self.sentinels]

    @property
    def master(self):
        return self.server_at(self._master_of(self.live[0]))

    @property
    def replicas(self):
        master = self.master
        return [server for server in self.servers if server is not master]

    @property
    def live(self):
        """The sentinels that run and are not suspended."""
        return [sentinel for sentinel in self.sentinels
                if sentinel.process and not sentinel.suspended]

    def server_at(self, port):
        return next(server for server in self.servers if server.port == port)

    def settle(self, timeout=40):
        """Wait until all know all, and nobody takes anybody for down."""
        eventually(self._is_settled, timeout, what="sentinels agree")
        return self

    def failover(self, timeout=20):
        """Have another server made master; return it when all have settled."""
        old = self.master
        self.begin_failover()
        eventually(lambda: all(self._master_of(s) != old.port for s in self.live),
                   timeout, what="another master")
        self.settle()
        return self.master

    def begin_failover(self):
        """SENTINEL FAILOVER, as soon as it is taken."""
        def taken():
            try:
                return self.live[0].call("SENTINEL", "FAILOVER", self.name)
            except ReplyError as error:
                if error.code not in ("-NOGOODSLAVE", "NOGOODSLAVE", "INPROG"):
                    raise

        eventually(taken, 10, what="SENTINEL FAILOVER is taken")

    def close(self):
        for server in self.sentinels + self.servers:
            server.close()

    def _add_server(self, password):
        args = ["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"]
        if password:
            args += ["--masterauth", password]
        if self.servers:
            first = self.servers[0]
            args += ["--replicaof", first.host, str(first.port)]
        self.servers.append(
            RedisServer(*args, password=password, save=SAVE).start())

    def _master_of(self, sentinel):
        words = sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)
        return int(words[1])

    def _is_settled(self):
        up = [server for server in self.servers
              if server.process and not server.suspended]
        for sentinel in self.live:
            master = sentinel.master(self.name)
            if master["flags"] != "master" \
                    or int(master["num-other-sentinels"]) < len(self.sentinels) - 1:
                return False
            known = {int(replica["port"]) for replica in sentinel.replicas(self.name)
                     if replica["flags"] == "slave"
                     and replica["master-link-status"] == "ok"
                     and replica["master-port"] == master["port"]}
            if known != {server.port for server in up} - {int(master["port"])}:
                return False
        return len({self._master_of(sentinel) for sentinel in self.live}) == 1


def _pairs(words):
    texts = [word.decode() for word in words]
    return dict(zip(texts[::2], texts[1::2]))
