"""Tests of safe file names and of the signatures of file types."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from files.kinds import KINDS, has_signature
from files.names import key_name, safe_name


@pytest.mark.parametrize(
    ("given_name", "safe", "key"),
    [
        ("receipt.jpg", "receipt.jpg", "receipt.jpg"),
        ("Receipt 12.JPEG", "Receipt 12.jpeg", "Receipt-12.jpeg"),
        ("../../etc/passwd", "passwd.jpg", "passwd.jpg"),
        ("C:\\Users\\me\\car.jpg", "car.jpg", "car.jpg"),
        ("/", "file.jpg", "file.jpg"),
        ("..", "file.jpg", "file.jpg"),
        (".jpg", "file.jpg", "file.jpg"),
        ("evil.html", "evil.html.jpg", "evil-html.jpg"),
        ("a\x00b\r\nc.jpg", "ab c.jpg", "ab-c.jpg"),
        ("invoice\u202egpj.exe", "invoicegpj.exe.jpg", "invoicegpj-exe.jpg"),
        ("Façade été.jpg", "Façade été.jpg", "Facade-ete.jpg"),
        ("写真.jpg", "写真.jpg", "file.jpg"),
        ('a"; filename="b.jpg', 'a"; filename="b.jpg', "a-filename-b.jpg"),
        ("x" * 300 + ".jpg", "x" * 96 + ".jpg", "x" * 96 + ".jpg"),
    ],
)
def test_safe_name_and_key_name(given_name, safe, key):
    assert safe_name(given_name, "image/jpeg") == safe
    assert key_name(safe) == key


@given(st.text(max_size=400), st.sampled_from(list(KINDS)))
def test_safe_name_of_any_text_is_safe(name, content_type):
    safe = safe_name(name, content_type)
    assert 1 <= len(safe) <= 100
    assert safe.isprintable()
    assert not set(safe) & {"/", "\\", "\0"}
    assert safe.rpartition(".")[2] in KINDS[content_type].extensions
    assert safe_name(safe, content_type) == safe
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.[a-z]{3,4}", key_name(safe))


HEADS = {
    "image/jpeg": b"\xff\xd8\xff\xe1\x00\x18Exif",
    "image/jpg": b"\xff\xd8\xff\xdb",
    "image/png": b"\x89PNG\r\n\x1a\n\x00",
    "image/webp": b"RIFF\x24\x00\x00\x0aWEBPVP8 ",
    "image/gif": b"GIF89a\x01",
    "image/heic": b"\x00\x00\x00\x24ftypheic\x00",
    "image/heif": b"\x00\x00\x00\x0aftypmif1\x00",
    "application/pdf": b"%PDF-1.7",
}


@pytest.mark.parametrize("content_type", KINDS)
def test_type_is_recognised_by_its_first_bytes(content_type):
    expected = {kind for kind, head in HEADS.items() if KINDS[kind] is KINDS[content_type]}
    for kind, head in HEADS.items():
        assert has_signature(content_type, head) == (kind in expected)
    for head in (b"", b"<html>", b"MZ\x90", b" " + HEADS[content_type], HEADS[content_type][:2]):
        assert not has_signature(content_type, head)
