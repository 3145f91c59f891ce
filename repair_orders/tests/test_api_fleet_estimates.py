"""Contract 001's estimates: bodies, with amounts as numbers. `test_api_answers.py` tests what both contracts share."""

from __future__ import annotations

import pytest
from django.test import Client

from repair_orders.estimates.links import link_of
from repair_orders.estimates.models import Estimate
from repair_orders.tests.sent import BRAKES, OIL, TOTALS, WITHOUT_OIL, answer_of, jobs_of, make_estimate
from testing.suites import count_queries

pytestmark = pytest.mark.django_db

ESTIMATES = "/customer/api/estimates/"


@pytest.fixture
def browser(alice):
    client = Client()
    client.force_login(alice.contact)
    return client


def numbers(totals):
    return {name: float(amount) for name, amount in totals.items()}


def row(estimate, state="sent"):
    return {
        "id": estimate.pk,
        "repair_order_id": estimate.repair_order_id,
        "revision": 1,
        "sent_at": "2026-01-15T12:00:00Z",
        "expires_at": f"{estimate.expires_at:%Y-%m-%dT%H:%M:%SZ}",
        "total": 421.93,
        "state": state,
        "url": link_of(estimate),
    }


def line(line, **values):
    """Return the expected body of a line of the snapshot, whose other keys are null or empty."""
    return {
        "id": line["id"], "kind": line["kind"], "name": line["name"], "description": "", "part_id": None,
        "part_number": None, "manufacturer": None, "condition": None, "oem": None, "quantity": None,
        "unit_price": None, "service_id": None, "hours": None, "rate": None, "taxable": True, "warranty_months": 0,
    } | values  # fmt: skip


def detail(estimate):
    """Return the expected body of an estimate that is not answered."""
    brakes, oil = estimate.snapshot["jobs"]
    pads, work = brakes["lines"]
    [drum] = oil["lines"]
    part = {"part_number": "", "manufacturer": "", "condition": "new"}
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
                "amount": 330.0,
                "lines": [
                    line(
                        pads,
                        **part
                        | {
                            "part_id": pads["part_id"],
                            "part_number": "BRK-1",
                            "manufacturer": "Akebono",
                            "quantity": 2,
                            "unit_price": 100.0,
                            "amount": 200.0,
                            "warranty_months": 24,
                        },
                    ),
                    line(work, service_id=work["service_id"], hours=1, rate=130.0, amount=130.0),
                ],
            },
            {
                "id": oil["id"],
                "position": 2,
                "name": OIL,
                "concern": "",
                "cause": "",
                "status": "proposed",
                "amount": 49.77,
                "lines": [
                    line(drum, **part, part_id=drum["part_id"], quantity=1.5, unit_price=33.18, amount=49.77)
                ],
            },
        ],
        "fees": [{"name": "Shop supplies", "amount": 10.0, "taxable": True}],
        "totals": numbers(TOTALS),
        "answer": None,
    }


def test_list_is_a_bare_array_newest_first(browser, alice, bob):
    make_estimate(bob)
    first, second = make_estimate(alice), make_estimate(alice)
    assert browser.get(ESTIMATES).json() == [row(second), row(first)]


def test_list_is_paged_by_headers(browser, alice):
    first, _second = make_estimate(alice), make_estimate(alice)
    response = browser.get(ESTIMATES, {"page": "2", "page_size": "1"})
    assert (response.json(), response["X-Total-Count"]) == ([row(first)], "2")
    response = browser.get(ESTIMATES, {"colour": "red"})
    assert (response.status_code, response.json()) == (400, {"error": "colour: Unknown parameter."})


def test_number_of_queries_does_not_grow(browser, alice):
    make_estimate(alice)
    browser.get(ESTIMATES)
    few = count_queries(lambda: browser.get(ESTIMATES))
    for _ in range(4):
        make_estimate(alice)
    assert count_queries(lambda: browser.get(ESTIMATES)) == few


def test_estimate_is_shown_as_it_was_sent(browser, alice):
    estimate = make_estimate(alice)
    response = browser.get(f"{ESTIMATES}{estimate.pk}/")
    assert (response.status_code, response.json()) == (200, detail(estimate))


def test_choice_shows_the_totals_of_exactly_these_jobs(browser, alice):
    estimate = make_estimate(alice)
    response = browser.get(f"{ESTIMATES}{estimate.pk}/choice/", {"approve": jobs_of(estimate)[BRAKES]})
    assert response.json() == {"totals": numbers(WITHOUT_OIL)}


@pytest.mark.parametrize("total", [368.05, "368.05"])
def test_answer_returns_the_estimate_with_the_answer(browser, alice, total):
    estimate = make_estimate(alice)
    jobs, expected = jobs_of(estimate), detail(estimate)
    response = browser.post(
        f"{ESTIMATES}{estimate.pk}/answer/",
        answer_of(estimate, BRAKES, total=total),
        content_type="application/json",
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
                "total": 368.05,
                "net": 340.0,
                "withdrawn_at": None,
                "decisions": [
                    {"job_id": jobs[BRAKES], "job_name": BRAKES, "amount": 330.0, "decision": "approved"},
                    {"job_id": jobs[OIL], "job_name": OIL, "amount": 49.77, "decision": "declined"},
                ],
            },
        },
    )


@pytest.mark.parametrize("path", ["", "1/", "1/choice/", "1/pdf/"])
def test_anonymous_request_redirects_to_login(client, path):
    response = client.get(f"{ESTIMATES}{path}")
    assert (response.status_code, response["Location"]) == (
        302,
        f"/customer/login/?next={ESTIMATES}{path}",
    )
    assert client.post(f"{ESTIMATES}1/answer/").status_code == 302


@pytest.mark.parametrize("who", ["tim", "ada", "carol"])
def test_callers_without_customer_get_printed_404(client, request, who):
    client.force_login(request.getfixturevalue(who))
    for path in ("", "1/", "1/choice/", "1/pdf/"):
        response = client.get(f"{ESTIMATES}{path}")
        assert (response.status_code, response.json()) == (404, {"error": "Customer profile not found"})
