"""Admin pages of repair orders with their photos, totals and transitions."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
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
from files.queries import public_url
from repair_orders import actions
from repair_orders.forms import (
    NotesForm,
    ReasonForm,
    RepairOrderForm,
    TotalForm,
)
from repair_orders.lines_admin import LineFormSet, PartLineInline, ServiceLineInline, lines_can_change
from repair_orders.models import (
    REPAIR_ORDER_MACHINE,
    RepairOrder,
    RepairOrderStatus,
    RepairPhoto,
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
# Discounts and tax. They can change only while the lines can.
_TERMS = ("discount_amount", "discount_percent", "tax_percent")


class _OrderChangeList(ChangeList):
    """The list of orders with their lines, which the column of totals reads."""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[RepairOrder]:
        return with_lines(super().get_queryset(request, exclude_parameters))


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

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return _OrderChangeList

    def get_readonly_fields(self, request: HttpRequest, obj: RepairOrder | None = None) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        if obj is not None:
            fields = [*fields, "vehicle"]
        return fields if lines_can_change(obj) else [*fields, *_TERMS]

    def save_model(
        self, request: HttpRequest, obj: RepairOrder, form: ModelForm[RepairOrder], change: bool
    ) -> None:
        if not change:
            obj.created_at = timezone.now()
        super().save_model(request, obj, form, change)

    def save_related(
        self, request: HttpRequest, form: ModelForm[RepairOrder], formsets: list[LineFormSet], change: bool
    ) -> None:
        order = form.instance
        changed = [line for formset in formsets for line in formset.save(commit=False)]
        removed = [line for formset in formsets for line in formset.deleted_objects]
        # Changed discounts or tax can also make the total too large, which `change_lines` checks.
        if changed or removed or lines_can_change(order):
            actions.change_lines(order=order, save=changed, remove=removed)

    estimate = transition_button(
        "Send estimate",
        actions.send_estimate,
        ask="Send the customer an estimate of the current lines?",
        done="The estimate was sent.",
        icon="send",
        variant=ActionVariant.PRIMARY,
        form=NotesForm,
        permission=actions.PERMISSIONS["estimate"],
        to=RepairOrderStatus.PENDING,
    )
    approve = transition_button(
        "Approve",
        actions.approve,
        ask="Approve exactly this total for the customer?",
        done="The order was approved.",
        icon="thumb_up",
        variant=ActionVariant.SUCCESS,
        form=TotalForm,
        permission=actions.PERMISSIONS["approve"],
        to=RepairOrderStatus.APPROVED,
    )
    deny = transition_button(
        "Deny",
        actions.deny,
        ask="Deny the order for the customer, or because the shop does not take the work?",
        done="The order was denied.",
        icon="thumb_down",
        variant=ActionVariant.DANGER,
        form=ReasonForm,
        permission=actions.PERMISSIONS["deny"],
        to=RepairOrderStatus.DENIED,
    )
    start = transition_button(
        "Start",
        actions.start,
        ask="Start the work on the vehicle?",
        done="The work was started.",
        icon="play_arrow",
        variant=ActionVariant.PRIMARY,
        permission=actions.PERMISSIONS["start"],
        to=RepairOrderStatus.IN_PROGRESS,
    )
    complete = transition_button(
        "Complete",
        actions.complete,
        ask="Complete the order? Its total is stored and the customer is notified.",
        done="The order was completed.",
        icon="check",
        variant=ActionVariant.SUCCESS,
        permission=actions.PERMISSIONS["complete"],
        to=RepairOrderStatus.COMPLETED,
    )

    @column("No.", ordering="id")
    def number(self, order: RepairOrder) -> str:
        return f"#{order.pk}"

    @column("Problem")
    def summary(self, order: RepairOrder) -> str:
        text = order.description or order.notes
        return text if len(text) <= 60 else f"{text[:59]}…"

    @column("Total")
    def total(self, order: RepairOrder) -> str:
        return f"${totals_with_lines(order).total:,}"

    # Unfold renders a read-only field five times per page, so `photos` and `totals` keep their rows on the order.
    @column("Photos")
    def photos(self, order: RepairOrder) -> SafeString:
        uploads = vars(order).get("uploads") or vars(order).setdefault("uploads", list(photos_of(order)))
        links = ((public_url(upload.key), upload.name) for upload in uploads)
        return format_html_join(", ", '<a href="{}" target="_blank" rel="noopener">{}</a>', links)

    @column("Totals")
    def totals(self, order: RepairOrder) -> SafeString:
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
