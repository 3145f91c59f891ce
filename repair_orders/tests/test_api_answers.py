"""Estimates in the JSON of contracts 000 and 001: states, visibility, answers and their refusals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.forms.models import model_to_dict
from django.test import Client
from django.utils import timezone

from customers.models import CustomerUser
from repair_orders.actions import stop
from repair_orders.estimates.actions import Answerer, answer, send_estimate, withdraw
from repair_orders.estimates.links import link_of
from repair_orders.estimates.models import Authorisation, Decision, Estimate
from repair_orders.estimates.queries import revision_state
from repair_orders.jobs import add_job, add_part_line
from repair_orders.models import Job, RepairOrder
from repair_orders.papers.actions import estimate_pdf
from repair_orders.tests.sent import BRAKES, OIL, answer_of, jobs_of, make_estimate, make_order
from testing import factories
from testing.clients import signed_in
from testing.storms import parallel

pytestmark = pytest.mark.django_db


@dataclass
class Door:
    """The routes of one contract, called by one login."""

    name: str
    client: Any

    @classmethod
    def of(cls, name: str, user: Any) -> Door:
        if name == "shop":
            return cls(name, signed_in(user))
        client = Client()
        client.force_login(user)
        return cls(name, client)

    @property
    def url(self) -> str:
        return {"shop": "/api/shop/estimates/customers/me/estimates/", "fleet": "/customer/api/estimates/"}[
            self.name
        ]

    def get(self, path: object = "", params: dict[str, str] | None = None) -> Any:
        return self.client.get(f"{self.url}{path}", params or {})

    def answer(self, estimate: Estimate, body: object, **headers: str) -> Any:
        url = f"{self.url}{estimate.pk}/answer/"
        if self.name == "shop":
            return self.client.post(url, body, format="json", headers=headers)
        return self.client.post(url, body, content_type="application/json", headers=headers)

    def rows(self) -> list[dict[str, Any]]:
        body = self.get().json()
        return body["results"] if self.name == "shop" else body

    def refusal(self, title: str, detail: str, **facts: object) -> dict[str, object]:
        """Return the contract's body of a conflict. Amounts are numbers in contract 001."""
        if self.name == "shop":
            return {"error": title, "detail": detail} | facts
        amounts = {"total", "limit"}
        return {"error": detail} | {
            name: float(str(fact)) if name in amounts else fact for name, fact in facts.items()
        }


@pytest.fixture(params=["shop", "fleet"])
def contract(request):
    return request.param


@pytest.fixture
def door(contract, alice):
    return Door.of(contract, alice.contact)


@pytest.fixture
def estimate(alice):
    return make_estimate(alice)


def stored():
    """Return everything that an answer could change."""
    return [
        [model_to_dict(row) for row in model._base_manager.order_by("pk")]
        for model in (RepairOrder, Job, Estimate, Authorisation, Decision)
    ]


def refused(response, status, body, before):
    assert (response.status_code, response.json()) == (status, body)
    assert stored() == before


def change(estimate):
    """Add a line to a job of the order, and return the order."""
    order = RepairOrder.objects.get(pk=estimate.repair_order_id)
    add_part_line(
        job=Job.objects.get(repair_order=order, name=OIL),
        part=None,
        given={"by": None, "now": timezone.now()},
        name="Filter",
        quantity=Decimal(1),
        unit_price=Decimal("9.00"),
    )
    order.refresh_from_db()
    return order


class TestStates:
    def test_list_and_row_have_the_same_state(self, door, alice, estimate):
        changed = make_estimate(alice)
        send_estimate(order=change(changed), by=None, now=timezone.now())
        expired = make_estimate(alice, expires_at=timezone.now() - timedelta(days=1))
        answered = make_estimate(alice)
        answer(estimate=answered, decisions={}, answerer=Answerer(), now=timezone.now())
        states = {row["id"]: row["state"] for row in door.rows()}
        assert {name: states[row.pk] for name, row in {
            "sent": estimate, "superseded": changed, "expired": expired, "answered": answered,
        }.items()} == {name: name for name in ("sent", "superseded", "expired", "answered")}  # fmt: skip
        assert {key: door.get(f"{key}/").json()["state"] for key in states} == states

    def test_expiry_is_the_first_moment_that_is_too_late(self, estimate):
        end = estimate.expires_at
        assert [revision_state(None, False, end, end + timedelta(seconds=late)) for late in (-1, 0)] == [
            "sent",
            "expired",
        ]

    def test_withdrawn_answer_stays_with_its_time(self, door, estimate):
        jobs = jobs_of(estimate)
        answer(
            estimate=estimate,
            decisions=dict.fromkeys(jobs.values(), "approved"),
            answerer=Answerer("phone", "Linda Park", "555 0100", note="Call back"),
            now=timezone.now(),
        )
        order = RepairOrder.objects.get()
        withdraw(order=order, reason="Misheard", by=None, now=timezone.now())
        given = door.get(f"{estimate.pk}/").json()["answer"]
        assert given["withdrawn_at"] is not None
        assert {name: given[name] for name in ("method", "by_name", "contact_used")} == {
            "method": "phone",
            "by_name": "Linda Park",
            "contact_used": "555 0100",
        }
        assert "note" not in given and "ip" not in given

    def test_body_stays_that_of_the_snapshot(self, door, estimate):
        before = door.get(f"{estimate.pk}/").json()
        change(estimate)
        assert door.get(f"{estimate.pk}/").json() == before


class TestVisibility:
    def test_estimates_of_others_are_missing(self, contract, alice, bob, estimate):
        stranger, before = Door.of(contract, bob.contact), stored()
        assert stranger.rows() == []
        for key in (estimate.pk, 10**9):
            answers = [stranger.get(f"{key}/{path}") for path in ("", "choice/", "pdf/")]
            body = {
                "shop": {"error": "Not found", "detail": "Estimate not found."},
                "fleet": {"error": "Estimate not found."},
            }
            assert [(a.status_code, a.json()) for a in answers] == [(404, body[contract])] * 3
        refused(stranger.answer(estimate, answer_of(estimate, total="0.00")), 404, body[contract], before)
        # Before its body is judged.
        assert stranger.answer(estimate, {}).status_code == 404

    def test_estimate_stays_with_the_customer_of_its_order(self, contract, alice, bob, estimate):
        estimate.repair_order.vehicle.customer = bob
        estimate.repair_order.vehicle.save()
        assert Door.of(contract, bob.contact).rows() == []
        assert [row["id"] for row in Door.of(contract, alice.contact).rows()] == [estimate.pk]

    def test_colleague_and_viewer_of_the_company_read(self, contract, alice, estimate):
        alice.company_name = "RS Wind"
        alice.save()
        for role in ("owner", "viewer"):
            colleague = factories.CustomerUserFactory(customer=alice, role=role).user
            assert [row["id"] for row in Door.of(contract, colleague).rows()] == [estimate.pk]

    def test_link_is_for_the_login_to_whose_address_it_was_mailed(self, contract, alice, estimate):
        """It answers within the limit of that login, so that a colleague could approve more by it."""
        colleague = factories.CustomerUserFactory(customer=alice, role="owner").user
        for user, url in ((alice.contact, link_of(estimate)), (colleague, None)):
            door = Door.of(contract, user)
            assert [row["url"] for row in door.rows()] == [url]
            assert door.get(f"{estimate.pk}/").json()["url"] == url


class TestPaper:
    @pytest.fixture(autouse=True)
    def uploads(self, settings, tmp_path):
        settings.UPLOADS_DIR = tmp_path / "uploads"

    def test_paper_is_the_stored_pdf(self, door, estimate, now):
        response = door.get(f"{estimate.pk}/pdf/")
        assert (response.status_code, response.content) == (200, estimate_pdf(estimate, now=now))
        assert response.headers["Content-Type"] == "application/pdf"
        number = estimate.repair_order.number or estimate.repair_order_id
        assert response.headers["Content-Disposition"] == f'inline; filename="estimate-{number}-1.pdf"'
        assert response.headers["Cache-Control"] == "private, no-store"


class TestChoice:
    def test_unknown_job_is_400(self, door, estimate):
        response = door.get(f"{estimate.pk}/choice/", {"approve": "1000000"})
        message = "This job is not proposed in the revision."
        expected = {
            "shop": {
                "error": "Invalid input",
                "detail": message,
                "fields": {"approve": [message]},
            },
            "fleet": {"error": message},
        }
        assert (response.status_code, response.json()) == (400, expected[door.name])


class TestAnswer:
    def test_name_address_and_ip_are_stored(self, door, alice, estimate):
        body = answer_of(estimate, BRAKES, total="368.05", by_name=" Linda Park ")
        response = door.answer(estimate, body | {"colour": "red"}, **{"X-Forwarded-For": "203.0.113.9"})
        assert response.status_code == 200
        given = Authorisation.objects.get()
        assert (given.method, given.by_name, given.contact_used, given.taken_by, given.ip) == (
            "online", "Linda Park", alice.contact.email, None, "127.0.0.1",
        )  # fmt: skip
        order = RepairOrder.objects.get()
        assert (order.status, order.authorised_total) == ("approved", Decimal("368.05"))
        assert order.history.latest().history_user == alice.contact
        assert dict(Job.objects.values_list("name", "status")) == {BRAKES: "approved", OIL: "declined"}

    def test_job_without_a_decision_is_deferred(self, door, estimate):
        job = jobs_of(estimate)[BRAKES]
        body = {"total": "368.05", "decisions": [{"job_id": job, "decision": "APPROVED"}]}
        assert door.answer(estimate, body).status_code == 200
        assert dict(Job.objects.values_list("name", "status")) == {BRAKES: "approved", OIL: "deferred"}

    def test_decline_of_all_jobs_denies_the_order(self, door, estimate):
        assert door.answer(estimate, answer_of(estimate, total="0.00")).status_code == 200
        assert RepairOrder.objects.get().status == "denied"

    def test_same_idempotency_key_answers_once(self, door, estimate):
        body = answer_of(estimate, BRAKES, total="368.05")
        first, again = (door.answer(estimate, body, **{"Idempotency-Key": "once"}) for _ in range(2))
        assert (first.status_code, again.status_code) == (200, 200)
        assert first.json() == again.json()
        assert Authorisation.objects.count() == 1


class TestRefusals:
    def test_other_total(self, door, estimate):
        before = stored()
        refused(
            door.answer(estimate, answer_of(estimate, BRAKES, total="421.93")),
            409,
            door.refusal(
                "The estimate has changed",
                "The estimate has changed since it was shown. Look at the new total and approve that.",
                total="368.05",
                code="estimate_changed",
            ),
            before,
        )

    def test_changed_order(self, door, estimate):
        change(estimate)
        before = stored()
        refused(
            door.answer(estimate, answer_of(estimate, BRAKES, OIL, total="421.93")),
            409,
            door.refusal(
                "The estimate has changed",
                "The estimate has changed since it was shown. Look at the new total and approve that.",
                total="431.67",
                code="estimate_changed",
            ),
            before,
        )

    def test_answered(self, door, estimate):
        body = answer_of(estimate, BRAKES, total="368.05")
        assert door.answer(estimate, body).status_code == 200
        at, before = Authorisation.objects.get().at, stored()
        refused(
            door.answer(estimate, body),
            409,
            door.refusal(
                "Already answered",
                f"This estimate was answered on {at:%Y-%m-%d %H:%M} UTC by Alice Cooper.",
                code="already_answered",
            ),
            before,
        )

    def test_superseded(self, door, estimate):
        send_estimate(order=change(estimate), by=None, now=timezone.now())
        before = stored()
        refused(
            door.answer(estimate, answer_of(estimate, BRAKES, total="368.05")),
            409,
            door.refusal(
                "A newer estimate was sent",
                "A newer revision of this estimate was sent. Answer that one.",
                code="superseded",
            ),
            before,
        )

    def test_expired(self, door, alice):
        estimate = make_estimate(alice, expires_at=timezone.now() - timedelta(seconds=1))
        before = stored()
        refused(
            door.answer(estimate, answer_of(estimate, BRAKES, total="368.05")),
            409,
            door.refusal(
                "The estimate has expired",
                "This estimate has expired. Ask the shop for a new one.",
                code="expired",
            ),
            before,
        )

    def test_order_that_takes_no_answer(self, door, estimate):
        RepairOrder.objects.update(status="approved")
        stop(order=RepairOrder.objects.get(), reason="Sold", by=None, now=timezone.now())
        before = stored()
        refused(
            door.answer(estimate, answer_of(estimate, total="0.00")),
            409,
            door.refusal(
                "Not possible in this state",
                "This repair order is denied and cannot become denied.",
                code="illegal_transition",
            ),
            before,
        )

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"total": None}, "total: This field may not be null."),
            ({"total": "-1"}, "total: Ensure this value is greater than or equal to 0."),
            ({"decisions": None}, "decisions: This field may not be null."),
            ({"by_name": "x" * 201}, "by_name: Ensure this field has no more than 200 characters."),
            ({"po_number": "x" * 41}, "po_number: Ensure this field has no more than 40 characters."),
        ],
    )
    def test_wrong_value_is_named(self, door, estimate, changed, message):
        before = stored()
        response = door.answer(estimate, answer_of(estimate, BRAKES, total="368.05") | changed)
        name, _, text = message.partition(": ")
        expected = {
            "shop": {"error": "Invalid input", "detail": message, "fields": {name: [text]}},
            "fleet": {"error": message},
        }
        refused(response, 400, expected[door.name], before)

    @pytest.mark.parametrize(
        ("decided", "message"),
        [
            ([(10**9, "approved")], "This job is not proposed in the revision."),
            ([(1, "approved"), (1, "declined")], "Give one decision for each job."),
        ],
    )
    def test_wrong_decisions_are_refused(self, door, estimate, decided, message):
        before = stored()
        body = {"total": "368.05", "decisions": [{"job_id": job, "decision": word} for job, word in decided]}
        expected = {
            "shop": {"error": "Invalid input", "detail": message, "fields": {"decisions": [message]}},
            "fleet": {"error": message},
        }
        refused(door.answer(estimate, body), 400, expected[door.name], before)

    @pytest.mark.parametrize("missing", ["total", "decisions"])
    def test_total_and_decisions_are_required(self, door, estimate, missing):
        before, body = stored(), answer_of(estimate, BRAKES, total="368.05")
        del body[missing]
        response = door.answer(estimate, body)
        assert response.status_code == 400
        assert f"{missing}: This field is required." in response.json().values()
        assert stored() == before


class TestCompany:
    @pytest.fixture
    def login(self, alice):
        alice.company_name, alice.requires_po_number = "RS Wind", False
        alice.save()
        CustomerUser.objects.filter(customer=alice).update(approval_limit=None)
        return factories.CustomerUserFactory(
            customer=alice, role="approver", approval_limit=Decimal("368.04")
        )

    def test_limit_of_the_login_holds(self, contract, login, estimate):
        door, before = Door.of(contract, login.user), stored()
        refused(
            door.answer(estimate, answer_of(estimate, BRAKES, total="368.05")),
            403,
            door.refusal(
                "Access denied",
                "Your login may approve repairs up to 368.04. Ask a colleague with a higher limit.",
                code="over_approval_limit",
                limit="368.04",
            ),
            before,
        )
        login.approval_limit = Decimal("368.05")
        login.save()
        assert door.answer(estimate, answer_of(estimate, BRAKES, total="368.05")).status_code == 200

    def test_declining_is_not_limited(self, contract, login, estimate):
        door = Door.of(contract, login.user)
        assert door.answer(estimate, answer_of(estimate, total="0.00")).status_code == 200

    def test_owner_without_a_limit_approves(self, door, login, estimate):
        assert door.answer(estimate, answer_of(estimate, BRAKES, OIL, total="421.93")).status_code == 200

    def test_viewer_may_not_answer(self, contract, login, estimate):
        login.role, login.approval_limit = "viewer", None
        login.save()
        door, before = Door.of(contract, login.user), stored()
        message = "Your login may only read. Ask an owner of the company for another role."
        for body in (answer_of(estimate, BRAKES, total="368.05"), answer_of(estimate, total="0.00")):
            refused(door.answer(estimate, body), 403, door.refusal("Access denied", message), before)

    def test_po_number_is_required_and_stored(self, door, alice, login, estimate):
        alice.requires_po_number = True
        alice.save()
        before, body = stored(), answer_of(estimate, BRAKES, total="368.05")
        refused(
            door.answer(estimate, body),
            409,
            door.refusal(
                "A PO number is needed",
                "Your company needs a PO number for each approval. Add it and approve again.",
                code="po_number_needed",
            ),
            before,
        )
        assert door.answer(estimate, body | {"po_number": "PO 77"}).status_code == 200
        assert RepairOrder.objects.get().po_number == "PO 77"

    def test_po_number_is_not_needed_to_decline(self, door, alice, estimate):
        alice.requires_po_number = True
        alice.save()
        assert door.answer(estimate, answer_of(estimate, total="0.00")).status_code == 200


def test_work_that_was_agreed_before_is_in_the_choice(door, alice):
    order = make_order(alice)
    first = send_estimate(order=order, by=None, now=timezone.now())
    assert door.answer(first, answer_of(first, BRAKES, total="368.05")).status_code == 200
    order.refresh_from_db()
    job = add_job(order=order, name="Wipers")
    add_part_line(
        job=job, part=None, given={"by": None, "now": timezone.now()}, name="Blade", quantity=Decimal(1),
        unit_price=Decimal("10.00"),
    )  # fmt: skip
    order.refresh_from_db()
    second = send_estimate(order=order, by=None, now=timezone.now())
    body = door.get(f"{second.pk}/").json()
    assert {job["name"]: job["status"] for job in body["jobs"]} == {BRAKES: "approved", "Wipers": "proposed"}
    chosen = door.get(f"{second.pk}/choice/", {"approve": str(job.pk)}).json()["totals"]["total"]
    assert float(chosen) == 378.88
    body = {"total": "378.88", "decisions": [{"job_id": job.pk, "decision": "approved"}]}
    assert door.answer(second, body).status_code == 200
    assert [row["state"] for row in door.rows()] == ["answered", "answered"]


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_one_of_parallel_answers_wins(contract, alice):
    """Half of them approve a job, half decline all."""
    estimate = make_estimate(alice)
    doors = [Door.of(contract, alice.contact) for _ in range(12)]

    def send(number):
        body = (
            answer_of(estimate, BRAKES, total="368.05") if number % 2 else answer_of(estimate, total="0.00")
        )
        response = doors[number].answer(estimate, body)
        return response.status_code, response.json().get("code")

    answers = parallel(12, send)
    assert sorted(answers, key=str) == [(200, None)] + [(409, "already_answered")] * 11
    given = Authorisation.objects.get()
    is_approved = answers.index((200, None)) % 2
    assert RepairOrder.objects.get().status == ("approved" if is_approved else "denied")
    assert given.total == (Decimal("368.05") if is_approved else Decimal("0.00"))
    assert Decision.objects.count() == 2
