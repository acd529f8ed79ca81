"""Options and fixtures: which server is tested, with which users."""

import asyncio
import inspect
import os
import pathlib
import subprocess

import pytest

from client import Network, Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEST_SECONDS = 60  # one test, at most
START_SECONDS = 20  # until the relay listens


def pytest_addoption(parser):
    group = parser.getgroup("conformance")
    group.addoption("--server", help="test this server, ws://host:port, instead of hotlink-relay")
    built = os.environ.get("HOTLINK_RELAY_BIN", str(ROOT / "build/release/hotlink-relay"))
    group.addoption("--relay", default=built, help="the hotlink-relay to start")
    group.addoption("--as-syftbox", action="store_true", help="start the relay with --as-syftbox")
    for name in "abc":
        group.addoption(f"--user-{name}", default=f"{name}@conformance.org")
        group.addoption(f"--token-{name}", help="access token, for a server with authentication")
    group.addoption("--shared-path", help="a directory of user a that users b and c may read")
    group.addoption("--allow-writes", action="store_true", help="the server's files may be changed")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs `async def` tests, and closes their connections."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}

    async def run():
        try:
            await asyncio.wait_for(pyfuncitem.obj(**arguments), TEST_SECONDS)
        finally:
            await Network.close_all()

    asyncio.run(run())
    return True


class Relay:
    """A hotlink-relay of our own on a free port."""

    def __init__(self, program, *options):
        command = [program, "--listen", "127.0.0.1:0", *options]
        # A sanitized build keeps freed memory: little of it, because memory is measured here.
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8"
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=dict(os.environ, ASAN_OPTIONS=sanitizer),
        )
        line = self.process.stdout.readline()
        assert line.startswith("listening on ws://"), f"{command} said {line!r}"
        self.url = line.split()[-1]

    def stop(self):
        self.process.terminate()
        code = self.process.wait(START_SECONDS)
        self.process.stdout.close()
        return code


def relay_options(config):
    return ["--as-syftbox"] if config.getoption("--as-syftbox") else []


def make_server(config, url, shared_path):
    users = {name: config.getoption(f"--user-{name}") for name in "abc"}
    tokens = {name: config.getoption(f"--token-{name}") for name in "abc"}
    return Server(url, users, tokens, shared_path or f"{users['a']}/conformance")


@pytest.fixture(scope="session")
def server(pytestconfig):
    """A server where b and c may read the shared path of a; or one given, with what is known."""
    url = pytestconfig.getoption("--server")
    shared_path = pytestconfig.getoption("--shared-path")
    if url:
        yield make_server(pytestconfig, url, shared_path)
        return
    relay = Relay(
        pytestconfig.getoption("--relay"), "--allow-all-reads", *relay_options(pytestconfig)
    )
    yield make_server(pytestconfig, relay.url, None)
    assert relay.stop() == 0


@pytest.fixture(scope="session")
def closed_server(pytestconfig):
    """A server where nobody may read a's paths except below the shared path."""
    url = pytestconfig.getoption("--server")
    if url:
        yield make_server(pytestconfig, url, None)
        return
    relay = Relay(pytestconfig.getoption("--relay"), *relay_options(pytestconfig))
    yield make_server(pytestconfig, relay.url, None)
    assert relay.stop() == 0


@pytest.fixture
def net(server):
    """For what needs no access of one user to another's paths."""
    return Network(server)


@pytest.fixture
def shared(pytestconfig, server):
    """For sessions between users: b and c have to be able to read a path of a."""
    if pytestconfig.getoption("--server") and not pytestconfig.getoption("--shared-path"):
        pytest.skip("needs --shared-path: a directory of user a that b and c may read")
    return Network(server)


@pytest.fixture
def closed(closed_server):
    """For paths that others may not read."""
    return Network(closed_server)


@pytest.fixture
def own_relay(pytestconfig):
    """Starts relays with options of the test's own; only without --server."""
    if pytestconfig.getoption("--server"):
        pytest.skip("about the program hotlink-relay itself, not about --server")
    started = []

    def start(*options):
        relay = Relay(pytestconfig.getoption("--relay"), *options)
        started.append(relay)
        return relay

    yield start
    for relay in started:
        if relay.process.poll() is None:
            relay.stop()
