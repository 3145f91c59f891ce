"""The job that a check-in makes for the customer's words gives its place to the first job that the counter adds."""

from __future__ import annotations

import pytest
from django.utils import timezone

from repair_orders import jobs
from repair_orders.check_in import check_in
from testing.factories import (
    AppointmentFactory,
    CannedJobFactory,
    CannedLineFactory,
    RecommendationFactory,
    TechnicianFactory,
    VehicleFactory,
)
from testing.worked_example import fresh, given, reload

pytestmark = pytest.mark.django_db


@pytest.fixture
def order():
    """Return the order of a walk-in whose only job has the customer's words."""
    vehicle = VehicleFactory()
    return check_in(vehicle=vehicle, now=timezone.now(), by=None, description="It squeals.")


def canned(**fields):
    return CannedLineFactory(canned_job=CannedJobFactory(name="Front brakes", **fields)).canned_job


def jobs_of(order):
    rows = order.jobs.in_order()
    return [(job.position, job.name, job.concern, job.part_lines.count()) for job in rows]


class TestItGivesWay:
    def test_to_a_canned_job_which_keeps_the_customers_words(self, order):
        first, brakes = order.jobs.get(), canned(concern="Worn")
        added = jobs.add_canned_job(order=order, canned=brakes)
        assert jobs_of(order) == [(1, "Front brakes", "It squeals.", 1)]
        assert (added, fresh(added).canned_job) == (first, brakes)
        assert fresh(added).history.count() == 2

    def test_to_a_typed_job(self, order):
        jobs.add_job(order=order, name="Brakes")
        assert jobs_of(order) == [(1, "Brakes", "It squeals.", 0)]

    def test_to_a_job_with_words_of_its_own(self, order):
        jobs.add_canned_job(order=order, canned=canned(), name="Brakes, front", concern="Grinds, too.")
        assert jobs_of(order) == [(1, "Brakes, front", "Grinds, too.", 1)]

    def test_with_the_technician_whom_the_check_in_gave_it(self):
        theo = TechnicianFactory()
        visit = AppointmentFactory(technician=theo, description="It squeals.")
        order = check_in(appointment=visit, now=timezone.now(), by=None)
        jobs.add_job(order=order, name="Brakes")
        assert jobs_of(order) == [(1, "Brakes", "It squeals.", 0)]
        assert order.jobs.get().technician == theo

    def test_only_once(self, order):
        jobs.add_job(order=order, name="Brakes")
        jobs.add_job(order=order, name="Oil")
        assert jobs_of(order) == [(1, "Brakes", "It squeals.", 0), (2, "Oil", "", 0)]

    def test_over_the_staffs_api(self, as_ada, order):
        answer = as_ada.post(f"/api/shop/repair-orders/{order.pk}/jobs/", {"name": "Brakes"}, format="json")
        assert answer.status_code == 201
        assert [(job["name"], job["concern"]) for job in answer.json()["jobs"]] == [("Brakes", "It squeals.")]


class TestItStays:
    @pytest.mark.parametrize(
        "words",
        [
            {"name": "Squeal"},
            {"cause": "Worn pads"},
            {"correction": "Cleaned"},
            {"technician": TechnicianFactory},
            {"concern": ""},  # somebody added it by hand
        ],
    )
    def test_once_it_was_touched(self, order, words):
        words = {name: value() if callable(value) else value for name, value in words.items()}
        jobs.change_job(job=order.jobs.get(), **words)
        jobs.add_job(order=order, name="Oil")
        assert [job.name for job in order.jobs.in_order()] == [words.get("name", "Repair"), "Oil"]

    def test_with_a_line(self, order):
        jobs.add_service_line(
            job=fresh(order.jobs.get()), service=None, given=given(), name="Look", amount=10
        )
        jobs.add_job(order=reload(order), name="Oil")
        assert [job.name for job in order.jobs.in_order()] == ["Repair", "Oil"]

    def test_beside_recommended_work(self, order):
        recommendation = RecommendationFactory(vehicle=order.vehicle, text="Air filter")
        jobs.add_recommended_job(order=order, recommendation=recommendation)
        assert [job.name for job in order.jobs.in_order()] == ["Repair", "Air filter"]

    def test_if_the_job_cannot_be_added(self, order):
        before = jobs_of(order)
        line = CannedLineFactory(kind="labour", part=None, quantity=None, name="Labor", hours=1)
        with pytest.raises(jobs.PriceIsNeeded):
            jobs.add_canned_job(order=order, canned=line.canned_job)
        assert jobs_of(order) == before
