"""The shop's calendar: visits with their steps, and the places, people and catalogue they need."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.forms import Field
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, RangeDateFilter, RelatedDropdownFilter
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.phones import pretty_phone
from appointments.actions import (
    PERMISSIONS,
    assign_technician,
    cancel_appointment,
    complete_appointment,
    start_appointment,
)
from appointments.forms import AppointmentForm, AssignForm, BayChoice
from appointments.models import (
    APPOINTMENT_MACHINE,
    HOLDS_A_BAY,
    Appointment,
    AppointmentStatus,
    Bay,
    Closure,
    Location,
    OpeningHours,
    ReportedProblem,
    ServiceType,
    Technician,
)
from common.admin import Button, HistoryAdmin, Kept, StaffAdmin, badge, column, step

STATUS_COLORS = {
    AppointmentStatus.PENDING: "warning",
    AppointmentStatus.IN_PROGRESS: "info",
    AppointmentStatus.COMPLETED: "success",
    AppointmentStatus.CANCELLED: "danger",
}
# button -> the state it leads to
_STEPS = {
    "start": AppointmentStatus.IN_PROGRESS,
    "complete": AppointmentStatus.COMPLETED,
    "cancel": AppointmentStatus.CANCELLED,
}


def _step(title: str, verb: Callable[..., None], **options: Any) -> Button:
    return step(
        title, lambda row, by, now, **answers: verb(appointment=row, by=by, now=now, **answers), **options
    )


@admin.register(Appointment)
class AppointmentAdmin(Kept, HistoryAdmin):
    form = AppointmentForm
    list_display = ("number", "when", "customer", "vehicle", "where", "technician", "status_badge")
    list_filter = (
        ("status", ChoicesCheckboxFilter),
        ("start", RangeDateFilter),
        ("location", RelatedDropdownFilter),
        ("technician", RelatedDropdownFilter),
    )
    list_filter_submit = True
    list_select_related = ("customer__contact", "vehicle", "location", "bay", "technician")
    search_fields = (
        "=id",
        "customer__company_name",
        "customer__contact__first_name",
        "customer__contact__last_name",
        "vehicle__vin",
        "vehicle__license_plate",
        "vehicle__unit_number",
        "description",
    )
    date_hierarchy = "start"
    ordering = ("-start", "-id")
    autocomplete_fields = ("vehicle", "services", "reported_problem")
    readonly_fields = (
        *("customer", "status", "technician", "local_times", "uuid"),
        *("created_at", "assigned_at", "started_at", "completed_at", "cancelled_at"),
    )
    actions_detail = ("assign", "start", "complete", "cancel")
    add_fieldsets = (
        (None, {"fields": ("vehicle", "bay", "start", "end")}),
        ("Work", {"fields": ("services", "reported_problem", "description", "notes")}),
    )
    fieldsets = (
        (None, {"fields": (("status", "technician"), ("customer", "vehicle"))}),
        ("Time and place", {"fields": (("bay", "local_times"), "start", "end", "seen_status")}),
        ("Work", {"fields": ("services", "reported_problem", "description", "notes")}),
        (
            "Record",
            {
                "fields": (
                    ("created_at", "assigned_at"),
                    ("started_at", "completed_at"),
                    ("cancelled_at", "uuid"),
                ),
                "classes": ("collapse",),
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Appointment | None = None) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        if obj is not None:
            fields = [*fields, "vehicle"]
        if obj is not None and obj.status not in HOLDS_A_BAY:
            # What took place is not written anew; a note may be added.
            fields = [*fields, "bay", "start", "end", "services", "reported_problem", "description"]
        return fields

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Field | None:
        if db_field.name == "bay":
            bays = Bay.objects.select_related("location").order_by("location__name", "name", "id")
            return BayChoice(
                bays,
                widget=UnfoldAdminSelectWidget(),
                help_text="Start and end are times of day at its location.",
            )
        field: Field | None = super().formfield_for_foreignkey(db_field, request, **kwargs)
        return field

    def offers(self, row: Appointment, button: str) -> bool:
        if button == "assign":
            return row.status in HOLDS_A_BAY
        return _STEPS[button] in APPOINTMENT_MACHINE[row.status]

    assign = _step(
        "Assign",
        assign_technician,
        ask="Who works on this vehicle?",
        done="The technician is assigned.",
        icon="engineering",
        form=AssignForm,
        permission=PERMISSIONS["assign"],
    )
    start = _step(
        "Start",
        start_appointment,
        ask="The vehicle is in the bay and work begins.",
        done="The visit has started.",
        icon="play_arrow",
        variant=ActionVariant.PRIMARY,
        permission=PERMISSIONS["start"],
    )
    complete = _step(
        "Complete",
        complete_appointment,
        ask="The work is done; the bay is free from now on.",
        done="The visit is completed.",
        icon="check",
        variant=ActionVariant.SUCCESS,
        permission=PERMISSIONS["complete"],
    )
    cancel = _step(
        "Cancel visit",
        cancel_appointment,
        ask="The visit does not take place, or stops; the bay is free.",
        done="The visit is cancelled.",
        icon="event_busy",
        variant=ActionVariant.DANGER,
        permission=PERMISSIONS["cancel"],
    )

    @column("No.", ordering="id")
    def number(self, visit: Appointment) -> str:
        return f"#{visit.pk}"

    @column("When", ordering="start")
    def when(self, visit: Appointment) -> str:
        start, end = _local(visit)
        return f"{start:%a %d %b %Y, %H:%M}–{end:%H:%M}"

    @column("At the location")
    def local_times(self, visit: Appointment) -> str | None:
        return f"{self.when(visit)} ({visit.location.time_zone})" if visit.pk else None

    @column("Where", ordering="location__name")
    def where(self, visit: Appointment) -> str:
        return f"{visit.location}, {visit.bay}"

    @badge("Status", colors=STATUS_COLORS, ordering="status")
    def status_badge(self, visit: Appointment) -> tuple[str, str]:
        return visit.status, AppointmentStatus(visit.status).label


def _local(visit: Appointment) -> tuple[datetime, datetime]:
    zone = ZoneInfo(visit.location.time_zone)
    return visit.start.astimezone(zone), visit.end.astimezone(zone)


class OpeningHoursInline(TabularInline):
    model = OpeningHours
    ordering = ("weekday",)
    extra = 0
    max_num = 7
    tab = True


class BayInline(TabularInline):
    model = Bay
    ordering = ("name", "id")
    extra = 0
    tab = True


class ClosureInline(TabularInline):
    model = Closure
    ordering = ("-day",)
    extra = 0
    per_page = 20
    tab = True


@admin.register(Location)
class LocationAdmin(Kept, HistoryAdmin):
    list_display = ("name", "address", "pretty_phone", "time_zone")
    search_fields = ("name", "address")
    ordering = ("name", "id")
    readonly_fields = ("created_at", "uuid")
    inlines = (OpeningHoursInline, BayInline, ClosureInline)
    fieldsets = (
        (None, {"fields": (("name", "phone"), "address", ("latitude", "longitude"), "time_zone")}),
        ("Record", {"fields": (("created_at", "uuid"),), "classes": ("collapse",)}),
    )

    @column("Phone")
    def pretty_phone(self, location: Location) -> str:
        return pretty_phone(location.phone)


@admin.register(Technician)
class TechnicianAdmin(Kept, HistoryAdmin):
    list_display = ("name", "role", "email", "location", "user")
    list_filter = (("location", RelatedDropdownFilter),)
    list_select_related = ("location", "user")
    search_fields = ("name", "email")
    ordering = ("name", "id")
    autocomplete_fields = ("location", "user")
    fields = (("name", "role"), "email", ("location", "user"))


@admin.register(ServiceType)
class ServiceTypeAdmin(Kept, StaffAdmin):
    list_display = ("name", "code", "minutes")
    search_fields = ("name", "code")
    ordering = ("name", "id")
    fields = ("name", ("code", "minutes"))


@admin.register(ReportedProblem)
class ReportedProblemAdmin(Kept, StaffAdmin):
    list_display = ("name", "description")
    search_fields = ("name", "description")
    ordering = ("name", "id")
    fields = ("name", "description")


class _PartOfLocation(StaffAdmin):
    """What belongs to a location and is usually edited on its page."""

    list_select_related = ("location",)
    list_filter = (("location", RelatedDropdownFilter),)
    autocomplete_fields = ("location",)


@admin.register(Bay)
class BayAdmin(_PartOfLocation):
    list_display = ("name", "location")
    search_fields = ("name", "location__name")
    ordering = ("location__name", "name", "id")


@admin.register(OpeningHours)
class OpeningHoursAdmin(_PartOfLocation):
    list_display = ("location", "weekday", "opens", "closes")
    search_fields = ("location__name",)
    ordering = ("location__name", "weekday", "id")


@admin.register(Closure)
class ClosureAdmin(_PartOfLocation):
    list_display = ("location", "day", "reason")
    search_fields = ("location__name", "reason")
    date_hierarchy = "day"
    ordering = ("-day", "-id")
