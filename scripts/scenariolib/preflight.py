"""What can be seen to be wrong before anything is started."""

import os

from scenariolib.calls import call
from scenariolib.errors import ScenarioError

CHECK_LIMIT = 30  # seconds for `hotlink-proxy check`


def programs_are_there(build, direct):
    for name in () if direct else ("hotlink-proxy", "hotlink-relay"):
        if not os.access(build / name, os.X_OK):
            raise ScenarioError(f"{build / name} is not there: `make` builds it", "preflight")


def fits(scenario, server):
    """Whether the scenario can be run with the server of somebody else."""
    if server is None:
        return
    if scenario.topology != "local":
        text = f"{scenario.name} has its relay in a namespace that nothing else reaches"
        raise ScenarioError(f"{text}: it goes without --server", "preflight")
    if any(fault.target == "relay" for fault in scenario.faults):
        text = f"{scenario.name} does things to the relay: it goes without --server"
        raise ScenarioError(text, "preflight")


def check_sidecar(world, name, say):
    """`hotlink-proxy check` with what the sidecar will be started with."""
    what = f"hotlink-proxy check for {name}"
    command = world.sidecar_command(name, "check")
    result = call(command, CHECK_LIMIT, world.sidecar_environment(name))
    if result is None:
        raise ScenarioError(f"{what}: no answer within {CHECK_LIMIT} s", "preflight")
    if result.returncode != 0:
        lines = (result.stdout + result.stderr).strip().splitlines()
        say("\n  ".join([f"{what}:", *lines]))
        failed = [line for line in lines if line.startswith("fail")] or lines[-1:]
        text = "; ".join(" ".join(line.split()) for line in failed)
        raise ScenarioError(f"{what}: {text}", "preflight")
