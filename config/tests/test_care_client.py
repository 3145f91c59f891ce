"""Contract 002 as its public front end speaks it: each screen's calls in their order, with the bodies that it sends.

The front end reads keys beyond the printed ones. Each step asserts those that its screen shows.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from chat.actions import post_message
from chat.models import SupportTicket
from customers.callers import caller_of_user
from customers.models import Customer
from files.tests.conftest import PNG
from testing import factories

pytestmark = pytest.mark.django_db

API = "/api/v1/customer"
EMAIL, PASSWORD = "wanda@example.com", "Walk-4-Parts!"


@pytest.fixture
def browser():
    """Return a client that has signed up and then signed in by the form, and keeps the access token."""
    client = APIClient()
    body = {"email": EMAIL, "full_name": "Wanda Walker", "password": PASSWORD, "role": "CUSTOMER"}
    signed_up = client.post("/auth/register", body, format="json")
    assert signed_up.status_code == 201, signed_up.content
    assert signed_up.json()["user"]["role"].lower() == "customer"
    form = urlencode({"username": EMAIL, "password": PASSWORD, "role": "customer"})
    signed_in = client.post("/auth/login", form, content_type="application/x-www-form-urlencoded")
    assert signed_in.status_code == 200, signed_in.content
    assert set(signed_in.json()["user"]) >= {"id", "email", "full_name", "role", "avatar"}
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {signed_in.json()['access_token']}")
    return client


@pytest.fixture
def customer(browser):
    return Customer.objects.get(contact__email=EMAIL)


@pytest.fixture
def delivered(customer, now):
    order = factories.OrderFactory(customer=customer, status="delivered", created_at=now - timedelta(days=3))
    factories.OrderItemFactory(order=order, part__name="Wireless Headphones", unit_price=Decimal("299.99"))
    return order


def read(response, status=200):
    """Return the JSON body, which the front end reads of every answer, that of a deletion too."""
    assert response.status_code == status, (response.status_code, response.content)
    return response.json()


def photo(name="photo.png"):
    return SimpleUploadedFile(name, PNG, "image/png")


def test_dashboard_and_bell(browser, customer, delivered):
    factories.SupportTicketFactory(conversation__customer=customer)
    notification = factories.NotificationFactory(customer=customer)
    dashboard = read(browser.get(f"{API}/dashboard"))
    assert set(dashboard["stats"]) == {"open_tickets", "active_orders", "pending_refunds", "resolved_tickets"}
    assert set(dashboard["recent_orders"][0]) >= {"id", "status", "total", "itemCount", "date"}
    assert set(dashboard["recent_tickets"][0]) >= {"id", "subject", "status", "date"}
    months, states = dashboard["charts"]["monthly_orders"], dashboard["charts"]["ticket_status"]
    assert (len(months), set(months[0])) == (6, {"month", "orders", "spending"})
    assert [state["status"] for state in states] == ["Open", "In Progress", "Resolved"]

    [bell] = read(browser.get(f"{API}/notifications?unread_only=false"))
    assert set(bell) >= {"id", "title", "message", "read", "timestamp"}
    assert read(browser.put(f"{API}/notifications/{notification.pk}/read"))["read"] is True
    assert "message" in read(browser.delete(f"{API}/notifications/{notification.pk}"))
    assert read(browser.get(f"{API}/notifications?unread_only=false")) == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        *(
            f"status={word}"
            for word in ("pending", "processing", "shipped", "delivered", "cancelled", "returned")
        ),
    ],
)
def test_orders_by_every_choice_of_the_filter(browser, delivered, query):
    orders = read(browser.get(f"{API}/orders?{query}"))
    assert [order["id"] for order in orders] == (
        [delivered.number] if query in ("", "status=delivered") else []
    )
    for order in orders:
        assert set(order) >= {"id", "status", "total", "created_at", "items"}
        assert set(order["items"][0]) >= {"product_name", "price"}


def test_search_of_orders_and_tracking(browser, delivered):
    [found] = read(browser.get(f"{API}/orders?search={delivered.number}"))
    tracking = read(browser.get(f"{API}/orders/track/{found['id']}"))
    shown = {"order_id", "status", "steps", "current_location", "courier_name", "tracking_number"}
    assert set(tracking) >= shown | {"courier_contact", "items", "total"}
    assert set(tracking["items"][0]) >= {"product_name", "quantity"}
    assert tracking["total"] == 299.99


def test_return_with_photos(browser, delivered):
    body = {
        "order_id": delivered.number,
        "items": ["Wireless Headphones"],
        "reason": "Product is defective or damaged",
        "description": "",
    }
    ticket = read(browser.post(f"{API}/orders/return", body, format="json"), 201)["ticket_id"]
    files = {"files": [photo("left.png"), photo("right.png")]}
    read(browser.post(f"{API}/tickets/{ticket}/attachments", files, format="multipart"), 201)
    shown = read(browser.get(f"{API}/tickets/{ticket}"))
    assert shown["related_order_id"] == delivered.number
    assert [message["content"] for message in shown["messages"]] == [
        "Items: Wireless Headphones\nReason: Product is defective or damaged",
        "Attached: left (PNG), right (PNG)",
    ]


@pytest.mark.parametrize(
    "query", ["", *(f"status={w}" for w in ("open", "in-progress", "resolved", "closed"))]
)
def test_tickets_by_every_choice_of_the_filter(browser, customer, query):
    factories.SupportTicketFactory(conversation__customer=customer)
    tickets = read(browser.get(f"{API}/tickets?{query}"))
    assert len(tickets) == (1 if query in ("", "status=open") else 0)
    for ticket in tickets:
        assert set(ticket) >= {"id", "subject", "status", "created_at", "related_order_id", "message_count"}
    assert read(browser.get(f"{API}/tickets?search=bra")) == read(browser.get(f"{API}/tickets?"))


@pytest.mark.parametrize("order", ["none", None, "delivered"])
def test_new_ticket_with_a_file(browser, delivered, order):
    body = {
        "subject": "A part rattles",
        "description": "It rattles on cobbles.",
        "order_id": delivered.number if order == "delivered" else order,
        "priority": "MEDIUM",
    }
    ticket = read(browser.post(f"{API}/tickets", body, format="json"), 201)["ticket_id"]
    read(browser.post(f"{API}/tickets/{ticket}/attachments", {"files": [photo()]}, format="multipart"), 201)
    assert read(browser.get(f"{API}/tickets/{ticket}"))["message_count"] == 2


def test_conversation_of_a_ticket(browser, customer, tim, now):
    ticket = factories.SupportTicketFactory(conversation__customer=customer)
    conversation = ticket.conversation.uuid
    post_message(conversation=conversation, by=caller_of_user(tim), body="Which one?", now=now)
    url = f"{API}/tickets/{ticket.number}"
    read(browser.post(f"{url}/messages", {"content": "The left one"}, format="json"), 201)
    read(browser.post(f"{url}/attachments", {"files": [photo()]}, format="multipart"), 201)
    messages = read(browser.get(url))["messages"]
    assert [message["sender_type"] for message in messages] == ["support", "customer", "customer"]
    assert set(messages[0]) >= {"id", "sender_name", "content", "timestamp"}
    read(browser.delete(f"{url}/messages/{messages[1]['id']}"))
    assert [message["id"] for message in read(browser.get(url))["messages"]] == [
        messages[0]["id"],
        messages[2]["id"],
    ]
    assert SupportTicket.objects.count() == 1


def test_chat_window_is_a_ticket_that_staff_answer(browser, customer, tim, now):
    """Each page opens the window anew. The window asks for a rating of an answer that has an id, so it has none."""
    window = "/api/v1/chat"
    started = read(browser.post(f"{window}/start", {"initial_message": None}, format="json"))
    sent = {"conversation_id": started["id"], "message": "When does it arrive?", "category_filter": None}
    answer = read(browser.post(f"{window}/message", sent, format="json"))
    [ticket] = read(browser.get(f"{API}/tickets?"))
    assert (answer["id"], answer["rag_sources"], ticket["id"] in answer["content"]) == (None, [], True)
    reason = {"conversation_id": started["id"], "reason": "Customer requested human assistance"}
    read(browser.post(f"{window}/escalate", reason, format="json"))
    assert (
        read(browser.post(f"{window}/start", {"initial_message": None}, format="json"))["id"] == ticket["id"]
    )

    conversation = SupportTicket.objects.get().conversation.uuid
    post_message(conversation=conversation, by=caller_of_user(tim), body="On Monday.", now=now)
    shown = read(browser.get(f"{API}/tickets/{ticket['id']}"))
    assert (shown["priority"], [message["content"] for message in shown["messages"]]) == (
        "HIGH",
        ["When does it arrive?", "Customer requested human assistance", "On Monday."],
    )
    [bell] = read(browser.get(f"{API}/notifications?unread_only=false"))
    assert bell["title"] == "Support Reply"


def test_profile_and_avatar(browser):
    profile = read(browser.get(f"{API}/profile"))
    assert set(profile) >= {"id", "email", "full_name", "total_orders", "total_tickets", "member_since"}
    url = read(browser.post(f"{API}/profile/avatar", {"file": photo()}, format="multipart"))["avatar_url"]
    assert url.startswith("http")
    assert read(browser.get(f"{API}/profile"))["avatar"] == url
    change = {"full_name": "Wanda W", "preferences": {"notifications": False}}
    assert read(browser.put(f"{API}/profile", change, format="json"))["full_name"] == "Wanda W"


def test_wrong_sign_ins_say_why(browser, api):
    for fields, status in (({"role": "supervisor"}, 403), ({"password": "wrong"}, 401)):
        form = urlencode({"username": EMAIL, "password": PASSWORD, "role": "customer"} | fields)
        answer = api.post("/auth/login", form, content_type="application/x-www-form-urlencoded")
        assert read(answer, status)["detail"]
