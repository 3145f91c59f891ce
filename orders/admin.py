"""Admin pages of orders. Those of returns are in `returns_admin`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesCheckboxFilter
from unfold.enums import ActionVariant

from common.admin.filters import DayRangeFilter, StrictChangeList
from common.admin.forms import SeenStatus
from common.admin.pages import (
    HistoryAdmin,
    NoDeleteMixin,
    ReadOnlyInline,
    badge,
    column,
    dollars,
    transition_button,
)
from common.domain.types import Json
from customers.admin import CUSTOMER_SEARCH
from orders import actions
from orders.forms import ConfirmForm, ShipForm
from orders.models import (
    ACTIVE,
    ORDER_MACHINE,
    ORDER_PREFIX,
    Order,
    OrderItem,
    OrderStatus,
    ReturnRequest,
)
from orders.queries import with_items
from orders.returns_admin import LineAdmin, NumberSearchMixin

ORDER_COLORS = {
    OrderStatus.PLACED: "warning",
    OrderStatus.CONFIRMED: "warning",
    OrderStatus.PACKED: "info",
    OrderStatus.SHIPPED: "info",
    OrderStatus.DELIVERED: "success",
    OrderStatus.CANCELLED: "danger",
    OrderStatus.RETURNED: "danger",
}
# Shipment fields that staff may edit while the order is active. An edit sends no notification.
_SHIPMENT = ("courier_name", "courier_contact", "tracking_number", "current_location", "estimated_delivery")


class OrderChangeList(StrictChangeList):
    def get_queryset(self, *args: object, **kwargs: object) -> QuerySet[Order]:
        return with_items(super().get_queryset(*args, **kwargs))


class ItemInline(ReadOnlyInline):
    model = OrderItem
    fields = ("part", "product_name", "quantity", "price", "paid", "amount_refunded")
    readonly_fields = fields
    price = dollars("Unit price", "unit_price")
    paid = dollars("Paid", "subtotal")
    amount_refunded = dollars("Refunded", "refunded")
    hide_title = True
    ordering = ("id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderItem]:
        return super().get_queryset(request).select_related("part")  # type: ignore[no-any-return]


class ReturnInline(ReadOnlyInline):
    model = ReturnRequest
    fields = ("status", "reason", "refund", "created_at")
    readonly_fields = fields
    refund = dollars("Refund", "refund_amount")
    show_change_link = True
    ordering = ("id",)


class OrderForm(SeenStatus):
    constrained = frozenset({"status"})


@admin.register(Order)
class OrderAdmin(NoDeleteMixin, NumberSearchMixin, HistoryAdmin):
    """Customers place orders. Staff move them by the buttons and edit the shipment."""

    noun, machine = "order", ORDER_MACHINE
    prefix = ORDER_PREFIX
    form = OrderForm
    list_display = ("name", "created_at", "customer", "pieces", "total", "tracking_number", "status_badge")
    list_filter = (("status", ChoicesCheckboxFilter), ("created_at", DayRangeFilter))
    list_filter_submit = True
    list_select_related = ("customer__contact",)
    search_fields = ("=id", "tracking_number", *(f"customer__{name}" for name in CUSTOMER_SEARCH))
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    readonly_fields = (
        *("customer", "address", "status", "total", "created_at", "expires_at", "uuid"),
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
                    ("cancelled_at", "expires_at"),
                    "uuid",
                ),
                "classes": ("collapse",),
            },
        ),
    )

    def changelist_view(self, request: HttpRequest, extra_context: Json | None = None) -> HttpResponse:
        """Cancel the orders that have expired, so that the list shows none as unpaid."""
        actions.expire_unpaid(now=timezone.now())
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Cancel the order if it has expired, so that the page does not show it as unpaid."""
        actions.expire_unpaid(now=timezone.now())
        response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        return response

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[StrictChangeList]:
        return OrderChangeList

    def has_add_permission(self, request: HttpRequest, obj: Order | None = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None or obj.status in ACTIVE else [*fields, *_SHIPMENT]

    confirm = transition_button(
        "Confirm payment",
        actions.confirm,
        ask="The order is paid for: a payment of its total is booked. The customer is notified.",
        done="The order is confirmed.",
        icon="payments",
        variant=ActionVariant.PRIMARY,
        form=ConfirmForm,
        permission=actions.PERMISSIONS["confirm"],
        to=OrderStatus.CONFIRMED,
    )
    pack = transition_button(
        "Packed",
        actions.pack,
        ask="All items are in the parcel. The customer is notified.",
        done="The order is packed.",
        icon="package_2",
        variant=ActionVariant.PRIMARY,
        permission=actions.PERMISSIONS["pack"],
        to=OrderStatus.PACKED,
    )
    ship = transition_button(
        "Ship",
        actions.ship,
        ask="A courier takes the parcel. The customer is notified.",
        done="The order is shipped.",
        icon="local_shipping",
        variant=ActionVariant.PRIMARY,
        form=ShipForm,
        permission=actions.PERMISSIONS["ship"],
        to=OrderStatus.SHIPPED,
    )
    deliver = transition_button(
        "Delivered",
        actions.deliver,
        ask="The customer has the parcel and may return items within 30 days. They are notified.",
        done="The order is delivered.",
        icon="check",
        variant=ActionVariant.SUCCESS,
        permission=actions.PERMISSIONS["deliver"],
        to=OrderStatus.DELIVERED,
    )
    cancel = transition_button(
        "Cancel",
        actions.cancel,
        ask="The order is not sent and its pieces are released. The customer is notified.",
        done="The order is cancelled.",
        icon="close",
        variant=ActionVariant.DANGER,
        permission=actions.PERMISSIONS["cancel"],
        to=OrderStatus.CANCELLED,
    )

    @column("No.")
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


@admin.register(OrderItem)
class OrderItemAdmin(LineAdmin):
    list_display = ("product_name", "order", "quantity", "unit_price", "subtotal", "refunded")
    list_select_related = ("order",)
    search_fields = ("product_name", "part__part_number", "=order__id")
