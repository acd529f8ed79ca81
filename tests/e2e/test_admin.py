"""The admin server of a real sidecar: pages, who may ask, limits, readiness."""

import http.client
import json
import os
import pathlib
import re
import signal
import socket
import stat
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from admin import ask, metrics, status
from harness import REPOSITORY, SCALE, wait_until, write_marker
from parties import Party, pair_that_owes, talk

OPERATIONS = REPOSITORY / "docs/operations.md"


def ready_reasons(sidecar):
    code, body = ask(sidecar, "/readyz")
    answer = json.loads(body)
    assert code == (200 if answer["ready"] else 503)
    return answer["reasons"]


def test_pages(world):
    a, b = world.pair()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    assert ask(a, "/livez") == (200, '{"live":true}\n')
    assert ready_reasons(a) == []
    assert ask(a, "/nothing")[0] == 404
    assert ask(a, "/status", "POST")[0] == 405
    assert ask(a, "/drain")[0] == 405
    answer = status(a)
    assert answer["version"] == 1
    assert answer["pid"] == a.pid
    (channel,) = answer["channels"]
    assert channel["port"] == a.port
    assert channel["state"] == "joined"
    assert channel["tx_bytes"] > 0 and channel["still_ms"] is not None


def test_status_metrics_and_telemetry_agree(world):
    a, b = world.pair()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    counters = ("tx_bytes", "rx_bytes", "tx_packets", "rx_packets", "sessions", "joins", "probes")
    a.wait_channel(
        "the telemetry says the same",
        lambda told: all(told[key] == status(a)["channels"][0][key] for key in counters)
        and told["kept"] == 0
        and told["rx_bytes"] > 0,
    )
    (channel,) = status(a)["channels"]
    numbers = {name: value for (name, _), value in metrics(a).items() if "channel" in name}
    assert numbers["hotlink_channel_sent_bytes_total"] == channel["tx_bytes"]
    assert numbers["hotlink_channel_received_bytes_total"] == channel["rx_bytes"]
    assert numbers["hotlink_channel_port"] == a.port


def test_the_socket_is_the_users_own(world):
    a, _ = world.pair()
    assert stat.S_IMODE(a.admin_socket.stat().st_mode) == 0o600
    assert a.terminate() == 0
    assert not a.admin_socket.exists()


def test_a_stale_socket_is_replaced(world):
    a, _ = world.pair()
    a.kill()
    assert a.admin_socket.exists()
    a.start()
    wait_until("answers again", lambda: ask(a, "/livez")[0] == 200)


def test_a_live_socket_is_not_replaced(world, tmp_path):
    place = str(tmp_path / "admin.sock")
    relay = world.relay()
    a = world.sidecar("a@example.org", relay, HOTLINK_PROXY_ADMIN_SOCKET=place)
    wait_until("a answers", lambda: ask(a, "/livez")[0] == 200)
    b = world.sidecar("b@example.org", relay, HOTLINK_PROXY_ADMIN_SOCKET=place)
    assert b.wait() == 2
    assert f"HOTLINK_PROXY_ADMIN_SOCKET: {place} is served by another process" in b.log_text()
    assert status(a)["email"] == "a@example.org"


def test_a_long_path(world, tmp_path):
    runtime = tmp_path / "run"
    runtime.mkdir()
    data_dir = tmp_path / ("d" * 120)
    relay = world.relay()
    a = world.sidecar("a@example.org", relay, data_dir=data_dir, XDG_RUNTIME_DIR=str(runtime))
    wait_until("is linked", a.admin_socket.is_symlink)
    real = pathlib.Path(os.readlink(a.admin_socket))
    assert real.parent.parent == runtime
    wait_until("the log names it", lambda: str(real) in a.log_text())
    a.admin_socket = real
    assert status(a)["email"] == "a@example.org"
    assert a.terminate() == 0
    assert not real.parent.exists() and not a.admin_socket.is_symlink()


def test_no_default_socket_is_no_reason_to_end(world):
    relay = world.relay()
    a = world.sidecar("a@example.org", relay, start=False)
    a.admin_socket.parent.mkdir(parents=True)
    a.admin_socket.write_text("not a socket")
    a.start()
    wait_until("runs all the same", lambda: " up encoding=" in a.log_text())
    assert "no admin socket: " in a.log_text()
    assert a.admin_socket.read_text() == "not a socket"


@pytest.fixture
def on_tcp(world):
    """A sidecar whose admin is on TCP too: function (path, method, headers) -> (code, body)."""
    port = world.ports.take()
    a = world.sidecar("a@example.org", world.relay(), HOTLINK_PROXY_ADMIN_ADDR=f"127.0.0.1:{port}")
    a.wait_listening(port)
    a.admin_port = port

    def request(path, method="GET", headers=(), host="127.0.0.1"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10 * SCALE)
        connection.putrequest(method, path, skip_host=True)
        if host is not None:
            connection.putheader("Host", host)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    request.sidecar = a
    return request


def test_tcp_answers_get_alone(on_tcp):
    for path in ("/livez", "/readyz", "/status", "/metrics"):
        assert on_tcp(path)[0] == 200, path
        for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS"):
            assert on_tcp(path, method)[0] == 405, (path, method)
    assert on_tcp("/drain", "POST")[0] == 405
    assert on_tcp("/drain")[0] == 404
    assert on_tcp.sidecar.running()
    assert not status(on_tcp.sidecar)["draining"]


def test_tcp_refuses_foreign_hosts_and_pages(on_tcp):
    port = on_tcp.sidecar.admin_port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "localhost"):
        assert on_tcp("/status", host=host)[0] == 200, host
    for host in ("evil.example.org", f"evil.example.org:{port}", "10.0.0.1", ""):
        code, body = on_tcp("/status", host=host)
        assert code == 421, host
        assert "channels" not in body
    assert on_tcp("/status", host=None)[0] == 400
    assert on_tcp("/status", headers=[("Host", "evil.example.org")])[0] in (400, 421)
    assert on_tcp("/status", headers=[("Origin", "http://evil.example.org")])[0] == 403
    assert on_tcp("/status", headers=[("Origin", "null")])[0] == 403
    assert on_tcp("/status", headers=[("Sec-Fetch-Site", "cross-site")])[0] == 403
    assert on_tcp("/status", headers=[("Sec-Fetch-Site", "same-site")])[0] == 403
    assert on_tcp("/status", headers=[("Sec-Fetch-Site", "none")])[0] == 200


def test_without_an_address_nothing_listens_on_tcp(world):
    a = world.sidecar("a@example.org", world.relay())
    wait_until("answers", lambda: ask(a, "/livez")[0] == 200)
    inodes = {os.readlink(f"/proc/{a.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{a.pid}/fd")}
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        assert not (fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes)


def test_an_address_in_use_ends_the_program(world):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        a = world.sidecar("a@example.org", world.relay(), HOTLINK_PROXY_ADMIN_ADDR=str(port))
        assert a.wait() == 2
        assert f"HOTLINK_PROXY_ADMIN_ADDR: cannot listen on 127.0.0.1:{port}" in a.log_text()


def test_many_connections(world):
    """More than are taken at a time: the rest is closed, and those that end make room."""
    a, b = world.pair()
    held = [connect(a) for _ in range(32)]
    wait_until("all are taken", lambda: open_sockets(a) >= 32)
    with connect(a) as extra:
        extra.settimeout(10 * SCALE)
        assert extra.recv(1) == b""
    x, y = Party(a.port), Party(b.port)
    talk(x, y)  # the parties do not care
    for connection in held:
        connection.close()
    wait_until("answers again", lambda: answers(a))


def connect(sidecar):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(sidecar.admin_socket))
    return connection


def open_sockets(sidecar):
    """Accepted connections on its admin socket."""
    path = str(sidecar.admin_socket)
    lines = pathlib.Path("/proc/net/unix").read_text().splitlines()
    return sum(line.endswith(" " + path) and line.split()[5] == "03" for line in lines)


def answers(sidecar):
    try:
        return ask(sidecar, "/livez")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def test_a_slow_client_is_cut(world):
    a, _ = world.pair()
    with connect(a) as slow:
        started = time.monotonic()
        slow.settimeout(60 * SCALE)
        slow.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ")
        assert answers(a)  # others are served meanwhile
        slow.settimeout(0.1)
        while True:
            try:
                slow.sendall(b"x")  # a byte now and then does not help
                if slow.recv(100) == b"":
                    break
            except socket.timeout:
                continue
            except OSError:
                break
        assert time.monotonic() - started < 50 * SCALE


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"\x00\xff nonsense \r\n\r\n",
        b"POST /drain\r\n\r\n",
        b"POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999\r\n\r\nxxxx",
    ],
)
def test_bad_requests_change_nothing(world, request_bytes):
    a = world.sidecar("a@example.org", world.relay())
    wait_until("answers", lambda: answers(a))
    with connect(a) as bad:
        bad.settimeout(20 * SCALE)
        received = b""
        try:
            bad.sendall(request_bytes)
            while chunk := bad.recv(4096):
                received += chunk
        except OSError:
            pass
        assert not received.startswith(b"HTTP/1.1 2")
    assert answers(a) and not status(a)["draining"]


def test_no_secret_in_any_answer(world):
    token = "very-secret-token-0123456789"
    relay = world.relay()
    a = world.sidecar("a@example.org", relay, SYFTBOX_ACCESS_TOKEN=token)
    relay.kill()
    wait_until("notices", lambda: answers(a) and ready_reasons(a))
    for page in ("/livez", "/readyz", "/metrics", "/status", "/drain", "/nothing"):
        code, body = ask(a, page)
        assert token not in body, page


def test_readiness_comes_and_goes(world):
    relay = world.relay(start=False)
    a = world.sidecar("a@example.org", relay)
    wait_until("says why", lambda: answers(a) and "relay unreachable" in str(ready_reasons(a)))
    relay.start()
    wait_until("ready", lambda: ready_reasons(a) == [])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        write_marker(a, "b@example.org", port)
        wait_until("not ready", lambda: "port in use" in str(ready_reasons(a)))
    wait_until("ready again", lambda: ready_reasons(a) == [])
    relay.kill()
    wait_until("not ready", lambda: "relay unreachable" in str(ready_reasons(a)))


def test_a_stale_broken_marker_is_in_nobodys_way(world):
    a = world.sidecar("a@example.org", world.relay(), start=False)
    marker = write_marker(a, "b@example.org", 0)
    os.utime(marker, (1, 1))
    a.start()
    wait_until("ready", lambda: answers(a) and ready_reasons(a) == [])
    assert status(a)["channels"][0]["reason"] == "marker rejected"
    write_marker(a, "b@example.org", 0, directory="2_to_3")
    wait_until("a new one is", lambda: "marker rejected" in str(ready_reasons(a)))


def test_drain_ends_the_process(world):
    a, b = world.pair()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    assert ask(a, "/drain", "POST")[0] == 202
    assert a.wait() == 0
    assert "POST /drain: draining" in a.log_text()


def documented(heading):
    """The names in the tables of a section of docs/operations.md."""
    section = OPERATIONS.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)`", section, re.MULTILINE))


def names_of(value, prefix=""):
    """Every field of a JSON object, as "relay.up" and "channels[].name"."""
    if isinstance(value, list):
        return set().union(*(names_of(item, prefix + "[]") for item in value)) or {prefix}
    if not isinstance(value, dict):
        return {prefix}
    dot = prefix + "." if prefix else ""
    return set().union(*(names_of(item, dot + key) for key, item in value.items()))


def test_the_documented_metrics_are_those_there_are(world):
    a, _ = world.pair()
    code, body = ask(a, "/metrics")
    families = {}
    for family in text_string_to_metric_families(body):
        assert family.documentation
        assert family.type in ("counter", "gauge")
        assert family.samples, family.name
        families[family.name + ("_total" if family.type == "counter" else "")] = family
    assert set(families) == documented("Metrics")
    assert all(re.fullmatch(r"hotlink_[a-z_]+", name) for name in families)


def test_the_documented_fields_are_those_there_are(world):
    a, _ = world.pair()
    assert {re.sub(r"(\[\])+$", "", name) for name in names_of(status(a))} == documented(
        "Status as JSON"
    )


def test_every_reason_is_documented():
    source = (REPOSITORY / "proxy/core/reason.cc").read_text()
    reasons = set(re.findall(r'return "([^"]+)";', source)) - {"unknown"}
    assert len(reasons) == 16
    assert reasons == documented("Reasons")


@pytest.mark.figure
def test_figure_a_thousand_channels(world, figure):
    """/metrics of 1,000 channels: aim 50 ms; and what asking does to the bytes that pass: 1 ms."""
    a, b = world.pair(HOTLINK_PROXY_TELEMETRY_MS="60000")
    port = world.ports.take()  # one has it, the others are shown as held
    for number in range(1000):
        write_marker(a, "c@example.org", port, directory=f"{number}_to_x")
    wait_until("all are known", lambda: len(status(a)["channels"]) == 1001, deadline=60)
    times = []
    for _ in range(20):
        started = time.monotonic()
        code, body = ask(a, "/metrics")
        times.append(time.monotonic() - started)
    assert code == 200
    families = list(text_string_to_metric_families(body))
    assert any(len(family.samples) == 1001 for family in families)
    times.sort()
    figure(f"/metrics of 1,001 channels ({len(body) >> 10} KiB): {times[10] * 1000:.0f} ms")
    assert times[10] < 0.5 * SCALE


def test_the_socket_answers_while_it_drains(world):
    a, b, x = pair_that_owes(world, HOTLINK_PROXY_DRAIN_MS="60000")
    a.send_signal(signal.SIGTERM)
    wait_until("says so", lambda: status(a)["draining"])
    assert ready_reasons(a) == ["draining"]
    assert status(a)["channels"][0]["state"] == "draining"
    a.send_signal(signal.SIGTERM)
    assert a.wait(deadline=5) == 1
    b.kill()
