"""A peer without the flow extension, as the existing client is one."""

import os

import pytest

from harness import ABOVE, wait_until, write_marker
from parties import Party
from plain_peer import PlainPeer, wire

PEER = "p@example.org"
PATH = f"{PEER}/{ABOVE}/0_to_1/stream.tcp.request"
ENCODINGS = pytest.mark.parametrize("encoding", ["msgpack", "json"])


@pytest.fixture
def plain(world):
    """start(encoding) -> (sidecar, plain peer), the sidecar's port listening."""

    def start(encoding="msgpack"):
        relay = world.relay()
        a = world.sidecar("a@example.org", relay, HOTLINK_PROXY_PLAIN_AFTER_MS="300")
        a.port = world.ports.take()
        write_marker(a, PEER, a.port)
        a.wait_listening()
        peer = PlainPeer(PEER, relay, encoding)
        world.closers.append(peer.close)
        return a, peer

    return start


def send_all(peer, sid, data, piece=60 * 1024):
    for seq, at in enumerate(range(0, len(data), piece), start=1):
        peer.send_data(sid, PATH, seq, data[at : at + piece])


@ENCODINGS
def test_bytes_from_a_plain_peer(plain, encoding):
    a, peer = plain(encoding)
    x = Party(a.port)
    sid = peer.open(PATH, a.email)
    data = os.urandom(500_000)
    send_all(peer, sid, data)
    assert x.receive(len(data)) == data


@ENCODINGS
def test_bytes_to_a_plain_peer(plain, encoding):
    a, peer = plain(encoding)
    data = os.urandom(500_000)
    x = Party(a.port).send(data)
    (sid,) = wait_until("a session for plain Data", lambda: peer.plain_sessions())
    wait_until("the bytes", lambda: peer.bytes_of(sid) == data)
    a.wait_channel("says so", lambda c: c["mode"] == "plain")
    x.send(b"and more")
    wait_until("more bytes", lambda: peer.bytes_of(sid) == data + b"and more")


def test_a_conversation_with_a_plain_peer(plain):
    a, peer = plain()
    x = Party(a.port).send(b"question")
    (out,) = wait_until("a session for plain Data", lambda: peer.plain_sessions())
    wait_until("the question", lambda: peer.bytes_of(out) == b"question")
    sid = peer.open(PATH, a.email)
    peer.send_data(sid, PATH, 1, b"answer")
    assert x.receive(6) == b"answer"


def test_data_out_of_order_is_put_in_order(plain):
    a, peer = plain()
    x = Party(a.port)
    sid = peer.open(PATH, a.email)
    for seq in (3, 1, 2, 5, 4, 2):
        peer.send_data(sid, PATH, seq, b"%d" % seq)
    assert x.receive(5) == b"12345"


def test_a_gap_of_a_plain_peer_resets_with_a_reason(plain):
    a, peer = plain()
    a.terminate()
    a.environment["HOTLINK_PROXY_PLAIN_GAP_MS"] = "300"
    a.start().wait_listening()
    x = Party(a.port)
    sid = peer.open(PATH, a.email)
    peer.send_data(sid, PATH, 1, b"1")
    peer.send_data(sid, PATH, 3, b"3")
    assert x.receive_to_end() == (b"1", "reset")


def test_a_new_session_for_each_local_connection(plain):
    a, peer = plain()
    first = Party(a.port).send(b"first")
    (one,) = wait_until("a session", lambda: peer.plain_sessions())
    wait_until("its bytes", lambda: peer.bytes_of(one) == b"first")
    first.reset()
    Party(a.port).send(b"second")
    two = wait_until("another session", lambda: peer.plain_sessions()[1:])[-1]
    wait_until("its bytes", lambda: peer.bytes_of(two) == b"second")


def test_no_open_from_a_stranger_is_accepted(plain, world):
    """Neither one who is not the channel's peer nor a path without a channel."""
    a, peer = plain()
    x = Party(a.port)
    stranger = PlainPeer("s@example.org", world.relay_process)
    world.closers.append(stranger.close)
    path = PATH.replace(PEER, "s@example.org")
    stranger.send(wire.OPEN, {"sid": "0" * 32, "pth": path, "to": a.email})
    stranger.send_data("0" * 32, path, 1, b"intruder")
    peer.send(wire.OPEN, {"sid": "1" * 32, "pth": PATH.replace("0_to_1", "0_to_7"), "to": a.email})
    sid = peer.open(PATH, a.email)
    peer.send_data(sid, PATH, 1, b"friend")
    assert x.receive(6) == b"friend"
    accepted = [f["sid"] for p in (stranger, peer) for kind, f in p.inbox if kind == wire.ACCEPT]
    assert accepted == [sid]
