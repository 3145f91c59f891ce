"""The buttons that conversations and support tickets share, and how both show status and messages."""

from __future__ import annotations

from datetime import datetime

from unfold.enums import ActionVariant

from accounts.models import User
from chat import actions
from chat.forms import AnswerForm
from chat.models import CONVERSATION_MACHINE, Conversation, ConversationStatus, Message, SupportTicket
from common.admin.pages import Button, HistoryAdmin, NoDeleteMixin, transition_button
from customers.admin import CUSTOMER_SEARCH
from customers.callers import caller_of_user

CUSTOMER_PATHS = tuple(f"customer__{name}" for name in CUSTOMER_SEARCH)
STATUS_COLORS = {
    ConversationStatus.OPEN: "warning",
    ConversationStatus.IN_PROGRESS: "info",
    ConversationStatus.RESOLVED: "success",
    ConversationStatus.CLOSED: "success",
}


def _conversation_of(row: Conversation | SupportTicket) -> Conversation:
    return row.conversation if isinstance(row, SupportTicket) else row


def _post(row: Conversation | SupportTicket, by: int, now: datetime, *, body: str, is_internal: bool) -> None:
    actions.post_message(
        conversation=_conversation_of(row).uuid,
        by=caller_of_user(User.objects.get(pk=by)),
        body=body,
        is_internal=is_internal,
        now=now,
    )


def _status_button(
    title: str,
    to: ConversationStatus,
    *,
    ask: str,
    done: str,
    icon: str,
    variant: ActionVariant = ActionVariant.DEFAULT,
) -> Button:
    def change_status(row: Conversation | SupportTicket, by: int, now: datetime) -> None:
        actions.change_status(conversation=_conversation_of(row), to=to, by=by, now=now)

    return transition_button(
        title,
        change_status,
        ask=ask,
        done=done,
        icon=icon,
        variant=variant,
        permission=actions.PERMISSIONS["end"],
        to=to,
    )


class AnswerableAdmin(NoDeleteMixin, HistoryAdmin):
    """Base of the pages of conversations and support tickets, with the buttons that answer and end them."""

    machine = CONVERSATION_MACHINE
    actions_detail = ("answer", "resolve", "close", "reopen")

    def status_of(self, row: Conversation | SupportTicket) -> str:
        return _conversation_of(row).status

    answer = transition_button(
        "Answer",
        _post,
        ask="The customer sees the message at once, unless it is an internal note.",
        done="The message is sent.",
        icon="send",
        variant=ActionVariant.PRIMARY,
        form=AnswerForm,
        permission=actions.PERMISSIONS["post"],
    )
    resolve = _status_button(
        "Resolve",
        ConversationStatus.RESOLVED,
        ask="The customer's request is done. Their next message reopens the conversation.",
        done="The conversation is resolved.",
        icon="task_alt",
        variant=ActionVariant.SUCCESS,
    )
    close = _status_button(
        "Close",
        ConversationStatus.CLOSED,
        ask="The conversation has ended. The customer's next message reopens it.",
        done="The conversation is closed.",
        icon="block",
    )
    reopen = _status_button(
        "Reopen",
        ConversationStatus.OPEN,
        ask="The conversation needs another answer.",
        done="The conversation is open.",
        icon="undo",
    )


def format_author(message: Message) -> str:
    """Return the author's name, and whether the message is an internal note or staff's."""
    side = ", internal note" if message.is_internal else ", support" if message.is_support else ""
    return f"{message.author or 'Deleted user'}{side}"
