"""Runs the load program (tests/bench/load), which plays the parties of all figures."""

import json
import os

from harness import REPOSITORY
from scenariolib.calls import call

BENCH_BIN = os.environ.get("HOTLINK_BENCH_BIN", str(REPOSITORY / "build/release/bench"))
TIME_LIMIT = 60  # seconds for one run, where the figure does not say otherwise


class LoadFailed(Exception):
    """One run; the text says what was run and what went wrong."""


def run_load(mode, pairs, *, time_limit=TIME_LIMIT, **numbers):
    """What the program prints, as a dict. `pairs`: [(end, end)], as "connect:5000"."""
    command = [f"{BENCH_BIN}/load", mode, *(f"{name}={value}" for name, value in numbers.items())]
    command += [end for pair in pairs for end in pair]
    done = call(command, time_limit)
    if done is None:
        raise LoadFailed(f"{' '.join(command)}: not done after {time_limit} s")
    if done.returncode != 0:
        raise LoadFailed(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return json.loads(done.stdout)
