"""Admin pages of billing: what is booked is read-only, and the buttons continue it."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from billing.days import close_day
from billing.models import CreditNote, InvoiceSeries, Payment
from billing.papers.models import Paper
from billing.statements import make_statement
from common.domain.models import Event
from files.stores import store
from testing.admin import buttons, changelist, errors, filled, page, press
from testing.billed import again, completed, invoiced, line_of, pay, sold_from_shelf
from testing.factories import (
    InvoiceFactory,
    InvoiceSeriesFactory,
    LocationFactory,
    StatementFactory,
    UserFactory,
)
from testing.shelf import on_shelf

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def invoice():
    return invoiced()


@pytest.fixture
def advisor(client):
    client.force_login(UserFactory(role="advisor"))
    return client


def balances(invoice):
    invoice = again(invoice)
    return invoice.paid, invoice.credited, invoice.balance


class TestInvoice:
    def test_payment_is_taken_by_the_user(self, desk, ada, invoice):
        answers = {"amount": "491.56", "method": "check", "reference": "No. 17"}
        assert press(desk, invoice, "take_payment", **answers) == ["The payment was taken."]
        payment = Payment.objects.get()
        assert (payment.amount, payment.method, payment.reference, payment.taken_by, payment.open) == (
            D("491.56"), "check", "No. 17", ada, D("0.00")
        )  # fmt: skip
        assert balances(invoice) == (D("491.56"), D("0.00"), D("0.00"))
        assert buttons(desk, invoice) == ["Mail invoice", "Credit lines", "Credit an amount", "Credit all"]

    def test_dialog_proposes_the_balance(self, desk, invoice):
        pay(invoice, "91.56")
        form = desk.get(page(invoice, "take_payment")).context["form"]
        assert form["amount"].value() == D("400.00")

    def test_more_than_the_balance_is_refused(self, desk, invoice):
        answers = {"amount": "491.57", "method": "cash"}
        assert press(desk, invoice, "take_payment", **answers) == [
            f"Invoice {invoice.number} has a balance of 491.56, so 491.57 is too much."
        ]
        assert not Payment.objects.exists()

    @pytest.mark.parametrize(
        "answers", [{}, {"amount": "0", "method": "cash"}, {"amount": "5", "method": "coins"}]
    )
    def test_incomplete_payment_is_asked_again(self, desk, invoice, answers):
        response = desk.post(page(invoice, "take_payment"), {"_form_submitted": "on", **answers})
        assert response.status_code == 200
        assert response.context["form"].errors
        assert not Payment.objects.exists()

    def test_lines_are_credited(self, desk, ada, invoice):
        labour, sublet = line_of(invoice, "Labor"), line_of(invoice, "State inspection")
        pay(invoice, "491.56")
        answers = {f"line_{labour.pk}": "0.8", f"line_{sublet.pk}": "on", "reason": "Not done"}
        assert press(desk, invoice, "credit_lines", **answers) == ["The credit note was issued."]
        note = CreditNote.objects.get()
        assert (note.kind, note.by, note.reason) == ("lines", ada, "Not done")
        assert list(note.lines.values_list("name", "quantity")) == [
            ("Labor", D("0.80")), ("State inspection", None)
        ]  # fmt: skip
        left = {
            field.label: field.help_text for field in desk.get(page(invoice, "credit_lines")).context["form"]
        }
        assert left["Labor, 233.91"] == "1.00 left."
        assert "State inspection, 21.00" not in left
        assert Payment.objects.get().open == note.total

    def test_pieces_of_a_credited_line_go_back_on_the_shelf(self, desk):
        invoice, part = sold_from_shelf()
        filters = line_of(invoice, "Filter")
        fields = desk.get(page(invoice, "credit_lines")).context["form"].fields
        assert list(fields).index(f"restock_{filters.pk}") == list(fields).index(f"line_{filters.pk}") + 1
        assert [name for name in fields if name.startswith("restock_")] == [f"restock_{filters.pk}"]
        assert list(fields)[-1] == "reason"
        back = fields[f"restock_{filters.pk}"]
        assert (back.label, back.help_text) == ("Back on the shelf of Filter", "At most 3. Empty: none.")
        answers = {f"line_{filters.pk}": "2", f"restock_{filters.pk}": "1", "reason": "One is new"}
        assert press(desk, invoice, "credit_lines", **answers) == ["The credit note was issued."]
        assert list(CreditNote.objects.get().lines.values_list("name", "quantity", "restocked")) == [
            ("Filter", D("2.00"), 1)
        ]
        assert on_shelf() == {part.pk: (2, 0)}
        assert desk.get(page(invoice, "credit_lines")).context["form"].fields[
            f"restock_{filters.pk}"
        ].help_text == ("At most 2. Empty: none.")

    @pytest.mark.parametrize(
        ("quantity", "restock", "message"),
        [
            ("1", "2", "Not more than the pieces that are credited."),
            ("", "1", "Not more than the pieces that are credited."),
            ("3", "4", "Ensure this value is less than or equal to 3."),
            ("3", "-1", "Ensure this value is greater than or equal to 0."),
            ("3", "1.5", "Enter a whole number."),
        ],
    )
    def test_other_pieces_for_the_shelf_are_asked_again(self, desk, quantity, restock, message):
        invoice, part = sold_from_shelf()
        line = line_of(invoice, "Filter").pk
        answers = {f"line_{line}": quantity, f"restock_{line}": restock, "reason": "Back"}
        response = desk.post(page(invoice, "credit_lines"), {"_form_submitted": "on", **answers})
        assert response.context["form"].errors == {f"restock_{line}": [message]}
        assert not CreditNote.objects.exists()
        assert on_shelf() == {part.pk: (1, 0)}

    def test_credit_of_no_lines_is_asked_again(self, desk, invoice):
        response = desk.post(page(invoice, "credit_lines"), {"_form_submitted": "on", "reason": "None"})
        assert response.context["form"].non_field_errors() == ["Choose at least one line."]

    def test_more_than_the_line_is_asked_again(self, desk, invoice):
        name = f"line_{line_of(invoice, 'Labor').pk}"
        answers = {"_form_submitted": "on", name: "1.81", "reason": "Too much"}
        response = desk.post(page(invoice, "credit_lines"), answers)
        assert response.context["form"].errors[name] == ["Ensure this value is less than or equal to 1.80."]
        assert not CreditNote.objects.exists()

    def test_amount_is_credited(self, desk, invoice):
        assert press(desk, invoice, "credit_amount", amount="91.56", reason="Goodwill") == [
            "The credit note was issued."
        ]
        assert balances(invoice) == (D("0.00"), D("91.56"), D("400.00"))
        assert press(desk, invoice, "credit_amount", amount="400.01", reason="More") == [
            "400.00 of this invoice is left to credit, so 400.01 is too much."
        ]

    def test_whole_invoice_is_credited_once(self, desk, invoice):
        assert press(desk, invoice, "credit_all", reason="Wrong name") == [
            "The invoice was credited as a whole."
        ]
        assert balances(invoice) == (D("0.00"), D("491.56"), D("0.00"))
        assert buttons(desk, invoice) == ["Mail invoice"]
        assert press(desk, invoice, "credit_all", reason="Again") == ["This invoice was credited as a whole."]
        assert CreditNote.objects.count() == 1

    def test_advisor_takes_payments_and_credits_nothing(self, advisor, invoice):
        assert buttons(advisor, invoice) == ["Take a payment", "Mail invoice"]
        answers = {"_form_submitted": "on", "reason": "Mine"}
        assert advisor.post(page(invoice, "credit_all"), answers).status_code == 403
        assert not CreditNote.objects.exists()

    @pytest.mark.parametrize("verb", ["add", "delete"])
    def test_invoice_is_neither_added_nor_deleted(self, desk, invoice, verb):
        url = reverse("admin:billing_invoice_add") if verb == "add" else page(invoice, "delete")
        assert desk.get(url).status_code == 403

    def test_page_shows_lines_payments_and_credits(self, desk, invoice):
        payment = pay(invoice, "100.00", reference="Slip 4")
        press(desk, invoice, "credit_amount", amount="50.00", reason="Goodwill")
        text = desk.get(page(invoice)).content.decode()
        for shown in (
            "State inspection",
            f"Payment {payment.pk}",
            "$341.56",
            CreditNote.objects.get().number,
        ):
            assert shown in text

    @pytest.mark.parametrize("state", ["open", "overdue", "paid", "credited"])
    def test_states_are_filtered_and_shown(self, desk, now, state):
        today = now.date()
        rows = {
            "open": InvoiceFactory(paid=D("0.00"), due_on=today + timedelta(days=9)),
            "overdue": InvoiceFactory(paid=D("0.00"), due_on=today - timedelta(days=9)),
            "paid": InvoiceFactory(),
            "credited": InvoiceFactory(is_credited=True),
        }
        found = list(desk.get(changelist(type(rows["paid"])), {"state": state}).context["cl"].queryset)
        expected = {rows[state], rows["overdue"]} if state == "open" else {rows[state]}
        assert set(found) == expected

    @pytest.mark.parametrize("text", ["{number}", "PO-77", "cooper"])
    def test_search_finds_number_po_number_and_customer(self, desk, alice, text):
        invoice = InvoiceFactory(customer=alice, po_number="PO-77")
        InvoiceFactory()
        found = desk.get(changelist(type(invoice)), {"q": text.format(number=invoice.number)})
        assert list(found.context["cl"].queryset) == [invoice]


class TestPayment:
    def test_open_part_is_used_for_an_invoice(self, desk, invoice):
        payment = pay(None, "500.00", customer=invoice.bill_to)
        target = {"target": f"invoice:{invoice.pk}", "amount": "491.56"}
        form = desk.get(page(payment, "use")).context["form"]
        assert (form["target"].field.choices, form["amount"].value()) == (
            [(f"invoice:{invoice.pk}", f"Invoice {invoice.number}, 491.56 to pay")], D("491.56")
        )  # fmt: skip
        assert press(desk, payment, "use", **target) == ["The payment was used."]
        assert (again(payment).open, balances(invoice)[2]) == (D("8.44"), D("0.00"))

    def test_open_part_is_kept_as_a_deposit(self, desk):
        order = completed()
        payment = pay(None, "50.00", customer=order.customer)
        assert press(desk, payment, "use", target=f"repairorder:{order.pk}", amount="50.00") == [
            "The payment was used."
        ]
        assert payment.allocations.get().repair_order == order

    def test_more_than_is_open_is_refused(self, desk, invoice):
        payment = pay(None, "10.00", customer=invoice.bill_to)
        assert press(desk, payment, "use", target=f"invoice:{invoice.pk}", amount="10.01") == [
            f"10.00 of payment {payment.pk} is open, so 10.01 is too much."
        ]

    def test_invoice_of_another_customer_is_no_choice(self, desk, invoice):
        payment = pay(None, "10.00", customer=invoiced().bill_to)
        answers = {"_form_submitted": "on", "target": f"invoice:{invoice.pk}", "amount": "10.00"}
        response = desk.post(page(payment, "use"), answers)
        assert list(response.context["form"].errors) == ["target"]
        assert not payment.allocations.exists()

    def test_refund_gives_back_what_is_open(self, desk, invoice):
        payment = pay(None, "50.00", method="card", customer=invoice.bill_to)
        answers = {"amount": "20.00", "method": "card", "reason": "Overpaid"}
        assert press(desk, payment, "refund", **answers) == ["The refund was booked."]
        refund = payment.refunded_by.get()
        assert (refund.amount, refund.method, again(payment).open) == (D("20.00"), "card", D("30.00"))
        assert press(desk, payment, "refund", **{**answers, "amount": "30.01"}) == [
            f"30.00 of payment {payment.pk} is open, so 30.01 is too much."
        ]
        assert buttons(desk, refund) == ["Mail receipt"]

    def test_other_method_needs_a_manager(self, advisor, client, invoice):
        payment = pay(None, "50.00", method="card", customer=invoice.bill_to)
        answers = {"amount": "20.00", "method": "cash", "reason": "Wants cash"}
        assert press(advisor, payment, "refund", **answers) == [
            "Only a manager can refund by another method than the payment's."
        ]
        client.force_login(UserFactory(role="manager"))
        assert press(client, payment, "refund", **answers) == ["The refund was booked."]
        assert payment.refunded_by.get().method == "cash"

    def test_help_beside_no_is_not_read_as_a_fact(self, desk, invoice):
        text = desk.get(page(pay(invoice, "91.56"))).content.decode()
        assert "Yes means: The payment was recorded by mistake." in text
        assert re.search(r">\s*The payment was recorded by mistake\.\s*<", text) is None

    def test_reversal_opens_the_invoice_again(self, desk, invoice):
        payment = pay(invoice, "491.56")
        assert buttons(desk, payment) == ["Mail receipt", "Reverse"]
        assert press(desk, payment, "reverse", reason="Typed twice") == ["The payment was reversed."]
        assert balances(invoice) == (D("0.00"), D("0.00"), D("491.56"))
        assert payment.refunded_by.get().is_reversal
        assert press(desk, payment, "reverse", reason="Again") == [
            "A part of this payment was refunded. Only a payment without refunds can be reversed."
        ]

    def test_advisor_does_not_reverse(self, advisor, invoice):
        payment = pay(invoice, "491.56")
        answers = {"_form_submitted": "on", "reason": "Mine"}
        assert advisor.post(page(payment, "reverse"), answers).status_code == 403
        assert not payment.refunded_by.exists()

    def test_open_payments_are_filtered(self, desk, invoice):
        used, kept = pay(invoice, "9.00"), pay(None, "9.00", customer=invoice.bill_to)
        url = changelist(Payment)
        assert list(desk.get(url, {"open": "yes"}).context["cl"].queryset) == [kept]
        assert list(desk.get(url, {"open": "no"}).context["cl"].queryset) == [used]


class TestSeries:
    def test_prefix_is_set_before_the_first_invoice(self, desk):
        series = InvoiceSeriesFactory(prefix="SG")
        form = filled(desk, page(series)) | {"prefix": "SH"}
        assert desk.post(page(series), form).status_code == 302
        assert again(series).prefix == "SH"
        assert again(series).history.latest().prefix == "SH"

    def test_new_series_is_added(self, desk):
        location = LocationFactory()
        url = reverse("admin:billing_invoiceseries_add")
        assert desk.post(url, {"location": location.pk, "prefix": "SG"}).status_code == 302
        assert InvoiceSeries.objects.get(location=location).prefix == "SG"

    @pytest.mark.parametrize("prefix", ["sg", "S-G", "", "TOOLONG99"])
    def test_invalid_prefix_is_asked_again(self, desk, prefix):
        series = InvoiceSeriesFactory(prefix="SG")
        response = desk.post(page(series), filled(desk, page(series)) | {"prefix": prefix})
        assert len(errors(response)) == 1
        assert again(series).prefix == "SG"

    def test_used_prefix_is_read_only(self, desk, invoice):
        series = InvoiceSeries.objects.get(location=invoice.location)
        form = filled(desk, page(series)) | {"prefix": "NEW"}
        assert desk.post(page(series), form).status_code == 302
        assert again(series).prefix == series.prefix


class TestPapers:
    def test_each_paper_is_shown_as_pdf(self, desk, now, invoice):
        payment = pay(invoice, "491.56")
        press(desk, invoice, "credit_amount", amount="10.00", reason="Goodwill")
        month = (invoice.day.replace(day=1) - timedelta(days=1)).replace(day=1)
        statement = make_statement(invoice.bill_to, month, now=now)
        closed = close_day(invoice.location, invoice.day, cash_counted=D("0.00"), note="", by=None, now=now)
        for row in (invoice, CreditNote.objects.get(), payment, statement, closed):
            url = reverse(f"admin:{row._meta.model_name}_pdf", args=[row.pk])
            assert url in desk.get(page(row)).content.decode()
            response = desk.get(url)
            assert (response.status_code, response["Content-Type"], response.content[:5]) == (
                200, "application/pdf", b"%PDF-"
            )  # fmt: skip

    def test_paper_needs_the_permission(self, client, tim, invoice):
        client.force_login(tim)
        assert client.get(reverse("admin:invoice_pdf", args=[invoice.pk])).status_code == 403

    def test_paper_of_an_unknown_row_is_not_found(self, desk):
        assert desk.get(reverse("admin:invoice_pdf", args=[1])).status_code == 404

    def test_lost_paper_is_a_message(self, desk, invoice):
        url = reverse("admin:invoice_pdf", args=[invoice.pk])
        desk.get(url)
        store().remove(Paper.objects.get().upload.key)
        response = desk.get(url, follow=True)
        assert response.redirect_chain == [(page(invoice), 302)]
        assert "The stored file of this paper is missing." in response.content.decode()


class TestMail:
    def test_invoice_statement_and_receipt_are_mailed(self, desk, now, invoice):
        payment = pay(invoice, "91.56")
        statement = StatementFactory(customer=invoice.bill_to)
        for row in (invoice, payment):
            assert press(desk, row, "mail") == ["The mail is on its way."]
        assert Event.objects.filter(type="billing.invoice.sent").exists()
        assert press(desk, statement, "mail") == ["The mail is on its way."]
        assert again(statement).sent_at >= now

    def test_customer_without_address_is_named(self, desk, invoice):
        invoice.bill_to.contact.email = None
        invoice.bill_to.contact.save()
        assert press(desk, invoice, "mail") == ["The customer has no email address."]
