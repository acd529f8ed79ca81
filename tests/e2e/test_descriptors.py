"""Out of file descriptors: accepting pauses and says so; nothing dies, and it goes on by itself."""

import contextlib
import os
import pathlib
import resource

from harness import ABOVE, wait_until, write_marker
from parties import Party, finish, talk

RESERVED = 64  # kReservedFiles (net/open_files.h)
LINK_FILES = 4  # descriptors that the relay link gives back while it is down, at most
LIMIT = 3 * RESERVED  # of the process: room for about a hundred connections


def limited(soft, hard):
    return ("prlimit", f"--nofile={soft}:{hard}")


def lowest_free(sidecar):
    """The number that the next descriptor gets, when neither telemetry nor a scan has files open."""
    folder = pathlib.Path(f"/proc/{sidecar.pid}/fd")
    passing = (str(sidecar.data_dir), str(sidecar.data_dir / "datasites"))
    used = set()
    for entry in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            target = os.readlink(entry)
            if target != passing[0] and not target.startswith(passing[1]):
                used.add(int(entry.name))
    return next(fd for fd in range(len(used) + 1) if fd not in used)


def limited_pair(world):
    relay = world.relay()
    a = world.sidecar(
        "a@example.org", relay, wrapper=limited(LIMIT, LIMIT), HOTLINK_PROXY_STANDBYS="1024"
    )
    b = world.sidecar("b@example.org", relay)
    world.channel(a, b)
    a.wait_listening()
    b.wait_listening()
    return relay, a, b


def full(channel):
    return "out of file descriptors" in channel["detail"]


def test_the_soft_limit_is_raised_to_the_hard_one(world):
    a = world.sidecar("a@example.org", world.relay(), wrapper=limited(200, 300))
    wait_until("it runs", lambda: a.telemetry() is not None)
    assert resource.prlimit(a.pid, resource.RLIMIT_NOFILE) == (300, 300)
    assert "limit of open files: 300" in a.log_text()


def test_connections_up_to_the_reserve_and_one_more(world):
    relay, a, b = limited_pair(world)
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    with contextlib.ExitStack() as parties:

        def connect():
            return parties.enter_context(contextlib.closing(Party(a.port)))

        others = [connect() for _ in range(LIMIT - RESERVED - lowest_free(a))]
        wait_until("n are taken", lambda: lowest_free(a) == LIMIT - RESERVED)
        a.wait_channel("counts them", lambda c: c["standbys"] == len(others))
        assert not full(a.channel())
        connect()
        a.wait_channel("says that one waits", full)
        assert f"limit {LIMIT}" in a.log_text()
        assert "raise the limit of open files" in a.log_text()
        assert a.log_text().count("cannot accept") == 1
        talk(x, y)
        # While the link is down, its places go to those that wait; then it takes reserved ones.
        relay.kill()
        a.wait_channel("takes it", lambda c: c["standbys"] == len(others) + 1)
        for _ in range(LINK_FILES):
            connect()
        a.wait_channel("says that another one waits", full)
        relay.start()
        talk(x, y)
        port = world.ports.take()
        write_marker(a, b.email, port, above="newer")
        a.wait_channel("says why it does not listen", full, "newer")
        talk(x, y)
        for other in others:
            other.close()
        a.wait_channel("takes those that waited", lambda c: c["detail"] == "", ABOVE)
        a.wait_channel("and the newer port", lambda c: c["port"] == port, "newer")
        talk(x, y)
    finish(x, y)


def test_not_one_descriptor_left(world):
    """The limit falls below what is open: not even the reserve is there."""
    relay, a, b = limited_pair(world)
    x, y = Party(a.port), Party(b.port)
    talk(x, y)
    resource.prlimit(a.pid, resource.RLIMIT_NOFILE, (lowest_free(a), LIMIT))

    def wait_log(words):
        wait_until(f"the log says {words!r}", lambda: words in a.log_text())

    wait_log("cannot be written: ")  # the telemetry file
    waiting = Party(a.port)
    wait_log("cannot accept")
    marker = a.datasite / ABOVE / "0_to_1/stream.tcp"
    marker.write_text(marker.read_text() + " \n")
    wait_log("markers: cannot open")
    talk(x, y)
    relay.kill()
    wait_log("trying again in")
    # The link's own descriptor is free now: it has to do without that, too.
    resource.prlimit(a.pid, resource.RLIMIT_NOFILE, (lowest_free(a), LIMIT))
    relay.start()
    tries = a.log_text().count("waiting -> connecting")
    wait_until(
        "it tries again", lambda: a.log_text().count("waiting -> connecting") > tries + 1
    )
    assert a.running()
    assert "rejected" not in a.log_text()

    resource.prlimit(a.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
    talk(x, y)
    a.wait_channel("takes the one that waited", lambda c: c["standbys"] == 1 and not full(c))
    waiting.close()
    finish(x, y)
