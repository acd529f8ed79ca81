"""The program hotlink-relay itself: its options, bounds, faults and end. Skipped with --server."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import urllib.parse
import urllib.request

import pytest
import websockets

import wire
from client import ANSWER_SECONDS, Network, Server, data

USERS = {name: f"{name}@conformance.org" for name in "abc"}
MIB = 1 << 20


@pytest.fixture
def start(own_relay):
    """start(options…) → a Network with a relay of its own where everybody may read."""

    def begin(*options):
        relay = own_relay("--allow-all-reads", *options)
        net = Network(Server(relay.url, USERS, {}, USERS["a"] + "/conformance"))
        net.relay = relay
        return net

    return begin


@pytest.fixture
def program(pytestconfig):
    if pytestconfig.getoption("--server"):
        pytest.skip("about the program hotlink-relay itself, not about --server")
    return pytestconfig.getoption("--relay")


def run(program, *options):
    return subprocess.run([program, *options], capture_output=True, text=True, timeout=20)


def dial(relay):
    host, port = relay.url.removeprefix("ws://").rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=10)


def upgrade_request(user):
    return (
        f"GET /api/v1/events?user={user} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nX-Syft-WS-Encodings: json\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


def client_frame(opcode, payload):
    assert len(payload) < 126
    return bytes([0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload


# --- the command line ----------------------------------------------------------------------------


def test_version_and_help(program):
    assert run(program, "--version").stdout.startswith("hotlink-relay ")
    done = run(program, "--help")
    assert done.returncode == 0
    for option in ("--listen", "--as-syftbox", "--fault", "--queue-bytes"):
        assert option in done.stdout


@pytest.mark.parametrize(
    "options, names",
    [
        (["--listen", "0.0.0.0:0"], "--listen: 0.0.0.0 can be reached from other machines"),
        (["--listen", "[::]:0"], "--listen: :: can be reached from other machines"),
        (["--listen", "localhost:0"], "--listen=localhost:0: must be a numeric address"),
        (["--fault", "loss=7"], "0 to 1"),
        (["--as-syftbox=99"], "from 1 to 64"),
        (["--what"], "unknown option --what"),
    ],
)
def test_a_bad_option_ends_with_2_and_says_why(program, options, names):
    done = run(program, *options)
    assert done.returncode == 2
    assert names in done.stderr
    assert done.stdout == ""


def test_a_port_in_use_is_an_error_that_says_so(program, own_relay):
    address = own_relay().url.removeprefix("ws://")
    done = run(program, "--listen", address)
    assert done.returncode == 1
    assert "in use" in done.stderr and address.split(":")[1] in done.stderr


def test_the_port_file_holds_the_port(own_relay, tmp_path):
    port_file = tmp_path / "port file"
    relay = own_relay("--port-file", str(port_file))
    assert port_file.read_text() == relay.url.rsplit(":")[-1] + "\n"
    assert os.listdir(tmp_path) == ["port file"]


def test_a_port_file_that_cannot_be_written_is_an_error(program, tmp_path):
    done = run(program, "--listen", "127.0.0.1:0", "--port-file", str(tmp_path / "no/port"))
    assert done.returncode == 1
    assert "--port-file" in done.stderr


async def test_ipv6_loopback(own_relay):
    try:
        relay = own_relay("--listen", "[::1]:0")
    except AssertionError:
        with pytest.raises(OSError), socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        pytest.skip("this machine has no IPv6 loopback")
    assert relay.url.startswith("ws://[::1]:")
    async with websockets.connect(f"{relay.url}/api/v1/events?user=a@x.org") as connection:
        assert wire.decode(await connection.recv())[1] == wire.SYSTEM


def test_modes_for_tests_are_announced_as_warnings(program, tmp_path):
    port_file, log = tmp_path / "port", tmp_path / "log"
    with open(log, "w") as stderr:
        process = subprocess.Popen(
            [program, "--listen", "127.0.0.1:0", "--port-file", str(port_file), "--as-syftbox=3"]
            + ["--allow-all-reads", "--fault", "loss=0.5", "--log-level", "warning"],
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        process.stdout.readline()
        process.terminate()
        assert process.wait(20) == 0
        process.stdout.close()
    warnings = [line for line in log.read_text().splitlines() if "warning" in line]
    for mode in ("--allow-all-reads", "--as-syftbox", "loss=0.5"):
        assert any(mode in line for line in warnings), warnings


# --- permissions ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size, answer", [(16384, wire.ACK), (16385, wire.NACK), (8_000_000, wire.NACK)]
)
async def test_a_syft_pub_yaml_has_16_kib_at_most(start, size, answer):
    net = start()
    a = await net.connect("a")
    content = b"rules: []\n#".ljust(size, b"x")
    path = f"{net.user('a')}/syft.pub.yaml"
    await a.send(wire.FILE_WRITE, pth=path, etg="", len=size, con=content)
    received = await a.expect(answer)
    if answer == wire.NACK:
        assert received["err"] == f"syft.pub.yaml has {size} bytes, allowed are 16384"


async def test_no_other_file_is_kept(start):
    net = start()
    a = await net.connect("a")
    path = f"{net.user('a')}/data.csv"
    await a.send(wire.FILE_WRITE, pth=path, etg="", len=1, con=b"1")
    assert "syft.pub.yaml" in (await a.expect(wire.NACK))["err"]


# --- HTTP ----------------------------------------------------------------------------------------


def test_healthz(own_relay):
    url = own_relay().url.replace("ws://", "http://")
    with urllib.request.urlopen(url + "/healthz", timeout=10) as answer:
        assert (answer.status, answer.read()) == (200, b"ok")


def http(relay, request):
    """The answer's bytes to this request, until the relay is silent or closes."""
    with dial(relay) as connection:
        connection.sendall(request)
        return connection.recv(65536)


@pytest.mark.parametrize(
    "target, status",
    [("/", b"404"), ("/api/v1/events/", b"404"), ("/healthz/x", b"404"), ("/api/v1/events", b"426")],
)
def test_other_requests_are_refused(own_relay, target, status):
    answer = http(own_relay(), f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.split(b" ")[:2] == [b"HTTP/1.1", status]


def test_a_plus_in_the_user_is_explained(own_relay):
    answer = http(own_relay(), upgrade_request("a+b@x.org"))
    assert answer.startswith(b"HTTP/1.1 400 ") and b"%2B" in answer


@pytest.mark.parametrize("garbage", [b"\x00" * 100, b"GET", b"\xff\xfe\r\n\r\n", b"A" * 100000])
def test_garbage_harms_nobody(own_relay, garbage):
    relay = own_relay()
    with dial(relay) as connection:
        connection.sendall(garbage)
    test_url = relay.url.replace("ws://", "http://") + "/healthz"
    with urllib.request.urlopen(test_url, timeout=10) as answer:
        assert answer.status == 200


# --- connections ---------------------------------------------------------------------------------


def receive_until(connection, part):
    received = b""
    while part not in received:
        more = connection.recv(65536)
        assert more, received
        received += more
    return received


def receive_all(connection):
    received = b""
    while more := connection.recv(65536):
        received += more
    return received


@pytest.mark.parametrize("piece", [1, 10000])
def test_a_ping_right_behind_the_request_is_answered(own_relay, piece):
    request = upgrade_request("a@x.org") + client_frame(9, b"early")
    with dial(own_relay()) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(request), piece):
            connection.sendall(request[at : at + piece])
        received = receive_until(connection, b"\x8a\x05early")
    assert received.startswith(b"HTTP/1.1 101 ") and received.count(b"HTTP/") == 1


@pytest.mark.parametrize(
    "bad, code",
    [
        (b"\x81\x01x", 1002),  # no mask
        (client_frame(3, b""), 1002),  # no such opcode
        (b"\x82\xff" + (1 << 62).to_bytes(8, "big") + bytes(4), 1009),
        (client_frame(8, (4001).to_bytes(2, "big")), 4001),  # a close, which is answered alike
        (client_frame(8, b""), 1000),
    ],
)
def test_what_ends_a_websocket_is_answered_with_a_close(own_relay, bad, code):
    with dial(own_relay()) as connection:
        connection.sendall(upgrade_request("a@x.org") + bad + b"and what is behind it" * 1000)
        assert receive_all(connection).endswith(b"\x88\x02" + code.to_bytes(2, "big"))


def test_one_who_pings_and_never_reads_costs_no_memory(own_relay):
    relay = own_relay()
    before = resident_kib(relay.process.pid)
    with dial(relay) as connection:
        connection.sendall(upgrade_request("a@x.org"))
        receive_until(connection, b"\r\n\r\n")
        for _ in range(200):
            connection.sendall(client_frame(9, bytes(125)) * 1000)
        assert resident_kib(relay.process.pid) - before < 4 << 10


def test_a_connection_too_many_is_refused(own_relay):
    relay = own_relay()
    with contextlib.ExitStack() as opened:
        for number in range(1024):
            connection = opened.enter_context(dial(relay))
            connection.sendall(upgrade_request(f"u{number}@x.org"))
            receive_until(connection, b"\r\n\r\n")
        last = opened.enter_context(dial(relay))
        last.sendall(upgrade_request("last@x.org"))
        assert receive_all(last).startswith(b"HTTP/1.1 503 ")
    with dial(relay) as connection:  # they are gone
        connection.sendall(upgrade_request("a@x.org"))
        receive_until(connection, b"HTTP/1.1 101 ")


# --- bounds and fairness -------------------------------------------------------------------------


async def burst(sender, sid, path, count, payload=b"", batch=1000):
    for seq in range(1, count + 1):
        await sender.send(wire.DATA, **data(sid, path, seq, payload))
        if seq % batch == 0:
            await asyncio.sleep(0)  # the receiver's turn


async def echo_despite_loss(client):
    """An echo that comes back has passed the receive queue; one that was dropped is sent again."""
    while True:
        sid = client.network.sid()
        await client.send(wire.ACCEPT, sid=sid)
        try:
            await asyncio.wait_for(client.expect(wire.REJECT, sid=sid), 0.5)
            return
        except asyncio.TimeoutError:
            continue


async def received_seqs(receiver, sender):
    """All Data that still arrive: up to an echo of the receiver's, sent when the sender's is back."""
    end = receiver.network.sid()

    async def collect():
        received = []
        while (message := await receiver.next())["sid"] != end:
            received.append(message["seq"])
        return received

    collected = asyncio.create_task(collect())
    await echo_despite_loss(sender)
    await receiver.send(wire.ACCEPT, sid=end)
    return await asyncio.wait_for(collected, 3 * ANSWER_SECONDS)


async def test_the_plain_relay_keeps_the_order_and_loses_nothing(start):
    net = start()
    a, b = await net.connect("a"), await net.connect("b")
    sid = await net.session(a, b)
    await burst(a, sid, net.path(), 5000, b"x" * 64)
    assert await received_seqs(b, a) == list(range(1, 5001))


async def unread_connection(net, user):
    """A connection whose owner accepts by hand and then never reads."""
    url = urllib.parse.urlsplit(net.url(user))
    reader, writer = await asyncio.open_connection(url.hostname, url.port, limit=2048)
    writer.write(upgrade_request(urllib.parse.quote(net.user(user))))
    await reader.readuntil(b"\r\n\r\n")

    def send(text):
        writer.write(client_frame(1, text.encode()))

    return send, writer


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


async def test_one_that_does_not_read_costs_a_bounded_queue_and_stalls_nobody(start):
    net = start("--queue-bytes", str(8 * MIB))
    a, c = await net.connect("a"), await net.connect("c")
    send, writer = await unread_connection(net, "b")
    to_b, path = net.sid(), net.path()
    await a.send(wire.OPEN, sid=to_b, pth=path, to=net.user("b"))
    await echo_despite_loss(a)  # what two connections say has no order
    send('{"id":"1","typ":10,"dat":{"sid":"%s"}}' % to_b)
    await a.expect(wire.ACCEPT, sid=to_b)
    to_c = net.sid()
    await a.send(wire.OPEN, sid=to_c, pth=net.path(channel="0_to_2"), to=net.user("c"))
    await c.expect(wire.OPEN, sid=to_c)
    await c.send(wire.ACCEPT, sid=to_c)
    await a.expect(wire.ACCEPT, sid=to_c)
    payload = b"x" * (256 << 10)
    for seq in range(1, 201):  # 50 MiB, more than the queue and all socket buffers
        await a.send(wire.DATA, **data(to_b, path, seq, payload))
        if seq % 10 == 0:
            await a.send(wire.DATA, **data(to_c, path, seq, b"still here"))
            await c.expect(wire.DATA, sid=to_c, seq=seq)
    assert resident_kib(net.relay.process.pid) < 60 << 10
    writer.close()


async def test_a_connection_that_vanishes_mid_message_harms_nobody(start):
    net = start()
    a, b = await net.connect("a"), await net.connect("b")
    sid = await net.session(a, b)
    send, writer = await unread_connection(net, "c")
    writer.write(bytes([0x82, 0xFF]) + (4 * MIB).to_bytes(8, "big") + bytes(4) + b"half of it")
    await writer.drain()
    writer.transport.abort()
    await a.send(wire.DATA, **data(sid, net.path(), 1, b"x"))
    await b.expect(wire.DATA, sid=sid)


# --- --as-syftbox --------------------------------------------------------------------------------


async def test_as_syftbox_reorders_a_burst(start):
    net = start("--as-syftbox")
    a, b = await net.connect("a"), await net.connect("b")
    sid = await net.session(a, b)
    late = total = 0
    for _ in range(40):  # bursts below the queue of 256: nothing is lost
        frames = [
            wire.encode("msgpack", wire.DATA, data(sid, net.path(), seq, bytes(1024)))
            for seq in range(1, 101)
        ]
        for frame in frames:
            await a.send_frame(frame)
        highest = 0
        seqs = [(await b.expect(wire.DATA, sid=sid))["seq"] for _ in frames]
        assert sorted(seqs) == list(range(1, 101))
        for seq in seqs:
            late += seq < highest
            highest = max(highest, seq)
            total += 1
    assert 0.01 < late / total < 0.3, f"{late} of {total} late"


async def test_as_syftbox_drops_whole_messages_of_a_burst_over_256(start):
    net = start("--as-syftbox")
    a, b = await net.connect("a"), await net.connect("b")
    sid = await net.session(a, b)
    frame = wire.encode("msgpack", wire.DATA, data(sid, net.path(), 1, b"x" * 64))
    masked = bytes([0x82, 0x80 | 126]) + len(frame).to_bytes(2, "big") + bytes(4) + frame
    a.socket.transport.write(masked * 5000)  # at once, faster than any worker
    received = len(await received_seqs(b, a))
    assert 256 <= received < 4500


async def test_as_syftbox_a_small_message_passes_in_under_a_millisecond_on_average(start):
    net = start("--as-syftbox")
    a, b = await net.connect("a"), await net.connect("b")
    sid = await net.session(a, b)
    loop = asyncio.get_running_loop()
    begin, count = loop.time(), 200
    for seq in range(1, count + 1):
        await a.send(wire.DATA, **data(sid, net.path(), seq, b"x"))
        await b.expect(wire.DATA, sid=sid, seq=seq)
    average = (loop.time() - begin) / count
    print(f"one way through --as-syftbox, Python at both ends: {average * 1e6:.0f} us")
    assert average < 0.010  # ten times the aim


# --- --fault -------------------------------------------------------------------------------------


async def test_fault_loss_and_dup(start):
    net = start("--fault", "loss=1")
    a, b = await net.connect("a"), await net.connect("b")
    await a.send(wire.OPEN, sid=net.sid(), pth=net.path(), to=net.user("b"))
    net = start("--fault", "dup=1")
    a, b = await net.connect("a"), await net.connect("b")
    sid = net.sid()
    await a.send(wire.OPEN, sid=sid, pth=net.path(), to=net.user("b"))
    await b.expect(wire.OPEN, sid=sid)
    await b.expect(wire.OPEN, sid=sid)


async def test_fault_cut_every_cuts_connections(start):
    net = start("--fault", "cut-every=5")
    a, b = await net.connect("a"), await net.connect("b")
    cut = [asyncio.create_task(client.socket.wait_closed()) for client in (a, b)]

    async def send_for_ever():
        while True:
            await a.send(wire.OPEN, sid=net.sid(), pth=net.path(), to=net.user("b"))
            await b.expect(wire.OPEN)

    sending = asyncio.create_task(send_for_ever())
    done, _ = await asyncio.wait(cut, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    assert done
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    # The relay itself goes on.
    assert (await net.connect("a")).first.typ == wire.SYSTEM


async def test_fault_stall_holds_everything_back_for_a_while(start):
    net = start("--fault", "stall=150ms@300ms")
    a, b = await net.connect("a"), await net.connect("b")
    sid = await net.session(a, b)
    loop = asyncio.get_running_loop()
    longest, begin = 0.0, loop.time()
    for seq in range(1, 100000):
        sent = loop.time()
        await a.send(wire.DATA, **data(sid, net.path(), seq, b"x"))
        await b.expect(wire.DATA, sid=sid, seq=seq)
        longest = max(longest, loop.time() - sent)
        if longest > 0.1 or loop.time() - begin > 10:
            break
    assert longest > 0.1


# --- the end -------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--as-syftbox"]])
async def test_sigterm_ends_it_with_0_while_connections_live(start, options):
    net = start(*options)
    a, b = await net.connect("a"), await net.connect("b")
    sid = await net.session(a, b)
    await burst(a, sid, net.path(), 200, bytes(1000))
    net.relay.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(net.relay.process.wait, 20) == 0
    with pytest.raises(websockets.ConnectionClosed) as closed:
        while True:
            await b.next()
    assert closed.value.rcvd.code == 1001  # going away
