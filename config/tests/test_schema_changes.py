"""No change breaks clients of the last released schema (docs/versions.md). The comparison finds those that would."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from django.conf import settings

from config.management.commands.schema_changes import least_version, parse_version
from config.schema_changes import additions, breaking_changes, compact, present, released

PART: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": "string", "maxLength": 60, "description": "Name of the part."},
        "state": {"type": "string", "enum": ["new", "used"]},
        "madeOn": {"type": ["string", "null"], "format": "date", "x-other-spelling": "made_on"},
        "vendor": {"oneOf": [{"$ref": "#/components/schemas/Vendor"}, {"type": "null"}]},
        "summary": {"type": "string"},
        "maker": {"allOf": [{"$ref": "#/components/schemas/Maker"}]},
    },
    "required": ["id", "name"],
}
PART_REQUEST = copy.deepcopy({**PART, "required": ["name"]})
del PART_REQUEST["properties"]["vendor"]
VENDOR = {
    "type": "object",
    "properties": {"parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}}},
}
JSON = "application/json"


def schema() -> dict[str, Any]:
    ref = {"$ref": "#/components/schemas/Part"}
    shown = {"200": {"content": {JSON: {"schema": ref}}, "headers": {"ETag": {}}, "description": ""}}
    gone = {"404": {"$ref": "#/components/responses/Error404"}}
    take = {"content": {JSON: {"schema": {"$ref": "#/components/schemas/PartRequest"}}}}
    search = {"in": "query", "name": "search", "schema": {"type": "string"}}
    return copy.deepcopy(
        {
            "openapi": "3.1.0",
            "info": {"title": "Parts", "version": "1.2.3", "description": "Long."},
            "paths": {
                "/parts/": {
                    "get": {"parameters": [search], "security": [{}], "responses": {**shown, **gone}},
                    "post": {"requestBody": take, "responses": shown},
                }
            },
            "components": {
                "schemas": {
                    "Part": PART,
                    "Vendor": VENDOR,
                    "PartRequest": PART_REQUEST,
                    "Maker": {"type": "object", "properties": {"name": {"type": "string"}}},
                },
                "responses": {
                    "Error404": {"description": "", "content": {JSON: {"schema": {"type": "object"}}}}
                },
            },
        }
    )


def test_present_schema_breaks_no_client_of_the_released_one():
    """A change on purpose needs a new major version, and `make release-schema`."""
    old, new = released(), present()
    broken = breaking_changes(old, new)
    is_major = parse_version(new["info"]["version"])[0] > parse_version(old["info"]["version"])[0]
    assert is_major or broken == []


def test_version_is_not_below_the_released_one():
    assert parse_version(settings.SPECTACULAR_SETTINGS["VERSION"]) >= parse_version(
        released()["info"]["version"]
    )


def test_the_same_schema_breaks_nothing():
    assert breaking_changes(schema(), schema()) == []
    assert additions(schema(), schema()) == []


def test_what_may_be_added_without_notice_breaks_nothing():
    new = schema()
    new["paths"]["/vendors/"] = {"get": {"responses": {}}}
    new["paths"]["/parts/"]["get"]["parameters"].append(
        {"in": "query", "name": "page", "schema": {"type": "integer"}}
    )
    new["paths"]["/parts/"]["get"]["responses"]["429"] = {"description": ""}
    new["components"]["schemas"]["Part"]["properties"]["stock"] = {"type": "integer"}
    new["components"]["schemas"]["PartRequest"]["properties"]["stock"] = {"type": "integer"}
    new["components"]["schemas"]["PartRequest"]["properties"]["state"]["enum"].append("rebuilt")
    new["components"]["schemas"]["PartRequest"]["properties"]["name"]["maxLength"] = 90
    new["components"]["schemas"]["Part"]["properties"]["name"]["description"] = "Another text."
    assert breaking_changes(schema(), new) == []
    assert additions(schema(), new) == ["GET /vendors/"]


GET, POST = ("paths", "/parts/", "get"), ("paths", "/parts/", "post")
SHOWN, TAKEN = ("components", "schemas", "Part"), ("components", "schemas", "PartRequest")
MISSING = object()


@pytest.mark.parametrize(
    ("place", "value", "changes"),
    [
        (GET, MISSING, ["GET /parts/: removed"]),
        ((*GET, "security"), [{"bearer": []}], ["GET /parts/: needs a sign-in now"]),
        ((*GET, "parameters"), [], ["GET /parts/: parameter search removed"]),
        ((*GET, "parameters", 0, "required"), True, ["GET /parts/: parameter search is required now"]),
        (
            (*GET, "parameters", 0, "schema", "type"),
            "integer",
            ["GET /parts/: parameter search: string is not accepted now"],
        ),
        ((*GET, "responses", "404"), MISSING, ["GET /parts/: status 404 removed"]),
        (
            (*GET, "responses", "200", "headers"),
            {},
            ["GET /parts/: 200: header ETag removed", "POST /parts/: 200: header ETag removed"],
        ),
        (
            ("components", "responses", "Error404", "content"),
            {},
            ["GET /parts/: 404: application/json removed"],
        ),
        ((*POST, "requestBody"), MISSING, ["POST /parts/: body removed"]),
        ((*POST, "requestBody", "required"), True, ["POST /parts/: a body is required now"]),
        ((*TAKEN, "required"), ["name", "state"], ["POST /parts/: body.state is required now"]),
        ((*TAKEN, "properties", "name"), MISSING, ["POST /parts/: body.name removed"]),
        (
            (*TAKEN, "properties", "state", "enum"),
            ["new"],
            ['POST /parts/: body.state: "used" is not accepted now'],
        ),
        (
            (*TAKEN, "properties", "name", "maxLength"),
            50,
            ["POST /parts/: body.name: maxLength 50 instead of 60"],
        ),
        (
            (*TAKEN, "properties", "name", "minLength"),
            2,
            ["POST /parts/: body.name: minLength 2 instead of none"],
        ),
        (
            (*TAKEN, "properties", "name", "pattern"),
            "^A",
            ["POST /parts/: body.name: pattern ^A instead of none"],
        ),
        (
            (*TAKEN, "properties", "madeOn", "type"),
            "string",
            [
                "POST /parts/: body.madeOn: null is not accepted now",
                "POST /parts/: body.made_on: null is not accepted now",
            ],
        ),
        ((*TAKEN, "additionalProperties"), False, ["POST /parts/: body refuses other keys now"]),
        ((*SHOWN, "properties", "id"), MISSING, ["GET /parts/: 200.id removed"]),
        ((*SHOWN, "properties", "summary"), MISSING, ["GET /parts/: 200.summary removed"]),
        ((*SHOWN, "properties", "madeOn", "x-other-spelling"), MISSING, ["GET /parts/: 200.made_on removed"]),
        ((*SHOWN, "required"), ["id"], ["GET /parts/: 200.name may be missing now"]),
        (
            (*SHOWN, "properties", "state", "enum"),
            ["new", "used", "rebuilt"],
            ['GET /parts/: 200.state: "rebuilt" may come now'],
        ),
        (
            (*SHOWN, "properties", "name", "type"),
            ["string", "null"],
            ["GET /parts/: 200.name: null may come now"],
        ),
        (
            (*SHOWN, "properties", "madeOn", "format"),
            "date-time",
            [
                "GET /parts/: 200.madeOn: format date-time instead of date",
                "GET /parts/: 200.made_on: format date-time instead of date",
            ],
        ),
        (
            ("components", "schemas", "Maker", "properties"),
            {},
            ["GET /parts/: 200.maker.name removed", "POST /parts/: body.maker.name removed"],
        ),
        ((*SHOWN, "properties", "vendor"), {"type": "null"}, ["GET /parts/: 200.vendor.parts removed"]),
    ],
)
def test_breaking_change_is_named(place, value, changes):
    """At the first operation that shows the body. The same body is compared once."""
    new = schema()
    *above, last = place
    node: Any = new
    for key in above:
        node = node[key]
    if value is MISSING:
        del node[last]
    else:
        node[last] = value
    assert breaking_changes(schema(), new) == changes


def test_recorded_schema_has_everything_but_texts():
    recorded = yaml.safe_load(compact(schema()))
    assert recorded["info"] == {"title": "Parts", "version": "1.2.3"}
    part = recorded["components"]["schemas"]["Part"]
    assert list(part["properties"]) == ["id", "madeOn", "maker", "name", "state", "summary", "vendor"]
    assert part["properties"]["name"] == {"type": "string", "maxLength": 60}
    assert breaking_changes(schema(), recorded) == breaking_changes(recorded, schema()) == []


@pytest.mark.parametrize(
    ("is_broken", "is_larger", "least"),
    [(False, False, "1.2.3"), (False, True, "1.3.0"), (True, False, "2.0.0"), (True, True, "2.0.0")],
)
def test_next_version_follows_from_the_changes(is_broken, is_larger, least):
    assert least_version("1.2.3", is_broken=is_broken, is_larger=is_larger) == least
