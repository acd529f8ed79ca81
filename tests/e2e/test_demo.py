"""scripts/demo as a user runs it: the exit code, what it shows, and nothing left behind."""

import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from harness import PROXY_BIN, REPOSITORY, SCALE, wait_until

BUILD = pathlib.Path(PROXY_BIN).parent


def start_demo(tmp_path, *arguments):
    return subprocess.Popen(
        [sys.executable, REPOSITORY / "scripts/demo", "--build", BUILD, *arguments],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def processes_of(tmp_path):
    """Every process that inherited the demo's TMPDIR."""
    mark = f"TMPDIR={tmp_path}".encode()
    found = []
    for environment in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in environment.read_bytes().split(b"\0"):
                found.append(environment.parent.name)
        except OSError:  # gone, or another user's
            continue
    return found


@pytest.mark.parametrize("parties", [3, 5])
def test_demo(tmp_path, parties):
    demo = start_demo(tmp_path, "--parties", str(parties))
    text, _ = demo.communicate(timeout=60 * SCALE)
    assert demo.returncode == 0, text
    assert "50 of 50 loci equal" in text
    assert "All statistics equal at all parties." in text
    assert len(re.findall(r"\d -> \d .* equal$", text, re.MULTILINE)) == parties * (parties - 1)
    assert max(map(len, text.splitlines())) <= 100
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("processes", [1, 3])
def test_demo_interrupted(tmp_path, processes):
    demo = start_demo(tmp_path)
    wait_until("the demo starts processes", lambda: len(processes_of(tmp_path)) > processes)
    demo.send_signal(signal.SIGINT)
    text, _ = demo.communicate(timeout=30 * SCALE)
    assert demo.returncode == 130, text
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_demo_says_what_failed(tmp_path):
    """A sidecar that does not start: exit code 1, the tail of its log, and where the logs are."""
    build = tmp_path / "build"
    build.mkdir()
    (build / "hotlink-relay").symlink_to(BUILD / "hotlink-relay")
    (build / "hotlink-proxy").write_text("#!/bin/sh\necho out of cheese >&2\nexit 3\n")
    (build / "hotlink-proxy").chmod(0o755)
    demo = start_demo(tmp_path, "--build", build)
    text, _ = demo.communicate(timeout=30 * SCALE)
    assert demo.returncode == 1
    assert "sidecar_0 ended with exit code 3" in text
    assert "out of cheese" in text
    kept = re.search(r"kept in (\S+)", text).group(1)
    assert (pathlib.Path(kept) / "sidecar_0.log").exists()
    assert processes_of(tmp_path) == []
