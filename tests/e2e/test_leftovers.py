"""What an earlier run of scripts/scenario left is cleaned before the next, and nothing else."""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tarfile
import tempfile

import pytest

import compose
from harness import wait_until
from scenario_runs import ENDLESS, commands
from scenariolib import containers, namespaces
from scenariolib.leftovers import namespace_prefix
from scenariolib.processes import stat_of

CLEANED = "left by an earlier run: "


@pytest.fixture
def stranger():
    """A process that no run has started."""
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as process:
        yield process
        assert process.poll() is None
        process.kill()


def left_behind(scenarios, scenario, processes=5):
    """A run of so many processes whose runner was killed by SIGKILL; its directory."""
    runner = scenarios.start(scenario)
    scenarios.wait_started(processes)
    runner.kill()
    runner.wait()
    return scenarios.run_directories()[0]


def identity_before(pid):
    """A line of /proc/PID/stat of a process that had that number earlier."""
    fields = stat_of(pid).split(" ")
    fields[21] = str(int(fields[21]) - 1)
    return " ".join(fields)


def test_processes_and_files(scenarios, stranger):
    left = left_behind(scenarios, scenarios.file(ENDLESS))
    assert len(scenarios.processes()) == 5
    assert list(left.rglob("stream.tcp"))
    (left / "pids/stranger.pid").write_text(identity_before(stranger.pid))
    living = scenarios.work / "run-living"  # of a runner that lives: this test
    living.mkdir()
    (living / "runner.pid").write_text(stat_of(os.getpid()))
    result = scenarios.run("smoke")
    assert result.code == 0, result.text
    assert f"{CLEANED}{left.name}: 5 processes, its files" in result.text
    assert scenarios.processes() == []
    assert scenarios.run_directories() == [living]


def test_a_runner_whose_number_another_process_has_is_dead(scenarios, stranger):
    left = left_behind(scenarios, scenarios.file(ENDLESS))
    (left / "runner.pid").write_text(identity_before(stranger.pid))
    assert f"{CLEANED}{left.name}: 5 processes" in scenarios.run("smoke").text
    scenarios.nothing_is_left()


def test_an_extracted_bundle_and_what_is_not_ours_stay(scenarios):
    result = scenarios.run("smoke")
    bundle = next(scenarios.work.glob("run-*.tar.gz"))
    with tarfile.open(bundle) as archive:
        archive.extractall(scenarios.work)
    ours = scenarios.work / f"new-1-1-{bundle.name}"  # of a runner that ended while it wrote
    notes = scenarios.work / "new-notes"
    for path in (ours, notes):
        path.write_text("")
    before = sorted(scenarios.work.rglob("*"))
    result = scenarios.run("smoke")
    assert f"{CLEANED}{ours.name}, not whole" in result.text
    gone = set(before) - set(scenarios.work.rglob("*"))
    assert gone == {ours}


def test_two_runners_that_clean_at_the_same_time(scenarios):
    left_behind(scenarios, scenarios.file(ENDLESS))
    both = [scenarios.start("smoke") for _ in range(2)]
    for process in both:
        result = scenarios.result(process)
        assert result.code == 0, result.text
    scenarios.nothing_is_left()


def test_sockets_whose_path_is_too_long_for_their_place(scenarios):
    scenarios.work = scenarios.directory / ("w" * 100)
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        scenarios.environment["XDG_RUNTIME_DIR"] = short
        left = left_behind(scenarios, scenarios.file(ENDLESS))
        place = pathlib.Path(short) / f"hotlink-proxy-{os.getuid()}"
        assert len(list(place.iterdir())) == 2
        with socket.socket(socket.AF_UNIX) as somebodys:
            somebodys.bind(str(place / "somebodys"))
            (left / "data/a/.syftbox/other.sock").symlink_to(short)
            result = scenarios.run(scenarios.file(commands("true")))
        assert result.code == 0, result.text
        assert [path.name for path in place.iterdir()] == ["somebodys"]
    scenarios.nothing_is_left()


def test_namespaces(scenarios, nat):
    left = left_behind(scenarios, scenarios.file(f"topology: nat\n{ENDLESS}"))
    with namespaces.Network(namespace_prefix("run-strange")) as other:
        result = scenarios.run("smoke")
        namespaces.ip("-n", other.host, "link")  # it is there
    assert result.code == 0, result.text
    assert f"{CLEANED}{left.name}: 5 processes, 5 namespaces, its files" in result.text
    assert namespaces.delete(namespace_prefix(left.name)) == []
    scenarios.nothing_is_left()


class Podman:
    """Containers without an image: a root of empty directories, and this machine's /usr."""

    def __init__(self, directory):
        self._root = directory / "root"
        for name in ("usr", "proc", "sys", "dev", "etc", "tmp", "run"):
            (self._root / name).mkdir(parents=True)
        for name in ("bin", "lib", "lib64"):
            (self._root / name).symlink_to(f"usr/{name}")

    def words(self, label, *command):
        return ["podman", *compose.runtime(), "run", "--network=none", "--volume=/usr:/usr:ro",
                *compose.limits(), f"--label={containers.LABEL}={label}", "--rootfs",
                str(self._root), *command]


@pytest.fixture
def podman(tmp_path):
    """Skips, loudly, where no container can be started."""
    if not shutil.which("podman"):
        pytest.skip("NOT TESTED: podman is not installed")
    engine = Podman(tmp_path)
    words = engine.words("none", "true")
    tried = subprocess.run(words, capture_output=True, text=True, check=False)
    containers.remove(containers.labelled("none"))
    if tried.returncode != 0:
        pytest.skip(f"NOT TESTED: podman starts no container: {tried.stderr.strip()}")
    return engine


@contextlib.contextmanager
def containers_of(run):
    """Whatever a test does, none of these is left."""
    try:
        yield
    finally:
        containers.remove(containers.labelled(run))


def test_containers(scenarios, podman):
    label = '"$HOTLINK_SCENARIO_RUN"'
    starts = " ".join(podman.words(label, "sleep", "600")) + " >/dev/null"
    stranger = f"strange-{os.getpid()}"
    with containers_of(stranger):
        subprocess.run([*podman.words(stranger, "sleep", "600")[:-2], "true"], check=True)
        left = left_behind(scenarios, scenarios.file(commands(starts, "sleep 600")))
        with containers_of(left.name):
            wait_until("the container runs", lambda: containers.labelled(left.name))
            result = scenarios.run("smoke")
            assert result.code == 0, result.text
            assert re.search(rf"{CLEANED}{left.name}: \d processes, 1 containers", result.text)
            assert containers.labelled(left.name) == []
        assert len(containers.labelled(stranger)) == 1
    scenarios.nothing_is_left()


def test_a_container_that_outlives_the_run(scenarios, podman):
    words = podman.words('"$HOTLINK_SCENARIO_RUN"', "sleep", "600")
    words.insert(words.index("run") + 1, "--detach")
    result = scenarios.run(scenarios.file(commands(" ".join(words))))
    assert result.code == 1
    assert result.verdict("nothing outlives the run") == "FAILED"
    assert re.search(r"still there: podman container [0-9a-f]{12}$", result.text, re.MULTILINE)
    run = re.search(r"run-[0-9a-f]{8}", result.text)[0]
    assert containers.labelled(run) == []
    scenarios.nothing_is_left()
