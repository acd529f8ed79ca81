"""protocol.md §3: who may open and read a path, by the syft.pub.yaml files written by FileWrite."""

import pytest

import wire

DENIED = "permission denied"
LEVELS = ("admin", "write", "read")


@pytest.fixture
def acl(pytestconfig, closed):
    """For tests that write such files, each into a fresh directory of user a."""
    if pytestconfig.getoption("--server") and not pytestconfig.getoption("--allow-writes"):
        pytest.skip("needs --allow-writes: leaves syft.pub.yaml files in user a's directory")
    return closed


class Directory:
    """A directory of user a, and what others may do there."""

    def __init__(self, net, name=""):
        self.net = net
        self.path = f"{net.user('a')}/{net.prefix}{name}"
        self.request = f"{self.path}/0_to_1/stream.tcp.request"

    async def write(self, client, content):
        """Sends it as the directory's syft.pub.yaml; the answer, Ack or Nack."""
        fields = {"etg": "", "len": len(content), "con": content.encode()}
        fields["pth"] = f"{self.path}/syft.pub.yaml"
        frame = wire.encode(client.encoding, wire.FILE_WRITE, fields, message_id="w-1")
        await client.send_frame(frame)
        answer = await client.next()
        assert answer["oid"] == "w-1"
        return answer

    async def grant(self, client, pattern="**", terminal=False, **names):
        lists = "".join(f"\n      {level}: {names.get(level, [])}" for level in LEVELS)
        rule = f'  - pattern: "{pattern}"\n    access:{lists}\n'
        answer = await self.write(client, f"terminal: {str(terminal).lower()}\nrules:\n{rule}")
        assert answer.typ == wire.ACK, answer

    async def open(self, client, to, path=None):
        sid = self.net.sid()
        await client.send(wire.OPEN, sid=sid, pth=path or self.request, to=self.net.user(to))
        return sid

    async def expect_open(self, client, receiver, to, path=None):
        sid = await self.open(client, to, path)
        await receiver.expect(wire.OPEN, sid=sid, pth=path or self.request)

    async def expect_denied(self, client, to, path=None):
        sid = await self.open(client, to, path)
        await client.expect(wire.REJECT, sid=sid, rsn=DENIED)


@pytest.mark.parametrize("encodings", ["msgpack", "json"])
async def test_a_file_on_the_own_path_is_stored_before_the_ack(acl, encodings):
    a, b = await acl.connect("a", encodings), await acl.connect("b")
    here = Directory(acl)
    await here.expect_denied(a, "b")
    await here.grant(a, read=[acl.user("b")])
    await here.expect_open(a, b, "b")
    await here.expect_denied(a, "c")
    await here.grant(a)  # takes it back
    await here.expect_denied(a, "b")


@pytest.mark.parametrize("level", LEVELS)
async def test_write_includes_read_and_admin_includes_write(acl, level):
    a, b = await acl.connect("a"), await acl.connect("b")
    here = Directory(acl)
    await here.grant(a, **{level: [acl.user("b")]})
    await here.expect_open(a, b, "b")
    if level == "read":
        await here.expect_denied(b, "a")
    else:
        await here.expect_open(b, a, "a")


async def test_everybody(acl):
    a, b, c = [await acl.connect(name) for name in "abc"]
    here = Directory(acl)
    await here.grant(a, read=["*"])
    await here.expect_open(a, b, "b")
    await here.expect_open(a, c, "c")
    await here.expect_denied(b, "a")


async def test_a_broadcast_reaches_those_who_may_read(acl):
    a, b, c = [await acl.connect(name) for name in "abc"]
    here = Directory(acl)
    await here.grant(a, read=[acl.user("c")])
    sid = acl.sid()
    await a.send(wire.OPEN, sid=sid, pth=here.request)
    await c.expect(wire.OPEN, sid=sid)
    await b.expect_nothing()


async def test_the_nearest_file_decides_alone(acl):
    a, b = await acl.connect("a"), await acl.connect("b")
    above, below = Directory(acl), Directory(acl, "/below")
    await above.grant(a, read=[acl.user("b")])
    await above.expect_open(a, b, "b", below.request)
    await below.grant(a, read=[acl.user("c")])
    await above.expect_denied(a, "b", below.request)
    await above.expect_open(a, b, "b")


async def test_below_a_terminal_file_others_do_not_count(acl):
    a = await acl.connect("a")
    above, below = Directory(acl), Directory(acl, "/below")
    await below.grant(a, read=[acl.user("b")])
    await above.grant(a, terminal=True)
    await above.expect_denied(a, "b", below.request)


async def test_patterns_are_relative_and_the_most_specific_one_decides(acl):
    a, b = await acl.connect("a"), await acl.connect("b")
    here = Directory(acl)
    user = acl.user("b")
    rules = [
        ("**", [user]),
        ("0_to_1/*.request", []),
        ("?_to_2/stream.tcp.request", [user]),
    ]
    text = "rules:\n"
    for pattern, readers in rules:
        text += f'  - pattern: "{pattern}"\n    access: {{admin: [], write: [], read: {readers}}}\n'
    assert (await here.write(a, text)).typ == wire.ACK
    await here.expect_denied(a, "b")
    await here.expect_open(a, b, "b", f"{here.path}/0_to_1/deeper/stream.tcp.request")
    await here.expect_open(a, b, "b", f"{here.path}/0_to_2/stream.tcp.request")


@pytest.mark.parametrize(
    "content",
    [
        "rules: [",
        "rules: 5\n",
        'rules:\n  - pattern: ""\n    access: {read: []}\n',
        'rules:\n  - pattern: "**"\n    access: {read: "b@x.org"}\n',
    ],
)
async def test_what_is_no_such_file_is_refused_and_changes_nothing(acl, content):
    a, b = await acl.connect("a"), await acl.connect("b")
    here = Directory(acl)
    await here.grant(a, read=[acl.user("b")])
    answer = await here.write(a, content)
    assert answer.typ == wire.NACK
    assert answer["err"]
    await here.expect_open(a, b, "b")


async def test_a_file_on_anothers_path_is_for_admins(acl):
    a, b = await acl.connect("a"), await acl.connect("b")
    here = Directory(acl)
    await here.grant(a, write=[acl.user("b")])
    answer = await here.write(b, "rules: []\n")
    assert answer.typ == wire.NACK
    assert answer["err"]
    await here.grant(a, admin=[acl.user("b")])
    await here.grant(b, read=[acl.user("c")])
    await here.expect_denied(a, "b")
