"""From a party's connect() to its first byte at the other party, which is connected already. Every
time with new connections, over channels that are open: what a computation's start costs."""

from load import run_load
from paths import Hotlink

COUNT, QUICK_COUNT = 20, 5


def run(bench):
    for path in bench.in_turns(1):
        if not isinstance(path, Hotlink):
            continue  # a chain takes one connection only; the others dial the second one late
        with path.pairs(1) as pairs:
            result = run_load("first-byte", pairs, count=QUICK_COUNT if bench.quick else COUNT)
        for part in ("p50", "max"):
            bench.report.add("first byte", part, path.name, result[part], "us")
