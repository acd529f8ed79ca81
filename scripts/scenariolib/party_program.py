#!/usr/bin/python3
"""A party: one connection, over which it transfers bytes both ways at once, or plays ping-pong.

Its last line is a JSON object: bytes sent and received, and the SHA-256 of either. It knows nothing
of sidecars: it dials an address, or with --listen is dialled there. SIGUSR1 prints its stacks.

Exit codes: 0 done; 3 the connection ended before that; 4 nothing moved for --patience seconds.
"""

import argparse
import contextlib
import faulthandler
import hashlib
import json
import os
import signal
import socket
import struct
import sys
import threading
import time

DIAL_EVERY = 0.1  # seconds between two tries while nobody listens
READ_MAX = 1 << 18  # bytes

EXIT_BROKEN = 3
EXIT_STALLED = 4


class Counted:
    """A direction: how many bytes, and their SHA-256."""

    def __init__(self):
        self.bytes = 0
        self._hash = hashlib.sha256()

    def add(self, data):
        self._hash.update(data)
        self.bytes += len(data)

    def hex(self):
        return self._hash.hexdigest()


class Party:
    def __init__(self, sock):
        self.sock = sock
        self.sent, self.received = Counted(), Counted()

    def send(self, data):
        view = memoryview(data)
        while view:
            count = self.sock.send(view)
            self.sent.add(view[:count])
            view = view[count:]

    def receive(self, most):
        data = self.sock.recv(min(most, READ_MAX))
        if not data:
            raise ConnectionError("EOF before the last byte")
        self.received.add(data)
        return data

    def send_all(self, size, piece):
        block = bytearray(os.urandom(max(piece, 8)))
        while self.sent.bytes < size:
            struct.pack_into("<Q", block, 0, self.sent.bytes)  # no two pieces are alike
            self.send(memoryview(block)[: min(piece, size - self.sent.bytes)])

    def receive_all(self, size):
        goal = self.received.bytes + size
        while self.received.bytes < goal:
            self.receive(goal - self.received.bytes)

    def transfer(self, out, back, piece):
        """Both ways at once."""
        errors = []

        def receive():
            try:
                self.receive_all(back)
            except OSError as error:
                errors.append(error)
                with contextlib.suppress(OSError):  # the sender waits no longer
                    self.sock.shutdown(socket.SHUT_RDWR)

        receiver = threading.Thread(target=receive)
        receiver.start()
        try:
            self.send_all(out, piece)
        finally:
            receiver.join()
        if errors:
            raise errors[0]

    def ping_pong(self, first, rounds, size):
        for _ in range(rounds):
            if first:
                self.send(os.urandom(size))
            self.receive_all(size)
            if not first:
                self.send(os.urandom(size))

    def finish(self):
        """Ends the own direction and waits for the end of the other."""
        self.sock.shutdown(socket.SHUT_WR)
        if self.sock.recv(1):
            raise ConnectionError("a byte more than was to come")
        self.sock.close()


def dial(address, patience):
    give_up = time.monotonic() + patience
    while True:
        try:
            return socket.create_connection(address, timeout=patience)
        except (ConnectionRefusedError, ConnectionResetError) as error:
            if time.monotonic() > give_up:
                raise TimeoutError(f"nobody listens at {address}: {error}") from None
            time.sleep(DIAL_EVERY)


def be_dialled(address, patience):
    with socket.create_server(address) as server:
        server.settimeout(patience)
        return server.accept()[0]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", action="store_true", help="be dialled instead of dialling")
    parser.add_argument("--patience", type=float, default=30, help="seconds without any progress")
    parser.add_argument("--piece", type=int, default=READ_MAX, help="bytes a write, or a ping")
    parser.add_argument("--send", type=int, default=0, metavar="BYTES")
    parser.add_argument("--receive", type=int, default=0, metavar="BYTES")
    parser.add_argument("--rounds", type=int, default=0, help="of ping-pong, not a transfer")
    parser.add_argument("--first", action="store_true", help="begins the ping-pong")
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    return parser.parse_args()


def run(arguments):
    """The exit code, and what to say of it."""
    address = (arguments.address, arguments.port)
    report = {}
    party = None
    started = time.monotonic()
    try:
        open_connection = be_dialled if arguments.listen else dial
        party = Party(open_connection(address, arguments.patience))
        party.sock.settimeout(arguments.patience)
        party.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if arguments.rounds:
            party.ping_pong(arguments.first, arguments.rounds, arguments.piece)
        else:
            party.transfer(arguments.send, arguments.receive, arguments.piece)
        party.finish()
        code = 0
    except TimeoutError as error:
        code, report["error"] = EXIT_STALLED, f"nothing moved for {arguments.patience:g} s: {error}"
    except OSError as error:
        code, report["error"] = EXIT_BROKEN, str(error)
    if party:
        report.update(sent=party.sent.bytes, sent_sha256=party.sent.hex())
        report.update(received=party.received.bytes, received_sha256=party.received.hex())
    report["seconds"] = round(time.monotonic() - started, 3)
    return code, report


def main():
    faulthandler.register(signal.SIGUSR1)
    code, report = run(parse_arguments())
    print(json.dumps(report), flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
