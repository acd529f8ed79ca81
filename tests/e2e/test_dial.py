"""Markers with `dial`: every connection is a join of its own, and parties that listen are dialled."""

import contextlib
import random

import pytest

from harness import wait_until, write_marker
from parties import ListeningParty, Party, Transfer, finish, probe, talk


@pytest.mark.smoke
def test_a_connection_is_dialled_at_the_other_side(world):
    a, _, port = world.dial_pair()
    server = ListeningParty(port)
    x = Party(a.port).send(b"hello")
    y = server.accept()
    assert y.receive(5) == b"hello"
    talk(y, x)
    finish(x, y)


def test_several_at_once_do_not_mix(world):
    a, _, port = world.dial_pair()
    server = ListeningParty(port)
    clients = {bytes([n]): Party(a.port).send(bytes([n])) for n in range(64)}
    servers = {}
    for _ in range(64):
        party = server.accept()
        servers[party.receive(1)] = party
    assert set(servers) == set(clients)
    for name in random.sample(sorted(clients), 64):
        talk(clients[name], servers[name], b"to " + name, b"from " + name)
    for name, client in clients.items():
        finish(client, servers[name])


def test_both_directions_in_one_marker(world):
    relay = world.relay()
    ports = {email: world.ports.take() for email in ("a@example.org", "b@example.org")}
    dial = {email: f"127.0.0.1:{port}" for email, port in ports.items()}
    a, b = (
        world.sidecar(email, relay, HOTLINK_PROXY_DIAL_ALLOW=dial[email])
        for email in ("a@example.org", "b@example.org")
    )
    world.dial_channel(a, b, dial)
    for here, there in ((a, b), (b, a)):
        here.wait_listening()
        server = ListeningParty(ports[there.email])
        x = Party(here.port).send(here.email.encode())
        y = server.accept()
        assert y.receive(len(here.email)) == here.email.encode()
        finish(x, y)


def test_the_server_may_speak_first(world):
    a, _, port = world.dial_pair()
    server = ListeningParty(port)
    x = Party(a.port)
    y = server.accept()
    talk(y, x)
    finish(y, x)


def test_probes_are_not_dialled(world):
    a, _, port = world.dial_pair()
    server = ListeningParty(port)
    probe(a.port, 100)
    server.expect_nobody(0.5)


def test_a_party_that_listens_late_is_dialled_again(world):
    a, b, port = world.dial_pair(HOTLINK_PROXY_DIAL_RETRY_MAX_MS="50")
    x = Party(a.port).send(b"early")
    b.wait_channel(
        "the status says that nobody listens",
        lambda channel: channel["reason"] == "waiting for local party"
        and "refused" in channel["detail"],
    )
    y = ListeningParty(port).accept()
    assert y.receive(5) == b"early"
    finish(x, y)


def test_a_listener_that_accepts_once_and_closes(world):
    """As Sequre does: one port after the other, each for one connection."""
    a, _, port = world.dial_pair(HOTLINK_PROXY_DIAL_RETRY_MAX_MS="50")
    for n in range(3):
        server = ListeningParty(port)
        x = Party(a.port).send(b"%d" % n)
        y = server.accept()
        server.close()
        assert y.receive(1) == b"%d" % n
        talk(y, x)
        finish(x, y)


def test_until_it_has_spoken_a_dialled_party_gets_fin_not_reset(world):
    a, _, port = world.dial_pair()
    server = ListeningParty(port)
    x = Party(a.port).send(b"id")
    y = server.accept()
    assert y.receive(2) == b"id"
    x.reset()
    y.expect_eof()


def test_a_reset_is_carried_through_both_ways(world):
    a, _, port = world.dial_pair()
    server = ListeningParty(port)
    for ending in ("client", "server"):
        x = Party(a.port).send(b"id")
        y = server.accept()
        assert y.receive(2) == b"id"
        talk(y, x)
        dies, stays = (x, y) if ending == "client" else (y, x)
        dies.reset()
        stays.expect_reset()


def test_a_party_that_accepted_and_died(world):
    a, _, port = world.dial_pair()
    server = ListeningParty(port)
    x = Party(a.port).send(b"id")
    server.accept().reset()
    x.expect_reset()


def test_one_stalled_stream_holds_up_no_other(world):
    a, b, port = world.dial_pair()
    server = ListeningParty(port)
    stalled = Transfer(Party(a.port).send(b"s"), server.accept())
    stalled.target.receive(1)
    stalled.may_read.clear()
    stalled.start()
    wait_until("the stalled one has filled its window", lambda: stalled.sent > 1 << 20)
    x = Party(a.port).send(b"x")
    y = server.accept()
    y.receive(1)
    Transfer(x, y, 32 << 20).start().wait(30)
    for _ in range(100):
        talk(x, y)
    assert b.resident_mib() < 64
    stalled.may_read.set()
    stalled.finish(60)


def test_bulk_over_a_relay_that_reorders_and_drops(world):
    a, _, port = world.dial_pair("--allow-all-reads", "--as-syftbox")
    server = ListeningParty(port)
    transfers = []
    for n in range(4):
        x = Party(a.port).send(bytes([n]))
        y = server.accept()
        y.receive(1)
        transfers.append(Transfer(x, y, 8 << 20))
        transfers.append(Transfer(y, x, 8 << 20))
    for transfer in transfers:
        transfer.start()
    for transfer in transfers:
        transfer.wait(90)


def test_nothing_is_dialled_that_the_configuration_does_not_allow(world):
    relay = world.relay()
    port = world.ports.take()
    a = world.sidecar("a@example.org", relay)
    b = world.sidecar("b@example.org", relay)
    server = ListeningParty(port)
    world.dial_channel(a, b, {b.email: f"127.0.0.1:{port}"})
    a.wait_listening()
    b.wait_channel(
        "the marker is rejected, and why",
        lambda channel: channel["reason"] == "marker rejected"
        and "HOTLINK_PROXY_DIAL_ALLOW" in channel["detail"],
    )
    Party(a.port).send(b"x")
    server.expect_nobody(0.5)


def test_own_ports_are_never_dialled(world):
    """Though the configuration allows them: the sidecar would talk to itself."""
    relay = world.relay()
    a = world.sidecar("a@example.org", relay)
    b = world.sidecar("b@example.org", relay, HOTLINK_PROXY_DIAL_ALLOW="127.0.0.0/8:1-65535")
    own = world.ports.take()
    write_marker(b, "c@example.org", own, above="other/_mpc")
    b.wait_listening(own)
    world.dial_channel(a, b, {b.email: f"127.0.0.1:{own}"})
    a.wait_listening()
    x = Party(a.port).send(b"x")
    x.expect_reset()
    assert "not dialled: it is the sidecar's own port" in b.log_text()


def test_a_peer_without_the_key_is_named(world):
    relay = world.relay()
    a = world.sidecar("a@example.org", relay)
    b = world.sidecar("b@example.org", relay)
    world.channel(a, b)
    ports = {a.email: a.port, b.email: b.port}
    write_marker(a, b.email, a.port, ports=ports, dial={b.email: "127.0.0.1:5001"})
    a.wait_listening()
    b.wait_listening()
    Party(a.port).send(b"x")  # wakes the channel
    for side in (a, b):
        side.wait_channel(
            "the status says that the markers differ",
            lambda channel: channel["reason"] == "marker rejected" and "dial" in channel["detail"],
        )


def reaches(party, server):
    try:
        return server.accept(1).receive(5) == b"again"
    except (AssertionError, TimeoutError):
        return False
    finally:
        party.close()


def test_more_connections_than_allowed_are_reset(world):
    a, _, port = world.dial_pair(HOTLINK_PROXY_STREAMS="4")
    server = ListeningParty(port)
    pairs = []
    for n in range(4):
        x = Party(a.port).send(bytes([n]))
        pairs.append((x, server.accept()))
    with contextlib.suppress(ConnectionResetError):  # so soon that connecting or sending sees it
        Party(a.port).send(b"x").expect_reset()
    x, y = pairs[0]
    y.receive(1)
    finish(x, y)
    wait_until("there is room again", lambda: reaches(Party(a.port).send(b"again"), server))


@pytest.mark.parametrize("dies", ["a", "b"])
def test_a_killed_sidecar_ends_what_it_carried_and_comes_back(world, dies):
    # The one who stays has nothing to send: only a ping finds out that the other is gone.
    pings = {"HOTLINK_PROXY_HEARD_PING_MS": "300", "HOTLINK_PROXY_PING_MAX_MS": "300"}
    a, b, port = world.dial_pair(**pings)
    server = ListeningParty(port)
    x = Party(a.port).send(b"x")
    y = server.accept()
    y.receive(1)
    talk(y, x)
    victim, here, there = (a, x, y) if dies == "a" else (b, y, x)
    victim.kill()
    here.expect_reset()
    victim.start()
    there.expect_reset()
    a.wait_listening()
    again = Party(a.port).send(b"again")
    other = server.accept()
    assert other.receive(5) == b"again"
    finish(again, other)


def test_sigterm_delivers_what_was_read(world):
    a, b, port = world.dial_pair()
    server = ListeningParty(port)
    x = Party(a.port).send(b"x")
    y = server.accept()
    y.receive(1)
    x.send(b"last words")
    a.wait_channel("it was read", lambda channel: channel["tx_bytes"] >= 11)
    assert a.terminate() == 0
    assert y.receive(10) == b"last words"
