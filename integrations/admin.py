"""Admin pages of webhooks and what is sent to them. They are changed on the desk's page *Webhooks*."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesCheckboxFilter

from common.admin.pages import HistoryAdmin, ReadOnly, ReadOnlyInline, StaffAdmin
from integrations.models import Attempt, Delivery, Webhook


@admin.register(Webhook)
class WebhookAdmin(ReadOnly, HistoryAdmin):
    """Webhooks, without their secrets."""

    list_display = ("url", "description", "disabled_because", "failing_since", "last_delivered_at")
    list_filter = (("disabled_because", ChoicesCheckboxFilter),)
    search_fields = ("url", "description")
    ordering = ("-id",)
    fields = (
        ("url", "description"),
        "types",
        ("disabled_at", "disabled_because"),
        ("failing_since", "failures", "rests_until", "last_delivered_at"),
        ("created_at", "created_by", "former_secret_until"),
        "uuid",
    )
    readonly_fields = ("uuid",)


class AttemptInline(ReadOnlyInline):
    model = Attempt
    fields = ("at", "status", "error", "milliseconds")
    ordering = ("id",)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, StaffAdmin):
    """What was sent to webhooks, and waits to be sent."""

    list_display = ("event_id", "type", "subject", "webhook", "state", "due_at", "ended_at")
    list_filter = (("state", ChoicesCheckboxFilter),)
    list_select_related = ("webhook",)
    search_fields = ("=subject", "=type", "=event_id")
    ordering = ("-id",)
    fields = (
        ("webhook", "uuid"),
        ("event_id", "type", "subject"),
        ("state", "tries", "created_at", "waits_since"),
        ("due_at", "claimed_until", "ended_at"),
    )
    readonly_fields = ("uuid",)
    inlines = (AttemptInline,)
