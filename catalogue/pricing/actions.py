"""Add, change and remove price matrices and canned jobs, each with its bands or lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, models, transaction

from catalogue.pricing.models import CannedJob, CannedLineKind, PriceMatrix
from common.domain import events
from common.domain.changes import change_silently
from common.domain.database import violates
from common.domain.defaults import check_removable, settle_default
from common.domain.errors import Invalid
from common.domain.types import AnyQuerySet, Json, Values

# What a line may have beside its kind, by kind.
_OF_KIND: Mapping[str, frozenset[str]] = {
    CannedLineKind.PART: frozenset({"part_id", "quantity"}),
    CannedLineKind.LABOUR: frozenset({"service_id", "name", "hours", "amount"}),
    CannedLineKind.SUBLET: frozenset({"name", "amount", "cost"}),
}
_EMPTY: Json = {
    "part_id": None,
    "service_id": None,
    "name": "",
    "quantity": None,
    "hours": None,
    "amount": None,
    "cost": None,
}


class MatrixNameTaken(Invalid):
    code = "price_matrix_name_taken"
    message = "A price matrix with this name already exists."


class WrongBand(Invalid):
    code = "wrong_band"
    title = "Wrong band"


class CannedJobNameTaken(Invalid):
    code = "canned_job_name_taken"
    message = "A canned job with this name already exists."


class WrongLine(Invalid):
    code = "wrong_line"
    title = "Wrong line"


def save_matrix(
    matrix: PriceMatrix,
    *,
    bands: Sequence[Values] | None = None,
    is_default: bool | None = None,
    **fields: object,
) -> PriceMatrix:
    """Create a price matrix, or change a stored one. `bands`, if given, replace those that it has.

    The first matrix is the default. Raises MatrixNameTaken, WrongBand, DefaultIsNeeded.
    """
    if bands is not None:
        _check_bands(bands)
    others = PriceMatrix.objects.exclude(pk=matrix.pk)
    try:
        with transaction.atomic():
            is_new, is_changed = matrix._state.adding, False
            if is_new:
                is_default = settle_default(matrix, others, wanted=is_default)
                is_default = settle_default(matrix, others, wanted=is_default)
                matrix = PriceMatrix.objects.create(**fields, is_default=is_default)
                events.record_new(matrix)
            else:
                if is_default is not None:
                    fields["is_default"] = settle_default(matrix, others, wanted=is_default)
                is_changed = change_silently(matrix, **fields)
            if bands is not None:
                wanted = [{"multiplier": None, "margin": None, **band} for band in bands]
                replaced = _replace(matrix.bands.all(), wanted, key="from_cost", owner={"matrix": matrix})
                is_changed |= replaced and not is_new
            if is_changed:
                events.record_change(matrix)
    except IntegrityError as error:
        if violates(error, PriceMatrix, "price_matrix_name_once"):
            raise MatrixNameTaken(field="name") from error
        raise
    return matrix


def make_default_matrix(*, matrix: PriceMatrix, by: int | None = None, now: datetime | None = None) -> None:
    """Make a matrix the default one."""
    save_matrix(matrix, is_default=True)


def remove_matrix(matrix: PriceMatrix) -> None:
    """Remove a matrix with its bands. Raises DefaultStays."""
    with transaction.atomic():
        check_removable(matrix, PriceMatrix.objects.exclude(pk=matrix.pk))
        events.record_removal(matrix)
        matrix.delete()


def save_canned_job(job: CannedJob, *, lines: Sequence[Values] | None = None, **fields: object) -> CannedJob:
    """Create a canned job, or change a stored one. `lines`, if given, replace those that it has, in their order.

    A line names an existing part or service by its id. Raises CannedJobNameTaken, WrongLine.
    """
    if lines is not None:
        _check_lines(lines)
    try:
        with transaction.atomic():
            is_new = job._state.adding
            if is_new:
                job = CannedJob.objects.create(**fields)
                events.record_new(job)
            is_changed = not is_new and change_silently(job, **fields)
            if lines is not None:
                wanted = [{**_EMPTY, **line, "position": n} for n, line in enumerate(lines, 1)]
                replaced = _replace(job.lines.all(), wanted, key="position", owner={"canned_job": job})
                is_changed |= replaced and not is_new
            if is_changed:
                events.record_change(job)
    except IntegrityError as error:
        if violates(error, CannedJob, "canned_job_name_once"):
            raise CannedJobNameTaken(field="name") from error
        raise
    return job


def remove_canned_job(job: CannedJob) -> None:
    """Remove a canned job. Orders that have copied it keep their lines."""
    with transaction.atomic():
        events.record_removal(job)
        job.delete()


def _replace(stored: AnyQuerySet, wanted: Sequence[Values], *, key: str, owner: Values) -> bool:
    """Delete, change and create rows so that those of `owner` are `wanted`. History shows only what differs.

    Return whether anything does.
    """
    present: dict[Any, models.Model] = {getattr(row, key): row for row in stored.select_for_update()}
    kept = {values[key] for values in wanted}
    is_changed = kept != present.keys()
    for value, row in present.items():
        if value not in kept:
            row.delete()
    for values in wanted:
        if values[key] in present:
            is_changed |= change_silently(present[values[key]], **values)
        else:
            stored.model._default_manager.create(**owner, **values)
    return is_changed


def _check_bands(bands: Sequence[Values]) -> None:
    begins: dict[object, int] = {}
    for number, band in enumerate(bands):
        if (band.get("multiplier") is None) == (band.get("margin") is None):
            raise WrongBand("Enter a multiplier or a margin, not both.", field=f"bands[{number}].multiplier")
        first = begins.setdefault(band["from_cost"], number)
        if first != number:
            raise WrongBand(
                f"Another band begins at {band['from_cost']}.", field=f"bands[{number}].from_cost"
            )


def _check_lines(lines: Sequence[Values]) -> None:
    for number, line in enumerate(lines):
        found = _fault_of(line)
        if found:
            name, text = found
            raise WrongLine(text, field=f"lines[{number}].{name}")


def _fault_of(line: Values) -> tuple[str, str] | None:
    """Return the name of a value that does not fit the line's kind and a message, or None."""
    kind = line["kind"]
    given = {name for name, empty in _EMPTY.items() if line.get(name, empty) != empty}
    for name in _EMPTY:
        if name in given - _OF_KIND[kind]:
            return name, f"A {kind} line has no {name.removesuffix('_id')}."
    if kind == CannedLineKind.PART:
        needed = ("part_id", "quantity")
    elif kind == CannedLineKind.SUBLET:
        needed = ("name", "amount")
    elif {"service_id", "name"} <= given:
        return "name", "A labour line has a service or a name, not both."
    elif "service_id" in given:
        return None
    elif "name" not in given:
        return "service_id", "A labour line needs a service or a name."
    elif not given & {"hours", "amount"}:
        return "hours", "A labour line with a name needs hours or an amount."
    else:
        return None
    lacking = next((name for name in needed if name not in given), None)
    if lacking is None:
        return None
    return (lacking, f"Enter the {lacking.removesuffix('_id')} of a {kind} line.")
