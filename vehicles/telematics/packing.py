"""A batch's samples as one block of bytes, and back, without loss (docs/decisions/0011).

A column of readings is written as whole numbers of its last decimal place, each as the difference from the one before,
in the fewest bytes that hold them, and zlib takes what repeats: readings one second apart differ little. A column whose
numbers have no such place (the endless tail of a conversion) is kept as it is, in 8 bytes each.

The block: a version byte, then the deflated columns t, speed, fuel rate, odometer. Everything is little-endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from itertools import accumulate, repeat
from math import floor
from operator import sub, truediv

from vehicles.telematics.samples import Reading, Samples

VERSION = 1
_LEVEL = 1  # a higher one takes longer and saves nothing (docs/decisions/0011)
_MOST_PLACES = 9
_AS_FLOATS = 255  # in the place of a number of decimal places
_HEAD = struct.Struct("<BBqc")  # has nulls, decimal places, first value, width of the differences
_WIDTHS = {b"b": 1, b"h": 2, b"i": 4, b"q": 8}


def pack(samples: Samples) -> bytes:
    """The block of a batch of at least one sample."""
    columns = [_pack_whole(samples.t, places=0)]
    columns += [_pack_readings(column) for column in samples.readings]
    return bytes([VERSION]) + zlib.compress(b"".join(columns), _LEVEL)


def unpack(block: bytes, count: int) -> Samples:
    """The `count` samples of a block."""
    if block[0] != VERSION:
        raise ValueError(f"A telematics block of version {block[0]}, written by a newer release.")
    reader = _Reader(zlib.decompress(memoryview(block)[1:]), count)
    return Samples(reader.whole(), reader.readings(), reader.readings(), reader.readings())


# --- Writing ------------------------------------------------------------------------------------------------------


def _pack_readings(column: Sequence[Reading]) -> bytes:
    values = [value for value in column if value is not None]
    missing = b"" if len(values) == len(column) else bytes([value is None for value in column])
    scaled = _scaled(values)
    if scaled is None:
        return (
            _HEAD.pack(bool(missing), _AS_FLOATS, 0, b"b")
            + missing
            + struct.pack(f"<{len(values)}d", *values)
        )
    places, whole = scaled
    return _pack_whole(whole, places, missing)


def _scaled(values: Sequence[float]) -> tuple[int, list[int]] | None:
    """The number of decimal places and the values times ten to it; None where that does not give them back."""
    for looked_at in (values[:: len(values) // 16 + 1], values):
        places = max(map(_decimals, looked_at), default=0)
        if places > _MOST_PLACES:
            return None
        factor = 10.0**places  # exact up to 10²²
        whole = list(map(floor, [value * factor + 0.5 for value in values]))  # sooner done than round()
        if list(map(truediv, whole, repeat(factor))) == values:
            return places, whole
    return None


def _decimals(value: float) -> int:
    """How many decimal places a number is written with; too many where it is written with an `e`."""
    text = repr(value)
    return _MOST_PLACES + 1 if "e" in text else len(text.partition(".")[2].rstrip("0"))


def _pack_whole(values: Sequence[int], places: int, missing: bytes = b"") -> bytes:
    first = values[0] if values else 0
    differences = list(map(sub, values[1:], values))
    for width in _WIDTHS:
        try:
            body = struct.pack(f"<{len(differences)}{width.decode()}", *differences)
        except struct.error:
            continue
        return _HEAD.pack(bool(missing), places, first, width) + missing + _planes(body, _WIDTHS[width])
    raise AssertionError("Differences of 63-bit numbers fit 64 bits.")


def _planes(body: bytes, width: int) -> bytes:
    """The low bytes of all numbers, then the next: the high ones are nearly all the same, and deflate to nothing."""
    return body if width == 1 else b"".join(body[byte::width] for byte in range(width))


# --- Reading ------------------------------------------------------------------------------------------------------


class _Reader:
    """Takes one column after the other off the inflated bytes."""

    def __init__(self, data: bytes, count: int) -> None:
        self.data, self.count, self.place = data, count, 0

    def take(self, size: int) -> bytes:
        self.place += size
        return self.data[self.place - size : self.place]

    def whole(self) -> list[int]:
        _missing, _places, first, width = self.head()
        return self.numbers(self.count, first, width)

    def readings(self) -> Sequence[Reading]:
        has_nulls, places, first, width = self.head()
        missing = self.take(self.count) if has_nulls else b""
        present = self.count - sum(missing)
        values: Sequence[float]
        if places == _AS_FLOATS:
            values = struct.unpack(f"<{present}d", self.take(8 * present))
        else:
            values = list(map(truediv, self.numbers(present, first, width), repeat(10.0**places)))
        if not missing:
            return values
        following = iter(values)
        return [None if gone else next(following) for gone in missing]

    def head(self) -> tuple[bool, int, int, bytes]:
        has_nulls, places, first, width = _HEAD.unpack(self.take(_HEAD.size))
        return bool(has_nulls), places, first, width

    def numbers(self, count: int, first: int, width: bytes) -> list[int]:
        if not count:
            return []
        size, steps = _WIDTHS[width], count - 1
        planes = self.take(size * steps)
        body = bytearray(planes)
        if size > 1:
            for byte in range(size):
                body[byte::size] = planes[byte * steps : (byte + 1) * steps]
        return list(accumulate(struct.unpack(f"<{steps}{width.decode()}", body), initial=first))
