"""QuerySets of webhooks, of what is sent to them, and of the attempts."""

from __future__ import annotations

from datetime import datetime
from typing import Self, TypeVar

from django.db import models
from django.db.models import Exists, OuterRef, Q

from common.domain.caller import Caller
from common.domain.database import count_of

Row = TypeVar("Row", bound=models.Model, covariant=True)
_WAITING = "waiting"


class WebhookQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return all webhooks for staff and none for customers."""
        return self if caller.is_staff else self.none()

    def active(self) -> Self:
        """Return the webhooks that are not disabled."""
        return self.filter(disabled_at=None)

    def with_waiting(self) -> Self:
        """Annotate `waiting`, the number of deliveries that are to be sent."""
        from integrations.webhooks.models import Delivery  # models import this module

        return self.annotate(waiting=count_of(Delivery.objects.waiting().filter(webhook=OuterRef("pk"))))

    def with_due(self, now: datetime) -> Self:
        """Return the active webhooks to which something can be sent now, those without a rest or after it."""
        from integrations.webhooks.models import Delivery  # models import this module

        due = Delivery.objects.sendable(now).filter(webhook=OuterRef("pk"))
        return self.active().filter(Q(rests_until=None) | Q(rests_until__lte=now)).filter(Exists(due))


class DeliveryQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return the deliveries of all webhooks for staff and none for customers."""
        return self.of_webhooks() if caller.is_staff else self.none()

    def of_webhooks(self) -> Self:
        """Leave out those of webhooks that were removed, which a task deletes."""
        return self.filter(webhook__removed_at=None)

    def waiting(self) -> Self:
        return self.filter(state=_WAITING)

    def sendable(self, now: datetime) -> Self:
        """Return what is due and not claimed, and has no earlier event of its subject that must be sent before.

        An earlier one that is itself sendable does not count: both are sent, one after the other.
        """
        free = Q(claimed_until=None) | Q(claimed_until__lte=now)
        earlier = self.model._base_manager.filter(
            Q(due_at__gt=now) | Q(claimed_until__gt=now),
            state=_WAITING,
            webhook=OuterRef("webhook"),
            subject=OuterRef("subject"),
            event_id__lt=OuterRef("event_id"),
        )
        return self.waiting().filter(free, due_at__lte=now).filter(~Exists(earlier))


class AttemptQuerySet(models.QuerySet[Row]):
    def in_order(self) -> Self:
        """Return the attempts as they were made."""
        return self.order_by("id")

    def visible_to(self, caller: Caller) -> Self:
        """Return all attempts for staff and none for customers."""
        return self if caller.is_staff else self.none()
