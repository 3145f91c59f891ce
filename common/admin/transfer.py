"""Base class of the admin's pages that import and export tables. A file is imported as a whole or not at all."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult
from import_export.admin import ImportExportModelAdmin
from unfold.contrib.import_export.forms import ExportForm, ImportForm
from unfold.widgets import UnfoldBooleanWidget

from common.admin import background
from common.admin.formats import SheetCSV, SheetFile, SheetWorkbook
from common.admin.parameters import bad_parameter, is_number
from common.admin.resources import SheetResult
from common.domain.models import ImportState, SheetImport
from common.domain.recent_password import require_recent_password
from common.domain.sheets import Unreadable
from common.domain.types import AnyQuerySet

_LATEST = 10
_RELOAD_SECONDS = 2
_OUTCOMES = {"new": "new", "update": "updated", "skip": "unchanged", "invalid": "refused", "error": "refused"}


class SheetImportForm(ImportForm):
    """The file, and whether its unknown columns are ignored."""

    ignore_unknown = forms.BooleanField(
        label="Ignore unknown columns", required=False, widget=UnfoldBooleanWidget
    )


class TransferAdmin(ImportExportModelAdmin):
    """Pages that import and export. An import needs the permissions to add and to change, an export to view.

    A file is imported by tasks (`background.py`). Its page shows how far they are, and can be left and come back to.
    """

    import_template_name = "common/import.html"
    progress_template_name = "common/import_progress.html"
    import_form_class = SheetImportForm
    export_form_class = ExportForm
    import_formats = (SheetFile,)
    export_formats = (SheetCSV, SheetWorkbook)

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_view_permission(request))

    def get_valid_export_item_pks(self, request: HttpRequest) -> AnyQuerySet:
        """Return the keys that a request may select. The method of import-export is deprecated, but still called."""
        keys: AnyQuerySet = self.get_queryset(request).values_list("pk", flat=True)
        return keys

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_import_progress"
        page = path("import/<int:pk>/", self.admin_site.admin_view(self.import_progress), name=name)
        return [page, *super().get_urls()]

    def export_action(self, request: HttpRequest) -> HttpResponse:
        """Show the form, or send the file if the password was entered recently. A bad parameter of the list is 400."""
        if request.method == "POST":
            require_recent_password(request.session, now=timezone.now())
        try:
            response: HttpResponse = super().export_action(request)
        except (IncorrectLookupParameters, DisallowedModelAdminLookup) as error:
            names = ", ".join(request.GET)
            text = str(error) if any(name in str(error) for name in request.GET) else f"{names}: {error}"
            return bad_parameter(self, request, text)
        return response

    def import_action(self, request: HttpRequest, **kwargs: object) -> HttpResponse:
        """Show the form for a file and the latest imports, or store the file and show its progress."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        form = self.create_import_form(request)
        if request.method == "POST" and form.is_valid():
            sheet = self._store(request, form)
            if sheet is not None:
                return self._to_progress(sheet)
        resources = [cls() for cls in self.get_import_resource_classes(request)]
        context = {
            **self.admin_site.each_context(request),
            "title": "Import",
            "form": form,
            "opts": self.opts,
            "media": self.media + form.media,
            "fields_list": [
                (resource.get_display_name(), list(resource.columns().names)) for resource in resources
            ],
            "imports": self._imports().defer("content", "preview", "errors").order_by("-id")[:_LATEST],
        }
        return TemplateResponse(request, [self.import_template_name], context)

    def import_progress(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show how far an import is, its preview, its errors, or its end."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        sheet = get_object_or_404(self._imports(), pk=pk)
        shown = [
            {"import_type": kind, "diff": [mark_safe(cell) for cell in cells]}  # noqa: S308  # escaped by import-export
            for kind, cells in sheet.preview.get("rows", ())
        ]
        running = DBTaskResult.objects.filter(pk=sheet.task_id).first() if sheet.task_id else None
        is_running = sheet.state in (ImportState.CHECKING, ImportState.IMPORTING) and (
            running is None or running.status != TaskResultStatus.FAILED
        )
        context = {
            **self.admin_site.each_context(request),
            "title": f"Import of {sheet.file_name}",
            "opts": self.opts,
            "media": self.media,
            "sheet": sheet,
            "done": background.lines_done(sheet),
            "task": running,
            "is_running": is_running,
            "result": {"diff_headers": sheet.preview.get("headers"), "valid_rows": shown},
            "outcomes": [(line, _OUTCOMES.get(kind, kind)) for line, kind in sheet.outcomes],
            "message": self._message(sheet) if sheet.state == ImportState.DONE else "",
        }
        # The page is loaded again while a task runs, without a script.
        headers = {"Refresh": str(_RELOAD_SECONDS)} if is_running else {}
        return TemplateResponse(request, [self.progress_template_name], context, headers=headers)

    @method_decorator(require_POST)
    def process_import(self, request: HttpRequest, **kwargs: object) -> HttpResponse:
        """Import the checked file with the id `sheet`."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        wanted = request.POST.get("sheet", "")
        sheet = self._imports().filter(pk=int(wanted)).first() if is_number(wanted) else None
        if sheet is None or sheet.state == ImportState.EXPIRED:
            self.message_user(request, "The uploaded file has expired. Choose it again.", messages.ERROR)
            name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_import"
            return redirect(reverse(name))
        background.confirm(sheet=sheet)  # a second press finds it confirmed
        return self._to_progress(sheet)

    def import_rows(
        self, sheet: SheetImport, *, user: AbstractBaseUser, dry_run: bool, on_row: Callable[[int], None]
    ) -> SheetResult:
        """Import a file. After an error nothing is written. `on_row` is called with the number of each row."""
        resource = self.resource_classes[0]()
        resource.on_row = on_row
        dataset, _ = SheetFile().read(
            bytes(sheet.content), type(resource), ignore_unknown=sheet.ignores_unknown
        )
        result: SheetResult = resource.import_data(
            dataset,
            dry_run=dry_run,
            user=user,
            rollback_on_validation_errors=True,
            retain_instance_in_row_result=not dry_run,
        )
        return result

    def log_import(self, result: SheetResult, *, user_id: int) -> None:
        """Write the admin's log of an import."""
        rows: dict[str, list[models.Model]] = {}
        for row in result:
            rows.setdefault(row.import_type, []).append(row.instance)
        self._create_log_entries(user_id, rows)

    def _imports(self) -> models.QuerySet[SheetImport]:
        return SheetImport.objects.filter(table=self.opts.label)

    def _store(self, request: HttpRequest, form: forms.Form) -> SheetImport | None:
        file = form.cleaned_data["import_file"]
        content = file.read()
        ignore_unknown = form.cleaned_data["ignore_unknown"]
        try:
            dataset, notes = SheetFile().read(
                content, self.resource_classes[0], ignore_unknown=ignore_unknown
            )
        except Unreadable as error:
            form.add_error("import_file", str(error))
            return None
        if not dataset:
            form.add_error("import_file", "The file has no rows.")
            return None
        assert request.user.pk is not None  # the admin lets only users in
        return background.store(
            model=self.model,
            user_id=request.user.pk,
            file_name=file.name,
            content=content,
            lines=len(dataset),
            notes=notes,
            ignores_unknown=ignore_unknown,
            now=timezone.now(),
        )

    def _message(self, sheet: SheetImport) -> str:
        counts = ", ".join(
            f"{sheet.totals.get(kind, 0)} {word}"
            for kind, word in (("new", "new"), ("update", "updated"), ("skip", "unchanged"))
        )
        return f"Import finished: {counts} {self.opts.verbose_name_plural}."

    def _to_progress(self, sheet: SheetImport) -> HttpResponse:
        name = f"{self.opts.app_label}_{self.opts.model_name}_import_progress"
        return redirect(reverse(f"{self.admin_site.name}:{name}", args=[sheet.pk]))
