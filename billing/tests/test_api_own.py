"""Customers' invoices, statements and account in contracts 000 and 001: states, filters and visibility."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from billing.credit_notes import credit_all, credit_amount
from billing.invoices import issue_invoice
from billing.papers.actions import credit_note_paper, invoice_paper, receipt_paper, statement_paper
from billing.papers.models import Paper
from billing.payments import refund
from billing.states import invoice_state
from testing import factories
from testing.billed import again, completed, invoiced, pay, stored_invoice, stored_statement
from testing.clients import signed_in

pytestmark = pytest.mark.django_db
D = Decimal

PATHS = {
    "shop": {
        "invoices": "/api/shop/invoices/customers/me/invoices/",
        "statements": "/api/shop/statements/customers/me/statements/",
        "account": "/api/shop/invoices/customers/me/account/",
        "credit-notes": "/api/shop/invoices/customers/me/credit-notes/",
        "payments": "/api/shop/invoices/customers/me/payments/",
    },
    "fleet": {
        "invoices": "/customer/api/invoices/",
        "statements": "/customer/api/statements/",
        "account": "/customer/api/account/",
        "credit-notes": "/customer/api/credit-notes/",
        "payments": "/customer/api/payments/",
    },
}


class Door:
    """The routes of one contract, called by one login."""

    def __init__(self, name, user):
        self.name = name
        self.client = signed_in(user) if name == "shop" else Client()
        if name == "fleet":
            self.client.force_login(user)

    def get(self, noun, path="", params=None):
        return self.client.get(f"{PATHS[self.name][noun]}{path}", params or {})

    def rows(self, noun="invoices", **params):
        body = self.get(noun, params=params).json()
        return body["results"] if self.name == "shop" else body

    def missing(self, text):
        return {"error": "Not found", "detail": text} if self.name == "shop" else {"error": text}


@pytest.fixture(params=["shop", "fleet"])
def contract(request):
    return request.param


@pytest.fixture
def door(contract, alice):
    return Door(contract, alice.contact)


def ids(rows):
    return [row["id"] for row in rows]


class TestStates:
    def test_list_and_row_have_the_same_state_and_filters_follow_it(self, door, alice):
        today = timezone.localdate()
        open_, overdue = (stored_invoice(alice, due_on=today - timedelta(days=late)) for late in (0, 1))
        paid, credited = (invoiced(vehicle=factories.VehicleFactory(customer=alice)) for _ in range(2))
        pay(paid, "491.56")
        credit_all(invoice=again(credited), reason="Wrong name", by=None, now=timezone.now())
        states = {
            open_.pk: "open",
            overdue.pk: "overdue",
            paid.pk: "paid",
            credited.pk: "credited",
        }
        assert {row["id"]: row["state"] for row in door.rows()} == states
        assert {key: door.get("invoices", f"{key}/").json()["state"] for key in states} == states
        for params, found in [
            ({"open": "true"}, {open_, overdue}),
            ({"open": "false"}, {paid, credited}),
            ({"overdue": "true"}, {overdue}),
            ({"overdue": "false"}, {open_, paid, credited}),
            ({"open": "true", "overdue": "false"}, {open_}),
        ]:
            assert set(ids(door.rows(**params))) == {invoice.pk for invoice in found}

    def test_due_date_ends_where_the_location_is(self, door, alice, monkeypatch):
        zone = ZoneInfo("Pacific/Honolulu")
        place = factories.LocationFactory(time_zone=str(zone))
        other = factories.LocationFactory(time_zone="Pacific/Auckland")
        due_on = datetime(2026, 3, 1, tzinfo=zone).date()
        here, ahead = (stored_invoice(alice, due_on=due_on, location=at) for at in (place, other))
        for at, state in (
            (datetime(2026, 3, 1, 23, 59, tzinfo=zone), "open"),
            (datetime(2026, 3, 2, 0, 0, tzinfo=zone), "overdue"),
        ):
            monkeypatch.setattr(timezone, "now", lambda at=at: at)
            states = {here.pk: state, ahead.pk: "overdue"}
            assert {row["id"]: row["state"] for row in door.rows()} == states
            assert {key: door.get("invoices", f"{key}/").json()["state"] for key in states} == states
            late = {key for key in states if states[key] == "overdue"}
            assert set(ids(door.rows(overdue="true"))) == late
            assert set(ids(door.rows(overdue="false"))) == states.keys() - late

    def test_order_of_nothing_is_paid(self):
        now = timezone.now()
        assert invoice_state(D("0.00"), False, now.date() - timedelta(days=9), "UTC", now) == "paid"


class TestVisibility:
    def test_rows_of_others_are_missing(self, contract, alice, bob):
        invoice, statement = stored_invoice(alice), stored_statement(alice)
        stranger = Door(contract, bob.contact)
        assert (stranger.rows(), stranger.rows("statements")) == ([], [])
        for key in (invoice.pk, 10**9):
            response = stranger.get("invoices", f"{key}/")
            assert (response.status_code, response.json()) == (404, stranger.missing("Invoice not found"))
        assert ids(Door(contract, alice.contact).rows("statements")) == [statement.pk]
        assert float(stranger.get("account").json()["invoiced"]) == 0

    def test_payer_sees_it_and_the_owner_of_the_vehicle_does_not(self, contract, alice, bob):
        order = completed(vehicle=factories.VehicleFactory(customer=alice, unit_number="A123"))
        invoice = issue_invoice(order=order, by=None, now=timezone.now(), bill_to=bob)
        owner, payer = Door(contract, alice.contact), Door(contract, bob.contact)
        assert (owner.rows(), owner.get("invoices", f"{invoice.pk}/").status_code) == ([], 404)
        assert ids(payer.rows()) == [invoice.pk]
        body = payer.get("invoices", f"{invoice.pk}/").json()
        assert (body["customer_name"], body["balance"]) == (
            "Alice Cooper",
            "491.56" if contract == "shop" else 491.56,
        )

    def test_vehicle_that_moved_shows_nothing_of_its_new_owner(self, door, alice, bob):
        vehicle = factories.VehicleFactory(customer=alice, unit_number="A123")
        invoice = invoiced(vehicle=vehicle)
        vehicle.customer, vehicle.unit_number = bob, "Bob 1"
        vehicle.save()
        assert ids(door.rows()) == [invoice.pk]
        assert "Bob" not in door.get("invoices").content.decode()
        assert "Bob" not in door.get("invoices", f"{invoice.pk}/").content.decode()

    def test_colleague_and_viewer_of_the_company_read(self, contract, alice):
        invoice, statement = stored_invoice(alice), stored_statement(alice)
        for role in ("owner", "viewer"):
            colleague = Door(contract, factories.CustomerUserFactory(customer=alice, role=role).user)
            assert ids(colleague.rows()) == [invoice.pk]
            assert colleague.get("invoices", f"{invoice.pk}/").status_code == 200
            assert ids(colleague.rows("statements")) == [statement.pk]
            assert colleague.get("account").status_code == 200


class TestPapers:
    @pytest.fixture(autouse=True)
    def uploads(self, settings, tmp_path):
        settings.UPLOADS_DIR = tmp_path / "uploads"

    @pytest.fixture
    def papers(self, alice):
        """Return noun and id -> the stored paper, of everything that Alice has a paper of."""
        invoice = invoiced(vehicle=factories.VehicleFactory(customer=alice))
        payment = pay(invoice, "491.56")
        now = timezone.now()
        note = credit_amount(invoice=again(invoice), amount=D("5.00"), reason="Late", by=None, now=now)
        given = refund(payment=again(payment), amount=D("5.00"), reason="Late", by=None, now=now)
        statement = stored_statement(alice)
        return {
            ("invoices", invoice.pk): lambda: invoice_paper(invoice, now=now),
            ("credit-notes", note.pk): lambda: credit_note_paper(note, now=now),
            ("payments", payment.pk): lambda: receipt_paper(payment, now=now),
            ("payments", given.pk): lambda: receipt_paper(given, now=now),
            ("statements", statement.pk): lambda: statement_paper(statement, now=now),
        }

    def test_papers_are_the_stored_files(self, door, papers):
        for (noun, key), stored in papers.items():
            response = door.get(noun, f"{key}/pdf/")
            assert (response.status_code, response.content) == (200, stored().content)
            assert response.headers["Content-Type"] == "application/pdf"
            assert response.headers["Content-Disposition"] == f'inline; filename="{stored().name}"'
            assert response.headers["Cache-Control"] == "private, no-store"

    def test_viewer_downloads_and_strangers_set_nothing(self, contract, alice, bob, papers):
        stranger = Door(contract, bob.contact)
        nouns = {
            "invoices": "Invoice",
            "credit-notes": "Credit note",
            "payments": "Payment",
            "statements": "Statement",
        }
        for noun, key in papers:
            for wanted in (key, 10**9):
                response = stranger.get(noun, f"{wanted}/pdf/")
                missing = stranger.missing(f"{nouns[noun]} not found")
                assert (response.status_code, response.json()) == (404, missing)
        assert not Paper.objects.exists()
        viewer = Door(contract, factories.CustomerUserFactory(customer=alice, role="viewer").user)
        assert {viewer.get(noun, f"{key}/pdf/").status_code for noun, key in papers} == {200}

    def test_payer_gets_the_paper_and_the_owner_of_the_vehicle_does_not(self, contract, alice, bob):
        order = completed(vehicle=factories.VehicleFactory(customer=alice))
        invoice = issue_invoice(order=order, by=None, now=timezone.now(), bill_to=bob)
        doors = (Door(contract, customer.contact) for customer in (alice, bob))
        assert [door.get("invoices", f"{invoice.pk}/pdf/").status_code for door in doors] == [404, 200]


@pytest.mark.parametrize("noun", ["invoices", "account"])
def test_wrong_parameter_and_method(door, alice, noun):
    path = f"{stored_invoice(alice).pk}/" if noun == "invoices" else ""
    response = door.get(noun, path, {"colour": "red"})
    message = "colour: Unknown parameter."
    bodies = {
        "shop": {"error": "Invalid input", "detail": message, "fields": {"colour": ["Unknown parameter."]}},
        "fleet": {"error": message},
    }
    assert (response.status_code, response.json()) == (400, bodies[door.name])
    assert door.client.delete(f"{PATHS[door.name][noun]}{path}").status_code == 405
    assert door.get(noun, "abc/").status_code == 404
