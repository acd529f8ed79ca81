"""Each reason why a channel does not move, brought about with real processes and the time limits
that a sidecar has by itself: status and metrics name it. The aim is 2 s; how long it took is printed
(pytest -rP), and the limit leaves room for a busy machine."""

import os
import signal
import socket
import time

import pytest

from admin import metrics, status
from harness import MIB, wait_until, write_marker
from parties import Party, Transfer, talk

NAMED = 10  # seconds


def reason_in_metrics(sidecar, name):
    """The reason of the channel with `name` in its path."""
    for name_and_labels in metrics(sidecar):
        labels = dict(name_and_labels[1])
        if name_and_labels[0] == "hotlink_channel_reason" and name in labels["channel"]:
            return labels["reason"]
    return None


def reasons(sidecar, name):
    return [c["reason"] for c in status(sidecar)["channels"] if name in c["name"]]


def expect_reason(sidecar, reason, name=""):
    """To be called as soon as the cause is there."""
    since = time.monotonic()
    try:
        wait_until(
            f'{sidecar.name} says "{reason}"',
            lambda: sidecar.admin_socket.exists()
            and reason in reasons(sidecar, name)
            and reason_in_metrics(sidecar, name) == reason,
            NAMED,
        )
    except AssertionError as error:
        raise AssertionError(f"{error}, but {reasons(sidecar, name)}") from None
    print(f'{sidecar.name} says "{reason}" after {time.monotonic() - since:.2f} s')


def joined_pair(world):
    """Parties that have talked, and are silent now."""
    a, b = live_pair(world)
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    expect_reason(a, "local party is silent")
    return a, b, x, y


def started(world, relay, email="a@example.org", **environment):
    """A sidecar that runs: markers written from now on are live."""
    sidecar = world.sidecar(email, relay, **environment)
    wait_until("is connected", lambda: " up encoding=" in sidecar.log_text())
    return sidecar


def live_pair(world, **environment):
    relay = world.relay()
    a, b = (started(world, relay, f"{name}@example.org", **environment) for name in "ab")
    world.channel(a, b)
    return a.wait_listening(), b.wait_listening()


def test_moving_and_local_party_is_silent(world):
    a, b = live_pair(world)
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    expect_reason(a, "moving")
    expect_reason(a, "local party is silent")


def test_dormant(world):
    a = world.sidecar("a@example.org", world.relay(), start=False)
    os.utime(write_marker(a, "b@example.org", world.ports.take()), (1, 1))
    a.start()
    expect_reason(a, "dormant")


def test_waiting_for_local_party(world):
    a, _ = live_pair(world)
    expect_reason(a, "waiting for local party")


def test_waiting_for_peer_sidecar(world):
    a = started(world, world.relay())
    write_marker(a, "b@example.org", world.ports.take())
    expect_reason(a, "waiting for peer sidecar")


def test_waiting_for_peers_party(world):
    a, _ = live_pair(world)
    x = Party(a.port).send(b"anybody there?")
    expect_reason(a, "waiting for peer's party")
    assert a.terminate() == 0
    x.close()


def test_relay_unreachable(world):
    a, _ = live_pair(world)
    world.relay_process.kill()
    expect_reason(a, "relay unreachable")
    assert status(a)["relay"]["error"]


def test_relay_connected_but_not_delivering(world):
    """Its process stands still; the connections stay."""
    relay = world.relay()
    a = started(world, relay)
    relay.send_signal(signal.SIGSTOP)
    try:
        write_marker(a, "b@example.org", world.ports.take())
        expect_reason(a, "relay connected but not delivering")
    finally:
        relay.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("bytes_wait", [False, True])
def test_relay_stands_still_during_a_join(world, bytes_wait):
    a, b, x, _ = joined_pair(world)
    world.relay_process.send_signal(signal.SIGSTOP)
    try:
        if bytes_wait:
            x.send(b"anybody there?")
        expect_reason(a, "relay connected but not delivering")
        expect_reason(b, "relay connected but not delivering")
    finally:
        world.relay_process.send_signal(signal.SIGCONT)
    expect_reason(a, "local party is silent")


@pytest.mark.parametrize("bytes_wait", [False, True])
def test_peer_sidecar_lost(world, bytes_wait):
    a, b, x, _ = joined_pair(world)
    b.kill()
    if bytes_wait:
        x.send(b"anybody there?")
    expect_reason(a, "peer sidecar lost")
    a.terminate()  # it may still owe the dead one something


def test_peer_sidecar_stands_still(world):
    """Nobody ends its connections: only that it does not answer shows it. When it goes on, so does
    the join."""
    a, b, x, y = joined_pair(world)
    sessions = status(a)["totals"]["sessions"]
    b.send_signal(signal.SIGSTOP)
    try:
        expect_reason(a, "peer sidecar lost")
    finally:
        b.send_signal(signal.SIGCONT)
    expect_reason(a, "local party is silent")
    talk(x, y)
    assert status(a)["totals"]["sessions"] == sessions


def test_party_that_ended_waits_for_the_peers(world):
    a, b, x, _ = joined_pair(world)
    x.half_close()
    expect_reason(a, "waiting for peer's party")
    expect_reason(b, "local party is silent")


def test_permission_denied(world):
    relay = world.relay("--log-level", "info")  # nobody may read anything yet
    a = started(world, relay, HOTLINK_PROXY_PUBLISH_ACL="0")
    write_marker(a, "b@example.org", world.ports.take())
    expect_reason(a, "permission denied")


def test_window_full_and_local_party_is_not_reading(world):
    a, b = live_pair(world)
    stuck = Transfer(Party(a.port), Party(b.port))
    stuck.may_read.clear()
    stuck.start()
    expect_reason(a, "window full: peer's party is not reading")
    expect_reason(b, "local party is not reading")
    stuck.may_read.set()
    stuck.wait_progress(8 * MIB)
    stuck.finish(30)


def test_port_in_use(world):
    a = started(world, world.relay())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        write_marker(a, "b@example.org", taken.getsockname()[1])
        expect_reason(a, "port in use")


def test_port_held_by_another_marker(world):
    a = started(world, world.relay())
    port = world.ports.take()
    write_marker(a, "b@example.org", port, above="flows/older")
    a.wait_listening(port)
    write_marker(a, "b@example.org", port, above="flows/newer")
    expect_reason(a, "port held by another marker", "flows/older")


def test_marker_rejected(world):
    a = started(world, world.relay())
    write_marker(a, "b@example.org", 0)
    expect_reason(a, "marker rejected")


def test_peer_has_a_second_hotlink_client(world, tmp_path):
    """Two sidecars of one identity on two machines: both take what is for it, while the party waits
    at one of them. Sessions that come again show it."""
    relay = world.relay()
    a = started(world, relay)
    for directory in ("one", "two"):
        b = world.sidecar("b@example.org", relay, data_dir=tmp_path / directory)
        write_marker(b, a.email, world.ports.take(), directory="1_to_0")
    port = world.ports.take()
    write_marker(a, b.email, port)
    x = Party(port).send(b"which of you?")
    for number in range(1, 4):
        wait_until("a session", lambda: status(a)["totals"]["sessions"] >= number)
        relay.kill()
        relay.start()
    expect_reason(a, "peer has a second hotlink client")
    a.terminate()
    x.close()
