"""The admin's pages of trouble codes."""

from __future__ import annotations

from django.contrib import admin

from common.admin.pages import ReadOnly, ReadOnlyInline, StaffAdmin, column, transition_button
from vehicles.codes import actions
from vehicles.codes.models import Dtc


class DtcInline(ReadOnlyInline):
    """The trouble codes of a vehicle, the last seen first."""

    model = Dtc
    verbose_name_plural = "Trouble codes"
    fields = ("code", "description", "source", "first_seen_at", "seen_at", "cleared_at")
    readonly_fields = fields
    ordering = ("-seen_at", "-id")
    per_page = 20
    tab = True

    @column("Meaning")
    def description(self, dtc: Dtc) -> str:
        return dtc.description


@admin.register(Dtc)
class DtcAdmin(ReadOnly, StaffAdmin):
    """Trouble codes. Dongles and customers report them, and staff clear them."""

    list_display = ("code", "meaning", "vehicle", "seen_at", "cleared_at")
    list_filter = (("cleared_at", admin.EmptyFieldListFilter),)
    list_select_related = ("vehicle",)
    search_fields = ("code", "vehicle__vin", "vehicle__license_plate", "vehicle__unit_number")
    ordering = ("-id",)
    actions_detail = ("clear",)
    fields = (
        "vehicle",
        ("code", "meaning"),
        ("source", "note"),
        ("first_seen_at", "seen_at"),
        ("cleared_at", "created_at"),
    )

    def offers(self, row: Dtc, button: str) -> bool:
        return row.cleared_at is None

    clear = transition_button(
        "Clear",
        lambda row, by, now: actions.clear(dtc=row, now=now),
        ask="Its recommendation is closed, unless the customer approved the work.",
        done="The code is cleared.",
        icon="check",
        permission=actions.PERMISSIONS["clear"],
    )

    @column("Meaning")
    def meaning(self, dtc: Dtc) -> str:
        return dtc.description
