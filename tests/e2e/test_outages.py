"""Relays and sidecars that die and come back."""

import os

import pytest

from harness import MIB
from parties import Party, Transfer, finish, talk


@pytest.mark.parametrize("options", [("--allow-all-reads",), ("--allow-all-reads", "--as-syftbox")])
def test_relay_killed_five_times_in_a_transfer(world, options):
    a, b = world.pair(*options)
    relay = world.relay_process
    x, y = Party(a.port), Party(b.port)
    transfers = [Transfer(x, y).start(), Transfer(y, x).start()]
    for _ in range(5):
        for transfer in transfers:
            transfer.wait_progress(2 * MIB)
        relay.kill()
        relay.start()
    for transfer in transfers:
        transfer.wait_progress(2 * MIB)
    for transfer in transfers:
        transfer.finish(30)


def test_relay_gone_for_a_while_with_parties_idle(world):
    a, b = world.pair()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    world.relay_process.kill()
    a.wait_channel("sees that the relay is gone", lambda c: c["reason"] == "relay unreachable")
    x.send(b"in the meantime")
    world.relay_process.start()
    assert y.receive(15) == b"in the meantime"
    finish(x, y)


def test_relay_absent_at_start(world):
    relay = world.relay(start=False)
    a = world.sidecar("a@example.org", relay)
    b = world.sidecar("b@example.org", relay)
    world.channel(a, b)
    a.wait_listening()
    b.wait_listening()
    x, y = Party(a.port).send(b"early"), Party(b.port).send(b"bird")
    y.expect_silence(0.5)
    relay.start()
    assert y.receive(5) == b"early"
    assert x.receive(4) == b"bird"
    finish(x, y)


# A restarted sidecar finds an old marker and stays dormant until the peer asks for it: the peer
# asks when it has heard nothing for a while.
ASK_SOON = {"HOTLINK_PROXY_HEARD_PING_MS": "300", "HOTLINK_PROXY_PING_MAX_MS": "200"}


def test_sidecar_killed_and_restarted(world):
    a, b = world.pair(**ASK_SOON)
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    b.kill()
    y.expect_reset()
    b.start().wait_listening()
    x.expect_reset()
    u, v = Party(a.port), Party(b.port)
    talk(u, v)
    finish(u, v)


@pytest.mark.parametrize("sender_dies", [True, False])
def test_sidecar_killed_with_bytes_on_the_way(world, sender_dies):
    a, b = world.pair(**ASK_SOON)
    x, y = Party(a.port), Party(b.port)
    data = os.urandom(3 * MIB)
    talk(x, y)
    x.send(data)
    assert y.receive(MIB) == data[:MIB]
    dead = a if sender_dies else b
    dead.kill()
    dead.start().wait_listening()
    rest, end = y.receive_to_end()
    assert end == "reset", "a torn stream must not look like a whole one"
    assert data[MIB:].startswith(rest)
    x.expect_reset()
    u, v = Party(a.port), Party(b.port)
    talk(u, v)
    finish(u, v)


def test_sidecar_killed_for_good(world):
    """Nobody comes back: the other party is told after the time limit, with the reason."""
    a, b = world.pair(HOTLINK_PROXY_PEER_SILENT_MS="700")
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    b.kill()
    x.expect_reset()
    assert "peer sidecar lost" in a.log_text()
    a.may_exit_with = {0, 1}  # the last acknowledgement may have died with the peer


def test_a_sidecar_started_later_takes_what_waits(world):
    relay = world.relay()
    a = world.sidecar("a@example.org", relay)
    b = world.sidecar("b@example.org", relay, start=False)
    world.channel(a, b)
    a.wait_listening()
    x = Party(a.port).send(b"waiting")
    x.expect_silence(1)
    b.start().wait_listening()
    y = Party(b.port)
    assert y.receive(7) == b"waiting"
    talk(y, x)
    finish(x, y)
