"""Tables in and out of the staff's admin: what every import and export page there has in common.

A cell is read as the model's form would read it and a row obeys the model's own rules; a file is written whole or
not at all. Columns that no form offers are read over.
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
from import_export.results import Result, RowResult
from import_export.tmp_storages import CacheStorage
from import_export.widgets import Widget
from unfold.contrib.import_export.forms import ExportForm, ImportForm

from common.domain.sheets import CHANGE_REASON, Unreadable, escape_formula, read_sheet
from common.domain.types import Json, Values

# A row costs some ten milliseconds, and on SQLite nobody else writes meanwhile.
MAX_ROWS = 1_000


class YesNo(forms.Field):
    """Yes or no as people and spreadsheets write it; a form's box would take every word for yes."""

    WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}

    def to_python(self, value: Any) -> bool | None:
        word = str(value or "").strip().lower()
        if word and word not in self.WORDS:
            raise ValidationError("Write yes or no.", code="invalid")
        return self.WORDS.get(word)


class Cell(Widget):
    """A cell that is read by a form's field."""

    def __init__(self, field: forms.Field) -> None:
        super().__init__()
        self.field = field

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        return self.field.clean(value)

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        return "" if value is None else str(value)


def cell(field: Any) -> Cell:
    """The widget of a model's field. Where it cannot be empty but has a default, an empty cell says nothing."""
    if isinstance(field, models.BooleanField):
        return Cell(YesNo(required=not field.has_default()))
    options: Json = {"assume_scheme": "https"} if isinstance(field, models.URLField) else {}
    form_field = field.formfield(**options)
    assert form_field is not None  # every field that is imported stands in a form
    form_field.required = form_field.required and not field.has_default()
    return Cell(form_field)


class SheetResult(Result):
    """Rows under their numbers in a spreadsheet: `lines` are those of the first, the second, …"""

    def __init__(self, lines: Sequence[int]) -> None:
        super().__init__()
        self.lines = lines

    def append_invalid_row(self, number: int, row: Any, validation_error: Any) -> None:
        super().append_invalid_row(self.lines[number - 1], row, validation_error)

    def row_errors(self) -> list[tuple[int, Any]]:
        return [(self.lines[number - 1], errors) for number, errors in super().row_errors()]

    def complaints(self) -> list[str]:
        """Everything that is wrong, a sentence each."""
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
    """Rows of a model by a natural key; `find` says which stored row a row of the file means."""

    @classmethod
    def field_from_django_field(cls, field_name: str, django_field: Any, readonly: bool) -> Field:
        empty_says_nothing = django_field.has_default() and not django_field.blank
        return Field(
            attribute=field_name,
            column_name=field_name,
            widget=Widget() if readonly else cell(django_field),
            readonly=readonly,
            saves_null_values=not empty_says_nothing,
        )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._lines: Sequence[int] = ()
        self._columns: list[str] | None = None  # of the file; all are known while there is none
        self._rows: dict[Any, int] = {}

    def get_result_class(self) -> Callable[[], Result]:
        return partial(SheetResult, self._lines)

    def find(self, row: Values) -> Any:
        """The stored row, locked, or None for a new one. Raises ValidationError."""
        raise NotImplementedError

    def import_data(self, dataset: tablib.Dataset, *args: Any, **kwargs: Any) -> Result:
        self._columns = list(dataset.headers or ())
        self._lines = dataset.lines
        return super().import_data(dataset, *args, **kwargs)

    def get_import_fields(self) -> list[Field]:
        """Those the file speaks of: the preview shows no other column."""
        fields: list[Field] = super().get_import_fields()
        return [field for field in fields if self._columns is None or field.column_name in self._columns]

    def get_user_visible_fields(self) -> list[Field]:
        return list(super().get_import_fields())

    def before_import(self, dataset: tablib.Dataset, **kwargs: Any) -> None:
        """A column that means nothing here is a typing error, and said."""
        known = {field.column_name for field in self.fields.values()}
        if unknown := [name for name in dataset.headers if name not in known]:
            raise ValueError(f"Unknown columns: {', '.join(map(repr, unknown))}.")

    def get_instance(self, instance_loader: Any, row: Values) -> Any:
        return self.find(row)

    def import_field(
        self, field: Field, instance: Any, row: Any, is_m2m: bool = False, **kwargs: Any
    ) -> None:
        try:
            super().import_field(field, instance, row, is_m2m, **kwargs)
        except ValidationError as error:  # import-export collects ValueErrors, under the field's name
            raise ValueError(" ".join(error.messages)) from error

    def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        instance._history_user = kwargs.get("user")
        instance._change_reason = CHANGE_REASON

    def skip_row(self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None) -> bool:
        is_new = instance._state.adding
        return not is_new and bool(super().skip_row(instance, original, row, import_validation_errors))

    def after_import_row(self, row: Any, row_result: RowResult, **kwargs: Any) -> None:
        """The same thing twice in a file: which of the two is meant, nobody can say."""
        line = self._lines[kwargs["row_number"] - 1]
        first = self._rows.setdefault(row_result.object_id, line)
        if first != line and row_result.object_id is not None:
            raise ValidationError(f"This is in row {first} already.")

    def after_import(self, dataset: tablib.Dataset, result: Result, **kwargs: Any) -> None:
        """No resetting of sequences, as import-export would: ids are the database's, and others insert, too."""

    class Meta:
        import_id_fields = ()
        use_transactions = True
        clean_model_instances = True
        skip_unchanged = True


class SheetCSV(CSV):
    """CSV as `common.domain.sheets` reads it, with cells that no spreadsheet runs as a formula.

    The setting of import-export guards only `=`.
    """

    def create_dataset(self, in_stream: bytes | str, **kwargs: Any) -> tablib.Dataset:
        """With the numbers of its rows as `lines`. Raises Unreadable."""
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

    def export_data(self, dataset: tablib.Dataset, **kwargs: Any) -> str:
        safe = tablib.Dataset(headers=dataset.headers)
        for row in dataset:
            safe.append([escape_formula(str(value)) for value in row])
        return str(super().export_data(safe, **kwargs))


class TransferAdmin(ImportExportModelAdmin):
    """Pages to import and export. Who imports must be allowed to add and to change, who exports to look."""

    import_template_name = "common/import.html"
    import_form_class = ImportForm
    export_form_class = ExportForm
    formats = (SheetCSV,)
    # Between preview and confirmation the file waits where every process finds it, for a day.
    tmp_storage_class = CacheStorage

    def has_import_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.has_view_permission(request))

    def get_import_data_kwargs(self, **kwargs: Any) -> Json:
        return {**super().get_import_data_kwargs(**kwargs), "rollback_on_validation_errors": True}

    def add_data_read_fail_error_to_form(self, form: forms.Form, e: Exception) -> None:
        if not isinstance(e, Unreadable):
            raise e
        form.add_error("import_file", str(e))

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        form = self.create_confirm_form(request)
        if request.method == "POST" and form.is_valid():
            waiting = CacheStorage(name=form.cleaned_data["import_file_name"]).read()
            if waiting is None:
                return self._again(request, "The file is not here any more: choose it again.")
        response: HttpResponse = super().process_import(request, **kwargs)
        return response

    def process_result(self, result: SheetResult, request: HttpRequest) -> HttpResponse:
        """Something may have changed since the preview; then nothing was written."""
        complaints = result.complaints()
        if complaints:
            return self._again(request, f"Nothing was imported. {' '.join(complaints[:10])}")
        response: HttpResponse = super().process_result(result, request)
        return response

    def _again(self, request: HttpRequest, message: str) -> HttpResponse:
        self.message_user(request, message, messages.ERROR)
        return redirect(
            reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_import")
        )
