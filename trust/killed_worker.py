"""Promise: mail survives the worker.

`manage.py db_worker` is killed again and again while it mails reset links, invitations and reminders over SMTP. A case
is a mail or a kill. In the end every mail has arrived, at most one was repeated for each kill, and a repeated mail has
the Message-ID of the first. A mailbox may keep either of the two, so the links of both must work.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import defaultdict
from email.message import EmailMessage
from random import Random
from urllib.parse import urlsplit

from django.conf import settings
from django.test import override_settings
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from common.domain.days import day_of
from customers.invitations import invite
from customers.models import Customer
from reminders.models import ReminderKind, Sweep
from reminders.sweep import order_reminders
from testing.factories import ScheduleTemplateFactory, ServiceScheduleFactory
from testing.inbox import Inbox, link_of
from testing.live import FLEET
from testing.servers import Server
from trust.calls import Client
from trust.promises import Tally, Trial
from trust.sign_ins import FORGOTTEN
from trust.sites import Site, site
from trust.tables import seen_from_here

LEASE_SECONDS, LONGEST_SECONDS = 3, 180
PAGE = "http://localhost/customer/invitation/"


def mail_survives(trial: Trial, tally: Tally) -> None:
    chance, kills = Random(11), trial.size(60, 5, 2)
    env = {
        "DEBUG": "true", "TASK_QUEUE": "database", "TASK_LEASE_SECONDS": str(LEASE_SECONDS), "TASK_ATTEMPTS": "100",
        "TASK_RETRY_SECONDS": "1",
    }  # fmt: skip
    for engine in trial.engines:
        # The mail server is slow, so that a kill often falls between the delivery and the record of it.
        with (
            Inbox(delay=lambda: chance.uniform(0, 0.05)) as inbox,
            site(trial, engine, EMAIL_URL=inbox.url, **env) as place,
            place.embedded() as server,
            seen_from_here(server),
        ):
            sent = _ask_for_mails(server, number=4 * kills, tally=tally)
            _kill_often(place, inbox, chance, kills)
            tally.tried(_finish(place), f"{engine}: {_left()} tasks are left")
            _check(server, tally, engine, inbox, sent, kills)


def _ask_for_mails(server: Server, *, number: int, tally: Tally) -> list[str]:
    """Request `number` reset links, invite as many colleagues and remind as many customers. Return the addresses."""
    resets = [f"forgetful{n}@example.com" for n in range(number)]
    invited = [f"invited{n}@example.com" for n in range(number)]
    User.objects.bulk_create(User(email=email, password="!") for email in resets)
    client = Client(server.port, headers={"Host": "localhost"})
    for email in resets:
        answer = client.send("POST", FORGOTTEN[0], {"email": email})
        tally.tried(answer.status == 202, f"a request for a reset link: {answer}")
    client.close()
    company = Customer.objects.get(contact__email=FLEET["email"])
    owner = company.contact_id
    assert owner
    # The rows of the tasks are left to the worker.
    with override_settings(TASKS_RUN_IN="worker", RATE_INVITATIONS=number + 100):
        for email in invited:
            invite(
                customer_id=company.pk, email=email, role="viewer", by=owner, page=PAGE, now=timezone.now()
            )
    # The links of reminders are made with the key of the site.
    with override_settings(TASKS_RUN_IN="worker", SECRET_KEY=server.env["SECRET_KEY"]):
        return resets + invited + _remind(number)


def _remind(number: int) -> list[str]:
    """Order reminders of work that is due, for customers where it is noon. Return the addresses."""
    now = timezone.now()
    # The workers find nothing else to remind of.
    Sweep.objects.bulk_create(Sweep(kind=kind, day=day_of(now)) for kind in ReminderKind)
    template = ScheduleTemplateFactory(name="Trial of reminders")
    for _ in range(number):
        ServiceScheduleFactory(
            template=template, vehicle__customer__timezone=f"UTC{12 - now.hour:+d}", due_on=now.date()
        )
    customers = Customer.objects.filter(vehicles__schedules__template=template)
    order_reminders(ReminderKind.SERVICE, list(customers.values_list("pk", flat=True)), now=now)
    addresses: list[str] = list(customers.values_list("contact__email", flat=True))
    return addresses


def _worker(place: Site) -> subprocess.Popen[bytes]:
    with (place.folder / "worker.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "manage.py", "db_worker", "--interval", "0.1"],
            cwd=settings.BASE_DIR, stdout=log, stderr=log,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", **place.env},
        )  # fmt: skip


def _kill_often(place: Site, inbox: Inbox, chance: Random, kills: int) -> None:
    """Kill the worker at a random moment of its start, or after it has sent some mails."""
    for number in range(kills):
        worker = _worker(place)
        try:
            if number % 5 == 4:
                time.sleep(chance.uniform(0, 3))
            else:
                inbox.wait_for(len(inbox.messages) + chance.randint(1, 5), seconds=LEASE_SECONDS + 15)
                time.sleep(chance.uniform(0, 0.04))
        finally:
            worker.kill()
            worker.wait()


def _finish(place: Site) -> bool:
    """Let a worker run until the queue is empty, and return whether it is."""
    worker, deadline = _worker(place), time.monotonic() + LONGEST_SECONDS
    try:
        while _left() and time.monotonic() < deadline:
            time.sleep(0.1)
        return not _left()
    finally:
        worker.terminate()
        worker.wait(timeout=30)


def _left() -> int:
    return DBTaskResult.objects.exclude(status="SUCCESSFUL").count()


def _check(server: Server, tally: Tally, engine: str, inbox: Inbox, sent: list[str], kills: int) -> None:
    received: dict[str, list[EmailMessage]] = defaultdict(list)
    for message in inbox.messages:
        received[str(message["To"])].append(message)
    for address in sent:
        mails = received[address]
        ids = {str(message["Message-ID"]) for message in mails}
        tally.tried(len(ids) == 1, f"{engine}: {address} received {len(mails)} mails with {ids}")
    repeated = [mails for mails in received.values() if len(mails) > 1]
    extra = sum(len(mails) - 1 for mails in repeated)
    tally.tried(extra <= kills, f"{engine}: {extra} mails were repeated by {kills} kills", cases=kills)
    all_ids = {str(message["Message-ID"]) for message in inbox.messages}
    tally.tried(len(all_ids) == len(sent), f"{engine}: {len(all_ids)} ids of {len(sent)} mails")
    for mails in [*repeated, *list(received.values())[:3], *list(received.values())[-3:]]:
        for message in mails:
            _follow(server, tally, f"{engine}: mail {mails.index(message) + 1} of {len(mails)}", message)
    tally.note(f"{engine}: {len(sent)} mails, {kills} kills, {extra} mails came twice")


def _follow(server: Server, tally: Tally, name: str, message: EmailMessage) -> None:
    """Count a case: the link of the mail is good. A reset link is followed on the portal's page."""
    link = urlsplit(link_of(message))
    page = "/customer/invitation/" if "invitation" in link.path else "/customer/password/new/"
    client = Client(server.port, headers={"Host": "localhost"})
    if link.path.startswith("/r/"):
        answer = client.send("GET", link.path)
        tally.tried(answer.status == 200, f"{name} to {message['To']}: its link is answered {answer.status}")
    elif page == link.path:
        client.send("GET", f"{page}?{link.query}")
        answer = client.send("GET", page)
        tally.tried(answer.status == 200, f"{name} to {message['To']}: its link is answered {answer.status}")
    else:
        client.send("GET", f"{page}?{link.query}")
        answer = client.post_form(page, password="short", again="short")  # refused, and the link stays good
        is_good = answer.status == 400 and "too short" in answer.text
        tally.tried(is_good, f"{name} to {message['To']}: its link is answered {answer.status}")
    client.close()
