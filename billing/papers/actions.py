"""Return the papers of billing. Each is set once, at the first request, and stored (docs/design, D72, D93)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from appointments.logos import find_logo
from billing.models import ClosedDay, CreditNote, Invoice, Payment, Statement
from billing.papers.layout import (
    credit_note_layout,
    day_sheet_layout,
    invoice_layout,
    receipt_layout,
    statement_layout,
)
from billing.papers.models import Paper
from common.domain.types import Json
from common.papers.rendering import render
from files.papers import Document, stored_paper
from repair_orders.papers.texts import paper_size

_TEMPLATES = Path(__file__).parent


def invoice_paper(invoice: Invoice, *, now: datetime) -> Document:
    """Return the paper of an invoice. Raises PaperLost, StoreUnavailable."""
    snapshot = invoice.snapshot
    name = f"invoice-{invoice.number}.pdf"
    return _paper("invoice", name, snapshot, lambda: invoice_layout(snapshot), now=now, invoice_id=invoice.pk)


def credit_note_paper(note: CreditNote, *, now: datetime) -> Document:
    """Return the paper of a credit note. Raises PaperLost, StoreUnavailable."""
    snapshot = note.snapshot
    name = f"credit-note-{note.number}.pdf"
    return _paper(
        "credit_note", name, snapshot, lambda: credit_note_layout(snapshot), now=now, credit_note_id=note.pk
    )


def receipt_paper(payment: Payment, *, now: datetime) -> Document:
    """Return the receipt of a payment or a refund. Raises PaperLost, StoreUnavailable."""
    snapshot = payment.snapshot
    name = f"{payment.kind}-{payment.pk}.pdf"
    return _paper(
        "receipt",
        name,
        snapshot,
        lambda: receipt_layout(snapshot, payment.pk),
        now=now,
        payment_id=payment.pk,
    )


def statement_paper(statement: Statement, *, now: datetime) -> Document:
    """Return the paper of a statement. Raises PaperLost, StoreUnavailable."""
    snapshot = statement.snapshot
    name = f"statement-{snapshot['month']}-{snapshot['customer']['id']}.pdf"
    return _paper(
        "statement", name, snapshot, lambda: statement_layout(snapshot), now=now, statement_id=statement.pk
    )


def day_sheet_paper(closed_day: ClosedDay, *, now: datetime) -> Document:
    """Return the sheet of a closed day. Raises PaperLost, StoreUnavailable."""
    snapshot = closed_day.snapshot
    name = f"day-sheet-{closed_day.location_id}-{snapshot['day']}.pdf"
    return _paper(
        "day_sheet", name, snapshot, lambda: day_sheet_layout(snapshot), now=now, closed_day_id=closed_day.pk
    )


def _paper(
    template: str, name: str, snapshot: Json, layout: Callable[[], Json], *, now: datetime, **subject: int
) -> Document:
    def typeset() -> bytes:
        logo = find_logo(snapshot["shop"])
        return render(_TEMPLATES / f"{template}.typ", layout(), paper_size(snapshot), logo=logo)

    return stored_paper(Paper.objects.all(), name, typeset, now=now, **subject)
