"""What an order takes from the tax rule of its location, and keeps."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from repair_orders import actions, jobs
from testing.worked_example import add_part, new_order, reload

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
