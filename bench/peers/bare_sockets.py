"""The peer of bench/chat.py: `websockets` alone, rooms in a dictionary, `broadcast` to a room.

With BARE_STORE it stores each message as plainly as psycopg can, under the same lock and in the same tables.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from psycopg_pool import AsyncConnectionPool
from websockets.asyncio.server import broadcast, serve
from websockets.exceptions import ConnectionClosed

ROOMS: dict[str, set] = {}
INSERT = (
    "INSERT INTO chat_message (uuid, thread_id, number, author_id, is_support, is_internal, body, attachments, created_at)"
    " VALUES (%s, %s, %s, %s, false, false, %s, '[]', %s) RETURNING id"
)


async def main(port: int, dsn: str, users: dict[str, list]) -> None:
    async with AsyncConnectionPool(dsn, min_size=4, max_size=4, open=False) as pool:
        await pool.open(wait=True)

        async def store(thread: int, user: int, body: str) -> tuple[str, str]:
            uuid, now = uuid4(), datetime.now(UTC)
            async with pool.connection() as connection:
                found = await connection.execute(
                    "SELECT last_number FROM chat_thread WHERE id = %s FOR UPDATE", [thread], prepare=True
                )
                number = (await found.fetchone())[0] + 1
                made = await connection.execute(INSERT, [uuid, thread, number, user, body, now], prepare=True)
                await connection.execute(
                    "UPDATE chat_thread SET last_number = %s, last_at = %s, updated_at = %s, last_message_id = %s"
                    " WHERE id = %s", [number, now, now, (await made.fetchone())[0], thread], prepare=True,
                )  # fmt: skip
            return str(uuid), now.isoformat()

        async def handler(socket) -> None:
            token = parse_qs(urlsplit(socket.request.path).query)["token"][0]
            user, uuid, thread_id, thread = users[token]
            room = ROOMS.setdefault(thread, set())
            room.add(socket)
            try:
                async for text in socket:
                    frame = json.loads(text)
                    if frame["type"] == "TYPING":
                        out = json.dumps({"type": "TYPING", "user": uuid, "threadId": thread})
                        broadcast(room - {socket}, out)
                    else:
                        key, at = await store(thread_id, user, frame["body"])
                        out = {"type": "MESSAGE", "id": key, "threadId": thread, "body": frame["body"],
                               "sender": "user", "timestamp": at}  # fmt: skip
                        broadcast(room, json.dumps(out))
            except ConnectionClosed:
                pass
            finally:
                room.discard(socket)

        async with serve(handler, "127.0.0.1", port, compression=None) as server:
            await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), os.environ["BARE_DSN"], json.loads(Path(sys.argv[2]).read_text())))
