"""Constraints of a location's prices and of exemption certificates."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError, transaction

from common.domain.database import violates
from testing import factories

pytestmark = pytest.mark.django_db
BROKEN = [
    ("LabourRate", {"per_hour": "-0.01"}, "labour_rate_not_negative"),
    ("TaxRule", {"percent": "100.0001"}, "tax_rule_percent_is_one"),
    ("TaxRule", {"percent": "-1"}, "tax_rule_percent_is_one"),
    ("FeeRule", {"kind": "other"}, "fee_kind_is_known"),
    ("FeeRule", {"percent": None}, "fee_has_one_measure"),
    ("FeeRule", {"amount": "1.00"}, "fee_has_one_measure"),
    ("FeeRule", {"kind": "fixed"}, "fee_has_one_measure"),
    ("FeeRule", {"kind": "per_piece", "percent": None}, "fee_has_one_measure"),
    ("FeeRule", {"percent": "101"}, "fee_percent_is_one"),
    ("FeeRule", {"kind": "fixed", "percent": None, "amount": "-1"}, "fee_amount_not_negative"),
    ("FeeRule", {"cap": "-1"}, "fee_cap_not_negative"),
    ("OverrunPolicy", {"percent": None}, "overrun_has_a_measure"),
    ("OverrunPolicy", {"percent": "101"}, "overrun_percent_is_one"),
    ("OverrunPolicy", {"amount": "-1"}, "overrun_amount_not_negative"),
    ("OverrunPolicy", {"cap": "-1"}, "overrun_cap_not_negative"),
    ("OverrunPolicy", {"choose": "both"}, "overrun_choice_is_known"),
    ("OverrunPolicy", {"basis": "GROSS"}, "overrun_basis_is_known"),
    ("TaxExemption", {"valid_until": date(2025, 12, 31)}, "exemption_begins_before_it_ends"),
]


def refused_by(make):
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        make()
    return caught.value


@pytest.mark.parametrize(("name", "values", "constraint"), BROKEN)
def test_database_refuses_values(name, values, constraint):
    factory = getattr(factories, f"{name}Factory")
    model = factory._meta.model
    # SQLite and PostgreSQL check unknown words alike, but both may name another constraint that is broken as well.
    error = refused_by(lambda: factory(**values))
    broken = {constraint, "fee_has_one_measure"} if values.get("kind") == "other" else {constraint}
    assert any(violates(error, model, one) for one in broken)


@pytest.mark.parametrize(
    ("name", "constraint", "same"),
    [
        ("LabourRate", "labour_rate_name_once", {"name": "A"}),
        ("FeeRule", "fee_rule_name_once", {"name": "A"}),
        ("TaxRule", "tax_rule_once_a_location", {}),
        ("OverrunPolicy", "overrun_policy_once_a_location", {}),
    ],
)
def test_database_refuses_a_second_one_at_a_location(name, constraint, same):
    factory = getattr(factories, f"{name}Factory")
    first = factory(**same)
    factory(**same)  # at another location
    error = refused_by(lambda: factory(location=first.location, **same))
    assert violates(error, factory._meta.model, constraint)
