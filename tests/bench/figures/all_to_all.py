"""Three parties in rounds of 64 bytes from all to all, while they keep both cores busy; and how much
of their computing is left beside it. Over our relay, and over a chain of hops for each pair."""

import contextlib
import os

from hotlink_net import HotlinkNet
from load import run_load
from usage import CpuMeter

PARTIES = ((0, 1), (0, 2), (1, 2))
ROUNDS, QUICK_ROUNDS = 10_000, 500
SIZE = 64
ALONE_MS = 500  # of computing undisturbed, what the rest is compared with


class Triangle:
    """Three sidecars, a channel between any two."""

    name = "relay"

    def __init__(self, directory):
        self.net = HotlinkNet(directory, parties=3)
        self.processes = self.net.processes
        self._ends = [self.net.add_channels(1, pair)[0] for pair in PARTIES]

    @contextlib.contextmanager
    def pairs(self, count):
        yield self._ends[:count]


def run(bench):
    rounds = QUICK_ROUNDS if bench.quick else ROUNDS
    triangle = Triangle(bench.directory / "triangle")
    try:
        compared = [bench.paths[name] for name in ("direct", "chain") if name in bench.paths]
        for path in [*compared, triangle] * (1 if bench.quick else 2):
            measure(bench, path, rounds)
    finally:
        bench.report.failures += triangle.net.close()


def measure(bench, path, rounds):
    busy = len(os.sched_getaffinity(0))
    with path.pairs(len(PARTIES)) as pairs:
        meter = CpuMeter(path.processes)
        result = run_load(
            "all-to-all", pairs, size=SIZE, rounds=rounds, busy=busy, alone_ms=ALONE_MS
        )
        used = meter.used()
    seconds = result["seconds"] * ROUNDS / rounds
    add = bench.report.add
    add("all-to-all", f"{ROUNDS:,} rounds", path.name, seconds, "s")
    for part in ("p50", "p99", "max"):
        add("all-to-all, a round", part, path.name, result["round"][part], "us")
    share = 100 * result["work_left"]
    add("work left to the parties", "all-to-all", path.name, share, "%", "more")
    for role, cpu in used.items():
        cpu *= ROUNDS / rounds
        add(f"CPU per {ROUNDS:,} rounds, all-to-all", role, path.name, cpu, "s")
