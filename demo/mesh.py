"""One TCP connection to every other party, and rounds of messages over them.

A party dials 127.0.0.1 once per peer. What is behind that port, the peer itself or a sidecar that
carries the bytes to it, is not its affair. A message is a header (length of the body, number of
the round) and unsigned 64-bit integers, little endian.
"""

import selectors
import socket
import struct
import time

HEADER = struct.Struct("<IH")
MESSAGE_MAX = 1 << 20  # bytes; a table of 50 loci takes 800


class MeshError(Exception):
    pass


def pair_offset(i, j, parties):
    """The place of the pair {i, j} in a party's block of ports, from 1."""
    i, j = min(i, j), max(i, j)
    return i * parties - i * (i + 1) // 2 + (j - i)


def party_port(base, me, peer, parties):
    """The port on which party `me` reaches party `peer`."""
    return base + 1000 * me + pair_offset(me, peer, parties)


class Peer:
    def __init__(self, sock):
        self.sock = sock
        self.unsent = b""
        self.received = bytearray()
        self.bytes_sent = 0
        self.bytes_received = 0

    def take_message(self):
        """(round, body) of the first whole message, or None. Raises MeshError."""
        if len(self.received) < HEADER.size:
            return None
        length, number = HEADER.unpack_from(self.received)
        if length > MESSAGE_MAX:
            raise MeshError(f"a message of {length} bytes; the limit is {MESSAGE_MAX}")
        if len(self.received) < HEADER.size + length:
            return None
        body = bytes(self.received[HEADER.size : HEADER.size + length])
        del self.received[: HEADER.size + length]
        return number, body


class Mesh:
    """REQUIRES: every party calls exchange() the same number of times."""

    def __init__(self, me, parties, base, patience):
        self.me = me
        self.everybody = list(range(parties))
        self.others = [p for p in self.everybody if p != me]
        self.round = 0
        self._patience = patience  # seconds without any progress
        self._peers = {
            p: Peer(self._dial(p, party_port(base, me, p, parties))) for p in self.others
        }

    def _dial(self, peer, port):
        give_up = time.monotonic() + self._patience
        while True:
            try:
                sock = socket.create_connection(("127.0.0.1", port), timeout=self._patience)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setblocking(False)
                return sock
            except OSError as error:
                if time.monotonic() > give_up:
                    raise MeshError(f"no connection to party {peer} on port {port}: {error}")
                time.sleep(0.1)

    def exchange(self, outgoing, expected_from):
        """One round: {peer: integers} out, {peer: integers} in."""
        self.round += 1
        for p, values in outgoing.items():
            body = struct.pack(f"<{len(values)}Q", *values)
            self._peers[p].unsent += HEADER.pack(len(body), self.round) + body
        waiting = set(expected_from)
        incoming = {}
        while True:
            for p in sorted(waiting):
                message = self._peers[p].take_message()
                if message is not None:
                    incoming[p] = self._integers(p, message)
                    waiting.discard(p)
            unsent = {p for p, peer in self._peers.items() if peer.unsent}
            if not waiting and not unsent:
                return incoming
            self._move_bytes(waiting, unsent)

    def _integers(self, p, message):
        number, body = message
        if number != self.round or len(body) % 8:
            raise MeshError(
                f"party {p} sent {len(body)} bytes for round {number} in round {self.round}"
            )
        return list(struct.unpack(f"<{len(body) // 8}Q", body))

    def _move_bytes(self, waiting, unsent):
        with selectors.DefaultSelector() as selector:
            for p in waiting | unsent:
                events = selectors.EVENT_READ if p in waiting else 0
                events |= selectors.EVENT_WRITE if p in unsent else 0
                selector.register(self._peers[p].sock, events, p)
            ready = selector.select(self._patience)
        if not ready:
            raise MeshError(
                f"round {self.round}: nothing from parties {sorted(waiting)} and no room towards"
                f" parties {sorted(unsent)} for {self._patience} s"
            )
        for key, events in ready:
            peer = self._peers[key.data]
            try:
                if events & selectors.EVENT_WRITE:
                    n = peer.sock.send(peer.unsent)
                    peer.unsent = peer.unsent[n:]
                    peer.bytes_sent += n
                if events & selectors.EVENT_READ:
                    self._receive(key.data, peer)
            except ConnectionError as error:
                raise MeshError(f"round {self.round}: connection to party {key.data}: {error}")

    def _receive(self, p, peer):
        chunk = peer.sock.recv(65536)
        if not chunk:
            raise MeshError(f"round {self.round}: party {p} ended its connection too early")
        peer.received += chunk
        peer.bytes_received += len(chunk)

    def close(self):
        """Ends both directions of every connection in order; nothing may come any more."""
        for peer in self._peers.values():
            peer.sock.shutdown(socket.SHUT_WR)
        for p, peer in self._peers.items():
            peer.sock.settimeout(self._patience)
            try:
                rest = peer.sock.recv(1)
            except OSError as error:
                raise MeshError(f"waiting for the end of the connection to party {p}: {error}")
            if rest or peer.received:
                raise MeshError(f"party {p} sent bytes behind the last round")
            peer.sock.close()

    def bytes_sent(self):
        return {p: peer.bytes_sent for p, peer in self._peers.items()}

    def bytes_received(self):
        return {p: peer.bytes_received for p, peer in self._peers.items()}
