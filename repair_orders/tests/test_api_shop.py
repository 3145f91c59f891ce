"""Contract 000's repair orders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from testing.factories import (
    PartFactory,
    PartLineFactory,
    RepairOrderFactory,
    ServiceFactory,
    ServiceLineFactory,
    VehicleFactory,
)
from testing.suites import ShopCustomerListSuite
from vehicles.tests.test_api_shop import brief

CREATED = datetime(2025, 8, 19, 11, 51, 29, 821036, tzinfo=UTC)


class TestCustomerRepairOrders(ShopCustomerListSuite):
    url = "/api/shop/repair-orders/customers/me/repair-orders/"

    def make(self, customer, status="in_progress", **fields):
        order = RepairOrderFactory(
            vehicle=VehicleFactory(customer=customer),
            **{
                "status": status,
                "tax_percent": Decimal("8.25"),
                "created_at": CREATED,
                "notes": "Repair work",
            }
            | fields,
        )
        fluid = PartFactory(
            name="Transmission Fluid", manufacturer="Valvoline", unit_price=Decimal("20.00"), taxable=False
        )
        rotation = ServiceFactory(
            name="Tire Rotation",
            description="Rotate and balance tires",
            labor_cost=Decimal("60.00"),
            warranty_months=6,
        )
        # The lines differ from the catalogue in price and taxability.
        PartLineFactory(repair_order=order, part=fluid, quantity=2, unit_price=Decimal("18.99"), taxable=True)
        ServiceLineFactory(repair_order=order, service=rotation, amount=Decimal("50.00"))
        return order

    def row(self, order, customer):
        part_line, service_line = order.part_lines.get(), order.service_lines.get()
        return {
            "id": order.pk,
            "vehicle_id": order.vehicle_id,
            "vehicle": brief(order.vehicle),
            "customer_id": customer.pk,
            "customer_name": "Alice Cooper",
            "status": "in_progress",
            "discount_amount": "0.00",
            "discount_percent": "0.00",
            "tax_percent": "8.25",
            "total_cost": "95.24",
            "date_created": "2025-08-19T11:51:29.821036Z",
            "notes": "Repair work",
            "repair_order_parts": [
                {
                    "id": part_line.pk,
                    "part": {
                        "id": part_line.part_id,
                        "name": "Transmission Fluid",
                        "part_number": part_line.part.part_number,
                        "manufacturer": "Valvoline",
                        "unit_price": "18.99",
                        "taxable": True,
                        "warranty_months": 0,
                    },
                    "quantity": 2,
                    "total_price": "37.98",
                }
            ],
            "repair_order_services": [
                {
                    "id": service_line.pk,
                    "service": {
                        "id": service_line.service_id,
                        "name": "Tire Rotation",
                        "description": "Rotate and balance tires",
                        "labor_cost": "50.00",
                        "taxable": True,
                        "warranty_months": 6,
                    },
                }
            ],
            "calculated_total_cost": "95.24",
        }

    def test_keys_have_printed_order(self, alice, as_alice):
        order = self.make(alice)
        row = as_alice.get(self.url).json()["results"][0]
        expected = self.row(order, alice)
        assert list(row) == list(expected)
        for lines in ("repair_order_parts", "repair_order_services"):
            assert list(row[lines][0]) == list(expected[lines][0])

    def test_order_without_lines_costs_nothing(self, alice, as_alice):
        order = RepairOrderFactory(vehicle=VehicleFactory(customer=alice))
        row = as_alice.get(self.url).json()["results"][0]
        assert (row["id"], row["repair_order_parts"], row["repair_order_services"]) == (order.pk, [], [])
        assert (row["total_cost"], row["calculated_total_cost"]) == ("0.00", "0.00")

    def test_completed_order_shows_stored_total(self, alice, as_alice):
        self.make(alice, status="completed", total_cost=Decimal("90.00"))
        row = as_alice.get(self.url).json()["results"][0]
        assert (row["total_cost"], row["calculated_total_cost"]) == ("90.00", "95.24")

    def test_lines_are_sorted_by_id(self, alice, as_alice):
        order = self.make(alice)
        later = [PartLineFactory(repair_order=order).pk for _ in range(3)]
        lines = as_alice.get(self.url).json()["results"][0]["repair_order_parts"]
        assert [line["id"] for line in lines][1:] == later

    def test_rows_are_newest_first(self, alice, as_alice):
        old, new = self.make(alice), self.make(alice, created_at=CREATED + timedelta(seconds=1))
        assert [row["id"] for row in as_alice.get(self.url).json()["results"]] == [new.pk, old.pk]

    @pytest.mark.parametrize(
        ("stored", "shown"),
        [
            ("requested", "pending"),
            ("pending", "pending"),
            ("approved", "pending"),
            ("in_progress", "in_progress"),
            ("completed", "completed"),
        ],
    )
    def test_contract_has_three_states(self, alice, as_alice, stored, shown):
        self.make(alice, status=stored, total_cost=Decimal("1.00") if stored == "completed" else None)
        assert as_alice.get(self.url).json()["results"][0]["status"] == shown
        for word in ("pending", "in_progress", "completed"):
            count = as_alice.get(self.url, {"status": word}).json()["count"]
            assert count == int(word == shown)

    def test_denied_orders_are_not_listed(self, alice, as_alice):
        self.make(alice, status="denied")
        assert as_alice.get(self.url).json() == self.envelope(alice, [])

    @pytest.mark.parametrize("word", ["denied", "requested", "approved", "nonsense"])
    def test_unknown_status_is_400(self, alice, as_alice, word):
        self.make(alice)
        fields = {"status": [f'"{word}" is not one of pending, in_progress, completed.']}
        response = as_alice.get(self.url, {"status": word})
        assert (response.status_code, response.json()) == (
            400,
            {"error": "Invalid input", "detail": f"status: {fields['status'][0]}", "fields": fields},
        )
