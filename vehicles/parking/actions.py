"""Actions on parking spots (docs/design, D134)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from io import BytesIO
from typing import TypedDict, Unpack

from django.db import transaction

from common.domain.caller import Caller
from common.domain.changes import change_silently
from common.domain.database import lock_name
from common.domain.errors import Invalid
from files.actions import attach, save_file
from vehicles.models import Vehicle
from vehicles.parking.models import ParkingSpot


class EndsInThePast(Invalid):
    code = "parking_ends_in_the_past"
    title = "Time is over"
    message = "The end of the parking time must be in the future."


class SpotValues(TypedDict, total=False):
    """Columns of a parking spot that an action may write."""

    latitude: Decimal
    longitude: Decimal
    address: str
    place: str
    notes: str
    ends_at: datetime | None


def park(
    *,
    caller: Caller,
    now: datetime,
    vehicle: Vehicle | None = None,
    photo: tuple[str, bytes] | None = None,
    **values: Unpack[SpotValues],
) -> ParkingSpot:
    """Store where the caller has parked, in place of the spot before. `photo` is a content type and the bytes.

    Raises EndsInThePast, UnsupportedFileType, UploadQuotaFull, ContentMismatch, StoreUnavailable.
    """
    _check_end(values.get("ends_at"), now)
    upload = None
    if photo is not None:  # stored before the transaction; what is never attached is pruned
        content_type, content = photo
        upload = save_file(
            caller=caller, filename="parking", content_type=content_type, size=len(content),
            content=BytesIO(content), now=now,
        )  # fmt: skip
    with transaction.atomic():
        if upload is not None:
            [upload] = attach(caller=caller, upload_ids=[upload.uuid], now=now)
        _end(caller, now)
        return ParkingSpot.objects.create(
            user_id=caller.user_id, vehicle=vehicle, photo=upload, parked_at=now, **values
        )


def change_spot(*, spot: ParkingSpot, now: datetime, **values: Unpack[SpotValues]) -> None:
    """Change a parking spot. A new end is reminded of anew. Raises EndsInThePast, Missing."""
    ends_at = values.get("ends_at")
    more: dict[str, object] = {}
    if ends_at != spot.ends_at and "ends_at" in values:
        _check_end(ends_at, now)
        more["reminded_at"] = None
    change_silently(spot, **values, **more)  # where a person parks concerns no one else


def remove_spot(*, spot: ParkingSpot) -> None:
    """Remove a parking spot. Its photo stays among the uploads of the user."""
    spot.delete()


def clear_spots(*, caller: Caller, now: datetime) -> None:
    """Clear where the caller has parked. Without a spot it does nothing."""
    with transaction.atomic():
        _end(caller, now)


def _end(caller: Caller, now: datetime) -> None:
    lock_name(f"parking of user {caller.user_id}")
    ParkingSpot.objects.filter(user_id=caller.user_id).active().update(cleared_at=now)


def _check_end(ends_at: datetime | None, now: datetime) -> None:
    if ends_at is not None and ends_at <= now:
        raise EndsInThePast(field="ends_at")
