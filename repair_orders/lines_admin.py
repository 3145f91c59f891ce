"""Admin pages of the lines of repair orders: forms on the page of their order, and read-only pages of their own."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

from django.contrib import admin
from django.db import models
from django.forms import BaseModelFormSet, ModelForm
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextareaWidget

from common.admin.pages import HistoryAdmin, ReadOnly, StaffInline, column
from common.domain.number_fields import NUMBERS
from common.domain.types import AnyQuerySet
from repair_orders.forms import PartLineForm, ServiceLineForm
from repair_orders.models import EDITABLE_STATUSES, OPEN_STATUSES, Job, PartLine, RepairOrder, ServiceLine

LineFormSet: TypeAlias = "BaseModelFormSet[Any, ModelForm[Any]]"


class _LineInline(StaffInline):
    """The lines of an order, which can change only until the customer approves or denies the estimate."""

    extra = 0
    ordering = ("id",)
    hide_title = True
    sold_fields: tuple[str, ...]  # of lines that cannot change

    def get_fields(self, request: HttpRequest, obj: RepairOrder | None = None) -> tuple[str, ...]:
        """Return the fields. A line that cannot change shows what was sold, and not the catalogue."""
        return self.fields if lines_can_change(obj) else self.sold_fields

    def get_readonly_fields(self, request: HttpRequest, obj: RepairOrder | None = None) -> tuple[str, ...]:
        return () if lines_can_change(obj) else self.sold_fields

    def get_queryset(self, request: HttpRequest) -> AnyQuerySet:
        """Return the lines of jobs. Fees are computed."""
        rows = super().get_queryset(request).filter(job__isnull=False)
        return rows.select_related(self.form.article, "job")  # type: ignore[no-any-return]

    def has_add_permission(self, request: HttpRequest, obj: RepairOrder | None = None) -> bool:
        return lines_can_change(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: RepairOrder | None = None) -> bool:
        return lines_can_change(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: RepairOrder | None = None) -> bool:
        return lines_can_change(obj) and bool(super().has_delete_permission(request, obj))


def lines_can_change(order: RepairOrder | None) -> bool:
    """Return whether the lines, discounts and tax of an order can change. They can for a new order (None)."""
    return order is None or order.status in EDITABLE_STATUSES


class JobInline(StaffInline):
    """The jobs of an order, with words that can change and the state that the customer gave them."""

    model = Job
    extra = 0
    ordering = ("position",)
    hide_title = True
    fields = ("name", "concern", "technician", "state", "amount")
    readonly_fields = ("state", "amount")
    verbose_name_plural = "Jobs"
    formfield_overrides = {
        **NUMBERS,
        models.TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 2})},
    }

    @column("State")
    def state(self, job: Job) -> str:
        return job.get_status_display() if job.pk else "New"

    @column("Amount")
    def amount(self, job: Job) -> str:
        lines: list[PartLine | ServiceLine] = []
        if job.pk:
            lines = [*job.part_lines.all(), *job.service_lines.all()]
        return f"{sum((line.amount for line in lines), Decimal(0)):,}"

    def get_queryset(self, request: HttpRequest) -> AnyQuerySet:
        rows = super().get_queryset(request)
        return rows.prefetch_related("part_lines", "service_lines")  # type: ignore[no-any-return]

    def has_add_permission(self, request: HttpRequest, obj: RepairOrder | None = None) -> bool:
        return _is_open(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: RepairOrder | None = None) -> bool:
        return _is_open(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: RepairOrder | None = None) -> bool:
        return False  # a proposed job is removed by the API and the workbench, which know what was sent


def _is_open(order: RepairOrder | None) -> bool:
    return order is not None and order.status in OPEN_STATUSES


class PartLineInline(_LineInline):
    model = PartLine
    form = PartLineForm
    fields = ("part", "quantity", "unit_price", "taxable", "job")
    sold_fields = ("name", "part_number", "quantity", "unit_price", "amount", "taxable", "job")
    autocomplete_fields = ("part",)
    verbose_name = "part"
    verbose_name_plural = "Parts"


class ServiceLineInline(_LineInline):
    model = ServiceLine
    form = ServiceLineForm
    fields = ("service", "amount", "taxable", "job")
    sold_fields = ("name", "kind", "hours", "rate", "amount", "taxable", "job")
    autocomplete_fields = ("service",)
    verbose_name = "service"
    verbose_name_plural = "Services"


class _LineAdmin(ReadOnly, HistoryAdmin):
    """Read-only pages of lines. Lines change on the page of their order, under its rules."""

    ordering = ("-id",)
    date_hierarchy = "repair_order__created_at"


@admin.register(PartLine)
class PartLineAdmin(_LineAdmin):
    list_display = ("name", "part_number", "repair_order", "quantity", "unit_price", "amount", "taxable")
    list_select_related = ("repair_order",)
    search_fields = ("name", "part_number", "=repair_order__id")


@admin.register(ServiceLine)
class ServiceLineAdmin(_LineAdmin):
    list_display = ("name", "kind", "repair_order", "amount", "taxable")
    list_select_related = ("repair_order",)
    search_fields = ("name", "=repair_order__id")
