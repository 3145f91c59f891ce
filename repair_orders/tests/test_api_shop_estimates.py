"""Contract 000's estimates: bodies. `test_api_answers.py` tests what both contracts share."""

from __future__ import annotations

import pytest

from common.domain.constraints import erasing
from repair_orders.estimates.links import link_of
from repair_orders.estimates.models import Estimate
from repair_orders.tests.sent import BRAKES, OIL, TOTALS, WITHOUT_OIL, answer_of, jobs_of, make_estimate
from testing.suites import ShopCustomerListSuite, count_queries

pytestmark = pytest.mark.django_db

MINE = "/api/shop/estimates/customers/me/estimates/"


def row(estimate, state="sent"):
    return {
        "id": estimate.pk,
        "repair_order_id": estimate.repair_order_id,
        "revision": 1,
        "sent_at": "2026-01-15T12:00:00Z",
        "expires_at": f"{estimate.expires_at:%Y-%m-%dT%H:%M:%SZ}",
        "total": "421.93",
        "state": state,
        "url": link_of(estimate),
    }


class TestCustomerEstimates(ShopCustomerListSuite):
    url = MINE

    def make(self, customer):
        return make_estimate(customer)

    def row(self, instance, customer):
        return row(instance)


def detail(estimate):
    """Return the expected body of an estimate that is not answered."""
    brakes, oil = estimate.snapshot["jobs"]
    pads, work = brakes["lines"]
    [drum] = oil["lines"]
    return {
        **row(estimate),
        "notes": "Pads are worn",
        "jobs": [
            {
                "id": brakes["id"],
                "position": 1,
                "name": BRAKES,
                "concern": "It grinds.",
                "cause": "Pads at 2 mm",
                "status": "proposed",
                "amount": "330.00",
                "lines": [
                    {
                        "id": pads["id"],
                        "kind": "part",
                        "name": "Pad set",
                        "description": "",
                        "part_id": pads["part_id"],
                        "part_number": "BRK-1",
                        "manufacturer": "Akebono",
                        "condition": "new",
                        "oem": None,
                        "quantity": 2,
                        "unit_price": "100.00",
                        "service_id": None,
                        "hours": None,
                        "rate": None,
                        "amount": "200.00",
                        "taxable": True,
                        "warranty_months": 24,
                    },
                    {
                        "id": work["id"],
                        "kind": "labour",
                        "name": "Replace pads",
                        "description": "",
                        "part_id": None,
                        "part_number": None,
                        "manufacturer": None,
                        "condition": None,
                        "oem": None,
                        "quantity": None,
                        "unit_price": None,
                        "service_id": work["service_id"],
                        "hours": "1.00",
                        "rate": "130.00",
                        "amount": "130.00",
                        "taxable": True,
                        "warranty_months": 0,
                    },
                ],
            },
            {
                "id": oil["id"],
                "position": 2,
                "name": OIL,
                "concern": "",
                "cause": "",
                "status": "proposed",
                "amount": "49.77",
                "lines": [
                    {
                        "id": drum["id"],
                        "kind": "part",
                        "name": "Oil",
                        "description": "",
                        "part_id": drum["part_id"],
                        "part_number": "",
                        "manufacturer": "",
                        "condition": "new",
                        "oem": None,
                        "quantity": 1.5,
                        "unit_price": "33.18",
                        "service_id": None,
                        "hours": None,
                        "rate": None,
                        "amount": "49.77",
                        "taxable": True,
                        "warranty_months": 0,
                    }
                ],
            },
        ],
        "fees": [{"name": "Shop supplies", "amount": "10.00", "taxable": True}],
        "totals": TOTALS,
        "answer": None,
    }


def test_estimate_is_shown_as_it_was_sent(alice, as_alice):
    estimate = make_estimate(alice)
    response = as_alice.get(f"{MINE}{estimate.pk}/")
    assert (response.status_code, response.json()) == (200, detail(estimate))


def test_choice_shows_the_totals_of_exactly_these_jobs(alice, as_alice):
    estimate = make_estimate(alice)
    jobs = jobs_of(estimate)
    url = f"{MINE}{estimate.pk}/choice/"
    assert as_alice.get(url, {"approve": f"{jobs[BRAKES]}"}).json() == {"totals": WITHOUT_OIL}
    assert as_alice.get(url, {"approve": f"{jobs[BRAKES]},{jobs[OIL]}"}).json() == {"totals": TOTALS}
    assert as_alice.get(url).json() == {"totals": dict.fromkeys(TOTALS, "0.00")}


def test_answer_returns_the_estimate_with_the_answer(alice, as_alice):
    estimate = make_estimate(alice)
    jobs, expected = jobs_of(estimate), detail(estimate)
    response = as_alice.post(
        f"{MINE}{estimate.pk}/answer/", answer_of(estimate, BRAKES, total="368.05"), format="json"
    )
    given = Estimate.objects.get().authorisation
    assert (response.status_code, response.json()) == (
        200,
        expected
        | {
            "state": "answered",
            "answer": {
                "at": f"{given.at:%Y-%m-%dT%H:%M:%S.%fZ}",
                "method": "online",
                "by_name": "Alice Cooper",
                "contact_used": alice.contact.email,
                "total": "368.05",
                "net": "340.00",
                "withdrawn_at": None,
                "decisions": [
                    {"job_id": jobs[BRAKES], "job_name": BRAKES, "amount": "330.00", "decision": "approved"},
                    {"job_id": jobs[OIL], "job_name": OIL, "amount": "49.77", "decision": "declined"},
                ],
            },
        },
    )
    assert as_alice.get(f"{MINE}{estimate.pk}/").json() == response.json()


def test_number_of_queries_does_not_grow_with_the_jobs(alice, as_alice):
    few = make_estimate(alice)
    with erasing():
        Estimate.objects.filter(pk=few.pk).update(snapshot={**few.snapshot, "jobs": few.snapshot["jobs"][:1]})
    many = make_estimate(alice)
    urls = [f"{MINE}{estimate.pk}/" for estimate in (few, many)]
    as_alice.get(urls[0])
    assert len({count_queries(lambda url=url: as_alice.get(url)) for url in urls}) == 1


@pytest.mark.parametrize("path", ["", "choice/", "pdf/", "answer/"])
def test_wrong_parameter_method_and_id(alice, as_alice, path):
    url = f"{MINE}{make_estimate(alice).pk}/{path}"
    if path != "answer/":
        response = as_alice.get(url, {"colour": "red"})
        assert (response.status_code, response.json()) == (
            400,
            {
                "error": "Invalid input",
                "detail": "colour: Unknown parameter.",
                "fields": {"colour": ["Unknown parameter."]},
            },
        )
    assert as_alice.delete(url).status_code == 405
    assert as_alice.get(f"{MINE}abc/{path}").status_code == 404
