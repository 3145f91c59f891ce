"""The staff's API of a customer's account."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.credit_notes import LineCredit, credit_lines
from billing.models import Invoice, Payment
from billing.payments import refund
from privacy.merge import merge_customers
from testing.billed import invoiced, pay
from testing.factories import CustomerFactory, InvoiceFactory, LocationFactory, UserFactory
from testing.suites import count_queries, invalid
from testing.worked_example import new_order

pytestmark = pytest.mark.django_db
D = Decimal
NOTHING = dict.fromkeys(("invoiced", "credited", "paid", "refunded", "balance"), "0.00")
AGES = dict.fromkeys(("current", "d30", "d60", "d90", "over"), "0.00")


def account(customer, ageing=None, **figures):
    """Return the body of an account, in which everything else is 0.00."""
    return {
        **NOTHING,
        "open_payments": "0.00",
        "deposits": "0.00",
        "ageing": {**AGES, **(ageing or {})},
        "customer_id": customer.pk,
        **figures,
    }


@pytest.fixture
def as_advisor(sign_in):
    return sign_in(UserFactory(role="advisor"))


@pytest.fixture
def as_manager(sign_in):
    return sign_in(UserFactory(role="manager"))


def shown(client, customer):
    response = client.get(f"/api/shop/customers/{customer.pk}/account/")
    assert response.status_code == 200, response.content
    return response.json()


def test_worked_example(as_advisor):
    """The figures of docs/billing.md after each step."""
    now = timezone.now()
    invoice = invoiced()
    customer = invoice.bill_to
    ageing = {"current": "491.56"}
    assert shown(as_advisor, customer) == account(customer, ageing, invoiced="491.56", balance="491.56")
    check = pay(invoice, "491.56", "check")
    assert shown(as_advisor, customer) == account(customer, invoiced="491.56", paid="491.56")
    pads = invoice.lines.get(position=1)
    credit_lines(invoice=invoice, lines=[LineCredit(pads.pk)], reason="Wrong pads", by=None, now=now)
    assert shown(as_advisor, customer) == account(
        customer,
        invoiced="491.56",
        credited="88.18",
        paid="491.56",
        balance="-88.18",
        open_payments="88.18",
    )
    refund(payment=check, amount=D("88.18"), reason="Wrong pads", by=None, now=now)
    assert shown(as_advisor, customer) == account(
        customer, invoiced="491.56", credited="88.18", paid="491.56", refunded="88.18"
    )


def test_deposits_and_ageing(as_advisor):
    customer = CustomerFactory()
    today = timezone.now().date()
    for days, total in ((0, "1.00"), (1, "2.00"), (30, "4.00"), (31, "8.00"), (90, "16.00"), (91, "32.00")):
        due_on = today - timedelta(days=days)
        InvoiceFactory(bill_to=customer, total=D(total), paid=D("0.00"), due_on=due_on)
    order = new_order()
    pay(order, "10.00")
    ageing = {"current": "1.00", "d30": "6.00", "d60": "8.00", "d90": "16.00", "over": "32.00"}
    assert shown(as_advisor, customer) == account(customer, ageing, invoiced="63.00", balance="63.00")
    assert shown(as_advisor, order.customer) == account(
        order.customer, paid="10.00", balance="-10.00", deposits="10.00"
    )


def test_number_of_queries_does_not_grow(as_advisor):
    customer = CustomerFactory()
    InvoiceFactory(bill_to=customer, paid=D("0.00"))
    with_one = count_queries(lambda: shown(as_advisor, customer))
    for _ in range(9):
        InvoiceFactory(bill_to=customer, paid=D("0.00"))
    assert count_queries(lambda: shown(as_advisor, customer)) == with_one


def test_account_of_a_merged_customer_is_409(as_advisor):
    gone, kept = CustomerFactory(), CustomerFactory()
    merge_customers(customer=gone, into=kept, by=None, now=timezone.now())
    response = as_advisor.get(f"/api/shop/customers/{gone.pk}/account/")
    assert (response.status_code, response.json()["code"]) == (409, "customer_is_merged")


def test_unknown_customer_is_404(as_advisor):
    response = as_advisor.get("/api/shop/customers/999/account/")
    assert (response.status_code, response.json()) == (
        404,
        {"error": "Not found", "detail": "Customer not found.", "code": "not_found"},
    )


def test_unknown_parameter_is_400(as_advisor):
    response = as_advisor.get(f"/api/shop/customers/{CustomerFactory().pk}/account/", {"day": "2026-01-01"})
    assert (response.status_code, response.json()) == (400, invalid("day", "Unknown parameter."))


def test_technician_does_not_see_it(as_tim):
    response = as_tim.get(f"/api/shop/customers/{CustomerFactory().pk}/account/")
    assert (response.status_code, response.json()["code"]) == (403, "role_may_not")


class TestOpeningBalance:
    def post(self, client, customer, **body):
        till = body.pop("till", None) or LocationFactory()
        url = f"/api/shop/customers/{customer.pk}/opening-balance/"
        body = {"location_id": till.pk, "amount": "120.00", "day": "2025-12-31", **body}
        return client.post(url, body, format="json")

    def test_customer_owed(self, as_manager):
        customer = CustomerFactory()
        response = self.post(as_manager, customer)
        invoice = Invoice.objects.get()
        assert (response.status_code, response.json()) == (
            201,
            {
                "invoice_id": invoice.pk,
                "payment_id": None,
                "account": account(customer, {"over": "120.00"}, invoiced="120.00", balance="120.00"),
            },
        )
        body = as_manager.get(f"/api/shop/invoices/{invoice.pk}/").json()
        assert (body["kind"], body["repair_order_id"], body["day"]) == ("opening", None, "2025-12-31")

    def test_shop_owed(self, as_manager):
        customer = CustomerFactory()
        response = self.post(as_manager, customer, amount="-30.00")
        payment = Payment.objects.get()
        assert (response.status_code, response.json()) == (
            201,
            {
                "invoice_id": None,
                "payment_id": payment.pk,
                "account": account(customer, paid="30.00", balance="-30.00", open_payments="30.00"),
            },
        )

    def test_day_after_the_first_invoice_is_409(self, as_manager):
        invoice = invoiced()
        day = invoice.day.isoformat()
        response = self.post(as_manager, invoice.bill_to, till=invoice.location, day=day)
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Not before the first invoice",
                "detail": f"Give a day before {day}, the first day with invoices or that was closed.",
                "code": "opening_too_late",
            },
        )
        assert Invoice.objects.count() == 1

    @pytest.mark.parametrize(
        ("change", "field", "message"),
        [
            ({"amount": "x"}, "amount", "A valid number is required."),
            (
                {"day": "yesterday"},
                "day",
                "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
            ),
        ],
    )
    def test_wrong_body_is_400(self, as_manager, change, field, message):
        response = self.post(as_manager, CustomerFactory(), **change)
        assert (response.status_code, response.json()) == (400, invalid(field, message))

    def test_nothing_is_400(self, as_manager):
        response = self.post(as_manager, CustomerFactory(), amount="0.00")
        message = "Enter an amount other than 0.00."
        assert (response.status_code, response.json()) == (
            400,
            {"error": "Invalid input", "detail": message, "fields": {"amount": [message]}, "code": "invalid"},
        )

    def test_advisor_may_not(self, as_advisor):
        response = self.post(as_advisor, CustomerFactory())
        assert (response.status_code, response.json()["code"]) == (403, "role_may_not")
        assert not Invoice.objects.exists()
