"""What a container asks of the programs, without one: PID 1, a read-only root, a user without rights."""

import os
import pathlib
import signal
import subprocess

import pytest

from harness import Process, wait_until
from parties import Party, exchange, finish

AS_PID_1 = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
USER = 10001

# $1: a directory that becomes /mnt, the only one that can be written to. The program is reached
# through /srv, since a checkout may lie where nobody else may look. A mount that others hide cannot
# be remounted; OPEN_TO_ALL says whether it worked for those that count.
OPEN_TO_ALL = ("/tmp", "/var/tmp", "/dev/shm")
CONFINED = (
    "unshare",
    "--mount",
    "sh",
    "-ec",
    f"""
    mount --bind "$1" /mnt
    mount --bind "$(dirname "$2")" /srv
    mount -o remount,bind,ro /srv
    for place in $(cut -d' ' -f5 /proc/self/mountinfo); do
      case $place in /mnt | /proc* | /sys* | /dev) ;; *) mount -o remount,bind,ro "$place" 2>&- || : ;; esac
    done
    program=/srv/$(basename "$2")
    shift 2
    exec setpriv --reuid={USER} --regid={USER} --clear-groups --no-new-privs \\
      --bounding-set=-all -- "$program" "$@"
    """,
    "confined",
)


def why_not(command):
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return result.stderr.strip() or f"exit code {result.returncode}" if result.returncode else None


def skip_unless(command):
    reason = why_not(command)
    if reason:
        pytest.skip(f"no namespaces here: {reason}")


def children_of(pid):
    return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def init_of(process):
    """The process that is PID 1 of the namespace, by the number that we know it by."""
    return wait_until("PID 1 runs", lambda: children_of(process.pid))[0]


def adopt_an_orphan(init, fifo):
    """Makes PID 1 the parent of a process that it did not start; returns that, which has ended."""
    os.mkfifo(fifo)
    orphan = ["nsenter", f"--target={init}", "--pid", "sh", "-c", f"cat {fifo} & exit"]
    subprocess.run(orphan, check=True, stdout=subprocess.DEVNULL)
    adopted = wait_until("PID 1 has a child", lambda: children_of(init))
    with open(fifo, "w", encoding="utf-8"):
        pass  # the end of what cat reads
    return adopted


def test_a_sidecar_that_is_pid_1_drains_on_sigterm(world):
    skip_unless([*AS_PID_1, "true"])
    relay = world.relay()
    a = world.sidecar("a@example.org", relay, wrapper=AS_PID_1)
    b = world.sidecar("b@example.org", relay)
    world.channel(a, b)
    a.wait_listening()
    b.wait_listening()
    x, y = Party(a.port), Party(b.port)
    exchange(x, y, 1 << 20)
    x.send(b"owed")
    a.wait_channel("the bytes were read", lambda channel: channel["tx_bytes"] == (1 << 20) + 4)
    os.kill(init_of(a), signal.SIGTERM)
    assert y.receive(4) == b"owed"
    assert a.wait() == 0


def test_a_relay_that_is_pid_1_ends_on_sigterm(world):
    skip_unless([*AS_PID_1, "true"])
    relay = world.relay(wrapper=AS_PID_1)
    os.kill(init_of(relay), signal.SIGTERM)
    assert relay.wait() == 0


@pytest.mark.parametrize("program", ["sidecar", "relay"])
def test_pid_1_leaves_no_zombies(world, tmp_path, program):
    skip_unless([*AS_PID_1, "true"])
    relay = world.relay(wrapper=AS_PID_1 if program == "relay" else ())
    process = relay
    if program == "sidecar":
        process = world.sidecar("a@example.org", relay, wrapper=AS_PID_1)
        wait_until("the sidecar runs", process.telemetry)
    init = init_of(process)
    adopt_an_orphan(init, tmp_path / "fifo")
    wait_until("PID 1 has no child", lambda: not children_of(init))
    os.kill(init, signal.SIGTERM)
    assert process.wait() == 0


@pytest.fixture
def writable(tmp_path):
    """The only directory that a confined program can write to, if it can be confined here."""
    directory = tmp_path / "writable"
    directory.mkdir()
    os.chown(directory, USER, USER)
    skip_unless([*CONFINED, str(directory), "/bin/touch", "/mnt/here"])
    for place in OPEN_TO_ALL:
        denied = why_not([*CONFINED, str(directory), "/bin/touch", f"{place}/hotlink-test-{USER}"])
        assert denied and "Read-only file system" in denied, f"{place}: {denied}"
    (directory / "here").unlink()
    return directory


def assert_without_rights(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split() == [str(USER)] * 4
    assert int(fields["CapPrm"], 16) == 0


def test_a_confined_sidecar_writes_nothing_but_its_data_directory(world, writable):
    relay = world.relay()
    confined = (*CONFINED, str(writable))
    a = world.sidecar(
        "a@example.org",
        relay,
        data_dir=writable,
        start=False,
        wrapper=confined,
        SYFTBOX_DATA_DIR="/mnt",
    )
    b = world.sidecar("b@example.org", relay)
    world.channel(a, b)
    subprocess.run(["chown", "-R", f"{USER}:{USER}", str(writable)], check=True)
    a.start()
    a.wait_listening()
    b.wait_listening()
    assert_without_rights(a.pid)
    x, y = Party(a.port), Party(b.port)
    exchange(x, y, 1 << 20)
    finish(x, y)
    a.wait_channel("the telemetry counts", lambda channel: channel["tx_bytes"] == 1 << 20)
    assert a.terminate() == 0


def test_a_confined_relay_writes_nothing(world, writable):
    relay = world.relay(wrapper=(*CONFINED, str(writable)), start=False)
    at = relay.command.index("--port-file")
    del relay.command[at : at + 2]
    Process.start(relay)
    wait_until("the relay listens", lambda: f":{relay.port}" in relay.log_text())
    assert_without_rights(relay.pid)
    assert relay.terminate() == 0
    assert not list(writable.iterdir())
