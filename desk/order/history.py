"""Changes of an order with their authors, the newest first, from the history rows (docs/design, D23)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import User
from common.domain.types import AnyQuerySet
from desk.order.bench import Bench
from desk.order.sheet import plain
from repair_orders.estimates.models import Answer, Method
from repair_orders.models import Job, JobStatus, PartLine, RepairOrder, ServiceLine

READ = 40  # rows of each history that are read, which is constant however long it is
SHOWN = 10
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


def entries_of(bench: Bench, limit: int = SHOWN) -> list[Entry]:
    """Return what happened to an order. Costs four queries beyond what the page has read."""
    found = [*_steps(bench), *_jobs(bench), *_lines(bench, PartLine), *_lines(bench, ServiceLine)]
    found += [*_answered(bench), *_sent(bench)]
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:limit]


def changed_by(bench: Bench) -> Entry | None:
    """Return the last change of an order."""
    return next(iter(entries_of(bench, 1)), None)


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


def _changes(bench: Bench, model: Any) -> Iterator[tuple[Any, Any]]:
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
    for row, before in _changes(bench, Job):
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
    for row, before in _changes(bench, model):
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
