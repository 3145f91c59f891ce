"""What an order takes from the tax rule of its location, and keeps."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from repair_orders import actions, jobs
from repair_orders.pricing.models import TaxRule
from testing.factories import LocationFactory
from testing.worked_example import add_brakes, add_part, given, new_order, reload

D = Decimal


@pytest.mark.django_db
class TestFees:
    @pytest.mark.parametrize(
        ("of_rule", "of_tax", "tax"),
        [(True, True, "10.00"), (True, False, "9.52"), (False, True, "9.52"), (False, False, "9.52")],
    )
    def test_fee_is_taxed_if_its_rule_and_the_tax_rule_say_so(self, of_rule, of_tax, tax):
        """10 % of a part for 95.24, and of its fee of 4.76 if that is taxed."""
        order = self.order(of_rule, of_tax)
        fee = order.service_lines.get(kind="fee")
        sheet = actions.Worksheet.of(order)
        assert (fee.taxable, str(fee.amount), str(sheet.figures(sheet.counted).totals.tax)) == (
            of_rule and of_tax,
            "4.76",
            tax,
        )

    def order(self, of_rule, of_tax):
        order = new_order(discount_percent=D(0), tax_percent=D(10))
        order.location.tax_rules.update(taxes_fees=of_tax, percent=D(10))
        order.location.fee_rules.update(taxable=of_rule)
        actions.retax(order=order, now=timezone.now())
        add_part(jobs.add_job(order=order, name="Brakes"), "1", "95.24")
        return reload(order)


@pytest.mark.django_db
class TestKinds:
    def test_order_takes_the_kinds_that_are_taxed(self):
        assert new_order().taxed_kinds == ["part", "labour"]
        assert new_order(location=LocationFactory()).taxed_kinds == ["part", "labour", "sublet"]

    def test_changed_rule_touches_no_order(self):
        order = new_order()
        TaxRule.objects.update(taxes_parts=False, taxes_labour=False, taxes_sublet=True)
        self.assert_taxed(order, parts=True, labour=True, sublet=False)

    def test_prices_that_are_taken_again_have_the_kinds_of_today(self):
        order = new_order()
        TaxRule.objects.update(taxes_parts=False, taxes_labour=False, taxes_sublet=True)
        actions.retax(order=order, now=timezone.now())
        assert reload(order).taxed_kinds == ["sublet"]
        self.assert_taxed(order, parts=False, labour=False, sublet=True)

    def test_order_that_moves_takes_the_kinds_of_its_new_location(self):
        order = new_order()
        actions.change_order(order=order, location=LocationFactory())
        assert reload(order).taxed_kinds == ["part", "labour", "sublet"]

    def test_removed_rule_touches_no_order(self):
        order = new_order()
        TaxRule.objects.all().delete()
        self.assert_taxed(order, parts=True, labour=True, sublet=False)

    def assert_taxed(self, order, *, parts, labour, sublet):
        job = add_brakes(reload(order))
        assert set(job.part_lines.values_list("taxable", flat=True)) == {parts}
        kinds = dict(job.service_lines.values_list("kind", "taxable"))
        assert kinds == {"labour": labour, "sublet": sublet}

    def test_typed_taxability_stays(self):
        job = jobs.add_job(order=new_order(), name="Brakes")
        line = jobs.add_service_line(
            job=job, service=None, given=given(), name="Towing", kind="sublet", amount=D(90), taxable=True
        )
        assert line.taxable
