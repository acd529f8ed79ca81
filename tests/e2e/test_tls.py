"""TLS between sidecar and relay: what works, and what is said of what does not."""

import socket
import ssl
import urllib.request

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from certificates import DAY, Authority, date_text, now, write_key
from harness import MIB, SCALE, wait_until
from parties import Party, Transfer, exchange, finish
from test_config import RELAY_BIN, run


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def tls(certificate_and_key, *more):
    certificate, key = certificate_and_key
    return ("--allow-all-reads", "--tls-cert", str(certificate), "--tls-key", str(key), *more)


def tls_pair(world, authority, *relay_options, **environment):
    options = tls(authority.issue("localhost", "127.0.0.1"), *relay_options)
    return world.pair(*options, HOTLINK_PROXY_CA_FILE=str(authority.file), **environment)


class Address:
    """A relay under another address than its own."""

    def __init__(self, url):
        self.url = url


def sidecar_at(world, url, authority=None, **environment):
    if authority:
        environment["HOTLINK_PROXY_CA_FILE"] = str(authority.file)
    return world.sidecar("a@example.org", Address(url), **environment)


# ---- what works ----


@pytest.mark.smoke
def test_a_mebibyte_each_way(world, authority):
    a, b = tls_pair(world, authority)
    x, y = Party(a.port), Party(b.port)
    exchange(x, y, MIB)
    finish(x, y)


def test_wss_and_a_name(world, authority):
    relay = world.relay(*tls(authority.issue("localhost", "127.0.0.1")))
    a = sidecar_at(world, f"wss://localhost:{relay.port}", authority)
    wait_until("the link is up", lambda: " up encoding=" in a.log_text())


@pytest.mark.parametrize("more", [(), ("--as-syftbox",)])
def test_relay_killed_in_a_transfer(world, authority, more):
    a, b = tls_pair(world, authority, *more)
    x, y = Party(a.port), Party(b.port)
    transfers = [Transfer(x, y).start(), Transfer(y, x).start()]
    for _ in range(3):
        for transfer in transfers:
            transfer.wait_progress(4 * MIB)
        world.relay_process.kill()
        world.relay_process.start()
    for transfer in transfers:
        transfer.wait_progress(4 * MIB)
    for transfer in transfers:
        transfer.finish(30)


def test_a_reader_that_pauses(world, authority):
    """TLS may hold bytes that no socket tells of, when reading stops and goes on."""
    a, b = tls_pair(world, authority)
    transfer = Transfer(Party(a.port), Party(b.port), size=24 * MIB)
    transfer.may_read.clear()
    transfer.start()
    a.wait_channel("the window is full", lambda c: "window full" in c["reason"])
    transfer.may_read.set()
    transfer.wait(60)


def test_the_health_page(world, authority):
    relay = world.relay(*tls(authority.issue("127.0.0.1")))
    context = ssl.create_default_context(cafile=str(authority.file))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with urllib.request.urlopen(f"{relay.url}/healthz", context=context, timeout=10) as answer:
        assert answer.read() == b"ok"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2])
def test_tls_versions(world, authority, version):
    relay = world.relay(*tls(authority.issue("127.0.0.1")))
    context = ssl.create_default_context(cafile=str(authority.file))
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # else this client offers no old versions
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", relay.port), timeout=10 * SCALE) as sock:
        if version == ssl.TLSVersion.TLSv1_2:
            context.wrap_socket(sock, server_hostname="127.0.0.1").close()
        else:
            with pytest.raises(OSError, match="(?i)alert|eof|reset"):
                context.wrap_socket(sock, server_hostname="127.0.0.1")


# ---- what is wrong with a certificate ----


def test_expired(world, authority):
    ended = now() - DAY / 24
    relay = world.relay(*tls(authority.issue("127.0.0.1", ends=ended)))
    a = sidecar_at(world, relay.url, authority)
    a.wait_link_error(f"127.0.0.1:{relay.port}", "expired at " + date_text(ended), "clock")
    assert "expired at" in a.log_text()


def test_not_yet_valid(world, authority):
    begins = now() + DAY / 24
    relay = world.relay(*tls(authority.issue("127.0.0.1", begins=begins)))
    a = sidecar_at(world, relay.url, authority)
    a.wait_link_error("valid only from " + date_text(begins), "clock")


def test_for_another_name(world, authority):
    relay = world.relay(*tls(authority.issue("relay.example", "10.1.2.3", "fd00::7")))
    a = sidecar_at(world, relay.url, authority)
    a.wait_link_error("for relay.example, 10.1.2.3, fd00::7, not for 127.0.0.1", "server URL")


def test_of_another_authority(world, authority, tmp_path):
    relay = world.relay(*tls(Authority(tmp_path, "Somebody Else").issue("127.0.0.1")))
    a = sidecar_at(world, relay.url, authority)
    a.wait_link_error("Somebody Else", f"HOTLINK_PROXY_CA_FILE {authority.file} does not hold it")


def test_of_an_authority_that_the_system_does_not_know(world, authority):
    relay = world.relay(*tls(authority.issue("127.0.0.1")))
    a = sidecar_at(world, relay.url)
    a.wait_link_error("Test Authority", "not trusted", "HOTLINK_PROXY_CA_FILE names")


def test_it_comes_up_when_the_certificate_is_put_right(world, authority):
    names = ("127.0.0.1", "localhost")
    certificate, key = authority.issue(*names, ends=now() - DAY / 24)
    relay = world.relay(*tls((certificate, key)))
    a = sidecar_at(world, relay.url, authority)
    a.wait_link_error("expired")
    relay.kill()
    for old, new in zip((certificate, key), authority.issue(*names)):
        old.write_bytes(new.read_bytes())
    relay.start()
    wait_until("the link is up", lambda: " up encoding=" in a.log_text())


@pytest.mark.parametrize(
    "content, words", [(None, "No such file"), ("no certificate\n", "holds no certificate in PEM")]
)
def test_a_ca_file_of_no_use(world, authority, tmp_path, content, words):
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    relay = world.relay(*tls(authority.issue("127.0.0.1")))
    a = sidecar_at(world, relay.url, HOTLINK_PROXY_CA_FILE=str(path))
    a.wait_link_error(f"HOTLINK_PROXY_CA_FILE {path}", words)
    path.write_bytes(authority.file.read_bytes())
    wait_until("it is read again, and good", lambda: " up encoding=" in a.log_text())


# ---- TLS and plain mixed up ----


def test_tls_towards_a_plain_relay(world):
    relay = world.relay()
    a = sidecar_at(world, f"https://127.0.0.1:{relay.port}")
    a.wait_link_error("speak TLS", "use http:// in the server URL")


def test_plain_towards_a_tls_relay(world, authority):
    relay = world.relay(*tls(authority.issue("127.0.0.1")))
    a = sidecar_at(world, f"ws://127.0.0.1:{relay.port}", authority)
    a.wait_link_error("https", "use https:// in the server URL")


# ---- the relay's own files ----


def test_certificate_and_key_go_together(tmp_path, authority):
    certificate, key = authority.issue("localhost")
    for given, missing in (("--tls-cert", "--tls-key"), ("--tls-key", "--tls-cert")):
        result = run(given, str(certificate), program=RELAY_BIN)
        assert result.returncode == 2
        assert f"{given} needs {missing}" in result.stderr


@pytest.mark.parametrize(
    "which, make, words",
    [
        ("--tls-cert", lambda path: None, "No such file"),
        ("--tls-key", lambda path: None, "No such file"),
        ("--tls-cert", lambda path: path.mkdir(), "directory"),
        ("--tls-cert", lambda path: path.write_text("x\n"), "no certificate in PEM form"),
        ("--tls-key", lambda path: path.write_text("x\n"), "no private key in PEM form"),
        ("--tls-key", lambda path: write_key(path, a_key(), "secret"), "has a passphrase"),
        ("--tls-key", lambda path: write_key(path, a_key()), "is not the key of"),
        ("--tls-key", lambda path: write_key(path, a_key(rsa_key=True)), "is not the key of"),
    ],
)
def test_a_file_of_no_use_is_named(tmp_path, authority, which, make, words):
    files = dict(zip(("--tls-cert", "--tls-key"), authority.issue("localhost")))
    files[which] = tmp_path / "bad.pem"
    make(files[which])
    arguments = [str(word) for pair in files.items() for word in pair]
    result = run("--listen", "127.0.0.1:0", *arguments, program=RELAY_BIN)
    assert result.returncode == 2, result.stderr
    assert f"{which} {files[which]}" in result.stderr
    assert words in result.stderr


def a_key(rsa_key=False):
    if rsa_key:
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())
