"""Create and change repair orders, and move them through their states.

Jobs and lines are in `jobs.py`, estimates and answers in `estimates/actions.py`. An action that reads the total locks
the order first, so that the approved or stored total is the total that was read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.referrals import credit_referrals
from appointments.models import Appointment, Location
from appointments.queries import local_time
from common.domain import events
from common.domain.caller import Caller
from common.domain.changes import change, change_silently
from common.domain.errors import DomainError, IllegalTransition, Invalid
from common.domain.money import ten_thousandths
from common.domain.numbers import draw
from common.domain.transitions import refusal, transition, write_history
from common.domain.types import Json
from customers.actions import count_service, notify
from customers.models import Customer, CustomerUser
from files.actions import attach
from repair_orders.changes import changing, lock, settle
from repair_orders.discounts.actions import give_back_rest, take_discounts
from repair_orders.estimates.actions import UnknownJob
from repair_orders.estimates.added_tax import add_tax
from repair_orders.guards import check_reopenable, tell_denied
from repair_orders.jobs import Line, LinesAreFixed
from repair_orders.models import (
    AUTHORISED_STATUSES,
    OPEN_STATUSES,
    REPAIR_ORDER_MACHINE,
    Job,
    JobStatus,
    PartLine,
    PriceSource,
    RepairOrder,
    RepairOrderStatus,
    RepairPhoto,
    ServiceLine,
)
from repair_orders.money import Totals
from repair_orders.parts import take_parts
from repair_orders.pricing.queries import find_exemptions, get_tax_terms
from repair_orders.pricing.terms import take_prices
from repair_orders.time_entries.actions import end_entries
from repair_orders.worksheet import SheetJob, Worksheet
from vehicles.locks import check_in_use, hold_in_use
from vehicles.models import OdometerSource, RecommendationStatus, Vehicle
from vehicles.odometer import read_odometer
from vehicles.schedules.actions import record_work, withdraw_work

ZERO = Decimal("0.00")
TERMS = {"discount_amount", "discount_percent", "tax_percent", "tax_exemption"}
# The permission of each action, in the admin and in the API.
PERMISSIONS = {
    "estimate": "repair_orders.estimate_repairorder",
    "approve": "repair_orders.decide_repairorder",
    "deny": "repair_orders.decide_repairorder",
    "start": "repair_orders.work_repairorder",
    "complete": "repair_orders.work_repairorder",
    "finish_job": "repair_orders.work_repairorder",
    "unfinish_job": "repair_orders.work_repairorder",
    "stop": "repair_orders.decide_repairorder",
    "reopen": "repair_orders.reopen_repairorder",
    "withdraw": "repair_orders.withdraw_repairorder",
}


class LocationIsFixed(DomainError):
    code = "location_is_fixed"
    title = "Location is fixed"
    message = "The location of an order can change only until its first estimate is sent."


class FinishInstead(DomainError):
    code = "finish_instead"
    title = "Some work is done"
    message = "A job of this order is done. Complete the order with it instead of stopping it."


class NothingToComplete(DomainError):
    code = "nothing_to_complete"
    title = "Nothing to complete"
    message = "No job of this order is approved or done. Stop the order instead."


class AppointmentHasOrder(DomainError):
    """The appointment has a repair order. The facts are its id and its number."""

    code = "appointment_has_order"
    title = "Appointment has a repair order"

    def __init__(self, order: RepairOrder) -> None:
        text = f"This appointment has repair order {order.reference}."
        super().__init__(text, repair_order_id=order.pk, number=order.number)


class WrongAppointment(Invalid):
    code = "wrong_appointment"
    message = "The appointment is of another vehicle."


class WrongComeback(Invalid):
    code = "wrong_comeback"
    message = "A comeback is of a completed order of the same vehicle."


class TaxedAndExempt(Invalid):
    """A percentage above 0 and a certificate of exemption were given together."""

    code = "taxed_and_exempt"
    title = "Taxed and exempt"
    message = "An order with a certificate of exemption has no tax. Give a percentage of 0, or an empty certificate."


class ExemptionExpired(DomainError):
    """The certificate by which an order has no tax is not valid today. The fact is the tax in dollars."""

    code = "exemption_expired"
    title = "The exemption has expired"
    message = "The customer's exemption from tax is not valid today. Record a new certificate, or take the tax again."


class PhotoIsTaken(DomainError):
    code = "photo_is_taken"
    title = "Photo already used"
    message = "This photo belongs to another repair order. Upload it again to use it here."


def request_repair(
    *,
    customer: Customer,
    vehicle: Vehicle,
    description: str,
    now: datetime,
    photos: Sequence[UUID] = (),
    by: Caller | None = None,
    location: Location | None = None,
    appointment: Appointment | None = None,
    comeback_of: RepairOrder | None = None,
    **terms: object,
) -> RepairOrder:
    """Create a requested repair order for one of the customer's vehicles in use.

    `photos` are UUIDs of uploads of `by`, the acting login. An upload belongs to one repair order. The order is of the
    location named, else of its appointment's, else of the default one. It takes the prices of that location as they
    are today, and the discount of the customer's plan. `comeback_of` is the completed order whose work is done again.
    `terms` are further columns, such as notes, discounts, or a tax percentage that wins over the location's and the
    customer's exemption. Raises VehicleNotOfCustomer, NoCustomerRecord, WrongAppointment, WrongComeback,
    TaxedAndExempt, AppointmentHasOrder, PhotoIsTaken and the errors of `files.actions.attach`.
    """
    terms = follow_tax(terms)
    check_in_use(vehicle=vehicle, customer=customer)
    if appointment is not None and appointment.vehicle_id != vehicle.pk:
        raise WrongAppointment(field="appointment")
    _check_comeback(comeback_of, vehicle.pk)
    location = location or (appointment.location if appointment else _default_location())
    prices = _present_prices(location, customer, now)
    # The check of stored files may be slow, so it runs before the transaction.
    uploads = attach(caller=by, upload_ids=photos, now=now) if by and photos else []
    try:
        with transaction.atomic():
            hold_in_use(vehicle=vehicle, customer=customer)
            order = RepairOrder.objects.create(
                customer=customer,
                vehicle=vehicle,
                location=location,
                number=draw(f"repair_order:{location.pk}") if location else None,
                appointment=appointment,
                comeback_of=comeback_of,
                description=description,
                created_at=now,
                **{**prices, **terms},
            )
            RepairPhoto.objects.bulk_create(
                RepairPhoto(repair_order=order, upload=upload) for upload in uploads
            )
            events.record("repair_orders.repairorder.created", order, at=now)
            take_discounts(order, by=by.user_id if by else None, now=now)
    except IntegrityError as error:
        if RepairPhoto.objects.filter(upload__in=uploads).exists():
            raise PhotoIsTaken(field="photos") from error
        taken = appointment and RepairOrder.objects.filter(appointment=appointment).first()
        if taken:
            raise AppointmentHasOrder(taken) from error
        raise
    return order


def _check_comeback(comeback_of: RepairOrder | None, vehicle_id: int) -> None:
    if comeback_of is None:
        return
    if comeback_of.vehicle_id != vehicle_id or comeback_of.status != RepairOrderStatus.COMPLETED:
        raise WrongComeback(field="comeback_of_id")


def _default_location() -> Location | None:
    return Location.objects.filter(is_default=True).first()


def _present_prices(location: Location | None, customer: Customer, now: datetime) -> Json:
    day = local_time(location, now).date() if location else now.date()
    return take_prices(location=location, customer=customer, day=day)


def change_order(*, order: RepairOrder, version: int | None = None, **fields: object) -> None:
    """Change the words of an order at any time, and its terms while it is open.

    Discounts and tax can change without a new answer as long as the approved jobs stay within the ceiling. Raises
    LinesAreFixed, LocationIsFixed, OverCeiling, StaleVersion, TaxedAndExempt, TotalTooLarge, WrongComeback.
    """
    fields = follow_tax(fields)
    with changing(order, version=version):
        if TERMS & set(fields) and order.status not in OPEN_STATUSES:
            raise LinesAreFixed
        earlier = fields.get("comeback_of")
        if isinstance(earlier, RepairOrder):
            _check_comeback(earlier, order.vehicle_id)
        location = fields.get("location")
        if "location" in fields and location != order.location:
            fields = _move(order, location) | fields  # a tax that is given wins over the location's
        change(order, **fields)


def follow_tax(given: Json) -> Json:
    """Return columns of an order that were given, with what follows from its tax: an exempt order has none.

    A percentage above 0 ends the exemption, and a certificate sets the percentage to 0. Raises TaxedAndExempt.
    """
    percent, certificate = given.get("tax_percent"), given.get("tax_exemption")
    if percent and certificate:
        raise TaxedAndExempt(field="tax_percent")
    if percent:
        return given | {"tax_exemption": ""}
    return given | {"tax_percent": Decimal(0)} if certificate else given


def _move(order: RepairOrder, location: object) -> Json:
    """Return the columns of an order that change with its location, which is fixed by the first estimate."""
    assert isinstance(location, Location)
    if order.estimates.exists() or order.status not in OPEN_STATUSES:
        raise LocationIsFixed
    day = local_time(location, order.created_at).date()
    prices = take_prices(location=location, customer=order.customer, day=day)
    return {**prices, "location": location, "number": draw(f"repair_order:{location.pk}")}


def retax(*, order: RepairOrder, now: datetime, by: int | None = None, version: int | None = None) -> None:
    """Take the tax, an exemption, the fees and the overrun of the order's location again, as they are today.

    Of an order with a ceiling the overrun stays, because the customer agreed to that one. Tax that a higher rate adds
    raises what was authorised. Raises LinesAreFixed, OverCeiling, StaleVersion.
    """
    with changing(order, version=version) as before:
        if order.status not in OPEN_STATUSES:
            raise LinesAreFixed
        prices = _present_prices(order.location, order.customer, now)
        if order.ceiling is None:
            change(order, **prices)
            return
        del prices["overrun_terms"]
        change(order, **prices)
        add_tax(order=order, before=before, after=Worksheet.of(order), now=now)


def _agreed(sheet: Worksheet) -> Totals:
    return sheet.figures(sheet.agreed).totals


def start(*, order: RepairOrder, by: int | None, now: datetime) -> None:
    """Start the work on an approved order. Raises IllegalTransition."""
    with transaction.atomic():
        lock(order)
        if order.status != RepairOrderStatus.APPROVED:  # a completed order is reopened, not started
            raise refusal(order, RepairOrderStatus.IN_PROGRESS)
        _set_status(order, RepairOrderStatus.IN_PROGRESS, by=by, now=now, started_at=now)


def finish_job(*, job: Job, by: int | None, now: datetime, received: bool = False) -> None:
    """Finish an approved job of an order in progress: its parts leave the shelf, and its running clocks stop.

    With `received` missing pieces are booked as received first. Raises IllegalTransition, PartNeeded.
    """
    with changing(job.repair_order, by=by, now=now) as sheet:
        job.refresh_from_db(fields=["status"])
        if job.repair_order.status != RepairOrderStatus.IN_PROGRESS or job.status != JobStatus.APPROVED:
            raise IllegalTransition("Only an approved job of an order in progress can be finished.")
        take_parts(_of_sheet(sheet, [job]), received=received, by=by, now=now)
        _set_job(job, JobStatus.DONE)
        events.record("repair_orders.job.done", job, at=now)
        end_entries([job], by=by, now=now)


def unfinish_job(*, job: Job, by: int | None, now: datetime) -> None:
    """Take back that a job of an order in progress is done: it is approved again.

    Its parts come back to the shelf and are reserved again, and its recommendation is quoted again. Clocks stay
    stopped. Raises IllegalTransition, StockTooLarge.
    """
    with changing(job.repair_order, by=by, now=now):
        job.refresh_from_db(fields=["status"])
        if job.repair_order.status != RepairOrderStatus.IN_PROGRESS or job.status != JobStatus.DONE:
            raise IllegalTransition("Only a job of an order in progress that is done can be taken back.")
        _set_job(job, JobStatus.APPROVED)
        events.record("repair_orders.job.not_done", job, at=now)


def complete(
    *,
    order: RepairOrder,
    by: int | None,
    now: datetime,
    jobs: Collection[int] | None = None,
    received: bool = False,
    odometer: Decimal | None = None,
) -> None:
    """Complete an order: finish its approved jobs, store its total, count the service and notify the customer.

    `jobs` are the ids of the approved jobs to finish, None for all. Their parts are taken off the shelf. With
    `received` missing pieces are booked as received first. The other approved jobs are declined, proposed ones are
    deferred. Running clocks stop. The first completed order of a customer also credits the referrals of its logins.
    `odometer` is read in miles and is the order's odometer out, which its invoice prints.
    Raises IllegalTransition, UnknownJob, NothingToComplete, ExemptionExpired, OverCeiling, PartNeeded, and the errors
    of `read_odometer`.
    """
    with transaction.atomic():
        if odometer is not None:  # the vehicle is locked before the order (D25)
            read_odometer(
                vehicle=order.vehicle,
                miles=odometer,
                by=by,
                now=now,
                source=OdometerSource.CHECK_OUT,
                field="odometer",
            )
        lock(order)
        if order.status != RepairOrderStatus.IN_PROGRESS:
            raise refusal(order, RepairOrderStatus.COMPLETED)
        before = Worksheet.of(order)
        _end_jobs(order, before, jobs, received=received, by=by, now=now)
        done = Worksheet.of(order)
        if not done.agreed:
            raise NothingToComplete
        _check_exemption(order, done, now)
        figures = _agreed(done)
        _set_status(
            order,
            RepairOrderStatus.COMPLETED,
            by=by,
            now=now,
            completed_at=now,
            total_cost=figures.total,
        )
        settle(order, before, by=by, now=now)
        give_back_rest(order, by=by, now=now)
        if odometer is not None:
            change_silently(order, odometer_out=odometer)
        _record_work(order, now)
        if not order.is_credited and figures.total:
            RepairOrder.objects.filter(pk=order.pk).update(is_credited=True)
            order.is_credited = True
            count_service(customer_id=order.customer_id, now=now)
            _credit_first_order(order, by=by, now=now)
        notify(
            customer_id=order.customer_id,
            type="REPAIR_ORDER",
            title="Repair completed",
            message=f"Repair order {order.pk} is completed. Your total is {order.total_cost}.",
            now=now,
        )


def _record_work(order: RepairOrder, now: datetime) -> None:
    """Record the finished jobs in the service schedules of the vehicle."""
    jobs = Job.objects.filter(repair_order=order, status=JobStatus.DONE).in_order()
    record_work(
        vehicle=order.vehicle,
        jobs=list(jobs.values_list("canned_job_id", "name")),
        source=_source_of(order),
        miles=order.odometer_out or order.odometer_in,
        now=now,
    )


def _source_of(order: RepairOrder) -> str:
    return f"repair_order:{order.pk}"


def _check_exemption(order: RepairOrder, sheet: Worksheet, now: datetime) -> None:
    """Let an exempt order have a certificate that is valid today, which its invoice prints.

    One that replaces an expired one takes its place. Without any the order takes the rate of today, which taxes no line
    of it. Raises ExemptionExpired if it does.
    """
    if not order.tax_exemption or order.location is None:
        return
    day = local_time(order.location, now).date()
    if find_exemptions(order.customer, order.location, day).filter(number=order.tax_exemption).exists():
        return
    present = get_tax_terms(customer=order.customer, location=order.location, day=day)
    terms = replace(sheet.terms, tax_percent=ten_thousandths(present.percent))
    tax = _agreed(replace(sheet, terms=terms)).tax
    if tax:
        raise ExemptionExpired(tax=str(tax))
    number = present.exemption.number if present.exemption else ""
    change(order, tax_percent=present.percent, tax_exemption=number)


def _end_jobs(
    order: RepairOrder,
    sheet: Worksheet,
    wanted: Collection[int] | None,
    *,
    received: bool,
    by: int | None,
    now: datetime,
) -> None:
    """Finish the approved jobs that are wanted, decline the other approved ones, and defer what is proposed."""
    approved = Job.objects.filter(repair_order=order, status=JobStatus.APPROVED).in_order()
    if wanted is not None and set(wanted) - {job.pk for job in approved}:
        raise UnknownJob("Only approved jobs of this order can be finished.", field="jobs")
    finished = [job for job in approved if wanted is None or job.pk in wanted]
    take_parts(_of_sheet(sheet, finished), received=received, by=by, now=now)
    for job in approved:
        _set_job(job, JobStatus.DONE if wanted is None or job.pk in wanted else JobStatus.DECLINED)
    end_entries(approved, by=by, now=now)
    _defer_proposed(order)


def _of_sheet(sheet: Worksheet, jobs: Iterable[Job]) -> list[SheetJob]:
    by_id = {job.id: job for job in sheet.jobs}
    return [by_id[job.pk] for job in jobs]


def stop(*, order: RepairOrder, reason: str, by: int | None, now: datetime) -> None:
    """Stop the work of an order for the customer: it is denied. Approved jobs are declined, proposed ones deferred.

    Running clocks stop. Raises IllegalTransition, FinishInstead.
    """
    with transaction.atomic():
        lock(order)
        if order.status not in AUTHORISED_STATUSES:
            raise refusal(order, RepairOrderStatus.DENIED)
        before = Worksheet.of(order)
        if any(job.status == JobStatus.DONE for job in before.jobs):
            raise FinishInstead
        approved = Job.objects.filter(repair_order=order, status=JobStatus.APPROVED).in_order()
        for job in approved:
            _set_job(job, JobStatus.DECLINED)
        end_entries(approved, by=by, now=now)
        _defer_proposed(order)
        _set_status(order, RepairOrderStatus.DENIED, by=by, now=now, denied_at=now, denial_reason=reason)
        settle(order, before, by=by, now=now)
        tell_denied(order, by=by, now=now)


def reopen(*, order: RepairOrder, reason: str, by: int | None, now: datetime) -> None:
    """Reopen a completed order: its finished jobs are approved again. History keeps the reason.

    Raises IllegalTransition, OrderIsInvoiced.
    """
    with transaction.atomic():
        lock(order)
        before = Worksheet.of(order)
        if order.status != RepairOrderStatus.COMPLETED:
            raise refusal(order, RepairOrderStatus.IN_PROGRESS)
        check_reopenable(order, now)
        _set_status(order, RepairOrderStatus.IN_PROGRESS, by=by, now=now, completed_at=None, total_cost=None)
        write_history(order, by=by, now=now, why=f"reopened: {reason}")
        for job in Job.objects.filter(repair_order=order, status=JobStatus.DONE):
            _set_job(job, JobStatus.APPROVED)
        settle(order, before, by=by, now=now)
        withdraw_work(source=_source_of(order))


def copy_order(*, order: RepairOrder, by: int | None, now: datetime) -> RepairOrder:
    """Return a new requested order of the same vehicle with the same jobs and lines, all proposed.

    Tax and fees are those of today. Raises VehicleNotOfCustomer, NoCustomerRecord.
    """
    with transaction.atomic():
        copied = request_repair(
            customer=order.vehicle.customer,
            vehicle=order.vehicle,
            description=order.description,
            now=now,
            location=order.location,
            notes=order.notes,
            discount_amount=order.discount_amount,
            discount_percent=order.discount_percent,
            po_number=order.po_number,
        )
        _copy_jobs(order, copied)
    return copied


def come_back(
    *, order: RepairOrder, by: int | None, now: datetime, jobs: Collection[int] | None = None
) -> RepairOrder:
    """Return a new order of the same vehicle in which finished jobs of a completed order are done again for nothing.

    `jobs` are the ids of the finished jobs, None for all. Their lines have the price 0.00 and keep their cost. The new
    order has no fees. Raises IllegalTransition, UnknownJob, VehicleNotOfCustomer, NoCustomerRecord.
    """
    with transaction.atomic():
        order.refresh_from_db()  # not locked: the vehicle is locked below, and comes before orders (D25)
        if order.status != RepairOrderStatus.COMPLETED:
            raise IllegalTransition("Only a completed order can have a comeback.")
        done = Job.objects.filter(repair_order=order, status=JobStatus.DONE).values_list("pk", flat=True)
        wanted = set(done) if jobs is None else set(jobs)
        if wanted - set(done):
            raise UnknownJob("Only finished jobs of this order can be done again.", field="jobs")
        again = request_repair(
            customer=order.vehicle.customer,
            vehicle=order.vehicle,
            description=order.description,
            now=now,
            location=order.location,
            comeback_of=order,
            po_number=order.po_number,
            fee_terms=[],
        )
        _copy_jobs(order, again, wanted, is_free=True)
    return again


def _copy_jobs(
    order: RepairOrder, copied: RepairOrder, wanted: Collection[int] | None = None, *, is_free: bool = False
) -> None:
    """Copy jobs of an order with their lines, all proposed. `wanted` are the ids of the jobs, None for all."""
    with changing(copied):
        lines_of: dict[int | None, list[Line]] = {}
        sold: list[Line] = [
            *PartLine.objects.filter(repair_order=order).in_order(),
            *ServiceLine.objects.filter(repair_order=order).in_order(),
        ]
        for line in sold:
            lines_of.setdefault(line.job_id, []).append(line)
        copies: dict[int, PartLine] = {}
        for job in Job.objects.filter(repair_order=order).select_related("recommendation").in_order():
            if wanted is not None and job.pk not in wanted:
                continue
            lines = lines_of.get(job.pk, [])
            job.pk, job.repair_order, job.technician = None, copied, None
            job.status, job.sent_in, job.is_draft = JobStatus.PROPOSED, None, True
            job.cause = job.correction = ""
            if job.recommendation and job.recommendation.status != RecommendationStatus.OPEN:
                job.recommendation = None  # the work is done, sold or dismissed
            job._state.adding = True
            job.save()
            for line in lines:
                if is_free:
                    _waive(line)
                if isinstance(line, PartLine):
                    # A core charge has a higher id than its part.
                    line.core_of = copies[line.core_of_id] if line.core_of_id else None
                    copies[line.pk] = line
                line.pk, line.repair_order, line.job = None, copied, job
                line._state.adding = True
                line.save()


def _waive(line: Line) -> None:
    """Set the price of a line to 0.00. Its cost stays."""
    if isinstance(line, PartLine):
        line.unit_price = ZERO
    elif line.hours is not None:
        line.rate = ZERO
    line.amount, line.price_source, line.price_rule = ZERO, PriceSource.TYPED, ""


def _defer_proposed(order: RepairOrder) -> None:
    for job in Job.objects.filter(repair_order=order, status=JobStatus.PROPOSED):
        _set_job(job, JobStatus.DEFERRED)


def _set_job(job: Job, status: str) -> None:
    job.status = status
    job.save(update_fields=["status"])


def _credit_first_order(order: RepairOrder, *, by: int | None, now: datetime) -> None:
    """Credit the referrals of the customer's logins, if this is the customer's first completed order."""
    completed = RepairOrder.objects.filter(customer_id=order.customer_id, status=RepairOrderStatus.COMPLETED)
    if not completed.exclude(pk=order.pk).exists():
        logins = CustomerUser.objects.filter(customer_id=order.customer_id)
        credit_referrals(friends=logins.values_list("user_id", flat=True), by=by, now=now)


def _set_status(order: RepairOrder, to: str, *, by: int | None, now: datetime, **values: object) -> None:
    transition(order, to, machine=REPAIR_ORDER_MACHINE, by=by, now=now, values=values)
