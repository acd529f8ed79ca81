"""Faults of a scenario: each is done once, when its time or its number of bytes has come."""

import signal
import time

from scenariolib.errors import ScenarioError
from scenariolib.processes import STOP_LIMIT

SIGNALS = {
    "kill": signal.SIGKILL,
    "terminate": signal.SIGTERM,
    "stop": signal.SIGSTOP,
    "continue": signal.SIGCONT,
}


class Faults:
    def __init__(self, faults, processes, say, arrived):
        self._waiting = list(faults)
        self._back = []  # (when, process): to be started again
        self._processes, self._say, self._arrived = processes, say, arrived
        self._started = time.monotonic()
        self.killed = set()  # names of processes that were killed or ended

    def pending(self):
        return [str(fault) for fault in self._waiting]

    def busy(self):
        return bool(self._back)

    def step(self):
        now = time.monotonic()
        for fault in [f for f in self._waiting if self._due(f, now)]:
            self._waiting.remove(fault)
            self._say(f"fault: {fault}")
            for process in self._targets(fault.target):
                self._do(fault, process, now)
        for item in [item for item in self._back if now >= item[0]]:
            self._back.remove(item)
            item[1].start()
            self._say(f"{item[1].name} started again")

    def _due(self, fault, now):
        if fault.at is not None:
            return now >= self._started + fault.at
        return self._arrived() >= fault.after

    def _targets(self, target):
        kind, _, name = target.partition(" ")
        if kind == "party":  # whatever it runs at the moment
            begin = f"party-{name}-with-"
            everything = self._processes.by_name.items()
            return [p for n, p in everything if n.startswith(begin) and p.running()]
        name = "relay" if kind == "relay" else f"sidecar-{name}"
        if name not in self._processes.by_name:
            raise ScenarioError(f"a fault for {name}, which was not started yet", "faults done")
        return [self._processes.by_name[name]]

    def _do(self, fault, process, now):
        if fault.do == "start":
            if not process.running():
                process.start()
            return
        name = "kill" if fault.do == "restart" else fault.do
        if name in ("kill", "terminate"):
            process.killed = True
            self.killed.add(process.name)
            process.send_signal(SIGNALS[name])
            if process.wait() is None:
                text = f"{process.name} still runs {STOP_LIMIT} s after {name}"
                raise ScenarioError(text, "nothing outlives the run")
            self._processes.note_exit(process)
        else:
            process.send_signal(SIGNALS[name])
        if fault.do == "restart":
            self._back.append((now + fault.down, process))
