"""The staff's API of clocks and time entries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from repair_orders.estimates.snapshot import instant
from repair_orders.time_entries.models import TimeEntry
from testing import factories
from testing.suites import count_queries
from testing.worked_example import started

pytestmark = pytest.mark.django_db
ENTRIES = "/api/shop/time-entries/"
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FORBIDDEN = {
    "error": "Access denied",
    "detail": "Your role does not allow this.",
    "code": "role_may_not",
}


@pytest.fixture
def advisor(sign_in):
    return sign_in(factories.UserFactory(role="advisor"))


@pytest.fixture
def tina(tim):
    """The technician of Tim's login."""
    return factories.TechnicianFactory(name="Tina", user=tim)


@pytest.fixture
def theo():
    return factories.TechnicianFactory(name="Theo")


@pytest.fixture
def job():
    return started()[1]


def url(technician, verb):
    return f"/api/shop/technicians/{technician.pk}/{verb}/"


def iso(value):
    return value.isoformat().replace("+00:00", "Z")


def row_of(entry, **values):
    return {
        "id": entry.pk,
        "technician_id": entry.technician_id,
        "technician": entry.technician.name,
        "job_id": entry.job_id,
        "job": entry.job.name,
        "repair_order_id": entry.job.repair_order_id,
        "started": iso(entry.started),
        "ended": entry.ended and iso(entry.ended),
        "hours": None,
        **values,
    }


class TestTimeEntries:
    def make(self):
        """Return an entry of 84 minutes, before all others."""
        started = NOON - 9 * HOUR * TimeEntry.objects.count()
        return factories.TimeEntryFactory(started=started, ended=started + timedelta(minutes=84))

    def test_list_and_row_have_the_same_body(self, as_tim):
        first, second = self.make(), self.make()
        rows = [row_of(entry, hours="1.40") for entry in (first, second)]
        assert as_tim.get(ENTRIES).json() == {"results": rows, "count": 2, "next": None, "previous": None}
        assert as_tim.get(f"{ENTRIES}{first.pk}/").json() == rows[0]
        assert as_tim.get(ENTRIES, {"ordering": "started"}).json()["results"] == rows[::-1]

    def test_running_clock_has_no_hours(self, as_tim):
        entry = factories.TimeEntryFactory(ended=None)
        assert as_tim.get(f"{ENTRIES}{entry.pk}/").json() == row_of(entry)

    def test_number_of_queries_does_not_grow(self, as_tim):
        self.make()
        as_tim.get(ENTRIES)
        with_one = count_queries(lambda: as_tim.get(ENTRIES))
        for _ in range(29):
            self.make()
        assert as_tim.get(ENTRIES).json()["count"] == 30
        assert count_queries(lambda: as_tim.get(ENTRIES)) == with_one

    @pytest.mark.parametrize("path", ["", "999999/"])
    def test_customers_are_403(self, as_alice, path):
        assert as_alice.get(f"{ENTRIES}{path}").status_code == 403

    def test_unknown_entry_is_404(self, as_tim):
        response = as_tim.get(f"{ENTRIES}999999/")
        assert (response.status_code, response.json()["detail"]) == (404, "Time entry not found.")


class TestClock:
    def test_technicians_clock_themselves(self, as_tim, tina, job):
        response = as_tim.post(url(tina, "clock-in"), {"job_id": job.pk}, format="json")
        entry = TimeEntry.objects.get()
        assert (response.status_code, response.json()) == (201, row_of(entry))
        response = as_tim.post(url(tina, "clock-out"))
        entry.refresh_from_db()
        assert (response.status_code, response.json()) == (200, row_of(entry, hours="0.00"))
        assert entry.ended is not None
        assert entry.history.latest().history_user_id == tina.user_id

    def test_technicians_do_not_clock_others(self, as_tim, tina, theo, job):
        running = factories.TimeEntryFactory(technician=theo, job=job, ended=None)
        refused = {"error": "Access denied", "detail": "You can start and stop your own clock only.",
                   "code": "own_clock_only"}  # fmt: skip
        for verb, body in (("clock-in", {"job_id": job.pk, "switch": True}), ("clock-out", None)):
            response = as_tim.post(url(theo, verb), body, format="json")
            assert (response.status_code, response.json()) == (403, refused)
        assert TimeEntry.objects.get(ended=None) == running

    def test_advisors_clock_anyone(self, advisor, theo, job):
        assert advisor.post(url(theo, "clock-in"), {"job_id": job.pk}, format="json").status_code == 201
        assert advisor.post(url(theo, "clock-out")).status_code == 200
        assert TimeEntry.objects.get().technician == theo

    def test_running_clock_is_named_and_can_be_switched(self, advisor, theo, job):
        running = factories.TimeEntryFactory(technician=theo, ended=None)
        response = advisor.post(url(theo, "clock-in"), {"job_id": job.pk}, format="json")
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Clock is running",
                "detail": f"Theo works on Repair of {str(running.job.repair_order).lower()}. Stop that clock, or "
                "switch to this job.",
                "code": "clock_is_running",
                "time_entry_id": running.pk,
                "job_id": running.job_id,
                "job": "Repair",
                "repair_order_id": running.job.repair_order_id,
                "started": instant(running.started),
            },
        )
        body = {"job_id": job.pk, "switch": True}
        response = advisor.post(url(theo, "clock-in"), body, format="json")
        entry = TimeEntry.objects.get(ended=None)
        assert (response.status_code, response.json()) == (201, row_of(entry))
        assert (entry.job, TimeEntry.objects.count()) == (job, 2)

    def test_clock_that_does_not_run_is_409(self, advisor, theo):
        response = advisor.post(url(theo, "clock-out"))
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Clock is not running",
                "detail": "Theo has no running clock.",
                "code": "clock_is_not_running",
            },
        )

    def test_unknown_rows_are_404(self, advisor, theo, job):
        assert advisor.post(url(theo, "clock-in"), {"job_id": 999999}, format="json").status_code == 404
        missing = "/api/shop/technicians/999999/clock-in/"
        assert advisor.post(missing, {"job_id": job.pk}, format="json").status_code == 404
        assert not TimeEntry.objects.exists()

    def test_job_is_required(self, advisor, theo):
        response = advisor.post(url(theo, "clock-in"), {}, format="json")
        assert response.status_code == 400
        assert response.json()["fields"] == {"job_id": ["This field is required."]}


class TestFilters:
    def ids(self, client, **params):
        response = client.get(ENTRIES, params)
        assert response.status_code == 200, response.json()
        return [row["id"] for row in response.json()["results"]]

    def test_rows_of_a_technician_a_job_and_an_order(self, as_tim, theo, job):
        mine = factories.TimeEntryFactory(technician=theo, job=job)
        factories.TimeEntryFactory()
        assert self.ids(as_tim, technician_id=theo.pk) == [mine.pk]
        assert self.ids(as_tim, job_id=job.pk) == [mine.pk]
        assert self.ids(as_tim, repair_order_id=job.repair_order_id) == [mine.pk]

    def test_running_clocks(self, as_tim):
        factories.TimeEntryFactory()
        running = factories.TimeEntryFactory(ended=None)
        assert self.ids(as_tim, running="true") == [running.pk]

    def test_days_are_those_of_the_location(self, as_tim):
        """At 04:30 UTC on the 16th it is still the 15th in New York."""
        place = factories.LocationFactory(time_zone="America/New_York")
        order = factories.RepairOrderFactory(status="in_progress", location=place)
        night = NOON + timedelta(hours=16, minutes=30)
        entry = factories.TimeEntryFactory(job__repair_order=order, started=night)
        elsewhere = factories.TimeEntryFactory(started=night)  # days of the project's time zone, which is UTC
        assert self.ids(as_tim, date_from="2026-01-15", date_to="2026-01-15") == [entry.pk]
        assert self.ids(as_tim, date_from="2026-01-16") == [elsewhere.pk]

    def test_days_in_the_wrong_order_are_400(self, as_tim):
        response = as_tim.get(ENTRIES, {"date_from": "2026-01-16", "date_to": "2026-01-15"})
        assert response.status_code == 400
        assert response.json()["fields"] == {"date_from": ["Must not be after date_to."]}


class TestCorrections:
    @pytest.fixture
    def entry(self):
        return factories.TimeEntryFactory(started=NOON, ended=NOON + HOUR)

    def test_times_are_corrected(self, advisor, entry):
        body = {"ended": "2026-01-15T14:00:00Z", "reason": "Forgot to stop"}
        response = advisor.patch(f"{ENTRIES}{entry.pk}/", body, format="json")
        entry.refresh_from_db()
        assert (response.status_code, response.json()) == (200, row_of(entry, hours="2.00"))
        assert entry.history.latest().history_change_reason == "corrected: Forgot to stop"

    @pytest.mark.parametrize(
        ("body", "field", "message"),
        [
            ({"ended": "2026-01-15T14:00:00Z"}, "reason", "This field is required."),
            ({"reason": "Late"}, "started", "Send at least one value that changes."),
            (
                {"ended": "2026-01-15T11:00:00Z", "reason": "Late"},
                "ended",
                "A time entry must start before it ends.",
            ),
            (
                {"ended": "2999-01-15T11:00:00Z", "reason": "Late"},
                "ended",
                "A time entry cannot be in the future.",
            ),
        ],
    )
    def test_invalid_value_is_400_and_named(self, advisor, entry, body, field, message):
        response = advisor.patch(f"{ENTRIES}{entry.pk}/", body, format="json")
        assert response.status_code == 400
        assert response.json()["fields"] == {field: [message]}
        assert entry.history.count() == 1

    def test_overlap_is_409(self, advisor, entry):
        factories.TimeEntryFactory(technician=entry.technician, started=NOON + HOUR, ended=NOON + 2 * HOUR)
        body = {"ended": "2026-01-15T13:30:00Z", "reason": "Late"}
        response = advisor.patch(f"{ENTRIES}{entry.pk}/", body, format="json")
        assert (response.status_code, response.json()["code"]) == (409, "time_entries_overlap")
        assert entry.history.count() == 1

    def test_technicians_do_not_correct(self, as_tim, entry):
        body = {"ended": "2026-01-15T14:00:00Z", "reason": "Late"}
        response = as_tim.patch(f"{ENTRIES}{entry.pk}/", body, format="json")
        assert (response.status_code, response.json()) == (403, FORBIDDEN)
        assert entry.history.count() == 1


def test_technicians_write_cause_and_correction_and_no_prices(as_tim, job):
    order = job.repair_order_id
    one = f"/api/shop/repair-orders/{order}/jobs/{job.pk}/"
    body = {"cause": "Pads are worn", "correction": "New pads"}
    assert as_tim.patch(one, body, format="json").status_code == 200
    job.refresh_from_db()
    assert (job.cause, job.correction) == ("Pads are worn", "New pads")
    line = job.part_lines.order_by("id").first()
    response = as_tim.patch(f"{one}lines/{line.pk}/?kind=part", {"unit_price": "1.00"}, format="json")
    assert (response.status_code, response.json()) == (403, FORBIDDEN)
    assert type(line).objects.values().get(pk=line.pk)["unit_price"] == line.unit_price
