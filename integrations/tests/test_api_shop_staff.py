"""The feed of events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from common.domain import events, expiry
from common.domain.models import Event
from integrations import queries
from testing import factories
from testing.suites import count_queries, invalid

pytestmark = pytest.mark.django_db
URL = "/api/shop/events/"
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
ISSUED, PAID, APPROVED = (
    "billing.invoice.issued",
    "billing.payment.taken",
    "repair_orders.repairorder.approved",
)


@pytest.fixture
def reader(sign_in):
    return sign_in(factories.UserFactory(role="manager"))


@pytest.fixture
def read(reader):
    """Return a function that returns the ids and `next` of an answer."""

    def ids(**params):
        body = reader.get(URL, params).json()
        return [event["id"] for event in body["results"]], body["next"]

    return ids


def make(*types, **values):
    return [factories.EventFactory(type=name, **values).pk for name in types]


def test_events_are_shown_in_order_with_the_place_to_go_on(reader):
    first = factories.EventFactory(subject="repair_orders.repairorder:7", at=NOON)
    second = factories.EventFactory(
        type=PAID,
        subject="billing.payment:3",
        at=NOON,
        payload={"id": 3, "amount": "10.00", "customer_id": None},
    )
    assert reader.get(URL).json() == {
        "results": [
            {
                "id": first.pk,
                "type": APPROVED,
                "subject": "repair_orders.repairorder:7",
                "at": "2026-06-10T12:00:00Z",
                "payload": {"id": 7, "status": "approved"},
            },
            {
                "id": second.pk,
                "type": PAID,
                "subject": "billing.payment:3",
                "at": "2026-06-10T12:00:00Z",
                "payload": {"id": 3, "amount": "10.00", "customer_id": None},
            },
        ],
        "next": second.pk,
    }


def test_empty_feed_has_no_place(reader):
    assert reader.get(URL).json() == {"results": [], "next": None}


def test_limit_of_0_answers_with_the_place_after_the_newest_event(read):
    assert read(limit=0) == ([], None)
    _, last = make(APPROVED, PAID)
    assert read(limit=0) == read(limit=0, types=APPROVED) == ([], last)
    new = make(APPROVED)
    assert read(after=last) == (new, new[0])


def test_after_0_begins_with_the_oldest(read):
    pks = make(APPROVED, PAID)
    assert read(after=0) == (pks, pks[-1])


def test_limit_and_after_page_through_the_events(read):
    a, b, c = make(APPROVED, APPROVED, APPROVED)
    assert read(limit=2) == ([a, b], b)
    assert read(limit=2, after=b) == ([c], c)
    assert read(after=c) == ([], c)
    d = make(APPROVED)[0]
    assert read(after=c) == ([d], d)


def test_types_are_exact_or_begin_with_a_prefix(read):
    a, b, c = make(ISSUED, APPROVED, PAID)
    assert read(types=ISSUED) == ([a], c)
    assert read(types=f"{PAID},{APPROVED}") == ([b, c], c)
    assert read(types="billing.*") == ([a, c], c)
    assert read(types="billing.invoice.*,repair_orders.*") == ([a, b], c)


def test_place_moves_on_over_events_of_other_types(read):
    """Else a reader of a rare type would go on after an event that is deleted one day."""
    first, *_, last = make(ISSUED, APPROVED, APPROVED, APPROVED)
    assert read(types=ISSUED) == ([first], last)
    assert read(types=ISSUED, after=last) == ([], last)
    assert read(types=ISSUED, limit=1) == ([first], first)
    assert read(types=ISSUED, limit=1, after=first) == ([], last)


@pytest.mark.parametrize(
    ("params", "field", "message"),
    [
        ({"limit": "-1"}, "limit", "Ensure this value is greater than or equal to 0."),
        ({"limit": "1001"}, "limit", "Ensure this value is less than or equal to 1000."),
        ({"limit": "many"}, "limit", "A valid integer is required."),
        ({"after": "-1"}, "after", "Ensure this value is greater than or equal to 0."),
        ({"after": "x"}, "after", "A valid integer is required."),
        ({"after": str(2**63)}, "after", f"Ensure this value is less than or equal to {2**63 - 1}."),
        ({"since": "1"}, "since", "Unknown parameter."),
        ({"types": ","}, "types", None),
        (
            {"types": "orders.order.lost"},
            "types",
            '"orders.order.lost" is not a type of events. Known are orders.order.',
        ),
        (
            {"types": "orders.order.*,oil.*"},
            "types",
            '"oil.*" is not a type of events. Known are accounts.*, ',
        ),
        ({"types": "*"}, "types", '"*" is not a type of events. Known are accounts.*, '),
        ({"types": "orders"}, "types", '"orders" is not a type of events. Known are orders.order.'),
    ],
)
def test_wrong_value_is_refused_and_named(reader, params, field, message):
    make(APPROVED)
    response = reader.get(URL, params)
    assert response.status_code == 400
    [text] = response.json()["fields"][field]
    if message is None:
        assert text.startswith("Name at least one of accounts.*, ")
    else:
        assert text.startswith(message)
    assert response.json()["code"] == "invalid"


def test_after_that_is_no_event_is_refused(reader):
    last = make(APPROVED)[0]
    text = (
        f"There is no event {last + 1} to go on after. Send the `next` of an earlier answer, or leave it out to begin "
        "with the oldest event."
    )
    response = reader.get(URL, {"after": last + 1})
    assert (response.status_code, response.json()) == (400, invalid("after", text) | {"detail": text})
    Event.objects.all().delete()
    assert reader.get(URL, {"after": last}).status_code == 400


def test_reader_behind_the_deleted_events_is_told(reader, read, settings):
    settings.KEEP_EVENTS_DAYS = 10
    now = timezone.now()
    old, last_old = make(APPROVED, APPROVED, at=now - timedelta(days=11))
    fresh = make(APPROVED, at=now - timedelta(days=9))[0]
    assert expiry.clear_events(now=now) == 1
    response = reader.get(URL, {"after": old})
    assert (response.status_code, response.json()) == (
        410,
        {
            "error": "Events are gone",
            "detail": "Events that followed it are deleted: they are kept for 10 days. Read anew what you store, and "
            "begin with the oldest event that is left, without `after`.",
            "code": "events_gone",
        },
    )
    assert read(after=last_old) == ([fresh], fresh)
    assert read() == ([last_old, fresh], fresh)


def test_reader_that_missed_nothing_goes_on_after_a_year(read, settings):
    settings.KEEP_EVENTS_DAYS = 10
    now = timezone.now()
    last = make(APPROVED, APPROVED, at=now - timedelta(days=365))[-1]
    assert [expiry.clear_events(now=now) for _ in range(2)] == [1, 0]
    assert read(after=last) == ([], last)
    fresh = make(APPROVED, at=now)[0]
    assert expiry.clear_events(now=now) == 0
    assert read(after=last) == ([fresh], fresh)


def test_events_that_are_deleted_while_they_are_read_are_not_passed_over(reader, monkeypatch):
    a, *_ = make(APPROVED, APPROVED, APPROVED)

    def clear_then_read():
        Event.objects.filter(pk__lte=a + 1).delete()
        return events.readable()

    monkeypatch.setattr(queries, "readable", clear_then_read)
    assert reader.get(URL, {"after": a}).json()["code"] == "events_gone"


def test_number_of_queries_is_constant(reader):
    first = make(APPROVED)[0]
    one = count_queries(lambda: reader.get(URL, {"after": first}))
    make(*[APPROVED] * 30)
    assert count_queries(lambda: reader.get(URL, {"after": first})) == one
    assert count_queries(lambda: reader.get(URL)) == one - 1


@pytest.mark.parametrize("role", ["technician", "advisor"])
def test_other_staff_and_customers_are_refused(sign_in, alice, role):
    make(APPROVED)
    for user in (factories.UserFactory(role=role), alice.contact):
        response = sign_in(user).get(URL)
        assert response.status_code == 403
        assert "results" not in response.json()
