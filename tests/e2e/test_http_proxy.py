"""Sidecars behind an HTTP or SOCKS proxy, which the environment names."""

import pytest

from certificates import Authority
from connect_proxy import ConnectProxy, SocksProxy
from harness import MIB, wait_until
from parties import Party, Transfer, exchange, finish

USER = "ann:s3cret%2Fp%40ss"  # as in a URL
USER_PLAIN = "ann:s3cret/p@ss"
SECRETS = ("s3cret", "p%40ss", "p@ss", "YW5uOnMzY3JldC9wQHNz")  # the last: Base64 of all


@pytest.fixture
def make_proxy(world):
    def make(kind=ConnectProxy, **options):
        proxy = kind(world.ports.take(), **options).start()
        world.last_closers.append(proxy.stop)
        return proxy

    return make


def url(proxy, user=None, scheme="http"):
    return f"{scheme}://{user + '@' if user else ''}127.0.0.1:{proxy.port}"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def serving(authority, scheme):
    """The relay's options, and the variable for its proxy."""
    if scheme == "ws":
        return ("--allow-all-reads",), "http_proxy"
    certificate, key = authority.issue("127.0.0.1")
    tls = ("--tls-cert", str(certificate), "--tls-key", str(key))
    return ("--allow-all-reads", *tls), "https_proxy"


def no_secrets_told(*sidecars):
    for sidecar in sidecars:
        told = sidecar.log_text() + str(sidecar.telemetry())
        for secret in SECRETS:
            assert secret not in told


def a_mebibyte_each_way(a, b):
    x, y = Party(a.port), Party(b.port)
    exchange(x, y, MIB)
    finish(x, y)


@pytest.mark.parametrize("user, given", [(None, None), (USER_PLAIN, USER)], ids=["open", "asks"])
def test_ws(world, make_proxy, user, given):
    proxy = make_proxy(user=user)
    a, b = world.pair(http_proxy=url(proxy, given))
    a_mebibyte_each_way(a, b)
    assert proxy.targets == 2 * [f"127.0.0.1:{world.relay_process.port}"]
    no_secrets_told(a, b)


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY"])
def test_wss(world, make_proxy, tmp_path, variable):
    proxy = make_proxy(user=USER_PLAIN)
    authority = Authority(tmp_path)
    certificate, key = authority.issue("127.0.0.1")
    options = ("--allow-all-reads", "--tls-cert", str(certificate), "--tls-key", str(key))
    settings = {variable: url(proxy, USER), "HOTLINK_PROXY_CA_FILE": str(authority.file)}
    a, b = world.pair(*options, **settings)
    a_mebibyte_each_way(a, b)
    assert proxy.targets == 2 * [f"127.0.0.1:{world.relay_process.port}"]
    no_secrets_told(a, b)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_tls_to_the_proxy(world, make_proxy, authority, scheme):
    proxy = make_proxy(user=USER_PLAIN, certificate=authority.issue("127.0.0.1"))
    options, variable = serving(authority, scheme)
    settings = {variable: url(proxy, USER, "https"), "HOTLINK_PROXY_CA_FILE": str(authority.file)}
    a, b = world.pair(*options, **settings)
    a_mebibyte_each_way(a, b)
    assert proxy.targets == 2 * [f"127.0.0.1:{world.relay_process.port}"]
    no_secrets_told(a, b)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@pytest.mark.parametrize("kind", ["socks5", "socks5h"])
def test_socks(world, make_proxy, authority, kind, scheme):
    proxy = make_proxy(SocksProxy, user=USER_PLAIN)
    options, variable = serving(authority, scheme)
    settings = {variable: url(proxy, USER, kind), "HOTLINK_PROXY_CA_FILE": str(authority.file)}
    a, b = world.pair(*options, **settings)
    a_mebibyte_each_way(a, b)
    assert proxy.targets == 2 * [f"127.0.0.1:{world.relay_process.port}"]
    no_secrets_told(a, b)


def test_socks5h_lets_the_proxy_find_the_name(world, make_proxy):
    proxy = make_proxy(SocksProxy)
    relay = world.relay()
    a = world.sidecar("a@example.org", relay, start=False, http_proxy=url(proxy, scheme="socks5h"))
    a.environment["SYFTBOX_SERVER_URL"] = f"http://localhost:{relay.port}"
    a.start()
    wait_until("it is connected", lambda: (a.telemetry() or {}).get("link", {}).get("up"))
    assert proxy.targets == [f"localhost:{relay.port}"]


@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
def test_no_proxy(world, make_proxy, variable):
    proxy = make_proxy()
    a, b = world.pair(http_proxy=url(proxy), **{variable: "other.example,127.0.0.1"})
    a_mebibyte_each_way(a, b)
    assert not proxy.targets


def test_the_other_schemes_proxy_is_not_taken(world, make_proxy):
    proxy = make_proxy()
    a, b = world.pair(https_proxy=url(proxy))
    a_mebibyte_each_way(a, b)
    assert not proxy.targets


def test_proxy_dies_in_a_transfer(world, make_proxy):
    proxy = make_proxy()
    a, b = world.pair(http_proxy=url(proxy))
    x, y = Party(a.port), Party(b.port)
    transfers = [Transfer(x, y).start(), Transfer(y, x).start()]
    for _ in range(3):
        for transfer in transfers:
            transfer.wait_progress(2 * MIB)
        proxy.stop()
        a.wait_link_error(f"through the proxy http://127.0.0.1:{proxy.port} (http_proxy)")
        proxy.start()
    for transfer in transfers:
        transfer.wait_progress(2 * MIB)
    for transfer in transfers:
        transfer.finish(30)
    assert len(proxy.targets) >= 2 * 4


# ---- proxies of no use: the error names them, and never their password ----


def expect_error(world, proxy_url, *words, **settings):
    relay = world.relay()
    a = world.sidecar("a@example.org", relay, http_proxy=proxy_url, **settings)
    a.wait_link_error(f"127.0.0.1:{relay.port}", "http_proxy", *words)
    wait_until("the log says so too", lambda: all(word in a.log_text() for word in words))
    no_secrets_told(a)


@pytest.mark.parametrize(
    "given, words",
    [(None, "wants a user and a password"), (USER, "does not take the user")],
    ids=["none given", "wrong"],
)
def test_authentication_fails(world, make_proxy, given, words):
    proxy = make_proxy(user="ann:another")
    expect_error(world, url(proxy, given), f"proxy {url(proxy)}", "407", words)


@pytest.mark.parametrize(
    "status, words", [("403 Forbidden", "forbids"), ("502 Bad Gateway", "does not connect")]
)
def test_the_proxy_refuses(world, make_proxy, status, words):
    proxy = make_proxy(refuse=status)
    expect_error(world, url(proxy, USER), f"proxy {url(proxy)}", status[:3], words)


def test_nobody_listens(world, make_proxy):
    proxy = make_proxy()
    proxy.stop()
    expect_error(world, url(proxy, USER), f"proxy {url(proxy)}", "Connection refused")


def test_the_proxys_name_does_not_resolve(world):
    expect_error(world, f"http://{USER}@nowhere.invalid:3128", "proxy http://nowhere.invalid:3128")


@pytest.mark.parametrize(
    "proxy_url",
    [f"ftp://{USER}@h:1", f"http://{USER}@h:port", "http://ann:s3cret/p@h:1"],
    ids=["scheme", "port", "password"],
)
def test_no_usable_address(world, proxy_url):
    expect_error(world, proxy_url, "no proxy that can be used", "http://user:password@host:port")


def test_the_proxys_certificate_is_for_another_name(world, make_proxy, authority):
    proxy = make_proxy(certificate=authority.issue("proxy.example"))
    settings = {"HOTLINK_PROXY_CA_FILE": str(authority.file)}
    words = "the proxy's certificate is for proxy.example, not for 127.0.0.1", "the right name"
    expect_error(world, url(proxy, USER, "https"), *words, **settings)


def test_the_proxys_certificate_is_of_another_authority(world, make_proxy, authority):
    proxy = make_proxy(certificate=authority.issue("127.0.0.1"))
    expect_error(world, url(proxy, USER, "https"), "Test Authority, which is not trusted here")


def test_tls_to_a_proxy_that_has_none(world, make_proxy):
    """It waits for the rest of a request, and nobody says anything."""
    settings = {"HOTLINK_PROXY_CONNECT_TIMEOUT_MS": "500"}
    words = "does the proxy's port speak TLS?", "use http:// in http_proxy"
    expect_error(world, url(make_proxy(), USER, "https"), *words, **settings)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"refuse": 2}, "forbids this server or port"),
        ({"refuse": 5}, "does not connect"),
        ({"user": "ann:another"}, "does not take the user and password in http_proxy"),
    ],
    ids=["forbids", "refuses", "wrong password"],
)
def test_socks_of_no_use(world, make_proxy, options, words):
    proxy = make_proxy(SocksProxy, **options)
    expect_error(world, url(proxy, USER, "socks5h"), url(proxy, scheme="socks5h"), words)
