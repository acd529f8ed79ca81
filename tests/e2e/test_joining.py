"""Who talks to whom: two parties meet, whoever comes first and however often ports are probed."""

import ssl

import pytest

from harness import wait_until
from parties import Party, finish, probe, talk


@pytest.mark.smoke
@pytest.mark.parametrize("form", ["own", "same"])
def test_bytes_pass_in_both_directions(world, form):
    a, b = world.pair(form=form)
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    talk(y, x)
    finish(x, y)


def client_hello():
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello := ssl.MemoryBIO(), False, "h")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return hello.read()


@pytest.mark.parametrize(
    "spoken",
    [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"CONNECT relay.example:443 HTTP/1.1\r\n\r\n",
        client_hello(),
        b"SB\x01\x01\x83",  # the beginning of a message to the relay
        b"\0",
    ],
    ids=["HTTP", "CONNECT", "TLS", "message", "NUL"],
)
def test_what_parties_say_is_just_bytes(world, spoken):
    a, b = world.pair()
    x, y = Party(a.port).send(spoken), Party(b.port)
    assert y.receive(len(spoken)) == spoken
    y.send(spoken)
    assert x.receive(len(spoken)) == spoken
    finish(x, y)


@pytest.mark.parametrize("first_is_a", [True, False])
def test_either_party_first_by_seconds(world, first_is_a):
    a, b = world.pair()
    first, second = (a, b) if first_is_a else (b, a)
    early = Party(first.port).send(b"early")
    early.expect_silence(1.5)
    late = Party(second.port)
    assert late.receive(5) == b"early"
    talk(late, early)
    finish(early, late)


def test_a_silent_first_party_is_joined_too(world):
    """The peer speaks first; the connection was there for a while without a byte."""
    a, b = world.pair()
    silent = Party(a.port)
    silent.expect_silence(0.5)
    speaker = Party(b.port)
    talk(speaker, silent)
    finish(silent, speaker)


def test_probes_before_and_during(world):
    a, b = world.pair()
    probe(a.port, 100)
    probe(b.port, 100)
    x = Party(a.port).send(b"first words")
    probe(b.port, 100)
    y = Party(b.port)
    assert y.receive(11) == b"first words"
    for _ in range(10):
        probe(a.port, 10)
        probe(b.port, 10)
        talk(x, y)
    finish(x, y)
    u, v = Party(a.port), Party(b.port)
    talk(v, u)
    finish(u, v)


def test_probes_are_invisible_to_the_other_side(world):
    a, b = world.pair()
    x = Party(a.port)
    probe(b.port, 100)
    x.expect_silence(1.0)
    y = Party(b.port)
    talk(x, y)
    finish(x, y)


def test_a_held_probe_eats_no_bytes(world):
    """It stays long enough to be given the peer's bytes, says nothing and aborts."""
    a, b = world.pair()
    x = Party(a.port).send(b"for the real one")
    held = Party(b.port)
    assert held.receive(16) == b"for the real one"
    held.reset()
    y = Party(b.port)
    assert y.receive(16) == b"for the real one"
    talk(y, x)
    finish(x, y)


def test_standbys_are_promoted_in_order(world):
    a, b = world.pair()
    pairs = 6  # one active, five that wait
    lines = {a: [], b: []}
    for k in range(pairs):
        for sidecar in (a, b):
            name = sidecar.email[:1].encode()
            lines[sidecar].append(Party(sidecar.port).send(b"%s%d" % (name, k)))
            sidecar.wait_channel(
                f"connection {k} has its place",
                lambda c, k=k: c["active"] and c["standbys"] == k,
            )
    for k, (x, y) in enumerate(zip(lines[a], lines[b])):
        assert y.receive(2) == b"a%d" % k
        assert x.receive(2) == b"b%d" % k
        finish(x, y)


def test_many_joins_one_after_another(world):
    a, b = world.pair()
    for k in range(30):
        x, y = Party(a.port), Party(b.port)
        said, answered = b"question %d " % k * 1000, b"answer %d " % k * 1000
        talk(x, y, said, answered)
        finish(x, y)


def test_three_sidecars_each_pair_by_itself(world):
    relay = world.relay()
    sidecars = [world.sidecar(f"{name}@example.org", relay) for name in "abc"]
    lines = []
    for i, j in ((0, 1), (0, 2), (1, 2)):
        ports = world.channel(sidecars[i], sidecars[j], above=f"flows/x/pair{i}{j}")
        for sidecar, port in zip((sidecars[i], sidecars[j]), ports):
            sidecar.wait_listening(port)
        lines.append((i, j, Party(ports[0]), Party(ports[1])))
    for i, j, x, y in lines:
        talk(x, y, b"%d to %d" % (i, j), b"%d to %d" % (j, i))
    for _, _, x, y in lines:
        finish(x, y)


def test_a_process_that_is_not_asked_stays_out(world):
    """A third identity on the same relay gets no channel of others and disturbs none."""
    a, b = world.pair()
    stranger = world.sidecar("c@example.org", world.relay_process)
    wait_until("the stranger runs", lambda: stranger.telemetry() is not None)
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    assert stranger.channel() is None
    finish(x, y)
