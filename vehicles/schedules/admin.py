"""The admin's pages of schedule templates, and the schedules below a vehicle."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesCheckboxFilter

from common.admin.pages import HistoryAdmin, NoDeleteMixin, ReadOnlyInline, column
from vehicles.schedules.models import ScheduleTemplate, ServiceSchedule
from vehicles.schedules.tasks import spread_template


@admin.register(ScheduleTemplate)
class ScheduleTemplateAdmin(NoDeleteMixin, HistoryAdmin):
    """Regular work. A task applies a change to the schedules of all vehicles."""

    list_display = ("name", "interval", "priority", "canned_job", "is_listed")
    list_filter = (("is_listed", BooleanRadioFilter), ("priority", ChoicesCheckboxFilter))
    list_select_related = ("canned_job",)
    search_fields = ("name",)
    autocomplete_fields = ("canned_job",)
    ordering = ("name", "id")
    fields = (
        ("name", "is_listed"),
        ("interval_miles", "interval_months"),
        ("priority", "duration"),
        "description",
        ("canned_job", "services"),
    )

    def save_model(
        self, request: HttpRequest, obj: ScheduleTemplate, form: ModelForm[ScheduleTemplate], change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        spread_template.enqueue(obj.pk)

    @column("Interval")
    def interval(self, template: ScheduleTemplate) -> str:
        miles = f"{template.interval_miles:,} miles" if template.interval_miles else ""
        months = f"{template.interval_months} months" if template.interval_months else ""
        return " or ".join(text for text in (miles, months) if text)


class ScheduleInline(ReadOnlyInline):
    """The regular work of a vehicle, by the day on which it is due."""

    model = ServiceSchedule
    verbose_name_plural = "Service schedule"
    fields = ("template", "due_on", "due_miles", "state", "last_on", "last_miles")
    readonly_fields = fields
    per_page = 20
    tab = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceSchedule]:
        rows: QuerySet[ServiceSchedule] = super().get_queryset(request)
        schedules = ServiceSchedule.objects.filter(pk__in=rows).offered().with_status(timezone.now())
        return schedules.select_related("template").in_order()

    @column("Status")
    def state(self, schedule: ServiceSchedule) -> str:
        return str(vars(schedule).get("status", "")).replace("_", " ").capitalize()
