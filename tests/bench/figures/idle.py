"""CPU time and memory of a sidecar whose parties are connected and silent. All sizes idle side by
side, for the same time; the largest has a large datasite too."""

import contextlib
import resource
import time

from hotlink_net import HotlinkNet
from parties import Party, talk
from usage import CpuMeter, memory_mib

CHANNELS = (1, 100, 1000)
DIRECTORIES = 100_000  # beside the most channels' own
SETTLE, SECONDS = 5, 30


def run(bench):
    if bench.quick:
        return
    _allow_descriptors(10_000)
    with contextlib.ExitStack() as stack:
        nets = {count: _open(bench, stack, count) for count in CHANNELS}
        time.sleep(SETTLE)
        meters = {count: CpuMeter(net.processes) for count, net in nets.items()}
        begin = time.monotonic()
        time.sleep(SECONDS)
        for count, net in nets.items():
            used, seconds = meters[count].used(), time.monotonic() - begin
            _add(bench, count, net, {role: used[role] / seconds for role in used})


def _add(bench, count, net, shares):
    variant = f"{count:,} channel" + ("s" if count > 1 else "")
    for role, share in shares.items():
        name = variant if role == "sidecar" else f"{variant}, {role}"
        bench.report.add("idle CPU", name, "relay", 100 * share, "% of a core")
        memory = max(memory_mib(process.pid) for process in net.processes[role])
        bench.report.add("idle memory", name, "relay", memory, "MiB")


def _open(bench, stack, count):
    directories = DIRECTORIES if count == max(CHANNELS) else 0
    net = HotlinkNet(bench.directory / f"idle-{count}", directories=directories)
    stack.callback(lambda: bench.report.failures.extend(net.close()))
    for near, far in net.add_channels(count):
        x, y = (Party(int(end.split(":")[1])) for end in (near, far))
        stack.callback(x.close)
        stack.callback(y.close)
        talk(x, y)
    return net


def _allow_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
