"""What the figures were measured on."""

import os
import pathlib
import platform
import re
import subprocess

from harness import PROXY_BIN

# What the chain's connections use; ours over the loopback do not (net/loopback.h).
CONTROL = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control")


def describe():
    """name -> text, in the order in which it is shown."""
    return {
        "CPU": _cpu(),
        "cores": str(len(os.sched_getaffinity(0))),
        "kernel": f"{platform.system()} {platform.release()}",
        "congestion control": CONTROL.read_text().strip(),
        "build": _output(PROXY_BIN, "--version").replace("\n", ", "),
        "socat": _socat(),
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def _cpu():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    found = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    return found.group(1) if found else platform.machine()


def _socat():
    found = re.search(r"socat version (\S+)", _output("socat", "-V"))
    return found.group(1) if found else "unknown"


def _output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
