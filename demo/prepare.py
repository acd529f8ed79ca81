#!/usr/bin/python3
"""What compose.yaml's containers need before they start: data directories with markers, and tokens.

  ROOT/relay/tokens                               the relay's token file
  ROOT/<e-mail>/                                  a sidecar's data directory, with
  ROOT/<e-mail>/.syftbox/access-token             the token it shows to the relay, and
  ROOT/<e-mail>/datasites/<e-mail>/…/stream.tcp   a marker per peer

May run again beside containers that run: the tokens stay, the markers are written anew.
"""

import argparse
import hashlib
import os
import pathlib
import secrets

from launcher import email, write_atomically, write_marker


def write_secret(path, text):
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.with_name(path.name + ".tmp").touch(mode=0o600)  # the temporary file has to be one too
    write_atomically(path, text)


def token_in(path):
    """The token that the file holds; a new one if it is not there."""
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(32) + "\n")
    return path.read_text(encoding="utf-8").strip()


def prepare(root, parties, base):
    digests = []
    for i in range(parties):
        token = token_in(root / email(i) / ".syftbox" / "access-token")
        digests.append(f"{email(i)}: {hashlib.sha256(token.encode()).hexdigest()}\n")
        for j in range(parties):
            if j != i:
                write_marker(root / email(i), i, j, base, parties)
    write_secret(root / "relay" / "tokens", "".join(digests))


def give_away(root, owner):
    for directory, _, files in os.walk(root):
        for path in [directory, *(os.path.join(directory, name) for name in files)]:
            os.chown(path, owner, owner, follow_symlinks=False)


def main():
    parser = argparse.ArgumentParser(description="Prepares the demo's containers.")
    parser.add_argument("--parties", type=int, required=True, help="how many there are")
    parser.add_argument("--base", type=int, required=True, help="base of the port numbers")
    parser.add_argument("--owner", type=int, help="user and group that everything is given to")
    parser.add_argument("root", type=pathlib.Path, metavar="ROOT")
    arguments = parser.parse_args()
    prepare(arguments.root, arguments.parties, arguments.base)
    if arguments.owner is not None:
        give_away(arguments.root, arguments.owner)


if __name__ == "__main__":
    main()
