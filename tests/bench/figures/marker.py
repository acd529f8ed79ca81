"""From a marker's rename to the port that listens, in datasites of several sizes."""

import time

from harness import listening_ports, wait_until, write_marker
from hotlink_net import HotlinkNet

DIRECTORIES = (0, 10_000, 100_000)
QUICK_DIRECTORIES = (0, 1_000)
COUNT = 5  # markers, one after the other
SCAN_LIMIT = 120  # seconds until a large tree was scanned


def run(bench):
    for count in QUICK_DIRECTORIES if bench.quick else DIRECTORIES:
        net = HotlinkNet(bench.directory / f"marker-{count}", parties=1, directories=count)
        try:
            measure(bench, net, count)
        finally:
            bench.report.failures += net.close()


def measure(bench, net, count):
    sidecar = net.sidecars[0]
    _time_to_listen(net, sidecar, "first")  # the sidecar has come through the tree
    for k in range(COUNT):
        took = _time_to_listen(net, sidecar, f"run-{k}")
        variant = f"{count:,} directories"
        bench.report.add("marker to listening", variant, "relay", took * 1000, "ms")


def _time_to_listen(net, sidecar, run_name):
    port = net.world.ports.take()
    above = f"shared/{run_name}/_mpc"
    (sidecar.datasite / above / "0_to_1").mkdir(parents=True)
    begin = time.perf_counter()
    write_marker(sidecar, "peer@example.org", port, above=above)
    wait_until(f"port {port} listens", lambda: port in listening_ports(), SCAN_LIMIT)
    return time.perf_counter() - begin
