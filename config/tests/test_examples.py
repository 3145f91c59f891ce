"""The schema's examples are recorded from the demo data, and stay true: each call is made again and compared.

`make examples` records them anew. A list is cut to its first row, as the contracts print it.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

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
        body = body and {name: value.format(**tokens) for name, value in body.items()}
    data = call.params if method == "get" else body
    response = getattr(api, method)(path, data, headers=headers, format=None if method == "get" else "json")
    assert response.status_code == call.status, (path, call, response.content)
    return shorten(body), shorten(response.json())


def record(api) -> dict[str, Any]:
    examples: dict[str, Any] = {}
    for operation, (method, path, calls) in CALLS.items():
        example: dict[str, Any] = {"responses": {}}
        for call in calls:
            body, example["responses"][str(call.status)] = make(api, method, path, call)
            if call.status < 300 and body is not None:
                example["request"] = body
        examples[operation] = example
    return examples


@pytest.mark.django_db(transaction=True, reset_sequences=True)
def test_examples_are_what_the_api_answers(api):
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
    assert set(found) == set(CALLS)
    for name, operation in found.items():
        assert operation["summary"], name
        assert operation["tags"] == [name.partition("_")[0].title()]
        success = next(body for status, body in operation["responses"].items() if status < "300")
        assert "example" in success["content"]["application/json"], name
        if "requestBody" in operation:
            for media in operation["requestBody"]["content"].values():
                assert "example" in media, name
        assert {"429", "503"} <= set(operation["responses"]), name


def test_examples_have_the_schemas_keys():
    """A response's example carries the keys its component requires, no more and no less where all are required."""
    schema = CachedGenerator().get_schema(request=None, public=True)
    components = schema["components"]["schemas"]
    checked = 0
    for name, operation in operations().items():
        for status, response in operation["responses"].items():
            content = response["content"]["application/json"]
            if "example" in content:
                component = components.get(content["schema"].get("$ref", "").rsplit("/", 1)[-1], {})
                required, known = set(component.get("required", [])), set(component.get("properties", {}))
                assert required <= set(content["example"]) <= known, (name, status)
                checked += 1
    assert checked == sum(len(calls) for _, _, calls in CALLS.values())
