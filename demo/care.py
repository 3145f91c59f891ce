"""Load contract 002's customer: Ali Jawad with twelve orders, five tickets and four notifications."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from accounts.models import User
from catalogue.models import Part
from catalogue.shelf.actions import count
from chat.models import Conversation, ConversationStatus, Message, SupportTicket, SupportTicketPriority
from customers.actions import create_customer
from customers.models import Customer, Notification
from demo.calendar import Calendar
from demo.numbering import create
from orders.models import (
    STATES_WITH_STAMP,
    Order,
    OrderItem,
    OrderStatus,
    ReturnLine,
    ReturnRequest,
    ReturnStatus,
)

EMAIL = "ali.jawad@example.com"
# name: (part number, price, cost, stock)
_PRODUCTS = {
    "Wireless Headphones": ("AV-HP-200", "249.99", "171.2000", 24),
    "Phone Mount": ("AV-PM-010", "50.00", "28.7500", 60),
    "Wiper Blades": ("WB-2416", "27.90", "13.4025", 80),
    "Floor Mats": ("FM-4PC", "64.50", "39.9000", 35),
}
# (days ago, status, products). `load` adds the shipped order ORD123.
_ORDERS = [
    (400, OrderStatus.DELIVERED, ("Floor Mats",)),
    (350, OrderStatus.DELIVERED, ("Wiper Blades",)),
    (320, OrderStatus.CANCELLED, ("Phone Mount",)),
    (280, OrderStatus.DELIVERED, ("Phone Mount", "Wiper Blades")),
    (240, OrderStatus.RETURNED, ("Wireless Headphones",)),
    (200, OrderStatus.DELIVERED, ("Wiper Blades",)),
    (160, OrderStatus.DELIVERED, ("Floor Mats", "Wiper Blades")),
    (120, OrderStatus.CANCELLED, ("Wireless Headphones",)),
    (90, OrderStatus.DELIVERED, ("Phone Mount",)),
    (60, OrderStatus.DELIVERED, ("Wiper Blades",)),
    (14, OrderStatus.DELIVERED, ("Floor Mats", "Phone Mount")),
]
# (days ago, subject, status, priority, Ali's message, the reply of support)
_TICKETS = [
    (300, "Order cancelled twice?", "resolved", "low", "I got two mails.", "One of them was a mistake of ours."),
    (230, "Returning the headphones", "closed", "high", "The left one is silent.", "The refund is on its way."),
    (85, "Which wiper blades fit?", "resolved", "medium", "For a Civic of 2020.", "24 and 16 inches."),
    (4, "Invoice with company name", "in_progress", "low", "Can you add it?", "We are on it."),
]  # fmt: skip


def load(calendar: Calendar) -> None:
    user = User.objects.create_user(EMAIL, "customer123", first_name="Ali", last_name="Jawad")
    ali = create_customer(user=user, now=calendar.ago(430))
    products = {
        name: create(Part, name=name, part_number=number, unit_price=Decimal(price), unit_cost=Decimal(cost))
        for name, (number, price, cost, _) in _PRODUCTS.items()
    }
    for days, status, names in _ORDERS:
        _order(ali, calendar.ago(days), status, [products[name] for name in names])
    shipped = _order(
        ali,
        calendar.ago(3),
        OrderStatus.SHIPPED,
        [products["Wireless Headphones"], products["Phone Mount"]],
        number=123,
        current_location="Mumbai Hub",
        estimated_delivery=calendar.now.replace(hour=18, minute=0, second=0, microsecond=0)
        + timedelta(days=2),
    )
    # After the last parcel: the moves of the shelf begin with this count.
    for name, (*_, stock) in _PRODUCTS.items():
        count(part=products[name], pieces=stock, reason="Opening count", by=None, now=calendar.ago(1))
    support = User.objects.get(email="tech@test.com")
    for days, subject, state, priority, message, reply in _TICKETS:
        _ticket(ali, calendar.ago(days), subject, state, priority, [(user, message), (support, reply)])
    _ticket(
        ali,
        calendar.ago(1),
        "Product inquiry",
        ConversationStatus.OPEN,
        SupportTicketPriority.MEDIUM,
        [(user, "I need help with my order")],
        number=456,
        order=shipped,
    )
    _notifications(ali, calendar)


def _order(
    ali: Customer,
    at: datetime,
    status: OrderStatus,
    products: list[Part],
    number: int | None = None,
    **fields: object,
) -> Order:
    """Create an order with the timestamps of its status. Each earlier status lasted 12 hours."""
    stamps = {
        stamp: at + timedelta(hours=12 * taken)
        for taken, (stamp, states) in enumerate(STATES_WITH_STAMP.items(), start=1)
        if status in states
    }
    if "shipped_at" in stamps:
        fields = {
            "courier_name": "FastShip Express",
            "courier_contact": "+91-1800-123-4567",
            "tracking_number": f"TRK{number or f'{at:%y%m%d}'}456789",
            "estimated_delivery": at + timedelta(days=4),
        } | fields
    if status == OrderStatus.CANCELLED:
        stamps["cancelled_at"] = at + timedelta(hours=1)
    if status == OrderStatus.RETURNED:
        stamps["returned_at"] = at + timedelta(days=10)
    stamps["expires_at"] = at + timedelta(hours=48)
    order = create(Order, number, customer=ali, status=status, created_at=at, **stamps, **fields)
    items = [
        OrderItem.objects.create(
            order=order,
            part=part,
            product_name=part.name,
            quantity=1,
            unit_price=part.unit_price,
            subtotal=part.unit_price,
            refunded=part.unit_price if status == OrderStatus.RETURNED else Decimal("0.00"),
        )
        for part in products
    ]
    if status == OrderStatus.RETURNED:
        _return(order, items)
    return order


def _return(order: Order, items: list[OrderItem]) -> None:
    assert order.delivered_at
    days = ("created_at", "approved_at", "received_at", "refunded_at")
    request = ReturnRequest.objects.create(
        order=order,
        status=ReturnStatus.REFUNDED,
        reason="Product is defective",
        refund_amount=sum(item.subtotal for item in items),
        **{day: order.delivered_at + timedelta(days=2 * n) for n, day in enumerate(days, start=1)},
    )
    for item in items:
        ReturnLine.objects.create(return_request=request, item=item)


def _ticket(
    ali: Customer,
    at: datetime,
    subject: str,
    status: str,
    priority: str,
    log: list[tuple[User, str]],
    number: int | None = None,
    order: Order | None = None,
) -> None:
    conversation = Conversation.objects.create(
        customer=ali, subject=subject, status=status, created_at=at, updated_at=at, last_number=len(log)
    )
    for position, (author, body) in enumerate(log, start=1):
        conversation.last_at = conversation.updated_at = at + timedelta(minutes=35 * (position - 1))
        conversation.last_message = Message.objects.create(
            conversation=conversation,
            number=position,
            author=author,
            is_support=author.is_staff,
            body=body,
            created_at=conversation.last_at,
        )
    conversation.save(update_fields=["last_at", "updated_at", "last_message"])
    create(SupportTicket, number, conversation=conversation, priority=priority, order=order)


def _notifications(ali: Customer, calendar: Calendar) -> None:
    """Create notifications without `notify`, which would send mails."""
    for at, kind, title, message, read in (
        (calendar.ago(230), "REFUND", "Refund Update", "Your return has been refunded", True),
        (calendar.ago(12), "ORDER", "Order Update", "Your order has been delivered", True),
        (calendar.ago(3), "SUPPORT", "Support Reply", "Support has answered your ticket", False),
        (calendar.ago(1), "ORDER", "Order Update", "Your order ORD123 has been shipped", False),
    ):
        Notification.objects.create(
            customer=ali, type=kind, title=title, message=message, read=read, created_at=at
        )
