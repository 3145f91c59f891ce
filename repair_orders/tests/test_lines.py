"""Lines of repair orders: adding, removing and limits."""

from __future__ import annotations

from decimal import Decimal

import pytest

from common.domain.errors import Invalid
from repair_orders import jobs
from repair_orders.changes import LARGEST_TOTAL, TotalTooLarge
from repair_orders.models import PartLine, RepairOrder, ServiceLine
from repair_orders.queries import totals_of
from repair_orders.tests.test_actions import STATES, in_state, snapshot
from testing.factories import (
    PartFactory,
    PartLineFactory,
    ServiceFactory,
    ServiceLineFactory,
)

pytestmark = pytest.mark.django_db


EDITABLE = ("requested", "pending")


class TestLines:
    def test_added_part_keeps_price(self):
        order, part = in_state("requested"), PartFactory(unit_price=Decimal("18.99"), taxable=False)
        line = jobs.add_part(order=order, part=part, quantity=3)
        part.unit_price = Decimal("20.00")
        part.save()
        assert PartLine.objects.values(
            "repair_order_id", "part_id", "name", "quantity", "unit_price", "amount", "taxable", "job__name"
        ).get() == {
            "repair_order_id": order.pk,
            "part_id": part.pk,
            "quantity": 3,
            "name": part.name,
            "unit_price": Decimal("18.99"),
            "amount": Decimal("56.97"),
            "job__name": "Repair",
            "taxable": False,
        }
        assert line.pk == PartLine.objects.get().pk

    def test_added_service_keeps_price(self):
        order, service = in_state("pending"), ServiceFactory(labor_cost=Decimal("45.00"))
        jobs.add_service(order=order, service=service)
        service.labor_cost = Decimal("50.00")
        service.save()
        assert ServiceLine.objects.values("repair_order_id", "service_id", "amount", "taxable").get() == {
            "repair_order_id": order.pk,
            "service_id": service.pk,
            "amount": Decimal("45.00"),
            "taxable": True,
        }

    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("change", ["add part", "add service", "remove part", "remove service"])
    def test_lines_change_only_before_decision(self, state, change):
        order = in_state(state)
        part, service = PartLineFactory(repair_order=order), ServiceLineFactory(repair_order=order)
        before = snapshot(order)
        changes = {
            "add part": lambda: jobs.add_part(order=order, part=part.part),
            "add service": lambda: jobs.add_service(order=order, service=service.service),
            "remove part": lambda: jobs.remove_line(order=order, model=PartLine, line_id=part.pk),
            "remove service": lambda: jobs.remove_line(order=order, model=ServiceLine, line_id=service.pk),
        }
        if state in EDITABLE:
            changes[change]()
            after = snapshot(order)
            key = "parts" if "part" in change else "services"
            assert len(after[key]) == (2 if "add" in change else 0)
            assert after["order"] == before["order"] | {"version": 2}
        else:
            with pytest.raises(jobs.LinesAreFixed):
                changes[change]()
            assert snapshot(order) == before

    def test_stored_state_decides_over_loaded_state(self):
        order = in_state("pending")
        RepairOrder.objects.update(status="approved")
        with pytest.raises(jobs.LinesAreFixed):
            jobs.add_part(order=order, part=PartFactory())
        assert not PartLine.objects.exists()

    @pytest.mark.parametrize(
        ("quantity", "tax", "fits"),
        [(1, "0", True), (2, "0", False), (1, "8.25", False), (10_000, "0", False)],
    )
    def test_total_has_maximum(self, quantity, tax, fits):
        order = in_state("requested", tax_percent=Decimal(tax))
        part = PartFactory(unit_price=Decimal("99999999.99"))
        if fits:
            jobs.add_part(order=order, part=part, quantity=quantity)
            assert totals_of(order).total == LARGEST_TOTAL
            with pytest.raises(TotalTooLarge):
                jobs.add_service(order=order, service=ServiceFactory(labor_cost=Decimal("0.01")))
            assert not ServiceLine.objects.exists()
        else:
            with pytest.raises(TotalTooLarge) as error:
                jobs.add_part(order=order, part=part, quantity=quantity)
            assert isinstance(error.value, Invalid)
            assert error.value.field == "quantity"
            assert not PartLine.objects.exists()
