"""The admin pages of recommendations."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesCheckboxFilter
from unfold.enums import ActionVariant

from common.admin.forms import SeenStatus
from common.admin.pages import (
    HistoryAdmin,
    NoDeleteMixin,
    ReadOnlyInline,
    badge,
    column,
    transition_button,
)
from vehicles import recommendations as actions
from vehicles.models import STANDING, Recommendation, RecommendationStatus

_S = RecommendationStatus
STATUS_COLORS = {_S.OPEN: "warning", _S.QUOTED: "info", _S.DONE: "success", _S.DISMISSED: "danger"}


class RecommendationInline(ReadOnlyInline):
    """The recommendations of a vehicle, newest first."""

    model = Recommendation
    fields = ("text", "urgency", "amount", "status", "due_on", "due_miles", "created_at")
    readonly_fields = fields
    ordering = ("-id",)
    per_page = 20
    tab = True


@admin.register(Recommendation)
class RecommendationAdmin(NoDeleteMixin, HistoryAdmin):
    """Work that is recommended for vehicles. Those that are done or dismissed are read-only."""

    form = SeenStatus
    list_display = ("summary", "vehicle", "urgency", "price", "due_on", "status_badge")
    list_filter = (
        ("status", ChoicesCheckboxFilter),
        ("urgency", ChoicesCheckboxFilter),
        ("source", ChoicesCheckboxFilter),
    )
    list_select_related = ("vehicle",)
    search_fields = ("text", "vehicle__vin", "vehicle__license_plate", "vehicle__unit_number")
    autocomplete_fields = ("vehicle",)
    ordering = ("-id",)
    readonly_fields = ("status", "source", "code", "created_at")
    actions_detail = ("dismiss",)
    fieldsets = (
        (
            None,
            {"fields": ("vehicle", "text", ("urgency", "amount"), ("due_on", "due_miles"), "seen_status")},
        ),
        ("Record", {"fields": (("status", "source"), ("code", "created_at"))}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Recommendation | None = None) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "vehicle"] if obj else fields

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        is_closed = isinstance(obj, Recommendation) and obj.status not in STANDING
        return not is_closed and bool(super().has_change_permission(request, obj))

    def save_model(
        self, request: HttpRequest, obj: Recommendation, form: ModelForm[Recommendation], change: bool
    ) -> None:
        if not change:
            actions.hold_vehicle(obj.vehicle)
        super().save_model(request, obj, form, change)

    def offers(self, row: Recommendation, button: str) -> bool:
        return row.status == _S.OPEN

    dismiss = transition_button(
        "Dismiss",
        lambda row, by, now: actions.dismiss(recommendation=row),
        ask="The recommendation stays in the vehicle's history, and is not offered any more.",
        done="The recommendation is dismissed.",
        icon="close",
        permission=actions.PERMISSIONS["dismiss"],
        variant=ActionVariant.DANGER,
    )

    @column("Recommendation", ordering="text")
    def summary(self, recommendation: Recommendation) -> str:
        return str(recommendation) or "–"

    @column("Amount", ordering="amount")
    def price(self, recommendation: Recommendation) -> str | None:
        return None if recommendation.amount is None else f"${recommendation.amount:,}"

    @badge("Status", colors=STATUS_COLORS, ordering="status")
    def status_badge(self, recommendation: Recommendation) -> tuple[Any, str]:
        return recommendation.status, RecommendationStatus(recommendation.status).label
