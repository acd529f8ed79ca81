"""What a scenario file says (docs/scenarios.md), checked."""

import dataclasses
import re

from scenariolib.fields import read_yaml

TOPOLOGIES = ("local", "nat", "bridge")
KINDS = ("transfer", "ping-pong", "command")
FAULTS = ("restart", "kill", "terminate", "start", "stop", "continue")
OUTCOMES = ("ok", "broken")
NAME = re.compile(r"^[a-z][a-z0-9-]{0,20}$")
EMAIL = re.compile(r"^[^@\s/]+@[^@\s/]+\.[^@\s/]+$")
# Of a sidecar: the runner sets them, and reads what comes of them.
RUNNERS_OWN = (
    "SYFTBOX_EMAIL",
    "SYFTBOX_DATA_DIR",
    "SYFTBOX_SERVER_URL",
    "HOTLINK_PROXY_LOG_FORMAT",
    "HOTLINK_PROXY_LOG_LEVEL",
    "HOTLINK_PROXY_TELEMETRY_MS",
)
PARTIES_MAX = 16  # with a sidecar and a program per link each: as many as one machine is good for


@dataclasses.dataclass
class Party:
    name: str
    number: int
    email: str
    environment: dict  # of its sidecar
    starts: float  # seconds after the others' sidecars
    stale: int  # markers of old runs per peer, on the ports of this one


@dataclasses.dataclass
class Program:
    """What both ends of a link run, at the same time, over one connection."""

    kind: str
    forth: int  # bytes from the first party of the link to the second
    back: int
    piece: int  # bytes a write
    rounds: int
    delay: dict  # party -> seconds that its end begins later
    expect: str
    commands: dict  # party -> command, of kind command


@dataclasses.dataclass
class Link:
    ends: tuple  # names of two parties, in the order of their numbers
    programs: list

    @property
    def name(self):
        return "-".join(self.ends)


@dataclasses.dataclass
class Fault:
    do: str
    target: str  # "relay", "sidecar X" or "party X"
    at: float  # seconds after the programs began, or None
    after: int  # bytes that arrived on all links together, or None
    down: float  # seconds between the two halves of a restart

    def __str__(self):
        when = f"after {self.after:,} B" if self.at is None else f"at {self.at:g} s"
        return f"{self.do} {self.target} {when}"


@dataclasses.dataclass
class Scenario:
    name: str
    description: str
    topology: str
    relay_options: list
    parties: dict
    links: list
    faults: list
    run_limit: float
    stall_limit: float
    rejects: list  # reasons of Rejects that may come


def load(path):
    fields = read_yaml(path)
    name = path.name.removesuffix(".yaml")
    if fields.text("name", name) != name:
        fields.fail(f"`name` has to be the file's, `{name}`")
    relay = fields.mapping("relay", "`relay`")
    limits = fields.mapping("limits", "`limits`")
    allow = fields.mapping("allow", "`allow`")
    parties = _parties(fields.mapping("parties", "`parties`", required=True))
    scenario = Scenario(
        name=name,
        description=fields.text("description", required=True),
        topology=fields.text("topology", "local", TOPOLOGIES),
        relay_options=relay.texts("options"),
        parties=parties,
        links=[_link(f, parties) for f in fields.sequence("links", "a link", required=True)],
        faults=[_fault(f, parties) for f in fields.sequence("faults", "a fault")],
        run_limit=limits.duration("run", 60),
        stall_limit=limits.duration("stall", 15),
        rejects=allow.texts("rejects"),
    )
    for part in (fields, relay, limits, allow):
        part.done()
    if not scenario.links:
        fields.fail("`links` is empty", fields.node_of("links"))
    _links_are_different(fields, scenario.links)
    return scenario


def _links_are_different(fields, links):
    seen = set()
    for number, link in enumerate(links):
        if link.ends in seen:
            node = fields.node_of("links").value[number]
            fields.fail(f"two links between {' and '.join(link.ends)}", node)
        seen.add(link.ends)


def _parties(fields):
    if not 2 <= len(fields.keys()) <= PARTIES_MAX:
        fields.fail(f"`parties` has to name from 2 to {PARTIES_MAX}")
    parties = {name: _party(fields, name, number) for number, name in enumerate(fields.keys())}
    owners = {}
    for party in parties.values():
        owner = owners.setdefault(party.email, party.name)
        if owner != party.name:
            fields.fail(f"{party.email} is {owner}'s e-mail too", fields.node_of(party.name))
    return parties


def _party(parties, name, number):
    fields = parties.mapping(name, f"party {name}")
    if not NAME.match(name):
        fields.fail(f"a party's name has small letters, digits and '-', not `{name}`")
    environment = fields.mapping("environment", f"`environment` of {name}")
    for key in set(environment.keys()) & set(RUNNERS_OWN):
        environment.fail(f"{key} is the runner's to set", environment.node_of(key))
    email = fields.text("email", f"{name}@scenario.example")
    if not EMAIL.match(email):
        fields.fail(f"`{email}` is no e-mail address", fields.node_of("email"))
    party = Party(
        name=name,
        number=number,
        email=email.lower(),
        environment={key: environment.text(key) for key in environment.keys()},
        starts=fields.duration("starts", 0),
        stale=fields.integer("stale", 0),
    )
    fields.done()
    return party


def _link(fields, parties):
    between = fields.texts("between")
    if len(between) != 2 or between[0] == between[1]:
        fields.fail("`between` has to name two different parties, as [a, b]")
    for name in between:
        _known(fields, name, parties)
    ends = tuple(sorted(between, key=lambda name: parties[name].number))
    if list(ends) != between:
        fields.fail(f"`between` has to be [{', '.join(ends)}], in the order of `parties`")
    programs = fields.sequence("programs", "a program", required=True)
    link = Link(ends, [_program(program, ends) for program in programs])
    if not link.programs:
        fields.fail("a link needs at least one program")
    fields.done()
    return link


def _known(fields, name, parties):
    if name not in parties:
        fields.fail(f"there is no party `{name}`; there are {', '.join(parties)}")


def _program(fields, ends):
    kind = fields.text("kind", required=True, choices=KINDS)
    messages = fields.integer("messages", 1, least=1) if kind == "transfer" else 1
    delay = fields.mapping("delay", "`delay`")
    commands = fields.mapping("commands", "`commands`", required=kind == "command")
    program = Program(
        kind=kind,
        forth=messages * fields.size("forth", 0) if kind == "transfer" else 0,
        back=messages * fields.size("back", 0) if kind == "transfer" else 0,
        piece=fields.size("size", 64) if kind == "ping-pong" else fields.size("piece", 1 << 18),
        rounds=fields.integer("rounds", 1000, least=1) if kind == "ping-pong" else 0,
        delay={name: delay.duration(name, 0) for name in ends},
        expect=fields.text("expect", "ok", OUTCOMES),
        commands={n: commands.text(n, required=kind == "command") for n in ends},
    )
    if kind == "transfer" and program.forth + program.back == 0:
        fields.fail("a transfer needs `forth` or `back`, in bytes")
    if program.piece == 0:
        fields.fail("a write of 0 bytes sends nothing")
    for part in (fields, delay, commands):
        part.done()
    return program


def _fault(fields, parties):
    fault = Fault(
        do=fields.text("do", required=True, choices=FAULTS),
        target=fields.text("target", required=True),
        at=fields.duration("at"),
        after=fields.size("after"),
        down=fields.duration("down", 0),
    )
    if (fault.at is None) == (fault.after is None):
        fields.fail("a fault needs one of `at` (a time) and `after` (bytes)")
    kind, _, name = fault.target.partition(" ")
    if fault.target != "relay":
        if kind not in ("sidecar", "party"):
            fields.fail(f"`target` is `{fault.target}`; it takes relay, sidecar NAME, party NAME")
        _known(fields, name, parties)
    if kind == "party" and fault.do in ("start", "restart"):
        fields.fail("a party takes kill, terminate, stop, continue: its link starts its programs")
    fields.done()
    return fault
