"""The staff's API of a repair order's money: its invoice, its deposits, and vehicle out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from billing.links import invoice_url
from billing.models import Invoice, VehicleExit
from repair_orders import actions
from repair_orders.models import RepairOrder
from testing.billed import again, completed, invoiced, pay
from testing.factories import AppointmentFactory, CustomerFactory, RepairOrderFactory, UserFactory
from testing.suites import count_queries, invalid
from testing.worked_example import reload, started
from vehicles.odometer import read_odometer

pytestmark = pytest.mark.django_db
D = Decimal


def zulu(instant):
    return instant.isoformat().replace("+00:00", "Z")


@pytest.fixture
def advisor():
    return UserFactory(role="advisor")


@pytest.fixture
def as_advisor(sign_in, advisor):
    return sign_in(advisor)


@pytest.fixture
def manager():
    return UserFactory(role="manager")


@pytest.fixture
def as_manager(sign_in, manager):
    return sign_in(manager)


def address(order, tail):
    return f"/api/shop/repair-orders/{order.pk}/{tail}/"


def post(client, order, tail, body=None, **headers):
    return client.post(address(order, tail), body or {}, format="json", headers=headers)


class TestInvoice:
    def test_invoice_of_the_worked_example(self, as_advisor, advisor):
        order, *_ = started()
        deposit = pay(order, "100.00")
        actions.complete(order=order, by=None, now=timezone.now())
        response = post(as_advisor, order, "invoice", {"po_number": "PO 7"})
        invoice = Invoice.objects.get()
        names = ("kind", "quantity", "amount", "discount", "net", "tax")
        rows = [
            ("part", 1, "89.99", "9.00", "80.99", "7.19"),
            ("part", 2, "129.00", "12.90", "116.10", "10.30"),
            ("part", 0.5, "6.50", "0.65", "5.85", "0.52"),
            ("labour", 1.8, "233.91", "23.39", "210.52", "18.68"),
            ("sublet", None, "21.00", "2.10", "18.90", "0.00"),
            ("fee", None, "22.97", "2.30", "20.67", "1.84"),
        ]
        lines = [
            {"id": line.pk, "job_id": line.job_id, "name": line.name, **dict(zip(names, row, strict=True))}
            for line, row in zip(invoice.lines.in_order(), rows, strict=True)
        ]
        expected = {
            "id": invoice.pk,
            "number": invoice.number,
            "kind": "order",
            "repair_order_id": order.pk,
            "customer_id": order.customer_id,
            "bill_to_id": order.customer_id,
            "location_id": order.location_id,
            "issued_at": zulu(invoice.issued_at),
            "issued_by": advisor.pk,
            "day": invoice.day.isoformat(),
            "due_on": invoice.due_on.isoformat(),
            "po_number": "PO 7",
            "tax_percent": "8.875",
            "totals": {
                "subtotal": "503.37",
                "discount": "50.34",
                "net": "453.03",
                "tax": "38.53",
                "total": "491.56",
            },
            "credited": "0.00",
            "paid": "100.00",
            "balance": "391.56",
            "is_credited": False,
            "lines": lines,
            "allocations": [
                {"payment_id": deposit.pk, "method": "card", "reference": "", "amount": "100.00"}
            ],
            "credit_notes": [],
            "url": invoice_url(invoice),
        }
        assert (response.status_code, response.json()) == (201, expected)
        assert as_advisor.get(f"/api/shop/invoices/{invoice.pk}/").json() == expected

    def test_another_customer_pays(self, as_advisor):
        order, payer = completed(), CustomerFactory(terms_days=30)
        body = post(as_advisor, order, "invoice", {"bill_to_id": payer.pk}).json()
        assert (body["customer_id"], body["bill_to_id"]) == (order.customer_id, payer.pk)
        invoice = Invoice.objects.get()
        assert (invoice.due_on - invoice.day).days == 30

    def test_open_order_is_409(self, as_advisor):
        order, *_ = started()
        response = post(as_advisor, order, "invoice")
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Not completed",
                "detail": "Only a completed order can be invoiced. Complete it first.",
                "code": "not_completed",
            },
        )

    def test_second_invoice_is_409(self, as_advisor):
        invoice = invoiced()
        response = post(as_advisor, invoice.repair_order, "invoice")
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Already invoiced",
                "detail": f"This order has invoice {invoice.number}. "
                "Credit it as a whole before you issue another one.",
                "invoice_id": invoice.pk,
                "number": invoice.number,
                "code": "already_invoiced",
            },
        )
        assert Invoice.objects.count() == 1

    def test_same_key_issues_one_invoice(self, as_advisor):
        order = completed()
        first, second = (post(as_advisor, order, "invoice", **{"Idempotency-Key": "once"}) for _ in range(2))
        assert (first.status_code, second.json()) == (201, first.json())

    def test_stale_version_is_409(self, as_advisor):
        order = completed()
        response = post(as_advisor, order, "invoice", {"version": order.version + 1})
        assert (response.status_code, response.json()["code"]) == (409, "stale_version")
        response = post(as_advisor, order, "invoice", **{"If-Match": f'"{order.version}"'})
        assert response.status_code == 201

    def test_wrong_bodies(self, as_advisor):
        order = completed()
        response = post(as_advisor, order, "invoice", {"colour": "red"})
        message = "Unknown field. Accepted fields: bill_to_id, po_number, version."
        assert (response.status_code, response.json()) == (
            400,
            {**invalid("colour", message), "code": "unknown_field"},
        )
        response = post(as_advisor, order, "invoice", {"bill_to_id": 999})
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Customer not found.", "code": "not_found"},
        )
        assert not Invoice.objects.exists()

    def test_unknown_order_is_404(self, as_advisor):
        response = as_advisor.post("/api/shop/repair-orders/999/invoice/", {}, format="json")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Repair order not found.", "code": "not_found"},
        )

    def test_technician_may_not_bill(self, as_tim):
        order = completed()
        refusal = {
            "error": "Access denied",
            "detail": "Your role does not allow this.",
            "code": "role_may_not",
        }
        for response in (
            post(as_tim, order, "invoice"),
            post(as_tim, order, "vehicle-out"),
            as_tim.get(address(order, "billing")),
        ):
            assert (response.status_code, response.json()) == (403, refusal)
        assert not Invoice.objects.exists()


class TestBilling:
    def test_open_order_with_a_deposit(self, as_advisor):
        order, *_ = started()
        deposit = pay(order, "100.00", reference="4711")
        assert as_advisor.get(address(order, "billing")).json() == {
            "repair_order_id": order.pk,
            "status": "in_progress",
            "invoice_id": None,
            "invoice": None,
            "deposits": [
                {"payment_id": deposit.pk, "method": "card", "reference": "4711", "amount": "100.00"}
            ],
            "deposit": "100.00",
            "balance": None,
            "vehicle_out": None,
        }

    def test_invoiced_order(self, as_advisor):
        invoice = invoiced()
        body = as_advisor.get(address(invoice.repair_order, "billing")).json()
        assert body == {
            "repair_order_id": invoice.repair_order_id,
            "status": "completed",
            "invoice_id": invoice.pk,
            "invoice": as_advisor.get(f"/api/shop/invoices/{invoice.pk}/").json(),
            "deposits": [],
            "deposit": "0.00",
            "balance": "491.56",
            "vehicle_out": None,
        }

    def test_unknown_parameter_is_400(self, as_advisor):
        response = as_advisor.get(address(completed(), "billing"), {"colour": "red"})
        assert (response.status_code, response.json()) == (400, invalid("colour", "Unknown parameter."))

    def test_number_of_queries_does_not_grow(self, as_advisor):
        order, *_ = started()
        pay(order, "1.00")
        with_one = count_queries(lambda: as_advisor.get(address(order, "billing")))
        for _ in range(5):
            pay(order, "1.00")
        assert count_queries(lambda: as_advisor.get(address(order, "billing"))) == with_one


class TestVehicleOut:
    def test_paid_vehicle_leaves(self, as_advisor, advisor):
        invoice = invoiced()
        pay(invoice, "491.56")
        miles = float(invoice.repair_order.vehicle.odometer) + 5
        response = post(as_advisor, invoice.repair_order, "vehicle-out", {"odometer": miles})
        left = VehicleExit.objects.get()
        assert response.status_code == 200
        assert response.json()["vehicle_out"] == {
            "at": zulu(left.at),
            "by": advisor.pk,
            "odometer": miles,
            "balance": "0.00",
            "override": "",
        }
        assert response.json() == as_advisor.get(address(invoice.repair_order, "billing")).json()
        order = RepairOrder.objects.get()
        assert float(order.odometer_out) == float(order.vehicle.odometer) == miles

    def test_balance_is_409(self, as_manager):
        invoice = invoiced()
        response = post(as_manager, invoice.repair_order, "vehicle-out")
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Not paid",
                "detail": "491.56 is not paid. Take the payment, or let a manager give the reason why the vehicle "
                "leaves.",
                "balance": "491.56",
                "code": "balance_due",
            },
        )
        assert not VehicleExit.objects.exists()

    def test_manager_lets_it_leave_with_a_reason(self, as_manager, manager):
        invoice = invoiced()
        body = {"override": "Fleet account"}
        left = post(as_manager, invoice.repair_order, "vehicle-out", body).json()["vehicle_out"]
        assert left == {
            "at": zulu(VehicleExit.objects.get().at),
            "by": manager.pk,
            "odometer": None,
            "balance": "491.56",
            "override": "Fleet account",
        }

    def test_advisor_cannot_override(self, as_advisor):
        invoice = invoiced()
        response = post(as_advisor, invoice.repair_order, "vehicle-out", {"override": "A friend"})
        assert (response.status_code, response.json()) == (
            403,
            {
                "error": "Access denied",
                "detail": "Only a manager can let a vehicle leave unpaid.",
                "code": "override_not_allowed",
            },
        )
        assert not VehicleExit.objects.exists()

    @pytest.mark.parametrize(
        ("make", "code"),
        [(lambda: started()[0], "not_completed"), (completed, "not_invoiced")],
        ids=["open", "not invoiced"],
    )
    def test_too_early_is_409(self, as_advisor, make, code):
        response = post(as_advisor, make(), "vehicle-out")
        assert (response.status_code, response.json()["code"]) == (409, code)
        assert not VehicleExit.objects.exists()

    def test_stopped_order_leaves_without_an_invoice_and_once(self, as_advisor):
        order, *_ = started()
        actions.stop(order=reload(order), reason="Too expensive", by=None, now=timezone.now())
        assert post(as_advisor, order, "vehicle-out").status_code == 200
        response = post(as_advisor, order, "vehicle-out")
        assert (response.status_code, response.json()["code"]) == (409, "already_out")

    @pytest.mark.parametrize("status", ["pending", "in_progress"])
    def test_visit_is_over_when_the_vehicle_leaves(self, as_advisor, status):
        visit = AppointmentFactory(status=status)
        order = RepairOrderFactory(
            status="denied", vehicle=visit.vehicle, customer=visit.customer, appointment=visit
        )
        assert post(as_advisor, order, "vehicle-out").status_code == 200
        assert again(visit).status == "completed"

    def test_reading_that_goes_back_is_400_and_changes_nothing(self, as_advisor):
        invoice = invoiced()
        pay(invoice, "491.56")
        vehicle = invoice.repair_order.vehicle
        read_odometer(vehicle=vehicle, miles=D("90000.00"), by=None, now=timezone.now())
        response = post(as_advisor, invoice.repair_order, "vehicle-out", {"odometer": 89_999})
        assert (response.status_code, response.json()["code"]) == (400, "odometer_backwards")
        assert (VehicleExit.objects.count(), again(vehicle).odometer) == (0, D("90000.00"))
