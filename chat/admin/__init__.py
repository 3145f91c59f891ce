"""Admin pages of conversations, their messages and support tickets."""

from chat.admin.conversations import ConversationAdmin, MessageAdmin
from chat.admin.support_tickets import SupportTicketAdmin

__all__ = ["ConversationAdmin", "MessageAdmin", "SupportTicketAdmin"]
