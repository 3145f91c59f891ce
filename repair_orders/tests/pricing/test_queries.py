"""What a new order takes from its location and its customer."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from appointments.queries import NoDefaultLocation, get_default_location
from repair_orders.pricing.queries import (
    TaxTerms,
    find_fee_rules,
    get_exemption,
    get_labour_rate,
    get_location_of_order,
    get_overrun_policy,
    get_tax_terms,
)
from testing import factories

pytestmark = pytest.mark.django_db
DAY = date(2026, 6, 15)


@pytest.fixture
def location(db):
    return factories.LocationFactory()


def test_location_is_the_named_one_else_the_appointments_else_the_default(location):
    visit = factories.AppointmentFactory()
    named = factories.LocationFactory()
    assert location.is_default
    assert get_location_of_order(location=named, appointment=visit) == named
    assert get_location_of_order(appointment=visit) == visit.location != location
    assert get_location_of_order() == location == get_default_location()


def test_shop_without_a_location_has_no_default():
    with pytest.raises(NoDefaultLocation):
        get_location_of_order()


def test_location_without_prices_has_none(location, alice):
    assert get_tax_terms(customer=alice, location=location, day=DAY) == TaxTerms(
        Decimal("0.00"), None, True, True, True, True
    )
    assert (get_labour_rate(location), find_fee_rules(location), get_overrun_policy(location)) == (
        None,
        [],
        None,
    )


def test_prices_are_those_of_the_location(location, alice, django_assert_num_queries):
    for factory in (
        factories.TaxRuleFactory,
        factories.FeeRuleFactory,
        factories.OverrunPolicyFactory,
    ):
        factory()
    factories.LabourRateFactory(is_default=True)
    factories.TaxRuleFactory(location=location, percent="9.9750", taxes_sublet=False)
    policy = factories.OverrunPolicyFactory(location=location)
    factories.LabourRateFactory(location=location, name="A")
    rate = factories.LabourRateFactory(location=location, name="B", is_default=True)
    assert get_tax_terms(customer=alice, location=location, day=DAY) == TaxTerms(
        Decimal("9.975"), None, True, True, True, False
    )
    assert (get_labour_rate(location), get_overrun_policy(location)) == (rate, policy)
    rules = factories.FeeRuleFactory.create_batch(3, location=location)
    rules[1].parts.add(factories.PartFactory())
    with django_assert_num_queries(2):
        found = find_fee_rules(location)
        assert [len(rule.parts.all()) for rule in found] == [0, 1, 0]
    assert found == rules


def test_fees_that_are_off_or_forbidden_do_not_count(location):
    percent = factories.FeeRuleFactory(location=location)
    fixed = factories.FeeRuleFactory(location=location, kind="fixed", percent=None, amount="4.50")
    factories.FeeRuleFactory(location=location, is_active=False)
    assert find_fee_rules(location) == [percent, fixed]
    location.allows_percent_fees = False
    location.save()
    assert find_fee_rules(location) == [fixed]


@pytest.mark.parametrize(
    ("first", "last", "is_valid"),
    [
        (DAY, DAY, True),
        (date(2026, 1, 1), None, True),
        (date(2026, 1, 1), date(2026, 6, 14), False),
        (date(2026, 6, 16), None, False),
    ],
)
def test_certificate_is_valid_on_its_first_and_last_day(location, alice, first, last, is_valid):
    factories.TaxRuleFactory(location=location)
    exemption = factories.TaxExemptionFactory(customer=alice, valid_from=first, valid_until=last)
    expected = exemption if is_valid else None
    assert get_exemption(alice, location, DAY) == expected
    terms = get_tax_terms(customer=alice, location=location, day=DAY)
    assert (terms.percent, terms.exemption) == (Decimal(0 if is_valid else "8.875"), expected)


def test_certificate_counts_for_its_customer_and_location_only(location, alice, bob):
    elsewhere = factories.LocationFactory()
    exemption = factories.TaxExemptionFactory(customer=alice, location=location)
    assert get_exemption(alice, location, DAY) == exemption
    assert get_exemption(alice, elsewhere, DAY) is None
    assert get_exemption(bob, location, DAY) is None


def test_certificate_of_the_location_and_then_the_longest_comes_first(location, alice):
    short = factories.TaxExemptionFactory(customer=alice, valid_until=date(2026, 7, 1))
    assert get_exemption(alice, location, DAY) == short
    longer = factories.TaxExemptionFactory(customer=alice, valid_until=date(2026, 8, 1))
    assert get_exemption(alice, location, DAY) == longer
    endless = factories.TaxExemptionFactory(customer=alice)
    assert get_exemption(alice, location, DAY) == endless
    own = factories.TaxExemptionFactory(customer=alice, location=location, valid_until=DAY)
    assert get_exemption(alice, location, DAY) == own
