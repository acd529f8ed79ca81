"""A second taker of the peer's identity: another hotlink client with its e-mail, which accepts every
session, marker or not, as the existing client does (protocol.md §5)."""

import os

from harness import MIB, wait_until, write_marker
from parties import Party, finish, talk
from plain_peer import PlainPeer

PEER = "b@example.org"
SECOND = "peer has a second hotlink client"


def client(world, email):
    second = PlainPeer(email, world.relay_process)
    world.closers.append(second.close)
    return second


def test_the_status_names_it_while_no_session_comes_up(world):
    """Two clients accept each Open and neither speaks to us, until one ends and a sidecar comes."""
    relay = world.relay()
    a = world.sidecar(
        "a@example.org",
        relay,
        HOTLINK_PROXY_FLOW_OPEN_RETRY_MAX_MS="50",
        HOTLINK_PROXY_PLAIN_AFTER_MS="3600000",
    )
    clients = client(world, PEER), client(world, PEER)
    a.port = world.ports.take()
    write_marker(a, PEER, a.port)
    a.wait_listening()
    Party(a.port).send(b"who is there?")
    a.wait_channel("names it", lambda c: c["reason"] == SECOND)
    assert a.log_text().count("the peer has a second hotlink client") == 1
    assert "SYFTBOX_HOTLINK=0" in a.log_text()
    clients[0].close()
    a.wait_channel("sees one alone", lambda c: c["reason"] == "waiting for peer sidecar")


def test_two_sidecars_with_one_email(world):
    """In two data directories, so that no lock keeps the second one out; the peer names them."""
    a, b = world.pair()
    pair = a.port, b.port
    other = world.channel(a, world.sidecar("c@example.org", world.relay_process), above="c")
    x, y = Party(other[0]), Party(other[1])
    talk(x, y)
    talk(Party(pair[0]), Party(pair[1]))
    twin = world.sidecar(b.email, world.relay_process, name="twin", start=False)
    for _ in range(2):  # the first double Accept may be a chance
        met = a.log_text().count(restarted := "the peer's sidecar was restarted")
        twin.start()
        wait_until("it runs", lambda: twin.channel() is not None or twin.admin_socket.exists())
        write_marker(twin, a.email, world.ports.take(), directory="1_to_0")
        wait_until("a meets it", lambda n=met: a.log_text().count(restarted) > n)
        talk(x, y)
        twin.terminate()
    wait_until("a names them", lambda: "the peer has a second hotlink client" in a.log_text())
    talk(x, y)
    finish(x, y)

    def they_talk():
        p, q = Party(pair[0]).send(b"there"), Party(pair[1])
        try:
            return q.receive(5, deadline=2) == b"there"
        except (AssertionError, OSError):  # what was begun with the twin is reset
            return False
        finally:
            p.reset()
            q.reset()

    wait_until("who was there first is met anew", they_talk, 40)


def test_beside_a_sidecar_it_is_named_and_harms_nothing(world):
    a, b = world.pair()
    second = client(world, b.email)
    for _ in range(2):  # the first double Accept may be a chance
        sessions = a.log_text().count("session up")
        b.terminate()
        b.start().wait_listening()
        x, y = Party(a.port), Party(b.port)
        wait_until("another session", lambda n=sessions: a.log_text().count("session up") > n)
        x.reset()
        y.reset()
    wait_until("the log names it", lambda: "second hotlink client" in a.log_text())
    x, y = Party(a.port), Party(b.port)
    talk(x, y, os.urandom(MIB), os.urandom(MIB))
    finish(x, y)
    second.close()
