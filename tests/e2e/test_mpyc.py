"""MPyC, unmodified: the party of lower number dials, the higher listens, one port for all peers."""

import pathlib
import subprocess
import time

import pytest

from certificates import Authority
from harness import REPOSITORY, SCALE, clean_environment

PYTHON = REPOSITORY / "build/venv/bin/python"
PROGRAMS = pathlib.Path(__file__).parent / "programs/mpyc"
RUN_LIMIT = 60  # seconds, for one computation
UNUSED = "127.0.0.1:1"  # a party never dials those of lower numbers
ALL_PROGRAMS = pytest.mark.parametrize("program", sorted(p.stem for p in PROGRAMS.glob("*.py")))


@pytest.fixture(scope="module", autouse=True)
def mpyc():
    assert PYTHON.exists(), "MPyC is not there: scripts/install-deps test"


def direct(world, parties):
    """Each party's -P list when they reach each other directly."""
    ports = [world.ports.take() for _ in range(parties)]
    everybody = range(parties)
    return [
        [f":{ports[p]}" if p == q else f"127.0.0.1:{ports[q]}" for q in everybody]
        for p in everybody
    ]


def through_sidecars(world, parties):
    """The same when the others' addresses are ports of the own sidecar."""
    mesh = world.dial_mesh(parties)
    return [addresses(mesh, p, parties) for p in range(parties)]


def addresses(mesh, p, parties):
    own = mesh.listens.get((0, p), 1)  # party 0 listens for nobody
    others = [f"127.0.0.1:{mesh.dials[p, q]}" for q in range(p + 1, parties)]
    return [UNUSED] * p + [f":{own}"] + others


def compute(program, lists, directory, *options):
    """(the parties' result lines, seconds from the first start to the last end)."""
    started = time.perf_counter()
    runs = [start_party(program, addresses, directory, options) for addresses in lists]
    give_up = time.monotonic() + RUN_LIMIT * SCALE
    try:
        outputs = [run.communicate(timeout=give_up - time.monotonic()) for run in runs]
    finally:
        for run in runs:
            run.kill()
            run.wait()
    seconds = time.perf_counter() - started
    for run, (_, log) in zip(runs, outputs):
        assert run.returncode == 0, log
    results = [[line for line in out.splitlines() if line[:6] == "result"] for out, _ in outputs]
    assert results[0], "no result was printed"
    assert all(result == results[0] for result in results)
    return results[0], seconds


def start_party(program, addresses, directory, options):
    command = [PYTHON, "-B", PROGRAMS / f"{program}.py", *options]
    for address in addresses:
        command += ["-P", address]
    return subprocess.Popen(
        command,
        cwd=directory,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@ALL_PROGRAMS
@pytest.mark.parametrize("parties", [3, 5])
def test_results_are_those_of_a_direct_run(world, program, parties):
    expected, _ = compute(program, direct(world, parties), world.directory)
    result, _ = compute(program, through_sidecars(world, parties), world.directory)
    assert result == expected


def test_one_after_the_other_over_the_same_channels(world):
    lists = through_sidecars(world, 3)
    results = [compute("sorting", lists, world.directory)[0] for _ in range(3)]
    assert results[0] == results[1] == results[2]


def test_with_its_tls_option(world):
    write_certificates(world.directory / ".config", 3)
    expected, _ = compute("pooled_statistics", direct(world, 3), world.directory, "--ssl")
    result, _ = compute("pooled_statistics", through_sidecars(world, 3), world.directory, "--ssl")
    assert result == expected


def write_certificates(directory, parties):
    """As MPyC looks for them below its working directory."""
    directory.mkdir()
    authority = Authority(directory)
    authority.file.rename(directory / "mpyc_ca.crt")
    for p in range(parties):
        certificate, key = authority.issue(f"MPyC party {p}")
        certificate.rename(directory / f"party_{p}.crt")
        key.rename(directory / f"party_{p}.key")


@pytest.mark.figure
@ALL_PROGRAMS
def test_time_beside_a_direct_run(world, figure, program):
    """The middle of three runs each; the start of three interpreters is part of both."""
    times = {}
    for name, lists in (
        ("direct", direct(world, 3)),
        ("over sidecars", through_sidecars(world, 3)),
    ):
        times[name] = sorted(compute(program, lists, world.directory)[1] for _ in range(3))[1]
    ratio = times["over sidecars"] / times["direct"]
    spent = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in times.items())
    figure(f"MPyC {program}, 3 parties: {spent}: {ratio:.2f} x (aim 1.5 x)")
    assert ratio < 15
