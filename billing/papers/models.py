"""Papers of billing that were set and stored (docs/design, D72, D93)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from files.models import Upload

SUBJECTS = ("invoice", "credit_note", "payment", "statement", "closed_day")


def _of(subject: str) -> Q:
    """Return the condition that a paper has this subject and no other one."""
    return Q(**{f"{name}__isnull": name != subject for name in SUBJECTS})


def _subject(model: str) -> models.OneToOneField[models.Model | None, models.Model | None]:
    return models.OneToOneField(model, on_delete=models.PROTECT, null=True, related_name="paper")


class Paper(models.Model):
    """The PDF of an invoice, a credit note, a payment, a statement or a closed day. Each has one.

    `digest` is the SHA-256 of the file in hexadecimal.
    """

    id = models.BigAutoField(primary_key=True)
    invoice = _subject("billing.Invoice")
    credit_note = _subject("billing.CreditNote")
    payment = _subject("billing.Payment")
    statement = _subject("billing.Statement")
    closed_day = _subject("billing.ClosedDay")
    upload = models.OneToOneField(Upload, on_delete=models.CASCADE, related_name="billing_paper")
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=_of("invoice")
                | _of("credit_note")
                | _of("payment")
                | _of("statement")
                | _of("closed_day"),
                name="billing_paper_has_one_subject",
            )
        ]

    def __str__(self) -> str:
        return f"Paper {self.pk}"
