"""Hosts and containers made of network namespaces: a host with a bridge, and what hangs on it.

All addresses are inside the namespaces. Names are unique to the process, so that test runs side by
side do not meet.
"""

import contextlib
import ctypes
import itertools
import os
import subprocess
import threading

CLONE_NEWNET = 0x40000000
_numbers = itertools.count()


def run(*words):
    """Runs a command, out of Ctrl-C's reach, and returns what it printed; a failure is told with
    what it said."""
    result = subprocess.run(
        words, capture_output=True, text=True, start_new_session=True, check=False
    )
    if result.returncode != 0:
        raise OSError(f"{' '.join(words)}: {result.stderr.strip()}")
    return result.stdout


def ip(*words):
    return run("ip", *words)


def missing():
    """Why there can be no namespaces here; nothing if there can."""
    try:
        with Network() as network:
            network.bridge("br0", "10.213.0.1/24")
    except OSError as error:
        return str(error)
    return None


def words_inside(namespace):
    """The words in front of a command that make it run there."""
    return ("ip", "netns", "exec", namespace)


def delete(prefix):
    """Deletes all namespaces whose names begin so; returns their names."""
    found = [line.split()[0] for line in ip("netns", "list").splitlines() if line]
    names = [name for name in found if name.startswith(prefix)]
    for name in names:
        ip("netns", "del", name)
    return names


class Network(contextlib.AbstractContextManager):
    """A host in a namespace of its own; closing it deletes the namespaces with all in them."""

    def __init__(self, prefix=None):
        self._prefix = prefix or f"hl{os.getpid()}-{next(_numbers)}-"
        self._names = []
        try:
            self.host = self._namespace()
        except OSError:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()

    def close(self):
        for name in self._names:
            with contextlib.suppress(OSError):
                ip("netns", "del", name)
        self._names.clear()

    def on_host(self):
        """The words in front of a command that make it run on the host."""
        return words_inside(self.host)

    def bridge(self, name, *addresses):
        ip("-n", self.host, "link", "add", name, "type", "bridge")
        ip("-n", self.host, "link", "set", name, "up")
        for address in addresses:
            self.host_address(name, address)
        return name

    def host_address(self, interface, address, host=None):
        ip("-n", host or self.host, "address", "add", address, "dev", interface, "nodad")

    @staticmethod
    def masquerade(namespace, interface):
        """The namespace becomes a router that hides what is behind it behind its own address."""
        chain = f'type nat hook postrouting priority 100\n oifname "{interface}" masquerade'
        rules = f"table ip nat {{\n chain out {{\n {chain}\n }}\n }}"
        run("ip", "netns", "exec", namespace, "nft", rules)
        forward = "echo 1 > /proc/sys/net/ipv4/ip_forward"
        run("ip", "netns", "exec", namespace, "sh", "-c", forward)

    def container(self, *addresses, bridge=None, host=None):
        """A namespace with one interface, on the bridge or straight at the host (where its end is
        then named as returned), or at another namespace in its place. Returns (namespace, the
        host's interface)."""
        host = host or self.host
        name = self._namespace()
        port = f"v{len(self._names)}"
        ip("-n", host, "link", "add", port, "type", "veth", "peer", "eth0", "netns", name)
        if bridge:
            ip("-n", host, "link", "set", port, "master", bridge)
        ip("-n", host, "link", "set", port, "up")
        ip("-n", name, "link", "set", "eth0", "up")
        for address in addresses:
            ip("-n", name, "address", "add", address, "dev", "eth0", "nodad")
        return name, port

    @staticmethod
    def route(namespace, network, gateway):
        ip("-n", namespace, "route", "add", network, "via", gateway)

    def _namespace(self):
        name = f"{self._prefix}{len(self._names)}"
        ip("netns", "add", name)
        self._names.append(name)
        ip("-n", name, "link", "set", "lo", "up")
        return name


def inside(namespace, function):
    """function() in a thread that is in the namespace: sockets made there stay in it."""
    results = []

    def run():
        with open(f"/run/netns/{namespace}", "rb") as handle:
            if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET) != 0:
                results.append(OSError(ctypes.get_errno(), "setns"))
                return
        try:
            results.append(function())
        except Exception as error:  # raised again below
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(results[0], Exception):
        raise results[0]
    return results[0]
