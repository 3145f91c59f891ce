"""Contract 003, "Telematics": upload batches, read samples and summaries. Each route has two URLs."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.types import Json
from common.http.bodies import JSONResponse, TextJSONParser
from common.http.contracts.member import MEMBER
from common.http.fields import EpochMilliseconds, Number
from common.http.query import Query
from common.http.routing import route
from common.reads.serializers import Serializer
from vehicles.api.member import VehicleView
from vehicles.api.member_samples import BatchInput, BatchParser, SampleSerializer, ValidatedBatch
from vehicles.telematics import queries
from vehicles.telematics.actions import record_batch
from vehicles.telematics.downsampling import MAX_POINTS, MIN_POINTS


class Accepted(Serializer):
    message = serializers.CharField()


class SummarySerializer(Serializer):
    samples = serializers.IntegerField(help_text="Number of samples.")
    distance = serializers.FloatField(help_text="Miles.")
    fuel = serializers.FloatField(help_text="Gallons.")
    drivingTime = serializers.FloatField(help_text="Seconds in motion.")


_FORMAT = "ISO 8601 or milliseconds since 1970."


class RangeQuery(Query):
    to = EpochMilliseconds(source="until", upper=True, required=False, help_text=f"Inclusive. {_FORMAT}")

    def get_fields(self) -> Json:
        # `from` is a keyword of Python and cannot name a class attribute.
        return {
            "from": EpochMilliseconds(source="since", required=False, help_text=_FORMAT)
        } | super().get_fields()

    def validate(self, attrs: Json) -> Json:
        self.validate_range(attrs, "from", "to")
        return attrs


class SamplesQuery(RangeQuery):
    points = Number(
        required=False,
        min_value=MIN_POINTS,
        max_value=MAX_POINTS,
        help_text="Return at most this many samples: the first, the last, and the lowest and highest speeds between.",
    )


_INVALID = MEMBER.error_serializer(400)


class Telematics(VehicleView):
    """Upload and list the telematics samples of a vehicle."""

    input_class = BatchInput
    parser_classes = [BatchParser, TextJSONParser]

    def read_body(self, *, partial: bool = False) -> Json:
        body = self.request.data
        return body if isinstance(body, ValidatedBatch) else super().read_body(partial=partial)

    @extend_schema(parameters=[SamplesQuery], responses={200: SampleSerializer(many=True), 400: _INVALID})
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        """List the samples of a range, by time.

        Without `points` the range can have at most about 100,000 samples. With `points` the list is downsampled, and
        stops and peaks are kept.
        """
        vehicle_id = self.vehicle_id(id)
        samples = queries.get_samples(vehicle_id=vehicle_id, **SamplesQuery.read(request.query_params))
        return JSONResponse(
            [
                {"t": t, "speed": speed, "fuelRate": fuel_rate, "odometer": odometer}
                for t, speed, fuel_rate, odometer in zip(*samples, strict=True)
            ]
        )

    @extend_schema(responses={202: Accepted})
    def post(self, request: Request, id: UUID | None) -> JSONResponse:
        """Store a batch of samples.

        A batch is stored completely or not at all. A batch that is sent again is accepted and stored once.
        """
        vehicle_id = self.vehicle_id(id)
        batch = self.read_body()
        if batch.pop("uuid", id) != id:
            raise serializers.ValidationError({"vehicleId": ["Must be the id of the vehicle in the URL."]})
        record_batch(vehicle_id=vehicle_id, now=timezone.now(), **batch)
        return JSONResponse({"message": "Telemetry batch accepted"}, status=202)


class TelematicsSummary(VehicleView):
    """Summarize the samples of a range."""

    @extend_schema(parameters=[RangeQuery], responses={200: SummarySerializer, 400: _INVALID})
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        """Summarize distance, fuel and driving time of a range.

        The distance is the sum of the odometer's plausible steps, or comes from the speed if fewer than two samples
        have an odometer reading. The time between two samples that are more than five minutes apart is not counted.
        """
        vehicle_id = self.vehicle_id(id)
        summary = queries.get_summary(vehicle_id=vehicle_id, **RangeQuery.read(request.query_params))
        return JSONResponse(
            {
                "samples": summary.samples,
                "distance": round(summary.distance, 2),
                "fuel": round(summary.fuel, 3),
                "drivingTime": round(summary.driving_seconds, 3),
            }
        )


class VehicleTelematics(Telematics):
    """The same views under the URL of the vehicle."""


class VehicleTelematicsSummary(TelematicsSummary):
    """The same view under the URL of the vehicle."""


urlpatterns = [
    route("telematics/<public_id:id>/", Telematics.as_view()),
    route("telematics/<public_id:id>/summary/", TelematicsSummary.as_view()),
    route("vehicles/<public_id:id>/telematics/", VehicleTelematics.as_view()),
    route("vehicles/<public_id:id>/telematics/summary/", VehicleTelematicsSummary.as_view()),
]
