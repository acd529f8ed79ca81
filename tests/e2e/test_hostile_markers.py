"""A peer may write into our channel directories: whatever it makes of our marker in a live run, the
worst is that this channel ends with a reason, and it is back when the marker is."""

import errno
import json
import os
import shutil

import pytest

from harness import ABOVE, write_atomically, write_marker
from parties import Party, finish, talk

STRANGER = "mallory@example.org"


class Run:
    """Two channels between a and b, each with a live join; the first one's marker is attacked."""

    def __init__(self, world):
        self.world = world
        self.a, self.b = world.pair(HOTLINK_PROXY_DRAIN_MS="300")
        self.marker = self.a.datasite / ABOVE / "0_to_1/stream.tcp"
        self.text = self.marker.read_text()
        self.ports = (self.a.port, self.b.port)
        self.live = Party(self.ports[0]), Party(self.ports[1])
        other = world.channel(self.a, self.b, above="other/run")
        self.a.wait_listening(other[0])
        self.b.wait_listening(other[1])
        self.other = Party(other[0]), Party(other[1])
        talk(*self.live)
        talk(*self.other)

    def rewrite(self, **fields):
        write_atomically(self.marker, json.dumps({**json.loads(self.text), **fields}))

    def with_port(self, port):
        self.rewrite(port=port, ports={self.a.email: port, self.b.email: self.ports[1]})

    def is_rejected(self, words):
        self.a.wait_channel(
            "says why",
            lambda c: c["reason"] == "marker rejected" and words in c["detail"],
            ABOVE,
        )
        assert words in self.a.log_text()
        self.ends()

    def ends(self):
        """The join is drained and then reset, the port closed; the other channel goes on."""
        self.a.wait_not_listening(self.ports[0])
        talk(*self.other)
        for party in self.live:
            party.expect_reset()
        talk(*self.other)

    def comes_back(self):
        if self.marker.is_dir() and not self.marker.is_symlink():
            shutil.rmtree(self.marker)
        write_atomically(self.marker, self.text)
        self.a.wait_channel(
            "is what it was",
            lambda c: c["peer"] == self.b.email and c["port"] == self.ports[0],
            ABOVE,
        )
        x, y = Party(self.ports[0]), Party(self.ports[1])
        talk(x, y)
        finish(x, y)
        talk(*self.other)
        finish(*self.other)


@pytest.fixture
def run(world):
    return Run(world)


CONTENTS = {
    "privileged port": (lambda run: run.with_port(80), "port 80 is outside HOTLINK_PROXY_PORTS"),
    "port 0": (lambda run: run.with_port(0), "must be a whole number from 1 to 65535"),
    "port 65536": (lambda run: run.with_port(65536), "must be a whole number from 1 to 65535"),
    "port 70000": (lambda run: run.with_port(70000), "must be a whole number from 1 to 65535"),
    "port a text": (lambda run: run.with_port("9001"), "must be a whole number from 1 to 65535"),
    "port a list": (lambda run: run.with_port([9001]), "must be a whole number from 1 to 65535"),
    "with itself": (lambda run: run.rewrite(to=run.a.email), "are both a@example.org"),
    "two strangers": (lambda run: run.rewrite(**{"from": STRANGER}), "not for a@example.org"),
    "dial a text": (lambda run: run.rewrite(dial="127.0.0.1:22"), '"dial" is no object'),
    "dial what is not allowed": (
        lambda run: run.rewrite(dial={run.a.email: "169.254.169.254:80"}),
        "169.254.169.254:80 is not in HOTLINK_PROXY_DIAL_ALLOW",
    ),
    "2 MB": (lambda run: run.rewrite(filler="x" * 2_000_000), "bytes, allowed are 65536"),
    "1 MB nested": (
        lambda run: write_atomically(run.marker, "[" * 500_000 + "]" * 500_000),
        "it has 1000000 bytes, allowed are 65536",
    ),
    "64 KiB nested": (lambda run: write_atomically(run.marker, "[" * 65_536), "not valid JSON"),
    "NUL bytes": (lambda run: run.marker.write_bytes(b"\0" * 1000), "a NUL"),
    "hidden by a NUL": (lambda run: run.rewrite(to=f"{run.b.email}\0.evil"), "a NUL"),
    "invalid UTF-8": (lambda run: run.marker.write_bytes(b'{"from":"\xff\xfe"'), "not valid JSON"),
    "invalid UTF-8 in an e-mail": (
        lambda run: run.marker.write_bytes(run.text.encode().replace(b"b@", b"\xff\xc0@")),
        '"to": ',
    ),
    "terminal codes": (lambda run: run.rewrite(to="\x1b[2J@x"), '"to": '),
    "empty": (lambda run: run.marker.write_bytes(b""), "it is empty"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_its_content(run, name):
    attack, words = CONTENTS[name]
    attack(run)
    run.is_rejected(words)
    assert "\x1b" not in run.a.log_text()
    run.comes_back()


def symlink_to(target):
    def attack(run):
        run.marker.unlink()
        run.marker.symlink_to(target)

    return attack


def symlink_to_a_good_marker(run):
    elsewhere = run.world.directory / "elsewhere.json"
    elsewhere.write_text(run.text)
    symlink_to(elsewhere)(run)


def fifo(run):
    run.marker.unlink()
    os.mkfifo(run.marker)


def directory(run):
    run.marker.unlink()
    (run.marker / "0_to_1").mkdir(parents=True)
    (run.marker / "stream.tcp").write_text(run.text)


KINDS = {
    "symlink to /etc/passwd": (symlink_to("/etc/passwd"), "it is a symlink"),
    "symlink to a good marker": (symlink_to_a_good_marker, "it is a symlink"),
    "symlink to itself": (symlink_to("stream.tcp"), "it is a symlink"),
    "symlink to a terminal": (symlink_to("/dev/tty"), "it is a symlink"),
    "FIFO": (fifo, "it is no regular file"),
    "directory": (directory, "it is no regular file"),
}


@pytest.mark.parametrize("name", KINDS)
def test_its_kind(run, name):
    attack, words = KINDS[name]
    attack(run)
    run.is_rejected(words)
    assert "root:" not in run.a.log_text() + json.dumps(run.a.telemetry())
    if name == "FIFO":  # nobody has it open for reading
        with pytest.raises(OSError) as error:
            os.open(run.marker, os.O_WRONLY | os.O_NONBLOCK)
        assert error.value.errno == errno.ENXIO
    run.comes_back()


def removed(depth):
    return lambda run: shutil.rmtree(run.marker.parents[depth])


def moved(depth):
    def attack(run):
        folder = run.marker.parents[depth]
        folder.rename(run.world.directory / "moved away")

    return attack


def behind_a_symlink(depth):
    def attack(run):
        moved(depth)(run)
        run.marker.parents[depth].symlink_to(run.world.directory / "moved away")

    return attack


WAYS = {
    "channel directory removed": removed(0),
    "two directories removed": removed(1),
    "channel directory moved": moved(0),
    "channel directory behind a symlink": behind_a_symlink(0),
    "directory above behind a symlink": behind_a_symlink(1),
}


@pytest.mark.parametrize("name", WAYS)
def test_the_way_to_it(run, name):
    WAYS[name](run)
    run.ends()
    assert run.a.channel(ABOVE) is None
    for folder in run.marker.parents:
        if folder.is_symlink():
            folder.unlink()
    run.comes_back()


def test_another_port_moves_the_listener_and_not_the_join(run):
    port = run.world.ports.take()
    run.with_port(port)
    run.a.wait_listening(port)
    run.a.wait_not_listening(run.ports[0])
    talk(*run.live)
    finish(*run.live)
    run.comes_back()


@pytest.mark.parametrize("value", ["127.0.0.1:22", 22, ["x"], {"a": None}, True, "\x1b[2J"])
def test_a_key_that_is_unknown_changes_nothing(run, value):
    run.rewrite(proxy=value)
    port = run.world.ports.take()
    write_marker(run.a, run.b.email, port, above="good")
    run.a.wait_listening(port)  # what came before it has been looked at
    talk(*run.live)
    assert run.a.channel(ABOVE)["active"]
    finish(*run.live)
    run.comes_back()


def test_a_stranger_as_peer_ends_this_channel_alone(run):
    run.rewrite(to=STRANGER)
    for party in run.live:
        party.expect_reset()
    run.a.wait_channel("has the new peer", lambda c: c["peer"] == STRANGER, ABOVE)
    talk(*run.other)
    x = Party(run.ports[0]).send(b"for mallory alone")
    y = Party(run.ports[1])
    y.expect_silence(0.3)
    x.reset()
    y.reset()
    run.comes_back()


def test_a_marker_that_changes_all_the_time(run):
    """Files of every kind come and go in its place; the other channel does not notice."""
    attacks = [attack for attack, _ in (*KINDS.values(), *CONTENTS.values())]
    for turn in range(200):
        attacks[turn % len(attacks)](run)
        if turn % 10 == 0:
            talk(*run.other)
        if run.marker.is_dir() and not run.marker.is_symlink():
            shutil.rmtree(run.marker)
        else:
            run.marker.unlink()
        write_atomically(run.marker, run.text)
    for party in run.live:
        party.reset()
    run.comes_back()
