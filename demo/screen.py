"""What the demo prints: lines, and on a terminal a block below them that is drawn again in place."""

import os
import shutil
import sys
import threading
import time


class Screen:
    """Any thread may print and show."""

    def __init__(self):
        self.is_terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._block = []
        self._drawn = 0  # lines of the block that are on the terminal

    def say(self, text):
        self.print(f"[{time.monotonic() - self._started:5.1f} s] {text}")

    def print(self, text=""):
        with self._lock:
            self._draw(f"{text}\n")

    def show(self, lines):
        """The block, from now on. REQUIRES: is_terminal."""
        with self._lock:
            self._block = lines
            self._draw("")

    def leave(self):
        """What is shown of the block stays where it is; it is drawn no more."""
        with self._lock:
            self._block, self._drawn = [], 0

    def _draw(self, above):
        """`above`: whole lines, in front of the block."""
        up = f"\x1b[{self._drawn}A\x1b[J" if self._drawn else ""
        width, height = shutil.get_terminal_size()
        lines = [line[: width - 1] for line in self._block]
        if len(lines) >= height:
            hidden = len(lines) - (height - 2)
            lines[height - 2 :] = [f"… {hidden} more lines: the terminal is too low"]
        self._drawn = len(lines)
        sys.stdout.write(up + above + "".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
