"""Orders on their way out and returns on their way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, RangeDateFilter
from unfold.enums import ActionVariant
from unfold.views import ChangeList

from common import ids
from common.admin import Button, HistoryAdmin, Kept, ReadOnly, ReadOnlyInline, StaffAdmin, badge, column, step
from common.forms import SeenStatus
from customers.admin import CUSTOMER_SEARCH
from orders import actions, returns
from orders.forms import RefundForm, ShipForm
from orders.models import (
    ACTIVE,
    ORDER_MACHINE,
    ORDER_PREFIX,
    RETURN_MACHINE,
    RETURN_PREFIX,
    Order,
    OrderItem,
    OrderStatus,
    ReturnLine,
    ReturnRequest,
    ReturnStatus,
)
from orders.queries import with_items
from repair_orders.forms import ReasonForm

ORDER_COLORS = {
    OrderStatus.PLACED: "warning",
    OrderStatus.CONFIRMED: "warning",
    OrderStatus.PACKED: "info",
    OrderStatus.SHIPPED: "info",
    OrderStatus.DELIVERED: "success",
    OrderStatus.CANCELLED: "danger",
    OrderStatus.RETURNED: "danger",
}
RETURN_COLORS = {
    ReturnStatus.REQUESTED: "warning",
    ReturnStatus.APPROVED: "info",
    ReturnStatus.RECEIVED: "info",
    ReturnStatus.REFUNDED: "success",
    ReturnStatus.REFUSED: "danger",
}
# button -> the state it leads to
_STEPS = {
    "confirm": OrderStatus.CONFIRMED,
    "pack": OrderStatus.PACKED,
    "ship": OrderStatus.SHIPPED,
    "deliver": OrderStatus.DELIVERED,
    "cancel": OrderStatus.CANCELLED,
    "approve": ReturnStatus.APPROVED,
    "receive": ReturnStatus.RECEIVED,
    "refund": ReturnStatus.REFUNDED,
    "refuse": ReturnStatus.REFUSED,
}
# What is known of a parcel; it changes on the way without another word to the customer.
_SHIPMENT = ("courier_name", "courier_contact", "tracking_number", "current_location", "estimated_delivery")


class _WithItems(ChangeList):
    def get_queryset(self, *args: Any, **kwargs: Any) -> QuerySet[Order]:
        return with_items(super().get_queryset(*args, **kwargs))


class _Numbered(StaffAdmin):
    """Found by the number as the customer reads it out: `ORD123`."""

    prefix: str

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        number = ids.read(self.prefix, search_term.strip().upper())
        if number is not None:
            return queryset.filter(pk=number), False
        return super().get_search_results(request, queryset, search_term)


def _order_step(title: str, verb: Callable[..., None], **options: Any) -> Button:
    return step(title, lambda row, by, now, **answers: verb(order=row, by=by, now=now, **answers), **options)


def _return_step(title: str, verb: Callable[..., None], **options: Any) -> Button:
    return step(
        title, lambda row, by, now, **answers: verb(request=row, by=by, now=now, **answers), **options
    )


class ItemInline(ReadOnlyInline):
    model = OrderItem
    fields = ("part", "product_name", "quantity", "unit_price", "subtotal", "refunded")
    readonly_fields = fields
    hide_title = True
    ordering = ("id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderItem]:
        return super().get_queryset(request).select_related("part")  # type: ignore[no-any-return]


class ReturnInline(ReadOnlyInline):
    model = ReturnRequest
    fields = ("status", "reason", "refund_amount", "created_at")
    readonly_fields = fields
    show_change_link = True
    ordering = ("id",)


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


class OrderForm(SeenStatus):
    constrained = frozenset({"status"})


@admin.register(Order)
class OrderAdmin(Kept, _Numbered, HistoryAdmin):
    """Customers order; the shop moves what they ordered, and says where it is."""

    prefix = ORDER_PREFIX
    form = OrderForm
    list_display = ("name", "created_at", "customer", "pieces", "total", "tracking_number", "status_badge")
    list_filter = (("status", ChoicesCheckboxFilter), ("created_at", RangeDateFilter))
    list_filter_submit = True
    list_select_related = ("customer__contact",)
    search_fields = ("=id", "tracking_number", *(f"customer__{name}" for name in CUSTOMER_SEARCH))
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    readonly_fields = (
        *("customer", "address", "status", "total", "created_at", "uuid"),
        *("confirmed_at", "packed_at", "shipped_at", "delivered_at", "cancelled_at", "returned_at"),
    )
    inlines = (ItemInline, ReturnInline)
    actions_detail = ("confirm", "pack", "ship", "deliver", "cancel")
    fieldsets = (
        (None, {"fields": (("status", "total"), ("customer", "address"), "seen_status")}),
        (
            "Shipment",
            {
                "fields": (
                    ("courier_name", "courier_contact"),
                    ("tracking_number", "current_location"),
                    "estimated_delivery",
                )
            },
        ),
        (
            "Record",
            {
                "fields": (
                    ("created_at", "confirmed_at"),
                    ("packed_at", "shipped_at"),
                    ("delivered_at", "returned_at"),
                    ("cancelled_at", "uuid"),
                ),
                "classes": ("collapse",),
            },
        ),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _WithItems

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None or obj.status in ACTIVE else [*fields, *_SHIPMENT]

    def offers(self, row: Order, button: str) -> bool:
        return _STEPS[button] in ORDER_MACHINE[row.status]

    confirm = _order_step(
        "Confirm payment",
        actions.confirm,
        ask="The order is paid for. The customer is told.",
        done="The order is confirmed.",
        icon="payments",
        variant=ActionVariant.PRIMARY,
        permission=actions.PERMISSIONS["confirm"],
    )
    pack = _order_step(
        "Packed",
        actions.pack,
        ask="Everything is in the parcel. The customer is told.",
        done="The order is packed.",
        icon="package_2",
        variant=ActionVariant.PRIMARY,
        permission=actions.PERMISSIONS["pack"],
    )
    ship = _order_step(
        "Ship",
        actions.ship,
        ask="A courier takes it. The customer is told.",
        done="The order is shipped.",
        icon="local_shipping",
        variant=ActionVariant.PRIMARY,
        form=ShipForm,
        permission=actions.PERMISSIONS["ship"],
    )
    deliver = _order_step(
        "Delivered",
        actions.deliver,
        ask="The customer has it. He may return it within 30 days.",
        done="The order is delivered.",
        icon="check",
        variant=ActionVariant.SUCCESS,
        permission=actions.PERMISSIONS["deliver"],
    )
    cancel = _order_step(
        "Cancel",
        actions.cancel,
        ask="Nothing of it is sent: its pieces go back on the shelf, and the customer is told.",
        done="The order is cancelled.",
        icon="close",
        variant=ActionVariant.DANGER,
        permission=actions.PERMISSIONS["cancel"],
    )

    @column("No.", ordering="id")
    def name(self, order: Order) -> str:
        return order.number

    @column("Pieces")
    def pieces(self, order: Order) -> int:
        return sum(item.quantity for item in order.items.all())

    @column("Total")
    def total(self, order: Order) -> str:
        return f"${sum(item.subtotal for item in order.items.all()):,}"

    @column("Address")
    def address(self, order: Order) -> str:
        return order.customer.address

    @badge("Status", colors=ORDER_COLORS, ordering="status")
    def status_badge(self, order: Order) -> tuple[str, str]:
        return order.status, OrderStatus(order.status).label


@admin.register(ReturnRequest)
class ReturnAdmin(Kept, _Numbered, HistoryAdmin):
    """Customers ask; the shop decides by its buttons alone."""

    prefix = RETURN_PREFIX
    list_display = ("name", "created_at", "order", "customer", "reason", "amount", "status_badge")
    list_filter = (("status", ChoicesCheckboxFilter), ("created_at", RangeDateFilter))
    list_filter_submit = True
    list_select_related = ("order__customer__contact",)
    search_fields = ("=id", "=order__id", "reason", *(f"order__customer__{name}" for name in CUSTOMER_SEARCH))
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    readonly_fields = ("customer",)
    inlines = (ReturnLineInline,)
    actions_detail = ("approve", "receive", "refund", "refuse")
    fieldsets = (
        (None, {"fields": (("status", "order"), ("customer", "refund_amount"))}),
        ("Why", {"fields": ("reason", "description", "refusal_reason")}),
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

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def offers(self, row: ReturnRequest, button: str) -> bool:
        return _STEPS[button] in RETURN_MACHINE[row.status]

    approve = _return_step(
        "Approve",
        returns.approve,
        ask="The customer may send it back, and is told so.",
        done="The return is approved.",
        icon="thumb_up",
        variant=ActionVariant.PRIMARY,
        permission=returns.PERMISSIONS["approve"],
    )
    receive = _return_step(
        "Received",
        returns.receive,
        ask="It has come back. The customer is told.",
        done="The return is received.",
        icon="move_to_inbox",
        variant=ActionVariant.PRIMARY,
        permission=returns.PERMISSIONS["receive"],
    )
    refund = _return_step(
        "Refund",
        returns.refund,
        ask="The money goes back to the customer, who is told.",
        done="The return is refunded.",
        icon="currency_exchange",
        variant=ActionVariant.SUCCESS,
        form=RefundForm,
        permission=returns.PERMISSIONS["refund"],
    )
    refuse = _return_step(
        "Refuse",
        returns.refuse,
        ask="The customer keeps it or gets it back, and is told.",
        done="The return is refused.",
        icon="thumb_down",
        variant=ActionVariant.DANGER,
        form=ReasonForm,
        permission=returns.PERMISSIONS["refuse"],
    )

    @column("No.", ordering="id")
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


class _LineAdmin(ReadOnly, StaffAdmin):
    """Lines by themselves are looked at."""

    ordering = ("-id",)


@admin.register(OrderItem)
class OrderItemAdmin(_LineAdmin):
    list_display = ("product_name", "order", "quantity", "unit_price", "subtotal", "refunded")
    list_select_related = ("order",)
    search_fields = ("product_name", "part__part_number", "=order__id")


@admin.register(ReturnLine)
class ReturnLineAdmin(_LineAdmin):
    list_display = ("item", "return_request", "is_refused")
    list_select_related = ("item", "return_request")
    search_fields = ("item__product_name", "=return_request__id")
