"""What the whole-process tests are written in: relays, sidecars, markers, ports, deadlines.

Everything a test starts belongs to its World, which ends it by process id and looks at exit codes
and logs. The programs are build/release/*, or what HOTLINK_PROXY_BIN and HOTLINK_RELAY_BIN name;
HOTLINK_E2E_SCALE multiplies every deadline (default: 1, and 4 for a sanitized build).
"""

import dataclasses
import itertools
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts"))
from scenariolib.ports import Ports  # noqa: E402

PROXY_BIN = os.environ.get("HOTLINK_PROXY_BIN", str(REPOSITORY / "build/release/hotlink-proxy"))
RELAY_BIN = os.environ.get("HOTLINK_RELAY_BIN", str(REPOSITORY / "build/release/hotlink-relay"))
# An address-sanitized program is slower and keeps freed memory for a while.
SANITIZED = os.path.exists(PROXY_BIN) and b"__asan_init" in pathlib.Path(PROXY_BIN).read_bytes()
SCALE = float(os.environ.get("HOTLINK_E2E_SCALE", "4" if SANITIZED else "1"))

MIB = 1 << 20
LOG_TAIL = 60  # lines shown of each log when a test fails
STOP_LIMIT = 15  # seconds for a process that was told to end
ABOVE = "shared/flows/test/_mpc"  # the directory above the channel directories
MEMORY_TROUBLE = re.compile(
    r"ERROR: (Address|Leak)Sanitizer|runtime error: |terminate called|Assertion .* failed"
)

# What a sidecar runs with unless a test says otherwise: the same limits, in milliseconds.
QUICK = {
    "HOTLINK_PROXY_DRAIN_MS": "3000",
    "HOTLINK_PROXY_RECONNECT_MAX_MS": "200",
    "HOTLINK_PROXY_OPEN_RETRY_MAX_MS": "500",
    "HOTLINK_PROXY_TELEMETRY_MS": "50",
    "HOTLINK_PROXY_LOG_LEVEL": "debug",
}


def wait_until(what, condition, deadline=10.0):
    """The first true value of condition(), or a failed test that says what did not happen."""
    give_up = time.monotonic() + deadline * SCALE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > give_up:
            raise AssertionError(f"{what}: not within {deadline * SCALE:g} s")
        time.sleep(0.002)


def listening_ports():
    """The TCP ports that some process of this machine listens on; nobody is connected to."""
    ports = set()
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = pathlib.Path(name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A":
                ports.add(int(fields[1].rsplit(":", 1)[1], 16))
    return ports


class Process:
    """A program that a test started. Its output goes to a log, appended over restarts."""

    def __init__(self, name, command, environment, log):
        self.name = name
        self.command = command
        self.environment = environment
        self.log = log
        self._process = None
        self.may_exit_with = {0}  # where the test does not look
        self._exit_code_seen = False  # the test has waited for the end and looked at it

    def start(self):
        assert not self.running(), f"{self.name} runs already"
        self._exit_code_seen = False
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process is not None and self._process.poll() is None

    def send_signal(self, number):
        self._process.send_signal(number)

    def wait(self, deadline=STOP_LIMIT):
        """Until it has ended by itself; the exit code, which is then the test's affair."""
        try:
            code = self._process.wait(deadline * SCALE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {deadline * SCALE:g} s") from None
        self._exit_code_seen = True
        return code

    def terminate(self, deadline=STOP_LIMIT):
        """SIGTERM; the exit code."""
        self.send_signal(signal.SIGTERM)
        return self.wait(deadline)

    def kill(self):
        """SIGKILL, as when the machine goes down."""
        self._process.kill()
        self._process.wait()
        self._process = None

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE).group(1)) / 1024

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def end(self):
        """Ends it if it still runs. Returns what is wrong with how it ended, or nothing."""
        problems = []
        if self._process is not None:
            expected = self.running() or not self._exit_code_seen
            try:
                code = self.terminate() if self.running() else self.wait()
                if expected and code not in self.may_exit_with:
                    problems.append(f"{self.name}: exit code {code}")
            except AssertionError as error:
                problems.append(str(error))
                self.kill()
        trouble = MEMORY_TROUBLE.search(self.log_text())
        if trouble:
            problems.append(f"{self.name}: its log says: {trouble.group(0)}")
        return problems


class Relay(Process):
    """REQUIRES: nothing else takes `port`. start() returns when it listens."""

    def __init__(self, port, directory, options, wrapper=()):
        self.port = port
        self.port_file = directory / "relay.port"
        self.scheme = "https" if "--tls-cert" in options else "http"
        command = [*wrapper, RELAY_BIN, "--listen", f"127.0.0.1:{port}"]
        command += ["--port-file", str(self.port_file)]
        command += options
        super().__init__("relay", command, clean_environment(), directory / "relay.log")

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def start(self):
        self.port_file.unlink(missing_ok=True)
        super().start()
        wait_until(
            "the relay writes its port file", lambda: self.port_file.exists() or not self.running()
        )
        assert self.running(), f"the relay ended at once:\n{self.log_text()}"
        return self


class Sidecar(Process):
    """One hotlink-proxy with its own identity and data directory."""

    def __init__(self, email, server, data_dir, environment, log, wrapper=()):
        self.email = email
        self.data_dir = data_dir
        self.port = None  # of the channel that World.pair() or World.channel() made last
        place = environment.get("HOTLINK_PROXY_ADMIN_SOCKET")
        self.admin_socket = pathlib.Path(place or data_dir / ".syftbox/hotlink-proxy.sock")
        settings = {
            "SYFTBOX_EMAIL": email,
            "SYFTBOX_DATA_DIR": str(data_dir),
            "SYFTBOX_SERVER_URL": server,
            **QUICK,
            **environment,
        }
        super().__init__(
            f"sidecar {email}", [*wrapper, PROXY_BIN], clean_environment(settings), log
        )

    @property
    def datasite(self):
        return self.data_dir / "datasites" / self.email

    def wait_listening(self, *ports, deadline=10.0):
        wanted = set(ports or [self.port])
        wait_until(
            f"{self.name} listens on {sorted(wanted)}",
            lambda: wanted <= listening_ports() or not self.running(),
            deadline,
        )
        assert self.running(), f"{self.name} ended:\n{self.log_text()}"
        return self

    def wait_not_listening(self, port, deadline=10.0):
        wait_until(
            f"{self.name} gives up port {port}", lambda: port not in listening_ports(), deadline
        )

    def telemetry(self):
        """The telemetry file's content; None while there is none."""
        try:
            return json.loads((self.datasite / ".syftbox/hotlink_telemetry.json").read_text())
        except FileNotFoundError:
            return None

    def channel(self, name=None):
        """What the telemetry says of a channel, the first with `name` in its path; or None."""
        for channel in (self.telemetry() or {}).get("channels", []):
            if name is None or name in channel["name"]:
                return channel
        return None

    def wait_link_error(self, *words, deadline=10.0):
        """Until the telemetry says that the relay link is down because of something with all the
        words in it; returns that."""

        def error():
            text = ((self.telemetry() or {}).get("link") or {}).get("error") or ""
            return text if all(word in text for word in words) else None

        try:
            return wait_until(f"{self.name}: link error with {words}", error, deadline)
        except AssertionError as failed:
            raise AssertionError(f"{failed}; telemetry: {self.telemetry()}") from None

    def wait_channel(self, what, condition, name=None, deadline=10.0):
        """Until condition(channel) is true of what the telemetry says."""
        try:
            wait_until(
                f"{self.name}: {what}",
                lambda: (channel := self.channel(name)) is not None and condition(channel),
                deadline,
            )
        except AssertionError as error:
            raise AssertionError(f"{error}; the channel: {self.channel(name)}") from None


def clean_environment(settings=None):
    """This process's variables without any that a program of ours would read, plus `settings`."""
    prefixes = ("SYFTBOX_", "HOTLINK_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(prefixes) and not name.lower().endswith("_proxy")
    }
    return {**kept, **(settings or {})}


def write_atomically(path, text):
    """As launchers do: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.rename(path)


def write_marker(sidecar, peer, own_port, *, directory="0_to_1", above=ABOVE, **fields):
    """A marker in the sidecar's own datasite, from it to `peer` (an e-mail), with the files that
    launchers put beside it. `fields` replace those of the marker's JSON. Returns its path."""
    folder = sidecar.datasite / above / directory
    access = f"{{admin: [], read: ['{peer}'], write: ['{peer}']}}"
    write_atomically(
        folder / "syft.pub.yaml", f'rules:\n  - pattern: "**"\n    access: {access}\n'
    )
    write_atomically(folder / "stream.accept", "1\n")
    marker = {
        "from": sidecar.email,
        "to": peer,
        "port": own_port,
        "ports": {sidecar.email: own_port, peer: 1024},
        **fields,
    }
    write_atomically(folder / "stream.tcp", json.dumps(marker) + "\n")
    return folder / "stream.tcp"


@dataclasses.dataclass
class DialMesh:
    """Parties that connect to each other through sidecars; an arrow is (who connects, to whom)."""

    sidecars: list
    listens: dict  # arrow -> the port that the party at its end is to listen on
    dials: dict  # arrow -> the port at which the party at its beginning connects


class World:
    """All that one test starts."""

    def __init__(self, directory):
        self.directory = directory
        self.ports = Ports()
        self.processes = []
        self.closers = []  # called before the processes are ended
        self.last_closers = []  # called after that: what the processes need to end well

    def relay(self, *options, start=True, wrapper=()):
        """A relay. Without options: everybody may read everything."""
        options = options or ("--allow-all-reads",)
        relay = Relay(self.ports.take(), self.directory, options, wrapper)
        self.processes.append(relay)
        return relay.start() if start else relay

    def sidecar(
        self, email, relay, *, name=None, data_dir=None, start=True, wrapper=(), **environment
    ):
        """`name`: of the data directory and the log; else that in the e-mail."""
        name = name or email.split("@")[0]
        data_dir = data_dir or self.directory / name
        data_dir.mkdir(parents=True, exist_ok=True)
        log = self.directory / f"sidecar-{name}.log"
        sidecar = Sidecar(email, relay.url, data_dir, environment, log, wrapper)
        self.processes.insert(0, sidecar)
        return sidecar.start() if start else sidecar

    def channel(self, a, b, *, form="own", above=ABOVE):
        """Markers of one channel at both ends. Returns the ports, also left in a.port and b.port.

        form "own": each party has its own outgoing directory, 0_to_1 and 1_to_0; "same": both
        are named 0_to_1 (protocol.md §4).
        """
        a.port, b.port = self.ports.take(), self.ports.take()
        ports = {a.email: a.port, b.email: b.port}
        write_marker(a, b.email, a.port, directory="0_to_1", above=above, ports=ports)
        if form == "own":
            write_marker(b, a.email, b.port, directory="1_to_0", above=above, ports=ports)
        else:
            fields = {"from": a.email, "to": b.email, "port": a.port, "ports": ports}
            write_marker(b, a.email, b.port, directory="0_to_1", above=above, **fields)
        return a.port, b.port

    def dial_channel(self, a, b, dial, *, above=ABOVE, numbers=(0, 1)):
        """Markers with `dial` (e-mail -> "address:port") of one channel at both ends, in the
        directories <number of a>_to_<number of b> and back. Each side whose peer dials gets a
        port, left in a.port and b.port (else None)."""
        for side, peer in ((a, b), (b, a)):
            side.port = self.ports.take() if peer.email in dial else None
        ports = {side.email: side.port for side in (a, b) if side.port}
        i, j = numbers
        for side, peer, directory in ((a, b, f"{i}_to_{j}"), (b, a, f"{j}_to_{i}")):
            write_marker(
                side, peer.email, 1024, directory=directory, above=above, ports=ports, dial=dial
            )

    def dial_mesh(self, parties, arrows=None, *, own_ports=False, **environment):
        """A relay, a sidecar per party and a channel per pair of them.

        `arrows` are the pairs (party that connects, party that listens); without it the one of
        lower number connects. A party listens on one port for all who connect to it, or with
        `own_ports` on one for each.
        """
        arrows = arrows or list(itertools.combinations(range(parties), 2))
        relay = self.relay()
        shared = [self.ports.take() for _ in range(parties)]
        listens = {(i, j): self.ports.take() if own_ports else shared[j] for i, j in arrows}
        sidecars = []
        for p in range(parties):
            allowed = {f"127.0.0.1:{port}" for (_, j), port in listens.items() if j == p}
            allow = {"HOTLINK_PROXY_DIAL_ALLOW": ",".join(allowed)} if allowed else {}
            sidecars.append(self.sidecar(f"p{p}@example.org", relay, **allow, **environment))
        dials = {}
        for i, j in itertools.combinations(range(parties), 2):
            here = [arrow for arrow in ((i, j), (j, i)) if arrow in listens]
            dial = {sidecars[arrow[1]].email: f"127.0.0.1:{listens[arrow]}" for arrow in here}
            self.dial_channel(sidecars[i], sidecars[j], dial, numbers=(i, j))
            dials.update({arrow: sidecars[arrow[0]].port for arrow in here})
        for (i, _), port in dials.items():
            sidecars[i].wait_listening(port)
        return DialMesh(sidecars, listens, dials)

    def dial_pair(self, *relay_options, **environment):
        """A relay and two sidecars: what connects at a.port is dialled at b, at the port that is
        returned too; nobody listens there yet."""
        relay = self.relay(*relay_options)
        port = self.ports.take()
        allow = {"HOTLINK_PROXY_DIAL_ALLOW": f"127.0.0.1:{port}"}
        a = self.sidecar("a@example.org", relay, **environment)
        b = self.sidecar("b@example.org", relay, **{**allow, **environment})
        self.dial_channel(a, b, {b.email: f"127.0.0.1:{port}"})
        a.wait_listening()
        return a, b, port

    def pair(self, *relay_options, form="own", **environment):
        """A relay, two sidecars and a channel between them that listens at both ends."""
        relay = self.relay(*relay_options)
        a = self.sidecar("a@example.org", relay, **environment)
        b = self.sidecar("b@example.org", relay, **environment)
        self.channel(a, b, form=form)
        a.wait_listening()
        b.wait_listening()
        return a, b

    @property
    def relay_process(self):
        return next(p for p in self.processes if isinstance(p, Relay))

    def close(self):
        """Ends all. Sidecars before relays, so that they can say good-bye. Returns problems."""
        for closer in self.closers:
            closer()
        problems = []
        for process in self.processes:
            problems += process.end()
        self.closers.clear()
        for closer in self.last_closers:
            closer()
        self.ports.close()
        return problems

    def log_tails(self):
        for process in self.processes:
            lines = process.log_text().splitlines()
            yield f"{process.name}: {shlex.join(process.command)}", "\n".join(lines[-LOG_TAIL:])
