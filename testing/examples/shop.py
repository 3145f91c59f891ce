"""Contract 000: the dashboard of Alice, and the staff's API on the same nouns."""

from __future__ import annotations

from typing import Any

from testing.examples.calls import ADMIN, NEWCOMER, TECHNICIAN, Call, Calls

ALICE = ("alice.cooper@customer.com", "password123")


def names() -> dict[str, str]:
    """Return no names: the contract prints its ids."""
    return {}


def refusals(wrong: dict[str, str]) -> list[Call]:
    """Return the calls that every customer's list refuses."""
    return [Call(400, ALICE, params=wrong), Call(401), Call(403, TECHNICIAN), Call(404, NEWCOMER)]


CREDENTIALS = dict(zip(("email", "password"), ALICE, strict=True))
LIST = "/api/shop/{0}/customers/me/{0}/"
CALLS: Calls = {
    "shop_login_post": (
        "post",
        "/api/token/",
        [
            Call(200, body=CREDENTIALS),
            Call(400, body={"email": ALICE[0]}),
            Call(401, body={**CREDENTIALS, "password": "wrong"}),
        ],
    ),
    "shop_refresh_post": (
        "post",
        "/api/token/refresh/",
        [Call(200, ALICE, body={"refresh": "{refresh}"}), Call(401, body={"refresh": "expired"})],
    ),
    "shop_verify_post": (
        "post",
        "/api/token/verify/",
        [Call(200, ALICE, body={"token": "{access}"}), Call(401, body={"token": "expired"})],
    ),
    "shop_logout_post": (
        "post",
        "/api/token/blacklist/",
        [Call(200, ALICE, body={"refresh": "{refresh}"}), Call(401, body={"refresh": "expired"})],
    ),
    "shop_customer_profile_get": (
        "get",
        "/api/auth/customer-profile/",
        [Call(200, ALICE), Call(401), Call(403, TECHNICIAN), Call(404, NEWCOMER)],
    ),
    "shop_customer_appointments_get": (
        "get",
        LIST.format("appointments"),
        [Call(200, ALICE, {"status": "pending"}), *refusals({"dateFrom": "tomorrow"})],
    ),
    "shop_customer_vehicles_get": (
        "get",
        LIST.format("vehicles"),
        [Call(200, ALICE), *refusals({"page": "0"})],
    ),
    "shop_customer_repair_orders_get": (
        "get",
        LIST.format("repair-orders"),
        [Call(200, ALICE, {"status": "in_progress"}), *refusals({"status": "denied"})],
    ),
}


STAFF = "/api/shop/"
# noun: (an id, parameters of a list that finds it, invalid parameters)
NOUNS = {
    "appointments": (53, {"search": "civic", "status": "pending"}, {"status": "done"}),
    "vehicles": (40, {"search": "ABC-123"}, {"archived": "perhaps"}),
    "repair-orders": (9, {"search": "camry", "status": "in_progress"}, {"created_from": "yesterday"}),
    "customers": (19, {"search": "alice cooper"}, {"ordering": "age"}),
    "parts": (136, {"search": "TRANS-FLUID"}, {"page_size": "1000"}),
    "services": (134, {"search": "rotate"}, {"colour": "red"}),
    "technicians": (27, {"search": "tech@"}, {"location_id": "here"}),
    "locations": (1, {"search": "springfield"}, {"page": "0"}),
}
BOOKING = {
    "customer_id": 19, "vehicle_id": 40, "location_id": 1, "start": "2026-01-26T15:00:00Z", "services": ["oil_change"],
}  # fmt: skip
# operation: (method, URL, body, status of the same call again, or None where it can be repeated)
WRITES: dict[str, tuple[str, str, dict[str, Any], int | None]] = {
    "appointments_assign": ("post", "appointments/54/assign/", {"technician_id": 27}, None),
    "appointments_start": ("post", "appointments/54/start/", {}, 409),
    "appointments_complete": ("post", "appointments/54/complete/", {}, 409),
    "appointments_cancel": ("post", "appointments/53/cancel/", {}, 409),
    "appointments_partial_update": ("patch", "appointments/53/", {"notes": "Key in the box"}, None),
    "vehicles_create": (
        "post",
        "vehicles/",
        {"customer_id": 19, "vin": "1HGBH41JXMN109187", "make": "Honda", "model": "Civic", "year": 2021},
        400,
    ),
    "vehicles_partial_update": ("patch", "vehicles/40/", {"odometer": "31900.00"}, None),
    "vehicles_archive": ("post", "vehicles/41/archive/", {}, 409),
    "repair_orders_create": (
        "post",
        "repair-orders/",
        {"vehicle_id": 40, "description": "Squeaks", "tax_percent": "8.25"},
        None,
    ),
    "repair_orders_partial_update": ("patch", "repair-orders/10/", {"discount_percent": "10.00"}, None),
    "repair_orders_add_part": ("post", "repair-orders/10/parts/", {"part_id": 136, "quantity": 2}, None),
    "repair_orders_add_service": ("post", "repair-orders/10/services/", {"service_id": 134}, None),
    "repair_orders_remove_part": ("delete", "repair-orders/11/parts/23/", {}, 404),
    "repair_orders_remove_service": ("delete", "repair-orders/11/services/22/", {}, 404),
    "repair_orders_estimate": ("post", "repair-orders/10/estimate/", {"notes": "Pads are worn"}, None),
    "repair_orders_approve": ("post", "repair-orders/10/approve/", {}, 409),
    "repair_orders_start": ("post", "repair-orders/10/start/", {}, 409),
    "repair_orders_complete": ("post", "repair-orders/10/complete/", {}, 409),
    "repair_orders_deny": ("post", "repair-orders/11/deny/", {"reason": "Not worth it"}, 409),
    "customers_create": (
        "post",
        "customers/",
        {
            "first_name": "Walter",
            "last_name": "Inn",
            "email": "walter@example.com",
            "phone": "(555) 010-7777",
        },
        400,
    ),
    "customers_partial_update": ("patch", "customers/19/", {"city": "Shelbyville"}, None),
    "parts_create": (
        "post",
        "parts/",
        {"name": "Cabin Filter", "part_number": "FILT-CAB-1", "unit_price": "21.50"},
        400,
    ),
    "parts_partial_update": ("patch", "parts/136/", {"unit_price": "19.49"}, None),
    "parts_destroy": ("delete", "parts/152/", {}, 404),
    "services_create": ("post", "services/", {"name": "Wheel Repair", "labor_cost": "80.00"}, None),
    "services_partial_update": ("patch", "services/134/", {"labor_cost": "55.00"}, None),
    "services_destroy": ("delete", "services/142/", {}, 404),
    "technicians_create": ("post", "technicians/", {"name": "Tina Torque", "location_id": 1}, None),
    "technicians_partial_update": ("patch", "technicians/27/", {"role": "master technician"}, None),
}


def staff_calls() -> Calls:
    """Return the calls of the staff's operations, in an order in which each finds the rows it needs."""
    calls: Calls = {}
    for noun, (number, params, wrong) in NOUNS.items():
        name = f"shop_{noun.replace('-', '_')}"
        calls[f"{name}_list"] = (
            "get",
            f"{STAFF}{noun}/",
            [Call(200, ADMIN, params), Call(400, ADMIN, wrong)],
        )
        calls[f"{name}_retrieve"] = ("get", f"{STAFF}{noun}/{number}/", [Call(200, ADMIN), Call(403, ALICE)])
    calls["shop_locations_availability"] = (
        "get",
        f"{STAFF}locations/1/availability/",
        [
            Call(200, ADMIN, {"date": "2026-01-26", "services": "brake_service"}),
            Call(400, ADMIN, {"date": "monday"}),
            Call(403, ALICE),
        ],
    )
    calls["shop_appointments_create"] = (
        "post",
        f"{STAFF}appointments/",
        [Call(status, ADMIN, body=BOOKING) for status in (201, 201, 409)],  # there are two bays
    )
    for operation, (method, address, body, again) in WRITES.items():
        status = 201 if operation.endswith("_create") else 204 if operation.endswith("_destroy") else 200
        made = [Call(status, ADMIN, body=body)] + ([Call(again, ADMIN, body=body)] if again else [])
        calls[f"shop_{operation}"] = (method, f"{STAFF}{address}", made)
    return calls


ALL = {**CALLS, **staff_calls()}
