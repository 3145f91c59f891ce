"""Pack the samples of a batch into a block of bytes and unpack it, without loss (docs/decisions/0011).

A column of readings is scaled to integers by its number of decimal places. The differences between neighbours are
stored in the smallest integer type that holds them all. Readings one second apart differ little, so that zlib
compresses the differences well. A column whose numbers have too many decimal places (the result of a unit conversion)
is stored as 8-byte floats.

The block is a version byte followed by the deflated columns t, speed, fuel rate and odometer. Everything is
little-endian.
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
_LEVEL = 1  # a higher level takes longer and saves nothing (docs/decisions/0011)
_MAX_PLACES = 9
_AS_FLOATS = 255  # stored instead of the number of decimal places
_HEADER = struct.Struct("<BBqc")  # has nulls, decimal places, first value, width of the differences
_WIDTHS = {b"b": 1, b"h": 2, b"i": 4, b"q": 8}


def pack(samples: Samples) -> bytes:
    """Return the block of a batch, which must have at least one sample."""
    columns = [_pack_integers(samples.t, places=0)]
    columns += [_pack_readings(column) for column in samples.readings]
    return bytes([VERSION]) + zlib.compress(b"".join(columns), _LEVEL)


def unpack(block: bytes, count: int) -> Samples:
    """Return the `count` samples of a block. Raise ValueError for a block of an unknown version."""
    if block[0] != VERSION:
        raise ValueError(
            f"The telematics block has version {block[0]}, written by a newer release. "
            f"This release reads version {VERSION}."
        )
    reader = _Reader(zlib.decompress(memoryview(block)[1:]), count)
    return Samples(
        reader.read_integers(), reader.read_readings(), reader.read_readings(), reader.read_readings()
    )


# --- Packing ------------------------------------------------------------------------------------------------------


def _pack_readings(column: Sequence[Reading]) -> bytes:
    values = [value for value in column if value is not None]
    missing = b"" if len(values) == len(column) else bytes([value is None for value in column])
    scaled = _scale(values)
    if scaled is None:
        return (
            _HEADER.pack(bool(missing), _AS_FLOATS, 0, b"b")
            + missing
            + struct.pack(f"<{len(values)}d", *values)
        )
    places, integers = scaled
    return _pack_integers(integers, places, missing)


def _scale(values: Sequence[float]) -> tuple[int, list[int]] | None:
    """Return the number of decimal places and the values scaled by ten to its power, or None.

    None means that the scaled integers do not give back the same floats. A sample of 16 values is tried first, because
    most columns that cannot be scaled fail there.
    """
    for tried in (values[:: len(values) // 16 + 1], values):
        places = max(map(_decimal_places, tried), default=0)
        if places > _MAX_PLACES:
            return None
        factor = 10.0**places  # exact up to 10²²
        integers = list(map(floor, [value * factor + 0.5 for value in values]))  # faster than round()
        if list(map(truediv, integers, repeat(factor))) == values:
            return places, integers
    return None


def _decimal_places(value: float) -> int:
    """Return the number of decimal places of the shortest notation, or too many if that notation has an exponent."""
    text = repr(value)
    return _MAX_PLACES + 1 if "e" in text else len(text.partition(".")[2].rstrip("0"))


def _pack_integers(values: Sequence[int], places: int, missing: bytes = b"") -> bytes:
    first = values[0] if values else 0
    differences = list(map(sub, values[1:], values))
    for width in _WIDTHS:
        try:
            body = struct.pack(f"<{len(differences)}{width.decode()}", *differences)
        except struct.error:
            continue
        return (
            _HEADER.pack(bool(missing), places, first, width) + missing + _group_bytes(body, _WIDTHS[width])
        )
    raise AssertionError("Differences of 63-bit numbers fit 64 bits.")


def _group_bytes(body: bytes, width: int) -> bytes:
    """Return the lowest bytes of all numbers, then the next ones, and so on.

    The high bytes are nearly all the same, and zlib compresses a run of equal bytes to almost nothing.
    """
    return body if width == 1 else b"".join(body[byte::width] for byte in range(width))


# --- Unpacking ------------------------------------------------------------------------------------------------------


class _Reader:
    """Reads one column after the other from the inflated bytes."""

    def __init__(self, data: bytes, count: int) -> None:
        self.data, self.count, self.position = data, count, 0

    def read_bytes(self, size: int) -> bytes:
        self.position += size
        return self.data[self.position - size : self.position]

    def read_integers(self) -> list[int]:
        _has_nulls, _places, first, width = self.read_header()
        return self.read_numbers(self.count, first, width)

    def read_readings(self) -> Sequence[Reading]:
        has_nulls, places, first, width = self.read_header()
        missing = self.read_bytes(self.count) if has_nulls else b""
        present = self.count - sum(missing)
        values: Sequence[float]
        if places == _AS_FLOATS:
            values = struct.unpack(f"<{present}d", self.read_bytes(8 * present))
        else:
            values = list(map(truediv, self.read_numbers(present, first, width), repeat(10.0**places)))
        if not missing:
            return values
        remaining = iter(values)
        return [None if is_missing else next(remaining) for is_missing in missing]

    def read_header(self) -> tuple[bool, int, int, bytes]:
        has_nulls, places, first, width = _HEADER.unpack(self.read_bytes(_HEADER.size))
        return bool(has_nulls), places, first, width

    def read_numbers(self, count: int, first: int, width: bytes) -> list[int]:
        if not count:
            return []
        size, steps = _WIDTHS[width], count - 1
        grouped = self.read_bytes(size * steps)
        body = bytearray(grouped)
        if size > 1:
            for byte in range(size):
                body[byte::size] = grouped[byte * steps : (byte + 1) * steps]
        return list(accumulate(struct.unpack(f"<{steps}{width.decode()}", body), initial=first))
