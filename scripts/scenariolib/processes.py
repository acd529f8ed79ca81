"""The processes of a run: each with a pid file and a log, in a session of its own, so that Ctrl-C
reaches the runner alone. The same holds for whatever else it calls.

A pid file holds the process's line of /proc/PID/stat, which names its start time, so that another
process with the same number is never taken for it. The process writes it itself, before it becomes
the program. What a program starts in turn is known by MARK in its environment and, as long as this
process lives, as its descendant.
"""

import ctypes
import os
import pathlib
import select
import signal
import subprocess
import time

from scenariolib.errors import ScenarioError

MARK = "HOTLINK_SCENARIO_RUN"  # in the environment of whatever a run starts
PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
STOP_LIMIT = 15  # seconds for a process that was told to end
BECOME = 'read -r line < /proc/$$/stat; echo "$line" > "$0.new"; mv "$0.new" "$0"; exec "$@"'


def stat_fields(text):
    """The fields of /proc/PID/stat behind the name, which may hold anything: field 3 is [0]."""
    return text.rpartition(")")[2].split()


def identity(stat_text):
    """(pid, start time in clock ticks since boot); None if that is no such line."""
    fields = stat_fields(stat_text)
    pid = stat_text.split(" ", 1)[0]
    if len(fields) < 20 or not pid.isdigit():
        return None
    return int(pid), int(fields[19])


def stat_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None


def lives(who):
    """Whether the process with that identity is there and no zombie."""
    stat = who and stat_of(who[0])
    return bool(stat) and identity(stat) == who and stat_fields(stat)[0] != "Z"


def marked(run):
    """Identities of all processes with the run's mark; zombies have none."""
    mark, found = f"{MARK}={run}".encode(), set()
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        stat = stat_of(entry.name)  # if its number changes hands now, this identity is nobody's
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if stat and mark in environment.split(b"\0"):
            found.add(identity(stat))
    return found


def adopt_orphans():
    """From now on a process whose parent ends becomes a child of this one, not of init's."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants():
    """Identities of this process's children, their children and so on; zombies are none."""
    stats = [stat_of(entry.name) for entry in pathlib.Path("/proc").glob("[0-9]*")]
    children, found, parents = {}, set(), [os.getpid()]
    for stat in filter(None, stats):
        children.setdefault(int(stat_fields(stat)[1]), []).append(stat)
    while parents:
        for stat in children.get(parents.pop(), []):
            who = identity(stat)
            parents.append(who[0])
            if stat_fields(stat)[0] != "Z":
                found.add(who)
    return found


def end_by_identity(who):
    """SIGKILL, unless it is gone, and waits for the end. The handle is of that process alone,
    whatever its number does."""
    try:
        handle = os.pidfd_open(who[0])
    except ProcessLookupError:
        return
    try:
        if lives(who):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [], STOP_LIMIT)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


class Process:
    """One program, which may be started again. Its log is appended to."""

    def __init__(self, name, command, environment, directory):
        self.name = name
        self.command = [str(word) for word in command]
        self.environment = environment
        self.log = directory / "logs" / f"{name}.log"
        self.out = directory / "logs" / f"{name}.out"
        self.pid_file = directory / "pids" / f"{name}.pid"
        self.killed = False  # by a fault: its exit code means nothing
        self._process = None

    def start(self):
        self.killed = False
        with open(self.log, "ab") as log, open(self.out, "ab") as out:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", BECOME, str(self.pid_file), *self.command],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )

    @property
    def exit_code(self):
        """None while it runs, and before it was started."""
        return self._process.poll() if self._process else None

    def running(self):
        return self._process is not None and self._process.poll() is None

    def send_signal(self, number):
        if self.running():
            self._process.send_signal(number)

    def wait(self, limit=STOP_LIMIT):
        """The exit code; None if it still runs after that long."""
        try:
            return self._process.wait(limit)
        except subprocess.TimeoutExpired:
            return None

    def kill(self):
        self.send_signal(signal.SIGKILL)
        self._process.wait()

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Processes:
    """All of a run, by name."""

    def __init__(self, directory, say):
        self.directory = directory
        self.by_name = {}
        self.exit_codes = []  # (name, code), as they came
        self._say = say
        for folder in ("logs", "pids"):
            (directory / folder).mkdir()

    def start(self, name, command, environment):
        process = Process(name, command, environment, self.directory)
        self.by_name[name] = process
        process.start()
        return process

    def note_exit(self, process):
        self.exit_codes.append((process.name, process.exit_code))
        self._say(f"{process.name} ended with exit code {process.exit_code}")

    def wait_for(self, what, condition, limit, check):
        """The first true value of condition(); check() may raise meanwhile."""
        give_up = time.monotonic() + limit
        while not (value := condition()):
            check()
            if time.monotonic() > give_up:
                raise ScenarioError(f"{what}: not within {limit:g} s")
            time.sleep(0.02)
        return value

    def stop(self, process):
        """SIGTERM and its exit code. None: it had to be killed."""
        if not process.running():
            return process.exit_code
        process.send_signal(signal.SIGTERM)
        code = process.wait()
        if code is None:
            process.kill()
        self.note_exit(process)
        return code

    def outliving(self):
        """What is still there of what the run started, and of what that started in turn."""
        return marked(self.directory.name) | descendants()

    def kill_all(self):
        for process in self.by_name.values():
            if process.running():
                process.kill()
                self.note_exit(process)
        for who in self.outliving():
            end_by_identity(who)
