"""Admin pages of the worker's tasks and of the ground floor's own tables."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django_tasks_db.models import DBTaskResult
from unfold.contrib.filters.admin import ChoicesCheckboxFilter

from common.admin.pages import ReadOnly, StaffAdmin
from common.domain.models import Event, IdempotencyKey

admin.site.unregister(DBTaskResult)


@admin.register(DBTaskResult)
class TaskAdmin(ReadOnly, StaffAdmin):
    """Tasks that wait, run or have ended. A task that waits for its next attempt shows why the last one failed."""

    list_display = ("task_path", "status", "attempts", "exception_class_path", "enqueued_at", "run_after")
    # Arguments may be personal, and are of no use here.
    fields = (
        ("task_path", "status", "attempts"),
        ("enqueued_at", "started_at", "finished_at", "run_after"),
        "exception_class_path",
        "traceback",
    )
    list_filter = (("status", ChoicesCheckboxFilter),)
    search_fields = ("task_path", "exception_class_path")
    date_hierarchy = "enqueued_at"
    ordering = ("-enqueued_at", "-id")

    @admin.display(description="attempts")
    def attempts(self, row: DBTaskResult[Any, Any]) -> int:
        return len(row.worker_ids)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnly, StaffAdmin):
    list_display = ("key", "user_id", "status", "created_at")
    search_fields = ("key", "=user_id")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")


@admin.register(Event)
class EventAdmin(ReadOnly, StaffAdmin):
    """Events, as they are announced to sockets and other services."""

    list_display = ("type", "subject", "at")
    search_fields = ("=type", "=subject")
    date_hierarchy = "at"
    ordering = ("-id",)
