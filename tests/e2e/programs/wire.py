"""What the programs here share: reading exactly, messages with their length in front."""

import socket
import struct
import time

PATIENCE = 60  # seconds, as MP-SPDZ dials
RETRY = 0.05  # seconds between two tries


class Ended(Exception):
    """The other side ended in order, in front of or within what was awaited."""


def listen(port):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen(128)
    server.settimeout(PATIENCE)
    return server


def dial(port):
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except ConnectionRefusedError:
            if time.monotonic() > give_up:
                raise
            time.sleep(RETRY)


def read(sock, count):
    data = bytearray()
    while len(data) < count:
        chunk = sock.recv(count - len(data))
        if not chunk:
            raise Ended(f"{len(data)} of {count} bytes came")
        data += chunk
    return bytes(data)


def send_message(sock, body):
    """Length and body in two writes, as the frameworks do."""
    sock.sendall(struct.pack("<Q", len(body)))
    sock.sendall(body)


def read_message(sock):
    (length,) = struct.unpack("<Q", read(sock, 8))
    return read(sock, length)
