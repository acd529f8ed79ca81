"""The parties' side of the tests: TCP connections with deadlines, and long transfers."""

import hashlib
import os
import socket
import struct
import threading
import time

from harness import SCALE, wait_until

DEADLINE = 20  # seconds, for anything a party waits for


class Party:
    """One TCP connection of a party to its sidecar."""

    def __init__(self, port=None, deadline=DEADLINE, sock=None, host="127.0.0.1"):
        if sock is None:
            sock = wait_until(
                f"a connection to port {port}", lambda: _connect(host, port), deadline
            )
        self.sock = sock
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data, deadline=DEADLINE):
        self.sock.settimeout(deadline * SCALE)
        self.sock.sendall(data)
        return self

    def receive(self, count, deadline=DEADLINE):
        """Exactly `count` bytes."""
        give_up = time.monotonic() + deadline * SCALE
        data = bytearray()
        while len(data) < count:
            chunk = self._recv(count - len(data), give_up, f"{len(data)} of {count} bytes came")
            assert chunk, f"EOF after {len(data)} of {count} bytes"
            data += chunk
        return bytes(data)

    def receive_to_end(self, deadline=DEADLINE):
        """(all bytes up to the end, "eof" or "reset")."""
        give_up = time.monotonic() + deadline * SCALE
        data = bytearray()
        while True:
            try:
                chunk = self._recv(1 << 16, give_up, f"{len(data)} bytes and no end")
            except ConnectionResetError:
                return bytes(data), "reset"
            if not chunk:
                return bytes(data), "eof"
            data += chunk

    def expect_eof(self, deadline=DEADLINE):
        assert self.receive_to_end(deadline) == (b"", "eof")

    def expect_reset(self, deadline=DEADLINE):
        """A reset, with nothing in front of it."""
        assert self.receive_to_end(deadline) == (b"", "reset")

    def expect_silence(self, seconds):
        """Neither bytes nor an end come for that long (not scaled)."""
        self.sock.settimeout(seconds)
        try:
            data = self.sock.recv(100)
        except TimeoutError:
            return
        except ConnectionResetError:
            raise AssertionError("reset, expected silence") from None
        raise AssertionError(f"{data!r}, expected silence")

    def half_close(self):
        """Ends the own direction only."""
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def reset(self):
        """Aborts: the sidecar sees RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()

    def _recv(self, count, give_up, so_far):
        self.sock.settimeout(max(0.001, give_up - time.monotonic()))
        try:
            return self.sock.recv(count)
        except TimeoutError:
            raise AssertionError(f"deadline passed: {so_far}") from None


class ListeningParty:
    """A party that listens, and takes connections when the test asks it to."""

    def __init__(self, port):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", port))
        self.sock.listen(1024)

    def accept(self, deadline=DEADLINE):
        self.sock.settimeout(deadline * SCALE)
        return Party(sock=self.sock.accept()[0])

    def expect_nobody(self, seconds):
        self.sock.settimeout(seconds)
        try:
            self.sock.accept()
        except TimeoutError:
            return
        raise AssertionError("somebody connected")

    def close(self):
        self.sock.close()


def _connect(host, port):
    try:
        return socket.create_connection((host, port), timeout=DEADLINE)
    except ConnectionRefusedError:
        return None


def probe(port, times=1):
    """Connect and close at once, as launchers do."""
    for _ in range(times):
        Party(port).close()


def talk(x, y, said=b"ping", answered=b"pong"):
    """Bytes pass in both directions, each to the right end."""
    x.send(said)
    assert y.receive(len(said)) == said
    y.send(answered)
    assert x.receive(len(answered)) == answered


def exchange(x, y, size):
    """That many random bytes in both directions, one after the other."""
    for source, target in ((x, y), (y, x)):
        data = os.urandom(size)
        source.send(data)
        received = target.receive(size)
        assert hashlib.sha256(received).digest() == hashlib.sha256(data).digest()


def pair_that_owes(world, **environment):
    """(a, b, x): sidecar a has bytes of its party x that nobody will acknowledge, since the relay
    is gone. b owes nothing, and has to be killed."""
    a, b = world.pair(**environment)
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    b.wait_channel("owes nothing", lambda c: c["kept"] == 0 and c["tx_bytes"] > 0)
    world.relay_process.kill()
    x.send(b"into the void")
    a.wait_channel("read", lambda c: c["kept"] > 0)
    y.close()
    return a, b, x


def finish(x, y):
    """Both parties end in order."""
    x.half_close()
    y.expect_eof()
    y.half_close()
    x.expect_eof()
    x.close()
    y.close()


class Transfer:
    """Bytes from one party to another in two threads, compared by length and SHA-256.

    `size`: bytes; None sends until finish() is called. The receiver reads to the end of the
    stream when the sender ends it (`size` None), else `size` bytes.
    """

    PIECE = 1 << 18

    def __init__(self, source, target, size=None):
        self.source, self.target, self.size = source, target, size
        self.sent = self.received = 0
        self.may_read = threading.Event()  # cleared: the receiver reads nothing
        self.may_read.set()
        self._stop = threading.Event()
        self._errors = []
        self._out, self._in = hashlib.sha256(), hashlib.sha256()
        self._threads = [
            threading.Thread(target=self._run, args=(work,), daemon=True)
            for work in (self._send, self._receive)
        ]

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def wait(self, deadline):
        give_up = time.monotonic() + deadline * SCALE
        for thread in self._threads:
            thread.join(max(0.001, give_up - time.monotonic()))
        self.check_errors()
        alive = any(thread.is_alive() for thread in self._threads)
        assert not alive, f"after {deadline * SCALE:g} s: {self.received} of {self.sent} bytes came"
        assert self.received == self.sent
        assert self._in.hexdigest() == self._out.hexdigest(), "other bytes came than were sent"

    def finish(self, deadline):
        """Ends an endless transfer: what is sent so far must arrive whole."""
        self._stop.set()
        self.wait(deadline)

    def wait_progress(self, count, deadline=DEADLINE):
        """Until that many bytes more than now have arrived."""
        goal = self.received + count

        def there():
            self.check_errors()
            return self.received >= goal

        wait_until(f"{count} more bytes arrive (now {self.received})", there, deadline)

    def check_errors(self):
        assert not self._errors, f"after {self.received} bytes: {self._errors}"

    def _run(self, work):
        try:
            work()
        except (OSError, AssertionError) as error:
            self._errors.append(f"{work.__name__}: {error!r}")

    def _send(self):
        block = bytearray(os.urandom(self.PIECE))
        self.source.sock.settimeout(120 * SCALE)
        while self._wants_more():
            struct.pack_into("<Q", block, 0, self.sent)  # no two pieces are alike
            piece = block if self.size is None else block[: self.size - self.sent]
            self.source.sock.sendall(piece)
            self._out.update(piece)
            self.sent += len(piece)
        if self.size is None:
            self.source.half_close()

    def _wants_more(self):
        if self.size is None:
            return not self._stop.is_set()
        return self.sent < self.size

    def _receive(self):
        buffer = memoryview(bytearray(self.PIECE))
        self.target.sock.settimeout(120 * SCALE)
        while self.size is None or self.received < self.size:
            self.may_read.wait()
            count = self.target.sock.recv_into(buffer)
            if count == 0:
                assert self.size is None, "EOF before the last byte"
                return
            self._in.update(buffer[:count])
            self.received += count
