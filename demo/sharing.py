"""Additive secret sharing over the integers modulo 2^64: vectors in, vectors out, no network.

A value is split into parts that are random but for their sum. Fewer than all parts say nothing.
"""

import secrets
import struct

MODULUS = 1 << 64


def random_vector(length):
    return list(struct.unpack(f"<{length}Q", secrets.token_bytes(8 * length)))


def add(*vectors):
    return [sum(column) % MODULUS for column in zip(*vectors)]


def subtract(left, right):
    return [(a - b) % MODULUS for a, b in zip(left, right)]


def dot(left, right):
    return sum(a * b for a, b in zip(left, right)) % MODULUS


def split(values, holders):
    """One part per holder; together they add up to the values."""
    parts = {holder: random_vector(len(values)) for holder in holders[1:]}
    parts[holders[0]] = subtract(values, add(*parts.values()))
    return parts


def deal_triple(length, holders):
    """Parts of random vectors a and b and of c = <a, b>: {holder: (a, b, c)}."""
    a, b = random_vector(length), random_vector(length)
    a_parts, b_parts = split(a, holders), split(b, holders)
    c_parts = split([dot(a, b)], holders)
    return {holder: (a_parts[holder], b_parts[holder], c_parts[holder][0]) for holder in holders}


def beaver_dot(triple, d, e, adds_public_term):
    """A part of <x, y>, once d = x - a and e = y - b are open. One holder adds <d, e>."""
    a, b, c = triple
    public = dot(d, e) if adds_public_term else 0
    return (c + dot(d, b) + dot(a, e) + public) % MODULUS
