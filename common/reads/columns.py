"""Columns of a model, by ORM path."""

from __future__ import annotations

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from common.domain.types import AnyModelField


def primary_key(model: type[models.Model], path: str) -> str:
    """Return the name of the primary key that a path ending in `pk` leads to."""
    return model_at(model, path.rpartition("__")[0])._meta.pk.name


def model_at(model: type[models.Model], path: str) -> type[models.Model]:
    """Return the model that a path of relations leads to. The empty path leads to `model`."""
    for name in path.split("__") if path else ():
        model = _related(model, name)
    return model


def stored_field(model: type[models.Model], path: str) -> AnyModelField | None:
    """Return the model's field at a path, of a foreign key its target's. None for an annotation of the queryset."""
    holder, _, last = path.rpartition("__")
    try:
        owner = model_at(model, holder)._meta
        field = owner.pk if last == "pk" else owner.get_field(last)
    except FieldDoesNotExist:
        return None
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field if isinstance(field, models.Field) else None


def is_list(model: type[models.Model], name: str) -> bool:
    """Return whether `name` is a relation to many rows."""
    try:
        field = model._meta.get_field(name)
        return bool(field.one_to_many or field.many_to_many)
    except FieldDoesNotExist:
        return False


def may_be_null(model: type[models.Model], path: str) -> bool:
    """Return whether a column, or one of the relations on the way to it, may be null."""
    for name in path.split("__"):
        field = model._meta.pk if name == "pk" else model._meta.get_field(name)
        if field.null or field.auto_created:
            return True
        if field.is_relation:
            model = _related(model, name)
    return False


def _related(model: type[models.Model], name: str) -> type[models.Model]:
    related = model._meta.get_field(name).related_model
    assert isinstance(related, type)
    return related
