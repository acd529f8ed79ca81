"""What processes use: CPU time and memory, from /proc."""

import pathlib
import re

NANOSECONDS = 1e9


def cpu_seconds(pid):
    """User and system time of all its threads so far; also of one that ended and was not waited
    for."""
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / NANOSECONDS


def forget_peak_memory(pid):
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_memory_mib(pid):
    """The most that was resident since forget_peak_memory()."""
    return _status_mib(pid, "VmHWM")


def memory_mib(pid):
    return _status_mib(pid, "VmRSS")


def _status_mib(pid, name):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE).group(1)) / 1024


class CpuMeter:
    """CPU seconds of processes from its making to used()."""

    def __init__(self, processes):
        """`processes`: role -> list of objects with a pid."""
        self._processes = processes
        self._before = self._now()

    def used(self):
        """role -> CPU seconds of one process of that role, the mean."""
        now = self._now()
        return {
            role: (now[role] - self._before[role]) / len(processes)
            for role, processes in self._processes.items()
        }

    def _now(self):
        return {
            role: sum(cpu_seconds(process.pid) for process in processes)
            for role, processes in self._processes.items()
        }
