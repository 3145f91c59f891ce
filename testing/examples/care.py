"""Contract 002: the orders, returns, tickets and settings of Ali."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from accounts.models import User
from catalogue.models import Part
from chat.actions import post_message
from chat.models import Message, SupportTicket
from customers.callers import caller_of_user
from customers.models import Notification
from orders.models import Order
from testing.examples.calls import NEWCOMER, TECHNICIAN, Call, Calls

ALI = ("ali.jawad@example.com", "customer123")
ADDRESS = "/api/v1/customer/"
STRANGERS = [Call(401), Call(403, TECHNICIAN), Call(404, NEWCOMER)]


def names() -> dict[str, Any]:
    """Return the values of the names in braces."""
    delivered = Order.objects.filter(customer__contact__email=ALI[0], status="delivered").order_by("-id")[0]
    notification = Notification.objects.filter(customer__contact__email=ALI[0], read=False).order_by("id")[0]
    return {
        "delivered": f"ORD{delivered.pk}",
        "newest": f"ORD{Order.objects.order_by('-id')[0].pk}",
        "product": Part.objects.get(part_number="AV-HP-200").pk,
        "notification": str(notification.pk),
        "message": f"MSG{_own_message()}",
        "ticket": f"TKT{SupportTicket.objects.get(pk=456).pk}",
        "item": delivered.items.order_by("id")[0].product_name,
    }


def _own_message() -> int:
    """Return the customer's last message of a ticket. Once one is withdrawn, the shop has answered the others."""
    messages = Message.objects.filter(conversation__support_ticket=456)
    withdrawn = messages.filter(withdrawn_at__isnull=False).first()
    if withdrawn and not messages.filter(is_support=True).exists():
        staff = caller_of_user(User.objects.get(email=TECHNICIAN[0]))
        post_message(
            conversation=withdrawn.conversation.uuid, by=staff, body="Which order?", now=timezone.now()
        )
    return messages.filter(author__email=ALI[0], withdrawn_at=None).latest("number").pk


NEW = {
    "email": "wanda@example.com",
    "full_name": "Wanda Walker",
    "password": "Walk-4-Parts!",
    "role": "CUSTOMER",
}
ORDER = {"items": [{"product_id": "{product}", "quantity": 1}]}
RETURN = {
    "order_id": "{delivered}",
    "items": ["{item}"],
    "reason": "Product is defective",
    "description": "It came apart on the second day",
}
TICKET = {
    "subject": "Product inquiry",
    "description": "I need help with my recent order",
    "order_id": "ORD123",
    "priority": "MEDIUM",
}
PROFILE = {
    "full_name": "Ali Jawad Updated",
    "preferences": {"language": "en", "notifications": False, "theme": "dark"},
}
SETTINGS = {"notifications": {"order_updates": False}, "general": {"theme": "dark"}}

ALL: Calls = {
    "care_login_post": (
        "post",
        "/auth/login",
        [
            Call(200, body=dict(zip(("email", "password"), ALI, strict=True))),
            Call(401, body={"email": ALI[0], "password": "wrong"}),
            Call(403, body={"email": ALI[0], "password": ALI[1], "role": "supervisor"}),
            Call(422, body={"email": ALI[0]}),
        ],
    ),
    "care_refresh_post": (
        "post",
        "/auth/refresh",
        [
            Call(200, ALI, body={"refresh_token": "{refresh}"}),
            Call(401, body={"refresh_token": "expired"}),
            Call(422, body={}),
        ],
    ),
    "care_register_post": (
        "post",
        "/auth/register",
        [Call(201, body=NEW), Call(422, body=NEW | {"email": "second@example.com", "role": "AGENT"})],
    ),
    "care_dashboard_get": ("get", f"{ADDRESS}dashboard", [Call(200, ALI), *STRANGERS]),
    "care_products_get": (
        "get",
        f"{ADDRESS}products",
        [Call(200, ALI, {"search": "headphones"}), Call(422, ALI, {"page": "0"})],
    ),
    "care_orders_get": (
        "get",
        f"{ADDRESS}orders",
        [Call(200, ALI, {"status": "shipped"}), *STRANGERS, Call(422, ALI, {"status": "lost"})],
    ),
    "care_order_detail_get": ("get", f"{ADDRESS}orders/ORD123", [Call(200, ALI), *STRANGERS]),
    "care_order_tracking_get": ("get", f"{ADDRESS}orders/track/ORD123", [Call(200, ALI), *STRANGERS]),
    "care_orders_post": (
        "post",
        f"{ADDRESS}orders",
        [
            Call(201, ALI, body=ORDER),
            Call(409, ALI, body={"items": [{"product_id": "{product}", "quantity": 5000}]}),
            Call(422, ALI, body={"items": []}),
        ],
    ),
    "care_cancel_order_post": (
        "post",
        f"{ADDRESS}orders/{{newest}}/cancel",
        [Call(200, ALI), Call(409, ALI), *STRANGERS],
    ),
    "care_request_return_post": (
        "post",
        f"{ADDRESS}orders/return",
        [
            Call(201, ALI, body=RETURN),
            Call(400, ALI, body=RETURN),
            Call(422, ALI, body={"order_id": "{delivered}"}),
        ],
    ),
    "care_returns_get": ("get", f"{ADDRESS}returns", [Call(200, ALI), *STRANGERS]),
    "care_tickets_get": (
        "get",
        f"{ADDRESS}tickets",
        [Call(200, ALI, {"status": "open"}), *STRANGERS, Call(422, ALI, {"status": "lost"})],
    ),
    "care_tickets_post": (
        "post",
        f"{ADDRESS}tickets",
        [Call(201, ALI, body=TICKET), Call(422, ALI, body={"subject": ""})],
    ),
    "care_ticket_detail_get": ("get", f"{ADDRESS}tickets/{{ticket}}", [Call(200, ALI), *STRANGERS]),
    "care_ticket_messages_post": (
        "post",
        f"{ADDRESS}tickets/{{ticket}}/messages",
        [
            Call(201, ALI, body={"content": "Thank you for the quick response!"}),
            Call(422, ALI, body={"content": ""}),
        ],
    ),
    "care_ticket_message_delete": (
        "delete",
        f"{ADDRESS}tickets/{{ticket}}/messages/{{message}}",
        [Call(200, ALI), Call(409, ALI), *STRANGERS],
    ),
    "care_ticket_attachments_post": (
        "post",
        f"{ADDRESS}tickets/{{ticket}}/attachments",
        [Call(201, ALI, photos="files"), Call(422, ALI, photos="photos"), *STRANGERS],
    ),
    "care_avatar_post": (
        "post",
        f"{ADDRESS}profile/avatar",
        [Call(200, ALI, photos="file"), Call(422, ALI, photos="files"), *STRANGERS],
    ),
    "care_profile_get": ("get", f"{ADDRESS}profile", [Call(200, ALI), *STRANGERS]),
    "care_profile_put": (
        "put",
        f"{ADDRESS}profile",
        [Call(200, ALI, body=PROFILE), Call(422, ALI, body={"preferences": {"theme": 5}})],
    ),
    "care_settings_get": ("get", f"{ADDRESS}settings", [Call(200, ALI), *STRANGERS]),
    "care_settings_put": (
        "put",
        f"{ADDRESS}settings",
        [Call(200, ALI, body=SETTINGS), Call(422, ALI, body={"general": {"theme": 5}})],
    ),
    "care_notifications_get": (
        "get",
        f"{ADDRESS}notifications",
        [Call(200, ALI, {"unread_only": "true"}), Call(422, ALI, {"unread_only": "perhaps"})],
    ),
    "care_read_notification_put": (
        "put",
        f"{ADDRESS}notifications/{{notification}}/read",
        [Call(200, ALI), *STRANGERS],
    ),
    "care_one_notification_delete": (
        "delete",
        f"{ADDRESS}notifications/{{notification}}",
        [Call(200, ALI), *STRANGERS],
    ),
    "care_start_window_post": (
        "post",
        "/api/v1/chat/start",
        [Call(200, ALI, body={"initial_message": None}), *STRANGERS],
    ),
    "care_write_to_window_post": (
        "post",
        "/api/v1/chat/message",
        [
            Call(200, ALI, body={"conversation_id": "new", "message": "When does my order arrive?"}),
            Call(422, ALI, body={"conversation_id": "first", "message": ""}),
            *STRANGERS,
        ],
    ),
    "care_escalate_window_post": (
        "post",
        "/api/v1/chat/escalate",
        [
            Call(200, ALI, body={"conversation_id": "new", "reason": "Please call me."}),
            Call(422, ALI, body={"conversation_id": "new"}),
            *STRANGERS,
        ],
    ),
}
