"""Base classes of the resources that import and export a model's rows.

A cell is validated as the model's form would validate it, and a row by the model's own rules. Columns that no form
offers are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import tablib
from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from import_export.fields import Field
from import_export.resources import ModelResource
from import_export.results import Error, Result, RowResult
from import_export.widgets import Widget

from common.domain import events
from common.domain.number_fields import NUMBERS
from common.domain.sheets import CHANGE_REASON, Columns
from common.domain.types import AnyModelField, Json, Values

_BREAKS = re.compile(r"\s*[\t\n\v\f\r]\s*")


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
        """Return the value of the cell. Line breaks within a line's cell become spaces, as spreadsheets show them."""
        is_line = not isinstance(self.field.widget, forms.Textarea)
        return self.field.clean(_BREAKS.sub(" ", value) if isinstance(value, str) and is_line else value)

    def render(self, value: object, obj: models.Model | None = None, **kwargs: object) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        return "" if value is None else str(value)


def cell(field: Any) -> Cell:
    """Return the widget of a model's field. A field with a default is not required."""
    if isinstance(field, models.BooleanField):
        return Cell(YesNo(required=not field.has_default()))
    options: Json = {"assume_scheme": "https"} if isinstance(field, models.URLField) else {}
    if not field.choices:
        options |= next((given for kind, given in NUMBERS.items() if isinstance(field, kind)), {})
    form_field = field.formfield(**options)
    assert form_field is not None  # every imported field has a form field
    form_field.required = form_field.required and not field.has_default()
    return Cell(form_field)


class NameCell(Widget):
    """A cell that names a row of another table by the value of one column, as the export writes it."""

    def __init__(self, model: type[models.Model], column: str = "name", *, required: bool = True) -> None:
        super().__init__()
        self.model, self.column, self.required = model, column, required

    def clean(self, value: object, row: Values | None = None, **kwargs: object) -> models.Model | None:
        text = str(value or "").strip()
        noun = self.model._meta.verbose_name
        if not text:
            if self.required:
                raise ValidationError(f"Enter the {self.column.replace('_', ' ')} of a {noun}.")
            return None
        found = list(self.model._default_manager.filter(**{self.column: text})[:2])
        if len(found) != 1:
            raise ValidationError(f"There is {'more than one' if found else 'no'} {noun} {text!r}.")
        return found[0]

    def render(self, value: object, obj: models.Model | None = None, **kwargs: object) -> str:
        return "" if value is None else str(getattr(value, self.column))


class SheetResult(Result):
    """A result with the rows' numbers in a spreadsheet. `lines` are the numbers of the first row, the second, …"""

    def __init__(self, lines: Sequence[int]) -> None:
        super().__init__()
        self.lines = lines

    def append_invalid_row(self, number: int, row: Values, validation_error: ValidationError) -> None:
        super().append_invalid_row(self.lines[number - 1], row, validation_error)

    def row_errors(self) -> list[tuple[int, list[Error]]]:
        return [(self.lines[number - 1], errors) for number, errors in super().row_errors()]

    def outcomes(self) -> list[tuple[int, str]]:
        """Return the number of each row in a spreadsheet with what happened to it, in import-export's words."""
        return [(line, row.import_type) for line, row in zip(self.lines, self.rows, strict=False)]

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
    """The import and export of a model's rows. `find` returns the stored row of a row of the file.

    `headings` are further headings of the columns, and columns that `before_import_row` turns into others.
    """

    headings: ClassVar[Mapping[str, Sequence[str]]] = {}
    beside: ClassVar[Mapping[str, tuple[str, str]]] = {}

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
        self.on_row: Callable[[int], None] = lambda row: None

    def get_result_class(self) -> Callable[[], Result]:
        return partial(SheetResult, self._lines)

    @classmethod
    def columns(cls) -> Columns:
        """Return the columns that a file may have."""
        names = [field.column_name for field in cls.fields.values()]
        return Columns(dict.fromkeys(names, ()) | dict(cls.headings), beside=cls.beside)

    @classmethod
    def check_columns(cls, columns: Sequence[str]) -> None:
        """Raise Unreadable if the columns of a file do not fit together."""

    def set_columns(self, columns: Sequence[str]) -> None:
        """Set the columns of the file, whose fields are imported and shown in the preview."""
        self._columns = list(columns)

    def find(self, row: Values) -> models.Model | None:
        """Return the stored row, locked, or None for a new one. Raises ValidationError."""
        raise NotImplementedError

    def import_data(self, dataset: tablib.Dataset, *args: object, **kwargs: object) -> Result:
        self.set_columns(dataset.headers or ())
        self._lines = dataset.lines
        return super().import_data(dataset, *args, **kwargs)

    def get_import_fields(self) -> list[Field]:
        """Return the fields of the file's columns, which are the only ones that the preview shows."""
        fields: list[Field] = super().get_import_fields()
        return [field for field in fields if self._columns is None or field.column_name in self._columns]

    def get_user_visible_fields(self) -> list[Field]:
        return list(super().get_import_fields())

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

    def do_instance_save(self, instance: Any, is_create: bool) -> None:
        super().do_instance_save(instance, is_create)
        (events.record_new if is_create else events.record_change)(instance)

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
        self.on_row(row_number)
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
