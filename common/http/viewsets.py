"""The staff's API: viewsets over compiled reads and the domain's actions.

A resource declares its model, its row's serializer, its filters and the inputs of its writes. A role's permissions are
Django permissions, the same that the admin checks (`StaffWithActionPermission`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, partial
from types import MappingProxyType
from typing import Any, ClassVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import Model
from django.http import HttpResponseBase
from django.urls import URLPattern
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from common.domain.caller import Caller
from common.domain.errors import Forbidden, Missing
from common.domain.types import AnyQuerySet, Json, Values
from common.http.authentication import ApiKeyAuthentication, BearerAuthentication
from common.http.bodies import JSONResponse
from common.http.contracts.shop import SHOP, STAFF, ShopCustomerList, ShopView
from common.http.etags import NothingToMatch, check_match, etag_of, without
from common.http.fields import Id
from common.http.idempotency import Handler
from common.http.inputs import unaccepted_names
from common.http.permissions import StaffWithActionPermission
from common.http.positions import PositionedList, known_names
from common.http.problems import UnknownFields
from common.http.query import Query, RowQuery, params_of
from common.http.routing import route
from common.http.views import AnyModel
from common.reads.read import Read
from common.reads.serializers import Serializer

_VERBS = {
    "list": "view",
    "retrieve": "view",
    "create": "add",
    "partial_update": "change",
    "destroy": "delete",
}
UNSAFE = frozenset({"POST", "PATCH", "DELETE"})
_COLLECTION = {"get": "list", "post": "create"}
_ITEM = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}


class PeopleOnly(Forbidden):
    """A key asks for what would outlive its revocation."""

    code = "people_only"
    message = "API keys and webhooks are managed by people, not by API keys."


class ItemQuery(Query):
    """The key of one row. A resource whose rows depend on the time adds it."""

    id = Id()


class StaffViewSet(ViewSetMixin, PositionedList, ShopView):
    """One resource under `/api/shop/`. Its list is always paged."""

    contract = STAFF
    authentication_classes = [BearerAuthentication, ApiKeyAuthentication]
    permission_classes = [StaffWithActionPermission]
    is_strict = True
    keyed_methods = UNSAFE
    people_methods: ClassVar[frozenset[str]] = frozenset()  # those that no API key may use
    resource: ClassVar[str]  # the noun in the URL
    model: ClassVar[type[Model]]
    verbs: ClassVar[tuple[str, ...]] = ()  # POST <noun>/<id>/<verb>/
    # The part of the URL with the key of the row whose ETag a write may have as `If-Match`. Empty: rows have no ETags.
    matched: ClassVar[str] = "id"
    has_versions: ClassVar[bool] = False  # the ETag is the row's version, which the actions compare
    # Of the row, which change with each use and are not in its ETag.
    stamps: ClassVar[frozenset[str]] = frozenset()
    # Of one row, where it has more than the rows of the list.
    item_class: ClassVar[type[Serializer] | None] = None
    item_query: ClassVar[type[Query]] = ItemQuery
    row_query: ClassVar[type[Query]] = RowQuery  # the parameters of one row
    lists: ClassVar[tuple[str, ...]] = ("list",)  # the actions that answer with a page of rows
    inputs: ClassVar[dict[str, type[Serializer]]] = {}  # action -> the serializer of its body
    creates: ClassVar[frozenset[str]] = frozenset({"create"})  # actions that answer 201
    permissions: ClassVar[dict[str, str]] = {}  # action -> `app.codename`, where it is not the default
    # Actions at whose address customers have one of their own: the staff's action -> the customers'.
    customer_actions: ClassVar[Mapping[str, str]] = {}
    own_list: ClassVar[type[ShopCustomerList]]  # of customers, where `customer_actions` has `list_own`

    _row: Model | None = None  # of the URL, read once per request

    @classmethod
    def routes(cls) -> list[URLPattern]:
        """Return the routes of this resource. A method without an action is 405."""
        return [
            cls.address("", **_COLLECTION),
            cls.address("<id:id>/", **_ITEM),
            *(cls.address(f"<id:id>/{verb}/", post=verb) for verb in cls.verbs),
        ]

    @classmethod
    def address(cls, tail: str, **actions: str) -> URLPattern:
        """Return one route of this resource: HTTP method -> action, of those actions that the class has."""
        known: Json = {method: action for method, action in actions.items() if hasattr(cls, action)}
        return route(f"{cls.resource}/{tail}", cls.as_view(known))

    @classmethod
    def permission_of(cls, action: str) -> str:
        """Return the Django permission that an action needs, `app.codename`."""
        options = cls.model._meta
        default = f"{options.app_label}.{_VERBS.get(action, 'change')}_{options.model_name}"
        return cls.permissions.get(action, default)

    @property
    def input_class(self) -> type[Serializer] | None:  # type: ignore[override]
        return self.inputs.get(self.action or "")

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        method = str(request.method).lower()
        if method in ("post", "patch", "delete") and hasattr(self, method):
            setattr(self, method, partial(self._write, getattr(self, method)))
        super().initial(request, *args, **kwargs)

    def check_permissions(self, request: Request) -> None:
        """Serve a customer in the words of contract 000, where the address has an action for customers.

        Raises PeopleOnly for an API key.
        """
        if self.is_signed_in and not self.caller.is_staff and self.action in self.customer_actions:
            vars(self).update(contract=SHOP, is_strict=False, action=self.customer_actions[self.action])
        super().check_permissions(request)
        if self.is_signed_in and self.caller.api_key is not None and request.method in self.people_methods:
            raise PeopleOnly

    def finalize_response(
        self, request: Request, response: Response, *args: object, **kwargs: object
    ) -> Response:
        """Tell the caller what is left of their rate (draft-ietf-httpapi-ratelimit-headers)."""
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.rate:
            response.headers["RateLimit-Limit"] = str(self.rate.limit)
            response.headers["RateLimit-Remaining"] = str(self.rate.remaining)
            response.headers["RateLimit-Reset"] = str(self.rate.reset)
        return response

    def _write(self, handler: Handler, request: Request, *args: Any, **kwargs: Any) -> JSONResponse:
        """Call the action of a write. A missing row is a 404 before the body is read."""
        if "id" in kwargs:
            self.row(kwargs["id"])
        if self.input_class is None and request.method != "DELETE" and request.data:
            raise UnknownFields(unaccepted_names(None, request.data, self._shown()))
        if self.action in self.customer_actions.values():
            handler = getattr(self, self.action)
        seen = request.headers.get("If-Match")
        if not seen or (self.has_versions and "id" in kwargs):
            return handler(request, *args, **kwargs)
        if self.matched not in kwargs:
            raise NothingToMatch(field="If-Match")
        with transaction.atomic():
            self._check_match(seen, kwargs[self.matched])
            return handler(request, *args, **kwargs)

    def _check_match(self, seen: str, id: int) -> None:
        """Lock the row until the write is done. Raises RowChanged if it is not the one with this ETag, and Missing."""
        row = self.row(id) if self.matched == "id" else self.one_of(self.model, id)
        try:
            row.refresh_from_db(from_queryset=self.model._base_manager.select_for_update(no_key=True))
        except ObjectDoesNotExist:
            raise self._missing() from None
        check_match(seen, self.body_of(id), str(self.model._meta.verbose_name), self.stamps)

    def unaccepted(self, serializer: Serializer) -> dict[str, list[str]]:
        if not self.is_strict:
            return super().unaccepted(serializer)
        return unaccepted_names(serializer, self.request.data, self._shown())

    def _shown(self) -> Iterable[str]:
        """Return the names of the row, and those of a new one, of which some cannot change later."""
        created = self.inputs.get("create")
        return [*self.serializer_class().fields, *(created().fields if created else ())]

    @classmethod
    @cache
    def _item_read(cls) -> Read:
        def rows(caller: Caller, filters: Values) -> AnyQuerySet:
            instants = {name: filters[name] for name in cls.item_query.instants()}
            return cls.rows(caller, instants).filter(pk=filters["id"])

        return Read(rows, cls.item_class or cls.serializer_class, params_of(cls.item_query))

    @property
    def file_name(self) -> str:
        return self.resource

    def list(self, request: Request) -> HttpResponseBase:
        return self.list_own(request) if self.action == "list_own" else self.list_response(request)

    def list_own(self, request: Request) -> HttpResponseBase:
        """List one's own rows, as a customer."""
        own = self.own_list()
        own.setup(request, **self.kwargs)
        return own.list_response(request)

    def check(self, filters: Values) -> None:
        for name, model in self.query.named.items():
            if name in filters:
                self.one_of(model, filters[name], field=name)

    def retrieve(self, request: Request, id: int) -> JSONResponse:
        return self.answer_row(self.body_of(id))

    def show(self, id: int, status: int = 200) -> JSONResponse:
        """Return the row as it is stored now, after a write."""
        return self.answer_row(self.body_of(id), status=status)

    def answer_row(self, body: Json, status: int = 200, more: Values = MappingProxyType({})) -> JSONResponse:
        """Return a row with its ETag, or of it what `?fields=` names. `more` is no part of the row."""
        headers = {"ETag": self.etag_of(body)}
        if self.request.method == "GET":
            names = self.row_query.read(self.request.query_params).get("fields")
            if names:
                body = {name: body[name] for name in body if name in known_names(names, body)}
        return JSONResponse({**body, **more}, status=status, headers=headers)

    def etag_of(self, body: Json) -> str:
        """Return the ETag of a row's body."""
        return etag_of(without(self.stamps, body))

    def body_of(self, id: int) -> Json:
        """Return the row as it is stored now. Raises Missing."""
        return self.read_one(self.caller, id)

    @classmethod
    def read_one(cls, caller: Caller, id: int) -> Json:
        """Return a row of this resource for another resource's answer. Raises Missing."""
        instants = dict.fromkeys(cls.item_query.instants(), timezone.now())
        body: Json = cls._item_read().one(caller, {"id": id, **instants}, cls._missing())
        return body

    def row(self, id: int) -> Any:
        """Return the row for an action. Raises Missing if there is none for this caller."""
        if self._row is None:
            self._row = self.one_of(self.model, id)
        return self._row

    def one_of(self, model: type[AnyModel], id: int, field: str | None = None) -> AnyModel:
        """Return the row that a body or a URL names. Raises Missing if there is none for this caller."""
        row = self.visible_rows(model).filter(pk=id).first()
        if row is None:
            raise Missing(f"{model._meta.verbose_name} not found.".capitalize(), field=field)
        return row

    @classmethod
    def _missing(cls) -> Missing:
        return Missing(f"{cls.model._meta.verbose_name} not found.".capitalize())
