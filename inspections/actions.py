"""Start an inspection, record its findings, finish it, and put findings on the estimate (docs/design, D101).

Every action locks the order, so that its state, the inspection and the recommendations of the vehicle fit together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TypedDict, Unpack
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max

from appointments.models import Technician
from common.domain import events
from common.domain.caller import Caller, Role
from common.domain.changes import change_silently
from common.domain.errors import DomainError, Invalid, Missing
from common.domain.history import acting_user
from common.domain.transitions import write_history
from files.actions import attach
from files.models import Upload
from inspections.models import (
    ADVISED,
    PHOTO_TYPES,
    Finding,
    FindingPhoto,
    Inspection,
    Template,
    TemplateItem,
)
from inspections.recommended import concern_of, follow_finding, recommendation_of
from repair_orders import jobs
from repair_orders.changes import lock
from repair_orders.models import OPEN_STATUSES, Job, RepairOrder

# The permission of each action, in the admin and in the API.
PERMISSIONS = {
    "start_inspection": "inspections.add_inspection",
    "finish": "inspections.change_inspection",
    "add_finding": "inspections.change_inspection",
    "add_to_estimate": "repair_orders.change_repairorder",
}
MAX_PHOTOS = 10  # of a finding
_WORDS = ("rating", "value", "note")
# One number, or several of one item, such as "4.5/5" of two pads.
_MEASURED = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?( ?/ ?[+-]?[0-9]+(\.[0-9]+)?)*")


class OrderIsClosed(DomainError):
    code = "order_is_closed"
    title = "The order is closed"
    message = "An inspection belongs to an open order. This order is completed or denied."


class TemplateNotListed(Invalid):
    code = "template_not_listed"
    message = "This template is not offered any more. Choose another one."


class TemplateIsEmpty(Invalid):
    code = "template_is_empty"
    message = "This template has no items."


class AlreadyStarted(DomainError):
    """The order has an unfinished inspection with this name. The fact is its id."""

    code = "inspection_already_started"
    title = "Already started"


class InspectionIsFinished(DomainError):
    code = "inspection_is_finished"
    title = "The inspection is finished"
    message = "This inspection is finished and does not change. Start another one."


class StillUnrated(DomainError):
    """Some items have no rating. The fact `open` has their names."""

    code = "still_unrated"
    title = "Some items are not rated"

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"Not rated yet: {', '.join(names)}.", open=names)


class TooManyPhotos(Invalid):
    code = "too_many_photos"
    message = f"A finding can have at most {MAX_PHOTOS} photos."


class WrongPhotoType(Invalid):
    code = "wrong_photo_type"
    message = f"A photo must be one of {', '.join(PHOTO_TYPES)}."


class NotMeasured(Invalid):
    """The value of an item with a unit is not a number."""

    code = "value_not_a_number"
    message = "Write the value as a number, such as 1.5."

    def __init__(self, unit: str) -> None:
        super().__init__(f"Write the {unit} as a number, such as 1.5.", field="value")


class PhotoOfAnother(DomainError):
    code = "photo_of_another_finding"
    title = "Photo already used"
    message = "This photo belongs to another finding. Upload it again to use it here."


class NothingAdvised(DomainError):
    code = "nothing_advised"
    title = "Nothing to do"
    message = "Only a finding that is red or yellow goes on the estimate."


class AlreadyOnEstimate(DomainError):
    """The finding has a job on the order. The fact is its id."""

    code = "already_on_estimate"
    title = "Already on the estimate"


class FindingValues(TypedDict, total=False):
    """`photos` are the uuids of all photos of the finding. Those that are left out are taken off."""

    rating: str | None
    value: str
    note: str
    photos: Sequence[UUID]


def start_inspection(
    *, order: RepairOrder, template: Template, technician: Technician | None, by: int | None, now: datetime
) -> Inspection:
    """Start an inspection of the vehicle of an open order, with a copy of the template's items.

    Raises OrderIsClosed, AlreadyStarted, TemplateNotListed, TemplateIsEmpty.
    """
    if not template.is_listed:
        raise TemplateNotListed(field="template_id")
    with transaction.atomic():
        _lock_open(order)
        items = list(TemplateItem.objects.filter(template=template).in_order())
        if not items:
            raise TemplateIsEmpty(field="template_id")
        started = Inspection.objects.filter(repair_order=order, name=template.name, finished_at=None).first()
        if started is not None:
            raise AlreadyStarted(
                f"{started.name} of this order is started and not finished.", inspection_id=started.pk
            )
        inspection = Inspection.objects.create(
            repair_order=order, name=template.name, technician=technician, started_at=now
        )
        _copy_items(inspection, items, by=by, now=now)
        events.record("inspections.inspection.started", inspection, at=now, repair_order_id=order.pk)
    return inspection


def record_finding(
    *, finding: Finding, by: int | None, now: datetime, **values: Unpack[FindingValues]
) -> None:
    """Record what was found about an item. The same again changes nothing.

    A red or yellow finding makes or updates the recommendation of its item, a green one dismisses it. The value of an
    item with a unit is a number. Raises OrderIsClosed, InspectionIsFinished, NotMeasured, TooManyPhotos,
    WrongPhotoType, PhotoOfAnother and the errors of `files.actions.attach`.
    """
    photos = values.pop("photos", None)
    # The check of stored files may be slow, so it runs before the transaction.
    added = None if photos is None else _attach(finding, photos, by=by, now=now)
    with transaction.atomic(), _changing(finding.inspection) as order:
        _read_again(finding)
        before = {name: getattr(finding, name) for name in _WORDS}
        after = {**before, **values}
        if after["value"] != before["value"]:
            _check_measured(after["value"].strip(), finding.unit)
        follows = {}
        if after != before:
            follows["recommendation"] = follow_finding(order, finding, **after)
        is_changed = change_silently(finding, **values, **follows)
        if photos is not None and added is not None:
            is_changed |= _set_photos(finding, photos, added)
        if is_changed:
            events.record("inspections.finding.changed", finding, at=now, rating=finding.rating)


def add_finding(
    *,
    inspection: Inspection,
    name: str,
    rating: str,
    by: int | None,
    now: datetime,
    note: str = "",
    photos: Sequence[UUID] = (),
) -> Finding:
    """Add what was found beside the items of the template, after the other findings, and return it.

    The same name again records the one that is there. Raises what `record_finding` raises.
    """
    with transaction.atomic():
        with _changing(inspection):
            rows = Finding.objects.filter(inspection=inspection)
            finding = rows.filter(item=None, name__iexact=name).in_order().first()
            if finding is None:
                last = rows.aggregate(last=Max("position"))["last"] or 0
                finding = Finding.objects.create(inspection=inspection, position=last + 1, name=name)
        values: FindingValues = {"rating": rating}
        if note:
            values["note"] = note
        if photos:
            values["photos"] = photos
        record_finding(finding=finding, by=by, now=now, **values)
    return finding


def finish_inspection(*, inspection: Inspection, by: int | None, now: datetime, anyway: bool = False) -> None:
    """Finish an inspection, which the customer sees from then on.

    Every item has a rating, or `anyway` is true. Raises OrderIsClosed, InspectionIsFinished, StillUnrated.
    """
    with transaction.atomic(), _changing(inspection) as order:
        unrated = Finding.objects.filter(inspection=inspection, rating=None).in_order()
        names = list(unrated.values_list("name", flat=True))
        if names and not anyway:
            raise StillUnrated(names)
        Inspection.objects.filter(pk=inspection.pk).update(finished_at=now)
        inspection.finished_at = now
        write_history(inspection, by=by, now=now, why="finished")
        events.record(
            "inspections.inspection.finished",
            inspection,
            at=now,
            repair_order_id=order.pk,
            customer_id=order.customer_id,
        )


def add_to_estimate(*, finding: Finding, by: int | None, now: datetime, version: int | None = None) -> Job:
    """Add a proposed job for a red or yellow finding to its order, and return it. It is a draft until it is sent.

    It has the lines of the canned job of the item, if the item names one. Raises NothingAdvised, AlreadyOnEstimate,
    OrderIsClosed, and as `repair_orders.jobs.add_recommended_job` does.
    """
    inspection = finding.inspection
    with transaction.atomic():
        order = inspection.repair_order
        _lock_open(order)
        _read_again(finding)
        if finding.rating not in ADVISED:
            raise NothingAdvised
        if finding.job_id is not None:
            raise AlreadyOnEstimate("This finding has a job on the order.", job_id=finding.job_id)
        recommendation = recommendation_of(order, finding)
        if recommendation is None:
            raise NothingAdvised
        canned = finding.item.canned_job if finding.item else None
        words = {}
        if concern := concern_of(value=finding.value, unit=finding.unit, note=finding.note):
            words["concern"] = concern
        if canned is None:
            words["name"] = finding.name
        job = jobs.add_recommended_job(
            order=order, recommendation=recommendation, canned=canned, version=version, **words
        )
        change_silently(finding, job=job, recommendation=recommendation)
    return job


# --- Parts of the above -------------------------------------------------------------------------------------


def _lock_open(order: RepairOrder) -> None:
    """Lock an order until the transaction ends, and read it again. Raises OrderIsClosed."""
    lock(order)
    if order.status not in OPEN_STATUSES:
        raise OrderIsClosed


@contextmanager
def _changing(inspection: Inspection) -> Iterator[RepairOrder]:
    """Lock the order of an unfinished inspection, and yield it. Raises OrderIsClosed, InspectionIsFinished."""
    order = inspection.repair_order
    _lock_open(order)
    inspection.refresh_from_db(fields=["finished_at"])
    if inspection.finished_at is not None:
        raise InspectionIsFinished
    yield order


def _read_again(finding: Finding) -> None:
    finding.refresh_from_db(fields=[*_WORDS, "item", "recommendation", "job"])


def _check_measured(value: str, unit: str) -> None:
    """Raise NotMeasured if the value of an item with a unit is not a number. A value that is stored may stay."""
    if unit and value and not _MEASURED.fullmatch(value):
        raise NotMeasured(unit)


def _copy_items(
    inspection: Inspection, items: Sequence[TemplateItem], *, by: int | None, now: datetime
) -> None:
    findings = Finding.objects.bulk_create(
        Finding(
            inspection=inspection,
            item=item,
            position=position,
            group=item.group,
            name=item.name,
            unit=item.unit,
        )
        for position, item in enumerate(items, start=1)
    )
    Finding.history.bulk_history_create(findings, default_user=acting_user(by), default_date=now)


def _attach(finding: Finding, photos: Sequence[UUID], *, by: int | None, now: datetime) -> dict[UUID, Upload]:
    """Attach the uploads among `photos` that the finding does not have yet. They are the acting user's own."""
    if len(photos) > MAX_PHOTOS:
        raise TooManyPhotos(field="photos")
    stored = set(FindingPhoto.objects.filter(finding=finding).values_list("upload__uuid", flat=True))
    wanted = [uuid for uuid in photos if uuid not in stored]
    if not wanted:
        return {}
    caller = Caller(Role.TECHNICIAN, by or 0, None)  # of whom only the id is asked
    try:
        if Upload.objects.of_owner(caller, wanted).exclude(content_type__in=PHOTO_TYPES).exists():
            raise WrongPhotoType
        customer_id = finding.inspection.repair_order.customer_id
        uploads = attach(caller=caller, upload_ids=wanted, customer_id=customer_id, now=now)
    except DomainError as error:
        error.field = "photos"
        raise
    return {upload.uuid: upload for upload in uploads}


def _set_photos(finding: Finding, photos: Sequence[UUID], added: dict[UUID, Upload]) -> bool:
    """Make `photos` the photos of the finding, and return whether they differ. One that is left out stays an upload.

    Raises PhotoOfAnother, and Missing if a photo was taken off meanwhile.
    """
    present = {photo.upload.uuid: photo for photo in _photos_of(finding)}
    for uuid, photo in present.items():
        if uuid not in photos:
            photo.delete()
    for uuid in dict.fromkeys(photos):
        if uuid in present:
            continue
        if uuid not in added:
            raise Missing("Photo not found.", field="photos")
        try:
            with transaction.atomic():
                FindingPhoto.objects.create(finding=finding, upload=added[uuid])
        except IntegrityError as error:
            raise PhotoOfAnother(field="photos") from error
    return present.keys() != set(photos)


def _photos_of(finding: Finding) -> list[FindingPhoto]:
    return list(FindingPhoto.objects.filter(finding=finding).select_related("upload").in_order())
