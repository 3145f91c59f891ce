"""What customers are told by mail, over real SMTP: where their preferences allow it, and only after the commit."""

from __future__ import annotations

import pytest
from django.db import transaction

from accounts.tests.test_mail import post_office
from config import env
from customers import actions
from customers.models import Notification
from testing.servers import free_port

pytestmark = pytest.mark.django_db(transaction=True)


def tell(customer, now, kind="ORDER", **more):
    told = {"title": "Order Update", "message": "Your order ORD123 has been <shipped>"} | more
    return actions.notify(customer_id=customer.pk, type=kind, now=now, **told)


def test_a_notification_travels_by_smtp(alice, now, settings):
    settings.DEFAULT_FROM_EMAIL = "Garage <service@garage.example>"
    with post_office(settings) as postbox:
        tell(alice, now, title="Order\nUpdate")
    (letter,) = postbox.letters
    assert (letter["To"], letter["From"], letter["Subject"]) == (
        alice.contact.email, "Garage <service@garage.example>", "Order Update"
    )  # fmt: skip
    text, html = (letter.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html"))
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
def test_what_is_switched_off_is_not_mailed(alice, now, mailoutbox, off, mailed):
    actions.change_profile(customer_id=alice.pk, notification_preferences={off: False})
    for kind in ("ORDER", "REFUND", "SUPPORT", "REPAIR_ORDER"):
        tell(alice, now, kind, title=kind)
    assert [mail.subject for mail in mailoutbox] == mailed
    assert Notification.objects.count() == 4


def test_who_has_no_address_is_told_in_his_list_alone(alice, now, mailoutbox):
    alice.contact.email = None
    alice.contact.save()
    tell(alice, now)
    alice.contact.delete()
    tell(alice, now)
    assert (mailoutbox, Notification.objects.count()) == ([], 2)


def test_nothing_is_mailed_before_the_commit(alice, now, mailoutbox):
    with transaction.atomic():
        tell(alice, now)
        assert mailoutbox == []
    assert len(mailoutbox) == 1
    with transaction.atomic():
        tell(alice, now)
        transaction.set_rollback(True)
    assert len(mailoutbox) == 1


def test_a_mail_server_that_is_away_is_no_fault_of_the_action(alice, now, settings):
    for name, value in env.mail("NO_SUCH_VARIABLE", f"smtp://127.0.0.1:{free_port()}").items():
        setattr(settings, name, value)
    assert tell(alice, now).pk
