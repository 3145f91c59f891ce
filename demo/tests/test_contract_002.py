"""Contract 002: each printed request, with and without the slash, gets a response with the printed keys."""

from __future__ import annotations

import json
import re

import pytest
from django.conf import settings

from catalogue.models import Part
from customers.models import Notification
from orders.models import Order, OrderItem

TEXT = (settings.BASE_DIR / "docs/contracts/002-portal.md").read_text()
MAY_BE_NULL = {"estimated_delivery", "tracking_number"}
# Keys that come on top of the printed ones (docs/design/open-points.md).
ADDED = {
    "charts", "itemCount", "date", "items", "total", "related_order_id", "message_count", "ticket_id", "sender_type",
    "attachments",
}  # fmt: skip
ROOT = "/api/v1/customer"
ENDPOINTS = re.findall(r"### `(GET|POST|PUT) (/[^`]+)`", TEXT)
slashes = pytest.mark.parametrize("slash", ["", "/"])


def section(method: str, path: str) -> str:
    return re.split(r"\n##+ ", TEXT.split(f"### `{method} {path}`", 1)[1], maxsplit=1)[0]


def printed(kind: str) -> dict[tuple[str, str], object]:
    """Return the valid printed JSON bodies (`Response` or `Request Body`) by method and path."""
    found = {}
    for method, path in ENDPOINTS:
        match = re.search(rf"\*\*{kind}:\*\*\n```json\n(.*?)```", section(method, path), re.DOTALL)
        if match:
            found[method, path] = json.loads(match[1])
    return found


REQUESTS, RESPONSES = printed("Request Body"), printed("Response")
# Endpoints without a printed body respond with a body printed for another endpoint.
LIKE = {
    ("GET", f"{ROOT}/orders/{{order_id}}"): ("GET", f"{ROOT}/orders", 0),
    ("POST", f"{ROOT}/tickets"): ("GET", f"{ROOT}/tickets/{{ticket_id}}", None),
    ("POST", f"{ROOT}/tickets/{{ticket_id}}/messages"): ("GET", f"{ROOT}/tickets/{{ticket_id}}", "messages"),
    ("GET", f"{ROOT}/tickets"): ("GET", f"{ROOT}/dashboard", "recent_tickets"),
    ("PUT", f"{ROOT}/profile"): ("GET", f"{ROOT}/profile", None),
    ("PUT", f"{ROOT}/settings"): ("GET", f"{ROOT}/settings", None),
    ("PUT", f"{ROOT}/notifications/{{notification_id}}/read"): ("GET", f"{ROOT}/notifications", 0),
}


def differences(given, expected, path=""):
    """Return the differences of two bodies in keys, their order and types. Values are not compared."""
    if path.rpartition(".")[2] in MAY_BE_NULL and given is None:
        return []
    if type(given) is not type(expected):
        return [f"{path}: {type(given).__name__}, not {type(expected).__name__}"]
    if isinstance(expected, dict):
        names = [name for name in given if name in expected or name not in ADDED]
        if names != list(expected):
            return [f"{path}: {names}, not {list(expected)}"]
        return [d for key in expected for d in differences(given[key], expected[key], f"{path}.{key}")]
    if isinstance(expected, list):
        assert given, f"{path}: nothing to compare"
        return [d for item in given for d in differences(item, expected[0], f"{path}[]")]
    if isinstance(expected, str) and re.fullmatch(r"[A-Z]+\d+", expected):
        wanted = re.sub(r"\d+", r"\\d+", expected)
        return [] if re.fullmatch(wanted, given) else [f"{path}: {given} is not like {expected}"]
    if isinstance(expected, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", expected):
        return [] if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", given) else [f"{path}: {given}"]
    return []


@pytest.fixture
def ali(demo, db, api):
    """Return the client of the demo's Ali, signed in with the printed request."""
    login = re.search(r"email: '([^']+)',\s*password: '([^']+)'", TEXT)
    response = api.post("/auth/login", {"email": login[1], "password": login[2]}, format="json")
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {response.json()['access_token']}")
    return api


def test_contract_prints_compared_bodies():
    assert len(ENDPOINTS) == 15
    assert (len(REQUESTS), len(RESPONSES)) == (5, 7)
    covered = {*RESPONSES, *LIKE, ("POST", f"{ROOT}/orders/return")}
    assert covered == set(ENDPOINTS)


@slashes
@pytest.mark.parametrize(("method", "path"), [e for e in ENDPOINTS if not e[1].endswith("orders/return")])
def test_printed_request_gets_printed_response(ali, method, path, slash):
    unread = Notification.objects.filter(customer__contact__email="ali.jawad@example.com", read=False)
    url = path.format(order_id="ORD123", ticket_id="TKT456", notification_id=unread.first().pk)
    response = ali.generic(
        method, url + slash, json.dumps(REQUESTS.get((method, path))), content_type="application/json"
    )
    created = method == "POST"
    assert response.status_code == (201 if created else 200), response.content
    if (method, path) in RESPONSES:
        expected = RESPONSES[method, path]
    else:
        *of, key = LIKE[method, path]
        expected = RESPONSES[tuple(of)]
        expected = expected if key is None else expected[key]
        if key == "messages":
            expected = expected[0]
    assert differences(response.json(), expected) == []


@slashes
def test_printed_return_request(ali, now, slash):
    """The printed request is refused for ORD123, which is shipped, and accepted for a delivered order."""
    path = f"{ROOT}/orders/return{slash}"
    refused = ali.post(path, REQUESTS["POST", f"{ROOT}/orders/return"], format="json")
    assert (refused.status_code, list(refused.json())) == (400, ["error", "detail"])
    delivered = Order.objects.filter(
        customer__contact__email="ali.jawad@example.com", status="delivered"
    ).latest("delivered_at")
    names = [item.product_name for item in delivered.items.in_order()]
    body = REQUESTS["POST", f"{ROOT}/orders/return"] | {"order_id": delivered.number, "items": names}
    response = ali.post(path, body, format="json")
    assert response.status_code == 201, response.content
    assert {name: response.json()[name] for name in body} == body
    assert ali.get(f"{ROOT}/dashboard").json()["stats"]["pending_refunds"] == 1


@pytest.mark.parametrize("status", ["all", "processing", "shipped", "delivered"])
def test_printed_order_statuses(ali, status):
    assert ali.get(f"{ROOT}/orders", {"status": status}).status_code == 200


@pytest.mark.parametrize(("status", "count"), [("all", 5), ("open", 1), ("in-progress", 1), ("resolved", 3)])
def test_printed_ticket_statuses(ali, status, count):
    assert len(ali.get(f"{ROOT}/tickets", {"status": status}).json()) == count


def test_dashboard_has_printed_values(ali):
    body = ali.get(f"{ROOT}/dashboard").json()
    sample = RESPONSES["GET", f"{ROOT}/dashboard"]
    assert body["stats"] == sample["stats"]
    for row, printed_row in (
        (body["recent_orders"][0], sample["recent_orders"][0]),
        (body["recent_tickets"][0], sample["recent_tickets"][0]),
    ):
        assert {name: row[name] for name in printed_row} | {"created_at": 0} == printed_row | {
            "created_at": 0
        }
        assert row.keys() <= printed_row.keys() | ADDED


def test_profile_settings_and_tracking_have_printed_values(ali):
    sample = RESPONSES["GET", f"{ROOT}/profile"]
    ignored = {"id": 0, "member_since": 0}
    assert ali.get(f"{ROOT}/profile").json() | ignored == sample | ignored
    assert ali.get(f"{ROOT}/settings").json() == RESPONSES["GET", f"{ROOT}/settings"]
    sample = RESPONSES["GET", f"{ROOT}/orders/track/{{order_id}}"]
    tracking = ali.get(f"{ROOT}/orders/track/ORD123").json()
    assert tracking.keys() == sample.keys() | {"items", "total"}
    assert {name: tracking[name] for name in sample} | {"estimated_delivery": 0} == sample | {
        "estimated_delivery": 0
    }


def test_notifications_have_printed_values(ali):
    rows = ali.get(f"{ROOT}/notifications").json()
    sample = RESPONSES["GET", f"{ROOT}/notifications"][0]
    ignored = {"id": 0, "timestamp": 0}
    assert rows[0] | ignored == sample | ignored
    unread = ali.get(f"{ROOT}/notifications", {"unread_only": "true"}).json()
    assert 2 <= len(unread) < len(rows)


def test_one_delivered_order_is_within_return_window(ali, now):
    delivered = Order.objects.filter(
        customer__contact__email="ali.jawad@example.com", status="delivered"
    ).values_list("delivered_at", flat=True)
    within = [at for at in delivered if (now - at).days < 30]
    assert (len(within), len(delivered) > len(within)) == (1, True)


def test_printed_error_statuses(ali, api, as_bob, as_tim):
    assert as_tim.get(f"{ROOT}/dashboard").status_code == 403
    assert as_bob.get(f"{ROOT}/tickets/TKT456").status_code == 404
    assert ali.get(f"{ROOT}/tickets", {"status": "lost"}).status_code == 422
    assert ali.put(f"{ROOT}/settings", "{", content_type="application/json").status_code == 400
    part = Part.objects.create(name="Rare", part_number="RARE", unit_price=1, stock=0)
    lines = {"items": [{"product_id": part.pk, "quantity": 1}]}
    assert ali.post(f"{ROOT}/orders", lines, format="json").status_code == 409
    assert not OrderItem.objects.filter(part=part).exists()
    api.credentials()
    for method, path in ENDPOINTS:
        url = path.format(order_id="ORD123", ticket_id="TKT456", notification_id=1)
        response = api.generic(method, url, "{}", content_type="application/json")
        assert (url, response.status_code, list(response.json())) == (url, 401, ["error", "detail"])
