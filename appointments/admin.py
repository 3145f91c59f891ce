"""The shop's calendar: visits and their steps. What they need stands in `places_admin`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.forms import Field
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, RangeDateFilter, RelatedDropdownFilter
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget

from appointments import places_admin as places_admin  # its pages are registered with these
from appointments.actions import (
    PERMISSIONS,
    assign_technician,
    book_appointment,
    cancel_appointment,
    change_words,
    complete_appointment,
    move_appointment,
    start_appointment,
)
from appointments.forms import AppointmentForm, AssignForm, BayChoice
from appointments.models import (
    APPOINTMENT_MACHINE,
    HOLDS_A_BAY,
    Appointment,
    AppointmentStatus,
    Bay,
)
from appointments.queries import on_the_wall
from common.admin.pages import HistoryAdmin, NoDeleteMixin, badge, column, transition_button

STATUS_COLORS = {
    AppointmentStatus.PENDING: "warning",
    AppointmentStatus.IN_PROGRESS: "info",
    AppointmentStatus.COMPLETED: "success",
    AppointmentStatus.CANCELLED: "danger",
}
_WORDS = ("reported_problem", "description", "notes")


class TodayFilter(admin.SimpleListFilter):
    """The day that it is now at each visit's location; the project's own may be another one around midnight."""

    title = "day"
    parameter_name = "day"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("today", "Today at the location")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.today(timezone.now()) if self.value() == "today" else queryset


@admin.register(Appointment)
class AppointmentAdmin(NoDeleteMixin, HistoryAdmin):
    noun, machine = "appointment", APPOINTMENT_MACHINE
    form = AppointmentForm
    list_display = ("number", "when", "customer", "vehicle", "where", "technician", "status_badge")
    list_filter = (
        TodayFilter,
        ("status", ChoicesCheckboxFilter),
        ("start", RangeDateFilter),
        ("location", RelatedDropdownFilter),
        ("technician", RelatedDropdownFilter),
        ("technician", admin.EmptyFieldListFilter),
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
        (None, {"fields": ("vehicle", ("location", "bay"), "start")}),
        ("Work", {"fields": ("services", "reported_problem", "description", "notes")}),
    )
    fieldsets = (
        (None, {"fields": (("status", "technician"), ("customer", "vehicle"))}),
        ("Time and place", {"fields": (("location", "bay"), ("start", "local_times"), "seen_status")}),
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
        if obj is not None and obj.status != AppointmentStatus.PENDING:
            fields = [*fields, *AppointmentForm.PLACE]
        if obj is not None and obj.status not in HOLDS_A_BAY:
            # What took place is not written anew; a note may be added.
            fields = [*fields, "reported_problem", "description"]
        return fields

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Field | None:
        if db_field.name == "bay":
            bays = Bay.objects.select_related("location").order_by("location__name", "name", "id")
            return BayChoice(
                bays, required=False, empty_label="Whichever is free", widget=UnfoldAdminSelectWidget()
            )
        field: Field | None = super().formfield_for_foreignkey(db_field, request, **kwargs)
        return field

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Field | None:
        if db_field.name == "start":
            kwargs["help_text"] = "A time of day at the location. The services say how long the visit takes."
        field: Field | None = super().formfield_for_dbfield(db_field, request, **kwargs)
        return field

    def save_model(self, request: HttpRequest, obj: Appointment, form: Any, change: bool) -> None:
        now = timezone.now()
        if change:
            if moved := form.moved():
                move_appointment(appointment=obj, now=now, **moved)
            words = {name: form.cleaned_data[name] for name in _WORDS if name in form.changed_data}
            change_words(appointment=obj, **words)
            return
        answers = {name: form.cleaned_data[name] for name in (*form.PLACE, *_WORDS)}
        booked = book_appointment(customer=obj.vehicle.customer, vehicle=obj.vehicle, now=now, **answers)
        obj.pk = booked.pk
        obj.refresh_from_db()

    def offers(self, row: Appointment, button: str) -> bool:
        return row.status in HOLDS_A_BAY if button == "assign" else super().offers(row, button)

    assign = transition_button(
        "Assign",
        assign_technician,
        ask="Who works on this vehicle?",
        done="The technician is assigned.",
        icon="engineering",
        form=AssignForm,
        permission=PERMISSIONS["assign"],
    )
    start = transition_button(
        "Start",
        start_appointment,
        ask="The vehicle is in the bay and work begins.",
        done="The visit has started.",
        icon="play_arrow",
        variant=ActionVariant.PRIMARY,
        permission=PERMISSIONS["start"],
        to=AppointmentStatus.IN_PROGRESS,
    )
    complete = transition_button(
        "Complete",
        complete_appointment,
        ask="The work is done; the bay is free from now on.",
        done="The visit is completed.",
        icon="check",
        variant=ActionVariant.SUCCESS,
        permission=PERMISSIONS["complete"],
        to=AppointmentStatus.COMPLETED,
    )
    cancel = transition_button(
        "Cancel visit",
        cancel_appointment,
        ask="The visit does not take place, or stops; the bay is free.",
        done="The visit is cancelled.",
        icon="event_busy",
        variant=ActionVariant.DANGER,
        permission=PERMISSIONS["cancel"],
        to=AppointmentStatus.CANCELLED,
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
    return on_the_wall(visit.location, visit.start), on_the_wall(visit.location, visit.end)
