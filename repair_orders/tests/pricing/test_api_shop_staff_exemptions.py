"""The staff API for the exemption certificates of a customer."""

from __future__ import annotations

from datetime import date

import pytest

from repair_orders.pricing.models import TaxExemption
from testing import factories
from testing.suites import count_queries, invalid, refused, stored

pytestmark = pytest.mark.django_db
NEW = {"number": "NY-12345", "valid_from": "2026-01-01"}


@pytest.fixture
def customer(db):
    return factories.CustomerFactory()


@pytest.fixture
def advisor(sign_in):
    return sign_in(factories.UserFactory(role="advisor"))


def url(customer, exemption=None):
    tail = f"{exemption.pk}/" if exemption else ""
    return f"/api/shop/customers/{customer.pk}/tax-exemptions/{tail}"


def row(exemption, **values):
    return {
        "id": exemption.pk,
        "number": exemption.number,
        "valid_from": "2026-01-01",
        "valid_until": None,
        "location_id": None,
        **values,
    }


def test_list_shows_the_customers_own_newest_first(advisor, customer):
    old = factories.TaxExemptionFactory(customer=customer)
    new = factories.TaxExemptionFactory(customer=customer, valid_from=date(2026, 5, 1))
    factories.TaxExemptionFactory()
    response = advisor.get(url(customer))
    assert (response.status_code, response.json()) == (
        200,
        {
            "results": [row(new, valid_from="2026-05-01"), row(old)],
            "count": 2,
            "next": None,
            "previous": None,
        },
    )
    assert advisor.get(url(customer, old)).json() == row(old)


def test_number_of_queries_does_not_grow(advisor, customer):
    factories.TaxExemptionFactory(customer=customer)
    advisor.get(url(customer))
    one = count_queries(lambda: advisor.get(url(customer)))
    factories.TaxExemptionFactory.create_batch(29, customer=customer)
    assert count_queries(lambda: advisor.get(url(customer))) == one


def test_certificate_is_recorded_with_history(sign_in, customer):
    person = factories.UserFactory(role="advisor")
    location = factories.LocationFactory()
    body = {**NEW, "valid_until": "2026-12-31", "location_id": location.pk}
    response = sign_in(person).post(url(customer), body, format="json")
    made = TaxExemption.objects.get()
    assert (response.status_code, response.json()) == (201, {"id": made.pk, **body})
    assert (made.customer_id, [past.history_user_id for past in made.history.all()]) == (
        customer.pk,
        [person.pk],
    )


def test_certificate_is_changed_and_removed(advisor, customer):
    exemption = factories.TaxExemptionFactory(customer=customer)
    change = {"number": "N-2", "valid_from": "2026-02-01", "valid_until": "2026-02-01"}
    response = advisor.patch(url(customer, exemption), change, format="json")
    assert (response.status_code, response.json()) == (200, row(exemption, **change))
    response = advisor.delete(url(customer, exemption))
    assert (response.status_code, response.content) == (204, b"")
    assert TaxExemption.objects.count() == 0


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"number": ""}, "number", "This field may not be blank."),
        ({"number": "x" * 61}, "number", "Ensure this field has no more than 60 characters."),
        ({"valid_from": None}, "valid_from", "This field may not be null."),
        (
            {"valid_until": "soon"},
            "valid_until",
            "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
        ),
    ],
)
def test_invalid_value_is_400_and_changes_nothing(advisor, customer, values, field, message):
    exemption = factories.TaxExemptionFactory(customer=customer)
    before = [stored(exemption)]
    for response in (
        advisor.patch(url(customer, exemption), values, format="json"),
        advisor.post(url(customer), {**NEW, **values}, format="json"),
    ):
        refused(response, 400, invalid(field, message), exemption, before=before)
    assert TaxExemption.objects.count() == 1


def test_last_day_is_not_before_the_first(advisor, customer):
    exemption = factories.TaxExemptionFactory(customer=customer, valid_until=date(2026, 6, 30))
    before = [stored(exemption)]
    message = "The last day must not be before the first day."
    body = {
        "error": "Wrong days",
        "detail": message,
        "fields": {"valid_until": [message]},
        "code": "exemption_ends_early",
    }
    for response in (
        advisor.patch(url(customer, exemption), {"valid_from": "2026-07-01"}, format="json"),
        advisor.patch(url(customer, exemption), {"valid_until": "2025-12-31"}, format="json"),
        advisor.post(url(customer), {**NEW, "valid_until": "2025-12-31"}, format="json"),
    ):
        refused(response, 400, body, exemption, before=before)


def test_certificate_of_another_customer_is_404(advisor, customer):
    exemption = factories.TaxExemptionFactory()
    before, expected = (
        stored(exemption),
        {"error": "Not found", "detail": "Tax exemption not found.", "code": "not_found"},
    )
    for response in (
        advisor.get(url(customer, exemption)),
        advisor.patch(url(customer, exemption), {"number": "N-2"}, format="json"),
        advisor.delete(url(customer, exemption)),
    ):
        assert (response.status_code, response.json()) == (404, expected)
    assert stored(exemption) == before


def test_unknown_customer_and_location_are_404(advisor, customer):
    expected = {"error": "Not found", "detail": "Customer not found.", "code": "not_found"}
    for response in (
        advisor.get("/api/shop/customers/999999/tax-exemptions/"),
        advisor.post("/api/shop/customers/999999/tax-exemptions/", NEW, format="json"),
    ):
        assert (response.status_code, response.json()) == (404, expected)
    response = advisor.post(url(customer), {**NEW, "location_id": 999_999}, format="json")
    assert (response.status_code, response.json()["detail"]) == (404, "Location not found.")
    assert TaxExemption.objects.count() == 0


def test_merged_customer_takes_no_certificate(advisor, customer):
    kept = factories.CustomerFactory()
    customer.merged_into = kept
    customer.save()
    response = advisor.post(url(customer), NEW, format="json")
    assert (response.status_code, TaxExemption.objects.count()) == (409, 0)
