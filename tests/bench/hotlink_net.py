"""Sidecars around a relay, as the figures use them: with the product's own defaults."""

import subprocess

from certificates import Authority
from harness import QUICK, World
from load import BENCH_BIN

# The tests' short limits are put back: an empty variable counts as not set.
DEFAULTS = {**{name: "" for name in QUICK}, "HOTLINK_PROXY_LOG_LEVEL": "warning"}
PER_FOLDER = 100
START_LIMIT = 60  # seconds until a thousand channels listen


class Server:
    """A relay, or a server that was not started here, under some address."""

    def __init__(self, url):
        self.url = url


class HotlinkNet:
    """Parties "p0", "p1", ... with a sidecar each. To be closed.

    server: the URL of a live server, instead of a relay of our own.
    long_line: (delay in ms, bytes a second or 0), between the first party and the relay.
    directories: so many lie in the first party's datasite before its sidecar starts.
    settings: of the sidecars, beside the defaults.
    """

    def __init__(
        self,
        directory,
        parties=2,
        *,
        options=(),
        tls=False,
        server=None,
        long_line=None,
        directories=0,
        settings=None,
    ):
        directory.mkdir(parents=True)
        self.world = World(directory)
        self._line = None
        self._channels = 0
        self.relay = None
        environment = {**DEFAULTS, **(settings or {})}
        try:
            if tls:
                authority = Authority(directory)
                certificate, key = authority.issue("localhost", "127.0.0.1")
                options = (*options, "--tls-cert", str(certificate), "--tls-key", str(key))
                environment["HOTLINK_PROXY_CA_FILE"] = str(authority.file)
            if server is None:
                self.relay = self.world.relay("--allow-all-reads", *options)
            near = far = Server(server) if server else self.relay
            if long_line:
                near = Server(f"http://127.0.0.1:{self._start_line(*long_line)}")
            self.sidecars = [
                self.world.sidecar(
                    f"p{k}@example.org", far if k else near, start=False, **environment
                )
                for k in range(parties)
            ]
            _make_directories(self.sidecars[0].datasite, directories)
            for sidecar in self.sidecars:
                sidecar.start()
        except BaseException:
            self.close()
            raise

    @property
    def processes(self):
        """role -> processes whose CPU time counts."""
        roles = {"sidecar": self.sidecars}
        return {**roles, "relay": [self.relay]} if self.relay else roles

    def add_channels(self, count, parties=(0, 1)):
        """That many more channels between the two; returns the ends of each, all listening."""
        a, b = (self.sidecars[k] for k in parties)
        ports = []
        for _ in range(count):
            above = f"shared/flows/bench/_mpc-{self._channels}"
            self._channels += 1
            ports.append(self.world.channel(a, b, above=above))
        a.wait_listening(*(pair[0] for pair in ports), deadline=START_LIMIT)
        b.wait_listening(*(pair[1] for pair in ports), deadline=START_LIMIT)
        return [(f"connect:{at_a}", f"connect:{at_b}") for at_a, at_b in ports]

    def close(self):
        """Returns what is wrong with how the processes ended."""
        problems = self.world.close()
        if self._line:
            self._line.kill()
            self._line.wait()
        return problems

    def _start_line(self, delay_ms, rate):
        command = [f"{BENCH_BIN}/wan_proxy", str(self.relay.port), str(delay_ms * 1000), str(rate)]
        self._line = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        return int(self._line.stdout.readline())


def _make_directories(datasite, count):
    """That many below the datasite, in folders of PER_FOLDER."""
    for k in range(-(-count // PER_FOLDER)):
        (datasite / f"tree/{k:04}").mkdir(parents=True)
        for m in range(min(PER_FOLDER, count - k * PER_FOLDER) - 1):
            (datasite / f"tree/{k:04}/{m:02}").mkdir()
