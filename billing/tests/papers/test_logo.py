"""The logo on papers of billing: the one that the shop had when their snapshot was taken."""

from __future__ import annotations

import pytest

from appointments.logos import save_logo
from billing.credit_notes import credit_all
from billing.invoices import issue_invoice
from billing.papers.actions import credit_note_paper, invoice_paper
from billing.tests.papers.conftest import LATER
from testing.images import JPEG, images_of, png
from testing.worked_example import reload

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("then", "later"), [(png(60, 20), JPEG), (JPEG, None), (None, png(20, 20))], ids=["png", "jpeg", "none"]
)
def test_paper_keeps_the_logo_of_its_snapshot(place, order, then, later):
    sizes = {None: [], png(60, 20): [(60, 20)], JPEG: [(16, 8)], png(20, 20): [(20, 20)]}
    place.logo = then and save_logo(then)
    place.save()
    invoice = issue_invoice(order=reload(order), by=None, now=LATER)
    place.logo = later and save_logo(later)
    place.save()
    # The invoice is set for the first time after the change. The credit note was made after it.
    assert images_of(invoice_paper(invoice, now=LATER).content) == sizes[then]
    invoice.refresh_from_db()
    note = credit_all(invoice=invoice, reason="Wrong", by=None, now=LATER)
    assert images_of(credit_note_paper(note, now=LATER).content) == sizes[later]
