"""The tables of this room."""

from integrations.webhooks.models import Attempt, Delivery, DeliveryState, Disabled, Webhook

__all__ = ["Attempt", "Delivery", "DeliveryState", "Disabled", "Webhook"]
