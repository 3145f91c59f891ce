"""Changes of an order with their authors, the newest first, from the history rows (docs/design, D23)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import User
from common.domain.types import AnyQuerySet
from desk.order.bench import Bench
from desk.order.sheet import plain
from inspections.models import Inspection
from repair_orders.estimates.models import Answer, Method
from repair_orders.models import Job, JobStatus, PartLine, RepairOrder, ServiceLine
from repair_orders.time_entries.models import TimeEntry, hours_of

READ = 40  # rows of each history that are read, which is constant however long it is
SHOWN = 10
EARLIER = 60  # entries in all, of which the others can be unfolded
_LINE_COLUMNS = {
    "quantity": "quantity",
    "unit_price": "price",
    "hours": "hours",
    "rate": "rate",
    "amount": "amount",
}
_ORDER_COLUMNS = {
    "discount_amount": "discount",
    "discount_percent": "discount",
    "tax_percent": "tax",
    "po_number": "PO number",
    "promised_at": "promised time",
    "key_tag": "key tag",
    "advisor_id": "advisor",
    "description": "problem",
    "notes": "notes",
}
_JOB_COLUMNS = {"name": "name", "concern": "concern", "cause": "cause", "correction": "correction"}


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened: what in bold, the rest, who and when."""

    at: datetime
    what: str
    rest: str = ""
    by: str = ""
    tone: str = ""


def entries_of(
    bench: Bench, limit: int = SHOWN, *, with_inspections: bool = True, with_money: bool = True
) -> list[Entry]:
    """Return what happened to an order, its vehicle and its money. Costs six queries beyond what the page has read."""
    found = [*_changes(bench), *_clocked(bench)]
    if with_inspections:
        found += _inspected(bench)
    if with_money:
        found += [*_invoiced(bench), *_paid(bench)]
    return _newest(found)[:limit]


def changed_by(bench: Bench) -> Entry | None:
    """Return the last change of an order's rows."""
    return next(iter(_newest(_changes(bench))), None)


def _newest(found: Iterable[Entry]) -> list[Entry]:
    return sorted(found, key=lambda entry: entry.at, reverse=True)


def _changes(bench: Bench) -> Iterator[Entry]:
    yield from _steps(bench)
    yield from _jobs(bench)
    yield from _lines(bench, PartLine)
    yield from _lines(bench, ServiceLine)
    yield from _answered(bench)
    yield from _sent(bench)


def _rows(model: Any, **of: object) -> list[Any]:
    rows: AnyQuerySet = model.history.filter(**of).select_related("history_user")
    return list(rows.order_by("-history_date", "-history_id")[:READ])


def name_of(user: User | None) -> str:
    if user is None:
        return ""
    return f"{user.first_name} {user.last_name}".strip() or user.email or ""


def _steps(bench: Bench) -> Iterator[Entry]:
    for row, before in _pairs(_rows(RepairOrder, id=bench.order.pk)):
        by, reason = name_of(row.history_user), row.history_change_reason or ""
        status = reason.removeprefix("status: ").replace("_", " ") if reason.startswith("status: ") else ""
        if row.history_type == "+":
            yield Entry(row.history_date, "Order opened", by=by)
        elif status and status != "pending":  # a revision that was sent has an entry of its own
            tone = {"approved": "ok", "completed": "ok", "denied": "warn"}.get(status, "")
            yield Entry(row.history_date, status.capitalize(), by=by, tone=tone)
        elif reason.startswith("discount "):
            what, _, name = reason.partition(": ")
            yield Entry(row.history_date, what.capitalize(), f": {name}", by)
        elif reason.startswith("reopened"):
            yield Entry(row.history_date, reason.capitalize(), by=by, tone="warn")
        elif before is not None and not reason:
            words = [label for column, label in _ORDER_COLUMNS.items() if _differ(before, row, column)]
            if words:
                yield Entry(row.history_date, "Order changed", f": {', '.join(words)}", by)


def _rows_of(bench: Bench, model: Any) -> Iterator[tuple[Any, Any]]:
    """Yield history rows with the row before each, None where that was not read."""
    yield from _pairs(_rows(model, repair_order_id=bench.order.pk))


def _pairs(rows: list[Any]) -> Iterator[tuple[Any, Any]]:
    later: dict[int, Any] = {}
    for row in rows:
        if (after := later.get(row.id)) is not None:
            yield after, row
        later[row.id] = row
    yield from ((row, None) for row in later.values())


def _jobs(bench: Bench) -> Iterator[Entry]:
    for row, before in _rows_of(bench, Job):
        name = f"Job {row.position}"
        by = name_of(row.history_user)
        if row.history_type == "+":
            yield Entry(row.history_date, f"{name} added", f": {row.name}", by)
        elif row.history_type == "-":
            yield Entry(row.history_date, f"{name} removed", f": {row.name}", by, "warn")
        elif before is not None and before.status != row.status:
            if row.status == JobStatus.DONE:
                yield Entry(row.history_date, f"{name} done", f": {row.name}", by, "ok")
            elif row.status == JobStatus.PROPOSED:
                yield Entry(row.history_date, f"{name} proposed again", "", by)
        elif before is not None:
            words = [label for column, label in _JOB_COLUMNS.items() if _differ(before, row, column)]
            if before.technician_id != row.technician_id:
                words.append("technician")
            if words:
                yield Entry(row.history_date, f"{name} changed", f": {', '.join(words)}", by)


def _lines(bench: Bench, model: Any) -> Iterator[Entry]:
    for row, before in _rows_of(bench, model):
        by = name_of(row.history_user)
        if getattr(row, "core_of_id", None) or getattr(row, "kind", "") == "fee":
            continue  # they follow
        if row.history_type == "+":
            yield Entry(row.history_date, f"{row.name} added", f", {row.amount:,}", by)
        elif row.history_type == "-":
            yield Entry(row.history_date, f"{row.name} removed", f", {row.amount:,}", by, "warn")
        elif before is not None:
            words = [
                f"{label} {_text(getattr(before, column))} → {_text(getattr(row, column))}"
                for column, label in _LINE_COLUMNS.items()
                if hasattr(row, column) and _differ(before, row, column)
            ]
            if words:
                yield Entry(row.history_date, f"{row.name} changed", f": {', '.join(words)}", by, "warn")


def _differ(before: Any, after: Any, column: str) -> bool:
    return bool(getattr(before, column) != getattr(after, column))


def _text(value: Any) -> str:
    return "none" if value is None else plain(value)


def _sent(bench: Bench) -> Iterator[Entry]:
    for estimate in bench.estimates:
        to = f" to {estimate.sent_to}" if estimate.sent_to else ", not mailed"
        what = f"Revision {estimate.revision} {'read out' if estimate.is_read_out else 'sent'}"
        yield Entry(estimate.sent_at, what, f"{to}, ${estimate.total:,}", name_of(estimate.sent_by), "sent")
        if estimate.mailed_at:
            what = f"The mail server took revision {estimate.revision}"
            yield Entry(estimate.mailed_at, what, "", "", "sent")


def _answered(bench: Bench) -> Iterator[Entry]:
    for answer in bench.answers:
        words = []
        for decision in (Answer.APPROVED, Answer.DECLINED, Answer.DEFERRED):
            names = [row.job_name for row in answer.decisions.all() if row.decision == decision]
            if names:
                words.append(f"{decision.label}: {', '.join(names)}")
        method = Method(answer.method).label.lower()
        yield Entry(
            answer.at,
            f"Answered {method}",
            f"{f' by {answer.by_name}' if answer.by_name else ''}, ${answer.total:,}. {'. '.join(words)}",
            name_of(answer.taken_by),
            "ok" if any(row.decision == Answer.APPROVED for row in answer.decisions.all()) else "warn",
        )
        if answer.withdrawn_at:
            yield Entry(
                answer.withdrawn_at, "Authorization withdrawn", f": {answer.withdrawal_reason}", "", "warn"
            )


# --- The vehicle and the money --------------------------------------------------------------------------------


def _clocked(bench: Bench) -> Iterator[Entry]:
    """Yield the check-in, the time on jobs, and the handing over of the keys."""
    if bench.order.checked_in_at is not None:
        yield Entry(bench.order.checked_in_at, "Vehicle taken in")
    rows = TimeEntry.objects.filter(job__repair_order=bench.order).select_related("technician", "job")
    for row in rows.order_by("-started", "-id")[:READ]:
        hours = hours_of(row.started, row.ended)
        name = f"Job {row.job.position}"
        if row.ended is None:
            yield Entry(row.started, "Clock started", f": {name}", str(row.technician))
        else:
            yield Entry(row.ended, "Clock stopped", f": {name}, {hours:,} hours", str(row.technician))
    if bench.exit is not None:
        unpaid = f", ${bench.exit.balance:,} unpaid: {bench.exit.override}" if bench.exit.balance else ""
        yield Entry(bench.exit.at, "Vehicle out", unpaid, name_of(bench.exit.by), "warn" if unpaid else "ok")


def _inspected(bench: Bench) -> Iterator[Entry]:
    rows = Inspection.objects.filter(repair_order=bench.order).select_related("technician")
    for row in rows.order_by("-started_at", "-id")[:READ]:
        by = str(row.technician) if row.technician else ""
        if row.finished_at is None:
            yield Entry(row.started_at, "Inspection begun", f": {row.name}", by)
        else:
            yield Entry(row.finished_at, "Inspection finished", f": {row.name}", by, "ok")


def _invoiced(bench: Bench) -> Iterator[Entry]:
    for invoice in bench.invoices:
        what = f"Invoice {invoice.number} issued"
        yield Entry(invoice.issued_at, what, f", ${invoice.total:,}", name_of(invoice.issued_by), "sent")
    for note in bench.credit_notes:
        what = f"Credit note {note.number} issued"
        yield Entry(note.posted_at, what, f", ${note.total:,}: {note.reason}", name_of(note.by), "warn")


def _paid(bench: Bench) -> Iterator[Entry]:
    for payment in bench.payments:
        rest = f", {payment.get_method_display().lower()}"
        yield Entry(
            payment.posted_at, f"Payment of ${payment.amount:,}", rest, name_of(payment.taken_by), "ok"
        )
    for refund in bench.refunds:
        what = "reversed" if refund.is_reversal else "given back"
        rest = f", {refund.get_method_display().lower()}{f': {refund.reason}' if refund.reason else ''}"
        yield Entry(refund.posted_at, f"${refund.amount:,} {what}", rest, name_of(refund.taken_by), "warn")
