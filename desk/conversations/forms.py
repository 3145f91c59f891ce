"""Forms of the conversations' pages."""

from __future__ import annotations

from typing import Any, TypeAlias

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from common.domain.text_fields import TextFormField
from desk.forms import KeyedForm
from files.kinds import HEAD_BYTES, KINDS, has_signature

AnyFile: TypeAlias = "UploadedFile[Any]"
MAX_LENGTH = 10_000
MAX_FILES = 5


class _Files(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Up to five photos or PDF documents, each with the signature of its type."""

    def __init__(self, **options: Any) -> None:
        widget = _Files(attrs={"multiple": True, "accept": ",".join(KINDS)})
        super().__init__(required=False, widget=widget, **options)

    def clean(self, data: Any, initial: Any = None) -> list[AnyFile]:
        given = data if isinstance(data, list | tuple) else [data]
        files = [file for file in given if file]
        if len(files) > MAX_FILES:
            raise forms.ValidationError(f"Attach at most {MAX_FILES} files.", code="too_many")
        for file in files:
            self._check(file)
        return files

    def _check(self, file: AnyFile) -> None:
        super().clean(file)
        content_type = file.content_type or ""
        head = file.read(HEAD_BYTES)
        file.seek(0)
        if content_type not in KINDS or not has_signature(content_type, head):
            raise forms.ValidationError(f"{file.name} is neither a photo nor a PDF document.", code="kind")
        if (file.size or 0) > settings.MAX_UPLOAD_BYTES:
            limit = settings.MAX_UPLOAD_BYTES // (1024 * 1024)
            raise forms.ValidationError(f"{file.name} is larger than {limit} MB.", code="size")


def _body(label: str) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=MAX_LENGTH, widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"})
    )


class AnswerForm(KeyedForm):
    """A message or an internal note. The pressed button decides which."""

    body = _body("Message")
    uploads = FilesField(label="Photos and documents")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["body"].required = not self.files  # a photo needs no words


class NewForm(KeyedForm):
    subject = TextFormField(label="Subject", max_length=200)
    body = _body("First message")
