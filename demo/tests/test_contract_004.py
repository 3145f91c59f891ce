"""Contract 004: its printed data model, endpoints, and requests from registration to profile."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

import pytest
from django.conf import settings

from customers.models import Customer
from demo import loader
from testing import factories

TEXT = (settings.BASE_DIR / "docs/contracts/004-crm.md").read_text()
PERSON = ["email", "first_name", "last_name", "phone_number"]
# Keys that come on top of the printed ones (docs/design/open-points.md).
ADDED = ("full_name", "full_address", "is_business_customer", "created_at", "updated_at")
# The types of fields that are not text.
TYPES = {
    "id": UUID,
    "user_id": UUID,
    "is_verified": bool,
    "customer_since": datetime,
    "last_service_date": datetime,
    "total_services": int,
    "notification_preferences": dict,
}


def block(title: str) -> str:
    """Return the first fenced block under a heading."""
    return re.split(r"```\w*\n", TEXT.split(f"# {title}\n", 1)[1], maxsplit=1)[1].split("```", 1)[0]


def data_model() -> list[str]:
    """Return the fields of the printed tree, without the names of groups."""
    fields = []
    for line in block("Data Model").splitlines()[1:]:
        name = re.sub("[├└│─ ]", "", line.split("(")[0])
        if name.islower():
            fields.append(name)
    return fields


def endpoints() -> list[tuple[str, str]]:
    listed = TEXT.split("## Endpoints\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"- `(\w+) (/[^`]+)`", listed)


def printed_values(name: str) -> dict[str, str]:
    """Return the body that the printed PowerShell sends with `$name = Invoke-RestMethod …`."""
    sent = re.search(rf"\${name} = .*?-Body \(@{{(.*?)}}", block("PowerShell Quick Test"), re.DOTALL)
    assert sent
    return dict(re.findall(r'(\w+)="([^"]*)"', sent[1]))


def test_contract_prints_compared_text():
    assert len(data_model()) == 19
    assert len(endpoints()) == 12
    assert set(printed_values("auth")) == {*PERSON, "password1", "password2"}


@pytest.mark.parametrize("login", ["business@example.com", "new@example.com"])
def test_profile_has_printed_data_model(api, db, now, login):
    loader.load(now=now)
    if login != "business@example.com":
        user = factories.UserFactory(email=login, password="business12345")
        factories.CustomerFactory(contact=user, last_service_date=now)
    tokens = api.post("/api/token/", {"email": login, "password": "business12345"}, format="json").json()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    body = api.get("/api/v1/customers/profile/").json()
    first, second, *rest = data_model()
    printed = [first, second, *PERSON, *rest]
    assert [name for name in body if name not in ADDED] == printed
    assert body.keys() == {*printed, *ADDED}
    for name, value in ((name, body[name]) for name in printed):
        kind = TYPES.get(name, str)
        if kind in (UUID, datetime):
            assert value.endswith("Z") is (kind is datetime)
            value = kind(value) if kind is UUID else datetime.fromisoformat(value)
        assert type(value) is kind, name
    assert {type(choice) for choice in body["notification_preferences"].values()} == {bool}


def test_demo_business_fills_every_field(api, db, now):
    loader.load(now=now)
    credentials = {"email": "business@example.com", "password": "business12345"}
    tokens = api.post("/api/token/", credentials, format="json").json()
    body = api.get(
        "/api/v1/customers/profile/", headers={"Authorization": f"Bearer {tokens['access']}"}
    ).json()
    assert [name for name, value in body.items() if value in ("", None, False, 0)] == []


def test_printed_quick_test(api, db):
    """Register a user and create the profile, as the two printed PowerShell calls do."""
    person, address = printed_values("auth"), printed_values("profile")
    registered = api.post("/api/auth/register/", person, format="json")
    assert registered.status_code == 201, registered.json()
    assert list(registered.json())[:2] == ["tokens", "user"]
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {registered.json()['tokens']['access']}")
    assert api.get("/api/v1/customers/profile/").status_code == 404
    created = api.post("/api/v1/customers/profile/create/", address, format="json")
    assert created.status_code == 201
    body = created.json()
    assert {name: body[name] for name in address} == address
    assert {name: body[name] for name in PERSON} == {name: person[name] for name in PERSON}
    assert body["user_id"] == registered.json()["user"]["id"]
    assert api.get("/api/v1/customers/profile/").json() == body


# The bodies of the printed calls. Other calls have no body.
BODIES = {
    "/api/v1/customers/profile/create/": {
        "street_address": "1 Elm St", "city": "Salem", "state": "OR", "postal_code": "97301",
    },
    "/api/v1/customers/profile/update/": {"company_name": "Taxi Ltd"},
}  # fmt: skip
STATUSES = {"/api/v1/customers/profile/create/": 201, "/api/v1/customers/profile/delete/": 204}


@pytest.mark.parametrize("slash", ["/", ""])
@pytest.mark.parametrize(("method", "address"), endpoints())
def test_printed_call_succeeds(sign_in, alice, carol, ada, method, address, slash):
    is_own = "/profile/" in address
    caller = carol if address.endswith("create/") else alice.contact if is_own else ada
    body = BODIES.get(address, {})
    if "check_profile_exists" in address:
        body = {"user_id": str(alice.contact.uuid)}
    path, _, query = address.partition("?")
    path = path.replace("{id}", str(alice.uuid)).rstrip("/") + slash
    query = query.replace("<uuid>", str(alice.contact.uuid))
    client = sign_in(caller)
    response = client.generic(
        method, f"{path}?{query}" if query else path, client._encode_data(body, "json")[0], "application/json"
    )
    assert response.status_code == STATUSES.get(address, 200), response.content
    if address in BODIES:
        assert {name: response.json()[name] for name in body} == body


@pytest.mark.django_db
def test_troubleshooting_matches_responses(sign_in, carol, as_tim):
    headings = re.findall(r'### "([^"]+)"', TEXT)
    missing = sign_in(carol).get("/api/v1/customers/profile/")
    assert (missing.status_code, missing.json()["error"]) == (404, headings[0])
    assert "POST profile/create/" in missing.json()["detail"]
    staff = as_tim.get("/api/v1/customers/profile/")
    assert staff.status_code == 403
    assert staff.json()["detail"].startswith(headings[1])
    assert not Customer.objects.exists()
