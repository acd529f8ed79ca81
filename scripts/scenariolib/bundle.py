"""run-<id>.tar.gz: what somebody needs who was not there. No secrets: only named kinds of files
are taken, and every token and password of the run is replaced in them."""

import io
import json
import os
import pathlib
import platform
import tarfile

from scenariolib.calls import call

REDACTED = b"***"
MARKER_NAMES = ("stream.tcp", "stream.accept", "syft.pub.yaml")
MARKERS_MAX = 200  # files; stale ones are all alike
VERSION_LIMIT = 10  # seconds for a program to say its version
FILE_MAX = 20 << 20  # bytes of a log: its end
SECRET_MIN = 4  # bytes; what is shorter stands in ordinary words


def versions(build):
    """Of the programs and of what they run on."""
    lines = [f"{platform.platform()}", f"python {platform.python_version()}"]
    for program in ("hotlink-proxy", "hotlink-relay"):
        try:
            result = call([build / program, "--version"], VERSION_LIMIT)
        except OSError as error:
            lines.append(f"{program}: {error}")
            continue
        if result is None:
            lines.append(f"{program}: no version within {VERSION_LIMIT} s")
        else:
            lines.append(result.stdout.strip() or f"{program}: {result.stderr.strip()}")
    return "\n".join(lines) + "\n"


def _files(directory):
    yield from sorted((directory / "logs").glob("*"))
    data = directory / "data"
    yield from sorted(data.glob("*/datasites/*/.syftbox/*.json"))
    markers = []
    for folder, folders, names in os.walk(data):
        folders.sort()
        markers += [pathlib.Path(folder) / name for name in names if name in MARKER_NAMES]
    # The newest first: those of this run.
    markers.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    yield from markers[:MARKERS_MAX]


def write(path, directory, texts, secrets):
    """`texts`: file name -> content, written beside what is in the directory."""
    found = {text.encode() for text in secrets if len(text) >= SECRET_MIN}
    hidden = sorted(found, key=len, reverse=True)
    with tarfile.open(path, "w:gz") as bundle:

        def add(name, content):
            for secret in hidden:
                content = content.replace(secret, REDACTED)
            content = content[-FILE_MAX:]
            item = tarfile.TarInfo(f"{directory.name}/{name}")
            item.size, item.mode = len(content), 0o644
            bundle.addfile(item, io.BytesIO(content))

        for name, text in texts.items():
            add(name, text.encode())
        for source in _files(directory):
            if source.is_symlink() or not source.is_file():
                continue
            add(str(source.relative_to(directory)), source.read_bytes())


def exit_codes(codes):
    return json.dumps([{"process": name, "exit_code": code} for name, code in codes], indent=1)
