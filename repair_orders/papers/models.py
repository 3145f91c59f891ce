"""Papers of repair orders that were set and stored (docs/design, D72)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from files.models import Upload
from repair_orders.estimates.models import Estimate


class PaperKind(models.TextChoices):
    ESTIMATE = "estimate", "Estimate"
    AUTHORISATIONS = "authorisations", "Record of authorisations"


class Paper(models.Model):
    """A PDF of a revision, or of the record of authorisations that ends with the answer to a revision.

    A record is printed anew when another answer is added or one is withdrawn, and when tax is added, so `withdrawals`
    and `added_taxes` count those that the record shows. `digest` is the SHA-256 of the file in hexadecimal.
    """

    id = models.BigAutoField(primary_key=True)
    estimate = models.ForeignKey(Estimate, on_delete=models.PROTECT, related_name="papers", db_index=False)
    kind = models.CharField(max_length=14, choices=PaperKind)
    withdrawals = models.PositiveIntegerField(default=0)
    added_taxes = models.PositiveIntegerField(default=0)
    upload = models.OneToOneField(Upload, on_delete=models.CASCADE, related_name="paper")
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["estimate", "kind", "withdrawals", "added_taxes"], name="paper_once"
            ),
            models.CheckConstraint(condition=Q(kind__in=PaperKind.values), name="paper_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, revision {self.estimate.revision}"
