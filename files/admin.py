"""Read-only admin pages of uploads."""

from __future__ import annotations

from django.contrib import admin
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesCheckboxFilter

from common.admin.filters import DayRangeFilter
from common.admin.pages import ReadOnly, StaffAdmin, badge, column
from files.models import Upload, UploadState
from files.queries import public_url

_COLORS = {UploadState.PENDING: "warning", UploadState.STORED: "info", UploadState.ATTACHED: "success"}


@admin.register(Upload)
class UploadAdmin(ReadOnly, StaffAdmin):
    list_display = ("name", "content_type", "bytes", "owner", "created_at", "state_badge")
    list_filter = (
        ("state", ChoicesCheckboxFilter),
        ("content_type", ChoicesCheckboxFilter),
        ("created_at", DayRangeFilter),
    )
    list_filter_submit = True
    list_select_related = ("owner",)
    search_fields = ("name", "=uuid", "owner__email", "owner__first_name", "owner__last_name")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {"fields": ("name", ("content_type", "bytes"), ("state", "owner"), "file")}),
        ("Record", {"fields": (("created_at", "stored_at"), ("attached_at", "customer_id"), "uuid")}),
    )
    readonly_fields = ("bytes", "file", "uuid")

    @column("Size", ordering="size")
    def bytes(self, upload: Upload) -> str | None:
        return filesizeformat(upload.size) if upload.size else None

    @badge("State", colors=_COLORS, ordering="state")
    def state_badge(self, upload: Upload) -> tuple[str, str]:
        return upload.state, UploadState(upload.state).label

    @column("File")
    def file(self, upload: Upload) -> SafeString | str:
        if upload.state == UploadState.PENDING:
            return "Not uploaded yet"
        url = public_url(upload.key)
        return format_html('<a href="{}" rel="noreferrer" target="_blank">{}</a>', url, upload.name)
