"""The pages *Webhooks* and *Webhook*: a secret is shown once, and every step."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from common.domain.models import Event
from common.domain.recent_password import RECENT, remember_password
from integrations.models import Delivery, Webhook
from integrations.webhooks import addresses
from testing import factories
from testing.billed import again

pytestmark = pytest.mark.django_db
URL = "/admin/webhooks/"


@pytest.fixture
def manager(client):
    client.force_login(factories.UserFactory(role="manager", first_name="Mia", last_name="Mann"))
    remember(client, timezone.now())
    return client


def remember(client, when):
    session = client.session
    remember_password(session, now=when)
    session.save()


def form(**fields):
    return {
        "url": "https://hooks.example.com/garage",
        "description": "Bookkeeping",
        "types": "billing.*\norders.order.shipped",
        "key": "k1",
    } | fields


def said(response):
    return [str(message) for message in response.context["messages"]]


def test_secret_is_shown_once(manager):
    response = manager.post(URL, form())
    row = Webhook.objects.get()
    assert response.status_code == 200 and "no-store" in response["Cache-Control"]
    assert f'value="{row.secret}"' in response.text
    assert (row.url, row.description, row.types, str(row.created_by)) == (
        "https://hooks.example.com/garage",
        "Bookkeeping",
        ["billing.*", "orders.order.shipped"],
        "Mia Mann",
    )
    assert row.secret not in manager.get(URL).text
    assert row.secret not in manager.get(f"{URL}{row.pk}/").text


def test_form_that_is_sent_twice_adds_one(manager):
    manager.post(URL, form())
    response = manager.post(URL, form())
    assert (response.status_code, "This form was sent before" in response.text) == (400, True)
    assert Webhook.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", ""),
        ("url", "http://hooks.example.com/"),
        ("url", "https://127.0.0.1/"),
        ("types", "billing.paid"),
    ],
)
def test_what_cannot_be_used_is_said_at_its_field(manager, field, value):
    response = manager.post(URL, form(**{field: value}))
    assert (response.status_code, list(response.context["form"].errors)) == (400, [field])
    assert Webhook.objects.count() == 0


def test_adding_and_rotating_ask_for_the_password_again(manager):
    webhook = factories.WebhookFactory()
    remember(manager, timezone.now() - RECENT)
    for url, body in ((URL, form()), (f"{URL}{webhook.pk}/secret/", {})):
        assert "password" in manager.post(url, body).text.lower()
    assert Webhook.objects.count() == 1
    assert again(webhook).secret == webhook.secret


def test_rotated_secret_is_shown_once(manager):
    webhook = factories.WebhookFactory()
    response = manager.post(f"{URL}{webhook.pk}/secret/")
    stored = again(webhook)
    assert f'value="{stored.secret}"' in response.text
    assert stored.former_secret == webhook.secret
    assert stored.secret not in manager.get(f"{URL}{webhook.pk}/").text


def test_steps_do_and_say_what_they_are(manager):
    webhook = factories.WebhookFactory(description="Bookkeeping")
    url = f"{URL}{webhook.pk}/"
    assert said(manager.post(f"{url}test/", follow=True)) == [
        "A test event is sent to Bookkeeping. Its page shows what comes of it."
    ]
    assert Event.objects.get().type == "integrations.webhook.tested"
    assert said(manager.post(f"{url}disable/", follow=True)) == ["Bookkeeping gets no more events."]
    assert again(webhook).disabled_because == "by_staff"
    assert said(manager.post(f"{url}test/", follow=True)) == [
        "This webhook is disabled. Nothing is sent before it is enabled again."
    ]
    assert said(manager.post(f"{url}enable/", follow=True)) == ["Bookkeeping gets events again."]
    assert again(webhook).is_active
    assert said(manager.post(f"{url}remove/", follow=True)) == ["Bookkeeping is deleted."]
    assert Webhook.objects.count() == 0
    assert manager.post(f"{url}explode/").status_code == 404


def test_page_shows_what_was_sent_and_sends_it_again(manager, now):
    delivery = factories.DeliveryFactory(state="failed", ended_at=now)
    factories.AttemptFactory(delivery=delivery, status=500, error="The receiver answered 500.")
    page = manager.get(f"{URL}{delivery.webhook_id}/").text
    assert delivery.type in page and "The receiver answered 500." in page
    response = manager.post(f"{URL}deliveries/{delivery.pk}/replay/", follow=True)
    assert said(response) == [f"Event {delivery.event_id} is sent again."]
    assert again(delivery).state == "waiting"


def test_span_is_sent_again_or_refused_at_its_field(manager):
    event = factories.EventFactory()
    webhook = factories.WebhookFactory(place=event.pk)
    url = f"{URL}{webhook.pk}/"
    response = manager.post(url, {"after": event.pk, "until": event.pk + 1})
    assert (response.status_code, list(response.context["form"].errors)) == (400, ["after"])
    response = manager.post(url, {"after": 0, "until": event.pk}, follow=True)
    assert said(response) == ["1 event is sent again."]
    assert Delivery.objects.get().event_id == event.pk


@pytest.mark.parametrize("number", [1, 30])
def test_pages_cost_the_same_for_every_length(manager, number, django_assert_max_num_queries):
    webhook = factories.WebhookFactory()
    factories.WebhookFactory.create_batch(number - 1)
    for delivery in factories.DeliveryFactory.create_batch(number, webhook=webhook):
        factories.AttemptFactory.create_batch(2, delivery=delivery)
    for url in (URL, f"{URL}{webhook.pk}/"):
        with django_assert_max_num_queries(12):
            manager.get(url)


@pytest.mark.parametrize("role", ["technician", "advisor"])
def test_pages_are_for_managers(client, role):
    client.force_login(factories.UserFactory(role=role))
    delivery = factories.DeliveryFactory()
    url = f"{URL}{delivery.webhook_id}/"
    assert client.get(URL).status_code == 403
    assert client.get(url).status_code == 403
    for step in ("test/", "disable/", "remove/", "secret/"):
        assert client.post(f"{url}{step}").status_code == 403
    assert client.post(f"{URL}deliveries/{delivery.pk}/replay/").status_code == 403
    assert again(delivery.webhook).is_active


@pytest.mark.django_db(transaction=True)
def test_name_is_looked_up_before_the_transaction(manager, monkeypatch):
    """A name server may take 40 s, for which other writers would wait on SQLite."""
    seen = []

    def lookup(host, port):
        seen.append((host, connection.in_atomic_block))
        return ["93.184.216.34"]

    monkeypatch.setattr(addresses, "lookup", lookup)
    assert manager.post(URL, form()).status_code == 200
    assert (seen, Webhook.objects.count()) == ([("hooks.example.com", False)], 1)


def test_waiting_deliveries_are_counted(manager, now):
    empty, busy = factories.WebhookFactory.create_batch(2)
    factories.DeliveryFactory.create_batch(3, webhook=busy)
    factories.DeliveryFactory.create_batch(2, webhook=busy, state="delivered", ended_at=now)
    rows = manager.get(URL).context["webhooks"]
    assert [(row.pk, row.waiting) for row in rows] == [(busy.pk, 3), (empty.pk, 0)]


@pytest.mark.skipif(settings.USE_POSTGRES, reason="PostgreSQL reads small tables without an index")
def test_waiting_deliveries_are_counted_by_their_index(manager):
    """A webhook may have millions of deliveries, of which few wait."""
    factories.DeliveryFactory()
    with CaptureQueriesContext(connection) as captured:
        manager.get(URL)
    [sql] = [query["sql"] for query in captured if '"waiting"' in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        plan = " ".join(row[3] for row in cursor.fetchall())
    assert "INDEX delivery_waiting" in plan, plan
