"""The demo's second part: an unmodified MPyC over the same sidecars, by markers with `dial`.

MPyC wants what a sidecar's plain channels are not: the party of lower number connects, the higher
listens, on one port for all. So each party dials a port of its sidecar for each higher one, and at
that party the sidecar dials the port that it listens on.
"""

import contextlib
import itertools
import json
import queue
import statistics
import subprocess
import threading
import time

from children import DemoError, wait_until
from launcher import email, probe, write_dial_marker

START_LIMIT = 10  # seconds, for the listeners
RUN_LIMIT = 60  # seconds, for the parties
UNUSED = "127.0.0.1:1"  # a party never dials those of lower numbers


class MpycPart:
    """`python`: of the environment that MPyC is installed in; `ports`: as launcher.MpycPorts;
    `status`: StatusTables of the sidecars."""

    def __init__(self, python, directory, children, screen, ports, tables, status):
        self.python = python
        self.directory = directory
        self.children = children
        self.screen = screen
        self.ports = ports
        self.tables = tables
        self.status = status
        self.numbers = range(len(tables))

    def run(self, data_dir, plain_tables):
        """Whether all parties came to the plain-text result."""
        self.write_markers(data_dir)
        with self.status:
            results = self.run_parties()
        return show(results, plain_statistics(plain_tables), len(plain_tables))

    def write_markers(self, data_dir):
        pairs = list(itertools.combinations(self.numbers, 2))
        for i, j in pairs:
            write_dial_marker(data_dir(i), i, j, self.ports, i)
            write_dial_marker(data_dir(j), i, j, self.ports, j)
        for i, j in pairs:
            port = self.ports.dials(i, j)
            wait_until(
                f"sidecar {i} listens on {port} for party {j}",
                lambda port=port: probe(port),
                START_LIMIT,
                self.children,
                self.children.log_of(f"sidecar_{i}"),
            )
        self.screen.say(f"{2 * len(pairs)} markers with `dial` written; the ports listen")

    def run_parties(self):
        """{title: {party: value}} of what they print."""
        events = queue.Queue()
        for p in self.numbers:
            program = self.directory / "pooled_statistics.py"
            command = [self.python, "-B", program, self.tables[p], "--no-log"]
            for q in self.numbers:
                command += ["-P", self.address(p, q)]
            process = self.children.start(f"mpyc_{p}", command, stdout=subprocess.PIPE)
            threading.Thread(
                target=read_lines, args=(process.stdout, events, p), daemon=True
            ).start()
        self.screen.say(f"{len(self.numbers)} parties of MPyC started")
        results = self.follow(events)
        for p in self.numbers:
            self.children.finish(f"mpyc_{p}", terminate=False)
        self.screen.say("all parties are done")
        return results

    def address(self, p, q):
        if p == q:
            return f":{self.ports.listens(p)}"  # MPyC knows its own by the empty host
        return f"127.0.0.1:{self.ports.dials(p, q)}" if p < q else UNUSED

    def follow(self, events):
        results, ended = {}, set()
        give_up = time.monotonic() + RUN_LIMIT
        while len(ended) < len(self.numbers):
            self.children.check()
            if time.monotonic() > give_up:
                late = min(set(self.numbers) - ended)
                logs = [self.children.log_of(f"{kind}_{late}") for kind in ("mpyc", "sidecar")]
                raise DemoError(f"MPyC's party {late} is not done within {RUN_LIMIT} s", *logs)
            try:
                party, event = events.get(timeout=0.05)
            except queue.Empty:
                continue
            if event is None:  # it prints no more; what it printed is checked in show()
                ended.add(party)
                continue
            values = results.setdefault(event["title"], {})
            values[party] = event["value"]
            if len(values) == len(self.numbers):
                self.screen.say(f"opened: {event['title']}")
        return results


def read_lines(stream, events, party):
    with stream:
        for line in stream:
            with contextlib.suppress(ValueError):  # torn, or what MPyC says of a lost party
                events.put((party, json.loads(line)))
    events.put((party, None))


def plain_statistics(tables):
    """The same of all tables in plain text, in the order in which they are opened."""
    counts = [sum(row[1] for row in rows) for rows in zip(*tables)]
    numbers = [sum(row[2] for row in rows) for rows in zip(*tables)]
    return [
        statistics.mean(counts),
        statistics.stdev(counts),
        statistics.median(counts),
        max(counts),
        sum(2 * count > number for count, number in zip(counts, numbers)),
    ]


def show(results, plain, parties):
    """The statistics beside the plain-text ones. MPyC rounds to whole numbers: less than 1 between
    them is equal, which for whole ones means the same."""
    print("\nPooled statistics by MPyC over the sidecars | from all tables in plain text:")
    good = len(results) == len(plain)
    for (title, values), true in zip(results.items(), plain):
        value = min(values.values())
        agree = len(values) == parties and len(set(values.values())) == 1
        agree = agree and abs(value - true) < 1
        good = good and agree
        verdict = "equal" if agree else "DIFFERENT"
        print(f"  {title:34}{value:>8} | {true:8.1f}   {verdict}")
    print(f"\n{'All' if good else 'NOT all'} statistics equal at all parties.")
    return good
