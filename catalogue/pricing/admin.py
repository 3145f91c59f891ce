"""Admin pages of price matrices and canned jobs."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesCheckboxFilter, RelatedDropdownFilter

from catalogue.pricing import actions
from catalogue.pricing.models import CannedJob, CannedLine, PriceBand, PriceMatrix
from catalogue.pricing.resources import CannedLineResource, PriceBandResource
from common.admin.pages import HistoryAdmin, StaffInline, transition_button
from common.admin.transfer import TransferAdmin
from common.domain.defaults import settle_default
from common.domain.types import Json


class PriceBandInline(StaffInline):
    model = PriceBand
    ordering = ("from_cost", "id")
    extra = 0


@admin.register(PriceMatrix)
class PriceMatrixAdmin(HistoryAdmin):
    """Price matrices with their bands. The first one is the default, and another one is made it by a button."""

    noun = "matrix"
    list_display = ("name", "is_default")
    search_fields = ("name",)
    ordering = ("name", "id")
    readonly_fields = ("is_default",)
    fields = ("name", "is_default")
    inlines = (PriceBandInline,)
    actions_detail = ("make_default",)

    make_default = transition_button(
        "Make default",
        actions.make_default_matrix,
        ask="Parts with a cost and without a price take their price from the default matrix.",
        done="This is the default matrix now.",
        icon="star",
        permission="catalogue.change_pricematrix",
    )

    def offers(self, row: PriceMatrix, button: str) -> bool:
        return not row.is_default

    def save_model(
        self, request: HttpRequest, obj: PriceMatrix, form: forms.ModelForm[PriceMatrix], change: bool
    ) -> None:
        if not change:
            obj.is_default = settle_default(obj, PriceMatrix.objects.all(), wanted=None)
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: PriceMatrix | None = None) -> bool:
        """Return whether the matrix can be deleted. The default one stays while there are others."""
        may = bool(super().has_delete_permission(request, obj))
        is_last = obj is None or not obj.is_default or not PriceMatrix.objects.exclude(pk=obj.pk).exists()
        return may and is_last

    def get_actions(self, request: HttpRequest) -> Json:
        # Matrices are deleted one by one, so that the default one stays.
        return {name: a for name, a in super().get_actions(request).items() if name != "delete_selected"}


@admin.register(PriceBand)
class PriceBandAdmin(HistoryAdmin, TransferAdmin):
    """The bands of all matrices, to import and export. They are edited on the page of their matrix, too."""

    resource_classes = (PriceBandResource,)
    list_display = ("matrix", "from_cost", "multiplier", "margin")
    list_filter = (("matrix", RelatedDropdownFilter),)
    list_select_related = ("matrix",)
    search_fields = ("matrix__name",)
    autocomplete_fields = ("matrix",)
    ordering = ("matrix__name", "from_cost", "id")
    fields = ("matrix", "from_cost", ("multiplier", "margin"))

    def get_export_queryset(self, request: HttpRequest) -> QuerySet[PriceBand]:
        rows: QuerySet[PriceBand] = super().get_export_queryset(request)
        return rows.select_related("matrix")


class CannedLineInline(StaffInline):
    model = CannedLine
    ordering = ("position", "id")
    autocomplete_fields = ("part", "service")
    extra = 0


@admin.register(CannedJob)
class CannedJobAdmin(HistoryAdmin):
    list_display = ("name", "concern", "is_listed")
    list_filter = (("is_listed", BooleanRadioFilter),)
    search_fields = ("name", "concern")
    ordering = ("name", "id")
    fields = (("name", "is_listed"), "concern")
    inlines = (CannedLineInline,)


@admin.register(CannedLine)
class CannedLineAdmin(HistoryAdmin, TransferAdmin):
    """The lines of all canned jobs, to import and export. They are edited on the page of their job, too."""

    resource_classes = (CannedLineResource,)
    list_display = (
        "canned_job",
        "position",
        "kind",
        "part",
        "service",
        "name",
        "quantity",
        "hours",
        "amount",
        "cost",
    )
    list_filter = (("kind", ChoicesCheckboxFilter), ("canned_job", RelatedDropdownFilter))
    list_filter_submit = True
    list_select_related = ("canned_job", "part", "service")
    search_fields = ("canned_job__name", "name")
    autocomplete_fields = ("canned_job", "part", "service")
    ordering = ("canned_job__name", "position", "id")
    fields = (
        ("canned_job", "position"),
        "kind",
        ("part", "quantity"),
        ("service", "name"),
        ("hours", "amount", "cost"),
    )

    def get_export_queryset(self, request: HttpRequest) -> QuerySet[CannedLine]:
        rows: QuerySet[CannedLine] = super().get_export_queryset(request)
        return rows.select_related("canned_job", "part", "service")
