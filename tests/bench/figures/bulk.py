"""One way, both ways, three channels at once; with CPU time and memory of who carries it."""

from load import run_load
from usage import CpuMeter, forget_peak_memory, peak_memory_mib

MIB, GIB = 1 << 20, 1 << 30
SIZES = {"64 MiB": 64 * MIB, "256 MiB": 256 * MIB, "1 GiB": GIB}


def run(bench):
    size = "64 MiB" if bench.quick else "256 MiB"
    for path in bench.in_turns():
        one_way(bench, path, size)
    for path in bench.in_turns(1 if bench.quick else 2):
        several(bench, path, f"both ways, {size} each", size, both=1)
    for path in bench.in_turns(1 if bench.quick else 2):
        several(bench, path, f"three channels, {size} each", size, count=3)
    if not bench.quick:
        for path in bench.in_turns(1):
            one_way(bench, path, "1 GiB")


def one_way(bench, path, size):
    with path.pairs(1) as pairs:
        meter = CpuMeter(path.processes)
        watched = _memory_of(path)
        for process in watched.values():
            forget_peak_memory(process.pid)
        result = run_load("bulk", pairs, bytes=SIZES[size], both=0)
        used = meter.used()
        peaks = {role: peak_memory_mib(process.pid) for role, process in watched.items()}
    _add_speed(bench, size, path, result)
    for role, seconds in used.items():
        seconds *= GIB / result["bytes"]
        bench.report.add("CPU per GiB", role, path.name, seconds, "s")
    for role, peak in peaks.items():
        bench.report.add("memory in bulk", role, path.name, peak, "MiB")


def several(bench, path, variant, size, count=1, both=0):
    with path.pairs(count) as pairs:
        result = run_load("bulk", pairs, bytes=SIZES[size], both=both)
    _add_speed(bench, variant, path, result)


def _add_speed(bench, variant, path, result):
    speed = result["bytes"] / MIB / result["seconds"]
    bench.report.add("bulk", variant, path.name, speed, "MiB/s", "more")


def _memory_of(path):
    """One process of each role; those of a chain end with the transfer."""
    return {role: them[0] for role, them in path.processes.items() if role != "hop"}
