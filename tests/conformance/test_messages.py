"""protocol.md §2: the messages, in both encodings."""

import struct

import pytest

import wire
from client import data

ENCODINGS = ["msgpack", "json"]
ALL_BYTES = bytes(range(256)) * 3


@pytest.mark.parametrize("receives", ENCODINGS)
@pytest.mark.parametrize("sends", ENCODINGS)
async def test_every_field_arrives_in_the_receivers_encoding(shared, sends, receives):
    a, b = await shared.connect("a", sends), await shared.connect("b", receives)
    sid, path, tok = shared.sid(), shared.path(), 'é\u2028 "<&>\n {"n":1}'

    async def expect(client, typ, **fields):
        message = await client.expect(typ, **fields)
        assert message.encoding == client.encoding

    await a.send(wire.OPEN, sid=sid, pth=path, to=shared.user("b"))
    await expect(b, wire.OPEN, sid=sid, pth=path, frm=shared.user("a"), to=shared.user("b"))
    await b.send(wire.ACCEPT, sid=sid)
    await expect(a, wire.ACCEPT, sid=sid)
    await a.send(wire.DATA, **data(sid, path, 1 << 40, ALL_BYTES, "7"))
    await expect(b, wire.DATA, sid=sid, pth=path, seq=1 << 40, etg="7", pay=ALL_BYTES)
    signal = {"sid": sid, "knd": "some_kind", "adr": ["1.2.3.4:5", "[::1]:6"], "tok": tok}
    await a.send(wire.SIGNAL, **signal, err="oh")
    await expect(b, wire.SIGNAL, **signal, err="oh")
    await b.send(wire.SIGNAL, **signal, err="ah")
    await expect(a, wire.SIGNAL, **signal, err="ah")
    await a.fence()
    await a.send(wire.CLOSE, sid=sid, rsn="eof")
    await expect(b, wire.CLOSE, sid=sid, rsn="eof")

    refused = shared.sid()
    await a.send(wire.OPEN, sid=refused, pth=path, to=shared.user("b"))
    await expect(b, wire.OPEN, sid=refused)
    await b.send(wire.REJECT, sid=refused, rsn="büsy")
    await expect(a, wire.REJECT, sid=refused, rsn="büsy")


async def test_a_binary_frame_with_byte_3_zero_carries_json(net):
    a = await net.connect("a", "msgpack")
    sid = net.sid()
    await a.send_frame(wire.encode("json-in-binary", wire.ACCEPT, {"sid": sid}))
    await a.expect(wire.REJECT, sid=sid, rsn="unknown session")


@pytest.mark.parametrize("size", [1, 31, 32, 255, 256, 65535, 65536, 262144])
async def test_payloads_of_any_size_pass_unchanged(shared, size):
    a, b = await shared.connect("a"), await shared.connect("b")
    sid = await shared.session(a, b)
    payload = bytes(i * 7 % 256 for i in range(size))
    await a.send(wire.DATA, **data(sid, shared.path(), 1, payload))
    assert (await b.expect(wire.DATA, sid=sid))["pay"] == payload


@pytest.mark.parametrize("sends", ENCODINGS)
async def test_an_empty_payload_passes_with_its_etag(shared, sends):
    a, b = await shared.connect("a", sends), await shared.connect("b")
    sid = await shared.session(a, b)
    await a.send(wire.DATA, **data(sid, shared.path(), 9, b"", "3.fin"))
    message = await b.expect(wire.DATA, sid=sid, seq=9, etg="3.fin")
    assert not message["pay"]


def binary(outer_items, dat_items):
    """A msgpack message from ready-made items, in their order."""
    dat = bytes([0x80 | len(dat_items)]) + b"".join(dat_items)
    outer = [item if item is not None else wire.pack("dat") + wire.pack(dat) for item in outer_items]
    return b"SB\x01\x01" + bytes([0x80 | len(outer)]) + b"".join(outer)


@pytest.mark.parametrize(
    "tag, form", [(b"", ">B"), (b"\xcc", ">B"), (b"\xcd", ">H"), (b"\xce", ">I"), (b"\xcf", ">Q")]
)
async def test_integers_may_come_in_any_width(shared, tag, form):
    a, b = await shared.connect("a"), await shared.connect("b")
    sid = await shared.session(a, b)
    dat = [
        wire.pack("sid") + wire.pack(sid),
        wire.pack("seq") + tag + struct.pack(form, 5),
        wire.pack("pth") + wire.pack(shared.path()),
        wire.pack("etg") + wire.pack(""),
        wire.pack("pay") + wire.pack(b"x"),
    ]
    typ = wire.pack("typ") + tag + struct.pack(form, wire.DATA)
    await a.send_frame(binary([wire.pack("id") + wire.pack("i1"), typ, None], dat))
    await b.expect(wire.DATA, sid=sid, seq=5, pay=b"x")


async def test_keys_may_come_in_any_order_and_unknown_ones_are_ignored(shared):
    a, b = await shared.connect("a"), await shared.connect("b")
    sid = await shared.session(a, b)
    dat = [
        wire.pack("pay") + wire.pack(b"x"),
        wire.pack("new") + wire.pack({"deep": [1, -1, None, True, b"b", "s" * 300]}),
        wire.pack("etg") + wire.pack(""),
        wire.pack("pth") + wire.pack(shared.path()),
        wire.pack("seq") + wire.pack(5),
        wire.pack("sid") + wire.pack(sid),
    ]
    extra = wire.pack("more") + wire.pack([1, 2, 3])
    typ = wire.pack("typ") + wire.pack(wire.DATA)
    await a.send_frame(binary([None, extra, typ, wire.pack("id") + wire.pack("i1")], dat))
    await b.expect(wire.DATA, sid=sid, seq=5, pay=b"x")


async def test_unknown_json_keys_are_ignored(net):
    a = await net.connect("a", "json")
    sid = net.sid()
    await a.send_frame(
        '{"new":[{}],"dat":{"new":null,"sid":"%s"},"typ":%d,"id":"i"}' % (sid, wire.ACCEPT)
    )
    await a.expect(wire.REJECT, sid=sid)


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_unknown_types_are_ignored(net, encoding):
    a = await net.connect("a", encoding)
    for typ in (99, 250, 65535):
        await a.send(typ, sid=net.sid(), what="ever")
    await a.expect_nothing()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x83",
        b"\xc1",
        b"\x83\xa2id",
        b"\xdf\xff\xff\xff\xff",
        b"\x81\xa3dat\xc6\xff\xff\xff\xff",
        b"\x93\x01\x02\x03",
        b"\x91" * 2000,
    ],
)
async def test_broken_msgpack_is_ignored_and_the_connection_goes_on(net, body):
    a = await net.connect("a")
    await a.send_frame(b"SB\x01\x01" + body)
    await a.expect_nothing()
