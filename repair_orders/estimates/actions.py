"""Send revisions of an estimate, and record what the customer authorised (docs/design, D77).

An answer is to one revision: to exactly the jobs that it showed, with a decision for each. It counts while the order
still has the version that the revision was sent at, so that nothing is approved that was not shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from common.domain import events
from common.domain.errors import DomainError, Invalid
from common.domain.ids import new_uuid
from common.domain.money import to_dollars
from common.domain.transitions import refusal, transition, write_history
from customers.actions import notify
from repair_orders.changes import OverCeiling, changing, lock, settle
from repair_orders.estimates.added_tax import added_to
from repair_orders.estimates.links import ESTIMATES
from repair_orders.estimates.models import Answer, Authorisation, Decision, Estimate, Method
from repair_orders.estimates.snapshot import digest, take_snapshot
from repair_orders.estimates.tasks import mail_estimate
from repair_orders.guards import tell_denied
from repair_orders.models import (
    OPEN_STATUSES,
    REPAIR_ORDER_MACHINE,
    Job,
    JobStatus,
    RepairOrder,
    RepairOrderStatus,
)
from repair_orders.pricing.money import ceiling
from repair_orders.pricing.terms import OverrunTerms, figure_of
from repair_orders.worksheet import Figures, Worksheet


class NothingToSend(Invalid):
    code = "nothing_to_send"
    title = "Nothing to send"
    message = "An estimate needs a proposed job with at least one line."


class ExpiryInThePast(Invalid):
    code = "expiry_in_the_past"
    message = "An estimate must expire after it is sent."


class EstimateChanged(DomainError):
    """The order is not what the revision showed, or the named total is not that of the choice. The fact is `total`."""

    code = "estimate_changed"
    title = "The estimate has changed"
    message = "The estimate has changed since it was shown. Look at the new total and approve that."


class AlreadyAnswered(DomainError):
    code = "already_answered"
    title = "Already answered"

    def __init__(self, authorisation: Authorisation) -> None:
        who = f" by {authorisation.by_name}" if authorisation.by_name else ""
        super().__init__(f"This estimate was answered on {authorisation.at:%Y-%m-%d %H:%M} UTC{who}.")


class Superseded(DomainError):
    code = "superseded"
    title = "A newer estimate was sent"
    message = "A newer revision of this estimate was sent. Answer that one."


class Expired(DomainError):
    code = "expired"
    title = "The estimate has expired"
    message = "This estimate has expired. Ask the shop for a new one."


class UnknownJob(Invalid):
    code = "unknown_job"
    message = "This job is not proposed in the revision."


class NothingToWithdraw(DomainError):
    code = "nothing_to_withdraw"
    title = "Nothing to withdraw"
    message = "Only an authorisation of approved work that has not started can be withdrawn."


@dataclass(frozen=True, slots=True)
class Answerer:
    """The person who answered, and how. `by` is the id of the acting user, `ip` the customer's address."""

    method: str = Method.NOT_RECORDED
    by_name: str = ""
    contact_used: str = ""
    by: int | None = None
    ip: str | None = None
    note: str = ""


def send_estimate(
    *,
    order: RepairOrder,
    by: int | None,
    now: datetime,
    notes: str | None = None,
    expires_at: datetime | None = None,
) -> Estimate:
    """Send the customer a revision of the estimate: all jobs that count, as they are now.

    It supersedes a revision that is not answered. An order in progress stays so, any other becomes pending. Raises
    IllegalTransition, NothingToSend, ExpiryInThePast.
    """
    if expires_at is not None and expires_at <= now:
        raise ExpiryInThePast(field="expires_at")
    with transaction.atomic():
        lock(order)
        estimate = _put_forward(order, "sent", by=by, now=now, notes=notes, expires_at=expires_at)
        notify(
            customer_id=order.customer_id,
            type="REPAIR_ORDER",
            title="Estimate ready",
            message=f"The estimate for repair order {order.pk} is {estimate.total}. Please approve or deny it.",
            now=now,
            is_mailed=False,
        )
        if estimate.sent_to:
            mail_estimate.enqueue(estimate.pk)
    return estimate


def _put_forward(
    order: RepairOrder,
    what: str,
    *,
    by: int | None,
    now: datetime,
    notes: str | None = None,
    expires_at: datetime | None = None,
) -> Estimate:
    """Store a revision of a locked order, which waits for an answer from then on, and record that as `what`."""
    if order.status not in OPEN_STATUSES:
        raise refusal(order, RepairOrderStatus.PENDING)
    before = Worksheet.of(order)
    if not has_work_to_ask(before):
        raise NothingToSend(field="jobs")
    values = {} if notes is None else {"notes": notes}
    if order.status == RepairOrderStatus.IN_PROGRESS:
        RepairOrder.objects.filter(pk=order.pk).update(estimated_at=now, **values)
        order.refresh_from_db()
        write_history(order, by=by, now=now, why=f"estimate {what}")
    else:
        _set_status(
            order, RepairOrderStatus.PENDING, by=by, now=now, estimated_at=now, approved_at=None, **values
        )
    estimate = store_estimate(
        order=order, by=by, now=now, expires_at=expires_at, before=before, is_mailed=what == "sent"
    )
    events.record(
        f"repair_orders.estimate.{what}",
        estimate,
        at=now,
        revision=estimate.revision,
        total=str(estimate.total),
    )
    return estimate


def has_work_to_ask(sheet: Worksheet) -> bool:
    """Return whether a job is proposed that has a line."""
    return any(job.status == JobStatus.PROPOSED and any(job.lines) for job in sheet.jobs)


def store_estimate(
    *,
    order: RepairOrder,
    by: int | None,
    now: datetime,
    expires_at: datetime | None = None,
    before: Worksheet | None = None,
    is_mailed: bool = True,
) -> Estimate:
    """Store a revision of the jobs of a locked order that count, and mark them as sent. It tells nobody.

    `before` is the worksheet before the order changed, if it has. Without `is_mailed` it is for nobody's address.
    """
    revision = Estimate.objects.filter(repair_order=order).count() + 1
    before = before or Worksheet.of(order)
    Job.objects.filter(repair_order=order, pk__in=before.counted).update(sent_in=revision, is_draft=False)
    expires_at = expires_at or now + timedelta(days=settings.ESTIMATE_DAYS)
    sheet = settle(order, before)
    snapshot = take_snapshot(order, sheet, revision=revision, sent_at=now, expires_at=expires_at)
    uuid = new_uuid()
    _, token_hash = ESTIMATES.token_of(uuid)
    contact = order.customer.contact
    return Estimate.objects.create(
        uuid=uuid,
        repair_order=order,
        revision=revision,
        version=order.version,
        sent_at=now,
        sent_by_id=by,
        sent_to=(is_mailed and contact and contact.email) or "",
        expires_at=expires_at,
        snapshot=snapshot,
        digest=digest(snapshot),
        total=Decimal(snapshot["totals"]["total"]),
        token_hash=token_hash,
    )


# --- Answers ----------------------------------------------------------------------------------------------


def get_choice(estimate: Estimate, approved: set[int]) -> Figures:
    """Return the figures of a choice of a revision's proposed jobs, with the jobs that were agreed before it.

    They are computed from the snapshot. Raises UnknownJob.
    """
    sheet = Worksheet.from_snapshot(estimate.snapshot)
    if approved - sheet.proposed:
        raise UnknownJob(field="approve")
    return sheet.figures(sheet.agreed | approved)


def answer(
    *,
    estimate: Estimate,
    decisions: Mapping[int, str],
    answerer: Answerer,
    now: datetime,
    total: Decimal | None = None,
    reason: str = "",
) -> Authorisation:
    """Record the customer's decision for each proposed job of a revision. A job without one is deferred.

    With `total`, it must be that of exactly this choice. If no job of the order is approved or done afterwards, the
    order is denied, with `reason`. Raises Superseded, AlreadyAnswered, Expired, UnknownJob, EstimateChanged,
    IllegalTransition.
    """
    order = estimate.repair_order
    with transaction.atomic():
        lock(order)
        _check_answerable(estimate, now)
        sheet = Worksheet.from_snapshot(estimate.snapshot)
        unknown = set(decisions) - sheet.proposed
        if unknown:
            raise UnknownJob(field="decisions")
        approved = {job for job, decision in decisions.items() if decision == Answer.APPROVED}
        if order.status not in (RepairOrderStatus.PENDING, RepairOrderStatus.IN_PROGRESS):
            raise refusal(order, RepairOrderStatus.APPROVED if approved else RepairOrderStatus.DENIED)
        before = Worksheet.of(order)
        # To decline what has changed since is harmless.
        if approved and order.version != estimate.version:
            raise EstimateChanged(total=before.figures(before.counted).totals.total)
        seen = sheet if order.version == estimate.version else before
        figures = seen.figures(seen.agreed | approved).totals
        if total is not None and total != figures.total:
            raise EstimateChanged(total=figures.total)
        authorisation = Authorisation.objects.create(
            estimate=estimate,
            method=answerer.method,
            by_name=answerer.by_name,
            contact_used=answerer.contact_used,
            # Of the staff who record an answer. A customer answers online.
            taken_by_id=None if answerer.method == Method.ONLINE else answerer.by,
            ip=answerer.ip,
            note=answerer.note,
            at=now,
            total=figures.total,
            net=figures.net,
        )
        events.record(
            "repair_orders.estimate.answered",
            estimate,
            at=now,
            revision=estimate.revision,
            total=str(figures.total),
            approved=len(approved),
        )
        names = {job["id"]: job["name"] for job in estimate.snapshot["jobs"]}
        # The shop may have removed a job since, which leaves nothing to decline.
        rows = {job.pk: job for job in Job.objects.filter(repair_order=order, pk__in=sheet.proposed)}
        for job in sheet.jobs:
            if job.id in rows:
                decision = decisions.get(job.id, Answer.DEFERRED)
                Decision.objects.create(
                    authorisation=authorisation,
                    job_id=job.id,
                    job_name=names[job.id],
                    amount=to_dollars(job.cents),
                    decision=decision,
                )
                rows[job.id].status = decision
                rows[job.id].save(update_fields=["status"])
        if approved:
            _authorise(order, authorisation)
        _follow(order, bool(sheet.agreed | approved), by=answerer.by, now=now, reason=reason)
        settle(order, before, by=answerer.by, now=now)
        tell_denied(order, by=answerer.by, now=now)
    return authorisation


def record_answer(
    *,
    order: RepairOrder,
    decisions: Mapping[int, str],
    answerer: Answerer,
    now: datetime,
    total: Decimal | None = None,
) -> Authorisation:
    """Record the customer's answer to the last revision of an order, or to the order as it is now.

    If no revision waits for an answer, the present one is stored in the same step. The customer was told its figures by
    phone, so nothing is mailed. Raises NothingToSend, AlreadyAnswered, and as `answer` does.
    """
    with transaction.atomic():
        lock(order)
        last = Estimate.objects.filter(repair_order=order).order_by("-revision").first()
        given = _answer_to(last) if last else None
        if last is None or given:
            if given and not has_work_to_ask(Worksheet.of(order)):
                raise AlreadyAnswered(given)
            last = _put_forward(order, "stored", by=answerer.by, now=now)
        last.repair_order = order  # the row of the caller, which an answer changes
        return answer(estimate=last, decisions=decisions, answerer=answerer, now=now, total=total)


def approve(
    *,
    order: RepairOrder,
    by: int | None,
    now: datetime,
    total: Decimal | None = None,
    method: str = Method.NOT_RECORDED,
    by_name: str = "",
    contact_used: str = "",
) -> Authorisation:
    """Approve every proposed job of the last revision sent. `total` is what the whole order costs with them.

    Raises IllegalTransition if none is out, and as `answer` does.
    """
    answerer = Answerer(method, by_name, contact_used, by=by)
    return _answer_all(order, Answer.APPROVED, answerer, now=now, total=total)


def deny(
    *,
    order: RepairOrder,
    by: int | None,
    now: datetime,
    reason: str = "",
    method: str = Method.NOT_RECORDED,
    by_name: str = "",
    contact_used: str = "",
) -> None:
    """Refuse a request for the shop, or decline every proposed job of the last revision sent.

    Raises IllegalTransition, and as `answer` does.
    """
    with transaction.atomic():
        lock(order)
        if order.status != RepairOrderStatus.REQUESTED:
            answerer = Answerer(method, by_name, contact_used, by=by)
            _answer_all(order, Answer.DECLINED, answerer, now=now, reason=reason)
            return
        before = Worksheet.of(order)
        _follow(order, False, by=by, now=now, reason=reason)
        settle(order, before)
        tell_denied(order, by=by, now=now)


def deny_estimate(
    *,
    order: RepairOrder,
    by: int | None,
    now: datetime,
    reason: str = "",
    method: str = Method.NOT_RECORDED,
    by_name: str = "",
    contact_used: str = "",
) -> None:
    """Decline every proposed job of the last revision sent. A request can be denied by the shop only.

    Raises IllegalTransition, and as `answer` does.
    """
    answerer = Answerer(method, by_name, contact_used, by=by)
    _answer_all(order, Answer.DECLINED, answerer, now=now, reason=reason)


def _answer_all(
    order: RepairOrder,
    decision: str,
    answerer: Answerer,
    *,
    now: datetime,
    total: Decimal | None = None,
    reason: str = "",
) -> Authorisation:
    with transaction.atomic():
        lock(order)
        estimate = last_open(order)
        if estimate is None:
            raise refusal(order, decision if decision == Answer.APPROVED else RepairOrderStatus.DENIED)
        return answer(
            estimate=estimate,
            decisions=dict.fromkeys(Worksheet.from_snapshot(estimate.snapshot).proposed, decision),
            answerer=answerer,
            now=now,
            total=total,
            reason=reason,
        )


def withdraw(*, order: RepairOrder, reason: str, by: int | None, now: datetime) -> None:
    """Withdraw the last authorisation of an order whose work has not started. Its jobs are proposed again, as drafts.

    The order is pending then, and what was authorised before counts. Raises NothingToWithdraw, and OverCeiling if the
    jobs that stay approved come to more than that allows.
    """
    with changing(order, by=by, now=now):
        authorisation = standing(order)
        if order.status != RepairOrderStatus.APPROVED or authorisation is None:
            raise NothingToWithdraw
        authorisation.withdrawn_at, authorisation.withdrawn_by_id = now, by
        authorisation.withdrawal_reason = reason
        authorisation.save(update_fields=["withdrawn_at", "withdrawn_by", "withdrawal_reason"])
        given = authorisation.decisions.filter(decision=Answer.APPROVED).values_list("job_id", flat=True)
        for job in Job.objects.filter(pk__in=list(given), status=JobStatus.APPROVED):
            job.status, job.is_draft = JobStatus.PROPOSED, True
            job.save(update_fields=["status", "is_draft"])
        _set_status(order, RepairOrderStatus.PENDING, by=by, now=now, approved_at=None)
        _authorise(order, standing(order))


def standing(order: RepairOrder) -> Authorisation | None:
    """Return the last authorisation that approves a job and is not withdrawn, which sets the ceiling."""
    rows = Authorisation.objects.filter(estimate__repair_order=order, withdrawn_at=None)
    return rows.filter(decisions__decision=Answer.APPROVED).order_by("-estimate__revision").first()


def last_open(order: RepairOrder) -> Estimate | None:
    """Return the last revision of an order if it is not answered."""
    last = Estimate.objects.filter(repair_order=order).order_by("-revision").first()
    if last is None or _answer_to(last):
        return None
    last.repair_order = order  # the row of the caller, which an answer changes
    return last


def _answer_to(estimate: Estimate) -> Authorisation | None:
    return Authorisation.objects.filter(estimate=estimate).first()


def _check_answerable(estimate: Estimate, now: datetime) -> None:
    later = Estimate.objects.filter(repair_order=estimate.repair_order_id, revision__gt=estimate.revision)
    given = _answer_to(estimate)
    if given is not None:
        raise AlreadyAnswered(given)
    if later.exists():
        raise Superseded
    if now >= estimate.expires_at:
        raise Expired


def _authorise(order: RepairOrder, authorisation: Authorisation | None) -> None:
    """Set the authorised figures and the ceiling of an order, or none. Tax that was added since then is in them.

    Raises OverCeiling.
    """
    policy = OverrunTerms.read(order.overrun_terms)
    # The work's amount fits the new ceiling only together with it.
    sheet = Worksheet.of(order)
    basis = policy.basis if policy else "TOTAL"
    work = figure_of(sheet.figures(sheet.agreed).totals, basis)
    values: dict[str, Decimal | None] = {"authorised_total": None, "authorised_net": None, "ceiling": None}
    if authorisation is not None:
        base = authorisation.net if basis == "NET" else authorisation.total
        added = added_to(authorisation)
        most = ceiling(policy, base) + (0 if basis == "NET" else added)
        if work > most:  # by work that was added under the ceiling of a withdrawn authorisation
            raise OverCeiling(most, work)
        values = {
            "authorised_total": authorisation.total + added,
            "authorised_net": authorisation.net,
            "ceiling": most,
        }
    values["work_amount"] = work
    RepairOrder.objects.filter(pk=order.pk).update(**values)
    for name, value in values.items():
        setattr(order, name, value)


def _follow(order: RepairOrder, is_agreed: bool, *, by: int | None, now: datetime, reason: str) -> None:
    """Move the order to the state that follows from an answer: approved if a job is agreed, else denied."""
    if not is_agreed:
        _set_status(order, RepairOrderStatus.DENIED, by=by, now=now, denied_at=now, denial_reason=reason)
    elif order.status == RepairOrderStatus.PENDING:
        _set_status(order, RepairOrderStatus.APPROVED, by=by, now=now, approved_at=now)


def _set_status(order: RepairOrder, to: str, *, by: int | None, now: datetime, **values: object) -> None:
    transition(order, to, machine=REPAIR_ORDER_MACHINE, by=by, now=now, values=values)
