"""Many bytes, whole and in order, over relays that reorder, drop, repeat and cut."""

import pytest

from harness import MIB
from parties import Party, Transfer, finish, talk


def both_ways(a, b, size, deadline):
    x, y = Party(a.port), Party(b.port)
    transfers = [Transfer(x, y, size).start(), Transfer(y, x, size).start()]
    for transfer in transfers:
        transfer.wait(deadline)
    finish(x, y)


def test_64_mib_each_way_over_a_relay_like_the_server(world):
    a, b = world.pair("--allow-all-reads", "--as-syftbox")
    both_ways(a, b, 64 * MIB, 90)


@pytest.mark.parametrize(
    "fault, size",
    [
        ("loss=0.05,dup=0.05", 4 * MIB),
        ("cut-every=50", 16 * MIB),
        ("stall=50ms@300ms", 4 * MIB),
    ],
)
def test_transfer_over_a_faulty_relay(world, fault, size):
    a, b = world.pair("--allow-all-reads", "--fault", fault)
    both_ways(a, b, size, 60)


def test_transfer_over_a_faulty_relay_like_the_server(world):
    a, b = world.pair("--allow-all-reads", "--as-syftbox", "--fault", "loss=0.02,dup=0.02")
    both_ways(a, b, 4 * MIB, 60)


def test_json_encoding(world):
    a, b = world.pair(HOTLINK_PROXY_ENCODING="json")
    both_ways(a, b, 8 * MIB, 60)


def test_one_side_json_the_other_msgpack(world):
    relay = world.relay()
    a = world.sidecar("a@example.org", relay, HOTLINK_PROXY_ENCODING="json")
    b = world.sidecar("b@example.org", relay, HOTLINK_PROXY_ENCODING="msgpack")
    world.channel(a, b)
    a.wait_listening()
    b.wait_listening()
    both_ways(a, b, 8 * MIB, 60)


def test_small_messages_in_turns(world):
    """A round trip after a round trip, as MPC programs do, over a relay that reorders."""
    a, b = world.pair("--allow-all-reads", "--as-syftbox")
    x, y = Party(a.port), Party(b.port)
    for k in range(500):
        talk(x, y, b"%08d" % k, b"%07d." % k)
    finish(x, y)


def test_telemetry_counts_the_parties_bytes(world):
    a, b = world.pair()
    both_ways(a, b, 3 * MIB + 17, 30)
    for sidecar in (a, b):
        sidecar.wait_channel(
            "its counters agree with the parties",
            lambda c: c["tx_bytes"] == c["rx_bytes"] == 3 * MIB + 17,
        )
        total = sidecar.telemetry()
        assert total["tx_bytes"] == total["rx_bytes"] == 3 * MIB + 17
