"""What changed in the OpenAPI schema since the last release, and what of it breaks clients (docs/versions.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Literal

import yaml
from django.conf import settings

from common.domain.types import Json
from common.http.schema import CachedGenerator

RELEASED = settings.BASE_DIR / "docs" / "released" / "openapi.yaml"
# Texts for people. They are not promised, and the recorded schema has no room for them.
_TEXTS = frozenset(
    {"description", "summary", "example", "examples", "tags", "x-tagGroups", "x-roles", "x-unit"}
)
_TEXTS |= {"x-spec-enum-id", "servers"}
_LIMITS: tuple[tuple[str, Callable[[float, float], bool]], ...] = (
    ("maxLength", float.__lt__),
    ("maximum", float.__lt__),
    ("maxItems", float.__lt__),
    ("minLength", float.__gt__),
    ("minimum", float.__gt__),
    ("minItems", float.__gt__),
)

Direction = Literal["request", "response"]


def present() -> Json:
    """Return the schema of the code."""
    schema: Json = json.loads(json.dumps(CachedGenerator.build()))
    return schema


def released() -> Json:
    """Return the schema of the last release, without its texts."""
    schema: Json = yaml.load(RELEASED.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return schema


def compact(schema: Json) -> str:
    """Return a schema without its texts as YAML with a line for each path and component, which reads well in a diff."""
    lines = [f"openapi: {schema['openapi']}", f"info: {json.dumps(_bare(schema['info']))}", "paths:"]
    lines += _lines(schema["paths"], 2)
    lines.append("components:")
    for kind, components in schema["components"].items():
        lines += [f"  {kind}:", *_lines(components, 4)]
    return "\n".join(lines) + "\n"


def _lines(named: Json, indent: int) -> Iterator[str]:
    for name, declared in sorted(named.items()):
        yield f"{' ' * indent}{json.dumps(name)}: {json.dumps(_bare(declared), sort_keys=True, ensure_ascii=False)}"


def _bare(value: object, *, is_names: bool = False) -> object:
    """Return a part of the schema without its texts. The keys of `properties` are names of the API, not texts."""
    if isinstance(value, dict):
        return {
            key: _bare(inner, is_names=key == "properties" and not is_names)
            for key, inner in value.items()
            if is_names or key not in _TEXTS
        }
    return [_bare(inner) for inner in value] if isinstance(value, list) else value


def breaking_changes(old: Json, new: Json) -> list[str]:
    """Return a sentence for each change that breaks a client of the old schema."""
    return list(dict.fromkeys(_Comparison(old, new).changes()))


def additions(old: Json, new: Json) -> list[str]:
    """Return the operations that the old schema does not have."""
    return [name for name in _operations(new) if name not in _operations(old)]


def _operations(schema: Json) -> dict[str, Json]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }


class _Comparison:
    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = old, new
        self._met: set[str] = set()  # pairs of bodies that contain themselves, or were compared before

    def changes(self) -> Iterator[str]:
        old, new = _operations(self._old), _operations(self._new)
        for name, operation in old.items():
            if name not in new:
                yield f"{name}: removed"
                continue
            for text in self._operation(operation, new[name]):
                yield f"{name}: {text}"

    def _operation(self, old: Json, new: Json) -> Iterator[str]:
        if {} in old.get("security", [{}]) and {} not in new.get("security", [{}]):
            yield "needs a sign-in now"
        yield from self._parameters(old.get("parameters", []), new.get("parameters", []))
        yield from self._request(old.get("requestBody"), new.get("requestBody"))
        for status, response in old["responses"].items():
            if status not in new["responses"]:
                yield f"status {status} removed"
            else:
                yield from self._response(status, response, new["responses"][status])

    def _parameters(self, old: list[Json], new: list[Json]) -> Iterator[str]:
        before = {(one["in"], one["name"]): one for one in old}
        after = {(one["in"], one["name"]): one for one in new}
        for key, parameter in before.items():
            if key not in after:
                yield f"parameter {key[1]} removed"
            else:
                yield from self._body(
                    parameter["schema"], after[key]["schema"], "request", f"parameter {key[1]}"
                )
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield f"parameter {key[1]} is required now"

    def _request(self, old: Json | None, new: Json | None) -> Iterator[str]:
        if new and new.get("required") and not (old and old.get("required")):
            yield "a body is required now"
        if old and not new:
            yield "body removed"
        elif old and new:
            yield from self._contents(old, new, "request", "body")

    def _response(self, status: str, old: Json, new: Json) -> Iterator[str]:
        old, new = self._resolved(self._old, old), self._resolved(self._new, new)
        for header in old.get("headers", {}):
            if header not in new.get("headers", {}):
                yield f"{status}: header {header} removed"
        yield from self._contents(old, new, "response", status)

    def _contents(self, old: Json, new: Json, direction: Direction, place: str) -> Iterator[str]:
        for kind, media in old.get("content", {}).items():
            if kind not in new.get("content", {}):
                yield f"{place}: {kind} removed"
            elif "schema" in media:
                yield from self._body(media["schema"], new["content"][kind]["schema"], direction, place)

    def _body(self, old: Json, new: Json, direction: Direction, place: str) -> Iterator[str]:
        pair = json.dumps([old, new, direction], sort_keys=True)
        if "$ref" in pair:
            if pair in self._met:
                return
            self._met.add(pair)
        old, new = self._choices(self._old, old), self._choices(self._new, new)
        yield from self._types(old, new, direction, place)
        yield from _words(old, new, direction, place)
        if direction == "request":
            yield from _limits(old, new, place)
        yield from self._properties(old, new, direction, place)
        if "items" in old and "items" in new:
            yield from self._body(old["items"], new["items"], direction, f"{place}[]")
        yield from self._options(old, new, direction, place)

    def _properties(self, old: Json, new: Json, direction: Direction, place: str) -> Iterator[str]:
        before, after = _properties_of(old), _properties_of(new)
        for name, declared in before.items():
            if name not in after:
                yield f"{place}.{name} removed"
                continue
            yield from self._body(declared, after[name], direction, f"{place}.{name}")
            is_required = (name in old.get("required", ()), name in new.get("required", ()))
            if direction == "response" and is_required == (True, False):
                yield f"{place}.{name} may be missing now"
        if direction == "request":
            for name in new.get("required", ()):
                if name not in old.get("required", ()):
                    yield f"{place}.{name} is required now"
            if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
                yield f"{place} refuses other keys now"

    def _types(self, old: Json, new: Json, direction: Direction, place: str) -> Iterator[str]:
        before, after = _types_of(old), _types_of(new)
        if direction == "request":
            before, after = after, before  # what was accepted must be accepted
        if before and not after <= before:
            verb = "is not accepted" if direction == "request" else "may come"
            yield f"{place}: {', '.join(sorted(after - before)) or 'any type'} {verb} now"
        if old.get("format") != new.get("format") and (direction == "response" or "format" in new):
            yield f"{place}: format {new.get('format', 'none')} instead of {old.get('format', 'none')}"

    def _options(self, old: Json, new: Json, direction: Direction, place: str) -> Iterator[str]:
        before = {json.dumps(one, sort_keys=True): one for one in old.get("oneOf", ())}
        after = {json.dumps(one, sort_keys=True): one for one in new.get("oneOf", ())}
        for key in before.keys() & after.keys():
            yield from self._body(before[key], after[key], direction, place)
        gone = before.keys() - after.keys() if direction == "request" else after.keys() - before.keys()
        for key in sorted(gone):
            yield f"{place}: {'no more' if direction == 'request' else 'also'} {key}"

    def _choices(self, schema: Json, body: Json) -> Json:
        """Return a body without references. One that is something or null is that something with a further type."""
        body = self._resolved(schema, body)
        options = body.get("oneOf", [])
        some = [option for option in options if option != {"type": "null"}]
        if len(some) == 1 and len(options) == 2:
            inner = self._resolved(schema, some[0])
            return {**inner, "type": sorted({*_types_of(inner), "null"})}
        return body

    def _resolved(self, schema: Json, part: Json) -> Json:
        """Return what a reference leads to, also one that stands in an `allOf` beside a description."""
        while "$ref" in part or len(part.get("allOf", ())) == 1:
            part = part["allOf"][0] if "allOf" in part else part
            if "$ref" in part:
                *_, kind, name = part["$ref"].split("/")
                part = schema["components"][kind][name]
        return part


def _types_of(body: Json) -> set[str]:
    kinds = body.get("type", [])
    types = {kinds} if isinstance(kinds, str) else {*kinds}
    return types | ({"integer"} if "number" in types else set())


def _properties_of(body: Json) -> Json:
    """Return the properties with both spellings of those that have two."""
    declared: Json = body.get("properties", {})
    others = {one["x-other-spelling"]: one for one in declared.values() if "x-other-spelling" in one}
    return {**declared, **others}


def _words(old: Json, new: Json, direction: Direction, place: str) -> Iterator[str]:
    before, after = old.get("enum"), new.get("enum")
    if direction == "request" and after is not None and before is not None:
        for word in before:
            if word not in after:
                yield f"{place}: {json.dumps(word)} is not accepted now"
    elif direction == "request" and after is not None:
        yield f"{place}: only {json.dumps(after)} are accepted now"
    elif direction == "response" and before is not None:
        for word in after if after is not None else ["any text"]:
            if word not in before:
                yield f"{place}: {json.dumps(word)} may come now"


def _limits(old: Json, new: Json, place: str) -> Iterator[str]:
    for name, is_narrower in _LIMITS:
        if name in new and (name not in old or is_narrower(float(new[name]), float(old[name]))):
            yield f"{place}: {name} {new[name]} instead of {old.get(name, 'none')}"
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        yield f"{place}: pattern {new['pattern']} instead of {old.get('pattern', 'none')}"
