"""Import files in the background: check them, show the preview, and write them after the user has confirmed.

Both steps are tasks, because a thousand rows take ten seconds each. A task that is repeated after a crash finds the
state that the last one committed, so that a file is written once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import InterfaceError, OperationalError, models, transaction
from django.utils import timezone
from django_tasks import task

from common.domain.models import ImportState, SheetImport

_PROGRESS_SECONDS = 60 * 60
_PROGRESS_ROWS = 10
_RESULT = ("errors", "totals", "outcomes")


def store(
    *,
    model: type[models.Model],
    user_id: int,
    file_name: str,
    content: bytes,
    lines: int,
    notes: list[str],
    ignores_unknown: bool,
    now: datetime,
) -> SheetImport:
    """Store an uploaded file and enqueue its check."""
    with transaction.atomic():
        sheet = SheetImport.objects.create(
            table=model._meta.label,
            user_id=user_id,
            file_name=file_name[:200],
            content=content,
            lines=lines,
            notes=notes,
            ignores_unknown=ignores_unknown,
            created_at=now,
        )
        _enqueue(check_file, sheet)
    return sheet


def confirm(*, sheet: SheetImport) -> bool:
    """Enqueue the import of a checked file. Return False if it is not waiting for that."""
    with transaction.atomic():
        waiting = SheetImport.objects.filter(pk=sheet.pk, state=ImportState.CHECKED)
        if not waiting.update(state=ImportState.IMPORTING, preview={}):
            return False
        _enqueue(write_file, sheet)
    return True


def lines_done(sheet: SheetImport) -> int:
    """Return how many rows the present step has read. The cache knows, because a step commits only at its end."""
    if sheet.state in (ImportState.CHECKING, ImportState.IMPORTING):
        return int(cache.get(_progress_key(sheet.pk, sheet.state), 0))
    return sheet.lines


@task
def check_file(sheetimport_id: int) -> None:
    """Import a file in a transaction that is rolled back, and store its preview or its errors."""
    sheet = SheetImport.objects.filter(pk=sheetimport_id, state=ImportState.CHECKING).first()
    if sheet is None:  # a repeated task
        return
    result = _import(sheet, dry_run=True)
    _record(sheet, result)
    if sheet.errors:
        _end(sheet, ImportState.REFUSED)
        return
    rows = [[row.import_type, list(map(str, row.diff or ()))] for row in result.valid_rows()]
    sheet.state, sheet.preview = ImportState.CHECKED, {"headers": result.diff_headers, "rows": rows}
    sheet.save(update_fields=["state", "preview", *_RESULT])


@task
def write_file(sheetimport_id: int) -> None:
    """Import a confirmed file. The rows and the end of the import are committed together."""
    with transaction.atomic():
        rows = SheetImport.objects.select_for_update().filter(pk=sheetimport_id, state=ImportState.IMPORTING)
        sheet = rows.first()
        if sheet is None:
            return
        result = _import(sheet, dry_run=False)
        _record(sheet, result)
        if not sheet.errors:
            _admin_of(sheet).log_import(result, user_id=sheet.user_id)
        _end(sheet, ImportState.REFUSED if sheet.errors else ImportState.DONE)


def _enqueue(step: Any, sheet: SheetImport) -> None:
    task_id = UUID(step.enqueue(sheet.pk).id)
    SheetImport.objects.filter(pk=sheet.pk).update(task_id=task_id)


def _record(sheet: SheetImport, result: Any) -> None:
    sheet.errors, sheet.totals, sheet.outcomes = result.messages(), dict(result.totals), result.outcomes()


def _end(sheet: SheetImport, state: ImportState) -> None:
    sheet.state, sheet.content, sheet.preview, sheet.finished_at = state, b"", {}, timezone.now()
    sheet.save(update_fields=["state", "content", "preview", *_RESULT, "finished_at"])


def _admin_of(sheet: SheetImport) -> Any:
    return admin.site.get_model_admin(apps.get_model(sheet.table))


def _import(sheet: SheetImport, *, dry_run: bool) -> Any:
    """Return import-export's result. An error of the database is raised, so that the task is repeated."""
    model_admin, key = _admin_of(sheet), _progress_key(sheet.pk, sheet.state)

    def count(row: int) -> None:
        if row % _PROGRESS_ROWS == 0:
            cache.set(key, row, _PROGRESS_SECONDS)

    user = get_user_model()._default_manager.get(pk=sheet.user_id)
    result = model_admin.import_rows(sheet, user=user, dry_run=dry_run, on_row=count)
    found = [*result.base_errors, *(error for _, errors in result.row_errors() for error in errors)]
    for error in found:
        if isinstance(error.error, (OperationalError, InterfaceError)):
            raise error.error
    return result


def _progress_key(pk: int, state: str) -> str:
    return f"import:{pk}:{state}"
