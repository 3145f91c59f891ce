"""The email with the link, over real SMTP."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from config import env
from portal.tests.link.conftest import add, path_of
from repair_orders.estimates.actions import send_estimate
from repair_orders.estimates.links import link_of as url_of
from repair_orders.estimates.tasks import mail_estimate
from testing.inbox import Inbox, link_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def inbox(settings):
    with Inbox() as inbox:
        for name, value in env.mail("NO_SUCH_VARIABLE", inbox.url).items():
            setattr(settings, name, value)
        yield inbox


def test_link_of_the_mail_opens_the_estimate(inbox, order, alice):
    estimate = send_estimate(order=order, by=None, now=timezone.now())
    [message] = inbox.messages
    subject = "Springfield Garage LLC: your estimate for the 2011 Volkswagen Golf, $734.00"
    assert (message["To"], message["Subject"]) == (alice.contact.email, subject)
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for body in (text, html):
        assert "Springfield Garage LLC" in body and "734.00" in body and "Front brakes" in body
        assert url_of(estimate) in body
    assert link_of(message) == url_of(estimate)
    assert re.fullmatch(r"http://localhost:8000/e/[\w-]{22}", url_of(estimate))
    assert Client().get(path_of(estimate)).status_code == 200


def test_preferences_do_not_hold_the_mail_back(inbox, order, alice):
    alice.notification_preferences = dict.fromkeys(alice.notification_preferences, False)
    alice.save()
    send_estimate(order=order, by=None, now=timezone.now())
    assert len(inbox.messages) == 1


def test_nothing_is_mailed_without_an_address(inbox, order, alice):
    alice.contact.email = None
    alice.contact.save()
    estimate = send_estimate(order=order, by=None, now=timezone.now())
    assert (inbox.messages, estimate.sent_to) == ([], "")
    assert Client().get(path_of(estimate)).status_code == 200


def test_superseded_revision_is_not_mailed_late(inbox, order):
    first = send_estimate(order=order, by=None, now=timezone.now() - timedelta(hours=1))
    add(order, "Tie rod", price="40.00", labour="50.00")
    send_estimate(order=order, by=None, now=timezone.now())
    assert len(inbox.messages) == 2
    mail_estimate.call(first.pk)
    assert len(inbox.messages) == 2
