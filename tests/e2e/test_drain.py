"""SIGTERM: what was read from a party reaches the peer's party, then both see an end."""

import os
import signal
import threading

from harness import MIB
from parties import Party, pair_that_owes, talk


def test_all_read_bytes_arrive(world):
    """More than the peer has taken so far is on its way when the sidecar is told to end."""
    a, b = world.pair()
    x, y = Party(a.port), Party(b.port)
    data = os.urandom(2 * MIB)
    x.send(data)
    a.wait_channel("all was read", lambda c: c["tx_bytes"] == len(data))
    a.send_signal(signal.SIGTERM)
    received, end = y.receive_to_end()
    assert received == data
    assert end in ("eof", "reset")
    assert x.receive_to_end()[1] in ("eof", "reset")
    assert a.wait() == 0
    assert "drained" in a.log_text()


def test_what_was_read_waits_for_a_party_that_comes_later(world):
    """The peer has acknowledged all of it, though its party was not there yet."""
    a, b = world.pair()
    x = Party(a.port)
    data = os.urandom(1 * MIB)
    x.send(data)
    b.wait_channel("all was received", lambda c: c["held"] == len(data))
    assert a.terminate() == 0
    x.expect_reset()
    received, end = Party(b.port).receive_to_end()
    assert received == data
    assert end == "reset"


def test_in_mid_transfer(world):
    """The party goes on writing: what arrives is what was read, without a hole."""
    a, b = world.pair()
    x, y = Party(a.port), Party(b.port)
    data = os.urandom(64 * MIB)
    writer = threading.Thread(target=send_until_end, args=(x, data))
    writer.start()
    head = y.receive(8 * MIB)
    a.send_signal(signal.SIGTERM)
    rest, end = y.receive_to_end()
    assert end in ("eof", "reset")
    received = head + rest
    assert data.startswith(received)
    assert len(received) < len(data)
    assert a.wait() == 0
    writer.join(10)
    assert not writer.is_alive()
    assert a.telemetry()["tx_bytes"] == len(received)


def send_until_end(party, data):
    try:
        party.send(data)
    except (ConnectionError, OSError):
        pass


def test_exit_code_1_when_nobody_acknowledges(world):
    a, b, x = pair_that_owes(world, HOTLINK_PROXY_DRAIN_MS="500")
    assert a.terminate() == 1
    x.expect_reset()
    b.kill()


def test_idle_sidecars_end_at_once(world):
    a, b = world.pair()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    assert a.terminate(deadline=2) == 0
    assert x.receive_to_end()[1] in ("eof", "reset")
    assert y.receive_to_end()[1] in ("eof", "reset")
    assert b.terminate(deadline=2) == 0


def test_without_a_relay_nothing_owed_is_nothing_to_wait_for(world):
    a, b = world.pair(HOTLINK_PROXY_DRAIN_MS="60000")
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    for sidecar in (a, b):
        sidecar.wait_channel("owes nothing", lambda c: c["kept"] == 0 and c["tx_bytes"] > 0)
    world.relay_process.kill()
    for sidecar, party in ((a, x), (b, y)):
        assert sidecar.terminate(deadline=5) == 0
        party.expect_reset()


def test_a_second_sigterm_ends_now(world):
    a, b, x = pair_that_owes(world, HOTLINK_PROXY_DRAIN_MS="60000")
    a.send_signal(signal.SIGTERM)
    a.wait_not_listening(a.port)
    a.send_signal(signal.SIGTERM)
    assert a.wait(deadline=5) == 1
    b.kill()
