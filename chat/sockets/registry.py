"""Keep the sockets of this process in groups: one per customer, one for staff, one for open pages of the desk.

It lives on the event loop and uses neither the database nor the network (docs/decisions/0014).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from chat.sockets.broadcasts import Broadcast
from chat.sockets.frames import Write, encode_frame
from common.domain.caller import Caller

# Bounds of an outbox. Beyond them the client is gone or hopelessly behind, and reads the log after it reconnects.
MAX_FRAMES = 1_000
MAX_BYTES = 1 << 20
_MAX_WRITE_BYTES = 64 << 10  # at a time: the server buffers them in addition to the outbox
# Of one user in one process: more than a user's devices and windows, and few enough to leave room for other users.
MAX_SOCKETS = 50


class Outbox:
    """Frames that wait for one socket. A task of its own writes them, so that a slow reader delays only itself."""

    def __init__(self, overrun: Callable[[], None]) -> None:
        self._overrun = overrun
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._idle: asyncio.Future[None] | None = None

    def put(self, frame: bytes) -> None:
        """Queue a frame. Beyond the bounds, drop all frames and call `overrun`."""
        self._bytes += len(frame)
        if len(self._waiting) >= MAX_FRAMES or self._bytes > MAX_BYTES:
            self._waiting.clear()
            self._overrun()
            return
        self._waiting.append(frame)
        if self._idle is not None:
            self._idle.set_result(None)
            self._idle = None

    async def run(self, write: Write) -> None:
        """Write until cancelled. Frames that were queued during a write are written together."""
        loop = asyncio.get_running_loop()
        while True:
            while self._waiting:
                await write(self._take())
            self._idle = loop.create_future()
            await self._idle

    def _take(self) -> list[bytes]:
        waiting, taken, size = self._waiting, [], 0
        while waiting and size < _MAX_WRITE_BYTES:
            frame = waiting.popleft()
            taken.append(frame)
            size += len(frame)
        self._bytes -= size
        return taken


class Listener:
    """A socket as the registry sees it: its caller, a function that queues a frame and one that closes it."""

    __slots__ = ("caller", "close", "put", "session", "takes_rows")

    def __init__(
        self,
        caller: Caller,
        put: Callable[[bytes], None],
        close: Callable[[int], None] = lambda code: None,
        *,
        takes_rows: bool = False,
    ) -> None:
        assert caller.session
        self.caller = caller
        self.session = caller.session
        self.put = put
        self.close = close  # takes a WebSocket close code
        self.takes_rows = takes_rows  # messages of others also as REST shows them


class Registry:
    """The groups of sockets of this process."""

    def __init__(self) -> None:
        self._customers: dict[int, set[Listener]] = {}
        self._staff: set[Listener] = set()
        self._unassigned: set[Listener] = set()  # of customers without a record
        self._pages: dict[Callable[[], None], int] = {}  # of the desk, with the ids of their users

    def __iter__(self) -> Iterator[Listener]:
        for group in (*self._customers.values(), self._staff, self._unassigned):
            yield from tuple(group)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def is_full_for(self, user: int) -> bool:
        """Return whether this user has `MAX_SOCKETS` sockets in this process."""
        sockets = sum(listener.caller.user_id == user for listener in self)
        return sockets + sum(owner == user for owner in self._pages.values()) >= MAX_SOCKETS

    def watch(self, changed: Callable[[], None], *, user: int) -> None:
        """Call `changed` at every change, until it is unwatched."""
        self._pages[changed] = user

    def unwatch(self, changed: Callable[[], None]) -> None:
        self._pages.pop(changed, None)

    def join(self, listener: Listener) -> None:
        self._group_of(listener).add(listener)

    def leave(self, listener: Listener) -> None:
        group = self._group_of(listener)
        group.discard(listener)
        if not group and listener.caller.customer_id is not None:
            self._customers.pop(listener.caller.customer_id, None)

    def move(self, listener: Listener, caller: Caller) -> None:
        """Move the socket to the group of its new caller, for example of a customer who has a record now."""
        if caller != listener.caller:
            self.leave(listener)
            listener.caller = caller
            self.join(listener)

    def deliver(self, broadcast: Broadcast) -> None:
        """Queue the broadcast's frame, encoded once, for each of its recipients. Tell the desk's pages of a change."""
        if broadcast.is_change:
            for changed in tuple(self._pages):
                changed()
        if broadcast.frame is None:
            return
        if self._unassigned:
            self._assign(broadcast)
        frame = encode_frame(broadcast.text)
        for listener in self._recipients(broadcast):
            if listener.caller.user_id != broadcast.author:
                listener.put(frame)
                if listener.takes_rows and (row := broadcast.text_of_row):
                    listener.put(encode_frame(row))
            elif broadcast.is_echoed:
                listener.put(encode_frame(broadcast.text_for_author))

    def _recipients(self, broadcast: Broadcast) -> Iterable[Listener]:
        group = self._customers.get(broadcast.customer, ())
        return (*group, *self._staff) if broadcast.is_for_staff and self._staff else tuple(group)

    def _assign(self, broadcast: Broadcast) -> None:
        """Move the author's unassigned sockets: a customer's first message created the record that it belongs to."""
        for listener in tuple(self._unassigned):
            caller = listener.caller
            if caller.user_id == broadcast.author:
                self.move(
                    listener,
                    Caller(caller.role, caller.user_id, broadcast.customer, session=caller.session),
                )

    def _group_of(self, listener: Listener) -> set[Listener]:
        if listener.caller.is_staff:
            return self._staff
        customer = listener.caller.customer_id
        return self._unassigned if customer is None else self._customers.setdefault(customer, set())
