"""Conversations with customers and their tickets: staff read, answer and end them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html_join, linebreaks
from django.utils.safestring import mark_safe
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesCheckboxFilter, RangeDateFilter
from unfold.enums import ActionVariant

from accounts.models import User
from chat import actions
from chat.forms import AnswerForm, NewThreadForm
from chat.models import (
    THREAD_MACHINE,
    TICKET_PREFIX,
    Message,
    Thread,
    ThreadStatus,
    Ticket,
    TicketPriority,
)
from common.admin.pages import (
    Button,
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
from customers.admin import CUSTOMER_SEARCH
from customers.callers import caller_of_user

_CUSTOMER = tuple(f"customer__{name}" for name in CUSTOMER_SEARCH)
STATUS_COLORS = {
    ThreadStatus.OPEN: "warning",
    ThreadStatus.IN_PROGRESS: "info",
    ThreadStatus.RESOLVED: "success",
    ThreadStatus.CLOSED: "success",
}
PRIORITY_COLORS = {
    TicketPriority.LOW: "info",
    TicketPriority.MEDIUM: "info",
    TicketPriority.HIGH: "warning",
    TicketPriority.URGENT: "danger",
}


def _thread_of(row: Thread | Ticket) -> Thread:
    return row.thread if isinstance(row, Ticket) else row


def _answer(row: Thread | Ticket, by: int, now: datetime, *, body: str, is_internal: bool) -> None:
    caller = caller_of_user(User.objects.get(pk=by))
    actions.post_message(thread=_thread_of(row).uuid, by=caller, body=body, is_internal=is_internal, now=now)


def _step(title: str, to: ThreadStatus, **options: Any) -> Button:
    def move(row: Thread | Ticket, by: int, now: datetime) -> None:
        actions.change_status(thread=_thread_of(row), to=to, by=by, now=now)

    return transition_button(title, move, permission=actions.PERMISSIONS["end"], to=to, **options)


class MessageInline(ReadOnlyInline):
    model = Message
    fk_name = "thread"
    fields = ("created_at", "by", "body")
    readonly_fields = fields
    ordering = ("number",)
    hide_title = True
    per_page = 50
    verbose_name_plural = "Messages"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        return super().get_queryset(request).select_related("author")  # type: ignore[no-any-return]

    @column("By")
    def by(self, message: Message) -> str:
        return _writer(message)


class Conversation(NoDeleteMixin, HistoryAdmin):
    """The page of a thread, or of the ticket that it is: answered and ended by the same buttons."""

    machine = THREAD_MACHINE
    actions_detail = ("answer", "resolve", "close", "reopen")

    def status_of(self, row: Thread | Ticket) -> str:
        return _thread_of(row).status

    answer = transition_button(
        "Answer",
        _answer,
        ask="The customer reads it at once, unless it is an internal note.",
        done="The message is sent.",
        icon="send",
        variant=ActionVariant.PRIMARY,
        form=AnswerForm,
        permission=actions.PERMISSIONS["post"],
    )
    resolve = _step(
        "Resolve",
        ThreadStatus.RESOLVED,
        ask="What the customer wanted is done. His next message opens the thread again.",
        done="The thread is resolved.",
        icon="task_alt",
        variant=ActionVariant.SUCCESS,
    )
    close = _step(
        "Close",
        ThreadStatus.CLOSED,
        ask="The conversation is over. The customer's next message opens it again.",
        done="The thread is closed.",
        icon="block",
    )
    reopen = _step(
        "Reopen",
        ThreadStatus.OPEN,
        ask="There is more to do.",
        done="The thread is open again.",
        icon="undo",
    )


@admin.register(Thread)
class ThreadAdmin(Conversation):
    list_display = ("subject", "customer", "status_badge", "messages", "created_at", "updated_at")
    list_filter = (("status", ChoicesCheckboxFilter), ("created_at", RangeDateFilter))
    list_filter_submit = True
    list_select_related = ("customer__contact",)
    search_fields = ("subject", *_CUSTOMER)
    date_hierarchy = "created_at"
    ordering = ("-updated_at", "-id")
    autocomplete_fields = ("customer",)
    readonly_fields = ("status", "created_at", "updated_at", "uuid")
    add_fieldsets = ((None, {"fields": ("customer", "subject", "message")}),)
    fieldsets = (
        (None, {"fields": (("subject", "status"), "customer")}),
        ("Record", {"fields": (("created_at", "updated_at"), "uuid"), "classes": ("collapse",)}),
    )
    inlines = (MessageInline,)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewThreadForm
        return super().get_form(request, obj, change, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Thread | None = None) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else [*fields, "customer"]

    def save_model(self, request: HttpRequest, obj: Thread, form: Any, change: bool) -> None:
        if change:
            obj.save(update_fields=["subject"])
            return
        started = actions.start_thread(
            by=caller_of_user(request.user),  # type: ignore[arg-type]  # whoever came in here is a user
            customer=obj.customer,
            subject=obj.subject,
            message=form.cleaned_data["message"],
            now=timezone.now(),
        )
        obj.pk = started.pk

    @column("Messages", ordering="last_number")
    def messages(self, thread: Thread) -> int:
        return thread.last_number

    @badge("Status", colors=STATUS_COLORS, ordering="status")
    def status_badge(self, thread: Thread) -> tuple[str, str]:
        return thread.status, ThreadStatus(thread.status).label


@admin.register(Ticket)
class TicketAdmin(Conversation):
    """Customers open them; staff set the priority, and answer and end them as any thread."""

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
        ("thread__status", ChoicesCheckboxFilter),
        ("priority", ChoicesCheckboxFilter),
        ("thread__created_at", RangeDateFilter),
    )
    list_filter_submit = True
    list_select_related = ("thread__customer__contact",)
    search_fields = ("=id", "thread__subject", *(f"thread__{path}" for path in _CUSTOMER))
    search_help_text = "Number, subject or customer"
    date_hierarchy = "thread__created_at"
    ordering = ("-thread__updated_at", "-id")
    readonly_fields = ("subject", "customer", "status", "order", "created_at", "updated_at", "conversation")
    fieldsets = (
        (None, {"fields": (("subject", "status"), ("customer", "order"), "priority")}),
        ("Conversation", {"fields": ("conversation",)}),
        ("Record", {"fields": (("created_at", "updated_at"),), "classes": ("collapse",)}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ticket]:
        return super().get_queryset(request).select_related("thread__customer__contact", "order")  # type: ignore[no-any-return]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        ticket = super().get_object(request, object_id, from_field)
        if ticket is not None:  # read once, however often the page asks for it
            newest = Message.objects.select_related("author").order_by("-number")[:100]
            prefetch_related_objects([ticket.thread], Prefetch("messages", newest, to_attr="newest"))
        return ticket

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """A ticket's number is typed as it is written."""
        number = ids.parse_id(TICKET_PREFIX, search_term.strip().upper())
        return super().get_search_results(request, queryset, search_term if number is None else str(number))

    @column("Ticket", ordering="id")
    def number(self, ticket: Ticket) -> str:
        return ticket.number

    @column("Subject", ordering="thread__subject")
    def subject(self, ticket: Ticket) -> str:
        return ticket.thread.subject

    @column("Customer", ordering="thread__customer__contact__last_name")
    def customer(self, ticket: Ticket) -> str:
        return ticket.thread.customer.name

    @column("Status")
    def status(self, ticket: Ticket) -> str:
        return ThreadStatus(ticket.thread.status).label

    @badge("Status", colors=STATUS_COLORS, ordering="thread__status")
    def status_badge(self, ticket: Ticket) -> tuple[str, str]:
        return ticket.thread.status, ThreadStatus(ticket.thread.status).label

    @badge("Priority", colors=PRIORITY_COLORS, ordering="priority")
    def priority_badge(self, ticket: Ticket) -> tuple[str, str]:
        return ticket.priority, TicketPriority(ticket.priority).label

    @column("Opened", ordering="thread__created_at")
    def created_at(self, ticket: Ticket) -> datetime:
        return ticket.thread.created_at

    @column("Last news", ordering="thread__updated_at")
    def updated_at(self, ticket: Ticket) -> datetime:
        return ticket.thread.updated_at

    @column("Messages")
    def conversation(self, ticket: Ticket) -> str:
        """The newest hundred, the last first; the thread's own page has them all."""
        log = (_written(message) for message in ticket.thread.newest)  # type: ignore[attr-defined]  # by get_object
        return format_html_join("", "<p><strong>{}</strong>, {}</p>{}", log)


def _writer(message: Message) -> str:
    """Who wrote it, for the shop or not, and for whom; he may be gone."""
    side = ", internal note" if message.is_internal else ", support" if message.is_support else ""
    return f"{message.author or 'Somebody'}{side}"


def _written(message: Message) -> tuple[str, str, str]:
    written = date_format(timezone.localtime(message.created_at), "DATETIME_FORMAT")
    body = mark_safe(linebreaks(message.body, autoescape=True))  # noqa: S308  # escaped there
    return _writer(message), written, body


@admin.register(Message)
class MessageAdmin(ReadOnly, StaffAdmin):
    """The whole log, to search in; it is written on a thread's page."""

    list_display = ("excerpt", "thread", "is_support", "is_internal", "created_at")
    list_filter = (("is_support", BooleanRadioFilter), ("is_internal", BooleanRadioFilter))
    list_select_related = ("thread",)
    search_fields = ("body", "thread__subject", *(f"thread__{path}" for path in _CUSTOMER))
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    fields = ("thread", "number", "author", "is_support", "is_internal", "body", "attachments", "created_at")

    @column("Message")
    def excerpt(self, message: Message) -> str:
        return message.body if len(message.body) <= 80 else f"{message.body[:79]}…"
