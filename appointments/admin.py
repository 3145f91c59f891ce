"""Appointments and their transitions in the staff's admin. Locations and technicians are in `places_admin`."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.db.models import ForeignKey
from django.forms import Field
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, RelatedDropdownFilter
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminSelectWidget

from appointments import places_admin as places_admin  # registers its pages
from appointments.actions import (
    PERMISSIONS,
    assign_technician,
    book_appointment,
    cancel_appointment,
    change_texts,
    complete_appointment,
    move_appointment,
    start_appointment,
    walk_in,
)
from appointments.forms import AppointmentForm, AssignForm, BayChoice
from appointments.models import (
    APPOINTMENT_MACHINE,
    HOLDS_A_BAY,
    Appointment,
    AppointmentStatus,
    Bay,
    Shift,
)
from appointments.queries import local_time
from appointments.querysets import AppointmentFilters, AppointmentQuerySet
from common.admin.filters import DayRangeFilter
from common.admin.pages import HistoryAdmin, NoDeleteMixin, badge, column, transition_button
from common.domain.days import within_calendar
from common.domain.types import AnyModelField, AnyQuerySet

STATUS_COLORS = {
    AppointmentStatus.PENDING: "warning",
    AppointmentStatus.IN_PROGRESS: "info",
    AppointmentStatus.COMPLETED: "success",
    AppointmentStatus.CANCELLED: "danger",
}
_TEXTS = ("reported_problem", "description", "notes")


class TodayFilter(admin.SimpleListFilter):
    """Filters the appointments of the present local day of their location.

    Around midnight that day can differ from the day in the project's time zone.
    """

    title = "day"
    parameter_name = "day"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("today", "Today at the location")]

    def queryset(self, request: HttpRequest, queryset: AnyQuerySet) -> AnyQuerySet:
        if self.value() != "today":
            return queryset
        return cast("AppointmentQuerySet[Appointment]", queryset).today(timezone.now())


class LocalDayRangeFilter(DayRangeFilter):
    """Filters appointments by the local day of their location."""

    zone = "day of the location"

    def within(self, queryset: AnyQuerySet, first: date | None, last: date | None) -> AnyQuerySet:
        days = {"date_from": first, "date_to": last}
        filters = {name: within_calendar(day) for name, day in days.items() if day is not None}
        return cast("AppointmentQuerySet[Appointment]", queryset).matching(AppointmentFilters(**filters))  # type: ignore[typeddict-item]


@admin.register(Appointment)
class AppointmentAdmin(NoDeleteMixin, HistoryAdmin):
    noun, machine = "appointment", APPOINTMENT_MACHINE
    form = AppointmentForm
    list_display = ("number", "when", "customer", "vehicle", "where", "technician", "status_badge")
    list_filter = (
        TodayFilter,
        ("status", ChoicesCheckboxFilter),
        ("start", LocalDayRangeFilter),
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
    readonly_fields: tuple[str, ...] = (
        *("customer", "status", "technician", "local_times", "uuid"),
        *("created_at", "assigned_at", "started_at", "completed_at", "cancelled_at"),
    )
    actions_detail: tuple[str, ...] = ("assign", "start", "complete", "cancel")
    add_fieldsets = (
        (None, {"fields": ("vehicle", ("location", "bay"), ("start", "is_walk_in"), "allow_overlap")}),
        ("Work", {"fields": ("services", "reported_problem", "description", "notes")}),
    )
    fieldsets = (
        (None, {"fields": (("status", "technician"), ("customer", "vehicle"))}),
        (
            "Time and place",
            {"fields": (("location", "bay"), ("start", "local_times"), "allow_overlap", "seen_status")},
        ),
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

    def get_fieldsets(self, request: HttpRequest, obj: Appointment | None = None) -> Any:
        """Leave out the consent to an overlap where it has no effect."""
        fieldsets = super().get_fieldsets(request, obj)
        is_movable = obj is None or (
            obj.status == AppointmentStatus.PENDING and self.has_change_permission(request, obj)
        )
        if is_movable and ((obj is not None and obj.technician_id) or Shift.objects.exists()):
            return fieldsets
        return [
            (title, {**options, "fields": [name for name in options["fields"] if name != "allow_overlap"]})
            for title, options in fieldsets
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Appointment | None = None) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        if obj is not None:
            fields = [*fields, "vehicle"]
        if obj is not None and obj.status != AppointmentStatus.PENDING:
            fields = [*fields, *AppointmentForm.MOVE_FIELDS]
        if obj is not None and obj.status not in HOLDS_A_BAY:
            # The facts of a closed appointment cannot be changed. Notes can be added.
            fields = [*fields, "reported_problem", "description"]
        return fields

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: object
    ) -> Field | None:
        if db_field.name == "bay":
            bays = Bay.objects.select_related("location").order_by("location__name", "name", "id")
            return BayChoice(
                bays, required=False, empty_label="Any free bay", widget=UnfoldAdminSelectWidget()
            )
        field: Field | None = super().formfield_for_foreignkey(db_field, request, **kwargs)
        return field

    def formfield_for_dbfield(
        self, db_field: AnyModelField, request: HttpRequest, **kwargs: object
    ) -> Field | None:
        if db_field.name == "start":
            kwargs["help_text"] = (
                "Local time of the location. The services determine the length of the appointment."
            )
        field: Field | None = super().formfield_for_dbfield(db_field, request, **kwargs)
        return field

    def save_model(self, request: HttpRequest, obj: Appointment, form: AppointmentForm, change: bool) -> None:
        now = timezone.now()
        if change:
            if moved := form.changed_move_fields():
                allow_overlap = form.cleaned_data["allow_overlap"]
                move_appointment(
                    appointment=obj, by_staff=True, allow_overlap=allow_overlap, now=now, **moved
                )
            texts = {name: form.cleaned_data[name] for name in _TEXTS if name in form.changed_data}
            change_texts(appointment=obj, **texts)
            return
        values = {name: form.cleaned_data[name] for name in (*form.MOVE_FIELDS, *_TEXTS)}
        values |= {
            "customer": obj.vehicle.customer,
            "vehicle": obj.vehicle,
            "allow_overlap": form.cleaned_data["allow_overlap"],
        }
        if form.cleaned_data["is_walk_in"]:
            del values["start"]
            booked = walk_in(**values, by=request.user.pk, now=now)
        else:
            booked = book_appointment(**values, by_staff=True, now=now)
        obj.pk = booked.pk
        obj.refresh_from_db()

    def zone_of(self, row: Appointment) -> tzinfo:
        return ZoneInfo(row.location.time_zone)

    def offers(self, row: Appointment, button: str) -> bool:
        return row.status in HOLDS_A_BAY if button == "assign" else super().offers(row, button)

    assign = transition_button(
        "Assign",
        assign_technician,
        ask="Choose the technician who works on this vehicle.",
        done="The technician is assigned.",
        icon="engineering",
        form=AssignForm,
        permission=PERMISSIONS["assign"],
    )
    start = transition_button(
        "Start",
        start_appointment,
        ask="Confirm that the vehicle is in the bay and work begins.",
        done="The appointment has started.",
        icon="play_arrow",
        variant=ActionVariant.PRIMARY,
        permission=PERMISSIONS["start"],
        to=AppointmentStatus.IN_PROGRESS,
    )
    complete = transition_button(
        "Complete",
        complete_appointment,
        ask="Confirm that the work is done. The bay becomes free.",
        done="The appointment is completed.",
        icon="check",
        variant=ActionVariant.SUCCESS,
        permission=PERMISSIONS["complete"],
        to=AppointmentStatus.COMPLETED,
    )
    cancel = transition_button(
        "Cancel appointment",
        cancel_appointment,
        ask="The appointment is cancelled, or stopped if work has begun. The bay becomes free.",
        done="The appointment is cancelled.",
        icon="event_busy",
        variant=ActionVariant.DANGER,
        permission=PERMISSIONS["cancel"],
        to=AppointmentStatus.CANCELLED,
    )

    @column("No.", ordering="id")
    def number(self, appointment: Appointment) -> str:
        return f"#{appointment.pk}"

    @column("When", ordering="start")
    def when(self, appointment: Appointment) -> str:
        start, end = _local(appointment)
        return f"{start:%a %d %b %Y, %H:%M}–{end:%H:%M}"

    @column("At the location")
    def local_times(self, appointment: Appointment) -> str | None:
        return f"{self.when(appointment)} ({appointment.location.time_zone})" if appointment.pk else None

    @column("Where", ordering="location__name")
    def where(self, appointment: Appointment) -> str:
        return f"{appointment.location}, {appointment.bay}"

    @badge("Status", colors=STATUS_COLORS, ordering="status")
    def status_badge(self, appointment: Appointment) -> tuple[str, str]:
        return appointment.status, AppointmentStatus(appointment.status).label


def _local(appointment: Appointment) -> tuple[datetime, datetime]:
    return local_time(appointment.location, appointment.start), local_time(
        appointment.location, appointment.end
    )
