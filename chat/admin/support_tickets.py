"""Admin pages of support tickets."""

from __future__ import annotations

from datetime import datetime

from django.contrib import admin
from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html_join, linebreaks
from django.utils.safestring import mark_safe
from unfold.contrib.filters.admin import ChoicesCheckboxFilter

from chat.admin.answering import CUSTOMER_PATHS, STATUS_COLORS, AnswerableAdmin, format_author
from chat.models import (
    SUPPORT_TICKET_PREFIX,
    ConversationStatus,
    Message,
    SupportTicket,
    SupportTicketPriority,
)
from common.admin.filters import DayRangeFilter
from common.admin.pages import badge, column
from common.domain import ids

PRIORITY_COLORS = {
    SupportTicketPriority.LOW: "info",
    SupportTicketPriority.MEDIUM: "info",
    SupportTicketPriority.HIGH: "warning",
    SupportTicketPriority.URGENT: "danger",
}
_SHOWN_MESSAGES = 100


@admin.register(SupportTicket)
class SupportTicketAdmin(AnswerableAdmin):
    """Customers create support tickets. Staff set the priority, answer and end them."""

    list_display = (
        "number",
        "subject",
        "customer",
        "status_badge",
        "priority_badge",
        "created_at",
        "updated_at",
    )
    list_filter = (
        ("conversation__status", ChoicesCheckboxFilter),
        ("priority", ChoicesCheckboxFilter),
        ("conversation__created_at", DayRangeFilter),
    )
    list_filter_submit = True
    list_select_related = ("conversation__customer__contact",)
    search_fields = ("=id", "conversation__subject", *(f"conversation__{path}" for path in CUSTOMER_PATHS))
    search_help_text = "Number, subject or customer"
    date_hierarchy = "conversation__created_at"
    ordering = ("-conversation__updated_at", "-id")
    readonly_fields = ("subject", "customer", "status", "order", "created_at", "updated_at", "log")
    fieldsets = (
        (None, {"fields": (("subject", "status"), ("customer", "order"), "priority")}),
        ("Conversation", {"fields": ("log",)}),
        ("Record", {"fields": (("created_at", "updated_at"),), "classes": ("collapse",)}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[SupportTicket]:
        return super().get_queryset(request).select_related("conversation__customer__contact", "order")  # type: ignore[no-any-return]

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> SupportTicket | None:
        ticket: SupportTicket | None = super().get_object(request, object_id, from_field)
        if ticket is not None:  # loaded here, because the page evaluates `log` more than once
            newest = Message.objects.select_related("author").order_by("-number")[:_SHOWN_MESSAGES]
            prefetch_related_objects([ticket.conversation], Prefetch("messages", newest, to_attr="newest"))
        return ticket

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SupportTicket], search_term: str
    ) -> tuple[QuerySet[SupportTicket], bool]:
        """Search for a number as it is printed (`TKT456`), or for text."""
        number = ids.parse_id(SUPPORT_TICKET_PREFIX, search_term.strip().upper())
        term = search_term if number is None else str(number)
        return super().get_search_results(request, queryset, term)

    @column("Ticket", ordering="id")
    def number(self, ticket: SupportTicket) -> str:
        return ticket.number

    @column("Subject", ordering="conversation__subject")
    def subject(self, ticket: SupportTicket) -> str:
        return ticket.conversation.subject

    @column("Customer", ordering="conversation__customer__contact__last_name")
    def customer(self, ticket: SupportTicket) -> str:
        return ticket.conversation.customer.name

    @column("Status")
    def status(self, ticket: SupportTicket) -> str:
        return ConversationStatus(ticket.conversation.status).label

    @badge("Status", colors=STATUS_COLORS, ordering="conversation__status")
    def status_badge(self, ticket: SupportTicket) -> tuple[str, str]:
        return ticket.conversation.status, ConversationStatus(ticket.conversation.status).label

    @badge("Priority", colors=PRIORITY_COLORS, ordering="priority")
    def priority_badge(self, ticket: SupportTicket) -> tuple[str, str]:
        return ticket.priority, SupportTicketPriority(ticket.priority).label

    @column("Opened", ordering="conversation__created_at")
    def created_at(self, ticket: SupportTicket) -> datetime:
        return ticket.conversation.created_at

    @column("Updated", ordering="conversation__updated_at")
    def updated_at(self, ticket: SupportTicket) -> datetime:
        return ticket.conversation.updated_at

    @column("Messages")
    def log(self, ticket: SupportTicket) -> str:
        """Return the newest 100 messages, newest first. The conversation's own page shows all."""
        rows = (_format_message(message) for message in ticket.conversation.newest)  # type: ignore[attr-defined]  # set by get_object
        return format_html_join("", "<p><strong>{}</strong>, {}</p>{}", rows)


def _format_message(message: Message) -> tuple[str, str, str]:
    sent_at = date_format(timezone.localtime(message.created_at), "DATETIME_FORMAT")
    body = mark_safe(linebreaks(message.body, autoescape=True))  # noqa: S308  # linebreaks escapes it
    return format_author(message), sent_at, body
