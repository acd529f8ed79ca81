"""The table of `hotlink-proxy status` for every sidecar, while a computation runs.

On a terminal again and again, in place; else once.
"""

import concurrent.futures
import threading

from scenariolib.calls import call

EVERY = 0.5  # seconds between two looks; a look takes as long, since rates come of two answers
STATUS_LIMIT = 5  # seconds for `hotlink-proxy status`


class StatusTables:
    """`program`: hotlink-proxy; `environments`: that of each sidecar. To be used by `with`."""

    def __init__(self, screen, program, environments):
        self._screen = screen
        self._program = program
        self._environments = environments

    def __enter__(self):
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()
        self._screen.leave()

    def _follow(self):
        if not self._screen.is_terminal:
            self._screen.print("\n".join(["", *self._look(), ""]))
            return
        ended = False
        while True:
            self._screen.show(["", *self._look(), ""])
            if ended:  # by then everything was counted: this one stays
                return
            ended = self._ended.wait(EVERY)

    def _look(self):
        with concurrent.futures.ThreadPoolExecutor(len(self._environments)) as pool:
            tables = pool.map(self._status, self._environments)
            return [line for table in tables for line in table]

    def _status(self, environment):
        result = call([self._program, "status"], STATUS_LIMIT, environment)
        if result is None:
            return [f"{environment['SYFTBOX_EMAIL']}: no status within {STATUS_LIMIT} s"]
        if result.returncode != 0:
            return [f"{environment['SYFTBOX_EMAIL']}: {result.stderr.strip()}"]
        return short(result.stdout.splitlines())


def short(table):
    """Channels by flow and name alone: the directories between are long, and all the same."""
    if len(table) < 2 or "PEER" not in table[1]:
        return table
    end = table[1].index("PEER")
    names = [line[:end].strip() for line in table[1:]]
    parts = [name.split("/") for name in names]
    names = [f"{p[2]}/{p[-1]}" if len(p) > 2 else name for name, p in zip(names, parts)]
    width = max(map(len, names)) + 2
    return table[:1] + [f"{name:{width}}{line[end:]}" for name, line in zip(names, table[1:])]
