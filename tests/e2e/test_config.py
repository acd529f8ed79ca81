"""Configuration: what is wrong is said, with exit code 2; what is unknown is warned of."""

import json
import re
import subprocess

import pytest

from harness import PROXY_BIN, RELAY_BIN, SCALE, clean_environment, wait_until
from parties import Party, talk

GOOD = {
    "SYFTBOX_EMAIL": "a@example.org",
    "SYFTBOX_SERVER_URL": "http://127.0.0.1:9",  # discard: nobody listens there
}


def run(*arguments, program=PROXY_BIN, **environment):
    return subprocess.run(
        [program, *arguments],
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        timeout=20 * SCALE,
        check=False,
    )


@pytest.mark.parametrize("program", [PROXY_BIN, RELAY_BIN])
def test_version_and_help(program):
    version = run("--version", program=program)
    assert version.returncode == 0
    assert re.search(r"\d+\.\d+\.\d+.*[0-9a-f]{7}", version.stdout)
    usage = run("--help", program=program)
    assert usage.returncode == 0
    assert "--version" in usage.stdout


def test_help_names_the_variables():
    text = run("--help").stdout
    for name in (*GOOD, "SYFTBOX_DATA_DIR", "HOTLINK_PROXY_LINGER_MS"):
        assert name in text


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"SYFTBOX_EMAIL": None}, ["SYFTBOX_EMAIL"]),
        ({"SYFTBOX_EMAIL": "nobody"}, ["SYFTBOX_EMAIL", "nobody"]),
        ({"SYFTBOX_DATA_DIR": None}, ["SYFTBOX_DATA_DIR"]),
        ({"SYFTBOX_DATA_DIR": "/dev/null/below"}, ["/dev/null/below"]),
        ({"SYFTBOX_SERVER_URL": "ftp://example.org"}, ["SYFTBOX_SERVER_URL", "ftp://example.org"]),
        ({"HOTLINK_PROXY_LINGER_MS": "soon"}, ["HOTLINK_PROXY_LINGER_MS", "soon"]),
        ({"HOTLINK_PROXY_LINGER_MS": "-5"}, ["HOTLINK_PROXY_LINGER_MS", "-5"]),
        ({"HOTLINK_PROXY_ENCODING": "xml"}, ["HOTLINK_PROXY_ENCODING", "xml", "msgpack"]),
        ({"SYFTBOX_HOTLINK_P2P_ONLY": "1"}, ["SYFTBOX_HOTLINK_P2P_ONLY", "no direct path"]),
        ({"SYFTBOX_SERVER_URL": "no url"}, ["SYFTBOX_SERVER_URL", "no url", "http://, https://"]),
        ({"SYFTBOX_CONFIG_PATH": "/nowhere/config.json"}, ["/nowhere/config.json"]),
        ({"SYFTBOX_CONFIG_PATH": "/dev/null"}, ["/dev/null is no regular file"]),
    ],
)
def test_a_bad_value_is_named(tmp_path, changes, words):
    settings = {**GOOD, "SYFTBOX_DATA_DIR": str(tmp_path), **changes}
    result = run(**{name: value for name, value in settings.items() if value is not None})
    assert result.returncode == 2, result.stderr
    for word in words:
        assert word in result.stderr


def test_a_config_file_that_is_not_json(tmp_path):
    config = tmp_path / "config.json"
    config.write_text('{"email": "a@example.org",\n "data_dir": /data}')
    result = run(**GOOD, SYFTBOX_DATA_DIR=str(tmp_path), SYFTBOX_CONFIG_PATH=str(config))
    assert result.returncode == 2, result.stderr
    assert f"SYFTBOX_CONFIG_PATH: {config} is not JSON: line 2; correct it" in result.stderr


@pytest.mark.parametrize("option", ["--no-such-option", "stray"])
@pytest.mark.parametrize("program", [PROXY_BIN, RELAY_BIN])
def test_an_unknown_argument_is_named(program, option):
    result = run(option, program=program)
    assert result.returncode == 2
    assert option in result.stderr


def test_an_unknown_variable_is_warned_of(world):
    a = world.sidecar("a@example.org", world.relay(), HOTLINK_PROXY_LINGERMS="7")
    wait_until("it runs all the same", lambda: a.telemetry() is not None)
    assert "HOTLINK_PROXY_LINGERMS" in a.log_text()
    assert "did you mean" in a.log_text()
    assert "HOTLINK_PROXY_LINGER_MS" in a.log_text()


def test_the_clients_config_file_is_enough(world):
    relay = world.relay()
    b = world.sidecar("b@example.org", relay)
    config = world.directory / "config.json"
    data_dir = world.directory / "a"
    config.write_text(
        json.dumps({"email": "a@example.org", "data_dir": str(data_dir), "server_url": relay.url})
    )
    a = world.sidecar("a@example.org", relay, start=False, SYFTBOX_CONFIG_PATH=str(config))
    for name in GOOD | {"SYFTBOX_DATA_DIR": ""}:
        del a.environment[name]
    a.start()
    world.channel(a, b)
    a.wait_listening()
    b.wait_listening()
    talk(Party(a.port), Party(b.port))


def test_a_second_sidecar_on_the_same_data_directory(world):
    relay = world.relay()
    first = world.sidecar("a@example.org", relay)
    wait_until("the first one runs", lambda: first.telemetry() is not None)
    second = world.sidecar("a@example.org", relay, start=False)
    second.start()
    assert second.wait() == 2
    assert str(first.pid) in second.log_text()
    assert first.running()


def test_a_lock_left_by_a_killed_sidecar_holds_nobody_back(world):
    relay = world.relay()
    first = world.sidecar("a@example.org", relay)
    wait_until("the first one runs", lambda: first.telemetry() is not None)
    lock = first.data_dir / ".syftbox/hotlink-proxy.lock"
    assert lock.read_text() == f"{first.pid}\n"
    first.kill()
    assert lock.exists()
    second = world.sidecar("a@example.org", relay)
    wait_until("the lock is the second one's", lambda: lock.read_text() == f"{second.pid}\n")
    third = world.sidecar("a@example.org", relay, start=False).start()
    assert third.wait() == 2
    assert str(second.pid) in third.log_text().splitlines()[-1]
    assert second.running()
