"""Over a long line between one sidecar and the relay (tests/bench/wan_proxy.cc): a ping beside
bulk, what the window allows at several round trips, and a burst after a pause."""

import contextlib
import time

from hotlink_net import HotlinkNet
from load import run_load

MIB = 1 << 20
RATE = 20_000_000 // 8  # bytes a second: 20 Mbit/s
RTT_MS = 40
INTERVAL_US = 20_000  # between pings
COUNT, QUICK_COUNT = 500, 150
AFTER_BULK = 1  # second: what is under way of it is acknowledged before a sidecar ends
BESIDE_LIMIT = 30  # seconds; at most 12 are pings, one after the other
SETTLE_MS = 2000  # of bulk, before the first ping: all queues are full
WINDOW = 4 * MIB  # the option's default
WINDOW_RTTS_MS = (20, 50, 100)
WINDOW_BYTES = 96 * MIB  # many windows
BURST, BURSTS = 4 * MIB, 2
IDLE_MS = 10_000


def run(bench):
    bench.attempt("ping beside bulk", lambda: ping_beside_bulk(bench))
    if bench.quick:
        return
    for rtt in WINDOW_RTTS_MS:
        bench.attempt(f"bulk over {rtt} ms", lambda rtt=rtt: speed_of_window(bench, rtt))
    bench.attempt("burst", lambda: burst_after_idle(bench))


def ping_beside_bulk(bench):
    count = QUICK_COUNT if bench.quick else COUNT
    with _long_line(bench, "beside", RTT_MS, RATE) as net:
        ends = net.add_channels(2)
        result = run_load(
            "beside-bulk",
            ends,
            size=64,
            count=count,
            interval_us=INTERVAL_US,
            settle_ms=SETTLE_MS,
            time_limit=BESIDE_LIMIT,
        )
        time.sleep(AFTER_BULK)
    for part in ("p50", "p99", "max"):
        bench.report.add("ping beside bulk", part, "relay", result[part] / 1000, "ms")


def speed_of_window(bench, rtt):
    with _long_line(bench, f"window-{rtt}", rtt) as net:
        ends = net.add_channels(1)
        for _ in range(bench.repeats):
            result = run_load("bulk", ends, bytes=WINDOW_BYTES, both=0)
            speed = result["bytes"] / result["seconds"]
            _add_long(bench, rtt, speed)


def _add_long(bench, rtt, speed):
    add = bench.report.add
    add("bulk over a long line", f"{rtt} ms", "relay", speed / MIB, "MiB/s", "more")
    share = 100 * speed * rtt / 1000 / WINDOW
    add("of window / RTT", f"{rtt} ms", "relay", share, "%", "more")


def burst_after_idle(bench):
    with _long_line(bench, "burst", RTT_MS) as net:
        ends = net.add_channels(1)
        result = run_load("burst", ends, bytes=BURST, idle_ms=IDLE_MS, count=BURSTS)
        again = run_load("burst", ends, bytes=BURST, idle_ms=0, count=10)
    name = f"burst of {BURST // MIB} MiB, {RTT_MS} ms"
    bench.report.add(name, "after 10 s idle", "relay", result["max"] / 1000, "ms")
    bench.report.add(name, "one after the other", "relay", again["p50"] / 1000, "ms")


@contextlib.contextmanager
def _long_line(bench, name, rtt, rate=0):
    net = HotlinkNet(bench.directory / f"wan-{name}", long_line=(rtt // 2, rate))
    try:
        yield net
    finally:
        bench.report.failures += net.close()
