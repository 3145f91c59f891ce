"""Admin pages of a location's prices and of exemption certificates."""

from __future__ import annotations

import pytest
from django.urls import reverse

from repair_orders.pricing.models import FeeRule, LabourRate, OverrunPolicy, TaxExemption, TaxRule
from testing import factories
from testing.admin import buttons, changelist, errors, filled, page, press

pytestmark = pytest.mark.django_db


def add(model):
    return reverse(f"admin:repair_orders_{model._meta.model_name}_add")


@pytest.fixture
def location(db):
    return factories.LocationFactory()


def test_first_rate_of_a_location_is_its_default_and_a_button_moves_it(desk, location):
    factories.LabourRateFactory(is_default=True)  # elsewhere
    for name in ("A", "B"):
        data = {"location": location.pk, "name": name, "per_hour": "129.95"}
        assert desk.post(add(LabourRate), data).status_code == 302
    first, second = LabourRate.objects.filter(location=location).order_by("id")
    assert (first.is_default, second.is_default) == (True, False)
    assert (buttons(desk, first), buttons(desk, second)) == ([], ["Make default"])
    assert press(desk, second, "make_default") == ["This is the default rate of the location now."]
    assert list(LabourRate.objects.filter(is_default=True, location=location)) == [second]
    assert desk.post(page(second, "delete"), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in desk.get(changelist(LabourRate)).text
    for rate in (first, second):
        assert desk.post(page(rate, "delete"), {"post": "yes"}).status_code == 302
    assert LabourRate.objects.count() == 1


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (TaxRule, {"percent": "8.875"}, "The location has a tax rule."),
        (
            OverrunPolicy,
            {"percent": "10", "choose": "lesser", "basis": "TOTAL"},
            "The location has an overrun policy.",
        ),
    ],
)
def test_location_has_one_rule(desk, location, model, values, message):
    data = {"location": location.pk, **values}
    assert desk.post(add(model), data).status_code == 302
    response = desk.post(add(model), data)
    assert (errors(response), model.objects.count()) == ([message], 1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "fixed"}, "A fee of the kind fixed needs an amount."),
        ({"kind": "percent_of_parts", "amount": "1"}, "A fee of the kind percent_of_parts needs a percent."),
        (
            {"kind": "percent_of_parts", "percent": "5"},
            "This location does not allow fees that are a percentage.",
        ),
    ],
)
def test_wrong_fee_is_refused(desk, values, message):
    location = factories.LocationFactory(allows_percent_fees=False)
    data = {"location": location.pk, "name": "Supplies", "is_active": "on", **values}
    response = desk.post(add(FeeRule), data)
    assert (errors(response), FeeRule.objects.count()) == ([message], 0)


def test_fee_is_saved_with_its_flagged_parts(desk, location):
    part = factories.PartFactory()
    data = {
        "location": location.pk,
        "name": "Tires",
        "kind": "per_piece",
        "amount": "2.50",
        "parts": [part.pk],
    }
    response = desk.post(add(FeeRule), data)
    assert response.status_code == 302, errors(response)
    rule = FeeRule.objects.get()
    assert (list(rule.parts.all()), rule.is_active) == ([part], False)
    sent = {**filled(desk, page(rule)), "kind": "fixed"}
    assert errors(desk.post(page(rule), sent)) == ["A fee of the kind fixed has no flagged parts."]
    assert FeeRule.objects.get().kind == "per_piece"


def test_location_of_a_stored_rule_does_not_change(desk):
    other = factories.LocationFactory()
    for row in (
        factories.LabourRateFactory(),
        factories.TaxRuleFactory(),
        factories.OverrunPolicyFactory(),
    ):
        before = row.location_id
        sent = {**filled(desk, page(row)), "location": other.pk}
        assert desk.post(page(row), sent).status_code == 302
        row.refresh_from_db()
        assert row.location_id == before


def test_policy_needs_a_measure(desk, location):
    response = desk.post(add(OverrunPolicy), {"location": location.pk, "choose": "lesser", "basis": "NET"})
    assert (errors(response), OverrunPolicy.objects.count()) == (["Enter a percent, an amount or both."], 0)


def test_advisor_records_a_certificate(client, alice):
    client.force_login(factories.UserFactory(role="advisor"))
    data = {"customer": alice.pk, "number": "NY-1", "valid_from": "2026-01-01", "valid_until": "2025-01-01"}
    response = client.post(add(TaxExemption), data)
    assert (errors(response), TaxExemption.objects.count()) == (
        ["The last day must not be before the first day."],
        0,
    )
    assert client.post(add(TaxExemption), {**data, "valid_until": ""}).status_code == 302
    assert TaxExemption.objects.get().number == "NY-1"
