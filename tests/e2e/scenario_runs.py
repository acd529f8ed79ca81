"""Scenarios as a user runs them, for tests: the runner, its bundle, and what it left."""

import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import sys
import tarfile

from harness import PROXY_BIN, REPOSITORY, SCALE, wait_until
from scenariolib.processes import MARK

RUN_LIMIT = 100  # seconds for one run
TWO = "description: a test\nrelay: {options: [--allow-all-reads]}\nparties: {a: , b: }\n"
ENDLESS = TWO + """
links:
  - between: [a, b]
    programs: [{kind: transfer, forth: 900 GiB}]
"""


@dataclasses.dataclass
class Result:
    code: int
    text: str
    files: dict  # name within the bundle -> content

    def verdict(self, check):
        """What the table says of a check."""
        return re.search(rf"^{check} +(\S+|not reached)", self.text, re.MULTILINE)[1]


class Scenarios:
    def __init__(self, directory):
        self.directory = directory
        self.work = directory / "work"
        self.environment = dict(os.environ)

    def file(self, text):
        path = self.directory / "tried.yaml"
        path.write_text(text)
        return path

    def start(self, scenario, *arguments):
        command = [sys.executable, REPOSITORY / "scripts/scenario", scenario, "--work", self.work]
        command += ["--build", pathlib.Path(PROXY_BIN).parent, "--scale", SCALE, *arguments]
        return subprocess.Popen(
            [str(word) for word in command],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # a group of its own, to which a terminal sends Ctrl-C
        )

    def result(self, process):
        text, _ = process.communicate(timeout=RUN_LIMIT * SCALE)
        return Result(process.returncode, text, self._bundle(text))

    def run(self, scenario, *arguments):
        return self.result(self.start(scenario, *arguments))

    @staticmethod
    def _bundle(text):
        found = re.search(r"^bundle: (\S+)$", text, re.MULTILINE)
        if not found:
            return {}
        with tarfile.open(found[1]) as bundle:
            return {
                member.name.split("/", 1)[1]: bundle.extractfile(member).read().decode()
                for member in bundle
            }

    def run_directories(self):
        return [path for path in self.work.glob("run-*") if path.is_dir()]

    def processes(self, run=""):
        """Ids of those that a run, or any of these runs, started."""
        names = [run] if run else [p.name.removesuffix(".tar.gz") for p in self.work.glob("run-*")]
        marks = {f"{MARK}={name}".encode() for name in names}
        found = []
        for environment in pathlib.Path("/proc").glob("[0-9]*/environ"):
            try:
                if marks & set(environment.read_bytes().split(b"\0")):
                    found.append(int(environment.parent.name))
            except OSError:  # gone, or another user's
                continue
        return found

    def wait_started(self, number):
        wait_until(
            f"{number} processes run",
            lambda: len(list(self.work.glob("run-*/pids/*.pid"))) >= number,
            20,
        )

    def pid(self, name):
        """Of the only run's process of that name."""
        (file,) = self.work.glob(f"run-*/pids/{name}.pid")
        return int(file.read_text().split(" ")[0])

    def end(self):
        """Whatever a failed test left."""
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)

    def nothing_is_left(self):
        assert self.processes() == []
        assert self.run_directories() == []
        assert all(path.name.endswith(".tar.gz") for path in self.work.iterdir())


def commands(a, b="true"):
    """A scenario whose programs are these."""
    return TWO + f"""
links:
  - between: [a, b]
    programs:
      - kind: command
        commands: {{a: '{a}', b: '{b}'}}
"""
