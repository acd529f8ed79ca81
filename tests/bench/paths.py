"""What is compared: the ways that bytes can take between two parties on this machine."""

import contextlib
import shutil

from harness import Process, clean_environment, listening_ports, wait_until
from hotlink_net import HotlinkNet

SOCAT_BUFFER = 262144  # bytes; socat's default of 8 KiB would make the floor slow
CHANNELS = 3  # of a path that stays open; what figures need at once


class Direct:
    """One TCP connection over loopback, nothing between the parties: for reference."""

    name = "direct"

    def __init__(self, ports):
        self._ports = ports
        self.processes = {}

    @contextlib.contextmanager
    def pairs(self, count):
        ports = [self._ports.take() for _ in range(count)]
        yield [(f"connect:{port}", f"listen:{port}") for port in ports]

    def close(self):
        return []


class Chain:
    """Three socat processes a pair: the hops of sidecar, relay and sidecar, with nothing done to
    the bytes. Both parties connect in. Made anew for each use, since socat takes one connection."""

    name = "chain"

    def __init__(self, ports, directory):
        self._ports, self._directory = ports, directory
        directory.mkdir()
        self.processes = {"hop": []}

    @contextlib.contextmanager
    def pairs(self, count):
        try:
            yield [self._start() for _ in range(count)]
        finally:
            for process in self.processes["hop"]:
                process.kill()
            self.processes["hop"].clear()

    def close(self):
        return []

    def _start(self):
        near, middle_near, middle_far, far = (self._ports.take() for _ in range(4))
        self._socat(_listen(near), _connect(middle_near))
        self._socat(_listen(middle_near), _listen(middle_far))
        self._socat(_listen(far), _connect(middle_far))
        wanted = {near, middle_near, far}
        wait_until("the chain of socat listens", lambda: wanted <= listening_ports())
        return f"connect:{near}", f"connect:{far}"

    def _socat(self, left, right):
        command = ["socat", "-b", str(SOCAT_BUFFER), left, right]
        log = self._directory / "socat.log"
        self.processes["hop"].append(Process("socat", command, clean_environment(), log).start())


def _listen(port):
    return f"TCP4-LISTEN:{port},bind=127.0.0.1,reuseaddr,nodelay"


def _connect(port):
    return f"TCP4:127.0.0.1:{port},nodelay,retry=500,interval=0.02"


class Hotlink:
    """Two sidecars with a relay between them."""

    def __init__(self, name, directory, **net):
        self.name = name
        self.net = HotlinkNet(directory, **net)
        self._ends = self.net.add_channels(CHANNELS)
        self.processes = self.net.processes

    @contextlib.contextmanager
    def pairs(self, count):
        yield self._ends[:count]

    def close(self):
        return self.net.close()


class Tunnel:
    """A generic WebSocket tunnel that is on the machine: a client, which one party connects to, and
    a server, which connects to the other party. One hop less than the others."""

    def __init__(self, name, ports, directory, server, client):
        """server(port), client(port, [(local, remote)]): the arguments of the program."""
        self.name = name
        port = ports.take()
        self._routes = [(ports.take(), ports.take()) for _ in range(CHANNELS)]
        log = directory / f"{name}.log"
        self._server = Process(name, [name, *server(port)], clean_environment(), log).start()
        wait_until(f"{name} listens", lambda: port in listening_ports())
        command = [name, *client(port, self._routes)]
        self._client = Process(name, command, clean_environment(), log).start()
        local = {route[0] for route in self._routes}
        wait_until(f"{name}'s client listens", lambda: local <= listening_ports())
        self.processes = {"tunnel": [self._server, self._client]}

    @contextlib.contextmanager
    def pairs(self, count):
        yield [(f"connect:{near}", f"listen:{far}") for near, far in self._routes[:count]]

    def close(self):
        self._client.kill()
        self._server.kill()
        return []


def wstunnel(ports, directory):
    def client(port, routes):
        forwards = [f"-Ltcp://{near}:127.0.0.1:{far}" for near, far in routes]
        return ["client", *forwards, f"ws://127.0.0.1:{port}"]

    return Tunnel(
        "wstunnel", ports, directory, lambda port: ["server", f"ws://127.0.0.1:{port}"], client
    )


def chisel(ports, directory):
    def client(port, routes):
        forwards = [f"127.0.0.1:{near}:127.0.0.1:{far}" for near, far in routes]
        return ["client", f"http://127.0.0.1:{port}", *forwards]

    return Tunnel(
        "chisel",
        ports,
        directory,
        lambda port: ["server", "--host", "127.0.0.1", "--port", str(port)],
        client,
    )


def open_paths(ports, directory, server):
    """All paths that this machine has, as (name, function that opens it)."""
    yield "direct", lambda: Direct(ports)
    yield "chain", lambda: Chain(ports, directory / "chain")
    yield "relay", lambda: Hotlink("relay", directory / "relay")
    yield "tls", lambda: Hotlink("tls", directory / "tls", tls=True)
    syftbox = {"options": ("--as-syftbox",)}
    yield "syftbox", lambda: Hotlink("syftbox", directory / "syftbox", **syftbox)
    if server:
        yield "server", lambda: Hotlink("server", directory / "server", server=server)
    for tunnel in (wstunnel, chisel):
        if shutil.which(tunnel.__name__):
            yield tunnel.__name__, lambda tunnel=tunnel: tunnel(ports, directory)
