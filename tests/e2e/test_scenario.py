"""scripts/scenario as a user runs it: verdicts, bundles, what it says of bad files, leftovers."""

import json
import os
import re
import signal
import socket

import pytest

from harness import REPOSITORY, SCALE
from scenario_runs import ENDLESS, RUN_LIMIT, TWO, commands
from scenariolib import namespaces
from scenariolib.errors import ScenarioError
from scenariolib.leftovers import namespace_prefix
from scenariolib.places import Places


def test_smoke(scenarios):
    result = scenarios.run("smoke")
    assert result.code == 0, result.text
    assert "MiB/s: a>b" in result.text
    for check in ("preflight", "programs end", "sent = received", "telemetry = programs"):
        assert result.verdict(check) == "ok"
    expected = {"verdict.txt", "story.txt", "scenario.yaml", "exit_codes.json", "versions.txt"}
    expected |= {"logs/relay.log", "logs/sidecar-a.out", "logs/party-a-with-b-1.out"}
    assert expected <= set(result.files)
    kinds = {name.rsplit("/", 1)[-1] for name in result.files}
    assert {"stream.tcp", "syft.pub.yaml", "hotlink_telemetry.json"} <= kinds
    assert "hotlink-proxy 0" in result.files["versions.txt"]
    assert json.loads(result.files["logs/status-a.json"])["channels"]
    assert '"exit_code": 0' in result.files["exit_codes.json"]
    assert not any("secret" in name for name in result.files)
    scenarios.nothing_is_left()


ON_LOOPBACK = ["late-party", "relay-restart", "sidecar-crash", "stale-markers"]
IN_NAMESPACES = ["distributed", "host-sidecar"]
BURSTS, BURSTS_HERE = "messages: 750", "messages: 12"


def shipped(name):
    return (REPOSITORY / f"scenarios/{name}.yaml").read_text(encoding="utf-8")


def test_no_shipped_scenario_is_left_out():
    names = {path.stem for path in (REPOSITORY / "scenarios").iterdir()}
    assert names == {"smoke", "burst-3party", *ON_LOOPBACK, *IN_NAMESPACES}


@pytest.mark.parametrize("name", ON_LOOPBACK)
def test_shipped(scenarios, name):
    result = scenarios.run(name)
    assert result.code == 0, result.text
    scenarios.nothing_is_left()


@pytest.mark.parametrize("name", IN_NAMESPACES)
def test_shipped_in_namespaces(scenarios, nat, name):
    result = scenarios.run(name)
    assert result.code == 0, result.text
    run = re.search(r"run-[0-9a-f]{8}", result.text)[0]
    assert namespaces.delete(namespace_prefix(run)) == []
    scenarios.nothing_is_left()


@pytest.mark.parametrize("direct", [[], ["--direct"]])
def test_burst_of_fewer_messages(scenarios, direct):
    text = shipped("burst-3party")
    assert text.count(BURSTS) == 3
    result = scenarios.run(scenarios.file(text.replace(BURSTS, BURSTS_HERE)), *direct)
    assert result.code == 0, result.text
    assert f"{3 * 12 * 1677722:,} B, SHA-256 too" in result.text
    scenarios.nothing_is_left()


@pytest.mark.parametrize("name", ["smoke", *ON_LOOPBACK, *IN_NAMESPACES])
def test_direct(scenarios, name):
    result = scenarios.run(name, "--direct")
    assert result.code == 0, result.text
    assert not any("sidecar" in name or "relay" in name for name in result.files)
    scenarios.nothing_is_left()


def test_a_stall_is_told_with_reasons_stacks_and_logs(scenarios):
    text = ENDLESS + "faults: [{do: stop, target: party b, after: 2 MiB}]\nlimits: {stall: 2 s}\n"
    result = scenarios.run(scenarios.file(text))
    assert result.code == 1
    assert result.verdict("counters move") == "FAILED"
    assert "a-b stands still for" in result.text
    assert 'sidecar a says "window full: peer\'s party is not reading"' in result.text
    assert 'sidecar b says "local party is not reading"' in result.text
    for party in ("party-a-with-b-1", "party-b-with-a-1"):
        assert "party_program.py" in result.files[f"logs/{party}.log"]  # a stack
        assert f"the end of the log of {party}" in result.files["story.txt"]
    assert "counters move" in result.files["verdict.txt"]
    scenarios.nothing_is_left()


@pytest.mark.parametrize(
    "more, check, words",
    [
        ("faults: [{do: kill, target: sidecar b, after: 1 MiB}]", "programs end", "exit code 3"),
        ("limits: {run: 1 s}", "programs end", "not done after"),
        ("faults: [{do: kill, target: relay, at: 0}]\nlimits: {stall: 1 s}", "counters move",
         'says "relay unreachable"'),
        ("faults: [{do: terminate, target: party a, after: 1 MiB}]", "programs end", "code -15"),
    ],
)
def test_what_else_ends_a_run(scenarios, more, check, words):
    result = scenarios.run(scenarios.file(ENDLESS + more))
    assert result.code == 1
    assert result.verdict(check) == "FAILED"
    assert words in result.text
    scenarios.nothing_is_left()


def test_a_reject_ends_a_run_and_is_shown(scenarios):
    text = ENDLESS.replace("relay: {options: [--allow-all-reads]}\n", "")
    result = scenarios.run(scenarios.file(text))
    assert result.code == 1
    assert result.verdict("no Reject") == "FAILED"
    assert re.search(r"sidecar [ab]: .* sid=\S{8} rejected: permission denied", result.text)
    scenarios.nothing_is_left()


@pytest.mark.parametrize(
    "environment, words",
    [
        ("{SYFTBOX_HOTLINK_TCP_PROXY_ADDR: 192.0.2.1, HOTLINK_PROXY_ALLOW_FROM: docker}",
         "sidecar b: port in use: cannot listen on 192.0.2.1"),
        ("{HOTLINK_PROXY_PORTS: '1024'}", "sidecar b: .* marker=b@scenario.example/.* rejected: "),
        ("{HOTLINK_PROXY_PORTS: many}", "hotlink-proxy check for b: fail configuration "),
    ],
)
def test_a_sidecar_that_cannot_listen_is_told_at_once(scenarios, environment, words):
    text = ENDLESS.replace("b: }", f"b: {{environment: {environment}}}}}")
    result = scenarios.run(scenarios.file(text))
    assert result.code == 1
    assert result.verdict("preflight") == "FAILED", result.text
    assert re.search(words, result.text), result.text
    scenarios.nothing_is_left()


@pytest.mark.parametrize("how", ["", "setsid", "env -i", "setsid env -i"])
def test_a_process_that_outlives_the_run(scenarios, how):
    result = scenarios.run(scenarios.file(commands(f"{how} sleep 600 & exit 0")))
    assert result.code == 1
    assert result.verdict("nothing outlives the run") == "FAILED"
    assert "still there: sleep 600" in result.text
    scenarios.nothing_is_left()


def test_no_secrets_in_the_bundle(scenarios):
    """A program prints a party's token; what the bundle has of it is three stars."""
    leak = f"cat {scenarios.work}/run-*/secrets/a; exit 1"
    result = scenarios.run(scenarios.file(commands(leak)))
    assert result.code == 1
    assert "exit code 1, expected 0" in result.text
    assert result.files["logs/party-a-with-b-1.out"] == "***\n"
    scenarios.nothing_is_left()


@pytest.mark.parametrize("direct", [[], ["--direct"]])
def test_no_secrets_that_the_file_names_either(scenarios, direct):
    """Those of a sidecar's environment, also a token that its file does not have any more."""
    token = scenarios.directory / "token"
    token.write_text("the-first-token\n")
    leak = f"cat {token}; echo second-token > {token}"
    leak += "; echo http://me:open-sesame@proxy:3128 refreshed-by; exit 1"
    environment = f"{{SYFTBOX_ACCESS_TOKEN_FILE: {token}, SYFTBOX_REFRESH_TOKEN: refreshed-by"
    environment += ", http_proxy: 'http://me:open-sesame@127.0.0.1:1', no_proxy: 127.0.0.1}"
    text = commands(leak).replace("{a: ,", f"{{a: {{environment: {environment}}},")
    result = scenarios.run(scenarios.file(text), *direct)
    assert result.code == 1
    for content in result.files.values():
        for word in ("the-first-token", "open-sesame", "refreshed-by"):
            assert word not in content
    if direct:  # else the preflight fails: the relay does not know the token
        said = result.files["logs/party-a-with-b-1.out"].splitlines()
        assert said == ["***", "http://me:***@proxy:3128 ***"]
    scenarios.nothing_is_left()


@pytest.mark.parametrize("processes", [1, 5])  # with the first, `hotlink-proxy check` runs
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(scenarios, processes, number):
    process = scenarios.start(scenarios.file(ENDLESS))
    scenarios.wait_started(processes)
    os.killpg(process.pid, number)
    result = scenarios.result(process)
    assert result.code == 130, result.text
    assert result.text.splitlines()[-2].endswith("tried: FAILED: interrupted")
    assert "verdict.txt" in result.files
    scenarios.nothing_is_left()


@pytest.mark.parametrize(
    "name, check, line",
    [
        ("relay", "sidecars end well", "relay ended by itself with exit code -9"),
        ("sidecar-b", "sidecars end well", "sidecar-b ended by itself with exit code -9"),
        ("party-a-with-b-1", "programs end", "party-a-with-b-1: exit code -9, expected 0"),
    ],
)
def test_what_is_killed_from_outside_ends_the_run(scenarios, name, check, line):
    runner = scenarios.start(scenarios.file(ENDLESS))
    scenarios.wait_started(5)
    os.kill(scenarios.pid(name), signal.SIGKILL)
    result = scenarios.result(runner)
    assert result.code == 1
    assert result.verdict(check) == "FAILED"
    assert f"tried: FAILED: {line}" in result.text
    codes = json.loads(result.files["exit_codes.json"])
    assert {"process": name, "exit_code": -9} in codes
    scenarios.nothing_is_left()


def test_the_run_goes_on_when_nobody_reads_what_it_says(scenarios):
    runner = scenarios.start("smoke")
    runner.stdout.readline()
    runner.stdout.close()
    assert runner.wait(RUN_LIMIT * SCALE) == 0
    assert len(list(scenarios.work.glob("run-*.tar.gz"))) == 1
    scenarios.nothing_is_left()


def test_a_server_that_does_not_answer(scenarios):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = scenarios.run("smoke", "--server", f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert result.code == 1
    assert result.verdict("preflight") == "FAILED"
    line = "hotlink-proxy check for a: fail relay relay 127.0.0.1:.* does not answer the upgrade"
    assert re.search(f"^.*smoke: FAILED: {line}", result.text, re.MULTILINE)
    assert "verdict.txt" in result.files
    scenarios.nothing_is_left()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["no-such"], "there is no scenario no-such; there are burst-3party, "),
        (["/no/such.yaml"], "/no/such.yaml: No such file"),
        (["smoke", "--work", "/proc/none"], "--work /proc/none: "),
        (["smoke", "--scale", "0"], "--scale takes a number above 0"),
        (["smoke", "--scale", "nan"], "--scale takes a number above 0"),
        (["smoke", "--server", "example.org"], "--server takes an http or https address"),
        (["smoke", "--direct", "--server", "http://x"], "--direct has no server"),
    ],
)
def test_wrong_usage(scenarios, arguments, words):
    result = scenarios.run(*arguments)
    assert result.code == 2, result.text
    assert words in result.text
    assert list(scenarios.work.glob("*")) == []


def test_a_file_that_is_no_text(scenarios):
    path = scenarios.file("")
    path.write_bytes(b"\xff\xfe\x00")
    result = scenarios.run(path)
    assert result.code == 2
    assert f"{path}: " in result.text and "Traceback" not in result.text


def test_as_many_parties_as_there_can_be(scenarios):
    names = [f"p{number}" for number in range(16)]
    links = "".join(
        f"  - {{between: [{a}, {b}], programs: [{{kind: ping-pong, rounds: 3}}]}}\n"
        for a, b in zip(names, names[1:])
    )
    parties = ", ".join(f"{name}: " for name in names)
    text = TWO.replace("a: , b: ", parties) + f"links:\n{links}"
    result = scenarios.run(scenarios.file(text))
    assert result.code == 0, result.text
    scenarios.nothing_is_left()


def test_no_route_is_told_at_once(nat):
    places = Places("bridge", ["a"], namespace_prefix("run-route"))
    try:
        places.check_routes()
        places.party["a"].proxy_address = "10.99.0.1"
        with pytest.raises(ScenarioError, match="no route from party a to the proxy address 10.99"):
            places.check_routes()
    finally:
        places.close()


LINK = "links:\n  - between: [a, b]\n    programs: [{kind: ping-pong}]\n"


@pytest.mark.parametrize(
    "text, line, words",
    [
        ("", None, "it is empty"),
        ("a: [", None, "line 1"),
        ("- a\n", 1, "a mapping"),
        ("parties: {a: , b: }\n" + LINK, 1, "a scenario needs `description`"),
        (TWO, 1, "needs `links`"),
        (TWO + LINK + "colour: red\n", 7, "has no `colour`"),
        (TWO + "topology: star\n" + LINK, 4, "it takes local, nat, bridge"),
        (TWO + LINK.replace("b]", "c]"), 5, "no party `c`"),
        (TWO + LINK.replace("[a, b]", "[b, a]"), 5, "has to be [a, b]"),
        (TWO + LINK.replace("ping-pong", "chess"), 6, "it takes transfer, ping-pong, command"),
        (TWO + LINK.replace("ping-pong", "transfer"), 6, "needs `forth` or `back`"),
        (TWO + LINK.replace("pong", "pong, rounds: x"), 6, "`rounds` is `x`"),
        (TWO + LINK.replace("pong", "pong, size: 3 feet"), 6, "it takes bytes"),
        (TWO + LINK + LINK.replace("links:\n", ""), 7, "two links between a and b"),
        (TWO + LINK + "faults: [{do: kill, target: relay}]\n", 7, "needs one of `at`"),
        (TWO + LINK + "faults: [{do: kill, target: sun, at: 1}]\n", 7, "it takes relay"),
        (TWO + LINK + "limits: {run: soon}\n", 7, "it takes a time"),
        (TWO.replace("b: }", "b: {email: A@scenario.example}}") + LINK, 3, "is a's e-mail too"),
        (TWO.replace("b: }", "b: {environment: {HOTLINK_PROXY_LOG_LEVEL: info}}}") + LINK, 3,
         "HOTLINK_PROXY_LOG_LEVEL is the runner's to set"),
        ("name: x\n" + TWO + LINK, 1, "has to be the file's"),
    ],
)
def test_bad_files_are_told_with_their_line(scenarios, text, line, words):
    result = scenarios.run(scenarios.file(text))
    assert result.code == 2
    assert words in result.text
    if line is not None:
        assert f"tried.yaml:{line}: " in result.text
    assert not scenarios.work.exists()


def test_scenarios_that_need_their_own_relay_refuse_a_server(scenarios):
    result = scenarios.run("relay-restart", "--server", "http://127.0.0.1:1")
    assert result.code == 1
    assert "it goes without --server" in result.text
    scenarios.nothing_is_left()


def test_a_server_that_runs_already(scenarios, world):
    result = scenarios.run("smoke", "--server", world.relay("--log-level", "info").url)
    assert result.code == 0, result.text
    assert "logs/relay.log" not in result.files
    scenarios.nothing_is_left()
