#!/usr/bin/python3
"""Measures sidecars and relay beside what they are compared with, in one run.

Writes report.json and a picture a figure, prints the tables and the aims. Exit code 1 if a part
could not be measured; never because of a number.
"""

import argparse
import importlib
import os
import pathlib
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(REPOSITORY / "tests/e2e"), str(REPOSITORY / "scripts")]

import machine  # noqa: E402  (the modules beside it need the tests' directory)
import plots  # noqa: E402
import ratios  # noqa: E402
from load import LoadFailed  # noqa: E402
from paths import open_paths  # noqa: E402
from report import Report  # noqa: E402
from scenariolib.ports import Ports  # noqa: E402

FIGURES = (
    "bulk",
    "round_trip",
    "length_then_body",
    "first_byte",
    "all_to_all",
    "growth",
    "wan",
    "marker",
    "admin",
    "idle",
)
FAILURE_MAX = 400  # characters of a reason
ON_PATHS = {"bulk", "round_trip", "length_then_body", "first_byte", "all_to_all"}


class Bench:
    """What figures are given."""

    def __init__(self, arguments, directory):
        self.quick = arguments.quick
        self.repeats = arguments.repeats or (1 if self.quick else 3)
        self.directory = directory
        self.report = Report(machine.describe())
        self.paths = {}  # name -> an open path
        self.ports = Ports()

    def open_paths(self, server):
        for name, opened in open_paths(self.ports, self.directory, server):
            self.attempt(f"path {name}", lambda n=name, o=opened: self.paths.update({n: o()}))

    def in_turns(self, repeats=None):
        """Every path, then every path again. One that fails is told of and left out from there."""
        for _ in range(repeats or self.repeats):
            yield from list(self.paths.values())

    def attempt(self, what, action):
        try:
            action()
        except (AssertionError, LoadFailed, OSError) as error:
            failure = f"{what}: {error}"[:FAILURE_MAX]
            self.report.failures.append(failure)
            print(failure, file=sys.stderr, flush=True)

    def close(self):
        for path in self.paths.values():
            self.report.failures += path.close()
        self.ports.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="half a minute: less of everything")
    parser.add_argument("--repeats", type=int, help="how often (3, quick: 1)")
    parser.add_argument("--only", action="append", choices=FIGURES, help="these figures")
    parser.add_argument("--out", type=pathlib.Path, default=REPOSITORY / "build/bench")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hotlink-bench-", dir=memory_directory()) as directory:
        bench = Bench(arguments, pathlib.Path(directory))
        try:
            measure(bench, arguments.only or FIGURES)
        finally:
            bench.close()
        bench.report.machine["took"] = f"{time.monotonic() - begin:.0f} s"
        return finish(bench.report, arguments.out)


def memory_directory():
    """Where files are not written to a disk, which needs minutes to forget 200,000 directories."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def measure(bench, figures):
    if ON_PATHS & set(figures):
        bench.open_paths(os.environ.get("BENCH_SERVER"))
    for name in figures:
        begin = time.monotonic()
        module = importlib.import_module(f"figures.{name}")
        bench.attempt(name, lambda module=module: module.run(bench))
        print(f"{name}: {time.monotonic() - begin:.1f} s", file=sys.stderr, flush=True)


def finish(report, out):
    found = ratios.ratios(report)
    (out / "report.json").write_text(report.as_json(found))
    pictures = plots.draw(report, out)
    print(report.table(), "", ratios.table(found), sep="\n")
    for failure in report.failures:
        print(f"FAILED: {failure}")
    print(f"{out / 'report.json'}, and {len(pictures)} pictures beside it")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
