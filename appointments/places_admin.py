"""Locations, bays, technicians and services in the staff's admin."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from contextlib import ExitStack

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RelatedDropdownFilter

from accounts.phones import format_phone
from appointments.actions import AppointmentsOutsideHours, make_default_location, watch_appointments
from appointments.forms import LocationForm
from appointments.models import (
    Absence,
    Bay,
    Closure,
    Location,
    OpeningHours,
    ReportedProblem,
    ServiceType,
    Shift,
    Technician,
)
from appointments.resources import ServiceTypeResource
from appointments.slots import format_closing
from common.admin.pages import HistoryAdmin, NoDeleteMixin, StaffAdmin, StaffInline, column, transition_button
from common.admin.transfer import TransferAdmin
from common.domain.defaults import settle_default
from common.domain.types import Json

# The name of the button that saves although appointments would be outside of the hours.
ANYWAY = "_anyway"


def _number(text: str | None) -> int:
    """Return the id in a URL or a form, or 0 if it is none. The form itself refuses it then."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0


class HoursPage(StaffAdmin):
    """Pages that change when a location is open.

    If booked appointments would be outside of the new hours, the page lists them and asks before it saves.
    """

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Json | None = None,
    ) -> HttpResponse:
        return self._asking(
            request,
            object_id,
            lambda: super(HoursPage, self).changeform_view(request, object_id, form_url, extra_context),
        )

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Json | None = None
    ) -> HttpResponse:
        return self._asking(
            request, object_id, lambda: super(HoursPage, self).delete_view(request, object_id, extra_context)
        )

    def get_actions(self, request: HttpRequest) -> Json:
        # Hours are deleted one by one, so that each deletion can ask.
        return {name: a for name, a in super().get_actions(request).items() if name != "delete_selected"}

    def locations_of(self, request: HttpRequest, object_id: str | None) -> QuerySet[Location]:
        """Return the locations whose hours the form may change."""
        raise NotImplementedError

    def _asking(
        self, request: HttpRequest, object_id: str | None, view: Callable[[], HttpResponse]
    ) -> HttpResponse:
        if request.method != "POST":
            return view()
        try:
            with ExitStack() as watched:
                watched.enter_context(transaction.atomic())
                for location in self.locations_of(request, object_id).order_by("id"):
                    anyway = ANYWAY in request.POST
                    watched.enter_context(watch_appointments(location, now=timezone.now(), anyway=anyway))
                return view()
        except AppointmentsOutsideHours as error:
            return TemplateResponse(
                request,
                "appointments/outside_hours.html",
                {
                    **self.admin_site.each_context(request),
                    "title": error.title,
                    "text": error.text,
                    "appointments": error.appointments,
                    "sent": [(name, value) for name, values in request.POST.lists() for value in values],
                    "anyway": ANYWAY,
                    "opts": self.opts,
                },
                status=409,
            )


class OpeningHoursInline(StaffInline):
    model = OpeningHours
    ordering = ("weekday",)
    extra = 0
    max_num = 7
    tab = True


class BayInline(StaffInline):
    model = Bay
    ordering = ("name", "id")
    extra = 0
    tab = True


class ClosureInline(StaffInline):
    model = Closure
    ordering = ("-day",)
    extra = 0
    per_page = 20
    tab = True


@admin.register(Location)
class LocationAdmin(NoDeleteMixin, HoursPage, HistoryAdmin):
    """Locations. The first one is the default, and another one is made it by a button."""

    noun = "location"
    form = LocationForm
    list_display = ("name", "address", "pretty_phone", "time_zone", "is_default")
    search_fields = ("name", "address")
    ordering = ("name", "id")
    readonly_fields = ("is_default", "present_logo", "created_at", "uuid")
    inlines = (OpeningHoursInline, BayInline, ClosureInline)
    actions_detail = ("make_default",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("name", "phone"),
                    "address",
                    ("latitude", "longitude"),
                    ("time_zone", "units"),
                    "is_default",
                )
            },
        ),
        (
            "Identity on papers",
            {"fields": ("legal_name", ("registration_number", "tax_id"), ("email", "paper_size"), "terms")},
        ),
        ("Logo on papers", {"fields": ("present_logo", ("logo_file", "removes_logo"))}),
        ("Fees", {"fields": ("allows_percent_fees",)}),
        ("Record", {"fields": (("created_at", "uuid"),), "classes": ("collapse",)}),
    )

    make_default = transition_button(
        "Make default",
        make_default_location,
        ask="Orders without a location and without an appointment are of the default location.",
        done="This is the default location now.",
        icon="star",
        permission="appointments.change_location",
    )

    def offers(self, row: Location, button: str) -> bool:
        return not row.is_default

    def save_model(
        self, request: HttpRequest, obj: Location, form: forms.ModelForm[Location], change: bool
    ) -> None:
        if not change:
            obj.is_default = settle_default(obj, Location.objects.all(), wanted=None)
        super().save_model(request, obj, form, change)

    def locations_of(self, request: HttpRequest, object_id: str | None) -> QuerySet[Location]:
        return Location.objects.filter(pk=_number(object_id))

    @column("Phone")
    def pretty_phone(self, location: Location) -> str:
        return format_phone(location.phone)

    @column("Logo")
    def present_logo(self, location: Location) -> SafeString | None:
        if location.logo is None:
            return None
        # A browser tells the type of an image by its bytes.
        content = b64encode(location.logo.content).decode()
        return format_html('<img src="data:image/png;base64,{}" alt="The logo" height="64">', content)


class ShiftInline(StaffInline):
    model = Shift
    ordering = ("weekday", "begins")
    extra = 0
    tab = True


class AbsenceInline(StaffInline):
    model = Absence
    ordering = ("-first_day", "-id")
    extra = 0
    per_page = 20
    tab = True


@admin.register(Technician)
class TechnicianAdmin(NoDeleteMixin, HistoryAdmin):
    list_display = ("name", "role", "email", "location", "user")
    list_filter = (("location", RelatedDropdownFilter),)
    list_select_related = ("location", "user")
    search_fields = ("name", "email")
    ordering = ("name", "id")
    autocomplete_fields = ("location", "user")
    fields = (("name", "role"), "email", ("location", "user"))
    inlines = (ShiftInline, AbsenceInline)


@admin.register(Shift)
class ShiftAdmin(HistoryAdmin):
    """Shifts are usually edited on the page of their technician."""

    list_display = ("technician", "weekday", "begins", "until")
    list_filter = (("technician", RelatedDropdownFilter), ("technician__location", RelatedDropdownFilter))
    list_select_related = ("technician",)
    search_fields = ("technician__name",)
    autocomplete_fields = ("technician",)
    ordering = ("technician__name", "weekday", "begins", "id")

    @column("Until", ordering="ends")
    def until(self, shift: Shift) -> str:
        return format_closing(shift.ends)


@admin.register(Absence)
class AbsenceAdmin(HistoryAdmin):
    list_display = ("technician", "first_day", "last_day", "begins", "until", "reason")
    list_filter = (("technician", RelatedDropdownFilter), ("technician__location", RelatedDropdownFilter))
    list_select_related = ("technician",)
    search_fields = ("technician__name", "reason")
    autocomplete_fields = ("technician",)
    fields = ("technician", ("first_day", "last_day"), ("begins", "ends"), "reason")
    date_hierarchy = "first_day"
    ordering = ("-first_day", "-id")

    @column("Until", ordering="ends")
    def until(self, absence: Absence) -> str | None:
        return format_closing(absence.ends) if absence.ends is not None else None


@admin.register(ServiceType)
class ServiceTypeAdmin(NoDeleteMixin, TransferAdmin, StaffAdmin):
    resource_classes = (ServiceTypeResource,)
    list_display = ("name", "code", "minutes", "canned_job")
    list_select_related = ("canned_job",)
    search_fields = ("name", "code")
    ordering = ("name", "id")
    autocomplete_fields = ("canned_job",)
    fields = ("name", ("code", "minutes"), "canned_job")

    def get_export_queryset(self, request: HttpRequest) -> QuerySet[ServiceType]:
        rows: QuerySet[ServiceType] = super().get_export_queryset(request)
        return rows.select_related("canned_job")


@admin.register(ReportedProblem)
class ReportedProblemAdmin(NoDeleteMixin, StaffAdmin):
    list_display = ("name", "description")
    search_fields = ("name", "description")
    ordering = ("name", "id")
    fields = ("name", "description")


class _LocationPartAdmin(StaffAdmin):
    """Base of the pages of a location's parts, which are usually edited on the page of the location."""

    list_select_related = ("location",)
    list_filter = (("location", RelatedDropdownFilter),)
    autocomplete_fields = ("location",)


@admin.register(Bay)
class BayAdmin(_LocationPartAdmin):
    list_display = ("name", "location")
    search_fields = ("name", "location__name")
    ordering = ("location__name", "name", "id")


class _HoursPartAdmin(HoursPage, _LocationPartAdmin):
    """Base of the pages of opening hours and closures. A form may move them to another location."""

    def locations_of(self, request: HttpRequest, object_id: str | None) -> QuerySet[Location]:
        stored = self.model._base_manager.filter(pk=_number(object_id)).values("location")
        return Location.objects.filter(Q(pk=_number(request.POST.get("location"))) | Q(pk__in=stored))


@admin.register(OpeningHours)
class OpeningHoursAdmin(_HoursPartAdmin):
    list_display = ("location", "weekday", "opens", "until")
    search_fields = ("location__name",)
    ordering = ("location__name", "weekday", "id")

    @column("Closes", ordering="closes")
    def until(self, hours: OpeningHours) -> str:
        return format_closing(hours.closes)


@admin.register(Closure)
class ClosureAdmin(_HoursPartAdmin):
    list_display = ("location", "day", "begins", "until", "reason")
    search_fields = ("location__name", "reason")
    date_hierarchy = "day"
    ordering = ("-day", "-id")

    @column("Until", ordering="ends")
    def until(self, closure: Closure) -> str | None:
        return format_closing(closure.ends) if closure.ends is not None else None
