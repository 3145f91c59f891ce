"""Helpers for tests of the admin."""

from __future__ import annotations

import html
from typing import Any

from django.contrib import messages
from django.contrib.admin import helpers
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from common.domain import tasks
from common.domain.workbooks import CONTENT_TYPE


def changelist(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def page(row: Model, name: str = "change", *more: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[row.pk, *more])


def press(client: Client, row: Model, button: str, **answers: Any) -> list[str]:
    """Press a button of a row's page, confirm it, and return the messages shown."""
    response = client.post(page(row, button), {"_form_submitted": "on", **answers})
    assert (response.status_code, response.headers["Location"]) == (302, page(row))
    return [str(message) for message in messages.get_messages(response.wsgi_request)._queued_messages]


def buttons(client: Client, row: Model) -> list[str]:
    """Return the titles of the buttons on a row's page."""
    return [entry["title"] for entry in client.get(page(row)).context["actions_detail"]]


def filled(client: Client, url: str) -> dict[str, Any]:
    """Return the data that the form at `url` sends without any change by the user."""
    context = client.get(url).context
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        formset = inline.formset
        forms += [formset.management_form, *formset.forms]
    data: dict[str, Any] = {}
    for form in forms:
        for field in form:
            data |= _sent(field)
    return data


def _sent(field: Any) -> dict[str, Any]:
    value, widget = field.value(), field.field.widget
    if hasattr(widget, "widgets"):  # a date and a time in two inputs
        parts = widget.decompress(value) if not isinstance(value, list) else value
        return {
            f"{field.html_name}_{n}": "" if part is None else str(part)
            for n, part in enumerate(parts or [None, None])
        }
    if value is None or value is False or field.field.disabled:
        return {}
    return {field.html_name: value if isinstance(value, list) else str(value)}


def errors(response: Any) -> list[str]:
    """Return the errors of an invalid form and of its inlines."""
    formsets = [inline.formset for inline in response.context["inline_admin_formsets"]]
    groups = helpers.AdminErrorList(response.context["adminform"].form, formsets)
    return [text for group in groups.data for text in group]


def upload(client: Client, model: type[Model], content: str | bytes, **answers: str) -> Any:
    """Upload a file for import and return the response."""
    file = SimpleUploadedFile("rows.csv", content.encode() if isinstance(content, str) else content)
    return client.post(f"{changelist(model)}import/", {"import_file": file, "format": "0", **answers})


def refusal(client: Client, model: type[Model], content: str | bytes, **answers: str) -> list[str]:
    """Upload a file that cannot be read as a table and return the errors shown."""
    return list(upload(client, model, content, **answers).context["form"].errors["import_file"])


def preview(client: Client, model: type[Model], content: str | bytes, **answers: str) -> Any:
    """Upload a file for import, run its check, and return the page with the preview."""
    response = upload(client, model, content, **answers)
    assert response.status_code == 302, response.context["form"].errors
    tasks.run_all()
    return client.get(response["Location"])


def said(response: Any) -> list[str]:
    """Return the errors that an import preview shows."""
    found: list[str] = response.context["sheet"].errors
    page = html.unescape(response.text)
    assert [text for text in found if text not in page] == []
    return found


def import_file(client: Client, model: type[Model], content: str | bytes, **answers: str) -> list[str]:
    """Import a valid file and return the messages shown."""
    shown = preview(client, model, content, **answers)
    assert said(shown) == []
    return confirm_import(client, model, shown.context["sheet"].pk)


def confirm_import(client: Client, model: type[Model], sheet: int) -> list[str]:
    """Confirm a checked file, run its import, and return the messages shown at its end."""
    response = client.post(f"{changelist(model)}process_import/", {"sheet": sheet})
    assert response.status_code == 302
    tasks.run_all()
    end = client.get(response["Location"]).context
    return end["sheet"].errors or [end["message"]]


def download(client: Client, model: type[Model], **query: str) -> str:
    """Return the CSV text of the export page."""
    response = client.post(f"{changelist(model)}export/", {"format": "0"}, query_params=query)
    assert response.headers["Content-Type"] == "text/csv"
    return response.content.decode("utf-8-sig")


def download_workbook(client: Client, model: type[Model]) -> bytes:
    """Return the Excel workbook of the export page."""
    response = client.post(f"{changelist(model)}export/", {"format": "1"})
    assert response.headers["Content-Type"] == CONTENT_TYPE
    return response.content
