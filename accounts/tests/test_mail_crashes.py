"""A worker that is killed loses no mail and repeats at most the one in hand, tried with real processes and SMTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter

import pytest
import requests
from django.conf import settings

from testing.inbox import Inbox
from testing.servers import database, free_port, serving

pytestmark = [pytest.mark.slow, pytest.mark.server]

NAMES = ("ann", "ben", "cyd")
# Where the worker kills itself: at the second call of this function, before or after it.
POINTS = [
    ("common.domain.tasks", "_claim", "before"),
    ("common.domain.tasks", "_claim", "after"),
    ("common.domain.mail", "Mail.message", "before"),
    ("smtplib", "SMTP.sendmail", "before"),
    ("smtplib", "SMTP.sendmail", "after"),
    ("common.domain.tasks", "_write", "before"),
    ("common.domain.tasks", "_write", "after"),
]
SENT_BUT_NOT_MARKED = POINTS[4:6]
SCRIPT = """
import importlib, json, os, signal, sys, time
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
from django.db import connections, transaction
from accounts.models import User
from accounts.tasks import mail_reset_link

def dying(module, name, when):
    owner = importlib.import_module(module)
    *outer, name = name.split(".")
    for part in outer:
        owner = getattr(owner, part)
    original, calls = getattr(owner, name), []
    def call(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, call)

def worker(*point):
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            if point:
                dying(*point)
            call_command("db_worker", batch=True)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

settings.TASK_LEASE_SECONDS = 0.5
names, points = json.loads(sys.argv[1])
for number, point in enumerate(points):
    with transaction.atomic():
        for name in names:
            user = User.objects.create_user(f"{name}@{number}.example")
            mail_reset_link.enqueue(user.email)
    assert worker(*point) == -signal.SIGKILL
    time.sleep(0.6)  # until the claim of the dead worker has expired
    assert worker() == 0
"""


@pytest.fixture
def inbox():
    with Inbox() as inbox:
        yield inbox


def test_killed_worker_loses_no_mail_and_repeats_at_most_the_one_in_hand(tmp_path, inbox):
    with database(tmp_path) as place:
        env = os.environ | place | {
            "DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true", "TASK_QUEUE": "database",
            "EMAIL_URL": inbox.url,
        }  # fmt: skip
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps([NAMES, POINTS])],
            cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert run.returncode == 0, run.stderr
    received = Counter(str(message["To"]) for message in inbox.messages)
    for number, point in enumerate(POINTS):
        counts = [received[f"{name}@{number}.example"] for name in NAMES]
        assert counts == [1, 2 if point in SENT_BUT_NOT_MARKED else 1, 1], point
    ids = {(str(message["To"]), str(message["Message-ID"])) for message in inbox.messages}
    assert len(ids) == len({message_id for _, message_id in ids}) == len(NAMES) * len(POINTS)


def test_embedded_server_sends_after_an_outage_and_after_it_was_killed(tmp_path):
    """Mail waits for the mail server in the table, and a new process takes it over. No request waits."""
    inbox, port = Inbox(), free_port()
    command = ["manage.py", "serve", "--port", str(port)]
    with database(tmp_path, has_demo=True) as place:
        env = place | {
            "DEBUG": "true", "EMAIL_URL": inbox.url, "TASK_RETRY_SECONDS": "1", "TASK_LEASE_SECONDS": "3",
        }  # fmt: skip
        with serving(command, folder=tmp_path, port=port, env=env) as server:
            for email in ("alice.cooper@customer.com", "john@example.com"):
                asked = requests.post(
                    f"{server.url}/api/auth/forgot-password/", json={"email": email}, timeout=10
                )
                assert asked.status_code == 202
            server.process.kill()
            server.process.wait()
        with inbox, serving(command, folder=tmp_path, port=port, env=env):
            inbox.wait_for(2)
    assert sorted(str(message["To"]) for message in inbox.messages) == [
        "alice.cooper@customer.com", "john@example.com",
    ]  # fmt: skip
