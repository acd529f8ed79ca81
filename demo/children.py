"""The processes of the demo: started, watched, ended; none is left behind."""

import signal
import subprocess
import time

STOP_LIMIT = 15  # seconds, for a process that was told to end


class DemoError(Exception):
    """Something failed; `logs` are the files that may say why."""

    def __init__(self, text, *logs):
        super().__init__(text)
        self.logs = logs


class Interrupted(Exception):
    pass


class Children:
    """The processes of this demo. Each has a session of its own, so Ctrl-C reaches only us and
    we end them in order."""

    def __init__(self, directory):
        self._directory = directory
        self._running = {}
        self._interrupted = False
        # A signal is looked at in check() only: raised in the middle of start() it would leave a
        # process that nobody knows.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._interrupt)

    def _interrupt(self, number, frame):
        self._interrupted = True

    def log_of(self, name):
        return self._directory / f"{name}.log"

    def start(self, name, command, environment=None, stdout=None):
        log = open(self.log_of(name), "wb")
        process = subprocess.Popen(
            [str(word) for word in command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log if stdout is None else stdout,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        self._running[name] = process
        return process

    def check(self):
        """Raises if a process failed or somebody wants the demo to end."""
        if self._interrupted:
            raise Interrupted
        for name, process in self._running.items():
            if process.poll() not in (None, 0):
                raise DemoError(
                    f"{name} ended with exit code {process.returncode}", self.log_of(name)
                )

    def finish(self, name, terminate):
        """Waits for the end of a process, told to end or about to; it has to be a clean one."""
        process = self._running[name]
        if terminate:
            process.terminate()
        wait_until(
            f"{name} ends", lambda: process.poll() is not None, STOP_LIMIT, self, self.log_of(name)
        )
        self.check()
        del self._running[name]

    def kill_all(self):
        for process in self._running.values():
            if process.poll() is None:
                process.kill()
            process.wait()
        self._running.clear()


def wait_until(what, condition, limit, children, *logs):
    give_up = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        children.check()
        if time.monotonic() > give_up:
            raise DemoError(f"{what}: not within {limit} s", *logs)
        time.sleep(0.01)
