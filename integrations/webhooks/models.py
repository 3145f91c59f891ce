"""Where events are sent, what is sent, and each attempt (docs/design, D150)."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from common.domain.ids import Identified, new_uuid
from common.domain.text_fields import LineField
from integrations.webhooks.querysets import AttemptQuerySet, DeliveryQuerySet, WebhookQuerySet

LONGEST_URL = 500


class Disabled(models.TextChoices):
    """Why a webhook is disabled."""

    BY_STAFF = "by_staff", "by staff"
    FAILED = "failed", "nothing was accepted for three days"
    GONE = "gone", "the receiver answered 410, which asks for no more"


_Manager = models.Manager.from_queryset(WebhookQuerySet)


class WebhookManager(_Manager["Webhook"]):
    """The webhooks that were not removed. No page, route or loop has to leave out the others."""

    def get_queryset(self) -> WebhookQuerySet[Webhook]:
        return WebhookQuerySet(self.model, using=self._db).filter(removed_at=None)


class Webhook(Identified):
    """An address to which events are sent, with the secret that signs them.

    `place` is the last event of which the deliveries are recorded. While the webhook is disabled it stays where it is.
    The secrets are stored as they are, because they must sign. Pages, history, exports and logs never have them.
    """

    url = LineField(max_length=LONGEST_URL)
    description = LineField(max_length=200, blank=True, default="")
    types = models.JSONField(default=list, blank=True, help_text="Types of events, or beginnings with `.*`.")
    secret = models.CharField(max_length=100, editable=False)
    former_secret = models.CharField(max_length=100, blank=True, default="", editable=False)
    former_secret_until = models.DateTimeField(null=True, blank=True)
    place = models.BigIntegerField(null=True, editable=False)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_because = models.CharField(max_length=8, choices=Disabled, blank=True, default="")
    failing_since = models.DateTimeField(
        null=True, blank=True, help_text="The first failure since an event was accepted."
    )
    failures = models.PositiveIntegerField(default=0, help_text="Failed tries since an event was accepted.")
    rests_until = models.DateTimeField(
        null=True, blank=True, help_text="Nothing is sent until then, because the receiver was down."
    )
    last_delivered_at = models.DateTimeField(null=True, blank=True)
    # From then on it is hidden and gets nothing. A task deletes its deliveries, and then this row.
    removed_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    history = HistoricalRecords(
        excluded_fields=[
            *("secret", "former_secret", "place", "failing_since", "failures", "rests_until"),
            "last_delivered_at",
        ]
    )
    objects = WebhookManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(disabled_because="", disabled_at=None)
                | Q(disabled_because__in=Disabled.values, disabled_at__isnull=False),
                name="webhook_is_disabled_for_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(former_secret="", former_secret_until=None)
                | Q(former_secret_until__isnull=False) & ~Q(former_secret=""),
                name="webhook_former_secret_ends",
            ),
        ]

    def __str__(self) -> str:
        return self.description or self.url

    @property
    def is_active(self) -> bool:
        return self.disabled_at is None and self.removed_at is None


class DeliveryState(models.TextChoices):
    WAITING = "waiting"  # to be sent, now or again
    DELIVERED = "delivered"
    FAILED = "failed"  # given up


class Delivery(models.Model):
    """An event that is sent to a webhook. The uuid is the id of the message, in each attempt and replay.

    `type` and `subject` are those of the event. `due_at` is when it is sent next. Until `claimed_until` a process is
    sending it. `waits_since` is when it began to wait, from which its three days count.
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=new_uuid, unique=True, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    event_id = models.BigIntegerField()
    type = models.CharField(max_length=80)
    subject = models.CharField(max_length=80)
    state = models.CharField(max_length=9, choices=DeliveryState, default=DeliveryState.WAITING)
    tries = models.PositiveIntegerField(default=0, help_text="Attempts since it began to wait.")
    created_at = models.DateTimeField()
    waits_since = models.DateTimeField()
    due_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was accepted by the receiver, or given up."
    )

    objects = DeliveryQuerySet["Delivery"].as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event_id"], name="event_once_per_webhook"),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.WAITING, ended_at=None)
                | Q(state__in=[DeliveryState.DELIVERED, DeliveryState.FAILED], ended_at__isnull=False),
                name="delivery_ends_or_waits",
            ),
        ]
        indexes = [
            models.Index(fields=["webhook", "-id"], name="delivery_of_webhook"),
            models.Index(fields=["created_at"], name="delivery_by_age"),
            models.Index(
                fields=["webhook", "event_id"],
                condition=Q(state=DeliveryState.WAITING),
                name="delivery_waiting",
            ),
            models.Index(
                fields=["webhook", "subject", "event_id"],
                condition=Q(state=DeliveryState.WAITING),
                name="delivery_waiting_of_subject",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class Attempt(models.Model):
    """One request to a receiver, and what came of it."""

    LONGEST_ERROR: ClassVar = 200

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts", db_index=False)
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="The HTTP status of the response. Null without a response."
    )
    error = models.CharField(max_length=LONGEST_ERROR, blank=True, default="")
    milliseconds = models.PositiveIntegerField()

    objects = AttemptQuerySet["Attempt"].as_manager()

    class Meta:
        indexes = [models.Index(fields=["delivery", "id"], name="attempt_of_delivery")]

    def __str__(self) -> str:
        return self.error or f"{self.status}"
