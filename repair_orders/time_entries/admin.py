"""The admin pages of time entries."""

from __future__ import annotations

from datetime import tzinfo

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import RelatedDropdownFilter

from common.admin.filters import DayRangeFilter
from common.admin.pages import HistoryAdmin, ReadOnly, column, transition_button
from common.domain.types import AnyQuerySet
from repair_orders.time_entries import actions
from repair_orders.time_entries.forms import CorrectForm, zone_of
from repair_orders.time_entries.models import TimeEntry, hours_of


@admin.register(TimeEntry)
class TimeEntryAdmin(ReadOnly, HistoryAdmin):
    """The time of technicians on jobs. It is corrected by a dialog that asks for the reason."""

    noun = "entry"
    list_display = ("technician", "work", "started", "ended", "hours")
    list_filter = (("technician", RelatedDropdownFilter), ("started", DayRangeFilter))
    list_filter_submit = True
    list_select_related = ("technician", "job__repair_order__location")
    search_fields = ("technician__name", "job__name", "=job__repair_order__id")
    ordering = ("-started", "-id")
    readonly_fields = ("hours",)
    fields = ("technician", "job", ("started", "ended"), "hours")
    actions_detail = ("correct",)

    def get_queryset(self, request: HttpRequest) -> AnyQuerySet:
        rows: AnyQuerySet = super().get_queryset(request)
        return rows.select_related("technician", "job__repair_order__location")

    def zone_of(self, row: TimeEntry) -> tzinfo:
        return zone_of(row)

    correct = transition_button(
        "Correct",
        actions.correct_entry,
        ask="Enter the right times. The history keeps the old ones and the reason.",
        done="The entry was corrected.",
        icon="edit",
        form=CorrectForm,
        permission=actions.PERMISSIONS["correct"],
    )

    @column("Job")
    def work(self, entry: TimeEntry) -> str:
        return f"{entry.job.name}, order {entry.job.repair_order.reference}"

    @column("Hours")
    def hours(self, entry: TimeEntry) -> str:
        hours = hours_of(entry.started, entry.ended)
        return "running" if hours is None else f"{hours}"
