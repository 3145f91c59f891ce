"""The staff's list of reminders."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from testing import factories
from testing.suites import NOTHING_HERE, count_queries

pytestmark = pytest.mark.django_db
URL = "/api/shop/reminders/"


@pytest.fixture
def advisor(sign_in):
    return sign_in(factories.UserFactory(role="advisor"))


@pytest.fixture
def reminder(alice):
    mail = factories.ReminderMailFactory(
        customer=alice,
        created_at=datetime(2026, 6, 10, 4, 1, tzinfo=UTC),
        sent_at=datetime(2026, 6, 10, 12, tzinfo=UTC),
    )
    return factories.ReminderFactory(mail=mail)


def test_row_says_what_was_sent_to_whom_and_when(advisor, reminder, alice):
    assert advisor.get(URL).json() == {
        "results": [
            {
                "id": reminder.pk,
                "kind": "service",
                "text": "2019 Honda Civic (ABC-123): Oil change is due soon (June 24, 2026)",
                "customer_id": alice.pk,
                "customer_name": "Alice Cooper",
                "mail_id": reminder.mail_id,
                "created_at": "2026-06-10T04:01:00Z",
                "sent_at": "2026-06-10T12:00:00Z",
            }
        ],
        "count": 1,
        "next": None,
        "previous": None,
    }


def test_newest_come_first_and_waiting_ones_have_no_time(advisor, reminder):
    waiting = factories.ReminderFactory(mail__sent_at=None)
    rows = advisor.get(URL).json()["results"]
    assert [(row["id"], row["sent_at"] is None) for row in rows] == [
        (waiting.pk, True),
        (reminder.pk, False),
    ]


def test_customer_and_kind_filter(advisor, reminder, alice):
    other = factories.ReminderFactory(mail__kind="put_off")

    def found(**params):
        return [row["id"] for row in advisor.get(URL, params).json()["results"]]

    assert found(customer_id=alice.pk) == [reminder.pk]
    assert found(kind="put_off") == [other.pk]
    assert found(kind="service,put_off") == [other.pk, reminder.pk]
    assert advisor.get(URL, {"customer_id": 999999}).status_code == 404


def test_parking_is_left_out(advisor, alice):
    factories.ReminderFactory(mail__customer=alice, mail__user=alice.contact, mail__kind="parking")
    assert advisor.get(URL).json()["count"] == 0


def test_technicians_and_customers_are_refused(tim, alice, sign_in, reminder):
    assert sign_in(tim).get(URL).status_code == 403
    assert sign_in(alice.contact).get(URL).status_code == 403


def test_there_is_no_row_and_no_write(advisor, reminder):
    response = advisor.get(f"{URL}{reminder.pk}/")
    assert (response.status_code, response.json()) == (404, NOTHING_HERE)
    assert advisor.post(URL, {}).status_code == 405


def test_number_of_queries_does_not_grow(advisor, reminder):
    one = count_queries(lambda: advisor.get(URL))
    factories.ReminderFactory.create_batch(29)
    assert advisor.get(URL).json()["count"] == 30
    assert count_queries(lambda: advisor.get(URL)) == one
