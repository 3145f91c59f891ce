"""Locations, bays, technicians and services in the staff's admin."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import RelatedDropdownFilter

from accounts.phones import format_phone
from appointments.models import (
    Bay,
    Closure,
    Location,
    OpeningHours,
    ReportedProblem,
    ServiceType,
    Technician,
)
from common.admin.pages import HistoryAdmin, NoDeleteMixin, StaffAdmin, column


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
class LocationAdmin(NoDeleteMixin, HistoryAdmin):
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
        return format_phone(location.phone)


@admin.register(Technician)
class TechnicianAdmin(NoDeleteMixin, HistoryAdmin):
    list_display = ("name", "role", "email", "location", "user")
    list_filter = (("location", RelatedDropdownFilter),)
    list_select_related = ("location", "user")
    search_fields = ("name", "email")
    ordering = ("name", "id")
    autocomplete_fields = ("location", "user")
    fields = (("name", "role"), "email", ("location", "user"))


@admin.register(ServiceType)
class ServiceTypeAdmin(NoDeleteMixin, StaffAdmin):
    list_display = ("name", "code", "minutes")
    search_fields = ("name", "code")
    ordering = ("name", "id")
    fields = ("name", ("code", "minutes"))


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


@admin.register(OpeningHours)
class OpeningHoursAdmin(_LocationPartAdmin):
    list_display = ("location", "weekday", "opens", "closes")
    search_fields = ("location__name",)
    ordering = ("location__name", "weekday", "id")


@admin.register(Closure)
class ClosureAdmin(_LocationPartAdmin):
    list_display = ("location", "day", "reason")
    search_fields = ("location__name", "reason")
    date_hierarchy = "day"
    ordering = ("-day", "-id")
