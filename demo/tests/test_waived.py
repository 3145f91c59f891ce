"""What is charged otherwise: an exempt customer, another rate of tax, and a comeback of nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.models import Invoice
from billing.reports.base import Scope
from billing.reports.tax import tax_by_rate
from demo import loader

pytestmark = pytest.mark.django_db
D = Decimal


def test_invoices_show_exemption_other_rate_and_comeback(now):
    assert loader.load(now=now)
    exempt, other, again = Invoice.objects.order_by("-pk")[:3][::-1]
    assert [
        (row.bill_to.name, row.repair_order.vehicle.make, row.tax, row.balance == row.total)
        for row in (exempt, other, again)
    ] == [
        ("Shelbyville Central School District", "Ford", D("0.00"), True),
        ("Tallgrass Deliveries", "Ford", other.tax, True),
        ("Linda Park", "Volkswagen", D("0.00"), True),
    ]
    terms = [row.snapshot["terms"] for row in (exempt, other, again)]
    assert [(row["tax_percent"], row["tax_exemption"]) for row in terms] == [
        ("0.00", "NY-EX-2046117"),
        ("8.125", ""),
        ("8.875", ""),
    ]
    assert exempt.total > 0 and other.tax > 0
    first = again.repair_order.comeback_of
    assert (again.total, again.snapshot["order"]["comeback_of"]) == (D("0.00"), first.reference)
    assert first.vehicle == again.repair_order.vehicle
    days = {row.day for row in (exempt, other, again)}
    report = tax_by_rate(Scope(min(days), max(days), again.location))
    of_rate = {row["rate"]: row for row in report.rows}
    assert (of_rate["0.00%"]["exempt"], of_rate["0.00%"]["tax"]) == (exempt.net, D("0.00"))
    assert (of_rate["8.125%"]["invoice_ids"], of_rate["8.125%"]["tax"]) == ([other.pk], other.tax)
    assert again.pk in of_rate["8.875%"]["invoice_ids"]
