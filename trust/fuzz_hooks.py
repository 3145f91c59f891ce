"""A schemathesis check that knows DRF's coercions: strings accept numbers, and numbers accept numeric strings.

Bodies that are invalid in another way must be refused.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema_rs
import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import negative_data_rejection

_DIGITS = {"type": "string", "pattern": r"^\s*[-+]?[0-9_]*[.]?[0-9]*([eE][-+]?[0-9]+)?\s*$"}


@schemathesis.check
def hostile_data_rejection(ctx: Any, response: Any, case: Any) -> bool | None:
    """Run `negative_data_rejection`, except on bodies that are valid after DRF's coercions."""
    wrong = [place for place in ParameterLocation if case.meta and case.meta.is_negative_at(place)]
    if wrong == [ParameterLocation.BODY] and _reads(case):
        return None
    return negative_data_rejection(ctx, response, case)


def _reads(case: Any) -> bool:
    operation = case.operation
    raw = operation.schema.raw_schema
    bodies = raw["paths"][operation.path][operation.method].get("requestBody", {}).get("content", {})
    if case.media_type not in bodies or not isinstance(case.body, dict):
        return False
    return _validator(operation.label, case.media_type, _SchemaKey(raw)).is_valid(case.body)


class _SchemaKey:
    """A schema as a cache key. All are equal, because there is one schema."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _SchemaKey)


@cache
def _validator(label: str, media_type: str, held: _SchemaKey) -> jsonschema_rs.Validator:
    method, path = label.split(" ", 1)
    body = held.raw["paths"][path][method.lower()]["requestBody"]["content"][media_type]["schema"]
    return jsonschema_rs.validator_for({**_loose(body), "components": _loose(held.raw["components"])})


def _loose(rule: Any) -> Any:
    """Return the JSON schema with numeric strings allowed for numbers, and numbers for strings."""
    if isinstance(rule, list):
        return [_loose(part) for part in rule]
    if not isinstance(rule, dict):
        return rule
    rule = {name: _loose(part) for name, part in rule.items()}
    kinds = rule.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "enum" not in rule and {"integer", "number"} & set(kinds):
        return {"anyOf": [rule, _DIGITS]}
    if "string" in kinds and "enum" not in rule and rule.get("format", "decimal") == "decimal":
        return {"anyOf": [rule, {"type": "number"}]}
    return rule
