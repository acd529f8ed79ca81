"""Relay, sidecars, markers and party programs of one run: how each is started."""

import hashlib
import json
import os
import secrets
import sys
import urllib.parse

from launcher import write_atomically, write_channel_directory
from scenariolib import containers
from scenariolib.calls import call
from scenariolib.errors import ScenarioError
from scenariolib.ports import Ports
from scenariolib.processes import MARK

STATUS_LIMIT = 5  # seconds for a sidecar to say its status
START_LIMIT = 20  # seconds until a relay or a listener is there
PARTY_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "party_program.py")
# Seconds that a program waits longer than the watch: a stall is told with its reason, by the watch.
MORE_PATIENCE = 10
# A scenario wants to see soon what the sidecar does, and every Reject.
SIDECAR = {
    "HOTLINK_PROXY_TELEMETRY_MS": "200",
    "HOTLINK_PROXY_LOG_LEVEL": "debug",
    "HOTLINK_PROXY_LOG_FORMAT": "text",
}


def clean_environment(run, settings=None):
    """This process's variables without any that a program of ours would read."""
    ours = ("SYFTBOX_", "HOTLINK_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    kept = {k: v for k, v in kept.items() if k not in proxies(kept)}
    return {**kept, MARK: run, **(settings or {})}


def proxies(environment):
    return {k: v for k, v in environment.items() if k.lower().endswith("_proxy")}


def tokens_in(path):
    """Of a token file or a client's config.json."""
    try:
        with open(path, encoding="utf-8") as source:
            text = source.read()
    except OSError:
        return []
    try:
        config = json.loads(text)
    except ValueError:
        return [text.strip()]
    if not isinstance(config, dict):
        return [text.strip()]
    return [v for k, v in config.items() if k.endswith("_token") and isinstance(v, str)]


def secrets_in(environment):
    """What its variables say, or the files that they name."""
    found = []
    for key, value in environment.items():
        if key.endswith("_TOKEN"):
            found.append(value)
        elif key.endswith("_TOKEN_FILE") or key == "SYFTBOX_CONFIG_PATH":
            found += tokens_in(value)
        elif key.lower().endswith("_proxy"):
            found += filter(None, [urllib.parse.urlsplit(value).password])
    return found


class World:
    """`options`: what the command line says (scripts/scenario)."""

    def __init__(self, scenario, options, directory, processes, places):
        self.scenario, self.build, self.directory = scenario, options.build, directory
        self.processes, self.places = processes, places
        self.server = options.server  # of one that runs already, or the relay's once that listens
        self.direct = options.direct  # no sidecars at all
        self.patience = (scenario.stall_limit + MORE_PATIENCE) * options.scale
        self.ports = Ports()
        try:
            self._take_ports()
        except OSError as error:
            self.ports.close()
            raise ScenarioError(str(error), "preflight") from None
        self.tokens = {}
        # What leads to the relay of the run leads past proxies, but not what leads to a server.
        self._proxies = proxies(os.environ) if options.server else {}
        self._secrets = set()
        self.secrets()
        (directory / "secrets").mkdir(mode=0o700)

    def _take_ports(self):
        """The relay's, and one for each end of a link."""
        self._relay_port = self.ports.take()
        ends = [link.ends for link in self.scenario.links]
        ends += [(peer, name) for name, peer in ends]
        self._party_ports = {pair: self.ports.take() for pair in ends}

    # Names and places.

    def data_dir(self, name):
        return self.directory / "data" / name

    def datasite(self, name):
        return self.data_dir(name) / "datasites" / self.scenario.parties[name].email

    def telemetry_file(self, name):
        return self.datasite(name) / ".syftbox" / "hotlink_telemetry.json"

    def above(self, run):
        return f"shared/flows/scenario/{run}/_mpc"

    def port(self, name, peer):
        """On which party `name` reaches its peer."""
        return self._party_ports[name, peer]

    def peers_of(self, name):
        others = [link.ends for link in self.scenario.links if name in link.ends]
        return [a if b == name else b for a, b in others]

    # The relay.

    def start_relay(self, check):
        port_file = self.directory / "relay.port"
        command = [*self.places.relay, self.build / "hotlink-relay", "--port-file", port_file]
        address = f"{self.places.relay_address}:{self._relay_port}"
        command += ["--token-file", self._write_tokens(), "--listen", address]
        command += self.scenario.relay_options
        self.processes.start("relay", command, clean_environment(self.directory.name))
        self.processes.wait_for("the relay listens", port_file.exists, START_LIMIT, check)
        self.server = f"http://{address}"

    def _write_tokens(self):
        lines = []
        for name, party in self.scenario.parties.items():
            self.tokens[name] = secrets.token_urlsafe(24)
            write_atomically(self.directory / "secrets" / name, self.tokens[name] + "\n")
            digest = hashlib.sha256(self.tokens[name].encode()).hexdigest()
            lines.append(f"{party.email}: {digest}\n")
        path = self.directory / "secrets" / "relay"
        write_atomically(path, "".join(lines))
        return path

    # Sidecars and markers.

    def sidecar_environment(self, name):
        party, place = self.scenario.parties[name], self.places.party[name]
        settings = {
            **self._proxies,
            **SIDECAR,
            "SYFTBOX_EMAIL": party.email,
            "SYFTBOX_DATA_DIR": str(self.data_dir(name)),
            "SYFTBOX_SERVER_URL": self.server,
            "SYFTBOX_HOTLINK_TCP_PROXY_ADDR": place.proxy_address,
            "HOTLINK_PROXY_ALLOW_FROM": place.allow_from,
        }
        if name in self.tokens:
            settings["SYFTBOX_ACCESS_TOKEN_FILE"] = str(self.directory / "secrets" / name)
        return clean_environment(self.directory.name, {**settings, **party.environment})

    def sidecar_command(self, name, *words):
        return [*self.places.party[name].sidecar, self.build / "hotlink-proxy", *words]

    def start_sidecar(self, name):
        environment = self.sidecar_environment(name)
        self.processes.start(f"sidecar-{name}", self.sidecar_command(name), environment)

    def save_status(self, name):
        """What `hotlink-proxy status` says of a sidecar that runs, into the logs."""
        command = self.sidecar_command(name, "status", "--json")
        result = call(command, STATUS_LIMIT, self.sidecar_environment(name))
        if result is None:  # as of one that was stopped
            text = f"no status within {STATUS_LIMIT} s\n"
        else:
            text = result.stdout + result.stderr
        path = self.directory / "logs" / f"status-{name}.json"
        path.write_text(text, encoding="utf-8")

    def write_markers(self, name, run):
        """As the party's launcher does, for every link of it."""
        me = self.scenario.parties[name]
        for peer in map(self.scenario.parties.get, self.peers_of(name)):
            folder = self.datasite(name) / self.above(run) / f"{me.number}_to_{peer.number}"
            ports = {me.email: self.port(name, peer.name), peer.email: self.port(peer.name, name)}
            marker = {"port": ports[me.email], "ports": ports}
            write_channel_directory(folder, me.email, peer.email, marker)

    def write_stale_markers(self, name):
        for number in range(self.scenario.parties[name].stale):
            self.write_markers(name, f"old-{number}")

    # Party programs.

    def start_end(self, link, program, number, name):
        """One end of a link's program. Returns its process."""
        peer = link.ends[link.ends[0] == name]
        place = self.places.party[name]
        listens = self.direct and name == link.ends[0]
        port = self.port(link.ends[0], link.ends[1]) if self.direct else self.port(name, peer)
        command = self._command(program, name, name == link.ends[0], listens, place, port)
        process_name = f"party-{name}-with-{peer}-{number + 1}"
        environment = clean_environment(self.directory.name)
        return self.processes.start(process_name, [*place.party, *command], environment)

    def secrets(self):
        """Every token and password that is known here, also tokens as they were at the start."""
        given = [party.environment for party in self.scenario.parties.values()]
        self._secrets.update(self.tokens.values(), *map(secrets_in, [self._proxies, *given]))
        return self._secrets

    def _command(self, program, name, first, listens, place, port):
        if program.kind == "command":
            containers.note_command(self.directory)
            role = "listen" if listens else "connect"
            words = {"{address}": place.proxy_address, "{port}": str(port), "{role}": role}
            text = program.commands[name]
            for placeholder, value in words.items():
                text = text.replace(placeholder, value)
            return ["/bin/sh", "-c", text]
        out, back = (program.forth, program.back) if first else (program.back, program.forth)
        command = [sys.executable, "-B", PARTY_PROGRAM, "--patience", self.patience]
        command += ["--piece", program.piece, "--rounds", program.rounds]
        command += ["--send", out, "--receive", back]
        command += ["--first"] * first + ["--listen"] * listens
        return [*command, place.proxy_address, port]
