"""The schema's examples are recorded from the demo data, and stay true: each call is made again and compared.

`make examples` records them anew. A list is cut to its first row, as the contracts print it.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings

from accounts.models import User
from common.schema import CachedGenerator
from portal import demo

ALICE = ("alice.cooper@customer.com", "password123")
TECHNICIAN = ("tech@test.com", "technician123")
NEWCOMER = ("newcomer@example.com", "newcomer12345")
JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Call:
    """One recorded call; `{access}` and `{refresh}` in its body stand for the login's tokens."""

    status: int
    login: tuple[str, str] | None = None
    params: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None


def refusals(wrong: dict[str, str]) -> list[Call]:
    """What every customers' list answers besides its rows."""
    return [Call(400, ALICE, params=wrong), Call(401), Call(403, TECHNICIAN), Call(404, NEWCOMER)]


ALICES_WORDS = dict(zip(("email", "password"), ALICE, strict=True))
LIST = "/api/shop/{0}/customers/me/{0}/"
CALLS: dict[str, tuple[str, str, list[Call]]] = {
    "shop_login_post": (
        "post",
        "/api/token/",
        [
            Call(200, body=ALICES_WORDS),
            Call(400, body={"email": ALICE[0]}),
            Call(401, body={**ALICES_WORDS, "password": "wrong"}),
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


ADMIN = ("admin@example.com", "admin12345")
STAFF = "/api/shop/"
# noun: (an id, a list's parameter that finds it, a wrong one)
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
# operation: (method, address, body, the status of the same call again - None where it may be repeated)
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
    "parts_destroy": ("delete", "parts/148/", {}, 404),
    "services_create": ("post", "services/", {"name": "Wheel Repair", "labor_cost": "80.00"}, None),
    "services_partial_update": ("patch", "services/134/", {"labor_cost": "55.00"}, None),
    "services_destroy": ("delete", "services/142/", {}, 404),
    "technicians_create": ("post", "technicians/", {"name": "Tina Torque", "location_id": 1}, None),
    "technicians_partial_update": ("patch", "technicians/27/", {"role": "master technician"}, None),
}


def staff_calls() -> dict[str, tuple[str, str, list[Call]]]:
    """The staff's operations in an order in which each finds what it needs."""
    calls: dict[str, tuple[str, str, list[Call]]] = {}
    for noun, (number, params, wrong) in NOUNS.items():
        name = f"shop_{noun.replace('-', '_')}"
        calls[f"{name}_list"] = (
            "get",
            f"{STAFF}{noun}/",
            [Call(200, ADMIN, params), Call(400, ADMIN, wrong)],
        )
        calls[f"{name}_retrieve"] = ("get", f"{STAFF}{noun}/{number}/", [Call(200, ADMIN), Call(403, ALICE)])
    for operation, (method, address, body, again) in WRITES.items():
        status = 201 if operation.endswith("_create") else 204 if operation.endswith("_destroy") else 200
        made = [Call(status, ADMIN, body=body)] + ([Call(again, ADMIN, body=body)] if again else [])
        calls[f"shop_{operation}"] = (method, f"{STAFF}{address}", made)
    return calls


def tokens_of(api, login: tuple[str, str]) -> dict[str, str]:
    email, password = login
    return api.post("/api/token/", {"email": email, "password": password}, format="json").json()


def shorten(body: Any) -> Any:
    """Tokens as the contract prints them; of a list its first row."""
    if isinstance(body, dict) and isinstance(body.get("results"), list):
        body = {**body, "results": body["results"][:1]}
    return json.loads(JWT.sub("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...", json.dumps(body)))


def make(api, method: str, path: str, call: Call) -> tuple[Any, Any]:
    """Request body (None without one) and response body, both shortened."""
    headers, body = {}, call.body
    if call.login:
        tokens = tokens_of(api, call.login)
        headers = {"Authorization": f"Bearer {tokens['access']}"}
        body = body and {
            name: value.format(**tokens) if isinstance(value, str) else value for name, value in body.items()
        }
    data = call.params if method == "get" else body
    response = getattr(api, method)(path, data, headers=headers, format=None if method == "get" else "json")
    assert response.status_code == call.status, (path, call, response.content)
    return shorten(body), shorten(response.json()) if response.content else None


ALL = {**CALLS, **staff_calls()}


def record(api) -> dict[str, Any]:
    examples: dict[str, Any] = {}
    for operation, (method, path, calls) in ALL.items():
        example: dict[str, Any] = {"responses": {}}
        for call in calls:
            body, example["responses"][str(call.status)] = make(api, method, path, call)
            if call.status < 300 and body is not None and method != "delete":
                example["request"] = body
        examples[operation] = example
    return examples


@pytest.mark.django_db(transaction=True, reset_sequences=True)
def test_examples_are_what_the_api_answers(api, monkeypatch):
    # The same clock and the same uuids every time; tokens keep their own clock.
    numbers = count(1)
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOON)
    monkeypatch.setattr(
        "common.ids.uuid7", lambda: UUID(int=0x0193_0000_0000_7000_8000_0000_0000_0000 + next(numbers))
    )
    demo.load(now=NOON)
    User.objects.create_user(*NEWCOMER)
    file = settings.EXAMPLES_DIR / "shop.json"
    examples = record(api)
    if os.environ.get("RECORD_EXAMPLES"):
        file.write_text(json.dumps(examples, indent=2, ensure_ascii=False) + "\n")
    assert json.loads(file.read_text()) == examples


def operations() -> dict[str, dict[str, Any]]:
    schema = CachedGenerator().get_schema(request=None, public=True)
    return {
        operation["operationId"]: operation
        for path in schema["paths"].values()
        for operation in path.values()
    }


def test_every_operation_says_what_it_is():
    found = operations()
    assert set(found) == set(ALL)
    for name, operation in found.items():
        assert operation["summary"], name
        assert operation["tags"] == [name.partition("_")[0].title()]
        for status, response in operation["responses"].items():
            # A 400 is too particular to be made up; every other refusal is shown at least as it would be spelled.
            media = response.get("content", {}).get("application/json", {})
            assert status in ("204", "400") or "example" in media, (name, status)
        success = next(body for status, body in operation["responses"].items() if status < "300")
        assert "content" not in success or "example" in success["content"]["application/json"], name
        if "requestBody" in operation:
            for media in operation["requestBody"]["content"].values():
                assert "example" in media, name
        assert {"429", "503"} <= set(operation["responses"]), name


def test_examples_have_the_schemas_keys():
    """A response's example carries the keys its component requires, no more and no less where all are required."""
    schema = CachedGenerator().get_schema(request=None, public=True)
    components = schema["components"]["schemas"]
    for name, operation in operations().items():
        for status, response in operation["responses"].items():
            content = response.get("content", {}).get("application/json", {})
            if "example" in content:
                component = components.get(content["schema"].get("$ref", "").rsplit("/", 1)[-1], {})
                required, known = set(component.get("required", [])), set(component.get("properties", {}))
                assert required <= set(content["example"]) <= known, (name, status)
