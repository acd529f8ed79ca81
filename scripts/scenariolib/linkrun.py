"""A link's programs, one after the other: both ends started, waited for, compared."""

import json
import time

from scenariolib.errors import ScenarioError
from scenariolib.party_program import EXIT_BROKEN, EXIT_STALLED

LAST_LIMIT = 15  # seconds that an end may outlive the other end of its connection


class End:
    """One party's process of a program."""

    def __init__(self, name, delay, started_at):
        self.name = name
        self.due = started_at + delay
        self.process = None
        self.ended_at = None

    def report(self):
        """What the program says in its last line; {} if that is nothing of ours."""
        lines = self.process.out.read_text(errors="replace").splitlines()
        try:
            report = json.loads(lines[-1])
        except (IndexError, ValueError):
            return {}
        return report if isinstance(report, dict) else {}


class LinkRun:
    def __init__(self, link, world, say):
        self.link, self.world, self._say = link, world, say
        self.ends = []
        self.number = -1  # of the program that runs
        self.sent = {name: 0 for name in link.ends}  # by programs that ended, as they say
        self.received = {name: 0 for name in link.ends}
        self.comparable = True  # no connection broke and every program told its counts

    @property
    def done(self):
        return self.number >= len(self.link.programs)

    @property
    def program(self):
        return self.link.programs[self.number]

    def both_run(self):
        return bool(self.ends) and all(end.process and end.process.running() for end in self.ends)

    def living(self):
        return [e.process.name for e in self.ends if e.process and e.process.running()]

    def step(self, now, scale):
        """Starts what is due, looks at what ended. Raises ScenarioError."""
        if self.done:
            return
        if not self.ends:
            self._begin(now)
        for end in self.ends:
            if end.process is None and now >= end.due:
                end.process = self.world.start_end(self.link, self.program, self.number, end.name)
            if end.process and not end.process.running() and end.ended_at is None:
                end.ended_at = now
                self.world.processes.note_exit(end.process)
                self._check_exit(end)
        ended = [end for end in self.ends if end.ended_at is not None]
        if len(ended) == 2:
            self._compare()
            self._begin(now)
        elif ended and now > ended[0].ended_at + LAST_LIMIT * scale:
            names = ", ".join(self.living()) or "the other end"
            text = f"{ended[0].process.name} ended {LAST_LIMIT * scale:g} s ago, {names} did not"
            raise ScenarioError(text, "programs end")

    def _begin(self, now):
        self.number += 1
        self.ends = []
        if self.done:
            return
        delay = self.program.delay
        self.ends = [End(name, delay[name], now) for name in self.link.ends]

    def _expected(self):
        return "ok" if self.world.direct else self.program.expect  # nothing is broken there

    def _check_exit(self, end):
        code, expected = end.process.exit_code, self._expected()
        if code == 0 and expected == "ok":
            return
        if expected == "broken" and (code == EXIT_BROKEN or end.process.killed):
            return
        error = end.report().get("error") or "its log says more"
        where = "counters move" if code == EXIT_STALLED else "programs end"
        wanted = "0" if expected == "ok" else f"{EXIT_BROKEN}, a broken connection"
        text = f"{end.process.name}: exit code {code}, expected {wanted}: {error}"
        raise ScenarioError(text, where)

    def _compare(self):
        reports = {end.name: end.report() for end in self.ends}
        whole = self._expected() == "ok" and self.program.kind != "command"
        if not whole:
            self.comparable = False
            return
        first, second = self.link.ends
        for sender, receiver in ((first, second), (second, first)):
            out, back = reports[sender], reports[receiver]
            self.sent[sender] += out["sent"]
            self.received[receiver] += back["received"]
            if out["sent"] != back["received"]:
                text = f"{sender} sent {out['sent']:,} B to {receiver}, which received"
                raise ScenarioError(f"{text} {back['received']:,} B", "sent = received")
            if out["sent_sha256"] != back["received_sha256"]:
                text = f"what {receiver} received is not what {sender} sent (SHA-256)"
                raise ScenarioError(text, "sent = received")
        seconds = max(report["seconds"] for report in reports.values())
        name = f"{self.link.name}: {self.program.kind} {self.number + 1}"
        self._say(f"{name} done in {seconds:.2f} s")


def step_all(runs, scale):
    now = time.monotonic()
    for run in runs:
        run.step(now, scale)
