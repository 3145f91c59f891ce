"""Contract 003, the health of the caller's vehicles, with the reasons for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberList
from common.http.lists import Page
from common.http.permissions import CustomerRole
from common.http.query import Query
from common.http.routing import route
from common.http.views import serialize
from common.reads.serializers import Serializer
from vehicles.api.member import VehicleView
from vehicles.api.spellings import BothSpellings
from vehicles.health import Health, Severity, System, status_of
from vehicles.models import Vehicle
from vehicles.queries import get_health

_STATUSES = ["good", "warning", "critical"]
_SCORED = ("engine", "transmission", "brakes", "tires", "battery", "fluids")
# The client's name of a system's state -> the system.
_STATED = {
    "engineStatus": System.ENGINE,
    "transmissionStatus": System.TRANSMISSION,
    "brakeStatus": System.BRAKES,
    "tireStatus": System.TIRES,
    "batteryStatus": System.BATTERY,
    "fluidStatus": System.FLUIDS,
}


class ReasonSerializer(Serializer):
    kind = serializers.ChoiceField(choices=["code", "service", "finding", "recommendation"])
    system = serializers.ChoiceField(
        choices=[str(system) for system in System], help_text="The system that it takes points off."
    )
    severity = serializers.ChoiceField(
        choices=[str(severity) for severity in Severity], help_text="How bad it is: 60, 25 or 5 points off."
    )
    text = serializers.CharField()


def _score() -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, max_value=100)


def _status() -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=_STATUSES)


class HealthSerializer(BothSpellings):
    vehicle = serializers.UUIDField()
    overallScore = _score()
    overallStatus = _status()
    engineScore = _score()
    transmissionScore = _score()
    brakesScore = _score()
    tiresScore = _score()
    batteryScore = _score()
    fluidsScore = _score()
    engineStatus = _status()
    transmissionStatus = _status()
    brakeStatus = _status()
    tireStatus = _status()
    batteryStatus = _status()
    fluidStatus = _status()
    reasons = ReasonSerializer(many=True, help_text="What is wrong or due, the worst first.")


def _body(vehicle: UUID, health: Health) -> Json:
    values = {
        "vehicle": vehicle,
        "overallScore": health.score,
        "overallStatus": health.status,
        "reasons": health.reasons,
    }
    values |= {f"{name}Score": health.scores[System(name)] for name in _SCORED}
    values |= {name: status_of(health.scores[system]) for name, system in _STATED.items()}
    return serialize(HealthSerializer, values)


class _KeySerializer(Serializer):
    id = serializers.IntegerField()
    vehicle = serializers.UUIDField(source="uuid")


class VehicleHealth(MemberList):
    """List the health of the caller's vehicles, the oldest vehicle first."""

    permission_classes = [CustomerRole]
    serializer_class = _KeySerializer

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Vehicle]:
        return Vehicle.objects.visible_to(caller).in_use().order_by("id")

    @extend_schema(responses=HealthSerializer(many=True))
    def get(self, request: Request, *args: object, **kwargs: object) -> HttpResponseBase:
        """List the health of the caller's vehicles, the oldest vehicle first.

        Each reason takes points off its system: 60 if it is critical, 25 for a warning, 5 for information.
        """
        return self.list_response(request)

    def envelope(self, rows: Sequence[Json], page: Page | None) -> tuple[object, dict[str, str]]:
        found = get_health(caller=self.caller, vehicles=[row["id"] for row in rows], now=timezone.now())
        bodies: Any = [_body(row["vehicle"], found[row["id"]]) for row in rows]
        return super().envelope(bodies, page)


class OneVehicleHealth(VehicleView):
    """Retrieve the health of a vehicle."""

    @extend_schema(responses=HealthSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        """Retrieve the health of a vehicle, with the reasons for it."""
        Query.read(request.query_params)
        pk = self.vehicle_id(id)
        assert id is not None
        found = get_health(caller=self.caller, vehicles=[pk], now=timezone.now())
        return JSONResponse(_body(id, found[pk]))


urlpatterns = [
    route("vehicle-health/", VehicleHealth.as_view()),
    route("vehicle-health/<public_id:id>/", OneVehicleHealth.as_view()),
]
