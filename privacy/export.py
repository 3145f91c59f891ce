"""Export a person's data in machine-readable files (GDPR, articles 15 and 20)."""

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
    """Write a person's rows and uploads into an archive and return the number of rows.

    Each table with rows becomes `<table>.json`, an array of rows. Uploads are stored in `files/`.
    Raises StoreUnavailable.
    """
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
    rows = list(holding.rows_for(person))
    related = {field.name: _related_names(field, rows) for field in holding.model._meta.many_to_many}
    for row in rows:
        body = {
            field.name: field.value_from_object(row)
            for field in holding.model._meta.concrete_fields
            if field.name not in holding.secrets
        }
        body |= {name: by_row[row.pk] for name, by_row in related.items()}
        body |= {name: compute(row) for name, compute in holding.computed.items()}
        yield row.pk, body


def _related_names(field: Any, rows: Sequence[Model]) -> dict[int, list[str]]:
    """Return the names of the objects to which a many-to-many field links each row."""
    source, target = field.m2m_field_name(), field.m2m_reverse_field_name()
    links = field.remote_field.through._base_manager.filter(**{f"{source}__in": rows}).select_related(target)
    names: dict[int, list[str]] = defaultdict(list)
    for link in links.order_by("pk"):
        names[getattr(link, f"{source}_id")].append(str(getattr(link, target)))
    return names


def _write_file(upload: Upload, archive: ZipFile) -> None:
    try:
        with archive.open(f"files/{upload.uuid}/{upload.name}", "w") as file:
            for chunk in store().read(upload):
                file.write(chunk)
    except FileNotFoundError:
        pass  # the upload was announced, and its file never arrived
