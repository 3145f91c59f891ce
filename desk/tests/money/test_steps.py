"""The steps of the page *Money*: a payment is found, taken once, and given back. Statements are made."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from appointments.models import Location
from billing.models import Payment, Statement, StatementRun
from common.domain import tasks
from desk.money.taking import find_payers
from testing.billed import again, invoiced, opens, pay
from testing.factories import CustomerFactory, InvoiceFactory, RepairOrderFactory, UserFactory, VehicleFactory
from testing.suites import count_queries
from testing.worked_example import new_order, started

pytestmark = pytest.mark.django_db
D = Decimal
PAY = "/admin/money/payment/"


@pytest.fixture
def invoice():
    invoice = invoiced()
    Location.objects.filter(pk=invoice.location_id).update(is_default=True)
    return invoice


def sent(client, url, **answers):
    """Send the form that the page shows, with the answers."""
    form = client.get(url).context["form"]
    data = {name: form[name].value() or "" for name in form.fields} | answers
    return client.post(url, data, follow=True)


def told(response):
    return [str(message) for message in response.context["messages"]]


def text_of(response):
    """Return the page with single spaces."""
    return " ".join(response.content.decode().split())


class TestFind:
    @pytest.mark.parametrize(
        "text", ["albright", "Joan ALBRIGHT", "555 010 4501", "{number}", "KDR1180", "joan@example.com"]
    )
    def test_payer_is_found(self, text):
        joan = CustomerFactory(
            contact__first_name="Joan",
            contact__last_name="Albright",
            contact__phone="(555) 010-4501",
            contact__email="joan@example.com",
        )
        VehicleFactory(customer=joan, license_plate="KDR-1180")
        invoice = InvoiceFactory(customer=joan, paid=D("0.00"))
        InvoiceFactory(paid=D("0.00"))
        (found,) = find_payers(text.format(number=invoice.number))
        assert (found.customer, found.owed, found.invoices, found.orders) == (joan, D("20.00"), [invoice], [])

    def test_orders_that_take_a_deposit_are_found(self):
        order = new_order()
        (found,) = find_payers(order.vehicle.vin)
        assert (found.orders, found.owed) == ([order], D("0.00"))

    @pytest.mark.parametrize("text", ["", " ", "nobody at all", "-", "\0", "no\0body"])
    def test_nothing_is_found(self, text, invoice):
        assert find_payers(text) == []

    def test_query_count_is_constant(self, desk):
        InvoiceFactory(bill_to__company_name="Fleet 1", paid=D("0.00"))
        desk.get(PAY, {"q": "fleet"})
        one = count_queries(lambda: desk.get(PAY, {"q": "fleet"}))
        for n in range(9):
            InvoiceFactory.create_batch(2, bill_to__company_name=f"Fleet {n}", paid=D("0.00"))
        assert count_queries(lambda: desk.get(PAY, {"q": "fleet"})) == one


class TestTake:
    def test_invoice_is_paid(self, desk, ada, invoice):
        response = sent(desk, f"{PAY}?invoice={invoice.pk}", method="cash", reference="Till 1")
        payment = Payment.objects.get()
        assert (payment.amount, payment.method, payment.reference, payment.taken_by, payment.open) == (
            D("491.56"), "cash", "Till 1", ada, D("0.00")
        )  # fmt: skip
        assert (payment.location, again(invoice).balance) == (invoice.location, D("0.00"))
        assert told(response) == [f"$491.56 of {invoice.bill_to} was taken. All of it is used."]

    def test_it_goes_back_to_the_order_from_which_it_came(self, desk, invoice):
        order = invoice.repair_order
        page = f"/admin/orders/{order.pk}/"
        assert f'href="{page}"' in desk.get(f"{PAY}?invoice={invoice.pk}&back={order.pk}").content.decode()
        response = sent(desk, f"{PAY}?invoice={invoice.pk}&back={order.pk}", method="cash")
        assert response.redirect_chain == [(page, 302)]

    def test_more_than_the_balance_is_kept_only_after_a_question(self, desk, invoice):
        url = f"{PAY}?invoice={invoice.pk}"
        response = sent(desk, url, amount="500.00")
        over = response.context["over"]
        assert (over.owed, over.rest, Payment.objects.exists()) == (D("491.56"), D("8.44"), False)
        text = " ".join(response.content.decode().split())
        assert 'name="keep" value="8.44">Take the payment and keep $8.44 open' in text
        form = response.context["form"]
        data = {name: form[name].value() or "" for name in form.fields} | {"keep": "8.44"}
        again_asked = desk.post(url, data | {"amount": "501.00"}).context["over"]
        assert (again_asked.rest, Payment.objects.exists()) == (D("9.44"), False)
        response = desk.post(url, data, follow=True)
        assert told(response) == [f"$500.00 of {invoice.bill_to} was taken. $8.44 of it is open."]
        assert again(invoice).balance == D("0.00")
        assert opens(*Payment.objects.all()) == [D("8.44")]

    def test_customer_pays_the_oldest_invoices_first(self, desk, alice):
        rows = [
            InvoiceFactory(customer=alice, paid=D("0.00"), due_on=f"2026-0{month}-01") for month in (3, 1, 2)
        ]
        Location.objects.filter(pk=rows[0].location_id).update(is_default=True)
        sent(desk, f"{PAY}?customer={alice.pk}", amount="30.00")
        assert [again(row).balance for row in rows] == [D("20.00"), D("0.00"), D("10.00")]

    def test_deposit_is_kept_on_the_order(self, desk, invoice):
        order = new_order(location=invoice.location)
        sent(desk, f"{PAY}?order={order.pk}", amount="75.00")
        assert Payment.objects.get().allocations.get().repair_order == order

    def test_deposit_above_the_order_is_taken_only_after_a_question(self, desk, invoice):
        order, *_ = started(location=invoice.location)
        url = f"{PAY}?order={order.pk}"
        assert "$491.56 in total, <b>$491.56 still to pay</b>" in text_of(desk.get(url))
        response = sent(desk, url, amount="99999.00", reference="Slip 9")
        shown, form = text_of(response), response.context["form"]
        assert f"This is <b>$99,507.44</b> more than order {order.reference} comes to." in shown
        assert 'name="keep" value="99507.44">Take it anyway<' in shown
        assert (form["reference"].value(), Payment.objects.exists()) == ("Slip 9", False)
        data = {name: form[name].value() or "" for name in form.fields} | {"keep": "99507.44"}
        other = desk.post(url, data | {"amount": "99999.01"})
        assert (other.context["over"].rest, Payment.objects.exists()) == (D("99507.45"), False)
        assert told(desk.post(url, data, follow=True)) == [
            f"$99,999.00 deposit from {order.customer}, order {order.reference}."
        ]
        assert Payment.objects.get().allocations.get().amount == D("99999.00")

    def test_deposits_up_to_the_order_need_no_question(self, desk, invoice):
        order, *_ = started(location=invoice.location)
        url = f"{PAY}?order={order.pk}"
        sent(desk, url, amount="400.00")
        assert "$491.56 in total, <b>$91.56 still to pay</b>" in text_of(desk.get(url))
        shown = text_of(sent(desk, url, amount="91.57"))
        assert "This is <b>$0.01</b> more" in shown
        assert f"order {order.reference} comes to, with the deposits that it has." in shown
        sent(desk, url, amount="91.56")
        assert [payment.amount for payment in Payment.objects.order_by("pk")] == [D("400.00"), D("91.56")]

    def test_order_without_prices_takes_any_deposit(self, desk, invoice):
        order = RepairOrderFactory(location=invoice.location, status="requested")
        url = f"{PAY}?order={order.pk}"
        assert "No prices yet" in text_of(desk.get(url))
        sent(desk, url, amount="5000.00")
        assert Payment.objects.get().amount == D("5000.00")

    def test_page_shows_what_is_open_of_the_invoice(self, desk, invoice):
        pay(invoice, "91.56")
        shown = text_of(desk.get(f"{PAY}?invoice={invoice.pk}"))
        assert "$491.56 in total, <b>$400.00 still to pay</b>" in shown

    def test_customer_without_invoices_leaves_it_open(self, desk, alice, invoice):
        response = sent(desk, f"{PAY}?customer={alice.pk}", amount="75.00")
        assert told(response) == ["$75.00 of Alice Cooper was taken. $75.00 of it is open."]

    def test_form_acts_once(self, desk, invoice):
        url = f"{PAY}?invoice={invoice.pk}"
        form = desk.get(url).context["form"]
        data = {name: form[name].value() or "" for name in form.fields} | {"amount": "100.00"}
        assert desk.post(url, data).status_code == 302
        response = desk.post(url, data)
        assert response.context["form"].non_field_errors() == [
            "This form was sent before. Look at what it stored before you send it again."
        ]
        assert Payment.objects.count() == 1

    @pytest.mark.parametrize(
        ("answers", "field"),
        [({"amount": ""}, "amount"), ({"amount": "0"}, "amount"), ({"method": "coins"}, "method")],
    )
    def test_invalid_payment_is_asked_again(self, desk, invoice, answers, field):
        response = sent(desk, f"{PAY}?invoice={invoice.pk}", reference="Slip 9", **answers)
        form = response.context["form"]
        assert (list(form.errors), form["reference"].value()) == ([field], "Slip 9")
        assert 'role="alert"' in response.content.decode()
        assert not Payment.objects.exists()

    @pytest.mark.parametrize("query", ["invoice=999999", "order=999999", "customer=999999"])
    def test_unknown_row_is_not_found(self, desk, invoice, query):
        assert desk.get(f"{PAY}?{query}").status_code == 404


def test_amounts_are_taken_with_their_sign(desk, invoice):
    sent(desk, f"{PAY}?invoice={invoice.pk}", amount="$91.56")
    payment = Payment.objects.get()
    assert (payment.amount, again(invoice).balance) == (D("91.56"), D("400.00"))


class TestRefund:
    def test_open_part_is_given_back_at_the_till(self, desk, ada, invoice):
        payment = pay(None, "50.00", customer=invoice.bill_to)
        url = reverse("money-refund", args=[payment.pk])
        response = sent(desk, url, amount="20.00", reason="Overpaid")
        refund = payment.refunded_by.get()
        assert (refund.amount, refund.method, refund.taken_by, refund.location, refund.reason) == (
            D("20.00"), "card", ada, invoice.location, "Overpaid"
        )  # fmt: skip
        assert told(response) == [f"$20.00 was given back to {payment.customer}."]

    def test_more_than_is_open_is_refused(self, desk, invoice):
        payment = pay(None, "50.00", customer=invoice.bill_to)
        response = sent(desk, reverse("money-refund", args=[payment.pk]), amount="50.01", reason="Too much")
        assert response.context["form"].errors["amount"] == [
            f"50.00 of payment {payment.pk} is open, so 50.01 is too much."
        ]
        assert not payment.refunded_by.exists()

    def test_other_method_needs_a_manager(self, client, invoice):
        payment = pay(None, "50.00", customer=invoice.bill_to)
        url = reverse("money-refund", args=[payment.pk])
        client.force_login(UserFactory(role="advisor"))
        response = sent(client, url, method="cash", reason="Wants cash")
        assert response.context["form"].non_field_errors() == [
            "Only a manager can refund by another method than the payment's."
        ]
        client.force_login(UserFactory(role="manager"))
        sent(client, url, method="cash", reason="Wants cash")
        assert payment.refunded_by.get().method == "cash"

    @pytest.mark.parametrize(("role", "is_told"), [("advisor", True), ("manager", False)])
    def test_rule_about_methods_is_told_to_whom_it_holds_for(self, client, invoice, role, is_told):
        payment = pay(None, "50.00", customer=invoice.bill_to)
        client.force_login(UserFactory(role=role))
        page = client.get(reverse("money-refund", args=[payment.pk])).content.decode()
        assert ("needs a manager." in page) == is_told

    def test_refund_needs_its_permission(self, client, tim, invoice):
        client.force_login(tim)
        url = reverse("money-refund", args=[pay(None, "9.00", customer=invoice.bill_to).pk])
        assert client.get(url).status_code == 403


class TestStatements:
    URL = "/admin/money/statements/"

    def test_run_of_a_month_shows_its_progress(self, desk, location_of_old_debt):
        month = desk.get("/admin/money/").context["months"][0]
        response = desk.post(self.URL, {"month": month.isoformat()}, follow=True)
        assert told(response) == ["The statements are being made and mailed."]
        part = "/admin/money/?part=statements"
        assert f'data-live="{part}"' in response.content.decode()
        assert "0 of 0 statements" in text_of(desk.get(part))
        tasks.run_all()
        run = StatementRun.objects.get()
        assert (run.month, run.made, run.total) == (month, 1, 1)
        response = desk.get("/admin/money/")
        assert "data-live" not in response.content.decode()
        assert f"1 statement of {month:%B %Y} made, " in text_of(response)
        assert f"1 statement of {month:%B %Y} made, " in text_of(desk.get(part))

    def test_they_are_looked_at_before(self, desk, location_of_old_debt):
        month = desk.get("/admin/money/").context["months"][0]
        mailed = location_of_old_debt.bill_to
        mailed.contact.email = "paula@example.com"
        mailed.contact.save()
        day, place = location_of_old_debt.day, location_of_old_debt.location
        printed = []
        for _ in range(2):
            customer = InvoiceFactory(paid=D("0.00"), day=day, location=place).bill_to
            User.objects.filter(pk=customer.contact_id).update(email=None)
            printed.append(customer)
        asked = f"{self.URL}?month={month:%Y-%m-%d}"
        assert f'href="{asked}"' in desk.get("/admin/money/").content.decode()
        page = desk.get(asked)
        look = page.context["look"]
        assert [(row.customer, row.amount, row.address, row.is_mailed) for row in look.rows] == [
            (mailed, D("20.00"), "paula@example.com", False),
            *((customer, D("20.00"), "", False) for customer in printed),
        ]
        assert (look.words, look.total) == ("3 customers: 1 by mail, 2 to print", D("60.00"))
        assert f"Make and mail those of {month:%B %Y}" in page.content.decode()
        assert (StatementRun.objects.count(), Statement.objects.count()) == (0, 0)
        desk.post(self.URL, {"month": month.isoformat()})
        tasks.run_all()
        link = f"{asked}&amp;print=1"
        assert f'href="{link}">Print those without an email' in desk.get("/admin/money/").content.decode()
        page = desk.get(link.replace("&amp;", "&"))
        assert {row.customer for row in page.context["unmailed"]} == set(printed)
        for row in page.context["unmailed"]:
            assert reverse("admin:statement_pdf", args=[row.pk]) in page.content.decode()
        response = desk.get(asked, follow=True)
        assert told(response) == [f"The statements of {month:%B %Y} are made, or the month is not over."]

    def test_older_months_stand_behind_another_month(self, desk, location_of_old_debt):
        InvoiceFactory(day=location_of_old_debt.day - timedelta(days=62))
        months = desk.get("/admin/money/").context["months"]
        text = " ".join(desk.get("/admin/money/").content.decode().split())
        assert len(months) == 3
        older = text.split("Another month</summary>")[1].split("</details>")[0]
        assert [f"{month:%B %Y}" in older for month in months] == [False, True, True]

    def test_statement_of_one_customer_is_shown(self, desk, location_of_old_debt):
        customer = location_of_old_debt.bill_to
        response = desk.post(self.URL, {"customer": customer.pk})
        assert response.content[:5] == b"%PDF-"
        assert Statement.objects.get().customer == customer

    @pytest.mark.parametrize("month", ["", "soon"])
    def test_month_is_asked_for(self, desk, invoice, month):
        assert told(desk.post(self.URL, {"month": month}, follow=True)) == ["Choose a month."]

    def test_present_month_is_refused(self, desk, invoice):
        today = timezone.now().date()
        response = desk.post(self.URL, {"month": today.isoformat()}, follow=True)
        assert told(response) == [f"{today:%B %Y} is not over yet. Choose an earlier month."]
        assert not StatementRun.objects.exists()

    def test_technician_makes_none(self, client, tim):
        client.force_login(tim)
        assert client.post(self.URL, {"month": "2026-01-01"}).status_code == 403

    @pytest.fixture
    def location_of_old_debt(self):
        """Return an unpaid invoice of last month at the default location."""
        first = timezone.now().date().replace(day=1)
        invoice = InvoiceFactory(paid=D("0.00"), day=first - timedelta(days=5), location__is_default=True)
        return again(invoice)


class TestWithoutALocation:
    def test_refund_is_booked_and_shown(self, desk, alice):
        payment = pay(None, "20.00", "cash", alice)
        answers = {"amount": "5.00", "reason": "Paid twice"}
        response = sent(desk, f"/admin/money/refund/{payment.pk}/", **answers)
        assert (response.status_code, opens(payment)) == (200, [D("15.00")])
        assert told(response) == [f"$5.00 was given back to {alice}."]

    def test_statement_of_a_customer_is_made(self, desk, alice):
        response = desk.post(TestStatements.URL, {"customer": alice.pk})
        assert response.content[:5] == b"%PDF-"
