"""What runs that were killed left behind: found by their directories, ended, deleted.

A run's directory holds `runner.pid` and `pids/` (lines of /proc/PID/stat); its processes have its
name in their environment, its namespaces begin with it. A run whose runner lives is left alone, and
so is everything that no such file or name belongs to. Bundles stay.
"""

import contextlib
import os
import shutil

from scenariolib import namespaces
from scenariolib.processes import end_by_identity, identity, lives, marked, stat_of

PREFIX = "run-"


def claim(directory):
    """Makes the directory; this process is its runner from the moment it is there."""
    unclaimed = directory.with_name(f"new-{directory.name}")
    unclaimed.mkdir()
    (unclaimed / "runner.pid").write_text(stat_of(os.getpid()))
    unclaimed.rename(directory)


def read_identity(path):
    try:
        return identity(path.read_text(errors="replace"))
    except OSError:
        return None


def clean(work, say):
    for directory in sorted(work.glob(f"{PREFIX}*")):
        if not directory.is_dir() or directory.is_symlink():
            continue
        if lives(read_identity(directory / "runner.pid")):
            continue
        say(f"left by an earlier run: {directory.name}: {clean_run(directory)}")


def clean_run(directory):
    """Ends and deletes what the run left; a summary."""
    known = {read_identity(path) for path in (directory / "pids").glob("*.pid")}
    mine = marked(directory.name) | {who for who in known if lives(who)}
    for who in mine:
        end_by_identity(who)
    names = []
    with contextlib.suppress(OSError):  # no `ip` here, so no namespaces either
        names = namespaces.delete(namespace_prefix(directory.name))
    for link in directory.glob("data/*/.syftbox/*.sock"):
        if link.is_symlink() and link.is_socket():  # a path that is too long for a socket's name
            link.resolve().unlink()
    shutil.rmtree(directory)
    return f"{len(mine)} processes, {len(names)} namespaces, its files"


def namespace_prefix(run):
    """In front of the names of the run's namespaces."""
    return f"hls{run.removeprefix(PREFIX)}-"
