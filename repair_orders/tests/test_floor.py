"""Queries of the board and the desk: the shop, jobs to do, advised work and follow-ups (docs/design, D106)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from common.domain.caller import Caller, Role
from repair_orders.models import Job, RepairOrder
from repair_orders.queries import (
    find_follow_ups,
    find_in_shop,
    find_jobs_of,
    find_late,
    find_ready,
    find_waiting,
    open_recommendations,
)
from testing import factories
from testing.suites import count_queries, invalid
from testing.worked_example import answer, estimated, reload
from vehicles.models import Recommendation

pytestmark = pytest.mark.django_db
D = Decimal
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STAFF = Caller(Role.ADVISOR, 1, None)
FOLLOW_UPS = "/api/shop/follow-ups/"


@pytest.fixture
def place():
    return factories.LocationFactory()


@pytest.fixture
def advisor(sign_in):
    return sign_in(factories.UserFactory(role="advisor"))


def order_in(status, location, **fields):
    total = D("20.00") if status == "completed" else None
    return factories.RepairOrderFactory(status=status, location=location, total_cost=total, **fields)


class TestBoard:
    def test_vehicles_in_the_shop_are_checked_in_or_worked_on(self, place, now):
        requested, pending, approved = (
            order_in(status, place, checked_in_at=now) for status in ("requested", "pending", "approved")
        )
        working = order_in("in_progress", place)
        done = order_in("completed", place, checked_in_at=now)
        order_in("requested", place)  # requested online
        order_in("approved", place)  # the parts are ordered
        order_in("denied", place, checked_in_at=now)
        order_in("in_progress", factories.LocationFactory())
        here = [requested, pending, approved, working]
        assert list(find_in_shop(place)) == here
        assert list(find_in_shop(place, with_completed=True)) == [*here, done]

    def test_orders_come_by_promised_time(self, place, now):
        later, sooner, unknown = (
            order_in("in_progress", place, promised_at=promised)
            for promised in (now + 2 * HOUR, now + HOUR, None)
        )
        assert list(find_in_shop(place)) == [sooner, later, unknown]

    def test_late_ones_are_past_their_promised_time(self, place, now):
        late = order_in("approved", place, checked_in_at=now, promised_at=now - HOUR)
        order_in("in_progress", place, promised_at=now)
        order_in("in_progress", place)
        order_in("completed", place, promised_at=now - HOUR)
        order_in("requested", place, promised_at=now - HOUR)  # not here yet
        assert list(find_late(place, now)) == [late]

    def test_waiting_and_ready_orders(self, place):
        waiting, ready = order_in("pending", place), order_in("approved", place)
        order_in("pending", factories.LocationFactory())
        order_in("in_progress", place)
        assert (list(find_waiting(place)), list(find_ready(place))) == ([waiting], [ready])

    def test_number_of_queries_does_not_grow(self, place):
        def read():
            return [(order.vehicle.label, order.customer.name) for order in find_in_shop(place)]

        order_in("in_progress", place)
        with_one = count_queries(read)
        for _ in range(29):
            order_in("in_progress", place)
        assert len(read()) == 30
        assert count_queries(read) == with_one == 1


class TestJobsOfATechnician:
    def test_approved_jobs_of_orders_that_can_be_worked_on(self, place, now):
        tina = factories.TechnicianFactory()

        def job_in(order_status, **fields):
            order = order_in(order_status, place, promised_at=fields.pop("promised_at", None))
            return factories.JobFactory(repair_order=order, **{"technician": tina, **fields})

        soon = job_in("approved", promised_at=now + HOUR)
        later = job_in("in_progress", promised_at=now + 3 * HOUR)
        sooner = job_in("in_progress", promised_at=now + 2 * HOUR)
        second = factories.JobFactory(repair_order=sooner.repair_order, technician=tina)
        running = job_in("in_progress")
        factories.TimeEntryFactory(technician=tina, job=running, ended=None)
        factories.TimeEntryFactory(technician=factories.TechnicianFactory(), job=later, ended=None)
        job_in("in_progress", technician=factories.TechnicianFactory())
        job_in("in_progress", technician=None)
        job_in("in_progress", status="done")
        job_in("pending", status="approved")
        job_in("completed", status="approved")
        found = list(find_jobs_of(tina))
        assert found == [running, sooner, second, later, soon]
        assert [job.is_running for job in found] == [True, False, False, False, False]


def test_open_recommendations_of_a_vehicle_come_by_urgency():
    vehicle = factories.VehicleFactory()
    later, soon, now_, newer = (
        factories.RecommendationFactory(vehicle=vehicle, urgency=urgency, source=source)
        for urgency, source in (
            ("later", "staff"),
            ("soon", "declined"),
            ("now", "inspection"),
            ("soon", "declined"),
        )
    )
    for status in ("quoted", "done", "dismissed"):
        factories.RecommendationFactory(vehicle=vehicle, status=status)
    factories.RecommendationFactory()
    assert list(open_recommendations(vehicle)) == [now_, newer, soon, later]


class TestFollowUps:
    @pytest.fixture
    def declined(self):
        """Return the recommendation of a declined job. The other job of its order is approved."""
        order, brakes, oil = estimated()
        answer(order, {brakes: "approved", oil: "declined"})
        return Recommendation.objects.get(jobs=oil)

    def ids(self, client, **params):
        response = client.get(FOLLOW_UPS, params)
        assert response.status_code == 200, response.json()
        return [row["id"] for row in response.json()["results"]]

    def test_declined_work_is_listed_with_the_customer(self, advisor, declined):
        vehicle = declined.vehicle
        contact = vehicle.customer.contact
        assert advisor.get(FOLLOW_UPS).json() == {
            "results": [
                {
                    "id": declined.pk,
                    "text": "Oil",
                    "urgency": "soon",
                    "amount": "150.41",
                    "created_at": declined.created_at.isoformat().replace("+00:00", "Z"),
                    "due_on": None,
                    "vehicle_id": vehicle.pk,
                    "vehicle": "ABC-123",
                    "customer_id": vehicle.customer_id,
                    "customer_name": contact.full_name,
                    "phone": "(555) 010-0000",
                    "email": contact.email,
                }
            ],
            "count": 1,
            "next": None,
            "previous": None,
        }

    def test_deferred_work_is_listed_too(self, advisor):
        order, brakes, oil = estimated()
        answer(order, {brakes: "deferred", oil: "approved"})
        assert self.ids(advisor) == [Recommendation.objects.get(jobs=brakes).pk]

    def test_advice_of_staff_is_not_a_follow_up(self, advisor):
        factories.RecommendationFactory()
        assert self.ids(advisor) == []

    @pytest.mark.parametrize("status", ["quoted", "done", "dismissed"])
    def test_closed_work_is_left_out(self, advisor, declined, status):
        Recommendation.objects.update(status=status)
        assert self.ids(advisor) == []

    def test_archived_vehicle_is_left_out(self, advisor, declined, now):
        type(declined.vehicle).objects.update(archived_at=now)
        assert self.ids(advisor) == []

    def test_noted_day_leaves_it_out_until_then(self, advisor, declined):
        """The customer was called and asked to be called again in a week."""
        url = f"/api/shop/recommendations/{declined.pk}/"
        today = timezone.localdate()
        for days, expected in ((7, []), (1, []), (0, [declined.pk]), (-1, [declined.pk])):
            day = (today + timedelta(days=days)).isoformat()
            assert advisor.patch(url, {"due_on": day}, format="json").status_code == 200
            assert self.ids(advisor) == expected

    def test_age_is_that_of_the_recommendation(self, advisor, declined):
        Recommendation.objects.update(created_at=declined.created_at - 30 * DAY)
        asked = {
            days: self.ids(advisor, created_to=(timezone.localdate() - timedelta(days=days)).isoformat())
            for days in (29, 30, 31)
        }
        assert asked == {29: [declined.pk], 30: [declined.pk], 31: []}

    def test_location_is_that_of_the_order(self, advisor, declined):
        order = Job.objects.get(recommendation=declined).repair_order
        assert self.ids(advisor, location_id=order.location_id) == [declined.pk]
        assert self.ids(advisor, location_id=factories.LocationFactory().pk) == []
        assert advisor.get(FOLLOW_UPS, {"location_id": 999999}).status_code == 404

    def test_oldest_comes_first(self, advisor, declined):
        order, brakes, oil = estimated()
        answer(order, {brakes: "approved", oil: "declined"})
        newer = Recommendation.objects.get(jobs=oil).pk
        assert self.ids(advisor) == [declined.pk, newer]
        assert self.ids(advisor, ordering="-id") == [newer, declined.pk]

    def test_unknown_parameter_is_400(self, advisor):
        response = advisor.get(FOLLOW_UPS, {"colour": "red"})
        assert (response.status_code, response.json()) == (400, invalid("colour", "Unknown parameter."))

    def test_technicians_and_customers_are_403(self, as_tim, as_alice):
        assert as_tim.get(FOLLOW_UPS).status_code == 403
        assert as_alice.get(FOLLOW_UPS).status_code == 403

    def test_number_of_queries_does_not_grow(self, advisor, declined):
        advisor.get(FOLLOW_UPS)
        with_one = count_queries(lambda: advisor.get(FOLLOW_UPS))
        order = reload(Job.objects.get(recommendation=declined).repair_order)
        for number in range(29):
            row = factories.RecommendationFactory(source="declined")
            factories.JobFactory(
                repair_order=order, position=number + 10, status="declined", recommendation=row
            )
        assert advisor.get(FOLLOW_UPS).json()["count"] == 30
        assert count_queries(lambda: advisor.get(FOLLOW_UPS)) == with_one

    def test_rows_are_those_of_the_query(self, declined, now):
        assert list(find_follow_ups(STAFF, now=now)) == [declined]
        assert RepairOrder.objects.count() == 1
        Recommendation.objects.update(due_on=date(2999, 1, 1))
        assert list(find_follow_ups(STAFF, now=now)) == []
