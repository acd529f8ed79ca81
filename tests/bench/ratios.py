"""What is aimed at, as ratios within one run. They are shown, never asserted."""

MEMORY_AIM, IDLE_AIM, IDLE_MEMORY_AIM = 32, 0.1, 30  # MiB, % of a core, MiB
WAN_RTT_MS = 40  # see figures/wan.py


def ratios(report):
    """[{"name", "value", "aim", "met"}]; value and met are None where a part is missing."""
    return [_judge(name, value, relation, aim) for name, value, relation, aim in _all(report)]


def table(found):
    lines = ["aims (ratios of medians in this run)"]
    for ratio in found:
        value = "not measured" if ratio["value"] is None else f"{ratio['value']:.3g}"
        mark = {True: "met", False: "not met", None: ""}[ratio["met"]]
        lines.append(f"  {ratio['name']:<62}{value:>13}   aim {ratio['aim']:<8} {mark}")
    return "\n".join(lines)


def _judge(name, value, relation, aim):
    met = None
    if value is not None:
        met = bool(value >= aim if relation == ">=" else value <= aim)
    return {"name": name, "value": value, "aim": f"{relation} {aim}", "met": met}


def _all(report):
    def ratio(figure, variant, path, over, over_variant=None):
        a = report.median(figure, variant, path)
        b = report.median(figure, over_variant or variant, over)
        return a / b if a is not None and b else None

    one_way = ("bulk", _one_way_variant(report))
    yield "one way, plain / chain", ratio(*one_way, "relay", "chain"), ">=", 0.9
    yield "one way, TLS / chain", ratio(*one_way, "tls", "chain"), ">=", 0.5
    yield "one way, as SyftBox server / plain", ratio(*one_way, "syftbox", "relay"), ">=", 0.8
    trip = "round trip 64 B"
    yield "round trip 64 B p50 / chain", ratio(trip, "p50", "relay", "chain"), "<=", 1.15
    yield "round trip 64 B p99 / chain", ratio(trip, "p99", "relay", "chain"), "<=", 1.3
    body = report.median("length then body", "p50", "relay")
    yield "length-then-body round p50, ms", body and body / 1000, "<=", 1
    cpu = ratio("CPU per GiB", "sidecar", "relay", "chain", "hop")
    yield "CPU per GiB, sidecar / socat hop", cpu, "<=", 1.3
    rounds = ratio("all-to-all", "10,000 rounds", "relay", "chain")
    yield "all-to-all with busy parties / chains", rounds, "<=", 1.3
    beside = report.median("ping beside bulk", "p99", "relay")
    yield "ping beside bulk p99 over 20 Mbit/s, ms", beside, "<=", WAN_RTT_MS + 50
    memory = report.median("memory in bulk", "sidecar", "relay")
    yield "memory of a sidecar in bulk, MiB", memory, "<=", MEMORY_AIM
    idle = report.median("idle CPU", "1,000 channels", "relay")
    yield "idle, 1,000 channels, 100,000 directories, % of a core", idle, "<=", IDLE_AIM
    memory = report.median("idle memory", "1,000 channels", "relay")
    yield "the same, MiB", memory, "<=", IDLE_MEMORY_AIM
    growth = ratio("growth", "64 channels", "relay", "relay", "1 channel")
    yield "CPU per GiB at 64 channels / at 1", growth, "<=", 1.2


def _one_way_variant(report):
    """The amount that all of them carried: less in a quick run."""
    rows = report.figures.get("bulk", {"rows": {}})["rows"]
    common = [v for v, row in rows.items() if {"relay", "tls", "chain"} <= set(row)]
    return common[0] if common else "256 MiB"
