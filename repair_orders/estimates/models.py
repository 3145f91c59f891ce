"""Revisions of an estimate, and what the customer authorised (docs/design, D77).

Neither changes once it is stored, which the database holds. A revision keeps the whole paper as it was sent. Erasing a
person empties what names them.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from common.domain.constraints import AppendOnly
from common.domain.ids import Identified
from common.domain.money import money
from common.domain.text_fields import LineField, ParagraphsField
from repair_orders.estimates.querysets import EstimateQuerySet


class Estimate(Identified):
    """One revision of an order's estimate, as it was sent.

    `version` is the order's version at that time: an answer is possible while the order still has it. `snapshot` is the
    whole paper, `digest` the SHA-256 of its canonical JSON in hexadecimal. `total` is what the whole order costs with
    all proposed jobs.
    """

    repair_order = models.ForeignKey(
        "repair_orders.RepairOrder", on_delete=models.PROTECT, related_name="estimates", db_index=False
    )
    revision = models.PositiveIntegerField()
    version = models.PositiveIntegerField()
    sent_at = models.DateTimeField()
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    sent_to = models.CharField(max_length=254, blank=True, default="", help_text="Empty: nothing was mailed.")
    expires_at = models.DateTimeField()
    snapshot = models.JSONField()
    digest = models.CharField(max_length=64)
    total = money()
    token_hash = models.CharField(max_length=64, unique=True)
    mailed_at: datetime | None  # of `with_mail`

    objects = EstimateQuerySet["Estimate"].as_manager()

    class Meta:
        constraints = [
            AppendOnly(name="estimate_never_changes", erasable=("sent_to", "snapshot")),
            models.UniqueConstraint(fields=["repair_order", "revision"], name="revision_once_an_order"),
        ]

    def __str__(self) -> str:
        return f"Revision {self.revision}"

    @property
    def is_read_out(self) -> bool:
        """Whether it was stored with its answer, by staff who read it to the customer. The answer must be loaded."""
        given = getattr(self, "authorisation", None)
        return given is not None and given.at == self.sent_at


class EstimateMail(models.Model):
    """A mail with a revision that the shop's mail server took. It never changes.

    A task that is run again after a crash may have sent a second one, with the same Message-ID.
    """

    id = models.BigAutoField(primary_key=True)
    estimate = models.ForeignKey(Estimate, on_delete=models.PROTECT, related_name="mails")
    at = models.DateTimeField()
    message_id = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [AppendOnly(name="estimate_mail_never_changes")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} UTC"


class Method(models.TextChoices):
    """The way in which an answer was given."""

    IN_PERSON = "in_person", "In person"
    PHONE = "phone", "By phone"
    TEXT = "text", "By text message"
    EMAIL = "email", "By email"
    ONLINE = "online", "Online"
    NOT_RECORDED = "not_recorded", "Not recorded"


class Authorisation(models.Model):
    """An answer to a revision, with a decision for each of its proposed jobs.

    `total` and `net` are the figures of all approved and finished jobs after it. A withdrawal adds its own columns to
    the row and changes nothing else of it. Tax that the law adds later is in rows of its own (`AddedTax`).
    """

    id = models.BigAutoField(primary_key=True)
    estimate = models.OneToOneField(Estimate, on_delete=models.PROTECT, related_name="authorisation")
    method = models.CharField(max_length=12, choices=Method)
    by_name = LineField(max_length=200, blank=True, default="")
    contact_used = LineField(max_length=254, blank=True, default="", help_text="The number or address.")
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField()
    ip = models.GenericIPAddressField(null=True, blank=True)
    note = ParagraphsField(blank=True, default="")
    total = money()
    net = money()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    withdrawal_reason = ParagraphsField(blank=True, default="")

    history = HistoricalRecords()

    class Meta:
        constraints = [
            AppendOnly(
                name="authorisation_never_changes",
                but=("withdrawn_at", "withdrawn_by", "withdrawal_reason"),
                erasable=("by_name", "contact_used", "ip", "note"),
            ),
            models.CheckConstraint(condition=Q(method__in=Method.values), name="method_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_method_display()}, {self.at:%Y-%m-%d %H:%M} UTC"


class AddedTax(models.Model):
    """Tax that a later rate of the order added to the total of an authorisation. It never changes."""

    id = models.BigAutoField(primary_key=True)
    authorisation = models.ForeignKey(Authorisation, on_delete=models.PROTECT, related_name="added_taxes")
    at = models.DateTimeField()
    amount = money()

    class Meta:
        verbose_name_plural = "added taxes"
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="added_tax_is_positive"),
            AppendOnly(name="added_tax_never_changes"),
        ]

    def __str__(self) -> str:
        return f"{self.amount}"


class Answer(models.TextChoices):
    APPROVED = "approved"
    DECLINED = "declined"
    DEFERRED = "deferred"


class Decision(models.Model):
    """The answer for one job. `job_name` and `amount` (before discount, fees and tax) are those of the revision."""

    id = models.BigAutoField(primary_key=True)
    authorisation = models.ForeignKey(
        Authorisation, on_delete=models.CASCADE, related_name="decisions", db_index=False
    )
    job = models.ForeignKey("repair_orders.Job", on_delete=models.PROTECT, related_name="decisions")
    job_name = LineField(max_length=200)
    amount = money()
    decision = models.CharField(max_length=8, choices=Answer)

    class Meta:
        constraints = [
            AppendOnly(name="decision_never_changes"),
            models.UniqueConstraint(fields=["authorisation", "job"], name="decision_once_a_job"),
            models.CheckConstraint(condition=Q(decision__in=Answer.values), name="decision_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.job_name}: {self.decision}"
