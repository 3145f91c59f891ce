"""Base classes of the admin's pages that import and export tables.

A cell is validated as the model's form would validate it, and a row by the model's own rules. A file is imported as a
whole or not at all. Columns that no form offers are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from io import StringIO
from typing import Any

import tablib
from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from import_export.admin import ImportExportModelAdmin
from import_export.fields import Field
from import_export.formats.base_formats import CSV
from import_export.resources import ModelResource
from import_export.results import Error, Result, RowResult
from import_export.tmp_storages import CacheStorage
from import_export.widgets import Widget
from unfold.contrib.import_export.forms import ExportForm, ImportForm

from common.domain.sheets import CHANGE_REASON, Unreadable, escape_formula, read_sheet
from common.domain.types import AnyModelField, Json, Values

# A row takes about ten milliseconds, and on SQLite other writers wait meanwhile.
MAX_ROWS = 1_000


class YesNo(forms.Field):
    """Yes or no as people and spreadsheets write it. A form's checkbox would take every word for yes."""

    WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}

    def to_python(self, value: object) -> bool | None:
        word = str(value or "").strip().lower()
        if word and word not in self.WORDS:
            raise ValidationError("Write yes or no.", code="invalid")
        return self.WORDS.get(word)


class Cell(Widget):
    """A cell that is validated by a form's field."""

    def __init__(self, field: forms.Field) -> None:
        super().__init__()
        self.field = field

    def clean(self, value: object, row: Values | None = None, **kwargs: object) -> object:
        return self.field.clean(value)

    def render(self, value: object, obj: models.Model | None = None, **kwargs: object) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        return "" if value is None else str(value)


def cell(field: Any) -> Cell:
    """Return the widget of a model's field. A field with a default is not required."""
    if isinstance(field, models.BooleanField):
        return Cell(YesNo(required=not field.has_default()))
    options: Json = {"assume_scheme": "https"} if isinstance(field, models.URLField) else {}
    form_field = field.formfield(**options)
    assert form_field is not None  # every imported field has a form field
    form_field.required = form_field.required and not field.has_default()
    return Cell(form_field)


class SheetResult(Result):
    """A result with the rows' numbers in a spreadsheet. `lines` are the numbers of the first row, the second, …"""

    def __init__(self, lines: Sequence[int]) -> None:
        super().__init__()
        self.lines = lines

    def append_invalid_row(self, number: int, row: Values, validation_error: ValidationError) -> None:
        super().append_invalid_row(self.lines[number - 1], row, validation_error)

    def row_errors(self) -> list[tuple[int, list[Error]]]:
        return [(self.lines[number - 1], errors) for number, errors in super().row_errors()]

    def messages(self) -> list[str]:
        """Return a sentence for each error."""
        found = [str(error.error) for error in self.base_errors]
        found += [f"Row {number}: {e.error}" for number, errors in self.row_errors() for e in errors]
        for row in self.invalid_rows:
            named = [
                text if name == "__all__" else f"{name}: {text}"
                for name, texts in row.error_dict.items()
                for text in texts
            ]
            found.append(f"Row {row.number}: {' '.join(named)}")
        return found


class SheetResource(ModelResource):
    """The import and export of a model's rows. `find` returns the stored row of a row of the file."""

    @classmethod
    def field_from_django_field(cls, field_name: str, django_field: AnyModelField, readonly: bool) -> Field:
        keeps_value_if_empty = django_field.has_default() and not django_field.blank
        return Field(
            attribute=field_name,
            column_name=field_name,
            widget=Widget() if readonly else cell(django_field),
            readonly=readonly,
            saves_null_values=not keeps_value_if_empty,
        )

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self._lines: Sequence[int] = ()
        self._columns: list[str] | None = None  # the columns of the file, None before it is read
        self._rows: dict[object, int] = {}

    def get_result_class(self) -> Callable[[], Result]:
        return partial(SheetResult, self._lines)

    def find(self, row: Values) -> models.Model | None:
        """Return the stored row, locked, or None for a new one. Raises ValidationError."""
        raise NotImplementedError

    def import_data(self, dataset: tablib.Dataset, *args: object, **kwargs: object) -> Result:
        self._columns = list(dataset.headers or ())
        self._lines = dataset.lines
        return super().import_data(dataset, *args, **kwargs)

    def get_import_fields(self) -> list[Field]:
        """Return the fields of the file's columns, which are the only ones that the preview shows."""
        fields: list[Field] = super().get_import_fields()
        return [field for field in fields if self._columns is None or field.column_name in self._columns]

    def get_user_visible_fields(self) -> list[Field]:
        return list(super().get_import_fields())

    def before_import(self, dataset: tablib.Dataset, **kwargs: object) -> None:
        """Raise ValueError for unknown columns, which are most often misspelled."""
        known = {field.column_name for field in self.fields.values()}
        if unknown := [name for name in dataset.headers if name not in known]:
            raise ValueError(f"Unknown columns: {', '.join(map(repr, unknown))}.")

    def get_instance(self, instance_loader: object, row: Values) -> models.Model | None:
        return self.find(row)

    def import_field(
        self, field: Field, instance: Any, row: Values, is_m2m: bool = False, **kwargs: object
    ) -> None:
        try:
            super().import_field(field, instance, row, is_m2m, **kwargs)
        except ValidationError as error:  # import-export collects ValueErrors by field
            raise ValueError(" ".join(error.messages)) from error

    def before_save_instance(self, instance: Any, row: Values, **kwargs: object) -> None:
        instance._history_user = kwargs.get("user")
        instance._change_reason = CHANGE_REASON

    def skip_row(
        self,
        instance: Any,
        original: Any,
        row: Any,
        import_validation_errors: Any = None,
    ) -> bool:
        is_new = instance._state.adding
        return not is_new and bool(super().skip_row(instance, original, row, import_validation_errors))

    def after_import_row(
        self, row: Values, row_result: RowResult, *, row_number: int, **kwargs: object
    ) -> None:
        """Raise ValidationError if an earlier row of the file is for the same stored row."""
        line = self._lines[row_number - 1]
        first = self._rows.setdefault(row_result.object_id, line)
        if first != line and row_result.object_id is not None:
            raise ValidationError(f"This is in row {first} already.")

    def after_import(self, dataset: tablib.Dataset, result: Result, **kwargs: object) -> None:
        """Do not reset sequences as import-export does. Ids come from the database, and other requests insert."""

    class Meta:
        import_id_fields = ()
        use_transactions = True
        clean_model_instances = True
        skip_unchanged = True


class SheetCSV(CSV):
    """CSV as `common.domain.sheets` reads it, with cells that no spreadsheet runs as a formula.

    The setting of import-export escapes only `=`.
    """

    def create_dataset(self, in_stream: bytes | str, **kwargs: object) -> tablib.Dataset:
        """Return the table, with the numbers of its rows as `lines`. Raises Unreadable."""
        if isinstance(in_stream, bytes):
            in_stream = in_stream.decode("utf-8-sig", errors="surrogateescape")
        sheet = read_sheet(StringIO(in_stream, newline=""))
        dataset, dataset.lines = tablib.Dataset(headers=sheet.columns), []
        for row in sheet.rows:
            if row.problem:
                raise Unreadable(f"Row {row.line} {row.problem}.")
            if len(dataset.lines) == MAX_ROWS:
                raise Unreadable(f"A file may have {MAX_ROWS:,} rows: split it.")
            dataset.append([*row.cells.values()])
            dataset.lines.append(row.line)
        return dataset

    def export_data(self, dataset: tablib.Dataset, **kwargs: object) -> str:
        safe = tablib.Dataset(headers=dataset.headers)
        for row in dataset:
            safe.append([escape_formula(str(value)) for value in row])
        return str(super().export_data(safe, **kwargs))


class TransferAdmin(ImportExportModelAdmin):
    """Pages that import and export. An import needs the permissions to add and to change, an export to view."""

    import_template_name = "common/import.html"
    import_form_class = ImportForm
    export_form_class = ExportForm
    formats = (SheetCSV,)
    # Between preview and confirmation the cache keeps the file for a day, where every process finds it.
    tmp_storage_class = CacheStorage

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_view_permission(request))

    def get_import_data_kwargs(self, **kwargs: object) -> Json:
        return {**super().get_import_data_kwargs(**kwargs), "rollback_on_validation_errors": True}

    def add_data_read_fail_error_to_form(self, form: forms.Form, e: Exception) -> None:
        if not isinstance(e, Unreadable):
            raise e
        form.add_error("import_file", str(e))

    def process_import(self, request: HttpRequest, **kwargs: object) -> HttpResponse:
        form = self.create_confirm_form(request)
        if request.method == "POST" and form.is_valid():
            waiting = CacheStorage(name=form.cleaned_data["import_file_name"]).read()
            if waiting is None:
                return self._retry(request, "The uploaded file has expired. Choose it again.")
        response: HttpResponse = super().process_import(request, **kwargs)
        return response

    def process_result(self, result: SheetResult, request: HttpRequest) -> HttpResponse:
        """Show the errors of an import that wrote nothing, because data changed after the preview."""
        errors = result.messages()
        if errors:
            return self._retry(request, f"Nothing was imported. {' '.join(errors[:10])}")
        response: HttpResponse = super().process_result(result, request)
        return response

    def _retry(self, request: HttpRequest, message: str) -> HttpResponse:
        self.message_user(request, message, messages.ERROR)
        return redirect(
            reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_import")
        )
