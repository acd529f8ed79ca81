"""The relay lets nobody read anything: sidecars publish what markers have beside them, or say why
not and which rule is missing."""

import asyncio
import json
import os
import sys

import pytest
import websockets

from harness import ABOVE, REPOSITORY, wait_until, write_atomically, write_marker
from parties import Party, finish, talk
from plain_peer import PlainPeer

sys.path.append(str(REPOSITORY / "tests/conformance"))
import wire  # noqa: E402

A, B, C = "a@example.org", "b@example.org", "c@example.org"
REAL = ("--log-level", "info")  # any option: World.relay() lets everybody read without one
QUICK = {"HOTLINK_PROXY_DENIED_RETRY_MS": "100"}


def granting(*names):
    access = f"{{admin: [], write: {json.dumps(names)}, read: []}}"
    return f'terminal: false\nrules:\n  - pattern: "**"\n    access: {access}\n'


def acl_of(sidecar, directory="0_to_1"):
    return sidecar.datasite / ABOVE / directory / "syft.pub.yaml"


def published(sidecar):
    """How often it has written a file to the relay."""
    return sidecar.log_text().count(" publishing ")


def pair(world, change=None, *options, **environment):
    """As World.pair(), but change(a's syft.pub.yaml) comes before anything is published."""
    relay = world.relay(*(options or REAL))
    a = world.sidecar(A, relay, start=False, **QUICK, **environment)
    b = world.sidecar(B, relay, start=False, **QUICK)
    world.channel(a, b)
    if change:
        change(acl_of(a))
    a.start()
    b.start()
    wake(a, b)
    a.wait_listening()
    b.wait_listening()
    return a, b


def wake(*sidecars):
    """Markers older than their sidecar are dormant until they are written again."""
    for sidecar in sidecars:
        wait_until(f"{sidecar.name} runs", sidecar.telemetry)
        for marker in sidecar.datasite.glob(f"{ABOVE}/*/stream.tcp"):
            write_atomically(marker, marker.read_text())


def detail_of(sidecar, *words):
    """What the status says once the channel is denied and `words` are in it."""
    sidecar.wait_channel(
        f"is denied: {words}",
        lambda c: c["reason"] == "permission denied" and all(w in c["detail"] for w in words),
    )
    return sidecar.channel()["detail"]


def talk_and_finish(a, b):
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    finish(x, y)


@pytest.mark.smoke
@pytest.mark.parametrize("options", [REAL, ("--as-syftbox",)])
def test_denied_published_and_open(world, options):
    a, b = pair(world, None, *options)
    talk_and_finish(a, b)
    for sidecar in (a, b):
        assert f"permission denied for {sidecar.email}/" in sidecar.log_text()
        assert published(sidecar) == 1
        assert sidecar.channel()["reason"] != "permission denied"


def replaced_by_symlink(path):
    path.rename(path.with_name("elsewhere.yaml"))
    path.symlink_to("elsewhere.yaml")


def replaced_by_fifo(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "change, why",
    [
        (lambda path: path.unlink(), "cannot be published: there is none"),
        (replaced_by_symlink, "cannot be published: it is a symlink"),
        (replaced_by_fifo, "cannot be published: it is no regular file"),
        (
            lambda path: path.write_text(path.read_text() + "#" * 16384),
            "bytes, allowed are 16384",
        ),
        (lambda path: path.write_text("rules: ["), "it is no valid one: line 1"),
        (lambda path: path.write_text("x: &a [*a]"), "it is no valid one: line 1: anchors"),
        (lambda path: path.write_text(granting(B, "eve@example.org")), "eve@example.org, who is"),
        (lambda path: path.write_text(granting(B, C)), f"{C}, who is no peer of this run"),
        (lambda path: path.write_text(granting("*")), "everybody, who is no peer of this run"),
        (lambda path: path.write_text(granting("*@example.org")), "is neither an e-mail nor"),
        (lambda path: path.write_text(granting()), f"it does not let {B} read"),
    ],
)
def test_not_published_and_why(world, change, why):
    a, _ = pair(world, change)
    detail = detail_of(a, why)
    assert f"missing: {B} needs read on {A}/{ABOVE}/0_to_1/**" in detail
    assert published(a) == 0
    assert why in a.log_text()


def test_the_rule_that_is_said_to_be_missing_is_enough(world):
    a, b = pair(world, lambda path: path.write_text(granting()))
    rule = detail_of(a, "under rules: ").split("under rules: ")[1]
    write_atomically(acl_of(a), f"rules:\n  {rule}\n")
    talk_and_finish(a, b)
    assert published(a) == 1


def test_switched_off(world):
    a, _ = pair(world, None, HOTLINK_PROXY_PUBLISH_ACL="0")
    detail_of(a, "HOTLINK_PROXY_PUBLISH_ACL is 0", f"missing: {B} needs read on {A}/")
    assert published(a) == 0


def write_as(user, relay, path, text):
    """A FileWrite as the user's SyftBox client sends it."""

    async def write():
        url = f"{relay.url.replace('http', 'ws')}/api/v1/events?user={user}"
        async with websockets.connect(url) as socket:
            fields = {"pth": path, "etg": "", "len": len(text), "con": text.encode()}
            await socket.send(wire.encode("json", wire.FILE_WRITE, fields))
            kinds = []
            while not {wire.ACK, wire.NACK} & set(kinds):
                kinds.append(wire.decode(await socket.recv())[1])
            assert wire.ACK in kinds

    asyncio.run(write())


def test_once_per_content(world):
    """A terminal file further up makes the relay deny whatever is published."""
    above = f"{A}/syft.pub.yaml"

    def deny_all_below(_):
        write_as(A, world.relay_process, above, "terminal: true\n")

    a, b = pair(world, deny_all_below)
    detail_of(a, "was published, as it does where a file further up is terminal")
    assert published(a) == 1
    write_atomically(acl_of(a), granting(B))
    wait_until("the changed content is published", lambda: published(a) == 2)
    write_as(A, world.relay_process, above, "terminal: false\n")
    talk_and_finish(a, b)
    assert published(a) == 2


def test_a_relay_that_was_restarted_gets_it_again(world):
    a, b = pair(world)
    talk_and_finish(a, b)
    world.relay_process.kill()
    world.relay_process.start()
    talk_and_finish(a, b)
    wait_until("both are published anew", lambda: published(a) == published(b) == 2)


def test_a_plain_peer_is_published_for_too(world):
    """Its sessions are opened one a connection, and denied once the relay has forgotten."""
    relay = world.relay(*REAL)
    a = world.sidecar(A, relay, HOTLINK_PROXY_PLAIN_AFTER_MS="100", **QUICK)
    peer = PlainPeer(B, relay)
    wait_until("it runs", a.telemetry)
    write_marker(a, B, port := world.ports.take())
    a.wait_listening(port).wait_channel("is plain", lambda c: c["mode"] == "plain")
    peer.close()
    relay.kill()
    relay.start()
    peer = PlainPeer(B, relay)
    world.closers.append(peer.close)
    Party(port).send(b"hello")
    wait_until("it arrives", lambda: b"hello" in [peer.bytes_of(s) for s in peer.plain_sessions()])
    assert published(a) == 2


def test_each_file_may_name_all_peers_of_the_run(world):
    relay = world.relay(*REAL)
    parties = [world.sidecar(email, relay, start=False, **QUICK) for email in (A, B, C)]
    ports = {}
    for i, j in [(0, 1), (0, 2), (1, 0), (2, 0)]:
        ports[i, j] = world.ports.take()
        marker = {"ports": {parties[i].email: ports[i, j], parties[j].email: 1024}}
        directory = f"{i}_to_{j}"
        write_marker(parties[i], parties[j].email, ports[i, j], directory=directory, **marker)
    for directory in ("0_to_1", "0_to_2"):
        acl_of(parties[0], directory).write_text(granting(B, C))
    for party in parties:
        party.start()
    wake(*parties)
    for j in (1, 2):
        x, y = Party(ports[0, j]), Party(ports[j, 0])
        talk(x, y)
        finish(x, y)
    assert published(parties[0]) == 2
