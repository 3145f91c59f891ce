"""The staff API of schedule templates and of the schedules of vehicles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from django.utils import timezone

from common.domain.days import day_of
from common.domain.tasks import run_all
from testing import factories
from testing.suites import WritableNounSuite, count_queries, invalid, stored
from vehicles.models import Recommendation
from vehicles.schedules.models import ScheduleTemplate, ServiceSchedule

pytestmark = pytest.mark.django_db
URL = "/api/shop/service-schedules/"


class TestTemplates(WritableNounSuite):
    noun, name, ordering = "schedule-templates", "Schedule template", ("name",)
    new: ClassVar[dict[str, Any]] = {"name": "Timing belt", "interval_miles": 60_000}
    change: ClassVar[dict[str, Any]] = {
        "name": "Belts",
        "description": "Replace the timing belt.",
        "priority": "low",
        "duration": "3 hours",
        "services": "timing_belt",
        "interval_miles": None,
        "interval_months": 72,
        "is_listed": False,
    }
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        ("name", "", "This field may not be blank."),
        ("priority", "urgent", '"urgent" is not a valid choice. Choose one of: high, medium, low.'),
        ("interval_miles", 0, "Ensure this value is greater than or equal to 1."),
        ("interval_miles", 500_001, "Ensure this value is less than or equal to 500000."),
        ("interval_months", 241, "Ensure this value is less than or equal to 240."),
    ]

    def make(self, **values):
        return factories.ScheduleTemplateFactory(canned_job=factories.CannedJobFactory(), **values)

    def called(self, text):
        return factories.ScheduleTemplateFactory(name=text)

    def row(self, template):
        return {
            "id": template.pk,
            "name": template.name,
            "description": "Replace the engine oil and its filter.",
            "priority": "high",
            "duration": "30 to 45 minutes",
            "services": "oil_change",
            "interval_miles": 5000,
            "interval_months": 6,
            "canned_job_id": template.canned_job_id,
            "is_listed": True,
        }

    def test_filter_by_listed(self, as_ada):
        self.make()
        hidden = self.make(is_listed=False)
        assert self.found(as_ada, is_listed="false") == [hidden.pk]

    def test_name_is_taken_once(self, as_ada):
        template, other = self.make(), self.make()
        before = stored(template)
        response = as_ada.patch(self.item(template), {"name": other.name}, format="json")
        message = "A schedule template with this name already exists."
        assert (response.status_code, response.json()["fields"]) == (400, {"name": [message]})
        assert stored(template) == before

    def test_one_interval_is_needed(self, as_ada):
        body = {"name": "Belts", "interval_miles": None}
        response = as_ada.post(self.url, body, format="json")
        assert (response.status_code, response.json()) == (
            400,
            {
                "error": "No interval",
                "detail": "Enter an interval in miles, in months, or both.",
                "code": "no_interval",
                "fields": {"interval_miles": ["Enter an interval in miles, in months, or both."]},
            },
        )
        assert not ScheduleTemplate.objects.exists()

    def test_unknown_canned_job_is_404(self, as_ada):
        response = as_ada.post(self.url, {**self.new, "canned_job_id": 999_999}, format="json")
        assert (response.status_code, response.json()["detail"]) == (404, "Canned job not found.")

    def test_vehicles_follow_a_template(self, as_ada):
        vehicle = factories.VehicleFactory()
        body = {"name": "Belts", "interval_months": 72}
        made = as_ada.post(self.url, body, format="json").json()
        run_all()
        schedule = ServiceSchedule.objects.get(vehicle=vehicle)
        due = schedule.due_on
        as_ada.patch(f"{self.url}{made['id']}/", {"interval_months": 84}, format="json")
        run_all()
        schedule.refresh_from_db()
        assert schedule.due_on == due.replace(year=due.year + 1)


@pytest.fixture
def schedule():
    vehicle = factories.VehicleFactory(odometer=Decimal(16_000), odometer_at=datetime(2025, 8, 1, tzinfo=UTC))
    return factories.ServiceScheduleFactory(vehicle=vehicle, template__name="Oil change")


def body_of(schedule, **values):
    return {
        "id": schedule.pk,
        "vehicle_id": schedule.vehicle_id,
        "template_id": schedule.template_id,
        "name": "Oil change",
        "priority": "high",
        "last_on": None,
        "last_miles": None,
        "due_on": "2025-07-15",
        "due_miles": "15000.00",
        "status": "overdue",
        "created_at": schedule.created_at.isoformat().replace("+00:00", "Z"),
        **values,
    }


class TestSchedules:
    def test_list_of_a_vehicle_and_one(self, as_ada, schedule):
        other = factories.ServiceScheduleFactory(template__name="Oil change, other")
        whole = [row["id"] for row in as_ada.get(URL).json()["results"]]
        assert whole == [schedule.pk, other.pk]
        response = as_ada.get(URL, {"vehicle_id": schedule.vehicle_id})
        assert response.json() == {
            "results": [body_of(schedule)], "count": 1, "next": None, "previous": None
        }  # fmt: skip
        assert as_ada.get(f"{URL}{schedule.pk}/").json() == body_of(schedule)

    def test_schedules_of_unlisted_templates_are_not_shown(self, as_ada, schedule):
        ScheduleTemplate.objects.update(is_listed=False)
        assert as_ada.get(URL).json()["results"] == []
        assert as_ada.get(f"{URL}{schedule.pk}/").status_code == 404

    def test_number_of_queries_does_not_grow(self, as_ada, schedule):
        as_ada.get(URL)
        one = count_queries(lambda: as_ada.get(URL))
        factories.ServiceScheduleFactory.create_batch(20)
        assert count_queries(lambda: as_ada.get(URL)) == one

    def test_complete_records_the_work(self, as_ada, schedule):
        day = day_of(timezone.now()) - timedelta(days=400)
        body = {"on": day.isoformat(), "miles": "15900.00"}
        response = as_ada.post(f"{URL}{schedule.pk}/complete/", body, format="json")
        schedule.refresh_from_db()
        assert (response.status_code, response.json()) == (
            200,
            body_of(
                schedule,
                last_on=body["on"],
                last_miles="15900.00",
                due_on=schedule.due_on.isoformat(),
                due_miles="20900.00",
            ),
        )

    @pytest.mark.parametrize(
        ("body", "field", "message"),
        [
            ({"miles": "16000.01"}, "miles", "The vehicle has 16000.00 miles: enter at most that."),
            ({"on": "2999-01-01"}, "on", "Work that was done cannot be in the future."),
        ],
    )
    def test_impossible_records_are_refused(self, as_ada, schedule, body, field, message):
        response = as_ada.post(f"{URL}{schedule.pk}/complete/", body, format="json")
        assert (response.status_code, response.json()["fields"]) == (400, {field: [message]})
        assert not schedule.records.exists()

    def test_wrong_miles_are_named(self, as_ada, schedule):
        response = as_ada.post(f"{URL}{schedule.pk}/complete/", {"miles": "many"}, format="json")
        assert (response.status_code, response.json()) == (
            400,
            invalid("miles", "A valid number is required."),
        )

    def test_recommending_twice_recommends_once(self, as_ada, schedule):
        first, again = (as_ada.post(f"{URL}{schedule.pk}/recommend/", {}, format="json") for _ in range(2))
        row = Recommendation.objects.get()
        assert (first.status_code, first.json()) == (
            201,
            {
                "id": row.pk,
                "vehicle_id": schedule.vehicle_id,
                "source": "schedule",
                "code": f"schedule:{schedule.template_id}",
                "text": "Oil change",
                "urgency": "soon",
                "amount": None,
                "status": "open",
                "due_on": "2025-07-15",
                "due_miles": "15000.00",
                "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
            },
        )
        assert again.json() == first.json()

    def test_recommendation_ends_with_the_work(self, as_ada, schedule):
        as_ada.post(f"{URL}{schedule.pk}/recommend/", {}, format="json")
        as_ada.post(f"{URL}{schedule.pk}/complete/", {}, format="json")
        assert Recommendation.objects.get().status == "done"

    @pytest.mark.parametrize(
        ("verb", "codename"), [("complete", "change_vehicle"), ("recommend", "add_recommendation")]
    )
    def test_technicians_only_look(self, sign_in, schedule, verb, codename):
        technician = sign_in(factories.UserFactory(role="technician"))
        assert technician.get(f"{URL}{schedule.pk}/").status_code == 200
        response = technician.post(f"{URL}{schedule.pk}/{verb}/", {}, format="json")
        assert response.status_code == 403
        assert not schedule.records.exists()
        assert not Recommendation.objects.exists()
