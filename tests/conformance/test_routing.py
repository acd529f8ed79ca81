"""protocol.md §3: what the server does with hotlink messages.

Where a rule says that nothing happens, a fence shows that the server is through with the message.
An Accept, or a receiver's Close, is sent only when no Data and no Signal of its session is on its
way, and nobody disconnects while something is sent to him: that can crash the SyftBox server.
"""

import pytest

import wire
from client import data


async def test_an_open_without_write_access_is_refused(net):
    b = await net.connect("b")
    sid = net.sid()
    await b.send(wire.OPEN, sid=sid, pth=net.path("a"))
    await b.expect(wire.REJECT, sid=sid, rsn="permission denied")
    await b.send(wire.ACCEPT, sid=sid)  # no session came of it
    await b.expect(wire.REJECT, sid=sid, rsn="unknown session")


async def test_an_open_to_one_who_may_not_read_is_refused(closed):
    a = await closed.connect("a")
    sid = closed.sid()
    path = f"{closed.user('a')}/{closed.prefix}/0_to_1/stream.tcp.request"
    await a.send(wire.OPEN, sid=sid, pth=path, to=closed.user("b"))
    await a.expect(wire.REJECT, sid=sid, rsn="permission denied")
    await a.send(wire.ACCEPT, sid=sid)
    await a.expect(wire.REJECT, sid=sid, rsn="unknown session")


async def test_a_broadcast_open_reaches_nobody_who_may_not_read(closed):
    a, b = await closed.connect("a"), await closed.connect("b")
    path = f"{closed.user('a')}/{closed.prefix}/0_to_1/stream.tcp.request"
    await a.send(wire.OPEN, sid=closed.sid(), pth=path)
    await a.expect_nothing()
    await b.expect_nothing()


async def test_the_owner_may_always_open(closed):
    a = await closed.connect("a")
    sid = closed.sid()
    path = f"{closed.user('a')}/{closed.prefix}/0_to_1/stream.tcp.request"
    await a.send(wire.OPEN, sid=sid, pth=path, to=closed.user("a"))
    await a.expect_nothing()


async def test_an_open_reaches_every_connection_of_the_user_meant_and_nobody_else(shared):
    a, b1, b2 = [await shared.connect(name) for name in "abb"]
    c = await shared.connect("c")
    sid = shared.sid()
    await a.send(wire.OPEN, sid=sid, pth=shared.path(), to=shared.user("b"))
    for b in (b1, b2):
        await b.expect(wire.OPEN, sid=sid, pth=shared.path(), frm=shared.user("a"))
    await c.expect_nothing()
    await a.expect_nothing()


async def test_the_sender_in_an_open_is_set_by_the_server(shared):
    a, b = await shared.connect("a"), await shared.connect("b")
    sid = shared.sid()
    frm = shared.user("c")
    await a.send(wire.OPEN, sid=sid, pth=shared.path(), frm=frm, to=shared.user("b"))
    await b.expect(wire.OPEN, sid=sid, frm=shared.user("a"))


async def test_the_user_meant_is_compared_without_regard_to_case(shared):
    a, b = await shared.connect("a"), await shared.connect("b")
    sid = shared.sid()
    await a.send(wire.OPEN, sid=sid, pth=shared.path(), to=shared.user("b").upper())
    await b.expect(wire.OPEN, sid=sid)


async def test_an_open_for_nobody_in_particular_reaches_all_who_may_read(shared):
    a, again, b, c = [await shared.connect(name) for name in "aabc"]
    sid = shared.sid()
    await a.send(wire.OPEN, sid=sid, pth=shared.path())
    await b.expect(wire.OPEN, sid=sid)
    await c.expect(wire.OPEN, sid=sid)
    await again.expect_nothing()  # never the sender's own user


async def test_an_open_to_one_who_is_not_connected_is_not_answered(shared):
    a = await shared.connect("a")
    await a.send(wire.OPEN, sid=shared.sid(), pth=shared.path(), to=shared.user("b"))
    await a.expect_nothing()


async def test_an_accept_goes_to_the_connection_that_opened(shared):
    a, again, b = [await shared.connect(name) for name in "aab"]
    await shared.session(a, b)
    await again.expect_nothing()


@pytest.mark.parametrize("typ, fields", [(wire.ACCEPT, {}), (wire.DATA, {"seq": 1, "pay": b"x"})])
async def test_an_unknown_session_is_rejected(net, typ, fields):
    a = await net.connect("a")
    sid = net.sid()
    if typ == wire.DATA:
        fields = data(sid, net.path(), **{"seq": 1, "payload": b"x"})
        del fields["sid"]
    await a.send(typ, sid=sid, **fields)
    await a.expect(wire.REJECT, sid=sid, rsn="unknown session")


async def test_a_signal_for_an_unknown_session_comes_back_as_quic_error(net):
    a = await net.connect("a")
    sid = net.sid()
    await a.send(wire.SIGNAL, sid=sid, knd="flow_open", adr=[], tok="{}", err="")
    await a.expect(wire.SIGNAL, sid=sid, knd="quic_error", err="unknown session")


async def test_a_tcp_channel_is_for_one_user(shared):
    a, b, c = [await shared.connect(name) for name in "abc"]
    sid = shared.sid()
    await a.send(wire.OPEN, sid=sid, pth=shared.path())
    await b.expect(wire.OPEN, sid=sid)
    await c.expect(wire.OPEN, sid=sid)
    await b.send(wire.ACCEPT, sid=sid)
    await a.expect(wire.ACCEPT, sid=sid)
    await c.send(wire.ACCEPT, sid=sid)
    await c.expect(wire.REJECT, sid=sid, rsn="already accepted")
    await a.expect_nothing()
    await a.send(wire.DATA, **data(sid, shared.path(), 1, b"for b"))
    await b.expect(wire.DATA, sid=sid, pay=b"for b")
    await c.expect_nothing()


async def test_a_second_connection_of_the_same_user_may_accept(shared):
    a, b1, b2 = [await shared.connect(name) for name in "abb"]
    sid = await shared.session(a, b1, b2)
    await a.send(wire.DATA, **data(sid, shared.path(), 1, b"for both"))
    await b1.expect(wire.DATA, sid=sid, pay=b"for both")
    await b2.expect(wire.DATA, sid=sid, pay=b"for both")


async def test_other_paths_are_for_several_users(shared):
    a, b, c = [await shared.connect(name) for name in "abc"]
    path = shared.path(file="news.request")
    sid = await shared.session(a, b, c, path=path)
    await a.send(wire.DATA, **data(sid, path, 1, b"for all"))
    await b.expect(wire.DATA, sid=sid, pay=b"for all")
    await c.expect(wire.DATA, sid=sid, pay=b"for all")


async def test_data_before_the_accept_is_dropped(shared):
    a, b = await shared.connect("a"), await shared.connect("b")
    sid = shared.sid()
    await a.send(wire.OPEN, sid=sid, pth=shared.path(), to=shared.user("b"))
    await b.expect(wire.OPEN, sid=sid)
    await a.send(wire.DATA, **data(sid, shared.path(), 1, b"too early"))
    await a.expect_nothing()
    await b.expect_nothing()
    await b.send(wire.ACCEPT, sid=sid)
    await a.expect(wire.ACCEPT, sid=sid)
    await b.expect_nothing()


async def test_data_from_anyone_but_the_sender_is_dropped(shared):
    a, b, c = [await shared.connect(name) for name in "abc"]
    sid = shared.sid()
    await a.send(wire.OPEN, sid=sid, pth=shared.path(), to=shared.user("b"))
    await b.expect(wire.OPEN, sid=sid)
    await b.send(wire.ACCEPT, sid=sid)
    await a.expect(wire.ACCEPT, sid=sid)
    for stranger in (b, c):
        await stranger.send(wire.DATA, **data(sid, shared.path(), 1, b"not mine"))
        await stranger.expect_nothing()
    await a.expect_nothing()
    await b.expect_nothing()


async def test_a_paced_stream_arrives_whole(shared):
    a, b = await shared.connect("a"), await shared.connect("b")
    sid = await shared.session(a, b)
    total, batch = 2000, 50
    seqs = []
    for start in range(1, total + 1, batch):  # in order or not, but none lost and none twice
        for seq in range(start, start + batch):
            await a.send(wire.DATA, **data(sid, shared.path(), seq, b"%d" % seq))
        for _ in range(batch):
            message = await b.expect(wire.DATA, sid=sid)
            assert message["pay"] == b"%d" % message["seq"]
            seqs.append(message["seq"])
    assert sorted(seqs) == list(range(1, total + 1))
    await b.expect_nothing()


async def test_a_reject_goes_to_the_connection_that_opened(shared):
    a, again, b = [await shared.connect(name) for name in "aab"]
    sid = shared.sid()
    await a.send(wire.OPEN, sid=sid, pth=shared.path(), to=shared.user("b"))
    await b.expect(wire.OPEN, sid=sid)
    await b.send(wire.REJECT, sid=sid, rsn="no")
    await a.expect(wire.REJECT, sid=sid, rsn="no")
    await again.expect_nothing()


async def test_a_close_of_the_sender_reaches_all_that_accepted_and_ends_the_session(shared):
    a, b1, b2 = [await shared.connect(name) for name in "abb"]
    sid = await shared.session(a, b1, b2)
    await a.send(wire.CLOSE, sid=sid, rsn="eof")
    await b1.expect(wire.CLOSE, sid=sid, rsn="eof")
    await b2.expect(wire.CLOSE, sid=sid, rsn="eof")
    await a.fence()
    await a.send(wire.DATA, **data(sid, shared.path(), 1, b"x"))
    await a.expect(wire.REJECT, sid=sid, rsn="unknown session")


async def test_a_close_of_a_receiver_takes_it_off_the_list_and_tells_the_sender(shared):
    a, b1, b2 = [await shared.connect(name) for name in "abb"]
    sid = await shared.session(a, b1, b2)
    await a.fence()
    await b1.send(wire.CLOSE, sid=sid, rsn="enough")
    await a.expect(wire.CLOSE, sid=sid, rsn="enough")
    await b1.fence()
    await a.send(wire.DATA, **data(sid, shared.path(), 1, b"x"))
    await b2.expect(wire.DATA, sid=sid, pay=b"x")
    await b1.expect_nothing()


@pytest.mark.parametrize("kind", ["flow_open", "sdp_offer", "anything at all"])
async def test_signals_of_any_kind_pass_both_ways(shared, kind):
    a, b = await shared.connect("a"), await shared.connect("b")
    sid = await shared.session(a, b)
    for sender, receiver in ((a, b), (b, a)):
        await sender.send(wire.SIGNAL, sid=sid, knd=kind, adr=[], tok='{"n":1}', err="")
        await receiver.expect(wire.SIGNAL, sid=sid, knd=kind, tok='{"n":1}')


async def test_a_signal_of_the_sender_reaches_all_that_accepted_and_nobody_else(shared):
    a, b1, b2, b3 = [await shared.connect(name) for name in "abbb"]
    sid = shared.sid()
    await a.send(wire.OPEN, sid=sid, pth=shared.path(), to=shared.user("b"))
    for b in (b1, b2, b3):
        await b.expect(wire.OPEN, sid=sid)
    for b in (b1, b2):
        await b.send(wire.ACCEPT, sid=sid)
        await a.expect(wire.ACCEPT, sid=sid)
    await a.send(wire.SIGNAL, sid=sid, knd="k", adr=[], tok="", err="")
    await b1.expect(wire.SIGNAL, sid=sid, knd="k")
    await b2.expect(wire.SIGNAL, sid=sid, knd="k")
    await a.fence()
    await b3.expect_nothing()


async def test_a_signal_of_one_that_has_not_accepted_is_dropped_without_an_answer(shared):
    a, b1, b2, c = [await shared.connect(name) for name in "abbc"]
    sid = shared.sid()
    await a.send(wire.OPEN, sid=sid, pth=shared.path(), to=shared.user("b"))
    await b1.expect(wire.OPEN, sid=sid)
    await b2.expect(wire.OPEN, sid=sid)
    await b1.send(wire.SIGNAL, sid=sid, knd="not yet", adr=[], tok="", err="")
    await b1.expect_nothing()
    await b1.send(wire.ACCEPT, sid=sid)
    await a.expect(wire.ACCEPT, sid=sid)
    for other in (b2, c):
        await other.send(wire.SIGNAL, sid=sid, knd="not me", adr=[], tok="", err="")
        await other.expect_nothing()
    await a.expect_nothing()
    await b1.expect_nothing()


async def test_an_open_replaces_the_session_of_the_same_sid(shared):
    a, b = await shared.connect("a"), await shared.connect("b")
    sid = await shared.session(a, b)
    await a.send(wire.OPEN, sid=sid, pth=shared.path(), to=shared.user("b"))
    await b.expect(wire.OPEN, sid=sid)
    await a.send(wire.DATA, **data(sid, shared.path(), 1, b"not accepted again"))
    await a.expect_nothing()
    await b.expect_nothing()
    await b.send(wire.ACCEPT, sid=sid)
    await a.expect(wire.ACCEPT, sid=sid)
    await a.send(wire.DATA, **data(sid, shared.path(), 2, b"accepted again"))
    await b.expect(wire.DATA, sid=sid, seq=2)


async def test_after_the_sender_reconnects_it_hears_nothing_until_it_opens_again(shared):
    a, b = await shared.connect("a"), await shared.connect("b")
    sid = await shared.session(a, b)
    await a.close()
    again = await shared.connect("a")
    await b.fence()
    await b.send(wire.SIGNAL, sid=sid, knd="to the old connection", adr=[], tok="", err="")
    await b.expect_nothing()
    await again.expect_nothing()
    await again.send(wire.DATA, **data(sid, shared.path(), 1, b"still the sender"))
    await b.expect(wire.DATA, sid=sid, pay=b"still the sender")
    await again.fence()
    await shared.session(again, b, sid=sid)
    await b.send(wire.SIGNAL, sid=sid, knd="to the new one", adr=[], tok="", err="")
    await again.expect(wire.SIGNAL, sid=sid, knd="to the new one")


async def test_after_the_receiver_reconnects_it_hears_nothing_until_it_accepts_again(shared):
    a, b = await shared.connect("a"), await shared.connect("b")
    sid = await shared.session(a, b)
    await b.close()
    again = await shared.connect("b")
    await a.fence()
    await a.send(wire.DATA, **data(sid, shared.path(), 1, b"to the old connection"))
    await a.expect_nothing()
    await again.expect_nothing()
    await again.send(wire.ACCEPT, sid=sid)
    await a.expect(wire.ACCEPT, sid=sid)
    await a.send(wire.DATA, **data(sid, shared.path(), 2, b"to the new one"))
    await again.expect(wire.DATA, sid=sid, seq=2, pay=b"to the new one")


async def test_a_file_write_is_answered_by_ack_or_nack_with_its_id(pytestconfig, net):
    if pytestconfig.getoption("--server") and not pytestconfig.getoption("--allow-writes"):
        pytest.skip("needs --allow-writes: leaves a syft.pub.yaml in user a's directory")
    a = await net.connect("a")
    content = b"rules:\n- pattern: '**'\n  access:\n    read: []\n    write: []\n    admin: []\n"
    path = f"{net.user('a')}/{net.prefix}/syft.pub.yaml"
    fields = {"pth": path, "etg": "", "len": len(content), "con": content}
    await a.send_frame(wire.encode("msgpack", wire.FILE_WRITE, fields, message_id="w-1"))
    answer = await a.next()
    assert answer.typ in (wire.ACK, wire.NACK)
    assert answer["oid"] == "w-1"
    if answer.typ == wire.NACK:
        assert answer["err"]
