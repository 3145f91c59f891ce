"""Add, change and remove templates of inspections with their items (docs/design, D100)."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from common.domain import events
from common.domain.changes import change_silently
from common.domain.database import violates
from common.domain.errors import Invalid
from common.domain.types import Json, Values
from inspections.models import Template, TemplateItem

_EMPTY: Json = {"group": "", "unit": "", "canned_job_id": None}


class TemplateNameTaken(Invalid):
    code = "inspection_template_name_taken"
    message = "An inspection template with this name already exists."


class WrongItem(Invalid):
    code = "wrong_item"
    title = "Wrong item"


def save_template(template: Template, *, items: Sequence[Values] | None = None, **fields: object) -> Template:
    """Create a template, or change a stored one. `items`, if given, replace those that it has, in their order.

    An item keeps its id if it is named by it, else if its group and name are those of a stored one. Raises
    TemplateNameTaken, WrongItem.
    """
    if items is not None:
        _check_items(items)
    try:
        with transaction.atomic():
            is_new = template._state.adding
            if is_new:
                template = Template.objects.create(**fields)
                events.record_new(template)
            # It locks the row, so that two replacements take turns.
            is_changed = not is_new and change_silently(template, **fields)
            if items is not None:
                is_changed |= _replace_items(template, items) and not is_new
            if is_changed:
                events.record_change(template)
    except IntegrityError as error:
        if violates(error, Template, "inspection_template_name_once"):
            raise TemplateNameTaken(field="name") from error
        raise
    return template


def remove_template(template: Template) -> None:
    """Remove a template with its items. Inspections and recommendations that were made with it stay."""
    with transaction.atomic():
        events.record_removal(template)
        template.delete()


def _replace_items(template: Template, items: Sequence[Values]) -> bool:
    """Return whether an item was added, changed or removed."""
    stored = {row.pk: row for row in TemplateItem.objects.filter(template=template).in_order()}
    named = {(row.group, row.name): row.pk for row in reversed(stored.values())}
    given = {item["id"] for item in items if item.get("id") is not None}
    wanted: list[tuple[int | None, Json]] = []
    for position, item in enumerate(items, start=1):
        values: Json = {**_EMPTY, **item, "position": position}
        pk = values.pop("id", None)
        if pk is None:
            found = named.get((values["group"], values["name"]))
            pk = None if found in given else found
        elif pk not in stored:
            raise WrongItem(f"This template has no item {pk}.", field=f"items[{position - 1}].id")
        wanted.append((pk, values))
    kept = {pk for pk, _ in wanted}
    is_changed = kept != stored.keys()
    for pk, row in stored.items():
        if pk not in kept:
            row.delete()
    for pk, values in wanted:
        if pk is None:
            TemplateItem.objects.create(template=template, **values)
        else:
            is_changed |= change_silently(stored[pk], **values)
    return is_changed


def _check_items(items: Sequence[Values]) -> None:
    ids: dict[object, int] = {}
    names: dict[object, int] = {}
    for number, item in enumerate(items):
        pk, name = item.get("id"), (item.get("group", ""), item["name"])
        if pk is not None and ids.setdefault(pk, number) != number:
            raise WrongItem("This item is in the list twice.", field=f"items[{number}].id")
        if names.setdefault(name, number) != number:
            raise WrongItem("Another item of the group has this name.", field=f"items[{number}].name")
