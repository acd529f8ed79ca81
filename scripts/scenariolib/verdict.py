"""The checks of a run and how each came out."""

CHECKS = (
    "preflight",
    "programs end",
    "sent = received",
    "telemetry = programs",
    "counters move",
    "no session with oneself",
    "no Reject",
    "faults done",
    "sidecars end well",
    "nothing outlives the run",
)
NOT_REACHED = "not reached"


class Verdict:
    def __init__(self):
        self._rows = {name: (NOT_REACHED, "") for name in CHECKS}
        self.failure = None  # the line that shows the first one

    def good(self, name, remark=""):
        if self._rows[name][0] == NOT_REACHED:
            self._rows[name] = ("ok", remark)

    def skipped(self, name, why):
        self._rows[name] = ("skipped", why)

    def bad(self, name, text):
        """Only the first is the failure; others are shown."""
        if name not in self._rows:
            self._rows[name] = (NOT_REACHED, "")
        self._rows[name] = ("FAILED", text)
        self.failure = self.failure or text

    def table(self):
        width = max(map(len, self._rows))
        lines = [f"{n:{width}}  {state:11}  {text}" for n, (state, text) in self._rows.items()]
        return "\n".join(line.rstrip() for line in lines)
