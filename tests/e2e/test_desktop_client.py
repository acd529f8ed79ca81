"""The existing desktop client as the peer: what works with it, and what ends with a reason."""

import pytest

from desktop_client import DesktopClient, wire
from harness import ABOVE, MIB, wait_until, write_marker
from parties import Party, Transfer, talk
from wire_tap import IN, OUT, WireTap

OWN = "a@example.org"
PEER = "p@example.org"
OWN_PATH = f"{OWN}/{ABOVE}/0_to_1/stream.tcp.request"
PEER_PATH = f"{PEER}/{ABOVE}/1_to_0/stream.tcp.request"
RELAYS = pytest.mark.parametrize(
    "options",
    [("--allow-all-reads",), ("--allow-all-reads", "--as-syftbox")],
    ids=["ours", "syftbox"],
)
BETWEEN_ECHOES = 128  # messages, join.md §7
ECHO = "hle."


class Scene:
    """A sidecar `a` whose peer is a desktop client `p`, each with a port for its party."""

    def __init__(self, world, options=(), tapped=False, **environment):
        self.world = world
        self.relay = world.relay(*options)
        self.tap = None
        if tapped:
            self.tap = WireTap(self.relay, world.ports.take())
            world.closers.append(self.tap.close)
        environment = {
            "HOTLINK_PROXY_PLAIN_AFTER_MS": "300",
            "HOTLINK_PROXY_LINGER_STANDBY_MS": "100",
            **environment,
        }
        self.a = world.sidecar(OWN, self.tap or self.relay, **environment)
        self.a.port = world.ports.take()
        write_marker(self.a, PEER, self.a.port)
        self.a.wait_listening()
        self.p_port = world.ports.take()
        self.p = None

    def client(self, **options):
        """Starts it, in place of an earlier one."""
        if self.p is not None:
            self.p.close()
        self.p = DesktopClient(PEER, self.relay.url, PEER_PATH, OWN, self.p_port, **options)
        self.world.closers.append(self.p.close)
        return self

    def parties(self):
        """A connection at each end, the client's first: it drops what finds no party."""
        y = Party(self.p_port)
        return Party(self.a.port), y

    def wait_plain(self):
        self.a.wait_channel("says that the peer is plain", lambda c: c["mode"] == "plain")

    def wait_detail(self, words):
        self.a.wait_channel(f'says "{words}"', lambda c: words in c["detail"])


def both_ways(x, y, size):
    transfers = [Transfer(x, y, size).start(), Transfer(y, x, size).start()]
    for transfer in transfers:
        transfer.wait(60)


@RELAYS
def test_bytes_both_ways(world, options):
    scene = Scene(world, options).client()
    x, y = scene.parties()
    both_ways(x, y, 4 * MIB)
    scene.wait_plain()
    talk(x, y)
    # It tried for a direct connection behind each Accept, and was not answered.
    assert set(scene.p.signals) <= {"flow_open"}


def most_unconfirmed(messages):
    """(Data messages between two echoes at most, Data at most that no echo had confirmed)."""
    sent, run, longest, most, asked, confirmed = 0, 0, 0, 0, {}, 0
    for direction, kind, fields in messages:
        if direction == OUT and kind == wire.DATA:
            sent += 1
            run += 1
            longest, most = max(longest, run), max(most, sent - confirmed)
        elif direction == OUT and kind == wire.ACCEPT and fields["sid"].startswith(ECHO):
            asked[fields["sid"]] = sent
            run = 0
        elif direction == IN and kind == wire.REJECT and fields["sid"] in asked:
            confirmed = max(confirmed, asked[fields["sid"]])
    return longest, most


@RELAYS
def test_sending_is_paced_by_the_echo(world, options):
    # As small as a real server loses 14 % of when they come at full speed.
    scene = Scene(world, options, tapped=True, SYFTBOX_HOTLINK_TCP_PROXY_CHUNK_SIZE="4096").client()
    x, y = scene.parties()
    Transfer(x, y, 8 * MIB).start().wait(60)
    assert len(scene.tap.of(OUT, wire.DATA)) >= 2048
    longest, unconfirmed = most_unconfirmed(list(scene.tap.seen))
    assert longest <= BETWEEN_ECHOES
    assert unconfirmed <= BETWEEN_ECHOES


def test_data_before_our_accept_is_lost_and_named(world):
    """The server drops it; what comes afterwards cannot be used, until the client starts anew."""
    scene = Scene(world, tapped=True, HOTLINK_PROXY_PLAIN_GAP_MS="300")
    held = []

    def hold_accepts(direction, kind, fields):
        if direction != OUT or kind != wire.ACCEPT or fields["sid"].startswith(ECHO):
            return False
        held.append(fields)
        return True

    scene.tap.drop = hold_accepts
    scene.client(accept_wait=0.1)
    x, y = scene.parties()
    y.send(b"sent anyway")
    wait_until("an Accept that is held back", lambda: held)
    wait_until("the Data", lambda: scene.p.data_sent == 1)
    scene.tap.drop = lambda *message: False
    scene.tap.send(wire.ACCEPT, held[-1])
    wait_until("the Accept", lambda: scene.p.accepted() == 1)
    y.send(b"after the Accept")
    x.expect_reset()
    scene.wait_detail("lost a message of the peer")
    assert "lost a message of the peer" in scene.a.log_text()
    scene.client()
    talk(*scene.parties())


def test_a_gap_that_stays_open_ends_the_join_with_a_reason(world):
    scene = Scene(world, tapped=True, HOTLINK_PROXY_PLAIN_GAP_MS="300").client()
    x, y = scene.parties()
    talk(x, y)
    lost = []

    def lose_one(direction, kind, fields):
        if direction != IN or kind != wire.DATA or lost:
            return False
        lost.append(fields)
        return True

    scene.tap.drop = lose_one
    y.send(b"lost")
    wait_until("the loss", lambda: lost)
    y.send(b"behind the gap")
    x.expect_reset()
    scene.wait_detail("lost a message of the peer")
    assert scene.a.log_text().count("reset: the relay lost a message of the peer") == 1
    # Its client goes on in the same session, of which the sidecar takes nothing any more ...
    z = Party(scene.a.port)
    y.send(b"into the void")
    z.expect_silence(0.1)
    scene.wait_detail("until it is started again")
    # ... until the client is a new process.
    z.reset()
    scene.client()
    talk(*scene.parties())
    scene.a.wait_channel("no complaint", lambda c: "started again" not in c["detail"])


@RELAYS
def test_more_opens_in_mid_join_do_no_harm(world, options):
    scene = Scene(world, options).client()
    x, y = scene.parties()
    talk(x, y)
    for _ in range(12):
        scene.p.open_again()
    wait_until("all Accepts", lambda: scene.p.accepted() == 13)
    both_ways(x, y, MIB)


def test_the_last_of_several_opens_is_used(world):
    scene = Scene(world).client()
    x, y = scene.parties()
    for _ in range(3):
        scene.p.open_again(use=True)
    wait_until("all Accepts", lambda: scene.p.accepted() == 3)
    both_ways(x, y, MIB)


def test_signals_for_a_direct_connection_do_no_harm(world):
    scene = Scene(world).client()
    x, y = scene.parties()
    talk(x, y)
    for kind in ("sdp_offer", "ice_candidate", "sdp_answer", "webrtc_error", "quic_offer"):
        scene.p.signal(kind, 20)
    both_ways(x, y, MIB)
    assert set(scene.p.signals) <= {"flow_open"}


@RELAYS
def test_a_slow_reader_there_loses_nothing_and_stalls_nobody(world, options):
    scene = Scene(world, options).client()
    b = world.sidecar("b@example.org", scene.relay)
    b.port, other_port = world.ports.take(), world.ports.take()
    write_marker(scene.a, b.email, other_port, directory="0_to_2")
    write_marker(b, OWN, b.port, directory="2_to_0")
    scene.a.wait_listening(other_port)
    b.wait_listening()
    x, y = scene.parties()
    talk(x, y)
    slow = Transfer(x, y, 8 * MIB)
    slow.may_read.clear()
    slow.start()
    wait_until("all is sent", lambda: slow.sent == slow.size)
    wait_until("its loop stands still", lambda: scene.p.writing)
    both_ways(Party(other_port), Party(b.port), 4 * MIB)
    assert slow.received == 0 and scene.p.writing
    slow.may_read.set()
    slow.wait(60)


@RELAYS
def test_one_session_of_the_client_serves_many_connections(world, options):
    scene = Scene(world, options).client()
    for n in range(3):
        x, y = scene.parties()
        talk(x, y, b"ask %d" % n, b"answer %d" % n)
        y.close()
        x.close() if n else x.reset()
    assert len(scene.p.sent_sids) == 1


def test_the_client_goes_away_and_comes_back(world):
    scene = Scene(world).client()
    x, y = scene.parties()
    talk(x, y)
    scene.client()
    y = Party(scene.p_port)
    y.send(b"I am new")
    # Half of this conversation was with a client that is gone.
    x.expect_reset()
    scene.wait_detail("it was started again")
    x = Party(scene.a.port)
    assert x.receive(8) == b"I am new"
    talk(x, y)


def test_the_client_comes_back_between_two_connections(world):
    scene = Scene(world).client()
    x, y = scene.parties()
    talk(x, y)
    x.reset()
    scene.client()
    x, y = scene.parties()
    talk(x, y)
    both_ways(x, y, MIB)


def test_a_real_sidecar_takes_the_clients_place_and_gives_it_back(world):
    scene = Scene(
        world,
        HOTLINK_PROXY_PEER_SILENT_MS="1000",
        HOTLINK_PROXY_HEARD_PING_MS="200",
        HOTLINK_PROXY_PING_MAX_MS="200",
    ).client()
    x, y = scene.parties()
    talk(x, y)
    scene.wait_plain()

    scene.p.close()
    b = world.sidecar(PEER, scene.relay)
    b.port = world.ports.take()
    write_marker(b, OWN, b.port, directory="1_to_0")
    b.wait_listening()
    y = Party(b.port)
    x.expect_reset()
    x = Party(scene.a.port)
    talk(x, y)
    scene.a.wait_channel("reliable", lambda c: c["mode"] == "reliable")
    x.reset()
    y.receive_to_end()

    b.terminate()
    scene.client()
    x, y = scene.parties()
    y.send(b"to whoever is there")
    scene.wait_plain()
    assert x.receive(19) == b"to whoever is there"
    talk(x, y)


def test_one_path_for_both_directions_is_rejected_and_named(world):
    """As old clients send: on the lower party's path, here the sidecar's own."""
    scene = Scene(world, tapped=True).client()
    x, y = scene.parties()
    sids = ["0" * 32, "1" * 32]
    for sid in sids:
        scene.tap.inject(wire.OPEN, {"sid": sid, "pth": OWN_PATH, "frm": PEER, "to": OWN})
        data = {"sid": sid, "seq": 1, "pth": OWN_PATH, "etg": "", "pay": b"astray"}
        scene.tap.inject(wire.DATA, data)
    wait_until("the Rejects", lambda: len(scene.tap.of(OUT, wire.REJECT)) == 2)
    assert [f["sid"] for f in scene.tap.of(OUT, wire.REJECT)] == sids
    assert not {f["sid"] for f in scene.tap.of(OUT, wire.ACCEPT)} & set(sids)
    scene.wait_detail(PEER)
    scene.wait_detail(OWN_PATH)
    scene.wait_detail("run hotlink-proxy there")
    assert scene.a.log_text().count("one path for both directions") == 1
    # Nothing of it reached the party, and the right path is not affected.
    talk(x, y)
    scene.a.wait_channel("no complaint", lambda c: c["detail"] == "")
