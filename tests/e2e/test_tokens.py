"""Access and refresh tokens: who may connect, and how a sidecar keeps its right to."""

import hashlib
import json
import os
import re
import select
import socket
import stat
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

from harness import RELAY_BIN, SCALE, clean_environment, wait_until
from parties import Party, finish, talk

A, B = "a@example.org", "b@example.org"
GOOD_A, GOOD_B = "good-access-of-a", "good-access-of-b"
STALE, REFRESH = "stale-access-of-a", "first-refresh-of-a"
# Renewing is not paced by what would make a test slow; the pace itself is tested where it counts.
PACE = {"HOTLINK_PROXY_TOKEN_REFRESH_MS": "1", "HOTLINK_PROXY_TOKEN_REFRESH_MAX_MS": "60000"}


def line(email, token, word=""):
    return f"{word}{email}: {hashlib.sha256(token.encode()).hexdigest()}\n"


class Keys:
    """A relay that wants tokens, a sidecar's files with them, and the secrets of it all."""

    def __init__(self, world):
        self.world = world
        self.secrets = {GOOD_A, GOOD_B, STALE, REFRESH}
        self.config = world.directory / "config.json"

    def relay(self, *options):
        file = self.world.directory / "tokens"
        file.write_text(
            "# for the tests\n\n"
            + line(A, GOOD_A)
            + line(B, GOOD_B)
            + line(A, REFRESH, "refresh ")
        )
        return self.world.relay("--token-file", str(file), "--allow-all-reads", *options)

    def write_config(self, access=STALE, refresh=REFRESH):
        """As the client has it, with keys that are not ours."""
        tokens = {"access_token": access, "refresh_token": refresh}
        self.config.write_text(json.dumps({"email": A, "other": {"n": [1, 2.5]}, **tokens}))
        self.config.chmod(0o640)

    def sidecar(self, relay, email=A, **environment):
        if "SYFTBOX_ACCESS_TOKEN" not in environment:
            environment.setdefault("SYFTBOX_CONFIG_PATH", str(self.config))
        return self.world.sidecar(email, relay, **{**PACE, **environment})

    def tokens(self):
        content = json.loads(self.config.read_text())
        self.secrets |= {content["access_token"], content["refresh_token"]}
        return content["access_token"], content["refresh_token"]

    def check_secrets(self):
        if self.config.exists():
            self.tokens()
        places = [*self.world.directory.rglob("*.log"), *self.world.directory.rglob("*telemetry*")]
        assert places
        for place in places:
            text = place.read_text(errors="replace")
            for secret in self.secrets:
                assert secret not in text, f"a token in {place}"


@pytest.fixture
def keys(world):
    """Whatever a test did: no token is in any log or telemetry file."""
    keys = Keys(world)
    yield keys
    keys.check_secrets()


def link(sidecar):
    return (sidecar.telemetry() or {}).get("link", {})


def wait_up(sidecar, connections=1):
    wait_until(
        f"{sidecar.name} is connected",
        lambda: link(sidecar).get("up") and link(sidecar)["connections"] >= connections,
    )


def wait_error(sidecar, *words):
    def told():
        error = link(sidecar).get("error", "")
        return error if all(word in error for word in words) else None

    return wait_until(f"{sidecar.name} says {words}", told)


def count(process, words):
    return process.log_text().count(words)


def post_refresh(relay, token):
    body = json.dumps({"refreshToken": token}).encode()
    request = urllib.request.Request(f"{relay.url}/auth/refresh", body)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10 * SCALE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, None


def upgrade_status(relay, token, user=A):
    with socket.create_connection(("127.0.0.1", relay.port), timeout=10 * SCALE) as sock:
        sock.sendall(
            f"GET /api/v1/events?user={user} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Authorization: Bearer {token}\r\n\r\n".encode()
        )
        return int(sock.recv(4096).split()[1])


class Wire:
    """A port that leads to the relay, notes what is asked for there, and can be cut. Has the `url`
    of a relay. (The relay's own log collapses what repeats.)"""

    def __init__(self, world, relay):
        self.answers = []  # of each connection, in their order: ("GET" or "POST", 401)
        self._target = relay.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs, self._links = [], []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()
        world.closers.append(self.close)

    def count(self, method, status=None):
        return sum(m == method and status in (None, s) for m, s in self.answers)

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._pairs.append((near, far))
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near, far):
        other = {near: far, far: near}
        method, answered = None, False
        try:
            while True:
                for sock in select.select([near, far], [], [])[0]:
                    data = sock.recv(65536)
                    if not data:
                        return
                    if sock is near and method is None:
                        method = data.split()[0].decode()
                    elif sock is far and not answered:
                        answered = True
                        self.answers.append((method, int(data.split()[1])))
                        if method == "GET":
                            self._links.append((near, far))
                    other[sock].sendall(data)
        except (OSError, ValueError):
            pass
        finally:
            near.close(), far.close()

    def cut(self):
        """Every link, and no exchange of tokens."""
        self._shut(self._links)

    def close(self):
        self._listener.close()
        self._shut(self._pairs)

    @staticmethod
    def _shut(pairs):
        for pair in pairs:
            for sock in pair:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        pairs.clear()


@pytest.mark.smoke
def test_tokens_let_in_and_say_who_it_is(world, keys):
    relay = keys.relay()
    a = keys.sidecar(relay, A, SYFTBOX_ACCESS_TOKEN=GOOD_A)
    b_token = world.directory / "b-token"
    b_token.write_text(GOOD_B + "\n")
    b = world.sidecar(B, relay, SYFTBOX_ACCESS_TOKEN_FILE=str(b_token))
    world.channel(a, b)
    a.wait_listening(), b.wait_listening()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    finish(x, y)
    # The user parameter is not believed.
    assert upgrade_status(relay, GOOD_B, user=A) == 101
    wait_until("b is there twice", lambda: count(relay, f"user={B} connected") == 2)
    assert count(relay, f"user={A} connected") == 1
    assert upgrade_status(relay, GOOD_B[:-1]) == 401


def test_a_wrong_token_is_told_and_does_not_make_a_busy_loop(world, keys):
    keys.secrets.add("wrong-token-of-a")
    wire = Wire(world, keys.relay())
    a = keys.sidecar(wire, SYFTBOX_ACCESS_TOKEN="wrong-token-of-a")
    error = wait_error(a, "401", "no refresh token", "SYFTBOX_ACCESS_TOKEN")
    assert "SYFTBOX_REFRESH_TOKEN_FILE" in error

    wait_until("it has settled to its slowest", lambda: wire.count("GET", 401) >= 4)
    start, before = time.monotonic(), wire.count("GET")
    wait_until("it tries on", lambda: wire.count("GET") >= before + 5)
    # At most one in 100 ms, half of HOTLINK_PROXY_RECONNECT_MAX_MS.
    assert time.monotonic() - start >= 0.04 * (wire.count("GET") - before - 1)
    assert len(re.findall(r" warning .* 401 .*no refresh token", a.log_text())) == 1
    assert wire.count("POST") == 0


def test_an_expired_token_is_renewed_and_written_back(world, keys):
    wire = Wire(world, relay := keys.relay("--token-lifetime", "2s"))
    keys.write_config(access=STALE)
    a = keys.sidecar(wire)
    wait_up(a)
    access, refresh = keys.tokens()
    assert access != STALE and refresh != REFRESH
    content = json.loads(keys.config.read_text())
    assert content["email"] == A and content["other"] == {"n": [1, 2.5]}
    assert stat.S_IMODE(keys.config.stat().st_mode) == 0o640
    assert os.getuid() == keys.config.stat().st_uid
    assert wire.answers == [("GET", 401), ("POST", 200), ("GET", 101)]
    assert not re.search(r" (warning|error) ", a.log_text())
    a.terminate()
    wait_until("the token expires", lambda: upgrade_status(relay, access) == 401)
    # What was written is what the next start needs.
    a.start()
    wait_until("the second renewal", lambda: wire.count("GET", 101) == 2)
    assert wire.answers[3:] == [("GET", 401), ("POST", 200), ("GET", 101)]
    assert keys.tokens()[1] != refresh


def test_a_file_that_cannot_be_written_is_warned_of_once(world, keys):
    wire = Wire(world, keys.relay("--token-lifetime", "100ms"))
    keys.write_config()
    config = keys.config
    # No room is left for the name of a temporary file: not even root can write.
    keys.config = config.rename(config.with_name("n" * 250))
    a = keys.sidecar(wire)
    for renewals in (1, 2, 3):
        wait_up(a, renewals)
        # Cut until the token has expired meanwhile.
        wait_until("another is needed", lambda: wire.cut() or wire.count("POST") > renewals)
    wait_up(a, 4)
    assert keys.tokens() == (STALE, REFRESH)
    assert wire.count("POST") == wire.count("POST", 200)
    assert count(a, "kept in memory alone") == 1
    assert len(re.findall(r" warning .*token", a.log_text())) == 1


def test_what_another_process_renewed_is_read_again(world, keys):
    wire = Wire(world, keys.relay())
    keys.write_config(refresh="spent-refresh-of-a")
    a = keys.sidecar(wire)
    wait_error(a, "answered 401", str(keys.config))
    keys.write_config(access=GOOD_A, refresh="spent-refresh-of-a")
    wait_up(a)
    assert wire.count("POST") == 1


def test_two_sidecars_of_one_file_spend_its_token_once(world, keys):
    wire = Wire(world, keys.relay())
    keys.write_config()
    both = [keys.sidecar(wire, data_dir=world.directory / name) for name in ("one", "two")]
    for sidecar in both:
        wait_up(sidecar)
    assert wire.count("POST") == wire.count("POST", 200) == 1


def test_neither_token_works(world, keys):
    keys.secrets.add("spent-refresh-of-a")
    wire = Wire(world, keys.relay())
    keys.write_config(refresh="spent-refresh-of-a")
    a = keys.sidecar(wire)
    error = wait_error(
        a,
        "401",
        f"{wire.url}/auth/refresh answered 401: it does not take the refresh token",
        f"Put a valid token into access_token in {keys.config}",
    )
    wait_until("it tries on", lambda: wire.count("GET", 401) >= 8)
    assert wire.count("POST") == 1  # the refused refresh token rests
    wait_until("the log says it", lambda: error.split(";")[-1] in a.log_text())
    assert len(re.findall(r" warning .*Put a valid token", a.log_text())) == 1


def test_429_is_respected(world, keys):
    relay = keys.relay()
    for _ in range(10):
        assert post_refresh(relay, "nonsense")[0] == 401
    assert post_refresh(relay, REFRESH)[0] == 429
    keys.write_config()
    wire = Wire(world, relay)
    a = keys.sidecar(wire)
    wait_error(a, "answered 429: too many refreshes")
    wait_until("it tries on", lambda: wire.count("GET", 401) >= 8)
    assert wire.count("POST") == wire.count("POST", 429) == 1
    assert keys.tokens() == (STALE, REFRESH)


def test_a_healthy_link_stays_when_its_tokens_change(world, keys):
    relay = keys.relay()
    keys.write_config(access=GOOD_A)
    a = keys.sidecar(relay)
    b = keys.sidecar(relay, B, SYFTBOX_ACCESS_TOKEN=GOOD_B)
    world.channel(a, b)
    a.wait_listening(), b.wait_listening()
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    for access in (STALE, "third-access-of-a"):
        keys.write_config(access=access)
        talk(x, y)
    keys.config.write_text("not JSON at all")
    talk(x, y)
    keys.write_config(access=GOOD_A)
    assert link(a)["connections"] == 1
    assert count(relay, "disconnected") == 0
    assert count(relay, "refresh from") == 0
    finish(x, y)


def test_a_refresh_token_is_spent_by_use(world, keys):
    relay = keys.relay()
    status, fresh = post_refresh(relay, REFRESH)
    assert status == 200
    keys.secrets |= set(fresh.values())
    assert upgrade_status(relay, fresh["accessToken"]) == 101
    assert post_refresh(relay, REFRESH)[0] == 401
    assert post_refresh(relay, fresh["refreshToken"])[0] == 200


def start_relay(*options):
    return subprocess.run(
        [RELAY_BIN, *options],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=20 * SCALE,
        check=False,
    )


def test_beyond_loopback_only_with_tokens(world, keys):
    refused = start_relay("--listen", "0.0.0.0:0")
    assert refused.returncode == 2
    assert "0.0.0.0" in refused.stderr and "--token-file" in refused.stderr
    # The last --listen counts.
    relay = keys.relay("--listen", "0.0.0.0:0")
    relay.port = int(relay.port_file.read_text())
    assert upgrade_status(relay, GOOD_A) == 101
    assert upgrade_status(relay, "nonsense") == 401


@pytest.mark.parametrize(
    "content, words",
    [
        ("# nobody\n", ["holds no token"]),
        (line(A, GOOD_A) + "good-access-of-b\n", ["line 2", 'is not "email: sha256"']),
        (f"{A}: good-access-of-b\n", ["line 1", "64 hex digits"]),
        (None, ["No such file"]),
    ],
)
def test_a_bad_token_file_is_told_with_its_line(tmp_path, content, words):
    path = tmp_path / "tokens"
    if content is not None:
        path.write_text(content)
    result = start_relay("--listen", "127.0.0.1:0", "--token-file", str(path))
    assert result.returncode == 2
    for word in [str(path), *words]:
        assert word in result.stderr
    assert GOOD_B not in result.stderr
