"""The page behind the link of a reminder, which stops reminders."""

from __future__ import annotations

import pytest
from django.test import Client

from customers.models import Customer
from portal.tests.link.conftest import text_of
from reminders.links import STOP_LINKS, stop_url
from testing import factories
from testing.suites import stored

pytestmark = pytest.mark.django_db
ON = {"email": True, "order_updates": True, "refund_updates": True, "support_replies": True}
OFF = "Stopped You get no reminders of regular work that is due any more."


@pytest.fixture
def mail(alice):
    return factories.ReminderMailFactory(customer=alice)


def url(mail):
    return f"/r/{STOP_LINKS.token_of(mail.uuid)[0]}"


def preferences(mail):
    return Customer.objects.get(pk=mail.customer_id).notification_preferences


def test_get_and_head_show_the_kinds_and_change_nothing(client, mail):
    before = stored(mail.customer)
    assert client.head(url(mail)).status_code == 200
    page = client.get(url(mail))
    assert page.status_code == 200
    assert text_of(page) == (
        "Your reminders Skip to the content Your reminders Reminders of regular work that is due "
        "You get these reminders by email. Stop these reminders All kinds Remind me by email of "
        "Regular work that is due Work that was put off Parking that ends Membership that renews or ends Save"
    )
    assert page.content.count(b" checked") == 4
    assert stored(mail.customer) == before


@pytest.mark.parametrize("body", [{}, {"List-Unsubscribe": "One-Click"}])
def test_post_of_a_mail_program_or_of_the_button_stops_the_kind(mail, body):
    client = Client(enforce_csrf_checks=True)  # a mail program has neither cookie nor token
    page = client.post(url(mail), body)
    assert (page.status_code, page.cookies) == (200, {})
    assert OFF in text_of(page)
    assert preferences(mail) == ON | {"service_reminders": False}
    assert client.post(url(mail), body).status_code == 200  # again
    assert preferences(mail) == ON | {"service_reminders": False}


def test_form_chooses_the_kinds(client, mail):
    page = client.post(url(mail), {"choose": "yes", "kinds": ["parking", "membership", "unknown"]})
    assert "Your choice is saved." in text_of(page)
    assert page.content.count(b" checked") == 2
    kinds = {"service_reminders": False, "put_off_reminders": False}
    assert preferences(mail) == ON | kinds | {"parking_reminders": True, "membership_reminders": True}
    page = client.post(url(mail), {"choose": "yes", "kinds": ["service"]})
    assert "You get these reminders by email." in text_of(page)


def test_link_of_another_login_leaves_the_kinds_of_the_contact(client, alice, bob):
    mail = factories.ReminderMailFactory(customer=alice, kind="parking", user=bob.contact)
    page = client.post(url(mail), {"choose": "yes", "kinds": ["service"]})
    assert page.content.count(b'type="checkbox"') == 2
    assert preferences(mail) == ON | {"parking_reminders": False, "membership_reminders": False}
    own = factories.ReminderMailFactory(customer=alice, kind="parking", user=alice.contact)
    assert client.get(url(own)).content.count(b'type="checkbox"') == 4


def test_customer_with_the_most_kinds_can_stop(client, mail):
    Customer.objects.update(notification_preferences={f"kind{number}": True for number in range(50)})
    assert client.post(url(mail)).status_code == 200
    assert preferences(mail)["service_reminders"] is False


def test_page_says_that_email_is_off(client, mail):
    Customer.objects.update(notification_preferences=ON | {"email": False})
    assert "Emails are off in your settings" in text_of(client.get(url(mail)))


def test_contract_002_keeps_its_four_kinds(client, mail, sign_in):
    client.post(url(mail))
    settings = sign_in(mail.customer.contact).get("/api/v1/customer/settings").json()
    assert settings["notifications"] == ON


def test_unknown_link_opens_and_changes_nothing(client, mail):
    before = stored(mail.customer)
    for token in ("unknown", str(mail.uuid), mail.token_hash, str(mail.pk), "%00", url(mail)[3:-1]):
        for method in (client.get, client.post):
            page = method(f"/r/{token}")
            assert page.status_code == 410
            assert "This link opens nothing" in text_of(page)
    assert stored(mail.customer) == before


def test_token_of_another_kind_of_link_opens_nothing(client, mail):
    token = url(mail)[3:]
    assert [client.get(f"/{kind}/{token}").status_code for kind in "eis"] == [410] * 3


def test_other_methods_are_405(client, mail):
    assert [method(url(mail)).status_code for method in (client.put, client.patch, client.delete)] == [
        405
    ] * 3


def test_unknown_tokens_are_counted(client, mail, settings):
    settings.RATE_ADDRESS = 3
    answers = [client.post(f"/r/guess{number}").status_code for number in range(4)]
    assert answers == [410, 410, 410, 429]
    assert client.get(url(mail)).status_code == 429


def test_link_of_the_mail_is_the_one_of_its_row_also_after_the_key_was_changed(client, mail, settings):
    link = stop_url(mail)
    assert link == f"{settings.PUBLIC_URL}{url(mail)}"
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 10, [old]
    assert stop_url(mail) == link
    assert client.get(link.removeprefix(settings.PUBLIC_URL)).status_code == 200


def test_every_response_is_private_and_masked_in_the_log(mail, caplog):
    caplog.set_level("DEBUG")
    client = Client(enforce_csrf_checks=True)
    for path in (url(mail), "/r/unknown"):
        for method in (client.get, client.post):
            page = method(path)
            assert page["Referrer-Policy"] == "no-referrer"
            assert page["X-Robots-Tag"] == "noindex, nofollow, noarchive"
            assert "no-store" in page["Cache-Control"]
            assert not page.cookies
    logged = [record.args["request"] for record in caplog.records if record.name == "garage.requests"]
    assert logged == ["GET /r/…", "POST /r/…"] * 2
    assert url(mail)[3:] not in caplog.text
