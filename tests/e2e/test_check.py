"""hotlink-proxy check: what would keep a sidecar from working, found before it starts or beside it."""

import json
import os
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from certificates import Authority
from harness import ABOVE, PROXY_BIN, SCALE, wait_until, write_marker
from parties import Party, finish, talk
from plain_peer import PlainPeer
from test_tokens import A, B, Keys

LIMIT = 5  # seconds, with everything down
NAMES = [
    "configuration",
    "data directory",
    "other sidecar",
    "marker",
    "port",
    "relay",
    "certificate",
    "token",
    "clock",
    "own open",
    "peer may read",
    "peer online",
    "one taker",
]


def run(sidecar, *arguments, **environment):
    """With the configuration of that sidecar, which need not run."""
    return subprocess.run(
        [PROXY_BIN, "check", *arguments],
        env={**sidecar.environment, **environment},
        capture_output=True,
        text=True,
        timeout=60 * SCALE,
    )


def check(sidecar, *, exit_code, **environment):
    """{check: finding}, of several with one name the last that failed, else the last."""
    result = run(sidecar, "--json", **environment)
    assert result.returncode == exit_code, result.stdout + result.stderr
    answer = json.loads(result.stdout)
    assert (answer["version"], answer["exit_code"]) == (1, exit_code)
    assert answer["ok"] == (exit_code == 0)
    found = {}
    for finding in answer["findings"]:
        if found.get(finding["check"], {}).get("outcome") != "fail":
            found[finding["check"]] = finding
    return found


def failures(found):
    return [name for name, finding in found.items() if finding["outcome"] == "fail"]


def ready_pair(world, *options, **environment):
    """b runs, a has a marker and does not."""
    relay = world.relay(*options)
    a = world.sidecar(A, relay, start=False, **environment)
    b = world.sidecar(B, relay)
    world.channel(a, b)
    b.wait_listening()
    return a, b


@pytest.mark.smoke
def test_everything_fine(world):
    a, b = ready_pair(world)
    result = run(a)
    assert result.returncode == 0, result.stdout + result.stderr
    *lines, summary = result.stdout.splitlines()
    assert summary == "12 pass, 0 fail, 1 skip"
    assert [line[6:26].strip() for line in lines] == NAMES
    skipped = [line for line in lines if not line.startswith("pass  ")]
    assert len(skipped) == 1 and skipped[0].startswith("skip  certificate")
    assert b.channel()["reason"] == "dormant" or b.channel()["mode"] == "unknown"


def test_json(world):
    a, _ = ready_pair(world)
    found = check(a, exit_code=0)
    assert list(found) == NAMES
    assert found["port"]["subject"].endswith("0_to_1/stream.tcp")
    assert f"port {a.port} is free" in found["port"]["why"]
    assert found["peer online"]["subject"] == f"{A}/{ABOVE}/0_to_1/stream.tcp.request"


def test_beside_its_own_sidecar_it_disturbs_nothing(world):
    a, b = world.pair()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    for sidecar, other in ((a, b), (b, a)):
        found = check(sidecar, exit_code=0)
        assert f"process {sidecar.pid}" in found["other sidecar"]["why"]
        assert "served by the sidecar that runs" in found["port"]["why"]
        assert found["peer online"]["outcome"] == "pass"
        assert "one client answers" in found["one taker"]["why"]
        assert "second" not in other.log_text()
    talk(x, y)
    finish(x, y)
    for sidecar in (a, b):
        assert sidecar.channel()["mode"] == "reliable"
        assert sidecar.log_text().count("session up") == 1


def test_everything_down(world):
    relay = world.relay(start=False)
    a = world.sidecar(A, relay, start=False)
    write_marker(a, B, world.ports.take())
    began = time.monotonic()
    found = check(a, exit_code=1)
    assert time.monotonic() - began < LIMIT * SCALE
    assert failures(found) == ["relay"]
    assert f"127.0.0.1:{relay.port}" in found["relay"]["why"]
    assert "refused" in found["relay"]["why"] and "SYFTBOX_SERVER_URL" in found["relay"]["todo"]
    for name in ("token", "own open", "peer may read", "peer online", "one taker"):
        assert found[name]["outcome"] == "skip"


def test_a_server_that_takes_connections_and_is_silent(world):
    with socket.create_server(("127.0.0.1", 0)) as server:
        a = world.sidecar(A, world.relay(), start=False)
        write_marker(a, B, world.ports.take())
        began = time.monotonic()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        found = check(a, exit_code=1, SYFTBOX_SERVER_URL=url)
        assert time.monotonic() - began < LIMIT * SCALE
        assert failures(found) == ["relay"]
        assert "does not answer the upgrade request" in found["relay"]["why"]


def test_wrong_certificate(world):
    authority = Authority(world.directory)
    certificate, key = authority.issue("other.example.org")
    relay = world.relay("--allow-all-reads", "--tls-cert", str(certificate), "--tls-key", str(key))
    a = world.sidecar(A, relay, start=False, HOTLINK_PROXY_CA_FILE=str(authority.file))
    found = check(a, exit_code=1)
    assert failures(found) == ["certificate"]
    assert "other.example.org" in found["certificate"]["why"]
    assert found["relay"]["outcome"] == "pass" and found["token"]["outcome"] == "skip"


def test_right_certificate(world):
    authority = Authority(world.directory)
    certificate, key = authority.issue("127.0.0.1")
    relay = world.relay("--allow-all-reads", "--tls-cert", str(certificate), "--tls-key", str(key))
    a = world.sidecar(A, relay, start=False, HOTLINK_PROXY_CA_FILE=str(authority.file))
    assert check(a, exit_code=0)["certificate"]["outcome"] == "pass"


def test_wrong_token(world):
    keys = Keys(world)
    relay = keys.relay()
    a = world.sidecar(A, relay, start=False, SYFTBOX_ACCESS_TOKEN="none-of-these")
    found = check(a, exit_code=1)
    assert failures(found) == ["token"]
    assert "401" in found["token"]["why"] and "SYFTBOX_ACCESS_TOKEN" in found["token"]["why"]
    assert "none-of-these" not in json.dumps(found)


def test_a_token_of_somebody_else(world):
    keys = Keys(world)
    relay = keys.relay()
    a = world.sidecar(A, relay, start=False, SYFTBOX_ACCESS_TOKEN="good-access-of-b")
    write_marker(a, B, world.ports.take())
    found = check(a, exit_code=1)
    assert failures(found) == ["own open"]
    assert A in found["own open"]["todo"]


def test_a_refresh_token_is_spent_only_where_the_next_one_is_kept(world):
    keys = Keys(world)
    relay = keys.relay()
    given = {"SYFTBOX_ACCESS_TOKEN": "stale", "SYFTBOX_REFRESH_TOKEN": "first-refresh-of-a"}
    a = world.sidecar(A, relay, start=False, **given)
    for _ in range(2):  # not spent by the first one
        found = check(a, exit_code=0)
        assert found["token"]["outcome"] == "skip"
        assert "SYFTBOX_REFRESH_TOKEN" in found["token"]["why"]
    keys.write_config()
    b = world.sidecar(
        A, relay, start=False, data_dir=a.data_dir, SYFTBOX_CONFIG_PATH=str(keys.config)
    )
    assert check(b, exit_code=0)["token"]["outcome"] == "pass"
    access, refresh = keys.tokens()
    assert access != "stale-access-of-a" and refresh != "first-refresh-of-a"


def test_a_marker_with_a_mistake(world):
    a, _ = ready_pair(world)
    bad = a.datasite / ABOVE / "0_to_7/stream.tcp"
    bad.parent.mkdir()
    bad.write_text('{"from": "a@example.org",\n "to": "c@example.org",\n "port": "x"}\n')
    found = check(a, exit_code=1)
    assert failures(found) == ["marker"]
    assert found["marker"]["subject"] == f"{A}/{ABOVE}/0_to_7/stream.tcp"
    assert "line 3" in found["marker"]["why"]
    bad.write_text('{"from": "c@example.org", "to": "d@example.org", "port": 9001}')
    assert A in check(a, exit_code=1)["marker"]["why"]


def test_a_port_that_is_taken(world):
    a, b = ready_pair(world)
    with socket.create_server(("127.0.0.1", a.port)) as stranger:
        found = check(a, exit_code=1)
        assert failures(found) == ["port"]
        assert f"127.0.0.1:{a.port}" in found["port"]["why"] and "in use" in found["port"]["why"]
        a.start()  # it waits for the port, and the check tells the stranger's from its own
        wait_until("it waits", lambda: (a.channel() or {}).get("reason") == "port in use")
        assert failures(check(a, exit_code=1)) == ["port"]
        stranger.setblocking(False)
        with pytest.raises(BlockingIOError):
            stranger.accept()


def test_peer_offline(world):
    a, b = ready_pair(world)
    b.terminate()
    began = time.monotonic()
    found = check(a, exit_code=1)
    assert time.monotonic() - began < LIMIT * SCALE
    assert failures(found) == ["peer online"]
    assert B in found["peer online"]["why"] and found["one taker"]["outcome"] == "skip"


def test_peer_without_permission(world):
    a, _ = ready_pair(world, "--log-level", "info")
    found = check(a, exit_code=0)
    assert found["own open"]["outcome"] == "pass"
    assert found["peer may read"]["outcome"] == "skip"
    assert "will publish" in found["peer may read"]["why"]
    (a.datasite / ABOVE / "0_to_1/syft.pub.yaml").unlink()
    found = check(a, exit_code=1)
    assert failures(found) == ["peer may read"]
    assert "permission denied" in found["peer may read"]["why"]
    assert f"{B} needs read on {A}/{ABOVE}/0_to_1/**" in found["peer may read"]["todo"]


def test_second_taker(world):
    a, b = ready_pair(world)
    second = PlainPeer(B, world.relay_process)
    world.closers.append(second.close)
    found = check(a, exit_code=1)
    assert failures(found) == ["one taker"]
    assert "2 clients answer" in found["one taker"]["why"]
    assert "SYFTBOX_HOTLINK=0" in found["one taker"]["todo"]


class LateServer(BaseHTTPRequestHandler):
    def date_time_string(self, timestamp=None):
        return super().date_time_string(time.time() + 3600)

    def do_HEAD(self):
        self.send_response(404)
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, *_):
        pass


def test_the_clock(world):
    server = HTTPServer(("127.0.0.1", 0), LateServer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        a = world.sidecar(A, world.relay(), start=False)
        found = check(a, exit_code=1, SYFTBOX_SERVER_URL=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert failures(found) == ["relay", "clock"]
    assert "min behind the server's" in found["clock"]["why"]


def test_the_data_directory(world):
    a = world.sidecar(A, world.relay(), start=False)
    (a.data_dir / ".syftbox").write_text("in the way")
    found = check(a, exit_code=1)
    assert failures(found) == ["data directory"]
    assert f"{a.data_dir}/.syftbox is no directory" in found["data directory"]["why"]


def test_configuration(world):
    a = world.sidecar(A, world.relay(), start=False)
    found = check(a, exit_code=2, HOTLINK_PROXY_LINGER_MS="soon")
    assert list(found) == ["configuration"]
    assert "HOTLINK_PROXY_LINGER_MS" in found["configuration"]["why"]
    found = check(a, exit_code=0, HOTLINK_PROXY_LINGR_MS="1000")
    assert "did you mean HOTLINK_PROXY_LINGER_MS" in found["configuration"]["why"]
    result = run(a, "--jsn")
    assert result.returncode == 2 and "--jsn" in result.stdout + result.stderr
    assert run(a, "--help").returncode == 0


def test_it_changes_nothing(world):
    a, _ = ready_pair(world)
    before = sorted(os.walk(a.data_dir))
    check(a, exit_code=0)
    assert sorted(os.walk(a.data_dir)) == before
