"""Add, change, propose and remove the jobs of a repair order, and their lines (docs/design, D75, D76).

A proposed job can change while its order is open. An approved job can change up to the ceiling, which `settle` holds.
The lines of declined, deferred and finished jobs are fixed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias, TypedDict, Unpack, cast

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import Max, ProtectedError

from appointments.models import Technician
from catalogue.models import Part, Service
from catalogue.placeholders import typed_part, typed_service
from catalogue.pricing.models import CannedJob
from catalogue.pricing.queries import find_lines, get_price
from common.domain import events
from common.domain.changes import change, change_as
from common.domain.errors import DomainError, Invalid, Missing
from common.domain.money import half_up, to_dollars
from repair_orders.changes import LARGEST_TOTAL, TotalTooLarge, changing, lock
from repair_orders.cores import add_core, check_no_core, follow_part
from repair_orders.models import (
    EDITABLE_STATUSES,
    OPEN_STATUSES,
    Job,
    JobStatus,
    PartLine,
    PriceSource,
    RepairOrder,
    ServiceLine,
)
from repair_orders.money import line_amount
from repair_orders.pricing.models import LabourRate
from repair_orders.pricing.queries import get_labour_rate
from repair_orders.recommended import canned_job_of
from repair_orders.worksheet import PART
from vehicles.models import Recommendation
from vehicles.recommendations import check_open, hold_recommendations, words_of

Line: TypeAlias = PartLine | ServiceLine
# The job into which the parts and services of an order go that name no job.
FIRST_JOB = "Repair"
_OPEN_JOBS = (JobStatus.PROPOSED, JobStatus.APPROVED)


class LinesAreFixed(DomainError):
    """The lines belong to a job that is answered or finished, or to an order that is not open."""

    code = "lines_are_fixed"
    title = "Not possible in this state"
    message = "Lines can change only while the order is requested or pending."


class JobIsFixed(LinesAreFixed):
    """The job is declined, deferred or done, or its order is closed."""

    message = "Lines can change only in a proposed or an approved job of an open order."


class JobIsAnswered(DomainError):
    code = "job_is_answered"
    title = "Job is answered"
    message = "This job was sent and answered. It stays on the order."


class NotProposable(DomainError):
    code = "not_proposable"
    title = "Job cannot be proposed"
    message = "Only a declined or deferred job of an open order can be proposed again."


class WrongRecommendation(Invalid):
    code = "wrong_recommendation"
    message = "The recommendation is of another vehicle."


class PriceIsNeeded(Invalid):
    code = "price_is_needed"
    message = "Give a price: the catalogue has none for this line."


class WrongLabourRate(Invalid):
    code = "wrong_labour_rate"
    message = "This labor rate is of another location. Choose one of the order's location."


class JobWords(TypedDict, total=False):
    name: str
    concern: str
    cause: str
    correction: str
    technician: Technician | None


def add_job(
    *,
    order: RepairOrder,
    name: str,
    concern: str = "",
    technician: Technician | None = None,
    version: int | None = None,
    takes_first: bool = True,
) -> Job:
    """Add a proposed job to an open order. It is a draft until it is sent. Raises LinesAreFixed, StaleVersion.

    With `takes_first` it takes the place of the job that a check-in made for the customer's words, if it is untouched.
    """
    with changing(order, version=version):
        _check_open(order)
        first = _find_first(order) if takes_first else None
        if first is None:
            return _create_job(order, name=name, concern=concern, technician=technician)
        change(first, name=name, concern=concern or first.concern)
        return first


def add_canned_job(
    *,
    order: RepairOrder,
    canned: CannedJob,
    technician: Technician | None = None,
    version: int | None = None,
    takes_first: bool = True,
    **words: str,
) -> Job:
    """Add a canned job to an open order, with a copy of its lines at today's prices.

    `takes_first` is that of `add_job`. Raises LinesAreFixed, OverCeiling, PriceIsNeeded, StaleVersion, TotalTooLarge.
    """
    with changing(order, version=version):
        _check_open(order)
        job = _find_first(order) if takes_first else None
        if job is None:
            words = {"name": canned.name, "concern": canned.concern, **words}
            job = _create_job(order, **words, canned_job=canned, technician=technician)
        else:
            words = {"name": canned.name, "concern": job.concern, **words}
            change(job, **words, canned_job=canned)
        lines = find_lines(canned.pk)
        is_typed = any(given.part is None and given.service is None for given in lines)
        typed = typed_service() if is_typed else None
        for given in lines:
            line: Line
            if given.part is not None:
                line = PartLine(part=given.part, quantity=given.quantity or Decimal(1))
            else:
                line = ServiceLine(
                    service=given.service or typed,
                    kind=given.kind,
                    name=given.name,
                    hours=given.hours,
                    amount=given.amount,
                    cost=given.cost,
                )
            line.job, line.repair_order = job, order
            fill(line, order, is_typed=given.part is None and given.service is None)
            _store(line)
    return job


def add_recommended_job(
    *,
    order: RepairOrder,
    recommendation: Recommendation,
    canned: CannedJob | None = None,
    version: int | None = None,
    **words: str,
) -> Job:
    """Add a job for an open recommendation of the order's vehicle, which follows the job's state from now on.

    It has the lines of `canned`, else of the canned job that the recommendation is about, if there still is one, else
    none. Raises WrongRecommendation, RecommendationIsClosed, RecommendationIsQuoted, and as `add_canned_job` does.
    """
    if recommendation.vehicle_id != order.vehicle_id:
        raise WrongRecommendation(field="recommendation_id")
    with transaction.atomic():
        lock(order)
        hold_recommendations(order.vehicle_id)
        check_open(recommendation)
        canned = canned or canned_job_of(recommendation)
        if canned is not None:
            job = add_canned_job(
                order=order, canned=canned, technician=None, version=version, takes_first=False, **words
            )
        else:
            name, concern = words_of(recommendation)
            words = {"name": name, "concern": concern, **words}
            job = add_job(order=order, technician=None, version=version, takes_first=False, **words)
        job.recommendation = recommendation
        job.save(update_fields=["recommendation"])
    return job


def change_job(*, job: Job, **words: Unpack[JobWords]) -> None:
    """Change the words and the technician of a job. They do not raise the order's version."""
    change(job, **words)


def remove_job(*, job: Job, version: int | None = None) -> None:
    """Remove a proposed job with its lines. Raises LinesAreFixed, JobIsAnswered, StaleVersion."""
    with changing(job.repair_order, version=version):
        job = _present(job)
        if job.status != JobStatus.PROPOSED or job.repair_order.status not in OPEN_STATUSES:
            raise JobIsFixed
        events.record_removal(job)
        try:
            job.delete()
        except ProtectedError as error:  # by a decision
            raise JobIsAnswered from error


def propose(*, job: Job, version: int | None = None) -> None:
    """Propose a declined or deferred job again. It is a draft until it is sent. Raises NotProposable, StaleVersion."""
    with changing(job.repair_order, version=version):
        job = _present(job)
        is_open = job.repair_order.status in OPEN_STATUSES
        if not is_open or job.status not in (JobStatus.DECLINED, JobStatus.DEFERRED):
            raise NotProposable
        change_as(job, "proposed", status=JobStatus.PROPOSED, is_draft=True)


# --- Lines ------------------------------------------------------------------------------------------------


class By(TypedDict, total=False):
    """The acting user's id and the time, which moves on the shelf need, and the version of the order that was seen."""

    by: int | None
    now: datetime
    version: int | None


def add_part_line(*, job: Job, part: Part | None, given: By, **fields: Any) -> PartLine:
    """Add a part to a job. Without `part` it is a typed line, which needs a name.

    An empty price comes from the price matrix if a cost is given, else from the catalogue. A cost that is not given is
    the catalogue's. A part with a core charge brings it as a second line. Raises JobIsFixed, OverCeiling,
    PriceIsNeeded, StaleVersion, TotalTooLarge.
    """
    line = PartLine(part=part or typed_part(), **fields)
    _add(job, line, given, is_typed=part is None, typed=fields)
    return line


def add_service_line(
    *, job: Job, service: Service | None, given: By, labour_rate: LabourRate | None = None, **fields: Any
) -> ServiceLine:
    """Add labour or sublet work to a job. Without `service` it is a typed line, which needs a name.

    The amount is hours × rate, where an empty rate is `labour_rate` or the location's default, or flat, or the
    catalogue's. Raises JobIsFixed, OverCeiling, PriceIsNeeded, StaleVersion, TotalTooLarge, WrongLabourRate.
    """
    line = ServiceLine(service=service or typed_service(), **fields)
    if labour_rate is not None:
        _take_rate(line, labour_rate, job.repair_order)
    _add(job, line, given, is_typed=service is None, typed=fields)
    return line


def change_line(*, line: Line, given: By, **fields: object) -> None:
    """Change a line of a job, and count its amount anew. A core charge follows its part.

    A flat amount of labour takes the place of hours and rate, and the other way round. `labour_rate` among the fields
    gives the rate. Raises CoreFollowsPart, WrongLabourRate, and as `add_part_line` does.
    """
    order = line.repair_order
    with changing(order, **given):
        _open_line(line, order)
        _change(line, order, fields)


def change_lines_of_jobs(
    *, order: RepairOrder, changes: Sequence[tuple[Line, Mapping[str, object]]], given: By
) -> None:
    """Change several lines of an order's jobs, as `change_line` does, in one step.

    The ceiling holds what they come to together. An error of one of them has its index as `item`.
    """
    with changing(order, **given):
        jobs = Job.objects.in_bulk([line.job_id for line, _ in changes if line.job_id is not None])
        work = [line for line, _ in changes if isinstance(line, ServiceLine)]
        services = Service.objects.in_bulk([line.service_id for line in work])
        for item, (line, fields) in enumerate(changes):
            try:
                _open_line(line, order, jobs)
                if isinstance(line, ServiceLine):
                    line.service = services[line.service_id]
                _change(line, order, fields)
            except DomainError as error:
                error.item = item
                raise


def _change(line: Line, order: RepairOrder, fields: Mapping[str, object]) -> None:
    check_no_core(line)
    for name, value in fields.items():
        if name != "labour_rate":
            setattr(line, name, value)
    if isinstance(line, PartLine):
        if "unit_price" in fields:
            line.price_source, line.price_rule = PriceSource.TYPED, ""
        line.amount = line_amount(line.quantity, line.unit_price)
    elif {"amount", "hours", "rate", "labour_rate"} & set(fields):
        if "amount" in fields:
            line.hours = line.rate = None
        else:
            line.amount = None  # counted below
        if "labour_rate" in fields:
            _take_rate(line, cast("LabourRate", fields["labour_rate"]), order)
        elif {"amount", "rate"} & set(fields):
            line.price_source, line.price_rule = PriceSource.TYPED, ""
        # Otherwise more hours at the location's rate are still at that rate.
        _price_work(line, order, is_typed=line.service.is_placeholder)
    _check_amount(line)
    _store(line)
    events.record_change(line, **_amount_of(line))


def remove_line_of_job(*, line: Line, given: By) -> None:
    """Remove a line from a job, a part with its core charge.

    Raises Missing, JobIsFixed, CoreFollowsPart, StaleVersion.
    """
    order = line.repair_order
    with changing(order, **given):
        _open_line(line, order)
        check_no_core(line)
        events.record_removal(line, **_amount_of(line))
        line.delete()


def _add(job: Job, line: Line, given: By, *, is_typed: bool, typed: Collection[str]) -> None:
    order = job.repair_order
    with changing(order, **given):
        job = _open_job(job)
        line.job, line.repair_order = job, order
        fill(line, order, is_typed=is_typed, typed=typed)
        _store(line)
        events.record_new(line, **_amount_of(line))


def _amount_of(line: Line) -> dict[str, str | int | None]:
    return {"job_id": line.job_id, "amount": str(line.amount)}


def _store(line: Line) -> None:
    """Save a line. A new part brings its core charge, which follows it from then on."""
    is_new = line._state.adding
    line.save()
    if isinstance(line, PartLine):
        if is_new:
            add_core(line, line.part)
        else:
            follow_part(line)


# --- Orders whose lines name no job -----------------------------------------------------------------------


def add_part(*, order: RepairOrder, part: Part, quantity: Decimal | int = 1) -> PartLine:
    """Add a part at its catalogue price to the first proposed job. Raises LinesAreFixed, TotalTooLarge."""
    line = PartLine(part=part, quantity=Decimal(quantity))
    change_lines(order=order, save=[line])
    return line


def add_service(*, order: RepairOrder, service: Service) -> ServiceLine:
    """Add a service at its catalogue price to the first proposed job. Raises LinesAreFixed, TotalTooLarge."""
    line = ServiceLine(service=service)
    change_lines(order=order, save=[line])
    return line


def remove_line(*, order: RepairOrder, model: type[PartLine] | type[ServiceLine], line_id: int) -> None:
    """Remove a line from an order that is requested or pending. Raises Missing, LinesAreFixed, CoreFollowsPart."""
    with changing(order):
        line = model._default_manager.filter(repair_order=order, job__isnull=False, pk=line_id).first()
        if line is None:
            raise Missing(f"{model._meta.verbose_name} not found.".capitalize())
        _check_editable(order, line)
        check_no_core(line)
        events.record_removal(line, **_amount_of(line))
        line.delete()


def change_lines(*, order: RepairOrder, save: Iterable[Line] = (), remove: Iterable[Line] = ()) -> None:
    """Save and delete lines of an order that is requested or pending, in one transaction.

    A line without a job goes to the first proposed job, which is made if there is none. Empty values are filled from
    the catalogue. Raises LinesAreFixed, TotalTooLarge.
    """
    with changing(order):
        _check_editable(order)
        for line in remove:
            _check_editable(order, line)
            check_no_core(line)
            events.record_removal(line, **_amount_of(line))
            line.delete()
        for line in save:
            check_no_core(line)
            line.repair_order = order
            if line.job_id is None:
                line.job = _first_proposed(order)
            _check_editable(order, line)
            fill(line, order, is_typed=False)
            is_new = line._state.adding
            _store(line)
            (events.record_new if is_new else events.record_change)(line, **_amount_of(line))


def _first_proposed(order: RepairOrder) -> Job:
    job = Job.objects.filter(repair_order=order, status=JobStatus.PROPOSED).in_order().first()
    return job or _create_job(order, name=FIRST_JOB)


def _check_editable(order: RepairOrder, line: Line | None = None) -> None:
    if order.status not in EDITABLE_STATUSES or (line and line.job and line.job.status != JobStatus.PROPOSED):
        raise LinesAreFixed


# --- Values of a line -------------------------------------------------------------------------------------


def fill(line: Line, order: RepairOrder, *, is_typed: bool, typed: Collection[str] = ()) -> None:
    """Fill the empty values of a new line from the catalogue, and count its amount. The line keeps them.

    Those that are named in `typed` stay as they are: no warranty is one.
    """
    article: Part | Service = line.part if isinstance(line, PartLine) else line.service
    if not is_typed:
        for name in ("name", "description", "part_number", "manufacturer", "warranty_months"):
            if (
                name not in typed
                and hasattr(line, name)
                and hasattr(article, name)
                and not getattr(line, name)
            ):
                setattr(line, name, getattr(article, name))
    if getattr(line, "taxable", None) is None:
        line.taxable = _is_taxable(line, order) and (is_typed or article.taxable)
    _price(line, order, is_typed=is_typed)
    if isinstance(line, PartLine) and line._state.adding and not is_typed and "unit_cost" not in typed:
        # After the price, because only an entered cost takes the price matrix.
        line.unit_cost = line.unit_cost if line.unit_cost is not None else _cost_of(line.part)


def _cost_of(part: Part) -> Decimal | None:
    """Return the cost of a piece in the catalogue, half up to the cent."""
    cost = part.unit_cost  # four places
    return None if cost is None else to_dollars(half_up(int(cost.scaleb(4)), 100))


def _price(line: Line, order: RepairOrder, *, is_typed: bool = False) -> None:
    """Fill an empty price and count the amount. Raises PriceIsNeeded, TotalTooLarge."""
    if isinstance(line, PartLine):
        _price_part(line, is_typed=is_typed)
    else:
        _price_work(line, order, is_typed=is_typed)
    _check_amount(line)


def _check_amount(line: Line) -> None:
    if line.amount > LARGEST_TOTAL:
        raise TotalTooLarge(field="quantity")


def _price_part(line: PartLine, *, is_typed: bool) -> None:
    # The cost of a stored line may be the catalogue's, which takes no matrix.
    takes_matrix = line._state.adding or line.price_source == PriceSource.MATRIX
    if line.unit_price is not None:
        line.price_source, line.price_rule = PriceSource.TYPED, ""
    elif takes_matrix and line.unit_cost is not None and (price := get_price(line.unit_cost)) is not None:
        line.unit_price, line.price_rule = price
        line.price_source = PriceSource.MATRIX
    elif not is_typed:
        line.unit_price, line.price_source = line.part.unit_price, PriceSource.CATALOGUE
    else:
        raise PriceIsNeeded(field="unit_price")
    line.amount = line_amount(line.quantity, line.unit_price)


def _price_work(line: ServiceLine, order: RepairOrder, *, is_typed: bool) -> None:
    if line.hours is not None and line.rate is None and line.amount is None:
        rate = get_labour_rate(order.location) if order.location else None
        if rate is None and order.location:
            text = f"{order.location} has no labor rate. Give a price, or have a manager set the rate."
            raise PriceIsNeeded(text, field="rate")
        if rate is None:
            raise PriceIsNeeded(field="rate")
        _take_rate(line, rate, order)
    elif (line.rate is not None or line.amount is not None) and line.price_source != PriceSource.RATE:
        line.price_source, line.price_rule = PriceSource.TYPED, ""
    if line.hours is not None and line.rate is not None:
        line.amount = line_amount(line.hours, line.rate)
    elif line.amount is None and line.hours is None and line.rate is None and not is_typed:
        line.amount, line.price_source = line.service.labor_cost, PriceSource.CATALOGUE
    if line.amount is None:
        if line.rate is not None:
            raise PriceIsNeeded("Give the hours at this rate.", field="hours")
        raise PriceIsNeeded(field="amount")


def _take_rate(line: ServiceLine, rate: LabourRate, order: RepairOrder) -> None:
    """Give a line a labour rate by its name. Raises WrongLabourRate."""
    if rate.location_id != order.location_id:
        raise WrongLabourRate(field="labour_rate_id")
    line.rate, line.price_source, line.price_rule = rate.per_hour, PriceSource.RATE, rate.name


def _is_taxable(line: Line, order: RepairOrder) -> bool:
    """Return whether this kind of line is taxed, by the rule that the order has taken."""
    return (PART if isinstance(line, PartLine) else line.kind) in order.taxed_kinds


# --- Jobs -------------------------------------------------------------------------------------------------


def _find_first(order: RepairOrder) -> Job | None:
    """Return the job that a check-in made for the customer's words, if it is untouched and the order has no other."""
    jobs = list(Job.objects.filter(repair_order=order)[:2])
    if len(jobs) != 1:
        return None
    [job] = jobs
    is_made = job.name == FIRST_JOB and job.concern and job.status == JobStatus.PROPOSED
    is_used = job.sent_in or _is_given(job) or job.recommendation_id or job.cause or job.correction
    if not is_made or is_used or job.part_lines.exists() or job.service_lines.exists():
        return None
    return job


def _is_given(job: Job) -> bool:
    """Return whether the job was given to another technician than the one with whom it was made."""
    return job.technician_id is not None and job.history.earliest().technician_id != job.technician_id


def _create_job(
    order: RepairOrder,
    *,
    name: str,
    concern: str = "",
    canned_job: CannedJob | None = None,
    technician: Technician | None = None,
) -> Job:
    last = Job.objects.filter(repair_order=order).aggregate(last=Max("position"))["last"] or 0
    job = Job.objects.create(
        repair_order=order,
        position=last + 1,
        name=name,
        concern=concern,
        canned_job=canned_job,
        technician=technician,
    )
    events.record_new(job)
    return job


def _check_open(order: RepairOrder) -> None:
    if order.status not in OPEN_STATUSES:
        raise JobIsFixed


def _present(job: Job) -> Job:
    """Return the stored row of a job. Raises Missing."""
    order = job.repair_order
    found = Job.objects.filter(pk=job.pk).first()
    if found is None:
        raise Missing("Job not found.")
    found.repair_order = order
    return found


def _open_job(job: Job) -> Job:
    """Return the stored row of a job whose lines can change. Raises Missing, JobIsFixed."""
    job = _present(job)
    if job.status not in _OPEN_JOBS or job.repair_order.status not in OPEN_STATUSES:
        raise JobIsFixed
    return job


def _open_line(line: Line, order: RepairOrder, jobs: Mapping[int, Job] | None = None) -> None:
    """Read a line of the locked order again. Raises Missing, and JobIsFixed if it cannot change.

    `jobs` are rows that were read already.
    """
    try:
        line.refresh_from_db()
    except ObjectDoesNotExist:
        raise Missing("Line not found.") from None
    assert line.job_id is not None  # a fee is of no job, and no line that a job has
    job = (jobs or {}).get(line.job_id) or line.job
    assert job is not None
    job.repair_order = order
    line.job = _open_job(job)
