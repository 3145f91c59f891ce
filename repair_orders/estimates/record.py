"""The authorisations of an order as JSON, for the staff's API, the paper that prints them and evidence."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from accounts.models import User
from common.domain.types import Json
from repair_orders.estimates.models import Answer, Authorisation
from repair_orders.estimates.snapshot import instant


def take_record(answers: Sequence[Authorisation]) -> Json:
    """Return what the record of authorisations prints: all answers of an order, by revision, at least one.

    Shop, customer and vehicle are those of the last revision that was answered. `standing_total` is the total of the
    last answer that approves a job and is not withdrawn, with the tax that was added, or None.
    """
    paper = answers[-1].estimate.snapshot
    return {
        **{name: paper[name] for name in ("shop", "customer", "vehicle", "order")},
        "standing_total": next((str(total_with_tax(row)) for row in reversed(answers) if _stands(row)), None),
        "authorisations": [
            {
                **authorisation_body(row),
                "estimate_total": str(row.estimate.total),
                "estimate_digest": row.estimate.digest,
                "taken_by": name_of(row.taken_by),
                "withdrawn_by": name_of(row.withdrawn_by),
            }
            for row in answers
        ],
    }


def authorisation_body(row: Authorisation) -> Json:
    """Return an answer with its decisions, in the order of the paper."""
    return {
        "id": row.pk,
        "revision": row.estimate.revision,
        "method": row.method,
        "by_name": row.by_name,
        "contact_used": row.contact_used,
        "taken_by": row.taken_by_id,
        "at": instant(row.at),
        "ip": row.ip,
        "note": row.note,
        "total": str(row.total),
        "net": str(row.net),
        "added_taxes": [
            {"at": instant(tax.at), "amount": str(tax.amount)}
            for tax in sorted(row.added_taxes.all(), key=lambda tax: tax.pk)
        ],
        "withdrawn_at": row.withdrawn_at and instant(row.withdrawn_at),
        "withdrawal_reason": row.withdrawal_reason,
        "decisions": [
            {
                "job_id": decision.job_id,
                "job_name": decision.job_name,
                "amount": str(decision.amount),
                "decision": decision.decision,
            }
            for decision in sorted(row.decisions.all(), key=lambda decision: decision.pk)
        ],
    }


def total_with_tax(row: Authorisation) -> Decimal:
    """Return the total in dollars that stands by an answer: its own, and the tax that was added since."""
    total: Decimal = sum((tax.amount for tax in row.added_taxes.all()), start=row.total)
    return total


def _stands(row: Authorisation) -> bool:
    approves = any(decision.decision == Answer.APPROVED for decision in row.decisions.all())
    return approves and row.withdrawn_at is None


def name_of(user: User | None) -> str:
    """Return the full name of a user, or their email, "" for none."""
    return "" if user is None else f"{user.first_name} {user.last_name}".strip() or user.email or ""
