"""Settings and notifications of contract 002."""

from __future__ import annotations

from datetime import timedelta

import pytest

from customers.models import Notification
from testing import factories
from testing.suites import CareGateSuite, CareOwnListSuite, care_invalid

pytestmark = pytest.mark.django_db

CUSTOMER = "/api/v1/customer"
NOT_FOUND = {"error": "Not found", "detail": "Notification not found."}
PRINTED = {
    "notifications": {"email": True, "order_updates": True, "refund_updates": True, "support_replies": True},
    "general": {"theme": "light", "timezone": "UTC+0", "currency": "USD"},
}


class TestSettings(CareGateSuite):
    url = f"{CUSTOMER}/settings"

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_initial_settings_match_contract(self, as_alice, slash):
        response = as_alice.get(self.url + slash)
        assert (response.status_code, response.json()) == (200, PRINTED)
        assert list(response.json()["notifications"]) == list(PRINTED["notifications"])

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_settings_not_sent_keep_values(self, alice, as_alice, slash):
        change = {
            "notifications": {"email": False, "order_updates": True},
            "general": {"theme": "dark", "currency": "EUR"},
        }
        expected = {
            "notifications": PRINTED["notifications"] | {"email": False},
            "general": {"theme": "dark", "timezone": "UTC+0", "currency": "EUR"},
        }
        response = as_alice.put(self.url + slash, change, format="json")
        assert (response.status_code, response.json()) == (200, expected)
        assert as_alice.get(self.url).json() == expected
        assert as_alice.put(self.url, {}, format="json").json() == expected

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({"notifications": {"email": "yes"}}, {"notifications.email": ["Must be a valid boolean."]}),
            ({"notifications": None}, {"notifications": ["This field may not be null."]}),
            (
                {"general": {"theme": "pink"}},
                {"general.theme": ['"pink" is not a valid choice. Choose one of: light, dark, system.']},
            ),
            ({"general": {"currency": "eur"}},
             {"general.currency": ["This value does not match the required pattern."]}),
            ({"general": {"timezone": ""}}, {"general.timezone": ["This field may not be blank."]}),
        ],
    )  # fmt: skip
    def test_invalid_value_is_422_without_change(self, as_alice, body, fields):
        response = as_alice.put(self.url, body, format="json")
        assert (response.status_code, response.json()["fields"]) == (422, fields)
        assert as_alice.get(self.url).json() == PRINTED

    def test_malformed_json_is_400(self, as_alice):
        response = as_alice.put(self.url, "{", content_type="application/json")
        assert response.status_code == 400
        assert as_alice.get(self.url).json() == PRINTED


class TestNotifications(CareOwnListSuite):
    url = f"{CUSTOMER}/notifications"

    def make(self, customer, **fields):
        return factories.NotificationFactory(customer=customer, **fields)

    def row(self, notification):
        return {
            "id": notification.pk,
            "title": "Repair completed",
            "message": "Your vehicle is ready.",
            "type": "ORDER",
            "read": False,
            "timestamp": notification.created_at.isoformat().replace("+00:00", "Z"),
        }

    @pytest.mark.parametrize(("word", "count"), [("true", 1), ("false", 2), ("", 2)])
    def test_unread_only_filters(self, alice, as_alice, now, word, count):
        self.make(alice, read=True, created_at=now - timedelta(days=1))
        unread = self.make(alice)
        body = as_alice.get(self.url, {"unread_only": word}).json()
        assert (len(body), body[0]) == (count, self.row(unread))

    def test_invalid_unread_only_is_422(self, as_alice):
        response = as_alice.get(self.url, {"unread_only": "maybe"})
        assert (response.status_code, response.json()) == (
            422, care_invalid("unread_only", "Must be a valid boolean.")
        )  # fmt: skip

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_marking_read_twice_has_same_result(self, alice, as_alice, slash):
        notification = self.make(alice)
        for _ in range(2):
            response = as_alice.put(f"{self.url}/{notification.pk}/read{slash}")
            assert (response.status_code, response.json()) == (200, self.row(notification) | {"read": True})
        assert Notification.objects.get().read

    def test_notification_of_other_customer_is_404_and_stays_unread(self, alice, as_bob):
        notification = self.make(alice)
        for number in (notification.pk, 999_999):
            response = as_bob.put(f"{self.url}/{number}/read")
            assert (response.status_code, response.json()) == (404, NOT_FOUND)
        assert not Notification.objects.get().read


class TestDeleting(CareGateSuite):
    url = "/api/v1/customer/notifications/1"
    method = "delete"

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_own_notification_is_deleted(self, alice, as_alice, slash):
        kept, deleted = factories.NotificationFactory.create_batch(2, customer=alice)
        url = f"/api/v1/customer/notifications/{deleted.pk}{slash}"
        response = as_alice.delete(url)
        assert (response.status_code, response.json()) == (200, {"message": "The notification was deleted."})
        assert Notification.objects.get() == kept
        again = as_alice.delete(url)
        assert (again.status_code, again.json()["detail"]) == (404, "Notification not found.")

    def test_notification_of_other_customer_is_404_and_stays(self, alice, as_bob):
        notification = factories.NotificationFactory(customer=alice)
        response = as_bob.delete(f"/api/v1/customer/notifications/{notification.pk}")
        assert response.status_code == 404
        assert Notification.objects.get() == notification


class TestReading(CareGateSuite):
    url = f"{CUSTOMER}/notifications/1/read"
    method = "put"
