"""Mails of invoices, statements and receipts, over real SMTP."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from io import BytesIO

import pytest
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from pypdf import PdfReader

from billing.links import invoice_url, statement_url
from billing.models import Statement
from billing.papers.models import Paper
from billing.payments import refund
from billing.sending import NO_ADDRESS, Sent, send_invoice, send_receipt, send_statement
from billing.statements import make_statement
from billing.tasks import mail_invoice, mail_receipt, mail_statement
from common.domain.models import Event
from config import env
from testing import factories
from testing.billed import again, invoiced, pay
from testing.inbox import Inbox, link_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def inbox(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"
    with Inbox() as inbox:
        for name, value in env.mail("NO_SUCH_VARIABLE", inbox.url).items():
            setattr(settings, name, value)
        yield inbox


@pytest.fixture
def invoice(inbox, alice):
    """Return an invoice whose estimate was mailed before."""
    vehicle = factories.VehicleFactory(customer=alice, year=2011, make="VW", model="Golf")
    invoice = invoiced(vehicle=vehicle)
    inbox.messages.clear()
    DBTaskResult.objects.all().delete()
    return invoice


def bodies(message):
    return [message.get_body((kind,)).get_content() for kind in ("plain", "html")]


def last_event():
    event = Event.objects.latest("id")
    return event.type, event.payload["by"]


def test_invoice(inbox, invoice, alice):
    pay(invoice, "91.56")
    sent = send_invoice(again(invoice), by=alice.contact_id, now=timezone.now())
    assert sent == Sent(True, alice.contact.email)
    assert last_event() == ("billing.invoice.sent", alice.contact_id)
    [message] = inbox.messages
    assert (message["To"], message["Subject"]) == (alice.contact.email, f"Invoice {invoice.number}")
    for body in bodies(message):
        for text in (
            "Alice Cooper",
            "2011 VW Golf",
            "Total: $491.56",
            "Balance: $400.00",
            invoice_url(invoice),
        ):
            assert text in body
    assert re.fullmatch(r"http://localhost:8000/i/[\w-]{22}", link_of(message))
    assert Client().get(link_of(message).removeprefix("http://localhost:8000")).status_code == 200


def test_invoice_that_is_paid(inbox, invoice):
    pay(invoice, "491.56")
    send_invoice(again(invoice), by=None, now=timezone.now())
    assert all("It is paid." in body and "Balance" not in body for body in bodies(inbox.messages[0]))


def test_statement(inbox, invoice, alice):
    month = (timezone.now() + timedelta(days=31)).replace(day=2)
    statement = make_statement(alice, timezone.now().date(), now=month)
    assert send_statement(statement, by=None, now=month) == Sent(True, alice.contact.email)
    assert last_event() == ("billing.statement.sent", None)
    assert Statement.objects.get().sent_at == statement.sent_at == month
    [message] = inbox.messages
    assert message["Subject"] == f"Statement of {statement.month:%B %Y}"
    for body in bodies(message):
        text = " ".join(body.split())
        assert "You owed $491.56 on" in text and statement_url(statement) in text
    assert re.fullmatch(r"http://localhost:8000/s/[\w-]{22}", link_of(message))
    assert Client().get(link_of(message).removeprefix("http://localhost:8000")).status_code == 200


def test_statement_is_attached_and_a_retried_task_mails_the_same_paper(
    invoice, alice, settings, mailoutbox, monkeypatch
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    month = (timezone.now() + timedelta(days=31)).replace(day=2)
    statement = make_statement(alice, timezone.now().date(), now=month)
    mail_statement.call(statement.pk)
    stored = Paper.objects.get()
    monkeypatch.setattr("billing.papers.actions.render", None)  # it is not set again
    mail_statement.call(statement.pk)
    name = f"statement-{statement.month:%Y-%m}-{alice.pk}.pdf"
    first, second = ([tuple(file) for file in mail.attachments] for mail in mailoutbox)
    [(attached, content, kind)] = first
    assert (attached, kind, content[:5]) == (name, "application/pdf", b"%PDF-")
    assert second == first
    assert (Paper.objects.get(), sha256(content).hexdigest()) == (stored, stored.digest)
    assert all(statement_url(statement) in mail.body for mail in mailoutbox)


def test_receipt_is_attached(inbox, invoice, alice):
    payment = pay(invoice, "91.56", "check")
    assert send_receipt(payment, by=None, now=timezone.now()) == Sent(True, alice.contact.email)
    assert last_event() == ("billing.payment.receipt_sent", None)
    [message] = inbox.messages
    assert message["Subject"] == "Your receipt"
    for body in bodies(message):
        text = " ".join(body.split())
        assert "received $91.56 by check on" in text and f"Invoice {invoice.number}: $91.56" in text
        assert invoice_url(invoice) in text
    [attached] = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == (
        f"payment-{payment.pk}.pdf",
        "application/pdf",
    )
    assert "Received $91.56" in PdfReader(BytesIO(attached.get_content())).pages[0].extract_text()


def test_receipt_has_the_day_of_the_location(inbox, alice):
    location = factories.LocationFactory(time_zone="America/New_York")
    at = datetime(2026, 11, 30, 3, 35, tzinfo=UTC)  # the evening before
    payment = pay(None, "50.00", "cash", customer=alice, location=location, now=at)
    send_receipt(payment, by=None, now=at)
    [message] = inbox.messages
    for body in bodies(message):
        assert "received $50.00 by cash on 29 November 2026." in " ".join(body.split())


def test_receipt_of_a_refund(inbox, invoice, alice):
    payment = pay(None, "50.00", "cash", customer=alice, location=invoice.location)
    given = refund(payment=payment, amount=Decimal("20.00"), reason="Change", by=None, now=timezone.now())
    send_receipt(given, by=None, now=timezone.now())
    [message] = inbox.messages
    assert message["Subject"] == "Your refund"
    for body in bodies(message):
        assert "gave you back $20.00 by cash on" in " ".join(body.split()) and "/i/" not in body


def test_without_an_address_the_reason_is_told(inbox, invoice, alice):
    alice.contact.email = None
    alice.contact.save()
    now = timezone.now() + timedelta(days=31)
    statement = make_statement(alice, date(2026, 1, 1), now=now)
    payment = pay(invoice, "1.00")
    given = [
        send_invoice(again(invoice), by=None, now=now),
        send_statement(statement, by=None, now=now),
        send_receipt(again(payment), by=None, now=now),
    ]
    assert given == [Sent(False, reason=NO_ADDRESS)] * 3
    assert (inbox.messages, DBTaskResult.objects.count()) == ([], 0)
    assert Statement.objects.get().sent_at is None


def test_preferences_do_not_hold_the_mail_back(inbox, invoice, alice):
    alice.notification_preferences = dict.fromkeys(alice.notification_preferences, False)
    alice.save()
    send_invoice(again(invoice), by=None, now=timezone.now())
    assert len(inbox.messages) == 1


def test_tasks_of_what_is_gone_mail_nothing(inbox, invoice, alice):
    alice.contact.email = None
    alice.contact.save()
    mail_invoice.call(invoice.pk)
    for task in (mail_invoice, mail_statement, mail_receipt):
        task.call(0)
    assert inbox.messages == []


def test_links_of_an_old_key_are_printed_again(settings, invoice):
    before = invoice_url(invoice)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 50, [settings.SECRET_KEY]
    assert invoice_url(again(invoice)) == before
