"""The existing desktop client, as far as protocol.md §5 describes it, on a `websockets` client.

It has a TCP port of its own that a party connects to. What it does, good or bad, is on purpose:

- one session per path as long as it runs, opened at the first byte of its party; it waits 1.5 s for
  the Accept and then sends anyway, at most 60 KiB a message, on and on over all its party's
  connections
- each Open of a TCP path is answered by Accept, then by signals for a direct connection
- frames are handled inside the WebSocket's read loop: one that finds no connection of its party
  waits at most 5 s and is dropped, a party that does not read stops the loop
- Data is put in order by `seq` per path and sid; other signals are ignored
- it never sends Close; on Close it forgets the session and does nothing to the TCP side
"""

import asyncio
import collections
import sys
import uuid

import websockets

from harness import REPOSITORY
from loop_thread import LoopThread

sys.path.append(str(REPOSITORY / "tests/conformance"))
import wire  # noqa: E402

CHUNK = 60 * 1024
ACCEPT_WAIT = 1.5  # seconds
WRITER_WAIT = 5.0
REQUEST = "/stream.tcp.request"


class Order:
    """Puts the frames of one path and sid in order; a frame that never comes holds up the rest."""

    def __init__(self):
        self.next = 1
        self.pending = {}

    def take(self, seq, payload):
        self.pending[seq] = payload
        while self.next in self.pending:
            yield self.pending.pop(self.next)
            self.next += 1


class DesktopClient(LoopThread):
    """`own_path`: what it sends on; `port`: its party's."""

    def __init__(self, email, relay_url, own_path, peer, port, *, accept_wait=ACCEPT_WAIT):
        super().__init__()
        self.email, self.own_path, self.peer, self.port = email, own_path, peer, port
        self.accept_wait = accept_wait
        self.received = collections.Counter()  # messages by type
        self.signals = collections.Counter()  # those received, by kind
        self.closed = []  # sids of the Closes received
        self.sent_sids = []  # sessions it opened, in order
        self.data_sent = 0  # messages
        self.dropped = 0  # frames for which no party was there
        self.writing = False  # a frame waits for the party to read
        self._sid = None  # of its one session
        self._seq = 0
        self._accepted = {}  # sid -> event
        self._sessions = {}  # opened to us: sid -> path
        self._order = collections.defaultdict(Order)
        self._writer = None  # of the party's latest connection
        self._writers = set()
        self.call(self._start(f"{relay_url.replace('http', 'ws')}/api/v1/events?user={email}"))

    # What tests make it do beyond its party's bytes.

    def open_again(self, use=False):
        """One more Open with a new sid; `use`: further Data goes there, from seq 1."""
        return self.call(self._open(use))

    def signal(self, kind, times=1):
        """Signals in every session that was opened to it."""
        for sid in list(self._sessions) * times:
            self.call(self._send_signal(sid, kind))

    def accepted(self):
        """How many of its sessions were accepted."""
        return sum(event.is_set() for event in list(self._accepted.values()))

    # Inside its thread.

    async def _start(self, url):
        # With a queue of 1, what the loop does not handle stays on the wire.
        headers = {"X-Syft-WS-Encodings": "msgpack"}
        self._socket = await websockets.connect(
            url, extra_headers=headers, max_size=8 << 20, max_queue=1, ping_interval=None
        )
        self._server = await asyncio.start_server(self._serve_party, "127.0.0.1", self.port)
        self.run(self._read())

    async def stop(self):
        """As when its process dies, its party's connections included."""
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._socket.transport.abort()

    async def _serve_party(self, reader, writer):
        self.keep(asyncio.current_task())
        self._writers.add(writer)
        self._writer = writer
        try:
            while chunk := await reader.read(CHUNK):
                await self._send_chunk(chunk)
        except OSError:
            pass
        if self._writer is writer:
            self._writer = None
        self._writers.discard(writer)
        writer.close()

    async def _send_chunk(self, chunk):
        if self._sid is None:
            sid = await self._open(use=True)
            try:
                await asyncio.wait_for(self._accepted[sid].wait(), self.accept_wait)
            except asyncio.TimeoutError:
                pass  # it sends anyway
        self._seq += 1
        fields = {"sid": self._sid, "seq": self._seq, "pth": self.own_path, "etg": "", "pay": chunk}
        await self._send(wire.DATA, fields)
        self.data_sent += 1

    async def _open(self, use):
        sid = str(uuid.uuid4())
        self.sent_sids.append(sid)
        self._accepted[sid] = asyncio.Event()
        if use:
            self._sid, self._seq = sid, 0
        await self._send(wire.OPEN, {"sid": sid, "pth": self.own_path, "to": self.peer})
        return sid

    async def _send(self, kind, fields):
        await self._socket.send(wire.encode("msgpack", kind, fields))

    async def _send_signal(self, sid, kind):
        token = '{"type":"offer","sdp":"v=0"}'
        fields = {"sid": sid, "knd": kind, "adr": [], "tok": token, "err": ""}
        await self._send(wire.SIGNAL, fields)

    async def _read(self):
        try:
            async for frame in self._socket:
                _, kind, fields, _ = wire.decode(frame)
                self.received[kind] += 1
                await self._handle(kind, fields)
        except websockets.ConnectionClosed:
            pass

    async def _handle(self, kind, fields):
        if kind == wire.OPEN and fields["pth"].endswith(REQUEST):
            await self._on_open(fields)
        elif kind == wire.ACCEPT and fields["sid"] in self._accepted:
            self._accepted[fields["sid"]].set()
        elif kind == wire.DATA and fields["sid"] in self._sessions:
            await self._on_data(fields)
        elif kind == wire.CLOSE:
            self.closed.append(fields["sid"])
            self._sessions.pop(fields["sid"], None)
        elif kind == wire.SIGNAL:
            self.signals[fields["knd"]] += 1

    async def _on_open(self, fields):
        sid = fields["sid"]
        self._sessions[sid] = fields["pth"]
        await self._send(wire.ACCEPT, {"sid": sid})
        self.run(self._offer_direct(sid))

    async def _offer_direct(self, sid):
        for kind in ("sdp_offer", "ice_candidate", "ice_candidate"):
            await self._send_signal(sid, kind)

    async def _on_data(self, fields):
        writer = await self._wait_writer()
        if writer is None:
            self.dropped += 1
            return
        order = self._order[fields["pth"] + "#" + fields["sid"]]
        for payload in order.take(fields["seq"], fields["pay"]):
            self.writing = True
            try:
                writer.write(payload)
                await writer.drain()
            except OSError:
                return
            finally:
                self.writing = False

    async def _wait_writer(self):
        give_up = self._loop.time() + WRITER_WAIT
        while self._writer is None and self._loop.time() < give_up:
            await asyncio.sleep(0.02)
        return self._writer
