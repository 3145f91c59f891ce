"""The peer of bench/chat.py: `websockets` alone, rooms in a dictionary, `broadcast` to a room.

A message is stored before it is sent, with one asyncpg INSERT into a plain table with a key and an index on the thread.
The peer has nothing else that the product has: no number, no lock, no foreign key, no session.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg
import orjson
from websockets.asyncio.server import broadcast, serve
from websockets.exceptions import ConnectionClosed

ROOMS: dict[str, set] = {}
TABLE = """
    CREATE TABLE IF NOT EXISTS bare_message (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, uuid uuid NOT NULL, thread_id bigint NOT NULL,
        author_id bigint NOT NULL, body text NOT NULL, created_at timestamptz NOT NULL
    );
    CREATE INDEX IF NOT EXISTS bare_message_of_thread ON bare_message (thread_id, id);
"""
INSERT = "INSERT INTO bare_message (uuid, thread_id, author_id, body, created_at) VALUES ($1, $2, $3, $4, $5)"


async def main(port: int, database: dict[str, str], users: dict[str, list]) -> None:
    async with asyncpg.create_pool(**database) as pool:
        await pool.execute(TABLE)

        async def handler(socket) -> None:
            token = parse_qs(urlsplit(socket.request.path).query)["token"][0]
            user, uuid, thread_id, thread = users[token]
            room = ROOMS.setdefault(thread, set())
            room.add(socket)
            try:
                async for text in socket:
                    frame = orjson.loads(text)
                    if frame["type"] == "TYPING":
                        out = {"type": "TYPING", "user": uuid, "threadId": thread}
                        broadcast(room - {socket}, orjson.dumps(out, option=orjson.OPT_UTC_Z).decode())
                    else:
                        key, now = uuid4(), datetime.now(UTC)
                        await pool.execute(INSERT, key, thread_id, user, frame["body"], now)
                        out = {"type": "MESSAGE", "id": key, "threadId": thread, "body": frame["body"],
                               "sender": "user", "timestamp": now}  # fmt: skip
                        broadcast(room, orjson.dumps(out, option=orjson.OPT_UTC_Z).decode())
            except ConnectionClosed:
                pass
            finally:
                room.discard(socket)

        async with serve(handler, "127.0.0.1", port, compression=None) as server:
            await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(
        main(int(sys.argv[1]), json.loads(os.environ["BARE_DATABASE"]), json.loads(os.environ["BARE_USERS"]))
    )
