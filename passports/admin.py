"""The admin's pages of passport links."""

from __future__ import annotations

from django.contrib import admin

from common.admin.pages import ReadOnly, StaffAdmin
from passports.models import PassportLink


@admin.register(PassportLink)
class PassportLinkAdmin(ReadOnly, StaffAdmin):
    """Links of passports. Owners and staff make and withdraw them on the page of the vehicle."""

    list_display = ("id", "vehicle", "created_at", "expires_at", "withdrawn_at", "for_next_owner")
    list_filter = (("withdrawn_at", admin.EmptyFieldListFilter),)
    list_select_related = ("vehicle",)
    search_fields = ("vehicle__vin", "vehicle__license_plate", "vehicle__unit_number")
    ordering = ("-id",)
    fields = (("vehicle", "for_next_owner"), ("created_at", "expires_at", "withdrawn_at"))
