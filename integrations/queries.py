"""Read events in order, without gaps or repeats (docs/design, D24)."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from common.domain.errors import DomainError, Invalid, Kind
from common.domain.events import readable
from common.domain.models import Event


class EventsGone(DomainError):
    """The reader has fallen behind further than events are kept."""

    kind = Kind.GONE
    code = "events_gone"
    title = "Events are gone"

    def __init__(self) -> None:
        super().__init__(
            f"Events that followed it are deleted: they are kept for {settings.KEEP_EVENTS_DAYS} days. Read anew "
            "what you store, and begin with the oldest event that is left, without `after`."
        )


def read_events(
    *, after: int | None, types: Sequence[str] | None, limit: int
) -> tuple[list[Event], int | None]:
    """Return up to `limit` events that follow the event with the id `after`, and the id to go on after.

    Without `after`, or with 0, they begin with the oldest. A limit of 0 asks for the place after the newest one. The
    second value is None only if there is no event yet. With `types` it may be the id of an event of another type, up to
    which there is no further one. Fewer than `limit` events mean that there are no more for now.

    Raises Invalid if `after` is no event of those that can be read, and EventsGone if it was deleted.
    """
    rows = readable()
    newest = rows.values_list("pk", flat=True).last()
    following = rows.filter(pk__gt=after or 0)
    found = list((following if types is None else following.filter(type__in=types))[:limit])
    # The oldest are deleted first. As long as the first is there, no event that follows it is missing.
    if after and not Event.objects.filter(pk=after).exists():
        raise EventsGone if Event.objects.filter(pk__gt=after).exists() else _unknown(after)
    if found and len(found) == limit:
        return found, found[-1].pk
    # A transaction may hold back again what was read before.
    return found, max(
        (place for place in (newest, after, *(event.pk for event in found)) if place), default=None
    )


def _unknown(after: int) -> Invalid:
    return Invalid(
        f"There is no event {after} to go on after. Send the `next` of an earlier answer, or leave it out to begin "
        "with the oldest event.",
        field="after",
    )
