import asyncio

import pytest
from websockets.frames import Frame, Opcode

from chat.sockets.frames import EXTENSION, spell, text_of, writer


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_frame_is_spelled_as_the_websockets_library_does(size):
    text = ("é" * size).encode()[:size]
    assert spell(text) == Frame(Opcode.TEXT, text).serialize(mask=False)
    assert text_of(spell(b"x" * size)) == "x" * size


@pytest.mark.parametrize(
    ("extensions", "sent"),
    [
        ({EXTENSION: {}}, [{"type": "websocket.send", "frames": b"\x81\x01a\x81\x02\xc3\xa9"}]),
        ({}, [{"type": "websocket.send", "text": "a"}, {"type": "websocket.send", "text": "é"}]),
    ],
)
def test_frames_go_out_at_once_where_the_server_takes_them(extensions, sent):
    heard = []

    async def send(message):
        heard.append(message)

    asyncio.run(writer({"extensions": extensions}, send)([spell(b"a"), spell("é".encode())]))
    assert heard == sent
