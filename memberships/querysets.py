"""Rows of plans, memberships and offers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self, TypedDict, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import Exists, F, FloatField, OuterRef, Q, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Cos, Power, Radians, Sin

from appointments.models import Location
from common.domain.caller import Caller
from common.reads.lookups import SameText
from common.reads.params import as_expression
from vehicles.models import Vehicle

Row = TypeVar("Row", bound=models.Model, covariant=True)


class PlanQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every plan, everybody else what is on sale."""
        return self if caller.is_staff else self.filter(is_active=True)


class MembershipQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every membership, a customer his own: it is the login's, not the account's."""
        return self if caller.is_staff else self.filter(user_id=caller.user_id)

    def active(self) -> Self:
        return self.filter(status="active")


class OfferFilters(TypedDict, total=False):
    """`lat` and `lng` come together, in degrees."""

    now: datetime
    vehicle: UUID
    location: UUID
    lat: float
    lng: float


class OfferQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff see every offer, a member those for his tier, and everybody those that ask for none."""
        if caller.is_staff:
            return self
        from memberships.models import Membership  # which imports this module

        mine = Membership.objects.active().filter(user_id=caller.user_id)
        return self.filter(
            Q(for_basic=False, for_plus=False, for_premium=False)
            | Q(Exists(mine.filter(plan__tier="basic")), for_basic=True)
            | Q(Exists(mine.filter(plan__tier="plus")), for_plus=True)
            | Q(Exists(mine.filter(plan__tier="premium")), for_premium=True)
        )

    def matching(self, filters: OfferFilters) -> Self:
        """Those that are running, for a vehicle, at a location; the nearest first where somebody says where he is, else
        those that end first."""
        rows = self
        if "now" in filters:
            rows = rows.filter(is_active=True, expiry__gt=filters["now"])
        if "vehicle" in filters:
            rows = rows.for_vehicle(filters["vehicle"])
        if "location" in filters:
            rows = rows.at(filters["location"])
        if "lat" in filters and "lng" in filters:
            return rows.nearest_first(filters["lat"], filters["lng"])
        return rows.order_by("expiry", "id")

    def for_vehicle(self, vehicle: UUID) -> Self:
        """Those for the make and the year of a vehicle."""
        from memberships.models import OfferMake  # as above

        vehicles = Vehicle.objects.filter(uuid=vehicle)
        makes = OfferMake.objects.filter(offer=OuterRef("pk"))
        return self.alias(
            made_by=Subquery(vehicles.values("make")[:1]), made_in=Subquery(vehicles.values("year")[:1])
        ).filter(
            Q(year_from=None) | Q(year_from__lte=F("made_in")),
            Q(year_to=None) | Q(year_to__gte=F("made_in")),
            ~Exists(makes) | Exists(makes.filter(SameText(F("make"), OuterRef("made_by")))),
        )

    def at(self, location: UUID) -> Self:
        """Those that are good at a location."""
        return self.filter(
            ~Exists(Location.objects.filter(offers=OuterRef("pk")))
            | Exists(Location.objects.filter(offers=OuterRef("pk"), uuid=location))
        )

    def nearest_first(self, latitude: float, longitude: float) -> Self:
        """By the distance of the nearest location where an offer is good; of several there, what ends first."""
        nearest = Coalesce(
            _nearest(Location.objects.filter(offers=OuterRef("pk")), latitude, longitude),
            _nearest(Location.objects.all(), latitude, longitude),
        )
        return self.alias(nearest=nearest).order_by("nearest", "expiry", "id")


def _nearest(locations: models.QuerySet[Location], latitude: float, longitude: float) -> Subquery:
    measured = locations.annotate(away=_haversine(latitude, longitude)).order_by("away")
    return Subquery(measured.values("away")[:1], output_field=FloatField())


def _haversine(latitude: float, longitude: float) -> Any:
    """The haversine of the angle between a location and a point in degrees: it grows with the distance, which is
    enough to sort by."""
    here, there = _radians(latitude), Radians(Cast("latitude", FloatField()))
    turn = Radians(Cast("longitude", FloatField())) - _radians(longitude)
    half = Value(0.5)
    return Power(Sin((there - here) * half), 2) + Cos(here) * Cos(there) * Power(Sin(turn * half), 2)


def _radians(degrees: float) -> Radians:
    # PostgreSQL cannot tell the type of a bare parameter.
    return Radians(Cast(as_expression(degrees, FloatField()), FloatField()))
