"""Parties in containers: they dial the host's sidecar through their bridge's gateway."""

import contextlib
import pathlib

import pytest

from harness import MIB, wait_until, write_marker
from parties import Party, Transfer, finish, talk
from scenariolib.namespaces import Network, inside, missing

GATEWAY = "10.213.1.1"
BRIDGE = f"{GATEWAY}/24"
WITHOUT_IPV6 = not pathlib.Path("/proc/net/if_inet6").exists()


@pytest.fixture(scope="module")
def namespaces():
    reason = missing()
    if reason:
        pytest.skip(f"NOT TESTED, no network namespaces with a bridge here: {reason}")


class Host:
    """Relay and both sidecars on one host; a's party is in a container, b's on the host."""

    def __init__(self, world, network):
        self.network = network
        network.bridge("br0", BRIDGE)
        self.world = world
        self.relay = world.relay(wrapper=network.on_host())
        self.b = self.sidecar("b@example.org")

    def sidecar(self, email, **environment):
        return self.world.sidecar(
            email, self.relay, wrapper=self.network.on_host(), **environment
        )

    def start(self, listen, allow):
        """Sidecar a and its channel with b."""
        self.a = self.sidecar(
            "a@example.org",
            SYFTBOX_HOTLINK_TCP_PROXY_ADDR=listen,
            HOTLINK_PROXY_ALLOW_FROM=allow,
        )
        self.world.channel(self.a, self.b)
        for sidecar in (self.a, self.b):
            sidecar.wait_channel("listens", lambda c, s=sidecar: c["port"] == s.port)
        return self.a

    def peer(self):
        return inside(self.network.host, lambda: Party(self.b.port))

    def party(self, namespace, address=GATEWAY):
        return inside(namespace, lambda: Party(self.a.port, host=address))

    def talks(self, namespace, address=GATEWAY):
        x, y = self.party(namespace, address), self.peer()
        talk(x, y)
        finish(x, y)

    def is_refused(self, namespace, client, address=GATEWAY):
        before = self.a.telemetry()["refused_connections"]
        with contextlib.suppress(ConnectionResetError):  # by connect(), where the reset is quick
            self.party(namespace, address).expect_reset()
        wait_until(
            "it is counted", lambda: self.a.telemetry()["refused_connections"] == before + 1
        )
        assert f"client={client} refused" in self.a.log_text()
        assert f"add {client}" in self.a.log_text()

    def outsider(self):
        """A container that is not on the bridge but reaches its gateway. Its address is .2.2."""
        name, interface = self.network.container("10.213.2.2/24")
        self.network.host_address(interface, "10.213.2.1/24")
        self.network.route(name, "10.213.1.0/24", "10.213.2.1")
        return name


@pytest.fixture
def host(world, namespaces):
    with Network() as network:
        yield Host(world, network)
        problems = world.close()  # before the namespaces are gone
        assert not problems, problems


def test_an_allowed_subnet_through_the_gateway(host):
    host.start(f"127.0.0.1,{GATEWAY}", "10.213.1.0/24")
    container, _ = host.network.container("10.213.1.2/24", bridge="br0")
    x, y = host.party(container), host.peer()
    talk(x, y)
    Transfer(x, y, 8 * MIB).start().wait(60)
    Transfer(y, x, 8 * MIB).start().wait(60)
    finish(x, y)
    host.talks(host.network.host, "127.0.0.1")
    host.talks(host.network.host)  # from the gateway's own address


def test_a_namespace_outside_the_list_is_refused(host):
    a = host.start(f"127.0.0.1,{GATEWAY}", "10.213.1.0/24")
    outsider = host.outsider()
    container, _ = host.network.container("10.213.1.2/24", bridge="br0")
    x, y = host.party(container), host.peer()
    talk(x, y)
    for _ in range(3):
        host.is_refused(outsider, "10.213.2.2")
    talk(x, y)
    finish(x, y)
    assert a.channel()["standbys"] == 0
    assert a.channel()["probes"] == 0


def test_one_address_of_a_subnet(host):
    host.start(GATEWAY, "10.213.1.2")
    friend, _ = host.network.container("10.213.1.2/24", bridge="br0")
    neighbour, _ = host.network.container("10.213.1.3/24", bridge="br0")
    host.talks(friend)
    host.is_refused(neighbour, "10.213.1.3")


def test_docker_means_every_bridge_and_nothing_else(host):
    host.start("0.0.0.0", "docker")
    container, _ = host.network.container("10.213.1.2/24", bridge="br0")
    outsider = host.outsider()
    host.talks(container)
    host.is_refused(outsider, "10.213.2.2")
    host.talks(host.network.host, "127.0.0.1")
    # As another container network that is made while we run.
    host.network.bridge("br1", "10.213.3.1/24")
    late, _ = host.network.container("10.213.3.2/24", bridge="br1")
    wait_until("the new bridge is seen", lambda: connects(host, late, "10.213.3.1"))
    host.talks(late, "10.213.3.1")


def connects(host, namespace, address):
    """Whether a connection stays for a moment (as a probe, which it then was)."""
    try:
        with contextlib.closing(host.party(namespace, address)) as party:
            party.expect_silence(0.02)
    except (AssertionError, ConnectionResetError):
        return False
    return True


@pytest.mark.skipif(WITHOUT_IPV6, reason="no IPv6 here")
def test_ipv6(host):
    host.network.host_address("br0", "fd13::1/64")
    host.start("127.0.0.1,::", "docker")
    container, _ = host.network.container("10.213.1.2/24", "fd13::2/64", bridge="br0")
    outsider, interface = host.network.container("fd14::2/64")
    host.network.host_address(interface, "fd14::1/64")
    host.talks(container, "fd13::1")
    host.is_refused(outsider, "fd14::2", "fd14::1")
    host.talks(host.network.host, "::1")


def test_an_address_that_comes_later(host):
    a = host.start(f"10.213.9.1,{GATEWAY}", "docker")
    container, _ = host.network.container("10.213.1.2/24", bridge="br0")
    host.talks(container)
    a.wait_channel("names it", lambda c: f"10.213.9.1:{a.port}" in c["detail"])
    assert f"listening: cannot listen on 10.213.9.1:{a.port}" in a.log_text()
    x, y = host.party(container), host.peer()
    talk(x, y)
    host.network.host_address("br0", "10.213.9.1/24")
    a.wait_channel("takes it", lambda c: c["detail"] == "")
    talk(x, y)
    finish(x, y)
    host.talks(host.network.host, "10.213.9.1")


def test_no_address_at_all_is_named_and_retried(host):
    a = host.sidecar(
        "a@example.org",
        SYFTBOX_HOTLINK_TCP_PROXY_ADDR="10.213.9.1",
        HOTLINK_PROXY_ALLOW_FROM="docker",
    )
    a.port = host.world.ports.take()
    write_marker(a, host.b.email, a.port)
    a.wait_channel("says so", lambda c: c["reason"] == "port in use" and c["port"] == 0)
    assert "10.213.9.1" in a.channel()["detail"]
    host.network.host_address("br0", "10.213.9.1/24")
    a.wait_channel("listens", lambda c: c["port"] == a.port)
