"""An asyncio event loop in a thread, for peers that act while a test goes on."""

import asyncio
import threading

from harness import SCALE

DEADLINE = 10 * SCALE  # seconds, for what a test waits for inside


class LoopThread:
    """What derives from it runs coroutines with call() and ends in close()."""

    def __init__(self):
        self._tasks = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, coroutine):
        """From the test's thread: its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(DEADLINE)

    def run(self, coroutine):
        """From the loop's thread or another: a task that is cancelled at the end."""
        self._loop.call_soon_threadsafe(lambda: self.keep(self._loop.create_task(coroutine)))

    def keep(self, task):
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self):
        if self._loop.is_closed():
            return
        self.call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def stop(self):
        """What there is to be closed, in the loop."""

    async def _end(self):
        await self.stop()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
