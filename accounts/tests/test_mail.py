"""Emails to reset a password, over real SMTP, sent in the request and by the worker."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from django.core.management import call_command
from django.db import transaction
from django_tasks_db.models import DBTaskResult
from rest_framework.test import APIClient

from accounts.passwords import request_reset
from config import env
from testing.servers import free_port

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "another horse battery"


class Inbox:
    """Keeps delivered messages. A delivery takes `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.messages: list[EmailMessage] = []

    async def handle_DATA(self, server, session, envelope):
        time.sleep(self.seconds)
        self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@contextmanager
def smtp_server(settings, seconds: float = 0) -> Iterator[Inbox]:
    inbox = Inbox(seconds)
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        for name, value in env.mail("NO_SUCH_VARIABLE", f"smtp://127.0.0.1:{controller.port}").items():
            setattr(settings, name, value)
        yield inbox
    finally:
        controller.stop()


def forgot(email):
    return APIClient().post("/api/auth/forgot-password/", {"email": email}, format="json")


def test_link_sent_by_smtp_resets_password(carol, settings):
    settings.DEFAULT_FROM_EMAIL = "Garage <service@garage.example>"
    with smtp_server(settings) as inbox:
        assert forgot(carol.email).status_code == 202
        assert forgot("nobody@example.com").status_code == 202
    (message,) = inbox.messages
    assert (message["To"], message["From"], message["Subject"]) == (
        carol.email, "Garage <service@garage.example>", "Your new password"
    )  # fmt: skip
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    (link,) = re.findall(r"https?://\S+", text)
    assert f'href="{link}"' in html
    body = {"token": link.partition("?token=")[2], "password": NEW, "passwordConfirm": NEW}
    assert APIClient().post("/api/auth/reset-password/", body, format="json").status_code == 200
    login = {"email": carol.email, "password": NEW}
    assert APIClient().post("/api/auth/login/", login, format="json").status_code == 200


def test_request_does_not_wait_for_mail_server_with_worker(carol, settings):
    settings.TASKS_RUN_IN = "worker"
    with smtp_server(settings, seconds=1) as inbox:
        begin = time.perf_counter()
        for email in (carol.email, "nobody@example.com"):
            assert forgot(email).status_code == 202
        assert time.perf_counter() - begin < inbox.seconds
        assert inbox.messages == []
        waiting = list(DBTaskResult.objects.order_by("enqueued_at").values_list("args_kwargs", flat=True))
        assert [entry["args"] for entry in waiting] == [
            [carol.email],
            ["nobody@example.com"],
        ]  # without token
        call_command("db_worker", batch=True)
    assert [message["To"] for message in inbox.messages] == [carol.email]
    assert set(DBTaskResult.objects.values_list("status", flat=True)) == {"SUCCESSFUL"}


def test_unreachable_mail_server_does_not_fail_request(carol, settings):
    for name, value in env.mail("NO_SUCH_VARIABLE", f"smtp://127.0.0.1:{free_port()}").items():
        setattr(settings, name, value)
    assert forgot(carol.email).status_code == 202


def test_mail_is_sent_after_commit(carol, mailoutbox):
    with transaction.atomic():
        request_reset(email=carol.email, address="::1")
        assert mailoutbox == []
    assert len(mailoutbox) == 1
    with transaction.atomic():
        request_reset(email=carol.email, address="::1")
        transaction.set_rollback(True)
    assert len(mailoutbox) == 1
