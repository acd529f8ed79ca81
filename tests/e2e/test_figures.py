"""Figures, printed. What is asserted is ten times what is aimed at, for busy machines."""

import os
import statistics
import time

import pytest

from harness import ABOVE, MIB, SANITIZED, listening_ports, wait_until, write_marker
from parties import Party, finish, talk

pytestmark = pytest.mark.figure
BULK_MIB = int(os.environ.get("HOTLINK_E2E_BULK_MIB", "256"))
DIRECTORIES = 20_000


def milliseconds(seconds):
    return f"{seconds * 1000:.2f} ms"


def test_first_byte_through_an_opened_channel(world, figure):
    """From the write at one party to the read at the other, receiving connection 50 ms old."""
    a, b = world.pair()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    finish(x, y)
    first, round_trips = [], []
    for _ in range(20):
        x, y = Party(a.port), Party(b.port)
        b.wait_channel("has the connection", lambda c: c["active"])
        y.expect_silence(0.06)
        started = time.perf_counter()
        x.send(b"!")
        assert y.receive(1) == b"!"
        first.append(time.perf_counter() - started)
        for _ in range(50):
            started = time.perf_counter()
            talk(x, y, b"8 bytes.", b".setyb 8")
            round_trips.append(time.perf_counter() - started)
        finish(x, y)
    middle, worst = statistics.median(first), max(first)
    figure(f"first byte: median {milliseconds(middle)}, worst {milliseconds(worst)} (aim 5 ms)")
    figure(f"round trip of 8 bytes: median {milliseconds(statistics.median(round_trips))}")
    assert middle < 0.050


def test_marker_to_listener_in_a_large_tree(world, figure):
    """From the rename of the marker to the listening port, 20,000 directories beside it."""
    relay = world.relay()
    a = world.sidecar("a@example.org", relay, start=False)
    for k in range(DIRECTORIES // 100):
        for m in range(99):
            (a.datasite / f"tree/{k:03}/{m:02}").mkdir(parents=True)
    port = world.ports.take()
    write_marker(a, "b@example.org", port, above="before/the start")
    started = time.perf_counter()
    a.start().wait_listening(port)
    start = time.perf_counter() - started
    times = []
    for run in range(5):
        port = world.ports.take()
        above = f"{ABOVE}/run-{run}"
        (a.datasite / above / "0_to_1").mkdir(parents=True)
        write_marker(a, "b@example.org", port, above=above)
        started = time.perf_counter()
        wait_until("the port listens", lambda port=port: port in listening_ports())
        times.append(time.perf_counter() - started)
    middle, worst = statistics.median(times), max(times)
    figure(
        f"marker to listener among {DIRECTORIES:,} directories: median {milliseconds(middle)},"
        f" worst {milliseconds(worst)} (aim 100 ms); from the start of the sidecar"
        f" {milliseconds(start)}"
    )
    assert middle < 1.0


@pytest.mark.timeout(300)
def test_one_way_throughput(world, figure):
    a, b = world.pair(HOTLINK_PROXY_LOG_LEVEL="info")
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    seconds = one_way(x, y, BULK_MIB)
    resident = max(a.resident_mib(), b.resident_mib())
    figure(f"one way, {BULK_MIB} MiB: {BULK_MIB / seconds:.0f} MiB/s (aim 150 MiB/s)")
    figure(f"resident memory of a sidecar after that: {resident:.1f} MiB (aim 40 MiB)")
    if not SANITIZED:
        assert BULK_MIB / seconds > 15
        assert resident < 400


def one_way(source, target, mib):
    """Seconds for that many MiB. Every 1 MiB block is compared, not hashed: that is cheaper."""
    block = os.urandom(MIB)
    pid = os.fork()
    if pid == 0:  # the writer, in a process of its own: no interpreter is shared
        status = 1
        try:
            for _ in range(mib):
                source.send(block, deadline=120)
            status = 0
        finally:
            os._exit(status)
    buffer = memoryview(bytearray(MIB))
    target.sock.settimeout(60)
    started = time.perf_counter()
    for _ in range(mib):
        at = 0
        while at < MIB:
            count = target.sock.recv_into(buffer[at:])
            assert count > 0, "the stream ended too early"
            at += count
        assert buffer == block
    seconds = time.perf_counter() - started
    assert os.waitpid(pid, 0)[1] == 0
    return seconds
