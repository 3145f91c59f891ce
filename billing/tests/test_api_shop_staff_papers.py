"""The staff's API of papers: PDFs, mails, statements and their runs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.credit_notes import credit_amount
from billing.links import invoice_url, statement_url
from billing.models import Statement, StatementRun
from billing.papers.actions import credit_note_paper, invoice_paper, receipt_paper, statement_paper
from billing.statements import make_statement
from privacy.merge import merge_customers
from testing.billed import invoiced, pay
from testing.factories import (
    CustomerFactory,
    InvoiceFactory,
    LocationFactory,
    StatementFactory,
    StatementRunFactory,
    UserFactory,
)
from testing.suites import count_queries, invalid

pytestmark = pytest.mark.django_db
D = Decimal
CUSTOMERS, RUNS = "/api/shop/customers/", "/api/shop/statement-runs/"
JANUARY = date(2026, 1, 1)
MONTH_NOT_OVER = "January 2100 is not over yet. Choose an earlier month."


def zulu(instant):
    return instant and instant.isoformat().replace("+00:00", "Z")


def credited():
    now = timezone.now()
    return credit_amount(invoice=invoiced(), amount=D("10.00"), reason="Late", by=None, now=now)


@pytest.fixture
def as_advisor(sign_in):
    return sign_in(UserFactory(role="advisor"))


@pytest.fixture
def customer():
    LocationFactory()
    customer = CustomerFactory()
    InvoiceFactory(
        bill_to=customer,
        paid=D("0.00"),
        issued_at=datetime(2026, 1, 15, 12, tzinfo=UTC),
        snapshot={"vehicle": None, "order": None},
    )
    return customer


class TestPapers:
    @pytest.mark.parametrize(
        ("noun", "make", "paper", "name"),
        [
            ("invoices", invoiced, invoice_paper, "invoice-{0.number}.pdf"),
            ("credit-notes", credited, credit_note_paper, "credit-note-{0.number}.pdf"),
            ("payments", lambda: pay(invoiced(), "1.00"), receipt_paper, "payment-{0.pk}.pdf"),
        ],
    )
    def test_pdf(self, as_advisor, as_tim, noun, make, paper, name):
        row = make()
        url = f"/api/shop/{noun}/{row.pk}/pdf/"
        response = as_advisor.get(url)
        assert response.status_code == 200
        assert response.content == paper(row, now=timezone.now()).content
        assert response.content.startswith(b"%PDF-")
        assert response["Content-Type"] == "application/pdf"
        assert response["Content-Disposition"] == f'inline; filename="{name.format(row)}"'
        assert response["Cache-Control"] == "private, no-store"
        response = as_advisor.get(url, {"colour": "red"})
        assert (response.status_code, response.json()) == (400, invalid("colour", "Unknown parameter."))
        assert as_tim.get(url).status_code == 403

    @pytest.mark.parametrize(
        ("noun", "name"),
        [("invoices", "Invoice"), ("credit-notes", "Credit note"), ("payments", "Payment")],
    )
    def test_pdf_of_an_unknown_row_is_404(self, as_advisor, noun, name):
        response = as_advisor.get(f"/api/shop/{noun}/999/pdf/")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": f"{name} not found.", "code": "not_found"},
        )


class TestMails:
    def test_invoice_is_mailed_with_its_link(
        self, as_advisor, mailoutbox, django_capture_on_commit_callbacks
    ):
        invoice = invoiced()
        with django_capture_on_commit_callbacks(execute=True):
            response = as_advisor.post(f"/api/shop/invoices/{invoice.pk}/send/")
        to = invoice.bill_to.contact.email
        body = {"sent": True, "to": to, "not_sent_because": ""}
        assert (response.status_code, response.json()) == (200, body)
        [mail] = mailoutbox
        assert mail.to == [to]
        assert invoice_url(invoice) in mail.body

    def test_receipt_is_mailed_with_its_paper(
        self, as_advisor, mailoutbox, django_capture_on_commit_callbacks
    ):
        payment = pay(invoiced(), "1.00")
        with django_capture_on_commit_callbacks(execute=True):
            response = as_advisor.post(f"/api/shop/payments/{payment.pk}/send/")
        assert response.json() == {
            "sent": True,
            "to": payment.customer.contact.email,
            "not_sent_because": "",
        }
        [mail] = mailoutbox
        assert [name for name, *_ in mail.attachments] == [f"payment-{payment.pk}.pdf"]

    def test_statement_is_mailed_with_its_link(
        self, as_advisor, customer, mailoutbox, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            response = as_advisor.post(f"{CUSTOMERS}{customer.pk}/statements/2026-01/send/")
        assert response.json() == {"sent": True, "to": customer.contact.email, "not_sent_because": ""}
        [mail] = mailoutbox
        assert statement_url(Statement.objects.get()) in mail.body
        assert Statement.objects.get().sent_at is not None

    def test_customer_without_an_address(self, as_advisor, mailoutbox):
        invoice = invoiced()
        contact = invoice.bill_to.contact
        contact.email = None
        contact.save()
        response = as_advisor.post(f"/api/shop/invoices/{invoice.pk}/send/")
        assert (response.status_code, response.json()) == (
            200,
            {"sent": False, "to": "", "not_sent_because": "The customer has no email address."},
        )
        assert mailoutbox == []

    def test_technician_may_not(self, as_tim, mailoutbox):
        response = as_tim.post(f"/api/shop/invoices/{invoiced().pk}/send/")
        assert (response.status_code, response.json()["code"]) == (403, "role_may_not")
        assert mailoutbox == []


def row(statement):
    return {
        "id": statement.pk,
        "customer_id": statement.customer_id,
        "month": f"{statement.month:%Y-%m}",
        "made_at": zulu(statement.made_at),
        "sent_at": zulu(statement.sent_at),
        "balance": str(statement.balance),
    }


class TestStatements:
    def test_list(self, as_advisor, customer):
        url = f"{CUSTOMERS}{customer.pk}/statements/"
        assert as_advisor.get(url).json() == {"results": [], "count": 0, "next": None, "previous": None}
        rows = [StatementFactory(customer=customer, month=date(2026, month, 1)) for month in (2, 1)]
        StatementFactory()
        with_two = count_queries(lambda: as_advisor.get(url))
        assert as_advisor.get(url).json() == {
            "results": [row(statement) for statement in rows],
            "count": 2,
            "next": None,
            "previous": None,
        }
        for month in range(1, 13):
            StatementFactory(customer=customer, month=date(2025, month, 1))
        assert count_queries(lambda: as_advisor.get(url)) == with_two

    def test_statement_is_made_at_the_first_request(self, as_advisor, customer):
        url = f"{CUSTOMERS}{customer.pk}/statements/2026-01/"
        first = as_advisor.get(url)
        statement = Statement.objects.get()
        assert (first.status_code, first.json()) == (
            200,
            {**row(statement), "url": statement_url(statement), "snapshot": statement.snapshot},
        )
        assert (statement.month, statement.balance) == (JANUARY, D("20.00"))
        assert as_advisor.get(url).json() == first.json()
        assert Statement.objects.count() == 1

    def test_pdf(self, as_advisor, customer):
        response = as_advisor.get(f"{CUSTOMERS}{customer.pk}/statements/2026-01/pdf/")
        statement = make_statement(customer, JANUARY, now=timezone.now())
        assert response.status_code == 200
        assert response.content == statement_paper(statement, now=timezone.now()).content
        name = f"statement-2026-01-{customer.pk}.pdf"
        assert response["Content-Disposition"] == f'inline; filename="{name}"'

    def test_month_that_is_not_over_is_400(self, as_advisor, customer):
        response = as_advisor.get(f"{CUSTOMERS}{customer.pk}/statements/2100-01/")
        assert (response.status_code, response.json()) == (
            400,
            {
                "error": "Invalid input",
                "detail": MONTH_NOT_OVER,
                "fields": {"month": [MONTH_NOT_OVER]},
                "code": "month_not_over",
            },
        )
        assert not Statement.objects.exists()

    @pytest.mark.parametrize("month", ["2026-13", "2026-1", "january", "1812-01"])
    def test_malformed_month_is_404(self, as_advisor, customer, month):
        response = as_advisor.get(f"{CUSTOMERS}{customer.pk}/statements/{month}/")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "There is nothing at this address."},
        )

    @pytest.mark.parametrize("tail", ["", "2026-01/", "2026-01/pdf/"])
    def test_unknown_and_merged_customers(self, as_advisor, customer, tail):
        response = as_advisor.get(f"{CUSTOMERS}999/statements/{tail}")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Customer not found.", "code": "not_found"},
        )
        gone = CustomerFactory()
        merge_customers(customer=gone, into=customer, by=None, now=timezone.now())
        response = as_advisor.get(f"{CUSTOMERS}{gone.pk}/statements/{tail}")
        assert (response.status_code, response.json()["code"]) == (409, "customer_is_merged")
        assert not Statement.objects.exists()

    @pytest.mark.parametrize("tail", ["", "2026-01/", "2026-01/pdf/"])
    def test_technician_may_not(self, as_tim, customer, tail):
        response = as_tim.get(f"{CUSTOMERS}{customer.pk}/statements/{tail}")
        assert (response.status_code, response.json()["code"]) == (403, "role_may_not")
        assert not Statement.objects.exists()


def run_body(run):
    return {
        "id": run.pk,
        "month": f"{run.month:%Y-%m}",
        "state": run.state,
        "total": run.total,
        "made": run.made,
        "mailed": run.mailed,
        "started_by": run.started_by_id,
        "started_at": zulu(run.started_at),
        "finished_at": zulu(run.finished_at),
    }


class TestRuns:
    def test_run_makes_and_mails_the_statements(
        self, as_advisor, customer, mailoutbox, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            response = as_advisor.post(RUNS, {"month": "2026-01"}, format="json")
        run = StatementRun.objects.get()
        assert response.status_code == 201
        assert (run.month, run.started_by.role) == (JANUARY, "advisor")
        assert as_advisor.get(f"{RUNS}{run.pk}/").json() == run_body(run)
        assert (run.state, run.total, run.made, run.mailed) == ("finished", 1, 1, 1)
        assert Statement.objects.get().customer == customer
        assert [mail.to for mail in mailoutbox] == [[customer.contact.email]]

    def test_list(self, as_advisor):
        runs = [StatementRunFactory(started_by=UserFactory(role="manager")) for _ in range(2)][::-1]
        with_two = count_queries(lambda: as_advisor.get(RUNS))
        assert as_advisor.get(RUNS).json() == {
            "results": [run_body(run) for run in runs],
            "count": 2,
            "next": None,
            "previous": None,
        }
        StatementRunFactory.create_batch(5)
        assert count_queries(lambda: as_advisor.get(RUNS)) == with_two

    def test_same_key_starts_one_run(self, as_advisor, customer):
        for _ in range(2):
            headers = {"Idempotency-Key": "once"}
            response = as_advisor.post(RUNS, {"month": "2026-01"}, format="json", headers=headers)
            assert response.status_code == 201
        assert StatementRun.objects.count() == 1

    @pytest.mark.parametrize(
        ("body", "code", "message"),
        [
            ({"month": "2100-01"}, "month_not_over", MONTH_NOT_OVER),
            ({}, "invalid", "This field is required."),
            (
                {"month": "January"},
                "invalid",
                "Date has wrong format. Use one of these formats instead: YYYY-MM.",
            ),
        ],
    )
    def test_wrong_month_is_400(self, as_advisor, customer, body, code, message):
        response = as_advisor.post(RUNS, body, format="json")
        detail = message if code == "month_not_over" else f"month: {message}"
        assert (response.status_code, response.json()) == (
            400,
            {"error": "Invalid input", "detail": detail, "fields": {"month": [message]}, "code": code},
        )
        assert not StatementRun.objects.exists()

    def test_unknown_run_is_404(self, as_advisor):
        response = as_advisor.get(f"{RUNS}999/")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Statement run not found.", "code": "not_found"},
        )

    def test_technician_may_not(self, as_tim):
        for response in (as_tim.get(RUNS), as_tim.post(RUNS, {"month": "2026-01"}, format="json")):
            assert (response.status_code, response.json()["code"]) == (403, "role_may_not")
        assert not StatementRun.objects.exists()
