"""Contract 001: the repairs of a fleet, requested by its pages with a Django session."""

from __future__ import annotations

from typing import Any

from repair_orders.estimates.models import Estimate
from repair_orders.models import RepairOrder
from testing.examples.billed import invoice_of
from testing.examples.calls import NEWCOMER, TECHNICIAN, Call, Calls

MANAGER = ("fleet@rswind.example", "fleet12345")
API = "/customer/api/"
STRANGERS = [Call(404, TECHNICIAN), Call(404, NEWCOMER)]


def names() -> dict[str, Any]:
    """Return the values of the names in braces: the first two pending orders, and the last one's estimate."""
    waiting = RepairOrder.objects.filter(customer__contact__email=MANAGER[0], status="pending").order_by("id")
    estimate = Estimate.objects.filter(repair_order__in=waiting).order_by("id").last()
    return {
        **{name: str(order.pk) for name, order in zip(("first", "second"), waiting, strict=False)},
        "estimate": estimate and estimate.pk,
        "job": estimate and estimate.snapshot["jobs"][0]["id"],
        "total": estimate and str(estimate.total),
        "invoice": invoice_of(MANAGER[0]).pk,
    }


ALL: Calls = {
    "fleet_unit_repair_data_get": ("get", f"{API}unit-repair-data/", [Call(200, MANAGER), *STRANGERS]),
    "fleet_repair_cost_data_get": ("get", f"{API}repair-cost-data/", [Call(200, MANAGER), *STRANGERS]),
    "fleet_repairs_get": (
        "get",
        f"{API}repairs/",
        [Call(200, MANAGER, {"unit_number": "A123"}), Call(400, MANAGER, {"status": "lost"}), *STRANGERS],
    ),
    "fleet_repairs_post": (
        "post",
        f"{API}repairs/",
        [
            Call(201, MANAGER, body={"unit_number": "A123", "description": "Grinding noise, front left"}),
            Call(400, MANAGER, body={"unit_number": "A123"}),
        ],
    ),
    "fleet_one_repair_get": ("get", f"{API}repairs/{{first}}/", [Call(200, MANAGER), *STRANGERS]),
    "fleet_approve_post": (
        "post",
        f"{API}repairs/{{first}}/approve/",
        [Call(409, MANAGER, body={"total": "1.00"}), Call(200, MANAGER, body={})],
    ),
    "fleet_deny_post": (
        "post",
        f"{API}repairs/{{first}}/deny/",
        [Call(200, MANAGER, body={"reason": "We sell the van"})],
    ),
    "fleet_estimates_get": (
        "get",
        f"{API}estimates/",
        [Call(200, MANAGER), Call(400, MANAGER, {"page": "0"}), *STRANGERS],
    ),
    "fleet_one_estimate_get": ("get", f"{API}estimates/{{estimate}}/", [Call(200, MANAGER), *STRANGERS]),
    # A paper is no JSON.
    "fleet_estimate_pdf_get": ("get", f"{API}estimates/9999/pdf/", STRANGERS),
    "fleet_inspections_get": (
        "get",
        f"{API}inspections/",
        [Call(200, MANAGER), Call(400, MANAGER, {"repair_order_id": "first"}), *STRANGERS],
    ),
    "fleet_one_inspection_get": ("get", f"{API}inspections/2/", [Call(200, MANAGER), *STRANGERS]),
    # A photo is no JSON either.
    "fleet_inspection_photo_get": (
        "get",
        f"{API}inspections/2/photos/01900000-0000-7000-8000-000000000000/",
        STRANGERS,
    ),
    "fleet_inspection_pdf_get": ("get", f"{API}inspections/9999/pdf/", STRANGERS),
    "fleet_invoices_get": (
        "get",
        f"{API}invoices/",
        [Call(200, MANAGER), Call(400, MANAGER, {"open": "perhaps"}), *STRANGERS],
    ),
    "fleet_one_invoice_get": ("get", f"{API}invoices/{{invoice}}/", [Call(200, MANAGER), *STRANGERS]),
    "fleet_statements_get": (
        "get",
        f"{API}statements/",
        [Call(200, MANAGER), Call(400, MANAGER, {"page": "0"}), *STRANGERS],
    ),
    "fleet_fleet_account_get": ("get", f"{API}account/", [Call(200, MANAGER), *STRANGERS]),
    "fleet_invoice_pdf_get": ("get", f"{API}invoices/9999/pdf/", STRANGERS),
    "fleet_credit_note_pdf_get": ("get", f"{API}credit-notes/9999/pdf/", STRANGERS),
    "fleet_receipt_pdf_get": ("get", f"{API}payments/9999/pdf/", STRANGERS),
    "fleet_statement_pdf_get": ("get", f"{API}statements/9999/pdf/", STRANGERS),
    "fleet_estimate_choice_get": (
        "get",
        f"{API}estimates/{{estimate}}/choice/",
        [Call(200, MANAGER, {"approve": "{job}"}), Call(400, MANAGER, {"approve": "first"}), *STRANGERS],
    ),
    "fleet_estimate_answer_post": (
        "post",
        f"{API}estimates/{{estimate}}/answer/",
        [
            Call(400, MANAGER, body={"total": "{total}"}),
            Call(409, MANAGER, body={"total": 0, "decisions": [{"job_id": "{job}", "decision": "approved"}]}),
            Call(
                200,
                MANAGER,
                body={"total": "{total}", "decisions": [{"job_id": "{job}", "decision": "approved"}]},
            ),
        ],
    ),
}
