"""A message in two writes with Nagle on, as many MPC programs send: 8 bytes, then 100. Where nobody
acknowledges the first write at once, the second one waits for a delayed ACK."""

from load import run_load

COUNT, QUICK_COUNT = 300, 50
DIRECT_COUNT = 25  # direct loopback takes over 80 ms each


def run(bench):
    for path in bench.in_turns():
        count = QUICK_COUNT if bench.quick else COUNT
        if path.name in ("direct", "chain"):
            count = min(count, DIRECT_COUNT)
        with path.pairs(1) as pairs:
            result = run_load("head-and-body", pairs, head=8, body=100, count=count)
        for part in ("p50", "p99"):
            bench.report.add("length then body", part, path.name, result[part], "us")
