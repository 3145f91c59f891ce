"""Contract 001: the repairs of a fleet, requested by its pages with a Django session."""

from __future__ import annotations

from repair_orders.models import RepairOrder
from testing.examples.calls import NEWCOMER, TECHNICIAN, Call, Calls

MANAGER = ("fleet@rswind.example", "fleet12345")
API = "/customer/api/"
STRANGERS = [Call(404, TECHNICIAN), Call(404, NEWCOMER)]


def names() -> dict[str, str]:
    """Return the values of the names in braces: the first two pending estimates."""
    waiting = RepairOrder.objects.filter(customer__contact__email=MANAGER[0], status="pending").order_by("id")
    return {name: str(order.pk) for name, order in zip(("first", "second"), waiting, strict=False)}


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
}
