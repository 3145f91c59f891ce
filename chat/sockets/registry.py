"""The sockets of this process, by whom they belong to. Lives on the event loop; knows no database and no network."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from chat.sockets.broadcasts import Broadcast
from chat.sockets.frames import Write, spell
from common.domain.caller import Caller

# What waits for a reader who does not read. More means that he is gone or hopelessly behind: the log will tell him.
MOST_FRAMES = 1_000
MOST_BYTES = 1 << 20
_AT_ONCE = 64 << 10  # bytes; what the server holds besides
# Of one user in one process: more than his devices and windows, few enough that nobody takes the process for himself.
MOST_SOCKETS = 50


class Outbox:
    """Frames on their way to one socket, written by a task of their own: a slow reader makes only himself wait."""

    def __init__(self, overrun: Callable[[], None]) -> None:
        self._overrun = overrun
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._idle: asyncio.Future[None] | None = None

    def put(self, frame: bytes) -> None:
        """Send `frame` after what waits already; past the limits the socket is given up."""
        self._bytes += len(frame)
        if len(self._waiting) >= MOST_FRAMES or self._bytes > MOST_BYTES:
            self._waiting.clear()
            self._overrun()
            return
        self._waiting.append(frame)
        if self._idle is not None:
            self._idle.set_result(None)
            self._idle = None

    async def run(self, write: Write) -> None:
        """Write until cancelled: what has gathered meanwhile goes out together."""
        loop = asyncio.get_running_loop()
        while True:
            while self._waiting:
                await write(self._take())
            self._idle = loop.create_future()
            await self._idle

    def _take(self) -> list[bytes]:
        waiting, taken, size = self._waiting, [], 0
        while waiting and size < _AT_ONCE:
            frame = waiting.popleft()
            taken.append(frame)
            size += len(frame)
        self._bytes -= size
        return taken


class Listener:
    """A socket as the registry sees it: whose it is, and where its frames go."""

    __slots__ = ("caller", "close", "put", "session")

    def __init__(
        self, caller: Caller, put: Callable[[bytes], None], close: Callable[[int], None] = lambda code: None
    ) -> None:
        assert caller.session
        self.caller = caller
        self.session = caller.session
        self.put = put
        self.close = close  # with a WebSocket close code


class Registry:
    """Rooms: one for each customer, one for the staff."""

    def __init__(self) -> None:
        self._rooms: dict[int, set[Listener]] = {}
        self._staff: set[Listener] = set()
        self._homeless: set[Listener] = set()  # customers without a record yet

    def __iter__(self) -> Iterator[Listener]:
        for room in (*self._rooms.values(), self._staff, self._homeless):
            yield from tuple(room)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def is_full_for(self, user: int) -> bool:
        """Whether this user has as many sockets here as one may have."""
        return sum(listener.caller.user_id == user for listener in self) >= MOST_SOCKETS

    def join(self, listener: Listener) -> None:
        self._room_of(listener).add(listener)

    def leave(self, listener: Listener) -> None:
        room = self._room_of(listener)
        room.discard(listener)
        if not room and listener.caller.customer_id is not None:
            self._rooms.pop(listener.caller.customer_id, None)

    def move(self, listener: Listener, caller: Caller) -> None:
        """Its caller is somebody else now: a customer who got his record, say."""
        if caller != listener.caller:
            self.leave(listener)
            listener.caller = caller
            self.join(listener)

    def deliver(self, event: Broadcast) -> None:
        """Hand an event to everybody it is for."""
        if event.frame is None:
            return
        if self._homeless:
            self._house(event)
        frame = spell(event.text)
        for listener in self._audience(event):
            if listener.caller.user_id != event.author:
                listener.put(frame)
            elif event.is_echoed:
                listener.put(spell(event.text_for_author))

    def _audience(self, event: Broadcast) -> Iterable[Listener]:
        room = self._rooms.get(event.customer, ())
        return (*room, *self._staff) if event.is_for_staff and self._staff else tuple(room)

    def _house(self, event: Broadcast) -> None:
        """His first message made his record, so its author is its customer."""
        for listener in tuple(self._homeless):
            caller = listener.caller
            if caller.user_id == event.author:
                self.move(
                    listener,
                    Caller(caller.role, caller.user_id, event.customer, session=caller.session),
                )

    def _room_of(self, listener: Listener) -> set[Listener]:
        if listener.caller.is_staff:
            return self._staff
        customer = listener.caller.customer_id
        return self._homeless if customer is None else self._rooms.setdefault(customer, set())
