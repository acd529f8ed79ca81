"""A client of the event socket as protocol.md §1 and §2 describe it, and what tests ask of it."""

import asyncio
import dataclasses
import secrets
import urllib.parse

import websockets

import wire

ANSWER_SECONDS = 10  # a message that has to come comes within this time
# Types that reach every connection of a real server and are not about hotlink (protocol.md §2).
NOT_OURS = {3, 6, 7, 8}
FENCES = 3  # round trips after which what was sent before has been worked on, see Client.fence()


@dataclasses.dataclass
class Server:
    url: str
    users: dict
    tokens: dict
    shared_path: str  # of user a; b and c may read it


@dataclasses.dataclass
class Message:
    typ: int
    fields: dict
    encoding: str

    def __getitem__(self, key):
        return self.fields.get(key)


class Network:
    """The connections of one test, and names that no other test uses."""

    of_this_test = []

    def __init__(self, server):
        Network.of_this_test.append(self)
        self.server = server
        self.clients = []
        self.prefix = "conf-" + secrets.token_hex(6)
        self.count = 0

    def user(self, name):
        return self.server.users[name].lower()

    def sid(self):
        self.count += 1
        return f"{self.prefix}-{self.count}"

    def path(self, owner="a", channel="0_to_1", file="stream.tcp.request"):
        directory = self.server.shared_path if owner == "a" else self.user(owner) + "/conformance"
        return f"{directory}/{self.prefix}/{channel}/{file}"

    def url(self, name, user=None):
        query = urllib.parse.urlencode({"user": user or self.server.users[name]})
        return f"{self.server.url}/api/v1/events?{query}"

    def headers(self, name, encodings):
        headers = {}
        if encodings:
            headers["X-Syft-WS-Encodings"] = encodings
        if self.server.tokens.get(name):
            headers["Authorization"] = "Bearer " + self.server.tokens[name]
        return headers

    async def connect(self, name, encodings="msgpack,json", user=None, **options):
        socket = await websockets.connect(
            self.url(name, user),
            extra_headers=self.headers(name, encodings),
            compression=None,
            max_size=None,
            ping_interval=None,
            open_timeout=ANSWER_SECONDS,
            **options,
        )
        client = Client(self, socket)
        self.clients.append(client)
        client.first = await client.next()
        return client

    async def session(self, sender, *receivers, path=None, sid=None):
        """An open session that the receivers have accepted; everything about it has been read."""
        sid = sid or self.sid()
        await sender.send(wire.OPEN, sid=sid, pth=path or self.path())
        for receiver in receivers:
            await receiver.expect(wire.OPEN, sid=sid)
        for receiver in receivers:
            await receiver.send(wire.ACCEPT, sid=sid)
            await sender.expect(wire.ACCEPT, sid=sid)
        return sid

    @classmethod
    async def close_all(cls):
        while cls.of_this_test:
            clients = cls.of_this_test.pop().clients
            await asyncio.gather(*(client.close() for client in clients))


class Client:
    def __init__(self, network, socket):
        self.network = network
        self.socket = socket
        self.first = None  # the first message, System
        chosen = socket.response_headers.get("X-Syft-WS-Encoding")
        self.encoding = chosen or "json"
        self.header = chosen

    async def send(self, typ, **fields):
        await self.send_frame(wire.encode(self.encoding, typ, fields))

    async def send_frame(self, frame):
        await self.socket.send(frame)

    async def next(self):
        """The next message that is this test's; those of other tests and types are skipped."""
        while True:
            frame = await asyncio.wait_for(self.socket.recv(), ANSWER_SECONDS)
            encoding, typ, fields, _ = wire.decode(frame)
            if typ in NOT_OURS:
                continue
            if fields.get("sid", self.network.prefix).startswith(self.network.prefix):
                return Message(typ, fields, encoding)

    async def expect(self, typ, **fields):
        message = await self.next()
        assert message.typ == typ, f"expected type {typ} {fields}, got {message}"
        for key, value in fields.items():
            assert message[key] == value, f"{key} should be {value!r} in {message}"
        return message

    async def fence(self):
        """Waits until what was sent here has been worked on; returns what came in meanwhile.

        An Accept for a session that nobody opened comes back as Reject. Workers may let it overtake
        earlier messages, but hardly three times in a row, each sent after the one before is back.
        What had been forwarded to this connection before is received before the answer is.
        """
        received = []
        for _ in range(FENCES):
            echo = self.network.sid()
            await self.send(wire.ACCEPT, sid=echo)
            while (message := await self.next())["sid"] != echo:
                received.append(message)
            assert message.typ == wire.REJECT
        return received

    async def expect_nothing(self):
        received = await self.fence()
        assert received == [], f"should have received nothing, got {received}"

    async def close(self):
        await self.socket.close()


def data(sid, path, seq, payload, etag=""):
    return {"sid": sid, "seq": seq, "pth": path, "etg": etag, "pay": payload}
