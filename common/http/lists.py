"""Lists of the caller's rows, filtered, whole by default, paged on request (docs/design, D13)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from common.domain.caller import Caller
from common.domain.types import AnyQuerySet, Json, Values
from common.http.bodies import JSONResponse
from common.http.query import ListQuery, Query, params_of
from common.http.views import ContractView
from common.reads.read import Read
from common.reads.serializers import Serializer, SerializerField

DEFAULT_PAGE_SIZE = 50


@dataclass(frozen=True)
class Page:
    """One page of `total` rows, and absolute links to the others."""

    number: int
    size: int
    total: int
    url: str

    @property
    def last(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def before(self) -> int:
        return self.number - 1

    @property
    def after(self) -> int:
        return self.number + 1

    @property
    def bounds(self) -> slice:
        return slice((self.number - 1) * self.size, self.number * self.size)

    def link(self, number: int) -> str:
        return replace_query_param(self.url, "page", number)

    @property
    def next_url(self) -> str | None:
        return self.link(self.number + 1) if self.number < self.last else None

    @property
    def previous_url(self) -> str | None:
        return self.link(self.number - 1) if self.number > 1 else None

    @property
    def headers(self) -> dict[str, str]:
        """Return `Link` (RFC 8288) and the total, for contracts whose lists are bare arrays."""
        links = {
            "first": self.link(1),
            "prev": self.previous_url,
            "next": self.next_url,
            "last": self.link(self.last),
        }
        return {
            "Link": ", ".join(f'<{url}>; rel="{name}"' for name, url in links.items() if url),
            "X-Total-Count": str(self.total),
        }


@dataclass(frozen=True)
class PageAfter:
    """A page by position, and the link to the one that follows. Nothing is counted."""

    url: str
    cursor: str | None  # of the last row, if more rows follow

    total: ClassVar[None] = None
    previous_url: ClassVar[None] = None

    @property
    def next_url(self) -> str | None:
        return replace_query_param(self.url, "after", self.cursor) if self.cursor else None


class Lister(ContractView):
    """A view that declares a list's parameters, rows and serializer. The contract's subclass gives the envelope."""

    is_always_paged: ClassVar[bool] = False

    query: ClassVar[type[ListQuery]] = ListQuery
    path_query: ClassVar[type[Query]] = Query  # the ids in the URL, passed as filters
    serializer_class: ClassVar[type[Serializer]]

    read: ClassVar[Read]

    @staticmethod
    @abstractmethod
    def rows(caller: Caller, filters: Any) -> AnyQuerySet:
        """Return the rows this caller may see, filtered, in a total order. They are compiled, see `Read`."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if hasattr(cls, "serializer_class"):
            cls.read = Read(cls.rows, cls.serializer_class, params_of(cls.query, cls.path_query))

    @abstractmethod
    def envelope(self, rows: Sequence[Json], page: Page | None) -> tuple[object, dict[str, str]]:
        """Return body and headers of the contract's lists."""

    @classmethod
    def list_fields(cls) -> dict[str, SerializerField] | None:
        """Return the envelope's fields beside `results`, or None for a bare array."""
        return None

    def check(self, filters: Values) -> None:
        """Raise Missing if a parameter names a row that does not exist."""

    def validate_parent(self, filters: Values) -> None:
        """Raise Missing if the parent named in the URL does not exist. Called only if the list is empty."""

    def list_response(self, request: Request) -> HttpResponseBase:
        """Return the list, or the part of it that was requested."""
        filters = self.query.read(request.query_params) | self.kwargs
        self.check(filters)
        return self.answer(request, self.read, filters)

    def answer(self, request: Request, read: Read, filters: Json) -> HttpResponseBase:
        """Return the list, or the page of it that was requested."""
        page_number, page_size = filters.pop("page", None), filters.pop("page_size", None)
        if page_number or page_size or self.is_always_paged:
            page, rows = self.page(request, read, filters, page_number or 1, page_size or DEFAULT_PAGE_SIZE)
        else:
            page, rows = None, self._found(read.all(self.caller, filters), filters)
        body, headers = self.envelope(rows, page)
        return JSONResponse(body, headers=headers)

    def page(
        self, request: Request, read: Read, filters: Json, number: int, size: int
    ) -> tuple[Page, list[Json]]:
        """Return page `number` and its rows. Raises ValidationError if it is after the last page."""
        before = (number - 1) * size
        rows = self._found(read.page(self.caller, filters, slice(before, before + size)), filters)
        # A page that is not full is the last one, so its rows need no count query.
        is_last = len(rows) < size and bool(rows or not before)
        total = before + len(rows) if is_last else read.count(self.caller, filters)
        page = Page(number, size, total, request.build_absolute_uri())
        if number > page.last:
            raise serializers.ValidationError({"page": [f"The last page is {page.last}."]})
        return page, rows

    def _found(self, rows: list[Json], filters: Values) -> list[Json]:
        if not rows:
            self.validate_parent(filters)
        return self.finish_rows(rows)

    def finish_rows(self, rows: list[Json]) -> list[Json]:
        """Return the rows of a page with the values that no column has."""
        return rows


class ListView(Lister):
    """A route whose GET is a list."""

    def get(self, request: Request, *args: object, **kwargs: object) -> HttpResponseBase:
        return self.list_response(request)


class BareList(ListView):
    """A list as a bare array, with the paging in headers."""

    def envelope(self, rows: Sequence[Json], page: Page | None) -> tuple[object, dict[str, str]]:
        return rows, page.headers if page else {}


class PagedList(Lister):
    """A list that is always paged by number: `{results, count, next, previous}`."""

    is_always_paged = True

    def envelope(self, rows: Sequence[Json], page: Page | PageAfter | None) -> tuple[object, dict[str, str]]:
        assert page is not None
        return {
            "results": rows,
            "count": page.total,
            "next": page.next_url,
            "previous": page.previous_url,
        }, {}

    @classmethod
    def list_fields(cls) -> dict[str, SerializerField]:
        return {
            "count": serializers.IntegerField(),
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
        }
