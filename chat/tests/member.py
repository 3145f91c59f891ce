"""Bodies of contract 003's threads and messages, as the tests expect them."""

from chat import actions
from customers.callers import caller_of_user

THREADS = "/api/chat/threads/"
TICKET = "/api/chat/ticket/"
NOT_FOUND = {"error": "Thread not found"}


def format_instant(instant):
    return instant.isoformat().replace("+00:00", "Z")


def message_body(message):
    return {
        "id": str(message.uuid),
        "threadId": str(message.conversation.uuid),
        "sender": "support" if message.is_support else "user",
        "body": message.body,
        "attachments": [attachment["url"] for attachment in message.attachments],
        "createdAt": format_instant(message.created_at),
    }


def thread_body(conversation):
    conversation.refresh_from_db()
    return {
        "id": str(conversation.uuid),
        "userId": str(conversation.customer.contact.uuid),
        "subject": conversation.subject,
        "status": "closed" if conversation.status in ("resolved", "closed") else "open",
        "lastMessage": message_body(conversation.last_message) if conversation.last_message else None,
        "createdAt": format_instant(conversation.created_at),
        "updatedAt": format_instant(conversation.updated_at),
    }


def post(conversation, user, body, now, **more):
    """Append a message of `user` to the conversation and return it."""
    posted = actions.post_message(
        conversation=conversation.uuid, by=caller_of_user(user), body=body, now=now, **more
    )
    return posted.message
