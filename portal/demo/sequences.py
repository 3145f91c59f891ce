"""PostgreSQL's sequences know nothing of rows that came with an id of their own."""

from __future__ import annotations

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection


def reset() -> None:
    """Let every sequence go on after the largest id there is, or from 1 in an empty table."""
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)
