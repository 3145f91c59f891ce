"""Return the papers of a repair order. Each is set once, at the first request, and stored (docs/design, D72)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from appointments.logos import find_logo
from common.domain.errors import Missing
from common.papers.rendering import render
from files.papers import Document, stored_paper
from repair_orders.estimates.models import Authorisation, Estimate
from repair_orders.estimates.record import take_record
from repair_orders.models import RepairOrder
from repair_orders.papers.layout import estimate_layout, record_layout
from repair_orders.papers.models import Paper, PaperKind
from repair_orders.papers.texts import number_of, paper_size

_TEMPLATES = Path(__file__).parent


class NothingAuthorised(Missing):
    code = "nothing_authorised"
    title = "Nothing authorised"
    message = "No revision of this order was answered yet."


def estimate_pdf(estimate: Estimate, *, now: datetime) -> bytes:
    """Return the PDF of a revision. Raises PaperLost, StoreUnavailable."""
    return estimate_paper(estimate, now=now).content


def estimate_paper(estimate: Estimate, *, now: datetime) -> Document:
    """Return the paper of a revision, as it was stored at the first request. Raises PaperLost, StoreUnavailable."""
    snapshot = estimate.snapshot
    name = f"estimate-{number_of(snapshot)}-{estimate.revision}.pdf"

    def typeset() -> bytes:
        logo = find_logo(snapshot["shop"])
        return render(_TEMPLATES / "estimate.typ", estimate_layout(snapshot), paper_size(snapshot), logo=logo)

    return stored_paper(
        Paper.objects.all(),
        name,
        typeset,
        now=now,
        estimate_id=estimate.pk,
        kind=PaperKind.ESTIMATE,
        withdrawals=0,
        added_taxes=0,
    )


def authorisations_paper(order: RepairOrder, *, now: datetime, through: Estimate | None = None) -> Document:
    """Return the record of the authorisations of an order, of a revision and those before it if `through` is given.

    Raises NothingAuthorised, PaperLost, StoreUnavailable.
    """
    given = Authorisation.objects.filter(estimate__repair_order=order)
    if through is not None:
        given = given.filter(estimate__revision__lte=through.revision)
    answers = list(
        given.select_related("estimate", "taken_by", "withdrawn_by")
        .prefetch_related("decisions", "added_taxes")
        .order_by("estimate__revision")
    )
    if not answers:
        raise NothingAuthorised
    last = answers[-1].estimate
    record = take_record(answers)

    def typeset() -> bytes:
        logo = find_logo(record["shop"])
        return render(_TEMPLATES / "authorisation.typ", record_layout(record), paper_size(record), logo=logo)

    return stored_paper(
        Paper.objects.all(),
        f"authorisations-{number_of(record)}-{last.revision}.pdf",
        typeset,
        now=now,
        estimate_id=last.pk,
        kind=PaperKind.AUTHORISATIONS,
        withdrawals=sum(answer.withdrawn_at is not None for answer in answers),
        added_taxes=sum(len(answer.added_taxes.all()) for answer in answers),
    )
