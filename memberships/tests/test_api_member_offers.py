"""Contract 003, "Offers": which offers a member sees, and in which order."""

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
from memberships.tests.test_api_member import OFFERS, format_instant, member
from testing import factories
from testing.suites import count_queries

pytestmark = pytest.mark.django_db


def offer_body(offer, tiers=(), locations=()):
    return {
        "id": str(offer.uuid),
        "title": offer.title,
        "description": offer.description,
        "terms": offer.terms,
        "expiry": format_instant(offer.expiry),
        "eligibleMemberships": list(tiers),
        "locations": [str(location.uuid) for location in locations],
        "createdAt": format_instant(offer.created_at),
    }


def titles(client, **params):
    response = client.get(OFFERS, params)
    assert response.status_code == 200, response.content
    return [row["title"] for row in response.json()]


class TestOffers:
    def test_body_matches_the_contract(self, as_alice, alice):
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
    def test_lists_offers_for_the_callers_tier(self, as_alice, alice, bob, tier):
        member(bob.contact, "premium")
        member(alice.contact, "premium", status="cancelled", cancelled_at=timezone.now())
        if tier:
            member(alice.contact, tier)
        factories.OfferFactory(title="all tiers")
        for name in Tier.values:
            factories.OfferFactory(title=name, **{f"for_{name}": True})
        factories.OfferFactory(title="basic or premium", for_basic=True, for_premium=True)
        expected = {"all tiers"} | ({tier} if tier else set())
        if tier in ("basic", "premium"):
            expected.add("basic or premium")
        assert set(titles(as_alice)) == expected

    def test_expired_and_hidden_offers_are_not_listed(self, as_alice):
        now = timezone.now()
        factories.OfferFactory(title="over", expiry=now - timedelta(seconds=1))
        factories.OfferFactory(title="hidden", is_active=False)
        factories.OfferFactory(title="later", expiry=now + timedelta(days=9))
        factories.OfferFactory(title="soon", expiry=now + timedelta(minutes=1))
        assert titles(as_alice) == ["soon", "later"]

    def test_vehicle_selects_make_and_year(self, as_alice, alice):
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

    def test_location_selects_offers_valid_there(self, as_alice):
        here, there = factories.LocationFactory(), factories.LocationFactory()
        factories.OfferFactory(title="anywhere")
        factories.OfferFactory(title="here", locations=[here])
        factories.OfferFactory(title="there", locations=[there])
        factories.OfferFactory(title="both", locations=[there, here])
        assert set(titles(as_alice, locationId=str(here.uuid))) == {"anywhere", "here", "both"}

    def test_coordinates_order_the_nearest_first(self, as_alice):
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
        # The distance crosses the date line. An offer valid everywhere is as near as the nearest location.
        assert titles(as_alice, lat="-31", lng="-179")[:2] == ["perth", "anywhere, ends first"]

    def test_without_any_location_the_order_is_by_expiry(self, as_alice):
        factories.OfferFactory(title="later", expiry=timezone.now() + timedelta(days=2))
        factories.OfferFactory(title="soon", expiry=timezone.now() + timedelta(days=1))
        assert titles(as_alice, lat="0", lng="0") == ["soon", "later"]

    @pytest.mark.parametrize(
        ("params", "fields"),
        [
            ({"lat": "40.7"}, {"lng": ["Send lat and lng together."]}),
            ({"lng": "40.7"}, {"lat": ["Send lat and lng together."]}),
            ({"lat": "91", "lng": "0"}, {"lat": ["Ensure this value is less than or equal to 90."]}),
            ({"lat": "0", "lng": "-180.1"}, {"lng": ["Ensure this value is greater than or equal to -180."]}),
            *(
                ({"lat": value, "lng": "0"}, {"lat": ["A valid number is required."]})
                for value in ("nan", "inf", "1e1", "x", "١", "1_0", "+1", ".5", "1\x00")
            ),
            ({"vehicleId": "1"}, {"vehicleId": ["Must be a valid UUID."]}),
            ({"locationId": "here"}, {"locationId": ["Must be a valid UUID."]}),
            ({"now": "2020-01-01T00:00:00Z"}, {"now": ["Unknown parameter."]}),
            ({"tier": "plus"}, {"tier": ["Unknown parameter."]}),
        ],
    )
    def test_invalid_parameter_is_400_and_named(self, as_alice, params, fields):
        response = as_alice.get(OFFERS, params)
        assert (response.status_code, response.json()) == (400, fields)

    def test_vehicle_or_location_that_is_not_visible_is_404(self, as_alice, alice, bob):
        archived = factories.VehicleFactory(customer=alice, archived_at=timezone.now())
        for params, noun in (
            ({"vehicleId": factories.VehicleFactory(customer=bob).uuid}, "Vehicle"),
            ({"vehicleId": archived.uuid}, "Vehicle"),
            ({"vehicleId": uuid4()}, "Vehicle"),
            ({"locationId": uuid4()}, "Location"),
        ):
            response = as_alice.get(OFFERS, params)
            assert (response.status_code, response.json()) == (404, {"error": f"{noun} not found"})

    def test_query_count_is_constant(self, as_alice, alice):
        member(alice.contact)
        vehicle, place = factories.VehicleFactory(customer=alice), factories.LocationFactory()
        params = {"vehicleId": vehicle.uuid, "locationId": place.uuid, "lat": "40.7128", "lng": "-74.006"}

        def make():
            factories.OfferFactory(for_plus=True, locations=[place], makes=["Honda"])

        make()
        one = count_queries(lambda: as_alice.get(OFFERS, params))
        for _ in range(2):
            make()
        assert len(titles(as_alice, **params)) == 3
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
    """Return the length of the great circle between two points in miles."""
    (lat1, lng1), (lat2, lng2) = ([radians(float(x)) for x in point] for point in (here, there))
    h = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lng2 - lng1) / 2) ** 2
    return 2 * 3958.8 * asin(min(1.0, sqrt(h)))


points = st.tuples(st.decimals(-90, 90, places=3), st.decimals(-180, 180, places=3))


@settings(max_examples=settings.default.max_examples // 4)
@given(here=points, places=st.lists(st.lists(points, max_size=2), min_size=1, max_size=5))
def test_order_is_that_of_the_great_circle_distance(sign_in, here, places):
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
