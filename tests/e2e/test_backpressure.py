"""A party that does not read stops its peer from writing, and nobody else."""

import time

from harness import MIB, SANITIZED
from parties import Party, Transfer

STALL = 5  # seconds
# MiB for a sidecar with a full window of 4 MiB each way on two channels
MEMORY_LIMIT = 64 if not SANITIZED else 512


def speed(transfer, seconds):
    """Bytes a second that arrive in the next `seconds`."""
    before, started = transfer.received, time.monotonic()
    while time.monotonic() - started < seconds:
        transfer.wait_progress(1)
    return (transfer.received - before) / (time.monotonic() - started)


def test_a_party_that_does_not_read(world):
    relay = world.relay()
    a = world.sidecar("a@example.org", relay)
    b = world.sidecar("b@example.org", relay)
    stuck_ports = world.channel(a, b, above="flows/stuck")
    free_ports = world.channel(a, b, above="flows/free")
    a.wait_listening(stuck_ports[0], free_ports[0])
    b.wait_listening(stuck_ports[1], free_ports[1])
    stuck = Transfer(Party(stuck_ports[0]), Party(stuck_ports[1]))
    free = Transfer(Party(free_ports[0]), Party(free_ports[1])).start()
    alone = speed(free, 1)

    stuck.may_read.clear()
    stuck.start()
    beside = speed(free, STALL)
    assert stuck.received == 0
    sent = stuck.sent
    speed(free, 0.5)
    assert stuck.sent == sent, "the window does not stop the writer"
    assert beside > alone / 4, f"{beside / MIB:.0f} MiB/s beside it, {alone / MIB:.0f} before"
    for sidecar in (a, b):
        assert sidecar.resident_mib() < MEMORY_LIMIT
    a.wait_channel("says why", lambda c: "window full" in c["reason"], "flows/stuck")
    b.wait_channel("says why", lambda c: "not reading" in c["reason"], "flows/stuck")

    stuck.may_read.set()
    stuck.wait_progress(8 * MIB)
    stuck.finish(30)
    free.finish(30)
