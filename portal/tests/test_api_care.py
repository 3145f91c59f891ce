"""Contract 002: the dashboard and the profile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from chat.models import Conversation, SupportTicket
from orders.models import Order, OrderItem
from testing import factories
from testing.suites import CareGateSuite, count_queries

pytestmark = pytest.mark.django_db

CUSTOMER = "/api/v1/customer"


def format_instant(instant):
    return instant.isoformat().replace("+00:00", "Z")


def create_belongings(customer, count):
    for _ in range(count):
        order = factories.OrderItemFactory(order__customer=customer, order__status="delivered").order
        factories.ReturnRequestFactory(order=order)
        factories.OrderItemFactory(order__customer=customer)
        for status in ("open", "in_progress", "resolved", "closed"):
            ticket = factories.SupportTicketFactory(
                conversation__customer=customer, conversation__status=status
            )
            factories.MessageFactory(conversation=ticket.conversation, number=1)


class TestDashboard(CareGateSuite):
    url = f"{CUSTOMER}/dashboard"

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_counts_and_newest_rows(self, alice, bob, as_alice, slash):
        create_belongings(alice, 2)
        create_belongings(bob, 1)
        body = as_alice.get(self.url + slash).json()
        assert list(body) == ["stats", "recent_orders", "recent_tickets"]
        assert body["stats"] == {
            "open_tickets": 4, "active_orders": 2, "pending_refunds": 2, "resolved_tickets": 4
        }  # fmt: skip
        assert (len(body["recent_orders"]), len(body["recent_tickets"])) == (4, 5)
        newest = SupportTicket.objects.filter(conversation__customer=alice).latest("id")
        assert body["recent_tickets"][0] == {
            "id": f"TKT{newest.pk}",
            "subject": "Brakes",
            "status": "RESOLVED",
            "priority": "MEDIUM",
            "created_at": format_instant(newest.conversation.created_at),
        }

    def test_customer_without_rows_has_zeros(self, as_alice):
        assert as_alice.get(self.url).json() == {
            "stats": {"open_tickets": 0, "active_orders": 0, "pending_refunds": 0, "resolved_tickets": 0},
            "recent_orders": [],
            "recent_tickets": [],
        }


URLS = (
    "dashboard", "profile", "orders?page_size=5", "orders?search=ORD{order}&page_size=1", "tickets?page_size=5",
    "tickets?search=Bra&page_size=5", "notifications",
)  # fmt: skip


def create_many(customer, count, now):
    """Create `count` orders of one item and `count` tickets, in bulk."""
    part = factories.PartFactory()
    orders = Order.objects.bulk_create(
        Order(customer=customer, created_at=now, expires_at=now + timedelta(days=2)) for _ in range(count)
    )
    OrderItem.objects.bulk_create(
        OrderItem(order=order, part=part, product_name=part.name, unit_price=1, quantity=1, subtotal=1)
        for order in orders
    )
    conversations = Conversation.objects.bulk_create(
        Conversation(customer=customer, subject=f"Brakes {n}", created_at=now, updated_at=now)
        for n in range(count)
    )
    SupportTicket.objects.bulk_create(
        SupportTicket(conversation=conversation) for conversation in conversations
    )


def test_query_count_is_the_same_at_10_and_10_000_rows(alice, as_alice, now):
    create_belongings(alice, 2)
    create_many(alice, 10, now)
    found = Order.objects.filter(customer=alice).latest("id").pk

    def query_counts():
        urls = [url.format(order=found) for url in URLS]
        return {url: count_queries(lambda url=url: as_alice.get(f"{CUSTOMER}/{url}")) for url in urls}

    factories.NotificationFactory(customer=alice)
    few = query_counts()
    create_many(alice, 9_990, now)
    factories.NotificationFactory.create_batch(9, customer=alice)
    assert query_counts() == few
    stats = as_alice.get(f"{CUSTOMER}/dashboard").json()["stats"]
    assert (stats["active_orders"], stats["open_tickets"]) == (10_002, 10_004)


def test_newest_tickets_are_read_from_an_index(alice):
    """The plan neither scans nor sorts all conversations of the customer."""
    create_belongings(alice, 2)
    rows = SupportTicket.objects.filter(conversation__customer=alice).newest_first()[:5]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # PostgreSQL would scan a table of ten rows
            for method in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
                cursor.execute(f"SET LOCAL enable_{method} = off")
    plan = rows.explain()
    assert "conversation_of_customer_age" in plan
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan  # rows of the same instant may be sorted
    assert "Sort" not in plan


class TestProfile(CareGateSuite):
    url = f"{CUSTOMER}/profile"

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_body_matches_the_contract(self, alice, as_alice, slash):
        create_belongings(alice, 1)
        expected = {
            "id": alice.contact.pk,
            "email": alice.contact.email,
            "full_name": "Alice Cooper",
            "avatar": "https://api.dicebear.com/7.x/avataaars/svg?seed=AliceCooper",
            "preferences": {"language": "en", "notifications": True, "theme": "light"},
            "total_orders": 2,
            "total_tickets": 4,
            "member_since": format_instant(alice.customer_since),
        }
        response = as_alice.get(self.url + slash)
        assert (response.status_code, response.json()) == (200, expected)
        assert list(response.json()) == list(expected)

    def test_own_avatar_is_returned(self, alice, as_alice):
        alice.contact.avatar = "https://example.com/me.png"
        alice.contact.save()
        assert as_alice.get(self.url).json()["avatar"] == "https://example.com/me.png"

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_fields_that_are_not_sent_keep_their_value(self, as_alice, slash):
        before = as_alice.get(self.url).json()
        change = {
            "full_name": "Alice Cooper Updated",
            "preferences": {"language": "en", "notifications": False, "theme": "dark"},
        }
        expected = before | change | {"avatar": before["avatar"] + "Updated"}
        response = as_alice.put(self.url + slash, change, format="json")
        assert (response.status_code, response.json()) == (200, expected)
        for empty in ({}, {"preferences": {}}):
            assert as_alice.put(self.url, empty, format="json").json() == expected

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({"full_name": ""}, {"full_name": ["This field may not be blank."]}),
            ({"full_name": "x" * 101}, {"full_name": ["Neither half may be longer than 100 characters."]}),
            ({"full_name": "New", "preferences": {"notifications": 1}},
             {"preferences.notifications": ["Must be a valid boolean."]}),
            ({"preferences": {"theme": "pink"}}, {"preferences.theme": ['"pink" is not a valid choice.']}),
            ({"preferences": {"language": "english!"}},
             {"preferences.language": ["This value does not match the required pattern."]}),
        ],
    )  # fmt: skip
    def test_invalid_value_is_422_and_changes_nothing(self, as_alice, body, fields):
        before = as_alice.get(self.url).json()
        response = as_alice.put(self.url, body, format="json")
        assert (response.status_code, response.json()["fields"]) == (422, fields)
        assert as_alice.get(self.url).json() == before

    def test_second_login_changes_its_own_name(self, alice, sign_in):
        second = factories.CustomerUserFactory(customer=alice).user
        body = sign_in(second).put(self.url, {"full_name": "Fred Flint"}, format="json").json()
        assert (body["id"], body["full_name"]) == (second.pk, "Fred Flint")
        alice.contact.refresh_from_db()
        assert alice.contact.full_name == "Alice Cooper"


class TestSharedPreferences:
    """Preferences are stored once, so that each contract reads what another one writes."""

    def read_all(self, client):
        settings, profile, crm = (
            client.get(url).json()
            for url in (f"{CUSTOMER}/settings", f"{CUSTOMER}/profile", "/api/v1/customers/profile/")
        )
        return (
            settings["notifications"],
            profile["preferences"]["notifications"],
            crm["notification_preferences"],
        )

    ON = {"email": True, "order_updates": True, "refund_updates": True, "support_replies": True}
    OFF = dict.fromkeys(ON, False)

    def test_settings_write_is_visible_everywhere(self, as_alice):
        as_alice.put(f"{CUSTOMER}/settings", {"notifications": {"email": False}}, format="json")
        kinds = self.ON | {"email": False}
        assert self.read_all(as_alice) == (kinds, True, kinds)
        as_alice.put(f"{CUSTOMER}/settings", {"notifications": self.OFF}, format="json")
        assert self.read_all(as_alice) == (self.OFF, False, self.OFF)

    def test_profile_write_is_visible_everywhere(self, as_alice):
        as_alice.patch(
            "/api/v1/customers/profile/update/", {"notification_preferences": {"sms": True}}, format="json"
        )
        for is_on, kinds in ((False, self.OFF), (True, self.ON)):
            change = {"preferences": {"notifications": is_on}}
            as_alice.put(f"{CUSTOMER}/profile", change, format="json")
            assert self.read_all(as_alice) == (kinds, is_on, kinds | {"sms": is_on})

    def test_crm_write_is_visible_everywhere(self, as_alice):
        change = {"notification_preferences": {"order_updates": False, "sms": True}}
        as_alice.patch("/api/v1/customers/profile/update/", change, format="json")
        kinds = self.ON | {"order_updates": False}
        assert self.read_all(as_alice) == (kinds, True, kinds | {"sms": True})
