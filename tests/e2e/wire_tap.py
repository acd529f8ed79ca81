"""A tap between sidecars and the relay: sees, loses, holds back, alters and makes up messages."""

import asyncio
import sys

import websockets

from harness import REPOSITORY
from loop_thread import LoopThread

sys.path.append(str(REPOSITORY / "tests/conformance"))
import wire  # noqa: E402

OUT, IN = "out", "in"  # from the sidecar, to the sidecar


class WireTap(LoopThread):
    """`url` is what the sidecar takes for its relay."""

    def __init__(self, relay, port):
        super().__init__()
        self.url = f"http://127.0.0.1:{port}"
        self.seen = []  # (direction, type, fields) of all that passed, in order
        self.drop = lambda direction, kind, fields: False
        self.alter = lambda direction, kind, frame: frame  # what passes instead
        self._upstream = relay.url.replace("http", "ws")
        self._sockets = {}  # direction -> where its messages go
        self._server = self.call(self._serve(port))

    def inject(self, kind, fields):
        """A message to the sidecar, as if the relay had sent it."""
        self._make_up(IN, kind, fields)

    def send(self, kind, fields):
        """A message to the relay, as if the sidecar had sent it."""
        self._make_up(OUT, kind, fields)

    def of(self, direction, kind):
        """The fields of such messages so far."""
        return [f for d, k, f in list(self.seen) if d == direction and k == kind]

    def _make_up(self, direction, kind, fields):
        self.call(self._sockets[direction].send(wire.encode("msgpack", kind, fields)))

    async def _serve(self, port):
        return await websockets.serve(
            self._connected,
            "127.0.0.1",
            port,
            extra_headers={"X-Syft-WS-Encoding": "msgpack"},
            compression=None,
            max_size=8 << 20,
        )

    async def stop(self):
        self._server.close()
        await self._server.wait_closed()

    async def _connected(self, sidecar):
        async with websockets.connect(
            self._upstream + sidecar.path,
            extra_headers={"X-Syft-WS-Encodings": "msgpack"},
            compression=None,
            max_size=8 << 20,
        ) as relay:
            self._sockets = {OUT: relay, IN: sidecar}
            await asyncio.wait(
                [
                    asyncio.ensure_future(self._pass(OUT, sidecar, relay)),
                    asyncio.ensure_future(self._pass(IN, relay, sidecar)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )

    async def _pass(self, direction, source, target):
        try:
            async for frame in source:
                _, kind, fields, _ = wire.decode(frame)
                if self.drop(direction, kind, fields):
                    continue
                self.seen.append((direction, kind, fields))
                await target.send(self.alter(direction, kind, frame))
        except websockets.ConnectionClosed:
            pass
