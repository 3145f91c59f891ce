"""The recommendations that follow the jobs of repair orders, and the jobs that are made from them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from repair_orders.models import Job, PartLine, RepairOrder
from testing import factories
from testing.suites import count_queries
from testing.worked_example import (
    TEN_PERCENT,
    add_labour,
    add_oil,
    add_part,
    answer,
    authorised,
    estimated,
    fresh,
    new_order,
    reload,
    started,
)
from vehicles import recommendations
from vehicles.models import Recommendation

pytestmark = pytest.mark.django_db
D = Decimal
CLOSED = {
    "error": "Recommendation is closed",
    "detail": "This recommendation is done or dismissed.",
    "code": "recommendation_is_closed",
}


def by_now():
    return {"by": None, "now": timezone.now()}


def all_of():
    """Return the recommendations in the order of their ids: code, text, amount, status, source."""
    rows = Recommendation.objects.order_by("id")
    return list(rows.values_list("code", "text", "amount", "status", "source"))


def status_of(job):
    job = fresh(job)
    return job.recommendation and job.recommendation.status


def canned(**fields):
    job = factories.CannedJobFactory(name="Oil change", concern="Due", **fields)
    factories.CannedLineFactory(canned_job=job, quantity=D("4.50"))
    return job


def sent(order):
    estimates.send_estimate(order=order, **by_now())
    return reload(order)


@pytest.fixture
def vehicle():
    return factories.VehicleFactory()


@pytest.fixture
def advisor(sign_in):
    return sign_in(factories.UserFactory(role="advisor"))


class TestWorkedExample:
    def test_declined_job(self):
        _, brakes, oil = authorised()
        assert all_of() == [("", "Oil", D("150.41"), "open", "declined")]
        assert (status_of(brakes), status_of(oil)) == (None, "open")

    def test_more_work_that_is_declined(self):
        order, brakes, oil = started(policy=TEN_PERCENT)
        caliper = jobs.add_job(order=order, name="Caliper", concern="It sticks")
        add_part(caliper, "1", "148.00")
        add_labour(caliper, "0.9")
        sent(order)
        answer(order, {caliper: "declined"})
        actions.complete(order=reload(order), **by_now())
        assert all_of() == [
            ("", "Oil", D("150.41"), "open", "declined"),
            ("", "Caliper\nIt sticks", D("264.96"), "open", "declined"),
        ]
        assert [status_of(job) for job in (brakes, oil, caliper)] == [None, "open", "open"]


class TestStates:
    def test_every_step_of_a_job(self):
        """Declined opens it, approved quotes it, withdrawn opens it, done closes it, reopened quotes it again."""
        order, brakes, oil = authorised()
        row = Recommendation.objects.get()
        steps = []

        def note(step):
            job = fresh(oil)
            assert job.recommendation_id == row.pk
            steps.append((step, job.status, job.recommendation.status))

        note("declined")
        jobs.propose(job=fresh(oil))
        note("proposed again")
        sent(order)
        answer(order, {oil: "approved"})
        note("approved")
        estimates.withdraw(order=reload(order), reason="Mistake", **by_now())
        note("withdrawn")
        sent(order)
        answer(order, {oil: "approved"})
        actions.start(order=reload(order), **by_now())
        actions.finish_job(job=fresh(oil), **by_now())
        note("done")
        actions.unfinish_job(job=fresh(oil), **by_now())
        note("not done after all")
        actions.finish_job(job=fresh(oil), **by_now())
        note("done again")
        actions.complete(order=reload(order), **by_now())
        note("completed")
        actions.reopen(order=reload(order), reason="Leaks", **by_now())
        note("reopened")
        actions.complete(order=reload(order), jobs=[brakes.pk], **by_now())
        note("completed without it")
        assert steps == [
            ("declined", "declined", "open"),
            ("proposed again", "proposed", "open"),
            ("approved", "approved", "quoted"),
            ("withdrawn", "proposed", "open"),
            ("done", "done", "done"),
            ("not done after all", "approved", "quoted"),
            ("done again", "done", "done"),
            ("completed", "done", "done"),
            ("reopened", "approved", "quoted"),
            ("completed without it", "declined", "open"),
        ]

    def test_stop_opens_those_of_all_jobs(self):
        order, brakes, oil = started()
        late = jobs.add_job(order=order, name="Wipers")
        actions.stop(order=reload(order), reason="Too dear", **by_now())
        assert all_of() == [
            ("", "Oil", D("150.41"), "open", "declined"),
            ("", "Brakes\nSqueals", D("480.40"), "open", "declined"),
            ("", "Wipers", D("0.00"), "open", "declined"),
        ]
        assert [fresh(job).status for job in (brakes, oil, late)] == ["declined", "declined", "deferred"]

    def test_job_without_an_answer_is_deferred_and_recommended(self):
        order, brakes, oil = estimated()
        answer(order, {brakes: "approved"})
        assert all_of() == [("", "Oil", D("150.41"), "open", "declined")]
        assert fresh(oil).status == "deferred"

    def test_removed_job_leaves_it_open(self, vehicle):
        order, row = new_order(vehicle=vehicle), factories.RecommendationFactory(vehicle=vehicle)
        job = jobs.add_recommended_job(order=order, recommendation=row)
        jobs.remove_job(job=fresh(job))
        row.refresh_from_db()
        assert (row.status, Job.objects.count()) == ("open", 0)

    def test_denied_request_recommends_nothing(self):
        order = new_order()
        add_oil(order)
        estimates.deny(order=order, **by_now())
        assert all_of() == []

    def test_dismissed_one_opens_again_with_the_present_words_and_amount(self):
        order, _, oil = authorised()
        recommendations.dismiss(recommendation=Recommendation.objects.get())
        jobs.propose(job=fresh(oil))
        jobs.change_job(job=fresh(oil), concern="Light is on")
        add_part(oil, "1", "10.00")
        sent(order)
        answer(order, {oil: "declined"})
        assert all_of() == [("", "Oil\nLight is on", D("160.41"), "open", "declined")]

    def test_words_of_staff_stay(self, vehicle):
        order = new_order(vehicle=vehicle)
        row = factories.RecommendationFactory(vehicle=vehicle, text="Tires soon", amount=D("400.00"))
        job = jobs.add_recommended_job(order=order, recommendation=row, name="Tires")
        add_part(job, "4", "90.00")
        sent(order)
        answer(order, {job: "declined"})
        assert all_of() == [("", "Tires soon", D("360.00"), "open", "staff")]

    def test_history_names_each_state(self):
        order, _, oil = authorised()
        jobs.propose(job=fresh(oil))
        sent(order)
        answer(order, {oil: "approved"})
        history = Recommendation.objects.get().history.order_by("history_id")
        assert list(history.values_list("status", flat=True)) == ["open", "quoted"]


class TestCodes:
    def decline(self, vehicle, canned_job):
        order = new_order(vehicle=vehicle)
        job = jobs.add_canned_job(order=order, canned=canned_job)
        sent(order)
        answer(order, {job: "declined"})
        return order, job

    def test_canned_job_is_recommended_once(self, vehicle):
        oil = canned()
        _, first = self.decline(vehicle, oil)
        _, second = self.decline(vehicle, oil)
        self.decline(factories.VehicleFactory(), oil)
        code, amount = f"canned:{oil.pk}", D("42.71")
        assert all_of() == 2 * [(code, "Oil change\nDue", amount, "open", "declined")]
        assert fresh(first).recommendation_id == fresh(second).recommendation_id

    def test_two_of_one_order(self, vehicle):
        oil, order = canned(), new_order(vehicle=vehicle)
        both = [jobs.add_canned_job(order=order, canned=oil) for _ in range(2)]
        sent(order)
        answer(order, dict.fromkeys(both, "declined"))
        assert [row[0] for row in all_of()] == [f"canned:{oil.pk}"]

    def test_same_work_that_is_sold_in_another_order(self, vehicle):
        oil = canned()
        _, declined = self.decline(vehicle, oil)
        order = new_order(vehicle=vehicle)
        job = jobs.add_canned_job(order=order, canned=oil)
        sent(order)
        answer(order, {job: "approved"})
        assert (status_of(job), status_of(declined)) == ("quoted", "quoted")
        self.decline(vehicle, oil)
        assert [row[3] for row in all_of()] == ["quoted"]
        actions.start(order=reload(order), **by_now())
        actions.complete(order=reload(order), received=True, **by_now())
        assert [row[3] for row in all_of()] == ["done"]
        self.decline(vehicle, oil)
        assert [row[3] for row in all_of()] == ["done", "open"]

    def test_reopened_job_takes_the_row_that_stands(self, vehicle):
        oil = canned()
        order, job = self.decline(vehicle, oil)
        recommendations.dismiss(recommendation=Recommendation.objects.get())
        _, later = self.decline(vehicle, oil)
        assert fresh(job).recommendation_id != fresh(later).recommendation_id
        assert reload(order).status == "denied"
        copied = actions.copy_order(order=order, **by_now())
        again = copied.jobs.get()
        assert (again.recommendation, again.canned_job) == (None, oil)
        sent(copied)
        answer(copied, {again: "approved"})
        assert fresh(again).recommendation_id == fresh(later).recommendation_id
        assert [row[3] for row in all_of()] == ["dismissed", "quoted"]

    def test_copy_of_an_order_keeps_open_ones(self):
        order, _, oil = authorised()
        copied = actions.copy_order(order=order, **by_now())
        of_copy = list(copied.jobs.order_by("position").values_list("recommendation_id", flat=True))
        assert of_copy == [None, fresh(oil).recommendation_id]

    def test_removed_canned_job_leaves_the_recommendation(self, vehicle):
        oil = canned()
        _, job = self.decline(vehicle, oil)
        number = oil.pk
        oil.delete()
        assert (fresh(job).canned_job, [row[0] for row in all_of()]) == (None, [f"canned:{number}"])


class TestJobs:
    URL = "/api/shop/repair-orders/{}/jobs/"

    def post(self, client, order, **body):
        return client.post(self.URL.format(order.pk), body, format="json")

    def test_has_the_words_of_the_recommendation(self, advisor, vehicle):
        order = new_order(vehicle=vehicle)
        row = factories.RecommendationFactory(vehicle=vehicle, text="Tires\nat 4/32")
        response = self.post(advisor, order, recommendation_id=row.pk)
        job = Job.objects.get()
        assert (response.status_code, response.json()["jobs"]) == (
            201,
            [
                {
                    "id": job.pk, "position": 1, "name": "Tires", "concern": "at 4/32", "cause": "", "correction": "",
                    "technician_id": None, "status": "proposed", "is_draft": True, "recommendation_id": row.pk,
                    "amount": "0.00", "lines": [],
                }
            ],
        )  # fmt: skip
        row.refresh_from_db()
        assert (row.status, reload(order).version) == ("open", 2)

    def test_has_the_lines_of_the_canned_job(self, advisor, vehicle):
        oil = canned()
        row = factories.RecommendationFactory(vehicle=vehicle, code=f"canned:{oil.pk}", text="Old words")
        order = new_order(vehicle=vehicle)
        response = self.post(advisor, order, recommendation_id=row.pk, concern="Light is on", version=1)
        job = response.json()["jobs"][0]
        assert (job["name"], job["concern"], job["amount"], job["recommendation_id"]) == (
            "Oil change",
            "Light is on",
            "42.71",
            row.pk,
        )
        assert (Job.objects.get().canned_job, PartLine.objects.count()) == (oil, 1)

    @pytest.mark.parametrize("code", ["canned:999999", "dtc:P0420", "item:4"])
    def test_other_codes_give_the_words(self, advisor, vehicle, code):
        row = factories.RecommendationFactory(vehicle=vehicle, code=code)
        response = self.post(advisor, new_order(vehicle=vehicle), recommendation_id=row.pk, name="Wipers")
        assert [job["name"] for job in response.json()["jobs"]] == ["Wipers"]

    def test_is_quoted_when_it_is_approved(self, advisor, vehicle):
        order, row = new_order(vehicle=vehicle), factories.RecommendationFactory(vehicle=vehicle)
        self.post(advisor, order, recommendation_id=row.pk)
        job = Job.objects.get()
        add_part(job, "1", "20.00")
        sent(order)
        answer(order, {job: "approved"})
        row.refresh_from_db()
        assert row.status == "quoted"

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (
                "quoted",
                {
                    "error": "The work is approved",
                    "detail": "The customer approved this work. It is done or open again with its job.",
                    "code": "recommendation_is_quoted",
                },
            ),
            ("done", CLOSED),
            ("dismissed", CLOSED),
        ],
    )
    def test_only_an_open_one_makes_a_job(self, advisor, vehicle, status, body):
        order = new_order(vehicle=vehicle)
        row = factories.RecommendationFactory(vehicle=vehicle, status=status)
        response = self.post(advisor, order, recommendation_id=row.pk)
        assert (response.status_code, response.json(), Job.objects.count()) == (409, body, 0)

    def test_wrong_bodies(self, advisor, vehicle):
        order, row = new_order(vehicle=vehicle), factories.RecommendationFactory(vehicle=vehicle)
        other, oil = factories.RecommendationFactory(), canned()
        for body, field, text, code in (
            (
                {"recommendation_id": other.pk},
                "recommendation_id",
                "The recommendation is of another vehicle.",
                "wrong_recommendation",
            ),
            (
                {"recommendation_id": row.pk, "canned_job_id": oil.pk},
                "canned_job_id",
                "Give a canned job or a recommendation, not both.",
                "canned_or_recommended",
            ),
        ):
            response = self.post(advisor, order, **body)
            expected = {"error": "Invalid input", "detail": text, "fields": {field: [text]}, "code": code}
            assert (response.status_code, response.json()) == (400, expected)
        missing = self.post(advisor, order, recommendation_id=999_999)
        assert (missing.status_code, missing.json()["detail"]) == (404, "Recommendation not found.")
        stale = self.post(advisor, order, recommendation_id=row.pk, version=9)
        assert (stale.status_code, Job.objects.count()) == (409, 0)

    def test_closed_order_gets_none(self, vehicle):
        order, row = new_order(vehicle=vehicle), factories.RecommendationFactory(vehicle=vehicle)
        RepairOrder.objects.filter(pk=order.pk).update(status="denied")
        with pytest.raises(jobs.JobIsFixed):
            jobs.add_recommended_job(order=order, recommendation=row)
        assert not Job.objects.exists()


class TestQueries:
    def test_order_with_recommendations_costs_no_more(self, advisor):
        plain, recommended = new_order(), authorised()[0]
        add_oil(plain)
        for order in (plain, recommended):
            advisor.get(f"/api/shop/repair-orders/{order.pk}/")
        one, two = (
            count_queries(lambda order=order: advisor.get(f"/api/shop/repair-orders/{order.pk}/"))
            for order in (plain, recommended)
        )
        assert (two, all_of()[0][3]) == (one, "open")

    def test_change_that_answers_nothing_reads_no_recommendations(self, django_assert_max_num_queries):
        oil = estimated()[2]
        with django_assert_max_num_queries(60) as queries:
            add_part(oil, "1", "1.00")
        assert not [query for query in queries.captured_queries if "vehicles_recommendation" in query["sql"]]
