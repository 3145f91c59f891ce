"""Contract 003, parking: where the caller has parked."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberList, MemberView, missing
from common.http.fields import Instant, PublicId
from common.http.permissions import CustomerRole
from common.http.query import ListQuery, Query, params_of
from common.http.routing import route
from common.http.views import serialize
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer, SerializerField
from files.queries import public_url
from vehicles.api.fields import Degrees
from vehicles.api.spellings import BothSpellings
from vehicles.parking import actions
from vehicles.parking.models import ParkingSpot
from vehicles.queries import get_own_vehicle

_DATA_URL = re.compile("data:(image/[a-z]+);base64,(.*)", re.DOTALL)
_NO_SPOT = "No active parking spot"


def photos_of(key: str | None) -> list[str]:
    """Return the URL of a spot's photo, if it has one."""
    return [] if key is None else [public_url(key)]


def is_active(cleared_at: object) -> bool:
    """Return whether a spot is not cleared."""
    return cleared_at is None


class ParkingSpotSerializer(BothSpellings):
    id = serializers.UUIDField(source="uuid")
    vehicle = serializers.UUIDField(source="vehicle.uuid", allow_null=True)
    latitude = Degrees(limit=90)
    longitude = Degrees(limit=180)
    address = serializers.CharField(allow_blank=True)
    locationName = serializers.CharField(source="place", allow_blank=True)
    notes = serializers.CharField(allow_blank=True)
    photos = Derived(
        photos_of,
        "photo.key",
        output=serializers.ListField(
            child=serializers.URLField(), help_text="URL of the photo, if there is one."
        ),
    )
    parkedAt = Instant(source="parked_at", help_text="When the vehicle was parked.")
    timerExpiresAt = Instant(
        source="ends_at", allow_null=True, help_text="When the time for parking ends. Null without an end."
    )
    active = Derived(
        is_active,
        "cleared_at",
        output=serializers.BooleanField(help_text="Whether the vehicle is still there."),
    )


class Photo(serializers.CharField):
    """A photo as a data URL. Validated to its content type and its bytes."""

    def to_internal_value(self, data: str) -> tuple[str, bytes]:  # type: ignore[override]  # the decoded photo
        found = _DATA_URL.fullmatch(super().to_internal_value(data))
        try:
            return (found[1], b64decode(found[2], validate=True)) if found else self._refuse()
        except NotBase64:
            return self._refuse()

    def _refuse(self) -> tuple[str, bytes]:
        raise serializers.ValidationError("Must be a photo as a data URL: data:image/jpeg;base64,….")


class SpotChanges(BothSpellings):
    latitude = Degrees(limit=90)
    longitude = Degrees(limit=180)
    address = serializers.CharField(max_length=500, required=False, allow_blank=True)
    locationName = serializers.CharField(source="place", max_length=200, required=False, allow_blank=True)
    notes = serializers.CharField(max_length=2_000, required=False, allow_blank=True)
    timerExpiresAt = Instant(
        source="ends_at",
        required=False,
        allow_null=True,
        help_text="When the time for parking ends, in the future.",
    )


class SpotInput(SpotChanges):
    vehicle = PublicId(required=False, allow_null=True)
    photos = serializers.ListField(
        child=Photo(), required=False, max_length=1, help_text="One photo as a data URL."
    )

    def get_fields(self) -> dict[str, SerializerField]:
        return super().get_fields() | {
            "vehicleId": PublicId(source="vehicle", required=False, allow_null=True)
        }


class SpotQuery(ListQuery):
    active = serializers.BooleanField(required=False, help_text="Leave out spots that are cleared.")


class _OneQuery(Query):
    id = serializers.UUIDField(source="uuid")


def _spots(caller: Caller, filters: Json) -> QuerySet[ParkingSpot]:
    rows = ParkingSpot.objects.visible_to(caller).order_by("-parked_at", "-id")
    if "uuid" in filters:
        rows = rows.filter(uuid=filters["uuid"])
    return rows.active() if filters.get("active") else rows


class ParkingSpots(MemberList):
    """List where the caller has parked, the last spot first."""

    permission_classes = [CustomerRole]
    serializer_class = ParkingSpotSerializer
    query = SpotQuery
    input_class = SpotInput
    rows = staticmethod(_spots)

    @extend_schema(responses={201: ParkingSpotSerializer})
    def post(self, request: Request) -> JSONResponse:
        """Store where the caller has parked.

        It takes the place of the spot before, which is cleared.
        """
        body = self.read_body()
        vehicle_id, photos = body.pop("vehicle", None), body.pop("photos", [])
        vehicle = None if vehicle_id is None else get_own_vehicle(self.caller, vehicle_id)
        photo = photos[0] if photos else None
        spot = actions.park(caller=self.caller, vehicle=vehicle, photo=photo, now=timezone.now(), **body)
        return JSONResponse(serialize(ParkingSpotSerializer, spot), status=201)


class _OneSpot(MemberView):
    permission_classes = [CustomerRole]
    read = Read(_spots, ParkingSpotSerializer, params_of(_OneQuery))

    def show(self, id: UUID | None) -> JSONResponse:
        """Return the response with the spot as it is stored now."""
        if id is None:
            raise missing(ParkingSpot)
        return JSONResponse(self.read.one(self.caller, {"uuid": id}, missing(ParkingSpot)))


class OneParkingSpot(_OneSpot):
    """Retrieve, update or remove a parking spot."""

    input_class = SpotChanges

    @extend_schema(responses=ParkingSpotSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        """Retrieve a parking spot."""
        return self.show(id)

    @extend_schema(responses=ParkingSpotSerializer)
    def patch(self, request: Request, id: UUID | None) -> JSONResponse:
        """Update a parking spot, for example the end of its time."""
        spot = self.one_of(ParkingSpot, id)
        actions.change_spot(spot=spot, now=timezone.now(), **self.read_body(partial=True))
        return self.show(id)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, id: UUID | None) -> JSONResponse:
        """Remove a parking spot."""
        actions.remove_spot(spot=self.one_of(ParkingSpot, id))
        return JSONResponse(status=204)


class ActiveParkingSpot(MemberView):
    """The caller's present parking spot."""

    permission_classes = [CustomerRole]
    read = Read(_spots, ParkingSpotSerializer, params_of(_OneQuery))

    @extend_schema(responses=ParkingSpotSerializer)
    def get(self, request: Request) -> JSONResponse:
        """Retrieve where the caller has parked.

        Without an active spot the response is 404.
        """
        return JSONResponse(self.read.one(self.caller, {"active": True}, Missing(_NO_SPOT)))


class Cleared(Serializer):
    message = serializers.CharField()


class ClearParkingSpot(MemberView):
    """Clear where the caller has parked."""

    permission_classes = [CustomerRole]

    @extend_schema(request=None, responses=Cleared)
    def post(self, request: Request) -> JSONResponse:
        """Clear where the caller has parked.

        Without an active spot nothing changes.
        """
        actions.clear_spots(caller=self.caller, now=timezone.now())
        return JSONResponse({"message": "Active parking spot cleared"})


urlpatterns = [
    route("parking/", ParkingSpots.as_view()),
    route("parking/active/", ActiveParkingSpot.as_view()),
    route("parking/clear/", ClearParkingSpot.as_view()),
    # Last, because any text can be an id.
    route("parking/<public_id:id>/", OneParkingSpot.as_view()),
]
