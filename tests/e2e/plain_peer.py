"""A peer that is none of ours: hotlink without the flow extension, on a `websockets` client.

As the existing client does (protocol.md §5): accepts every Open of a TCP path, opens sessions of
its own random ids, sends Data from seq 1, ignores signals and never answers them.
"""

import sys
import uuid

import websockets

from harness import REPOSITORY, wait_until
from loop_thread import LoopThread

sys.path.append(str(REPOSITORY / "tests/conformance"))
import wire  # noqa: E402


class PlainPeer(LoopThread):
    """Messages are kept in `inbox`."""

    def __init__(self, email, relay, encoding="msgpack"):
        super().__init__()
        self.email = email
        self.inbox = []  # (type, fields), in order of arrival
        self._encoding = encoding
        self._url = f"{relay.url.replace('http', 'ws')}/api/v1/events?user={email}"
        self._socket = self.call(self._connect())
        self.run(self._read())

    def open(self, path, to):
        """A new session; its id, once it is accepted."""
        sid = uuid.uuid4().hex
        self.send(wire.OPEN, {"sid": sid, "pth": path, "to": to})
        wait_until("Accept", lambda: ("sid", sid) in self._fields(wire.ACCEPT))
        return sid

    def send_data(self, sid, path, seq, payload):
        self.send(wire.DATA, {"sid": sid, "seq": seq, "pth": path, "etg": "", "pay": payload})

    def send(self, kind, fields):
        self.call(self._socket.send(wire.encode(self._encoding, kind, fields)))

    def plain_sessions(self):
        """Ids of the sessions opened to us in which Data came, in order of their Opens."""
        with_data = {fields["sid"] for kind, fields in list(self.inbox) if kind == wire.DATA}
        opened = [fields["sid"] for kind, fields in list(self.inbox) if kind == wire.OPEN]
        return [sid for sid in opened if sid in with_data]

    def bytes_of(self, sid):
        """What came in a session, put in order by seq; stops at the first gap."""
        pieces = {
            fields["seq"]: fields["pay"]
            for kind, fields in list(self.inbox)
            if kind == wire.DATA and fields["sid"] == sid
        }
        data, seq = b"", 1
        while seq in pieces:
            data += pieces[seq]
            seq += 1
        return data

    def _fields(self, kind):
        return [item for k, fields in list(self.inbox) if k == kind for item in fields.items()]

    async def stop(self):
        await self._socket.close()

    async def _connect(self):
        return await websockets.connect(
            self._url,
            extra_headers={"X-Syft-WS-Encodings": self._encoding},
            max_size=8 << 20,
            max_queue=None,
        )

    async def _read(self):
        try:
            async for frame in self._socket:
                _, kind, fields, _ = wire.decode(frame)
                self.inbox.append((kind, fields))
                if kind == wire.OPEN:
                    answer = {"sid": fields["sid"]}
                    await self._socket.send(wire.encode(self._encoding, wire.ACCEPT, answer))
        except websockets.ConnectionClosed:
            pass
