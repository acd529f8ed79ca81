"""What can be seen to be wrong before anything is started."""

import os
import re
import subprocess
import urllib.parse

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
    if urllib.parse.urlsplit(server).scheme not in ("http", "https", "ws", "wss"):
        raise ScenarioError(f"--server takes an http or https address, not {server}", "preflight")
    if scenario.topology != "local":
        text = f"{scenario.name} has its relay in a namespace that nothing else reaches"
        raise ScenarioError(f"{text}: it goes without --server", "preflight")
    if any(fault.target == "relay" for fault in scenario.faults):
        text = f"{scenario.name} does things to the relay: it goes without --server"
        raise ScenarioError(text, "preflight")


def has_check(build):
    """Whether this hotlink-proxy has the command `check`."""
    command = [str(build / "hotlink-proxy"), "--help"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return re.search(r"^ +check {2,}", result.stdout, re.MULTILINE) is not None


def check_sidecar(world, name):
    """`hotlink-proxy check` with what the sidecar will be started with."""
    command = [str(word) for word in world.sidecar_command(name, "check")]
    try:
        result = subprocess.run(
            command,
            env=world.sidecar_environment(name),
            capture_output=True,
            text=True,
            timeout=CHECK_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        text = f"hotlink-proxy check for {name}: no answer within {CHECK_LIMIT} s"
        raise ScenarioError(text, "preflight") from None
    if result.returncode != 0:
        said = (result.stdout + result.stderr).strip()
        raise ScenarioError(f"hotlink-proxy check for {name}:\n{said}", "preflight")
