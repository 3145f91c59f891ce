"""The staff API for repair orders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from django.utils import timezone

from repair_orders.api.workbench import estimate_body
from repair_orders.models import EDITABLE_STATUSES, RepairOrder, RepairOrderStatus
from repair_orders.tests.test_actions import LEGAL, NOTHING_TO_SEND, in_state
from testing import factories
from testing.storms import parallel
from testing.suites import WritableNounSuite, invalid, refused, stored
from vehicles.tests.test_api_shop import brief

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
ILLEGAL = {"error": "Not possible in this state", "code": "illegal_transition"}
FIXED = {
    **ILLEGAL,
    "detail": "Lines can change only while the order is requested or pending.",
    "code": "lines_are_fixed",
}
STALE = {
    "error": "The estimate has changed",
    "detail": "The estimate has changed since it was shown. Look at the new total and approve that.",
    "code": "estimate_changed",
}
HUGE = 10**22
TOO_FEW = "Ensure this value is greater than or equal to 0.01."
TOO_MANY_DIGITS = "Ensure that there are no more than 7 digits in total."
TOO_MANY_PLACES = "Ensure that there are no more than 2 decimal places."
TOO_MANY = "Ensure this value is less than or equal to 10000."
TARGETS = {
    "estimate": "pending",
    "approve": "approved",
    "deny": "denied",
    "start": "in_progress",
    "complete": "completed",
}
TIMESTAMPS = {
    "estimate": "estimated_at",
    "approve": "approved_at",
    "deny": "denied_at",
    "start": "started_at",
    "complete": "completed_at",
}


def missing(name: str) -> dict[str, str]:
    return {"error": "Not found", "detail": f"{name} not found.", "code": "not_found"}


class TestRepairOrders(WritableNounSuite):
    noun, name, ordering = "repair-orders", "Repair order", ("created",)
    change: ClassVar[dict[str, Any]] = {
        "description": "Squeaks",
        "notes": "Pads are worn",
        "discount_amount": "0.00",
        "discount_percent": "0.00",
        "tax_percent": "0.00",
    }
    without_tax: ClassVar[dict[str, str]] = {
        "subtotal": "63.98", "discount": "0.00", "net": "63.98", "tax": "0.00", "total": "63.98",
    }  # fmt: skip
    follows: ClassVar[dict[str, Any]] = {
        "total_cost": "63.98",
        "calculated_total_cost": "63.98",
        "version": 2,
        "totals": without_tax,
        "shown_to_customer": without_tax,
    }
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        ("description", "a\x00b", "Null characters are not allowed."),
        ("notes", "x" * 10_001, "Ensure this field has no more than 10000 characters."),
        ("discount_amount", -1, "Ensure this value is greater than or equal to 0."),
        ("discount_amount", "1.005", "Ensure that there are no more than 2 decimal places."),
        ("discount_amount", HUGE, "Ensure that there are no more than 10 digits in total."),
        ("discount_percent", 101, "Ensure this value is less than or equal to 100."),
        ("tax_percent", "-0.01", "Ensure this value is greater than or equal to 0."),
        ("tax_percent", True, "A valid number is required."),
    ]

    def body_for_new(self):
        return {"vehicle_id": factories.VehicleFactory().pk}

    def make(self, **values):
        """Return an order of two filters (18.98) and an oil change (45.00), both taxed with 8.25 %."""
        owner = {
            "vehicle__customer__contact__first_name": "Pat",
            "vehicle__customer__contact__last_name": "C",
        }
        order = factories.RepairOrderFactory(
            **{**owner, "created_at": NOON, "tax_percent": Decimal("8.25"), "notes": "Worn"} | values
        )
        factories.PartLineFactory(repair_order=order, quantity=2)
        factories.ServiceLineFactory(repair_order=order)
        return order

    def called(self, text):
        return self.make(description=text)

    def row(self, order):
        line, labour = order.part_lines.select_related("part").get(), order.service_lines.get()
        return {
            "id": order.pk,
            "vehicle_id": order.vehicle_id,
            "vehicle": brief(order.vehicle),
            "customer_id": order.customer_id,
            "customer_name": "Pat C",
            "status": order.status,
            "discount_amount": "0.00",
            "discount_percent": "0.00",
            "tax_percent": "8.25",
            "total_cost": "69.26",
            "date_created": "2026-01-15T12:00:00Z",
            "notes": order.notes,
            "repair_order_parts": [
                {
                    "id": line.pk,
                    "part": {
                        "id": line.part_id,
                        "name": "Oil Filter",
                        "part_number": line.part.part_number,
                        "manufacturer": "Fram",
                        "unit_price": "9.49",
                        "taxable": True,
                        "warranty_months": 0,
                    },
                    "quantity": 2,
                    "total_price": "18.98",
                }
            ],
            "repair_order_services": [
                {
                    "id": labour.pk,
                    "service": {
                        "id": labour.service_id,
                        "name": "Oil Change",
                        "description": "",
                        "labor_cost": "45.00",
                        "taxable": True,
                        "warranty_months": 0,
                    },
                }
            ],
            "calculated_total_cost": "69.26",
            "description": order.description,
            "denial_reason": "",
            "estimated_at": None,
            "approved_at": None,
            "denied_at": None,
            "started_at": None,
            "completed_at": None,
            "number": None,
            "version": order.version,
            "location_id": None,
            "appointment_id": None,
            "advisor_id": None,
            "promised_at": None,
            "key_tag": "",
            "checked_in_at": None,
            "po_number": "",
            "odometer_in": None,
            "odometer_out": None,
            "tax_exemption": "",
            "comeback_of": None,
        }

    def detail(self, order):
        line, labour, job = order.part_lines.get(), order.service_lines.get(), order.jobs.get()
        totals = {
            "subtotal": "63.98",
            "discount": "0.00",
            "net": "63.98",
            "tax": "5.28",
            "total": "69.26",
        }
        return self.row(order) | {
            "jobs": [
                {
                    "id": job.pk,
                    "position": 1,
                    "name": "Repair",
                    "concern": "",
                    "cause": "",
                    "correction": "",
                    "technician_id": None,
                    "status": job.status,
                    "is_draft": job.is_draft,
                    "recommendation_id": job.recommendation_id,
                    "amount": "63.98",
                    "lines": [
                        {
                            "id": line.pk,
                            "kind": "part",
                            "name": "Oil Filter",
                            "description": "",
                            "part_id": line.part_id,
                            "part_number": line.part_number,
                            "manufacturer": "Fram",
                            "condition": "new",
                            "oem": None,
                            "quantity": 2,
                            "unit_price": "9.49",
                            "amount": "18.98",
                            "cost": None,
                            "taxable": True,
                            "warranty_months": 0,
                            "core_of": None,
                        },
                        {
                            "id": labour.pk,
                            "kind": "labour",
                            "name": "Oil Change",
                            "description": "",
                            "service_id": labour.service_id,
                            "hours": None,
                            "rate": None,
                            "amount": "45.00",
                            "cost": None,
                            "taxable": True,
                            "warranty_months": 0,
                        },
                    ],
                }
            ],
            "fees": [],
            "discounts": [],
            "totals": totals,
            "shown_to_customer": totals,
            "authorised": None,
            "ceiling": None,
            "estimates": [
                estimate_body(estimate, order.estimates.latest("revision"), timezone.now())
                for estimate in order.estimates.with_mail().order_by("revision")
            ],
            "changed_since_sent": False,
        }

    def in_state(self, status):
        frozen = {"total_cost": Decimal("69.26")} if status == "completed" else {}
        order = self.make(status=status, **frozen)
        if status == "pending":
            factories.EstimateFactory(repair_order=order)
        return order

    @pytest.mark.parametrize("verb", TARGETS)
    @pytest.mark.parametrize("status", RepairOrderStatus.values)
    def test_action_in_every_state(self, as_ada, ada, status, verb):
        order, to = self.in_state(status), TARGETS[verb]
        before = [stored(order)]
        response = as_ada.post(self.item(order, verb), {}, format="json")
        if (status, verb) in LEGAL:
            stamp = {TIMESTAMPS[verb]: response.json().get(TIMESTAMPS[verb])}
            order.refresh_from_db()
            assert (response.status_code, order.status) == (200, to)
            assert {**response.json(), "authorised": None, "ceiling": None} == {**self.detail(order), **stamp}
            assert stamp[TIMESTAMPS[verb]] is not None
            assert order.history.count() == before[0][1] + 1
            assert order.history.latest().history_user_id == ada.pk
        elif (status, verb) in NOTHING_TO_SEND:
            text = "An estimate needs a proposed job with at least one line."
            body = {
                "error": "Nothing to send",
                "detail": text,
                "fields": {"jobs": [text]},
                "code": "nothing_to_send",
            }
            refused(response, 400, body, order, before=before)
        else:
            state, word = status.replace("_", " "), to.replace("_", " ")
            detail = f"This repair order is {state} and cannot become {word}."
            refused(response, 409, {**ILLEGAL, "detail": detail}, order, before=before)

    def test_estimate_takes_notes_and_denial_takes_reason(self, as_ada):
        order = self.make()
        estimated = as_ada.post(self.item(order, "estimate"), {"notes": "New pads"}, format="json").json()
        denied = as_ada.post(self.item(order, "deny"), {"reason": "Too dear"}, format="json").json()
        assert (estimated["notes"], denied["notes"], denied["denial_reason"]) == (
            "New pads",
            "New pads",
            "Too dear",
        )

    @pytest.mark.parametrize("total", ["69.25", "0.00"])
    def test_stale_total_is_refused_with_current_total(self, as_ada, total):
        order = self.in_state("pending")
        response = as_ada.post(self.item(order, "approve"), {"total": total}, format="json")
        refused(response, 409, {**STALE, "total": "69.26"}, order, before=[stored(order)])
        assert stored(order)[0]["status"] == "pending"
        assert as_ada.post(self.item(order, "approve"), {"total": 69.26}, format="json").status_code == 200

    @pytest.mark.parametrize("total", [-1, HUGE, "1.005", "much", True])
    def test_error_names_wrong_total(self, as_ada, total):
        order = self.in_state("pending")
        before = stored(order)
        response = as_ada.post(self.item(order, "approve"), {"total": total}, format="json")
        assert (response.status_code, list(response.json()["fields"])) == (400, ["total"])
        assert stored(order) == before

    @pytest.mark.parametrize("status", RepairOrderStatus.values)
    def test_lines_without_a_job_change_only_before_decision(self, as_ada, status):
        order = self.in_state(status)
        line, labour = order.part_lines.get(), order.service_lines.get()
        calls = [
            lambda: as_ada.post(self.item(order, "parts"), {"part_id": line.part_id}, format="json"),
            lambda: as_ada.post(
                self.item(order, "services"), {"service_id": labour.service_id}, format="json"
            ),
            lambda: as_ada.delete(f"{self.item(order, 'parts')}{line.pk}/"),
            lambda: as_ada.delete(f"{self.item(order, 'services')}{labour.pk}/"),
        ]
        for call in calls:
            before = [stored(order), stored(line), stored(labour)] if status not in EDITABLE_STATUSES else []
            if status in EDITABLE_STATUSES:
                assert call().status_code == 200
            else:
                refused(call(), 409, FIXED, order, line, labour, before=before)
        assert order.part_lines.count() == order.service_lines.count() == 1
        assert as_ada.patch(self.item(order), {"notes": "Later"}, format="json").json()["notes"] == "Later"

    @pytest.mark.parametrize("status", RepairOrderStatus.values)
    def test_discounts_and_tax_change_while_the_order_is_open(self, as_ada, status):
        order = self.in_state(status)
        response = as_ada.patch(self.item(order), {"tax_percent": "1.00"}, format="json")
        if status in ("denied", "completed"):
            assert (response.status_code, response.json()) == (409, FIXED)
        else:
            assert (response.status_code, response.json()["tax_percent"]) == (200, "1.00")

    def test_tax_of_an_exempt_order_ends_its_exemption(self, as_ada):
        order = self.make(tax_percent=0, tax_exemption="NY-1")
        body = as_ada.get(self.item(order)).json()
        taxed = as_ada.patch(self.item(order), {"tax_percent": "8.25"}, format="json").json()
        assert {name: taxed[name] for name in taxed if taxed[name] != body[name]} == {
            "tax_percent": "8.25",
            "tax_exemption": "",
            "total_cost": "69.26",
            "calculated_total_cost": "69.26",
            "version": body["version"] + 1,
            "totals": body["totals"] | {"tax": "5.28", "total": "69.26"},
            "shown_to_customer": body["totals"] | {"tax": "5.28", "total": "69.26"},
        }

    def test_tax_and_certificate_together_are_refused(self, as_ada):
        order = self.make()
        before = stored(order)
        response = as_ada.patch(
            self.item(order), {"tax_percent": "8.25", "tax_exemption": "NY-1"}, format="json"
        )
        text = (
            "An order with a certificate of exemption has no tax. "
            "Give a percentage of 0, or an empty certificate."
        )
        assert (response.status_code, response.json()) == (
            400,
            {
                "error": "Taxed and exempt",
                "detail": text,
                "fields": {"tax_percent": [text]},
                "code": "taxed_and_exempt",
            },
        )
        assert stored(order) == before

    def test_added_part_takes_catalogue_price(self, as_ada):
        order, part = self.make(), factories.PartFactory(unit_price=Decimal("3.00"), taxable=False)
        body = {"part_id": part.pk, "quantity": 3}
        answer = as_ada.post(self.item(order, "parts"), body, format="json").json()
        sold = answer["repair_order_parts"][1]
        assert (sold["part"]["id"], sold["quantity"], sold["total_price"]) == (part.pk, 3, "9.00")
        assert answer["calculated_total_cost"] == "78.26"

    def test_line_of_other_order_is_404(self, as_ada):
        order, other = self.make(), self.make()
        line, labour = other.part_lines.get(), other.service_lines.get()
        before = [stored(line), stored(labour)]
        for path, name in (
            (f"parts/{line.pk}", "Part line"),
            ("parts/999999", "Part line"),
            (f"services/{labour.pk}", "Service line"),
            ("services/999999", "Service line"),
        ):
            response = as_ada.delete(f"{self.item(order)}{path}/")
            refused(response, 404, missing(name), line, labour, before=before)
        response = as_ada.delete(f"{self.url}999999/parts/{line.pk}/")
        refused(response, 404, missing("Repair order"), line, labour, before=before)

    @pytest.mark.parametrize(
        ("body", "status", "answer"),
        [
            ({"part_id": 999_999}, 404, missing("Part")),
            ({}, 400, invalid("part_id", "This field is required.")),
            ({"part_id": 1, "quantity": 0}, 400, invalid("quantity", TOO_FEW)),
            ({"part_id": 1, "quantity": 10_001}, 400, invalid("quantity", TOO_MANY)),
            ({"part_id": 1, "quantity": HUGE}, 400, invalid("quantity", TOO_MANY_DIGITS)),
            ({"part_id": 1, "quantity": str(HUGE)}, 400, invalid("quantity", TOO_MANY_DIGITS)),
            ({"part_id": 1, "quantity": 1.555}, 400, invalid("quantity", TOO_MANY_PLACES)),
            ({"part_id": 1, "quantity": "1,5"}, 400, invalid("quantity", "Write 1.5 with a point.")),
        ],
    )
    def test_error_names_wrong_field_of_part_line(self, as_ada, body, status, answer):
        order = self.make()
        response = as_ada.post(self.item(order, "parts"), body, format="json")
        refused(response, status, answer, order, before=[stored(order)])
        assert order.part_lines.count() == 1

    def test_total_has_maximum(self, as_ada):
        order, part = self.make(), factories.PartFactory(unit_price=Decimal("99999999.99"))
        before = [stored(order)]
        response = as_ada.post(self.item(order, "parts"), {"part_id": part.pk}, format="json")
        refused(
            response,
            400,
            {
                "error": "Invalid input",
                "detail": "The total of a repair order can be at most 99999999.99.",
                "fields": {"quantity": ["The total of a repair order can be at most 99999999.99."]},
                "code": "total_too_large",
            },
            order,
            before=before,
        )
        assert order.part_lines.count() == 1

    def test_archived_vehicle_gets_no_order(self, as_ada):
        archived = factories.VehicleFactory(archived_at=timezone.now())
        response = as_ada.post(self.url, {"vehicle_id": archived.pk}, format="json")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Vehicle not found", "detail": "Vehicle not found.", "code": "vehicle_not_found"},
        )
        response = as_ada.post(self.url, {"vehicle_id": 999_999}, format="json")
        assert (response.status_code, response.json()) == (404, missing("Vehicle"))
        assert RepairOrder.objects.count() == 0

    def test_filters(self, as_ada):
        order = self.make(status="approved")
        later = self.make(created_at=NOON + timedelta(days=2), description="Clonk")
        assert self.found(as_ada) == [later.pk, order.pk]
        assert self.found(as_ada, status="APPROVED,in-progress") == [order.pk]
        assert self.found(as_ada, customer_id=later.customer_id) == [later.pk]
        assert self.found(as_ada, vehicle_id=later.vehicle_id) == [later.pk]
        assert self.found(as_ada, created_from="2026-01-16") == [later.pk]
        assert self.found(as_ada, created_to="2026-01-15") == [order.pk]
        assert self.found(as_ada, search="PAT C", ordering="created") == [order.pk, later.pk]
        assert self.found(as_ada, search="clonk", status="requested") == [later.pk]

    @pytest.mark.parametrize("name", ["customer", "vehicle"])
    def test_filter_by_unknown_id_is_404(self, as_ada, name):
        response = as_ada.get(self.url, {f"{name}_id": "999999"})
        assert (response.status_code, response.json()) == (404, missing(name.capitalize()))

    def test_reversed_range_of_days_is_400(self, as_ada):
        response = as_ada.get(self.url, {"created_from": "2026-01-02", "created_to": "2026-01-01"})
        assert (response.status_code, response.json()) == (
            400,
            invalid("created_from", "Must not be after created_to."),
        )

    def test_idempotency_key_sends_one_estimate(self, as_ada):
        order = self.make()
        count, headers = order.history.count(), {"Idempotency-Key": "k"}
        first, again = (as_ada.post(self.item(order, "estimate"), headers=headers) for _ in range(2))
        assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
        assert (order.history.count(), order.customer.notifications.count()) == (count + 1, 1)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("verb", "status", "role"),
    [
        ("approve", "pending", "advisor"),
        ("deny", "pending", "advisor"),
        ("start", "approved", "technician"),
        ("complete", "in_progress", "technician"),
    ],
)
def test_one_of_fifty_parallel_actions_succeeds(sign_in, verb, status, role):
    person, order = factories.UserFactory(role=role), in_state(status, price="12.00")
    client, count = sign_in(person), order.history.count()
    answers = parallel(50, lambda _: client.post(f"/api/shop/repair-orders/{order.pk}/{verb}/"))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 49
    word = TARGETS[verb].replace("_", " ")
    detail = f"This repair order is {word} and cannot become {word}."
    assert [a.json() for a in answers if a.status_code == 409] == [{**ILLEGAL, "detail": detail}] * 49
    assert order.history.count() == count + 1
    assert order.history.latest().history_user_id == person.pk


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_one_of_parallel_removals_succeeds(sign_in):
    line = factories.PartLineFactory()
    client = sign_in(factories.UserFactory(role="advisor"))
    url = f"/api/shop/repair-orders/{line.repair_order_id}/parts/{line.pk}/"
    answers = parallel(20, lambda _: client.delete(url))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 19
    assert line.history.model.objects.filter(history_type="-").count() == 1
