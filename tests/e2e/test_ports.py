"""Leased ports: what scenarios, the demo and these tests take never meets."""

import contextlib
import socket

import pytest

from scenariolib.ports import Ports

BLOCK = [1, 2, 3, 1001, 1002]


@pytest.fixture
def ports():
    """Ports(), as often as wanted; the first port that is tried may be given."""
    with contextlib.ExitStack() as made:

        def make(first=None):
            one = made.enter_context(contextlib.closing(Ports()))
            one._next = first or one._next
            return one

        yield make


def test_no_port_is_handed_out_twice(ports):
    a = ports()
    b = ports(first=a._next)
    taken = [port for _ in range(20) for port in (a.take(), b.take())]
    assert len(set(taken)) == len(taken)


def test_closing_gives_them_back(ports):
    a = ports()
    port = a.take()
    assert ports(first=port).take() != port
    a.close()
    assert ports(first=port).take() == port


def test_blocks_and_single_ports_do_not_meet(ports):
    a, b = ports(), ports()
    blocks = [{p.take_block(BLOCK) + k for k in BLOCK} for p in (a, b) for _ in range(20)]
    everything = [*blocks, *({a.take()} for _ in range(20))]
    assert len(set().union(*everything)) == sum(map(len, everything))


def test_a_port_that_somebody_listens_on_is_not_taken(ports):
    a = ports()
    port = a.take()
    a.close()
    with socket.create_server(("127.0.0.1", port)):
        assert ports(first=port).take() != port


def test_a_block_that_does_not_fit_is_an_error(ports):
    with pytest.raises(OSError, match="no block of 2 free ports"):
        ports().take_block([1, 60000])
