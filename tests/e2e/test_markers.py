"""Markers come, change and go; stale, doubled and bad ones disturb nothing."""

import json
import os
import socket

import pytest

from harness import ABOVE, MIB, write_atomically, write_marker
from parties import Party, finish, talk


def rewrite(path, **fields):
    marker = json.loads(path.read_text())
    marker.update(fields)
    write_atomically(path, json.dumps(marker))


def own_marker(sidecar, directory="0_to_1", above=ABOVE):
    return sidecar.datasite / above / directory / "stream.tcp"


def test_created_after_the_start(world):
    a, b = world.pair()
    ports = world.channel(a, b, above="made/later/by a launcher")
    a.wait_listening(ports[0])
    b.wait_listening(ports[1])
    x, y = Party(ports[0]), Party(ports[1])
    talk(x, y)
    finish(x, y)


def test_a_new_port_leaves_the_live_join_alone(world):
    a, b = world.pair()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    old, new = a.port, world.ports.take()
    rewrite(own_marker(a), port=new, ports={a.email: new, b.email: b.port})
    a.wait_listening(new)
    a.wait_not_listening(old)
    talk(x, y)
    finish(x, y)
    u, v = Party(new), Party(b.port)
    talk(u, v)
    finish(u, v)


def test_a_new_peer_is_taken_after_the_drain_though_the_marker_changes_meanwhile(world):
    a, b = world.pair(HOTLINK_PROXY_DRAIN_MS="1000")
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    old, new = a.port, world.ports.take()
    rewrite(own_marker(a), to="c@example.org")
    a.wait_not_listening(old)
    rewrite(own_marker(a), port=new, ports={a.email: new})
    x.expect_reset()
    y.expect_reset()
    a.wait_listening(new)
    a.wait_channel("it is the new peer's", lambda c: c["peer"] == "c@example.org")


def test_removed_closes_the_port_and_drains_the_join(world):
    a, b = world.pair(HOTLINK_PROXY_DRAIN_MS="500")
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    own_marker(a).unlink()
    a.wait_not_listening(a.port)
    x.expect_reset()
    y.expect_reset()


def test_removed_directory_and_made_again(world):
    a, b = world.pair()
    marker = own_marker(a)
    text = marker.read_text()
    for path in sorted(marker.parent.iterdir()):
        path.unlink()
    marker.parent.rmdir()
    a.wait_not_listening(a.port)
    write_atomically(marker, text)
    a.wait_listening()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    finish(x, y)


def test_a_newer_marker_takes_the_port(world):
    a, b = world.pair()
    port = a.port
    write_marker(a, b.email, port, above="newer/run", ports={a.email: port, b.email: b.port})
    a.wait_channel("the old one gave it up", lambda c: "another marker" in c["reason"], ABOVE)
    write_marker(b, a.email, b.port, directory="1_to_0", above="newer/run",
                 ports={a.email: port, b.email: b.port})
    b.wait_channel("the old one gave it up", lambda c: "another marker" in c["reason"], ABOVE)
    x, y = Party(port), Party(b.port)
    talk(x, y)
    finish(x, y)


def test_a_live_join_keeps_the_port(world):
    a, b = world.pair()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    write_marker(a, b.email, a.port, above="newer/run", ports={a.email: a.port, b.email: b.port})
    a.wait_channel(
        "the newer one waits and names the holder",
        lambda c: "another marker" in c["reason"] and ABOVE in c["detail"],
        "newer/run",
    )
    talk(x, y)
    finish(x, y)


def test_a_port_in_use_is_retried_and_named(world):
    relay = world.relay()
    a = world.sidecar("a@example.org", relay)
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port = world.ports.take()
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        write_marker(a, "b@example.org", port)
        a.wait_channel("says so", lambda c: c["reason"] == "port in use")
        assert str(port) in a.log_text()
    a.wait_channel("takes it when it is free", lambda c: c["reason"] != "port in use")
    a.wait_listening(port)


def test_300_stale_markers_beside_one_live_run(world):
    relay = world.relay()
    a = world.sidecar("a@example.org", relay, start=False)
    b = world.sidecar("b@example.org", relay, start=False)
    a.port, b.port = world.ports.take(), world.ports.take()
    ports = {a.email: a.port, b.email: b.port}
    for run in range(300):
        for sidecar, peer, name in ((a, b, "0_to_1"), (b, a, "1_to_0")):
            path = write_marker(
                sidecar, peer.email, sidecar.port, directory=name,
                above=f"shared/flows/job/run-{run:03}/_mpc", ports=ports,
            )
            os.utime(path, (1_700_000_000 + run, 1_700_000_000 + run))
    a.start().wait_listening()
    b.start().wait_listening()
    for sidecar, peer, name in ((a, b, "0_to_1"), (b, a, "1_to_0")):
        write_marker(
            sidecar, peer.email, sidecar.port, directory=name,
            above="shared/flows/job/run-live/_mpc", ports=ports,
        )
    for sidecar in (a, b):
        sidecar.wait_channel(
            "the live run has the port", lambda c: "another marker" not in c["reason"], "run-live"
        )
        sidecar.wait_channel(
            "a stale one has not", lambda c: "another marker" in c["reason"], "run-299"
        )
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    finish(x, y)
    b.wait_channel("the bytes went over the live run", lambda c: c["rx_bytes"] == 4, "run-live")


@pytest.mark.parametrize(
    "data_dir, above",
    [
        ("with spaces in it", "shared/a flow/run 1/_mpc"),
        ("at@sign+plus", "shared/x@y+z/_mpc"),
        ("unicode-\u00e4\u4e2d\U0001f9ec", "geteilt/\u03b1\u03b2 \u4e2d\u6587/_mpc"),
    ],
)
def test_names_with_unusual_characters(world, data_dir, above):
    relay = world.relay()
    a = world.sidecar("a+test@example.org", relay, data_dir=world.directory / data_dir / "a")
    b = world.sidecar("b.o'x@example.org", relay, data_dir=world.directory / data_dir / "b")
    world.channel(a, b, above=above)
    a.wait_listening()
    b.wait_listening()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    finish(x, y)


def bad_markers(world, sidecar, port):
    """Name -> a function that writes a marker which must not be listened to."""
    own, peer = sidecar.email, "b@example.org"

    def write(above, **fields):
        return write_marker(sidecar, peer, port, above=above, **fields)

    def symlink():
        target = world.directory / "elsewhere.json"
        target.write_text(write("bad/target").read_text())
        (sidecar.datasite / "bad/target/0_to_1/stream.tcp").unlink()
        folder = sidecar.datasite / "bad/symlink/0_to_1"
        folder.mkdir(parents=True)
        (folder / "stream.tcp").symlink_to(target)

    def raw(text):
        write_atomically(sidecar.datasite / "bad/raw/0_to_1/stream.tcp", text)

    return {
        "no JSON": lambda: raw("{"),
        "empty": lambda: raw(""),
        "not UTF-8 text": lambda: raw("\x00\x01\x02"),
        "over 64 KiB": lambda: write("bad/big", filler="x" * (64 << 10)),
        "two strangers": lambda: write("bad/strangers", **{"from": "x@y.org", "to": "z@y.org"}),
        "with oneself": lambda: write("bad/self", to=own),
        "own port missing": lambda: write("bad/noport", ports={peer: port}),
        "port 0": lambda: write("bad/zero", port=0, ports={own: 0, peer: 0}),
        "port 80": lambda: write("bad/low", port=80, ports={own: 80, peer: port}),
        "port a word": lambda: write("bad/word", port="x", ports={own: "x"}),
        "deep nesting": lambda: raw("[" * 60000),
        "symlink": symlink,
    }


def test_bad_markers_are_rejected_and_change_nothing(world):
    a, b = world.pair()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    port = world.ports.take()
    for name, write in bad_markers(world, a, port).items():
        write()
        talk(x, y)
    good = world.ports.take()
    write_marker(a, b.email, good, above="good")
    a.wait_listening(good)  # all that came before it has been looked at
    a.wait_not_listening(port)
    talk(x, y)
    finish(x, y)


def test_a_marker_under_another_datasite_does_not_count(world):
    """A mirrored marker of the peer, in the peer's folder of the own data directory."""
    a, b = world.pair()
    port, good = world.ports.take(), world.ports.take()
    mirrored = a.data_dir / "datasites" / b.email / ABOVE / "1_to_0/stream.tcp"
    write_atomically(mirrored, json.dumps({"from": b.email, "to": a.email, "port": port,
                                           "ports": {a.email: port, b.email: b.port}}))
    write_marker(a, b.email, good, above="good")
    a.wait_listening(good)
    a.wait_not_listening(port)


def test_the_peer_may_not_be_just_anybody(world):
    """HOTLINK_PROXY_PEERS: a marker that names somebody else is not listened to."""
    relay = world.relay()
    a = world.sidecar("a@example.org", relay, HOTLINK_PROXY_PEERS="b@example.org")
    bad, good = world.ports.take(), world.ports.take()
    write_marker(a, "mallory@example.org", bad, above="bad")
    write_marker(a, "b@example.org", good, above="good")
    a.wait_listening(good)
    a.wait_not_listening(bad)
    a.wait_channel("says so", lambda c: c["reason"] == "marker rejected", "bad/")


def test_emails_compare_without_case(world):
    relay = world.relay()
    a = world.sidecar("A.Person@Example.org", relay)
    b = world.sidecar("b@example.org", relay)
    a.port, b.port = world.ports.take(), world.ports.take()
    ports = {"a.person@EXAMPLE.org": a.port, "B@example.org": b.port}
    write_marker(a, "B@example.org", a.port, directory="0_to_1", ports=ports)
    write_marker(b, "a.person@example.org", b.port, directory="1_to_0", ports=ports)
    a.wait_listening()
    b.wait_listening()
    x, y = Party(a.port), Party(b.port)
    talk(x, y, os.urandom(MIB), b"ok")
    finish(x, y)
