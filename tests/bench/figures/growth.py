"""CPU time per GiB of a sidecar whose bytes are spread over more and more channels. The fit: cost
grows as channels to the power of the exponent; 0 is no growth, 1 in proportion."""

import math

from hotlink_net import HotlinkNet
from load import run_load
from usage import CpuMeter

CHANNELS = (1, 8, 64)
GIB = 1 << 30
ALL_BYTES = GIB  # of a run, whatever the number of channels: few of them are in beginnings


def run(bench):
    if bench.quick:
        return
    net = HotlinkNet(bench.directory / "growth")
    try:
        ends = net.add_channels(max(CHANNELS))
        for _ in range(bench.repeats):
            for count in CHANNELS:
                measure(bench, net, ends[:count])
    finally:
        bench.report.failures += net.close()
    medians = [bench.report.median("growth", _variant(count), "relay") for count in CHANNELS]
    bench.report.add("growth, fit", "exponent", "relay", exponent(CHANNELS, medians), "power")


def measure(bench, net, ends):
    meter = CpuMeter(net.processes)
    result = run_load("bulk", ends, bytes=ALL_BYTES // len(ends), both=0)
    per_gib = meter.used()["sidecar"] * GIB / result["bytes"]
    bench.report.add("growth", _variant(len(ends)), "relay", per_gib, "CPU s/GiB")


def exponent(counts, costs):
    """The slope of log(cost) over log(count), by least squares."""
    points = [(math.log(count), math.log(cost)) for count, cost in zip(counts, costs)]
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    rise = sum((x - middle_x) * (y - middle_y) for x, y in points)
    return rise / sum((x - middle_x) ** 2 for x, _ in points)


def _variant(count):
    return f"{count} channel" + ("s" if count > 1 else "")
