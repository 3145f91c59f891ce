"""Write the calendar file of an appointment (RFC 5545, RFC 5546). No queries and no clock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

Method = Literal["REQUEST", "CANCEL"]
_LONGEST_LINE = 75  # bytes, without the line break
_ESCAPES = {"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"}


@dataclass(frozen=True)
class Person:
    """The organizer or the attendee of an event."""

    name: str
    email: str


@dataclass(frozen=True)
class CalendarEvent:
    """An appointment as calendars show it. `sequence` rises with each change, so that an older file changes nothing."""

    uid: UUID
    sequence: int
    start: datetime
    end: datetime
    summary: str
    place: str
    description: str
    organizer: Person
    attendee: Person


def calendar_file(event: CalendarEvent, *, method: Method, now: datetime) -> str:
    """Return the text of an .ics file that requests or cancels the event. Times are in UTC, lines end in CRLF."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Garage//Appointments//EN",
        f"METHOD:{method}",
        "BEGIN:VEVENT",
        f"UID:{event.uid}",
        f"SEQUENCE:{event.sequence}",
        f"DTSTAMP:{_instant(now)}",
        f"DTSTART:{_instant(event.start)}",
        f"DTEND:{_instant(event.end)}",
        f"STATUS:{'CANCELLED' if method == 'CANCEL' else 'CONFIRMED'}",
        f"SUMMARY:{escape(event.summary)}",
        f"LOCATION:{escape(event.place)}",
        f"DESCRIPTION:{escape(event.description)}",
        f"ORGANIZER;CN={_quoted(event.organizer.name)}:mailto:{event.organizer.email}",
        (
            f"ATTENDEE;CN={_quoted(event.attendee.name)};ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE"
            f":mailto:{event.attendee.email}"
        ),
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{folded}\r\n" for line in lines for folded in fold(line))


def escape(text: str) -> str:
    """Return a text value with backslashes, semicolons, commas and line breaks escaped, without other controls."""
    text = re.sub(r"\r\n?", "\n", text)
    text = re.sub(r"[\x00-\x09\x0b-\x1f\x7f]", " ", text)
    return "".join(_ESCAPES.get(character, character) for character in text)


def fold(line: str) -> Iterator[str]:
    """Yield the line in pieces of at most 75 bytes. A piece after the first begins with a space.

    A character is never divided, because a file is read as UTF-8 before it is unfolded.
    """
    piece, size = "", 0
    for character in line:
        width = len(character.encode())
        if size + width > _LONGEST_LINE:
            yield piece
            piece, size = " ", 1
        piece, size = piece + character, size + width
    yield piece


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _quoted(text: str) -> str:
    """Return the value of a parameter in quotation marks, which it cannot contain itself."""
    return '"' + re.sub(r"[\x00-\x1f\x7f]", " ", text).replace('"', "'") + '"'
