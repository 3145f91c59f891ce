"""The admin's pages of the reminders that customers get. Only the system writes them."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesCheckboxFilter

from common.admin.pages import ReadOnly, ReadOnlyInline, StaffAdmin
from reminders.models import Reminder, ReminderKind, ReminderMail


class ReminderInline(ReadOnlyInline):
    model = Reminder
    verbose_name_plural = "Reminds of"
    fields = ("text", "subject", "occasion")
    ordering = ("id",)


@admin.register(ReminderMail)
class ReminderMailAdmin(ReadOnly, StaffAdmin):
    """Mails with reminders, without those of parking, which concern no one but the user."""

    list_display = ("customer", "kind", "created_at", "sent_at")
    list_filter = (("kind", ChoicesCheckboxFilter),)
    list_select_related = ("customer__contact",)
    search_fields = ("customer__company_name", "customer__contact__last_name", "customer__contact__email")
    ordering = ("-id",)
    fields = ("customer", "user", "kind", "created_at", "sent_at")
    inlines = (ReminderInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReminderMail]:
        rows: QuerySet[ReminderMail] = super().get_queryset(request)
        return rows.exclude(kind=ReminderKind.PARKING)
