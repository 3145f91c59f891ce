"""Admin pages of returns."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesCheckboxFilter
from unfold.enums import ActionVariant

from common.admin.filters import DayRangeFilter
from common.admin.pages import (
    HistoryAdmin,
    NoDeleteMixin,
    ReadOnly,
    ReadOnlyInline,
    StaffAdmin,
    badge,
    column,
    transition_button,
)
from common.domain import ids
from common.domain.types import AnyQuerySet
from customers.admin import CUSTOMER_SEARCH
from orders import returns
from orders.forms import RefundForm
from orders.models import RETURN_MACHINE, RETURN_PREFIX, ReturnLine, ReturnRequest, ReturnStatus
from repair_orders.forms import ReasonForm

RETURN_COLORS = {
    ReturnStatus.REQUESTED: "warning",
    ReturnStatus.APPROVED: "info",
    ReturnStatus.RECEIVED: "info",
    ReturnStatus.REFUNDED: "success",
    ReturnStatus.REFUSED: "danger",
}


class NumberSearchMixin(StaffAdmin):
    """Finds a row by the number that the customer sees, such as `ORD123`."""

    prefix: str

    def get_search_results(
        self, request: HttpRequest, queryset: AnyQuerySet, search_term: str
    ) -> tuple[AnyQuerySet, bool]:
        number = ids.parse_id(self.prefix, search_term.strip().upper())
        if number is not None:
            return queryset.filter(pk=number), False
        found: tuple[AnyQuerySet, bool] = super().get_search_results(request, queryset, search_term)
        return found


class ReturnLineInline(ReadOnlyInline):
    model = ReturnLine
    fields = ("item", "paid", "refunded")
    readonly_fields = fields
    hide_title = True
    ordering = ("item",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReturnLine]:
        return super().get_queryset(request).select_related("item")  # type: ignore[no-any-return]

    @column("Paid")
    def paid(self, line: ReturnLine) -> str:
        return f"${line.item.subtotal:,}"

    @column("Refunded")
    def refunded(self, line: ReturnLine) -> str:
        return f"${line.item.refunded:,}"


@admin.register(ReturnRequest)
class ReturnAdmin(NoDeleteMixin, NumberSearchMixin, HistoryAdmin):
    """Customers request returns. Staff decide on them by the buttons only."""

    noun, machine = "request", RETURN_MACHINE
    prefix = RETURN_PREFIX
    list_display = ("name", "created_at", "order", "customer", "reason", "amount", "status_badge")
    list_filter = (("status", ChoicesCheckboxFilter), ("created_at", DayRangeFilter))
    list_filter_submit = True
    list_select_related = ("order__customer__contact",)
    search_fields = ("=id", "=order__id", "reason", *(f"order__customer__{name}" for name in CUSTOMER_SEARCH))
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    readonly_fields = ("customer", "amount")
    inlines = (ReturnLineInline,)
    actions_detail = ("approve", "receive", "refund", "refuse")
    fieldsets = (
        (None, {"fields": (("status", "order"), ("customer", "amount"))}),
        ("Reason", {"fields": ("reason", "description", "refusal_reason")}),
        (
            "Record",
            {
                "fields": (
                    ("created_at", "approved_at"),
                    ("received_at", "refunded_at"),
                    ("refused_at", "uuid"),
                ),
                "classes": ("collapse",),
            },
        ),
    )

    def has_add_permission(self, request: HttpRequest, obj: ReturnRequest | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ReturnRequest | None = None) -> bool:
        return False

    approve = transition_button(
        "Approve",
        returns.approve,
        ask="The customer may send the items back. They are notified.",
        done="The return is approved.",
        icon="thumb_up",
        variant=ActionVariant.PRIMARY,
        permission=returns.PERMISSIONS["approve"],
        to=ReturnStatus.APPROVED,
    )
    receive = transition_button(
        "Received",
        returns.receive,
        ask="The items have arrived. The customer is notified.",
        done="The return is received.",
        icon="move_to_inbox",
        variant=ActionVariant.PRIMARY,
        permission=returns.PERMISSIONS["receive"],
        to=ReturnStatus.RECEIVED,
    )
    refund = transition_button(
        "Refund",
        returns.refund,
        ask="The money goes back to the customer. They are notified.",
        done="The return is refunded.",
        icon="currency_exchange",
        variant=ActionVariant.SUCCESS,
        form=RefundForm,
        permission=returns.PERMISSIONS["refund"],
        to=ReturnStatus.REFUNDED,
    )
    refuse = transition_button(
        "Refuse",
        returns.refuse,
        ask="The customer keeps the items or gets them back. They are notified.",
        done="The return is refused.",
        icon="thumb_down",
        variant=ActionVariant.DANGER,
        form=ReasonForm,
        permission=returns.PERMISSIONS["refuse"],
        to=ReturnStatus.REFUSED,
    )

    @column("No.")
    def name(self, request: ReturnRequest) -> str:
        return request.number

    @column("Customer")
    def customer(self, request: ReturnRequest) -> str:
        return request.order.customer.name

    @column("Refund", ordering="refund_amount")
    def amount(self, request: ReturnRequest) -> str:
        return f"${request.refund_amount:,}"

    @badge("Status", colors=RETURN_COLORS, ordering="status")
    def status_badge(self, request: ReturnRequest) -> tuple[str, str]:
        return request.status, ReturnStatus(request.status).label


class LineAdmin(ReadOnly, StaffAdmin):
    """Read-only pages of lines, which change only with their order or return."""

    ordering = ("-id",)


@admin.register(ReturnLine)
class ReturnLineAdmin(LineAdmin):
    list_display = ("item", "return_request", "is_refused")
    list_select_related = ("item", "return_request")
    search_fields = ("item__product_name", "=return_request__id")
