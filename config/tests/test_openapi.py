"""Generators of clients can use the schema: its error bodies have one type, and its headers are declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from common.http.contracts.registry import CONTRACTS
from common.http.schema import CachedGenerator
from testing.roles import is_staffs

INVALID = ["CareInvalid", "CrmInvalid", "MemberInvalid", "ShopInvalid", "ShopStaffInvalid"]
MESSAGES = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    declared: dict[str, Any] = CachedGenerator().get_schema(request=None, public=True)
    return declared


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object inside a part of the schema."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(inner)


def test_error_bodies_have_messages_by_field(schema):
    components = schema["components"]["schemas"]
    assert sorted(name for name in components if name.endswith("Invalid")) == INVALID
    for name in ("CareInvalid", "ShopInvalid", "ShopStaffInvalid"):
        assert components[name]["properties"]["fields"] == MESSAGES
    for name in ("CrmInvalid", "MemberInvalid"):
        assert components[name]["additionalProperties"] is True


# An answer may be refused for reasons on which a front end acts differently.
ANSWERS = ("shop_customer_estimate_answer_post", {"403", "409"})


def test_only_errors_of_the_staff_and_of_answers_declare_a_code(schema):
    declared = {True: 0, False: 0}
    for path, methods in schema["paths"].items():
        if not path.startswith(("/api/shop/", "/api/token/")):
            continue
        staffs = is_staffs(path)
        for operation in methods.values():
            for status, response in operation["responses"].items():
                if status >= "400":
                    ref = response["content"]["application/json"]["schema"]["$ref"]
                    component = schema["components"]["schemas"][ref.rpartition("/")[2]]
                    found = ("code" in component["properties"], "code" in component["required"])
                    is_answers = operation["operationId"] == ANSWERS[0] and status in ANSWERS[1]
                    assert found == (staffs or is_answers, staffs), (operation["operationId"], status)
                    declared[staffs] += 1
    assert min(declared.values()) > 20


def test_no_component_has_types_that_generators_cannot_name(schema):
    """`typescript-fetch` writes `instanceOfany` for a choice between arrays and objects without a name.

    A typed `additionalProperties` beside declared properties of another type is no valid interface in TypeScript.
    """
    for name, component in schema["components"]["schemas"].items():
        for node in nodes(component):
            for choice in node.get("oneOf", ()):
                assert choice.get("type") not in ("array", "object"), name
            if "properties" in node:
                assert node.get("additionalProperties", True) in (True, False), name


def test_bodies_of_the_staff_are_closed(schema):
    for path, methods in schema["paths"].items():
        if not is_staffs(path):
            continue
        for operation in methods.values():
            if "requestBody" in operation:
                ref = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
                component = schema["components"]["schemas"][ref.rpartition("/")[2]]
                assert component["additionalProperties"] is False, ref


def test_responses_declare_their_headers(schema):
    prefixes = {contract.name for contract in CONTRACTS}
    arrays = 0
    for methods in schema["paths"].values():
        for operation in methods.values():
            if operation["operationId"].partition("_")[0] not in prefixes:
                continue
            responses = operation["responses"]
            for status, names in {
                "302": {"Location"},
                "401": {"WWW-Authenticate"},
                "429": {"Retry-After"},
                "503": {"Retry-After"},
            }.items():
                if status in responses:
                    assert names <= responses[status]["headers"].keys(), (operation["operationId"], status)
            parameters = {parameter["name"] for parameter in operation.get("parameters", ())}
            listed = responses.get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
            if listed.get("type") == "array" and "page_size" in parameters:
                assert responses["200"]["headers"].keys() == {"Link", "X-Total-Count"}
                arrays += 1
            assert not parameters & {"Link", "X-Total-Count", "Retry-After", "ETag", "Location"}
    assert arrays >= 10


def test_file_declares_its_etag(schema):
    responses = schema["paths"]["/api/files/{id}/"]["get"]["responses"]
    assert [responses[status]["headers"].keys() for status in ("200", "302", "304")] == [
        {"ETag"},
        {"Location"},
        {"ETag"},
    ]
