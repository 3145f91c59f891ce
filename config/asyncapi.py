"""The AsyncAPI document of the sockets: their frames, with the types of the REST bodies that the same code declares."""

from __future__ import annotations

from textwrap import dedent

from django.conf import settings

from appointments.api.member import STATUSES
from chat.labels import CUSTOMER, SUPPORT
from chat.sockets import consumer, desk_pages, hub
from chat.sockets.broadcasts import FrameType
from common.domain.types import Json
from common.http.schema import CachedGenerator
from repair_orders.models import RepairOrderStatus

_UUID: Json = {"type": "string", "format": "uuid"}
_INSTANT: Json = {"type": "string", "format": "date-time"}
_THREAD: Json = {**_UUID, "description": "Id of the chat thread."}
_CLIENT_ID: Json = {
    "type": "string",
    "description": "The `clientId` of the frame that it answers. Only its sender receives it.",
}

# The code with which the server closes a socket, and what the client does then.
_CLOSE_CODES = {
    hub.SESSION_ENDED: "No valid token, ticket or cookie, or its session ended. Sign in again.",
    consumer.TOO_BIG: f"A frame was larger than {consumer.MAX_FRAME_BYTES // 1024} KiB.",
    1012: "The server restarts. Reconnect.",
    consumer.TRY_AGAIN_LATER: "The client does not read, or the database is away. Reconnect and read what was missed.",
    consumer.TOO_MANY_SOCKETS: "The user has too many open sockets. Close one first.",
}

_ABOUT = """\
The sockets of Garage. [Chat](/docs/chat/) describes how a client misses no message.

Frames are JSON text. An unknown `type` is answered with an ERROR frame, and the socket stays open. The server may send
further keys and types without notice, so ignore those that you do not know ([versions](/docs/versions/)).
"""
_ABOUT_CHAT = """\
The messages of contract 003. A customer's socket hears all their threads, a socket of staff hears all threads. Connect
with an access token, or with the ticket of `POST /api/chat/ticket/`, which is good once and keeps tokens out of URLs.
"""


def document() -> Json:
    """Return the AsyncAPI document of this release."""
    chat = [*_chat_messages()]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"{settings.SPECTACULAR_SETTINGS['TITLE']}: sockets",
            "version": settings.SPECTACULAR_SETTINGS["VERSION"],
            "description": _ABOUT,
        },
        "defaultContentType": "application/json",
        "servers": {
            "garage": {
                "host": "{host}",
                "protocol": "wss",
                "description": "The server of the REST API. Without TLS the protocol is `ws`.",
                "variables": {"host": {"default": "localhost:8000"}},
            }
        },
        "channels": {
            "chat": _channel(
                consumer.PATHS[0], _ABOUT_CHAT, [name for name in chat if name != "Row"], query=True
            ),
            "chatOfWebClient": _channel(
                consumer.WEB_PATH,
                f"{_ABOUT_CHAT}\nMessages of others also come as REST shows them.\n",
                chat,
                query=True,
            ),
            "desk": _channel(
                desk_pages.PATH,
                "Tells open pages of the desk that something changed. It is opened with the cookie of the admin's "
                "session by a page of the same host.",
                ["Changed"],
            ),
        },
        "operations": {
            **_operations("chat", "Chat", ["token", "ticket"], [name for name in chat if name != "Row"]),
            **_operations("chatOfWebClient", "ChatOfWebClient", ["token", "ticket"], chat),
            **_operations("desk", "Desk", ["session"], ["Changed"]),
        },
        "components": {
            "messages": {**_chat_messages(), "Changed": _changed()},
            "securitySchemes": {
                "token": {
                    "type": "httpApiKey",
                    "name": "token",
                    "in": "query",
                    "description": "An access token.",
                },
                "ticket": {
                    "type": "httpApiKey",
                    "name": "ticket",
                    "in": "query",
                    "description": "A ticket of `POST /api/chat/ticket/`, good once for 30 s.",
                },
                "session": {
                    "type": "httpApiKey",
                    "name": settings.SESSION_COOKIE_NAME,
                    "in": "cookie",
                    "description": "The admin's session.",
                },
            },
        },
    }


# The messages that the server takes. All others it sends.
_TAKEN = ("Send", "StartTyping")


def _chat_messages() -> Json:
    """Return every frame of the chat by the name of its message."""
    components = CachedGenerator.build()["components"]["schemas"]
    message, given = components["MemberMessage"], components["MemberMessageInputRequest"]
    shown = _plain(message)["properties"]
    return {
        "Send": _frame(
            FrameType.SEND,
            "Store a message",
            {"threadId": _THREAD, **_plain(given)["properties"]},
            required=["threadId", *given["required"]],
            example={"threadId": _EXAMPLE_ID, "body": "It rattles", "clientId": "one"},
        ),
        "StartTyping": _frame(
            FrameType.TYPING,
            "Tell the others that the user is typing",
            {"threadId": _THREAD},
            example={"threadId": _EXAMPLE_ID},
        ),
        "Message": _frame(
            FrameType.MESSAGE,
            "A message was stored",
            {
                **{name: shown[name] for name in ("id", "threadId", "body", "sender")},
                "timestamp": shown["createdAt"],
                "attachments": {**shown["attachments"], "description": "URLs. Missing without attachments."},
                "clientId": _CLIENT_ID,
            },
            required=["id", "threadId", "body", "sender", "timestamp"],
            example={
                "id": _EXAMPLE_ID,
                "threadId": _EXAMPLE_ID,
                "body": "It rattles",
                "sender": CUSTOMER,
                "timestamp": "2026-01-31T14:30:00Z",
            },
        ),
        "Row": _frame(
            FrameType.ROW,
            "A message of somebody else, as REST shows it",
            {"message": _plain(message)},
            example={
                "message": {
                    "id": _EXAMPLE_ID,
                    "threadId": _EXAMPLE_ID,
                    "sender": SUPPORT,
                    "body": "Bring it in",
                    "attachments": [],
                    "createdAt": "2026-01-31T14:30:00Z",
                }
            },
        ),
        "Typing": _frame(
            FrameType.TYPING,
            "Somebody else is typing",
            {
                "user": {"type": "string", "description": f"Uuid of the user, or `{SUPPORT}`."},
                "threadId": _THREAD,
            },
            example={"user": SUPPORT, "threadId": _EXAMPLE_ID},
        ),
        "Notification": _frame(
            FrameType.NOTIFICATION,
            "The customer got a notification",
            {
                "id": {**_UUID, "description": "Id of the notification."},
                "kind": {"type": "string", "description": "What it is about, such as `APPOINTMENT`."},
                "title": {"type": "string", "description": "Title of the notification."},
                "message": {"type": "string", "description": "Text of the notification."},
                "timestamp": {**_INSTANT, "description": "When it was made."},
            },
            example={
                "id": _EXAMPLE_ID,
                "kind": "REPAIR_ORDER",
                "title": "Your vehicle is ready",
                "message": "You can pick it up until 18:00.",
                "timestamp": "2026-01-31T14:30:00Z",
            },
        ),
        "Appointment": _state(FrameType.APPOINTMENT, "appointment", [*STATUSES]),
        "RepairOrder": _state(FrameType.REPAIR_ORDER, "repair order", RepairOrderStatus.values),
        "Error": _frame(
            FrameType.ERROR,
            "The frame was not accepted",
            {"error": {"type": "string", "description": "What is wrong with it."}, "clientId": _CLIENT_ID},
            required=["error"],
            example={"error": "Thread not found", "clientId": "one"},
        ),
    }


_EXAMPLE_ID = "01930000-0000-7000-8000-000000000001"


def _frame(
    kind: FrameType, title: str, properties: Json, *, example: Json, required: list[str] | None = None
) -> Json:
    """Return a message whose payload has the `type` and these properties. All are required unless some are named."""
    return {
        "name": kind.value,
        "title": title,
        "payload": {
            "type": "object",
            "properties": {"type": {"const": kind.value, "description": "Type of the frame."}, **properties},
            "required": ["type", *(properties if required is None else required)],
        },
        "examples": [{"payload": {"type": kind.value, **example}}],
    }


def _state(kind: FrameType, noun: str, states: list[str]) -> Json:
    return _frame(
        kind,
        f"The state of an {noun} changed" if noun[0] in "aeiou" else f"The state of a {noun} changed",
        {
            "id": {**_UUID, "description": f"Id of the {noun}."},
            "status": {"type": "string", "enum": states, "description": f"State of the {noun}."},
            "timestamp": {**_INSTANT, "description": "When it changed."},
        },
        example={"id": _EXAMPLE_ID, "status": states[0], "timestamp": "2026-01-31T14:30:00Z"},
    )


def _changed() -> Json:
    return {
        "name": desk_pages.CHANGED,
        "title": "Something changed",
        "summary": "Without data. The page asks for what it shows.",
        "contentType": "text/plain",
        "payload": {"type": "string", "const": desk_pages.CHANGED},
        "examples": [{"payload": desk_pages.CHANGED}],
    }


def _plain(component: Json) -> Json:
    """Return a component of the OpenAPI schema without drf-spectacular's own keys."""
    properties = {
        name: {key: value for key, value in declared.items() if key != "x-spec-enum-id"}
        for name, declared in component["properties"].items()
    }
    return {"type": "object", "properties": properties, "required": component["required"]}


def _channel(address: str, about: str, messages: list[str], *, query: bool = False) -> Json:
    codes = "\n".join(f"- `{code}`: {text}" for code, text in _CLOSE_CODES.items())
    channel: Json = {
        "address": address,
        "description": f"{dedent(about).strip()}\n\nThe server closes a socket with these codes:\n\n{codes}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "x-close-codes": {str(code): text for code, text in _CLOSE_CODES.items()},
    }
    if query:
        text = {"type": "string"}
        channel["bindings"] = {
            "ws": {"query": {"type": "object", "properties": {"token": text, "ticket": text}}}
        }
    return channel


def _operations(channel: str, name: str, schemes: list[str], messages: list[str]) -> Json:
    """Return what the server takes and sends in a channel, as AsyncAPI has it from the server's view."""
    found: Json = {}
    for action, verb in (("receive", "take"), ("send", "send")):
        names = [message for message in messages if (message in _TAKEN) == (action == "receive")]
        if names:
            found[f"{verb}{name}Frames"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{channel}"},
                "security": [{"$ref": f"#/components/securitySchemes/{scheme}"} for scheme in schemes],
                "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"} for message in names],
            }
    return found
