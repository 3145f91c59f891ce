"""Contract 003, "Offers", and the plans and memberships beside it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt
from uuid import uuid4

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from memberships.models import Membership, Tier
from memberships.queries import membership_uuid_of
from memberships.renewals import renews_at
from testing import factories
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
PLANS, ME, OFFERS = "/api/memberships/plans/", "/api/memberships/me/", "/api/offers/"
NO_TOKEN = {"error": "Authentication credentials were not provided."}
CUSTOMERS_ONLY = {"error": "This endpoint is only accessible to customers."}


def z(instant):
    return instant.isoformat().replace("+00:00", "Z")


def plan_body(plan):
    return {
        "id": str(plan.uuid),
        "name": plan.name,
        "tier": plan.tier,
        "price": float(plan.price),
        "features": ["Oil changes", "Roadside help"],
    }


def member(user, tier="plus", **more):
    return factories.MembershipFactory(user=user, plan=factories.PlanFactory(tier=tier), **more)


def everything():
    return list(Membership.objects.order_by("pk").values())


@pytest.mark.parametrize("url", [PLANS, ME, OFFERS])
class TestEveryRoute:
    def test_either_slash_and_not_two(self, as_alice, alice, url):
        member(alice.contact)
        assert as_alice.get(url.rstrip("/")).content == as_alice.get(url).content
        assert as_alice.get(url + "/").status_code == 404

    def test_is_for_customers_who_say_who_they_are(self, api, as_tim, sign_in, carol, url):
        response = api.get(url)
        assert (response.status_code, response.json()) == (401, NO_TOKEN)
        response = as_tim.get(url)
        assert (response.status_code, response.json()) == (403, CUSTOMERS_ONLY)
        assert sign_in(carol).get(url).status_code == (404 if url == ME else 200)  # a record is not asked for


class TestPlans:
    def test_body_cheapest_first_what_is_on_sale(self, as_alice):
        premium = factories.PlanFactory(tier="premium", price=Decimal("49.00"))
        basic = factories.PlanFactory(tier="basic", price=Decimal("9.99"))
        factories.PlanFactory(is_active=False)
        response = as_alice.get(PLANS)
        assert (response.status_code, response.json()) == (200, [plan_body(basic), plan_body(premium)])
        assert b'"price":9.99' in response.content

    def test_a_plan_of_no_features(self, as_alice):
        factories.PlanFactory(features="")
        assert as_alice.get(PLANS).json()[0]["features"] == []

    def test_pages_on_request_and_takes_no_other_word(self, as_alice):
        factories.PlanFactory.create_batch(3)
        paged = as_alice.get(PLANS, {"page_size": "2"})
        assert (len(paged.json()), paged["X-Total-Count"]) == (2, "3")
        assert as_alice.get(PLANS, {"tier": "plus"}).json() == {"tier": ["Unknown parameter."]}

    def test_queries_do_not_grow(self, as_alice):
        factories.PlanFactory()
        one = count_queries(lambda: as_alice.get(PLANS))
        factories.PlanFactory.create_batch(29)
        assert count_queries(lambda: as_alice.get(PLANS)) == one == 2


@pytest.mark.django_db(transaction=True)
def test_a_membership_is_read_outside_a_transaction(as_alice, alice):
    """As a request is: there compiled reads take their own way to PostgreSQL, and parameters travel as text."""
    membership = member(alice.contact)
    body = as_alice.get(ME).json()
    assert body["renewsAt"] == z(renews_at(membership.started_at, timezone.now()))


class TestMembership:
    def test_none_is_404(self, as_alice, alice, bob):
        member(bob.contact)
        member(alice.contact, status="cancelled", cancelled_at=timezone.now())
        for method in ("get", "delete"):
            response = getattr(as_alice, method)(ME)
            assert (response.status_code, response.json()) == (404, {"error": "Membership not found"})

    def test_body(self, as_alice, alice):
        started = timezone.now() - timedelta(days=100)
        mine = member(alice.contact, started_at=started)
        response = as_alice.get(ME)
        assert response.status_code == 200
        assert response.json() == {
            "id": str(mine.uuid),
            "plan": plan_body(mine.plan),
            "status": "active",
            "startedAt": z(started),
            "renewsAt": z(renews_at(started, timezone.now())),
        }

    def test_join(self, as_alice, alice, now):
        plan = factories.PlanFactory()
        response = as_alice.post(ME, {"planId": str(plan.uuid)}, format="json")
        assert response.status_code == 201, response.content
        mine = Membership.objects.get()
        assert (mine.user_id, mine.plan_id, mine.status) == (alice.contact_id, plan.pk, "active")
        assert now <= mine.started_at <= timezone.now()
        assert response.json() == as_alice.get(ME).json()
        assert membership_uuid_of(alice.contact_id) == mine.uuid

    def test_once_for_one_idempotency_key(self, as_alice):
        body, headers = {"planId": str(factories.PlanFactory().uuid)}, {"Idempotency-Key": "one"}
        first, again = (as_alice.post(ME, body, format="json", headers=headers) for _ in range(2))
        assert (first.status_code, first.json()) == (again.status_code, again.json()) == (201, first.json())
        assert Membership.objects.count() == 1

    @pytest.mark.parametrize("is_same", [True, False])
    def test_a_member_joins_nothing_else(self, as_alice, alice, is_same):
        mine = member(alice.contact)
        plan = mine.plan if is_same else factories.PlanFactory(tier="premium")
        before = everything()
        response = as_alice.post(ME, {"planId": str(plan.uuid)}, format="json")
        assert (response.status_code, response.json()) == (
            409,
            {"error": "You have an active membership. Leave it before you join another plan."},
        )
        assert everything() == before

    @pytest.mark.parametrize(
        ("body", "status", "answer"),
        [
            ({}, 400, {"planId": ["This field is required."]}),
            ({"planId": "plus"}, 400, {"planId": ["Must be a valid UUID."]}),
            ({"planId": None}, 400, {"planId": ["This field may not be null."]}),
            ({"planId": str(uuid4())}, 404, {"error": "Plan not found"}),
        ],
    )
    def test_a_plan_that_is_none(self, as_alice, body, status, answer):
        response = as_alice.post(ME, body, format="json")
        assert (response.status_code, response.json()) == (status, answer)
        assert not Membership.objects.exists()

    def test_a_plan_that_is_not_on_sale(self, as_alice):
        plan = factories.PlanFactory(is_active=False)
        response = as_alice.post(ME, {"planId": str(plan.uuid)}, format="json")
        assert (response.status_code, response.json()) == (404, {"error": "Plan not found"})

    def test_leave_and_join_again(self, as_alice, alice, now):
        mine, his = member(alice.contact), member(factories.UserFactory())
        response = as_alice.delete(ME)
        assert (response.status_code, response.content) == (204, b"")
        mine.refresh_from_db()
        his.refresh_from_db()
        assert (mine.status, his.status) == ("cancelled", "active")
        assert now <= mine.cancelled_at <= timezone.now()
        assert [row.history_user_id for row in mine.history.order_by("history_id")][-1] == alice.contact_id
        assert membership_uuid_of(alice.contact_id) is None
        assert as_alice.delete(ME).status_code == 404
        assert as_alice.post(ME, {"planId": str(mine.plan.uuid)}, format="json").status_code == 201
        assert Membership.objects.filter(user=alice.contact).count() == 2

    @pytest.mark.parametrize("method", ["put", "patch"])
    def test_other_methods_are_405(self, as_alice, method):
        response = getattr(as_alice, method)(ME, {}, format="json")
        assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, POST, DELETE")

    def test_staff_neither_join_nor_leave(self, as_tim, tim):
        member(tim)
        before = everything()
        plan = {"planId": str(factories.PlanFactory().uuid)}
        assert as_tim.post(ME, plan, format="json").status_code == 403
        assert as_tim.delete(ME).status_code == 403
        assert everything() == before


def offer_body(offer, tiers=(), locations=()):
    return {
        "id": str(offer.uuid),
        "title": offer.title,
        "description": offer.description,
        "terms": offer.terms,
        "expiry": z(offer.expiry),
        "eligibleMemberships": list(tiers),
        "locations": [str(location.uuid) for location in locations],
        "createdAt": z(offer.created_at),
    }


def titles(client, **params):
    response = client.get(OFFERS, params)
    assert response.status_code == 200, response.content
    return [row["title"] for row in response.json()]


class TestOffers:
    def test_body_is_the_contracts(self, as_alice, alice):
        member(alice.contact, "basic")
        places = [factories.LocationFactory(), factories.LocationFactory()]
        offer = factories.OfferFactory(
            title="Spring Maintenance Special",
            description="20% off all maintenance services",
            terms="Valid until March 31, 2024",
            for_basic=True,
            for_plus=True,
            locations=places[::-1],
        )
        response = as_alice.get(OFFERS)
        assert (response.status_code, response.json()) == (
            200,
            [offer_body(offer, ["basic", "plus"], places)],
        )
        assert list(response.json()[0]) == list(offer_body(offer))

    @pytest.mark.parametrize("tier", [None, *Tier.values])
    def test_by_tier(self, as_alice, alice, bob, tier):
        member(bob.contact, "premium")
        member(alice.contact, "premium", status="cancelled", cancelled_at=timezone.now())
        if tier:
            member(alice.contact, tier)
        factories.OfferFactory(title="everybody")
        for name in Tier.values:
            factories.OfferFactory(title=name, **{f"for_{name}": True})
        factories.OfferFactory(title="basic or premium", for_basic=True, for_premium=True)
        expected = {"everybody"} | ({tier} if tier else set())
        if tier in ("basic", "premium"):
            expected.add("basic or premium")
        assert set(titles(as_alice)) == expected

    def test_expired_and_hidden_ones_never(self, as_alice):
        now = timezone.now()
        factories.OfferFactory(title="over", expiry=now - timedelta(seconds=1))
        factories.OfferFactory(title="hidden", is_active=False)
        factories.OfferFactory(title="later", expiry=now + timedelta(days=9))
        factories.OfferFactory(title="soon", expiry=now + timedelta(minutes=1))
        assert titles(as_alice) == ["soon", "later"]

    def test_by_vehicle(self, as_alice, alice):
        vehicle = factories.VehicleFactory(customer=alice, make="hONDA", year=2020)
        for title, values in {
            "any": {},
            "make": {"makes": ["Toyota", "Honda"]},
            "another make": {"makes": ["Toyota"]},
            "part of a make": {"makes": ["Hond", "H%", "Hond_"]},
            "from": {"year_from": 2020},
            "later": {"year_from": 2021},
            "to": {"year_to": 2020},
            "earlier": {"year_to": 2019},
            "between": {"year_from": 2018, "year_to": 2022, "makes": ["HONDA"]},
            "make, not year": {"year_from": 2021, "makes": ["Honda"]},
        }.items():
            factories.OfferFactory(title=title, **values)
        assert set(titles(as_alice, vehicleId=str(vehicle.uuid))) == {"any", "make", "from", "to", "between"}
        assert len(titles(as_alice)) == 10

    def test_by_location(self, as_alice):
        here, there = factories.LocationFactory(), factories.LocationFactory()
        factories.OfferFactory(title="anywhere")
        factories.OfferFactory(title="here", locations=[here])
        factories.OfferFactory(title="there", locations=[there])
        factories.OfferFactory(title="both", locations=[there, here])
        assert set(titles(as_alice, locationId=str(here.uuid))) == {"anywhere", "here", "both"}

    def test_nearest_first(self, as_alice):
        def at(latitude, longitude):
            return factories.LocationFactory(latitude=Decimal(latitude), longitude=Decimal(longitude))

        new_york, boston, perth = at("40.7128", "-74.006"), at("42.36", "-71.06"), at("-31.95", "115.86")
        soon = timezone.now() + timedelta(days=1)
        factories.OfferFactory(title="perth", locations=[perth], expiry=soon)
        factories.OfferFactory(title="boston or perth", locations=[perth, boston])
        factories.OfferFactory(title="new york", locations=[new_york])
        factories.OfferFactory(title="anywhere, ends first", expiry=soon)
        near_new_york = titles(as_alice, lat="40.7128", lng="-74.0060")
        assert near_new_york == ["anywhere, ends first", "new york", "boston or perth", "perth"]
        # Over the date line, not round the world; what is good anywhere is as near as the nearest of all.
        assert titles(as_alice, lat="-31", lng="-179")[:2] == ["perth", "anywhere, ends first"]

    def test_without_any_location_nearest_first_is_what_ends_first(self, as_alice):
        factories.OfferFactory(title="later", expiry=timezone.now() + timedelta(days=2))
        factories.OfferFactory(title="soon", expiry=timezone.now() + timedelta(days=1))
        assert titles(as_alice, lat="0", lng="0") == ["soon", "later"]

    @pytest.mark.parametrize(
        ("params", "fields"),
        [
            ({"lat": "40.7"}, {"lng": ["lat and lng come together."]}),
            ({"lng": "40.7"}, {"lat": ["lat and lng come together."]}),
            ({"lat": "91", "lng": "0"}, {"lat": ["Ensure this value is less than or equal to 90."]}),
            ({"lat": "0", "lng": "-180.1"}, {"lng": ["Ensure this value is greater than or equal to -180."]}),
            *(
                ({"lat": word, "lng": "0"}, {"lat": ["A valid number is required."]})
                for word in ("nan", "inf", "1e1", "x", "١", "1_0", "+1", ".5", "1\x00")
            ),
            ({"vehicleId": "1"}, {"vehicleId": ["Must be a valid UUID."]}),
            ({"locationId": "here"}, {"locationId": ["Must be a valid UUID."]}),
            ({"now": "2020-01-01T00:00:00Z"}, {"now": ["Unknown parameter."]}),
            ({"tier": "plus"}, {"tier": ["Unknown parameter."]}),
        ],
    )
    def test_a_wrong_parameter_is_named(self, as_alice, params, fields):
        response = as_alice.get(OFFERS, params)
        assert (response.status_code, response.json()) == (400, fields)

    def test_what_is_not_ones_own_is_not_found(self, as_alice, alice, bob):
        archived = factories.VehicleFactory(customer=alice, archived_at=timezone.now())
        for params, what in (
            ({"vehicleId": factories.VehicleFactory(customer=bob).uuid}, "Vehicle"),
            ({"vehicleId": archived.uuid}, "Vehicle"),
            ({"vehicleId": uuid4()}, "Vehicle"),
            ({"locationId": uuid4()}, "Location"),
        ):
            response = as_alice.get(OFFERS, params)
            assert (response.status_code, response.json()) == (404, {"error": f"{what} not found"})

    def test_queries_do_not_grow(self, as_alice, alice):
        member(alice.contact)
        vehicle, place = factories.VehicleFactory(customer=alice), factories.LocationFactory()
        params = {"vehicleId": vehicle.uuid, "locationId": place.uuid, "lat": "40.7128", "lng": "-74.006"}

        def make():
            factories.OfferFactory(for_plus=True, locations=[place], makes=["Honda"])

        make()
        one = count_queries(lambda: as_alice.get(OFFERS, params))
        for _ in range(29):
            make()
        assert len(titles(as_alice, **params)) == 30
        assert count_queries(lambda: as_alice.get(OFFERS, params)) == one == 5

    def test_pages_on_request(self, as_alice):
        factories.OfferFactory.create_batch(3)
        whole = titles(as_alice)
        first = as_alice.get(OFFERS, {"page_size": "2"})
        assert [row["title"] for row in first.json()] == whole[:2]
        assert first["X-Total-Count"] == "3"
        assert '<http://testserver/api/offers/?page=2&page_size=2>; rel="next"' in first["Link"]
        assert titles(as_alice, page="2", page_size="2") == whole[2:]

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_other_methods_are_405(self, as_alice, method):
        response = getattr(as_alice, method)(OFFERS, {}, format="json")
        assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")


def miles(here, there):
    """The great circle's length, the long way round."""
    (lat1, lng1), (lat2, lng2) = ([radians(float(x)) for x in point] for point in (here, there))
    h = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lng2 - lng1) / 2) ** 2
    return 2 * 3958.8 * asin(min(1.0, sqrt(h)))


points = st.tuples(st.decimals(-90, 90, places=3), st.decimals(-180, 180, places=3))


@settings(max_examples=15)
@given(here=points, places=st.lists(st.lists(points, max_size=2), min_size=1, max_size=5))
def test_the_order_is_that_of_the_great_circle(sign_in, here, places):
    client = sign_in(factories.UserFactory())
    for number, offered in enumerate(places):
        locations = [factories.LocationFactory(latitude=lat, longitude=lng) for lat, lng in offered]
        factories.OfferFactory(title=str(number), locations=locations)
    everywhere = [point for offered in places for point in offered]
    seen = titles(client, lat=str(here[0]), lng=str(here[1]))
    distances = [
        min((miles(here, p) for p in places[int(title)] or everywhere), default=0.0) for title in seen
    ]
    for nearer, farther in pairwise(distances):
        assert nearer <= farther + 0.01
    Membership.objects.all().delete()
    factories.Offer.objects.all().delete()
    factories.Location.objects.all().delete()
