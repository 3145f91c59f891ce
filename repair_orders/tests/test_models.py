"""Constraints, string forms and querysets of repair orders and the catalogue."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from catalogue.models import Part, Service
from common.domain.caller import Caller, Role
from common.domain.database import violates
from repair_orders.models import PartLine, RepairOrder, ServiceLine
from repair_orders.queries import with_lines
from testing.factories import (
    PartFactory,
    PartLineFactory,
    RepairOrderFactory,
    ServiceFactory,
    ServiceLineFactory,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("model", "factory", "fields", "constraint"),
    [
        (Part, PartFactory, {"unit_price": Decimal("-0.01")}, "part_price_not_negative"),
        (Service, ServiceFactory, {"labor_cost": Decimal("-0.01")}, "labour_price_not_negative"),
        (RepairOrder, RepairOrderFactory, {"status": "lost"}, "repair_order_status_is_known"),
        (RepairOrder, RepairOrderFactory, {"discount_amount": Decimal("-1")}, "discount_amount_not_negative"),
        (RepairOrder, RepairOrderFactory, {"discount_percent": Decimal("100.01")}, "discount_percent_is_one"),
        (RepairOrder, RepairOrderFactory, {"discount_percent": Decimal("-0.01")}, "discount_percent_is_one"),
        (RepairOrder, RepairOrderFactory, {"tax_percent": Decimal("100.01")}, "tax_percent_is_one"),
        (RepairOrder, RepairOrderFactory, {"tax_percent": Decimal("-1")}, "tax_percent_is_one"),
        (
            RepairOrder, RepairOrderFactory, {"tax_percent": Decimal("8.25"), "tax_exemption": "NY-1"},
            "exempt_order_has_no_tax",
        ),
        (RepairOrder, RepairOrderFactory, {"total_cost": Decimal("1")}, "total_is_frozen_when_completed"),
        (RepairOrder, RepairOrderFactory, {"status": "completed"}, "total_is_frozen_when_completed"),
        (
            RepairOrder, RepairOrderFactory, {"status": "completed", "total_cost": Decimal("-1")},
            "total_is_frozen_when_completed",
        ),
        (PartLine, PartLineFactory, {"quantity": 0}, "line_quantity_is_possible"),
        (PartLine, PartLineFactory, {"quantity": 10_001}, "line_quantity_is_possible"),
        (PartLine, PartLineFactory, {"unit_price": Decimal("-1")}, "line_price_not_negative"),
        (ServiceLine, ServiceLineFactory, {"amount": Decimal("-1")}, "labour_line_not_negative"),
    ],
)  # fmt: skip
def test_database_refuses_invalid_values(model, factory, fields, constraint):
    row = factory()
    before = model.objects.values().get(pk=row.pk)
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        model.objects.filter(pk=row.pk).update(**fields)
    assert violates(error.value, model, constraint)
    assert model.objects.values().get(pk=row.pk) == before


def test_str():
    assert str(Part(name="Oil Filter", part_number="F-1")) == "Oil Filter (F-1)"
    assert str(Service(name="Oil Change")) == "Oil Change"
    assert str(RepairOrder(pk=9)) == "Repair order 9"
    assert str(RepairOrder(pk=9, number=48)) == "Repair order 48"
    assert str(PartLine(quantity=Decimal("2.00"), unit_price=Decimal("64.50"))) == "2 × 64.50"
    assert str(ServiceLine(amount=Decimal("5.00"))) == "5.00"


class TestQuerySets:
    def test_visible_to(self, alice, bob):
        of_alice = RepairOrderFactory(vehicle__customer=alice)
        of_bob = RepairOrderFactory(vehicle__customer=bob)
        rows = RepairOrder.objects.order_by("id")
        assert list(rows.visible_to(Caller(Role.CUSTOMER, alice.contact_id, alice.pk))) == [of_alice]
        assert list(rows.visible_to(Caller(Role.CUSTOMER, 99, None))) == []
        for role in (Role.TECHNICIAN, Role.ADVISOR, Role.MANAGER, Role.ADMIN):
            assert list(rows.visible_to(Caller(role, 99, None))) == [of_alice, of_bob]

    def test_matching(self):
        pending, denied = RepairOrderFactory(status="pending"), RepairOrderFactory(status="denied")
        rows = RepairOrder.objects.order_by("id")
        assert list(rows.matching({})) == [pending, denied]
        assert list(rows.matching({"status": ["denied"]})) == [denied]
        assert list(rows.matching({"status": ["denied", "pending"]})) == [pending, denied]

    def test_with_lines_prefetches_both_kinds_in_order(self, django_assert_num_queries):
        order = RepairOrderFactory()
        late, early = (PartLineFactory(repair_order=order, id=number) for number in (20, 10))
        work = ServiceLineFactory(repair_order=order)
        with django_assert_num_queries(3):
            row = with_lines(RepairOrder.objects.all()).get()
            assert [line.pk for line in row.part_lines.all()] == [early.pk, late.pk]
            assert [line.pk for line in row.service_lines.all()] == [work.pk]
