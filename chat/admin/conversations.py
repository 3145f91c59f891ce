"""Admin pages of conversations and messages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesCheckboxFilter

from chat import actions
from chat.admin.answering import CUSTOMER_PATHS, STATUS_COLORS, AnswerableAdmin, format_author
from chat.forms import NewConversationForm
from chat.models import Conversation, ConversationStatus, Message
from common.admin.filters import DayRangeFilter
from common.admin.pages import ReadOnly, ReadOnlyInline, StaffAdmin, badge, column
from common.domain import events
from customers.callers import caller_of_user


class MessageInline(ReadOnlyInline):
    model = Message
    fk_name = "conversation"
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
        return format_author(message)


@admin.register(Conversation)
class ConversationAdmin(AnswerableAdmin):
    list_display = ("subject", "customer", "status_badge", "messages", "created_at", "updated_at")
    list_filter = (("status", ChoicesCheckboxFilter), ("created_at", DayRangeFilter))
    list_filter_submit = True
    list_select_related = ("customer__contact",)
    search_fields = ("subject", *CUSTOMER_PATHS)
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

    def get_form(
        self, request: HttpRequest, obj: Conversation | None = None, change: bool = False, **kwargs: Any
    ) -> type[NewConversationForm]:
        if obj is None:
            kwargs["form"] = NewConversationForm
        return super().get_form(request, obj, change, **kwargs)  # type: ignore[no-any-return]

    def get_readonly_fields(self, request: HttpRequest, obj: Conversation | None = None) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else [*fields, "customer"]

    def save_model(
        self, request: HttpRequest, obj: Conversation, form: NewConversationForm, change: bool
    ) -> None:
        if change:
            obj.save(update_fields=["subject"])
            events.record_change(obj)
            return
        started = actions.start_conversation(
            by=caller_of_user(request.user),  # type: ignore[arg-type]  # the admin admits users only
            customer=obj.customer,
            subject=obj.subject,
            message=form.cleaned_data["message"],
            now=timezone.now(),
        )
        obj.pk = started.pk

    @column("Messages", ordering="last_number")
    def messages(self, conversation: Conversation) -> int:
        return conversation.last_number

    @badge("Status", colors=STATUS_COLORS, ordering="status")
    def status_badge(self, conversation: Conversation) -> tuple[str, str]:
        return conversation.status, ConversationStatus(conversation.status).label


@admin.register(Message)
class MessageAdmin(ReadOnly, StaffAdmin):
    """All messages, for search. Staff write them on a conversation's page."""

    list_display = ("excerpt", "conversation", "is_support", "is_internal", "created_at")
    list_filter = (("is_support", BooleanRadioFilter), ("is_internal", BooleanRadioFilter))
    list_select_related = ("conversation",)
    search_fields = ("body", "conversation__subject", *(f"conversation__{path}" for path in CUSTOMER_PATHS))
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    fields = (
        "conversation",
        "number",
        "author",
        "is_support",
        "is_internal",
        "body",
        "attachments",
        "created_at",
        "withdrawn_at",
    )

    @column("Message")
    def excerpt(self, message: Message) -> str:
        return message.body if len(message.body) <= 80 else f"{message.body[:79]}…"
