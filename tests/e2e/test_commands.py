"""status, ready, wait and drain: the same binary, asking a sidecar that runs. And sidecars that
end by themselves."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from admin import ask, status
from harness import PROXY_BIN, SCALE, clean_environment, wait_until, write_marker
from parties import Party, pair_that_owes, talk
from scenariolib.ports import port_is_free


def run(*arguments, deadline=60, **environment):
    """Without e-mail or server, as from a script beside the sidecar."""
    return subprocess.run(
        [PROXY_BIN, *map(str, arguments)],
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        timeout=deadline * SCALE,
    )


def command(sidecar, *arguments):
    return run(*arguments, SYFTBOX_DATA_DIR=str(sidecar.data_dir))


def start(sidecar, *arguments):
    return subprocess.Popen(
        [PROXY_BIN, *arguments],
        env=clean_environment({"SYFTBOX_DATA_DIR": str(sidecar.data_dir)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_status_names_the_channel_that_does_not_move(world):
    a, b = world.pair()
    b.kill()
    x = Party(a.port)
    world.relay_process.kill()
    wait_until("noticed", lambda: not status(a)["relay"]["up"])
    result = command(a, "status")
    assert result.returncode == 0, result.stderr
    head, titles, line = result.stdout.splitlines()
    assert "a@example.org" in head and "relay down (" in head
    assert titles.split() == "CHANNEL PEER PORT STATE SENT RATE RECEIVED RATE STILL REASON".split()
    assert line.startswith("shared/flows/test/_mpc/0_to_1  b@example.org  ")
    assert str(a.port) in line and line.endswith("relay unreachable")
    x.close()


def test_status_rates(world):
    a, b = world.pair()
    x, y = Party(a.port), Party(b.port)
    watch = start(a, "status", "--watch")
    deadline = time.monotonic() + 30 * SCALE
    try:
        while True:
            talk(x, y)
            line = watch.stdout.readline()
            assert line and time.monotonic() < deadline
            if re.search(r"joined +[\d.]+ (B|KiB) +[1-9][\d.]* (B|KiB)/s", line):
                break
    finally:
        watch.send_signal(signal.SIGINT)
        watch.communicate()


def test_watch_ends_with_the_sidecar(world):
    a, _ = world.pair()
    watch = start(a, "status", "--watch")
    assert "process" in watch.stdout.readline()
    assert a.terminate() == 0
    _, errors = watch.communicate(timeout=30 * SCALE)
    assert watch.returncode == 0
    assert "the sidecar has ended" in errors


def test_status_json_is_what_the_server_says(world):
    a, _ = world.pair()
    result = command(a, "status", "--json")
    assert result.returncode == 0
    answer = json.loads(result.stdout)
    assert answer["version"] == 1 and answer["pid"] == a.pid
    assert answer["channels"][0]["port"] == a.port


def test_dormant_channels_are_counted(world):
    a = world.sidecar("a@example.org", world.relay(), start=False)
    for number in range(3):
        marker = write_marker(a, "b@example.org", world.ports.take(), directory=f"{number}_to_x")
        os.utime(marker, (1, 1))
    a.start()
    wait_until("all are there", lambda: len(channels(a)) == 3)
    assert "3 dormant" in command(a, "status").stdout
    assert command(a, "status", "--all").stdout.count("dormant") == 6  # state and reason of each


def channels(sidecar):
    code, body = ask(sidecar, "/status")
    return json.loads(body)["channels"] if code else []


@pytest.mark.parametrize("name, code", [("status", 2), ("ready", 1), ("drain", 2)])
def test_where_no_sidecar_runs(tmp_path, name, code):
    result = run(name, "--data-dir", tmp_path)
    assert result.returncode == code
    assert f"hotlink-proxy {name}: no sidecar runs: {tmp_path}/.syftbox/" in result.stderr
    assert f"To start one: SYFTBOX_EMAIL=... SYFTBOX_DATA_DIR={tmp_path} " in result.stderr


def test_waiting_where_no_sidecar_ever_ran(tmp_path):
    result = run("wait", "--for", "listening", "--timeout", "0", "--data-dir", tmp_path)
    assert result.returncode == 2
    assert "no sidecar runs" in result.stderr


def test_after_a_crash_no_sidecar_runs(world):
    a, _ = world.pair()
    a.kill()
    assert a.admin_socket.exists()
    result = command(a, "status")
    assert result.returncode == 2
    assert "no sidecar runs" in result.stderr


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["statsu"], 'unknown command "statsu" (did you mean status?)'),
        (["nonsense"], 'unknown command "nonsense"; --help'),
        (["status"], "SYFTBOX_DATA_DIR is missing"),
        (["status", "--wacht"], "unknown option --wacht (did you mean --watch?)"),
        (["status", "--watch=1"], "--watch takes no value"),
        (["wait", "--data-dir", "/x"], "--for is missing"),
        (["wait", "--data-dir", "/x", "--for", "godot"], '--for is "godot": must be'),
        (["wait", "--data-dir", "/x", "--for", "idle", "--timeout", "soon"], "must be seconds"),
        (["status", "more"], 'unexpected argument "more"'),
    ],
)
def test_wrong_usage(arguments, said):
    result = run(*arguments)
    assert result.returncode == 2
    assert said in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("name", ["status", "ready", "wait", "drain"])
def test_help(name):
    assert f"\n  {name} " in run("--help").stdout
    result = run(name, "--help")
    assert result.returncode == 0
    assert result.stdout.startswith(f"hotlink-proxy {name}: ")
    assert "Exit code: 0 " in result.stdout
    assert "SYFTBOX_DATA_DIR" in result.stdout and "--admin-socket PATH" in result.stdout


def test_the_ways_to_the_socket(world, tmp_path):
    a, _ = world.pair()
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"data_dir": str(a.data_dir), "refresh_token": "x"}))
    for way in (
        {"SYFTBOX_DATA_DIR": str(a.data_dir)},
        {"SYFTBOX_CONFIG_PATH": str(config)},
        {"HOTLINK_PROXY_ADMIN_SOCKET": str(a.admin_socket)},
        # Whatever else the sidecar was started with does not matter here.
        {"SYFTBOX_DATA_DIR": str(a.data_dir), "SYFTBOX_EMAIL": "?", "HOTLINK_PROXY_WINDOW": "?"},
    ):
        assert run("ready", **way).returncode == 0, way
    for flags in (["--data-dir", a.data_dir], ["--config", config]):
        assert run("ready", *flags).returncode == 0, flags


def test_a_long_path(world, tmp_path):
    runtime = tmp_path / "run"
    runtime.mkdir()
    data_dir = tmp_path / ("d" * 120)
    a = world.sidecar(
        "a@example.org", world.relay(), data_dir=data_dir, XDG_RUNTIME_DIR=str(runtime)
    )
    wait_until("is ready", lambda: command(a, "ready").returncode == 0)


def test_ready(world):
    relay = world.relay(start=False)
    a = world.sidecar("a@example.org", relay)
    wait_until("runs", lambda: ask(a, "/livez")[0] == 200)
    result = command(a, "ready")
    assert result.returncode == 1
    assert result.stdout.startswith("not ready: relay unreachable")
    relay.start()
    wait_until("is ready", lambda: command(a, "ready").returncode == 0)


def test_wait_for_listening_joined_and_idle(world):
    """As a launcher does it: sidecars, markers, wait, parties, wait, end."""
    relay = world.relay()
    a = world.sidecar("a@example.org", relay, start=False)
    b = world.sidecar("b@example.org", relay, start=False)
    waiting = [start(s, "wait", "--for", "listening", "--timeout", "60") for s in (a, b)]
    a.start()
    b.start()
    wait_until("runs", lambda: ask(a, "/livez")[0] == 200)
    assert command(a, "wait", "--for", "listening", "--timeout", "0").returncode == 1  # no marker
    world.channel(a, b)
    for process in waiting:
        assert process.wait(60 * SCALE) == 0, process.stderr.read()
    assert not port_is_free(a.port)

    x = Party(a.port)
    result = command(a, "wait", "--for", "joined", "--timeout", "1")
    assert result.returncode == 1
    assert "not joined within 1 s:\n  shared/flows/test/_mpc/0_to_1 (b@example.org): " in (
        result.stderr
    )
    y = Party(b.port)
    talk(x, y)
    for sidecar in (a, b):
        assert command(sidecar, "wait", "--for", "joined", "--timeout", "60").returncode == 0
    result = command(a, "wait", "--for", "idle", "--timeout", "0")
    assert result.returncode == 1
    assert "1 connected" in result.stderr
    x.close()
    y.close()
    for sidecar in (a, b):
        assert command(sidecar, "wait", "--for", "idle", "--timeout", "60").returncode == 0
    for process in waiting:
        process.communicate()


def test_idle_is_not_before_the_start(world):
    a, _ = world.pair()
    result = command(a, "wait", "--for", "idle", "--timeout", "0")
    assert result.returncode == 1
    assert "no party has sent anything yet" in result.stderr


def test_drain(world):
    a, b = world.pair()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    result = command(a, "drain")
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"draining process {a.pid}\nended\n"
    assert a.wait() == 0


def test_drain_waits_no_longer_than_told(world):
    a, b, x = pair_that_owes(world, HOTLINK_PROXY_DRAIN_MS="60000")
    result = command(a, "drain", "--timeout", "1")
    assert result.returncode == 1
    assert "still drains after 1 s" in result.stderr
    a.send_signal(signal.SIGTERM)  # the second: now
    assert a.wait() == 1
    b.kill()


def test_exit_when_idle(world):
    a, b = world.pair(HOTLINK_PROXY_EXIT_WHEN="idle", HOTLINK_PROXY_EXIT_AFTER_MS="300")
    time_before_parties(a)
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    time_before_parties(a)  # connected, and silent
    x.close()
    y.close()
    assert a.wait() == 0
    assert b.wait() == 0
    assert "exit-when: idle for 300 ms: draining" in a.log_text()


def time_before_parties(sidecar):
    """Ten times the time after which an idle sidecar would end, by its own clock."""
    since = status(sidecar)["updated_ms"]
    wait_until("time passes", lambda: status(sidecar)["updated_ms"] >= since + 3000)


def test_exit_when_the_markers_are_gone(world):
    environment = {
        "HOTLINK_PROXY_EXIT_WHEN": "markers-gone",
        "HOTLINK_PROXY_EXIT_AFTER_MS": "300",
    }
    a = world.sidecar("a@example.org", world.relay(), **environment)
    wait_until("runs", lambda: ask(a, "/livez")[0] == 200)
    time_before_parties(a)
    marker = write_marker(a, "b@example.org", world.ports.take())
    wait_until("listens", lambda: channels(a) and channels(a)[0]["port"])
    marker.unlink()
    assert a.wait() == 0
    assert "exit-when: no live marker for 300 ms: draining" in a.log_text()
