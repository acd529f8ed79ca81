"""The wire of protocol.md §2 in pure Python: msgpack, the 'SB' envelope, JSON, names of fields.

Written against the protocol's description only, so that it can judge any server.
"""

import base64
import json
import struct

SYSTEM, ERROR, FILE_WRITE, ACK, NACK = 0, 1, 2, 4, 5
OPEN, ACCEPT, REJECT, DATA, CLOSE, SIGNAL = 9, 10, 11, 12, 13, 14

# JSON key -> msgpack key, where they differ.
_MSGPACK_KEYS = {
    SYSTEM: {"ver": "SystemVersion", "msg": "Message"},
    ERROR: {"cod": "Code", "pth": "Path", "msg": "Message"},
    FILE_WRITE: {"pth": "Path", "etg": "ETag", "len": "Length", "con": "Content"},
    ACK: {"oid": "OriginalId"},
    NACK: {"oid": "OriginalId", "err": "Error"},
}
_BYTE_FIELDS = {"pay", "con"}


# --- msgpack -------------------------------------------------------------------------------------


def pack(value):
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return _pack_int(value)
    if isinstance(value, str):
        raw = value.encode()
        return _pack_head(len(raw), 0xA0, 31, (0xD9, 0xDA, 0xDB)) + raw
    if isinstance(value, (bytes, bytearray)):
        return _pack_head(len(value), None, -1, (0xC4, 0xC5, 0xC6)) + bytes(value)
    if isinstance(value, (list, tuple)):
        return _pack_head(len(value), 0x90, 15, (None, 0xDC, 0xDD)) + b"".join(map(pack, value))
    if isinstance(value, dict):
        items = b"".join(pack(k) + pack(v) for k, v in value.items())
        return _pack_head(len(value), 0x80, 15, (None, 0xDE, 0xDF)) + items
    raise TypeError(f"no msgpack for {type(value)}")


def _pack_int(value):
    if 0 <= value < 128:
        return struct.pack(">B", value)
    if -32 <= value < 0:
        return struct.pack(">b", value)
    if value < 0:
        return b"\xd3" + struct.pack(">q", value)
    for tag, form, top in ((0xCC, ">B", 8), (0xCD, ">H", 16), (0xCE, ">I", 32)):
        if value < 1 << top:
            return bytes([tag]) + struct.pack(form, value)
    return b"\xcf" + struct.pack(">Q", value)


def _pack_head(length, fix_base, fix_max, tags):
    if length <= fix_max:
        return bytes([fix_base | length])
    if length < 1 << 8 and tags[0] is not None:
        return bytes([tags[0], length])
    if length < 1 << 16:
        return bytes([tags[1]]) + struct.pack(">H", length)
    return bytes([tags[2]]) + struct.pack(">I", length)


class Broken(ValueError):
    """Bytes that are no msgpack."""


_NUMBERS = {
    0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
    0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q",
}
_LENGTHS = {1: ">B", 2: ">H", 4: ">I"}


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise Broken("cut short")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def value(self):
        tag = self.number(">B")
        if tag < 0x80:
            return tag
        if tag < 0x90:
            return self.map(tag & 15)
        if tag < 0xA0:
            return [self.value() for _ in range(tag & 15)]
        if tag < 0xC0:
            return self.take(tag & 31).decode()
        if tag in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[tag]
        if tag in (0xC4, 0xC5, 0xC6):
            return bytes(self.take(self.number(_LENGTHS[1 << (tag - 0xC4)])))
        if tag in _NUMBERS:
            return self.number(_NUMBERS[tag])
        if tag in (0xD9, 0xDA, 0xDB):
            return self.take(self.number(_LENGTHS[1 << (tag - 0xD9)])).decode()
        if tag in (0xDC, 0xDD):
            return [self.value() for _ in range(self.number(_LENGTHS[2 << (tag - 0xDC)]))]
        if tag in (0xDE, 0xDF):
            return self.map(self.number(_LENGTHS[2 << (tag - 0xDE)]))
        if tag >= 0xE0:
            return tag - 256
        raise Broken(f"tag {tag:#x}")

    def map(self, length):
        result = {}
        for _ in range(length):
            key = self.value()
            result[key] = self.value()
        return result


def unpack(data):
    reader = _Reader(data)
    value = reader.value()
    if reader.at != len(data):
        raise Broken("bytes left over")
    return value


# --- messages ------------------------------------------------------------------------------------


def encode(encoding, typ, fields, message_id="c0ffee"):
    """What to send for a message: str for a text frame, bytes for a binary one."""
    if encoding == "json":
        return json.dumps(_envelope(typ, fields, message_id))
    if encoding == "json-in-binary":
        return b"SB\x01\x00" + json.dumps(_envelope(typ, fields, message_id)).encode()
    keys = _MSGPACK_KEYS.get(typ, {})
    dat = pack({keys.get(k, k): v for k, v in fields.items()})
    return b"SB\x01\x01" + pack({"id": message_id, "typ": typ, "dat": dat})


def _envelope(typ, fields, message_id):
    dat = {k: base64.b64encode(v).decode() if k in _BYTE_FIELDS else v for k, v in fields.items()}
    return {"id": message_id, "typ": typ, "dat": dat}


def decode(frame):
    """(encoding, typ, fields, id) of a received frame."""
    if isinstance(frame, str):
        return ("json", *_from_envelope(json.loads(frame)))
    if frame[:3] != b"SB\x01":
        raise Broken("no SB prefix")
    if frame[3] == 0:
        return ("json-in-binary", *_from_envelope(json.loads(frame[4:])))
    outer = unpack(frame[4:])
    typ = outer["typ"]
    names = {v: k for k, v in _MSGPACK_KEYS.get(typ, {}).items()}
    fields = {names.get(k, k): v for k, v in unpack(outer["dat"]).items()}
    return ("msgpack", typ, fields, outer["id"])


def _from_envelope(envelope):
    fields = {
        k: base64.b64decode(v, validate=True) if k in _BYTE_FIELDS else v
        for k, v in envelope["dat"].items()
    }
    return envelope["typ"], fields, envelope["id"]
