"""Admin pages of the lines of repair orders: forms on the page of their order, and read-only pages of their own."""

from __future__ import annotations

from typing import TypeAlias

from django.contrib import admin
from django.forms import BaseModelFormSet, ModelForm
from django.http import HttpRequest
from unfold.admin import TabularInline

from common.admin.pages import HistoryAdmin, ReadOnly
from common.domain.types import AnyQuerySet
from repair_orders.forms import PartLineForm, ServiceLineForm
from repair_orders.models import EDITABLE_STATUSES, PartLine, RepairOrder, ServiceLine

LineFormSet: TypeAlias = "BaseModelFormSet[PartLine | ServiceLine, ModelForm[PartLine | ServiceLine]]"


class _LineInline(TabularInline):
    """The lines of an order, which can change only until the customer approves or denies the estimate."""

    extra = 0
    ordering = ("id",)
    hide_title = True

    def get_queryset(self, request: HttpRequest) -> AnyQuerySet:
        return super().get_queryset(request).select_related(self.form.article)  # type: ignore[no-any-return]

    def has_add_permission(self, request: HttpRequest, obj: RepairOrder | None = None) -> bool:
        return lines_can_change(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: RepairOrder | None = None) -> bool:
        return lines_can_change(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: RepairOrder | None = None) -> bool:
        return lines_can_change(obj) and bool(super().has_delete_permission(request, obj))


def lines_can_change(order: RepairOrder | None) -> bool:
    """Return whether the lines, discounts and tax of an order can change. They can for a new order (None)."""
    return order is None or order.status in EDITABLE_STATUSES


class PartLineInline(_LineInline):
    model = PartLine
    form = PartLineForm
    fields = ("part", "quantity", "unit_price", "taxable")
    autocomplete_fields = ("part",)
    verbose_name = "part"
    verbose_name_plural = "Parts"


class ServiceLineInline(_LineInline):
    model = ServiceLine
    form = ServiceLineForm
    fields = ("service", "labor_cost", "taxable")
    autocomplete_fields = ("service",)
    verbose_name = "service"
    verbose_name_plural = "Services"


class _LineAdmin(ReadOnly, HistoryAdmin):
    """Read-only pages of lines. Lines change on the page of their order, under its rules."""

    ordering = ("-id",)
    date_hierarchy = "repair_order__created_at"


@admin.register(PartLine)
class PartLineAdmin(_LineAdmin):
    list_display = ("part", "repair_order", "quantity", "unit_price", "taxable")
    list_select_related = ("part", "repair_order")
    search_fields = ("part__name", "part__part_number", "=repair_order__id")


@admin.register(ServiceLine)
class ServiceLineAdmin(_LineAdmin):
    list_display = ("service", "repair_order", "labor_cost", "taxable")
    list_select_related = ("service", "repair_order")
    search_fields = ("service__name", "=repair_order__id")
