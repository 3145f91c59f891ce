"""The OpenAPI schema of all contracts on one page.

Every operation gets its contract as prefix of its id and components (two rooms' `VehicleSerializer`s would otherwise
overwrite each other), the contract's error responses, the roles that may call it, and the examples recorded in
`docs/examples/<contract>.json`, which a test compares with real responses. Its tag is the contract, or the resource of
the staff's API. A field without a `help_text` has that of its column, or the word of `config/glossary.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache, partial
from inspect import getdoc
from typing import Any, Literal, TypeAlias

from django.conf import settings
from django.db.models import Model
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import exceptions, serializers
from rest_framework.permissions import AllowAny

from common.domain import errors
from common.domain.caller import Role
from common.domain.types import Json
from common.http.authentication import ApiKeyAuthentication, SessionCaller
from common.http.contracts.base import Contract, NamesFields
from common.http.contracts.registry import CONTRACTS
from common.http.contracts.shop import STAFF
from common.http.deprecation import Deprecation
from common.http.etags import RowChanged
from common.http.fields import FinePercent, Miles, Money, PrefixedId
from common.http.idempotency import KEY_PATTERN, MAX_KEY_LENGTH, KeyReused
from common.http.lists import BareList, Lister
from common.http.permissions import Anyone
from common.http.problems import STORAGE_FULL, TOO_LARGE, UNAVAILABLE, Problem, problem_from
from common.http.query import Query
from common.http.views import ContractView
from common.reads.serializers import AnySerializer, Derived, Serializer, SerializerField

Direction: TypeAlias = Literal["request", "response"]
Declaration: TypeAlias = AnySerializer | type[AnySerializer]
ResponseHeader: TypeAlias = tuple[str, type[str] | type[int], list[int], str]

_CONTRACT_NAMES = tuple(contract.name.title() for contract in CONTRACTS)
_DESCRIPTIONS = {
    "400": "The request is malformed, or the body names a wrong value.",
    "401": "No valid token.",
    "403": "The role does not allow this.",
    "404": "Not found, or not visible to this caller.",
    "405": "The route does not have this method.",
    "409": "The present state does not allow this.",
    "412": "The row has changed since it was read. `changed` names the values, `row` is the present one.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "422": "A value is wrong, or the idempotency key was used for another request.",
    "429": "Too many requests. `Retry-After` gives the seconds to wait.",
    "503": "The service is temporarily unavailable.",
    "507": "The server has no space left. Nothing was saved.",
}

# What drf-spectacular adds to a text with a format that may be empty.
_NO_TEXT = {"type": "string", "maxLength": 0}

_SUCCESSES = [200, 201, 202, 204]
_PAGED = "Sent if `page` or `page_size` was sent."
# Header, type, statuses, description: of every operation, and of the lists that are bare arrays.
_HEADERS: tuple[ResponseHeader, ...] = (
    ("Location", str, [302], "The login, with the requested URL as `next`."),
    ("WWW-Authenticate", str, [401], "The scheme of the token: `Bearer`."),
    ("Retry-After", int, [429, 503], "Seconds to wait before the next attempt."),
)
HEADERS_OF_ARRAYS: tuple[ResponseHeader, ...] = (
    ("Link", str, [200], f"The first, previous, next and last page (RFC 8288). {_PAGED}"),
    ("X-Total-Count", int, [200], f"The number of rows on all pages. {_PAGED}"),
)
REPLAYED: ResponseHeader = (
    "Idempotent-Replayed",
    bool,
    _SUCCESSES,
    "Sent as `true` if this is the stored response of an earlier request with the same `Idempotency-Key`.",
)
# Of a row of the staff's API, of every operation of it, and of a file.
_ROW: ResponseHeader = (
    "ETag",
    str,
    [200, 201],
    "Stands for the values of the row. `If-Match` of a write takes it.",
)
_EXPORTED: ResponseHeader = ("X-Total-Count", int, [200], "The number of rows of a file (`format`).")
_RATE: tuple[ResponseHeader, ...] = (
    ("RateLimit-Limit", int, [429], "Requests of a user in a minute. Sent with every answer."),
    ("RateLimit-Remaining", int, [429], "Requests that are left. Sent with every answer."),
    ("RateLimit-Reset", int, [429], "Seconds until they begin anew. Sent with every answer."),
)
# Of an operation that will be removed.
_END: tuple[ResponseHeader, ...] = (
    ("Deprecation", str, _SUCCESSES, "Since when the operation is deprecated (RFC 9745)."),
    ("Sunset", str, _SUCCESSES, "When the operation is removed (RFC 8594)."),
)
FILE_VERSION: ResponseHeader = (
    "ETag",
    str,
    [200, 304],
    "The version of the file, which never changes. Send it as `If-None-Match`.",
)


def declare_headers(headers: Sequence[ResponseHeader]) -> list[OpenApiParameter | Declaration]:
    """Return the headers as drf-spectacular takes them. A view that is no `BareList` declares its own."""
    return [
        OpenApiParameter(name, kind, OpenApiParameter.HEADER, description=text, response=statuses)
        for name, kind, statuses, text in headers
    ]


def staff_tag(resource: str) -> str:
    """Return the tag of a resource of the staff's API."""
    return f"Staff: {resource.replace('-', ' ')}".replace(" api ", " API ")


def column_at(model: type[Model], field: SerializerField) -> Any:
    """Return the column or relation that a field shows, or None if its source is none of them."""
    for name in str(field.source or field.field_name).split("."):
        found = next((column for column in model._meta.get_fields() if column.name == name), None)
        if found is None:
            return None
        model = found.related_model or model
    return found


# What a number of such a field counts, as `x-unit`.
UNITS: dict[type[SerializerField], str] = {
    Money: "US dollars",
    Miles: "miles",
    FinePercent: "percent",
}

# The example of an error status for operations without a recorded one.
_TYPICAL: dict[str, Callable[[], Exception] | Problem] = {
    "401": exceptions.NotAuthenticated,
    "403": errors.RoleMayNot,
    "404": errors.Missing,
    "409": partial(errors.IllegalTransition, "This repair order is completed and cannot become approved."),
    "412": partial(
        RowChanged,
        "The customer has changed since it was read: phone.",
        changed=["phone"],
        etag='"…"',
        row={},
    ),
    "413": TOO_LARGE,
    "415": partial(exceptions.UnsupportedMediaType, "application/x-www-form-urlencoded"),
    "422": KeyReused,
    "429": errors.TooMany,
    "503": UNAVAILABLE,
    "507": STORAGE_FULL,
}
# The summaries of a viewset's standard actions without a docstring of their own.
_SUMMARIES = {
    "retrieve": "Retrieve {a} {name}",
    "create": "Create {a} {name}",
    "partial_update": "Update {a} {name}",
    "destroy": "Delete {a} {name}",
}


@cache
def recorded_examples(contract: str) -> Json:
    """Return `{operation id: {"request": body, "responses": {status: body}}}` of one contract."""
    path = settings.EXAMPLES_DIR / f"{contract}.json"
    examples: Json = json.loads(path.read_text()) if path.is_file() else {}
    return examples


class CachedGenerator(SchemaGenerator):
    """A generator that builds the schema once per process, because that takes a second."""

    def get_schema(self, request: object = None, public: bool = False) -> Json:
        return self.build()

    @staticmethod
    @cache
    def build() -> Json:
        """Return the schema, which is the same for every request."""
        schema: Json = SchemaGenerator().get_schema(request=None, public=True)
        return schema


def _decimal_pattern(field: serializers.DecimalField) -> str:
    """Return the pattern of an amount as text. drf-spectacular's own allows the empty text and any sign."""
    assert field.max_digits and field.decimal_places
    sign = "" if field.min_value is not None and field.min_value >= 0 else "-?"
    places = field.decimal_places
    return rf"^{sign}[0-9]{{1,{field.max_digits - places}}}([.][0-9]{{1,{places}}})?$"


class ContractSchema(AutoSchema):
    """The schema of one operation."""

    view: Any

    @property
    def contract(self) -> Contract | None:
        return getattr(self.view, "contract", None)

    def get_tags(self) -> list[str]:
        if self.contract is STAFF:
            return [staff_tag(self.view.resource)]
        return [self.contract.title] if self.contract else ["Documentation"]

    def get_extensions(self) -> Json:
        """Add the roles that may call the operation. Without a login none is needed."""
        extensions: Json = super().get_extensions()
        if self.contract and self._is_signed_in():
            extensions["x-roles"] = self._roles()
        return extensions

    def _roles(self) -> list[str]:
        [permission] = self.view.permission_classes
        return [str(role) for role in permission.roles(self.view, self.method)]

    def get_operation_id(self) -> str:
        """Return an id like `shop_customer_appointments_get`, of contract, view and method, not of the URL."""
        if not self.contract:
            return super().get_operation_id()
        if action := getattr(self.view, "action", None):
            return f"{self.contract.name}_{self.view.resource.replace('-', '_')}_{action}"
        name = "".join(f"_{c.lower()}" if c.isupper() else c for c in type(self.view).__name__)
        return f"{self.contract.name}{name}_{self.method.lower()}"

    def get_summary(self) -> str | None:
        action = getattr(self.view, "action", None)
        if action in _SUMMARIES and not getattr(self.view, action).__doc__:
            name = str(self.view.model._meta.verbose_name)
            return _SUMMARIES[action].format(a="an" if name[0] in "aeiou" else "a", name=name)
        return super().get_summary() or super().get_description().partition("\n")[0].rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular has it
        text = super().get_description().partition("\n")[2].strip()
        if deprecation := self._deprecation():
            text = f"{deprecation.text}\n\n{text}"
        return f"{text}\n\n{self._callers()}".strip() if self.contract else text

    def is_deprecated(self) -> bool:
        return self._deprecation() is not None

    def _deprecation(self) -> Deprecation | None:
        return self.view.deprecation_of(self.method) if isinstance(self.view, ContractView) else None

    def _callers(self) -> str:
        """Return a sentence about who may call the operation."""
        if not self._is_signed_in():
            return "Needs no sign-in."
        roles = self._roles()
        if Anyone in self.view.permission_classes:
            return "Works with and without a token."
        if len(roles) == len(Role):
            return "For every signed-in user."
        if roles == [Role.CUSTOMER]:
            return "For customers."
        return f"Roles: {', '.join(roles)}."

    def get_serializer_name(self, serializer: AnySerializer, direction: Direction) -> str:
        """Return the name with the contract's as prefix, unless it has one. Registration is in two contracts."""
        name = super().get_serializer_name(serializer, direction)
        prefix = self.contract.name.title() if self.contract else ""
        return name if name.startswith(_CONTRACT_NAMES) else prefix + name

    def _map_basic_serializer(self, serializer: AnySerializer, direction: Direction) -> Json:
        """Return the schema as the types of a front end need it.

        Computed fields of a response are required. Fields of a request with a default are optional, because generators
        make a field with a default required. An error body allows further keys, one for each wrong field.
        """
        schema: Json = super()._map_basic_serializer(serializer, direction)
        self._describe_columns(serializer, schema)
        if schema.get("description") == getdoc(Serializer):
            del schema["description"]  # what a class without a docstring inherits
        if direction == "request":
            for field in schema.get("properties", {}).values():
                field.pop("default", None)
        elif computed := {name for name, field in serializer.fields.items() if isinstance(field, Derived)}:
            schema["required"] = sorted(computed.union(schema.get("required", [])))
        if isinstance(serializer, NamesFields):
            # Not the type of the messages: a declared `error` would have to be of that type too in TypeScript.
            schema["additionalProperties"] = True
        if direction == "request" and getattr(self.view, "is_strict", False):
            schema["additionalProperties"] = False
        return schema

    def _describe_columns(self, serializer: AnySerializer, schema: Json) -> None:
        """Describe fields without a `help_text` by that of their column."""
        model = self._model_of(serializer)
        if model is None:
            return
        for name, declared in schema.get("properties", {}).items():
            field = serializer.fields[name]
            text = str(getattr(column_at(model, field), "help_text", ""))
            if text and "description" not in declared:
                declared["description"] = text.replace("Empty", "Null") if field.allow_null else text

    def _model_of(self, serializer: Any) -> type[Model] | None:
        """Return the model whose columns a serializer of the staff's API shows, or None if it is not known."""
        place = serializer.parent if isinstance(serializer.parent, serializers.ListSerializer) else serializer
        if place.parent is not None and place.field_name != "results":
            above = self._model_of(place.parent)
            related = column_at(above, place) if above else None
            return related.related_model if related is not None and related.is_relation else None
        model: type[Model] | None = getattr(self.view, "model", None)
        inputs = getattr(self.view, "inputs", {})
        names = ("detail_class", "item_class", "serializer_class")
        own = [getattr(self.view, name, None) for name in names]
        own += [inputs.get("create"), inputs.get("partial_update")]
        return model if type(serializer) in own else None

    def _map_serializer_field(
        self, field: SerializerField, direction: Direction, bypass_extensions: bool = False
    ) -> Json:
        if isinstance(field, Derived):
            field = field.output
        schema: Json = super()._map_serializer_field(field, direction, bypass_extensions)
        if isinstance(field, PrefixedId):
            schema["pattern"] = f"^{field.prefix}[1-9][0-9]{{0,18}}$"
        elif isinstance(field, serializers.DecimalField) and schema.get("type") == "string":
            schema["pattern"] = _decimal_pattern(field)
        elif schema.get("type") == "array":
            if getattr(field, "allow_empty", True) is False:
                schema["minItems"] = 1
            longest = getattr(field, "max_length", None)
            if isinstance(field, serializers.ListSerializer) and longest is not None:
                schema["maxItems"] = longest
        elif schema.get("oneOf", ())[1:] == [_NO_TEXT]:
            # An email or nothing. Generators make an object of such a choice, and their clients lose the text.
            rules = ("format", "pattern", "minLength")
            text = {name: value for name, value in schema.pop("oneOf")[0].items() if name not in rules}
            schema = {**text, **schema}
        if unit := next((unit for kind, unit in UNITS.items() if isinstance(field, kind)), None):
            schema["x-unit"] = unit
        return schema

    def get_auth(self) -> list[Json]:
        if AllowAny in getattr(self.view, "permission_classes", []):
            return [{}]
        if Anyone in getattr(self.view, "permission_classes", []):
            return [{}, {"bearer": []}]
        if SessionCaller in self.view.authentication_classes:
            return [{"session": []}]
        takes_keys = ApiKeyAuthentication in self.view.authentication_classes and self.method not in getattr(
            self.view, "people_methods", ()
        )
        return [{"bearer": []}, *([{"apiKey": []}] if takes_keys else [])]

    def get_override_parameters(self) -> list[OpenApiParameter | Declaration]:
        parameters: list[OpenApiParameter | Declaration] = self._response_headers()
        if query := self._query():
            parameters.append(query)
        if self._takes_etag():
            parameters.append(self._if_match())
        if self._takes_key():
            parameters += declare_headers([REPLAYED])
            parameters.append(
                OpenApiParameter(
                    "Idempotency-Key",
                    {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": KEY_PATTERN},
                    OpenApiParameter.HEADER,
                    description="The same key, path and body within 24 h replay the first answer.",
                )
            )
        return parameters

    def _takes_key(self) -> bool:
        """Return whether the operation takes an Idempotency-Key."""
        takes = isinstance(self.view, ContractView) and self.method in self.view.keyed_methods
        return takes and self._is_signed_in()

    def _response_headers(self) -> list[OpenApiParameter | Declaration]:
        headers = _HEADERS if self.contract else ()
        if isinstance(self.view, BareList) and self._is_list():
            headers += HEADERS_OF_ARRAYS
        if self.is_deprecated():
            headers += _END
        if self.contract is STAFF:
            headers += _RATE
            if self._is_list():
                headers += (_EXPORTED,)
            elif self._shows_row():
                headers += (_ROW,)
        return declare_headers(headers)

    def _if_match(self) -> OpenApiParameter:
        versioned = self.view.has_versions
        later = (
            "A later version is 409 `stale_version`"
            if versioned
            else "If it has changed, 412 names the values"
        )
        return OpenApiParameter(
            "If-Match",
            {"type": "string", "pattern": '^([*]|"[0-9]{1,9}")$' if versioned else '^([*]|"[!-~]+")$'},
            OpenApiParameter.HEADER,
            description=f"The `ETag` of the row that the caller saw. {later}.",
        )

    def _takes_etag(self) -> bool:
        """Return whether the operation writes to a row that has an ETag."""
        name = getattr(self.view, "matched", "")
        return bool(name) and self.method != "GET" and f"{{{name}}}" in self.path

    def _shows_row(self) -> bool:
        """Return whether the operation answers with the row itself, which has an ETag."""
        if self._is_list() or not getattr(self.view, "matched", ""):
            return False
        declared = self.get_response_serializers()
        bodies = declared.values() if isinstance(declared, dict) else [declared]
        row = self._row_class()
        return any(isinstance(body, type) and issubclass(body, row) for body in bodies)

    def _row_class(self) -> type[Serializer]:
        names = ("detail_class", "item_class", "serializer_class")
        row: type[Serializer] = next(filter(None, (getattr(self.view, name, None) for name in names)))
        return row

    def _get_parameters(self) -> list[Json]:
        """Allow empty values, because `?name=` counts as not sent."""
        parameters: list[Json] = super()._get_parameters()
        for parameter in parameters:
            if parameter["in"] == "query" and not parameter.get("required"):
                parameter["allowEmptyValue"] = True
        return parameters

    def _query(self) -> type[Query] | None:
        """Return the query parameters: a list's `query`, or the `input_class` of another GET."""
        if self._is_list():
            query: type[Query] = self.view.query
            return query
        if self._shows_row_alone():
            return self.view.row_query  # type: ignore[no-any-return]
        given = getattr(self.view, "input_class", None)
        return given if self.method == "GET" and given and issubclass(given, Query) else None

    def _shows_row_alone(self) -> bool:
        """Return whether the operation reads one row, of which `fields` may name a part."""
        return (
            self.contract is STAFF and getattr(self.view, "action", None) == "retrieve" and self._shows_row()
        )

    def get_request_serializer(self) -> Declaration | None:
        if isinstance(self.view, ContractView):
            declared: Declaration | None = self.view.input_class
            return declared if self.method in ("POST", "PUT", "PATCH") else None
        return super().get_request_serializer()

    def get_response_serializers(self) -> Any:
        if self._is_list():
            return self._list_response()
        if isinstance(self.view, Lister):
            return self._row_response()
        return super().get_response_serializers()

    def _is_list_view(self, serializer: Declaration | None = None) -> bool:
        # drf-spectacular takes every `list` action for a bare array. Ours declare their shape.
        if isinstance(self.view, Lister):
            return isinstance(serializer, serializers.ListSerializer)
        return bool(super()._is_list_view(serializer))

    def _is_list(self) -> bool:
        lists = getattr(self.view, "lists", ("list",))
        listed: bool = isinstance(self.view, Lister) and getattr(self.view, "action", "list") in lists
        return listed and self.method == "GET"

    def _row_response(self) -> dict[int, object]:
        """Return the response of a viewset's action: the row, or no body if it was deleted."""
        action = self.view.action
        status = 204 if action == "destroy" else 201 if action in getattr(self.view, "creates", ()) else 200
        return {status: None if status == 204 else self._row_class()}

    def _list_response(self) -> object:
        row = self.view.serializer_class
        fields = self.view.list_fields()
        if fields is None:
            return row(many=True)
        name = row.__name__.removesuffix("Serializer") + "List"
        # The files of `?format=` are not declared, for typed clients would get a text or a page from every list.
        return type(name, (serializers.Serializer,), {"results": row(many=True), **fields})

    def _get_response_bodies(self, direction: Direction = "response") -> Json:
        bodies: Json = super()._get_response_bodies(direction)
        if self.contract:
            if self.contract.login and self._is_signed_in():
                bodies["302"] = {
                    "headers": self._get_response_headers_for_code("302"),
                    "description": "An unauthenticated request is redirected to the login.",
                }
            for status in self._error_statuses() - set(bodies):
                serializer = self.contract.error_serializer(int(status))
                response = OpenApiResponse(serializer, description=_DESCRIPTIONS[status])
                bodies[status] = self._get_response_for_code(response, status)
                self._attach_example(bodies[status], self._typical(status))
            for status, body in bodies.items():
                self._attach_example(body, self._recorded().get("responses", {}).get(status))
        return dict(sorted(bodies.items()))

    def _get_request_body(self, direction: Direction = "request") -> Json | None:
        body: Json | None = super()._get_request_body(direction)
        if body:
            self._attach_example(body, self._recorded().get("request"))
        return body

    def _recorded(self) -> Json:
        recorded: Json = {}
        if self.contract:
            recorded = recorded_examples(self.contract.name).get(self.get_operation_id(), {})
        return recorded

    def _typical(self, status: str) -> Json | None:
        found = _TYPICAL.get(status)
        problem = problem_from(found()) if callable(found) else found
        return self.contract.render_problem(problem)[1] if problem and self.contract else None

    @staticmethod
    def _attach_example(body: Json, example: object) -> None:
        for kind, content in body.get("content", {}).items():
            if example is not None and kind != "text/csv":  # the recorded answers are JSON
                content["example"] = example

    def _is_signed_in(self) -> bool:
        return AllowAny not in self.view.permission_classes

    def _error_statuses(self) -> set[str]:
        """Return the error statuses that this operation can answer with."""
        assert self.contract
        statuses = {"429", "503"}
        invalid = str(self.contract.invalid_status)
        if self._is_signed_in():
            statuses |= {"401", "403", "404"}
        if any(parameter["in"] == "query" for parameter in self._get_parameters()):
            statuses |= {invalid}
        if self.method in ("POST", "PUT", "PATCH"):
            statuses |= {"400", invalid, "401", "413", "415", "507"}
        if self._takes_key():
            statuses |= {invalid, "409", "422"}
        if self._takes_etag():
            statuses |= {invalid, "409" if self.view.has_versions else "412"}
        if getattr(self.view, "action", None) in ("destroy", "partial_update"):
            statuses |= {"409"}  # a row that is on a bill cannot change
        return statuses
