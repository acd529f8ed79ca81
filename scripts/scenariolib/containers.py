"""Containers that a run's programs started: known by a label, `hotlink-scenario-run=<run>`.

The runner starts none itself. A program that does gives them the label; the run's name is in its
environment (docs/scenarios.md).
"""

import shutil

from scenariolib.calls import call

LABEL = "hotlink-scenario-run"
REMOVE = {"podman": ["rm", "--force", "--volumes", "--time", "0"], "docker": ["rm", "-fv"]}
COMMANDS = "commands"  # a file in the run's directory
ENGINE_LIMIT = 30  # seconds for one call


def note_command(directory):
    """From now on the run may have containers: it runs a command of somebody's."""
    (directory / COMMANDS).touch()


def of_run(directory):
    """(engine, id) of each container of the run. Engines take their time: they are asked only if
    there can be one."""
    return labelled(directory.name) if (directory / COMMANDS).exists() else []


def labelled(run):
    """The same by the label's value; none where no engine answers."""
    words = ["ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={LABEL}={run}"]
    return [(engine, name) for engine in REMOVE for name in _call(engine, *words).split()]


def remove(found):
    for engine, name in found:
        _call(engine, *REMOVE[engine], name)


def _call(engine, *words):
    """What it prints; nothing if it is not there or fails."""
    if not shutil.which(engine):
        return ""
    result = call([engine, *words], ENGINE_LIMIT)
    return result.stdout if result is not None and result.returncode == 0 else ""
