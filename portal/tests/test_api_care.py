"""Contract 002's dashboard and profile: a person with everything he has."""

from __future__ import annotations

import pytest
from django.db import connection

from chat.models import Conversation, SupportTicket
from orders.models import Order, OrderItem
from testing import factories
from testing.suites import CareGateSuite, count_queries

pytestmark = pytest.mark.django_db

CUSTOMER = "/api/v1/customer"


def written(instant):
    return instant.isoformat().replace("+00:00", "Z")


def belongings(customer, count):
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
    def test_figures_and_the_newest(self, alice, bob, as_alice, slash):
        belongings(alice, 2)
        belongings(bob, 1)
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
            "created_at": written(newest.conversation.created_at),
        }

    def test_who_has_nothing(self, as_alice):
        assert as_alice.get(self.url).json() == {
            "stats": {"open_tickets": 0, "active_orders": 0, "pending_refunds": 0, "resolved_tickets": 0},
            "recent_orders": [],
            "recent_tickets": [],
        }


ADDRESSES = (
    "dashboard", "profile", "orders?page_size=5", "orders?search=ORD{order}&page_size=1", "tickets?page_size=5",
    "tickets?search=Bra&page_size=5", "notifications",
)  # fmt: skip


def many(customer, count, now):
    """Orders with an item each and tickets, written in bulk."""
    part = factories.PartFactory()
    orders = Order.objects.bulk_create(Order(customer=customer, created_at=now) for _ in range(count))
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


def test_as_many_queries_at_10_000_as_at_10(alice, as_alice, now):
    belongings(alice, 2)
    many(alice, 10, now)
    found = Order.objects.filter(customer=alice).latest("id").pk

    def asked():
        addresses = [address.format(order=found) for address in ADDRESSES]
        return {a: count_queries(lambda a=a: as_alice.get(f"{CUSTOMER}/{a}")) for a in addresses}

    factories.NotificationFactory(customer=alice)
    few = asked()
    many(alice, 9_990, now)
    factories.NotificationFactory.create_batch(9, customer=alice)
    assert asked() == few
    stats = as_alice.get(f"{CUSTOMER}/dashboard").json()["stats"]
    assert (stats["active_orders"], stats["open_tickets"]) == (10_002, 10_004)


def test_the_newest_tickets_are_found_along_an_index(alice):
    """However many there are: neither every conversation is read, nor are they sorted."""
    belongings(alice, 2)
    rows = SupportTicket.objects.filter(conversation__customer=alice).newest_first()[:5]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # a table of ten rows is read whole, unless told otherwise
            for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
                cursor.execute(f"SET LOCAL enable_{way} = off")
    plan = rows.explain()
    assert "conversation_of_customer_age" in plan
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan  # those of one instant aside
    assert "Sort" not in plan


class TestProfile(CareGateSuite):
    url = f"{CUSTOMER}/profile"

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_as_printed(self, alice, as_alice, slash):
        belongings(alice, 1)
        expected = {
            "id": alice.contact.pk,
            "email": alice.contact.email,
            "full_name": "Alice Cooper",
            "avatar": "https://api.dicebear.com/7.x/avataaars/svg?seed=AliceCooper",
            "preferences": {"language": "en", "notifications": True, "theme": "light"},
            "total_orders": 2,
            "total_tickets": 4,
            "member_since": written(alice.customer_since),
        }
        response = as_alice.get(self.url + slash)
        assert (response.status_code, response.json()) == (200, expected)
        assert list(response.json()) == list(expected)

    def test_an_own_picture_is_shown(self, alice, as_alice):
        alice.contact.avatar = "https://example.com/me.png"
        alice.contact.save()
        assert as_alice.get(self.url).json()["avatar"] == "https://example.com/me.png"

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_what_is_not_sent_stays(self, as_alice, slash):
        before = as_alice.get(self.url).json()
        change = {
            "full_name": "Alice Cooper Updated",
            "preferences": {"language": "en", "notifications": False, "theme": "dark"},
        }
        expected = before | change | {"avatar": before["avatar"] + "Updated"}
        response = as_alice.put(self.url + slash, change, format="json")
        assert (response.status_code, response.json()) == (200, expected)
        for nothing in ({}, {"preferences": {}}):
            assert as_alice.put(self.url, nothing, format="json").json() == expected

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({"full_name": ""}, {"full_name": ["This field may not be blank."]}),
            ({"full_name": "x" * 101}, {"full_name": ["Neither half may be longer than 100 characters."]}),
            ({"full_name": "New", "preferences": {"notifications": 1}},
             {"preferences": {"notifications": ["Must be a valid boolean."]}}),
            ({"preferences": {"theme": "pink"}}, {"preferences": {"theme": ['"pink" is not a valid choice.']}}),
            ({"preferences": {"language": "english!"}},
             {"preferences": {"language": ["This value does not match the required pattern."]}}),
        ],
    )  # fmt: skip
    def test_a_wrong_value_is_422_and_changes_nothing(self, as_alice, body, fields):
        before = as_alice.get(self.url).json()
        response = as_alice.put(self.url, body, format="json")
        assert (response.status_code, response.json()["fields"]) == (422, fields)
        assert as_alice.get(self.url).json() == before

    def test_a_second_login_changes_his_own_name(self, alice, sign_in):
        friend = factories.CustomerUserFactory(customer=alice).user
        body = sign_in(friend).put(self.url, {"full_name": "Fred Flint"}, format="json").json()
        assert (body["id"], body["full_name"]) == (friend.pk, "Fred Flint")
        alice.contact.refresh_from_db()
        assert alice.contact.full_name == "Alice Cooper"


class TestPreferencesAreOne:
    """Stored once: what one contract writes, the others read."""

    def spelled(self, client):
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

    def test_written_by_the_settings(self, as_alice):
        as_alice.put(f"{CUSTOMER}/settings", {"notifications": {"email": False}}, format="json")
        kinds = self.ON | {"email": False}
        assert self.spelled(as_alice) == (kinds, True, kinds)
        as_alice.put(f"{CUSTOMER}/settings", {"notifications": self.OFF}, format="json")
        assert self.spelled(as_alice) == (self.OFF, False, self.OFF)

    def test_written_by_the_profile(self, as_alice):
        as_alice.patch(
            "/api/v1/customers/profile/update/", {"notification_preferences": {"sms": True}}, format="json"
        )
        for on, kinds in ((False, self.OFF), (True, self.ON)):
            change = {"preferences": {"notifications": on}}
            as_alice.put(f"{CUSTOMER}/profile", change, format="json")
            assert self.spelled(as_alice) == (kinds, on, kinds | {"sms": on})

    def test_written_by_crm(self, as_alice):
        change = {"notification_preferences": {"order_updates": False, "sms": True}}
        as_alice.patch("/api/v1/customers/profile/update/", change, format="json")
        kinds = self.ON | {"order_updates": False}
        assert self.spelled(as_alice) == (kinds, True, kinds | {"sms": True})
