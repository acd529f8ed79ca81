"""How a connection ends at one party is how it ends at the other: FIN, half-close, RST."""

import os

import pytest

from harness import MIB
from parties import Party, Transfer, finish, talk

BOTH_WAYS = pytest.mark.parametrize("from_a", [True, False])


def lines(world, from_a):
    a, b = world.pair()
    ends = (Party(a.port), Party(b.port))
    return ends if from_a else ends[::-1]


@BOTH_WAYS
def test_half_close_leaves_the_other_direction_open(world, from_a):
    asker, answerer = lines(world, from_a)
    asker.send(b"request").half_close()
    assert answerer.receive_to_end() == (b"request", "eof")
    Transfer(answerer, asker, 2 * MIB).start().wait(20)
    answerer.half_close()
    asker.expect_eof()


@BOTH_WAYS
def test_reset_is_carried(world, from_a):
    x, y = lines(world, from_a)
    talk(x, y)
    x.reset()
    y.expect_reset()


def test_after_a_reset_the_next_pair_is_joined(world):
    a, b = world.pair()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    y.reset()
    x.expect_reset()
    u, v = Party(a.port), Party(b.port)
    talk(u, v)
    finish(u, v)


def test_bytes_in_front_of_an_end_all_arrive(world):
    """A whole stream and its FIN are on the way before the peer's party is even there."""
    a, b = world.pair()
    data = os.urandom(3 * MIB)
    x = Party(a.port).send(data).half_close()
    a.wait_channel("all was read", lambda c: c["tx_bytes"] == len(data))
    y = Party(b.port)
    assert y.receive_to_end() == (data, "eof")
    y.send(b"thanks").half_close()
    assert x.receive_to_end() == (b"thanks", "eof")


def test_a_close_with_unread_bytes_is_a_reset_to_the_peer(world):
    a, b = world.pair()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    x.send(b"never read")
    b.wait_channel("the bytes are at the peer", lambda c: c["rx_bytes"] == 14)
    y.close()  # the kernel answers unread bytes with RST
    x.expect_reset()


def test_linger_ends_a_half_closed_connection_without_a_peer(world):
    """Nobody ever comes at the other side: an end within the limit, and no clean one."""
    a, _ = world.pair(HOTLINK_PROXY_LINGER_MS="300")
    Party(a.port).send(b"anybody?").half_close().expect_reset()
