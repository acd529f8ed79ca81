"""scripts/demo as a user runs it: the exit code, what it shows, and nothing left behind."""

import contextlib
import fcntl
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios

import pytest

from harness import PROXY_BIN, REPOSITORY, SCALE, wait_until

BUILD = pathlib.Path(PROXY_BIN).parent


@pytest.fixture
def tmp_path():
    """A short one: the kernel takes no long paths for the sidecars' admin sockets."""
    with tempfile.TemporaryDirectory(prefix="hl-", dir="/tmp") as directory:
        yield pathlib.Path(directory)


TABLE_HEAD = re.compile(r"^CHANNEL +PEER +PORT +STATE +SENT", re.MULTILINE)


def start_demo(tmp_path, *arguments, out=subprocess.PIPE):
    return subprocess.Popen(
        [sys.executable, REPOSITORY / "scripts/demo", "--build", BUILD, *arguments],
        env={**os.environ, "TMPDIR": str(tmp_path), "TERM": "xterm"},
        stdout=out,
        stderr=subprocess.STDOUT,
        text=True,
    )


def on_a_terminal(tmp_path, columns, rows):
    """(the exit code, all that the demo sent to a terminal of that size)."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    demo = start_demo(tmp_path, out=theirs)
    os.close(theirs)
    sent = b""
    with contextlib.suppress(OSError):  # its last writer is gone
        while part := os.read(ours, 65536):
            sent += part
    os.close(ours)
    return demo.wait(30 * SCALE), sent.decode().replace("\r\n", "\n")


def left_on_it(sent):
    """What then stands on the terminal: the demo goes up over whole lines, and deletes them."""
    lines = []
    for up, text in re.findall(r"(?:\x1b\[(\d+)A\x1b\[J)?([^\x1b]*)", sent):
        del lines[len(lines) - int(up or 0) :]
        lines += text.splitlines()
    assert not sent.count("\x1b") % 2, "codes that this does not know"
    return "\n".join(lines)


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
    assert len(TABLE_HEAD.findall(text)) == 2 * parties  # once in each part
    assert "\x1b" not in text
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("columns", [80, 160])
def test_the_table_is_drawn_in_place_on_a_terminal(tmp_path, columns):
    code, sent = on_a_terminal(tmp_path, columns, 50)
    assert code == 0, sent
    left = left_on_it(sent)
    heads = TABLE_HEAD.findall(left)
    assert len(heads) == 2 * 3
    assert len(TABLE_HEAD.findall(sent)) >= len(heads) + 3, "it was drawn once"
    assert len(re.findall(r"\d -> \d .* equal$", left, re.MULTILINE)) == 3 * 2
    drawn = [line for line in left.splitlines() if "@demo.example" in line]
    assert max(map(len, drawn)) < columns
    for row in ("frequencies/0_to_1", "statistics/2_to_1"):
        assert any(line.startswith(f"{row} ") for line in drawn)
    assert processes_of(tmp_path) == []


def test_a_table_higher_than_the_terminal_says_so(tmp_path):
    code, sent = on_a_terminal(tmp_path, 160, 10)
    assert code == 0, sent
    assert "more lines: the terminal is too low" in sent
    ups = [int(up) for up in re.findall(r"\x1b\[(\d+)A", sent)]
    assert ups and max(ups) < 10


@pytest.mark.parametrize("processes", [1, 3])
def test_demo_interrupted(tmp_path, processes):
    demo = start_demo(tmp_path)
    wait_until("the demo starts processes", lambda: len(processes_of(tmp_path)) > processes)
    demo.send_signal(signal.SIGINT)
    text, _ = demo.communicate(timeout=30 * SCALE)
    assert demo.returncode == 130, text
    assert processes_of(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_demo_whose_output_nobody_reads(tmp_path):
    demo = start_demo(tmp_path)
    demo.stdout.readline()
    demo.stdout.close()
    assert demo.wait(60 * SCALE) == 1
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
