"""Repair orders with their lines, totals and steps. What they sell stands in `catalogue_admin`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import (
    ChoicesCheckboxFilter,
    RangeDateFilter,
)
from unfold.enums import ActionVariant
from unfold.views import ChangeList

from common.admin.pages import (
    HistoryAdmin,
    NoDeleteMixin,
    ReadOnly,
    StaffAdmin,
    badge,
    column,
    transition_button,
)
from common.domain.types import AnyQuerySet
from files.queries import public_url
from repair_orders import actions
from repair_orders.forms import (
    NotesForm,
    PartLineForm,
    ReasonForm,
    RepairOrderForm,
    ServiceLineForm,
    TotalForm,
)
from repair_orders.models import (
    LINES_MAY_CHANGE,
    REPAIR_ORDER_MACHINE,
    PartLine,
    RepairOrder,
    RepairOrderStatus,
    RepairPhoto,
    ServiceLine,
)
from repair_orders.queries import photos_of, totals_of, totals_with_lines, with_lines

STATUS_COLORS = {
    RepairOrderStatus.REQUESTED: "warning",
    RepairOrderStatus.PENDING: "warning",
    RepairOrderStatus.APPROVED: "info",
    RepairOrderStatus.DENIED: "danger",
    RepairOrderStatus.IN_PROGRESS: "info",
    RepairOrderStatus.COMPLETED: "success",
}
# What the total is made of beside the lines; it is fixed when they are.
_TERMS = ("discount_amount", "discount_percent", "tax_percent")


class _LineInline(TabularInline):
    """Lines, until the customer has said his word."""

    extra = 0
    ordering = ("id",)
    hide_title = True

    def get_queryset(self, request: HttpRequest) -> AnyQuerySet:
        return super().get_queryset(request).select_related(self.form.sold)  # type: ignore[no-any-return]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_open(obj) and bool(super().has_add_permission(request, obj))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_open(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_open(obj) and bool(super().has_delete_permission(request, obj))


def _is_open(order: RepairOrder | None) -> bool:
    return order is None or order.status in LINES_MAY_CHANGE


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


class _WithLines(ChangeList):
    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[RepairOrder]:
        return with_lines(super().get_queryset(*args, **kwargs))


@admin.register(RepairOrder)
class RepairOrderAdmin(NoDeleteMixin, HistoryAdmin):
    noun, machine = "order", REPAIR_ORDER_MACHINE
    form = RepairOrderForm
    list_display = ("number", "created_at", "customer", "vehicle", "summary", "total", "status_badge")
    list_filter = (("status", ChoicesCheckboxFilter), ("created_at", RangeDateFilter))
    list_filter_submit = True
    list_select_related = ("vehicle", "customer__contact")
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
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    autocomplete_fields = ("vehicle",)
    readonly_fields = (
        *("customer", "status", "totals", "denial_reason", "photos", "created_at", "uuid"),
        *("estimated_at", "approved_at", "denied_at", "started_at", "completed_at"),
    )
    inlines = (PartLineInline, ServiceLineInline)
    actions_detail = ("estimate", "approve", "deny", "start", "complete")
    add_fieldsets = (
        (None, {"fields": ("vehicle", "description", "notes")}),
        ("Terms", {"fields": (_TERMS,)}),
    )
    fieldsets = (
        (None, {"fields": (("status", "denial_reason"), ("customer", "vehicle"), "seen_status")}),
        ("Work", {"fields": ("description", "photos", "notes")}),
        ("Totals", {"fields": (_TERMS, "totals")}),
        (
            "Record",
            {
                "fields": (
                    ("created_at", "estimated_at"),
                    ("approved_at", "denied_at"),
                    ("started_at", "completed_at"),
                    "uuid",
                ),
                "classes": ("collapse",),
            },
        ),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _WithLines

    def get_readonly_fields(self, request: HttpRequest, obj: RepairOrder | None = None) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        if obj is not None:
            fields = [*fields, "vehicle"]
        return fields if _is_open(obj) else [*fields, *_TERMS]

    def save_model(self, request: HttpRequest, obj: RepairOrder, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        order = form.instance
        changed = [line for formset in formsets for line in formset.save(commit=False)]
        removed = [line for formset in formsets for line in formset.deleted_objects]
        if changed or removed or _is_open(order):  # other terms, too, must leave a total that can be stored
            actions.change_lines(order=order, save=changed, remove=removed)

    estimate = transition_button(
        "Send estimate",
        actions.send_estimate,
        ask="The customer is asked for his word on the lines as they are.",
        done="The estimate is sent.",
        icon="send",
        variant=ActionVariant.PRIMARY,
        form=NotesForm,
        permission=actions.PERMISSIONS["estimate"],
        to=RepairOrderStatus.PENDING,
    )
    approve = transition_button(
        "Approve",
        actions.approve,
        ask="The customer says yes to exactly this total.",
        done="The order is approved.",
        icon="thumb_up",
        variant=ActionVariant.SUCCESS,
        form=TotalForm,
        permission=actions.PERMISSIONS["approve"],
        to=RepairOrderStatus.APPROVED,
    )
    deny = transition_button(
        "Deny",
        actions.deny,
        ask="The customer says no, or the shop does not take the work.",
        done="The order is denied.",
        icon="thumb_down",
        variant=ActionVariant.DANGER,
        form=ReasonForm,
        permission=actions.PERMISSIONS["deny"],
        to=RepairOrderStatus.DENIED,
    )
    start = transition_button(
        "Start",
        actions.start,
        ask="Work on the vehicle begins.",
        done="The work has started.",
        icon="play_arrow",
        variant=ActionVariant.PRIMARY,
        permission=actions.PERMISSIONS["start"],
        to=RepairOrderStatus.IN_PROGRESS,
    )
    complete = transition_button(
        "Complete",
        actions.complete,
        ask="The work is done: the total is frozen and the customer is told.",
        done="The order is completed.",
        icon="check",
        variant=ActionVariant.SUCCESS,
        permission=actions.PERMISSIONS["complete"],
        to=RepairOrderStatus.COMPLETED,
    )

    @column("No.", ordering="id")
    def number(self, order: RepairOrder) -> str:
        return f"#{order.pk}"

    @column("What")
    def summary(self, order: RepairOrder) -> str:
        words = order.description or order.notes
        return words if len(words) <= 60 else f"{words[:59]}…"

    @column("Total")
    def total(self, order: RepairOrder) -> str:
        return f"${totals_with_lines(order).total:,}"

    @column("Photos")
    def photos(self, order: RepairOrder) -> SafeString:
        # Unfold asks for a line's text five times a page.
        found = vars(order).get("shown") or vars(order).setdefault("shown", list(photos_of(order)))
        shown = ((public_url(upload.key), upload.name) for upload in found)
        return format_html_join(", ", '<a href="{}" target="_blank" rel="noopener">{}</a>', shown)

    @column("Totals")
    def totals(self, order: RepairOrder) -> SafeString:
        # Unfold asks for a line's text five times a page.
        figures = vars(order).get("figures") or vars(order).setdefault("figures", totals_of(order))
        rows = (
            ("", "Subtotal", f"{figures.subtotal:,}"),
            ("", "Discount", f"−{figures.discount:,}" if figures.discount else "0.00"),
            ("", "Tax", f"{figures.tax:,}"),
            ("font-semibold", "Total", f"{figures.total:,}"),
        )
        return format_html(
            '<table class="tabular-nums">{}</table>',
            format_html_join(
                "",
                '<tr class="{}"><td class="pr-8">{}</td><td class="text-right">{}</td></tr>',
                rows,
            ),
        )

    @badge("Status", colors=STATUS_COLORS, ordering="status")
    def status_badge(self, order: RepairOrder) -> tuple[str, str]:
        return order.status, RepairOrderStatus(order.status).label


@admin.register(RepairPhoto)
class RepairPhotoAdmin(ReadOnly, StaffAdmin):
    list_display = ("upload", "repair_order")
    list_select_related = ("upload", "repair_order")
    search_fields = ("upload__name", "=repair_order__id")
    ordering = ("-id",)


class _SoldAdmin(ReadOnly, HistoryAdmin):
    """Lines by themselves are looked at; they change on their order's page, under its rules."""

    ordering = ("-id",)
    date_hierarchy = "repair_order__created_at"


@admin.register(PartLine)
class PartLineAdmin(_SoldAdmin):
    list_display = ("part", "repair_order", "quantity", "unit_price", "taxable")
    list_select_related = ("part", "repair_order")
    search_fields = ("part__name", "part__part_number", "=repair_order__id")


@admin.register(ServiceLine)
class ServiceLineAdmin(_SoldAdmin):
    list_display = ("service", "repair_order", "labor_cost", "taxable")
    list_select_related = ("service", "repair_order")
    search_fields = ("service__name", "=repair_order__id")
