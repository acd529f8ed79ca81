#!/usr/bin/python3
"""One party of the demo: holds one genotype table, computes with the others over plain TCP.

Result 1: the pooled allele frequency of every locus. Each party splits its table into parts, one
for each party; what is opened in the end are sums over all tables.
Result 2: the inner product of the allele counts of parties 1 and 2, with a Beaver triple. Party 0
is the dealer of the triple: it deals random parts and sees neither the parts of the tables nor
what is opened on the way, so only parties 1 and up compute, and party 0 is told the product.

A result is opened masked: the parties first make a sharing of zero, each adds its part of it, and
what it then shows to the others is random but for the sum. The parties follow the protocol; they
are not defended against one that cheats.

Progress and result go to stdout, one JSON object a line.
"""

import argparse
import csv
import hashlib
import json
import sys
import time

from mesh import Mesh, MeshError
from sharing import add, beaver_dot, deal_triple, random_vector, split, subtract

DEALER = 0
LEFT, RIGHT = 1, 2  # the parties whose tables enter the inner product


class TableError(Exception):
    pass


def read_table(path):
    """[(locus, allele count, allele number)], checked."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    table = []
    for line, row in enumerate(rows, start=2):
        try:
            entry = (row["locus"], int(row["allele_count"]), int(row["allele_number"]))
        except (KeyError, TypeError, ValueError) as error:
            raise TableError(f"{path}:{line}: expected locus,allele_count,allele_number ({error})")
        if not 0 <= entry[1] <= entry[2]:
            raise TableError(f"{path}:{line}: allele_count must lie in 0..allele_number")
        table.append(entry)
    if not table:
        raise TableError(f"{path}: no loci")
    return table


def fingerprint(data):
    """A 64-bit number by which two parties see whether they mean the same."""
    return int.from_bytes(hashlib.sha256(repr(data).encode()).digest()[:8], "little")


def report(**event):
    print(json.dumps(event), flush=True)


class Party:
    def __init__(self, mesh, table):
        self.mesh = mesh
        self.me = mesh.me
        self.table = table
        self.computing = [p for p in mesh.everybody if p != DEALER]

    def round(self, title, outgoing, expected_from):
        report(event="round", party=self.me, number=self.mesh.round + 1, title=title)
        return self.mesh.exchange(outgoing, expected_from)

    def others_of(self, group):
        return [p for p in group if p != self.me]

    def send_parts(self, title, parts, senders):
        """Hands out `parts` (empty if this party has none) and returns those it now holds."""
        outgoing = {p: part for p, part in parts.items() if p != self.me}
        held = self.round(title, outgoing, self.others_of(senders))
        if self.me in parts:
            held[self.me] = parts[self.me]
        return held

    def greet(self):
        """Every connection ends at the party it was meant for, and all have the same loci."""
        loci = fingerprint([locus for locus, _, _ in self.table])
        hello = {p: [self.me, p, loci] for p in self.mesh.others}
        for p, answer in self.round("hello", hello, self.mesh.others).items():
            if answer[:2] != [p, self.me]:
                raise MeshError(f"the connection to party {p} is that of {answer[0]}, {answer[1]}")
            if answer[2] != loci:
                raise TableError(f"party {p} has other loci than party {self.me}")

    def zero_mask(self, length, group):
        """This party's part of a sharing of zero that no single party knows."""
        partners = self.others_of(group) if self.me in group else []
        given = {p: random_vector(length) for p in partners}
        got = self.round("masks", given, partners)
        mask = [0] * length
        for p in partners:
            mask = subtract(add(mask, got[p]), given[p])
        return mask

    def open(self, title, part, group, audience):
        """The sum of the group's parts, made known to the audience."""
        outgoing = {p: part for p in self.others_of(audience)} if self.me in group else {}
        expected = self.others_of(group) if self.me in audience else []
        parts = self.round(title, outgoing, expected)
        if self.me in group:
            parts[self.me] = part
        return add(*parts.values())

    def pooled_sums(self):
        """[(pooled allele count, pooled allele number)] by locus."""
        everybody = self.mesh.everybody
        mine = [count for _, count, _ in self.table] + [number for _, _, number in self.table]
        parts = self.send_parts("parts of the tables", split(mine, everybody), everybody)
        masked = add(*parts.values(), self.zero_mask(len(mine), everybody))
        sums = self.open("opening the sums", masked, everybody, everybody)
        return list(zip(sums[: len(self.table)], sums[len(self.table) :]))

    def inner_product(self):
        """<x, y> of the allele counts of parties LEFT and RIGHT."""
        length, computing = len(self.table), self.computing
        triple = self.receive_triple(length)
        x_and_y = self.receive_inputs()
        hidden = subtract(x_and_y, triple[0] + triple[1]) if triple else []
        opened = self.open("opening x-a and y-b", hidden, computing, computing)
        part = []
        if triple:
            first = self.me == computing[0]
            part = [beaver_dot(triple, opened[:length], opened[length:], adds_public_term=first)]
        masked = add(part, self.zero_mask(1, computing))
        return self.open("opening the product", masked, computing, self.mesh.everybody)[0]

    def receive_triple(self, length):
        """This party's (a, b, c), None at the dealer."""
        dealt = {}
        if self.me == DEALER:
            triples = deal_triple(length, self.computing)
            dealt = {p: a + b + [c] for p, (a, b, c) in triples.items()}
        senders = [DEALER] if self.me in self.computing else []
        got = self.send_parts("dealing a triple", dealt, senders)
        if self.me == DEALER:
            return None
        values = got[DEALER]
        return values[:length], values[length : 2 * length], values[2 * length]

    def receive_inputs(self):
        """This party's part of x and, behind it, of y; empty at the dealer."""
        counts = [count for _, count, _ in self.table]
        parts = split(counts, self.computing) if self.me in (LEFT, RIGHT) else {}
        senders = [LEFT, RIGHT] if self.me in self.computing else []
        got = self.send_parts("parts of x and y", parts, senders)
        return got.get(LEFT, []) + got.get(RIGHT, [])

    def agree(self, results):
        """All parties came to the same numbers."""
        mine = fingerprint(results)
        others = self.mesh.others
        answers = self.round("comparing results", {p: [mine] for p in others}, others)
        for p, answer in answers.items():
            if answer != [mine]:
                raise MeshError(f"party {p} came to other results than party {self.me}")


def run(arguments):
    table = read_table(arguments.table)
    started = time.monotonic()
    mesh = Mesh(arguments.party, arguments.parties, arguments.base, arguments.patience)
    party = Party(mesh, table)
    party.greet()
    pooled = party.pooled_sums()
    product = party.inner_product()
    party.agree([pooled, product])
    mesh.close()
    report(
        event="result",
        party=mesh.me,
        pooled=pooled,
        product=product,
        rounds=mesh.round,
        sent=mesh.bytes_sent(),
        received=mesh.bytes_received(),
        seconds=time.monotonic() - started,
    )


def main():
    parser = argparse.ArgumentParser(description="One party of the demo.")
    parser.add_argument("--party", type=int, required=True, help="own number, from 0")
    parser.add_argument("--parties", type=int, required=True, help="how many there are, 3 or more")
    parser.add_argument("--table", required=True, help="CSV: locus,allele_count,allele_number")
    parser.add_argument("--base", type=int, required=True, help="base of the port numbers")
    parser.add_argument("--patience", type=float, default=20, help="seconds to wait for a peer")
    arguments = parser.parse_args()
    if not 0 <= arguments.party < arguments.parties or arguments.parties < 3:
        parser.error("needs 3 parties or more, and a party number below their count")
    try:
        run(arguments)
    except (MeshError, TableError, OSError) as error:
        print(f"party {arguments.party}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
