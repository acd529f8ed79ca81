"""The messages of the event socket, JSON and msgpack, as an independent peer needs them.

A message is (type, {field: value}) with the JSON key names; `pay` is bytes. Only what tests use.
"""

import base64
import json
import struct

SYSTEM, OPEN, ACCEPT, REJECT, DATA, CLOSE, SIGNAL = 0, 9, 10, 11, 12, 13, 14
PREFIX = b"SB\x01"


def encode(kind, fields, msgpack):
    """The content of a frame: str for JSON, bytes for msgpack."""
    if msgpack:
        body = {"id": "peer", "typ": kind, "dat": pack(fields)}
        return PREFIX + b"\x01" + pack(body)
    if "pay" in fields:
        fields = {**fields, "pay": base64.b64encode(fields["pay"]).decode()}
    return json.dumps({"id": "peer", "typ": kind, "dat": fields})


def decode(frame):
    """(type, fields) of a frame's content. No payload at all is an empty one."""
    kind, fields = _decode_envelope(frame)
    if "pay" in fields:
        fields["pay"] = fields["pay"] or b""
    return kind, fields


def _decode_envelope(frame):
    if isinstance(frame, bytes) and frame[:4] == PREFIX + b"\x01":
        message, _ = unpack(frame, 4)
        return message["typ"], unpack(message["dat"], 0)[0] if message["dat"] else {}
    message = json.loads(frame[4:] if isinstance(frame, bytes) else frame)
    fields = message.get("dat") or {}
    if isinstance(fields.get("pay"), str):
        fields["pay"] = base64.b64decode(fields["pay"])
    return message["typ"], fields


def pack(value):
    if isinstance(value, bool) or value is None:
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return struct.pack(">BQ", 0xCF, value)
    if isinstance(value, str):
        data = value.encode()
        return struct.pack(">BH", 0xDA, len(data)) + data
    if isinstance(value, bytes):
        return struct.pack(">BI", 0xC6, len(value)) + value
    if isinstance(value, list):
        return struct.pack(">BH", 0xDC, len(value)) + b"".join(map(pack, value))
    items = b"".join(pack(key) + pack(item) for key, item in value.items())
    return struct.pack(">BH", 0xDE, len(value)) + items


_SIZED = {  # type byte -> (format of the length or value, what it is)
    0xC4: (">B", bytes), 0xC5: (">H", bytes), 0xC6: (">I", bytes),
    0xD9: (">B", str), 0xDA: (">H", str), 0xDB: (">I", str),
    0xDC: (">H", list), 0xDD: (">I", list), 0xDE: (">H", dict), 0xDF: (">I", dict),
    0xCC: (">B", int), 0xCD: (">H", int), 0xCE: (">I", int), 0xCF: (">Q", int),
    0xD0: (">b", int), 0xD1: (">h", int), 0xD2: (">i", int), 0xD3: (">q", int),
}  # fmt: skip


def unpack(data, at):
    """(value, where it ends)."""
    first, at = data[at], at + 1
    if first in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[first], at
    if first <= 0x7F or first >= 0xE0:
        return first - (256 if first >= 0xE0 else 0), at
    if first in _SIZED:
        layout, kind = _SIZED[first]
        (number,) = struct.unpack_from(layout, data, at)
        at += struct.calcsize(layout)
        if kind is int:
            return number, at
    elif first <= 0x8F:
        kind, number = dict, first & 0x0F
    elif first <= 0x9F:
        kind, number = list, first & 0x0F
    elif first <= 0xBF:
        kind, number = str, first & 0x1F
    else:
        raise ValueError(f"msgpack type {first:#x}")
    return _unpack_sized(kind, number, data, at)


def _unpack_sized(kind, number, data, at):
    if kind in (bytes, str):
        if at + number > len(data):
            raise ValueError("msgpack ends in the middle")
        value = data[at : at + number]
        return (value if kind is bytes else value.decode()), at + number
    items = []
    for _ in range(number * (2 if kind is dict else 1)):
        item, at = unpack(data, at)
        items.append(item)
    return (dict(zip(items[::2], items[1::2])) if kind is dict else items), at
