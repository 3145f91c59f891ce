"""Everything that is held of a person, as files that a machine reads (GDPR, articles 15 and 20)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.db.models import Model

from common.domain.encoding import dumps
from common.domain.types import Json
from files.models import Upload
from files.stores import store
from privacy.holdings import HOLDINGS, Holding, Person


def export(person: Person, archive: ZipFile) -> int:
    """Write `<table>.json`, an array of rows, for each table that holds something, and the uploads under `files/`.
    The number of rows. Raises StoreAway."""
    tables: dict[str, dict[int, Json]] = defaultdict(dict)
    for holding in HOLDINGS:
        tables[holding.name].update(_rows(holding, person))
    for name, rows in tables.items():
        if rows:
            archive.writestr(f"{name}.json", dumps(list(rows.values())), compress_type=ZIP_DEFLATED)
    for upload in Upload.objects.filter(pk__in=tables[Upload._meta.label_lower]):
        _write_file(upload, archive)
    return sum(map(len, tables.values()))


def _rows(holding: Holding, person: Person) -> Iterator[tuple[int, Json]]:
    rows = list(holding.rows_of(person))
    named = {field.name: _named_by(field, rows) for field in holding.model._meta.many_to_many}
    for row in rows:
        body = {
            field.name: field.value_from_object(row)
            for field in holding.model._meta.concrete_fields
            if field.name not in holding.secrets
        }
        body |= {name: of_row[row.pk] for name, of_row in named.items()}
        body |= {name: make(row) for name, make in holding.adds.items()}
        yield row.pk, body


def _named_by(field: Any, rows: Sequence[Model]) -> dict[Any, list[str]]:
    """What a many-to-many field names, of all rows at once."""
    mine, theirs = field.m2m_field_name(), field.m2m_reverse_field_name()
    pairs = field.remote_field.through._base_manager.filter(**{f"{mine}__in": rows}).select_related(theirs)
    named: dict[Any, list[str]] = defaultdict(list)
    for pair in pairs.order_by("pk"):
        named[getattr(pair, f"{mine}_id")].append(str(getattr(pair, theirs)))
    return named


def _write_file(upload: Upload, archive: ZipFile) -> None:
    try:
        with archive.open(f"files/{upload.uuid}/{upload.name}", "w") as file:
            for chunk in store().read(upload):
                file.write(chunk)
    except FileNotFoundError:
        pass  # announced, and never brought
