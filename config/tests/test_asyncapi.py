"""The AsyncAPI document describes every frame that the sockets send and take, as the code makes them."""

from __future__ import annotations

import json
import re
from uuid import UUID

import pytest
import yaml
from django.conf import settings
from jsonschema import Draft202012Validator

from chat.models import Message
from chat.sockets import consumer, desk_pages, hub
from chat.sockets.broadcasts import (
    Broadcast,
    FrameType,
    encode_error,
    event_broadcast,
    message_broadcast,
    typing_broadcast,
)
from common.domain.models import Event
from config.asyncapi import document
from customers.models import Notification
from testing.factories import ConversationFactory, MessageFactory, NotificationFactory

ID = UUID("01930000-0000-7000-8000-000000000001")


@pytest.fixture(scope="module")
def declared():
    return document()


def payload(declared, name):
    """Return the schema of a payload. It allows no key that is not declared."""
    return {**declared["components"]["messages"][name]["payload"], "additionalProperties": False}


def assert_declared(declared, name, text):
    assert list(Draft202012Validator(payload(declared, name)).iter_errors(json.loads(text))) == []


def test_committed_document_is_that_of_the_code(declared):
    """Else run `make schema`."""
    committed = (settings.BASE_DIR / "docs" / "asyncapi.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(committed) == declared


def test_every_type_of_frame_is_declared(declared):
    messages = declared["components"]["messages"].values()
    assert {message["name"] for message in messages} == {*FrameType, desk_pages.CHANGED}
    taken = declared["operations"]["takeChatFrames"]["messages"]
    names = [message["$ref"].rpartition("/")[2] for message in taken]
    assert [declared["components"]["messages"][name]["name"] for name in names] == [
        *consumer.ChatConsumer.handlers
    ]


def test_frames_are_named_by_their_types_only():
    """A new kind of frame needs a `FrameType`, and so a declaration."""
    for path in (settings.BASE_DIR / "chat" / "sockets").glob("*.py"):
        literals = re.findall(r"""["']type["']: *["']([^"']*)""", path.read_text(encoding="utf-8"))
        assert all(text.startswith("websocket.") for text in literals), path.name


def test_every_channel_is_an_address_of_the_sockets(declared):
    assert sorted(channel["address"] for channel in declared["channels"].values()) == sorted(
        [*consumer.PATHS, desk_pages.PATH]
    )


def test_close_codes_are_those_of_the_code_and_of_the_manual(declared):
    manual = (settings.BASE_DIR / "docs" / "chat.md").read_text(encoding="utf-8")
    codes = {*declared["channels"]["chat"]["x-close-codes"]}
    assert codes == set(re.findall(r"^\| (\d{4}) \|", manual, re.MULTILINE))
    assert codes >= {str(hub.SESSION_ENDED), str(consumer.TOO_BIG), str(consumer.TOO_MANY_SOCKETS)}


def test_examples_are_valid(declared):
    for name, message in declared["components"]["messages"].items():
        for example in message["examples"]:
            assert_declared(declared, name, json.dumps(example["payload"]))


@pytest.mark.django_db
@pytest.mark.parametrize("attachments", [[], [{"id": str(ID), "url": "https://garage.example/api/files/1/"}]])
def test_message_is_sent_as_declared(declared, attachments):
    message: Message = MessageFactory(
        conversation=ConversationFactory(), attachments=attachments, client_id="one"
    )
    broadcast = message_broadcast(message)
    assert_declared(declared, "Message", broadcast.text)
    assert_declared(declared, "Message", broadcast.text_for_author)
    assert_declared(declared, "Row", broadcast.text_of_row or b"")


@pytest.mark.django_db
def test_notification_is_sent_as_declared(declared, now):
    notification: Notification = NotificationFactory()
    event = Event(
        at=now,
        subject=f"customers.notification:{notification.pk}",
        payload={"uuid": ID, "customer_id": notification.customer_id},
    )
    assert_declared(declared, "Notification", event_broadcast(event, notification).text)


@pytest.mark.parametrize(
    ("name", "subject", "status"),
    [
        ("Appointment", "appointments.appointment:1", "pending"),
        ("RepairOrder", "repair_orders.repairorder:1", "requested"),
    ],
)
def test_states_are_sent_as_declared(declared, now, name, subject, status):
    event = Event(at=now, subject=subject, payload={"uuid": ID, "customer_id": 1, "status": status})
    assert_declared(declared, name, event_broadcast(event, Event()).text)


def test_typing_and_errors_are_sent_as_declared(declared):
    typing: Broadcast = typing_broadcast(customer=1, conversation=ID, author=2, name="support")
    assert_declared(declared, "Typing", typing.text)
    assert_declared(declared, "Error", encode_error("Thread not found"))
    assert_declared(declared, "Error", encode_error("Thread not found", "one"))


def test_frames_that_the_server_takes_are_the_fields_of_its_forms(declared):
    for name, form in (("Send", consumer.SendInput()), ("StartTyping", consumer.TypingInput())):
        rule = payload(declared, name)
        assert rule["properties"].keys() == {"type", *form.fields}
        assert {*rule["required"]} == {"type", *(key for key, field in form.fields.items() if field.required)}
