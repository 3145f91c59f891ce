"""Papers of inspections that were set and stored (docs/design, D72)."""

from __future__ import annotations

from django.db import models

from files.models import Upload


class Paper(models.Model):
    """The PDF of a finished inspection. `digest` is the SHA-256 of the file in hexadecimal."""

    id = models.BigAutoField(primary_key=True)
    inspection = models.OneToOneField(
        "inspections.Inspection", on_delete=models.PROTECT, related_name="paper"
    )
    upload = models.OneToOneField(Upload, on_delete=models.CASCADE, related_name="inspection_paper")
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "inspection paper"

    def __str__(self) -> str:
        return f"Paper of inspection {self.inspection_id}"
