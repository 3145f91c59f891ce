"""The staff's API for webhooks and what is sent to them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from common.domain.models import Event, IdempotencyKey
from integrations.models import Attempt, Delivery, Webhook
from integrations.webhooks import addresses
from testing import factories
from testing.billed import again

pytestmark = pytest.mark.django_db
URL = "/api/shop/webhooks/"
HOOK = "https://hooks.example.com/garage"


@pytest.fixture
def manager():
    return factories.UserFactory(role="manager")


@pytest.fixture
def as_manager(manager, sign_in):
    return sign_in(manager)


def iso(instant):
    return instant.isoformat().replace("+00:00", "Z")


def row_of(webhook, /, **changed):
    return {
        "id": webhook.pk,
        "url": webhook.url,
        "description": "",
        "types": [],
        "is_active": True,
        "disabled_at": None,
        "disabled_because": "",
        "failing_since": None,
        "last_delivered_at": None,
        "former_secret_until": None,
        "created_at": iso(webhook.created_at),
        "created_by_id": None,
        **changed,
    }


def delivery_row(delivery, /, **changed):
    return {
        "id": delivery.pk,
        "webhook_id": delivery.webhook_id,
        "event_id": delivery.event_id,
        "type": delivery.type,
        "subject": delivery.subject,
        "message_id": f"msg_{delivery.uuid.hex}",
        "state": "waiting",
        "created_at": iso(delivery.created_at),
        "due_at": iso(delivery.due_at),
        "ended_at": None,
        "attempts": [],
        **changed,
    }


def test_list_is_newest_first_and_filtered(as_manager, now):
    first = factories.WebhookFactory()
    second = factories.WebhookFactory(disabled_at=now, disabled_because="failed", types=["billing.*"])
    rows = [
        row_of(second, is_active=False, disabled_at=iso(now), disabled_because="failed", types=["billing.*"]),
        row_of(first),
    ]
    assert as_manager.get(URL).json() == {"results": rows, "count": 2, "next": None, "previous": None}
    assert as_manager.get(URL, {"active": "true"}).json()["results"] == rows[1:]
    assert as_manager.get(f"{URL}{first.pk}/").json() == rows[1]


@pytest.mark.parametrize("number", [1, 30])
def test_lists_cost_the_same_for_every_length(as_manager, number, django_assert_num_queries):
    webhook = factories.WebhookFactory()
    factories.WebhookFactory.create_batch(number - 1)
    for delivery in factories.DeliveryFactory.create_batch(number, webhook=webhook):
        factories.AttemptFactory.create_batch(2, delivery=delivery)
    with django_assert_num_queries(2):
        as_manager.get(URL)
    with django_assert_num_queries(3):
        as_manager.get(f"{URL}{webhook.pk}/deliveries/")


def test_secret_is_in_the_response_alone(as_manager, manager):
    body = {"url": HOOK, "description": "Bookkeeping", "types": ["billing.*"]}
    response = as_manager.post(URL, body, format="json")
    made = Webhook.objects.get()
    row = row_of(made, description="Bookkeeping", types=["billing.*"], created_by_id=manager.pk)
    assert (response.status_code, response.json()) == (201, {**row, "secret": made.secret})
    assert as_manager.get(f"{URL}{made.pk}/").json() == row


@pytest.mark.parametrize("rotates", [False, True])
def test_replay_has_no_secret_and_none_is_stored(as_manager, rotates):
    url = f"{URL}{factories.WebhookFactory().pk}/rotate-secret/" if rotates else URL
    body = {} if rotates else {"url": HOOK}

    def send():
        return as_manager.post(url, body, format="json", headers={"Idempotency-Key": "once"})

    first, second = send(), send()
    secret = first.json()["secret"]
    assert second.json() == {**first.json(), "secret": None}
    assert second["Idempotent-Replayed"] == "true"
    assert secret not in IdempotencyKey.objects.get().body
    assert Webhook.objects.latest("id").secret == secret


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"url": "http://hooks.example.com/"}, {"url"}),
        ({"url": "https://[::1]/"}, {"url"}),
        ({"url": "https://169.254.169.254/latest/"}, {"url"}),
        ({"url": ""}, {"url"}),
        ({"types": ["billing.*", "billing.paid"]}, {"types[1]"}),
        ({"description": "x" * 201}, {"description"}),
        ({"secret": "whsec_bWluZQ=="}, {"secret"}),
    ],
)
def test_wrong_body_names_what_is_wrong(as_manager, wrong, fields):
    response = as_manager.post(URL, {"url": HOOK, **wrong}, format="json")
    assert (response.status_code, set(response.json()["fields"])) == (400, fields)
    assert Webhook.objects.count() == 0


def test_webhook_is_changed_disabled_and_enabled(as_manager):
    webhook = factories.WebhookFactory()
    url = f"{URL}{webhook.pk}/"
    body = {"url": HOOK, "types": ["orders.*"], "is_active": False}
    response = as_manager.patch(url, body, format="json")
    webhook = again(webhook)
    disabled = row_of(
        webhook,
        types=["orders.*"],
        is_active=False,
        disabled_at=iso(webhook.disabled_at),
        disabled_because="by_staff",
    )
    assert (webhook.url, response.status_code, response.json()) == (HOOK, 200, disabled)
    response = as_manager.patch(url, {"is_active": True}, format="json")
    assert response.json() == row_of(webhook, types=["orders.*"])
    response = as_manager.patch(url, {"url": "https://10.0.0.1/"}, format="json")
    assert (response.status_code, again(webhook).url) == (400, HOOK)


@pytest.mark.django_db(transaction=True)
def test_webhook_is_deleted(as_manager):
    delivery = factories.DeliveryFactory()
    assert as_manager.delete(f"{URL}{delivery.webhook_id}/").status_code == 204
    assert (Webhook.objects.count(), Delivery.objects.count()) == (0, 0)


def test_webhook_that_is_being_deleted_is_not_there(as_manager):
    delivery = factories.DeliveryFactory()
    assert as_manager.delete(f"{URL}{delivery.webhook_id}/").status_code == 204
    url = f"{URL}{delivery.webhook_id}/"
    assert [as_manager.get(url).status_code, as_manager.get(f"{url}deliveries/").status_code] == [404, 404]
    assert as_manager.post(f"{URL}deliveries/{delivery.pk}/replay/").status_code == 404
    assert as_manager.delete(url).status_code == 404
    assert as_manager.get(URL).json()["results"] == []


def test_test_is_an_event_of_the_webhook(as_manager, manager):
    webhook = factories.WebhookFactory()
    response = as_manager.post(f"{URL}{webhook.pk}/test/")
    assert (response.status_code, response.json()) == (200, row_of(webhook))
    [event] = Event.objects.all()
    assert (event.type, event.payload) == (
        "integrations.webhook.tested",
        {"id": webhook.pk, "uuid": str(webhook.uuid), "by": manager.pk},
    )


def test_secret_is_rotated(as_manager):
    webhook = factories.WebhookFactory()
    response = as_manager.post(f"{URL}{webhook.pk}/rotate-secret/")
    stored = again(webhook)
    row = row_of(webhook, former_secret_until=iso(stored.former_secret_until))
    assert (response.status_code, response.json()) == (200, {**row, "secret": stored.secret})
    assert stored.former_secret == webhook.secret


def test_deliveries_are_newest_first_with_their_attempts(as_manager, now):
    webhook = factories.WebhookFactory()
    first = factories.DeliveryFactory(webhook=webhook, state="delivered", ended_at=now)
    for status, error in ((500, "The receiver answered 500."), (204, "")):
        factories.AttemptFactory(delivery=first, at=now, status=status, error=error)
    second = factories.DeliveryFactory(webhook=webhook)
    factories.DeliveryFactory()
    attempts = [
        {"at": iso(now), "status": 500, "error": "The receiver answered 500.", "milliseconds": 12},
        {"at": iso(now), "status": 204, "error": "", "milliseconds": 12},
    ]
    rows = [
        delivery_row(second),
        delivery_row(first, state="delivered", due_at=None, ended_at=iso(now), attempts=attempts),
    ]
    url = f"{URL}{webhook.pk}/deliveries/"
    assert as_manager.get(url).json() == {"results": rows, "count": 2, "next": None, "previous": None}
    assert as_manager.get(url, {"state": "delivered,failed"}).json()["results"] == rows[1:]
    assert as_manager.get(f"{URL}9999/deliveries/").status_code == 404


def test_delivery_is_sent_again(as_manager, now):
    delivery = factories.DeliveryFactory(
        state="failed", created_at=now - timedelta(days=3), ended_at=now, tries=19
    )
    response = as_manager.post(f"{URL}deliveries/{delivery.pk}/replay/")
    assert (response.status_code, response.json()) == (200, delivery_row(again(delivery)))
    assert as_manager.post(f"{URL}deliveries/9999/replay/").status_code == 404


def test_span_is_sent_again(as_manager):
    event = factories.EventFactory()
    webhook = factories.WebhookFactory(place=event.pk)
    body = {"after": 0, "until": event.pk}
    response = as_manager.post(f"{URL}{webhook.pk}/replay/", body, format="json")
    assert (response.status_code, response.json()) == (200, {**row_of(webhook), "replayed": 1})
    assert webhook.deliveries.get().event_id == event.pk


@pytest.mark.parametrize("step", ["test/", "replay/"])
def test_disabled_webhook_refuses_steps(as_manager, now, step):
    webhook = factories.WebhookFactory(disabled_at=now, disabled_because="gone")
    body = {"after": 0, "until": 1} if step == "replay/" else {}
    response = as_manager.post(f"{URL}{webhook.pk}/{step}", body, format="json")
    assert (response.status_code, response.json()) == (
        409,
        {
            "error": "The webhook is disabled",
            "detail": "This webhook is disabled. Nothing is sent before it is enabled again.",
            "code": "webhook_is_disabled",
        },
    )
    assert (Event.objects.count(), Delivery.objects.count(), Attempt.objects.count()) == (0, 0, 0)


def test_webhooks_are_managed_by_people(api):
    """A URL that a stolen key added would get events after the key was revoked."""
    delivery = factories.DeliveryFactory()
    webhook, headers = (
        delivery.webhook,
        {"Authorization": f"Api-Key {factories.ApiKeyFactory().name}"},
    )
    url = f"{URL}{webhook.pk}/"
    before = row_of(webhook)
    for method, address, body in (
        ("post", URL, {"url": HOOK}),
        ("patch", url, {"url": HOOK}),
        ("delete", url, None),
        ("post", f"{url}test/", None),
        ("post", f"{url}replay/", {"after": 0, "until": delivery.event_id}),
        ("post", f"{url}rotate-secret/", None),
        ("post", f"{URL}deliveries/{delivery.pk}/replay/", None),
    ):
        response = getattr(api, method)(address, body, format="json", headers=headers)
        assert (response.status_code, response.json()) == (
            403,
            {
                "error": "Access denied",
                "detail": "API keys and webhooks are managed by people, not by API keys.",
                "code": "people_only",
            },
        ), (method, address)
    part = {"method": "POST", "path": URL, "body": {"url": HOOK}}
    batch = api.post("/api/shop/batch/", {"requests": [part]}, format="json", headers=headers)
    assert [result["status"] for result in batch.json()["results"]] == [403]
    assert (Webhook.objects.count(), again(webhook).secret) == (1, webhook.secret)
    assert api.get(url, headers=headers).json() == before
    assert api.get(f"{url}deliveries/", headers=headers).json()["results"] == [delivery_row(delivery)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("header", ["Idempotency-Key", "If-Match"])
@pytest.mark.parametrize("host", ["slow.example.net", "missing.example.net"])
def test_name_is_looked_up_before_the_transaction(as_manager, monkeypatch, header, host):
    """A name server may take 40 s, for which other writers would wait on SQLite."""
    webhook = factories.WebhookFactory()
    url = f"{URL}{webhook.pk}/"
    seen = []

    def lookup(host, port):
        seen.append((host, connection.in_atomic_block))
        if host.startswith("missing"):
            raise OSError("not found")
        return ["93.184.216.34"]

    monkeypatch.setattr(addresses, "lookup", lookup)
    body, value = {"url": f" https://{host}/ "}, as_manager.get(url)["ETag"]
    changed = as_manager.patch(url, body, format="json", headers={header: value})
    assert (changed.status_code, again(webhook).url) == (200, f"https://{host}/")
    if header == "Idempotency-Key":
        assert as_manager.post(URL, body, format="json", headers={header: "new"}).status_code == 201
    assert set(seen) == {(host, False)}


def test_missing_webhook_is_a_404_before_its_url_is_looked_up(as_manager, monkeypatch):
    monkeypatch.setattr(addresses, "lookup", lambda *args: pytest.fail("looked up"))
    assert as_manager.patch(f"{URL}999/", {"url": HOOK}, format="json").status_code == 404


def test_etag_does_not_change_with_each_delivery(as_manager, now):
    webhook = factories.WebhookFactory()
    url = f"{URL}{webhook.pk}/"
    etag = as_manager.get(url)["ETag"]
    Webhook.objects.update(last_delivered_at=now, failing_since=now, failures=3)
    assert as_manager.get(url)["ETag"] == etag
    response = as_manager.patch(url, {"description": "Books"}, format="json", headers={"If-Match": etag})
    row = row_of(webhook, description="Books", last_delivered_at=iso(now), failing_since=iso(now))
    assert (response.status_code, response.json()) == (200, row)
    refused = as_manager.patch(url, {"description": "Other"}, format="json", headers={"If-Match": etag})
    assert (refused.status_code, refused.json()) == (
        412,
        {
            "error": "Row has changed",
            "detail": "The webhook has changed since it was read: description.",
            "code": "row_changed",
            "changed": ["description"],
            "etag": response["ETag"],
            "row": row,
        },
    )
