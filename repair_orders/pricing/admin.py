"""Admin pages of labour rates, tax rules, fees, overrun policies and exemption certificates."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesCheckboxFilter, RelatedDropdownFilter

from common.admin.filters import DayRangeFilter
from common.admin.pages import HistoryAdmin, StaffAdmin, transition_button
from common.admin.transfer import TransferAdmin
from common.domain.defaults import settle_default
from common.domain.types import Json
from customers.admin import CUSTOMER_SEARCH
from repair_orders.pricing import actions
from repair_orders.pricing.forms import FeeRuleForm
from repair_orders.pricing.models import FeeRule, LabourRate, OverrunPolicy, TaxExemption, TaxRule
from repair_orders.pricing.resources import (
    FeeRuleResource,
    LabourRateResource,
    OverrunPolicyResource,
    TaxExemptionResource,
    TaxRuleResource,
)


class _OfLocationAdmin(TransferAdmin, StaffAdmin):
    """Base of the pages of what a location charges. The location of a stored row does not change."""

    list_filter: tuple[object, ...] = (("location", RelatedDropdownFilter),)
    list_filter_submit = True
    list_select_related = ("location",)
    autocomplete_fields: tuple[str, ...] = ("location",)

    def get_readonly_fields(self, request: HttpRequest, obj: object | None = None) -> list[str]:
        fields = [*super().get_readonly_fields(request, obj)]
        return [*fields, "location"] if obj else fields

    def get_export_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_export_queryset(request)
        return rows.select_related("location")


@admin.register(LabourRate)
class LabourRateAdmin(HistoryAdmin, _OfLocationAdmin):
    """Labour rates. The first one of a location is its default, and another one is made it by a button."""

    noun = "rate"
    resource_classes = (LabourRateResource,)
    list_display = ("name", "location", "per_hour", "is_default")
    search_fields = ("name", "location__name")
    ordering = ("location__name", "name", "id")
    readonly_fields = ("is_default",)
    fields = ("location", ("name", "per_hour"), "is_default")
    actions_detail = ("make_default",)

    make_default = transition_button(
        "Make default",
        actions.make_default_rate,
        ask="Labour lines of this location take the default rate.",
        done="This is the default rate of the location now.",
        icon="star",
        permission="repair_orders.change_labourrate",
    )

    def offers(self, row: LabourRate, button: str) -> bool:
        return not row.is_default

    def save_model(
        self, request: HttpRequest, obj: LabourRate, form: forms.ModelForm[LabourRate], change: bool
    ) -> None:
        if not change:
            others = LabourRate.objects.filter(location=obj.location)
            obj.is_default = settle_default(obj, others, wanted=None)
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: LabourRate | None = None) -> bool:
        """Return whether the rate can be deleted. The default of a location stays while it has others."""
        may = bool(super().has_delete_permission(request, obj))
        if obj is None or not obj.is_default:
            return may
        return may and not LabourRate.objects.filter(location=obj.location).exclude(pk=obj.pk).exists()

    def get_actions(self, request: HttpRequest) -> Json:
        # Rates are deleted one by one, so that the default one stays.
        return {name: a for name, a in super().get_actions(request).items() if name != "delete_selected"}


@admin.register(TaxRule)
class TaxRuleAdmin(HistoryAdmin, _OfLocationAdmin):
    resource_classes = (TaxRuleResource,)
    list_display = ("location", "percent", "taxes_parts", "taxes_labour", "taxes_fees", "taxes_sublet")
    search_fields = ("location__name",)
    ordering = ("location__name", "id")
    fieldsets = (
        (None, {"fields": (("location", "percent"),)}),
        (
            "Taxable",
            {
                "fields": (("taxes_parts", "taxes_labour", "taxes_fees", "taxes_sublet"),),
                "description": "New orders take the percentage. Orders that exist keep theirs. Where two taxes are "
                "charged, enter their sum.",
            },
        ),
    )


@admin.register(FeeRule)
class FeeRuleAdmin(HistoryAdmin, _OfLocationAdmin):
    form = FeeRuleForm
    resource_classes = (FeeRuleResource,)
    list_display = ("name", "location", "kind", "percent", "amount", "cap", "taxable", "is_active")
    list_filter = (
        ("location", RelatedDropdownFilter),
        ("kind", ChoicesCheckboxFilter),
        ("is_active", BooleanRadioFilter),
    )
    search_fields = ("name", "location__name")
    autocomplete_fields = ("location", "parts")
    ordering = ("location__name", "name", "id")
    fields = (
        ("location", "name"),
        "kind",
        ("percent", "amount", "cap"),
        "parts",
        ("taxable", "is_active"),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: object | None = None) -> list[str]:
        # The form reads the location, so it stays a field.
        return [name for name in super().get_readonly_fields(request, obj) if name != "location"]


@admin.register(OverrunPolicy)
class OverrunPolicyAdmin(HistoryAdmin, _OfLocationAdmin):
    resource_classes = (OverrunPolicyResource,)
    list_display = ("location", "percent", "amount", "choose", "cap", "basis")
    search_fields = ("location__name",)
    ordering = ("location__name", "id")
    fieldsets = (
        (
            None,
            {
                "fields": ("location", ("percent", "amount", "choose"), ("cap", "basis")),
                "description": "How far an order may go beyond what the customer authorised. Check the law of the "
                "location.",
            },
        ),
    )


@admin.register(TaxExemption)
class TaxExemptionAdmin(HistoryAdmin, TransferAdmin):
    """Exemption certificates of customers."""

    resource_classes = (TaxExemptionResource,)
    list_display = ("customer", "number", "valid_from", "valid_until", "location")
    list_filter = (("location", RelatedDropdownFilter), ("valid_until", DayRangeFilter))
    list_filter_submit = True
    list_select_related = ("customer__contact", "location")
    search_fields = ("number", *(f"customer__{name}" for name in CUSTOMER_SEARCH))
    autocomplete_fields = ("customer", "location")
    ordering = ("-valid_from", "-id")
    fields = ("customer", ("number", "location"), ("valid_from", "valid_until"))

    def get_export_queryset(self, request: HttpRequest) -> QuerySet[TaxExemption]:
        rows: QuerySet[TaxExemption] = super().get_export_queryset(request)
        return rows.select_related("customer", "location")
