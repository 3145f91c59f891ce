"""Contract 002 as it is printed: each request, with and without the slash, and each body key by key on the demo."""

from __future__ import annotations

import json
import re

import pytest
from django.conf import settings

from catalogue.models import Part
from customers.models import Notification
from demo import loader
from orders.models import Order, OrderItem

TEXT = (settings.BASE_DIR / "docs/contracts/002-portal.md").read_text()
MAY_BE_NULL = {"estimated_delivery", "tracking_number"}
ROOT = "/api/v1/customer"
ENDPOINTS = re.findall(r"### `(GET|POST|PUT) (/[^`]+)`", TEXT)
slashes = pytest.mark.parametrize("slash", ["", "/"])


def section(method: str, address: str) -> str:
    return re.split(r"\n##+ ", TEXT.split(f"### `{method} {address}`", 1)[1], maxsplit=1)[0]


def printed(kind: str) -> dict[tuple[str, str], object]:
    """The printed JSON bodies (`Response` or `Request Body`) that parse, by method and address."""
    found = {}
    for method, address in ENDPOINTS:
        match = re.search(rf"\*\*{kind}:\*\*\n```json\n(.*?)```", section(method, address), re.DOTALL)
        if match:
            found[method, address] = json.loads(match[1])
    return found


SENT, ANSWERED = printed("Request Body"), printed("Response")
# Those that print no body answer with one that is printed elsewhere.
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
    """Where two bodies differ in keys, their order, or types; values are not looked at."""
    if path.rpartition(".")[2] in MAY_BE_NULL and given is None:
        return []
    if type(given) is not type(expected):
        return [f"{path}: {type(given).__name__}, not {type(expected).__name__}"]
    if isinstance(expected, dict):
        if list(given) != list(expected):
            return [f"{path}: {list(given)}, not {list(expected)}"]
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
def ali(api, db, now):
    """The demo's Ali, who came in as printed."""
    loader.load(now=now)
    login = re.search(r"email: '([^']+)',\s*password: '([^']+)'", TEXT)
    response = api.post("/auth/login", {"email": login[1], "password": login[2]}, format="json")
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {response.json()['access_token']}")
    return api


def test_the_contract_prints_what_this_compares():
    assert len(ENDPOINTS) == 15
    assert (len(SENT), len(ANSWERED)) == (5, 7)
    asked = {*ANSWERED, *LIKE, ("POST", f"{ROOT}/orders/return")}
    assert asked == set(ENDPOINTS)


@slashes
@pytest.mark.parametrize(("method", "address"), [e for e in ENDPOINTS if not e[1].endswith("orders/return")])
def test_every_printed_request_is_answered_as_printed(ali, method, address, slash):
    unread = Notification.objects.filter(customer__contact__email="ali.jawad@example.com", read=False)
    path = address.format(order_id="ORD123", ticket_id="TKT456", notification_id=unread.first().pk)
    response = ali.generic(
        method, path + slash, json.dumps(SENT.get((method, address))), content_type="application/json"
    )
    created = method == "POST"
    assert response.status_code == (201 if created else 200), response.content
    if (method, address) in ANSWERED:
        expected = ANSWERED[method, address]
    else:
        *of, key = LIKE[method, address]
        expected = ANSWERED[tuple(of)]
        expected = expected if key is None else expected[key]
        if key == "messages":
            expected = expected[0]
    assert differences(response.json(), expected) == []


@slashes
def test_the_printed_return(ali, now, slash):
    """ORD123 of the demo is on its way; of a delivered one the printed request is taken."""
    address = f"{ROOT}/orders/return{slash}"
    refused = ali.post(address, SENT["POST", f"{ROOT}/orders/return"], format="json")
    assert (refused.status_code, list(refused.json())) == (400, ["error", "detail"])
    delivered = Order.objects.filter(
        customer__contact__email="ali.jawad@example.com", status="delivered"
    ).latest("delivered_at")
    names = [item.product_name for item in delivered.items.in_order()]
    body = SENT["POST", f"{ROOT}/orders/return"] | {"order_id": delivered.number, "items": names}
    response = ali.post(address, body, format="json")
    assert response.status_code == 201, response.content
    assert {name: response.json()[name] for name in body} == body
    assert ali.get(f"{ROOT}/dashboard").json()["stats"]["pending_refunds"] == 1


@pytest.mark.parametrize("words", ["all", "processing", "shipped", "delivered"])
def test_the_printed_words_of_orders(ali, words):
    assert ali.get(f"{ROOT}/orders", {"status": words}).status_code == 200


@pytest.mark.parametrize(("word", "count"), [("all", 5), ("open", 1), ("in-progress", 1), ("resolved", 3)])
def test_the_printed_words_of_tickets(ali, word, count):
    assert len(ali.get(f"{ROOT}/tickets", {"status": word}).json()) == count


def test_the_dashboard_says_what_is_printed(ali):
    body = ali.get(f"{ROOT}/dashboard").json()
    sample = ANSWERED["GET", f"{ROOT}/dashboard"]
    assert body["stats"] == sample["stats"]
    for mine, printed_row in (
        (body["recent_orders"][0], sample["recent_orders"][0]),
        (body["recent_tickets"][0], sample["recent_tickets"][0]),
    ):
        assert mine | {"created_at": 0} == printed_row | {"created_at": 0}


def test_profile_settings_and_tracking_say_what_is_printed(ali):
    sample = ANSWERED["GET", f"{ROOT}/profile"]
    unlike = {"id": 0, "member_since": 0}
    assert ali.get(f"{ROOT}/profile").json() | unlike == sample | unlike
    assert ali.get(f"{ROOT}/settings").json() == ANSWERED["GET", f"{ROOT}/settings"]
    sample = ANSWERED["GET", f"{ROOT}/orders/track/{{order_id}}"]
    tracking = ali.get(f"{ROOT}/orders/track/ORD123").json()
    assert tracking | {"estimated_delivery": 0} == sample | {"estimated_delivery": 0}


def test_the_notifications_of_the_demo(ali):
    rows = ali.get(f"{ROOT}/notifications").json()
    sample = ANSWERED["GET", f"{ROOT}/notifications"][0]
    unlike = {"id": 0, "timestamp": 0}
    assert rows[0] | unlike == sample | unlike
    unread = ali.get(f"{ROOT}/notifications", {"unread_only": "true"}).json()
    assert 2 <= len(unread) < len(rows)


def test_one_delivered_order_can_be_returned_and_others_cannot(ali, now):
    delivered = Order.objects.filter(
        customer__contact__email="ali.jawad@example.com", status="delivered"
    ).values_list("delivered_at", flat=True)
    within = [at for at in delivered if (now - at).days < 30]
    assert (len(within), len(delivered) > len(within)) == (1, True)


def test_the_other_printed_statuses(ali, api, as_bob, as_tim):
    assert as_tim.get(f"{ROOT}/dashboard").status_code == 403
    assert as_bob.get(f"{ROOT}/tickets/TKT456").status_code == 404
    assert ali.get(f"{ROOT}/tickets", {"status": "lost"}).status_code == 422
    assert ali.put(f"{ROOT}/settings", "{", content_type="application/json").status_code == 400
    part = Part.objects.create(name="Rare", part_number="RARE", unit_price=1, stock=0)
    lines = {"items": [{"product_id": part.pk, "quantity": 1}]}
    assert ali.post(f"{ROOT}/orders", lines, format="json").status_code == 409
    assert not OrderItem.objects.filter(part=part).exists()
    api.credentials()
    for method, address in ENDPOINTS:
        path = address.format(order_id="ORD123", ticket_id="TKT456", notification_id=1)
        response = api.generic(method, path, "{}", content_type="application/json")
        assert (path, response.status_code, list(response.json())) == (path, 401, ["error", "detail"])
