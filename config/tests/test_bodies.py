"""Every body of the staff's API is strict, and every contract judges bodies and states alike."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import OperationalError
from django.urls import resolve

from catalogue.models import Part
from common.http.idempotency import KeyReused
from common.http.problems import UNAVAILABLE
from common.http.schema import CachedGenerator
from testing import factories
from testing.resources import STAFF, Rows
from testing.roles import OPERATIONS, is_staffs
from testing.suites import NOTHING_HERE, stored

MISSING = 999_999
MONTH = "2026-01"


def paths() -> dict[str, Any]:
    declared: dict[str, Any] = CachedGenerator().get_schema(request=None, public=True)["paths"]
    return declared


def staff_writes() -> list[Any]:
    """Return method and path of every operation of the staff's API that may have a body."""
    calls = [(name, *call.split(" ")) for name, call, *_ in OPERATIONS]
    return [
        pytest.param(method, path, id=name)
        for name, method, path in calls
        if path.startswith(STAFF) and method in ("POST", "PATCH")
    ]


def view_of(method: str, path: str) -> Any:
    """Return the viewset and the action of an operation."""
    callback: Any = resolve(re.sub(r"\{\w+\}", "1", path.replace("{month}", MONTH))).func
    return callback.cls, callback.actions[method.lower()]


@pytest.fixture
def rows(db) -> Rows:
    return Rows()


@pytest.fixture
def ask(as_ada, rows):
    """Return a function that sends a body to an operation, for an existing or for a missing row."""

    def send(method: str, path: str, body: Any, *, missing: bool = False) -> Any:
        row = rows.of(path) if "{id}" in path else rows["customers"]
        url = rows.address(path, pk=MISSING if missing else None)
        before = stored(row)
        response = as_ada.generic(method, url, body, content_type="application/json")
        assert stored(row) == before
        return response

    return send


@pytest.mark.parametrize(("method", "path"), staff_writes())
def test_unknown_and_read_only_fields_are_refused_and_named(ask, method, path):
    view, action = view_of(method, path)
    accepted = sorted(view.inputs[action]().get_fields() if action in view.inputs else ())
    accepted = [name for name in accepted if not view.inputs[action]().fields[name].read_only]
    read_only = next(name for name in view.serializer_class().fields if name not in accepted)
    listed = f"Accepted fields: {', '.join(accepted)}." if accepted else "This request takes no fields."
    response = ask(method, path, f'{{"colour_of_sky": 1, "{read_only}": 2}}')
    assert response.status_code == 400
    body = response.json()
    unknown = [f"Unknown field. {listed}"]
    assert list(body) == ["error", "detail", "fields", "code"]
    assert body | {"fields": None} == {
        "error": "Invalid input",
        "detail": f"colour_of_sky: {unknown[0]}",
        "code": "unknown_field",
        "fields": None,
    }
    assert body["fields"]["colour_of_sky"] == unknown
    assert body["fields"][read_only] == [f"This field is read-only. {listed}"]


@pytest.mark.parametrize(("method", "path"), [p for p in staff_writes() if "{id}" in p.values[1]])
def test_missing_row_is_404_before_its_body_is_judged(ask, rows, method, path):
    detail = f"{rows.of(path)._meta.verbose_name} not found.".capitalize()
    for body in ("", "{}", '{"colour_of_sky": 1}', "{"):
        response = ask(method, path, body, missing=True)
        expected = {"error": "Not found", "detail": detail, "code": "not_found"}
        assert (body, response.status_code, response.json()) == (body, 404, expected)


def told(error: str, detail: str, code: str, **more: Any) -> dict[str, Any]:
    return {"error": error, "detail": detail, "code": code, **more}


PART = b'{"name": "Wiper", "part_number": "W", "unit_price": "1.00"}'
BROKEN_KEY = "Must be 1 to 255 printable ASCII characters."


@pytest.mark.parametrize(
    ("body", "headers", "status", "answer"),
    [
        (b"[1]", {}, 400, told("Malformed JSON", "The body must be a JSON object.", "malformed", fields={})),
        (
            PART,
            {"Content-Type": "application/xml"},
            415,
            told(
                "Unsupported media type",
                'Unsupported media type "application/xml" in request.',
                "unsupported_media_type",
            ),
        ),
        (
            PART,
            {"Idempotency-Key": "\x7f"},
            400,
            told("Invalid input", BROKEN_KEY, "invalid", fields={"Idempotency-Key": [BROKEN_KEY]}),
        ),
        (
            PART,
            {"Idempotency-Key": "used"},
            422,
            told("Idempotency key reused", KeyReused.message, "idempotency_key_reused"),
        ),
    ],
)
def test_refusals_before_the_action_have_codes(as_ada, body, headers, status, answer):
    used = {"HTTP_IDEMPOTENCY_KEY": "used"}
    assert (
        as_ada.post(f"{STAFF}customers/", {"first_name": "Walter"}, format="json", **used).status_code == 201
    )
    given = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    kind = headers.get("Content-Type", "application/json")
    response = as_ada.generic("POST", f"{STAFF}parts/", body, content_type=kind, **given)
    assert (response.status_code, response.json()) == (status, answer)
    assert not Part.objects.exists()


def test_429_and_503_have_codes(as_ada, settings, monkeypatch):
    settings.RATE_USER = 1
    url = f"{STAFF}parts/"
    assert as_ada.get(url).status_code == 200
    response = as_ada.get(url)
    assert (response.status_code, response.json()) == (
        429, told("Too many requests", "Too many requests. Try again later.", "too_many_requests")
    )  # fmt: skip

    def away(session: Any) -> Any:
        raise OperationalError("connection refused")

    monkeypatch.setattr("common.http.authentication.caller_loader", lambda: away)
    response = as_ada.get(url)
    assert (response.status_code, response.json()) == (
        503, told(UNAVAILABLE.title, UNAVAILABLE.detail, "unavailable")
    )  # fmt: skip


@pytest.mark.parametrize("path", ["nothing/", "parts/0/", "parts/1/nothing/"])
def test_address_without_a_route_is_the_shops_404(as_ada, path):
    response = as_ada.get(f"{STAFF}{path}")
    assert (response.status_code, response.json()) == (404, NOTHING_HERE)


# --- every contract -----------------------------------------------------------------------------------------


def lists_by_status() -> list[Any]:
    """Return path and words of every list with a `status`."""
    return [
        pytest.param(path, parameter["schema"]["items"]["enum"], id=path)
        for path, methods in paths().items()
        for parameter in methods.get("get", {}).get("parameters", ())
        if parameter["name"] == "status"
    ]


@pytest.fixture
def client_of(request):
    """Return a signed-in client that may read a path."""

    def client(path: str) -> Any:
        if path.startswith("/customer/"):
            browser, alice = request.getfixturevalue("client"), request.getfixturevalue("alice")
            browser.force_login(alice.contact)
            return browser
        return request.getfixturevalue("as_ada" if is_staffs(path) else "as_alice")

    return client


@pytest.mark.parametrize(("path", "words"), lists_by_status())
def test_status_is_taken_in_any_case_with_hyphen_or_underscore(client_of, path, words):
    client = client_of(path)
    for word in words:
        for spelling in (word, word.upper(), word.title(), word.title().replace("_", "-")):
            response = client.get(path, {"status": spelling})
            assert response.status_code == 200, (spelling, response.content)
    assert client.get(path, {"status": "purple"}).status_code in (400, 422)


@pytest.fixture
def own(alice):
    """The URLs that change something of Alice, by the path of the schema."""
    car = factories.VehicleFactory(customer=alice)
    visit = factories.AppointmentFactory(customer=alice, vehicle=car)
    thread = factories.ConversationFactory(customer=alice)
    spot = factories.ParkingSpotFactory(vehicle=car, user=alice.contact)
    fill = factories.FuelLogFactory(vehicle=car)
    return {
        "/api/vehicles/{id}/": f"/api/vehicles/{car.uuid}/",
        "/api/appointments/{id}/": f"/api/appointments/{visit.uuid}/",
        "/api/chat/threads/{thread}/": f"/api/chat/threads/{thread.uuid}/",
        "/api/v1/customers/profile/update/": "/api/v1/customers/profile/update/",
        "/api/auth/profile/update/": "/api/auth/profile/update/",
        "/api/auth/profile/": "/api/auth/profile/",
        "/api/users/profile/": "/api/users/profile/",
        "/api/parking/{id}/": f"/api/parking/{spot.uuid}/",
        "/api/vehicles/fuel-logs/{id}/": f"/api/vehicles/fuel-logs/{fill.uuid}/",
        "/api/v1/auth/profile/": "/api/v1/auth/profile/",
        "/api/v1/auth/profile/update/": "/api/v1/auth/profile/update/",
        "/api/v1/customers/logical/{user_id}/": f"/api/v1/customers/logical/{alice.contact.uuid}/",
    }


PATCHES = [
    path
    for path, methods in paths().items()
    if "requestBody" in methods.get("patch", {}) and not path.startswith(STAFF)
]


@pytest.mark.parametrize("path", PATCHES)
def test_patch_of_a_value_that_cannot_change_is_refused_in_every_contract(as_alice, own, path):
    url = own[path]
    whole = as_alice.patch(url, {}, format="json").json()
    view = resolve(url).func.cls
    fixed = [name for name in whole if name not in view.input_class().fields and name not in view.follows]
    assert fixed
    response = as_alice.patch(url, dict.fromkeys(fixed, "changed"), format="json")
    assert (response.status_code, response.json()) == (
        400,
        {name: ["This field cannot be changed."] for name in fixed},
    )
    response = as_alice.patch(
        url, {**{name: whole[name] for name in fixed}, "colour_of_sky": 1}, format="json"
    )
    assert (response.status_code, response.json()) == (200, whole)


@pytest.mark.parametrize(
    ("path", "name", "stored_as", "spellings"),
    [
        ("/api/chat/threads/{thread}/", "status", "closed", ["closed", "CLOSED", "Closed"]),
        ("/api/v1/customers/profile/update/", "preferred_contact_method", "sms", ["SMS", "Sms", "sms"]),
    ],
)
def test_words_of_bodies_are_taken_in_any_case(as_alice, own, path, name, stored_as, spellings):
    for word in spellings:
        response = as_alice.patch(own[path], {name: word}, format="json")
        assert (response.status_code, response.json()[name]) == (200, stored_as)


def detail_writes() -> list[Any]:
    """Return method and path of every operation of a contract that has a body and an id in its URL."""
    return [
        pytest.param(method, path, id=operation["operationId"])
        for path, methods in paths().items()
        for method, operation in methods.items()
        if "requestBody" in operation and "{" in path and not path.startswith(STAFF)
    ]


@pytest.mark.parametrize(("method", "path"), detail_writes())
def test_missing_row_of_a_contract_is_404_before_its_body_is_judged(client_of, method, path):
    number = "00000000-0000-7000-8000-000000000000" if path.startswith(("/api/", "/chat/")) else "999999"
    if path.startswith("/api/v1/customer/"):
        number = "TKT999999"
    url = re.sub(r"\{\w+\}", number, path)
    for body in (b"{}", b'{"status": 7, "description": 7, "startTime": 7, "body": 7}'):
        response = client_of(path).generic(method.upper(), url, body, content_type="application/json")
        assert response.status_code == 404, response.content
