# SPDX-License-Identifier: Apache-2.0
"""Canonical MessagePack (WIRE.md W-1..W-6), written apart from the C code.

decode() accepts exactly the canonical form and raises NotCanonical for
anything else; encode() writes it. Maps become dicts, so a repeated key can
only be seen here.
"""

import struct

DEPTH_MAX = 12
ITEMS_MAX = 65536


class NotCanonical(ValueError):
    pass


def encode(value):
    out = bytearray()
    _encode(value, out)
    return bytes(out)


def _head(out, size, short, short_max, wide):
    """Append a length in its shortest form: fixed byte, else the first wide form that fits."""
    if short is not None and size <= short_max:
        out.append(short | size)
        return
    for first, width in wide:
        if size < 1 << (8 * width):
            out.append(first)
            out += size.to_bytes(width, 'big')
            return
    raise ValueError('too large')


def _encode(value, out):
    if value is None:
        out.append(0xc0)
    elif value is True or value is False:
        out.append(0xc3 if value else 0xc2)
    elif isinstance(value, int):
        _encode_integer(value, out)
    elif isinstance(value, str):
        raw = value.encode()
        _head(out, len(raw), 0xa0, 31, ((0xd9, 1), (0xda, 2), (0xdb, 4)))
        out += raw
    elif isinstance(value, (bytes, bytearray)):
        _head(out, len(value), None, 0, ((0xc4, 1), (0xc5, 2), (0xc6, 4)))
        out += value
    elif isinstance(value, (list, tuple)):
        _head(out, len(value), 0x90, 15, ((0xdc, 2), (0xdd, 4)))
        for item in value:
            _encode(item, out)
    elif isinstance(value, dict):
        _head(out, len(value), 0x80, 15, ((0xde, 2), (0xdf, 4)))
        for key in sorted(value, key=lambda k: k.encode() if isinstance(k, str) else k):
            _encode(key, out)
            _encode(value[key], out)
    else:
        raise TypeError(type(value))


def _encode_integer(value, out):
    if 0 <= value < 128:
        out.append(value)
    elif -32 <= value < 0:
        out.append(value & 0xff)
    elif value >= 0:
        for first, fmt, limit in ((0xcc, '>B', 8), (0xcd, '>H', 16), (0xce, '>I', 32),
                                  (0xcf, '>Q', 63)):
            if value < 1 << limit:
                out.append(first)
                out += struct.pack(fmt, value)
                return
        raise ValueError('integer too large')
    else:
        for first, fmt, limit in ((0xd0, '>b', 7), (0xd1, '>h', 15), (0xd2, '>i', 31),
                                  (0xd3, '>q', 63)):
            if value >= -(1 << limit):
                out.append(first)
                out += struct.pack(fmt, value)
                return
        raise ValueError('integer too small')


class _Reader:
    def __init__(self, raw):
        self.raw = raw
        self.at = 0
        self.items = 0

    def take(self, size):
        if size > len(self.raw) - self.at:
            raise NotCanonical('cut short')
        piece = self.raw[self.at:self.at + size]
        self.at += size
        return piece

    def number(self, width, smallest):
        number = int.from_bytes(self.take(width), 'big')
        if number < smallest:
            raise NotCanonical('long form')
        return number

    def count(self, count, each):
        if count * each > len(self.raw) - self.at:
            raise NotCanonical('count beyond the bytes that remain')
        return count

    def value(self, depth):
        self.items += 1
        if self.items > ITEMS_MAX:
            raise NotCanonical('too many items')
        first = self.take(1)[0]
        if first < 0x80:
            return first
        if first >= 0xe0:
            return first - 256
        if first < 0x90:
            return self.map(first & 15, depth)
        if first < 0xa0:
            return self.list(first & 15, depth)
        if first < 0xc0:
            return self.text(first & 31)
        return self.wide(first, depth)

    def wide(self, first, depth):
        plain = {0xc0: None, 0xc2: False, 0xc3: True}
        if first in plain:
            return plain[first]
        if first in (0xc4, 0xc5, 0xc6):
            width = 1 << (first - 0xc4)
            return bytes(self.take(self.number(width, (0, 0, 1 << 8, 0, 1 << 16)[width])))
        if first in (0xcc, 0xcd, 0xce, 0xcf):
            width = 1 << (first - 0xcc)
            number = self.number(width, {1: 128, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}[width])
            if number >= 1 << 63:
                raise NotCanonical('integer too large')
            return number
        if first in (0xd0, 0xd1, 0xd2, 0xd3):
            width = 1 << (first - 0xd0)
            number = int.from_bytes(self.take(width), 'big', signed=True)
            if number >= {1: -32, 2: -(1 << 7), 4: -(1 << 15), 8: -(1 << 31)}[width]:
                raise NotCanonical('long form')
            return number
        if first in (0xd9, 0xda, 0xdb):
            width = 1 << (first - 0xd9)
            return self.text(self.number(width, {1: 32, 2: 1 << 8, 4: 1 << 16}[width]))
        if first in (0xdc, 0xdd):
            width = 2 << (first - 0xdc)
            return self.list(self.number(width, {2: 16, 4: 1 << 16}[width]), depth)
        if first in (0xde, 0xdf):
            width = 2 << (first - 0xde)
            return self.map(self.number(width, {2: 16, 4: 1 << 16}[width]), depth)
        raise NotCanonical('type %#x' % first)

    def text(self, size):
        try:
            text = bytes(self.take(size)).decode('utf-8', 'strict')
        except UnicodeDecodeError:
            raise NotCanonical('not UTF-8') from None
        if '\0' in text:
            raise NotCanonical('U+0000')
        return text

    def list(self, count, depth):
        if depth == DEPTH_MAX:
            raise NotCanonical('too deep')
        return [self.value(depth + 1) for _ in range(self.count(count, 1))]

    def map(self, count, depth):
        if depth == DEPTH_MAX:
            raise NotCanonical('too deep')
        result = {}
        previous = None
        for _ in range(self.count(count, 2)):
            key = self.value(depth + 1)
            if isinstance(key, bool) or not isinstance(key, (int, str)) or \
                    (isinstance(key, int) and key < 0):
                raise NotCanonical('key')
            order = key.encode() if isinstance(key, str) else key
            if previous is not None and (type(previous) is not type(order) or order <= previous):
                raise NotCanonical('keys not ascending')
            previous = order
            result[key] = self.value(depth + 1)
        return result


def decode(raw, max_bytes=1 << 20):
    if len(raw) > max_bytes:
        raise NotCanonical('too large')
    reader = _Reader(raw)
    value = reader.value(0)
    if reader.at != len(raw):
        raise NotCanonical('trailing bytes')
    return value
