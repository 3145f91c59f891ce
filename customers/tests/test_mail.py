"""Emails with notifications, over real SMTP: sent after the commit, if the preferences allow them."""

from __future__ import annotations

import pytest
from django.db import transaction

from accounts.tests.test_mail import smtp_server
from config import env
from customers import actions
from customers.models import Notification
from testing.servers import free_port

pytestmark = pytest.mark.django_db(transaction=True)


def send(customer, now, kind="ORDER", **more):
    text = {"title": "Order Update", "message": "Your order ORD123 has been <shipped>"} | more
    return actions.notify(customer_id=customer.pk, type=kind, now=now, **text)


def test_notification_is_sent_by_smtp(alice, now, settings):
    settings.DEFAULT_FROM_EMAIL = "Garage <service@garage.example>"
    with smtp_server(settings) as inbox:
        send(alice, now)
    (message,) = inbox.messages
    assert (message["To"], message["From"], message["Subject"]) == (
        alice.contact.email, "Garage <service@garage.example>", "Order Update"
    )  # fmt: skip
    text, html = (message.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html"))
    assert text.startswith("Hello Alice,\n\nYour order ORD123 has been <shipped>\n")
    assert "has been &lt;shipped&gt;" in html


@pytest.mark.parametrize(
    ("off", "mailed"),
    [
        ("order_updates", ["REFUND", "SUPPORT", "REPAIR_ORDER"]),
        ("refund_updates", ["ORDER", "SUPPORT", "REPAIR_ORDER"]),
        ("support_replies", ["ORDER", "REFUND", "REPAIR_ORDER"]),
        ("email", []),
    ],
)
def test_kind_that_is_off_is_not_mailed(alice, now, mailoutbox, off, mailed):
    actions.change_profile(customer_id=alice.pk, notification_preferences={off: False})
    for kind in ("ORDER", "REFUND", "SUPPORT", "REPAIR_ORDER"):
        send(alice, now, kind, title=kind)
    assert [mail.subject for mail in mailoutbox] == mailed
    assert Notification.objects.count() == 4


def test_customer_without_email_gets_notification_without_mail(alice, now, mailoutbox):
    alice.contact.email = None
    alice.contact.save()
    send(alice, now)
    alice.contact.delete()
    send(alice, now)
    assert (mailoutbox, Notification.objects.count()) == ([], 2)


def test_mail_is_sent_after_commit(alice, now, mailoutbox):
    with transaction.atomic():
        send(alice, now)
        assert mailoutbox == []
    assert len(mailoutbox) == 1
    with transaction.atomic():
        send(alice, now)
        transaction.set_rollback(True)
    assert len(mailoutbox) == 1


def test_unreachable_mail_server_does_not_fail_action(alice, now, settings):
    for name, value in env.mail("NO_SUCH_VARIABLE", f"smtp://127.0.0.1:{free_port()}").items():
        setattr(settings, name, value)
    assert send(alice, now).pk
