"""The routes of the staff's API that answer with a paper."""

from __future__ import annotations

import pytest

from repair_orders.models import RepairOrder
from repair_orders.papers.actions import estimate_pdf
from repair_orders.papers.models import Paper
from repair_orders.tests.papers.conftest import SENT
from repair_orders.tests.papers.test_actions import answer

pytestmark = pytest.mark.django_db


def url(order, tail):
    return f"/api/shop/repair-orders/{order.pk}/{tail}"


def test_estimate(as_ada, order, estimate):
    response = as_ada.get(url(order, "estimates/1/pdf/"))
    assert response.status_code == 200
    assert response.content == estimate_pdf(estimate, now=SENT)
    assert {
        name: response.headers[name] for name in ("Content-Type", "Content-Disposition", "Cache-Control")
    } == {
        "Content-Type": "application/pdf",
        "Content-Disposition": 'inline; filename="estimate-1042-1.pdf"',
        "Cache-Control": "private, no-store",
    }
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_authorisations(as_ada, order, estimate):
    answer(estimate, "approved")
    response = as_ada.get(url(order, "authorisations/pdf/"))
    assert (response.status_code, response.headers["Content-Disposition"]) == (
        200,
        'inline; filename="authorisations-1042-1.pdf"',
    )
    assert response.content.startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("tail", "body"),
    [
        ("estimates/2/pdf/", {"error": "Not found", "detail": "Estimate not found.", "code": "not_found"}),
        (
            "authorisations/pdf/",
            {
                "error": "Nothing authorised",
                "detail": "No revision of this order was answered yet.",
                "code": "nothing_authorised",
            },
        ),
    ],
)
def test_missing(as_ada, order, estimate, tail, body):
    response = as_ada.get(url(order, tail))
    assert (response.status_code, response.json()) == (404, body)
    assert not Paper.objects.exists()


@pytest.mark.parametrize("tail", ["estimates/1/pdf/", "authorisations/pdf/"])
def test_only_staff(api, sign_in, order, estimate, tail, alice):
    assert api.get(url(order, tail)).status_code == 401
    assert sign_in(alice.contact).get(url(order, tail)).status_code == 403
    assert not Paper.objects.exists()


def test_unknown_order(as_ada, order, estimate):
    order = RepairOrder(pk=order.pk + 1)
    assert as_ada.get(url(order, "estimates/1/pdf/")).json() == {
        "error": "Not found",
        "detail": "Repair order not found.",
        "code": "not_found",
    }


def test_unknown_parameter(as_ada, order, estimate):
    assert as_ada.get(url(order, "estimates/1/pdf/?size=a4")).status_code == 400


def test_technician_may_print(as_tim, order, estimate):
    answer(estimate, "approved")
    tails = ("estimates/1/pdf/", "authorisations/pdf/")
    assert [as_tim.get(url(order, tail)).status_code for tail in tails] == [200, 200]
