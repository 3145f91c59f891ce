"""Check images that papers are to print."""

from __future__ import annotations

from common.papers.rendering import can_set_image

MAX_SIDE = 2_000  # pixels. A file of a few kilobytes may otherwise take gigabytes when it is unpacked.
PNG, JPEG = "image/png", "image/jpeg"
_PNG_HEAD = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
# The markers of a JPEG's frame, which has its height and width (ITU-T T.81, B.2.2).
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def is_image(content: bytes) -> bool:
    """Return whether the bytes are a PNG or JPEG image of at most 2,000 pixels a side that papers can print.

    The size is read before the image is unpacked.
    """
    size = _size_of_png(content) or _size_of_jpeg(content)
    return size is not None and min(size) > 0 and max(size) <= MAX_SIDE and can_set_image(content)


def _size_of_png(content: bytes) -> tuple[int, int] | None:
    start = len(_PNG_HEAD)
    if not content.startswith(_PNG_HEAD) or len(content) < start + 8:
        return None
    return _number(content, start, 4), _number(content, start + 4, 4)


def _size_of_jpeg(content: bytes) -> tuple[int, int] | None:
    place = 2
    if not content.startswith(b"\xff\xd8"):
        return None
    while content[place : place + 1] == b"\xff" and place + 9 <= len(content):
        marker = content[place + 1]
        if marker in _FRAMES:
            return _number(content, place + 7, 2), _number(content, place + 5, 2)
        # Bytes of 0xff before a marker fill up space.
        place += 1 if marker == 0xFF else 2 + _number(content, place + 2, 2)
    return None


def _number(content: bytes, start: int, length: int) -> int:
    return int.from_bytes(content[start : start + length])
