"""Reminders that customers got by mail, and how far the search for new ones is (docs/design, D139)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.domain.ids import Identified
from common.domain.text_fields import LineField
from customers.models import Customer
from reminders.querysets import ReminderMailQuerySet, ReminderQuerySet


class ReminderKind(models.TextChoices):
    """The kinds of reminders. A customer switches each off as `<kind>_reminders` of the preferences."""

    SERVICE = "service", "regular work that is due"
    PUT_OFF = "put_off", "work that was put off"
    PARKING = "parking", "parking that ends"
    MEMBERSHIP = "membership", "membership that renews or ends"


def _kind_is_known(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(kind__in=ReminderKind.values), name=name)


class ReminderMail(Identified):
    """One mail with all reminders of a kind that a person gets at a time.

    It goes to `user`, and without one to the customer's contact. `sent_at` is empty until it was sent. A mail of which
    nothing is left to say is deleted. `token_hash` is that of its link, by which reminders are stopped.
    """

    kind = models.CharField(max_length=10, choices=ReminderKind)
    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="reminder_mails", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="reminder_mails"
    )
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    objects = ReminderMailQuerySet["ReminderMail"].as_manager()

    class Meta:
        constraints = [_kind_is_known("reminder_mail_kind_is_known")]
        indexes = [models.Index(fields=["customer", "-id"], name="reminder_mail_of_customer")]

    def __str__(self) -> str:
        return f"Reminder of {self.get_kind_display()}"


class Reminder(models.Model):
    """What a mail reminds of. The unique key lets nothing be reminded of twice.

    `subject` names the row (`schedule:5`), and `occasion` the cause, such as the service cycle and its state.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=10, choices=ReminderKind)
    subject = models.CharField(max_length=40)
    occasion = models.CharField(max_length=60)
    mail = models.ForeignKey(ReminderMail, on_delete=models.CASCADE, related_name="reminders")
    text = LineField(max_length=500)

    objects = ReminderQuerySet["Reminder"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject", "occasion"], name="reminded_once"),
            _kind_is_known("reminder_kind_is_known"),
        ]
        indexes = [models.Index(fields=["kind", "-id"], name="reminder_by_kind")]

    def __str__(self) -> str:
        return self.text


class Sweep(models.Model):
    """How far the search for new reminders of a kind is: the last day that was searched.

    `reading` is the newest odometer reading at the latest search, and `reading_before` at the one before it.
    """

    kind = models.CharField(max_length=10, choices=ReminderKind, primary_key=True)
    day = models.DateField()
    reading = models.BigIntegerField(default=0)
    reading_before = models.BigIntegerField(default=0)

    class Meta:
        constraints = [_kind_is_known("sweep_kind_is_known")]

    def __str__(self) -> str:
        return f"{self.kind} until {self.day}"
