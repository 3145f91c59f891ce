"""Conversations with customers: staff read, answer and end them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesCheckboxFilter, RangeDateFilter
from unfold.enums import ActionVariant

from accounts.models import User
from chat import actions
from chat.forms import AnswerForm, NewThreadForm
from chat.models import THREAD_MACHINE, Message, Thread, ThreadStatus
from common.admin import Button, HistoryAdmin, Kept, ReadOnly, ReadOnlyInline, StaffAdmin, badge, column, step
from customers.admin import CUSTOMER_SEARCH
from customers.callers import caller_of_user

_CUSTOMER = tuple(f"customer__{name}" for name in CUSTOMER_SEARCH)
STATUS_COLORS = {
    ThreadStatus.OPEN: "warning",
    ThreadStatus.IN_PROGRESS: "info",
    ThreadStatus.RESOLVED: "success",
    ThreadStatus.CLOSED: "success",
}
# button -> the state it leads to
_STEPS = {
    "resolve": ThreadStatus.RESOLVED,
    "close": ThreadStatus.CLOSED,
    "reopen": ThreadStatus.OPEN,
}


def _answer(row: Thread, by: int, now: datetime, *, body: str, is_internal: bool) -> None:
    caller = caller_of_user(User.objects.get(pk=by))
    actions.post_message(thread=row.uuid, by=caller, body=body, is_internal=is_internal, now=now)


def _step(button: str, title: str, **options: Any) -> Button:
    def move(row: Thread, by: int, now: datetime) -> None:
        actions.change_status(thread=row, to=_STEPS[button], by=by, now=now)

    return step(title, move, permission=actions.PERMISSIONS["end"], **options)


class MessageInline(ReadOnlyInline):
    model = Message
    fk_name = "thread"
    fields = ("number", "created_at", "author", "is_support", "is_internal", "body")
    readonly_fields = fields
    ordering = ("number",)
    hide_title = True
    per_page = 50
    verbose_name_plural = "Messages"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        return super().get_queryset(request).select_related("author")  # type: ignore[no-any-return]


@admin.register(Thread)
class ThreadAdmin(Kept, HistoryAdmin):
    list_display = ("subject", "customer", "status_badge", "last_number", "created_at", "updated_at")
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
    actions_detail = ("answer", "resolve", "close", "reopen")

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

    def offers(self, row: Thread, button: str) -> bool:
        return button == "answer" or _STEPS[button] in THREAD_MACHINE[row.status]

    answer = step(
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
        "resolve",
        "Resolve",
        ask="What the customer wanted is done. His next message opens the thread again.",
        done="The thread is resolved.",
        icon="task_alt",
        variant=ActionVariant.SUCCESS,
    )
    close = _step(
        "close",
        "Close",
        ask="The conversation is over. The customer's next message opens it again.",
        done="The thread is closed.",
        icon="block",
    )
    reopen = _step(
        "reopen",
        "Reopen",
        ask="There is more to do.",
        done="The thread is open again.",
        icon="undo",
    )

    @badge("Status", colors=STATUS_COLORS, ordering="status")
    def status_badge(self, thread: Thread) -> tuple[str, str]:
        return thread.status, ThreadStatus(thread.status).label


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
