"""protocol.md §1: the connection."""

import asyncio
import urllib.error
import urllib.request

import pytest
import websockets

import wire
from client import data

MIB = 1 << 20
LIMIT = 8 * MIB


@pytest.mark.parametrize(
    "offered, chosen",
    [("msgpack,json", "msgpack"), ("msgpack", "msgpack"), ("json", "json"), (None, "json")],
)
async def test_the_encoding_is_negotiated_by_header(net, offered, chosen):
    a = await net.connect("a", encodings=offered)
    if chosen == "msgpack":
        assert a.header == "msgpack"
    else:
        assert a.header in (None, "json")  # missing means json
    assert a.first.encoding == chosen


async def test_an_encoding_nobody_knows_means_json(net):
    a = await net.connect("a", encodings="xml")
    assert a.header in (None, "json")
    assert a.first.encoding == "json"


@pytest.mark.parametrize("encodings", ["msgpack", "json"])
async def test_the_first_message_is_system_ok(net, encodings):
    a = await net.connect("a", encodings=encodings)
    assert a.first.typ == wire.SYSTEM
    assert a.first["msg"] == "ok"
    assert a.first["ver"]


async def test_users_are_compared_without_regard_to_case(net):
    a = await net.connect("a", user=net.server.users["a"].upper())
    sid = net.sid()
    await a.send(wire.OPEN, sid=sid, pth=net.path(), to=net.user("a"))
    await a.expect_nothing()  # else: Reject permission denied


async def test_the_user_parameter_is_url_decoded(net):
    escaped = "".join(f"%{byte:02X}" for byte in net.server.users["a"].encode())
    url = f"{net.server.url}/api/v1/events?other=1&user={escaped}"
    headers = net.headers("a", "json")
    async with websockets.connect(url, extra_headers=headers, compression=None) as socket:
        assert wire.decode(await socket.recv())[1] == wire.SYSTEM
        path = net.path()
        await socket.send(wire.encode("json", wire.OPEN, {"sid": net.sid(), "pth": path}))
        echo = net.sid()
        await socket.send(wire.encode("json", wire.ACCEPT, {"sid": echo}))
        while True:
            _, typ, fields, _ = wire.decode(await socket.recv())
            assert fields.get("rsn") != "permission denied"
            if typ == wire.REJECT and fields["sid"] == echo:
                break


@pytest.mark.parametrize("query", ["", "?user=", "?user=nobody", "?other=a@x.org", "?user=a%20b@x"])
async def test_without_a_valid_user_there_is_no_connection(net, query):
    with pytest.raises(websockets.InvalidStatusCode) as refused:
        await websockets.connect(f"{net.server.url}/api/v1/events{query}", compression=None)
    assert 400 <= refused.value.status_code < 500


async def test_the_websocket_is_at_this_path_only(net):
    with pytest.raises(websockets.InvalidStatusCode) as refused:
        await websockets.connect(net.url("a").replace("/events", "/event"), compression=None)
    assert 400 <= refused.value.status_code < 500


def test_without_upgrade_there_is_no_websocket(net):
    url = net.url("a").replace("ws://", "http://").replace("wss://", "https://")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url, timeout=10)
    assert 400 <= refused.value.code < 500


async def test_a_long_access_token_is_no_obstacle(net):
    if net.server.tokens["a"]:
        pytest.skip("the server checks tokens")
    net.server = type(net.server)(net.server.url, net.server.users, {"a": "x" * 6000}, "")
    assert (await net.connect("a")).first.typ == wire.SYSTEM


async def test_pings_are_answered(net):
    a = await net.connect("a")
    for payload in (b"", b"x", b"p" * 125):
        await asyncio.wait_for(await a.socket.ping(payload), 10)


async def test_a_fragmented_message_is_one_message(net):
    a = await net.connect("a")
    sid = net.sid()
    frame = wire.encode("msgpack", wire.ACCEPT, {"sid": sid})
    await a.send_frame([frame[:1], frame[1:9], frame[9:]])
    await a.expect(wire.REJECT, sid=sid)


def data_of_size(net, sid, path, size):
    """A Data message of exactly this many bytes."""
    overhead = len(wire.encode("msgpack", wire.DATA, data(sid, path, 1, bytes(size - 1024)))) - size
    frame = wire.encode("msgpack", wire.DATA, data(sid, path, 1, bytes(size - 1024 - overhead - 1024)))
    pad = size - len(frame)
    frame = wire.encode("msgpack", wire.DATA, data(sid, path, 1, bytes(size - 2048 - overhead + pad)))
    assert len(frame) == size
    return frame


async def test_a_message_of_8_mib_passes(shared):
    a, b = await shared.connect("a"), await shared.connect("b")
    sid = await shared.session(a, b)
    await a.send_frame(data_of_size(shared, sid, shared.path(), LIMIT))
    message = await b.expect(wire.DATA, sid=sid)
    assert len(message["pay"]) > LIMIT - 4096


async def test_a_message_over_8_mib_ends_the_connection_with_1009(net):
    a = await net.connect("a")
    # Fully sent or not: the server may close as soon as it has seen the length.
    try:
        await a.send_frame(data_of_size(net, net.sid(), net.path(), LIMIT + 1))
        await asyncio.wait_for(a.socket.recv(), 10)
        pytest.fail("a message of 8 MiB + 1 byte was taken")
    except websockets.ConnectionClosed as closed:
        assert closed.rcvd is not None and closed.rcvd.code == 1009


async def test_many_fragments_over_8_mib_end_the_connection_with_1009(net):
    a = await net.connect("a")
    try:
        await a.send_frame([bytes(MIB)] * 9)
        await asyncio.wait_for(a.socket.recv(), 10)
        pytest.fail("a message of 9 MiB was taken")
    except websockets.ConnectionClosed as closed:
        assert closed.rcvd is not None and closed.rcvd.code == 1009
