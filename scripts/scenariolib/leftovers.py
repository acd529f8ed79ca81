"""What runs that were killed left behind: found by their directories, ended, deleted.

A run's directory holds `runner.pid`, as long as it is one, and `pids/` (lines of /proc/PID/stat);
its processes have its
name in their environment, its containers in a label, and its namespaces' names begin with it. A run
whose runner lives is left alone, and so is everything that no such file or name belongs to. Bundles
stay.
"""

import contextlib
import os
import re
import shutil

from scenariolib import containers, namespaces
from scenariolib.processes import end_by_identity, identity, lives, marked, stat_of

PREFIX = "run-"
NEW = "new-"  # in front of what is being made or deleted: new-PID-START-NAME
FAR_SOCKETS = "hotlink-proxy-"  # begins the directory of sockets whose own path is too long


def new_name(path):
    """Where this process makes what is to have that path, and deletes what had it."""
    pid, start = identity(stat_of(os.getpid()))
    return path.with_name(f"{NEW}{pid}-{start}-{path.name}")


def claim(directory):
    """Makes the directory; this process is its runner from the moment it is there."""
    unclaimed = new_name(directory)
    unclaimed.mkdir()
    (unclaimed / "runner.pid").write_text(stat_of(os.getpid()))
    unclaimed.rename(directory)


def read_identity(path):
    try:
        return identity(path.read_text(errors="replace"))
    except OSError:
        return None


def clean(work, say):
    for path in sorted(work.glob(f"{NEW}*")):
        maker = re.match(rf"{NEW}(\d+)-(\d+)-{PREFIX}", path.name)
        if maker and not lives((int(maker[1]), int(maker[2]))):
            say(f"left by an earlier run: {path.name}, not whole")
            with contextlib.suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    for directory in sorted(work.glob(f"{PREFIX}*")):
        runner = directory / "runner.pid"  # a bundle that somebody extracted here has none
        if directory.is_symlink() or not runner.is_file() or lives(read_identity(runner)):
            continue
        try:
            found = clean_run(directory)
        except OSError as error:  # another user's: it is in nobody's way
            found = f"stays: {error}"
        say(f"left by an earlier run: {directory.name}: {found}")


def clean_run(directory):
    """Ends and deletes what the run left; a summary. Another runner may do the same just now."""
    held = containers.of_run(directory)
    containers.remove(held)
    known = {read_identity(path) for path in (directory / "pids").glob("*.pid")}
    mine = marked(directory.name) | {who for who in known if lives(who)}
    for who in mine:
        end_by_identity(who)
    names = []
    with contextlib.suppress(OSError):  # no `ip` here, so no namespaces either
        names = namespaces.delete(namespace_prefix(directory.name))
    for link in directory.glob("data/*/.syftbox/*.sock"):
        target = link.resolve()
        if link.is_symlink() and target.parent.name.startswith(FAR_SOCKETS):
            target.unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(directory.rename(new_name(directory)))
    parts = ((mine, "processes"), (held, "containers"), (names, "namespaces"))
    return ", ".join([f"{len(found)} {what}" for found, what in parts if found] + ["its files"])


def namespace_prefix(run):
    """In front of the names of the run's namespaces."""
    return f"hls{run.removeprefix(PREFIX)}-"
