import asyncio

import pytest
from websockets.frames import Frame, Opcode

from chat.sockets.frames import EXTENSION, decode_frame, encode_frame, frame_writer


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_frame_equals_the_websockets_librarys(size):
    text = ("é" * size).encode()[:size]
    assert encode_frame(text) == Frame(Opcode.TEXT, text).serialize(mask=False)
    assert decode_frame(encode_frame(b"x" * size)) == "x" * size


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        ({EXTENSION: {}}, [{"type": "websocket.send", "frames": b"\x81\x01a\x81\x02\xc3\xa9"}]),
        ({}, [{"type": "websocket.send", "text": "a"}, {"type": "websocket.send", "text": "é"}]),
    ],
)
def test_frames_are_written_together_if_the_server_can(extensions, expected):
    sent = []

    async def send(message):
        sent.append(message)

    write = frame_writer({"extensions": extensions}, send)
    asyncio.run(write([encode_frame(b"a"), encode_frame("é".encode())]))
    assert sent == expected
