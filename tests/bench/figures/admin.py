"""Whether looking delays the parties: round trips on one of a thousand channels while nobody looks,
and while status, metrics and telemetry are asked for all the time."""

import contextlib
import threading

from admin import ask
from hotlink_net import HotlinkNet
from load import run_load

CHANNELS = 1000
SIZE, COUNT, WARM_UP = 64, 5000, 200
PAGES = ("/status", "/metrics")
TELEMETRY_MS = 20  # while it is looked at: written anew as soon as the last one is done, or nearly


def run(bench):
    if bench.quick:
        return
    for variant, settings in {
        "nobody looks": {},
        "looked at all the time": {"HOTLINK_PROXY_TELEMETRY_MS": str(TELEMETRY_MS)},
    }.items():
        net = HotlinkNet(bench.directory / f"admin-{len(settings)}", settings=settings)
        try:
            pair = net.add_channels(CHANNELS)[0]
            for _ in range(bench.repeats):
                with _looking(net.sidecars[0]) if settings else contextlib.nullcontext():
                    result = run_load("ping", [pair], size=SIZE, count=COUNT, warm_up=WARM_UP)
                for part in ("p50", "p99", "max"):
                    figure = f"round trip {SIZE} B beside admin, {part}"
                    bench.report.add(figure, variant, "relay", result[part], "us")
        finally:
            bench.report.failures += net.close()


@contextlib.contextmanager
def _looking(sidecar):
    done = threading.Event()

    def look():
        while not done.is_set():
            for page in PAGES:
                ask(sidecar, page)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
