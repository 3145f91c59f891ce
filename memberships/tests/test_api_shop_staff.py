"""The staff API: discounts of a plan, an offer and points on a repair order."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.referrals import book_points
from repair_orders.models import OrderDiscount
from testing import factories
from testing.suites import count_queries
from testing.worked_example import add_brakes, new_order, reload

pytestmark = pytest.mark.django_db
D = Decimal
PERCENT = "percent of the lines it covers before discount, half up to the cent"


@pytest.fixture
def order(alice):
    factories.MembershipFactory(
        user=alice.contact, plan=factories.PlanFactory(name="Plus", off_labour=D(10), discount_cap=D(90))
    )
    book_points(user_id=alice.contact_id, points=500, reason="Test", now=timezone.now())
    made = new_order(vehicle=factories.VehicleFactory(customer=alice), discount_percent=D(0))
    add_brakes(made)
    return reload(made)


def url(order, discount=None):
    return f"/api/shop/repair-orders/{order.pk}/discounts/" + (f"{discount.pk}/" if discount else "")


def post(client, order, **body):
    response = client.post(url(order), body, format="json")
    return response.status_code, response.json()


def snapshot():
    return list(OrderDiscount.objects.order_by("id").values())


class TestAvailable:
    def test_offers_and_points_that_can_be_used(self, as_ada, order):
        offer = factories.OfferFactory(title="Spring", off_amount=D(20), off_parts=D("7.5"))
        factories.OfferFactory()
        response = as_ada.get(url(order))
        assert (response.status_code, response.json()) == (
            200,
            {
                "offers": [
                    {
                        "id": offer.pk,
                        "title": "Spring",
                        "off_parts": "7.50",
                        "off_labour": "0.00",
                        "off_jobs": "0.00",
                        "off_amount": "20.00",
                        "discount_cap": None,
                        "combines": False,
                    }
                ],
                "points": 500,
                "most_points": 47998,
            },
        )

    def test_query_count_is_constant(self, as_ada, order):
        factories.OfferFactory(off_amount=D(20))
        one = count_queries(lambda: as_ada.get(url(order)))
        factories.OfferFactory.create_batch(9, off_amount=D(20))
        assert count_queries(lambda: as_ada.get(url(order))) == one


class TestAdd:
    def test_points(self, as_ada, ada, order):
        status, body = post(as_ada, order, kind="points", points=300)
        plan, points = OrderDiscount.objects.order_by("id")
        assert (status, body["discounts"]) == (
            201,
            [
                {
                    "id": plan.pk,
                    "kind": "plan",
                    "name": "Membership Plus",
                    "amount": "23.39",
                    "rule": PERCENT,
                },
                {
                    "id": points.pk,
                    "kind": "points",
                    "name": "300 points",
                    "amount": "3.00",
                    "rule": "a fixed amount",
                },
            ],
        )
        assert body["totals"]["discount"] == body["shown_to_customer"]["discount"] == "26.39"
        assert body["discount_amount"] == "0.00"
        assert (points.given_by, body["version"]) == (ada, reload(order).version)

    def test_offer(self, as_ada, order):
        offer = factories.OfferFactory(title="Spring", off_amount=D(20), combines=True)
        status, body = post(as_ada, order, kind="offer", offer_id=offer.pk)
        assert (status, body["totals"]["discount"]) == (201, "43.39")

    def test_plan_that_is_given_is_refused(self, as_ada, order):
        before = snapshot()
        assert post(as_ada, order, kind="plan") == (
            409,
            {
                "error": "Discount already given",
                "detail": "This order has a discount of this kind already: plan. Take it off first.",
                "code": "discount_given",
            },
        )
        assert snapshot() == before

    @pytest.mark.parametrize(
        ("body", "field", "message"),
        [
            ({"kind": "points"}, "points", "This field is required."),
            ({"kind": "points", "points": 0}, "points", "Ensure this value is greater than or equal to 1."),
            ({"kind": "offer"}, "offer_id", "This field is required."),
            ({"kind": "plan", "points": 5}, "points", "Not of a discount of kind plan."),
            ({"kind": "gift"}, "kind", None),
            ({}, "kind", "This field is required."),
        ],
    )
    def test_wrong_bodies_are_refused(self, as_ada, order, body, field, message):
        before = snapshot()
        status, answer = post(as_ada, order, **body)
        assert (status, list(answer["fields"])) == (400, [field])
        assert message is None or answer["fields"][field] == [message]
        assert snapshot() == before

    def test_too_many_points_name_the_most(self, as_ada, order):
        status, body = post(as_ada, order, kind="points", points=50_000)
        assert (status, body["code"], body["most"]) == (400, "too_many_points", 47998)

    def test_unknown_offer_is_404(self, as_ada, order):
        assert post(as_ada, order, kind="offer", offer_id=999)[0] == 404

    def test_stale_version_is_refused(self, as_ada, order):
        before = snapshot()
        status, body = post(as_ada, order, kind="points", points=5, version=order.version - 1)
        assert (status, body["code"], snapshot()) == (409, "stale_version", before)


class TestRemove:
    def test_points_go_back(self, as_ada, alice, order):
        post(as_ada, order, kind="points", points=300)
        points = OrderDiscount.objects.get(kind="points")
        response = as_ada.delete(url(order, points))
        assert (response.status_code, [row["kind"] for row in response.json()["discounts"]]) == (
            200,
            ["plan"],
        )
        alice.contact.refresh_from_db()
        assert alice.contact.rewards_balance == 500
        assert as_ada.delete(url(order, points)).status_code == 404


class TestExplain:
    def explained(self, client, order):
        body = client.get(f"/api/shop/repair-orders/{order.pk}/", {"explain": "true"}).json()
        return [row for row in body["explain"] if row["figure"].startswith("discount ")]

    def test_names_the_rule_that_gave(self, as_ada, order):
        assert self.explained(as_ada, order)[0] == {
            "figure": "discount Membership Plus",
            "rule": PERCENT,
            "inputs": {"base": "233.91", "off_labour": "10.00", "cap": "90.00"},
            "result": "23.39",
        }

    def test_names_why_nothing_was_given(self, as_ada, order, bob):
        offer = factories.OfferFactory(title="Spring", off_amount=D(20))
        assert self.explained(as_ada, order)[1:] == [
            {
                "figure": "discount of offer",
                "rule": "Valid and not redeemed here: Spring.",
                "inputs": {},
                "result": "0.00",
            },
            {
                "figure": "discount of points",
                "rule": "The contact has 500 points.",
                "inputs": {},
                "result": "0.00",
            },
        ]
        offer.delete()
        other = new_order(vehicle=factories.VehicleFactory(customer=bob))
        assert [row["rule"] for row in self.explained(as_ada, other)] == [
            "The customer's contact is not a member.",
            "No offer with a discount is valid.",
            "The contact has 0 points.",
        ]


def test_contract_shows_customers_all_dollars_off(as_alice, order):
    reload(order).__class__.objects.filter(pk=order.pk).update(discount_amount=D("5.00"))
    [row] = as_alice.get("/api/shop/repair-orders/customers/me/repair-orders/").json()["results"]
    # 503.37 - 28.39 and 8.875 % of the taxed 482.37 - 27.21
    assert (row["discount_amount"], row["calculated_total_cost"]) == ("28.39", "515.38")


def test_customers_and_technicians_are_refused(as_alice, as_tim, order):
    before = snapshot()
    for client in (as_alice, as_tim):
        assert post(client, order, kind="points", points=5)[0] == 403
        assert client.delete(url(order, OrderDiscount.objects.get())).status_code == 403
    assert as_alice.get(url(order)).status_code == 403
    assert snapshot() == before
