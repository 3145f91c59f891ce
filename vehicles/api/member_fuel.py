"""Contract 003, fuel logs: fill-ups of a vehicle, and what they say of its consumption."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberList, MemberView, missing
from common.http.fields import Instant, Miles, Money, OptionalText, PublicId, StrictBoolean
from common.http.permissions import CustomerRole
from common.http.query import ListQuery, Query, params_of
from common.http.routing import route
from common.http.views import serialize
from common.reads.read import Read
from common.reads.serializers import Serializer
from vehicles.api.fields import RoundedMixin
from vehicles.api.member import VehicleView
from vehicles.fuel import actions
from vehicles.fuel.models import LEAST_GALLONS, MOST_GALLONS, FuelLog
from vehicles.fuel.queries import get_statistics
from vehicles.models import Vehicle
from vehicles.queries import get_own_vehicle


@extend_schema_field({"type": "number", "minimum": 0.001, "maximum": 9999.999})
class Gallons(serializers.DecimalField):
    """A volume with three places, written as a JSON number."""

    as_number = True

    def __init__(self, **options: Any) -> None:
        super().__init__(
            max_digits=7,
            decimal_places=3,
            min_value=LEAST_GALLONS,
            max_value=MOST_GALLONS,
            coerce_to_string=False,
            **options,
        )

    def to_representation(self, value: Decimal) -> Any:
        return float(super().to_representation(value))


class Economy(serializers.DecimalField):
    """Miles per gallon with two places, written as a JSON number."""

    as_number = True

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=12, decimal_places=2, coerce_to_string=False, **options)

    def to_representation(self, value: Decimal) -> Any:
        return float(super().to_representation(value))


class Cost(RoundedMixin, Money):
    """An amount of a body, rounded to the cent. Applications multiply gallons by a price and do not round."""


class FuelLogSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    vehicle = serializers.UUIDField(source="vehicle.uuid")
    vehicleId = serializers.UUIDField(source="vehicle.uuid")
    timestamp = Instant(source="at")
    odometer = Miles(source="miles", help_text="Miles.")
    gallons = Gallons()
    price = Money(as_number=True, allow_null=True, help_text="Of the whole fill-up.")
    isFullTank = serializers.BooleanField(source="is_full", help_text="Whether the tank was full afterwards.")
    missedFillUp = serializers.BooleanField(
        source="missed", help_text="Another fill-up since the previous one is not recorded."
    )
    mpg = Economy(
        allow_null=True,
        help_text="Miles per gallon since the tank was last full. Null without a full tank before, after a fill-up "
        "that is not recorded, and for a tank that is not full.",
    )
    notes = serializers.CharField(allow_blank=True)
    createdAt = Instant(source="created_at")


class _FillInput(Serializer):
    odometer = Miles(source="miles", help_text="Miles. Cannot be below the vehicle's odometer at that time.")
    gallons = Gallons()
    price = Cost(
        as_number=True, required=False, allow_null=True, min_value=0, help_text="Of the whole fill-up."
    )
    isFullTank = StrictBoolean(source="is_full", required=False, help_text="True if it is left out.")
    missedFillUp = StrictBoolean(
        source="missed",
        required=False,
        help_text="True if another fill-up since the previous one is not recorded.",
    )
    notes = serializers.CharField(max_length=500, required=False, allow_blank=True)


class FuelLogInput(_FillInput):
    """The body of a fill-up below the URL of its vehicle."""

    timestamp = Instant(
        source="at",
        required=False,
        help_text="Now if it is left out. Midnight UTC stands for the whole day.",
    )


class VehicleFuelLogInput(FuelLogInput):
    vehicle = PublicId(required=False, help_text="Required, under this name or as `vehicleId`.")
    vehicleId = PublicId(source="vehicle", required=False)

    def validate(self, attrs: Json) -> Json:
        if "vehicle" not in attrs:
            raise serializers.ValidationError({"vehicle": ["This field is required."]})
        return attrs


class FuelLogChanges(_FillInput):
    notes = OptionalText(max_length=500)


class FuelLogQuery(ListQuery):
    vehicleId = PublicId(source="vehicle", required=False)
    vehicle_id = PublicId(source="vehicle", required=False, help_text="The same as `vehicleId`.")


class _OneQuery(Query):
    id = serializers.UUIDField(source="uuid")


class _PathQuery(Query):
    vehicle = serializers.UUIDField()


def _logs(caller: Caller, filters: Json) -> QuerySet[FuelLog]:
    rows = FuelLog.objects.visible_to(caller).newest_first()
    if "uuid" in filters:
        rows = rows.filter(uuid=filters["uuid"])
    return rows.filter(vehicle__uuid=filters["vehicle"]) if "vehicle" in filters else rows


class FuelLogs(MemberList):
    """List the fill-ups of the caller's vehicles, newest first."""

    permission_classes = [CustomerRole]
    serializer_class = FuelLogSerializer
    query: ClassVar[type[ListQuery]] = FuelLogQuery
    input_class: ClassVar[type[Serializer] | None] = VehicleFuelLogInput
    rows = staticmethod(_logs)

    def check(self, filters: Values) -> None:
        if "vehicle" in filters:
            get_own_vehicle(self.caller, filters["vehicle"])

    @extend_schema(responses={201: FuelLogSerializer})
    def post(self, request: Request) -> JSONResponse:
        """Log a fill-up.

        Its odometer becomes a reading of the vehicle. One below the vehicle's odometer is 400.
        """
        body = self.read_body()
        return _add(get_own_vehicle(self.caller, body.pop("vehicle")), self.caller, body)


def _add(vehicle: Vehicle, caller: Caller, body: Json) -> JSONResponse:
    log = actions.add_fuel_log(vehicle=vehicle, by=caller.user_id, now=timezone.now(), **body)
    return JSONResponse(serialize(FuelLogSerializer, log), status=201)


class VehicleFuelLogs(FuelLogs):
    """List the fill-ups of one vehicle, newest first."""

    query = ListQuery
    path_query = _PathQuery
    input_class = FuelLogInput

    def check(self, filters: Values) -> None:
        """Check nothing: `validate_parent` looks for the vehicle if it has no fill-ups."""

    def validate_parent(self, filters: Values) -> None:
        VehicleView.read_key.one(self.caller, {"uuid": filters["vehicle"]}, missing(Vehicle))

    @extend_schema(responses={201: FuelLogSerializer})
    def post(self, request: Request, vehicle: UUID | None) -> JSONResponse:  # type: ignore[override]  # a URL with an id
        """Log a fill-up of the vehicle.

        Its odometer becomes a reading of the vehicle. One below the vehicle's odometer is 400.
        """
        return _add(get_own_vehicle(self.caller, vehicle), self.caller, self.read_body())


class OneFuelLog(MemberView):
    """Retrieve, update or remove a fill-up."""

    permission_classes = [CustomerRole]
    input_class = FuelLogChanges
    read = Read(_logs, FuelLogSerializer, params_of(_OneQuery))

    def show(self, id: UUID | None) -> JSONResponse:
        """Return the response with the fill-up as it is stored now."""
        if id is None:
            raise missing(FuelLog)
        return JSONResponse(self.read.one(self.caller, {"uuid": id}, missing(FuelLog)))

    @extend_schema(responses=FuelLogSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        """Retrieve a fill-up."""
        return self.show(id)

    @extend_schema(responses=FuelLogSerializer)
    def patch(self, request: Request, id: UUID | None) -> JSONResponse:
        """Update a fill-up.

        A higher odometer is a further reading of the vehicle. A lower one is 400: the shop corrects it.
        """
        log = self.one_of(FuelLog, id)
        actions.change_fuel_log(
            log=log, by=self.caller.user_id, now=timezone.now(), **self.read_body(partial=True)
        )
        return self.show(id)

    @extend_schema(request=FuelLogChanges(partial=True), responses=FuelLogSerializer)
    def put(self, request: Request, id: UUID | None) -> JSONResponse:
        """Update a fill-up.

        Fields that the body leaves out keep their values.
        """
        return self.patch(request, id)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, id: UUID | None) -> JSONResponse:
        """Remove a fill-up.

        The reading of the odometer stays with the vehicle.
        """
        actions.remove_fuel_log(log=self.one_of(FuelLog, id))
        return JSONResponse(status=204)


class FuelStatisticsSerializer(Serializer):
    vehicleId = serializers.UUIDField()
    fillUps = serializers.IntegerField(source="fill_ups")
    totalMiles = Miles(source="miles", help_text="From the first fill-up to the last.")
    totalGallons = serializers.FloatField(source="gallons", help_text="Gallons of all fill-ups.")
    totalCost = serializers.FloatField(source="cost", help_text="Of the fill-ups with a price.")
    averageMpg = Economy(source="average_mpg", allow_null=True, help_text="Of all full tanks together.")
    bestMpg = Economy(source="best_mpg", allow_null=True)
    worstMpg = Economy(source="worst_mpg", allow_null=True)
    costPerGallon = serializers.FloatField(
        source="cost_per_gallon",
        allow_null=True,
        help_text="Average price of a gallon in US dollars. Null if no price is known.",
    )
    costPerMile = serializers.FloatField(
        source="cost_per_mile", allow_null=True, help_text="Of the full tanks whose prices are known."
    )


class FuelStatistics(VehicleView):
    """Summarize the fill-ups of a vehicle."""

    @extend_schema(responses=FuelStatisticsSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        """Summarize the fill-ups of a vehicle: consumption, cost and totals.

        A figure that the fill-ups do not give is null.
        """
        Query.read(request.query_params)
        figures = asdict(get_statistics(vehicle_id=self.vehicle_id(id)))
        return JSONResponse(serialize(FuelStatisticsSerializer, figures | {"vehicleId": id}))


# Before the URL of one vehicle, whose id may be any text.
urlpatterns = [
    route("vehicles/fuel-logs/", FuelLogs.as_view()),
    route("vehicles/fuel-logs/<public_id:id>/", OneFuelLog.as_view()),
    route("vehicles/<public_id:vehicle>/fuel-logs/", VehicleFuelLogs.as_view()),
    route("vehicles/<public_id:id>/fuel-stats/", FuelStatistics.as_view()),
]
