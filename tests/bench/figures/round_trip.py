"""Round trips of several sizes, one after the other, and what they cost."""

from load import run_load
from usage import CpuMeter

SIZES = {"1 B": 1, "64 B": 64, "4 KiB": 4096, "64 KiB": 65536}
QUICK_SIZES = ("64 B", "64 KiB")
COUNT, QUICK_COUNT = 5000, 500
WARM_UP = 200
PER = 10_000  # round trips that CPU time is given for


def run(bench):
    count = QUICK_COUNT if bench.quick else COUNT
    for name, size in SIZES.items():
        if bench.quick and name not in QUICK_SIZES:
            continue
        for path in bench.in_turns():
            with path.pairs(1) as pairs:
                meter = CpuMeter(path.processes)
                result = run_load("ping", pairs, size=size, count=count, warm_up=WARM_UP)
                used = meter.used()
            for part in ("p50", "p90", "p99", "max"):
                bench.report.add(f"round trip {name}", part, path.name, result[part], "us")
            if size != SIZES["64 B"]:
                continue
            for role, seconds in used.items():
                seconds *= PER / (count + WARM_UP)
                bench.report.add(f"CPU per {PER:,} round trips", role, path.name, seconds, "s")
