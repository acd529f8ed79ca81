"""What launchers do before the parties start: number ports, write markers, probe.

A party's block of ports begins at base + 1000 * party: those of the formula in mesh.py, then the
one that MPyC listens on, then those at which it dials the others.
"""

import itertools
import json
import os
import socket

from mesh import party_port

RUN = "shared/flows/frequencies/run-1/_mpc"
MPYC_RUN = "shared/flows/statistics/run-1/_mpc"


def email(party):
    return f"party{party}@demo.example"


def block_offsets(parties):
    """Of all ports that the parties use, from the base."""
    formula = [party_port(0, i, j, parties) for i, j in itertools.permutations(range(parties), 2)]
    mpyc = MpycPorts(0, parties)
    listens = [mpyc.listens(i) for i in range(parties)]
    dials = [mpyc.dials(i, j) for i, j in itertools.combinations(range(parties), 2)]
    return [*formula, *listens, *dials]


class MpycPorts:
    def __init__(self, base, parties):
        self._base = base
        self._first = self.first_offset(parties)

    @staticmethod
    def first_offset(parties):
        return parties * (parties - 1) // 2 + 1

    def listens(self, party):
        return self._base + 1000 * party + self._first

    def dials(self, party, peer):
        """REQUIRES: party < peer."""
        return self.listens(party) + peer


def write_atomically(path, text):
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.rename(path)


def write_marker(data_dir, i, j, base, parties):
    """The channel directory of party i towards party j, as i's launcher writes it."""
    mine, theirs = party_port(base, i, j, parties), party_port(base, j, i, parties)
    marker = {"port": mine, "ports": {email(i): mine, email(j): theirs}}
    write_channel(data_dir, RUN, i, j, marker)


def write_dial_marker(data_dir, i, j, ports, own):
    """The same for MPyC: party i connects, at party j the sidecar dials. `own`: i or j, who of
    them writes it."""
    marker = {
        "ports": {email(i): ports.dials(i, j)},
        "dial": {email(j): f"127.0.0.1:{ports.listens(j)}"},
    }
    write_channel(data_dir, MPYC_RUN, own, j if own == i else i, marker)


def write_channel(data_dir, run, i, j, marker):
    directory = data_dir / "datasites" / email(i) / run / f"{i}_to_{j}"
    write_channel_directory(directory, email(i), email(j), marker)


def write_channel_directory(directory, sender, peer, marker):
    """`marker`: what it says besides the two e-mails."""
    directory.mkdir(parents=True, exist_ok=True)
    access = f"{{admin: [], read: [{peer}], write: [{peer}]}}"
    write_atomically(
        directory / "syft.pub.yaml", f'rules:\n  - pattern: "**"\n    access: {access}\n'
    )
    write_atomically(directory / "stream.accept", "1\n")
    marker = {"from": sender, "to": peer, **marker}
    write_atomically(directory / "stream.tcp", json.dumps(marker) + "\n")


def sidecar_environment(party, data_dir, server, dial_allow):
    ours = ("SYFTBOX_", "HOTLINK_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    environment.update(
        SYFTBOX_EMAIL=email(party),
        SYFTBOX_DATA_DIR=str(data_dir),
        SYFTBOX_SERVER_URL=server,
        HOTLINK_PROXY_TELEMETRY_MS="200",
        # Where the admin socket goes if data_dir is too long for one; it goes with the demo's files.
        XDG_RUNTIME_DIR=str(data_dir.parent),
        HOTLINK_PROXY_DIAL_ALLOW=dial_allow,
    )
    return environment


def probe(port):
    """What a launcher does to see whether a port listens: connect, close at once."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False
