"""The ports of a run, by the launchers' formula, held against other runs until it is over."""

import socket

from launcher import free_base
from mesh import party_port
from scenariolib.errors import ScenarioError

TRIES = 50


class Ports:
    """A base whose ports nobody has. Each is leased by a UDP socket of the same number, as the
    whole-process tests do it: runs side by side never take the same one."""

    def __init__(self, parties):
        self._parties = parties
        self._leases = []
        pairs = [(i, j) for i in range(parties) for j in range(parties) if i != j]
        for _ in range(TRIES):
            self._base = free_base(parties)
            if self._lease([self.of(i, j) for i, j in pairs]):
                return
        raise ScenarioError("no free block of ports", "preflight")

    def of(self, party, peer):
        """On which party number `party` reaches number `peer`."""
        return party_port(self._base, party, peer, self._parties)

    def close(self):
        for lease in self._leases:
            lease.close()
        self._leases.clear()

    def _lease(self, ports):
        for port in ports:
            lease = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._leases.append(lease)
            try:
                lease.bind(("127.0.0.1", port))
            except OSError:
                self.close()
                return False
        return True
