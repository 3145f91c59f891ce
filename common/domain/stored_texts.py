"""Give stored texts the form in which new ones are written (docs/design, D55)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.db import IntegrityError, models, transaction

from common.domain.text_fields import TidyMixin
from common.domain.texts import without_control_characters

_AT_ONCE = 2_000


class Kept(NamedTuple):
    """A row that stays as it was, because its new text is another row's or too long."""

    model: type[models.Model]
    pk: Any
    values: dict[str, str]


def fold_stored_texts(stored: Iterable[type[models.Model]]) -> Iterator[Kept]:
    """Fold the texts of every row of these models, history included, and yield the rows that had to stay.

    It writes no history and may be repeated. Models of a migration (`apps.get_models()`) are accepted.
    """
    for model in stored:
        fields = [field for field in model._meta.concrete_fields if isinstance(field, TidyMixin)]
        if fields and model._meta.managed and not model._meta.proxy:
            yield from _fold(model, fields)


def _fold(model: type[models.Model], fields: list[TidyMixin[Any, Any]]) -> Iterator[Kept]:
    names = [field.attname for field in fields]
    rows = model._base_manager.order_by("pk").values_list("pk", *names)
    last: Any = None
    while batch := list((rows if last is None else rows.filter(pk__gt=last))[:_AT_ONCE]):
        last = batch[-1][0]
        for pk, *values in batch:
            folded = {
                field.attname: text
                for field, value in zip(fields, values, strict=True)
                if value is not None and (text := _folded(field, value)) != value
            }
            if folded and not _write(model, fields, pk, folded):
                yield Kept(model, pk, folded)


def _folded(field: TidyMixin[Any, Any], value: str) -> str:
    return field.tidy(without_control_characters(value) if field.is_line else value)


def _write(
    model: type[models.Model], fields: list[TidyMixin[Any, Any]], pk: Any, folded: dict[str, str]
) -> bool:
    longest = {field.attname: field.max_length for field in fields if field.is_line}
    if any(len(text) > (longest.get(name) or len(text)) for name, text in folded.items()):
        return False
    try:
        with transaction.atomic():
            model._base_manager.filter(pk=pk).update(**folded)
    except IntegrityError:
        return False
    return True
