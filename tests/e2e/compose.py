"""Runs compose.yaml with podman alone: what docker compose would do with the keys that stand in it.

Any key it does not know is an error, so that nothing of the file goes untested unnoticed.
"""

import json
import os
import pathlib
import re
import subprocess

import yaml

from harness import REPOSITORY, SCALE, wait_until
from scenariolib.namespaces import Network

COMPOSE_FILE = REPOSITORY / "compose.yaml"
HEALTH_LIMIT = 60  # seconds until a container is healthy
RUN_LIMIT = 90  # seconds for a call of podman, also if it waits for a container's end
# Keys that are no flag of `podman run`.
ELSEWHERE = {"build", "depends_on", "image", "command", "entrypoint", "stop_grace_period"}


def services(variables=None):
    """The file's services, with ${NAME:-default} replaced."""
    given = variables or {}

    def value(match):
        return given.get(match[1], match[2])

    text = re.sub(r"\$\{(\w+):-([^}]*)\}", value, COMPOSE_FILE.read_text(encoding="utf-8"))
    return yaml.safe_load(text)["services"]


def podman(*words, check=True, host=None):
    """`host`: the network namespace that podman takes for this machine."""
    inside = ["nsenter", f"--net=/run/netns/{host}"] if host else []
    command = [*inside, "podman", *runtime(), *words]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_LIMIT * SCALE, check=False
    )
    if check and result.returncode != 0:
        raise OSError(f"podman {' '.join(words)}: {result.stderr.strip()}")
    return result


def runtime():
    """The container runtime: podman's own choice, unless it takes no hybrid control groups."""
    hybrid = pathlib.Path("/sys/fs/cgroup/unified").exists()
    return ("--runtime", "runc") if hybrid else ()


def limits():
    """Ulimits that any user may set; podman's defaults are more than some machines allow."""
    return ["--ulimit=nofile=4096:4096", "--ulimit=nproc=1000:1000"]


class Compose:
    """Containers and networks are named by the process, so that runs side by side do not meet; and
    the networks are in a namespace: neither bridges nor firewall rules come to this machine."""

    def __init__(self, directory):
        self._prefix = f"hotlink-test-{os.getpid()}"
        self._host = Network()
        self._networks = []
        self._started = []
        self.services = services({"HOTLINK_DEMO_DIR": str(directory)})

    def name(self, service):
        return f"{self._prefix}-{service}"

    def _podman(self, *words, check=True):
        return podman(*words, check=check, host=self._host.host)

    def start(self, service):
        """Starts it as soon as what it depends on is as the file asks for."""
        for other, gate in self.services[service].get("depends_on", {}).items():
            if other not in self._started:
                self.start(other)
            self.wait_for(other, gate["condition"])
        words = self._arguments(service, self.services[service])
        self._started.append(service)
        self._podman("run", "--detach", *limits(), *words)

    def wait_for(self, service, condition):
        if condition == "service_completed_successfully":
            code = self.exit_code(service)
            assert code == 0, f"{service}: exit code {code}\n{self.logs(service)}"
        elif condition == "service_healthy":
            try:
                wait_until(f"{service} is healthy", lambda: self.is_healthy(service), HEALTH_LIMIT)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{self.logs(service)}") from None
        else:
            raise AssertionError(f"{service}: no such condition: {condition}")

    def is_healthy(self, service):
        return self._podman("healthcheck", "run", self.name(service), check=False).returncode == 0

    def exit_code(self, service):
        return int(self._podman("wait", self.name(service)).stdout)

    def logs(self, service):
        result = self._podman("logs", self.name(service), check=False)
        return result.stdout + result.stderr

    def output(self, service):
        return self._podman("logs", self.name(service)).stdout

    def stop(self, service):
        """As `docker compose stop`; the exit code."""
        grace = self.services[service].get("stop_grace_period", "10s").removesuffix("s")
        self._podman("stop", "--time", grace, self.name(service))
        return self.exit_code(service)

    def close(self):
        for service in reversed(self._started):
            self._podman("rm", "--force", "--time", "0", self.name(service), check=False)
        for network in self._networks:
            self._podman("network", "rm", network, check=False)
        self._host.close()

    def _arguments(self, service, spec):
        words = ["--name", self.name(service), "--health-interval=disable"]  # we ask, no timer
        for key, value in spec.items():
            if key not in ELSEWHERE:
                words += self._words_of(service, key, value)
        entrypoint, command = spec.get("entrypoint", []), spec.get("command", [])
        if entrypoint:
            words += ["--entrypoint", entrypoint[0]]
        return [*words, spec["image"], *entrypoint[1:], *command]

    def _words_of(self, service, key, value):
        if key == "read_only":
            return ["--read-only", "--read-only-tmpfs=false"] if value else []
        if key == "cap_drop" or key == "cap_add":
            return [f"--{key.replace('_', '-')}={name}" for name in value]
        if key == "security_opt":
            return [f"--security-opt={option.replace(':true', '')}" for option in value]
        if key == "environment":
            return [f"--env={name}={text}" for name, text in value.items()]
        if key == "user":
            return [f"--user={value}"]
        if key == "network_mode":
            owner = value.removeprefix("service:")
            return [f"--network={value if owner == value else 'container:' + self.name(owner)}"]
        if key == "networks":
            return [f"--network={self._network(name)}:alias={service}" for name in value]
        if key == "volumes":
            return [word for mount in value for word in ("--mount", mount_text(mount))]
        if key == "healthcheck":
            kind, *test = value["test"]
            assert kind == "CMD", kind
            return [f"--health-cmd={json.dumps(test)}"]
        raise AssertionError(f"{service}: compose.py does not know the key {key}")

    def _network(self, name):
        network = self.name(name)
        if network not in self._networks:
            self._podman("network", "create", network)
            self._networks.append(network)
        return network


def mount_text(mount):
    """A bind mount; with create_host_path its source is made, as Docker does."""
    assert mount["type"] == "bind", mount
    if mount.get("bind", {}).get("create_host_path"):
        pathlib.Path(mount["source"]).mkdir(parents=True, exist_ok=True)
    text = f"type=bind,source={mount['source']},target={mount['target']}"
    return text + (",readonly" if mount.get("read_only") else "")
