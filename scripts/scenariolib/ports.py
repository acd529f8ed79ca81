"""TCP ports that nobody listens on, below those that the kernel gives to clients.

Each is leased by a UDP socket of the same number until close(), so that scenarios, demos and
whole-process tests that run side by side never take the same one.
"""

import contextlib
import pathlib
import random
import socket

FIRST, LAST = 10000, 65535
TRIES = 1000


class Ports:
    def __init__(self):
        ephemeral = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
        # Of a kernel that gives nearly all to clients: there is no better place.
        self._end = int(ephemeral[0]) if int(ephemeral[0]) > FIRST else LAST
        self._next = random.randrange(FIRST, self._end)
        self._leases = []

    def take(self):
        """One port. Those of one Ports lie side by side, so that blocks stay free between them."""
        for _ in range(TRIES):
            port = self._next
            if port < self._end and self._lease([port]):
                self._next = port + 1
                return port
            self._next = random.randrange(FIRST, self._end)
        raise OSError(f"no free port between {FIRST} and {self._end}")

    def take_block(self, offsets):
        """A base: base + offset is leased for each."""
        last = self._end - max(offsets)
        for _ in range(TRIES if last > FIRST else 0):
            base = random.randrange(FIRST, last)
            if self._lease([base + offset for offset in offsets]):
                return base
        raise OSError(f"no block of {len(offsets)} free ports between {FIRST} and {self._end}")

    def close(self):
        for leases in self._leases:
            leases.close()
        self._leases.clear()

    def _lease(self, ports):
        """Whether all could be had; else none is."""
        with contextlib.ExitStack() as leases:
            for port in ports:
                lease = leases.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                try:
                    lease.bind(("127.0.0.1", port))
                except OSError:
                    return False
                if not port_is_free(port):
                    return False
            self._leases.append(leases.pop_all())
        return True


def port_is_free(port):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
