"""The calendar file of an appointment (RFC 5545)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appointments.calendars import CalendarEvent, Person, calendar_file, escape, fold

TOKYO = timezone(timedelta(hours=9))
NOW = datetime(2027, 1, 4, 12, 0, 5, 999, tzinfo=UTC)
EVENT = CalendarEvent(
    uid=UUID("0d1e2f30-4152-4637-8899-aabbccddeeff"),
    sequence=3,
    start=datetime(2027, 1, 5, 19, tzinfo=TOKYO),
    end=datetime(2027, 1, 5, 10, 30, tzinfo=UTC),
    summary="Garage: Camry; red",
    place="Garage, 5 Main St",
    description="Oil, tires\nand more",
    organizer=Person('The "Best" Garage', "shop@example.com"),
    attendee=Person("Ann, B: C", "ann@example.com"),
)


def test_request_is_the_whole_event_in_utc():
    assert calendar_file(EVENT, method="REQUEST", now=NOW) == (
        "BEGIN:VCALENDAR\r\n"
        "VERSION:2.0\r\n"
        "PRODID:-//Garage//Appointments//EN\r\n"
        "METHOD:REQUEST\r\n"
        "BEGIN:VEVENT\r\n"
        "UID:0d1e2f30-4152-4637-8899-aabbccddeeff\r\n"
        "SEQUENCE:3\r\n"
        "DTSTAMP:20270104T120005Z\r\n"
        "DTSTART:20270105T100000Z\r\n"
        "DTEND:20270105T103000Z\r\n"
        "STATUS:CONFIRMED\r\n"
        "SUMMARY:Garage: Camry\\; red\r\n"
        "LOCATION:Garage\\, 5 Main St\r\n"
        "DESCRIPTION:Oil\\, tires\\nand more\r\n"
        "ORGANIZER;CN=\"The 'Best' Garage\":mailto:shop@example.com\r\n"
        'ATTENDEE;CN="Ann, B: C";ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE:m\r\n'
        " ailto:ann@example.com\r\n"
        "END:VEVENT\r\n"
        "END:VCALENDAR\r\n"
    )


def test_cancellation_differs_in_method_and_status():
    request, cancel = (calendar_file(EVENT, method=method, now=NOW) for method in ("REQUEST", "CANCEL"))
    assert cancel == request.replace("METHOD:REQUEST", "METHOD:CANCEL").replace("CONFIRMED", "CANCELLED")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain", "plain"),
        ("a\\b", "a\\\\b"),
        ("a;b,c", "a\\;b\\,c"),
        ("a\nb\r\nc\rd", "a\\nb\\nc\\nd"),
        ("a\tb\x00c\x7f", "a b c "),
        ("Ünïcode 車", "Ünïcode 車"),
    ],
)
def test_escape(text, escaped):
    assert escape(text) == escaped


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=400))
def test_folded_lines_are_short_and_join_to_the_line(line):
    pieces = list(fold(line))
    assert all(len(piece.encode()) <= 75 for piece in pieces)
    assert all(piece.startswith(" ") for piece in pieces[1:])
    assert pieces[0] + "".join(piece[1:] for piece in pieces[1:]) == line


def test_line_of_75_bytes_is_not_folded():
    assert list(fold("x" * 75)) == ["x" * 75]
    assert list(fold("x" * 76)) == ["x" * 75, " x"]
    assert list(fold("x" * 74 + "ü")) == ["x" * 74, " ü"]


@pytest.mark.parametrize("name", ["Ann\r\nX-EVIL:1", 'Ann"\nBEGIN:VEVENT'])
def test_names_cannot_add_lines(name):
    event = CalendarEvent(**{**vars(EVENT), "attendee": Person(name, "a@example.com"), "summary": name})
    lines = calendar_file(event, method="REQUEST", now=NOW).split("\r\n")
    assert [line.partition(":")[0].partition(";")[0] for line in lines if not line.startswith(" ")] == [
        *("BEGIN", "VERSION", "PRODID", "METHOD", "BEGIN", "UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND"),
        *("STATUS", "SUMMARY", "LOCATION", "DESCRIPTION", "ORGANIZER", "ATTENDEE", "END", "END", ""),
    ]
