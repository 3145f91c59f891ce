"""`manage.py evidence`: every digest in the archive holds, and a changed snapshot is named."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from hashlib import sha256
from io import StringIO
from shutil import which
from unittest.mock import patch
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from common.domain import tasks
from common.domain.constraints import erasing
from common.domain.expiry import clear_tasks
from files.stores import LocalStore, StoreUnavailable
from repair_orders.estimates.models import Estimate, EstimateMail
from repair_orders.estimates.snapshot import instant
from repair_orders.models import Job, RepairOrder
from repair_orders.papers.models import Paper
from repair_orders.tests.papers import conftest
from repair_orders.tests.papers.test_actions import SENT, answer

pytestmark = pytest.mark.django_db
_folder, place, order, send, estimate = (
    getattr(conftest, name) for name in ("_folder", "place", "order", "send", "estimate")
)


@pytest.fixture
def answered(order, send):
    """Return an order with two revisions, of which the last one is approved. It is written before the day of `SENT`."""
    for model in (RepairOrder, Job):
        model.history.update(history_date=SENT - timedelta(days=1))
    send(order)
    answer(send(order, SENT + timedelta(minutes=1)), "approved", method="phone", by_name="Alice Cooper")
    return RepairOrder.objects.get()


def write(order, path):
    output = StringIO()
    call_command("evidence", str(order.pk), str(path), stdout=output)
    assert path.stat().st_mode & 0o777 == 0o600
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        return output.getvalue(), {name: archive.read(name) for name in archive.namelist()}


NAMES = [
    "README.txt",
    "order.json",
    *(
        f"estimates/{number}/{name}"
        for number in (1, 2)
        for name in ("snapshot.json", "revision.json", "estimate.pdf")
    ),
    "authorisations.json",
    "authorisations.pdf",
    *(f"history/{name}.json" for name in ("order", "jobs", "part_lines", "service_lines", "authorisations")),
    "deliveries.json",
    "mails.json",
    "SHA256SUMS",
]


def test_every_digest_holds(answered, tmp_path):
    told, files = write(answered, tmp_path / "evidence.zip")
    assert told == f"{len(NAMES) - 1} files written to {tmp_path}/evidence.zip.\n"
    assert list(files) == NAMES
    sums = dict(reversed(line.split("  ", 1)) for line in files["SHA256SUMS"].decode().splitlines())
    assert sums == {name: sha256(files[name]).hexdigest() for name in NAMES[:-1]}
    for row in Estimate.objects.all():
        snapshot = files[f"estimates/{row.revision}/snapshot.json"]
        assert json.loads(snapshot) == row.snapshot
        assert sha256(snapshot).hexdigest() == row.digest
        assert json.loads(files[f"estimates/{row.revision}/revision.json"])["digest"] == row.digest
        assert f"{row.digest}  estimates/{row.revision}/snapshot.json\n" in files["README.txt"].decode()
    for paper in Paper.objects.all():
        name = (
            "authorisations.pdf"
            if paper.kind == "authorisations"
            else f"estimates/{paper.estimate.revision}/estimate.pdf"
        )
        assert sha256(files[name]).hexdigest() == paper.digest
    assert Paper.objects.count() == 3


def test_contents(answered, tmp_path):
    _, files = write(answered, tmp_path / "evidence.zip")
    body = {name: json.loads(content) for name, content in files.items() if name.endswith(".json")}
    assert (body["order.json"]["number"], body["order.json"]["status"]) == (1042, "approved")
    [given] = body["authorisations.json"]
    assert (given["revision"], given["method"], given["by_name"], given["total"]) == (
        2,
        "phone",
        "Alice Cooper",
        "461.41",
    )
    assert [decision["decision"] for decision in given["decisions"]] == ["approved"]
    assert [row["status"] for row in body["history/order.json"]][-1] == "approved"
    assert [row["status"] for row in body["history/jobs.json"]][-1] == "approved"
    assert len(body["history/part_lines.json"]) >= 2
    assert [row["method"] for row in body["history/authorisations.json"]] == ["phone"]
    assert [(mail["revision"], mail["to"]) for mail in body["mails.json"]] == [
        (number, answered.customer.contact.email) for number in (1, 2)
    ]
    assert body["deliveries.json"] == []
    assert body["estimates/1/revision.json"]["sent_at"] == "2026-11-30T13:58:00Z"


def test_deliveries_stay_when_their_tasks_are_gone(answered, tmp_path, mailoutbox):
    tasks.run_all()
    clear_tasks(now=timezone.now() + timedelta(days=settings.KEEP_DAYS + 1))
    _, files = write(answered, tmp_path / "evidence.zip")
    [mail] = mailoutbox  # of the first revision none was sent, because the second one took its place
    [given] = EstimateMail.objects.all()
    assert json.loads(files["mails.json"]) == []
    assert json.loads(files["deliveries.json"]) == [
        {
            "revision": 2,
            "to": answered.customer.contact.email,
            "at": instant(given.at),
            "message_id": mail.message()["Message-ID"],
        }
    ]


@pytest.mark.skipif(which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_agrees(answered, tmp_path):
    write(answered, tmp_path / "evidence.zip")
    with ZipFile(tmp_path / "evidence.zip") as archive:
        archive.extractall(tmp_path)
    check = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert check.stdout.count(": OK\n") == len(NAMES) - 1


def test_order_without_estimates(order, tmp_path):
    _, files = write(order, tmp_path / "evidence.zip")
    assert [name for name in files if "estimates" in name or name.endswith(".pdf")] == []
    assert "none: no estimate was sent" in files["README.txt"].decode()


def test_changed_snapshot_is_named(answered, tmp_path):
    row = Estimate.objects.get(revision=1)
    with erasing():  # nothing else can change it
        Estimate.objects.filter(pk=row.pk).update(snapshot=row.snapshot | {"sent_at": "2026-11-29T13:58:00Z"})
    with pytest.raises(CommandError, match=r"^Revisions that do not have their digest: 1\.$") as refused:
        write(answered, tmp_path / "evidence.zip")
    assert refused.value.returncode == 2
    with ZipFile(tmp_path / "evidence.zip") as archive:
        readme = archive.read("README.txt").decode()
    assert f"{row.digest}  estimates/1/snapshot.json  THE STORED SNAPSHOT HAS ANOTHER DIGEST" in readme


@pytest.mark.parametrize("missing", [False, True])
def test_nothing_is_overwritten(answered, tmp_path, missing):
    path = tmp_path / "evidence.zip"
    path.write_text("mine")
    with pytest.raises(
        CommandError, match="There is no repair order" if missing else "already exists"
    ) as refused:
        call_command("evidence", str(answered.pk + missing), str(path))
    assert (refused.value.returncode, path.read_text()) == (1, "mine")
    assert not Paper.objects.exists()


def test_folder_that_does_not_exist(answered, tmp_path):
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        call_command("evidence", str(answered.pk), str(tmp_path / "none" / "evidence.zip"))


def test_failure_leaves_no_archive(answered, tmp_path):
    path = tmp_path / "evidence.zip"
    with (
        patch.object(LocalStore, "put", side_effect=StoreUnavailable),
        pytest.raises(CommandError, match=r"^Nothing was"),
    ):
        call_command("evidence", str(answered.pk), str(path))
    assert not path.exists()
