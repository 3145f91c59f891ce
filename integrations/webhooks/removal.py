"""Delete webhooks and deliveries, of which there may be millions (docs/design, D150)."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from integrations.webhooks.models import Attempt, Delivery, Webhook

BATCH = 500  # deliveries in one transaction, so that no other writer waits long


def delete_webhook(pk: int) -> None:
    """Delete a webhook that was removed, after its deliveries. What another run has deleted is left out."""
    webhook = Webhook._base_manager.filter(pk=pk).exclude(removed_at=None).first()
    if webhook is not None:
        delete_deliveries(Delivery.objects.filter(webhook=webhook))
        webhook.delete()


def delete_deliveries(rows: QuerySet[Delivery]) -> int:
    """Delete deliveries and their attempts batch by batch, and return the number of deliveries."""
    count = 0
    while pks := list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            Attempt.objects.filter(delivery__in=pks).delete()
            count += Delivery.objects.filter(pk__in=pks).delete()[0]
    return count
