"""Where relay, sidecars and parties of a run are: on this machine, or in network namespaces.

local   all on loopback
bridge  a host with a bridge; parties in namespaces on it, sidecars and relay on the host
nat     each party with its sidecar in a namespace behind a router that translates addresses, all
        with the same address; the relay is outside
"""

import dataclasses
import ipaddress

from scenariolib import namespaces
from scenariolib.errors import ScenarioError

OUTSIDE = ipaddress.ip_network("198.51.100.0/24")  # documentation addresses: nobody's
BRIDGE = ipaddress.ip_network("10.213.1.0/24")
BEHIND = ipaddress.ip_network("192.168.213.0/24")  # the same for every party behind NAT
FIRST_PARTY = 10  # host part of the first party's address


@dataclasses.dataclass
class Place:
    """Of one party."""

    sidecar: tuple = ()  # words in front of a command that runs there
    party: tuple = ()
    party_namespace: str = ""
    proxy_address: str = "127.0.0.1"  # which the party dials
    allow_from: str = ""


class Places:
    """The relay's place and each party's. close() takes the namespaces away."""

    def __init__(self, topology, parties, prefix):
        self.topology = topology
        self.relay, self.relay_address = (), "127.0.0.1"
        self.party = {}
        self.network = None
        if topology == "local":
            self.party = {name: Place() for name in parties}
            return
        try:
            self.network = namespaces.Network(prefix)
            self.relay = self.network.on_host()
            build = self._bridge if topology == "bridge" else self._nat
            build(parties)
        except OSError as error:
            self.close()
            raise ScenarioError(f"no network namespaces here: {error}", "preflight") from None

    def close(self):
        if self.network:
            self.network.close()

    def _bridge(self, parties):
        gateway = str(BRIDGE[1])
        self.network.bridge("br0", f"{gateway}/{BRIDGE.prefixlen}")
        for number, name in enumerate(parties):
            address = f"{BRIDGE[FIRST_PARTY + number]}/{BRIDGE.prefixlen}"
            namespace, _ = self.network.container(address, bridge="br0")
            self.party[name] = Place(
                sidecar=self.network.on_host(),
                party=namespaces.words_inside(namespace),
                party_namespace=namespace,
                proxy_address=gateway,
                allow_from="docker",
            )

    def _nat(self, parties):
        self.relay_address = str(OUTSIDE[1])
        self.network.bridge("br0", f"{OUTSIDE[1]}/{OUTSIDE.prefixlen}")
        for number, name in enumerate(parties):
            address = f"{OUTSIDE[FIRST_PARTY + number]}/{OUTSIDE.prefixlen}"
            router, _ = self.network.container(address, bridge="br0")
            inner = f"{BEHIND[2]}/{BEHIND.prefixlen}"
            namespace, port = self.network.container(inner, host=router)
            self.network.host_address(port, f"{BEHIND[1]}/{BEHIND.prefixlen}", host=router)
            self.network.route(namespace, "default", str(BEHIND[1]))
            self.network.masquerade(router, "eth0")
            words = namespaces.words_inside(namespace)
            self.party[name] = Place(sidecar=words, party=words, party_namespace=namespace)

    def check_routes(self):
        """From each party's namespace to what it has to reach. "no route" at once, not after a
        connect that never answers."""
        for name, place in self.party.items():
            if not place.party_namespace:
                continue
            targets = {"the proxy address": place.proxy_address}
            if self.topology == "nat":
                targets["the relay"] = self.relay_address
            for what, address in targets.items():
                try:
                    namespaces.ip("-n", place.party_namespace, "route", "get", address)
                except OSError as error:
                    text = f"no route from party {name} to {what} {address}: {error}"
                    raise ScenarioError(text, "preflight") from None
        if self.topology == "nat" and self._outside_reaches_in():
            raise ScenarioError("the parties are to be behind NAT, but can be reached", "preflight")

    def _outside_reaches_in(self):
        try:
            namespaces.ip("-n", self.network.host, "route", "get", str(BEHIND[2]))
        except OSError:
            return False
        return True
