"""Programs of others over markers with `dial`, and programs that connect as frameworks do."""

import asyncio
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest

from harness import SCALE, SANITIZED, clean_environment, listening_ports, wait_until
from parties import ListeningParty, Party, probe, talk

PROGRAMS = pathlib.Path(__file__).parent / "programs"
RUN_LIMIT = 90  # seconds, for one program


class Program:
    """A program that a test runs beside the sidecars; ended with the test."""

    def __init__(self, world, *command, directory=None):
        self._process = subprocess.Popen(
            [str(word) for word in command],
            cwd=directory,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        world.closers.append(self.kill)

    def result(self):
        """What it printed; its exit code has to be 0."""
        out, log = self._process.communicate(timeout=RUN_LIMIT * SCALE)
        assert self._process.returncode == 0, f"{self._process.args}:\n{out}{log}"
        return out.strip()

    def kill(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.communicate()


def python(world, name, *arguments):
    return Program(world, sys.executable, "-B", PROGRAMS / f"{name}.py", *arguments)


def needs(*programs):
    for program in programs:
        assert shutil.which(program, path="/usr/sbin:/usr/bin"), f"{program} is not installed"


def test_a_program_as_sequre(world):
    """The higher party dials the pair's port; the lower one accepts one peer after the other."""
    everybody = range(3)
    arrows = [(i, j) for i in everybody for j in everybody if i > j]
    mesh = world.dial_mesh(3, arrows, own_ports=True)
    for _ in range(2):
        runs = []
        for p in everybody:
            lower = [f"{q}:{mesh.dials[p, q]}" for q in range(p)]
            higher = [f"{q}:{mesh.listens[q, p]}" for q in range(p + 1, 3)]
            runs.append(python(world, "sequre_like", p, *lower, *higher))
        assert [run.result() for run in runs] == [str(6 * sum(range(50)))] * 3


def start_spdz(world, mesh, p, parties=3):
    higher = [f"{q}:{mesh.dials[p, q]}" for q in range(p + 1, parties)]
    return python(world, "spdz_like", p, mesh.listens.get((0, p), 0), *higher)


def expect_spdz_results(runs):
    pairs = [(i, j) for i in range(3) for j in range(i + 1, 3)]
    for p, run in enumerate(runs):
        names = [f"{i}-{j}/{k}" for i, j in pairs if p in (i, j) for k in range(12)]
        assert run.result().split() == [str(len(names)), *sorted(names)]


def test_a_program_as_mp_spdz(world):
    mesh = world.dial_mesh(3)
    for order in ((0, 1, 2), (2, 1, 0)):
        runs = {p: start_spdz(world, mesh, p) for p in order}
        expect_spdz_results([runs[p] for p in range(3)])


def received_from_0(sidecar):
    channels = (sidecar.telemetry() or {}).get("channels", [])
    return sum(c["rx_bytes"] for c in channels if c["peer"] == "p0@example.org")


def test_a_program_as_mp_spdz_survives_probes_and_clients_that_die(world):
    """While it accepts, a reset would end it."""
    mesh = world.dial_mesh(3)
    runs = {p: start_spdz(world, mesh, p) for p in (1, 2)}
    wait_until(
        "the parties listen", lambda: set(mesh.listens.values()) <= set(listening_ports())
    )
    ports = [port for (i, _), port in mesh.dials.items() if i == 0]
    for port in ports:
        probe(port, 20)
    sent = 0
    for cut in (b"", b"\5\0\0", b"\5\0\0\0\0\0\0\0abc"):
        dying = [Party(port).send(cut) for port in ports for _ in range(4)]
        sent += 4 * len(cut)
        for there in mesh.sidecars[1:]:  # the program reads a part of what it waits for
            wait_until(
                "the cut messages arrive", lambda there=there: received_from_0(there) >= sent
            )
        for party in dying:
            party.reset()
    runs[0] = start_spdz(world, mesh, 0)
    expect_spdz_results([runs[p] for p in range(3)])


def test_a_program_as_emp_agmpc(world):
    everybody = range(3)
    arrows = [(i, j) for i in everybody for j in everybody if i != j]
    mesh = world.dial_mesh(3, arrows, own_ports=True)
    runs = [
        python(
            world,
            "agmpc_like",
            p,
            *[f"{q}:{mesh.listens[q, p]}:{mesh.dials[p, q]}" for q in everybody if q != p],
        )
        for p in everybody
    ]
    assert [run.result() for run in runs] == ["100"] * 3


def iperf3(world, a, port, *options):
    """One run of the program: (bytes per second that arrived, the report)."""
    server = Program(world, "iperf3", "-s", "-1", "-B", "127.0.0.1", "-p", port)
    wait_until("iperf3 listens", lambda: port in listening_ports())
    client = Program(world, "iperf3", "-c", "127.0.0.1", "-p", a.port, "-t", "2", "-J", *options)
    report = json.loads(client.result())
    server.result()
    return report["end"]["sum_received"]["bits_per_second"] / 8, report


@pytest.mark.parametrize("options", [["-P", "8"], ["-R"], ["-P", "4", "--bidir"]])
def test_iperf3(world, options):
    needs("iperf3")
    a, _, port = world.dial_pair(HOTLINK_PROXY_LOG_LEVEL="info")
    for _ in range(2):
        rate, report = iperf3(world, a, port, *options)
        assert "error" not in report
        assert rate > 0
        streams = report["end"]["streams"]
        assert all(s["receiver"]["bytes"] > 0 for s in streams), "a stream starved"
        if "--bidir" in options:
            assert report["end"]["sum_received_bidir_reverse"]["bytes"] > 0


@pytest.mark.figure
def test_iperf3_streams_beside_one(world, figure):
    needs("iperf3")
    a, _, port = world.dial_pair(HOTLINK_PROXY_LOG_LEVEL="info")
    rates = {}
    for streams in (1, 8, 1, 8):
        rate, _ = iperf3(world, a, port, "-P", streams)
        rates[streams] = max(rate, rates.get(streams, 0))
    ratio = rates[8] / rates[1]
    figure(
        f"iperf3 -P 8: {rates[8] / 2**20:.0f} MiB/s, one stream {rates[1] / 2**20:.0f} MiB/s:"
        f" {ratio:.2f} x (aim at least 0.9 x)"
    )
    assert ratio > 0.09


@pytest.mark.figure
def test_short_connections(world, figure):
    """200 a second for 10 s, one request and answer of 1 KiB each."""
    a, _, port = world.dial_pair(HOTLINK_PROXY_LOG_LEVEL="info")
    python(world, "answering", port)
    wait_until("the program listens", lambda: port in listening_ports())
    times = sorted(asyncio.run(short_connections(a.port, 2000, 200)))
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    figure(
        f"200 connections/s, 1 KiB request and answer: p50 {p50 * 1000:.1f} ms,"
        f" p99 {p99 * 1000:.1f} ms (aim p99 20 ms), worst {times[-1] * 1000:.1f} ms"
    )
    assert p50 < 1.0


async def short_connections(port, count, rate):
    """The seconds that each took; begun by the clock, whatever became of those before."""
    begun = time.perf_counter()
    tasks = []
    for number in range(count):
        await asyncio.sleep(max(0, begun + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(ask(port, number)))
    return await asyncio.wait_for(asyncio.gather(*tasks), 60 * SCALE)


async def ask(port, number):
    started = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = number.to_bytes(4, "little") + os.urandom(1020)
    writer.write(request)
    assert await reader.readexactly(1024) == request[::-1], f"connection {number}: mixed up"
    seconds = time.perf_counter() - started
    writer.close()
    return seconds


@pytest.mark.figure
def test_a_thousand_streams_at_once(world, figure):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    a, b, port = world.dial_pair(HOTLINK_PROXY_LOG_LEVEL="info")
    server = ListeningParty(port)
    clients = {}
    for number in range(1000):
        clients[number.to_bytes(4, "little")] = Party(a.port)
    for name, client in clients.items():
        client.send(name)
    servers = {}
    for _ in clients:
        party = server.accept()
        servers[party.receive(4)] = party
    assert set(servers) == set(clients)
    block = os.urandom(16 << 10)
    for _ in range(2):
        for name, client in clients.items():
            client.send(name + block)
        for name, party in servers.items():
            assert party.receive(4 + len(block)) == name + block
            party.send(block + name)
        for name, client in clients.items():
            assert client.receive(4 + len(block)) == block + name
    for name, client in clients.items():
        talk(client, servers[name])
    resident = max(a.resident_mib(), b.resident_mib())
    figure(f"1,000 streams open at once: {resident:.1f} MiB resident (aim 64 MiB)")
    if not SANITIZED:
        assert resident < 640
