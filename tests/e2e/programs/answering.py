"""answering.py PORT: answers each connection's request of 1 KiB with its bytes reversed."""

import asyncio
import sys


async def answer(reader, writer):
    try:
        request = await reader.readexactly(1024)
        writer.write(request[::-1])
        await reader.read(1)  # until the client closes
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()


asyncio.run(main())
