"""Which bytes papers can print as an image."""

from __future__ import annotations

import pytest

from common.papers.images import MAX_SIDE, is_image
from testing.images import JPEG, png

# Markers of a JPEG may follow bytes of 0xff, and a comment stands before the size.
COMMENTED = b"\xff\xd8\xff\xff\xfe\x00\x04ab" + JPEG[2:]


@pytest.mark.parametrize("content", [png(), png(MAX_SIDE, 1), png(1, 1), JPEG, COMMENTED])
def test_png_and_jpeg_are_images(content):
    assert is_image(content) is True


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a" + bytes(50),
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        png(MAX_SIDE + 1, 1),
        png(1, MAX_SIDE + 1),
        png(0, 0),
        png()[:24],  # the size alone
        png()[:60],
        JPEG[:-20],
        JPEG[:6],
        JPEG.replace(b"\xff\xc0", b"\xff\xc4"),  # no frame
        JPEG.replace(b"\xff\xc0\x00\x0b\x08\x00\x08", b"\xff\xc0\x00\x0b\x08\xff\xff"),  # 65,535 pixels high
        b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(500),  # the first bytes of a JPEG
        b"\xff\xd8" + b"\xff" * 500,
    ],
)
def test_other_bytes_are_not(content):
    assert is_image(content) is False
