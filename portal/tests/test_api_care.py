"""Contract 002: the dashboard and the profile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from chat.models import Conversation, SupportTicket
from files.avatars import NotAnAvatar
from files.models import Upload
from files.queries import public_url
from files.stores import store
from files.tests.conftest import JPEG, PNG
from orders.models import Order, OrderItem
from testing import factories
from testing.clients import signed_in
from testing.storms import parallel
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
        assert list(body) == ["stats", "recent_orders", "recent_tickets", "charts"]
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
            "date": newest.conversation.created_at.date().isoformat(),
        }

    def test_charts_have_six_months_and_three_states(self, alice, bob, as_alice, monkeypatch):
        monkeypatch.setattr(timezone, "now", lambda: datetime(2024, 3, 1, 9, tzinfo=UTC))
        for day, status in (
            (datetime(2024, 3, 1, tzinfo=UTC), "delivered"),
            (datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC), "delivered"),
            (datetime(2024, 2, 1, tzinfo=UTC), "returned"),
            (datetime(2024, 2, 2, tzinfo=UTC), "cancelled"),
            (datetime(2023, 9, 30, 23, 59, 59, tzinfo=UTC), "delivered"),
        ):
            order = factories.OrderFactory(customer=alice, status=status, created_at=day)
            factories.OrderItemFactory(order=order, quantity=2, unit_price=Decimal("10.10"))
            refunded = Decimal("5.05") if status == "returned" else 0
            factories.OrderItemFactory(order=order, unit_price=Decimal("5.05"), refunded=refunded)
        factories.OrderItemFactory(order__customer=bob)
        for status in ("open", "in_progress", "resolved", "closed"):
            factories.SupportTicketFactory(conversation__customer=alice, conversation__status=status)
        factories.SupportTicketFactory(conversation__customer=bob)
        assert as_alice.get(self.url).json()["charts"] == {
            "monthly_orders": [
                {"month": "Oct", "orders": 0, "spending": 0.0},
                {"month": "Nov", "orders": 0, "spending": 0.0},
                {"month": "Dec", "orders": 0, "spending": 0.0},
                {"month": "Jan", "orders": 0, "spending": 0.0},
                {"month": "Feb", "orders": 2, "spending": 45.45},
                {"month": "Mar", "orders": 1, "spending": 25.25},
            ],
            "ticket_status": [
                {"status": "Open", "count": 1},
                {"status": "In Progress", "count": 1},
                {"status": "Resolved", "count": 2},
            ],
        }

    def test_customer_without_rows_has_zeros(self, as_alice):
        body = as_alice.get(self.url).json()
        charts = body.pop("charts")
        assert [(month["orders"], month["spending"]) for month in charts["monthly_orders"]] == [(0, 0)] * 6
        assert [state["count"] for state in charts["ticket_status"]] == [0, 0, 0]
        assert body == {
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
            ({"preferences": {"theme": "pink"}},
             {"preferences.theme": ['"pink" is not a valid choice. Choose one of: light, dark, system.']}),
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


class TestAvatar(CareGateSuite):
    url = f"{CUSTOMER}/profile/avatar"
    method = "post"

    def send(self, client, content=PNG, kind="image/png", name="me.png"):
        return client.post(self.url, {"file": SimpleUploadedFile(name, content, kind)}, format="multipart")

    @pytest.mark.parametrize(
        ("content", "kind"), [(PNG, "image/png"), (JPEG, "image/jpg"), (JPEG, "IMAGE/JPEG")]
    )
    def test_image_becomes_the_avatar_everywhere(self, alice, as_alice, api, content, kind):
        response = self.send(as_alice, content, kind)
        assert (response.status_code, list(response.json())) == (200, ["avatar_url"])
        url = response.json()["avatar_url"]
        upload = Upload.objects.get()
        assert (url, upload.owner, upload.state) == (public_url(upload.key), alice.contact, "attached")
        assert as_alice.get(f"{CUSTOMER}/profile").json()["avatar"] == url
        served = api.get(url[url.index("/api/") :])
        assert (served.status_code, b"".join(served)) == (200, content)
        assert served["Cross-Origin-Resource-Policy"] == "cross-origin"

    def test_second_avatar_removes_the_file_of_the_first(self, alice, as_alice):
        self.send(as_alice)
        first = Upload.objects.get()
        second = self.send(as_alice, JPEG, "image/jpeg").json()["avatar_url"]
        kept = Upload.objects.get()
        assert (public_url(kept.key), store().stat(first)) == (second, None)

    def test_avatar_of_another_host_has_no_file_here(self, alice, as_alice):
        alice.contact.avatar = "https://example.com/avatar.png"
        alice.contact.save()
        assert self.send(as_alice).status_code == 200
        assert Upload.objects.count() == 1

    def test_second_login_changes_its_own(self, alice, sign_in):
        second = factories.CustomerUserFactory(customer=alice).user
        assert self.send(sign_in(second)).status_code == 200
        alice.contact.refresh_from_db()
        assert alice.contact.avatar == ""

    def test_viewer_may_not_change_it(self, alice, sign_in):
        viewer = factories.CustomerUserFactory(customer=alice, role="viewer").user
        assert self.send(sign_in(viewer)).status_code == 403
        assert not Upload.objects.exists()

    @pytest.mark.parametrize(
        ("content", "kind", "path", "message"),
        [
            (b"%PDF-1.7", "application/pdf", "file", NotAnAvatar.message),
            (b"<svg/>", "image/svg+xml", "file", NotAnAvatar.message),
            (b"<html>", "image/png", "file", "avatar.png is not a file of the type image/png."),
            (PNG + bytes(5 * 2**20), "image/png", "file", "An avatar may have at most 5,242,880 bytes."),
            (b"", "image/png", "file[0]", "The submitted file is empty."),
        ],
    )
    def test_wrong_image_is_422_and_stores_nothing(self, alice, as_alice, content, kind, path, message):
        response = self.send(as_alice, content, kind)
        assert (response.status_code, response.json()["fields"]) == (422, {path: [message]})
        alice.contact.refresh_from_db()
        assert (alice.contact.avatar, Upload.objects.count()) == ("", 0)

    def test_other_bodies_are_refused(self, as_alice):
        response = as_alice.post(self.url, {}, format="multipart")
        assert (response.status_code, list(response.json()["fields"])) == (422, ["file"])
        assert as_alice.post(self.url, {}, format="json").status_code == 415


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_avatars_leave_one_file():
    customer = factories.CustomerFactory()
    client = signed_in(customer.contact)

    def send(number):
        image = SimpleUploadedFile("me.png", PNG + bytes([number]), "image/png")
        return client.post(f"{CUSTOMER}/profile/avatar", {"file": image}, format="multipart").status_code

    assert parallel(4, send) == [200] * 4
    upload = Upload.objects.get()
    customer.contact.refresh_from_db()
    assert customer.contact.avatar == public_url(upload.key)
    assert store().stat(upload) is not None


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
