"""The staff's lists: paged by number or by position, with chosen fields, or whole as files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import ClassVar

from django.core import signing
from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.exports import JSON, PAGE_ROWS, export_response
from common.http.lists import DEFAULT_PAGE_SIZE, PageAfter, PagedList
from common.http.query import ListQuery, StaffListQuery
from common.reads.orders import OtherOrderError, Position
from common.reads.read import Read
from common.reads.serializers import SerializerField

WRONG_CURSOR = "No position in this list and order. Send the URL in next unchanged, or after= to begin."


def known_names(names: Sequence[str], known: Collection[str]) -> Sequence[str]:
    """Return the names of `?fields=`. Raises ValidationError for one that the row does not have."""
    unknown = [name for name in names if name not in known]
    if unknown:
        text = f"The row has no {unknown[0]}. It has {', '.join(known)}."
        raise serializers.ValidationError({"fields": [text]})
    return names


def _refuse_pages(name: str, filters: Json, *others: str, after: str | None = None) -> None:
    """Raise ValidationError if parameters that choose another part of the list were sent too."""
    sent = [other for other in others if other in filters] + (["after"] if after is not None else [])
    if sent:
        raise serializers.ValidationError({name: [f"Send {name} or {sent[0]}, not both."]})


class PositionedList(PagedList):
    """A list that is paged by number or, with `after`, by position in its order, or exported (docs/design, D13).

    A page by position begins after the last row of the one before, wherever that row is by now, and whether or not it
    still exists. An index finds it, and nothing is counted.
    """

    query: ClassVar[type[ListQuery]] = StaffListQuery

    def answer(self, request: Request, read: Read, filters: Json) -> HttpResponseBase:
        names = self.row_names()
        if asked := filters.pop("fields", None):
            names = [name for name in names if name in known_names(asked, names)]
            read = read.only(names)
        kind, cursor = filters.pop("format", JSON), filters.pop("after", None)
        if kind != JSON:
            _refuse_pages("format", filters, "page", "page_size", after=cursor)
            total = read.count(self.caller, filters)
            pages = self._pages(read, filters)
            return export_response(pages, kind, columns=names, total=total, name=self.file_name)
        if cursor is None:
            return super().answer(request, read, filters)
        _refuse_pages("after", filters, "page")
        size = filters.pop("page_size", DEFAULT_PAGE_SIZE)
        try:
            rows, last = read.after(self.caller, filters, self._position(cursor), size)
        except (signing.BadSignature, OtherOrderError):
            raise serializers.ValidationError({"after": [WRONG_CURSOR]}) from None
        page = PageAfter(request.build_absolute_uri(), self._cursor(last) if last else None)
        body, headers = self.envelope(self._found(rows, filters), page)
        return JSONResponse(body, headers=headers)

    @classmethod
    @cache
    def row_names(cls) -> list[str]:
        """Return the names that a row of the list has."""
        return [name for name, field in cls.serializer_class().fields.items() if not field.write_only]

    @property
    def file_name(self) -> str:
        """Return the name of an exported file, without its ending."""
        raise NotImplementedError

    def _pages(self, read: Read, filters: Json) -> Iterator[list[Json]]:
        """Yield all rows, page by page."""
        place: Position | None = None
        while True:
            rows, place = read.after(self.caller, filters, place, PAGE_ROWS)
            yield self._found(rows, filters)
            if place is None:
                return

    def _signer(self) -> signing.Signer:
        return signing.Signer(salt=f"{__name__}.{type(self).__name__}")

    def _cursor(self, position: Position) -> str:
        return self._signer().sign_object([position.order, position.values])

    def _position(self, cursor: str) -> Position | None:
        """Return the position in a cursor, or None for the beginning. Raises BadSignature."""
        if not cursor:
            return None
        order, values = self._signer().unsign_object(cursor)
        return Position(tuple(order), tuple(values))

    @classmethod
    def list_fields(cls) -> dict[str, SerializerField]:
        count = serializers.IntegerField(allow_null=True, help_text="Of all pages. Null with `after`.")
        previous = serializers.URLField(allow_null=True, help_text="Null with `after`.")
        return {**super().list_fields(), "count": count, "previous": previous}
