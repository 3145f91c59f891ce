"""The staff's API of payments."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from billing.models import Allocation, Payment
from orders.models import Order
from testing.billed import again, invoiced, opens, pay
from testing.factories import (
    AllocationFactory,
    CustomerFactory,
    InvoiceFactory,
    LocationFactory,
    OrderFactory,
    OrderItemFactory,
    PaymentFactory,
    RepairOrderFactory,
    UserFactory,
)
from testing.suites import StaffNounSuite, invalid

D = Decimal
POSTED = datetime(2026, 1, 15, 15, 30, tzinfo=UTC)
URL = "/api/shop/payments/"


def zulu(instant):
    return instant.isoformat().replace("+00:00", "Z")


def wrong(field, message, code):
    """Return the 400 body of an error of the domain that names one field."""
    return {"error": "Invalid input", "detail": message, "fields": {field: [message]}, "code": code}


def refund_body(refund):
    return {
        "id": refund.pk,
        "amount": str(refund.amount),
        "method": refund.method,
        "reference": refund.reference,
        "location_id": refund.location_id,
        "posted_at": zulu(refund.posted_at),
        "day": refund.day.isoformat(),
        "is_reversal": refund.is_reversal,
        "reason": refund.reason,
    }


def payment_body(payment, allocations=(), refunds=()):
    return {
        "id": payment.pk,
        "kind": payment.kind,
        "customer_id": payment.customer_id,
        "location_id": payment.location_id,
        "amount": str(payment.amount),
        "method": payment.method,
        "reference": payment.reference,
        "received_on": payment.received_on and payment.received_on.isoformat(),
        "posted_at": zulu(payment.posted_at),
        "day": payment.day.isoformat(),
        "taken_by": payment.taken_by_id,
        "refunds_id": payment.refunds_id,
        "is_reversal": payment.is_reversal,
        "reason": payment.reason,
        "allocations": list(allocations),
        "refunds": [refund_body(refund) for refund in refunds],
        "open": str(payment.open),
    }


def give_back(payment):
    return PaymentFactory(
        kind="refund",
        customer=payment.customer,
        refunds=payment,
        amount=D("10.00"),
        reason="Too much",
        posted_at=POSTED - timedelta(days=900),
    )


class TestPayments(StaffNounSuite):
    noun, name = "payments", "Payment"
    item_allow = "GET, HEAD"
    ordering = ("posted",)

    def make(self, **values):
        payment = PaymentFactory(
            **{
                "posted_at": POSTED,
                "taken_by": UserFactory(role="advisor"),
                "reference": "4711",
                "received_on": date(2026, 1, 14),
                **values,
            }
        )
        order = RepairOrderFactory(vehicle__customer=payment.customer)
        AllocationFactory(payment=payment, amount=D("5.00"))
        AllocationFactory(payment=payment, invoice=None, repair_order=order, amount=D("9.00"))
        AllocationFactory(payment=payment, invoice=None, repair_order=order, amount=D("-4.00"))
        bought = OrderFactory(customer=payment.customer)
        for amount in ("5.00", "-5.00"):
            AllocationFactory(payment=payment, invoice=None, parts_order=bought, amount=D(amount))
        if not Payment.objects.filter(kind="refund").exists():
            give_back(payment)
        return payment

    def row(self, payment):
        used = payment.allocations.order_by("id")
        return payment_body(
            payment,
            [
                {"invoice_id": used[0].invoice_id, "amount": "5.00"},
                {"repair_order_id": used[1].repair_order_id, "amount": "5.00"},
            ],
            payment.refunded_by.all(),
        )

    def called(self, text):
        return self.make(customer=CustomerFactory(company_name=text))

    def found(self, client, **params):
        """Return the ids of the payments, without their refunds."""
        if params.keys() & {"search", "ordering"}:
            params.setdefault("kind", "payment")
        return super().found(client, **params)

    def test_filters(self, as_ada):
        first = self.make(day=date(2026, 1, 15))
        other = self.make(method="cash", day=date(2026, 2, 1), open=D("3.00"))
        refund = give_back(other)
        for params, found in (
            ({"location_id": first.location_id}, [first]),
            ({"customer_id": other.customer_id}, [other, refund]),
            ({"method": "cash"}, [other]),
            ({"method": "cash,card", "kind": "payment"}, [other, first]),
            ({"customer_id": other.customer_id, "kind": "refund"}, [refund]),
            ({"open": "true"}, [other]),
            ({"open": "false", "kind": "payment"}, [first]),
            ({"from": "2026-02-01"}, [other]),
            ({"from": "2026-01-01", "to": "2026-01-31"}, [first]),
        ):
            assert self.found(as_ada, **params) == [row.pk for row in found], params

    def test_refund_names_its_payment(self, as_ada):
        refund = self.make().refunded_by.get()
        assert as_ada.get(self.item(refund)).json() == payment_body(refund)


@pytest.fixture
def invoice(db):
    return invoiced()


@pytest.fixture
def advisor(db):
    return UserFactory(role="advisor")


@pytest.fixture
def as_advisor(sign_in, advisor):
    return sign_in(advisor)


@pytest.fixture
def as_manager(sign_in, db):
    return sign_in(UserFactory(role="manager"))


def post(client, tail, body, **headers):
    return client.post(f"{URL}{tail}", body, format="json", headers=headers)


def for_invoice(invoice, amount, **more):
    return {
        "customer_id": invoice.bill_to_id,
        "location_id": invoice.location_id,
        "amount": amount,
        "method": "card",
        **more,
    }


class TestTake:
    def test_payment_of_an_invoice(self, as_advisor, advisor, invoice):
        uses = [{"invoice_id": invoice.pk, "amount": "491.56"}]
        body = for_invoice(invoice, "500.00", reference="T 12", received_on="2026-01-14", allocations=uses)
        response = post(as_advisor, "", body)
        payment = Payment.objects.get()
        assert (response.status_code, response.json()) == (201, payment_body(payment, uses))
        assert response.json() == as_advisor.get(f"{URL}{payment.pk}/").json()
        assert (payment.taken_by_id, payment.open, payment.reference) == (advisor.pk, D("8.44"), "T 12")
        assert payment.received_on == date(2026, 1, 14)
        assert again(invoice).balance == D("0.00")

    def test_deposit_and_open_part(self, as_advisor, db):
        order, till = RepairOrderFactory(), LocationFactory()
        response = post(
            as_advisor,
            "",
            {
                "customer_id": order.customer_id,
                "location_id": till.pk,
                "amount": "100.00",
                "method": "CASH",
                "allocations": [{"repair_order_id": order.pk, "amount": "60.00"}],
            },
        )
        assert response.status_code == 201
        assert response.json()["allocations"] == [{"repair_order_id": order.pk, "amount": "60.00"}]
        assert (response.json()["method"], response.json()["open"]) == ("cash", "40.00")

    def test_payment_of_a_parts_order_confirms_it(self, as_advisor, db):
        item, till = OrderItemFactory(), LocationFactory()
        order, total = item.order, str(item.subtotal)
        response = post(
            as_advisor,
            "",
            {
                "customer_id": order.customer_id,
                "location_id": till.pk,
                "amount": total,
                "method": "transfer",
                "allocations": [{"order_id": order.pk, "amount": total}],
            },
        )
        assert response.status_code == 201, response.content
        assert response.json()["allocations"] == [{"order_id": order.pk, "amount": total}]
        assert Order.objects.get(pk=order.pk).status == "confirmed"

    def test_same_key_takes_one_payment(self, as_advisor, invoice):
        first, second = (
            post(as_advisor, "", for_invoice(invoice, "5.00"), **{"Idempotency-Key": "once"})
            for _ in range(2)
        )
        assert (first.status_code, second.status_code, second.json()) == (201, 201, first.json())
        assert Payment.objects.count() == 1

    def test_more_than_the_balance_is_409(self, as_advisor, invoice):
        uses = [{"invoice_id": invoice.pk, "amount": "491.57"}]
        response = post(as_advisor, "", for_invoice(invoice, "500.00", allocations=uses))
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "More than is owed",
                "detail": f"{invoice} has a balance of 491.56, so 491.57 is too much.",
                "balance": "491.56",
                "code": "over_balance",
            },
        )
        assert not Payment.objects.exists()

    def test_more_than_the_payment_is_409(self, as_advisor, invoice):
        uses = [{"invoice_id": invoice.pk, "amount": "5.01"}]
        response = post(as_advisor, "", for_invoice(invoice, "5.00", allocations=uses))
        body = response.json()
        assert (response.status_code, body["code"], body["open"]) == (409, "over_open", "5.00")
        assert not Payment.objects.exists()

    @pytest.mark.parametrize(
        ("change", "field", "message"),
        [
            ({"amount": "0.00"}, "amount", "Ensure this value is greater than or equal to 0.01."),
            ({"amount": "1.001"}, "amount", "Ensure that there are no more than 2 decimal places."),
            (
                {"method": "barter"},
                "method",
                '"barter" is not a valid choice. Choose one of: cash, check, card, transfer, other.',
            ),
            (
                {"allocations": [{"amount": "1.00"}]},
                "allocations[0]",
                "Send one of invoice_id, repair_order_id and order_id.",
            ),
            (
                {"allocations": [{"amount": "1.00", "invoice_id": 1, "order_id": 1}]},
                "allocations[0]",
                "Send one of invoice_id, repair_order_id and order_id.",
            ),
            (
                {"allocations": [{"invoice_id": 1, "amount": "-1.00"}]},
                "allocations[0].amount",
                "Ensure this value is greater than or equal to 0.01.",
            ),
            ({"location_id": None}, "location_id", "This field may not be null."),
        ],
    )
    def test_wrong_body_is_400(self, as_advisor, invoice, change, field, message):
        response = post(as_advisor, "", for_invoice(invoice, "5.00") | change)
        assert (response.status_code, response.json()) == (400, invalid(field, message))
        assert not Payment.objects.exists()

    @pytest.mark.parametrize(
        ("change", "noun"),
        [
            ({"customer_id": 999}, "Customer"),
            ({"location_id": 999}, "Location"),
            ({"allocations": [{"invoice_id": 999, "amount": "1.00"}]}, "Invoice"),
            ({"allocations": [{"repair_order_id": 999, "amount": "1.00"}]}, "Repair order"),
            ({"allocations": [{"order_id": 999, "amount": "1.00"}]}, "Order"),
        ],
    )
    def test_unknown_row_is_404(self, as_advisor, invoice, change, noun):
        response = post(as_advisor, "", for_invoice(invoice, "5.00") | change)
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": f"{noun} not found.", "code": "not_found"},
        )
        assert not Payment.objects.exists()

    def test_invoice_of_another_customer_is_400(self, as_advisor, invoice):
        other = InvoiceFactory(paid=D("0.00"))
        uses = [{"invoice_id": other.pk, "amount": "5.00"}]
        response = post(as_advisor, "", for_invoice(invoice, "5.00", allocations=uses))
        assert (response.status_code, response.json()) == (
            400,
            wrong("allocations[0]", "The payment is of another customer.", "wrong_account"),
        )

    def test_deposit_of_an_invoiced_order_is_400(self, as_advisor, invoice):
        uses = [{"repair_order_id": invoice.repair_order_id, "amount": "5.00"}]
        response = post(as_advisor, "", for_invoice(invoice, "5.00", allocations=uses))
        message = "A deposit can be taken for an open or completed order without an invoice."
        assert (response.status_code, response.json()) == (
            400,
            wrong("allocations[0]", message, "not_payable"),
        )

    def test_part_of_a_parts_order_is_400(self, as_advisor, invoice):
        item = OrderItemFactory(order__customer=invoice.bill_to)
        uses = [{"order_id": item.order_id, "amount": "0.01"}]
        response = post(as_advisor, "", for_invoice(invoice, "5.00", allocations=uses))
        message = f"A parts order is paid as a whole: {item.subtotal}."
        assert (response.status_code, response.json()) == (
            400,
            wrong("allocations[0]", message, "not_the_total"),
        )

    def test_technician_may_not_see_or_take_money(self, as_tim, invoice):
        refusal = {
            "error": "Access denied",
            "detail": "Your role does not allow this.",
            "code": "role_may_not",
        }
        for response in (as_tim.get(URL), post(as_tim, "", for_invoice(invoice, "5.00"))):
            assert (response.status_code, response.json()) == (403, refusal)
        assert not Payment.objects.exists()


class TestUse:
    def test_allocate(self, as_advisor, invoice):
        payment = pay(None, "100.00", customer=invoice.bill_to, location=invoice.location)
        uses = [{"invoice_id": invoice.pk, "amount": "60.00"}]
        response = post(as_advisor, f"{payment.pk}/allocate/", {"allocations": uses})
        assert (response.status_code, response.json()) == (200, payment_body(again(payment), uses))
        assert (opens(payment), again(invoice).balance) == ([D("40.00")], D("431.56"))

    def test_more_than_is_open_is_409(self, as_advisor, invoice):
        payment = pay(None, "10.00", customer=invoice.bill_to, location=invoice.location)
        uses = [{"invoice_id": invoice.pk, "amount": amount} for amount in ("9.00", "1.01")]
        response = post(as_advisor, f"{payment.pk}/allocate/", {"allocations": uses})
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "More than is open",
                "detail": f"1.00 of payment {payment.pk} is open, so 1.01 is too much.",
                "open": "1.00",
                "code": "over_open",
            },
        )
        assert (opens(payment), Allocation.objects.count()) == ([D("10.00")], 0)

    def test_refund_cannot_be_used(self, as_advisor, invoice):
        payment = pay(None, "10.00", customer=invoice.bill_to, location=invoice.location)
        post(as_advisor, f"{payment.pk}/refund/", {"amount": "1.00", "reason": "x"})
        refund = payment.refunded_by.get()
        uses = [{"invoice_id": invoice.pk, "amount": "1.00"}]
        response = post(as_advisor, f"{refund.pk}/allocate/", {"allocations": uses})
        assert (response.status_code, response.json()["code"]) == (409, "not_a_payment")

    @pytest.mark.parametrize(
        ("body", "message"),
        [({}, "This field is required."), ({"allocations": []}, "This list may not be empty.")],
    )
    def test_nothing_to_use_it_for_is_400(self, as_advisor, invoice, body, message):
        payment = pay(None, "10.00", customer=invoice.bill_to, location=invoice.location)
        response = post(as_advisor, f"{payment.pk}/allocate/", body)
        assert (response.status_code, response.json()) == (400, invalid("allocations", message))

    def test_unknown_key_of_an_allocation_is_400(self, as_advisor, invoice):
        payment = pay(None, "10.00", customer=invoice.bill_to, location=invoice.location)
        uses = [{"invoice_id": invoice.pk, "amount": "1.00", "day": "2026-01-01"}]
        response = post(as_advisor, f"{payment.pk}/allocate/", {"allocations": uses})
        message = "Unknown field. Accepted fields: amount, invoice_id, order_id, repair_order_id."
        assert (response.status_code, response.json()) == (
            400,
            {**invalid("allocations[0].day", message), "code": "unknown_field"},
        )


class TestRefund:
    def test_refund_by_the_same_method(self, as_advisor, advisor, invoice):
        till = LocationFactory()
        payment = pay(None, "100.00", customer=invoice.bill_to, location=invoice.location)
        response = post(
            as_advisor,
            f"{payment.pk}/refund/",
            {"amount": "30.00", "reference": "R 1", "reason": "Too much", "location_id": till.pk},
        )
        refund = payment.refunded_by.get()
        expected = payment_body(again(payment), refunds=[refund])
        assert (response.status_code, response.json()) == (200, expected)
        assert (refund.taken_by_id, refund.location_id, refund.method) == (advisor.pk, till.pk, "card")
        assert (refund.reference, refund.reason, opens(payment)) == ("R 1", "Too much", [D("70.00")])

    def test_refund_by_another_method_needs_a_manager(self, as_advisor, as_manager, invoice):
        payment = pay(None, "100.00", customer=invoice.bill_to, location=invoice.location)
        body = {"amount": "30.00", "method": "cash", "reason": "Too much"}
        response = post(as_advisor, f"{payment.pk}/refund/", body)
        assert (response.status_code, response.json()) == (
            403,
            {
                "error": "Access denied",
                "detail": "Only a manager can refund by another method than the payment's.",
                "code": "other_method",
            },
        )
        assert opens(payment) == [D("100.00")]
        assert post(as_manager, f"{payment.pk}/refund/", body).json()["refunds"][0]["method"] == "cash"

    def test_more_than_is_open_is_409(self, as_advisor, invoice):
        payment = pay(invoice, "100.00")
        response = post(as_advisor, f"{payment.pk}/refund/", {"amount": "0.01", "reason": "x"})
        body = response.json()
        assert (response.status_code, body["code"], body["open"]) == (409, "over_open", "0.00")
        assert Payment.objects.count() == 1

    def test_same_key_refunds_once(self, as_advisor, invoice):
        payment = pay(None, "100.00", customer=invoice.bill_to, location=invoice.location)
        for _ in range(2):
            body = {"amount": "30.00", "reason": "x"}
            assert (
                post(as_advisor, f"{payment.pk}/refund/", body, **{"Idempotency-Key": "r"}).status_code == 200
            )
        assert opens(payment) == [D("70.00")]


class TestReverse:
    def test_reverse_takes_it_off_everything(self, as_manager, invoice):
        payment = pay(invoice, "100.00")
        response = post(as_manager, f"{payment.pk}/reverse/", {"reason": "Wrong customer"})
        reversal = payment.refunded_by.get()
        assert (response.status_code, response.json()) == (
            200,
            payment_body(again(payment), refunds=[reversal]),
        )
        assert (reversal.is_reversal, reversal.amount, reversal.reason) == (
            True,
            D("100.00"),
            "Wrong customer",
        )
        assert again(invoice).balance == D("491.56")

    def test_refunded_payment_is_409(self, as_manager, invoice):
        payment = pay(None, "100.00", customer=invoice.bill_to, location=invoice.location)
        post(as_manager, f"{payment.pk}/refund/", {"amount": "1.00", "reason": "x"})
        response = post(as_manager, f"{payment.pk}/reverse/", {"reason": "x"})
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Already refunded",
                "detail": "A part of this payment was refunded. Only a payment without refunds can be reversed.",
                "code": "already_refunded",
            },
        )

    def test_reason_is_needed(self, as_manager, invoice):
        payment = pay(invoice, "100.00")
        response = post(as_manager, f"{payment.pk}/reverse/", {})
        assert (response.status_code, response.json()) == (400, invalid("reason", "This field is required."))

    def test_advisor_may_not_reverse(self, as_advisor, invoice):
        payment = pay(invoice, "100.00")
        response = post(as_advisor, f"{payment.pk}/reverse/", {"reason": "x"})
        assert (response.status_code, response.json()["code"]) == (403, "role_may_not")
        assert again(invoice).paid == D("100.00")
