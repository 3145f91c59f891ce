"""Fields of models and forms that store and compare texts in one form (docs/design, D55).

A value is made tidy before it is measured, validated, stored and compared, so that every way in follows one rule.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from django import forms
from django.core.validators import ProhibitNullCharactersValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.forms.widgets import Textarea

from common.domain import texts
from common.domain.errors import Invalid
from common.domain.texts import validate_line
from common.domain.types import Json

# Type parameters of django-stubs: the type that is set and the type that is read.
_Set = TypeVar("_Set")
_Get = TypeVar("_Get")


class TextFormField(forms.CharField):
    """A text of a form. It has no `maxlength`, with which browsers cut a pasted text without a message."""

    def tidy(self, text: str) -> str:
        return texts.tidy(text)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if not isinstance(self.widget, Textarea):
            self.validators.append(validate_line)

    def to_python(self, value: object) -> str | None:
        return super().to_python(self.tidy(str(value)) if value not in self.empty_values else value)

    def widget_attrs(self, widget: forms.Widget) -> Json:
        return {name: value for name, value in super().widget_attrs(widget).items() if name != "maxlength"}


class CodeFormField(TextFormField):
    def tidy(self, text: str) -> str:
        return texts.tidy_code(text)


class CapitalsFormField(TextFormField):
    def tidy(self, text: str) -> str:
        return texts.tidy_capitals(text)


class EmailFormField(forms.EmailField):
    def to_python(self, value: object) -> str | None:
        return super().to_python(texts.tidy_email(str(value)) if value not in self.empty_values else value)

    def widget_attrs(self, widget: forms.Widget) -> Json:
        return {name: value for name, value in super().widget_attrs(widget).items() if name != "maxlength"}


class TidyMixin(models.Field[_Set, _Get]):
    """Store and compare a text in the form that `tidy` gives it."""

    is_line: ClassVar[bool] = True
    form_field: ClassVar[type[forms.Field]] = TextFormField

    @staticmethod
    def tidy(text: str) -> str:
        return texts.tidy(text)

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return self.tidy(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return self.tidy(value) if isinstance(value, str) else value

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = super().pre_save(model_instance, add)
        if isinstance(value, str) and (tidied := self.tidy(value)) != value:
            setattr(model_instance, self.attname, tidied)
            return tidied
        return value

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return the value to store. Raises Invalid for a text that no form or body has validated."""
        prepared = super().get_db_prep_save(value, connection)
        if isinstance(prepared, str):
            if self.is_line and texts.has_control_characters(prepared):
                raise Invalid(texts.CONTROL_CHARACTERS, field=self.name)
            if self.is_line and self.max_length is not None and len(prepared) > self.max_length:
                raise Invalid(f"Use at most {self.max_length} characters.", field=self.name)
        return prepared

    def formfield(self, **options: Any) -> Any:
        return super().formfield(**({} if self.choices else {"form_class": self.form_field}) | options)


class LineField(TidyMixin[_Set, _Get], models.CharField[_Set, _Get]):
    """One line of text: a name, a subject."""

    default_validators = [ProhibitNullCharactersValidator(), validate_line]


class CodeField(LineField[_Set, _Get]):
    """A line that identifies a thing, in the case in which it was written: a unit number, a part number."""

    form_field = CodeFormField

    @staticmethod
    def tidy(text: str) -> str:
        return texts.tidy_code(text)


class CapitalsField(LineField[_Set, _Get]):
    """A line that identifies a thing, in capitals: a license plate."""

    form_field = CapitalsFormField

    @staticmethod
    def tidy(text: str) -> str:
        return texts.tidy_capitals(text)


class ParagraphsField(TidyMixin[_Set, _Get], models.TextField[_Set, _Get]):
    """A text of several lines: a description, a message."""

    is_line = False


class EmailField(TidyMixin[_Set, _Get], models.EmailField[_Set, _Get]):
    """An email, with its case folded."""

    form_field = EmailFormField

    @staticmethod
    def tidy(text: str) -> str:
        return texts.tidy_email(text)
