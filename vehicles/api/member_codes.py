"""Contract 003, diagnostic trouble codes of the caller's vehicles."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberError, MemberList, MemberView, missing
from common.http.fields import Instant, PublicId
from common.http.permissions import CustomerRole
from common.http.query import ListQuery, Query, params_of
from common.http.routing import route
from common.http.views import serialize
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer
from vehicles.api.spellings import BothSpellings
from vehicles.codes import actions
from vehicles.codes.meaning import describe, system_of
from vehicles.codes.models import Dtc, DtcSource
from vehicles.queries import get_own_vehicle


def is_open(cleared_at: object) -> bool:
    """Return whether a code is not cleared."""
    return cleared_at is None


class DtcSerializer(BothSpellings):
    id = serializers.UUIDField(source="uuid")
    vehicle = serializers.UUIDField(source="vehicle.uuid")
    code = serializers.CharField(help_text="Diagnostic trouble code, such as `P0301`.")
    system = Derived(
        system_of,
        "code",
        output=serializers.CharField(help_text="The part of the vehicle that the code is about."),
    )
    description = Derived(
        describe,
        "code",
        output=serializers.CharField(help_text="What the structure of the code says."),
    )
    source = serializers.ChoiceField(choices=DtcSource.values)  # type: ignore[assignment]
    active = Derived(
        is_open, "cleared_at", output=serializers.BooleanField(help_text="Whether the code is not cleared.")
    )
    detectedAt = Instant(source="first_seen_at", help_text="When the code was first seen.")
    lastSeenAt = Instant(source="seen_at", help_text="When the code was last seen.")
    clearedAt = Instant(
        source="cleared_at", allow_null=True, help_text="When the code was cleared. Null until then."
    )
    notes = serializers.CharField(source="note", allow_blank=True)
    createdAt = Instant(source="created_at")


class DtcInput(Serializer):
    vehicle = PublicId(required=False, help_text="Required, under this name or as `vehicleId`.")
    vehicleId = PublicId(source="vehicle", required=False)
    code = serializers.CharField(max_length=20, help_text="Such as P0301, in either case.")
    detectedAt = Instant(source="at", required=False, help_text="Now if it is left out.")
    notes = serializers.CharField(source="note", max_length=500, required=False, allow_blank=True)

    def validate(self, attrs: Json) -> Json:
        if "vehicle" not in attrs:
            raise serializers.ValidationError({"vehicle": ["This field is required."]})
        return attrs


class DtcQuery(ListQuery):
    vehicleId = PublicId(source="vehicle", required=False)
    vehicle_id = PublicId(source="vehicle", required=False, help_text="The same as `vehicleId`.")
    activeOnly = serializers.BooleanField(
        source="active", required=False, help_text="Leave out codes that are cleared."
    )
    active_only = serializers.BooleanField(
        source="active", required=False, help_text="The same as `activeOnly`."
    )


class _OneQuery(Query):
    id = serializers.UUIDField(source="uuid")


def _codes(caller: Caller, filters: Json) -> QuerySet[Dtc]:
    rows = Dtc.objects.visible_to(caller).newest_first()
    if "uuid" in filters:
        rows = rows.filter(uuid=filters["uuid"])
    if "vehicle" in filters:
        rows = rows.filter(vehicle__uuid=filters["vehicle"])
    return rows.open() if filters.get("active") else rows


class Codes(MemberList):
    """List the trouble codes of the caller's vehicles, the last seen first."""

    permission_classes = [CustomerRole]
    serializer_class = DtcSerializer
    query = DtcQuery
    input_class = DtcInput
    rows = staticmethod(_codes)

    def check(self, filters: Values) -> None:
        if "vehicle" in filters:
            get_own_vehicle(self.caller, filters["vehicle"])

    @extend_schema(responses={201: DtcSerializer})
    def post(self, request: Request) -> JSONResponse:
        """Report a trouble code that a scanner shows.

        A code that is open already was seen again. An open code recommends its diagnosis.
        """
        body = self.read_body()
        vehicle = get_own_vehicle(self.caller, body.pop("vehicle"))
        row = actions.report_code(vehicle=vehicle, now=timezone.now(), **body)
        return JSONResponse(serialize(DtcSerializer, row), status=201)


class _OneCode(MemberView):
    permission_classes = [CustomerRole]
    read = Read(_codes, DtcSerializer, params_of(_OneQuery))

    def show(self, id: UUID | None) -> JSONResponse:
        """Return the response with the code as it is stored now."""
        if id is None:
            raise missing(Dtc)
        return JSONResponse(self.read.one(self.caller, {"uuid": id}, missing(Dtc)))


class OneCode(_OneCode):
    """Retrieve a trouble code."""

    @extend_schema(responses=DtcSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        """Retrieve a trouble code."""
        return self.show(id)


class ClearCode(_OneCode):
    """Clear a trouble code."""

    @extend_schema(request=None, responses=DtcSerializer)
    def post(self, request: Request, id: UUID | None) -> JSONResponse:
        """Clear a trouble code.

        Its recommendation is closed, unless the work is approved. A code that is cleared already is 409.
        """
        actions.clear(dtc=self.one_of(Dtc, id), now=timezone.now())
        return self.show(id)

    @extend_schema(request=None, responses={200: DtcSerializer, 409: MemberError})
    def patch(self, request: Request, id: UUID | None) -> JSONResponse:
        """Clear a trouble code.

        The same as `POST`.
        """
        return self.post(request, id)


# Before the URL of one vehicle's health, whose id may be any text.
urlpatterns = [
    route("vehicle-health/dtc/", Codes.as_view()),
    route("vehicle-health/dtc/<public_id:id>/", OneCode.as_view()),
    route("vehicle-health/dtc/<public_id:id>/clear/", ClearCode.as_view()),
]
