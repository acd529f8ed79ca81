"""Every check of a scenario is red when it has to be, and its line says what was seen: by what
sidecars and programs are recorded to say, and in runs where they are made to say it."""

import json
import re
import types

import pytest

from harness import PROXY_BIN, RELAY_BIN
from scenario_runs import TWO
from scenariolib.errors import ScenarioError
from scenariolib.linkrun import LinkRun
from scenariolib.model import Link, load
from scenariolib.watch import Watch
from wire_tap import OUT, WireTap, wire

RUN = "run-recorded"
CHANNEL = f"shared/flows/scenario/{RUN}/_mpc/0_to_1"
# As a sidecar logs them at debug.
LOG = f"2026-01-01T00:00:00.000Z debug channel={CHANNEL} peer=b@scenario.example sid=hl1.ad82"
DENIED = f"{LOG} rejected: permission denied\n"
CROSSED = f"{LOG} is over: unknown session\n"
QUIET = TWO + "links: [{between: [a, b], programs: [{kind: transfer, forth: 1 MiB}]}]\n"


class RecordedWorld:
    """What Watch takes for the run's world: files that a test writes."""

    direct = False

    def __init__(self, directory, scenario):
        self.directory, self.scenario = directory, scenario
        (directory / "logs").mkdir()

    def above(self, run):
        return f"shared/flows/scenario/{run}/_mpc"

    def telemetry_file(self, name):
        return self.directory / f"telemetry-{name}.json"

    def write_telemetry(self, name, sent=0, received=0, **live):
        peer = {"a": "b", "b": "a"}[name]
        channel = {"peer": f"{peer}@scenario.example", "name": CHANNEL}
        channel.update(tx_bytes=sent, rx_bytes=received, reason="local party is silent", detail="")
        report = {"channels": [channel], "live": live}
        written = self.directory / "written"
        written.write_text(json.dumps(report))
        written.rename(self.telemetry_file(name))

    def log(self, name, text):
        with open(self.directory / f"logs/sidecar-{name}.log", "a", encoding="utf-8") as log:
            log.write(text)


@pytest.fixture
def scenario(tmp_path):
    (tmp_path / "quiet.yaml").write_text(QUIET)
    return load(tmp_path / "quiet.yaml")


@pytest.fixture
def recorded(tmp_path, scenario):
    return RecordedWorld(tmp_path, scenario)


def watch(world, *, both_run=False, stall_limit=60, rejects=()):
    run = types.SimpleNamespace(link=Link(("a", "b"), []), both_run=lambda: both_run)
    return Watch(world, RUN, [run], lambda text: None, stall_limit, rejects)


@pytest.fixture
def clock(monkeypatch):
    """Of the watch: stands still unless a test moves it."""
    clock = types.SimpleNamespace(now=1000.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr("scenariolib.watch.time", clock)
    return clock


def fails(step, where, words):
    with pytest.raises(ScenarioError, match=re.escape(words)) as raised:
        step()
    assert raised.value.where == where
    return str(raised.value)


# What the sidecars say.


@pytest.mark.parametrize("list_of_sessions", ["sessions_in", "sessions_out"])
@pytest.mark.parametrize("peer", ["a@scenario.example", "A@Scenario.Example"])
def test_a_session_whose_peer_is_oneself(recorded, list_of_sessions, peer):
    with_b = {"sid": "hl1.ad82", "peer": "b@scenario.example"}
    with_itself = {"sid": "hl1.ad83", "peer": peer}
    watched = watch(recorded)
    recorded.write_telemetry("a", sessions_in=[with_b], sessions_out=[with_b])
    watched.step()
    recorded.write_telemetry("a", **{list_of_sessions: [with_b, with_itself]})
    text = fails(watched.step, "no session with oneself", "sidecar a has a session with itself")
    assert json.dumps(with_itself) in text


def test_rejects_but_not_the_end_of_a_session_that_crossed_an_accept(recorded):
    watched = watch(recorded)
    recorded.log("b", CROSSED + DENIED[:-1])
    watched.step()  # the last line is not whole yet
    recorded.log("b", "\n")
    fails(watched.step, "no Reject", f"sidecar b: {DENIED.strip()}")


def test_rejects_that_a_scenario_allows_are_counted(recorded):
    watched = watch(recorded, rejects=["permission denied"])
    recorded.log("a", DENIED)
    recorded.log("b", DENIED + CROSSED)
    watched.step()
    assert watched.rejects_seen == {"permission denied": 2}
    recorded.log("a", DENIED.replace("permission denied", "no such channel"))
    fails(watched.step, "no Reject", "no such channel")


def test_a_running_link_that_stands_still(recorded, clock):
    watched = watch(recorded, both_run=True, stall_limit=10)
    recorded.write_telemetry("a", sent=700)
    watched.step()
    clock.now += 9
    recorded.write_telemetry("b", received=600)
    watched.step()  # one direction moves
    clock.now += 9
    watched.step()
    clock.now += 2
    text = fails(watched.step, "counters move", "a-b stands still for 11.0 s")
    assert "at 600 B of a>b and 0 B of b>a" in text
    assert 'sidecar a says "local party is silent"; sidecar b says "local party is' in text


def test_a_link_whose_programs_do_not_both_run_may_stand_still(recorded, clock):
    watched = watch(recorded, both_run=False, stall_limit=10)
    for _ in range(5):
        clock.now += 9
        watched.step()


# What the programs say.


class EndedProgram:
    """Of one end: it has written its report and ended."""

    exit_code, killed = 0, False

    def __init__(self, directory, name, **report):
        self.name = f"party-{name}"
        self.out = directory / f"{name}.out"
        digests = {"sent_sha256": "s", "received_sha256": "s"}
        self.out.write_text(json.dumps({"seconds": 1, **digests, **report}) + "\n")

    def running(self):
        return False


def link_run(directory, scenario, a, b):
    """Of the scenario's only link, both ends of which have ended with these reports."""
    ended = {"a": EndedProgram(directory, "a", **a), "b": EndedProgram(directory, "b", **b)}
    processes = types.SimpleNamespace(note_exit=lambda process: None)
    world = types.SimpleNamespace(
        direct=False, processes=processes, start_end=lambda link, program, number, name: ended[name]
    )
    return LinkRun(scenario.links[0], world, lambda text: None)


@pytest.mark.parametrize(
    "a, b, words",
    [
        ({"sent": 9000, "received": 0}, {"sent": 0, "received": 8999},
         "a sent 9,000 B to b, which received 8,999 B"),
        ({"sent": 9000, "received": 1}, {"sent": 0, "received": 9000},
         "b sent 0 B to a, which received 1 B"),
        ({"sent": 5, "received": 5}, {"sent": 5, "received": 5, "received_sha256": "t"},
         "what b received is not what a sent (SHA-256)"),
    ],
)
def test_sent_is_not_received(tmp_path, scenario, a, b, words):
    run = link_run(tmp_path, scenario, a, b)
    fails(lambda: run.step(0, 1), "sent = received", words)


def test_sent_is_received(tmp_path, scenario):
    run = link_run(tmp_path, scenario, {"sent": 5, "received": 6}, {"sent": 6, "received": 5})
    run.step(0, 1)
    assert run.done and (run.sent, run.received) == ({"a": 5, "b": 6}, {"a": 6, "b": 5})


# Whole runs with a fault that a sidecar or relay does not have by itself.


SIDECAR_WITH_TELEMETRY_OF_OURS = """#!/bin/sh
# A sidecar is started without arguments. Its telemetry file is taken away from it.
[ $# -gt 0 ] || {python} -c '
import json, os, time
place = os.environ["SYFTBOX_DATA_DIR"] + "/datasites/" + os.environ["SYFTBOX_EMAIL"] + "/.syftbox"
path = place + "/hotlink_telemetry.json"
def report():
    return json.load(open(path)) if os.path.exists(path) else {{"channels": []}}
while not any(c["port"] for c in report()["channels"]):
    time.sleep(0.01)
while True:
    try:
        os.mkdir(path + ".tmp")  # the sidecar writes no more
        break
    except FileExistsError:
        pass
report = report()
{change}
open(path + ".ours", "w").write(json.dumps(report))
os.rename(path + ".ours", path)
' &
exec {proxy} "$@"
"""
ITSELF = 'peer = os.environ["SYFTBOX_EMAIL"]\n'
ITSELF += 'report["live"]["sessions_in"].append({"sid": "hl1.0", "peer": peer})'


def doctored(tmp_path, change):
    """A build directory whose sidecars tell at their start's end what `change` makes of it, and
    nothing new from then on."""
    build = tmp_path / "build"
    build.mkdir()
    (build / "hotlink-relay").symlink_to(RELAY_BIN)
    script = SIDECAR_WITH_TELEMETRY_OF_OURS.format(
        python="/usr/bin/python3", proxy=PROXY_BIN, change=change
    )
    (build / "hotlink-proxy").write_text(script)
    (build / "hotlink-proxy").chmod(0o755)
    return build


@pytest.mark.parametrize(
    "change, check, line",
    [
        (ITSELF, "no session with oneself", r"sidecar [ab] has a session with itself: {.*hl1\.0"),
        ("", "telemetry = programs",
         r"a with b: sent, received \(1048576, 0\), its sidecar says \(0, 0\)"),
    ],
)
def test_a_run_ends_when_the_sidecars_say_what_is_not(tmp_path, scenarios, change, check, line):
    build = doctored(tmp_path, change)
    result = scenarios.run(scenarios.file(QUIET), "--build", build)
    assert result.code == 1, result.text
    assert result.verdict(check) == "FAILED", result.text
    assert re.search(rf"tried: FAILED: {line}", result.text), result.text
    assert re.search(line, result.files["verdict.txt"])
    scenarios.nothing_is_left()


def test_a_run_ends_when_other_bytes_come_than_were_sent(world, scenarios):
    tap = WireTap(world.relay(), world.ports.take())
    world.last_closers.append(tap.close)
    altered = []

    def alter(direction, kind, frame):
        if altered or direction != OUT or kind != wire.DATA or len(frame) < 10000:
            return frame
        altered.append(kind)
        return frame[:-1] + bytes([frame[-1] ^ 1])

    tap.alter = alter
    result = scenarios.run(scenarios.file(QUIET), "--server", tap.url)
    assert altered
    assert result.code == 1, result.text
    assert result.verdict("sent = received") == "FAILED"
    assert "tried: FAILED: what b received is not what a sent (SHA-256)" in result.text
    scenarios.nothing_is_left()
