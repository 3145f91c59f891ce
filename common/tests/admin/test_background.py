"""Imports in the background: progress, a page to come back to, and tasks that are repeated after a crash."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from catalogue.models import Part
from catalogue.resources import PartResource
from common.admin import background
from common.domain import tasks
from common.domain.models import SheetImport
from testing.admin import changelist, confirm_import, preview

pytestmark = pytest.mark.django_db
CONTENT = "part_number,name,unit_price\n" + "".join(f"P-{n},Pad,1\n" for n in range(25))
URL = changelist(Part)


@pytest.fixture(autouse=True)
def _in_worker(settings):
    settings.TASKS_RUN_IN = "worker"


def upload(desk):
    file = SimpleUploadedFile("parts.csv", CONTENT.encode())
    response = desk.post(f"{URL}import/", {"import_file": file, "format": "0"})
    assert response.status_code == 302
    return response["Location"]


def test_upload_only_stores_the_file_and_its_page_shows_the_progress(desk, monkeypatch):
    progress = upload(desk)
    sheet = SheetImport.objects.get()
    assert (sheet.table, sheet.file_name, sheet.state, sheet.lines, bytes(sheet.content)) == (
        "catalogue.Part", "parts.csv", "checking", 25, CONTENT.encode(),
    )  # fmt: skip
    page = desk.get(progress)
    assert "Checking: 0 of 25 rows." in page.text
    assert page["Refresh"] == "2"

    shown = []
    find = PartResource.find

    def look(self, row):
        shown.append(desk.get(progress).context["done"])
        return find(self, row)

    monkeypatch.setattr(PartResource, "find", look)
    assert tasks.run_all() == 1
    assert shown == [0] * 10 + [10] * 10 + [20] * 5
    page = desk.get(progress)
    assert "Nothing is imported before you confirm the preview." in page.text
    assert "Refresh" not in page
    assert Part.objects.count() == 0


def test_import_can_be_left_and_come_back_to(desk):
    sheet = preview(desk, Part, CONTENT).context["sheet"]
    page = desk.get(f"{URL}import/")
    assert f'<a class="underline" href="{sheet.pk}/">rows.csv</a>' in " ".join(page.text.split())
    assert confirm_import(desk, Part, sheet.pk) == ["Import finished: 25 new, 0 updated, 0 unchanged parts."]
    sheet.refresh_from_db()
    assert (sheet.state, bytes(sheet.content), sheet.preview) == ("done", b"", {})
    assert (
        "Import finished: 25 new, 0 updated, 0 unchanged parts." in desk.get(f"{URL}import/{sheet.pk}/").text
    )


def test_page_of_another_table_is_404(desk):
    sheet = preview(desk, Part, CONTENT).context["sheet"]
    assert desk.get(f"/admin/vehicles/vehicle/import/{sheet.pk}/").status_code == 404


def test_second_confirmation_imports_nothing_more(desk):
    sheet = preview(desk, Part, CONTENT).context["sheet"]
    for _ in range(2):
        assert desk.post(f"{URL}process_import/", {"sheet": sheet.pk}).status_code == 302
    assert tasks.run_all() == 1
    confirm_import(desk, Part, sheet.pk)
    assert Part.objects.count() == 25


@pytest.mark.parametrize("step", ["check", "write"])
def test_lost_database_is_retried_and_nothing_is_half_written(desk, monkeypatch, step):
    if step == "check":
        progress = upload(desk)
    else:
        sheet = preview(desk, Part, CONTENT).context["sheet"]
        progress = desk.post(f"{URL}process_import/", {"sheet": sheet.pk})["Location"]
    find, calls = PartResource.find, []

    def lose(self, row):
        calls.append(row)
        if len(calls) == 12:
            raise OperationalError("canceling statement due to lock timeout")
        return find(self, row)

    monkeypatch.setattr(PartResource, "find", lose)
    assert tasks.run_all() == 1
    assert Part.objects.count() == 0
    page = desk.get(progress).text
    assert "An attempt failed (django.db.utils.OperationalError). The next one begins at" in page
    DBTaskResult.objects.update(run_after=timezone.now())
    assert tasks.run_all() == 1
    assert SheetImport.objects.get().state == ("checked" if step == "check" else "done")
    assert Part.objects.count() == (0 if step == "check" else 25)


def test_failed_import_says_so(desk, monkeypatch, settings):
    settings.TASK_ATTEMPTS = 1
    progress = upload(desk)
    monkeypatch.setattr(background, "_import", lambda *_, **__: 1 / 0)
    tasks.run_all()
    page = desk.get(progress)
    assert "The import failed, and nothing was imported:" in page.text
    assert "builtins.ZeroDivisionError" in page.text
    assert "Refresh" not in page


def test_repeated_task_changes_nothing(desk):
    sheet = preview(desk, Part, CONTENT).context["sheet"]
    confirm_import(desk, Part, sheet.pk)
    Part.objects.all().delete()
    background.write_file.enqueue(sheet.pk)
    background.check_file.enqueue(sheet.pk)
    assert (tasks.run_all(), Part.objects.count()) == (2, 0)
    assert set(DBTaskResult.objects.values_list("status", flat=True)) == {"SUCCESSFUL"}


def test_rows_and_the_end_of_an_import_are_committed_together(desk, monkeypatch):
    """Otherwise the next attempt would import the file again."""
    sheet = preview(desk, Part, CONTENT).context["sheet"]
    desk.post(f"{URL}process_import/", {"sheet": sheet.pk})

    def lose(*_):
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as lost:
        lost.setattr(background, "_end", lose)
        assert tasks.run_all() == 1
    assert (Part.objects.count(), SheetImport.objects.get().state) == (0, "importing")
    DBTaskResult.objects.update(run_after=timezone.now())
    assert tasks.run_all() == 1
    assert (Part.objects.count(), SheetImport.objects.get().state) == (25, "done")
