"""What the sidecars say of themselves while a run goes on: rates, stalls, sessions, Rejects."""

import json
import re
import time

from scenariolib.errors import ScenarioError

RATE_EVERY = 1.0  # seconds between two lines of rates
REJECTED = re.compile(r"^.* sid=\S+ rejected: (.*)$", re.MULTILINE)
BAD_MARKER = re.compile(r"^.* marker=.* rejected: .*$", re.MULTILINE)
MIB = 1 << 20


class TelemetryFile:
    """Of one sidecar; parsed again only when it was written again."""

    def __init__(self, path):
        self._path, self._seen, self._content = path, None, {}

    def read(self):
        """{} while there is none. It is renamed into place, so never torn."""
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_mtime_ns)
            if seen != self._seen:
                self._content = json.loads(self._path.read_text(encoding="utf-8"))
                self._seen = seen
        except OSError:
            pass
        return self._content


class LogTail:
    """What was appended to a log since last time, in whole lines."""

    def __init__(self, path):
        self._path, self._offset = path, 0

    def lines(self):
        try:
            with open(self._path, "rb") as log:
                log.seek(self._offset)
                data = log.read()
        except OSError:
            return ""
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.decode(errors="replace")


class Directed:
    """A directed channel: how far it is, and since when."""

    def __init__(self, sender, receiver, now):
        self.name = f"{sender}>{receiver}"
        self.sender, self.receiver = sender, receiver
        self.sent = self.arrived = 0
        self.moved_at = now
        self.shown = 0  # `arrived` in the last line of rates


class Watch:
    def __init__(self, world, run, runs, say, stall_limit, rejects):
        self.world, self.run, self.runs, self._say = world, run, runs, say
        self._stall_limit, self._rejects = stall_limit, set(rejects)
        logs = world.directory / "logs"
        self._logs = {n: LogTail(logs / f"sidecar-{n}.log") for n in world.scenario.parties}
        self._telemetry = {n: TelemetryFile(world.telemetry_file(n)) for n in self._logs}
        now = time.monotonic()
        self.directed = {}
        for link_run in runs:
            a, b = link_run.link.ends
            self.directed[a, b] = Directed(a, b, now)
            self.directed[b, a] = Directed(b, a, now)
        self._rates_at = now
        self._told = 0  # bytes that arrived before a counter began again at 0
        self.rejects_seen = {}

    def channel(self, name, peer):
        """What the telemetry of party `name` says of its live channel with `peer`; or None."""
        email = self.world.scenario.parties[peer].email
        for channel in self._telemetry[name].read().get("channels", []):
            if channel["peer"] == email and self.world.above(self.run) in channel["name"]:
                return channel
        return None

    def arrived(self):
        """Bytes given to parties so far, on all channels."""
        return sum(directed.arrived for directed in self.directed.values()) + self._told

    def step(self):
        """Raises ScenarioError with the line that shows what is wrong."""
        self.check_logs()
        if not self.world.direct:
            self._check_peers()
            self._update()
            if time.monotonic() > self._rates_at + RATE_EVERY:
                self.show_rates()
            self._check_stalls()

    def check_logs(self):
        for name, tail in self._logs.items():
            lines = tail.lines()
            if bad := BAD_MARKER.search(lines):
                raise ScenarioError(f"sidecar {name}: {bad[0]}", "preflight")
            for match in REJECTED.finditer(lines):
                self.rejects_seen[match[1]] = self.rejects_seen.get(match[1], 0) + 1
                if match[1] not in self._rejects:
                    raise ScenarioError(f"sidecar {name}: {match[0]}", "no Reject")

    def _check_peers(self):
        for name, party in self.world.scenario.parties.items():
            live = self._telemetry[name].read().get("live", {})
            for session in live.get("sessions_in", []) + live.get("sessions_out", []):
                if session["peer"].lower() == party.email:
                    text = f"sidecar {name} has a session with itself: {json.dumps(session)}"
                    raise ScenarioError(text, "no session with oneself")

    def _update(self):
        now = time.monotonic()
        for (sender, receiver), directed in self.directed.items():
            ours, theirs = self.channel(sender, receiver), self.channel(receiver, sender)
            sent = ours["tx_bytes"] if ours else 0
            arrived = theirs["rx_bytes"] if theirs else 0
            if (sent, arrived) == (directed.sent, directed.arrived):
                continue
            if arrived < directed.arrived:  # a new sidecar counts from 0
                self._told += directed.arrived
                directed.shown = 0
            directed.sent, directed.arrived, directed.moved_at = sent, arrived, now

    def show_rates(self):
        """Since it was last called."""
        now = time.monotonic()
        passed = now - self._rates_at
        self._rates_at = now
        words = []
        for directed in self.directed.values():
            rate = (directed.arrived - directed.shown) / passed / MIB
            directed.shown = directed.arrived
            words.append(f"{directed.name} {rate:.1f}")
        self._say(f"MiB/s: {'  '.join(words)}   {self.arrived() / MIB:,.1f} MiB in all")

    def _check_stalls(self):
        """A link whose programs both run has to move in one of its directions."""
        now = time.monotonic()
        for link_run in self.runs:
            a, b = link_run.link.ends
            directions = (self.directed[a, b], self.directed[b, a])
            if not link_run.both_run():
                for directed in directions:
                    directed.moved_at = now
            still = now - max(directed.moved_at for directed in directions)
            if still > self._stall_limit:
                raise ScenarioError(self._stall_text(a, b, still), "counters move")

    def _stall_text(self, a, b, still):
        ab, ba = self.directed[a, b], self.directed[b, a]
        text = f"{a}-{b} stands still for {still:.1f} s at {ab.arrived:,} B of {ab.name} and"
        text += f" {ba.arrived:,} B of {ba.name}"
        for name, peer in ((a, b), (b, a)):
            channel = self.channel(name, peer)
            why = f'"{channel["reason"]}" {channel["detail"]}'.strip() if channel else "nothing"
            text += f"; sidecar {name} says {why}"
        return text
