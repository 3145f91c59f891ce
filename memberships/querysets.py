"""QuerySets of plans, memberships and offers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self, TypedDict, TypeVar
from uuid import UUID

from django.apps import apps
from django.db import models
from django.db.models import Exists, F, FloatField, OuterRef, Q, Subquery, Value
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Cast, Coalesce, Cos, Power, Radians, Sin

from appointments.models import Location
from common.domain.caller import Caller
from common.reads.lookups import SameText
from common.reads.statements import as_expression
from vehicles.models import Vehicle

Row = TypeVar("Row", bound=models.Model, covariant=True)


def _model(name: str) -> Any:
    """Return a model of this room, whose module imports this one."""
    return apps.get_model("memberships", name)


class PlanQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return every plan for staff, and the plans on sale otherwise."""
        return self if caller.is_staff else self.on_sale()

    def on_sale(self) -> Self:
        return self.filter(is_active=True)


class MembershipQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return every membership for staff, and the caller's own otherwise.

        A membership belongs to the login and not to the customer account.
        """
        return self if caller.is_staff else self.filter(user_id=caller.user_id)

    def active(self) -> Self:
        """Return the memberships that were not cancelled, also those whose last month is over."""
        return self.filter(status="active")

    def current(self, now: object) -> Self:
        """Return the active memberships that have not ended at `now`, an instant or its `Param`."""
        return self.active().filter(Q(ends_at=None) | Q(ends_at__gt=now))

    def ended(self, now: datetime) -> Self:
        """Return the active memberships whose last month is over at `now`."""
        return self.active().filter(ends_at__lte=now)


class OfferFilters(TypedDict, total=False):
    """`lat` and `lng` are degrees and are given together."""

    now: datetime
    vehicle: UUID
    location: UUID
    lat: float
    lng: float


class OfferQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller, now: object = None) -> Self:
        """Return every offer for staff, and otherwise those without a tier or for the tier of the caller's plan.

        `now` leaves out a membership whose last month is over.
        """
        return self if caller.is_staff else self.for_member(caller.user_id, now)

    def for_member(self, user_id: int, now: object = None) -> Self:
        """Return the offers without a tier, and those for the tier of this user's plan."""
        memberships = _model("Membership").objects
        rows = memberships.active() if now is None else memberships.current(now)
        own = rows.filter(user_id=user_id)
        return self.filter(
            Q(for_basic=False, for_plus=False, for_premium=False)
            | Q(Exists(own.filter(plan__tier="basic")), for_basic=True)
            | Q(Exists(own.filter(plan__tier="plus")), for_plus=True)
            | Q(Exists(own.filter(plan__tier="premium")), for_premium=True)
        )

    def with_discount(self) -> Self:
        """Return the offers that take something off a repair order."""
        return self.filter(Q(off_parts__gt=0) | Q(off_labour__gt=0) | Q(off_jobs__gt=0) | Q(off_amount__gt=0))

    def matching(self, filters: OfferFilters) -> Self:
        """Apply the filters and order the rows.

        `now` selects current offers. With `lat` and `lng` the nearest offers are first, otherwise those that expire
        first.
        """
        rows = self
        if "now" in filters:
            rows = rows.filter(is_active=True, expiry__gt=filters["now"])
        if "vehicle" in filters:
            rows = rows.for_vehicle(filters["vehicle"])
        if "location" in filters:
            rows = rows.valid_at(filters["location"])
        if "lat" in filters and "lng" in filters:
            return rows.nearest_first(filters["lat"], filters["lng"])
        return rows.order_by("expiry", "id")

    def for_vehicle(self, vehicle: UUID) -> Self:
        """Return the offers for the make and the model year of a vehicle."""
        vehicles = Vehicle.objects.filter(uuid=vehicle)
        makes = _model("OfferMake").objects.filter(offer=OuterRef("pk"))
        return self.alias(
            vehicle_make=Subquery(vehicles.values("make")[:1]),
            vehicle_year=Subquery(vehicles.values("year")[:1]),
        ).filter(
            Q(year_from=None) | Q(year_from__lte=F("vehicle_year")),
            Q(year_to=None) | Q(year_to__gte=F("vehicle_year")),
            ~Exists(makes) | Exists(makes.filter(SameText(F("make"), OuterRef("vehicle_make")))),
        )

    def valid_at(self, location: UUID) -> Self:
        """Return the offers that are valid at a location."""
        return self.filter(
            ~Exists(Location.objects.filter(offers=OuterRef("pk")))
            | Exists(Location.objects.filter(offers=OuterRef("pk"), uuid=location))
        )

    def nearest_first(self, latitude: float, longitude: float) -> Self:
        """Order by the distance to the nearest location where an offer is valid, then by expiry.

        An offer without locations is valid at all of them.
        """
        nearest = Coalesce(
            _least_distance(Location.objects.filter(offers=OuterRef("pk")), latitude, longitude),
            _least_distance(Location.objects.all(), latitude, longitude),
        )
        return self.alias(nearest=nearest).order_by("nearest", "expiry", "id")


def _least_distance(locations: models.QuerySet[Location], latitude: float, longitude: float) -> Subquery:
    measured = locations.annotate(distance=_haversine(latitude, longitude)).order_by("distance")
    return Subquery(measured.values("distance")[:1], output_field=FloatField())


def _haversine(latitude: float, longitude: float) -> CombinedExpression:
    """Return the haversine of the angle between a location and a point in degrees.

    It grows with the distance, which is sufficient for an ordering.
    """
    here, there = _radians(latitude), Radians(Cast("latitude", FloatField()))
    turn = Radians(Cast("longitude", FloatField())) - _radians(longitude)
    half = Value(0.5)
    return Power(Sin((there - here) * half), 2) + Cos(here) * Cos(there) * Power(Sin(turn * half), 2)


def _radians(degrees: float) -> Radians:
    # The cast is needed because PostgreSQL cannot infer the type of a bare parameter.
    return Radians(Cast(as_expression(degrees, FloatField()), FloatField()))
