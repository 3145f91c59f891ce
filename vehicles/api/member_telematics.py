"""Contract 003, "Telematics": batches in, samples and their summary out, at two addresses each."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.types import Json
from common.http.contracts.member import MEMBER
from common.http.fields import EpochMilliseconds, Number
from common.http.parsers import TextJSONParser
from common.http.query import Query
from common.http.responses import JSONResponse
from common.http.routing import route
from common.reads.serializers import Serializer
from vehicles.api.member import VehicleView
from vehicles.api.member_samples import Batch, BatchInput, BatchParser, SampleSerializer
from vehicles.telematics import queries
from vehicles.telematics.actions import record_batch
from vehicles.telematics.downsampling import MAX_POINTS, MIN_POINTS


class Accepted(Serializer):
    message = serializers.CharField()


class SummarySerializer(Serializer):
    samples = serializers.IntegerField(help_text="How many there are.")
    distance = serializers.FloatField(help_text="Miles.")
    fuel = serializers.FloatField(help_text="Gallons.")
    drivingTime = serializers.FloatField(help_text="Seconds in motion.")


_HOW = "ISO 8601 or milliseconds since 1970."


class RangeQuery(Query):
    to = EpochMilliseconds(source="until", upper=True, required=False, help_text=f"Inclusive. {_HOW}")

    def get_fields(self) -> Json:
        # A word of Python's.
        return {
            "from": EpochMilliseconds(source="since", required=False, help_text=_HOW)
        } | super().get_fields()

    def validate(self, attrs: Json) -> Json:
        self.validate_range(attrs, "from", "to")
        return attrs


class SamplesQuery(RangeQuery):
    points = Number(
        required=False,
        min_value=MIN_POINTS,
        max_value=MAX_POINTS,
        help_text="Thin out to at most so many: the first, the last, and the lowest and highest speeds between.",
    )


_INVALID = MEMBER.error_serializer(400)


class Telematics(VehicleView):
    """What the dongle of one vehicle read."""

    input_class = BatchInput
    parser_classes = [BatchParser, TextJSONParser]

    def read_body(self, *, partial: bool = False) -> Json:
        body = self.request.data
        return body if isinstance(body, Batch) else super().read_body(partial=partial)

    @extend_schema(parameters=[SamplesQuery], responses={200: SampleSerializer(many=True), 400: _INVALID})
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        """The samples of a range, by time.

        Whole, at most 100,000; thinned out by `points`, which keeps stops and peaks.
        """
        vehicle_id = self.vehicle_id(id)
        samples = queries.samples_of(vehicle_id=vehicle_id, **SamplesQuery.read(request.query_params))
        return JSONResponse(
            [
                {"t": t, "speed": speed, "fuelRate": fuel_rate, "odometer": odometer}
                for t, speed, fuel_rate, odometer in zip(*samples, strict=True)
            ]
        )

    @extend_schema(responses={202: Accepted})
    def post(self, request: Request, id: UUID | None) -> JSONResponse:
        """Store a batch of samples, whole or not at all; the same batch again is stored once."""
        vehicle_id = self.vehicle_id(id)
        batch = self.read_body()
        if batch.pop("uuid", id) != id:
            raise serializers.ValidationError({"vehicleId": ["Not the vehicle of this address."]})
        record_batch(vehicle_id=vehicle_id, now=timezone.now(), **batch)
        return JSONResponse({"message": "Telemetry batch accepted"}, status=202)


class TelematicsSummary(VehicleView):
    """What a range of samples comes to."""

    @extend_schema(parameters=[RangeQuery], responses={200: SummarySerializer, 400: _INVALID})
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        """Distance, fuel and driving time of a range.

        The distance is the odometer's, or the speed's where the odometer was not read. Time between two samples more
        than five minutes apart counts for nothing.
        """
        vehicle_id = self.vehicle_id(id)
        summary = queries.summary_of(vehicle_id=vehicle_id, **RangeQuery.read(request.query_params))
        return JSONResponse(
            {
                "samples": summary.samples,
                "distance": round(summary.distance, 2),
                "fuel": round(summary.fuel, 3),
                "drivingTime": round(summary.driving_seconds, 3),
            }
        )


class VehicleTelematics(Telematics):
    """The same beneath the vehicle."""


class VehicleTelematicsSummary(TelematicsSummary):
    """The same beneath the vehicle."""


urlpatterns = [
    route("telematics/<public_id:id>/", Telematics.as_view()),
    route("telematics/<public_id:id>/summary/", TelematicsSummary.as_view()),
    route("vehicles/<public_id:id>/telematics/", VehicleTelematics.as_view()),
    route("vehicles/<public_id:id>/telematics/summary/", VehicleTelematicsSummary.as_view()),
]
