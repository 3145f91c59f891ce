"""The admin pages of time entries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from repair_orders.time_entries.models import TimeEntry
from testing.admin import buttons, changelist, page, press
from testing.factories import LocationFactory, RepairOrderFactory, TimeEntryFactory, UserFactory

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 15, 14, 0, 0, 250_000, tzinfo=UTC)  # 9:00 in New York
HOUR = timedelta(hours=1)


@pytest.fixture
def entry():
    place = LocationFactory(time_zone="America/New_York")
    order = RepairOrderFactory(status="in_progress", location=place)
    return TimeEntryFactory(job__repair_order=order, started=START, ended=START + HOUR)


@pytest.fixture
def advisor(client):
    client.force_login(UserFactory(role="advisor"))
    return client


def test_list_shows_hours_and_running_clocks(desk, entry):
    TimeEntryFactory(ended=None)
    text = desk.get(changelist(TimeEntry)).text
    assert "1.00" in text
    assert "running" in text
    assert f"Repair, order {entry.job.repair_order.reference}" in text


def test_times_are_corrected_in_the_zone_of_the_location(advisor, entry):
    form = advisor.get(page(entry, "correct")).context["form"]
    assert (form["started"].value(), form["ended"].value()) == ("2026-01-15T09:00:00", "2026-01-15T10:00:00")
    told = press(
        advisor, entry, "correct", started="2026-01-15T09:00:00", ended="2026-01-15T11:30", reason="Forgot"
    )
    assert told == ["The entry was corrected."]
    entry.refresh_from_db()
    # The start was not changed and stays exact.
    assert (entry.started, entry.ended) == (START, datetime(2026, 1, 15, 16, 30, tzinfo=UTC))
    assert entry.history.latest("history_id").history_change_reason == "corrected: Forgot"


def test_running_clock_is_stopped(advisor, entry):
    TimeEntry.objects.update(ended=None)
    assert advisor.get(page(entry, "correct")).context["form"]["ended"].value() == ""
    press(
        advisor, entry, "correct", started="2026-01-15T09:00:00", ended="2026-01-15T09:30:00", reason="Left"
    )
    entry.refresh_from_db()
    assert entry.ended == datetime(2026, 1, 15, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("answers", "errors"),
    [
        (
            {"started": "2026-01-15T09:00:00", "ended": "2026-01-15T10:00:00"},
            {"__all__": ["Change a time."]},
        ),
        ({"started": "soon", "ended": ""}, {"started": ["Enter a valid date/time."]}),
    ],
)
def test_wrong_answer_is_asked_again(advisor, entry, answers, errors):
    url = page(entry, "correct")
    response = advisor.post(url, {"_form_submitted": "on", "reason": "Left", **answers})
    assert response.context["form"].errors == errors
    assert entry.history.count() == 1


def test_impossible_time_is_refused(advisor, entry):
    told = press(
        advisor, entry, "correct", started="2026-01-15T09:00:00", ended="2026-01-15T08:00:00", reason="Left"
    )
    assert told == ["A time entry must start before it ends."]
    assert entry.history.count() == 1


def test_technicians_see_entries_and_do_not_correct_them(client, entry):
    client.force_login(UserFactory(role="technician"))
    assert client.get(page(entry)).status_code == 200
    assert buttons(client, entry) == []
    assert client.post(page(entry, "correct"), {"_form_submitted": "on"}).status_code == 403
