"""Generators of clients can use the schema: its error bodies have one type, and its headers are declared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from common.http.contracts.registry import CONTRACTS
from common.http.schema import CachedGenerator, staff_tag
from config.glossary import NOUNS, PARAMETERS, WORDS, WORDS_OF
from config.openapi import RESOURCES, introduction, is_nullable, noun_of, snake_case
from testing.openapi import unfolded
from testing.roles import OPERATIONS, by_role, is_staffs

INVALID = ["CareInvalid", "CrmInvalid", "MemberInvalid", "ShopInvalid", "ShopStaffInvalid"]
MESSAGES = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}

UNITS = {"US dollars": "dollar", "miles": "mile", "percent": "percent"}
# The first words of summaries. A summary is a verb and its object.
VERBS = frozenset(
    {
        *(
            "Add",
            "Answer",
            "Apply",
            "Approve",
            "Archive",
            "Ask",
            "Assign",
            "Attach",
            "Book",
            "Cancel",
            "Change",
        ),
        *(
            "Check",
            "Clear",
            "Close",
            "Complete",
            "Confirm",
            "Copy",
            "Correct",
            "Count",
            "Create",
            "Credit",
            "Delete",
        ),
        *(
            "Deny",
            "Dismiss",
            "Do",
            "Download",
            "End",
            "Finish",
            "Give",
            "Hand",
            "Increment",
            "Issue",
            "Join",
            "Link",
        ),
        *(
            "List",
            "Log",
            "Mail",
            "Make",
            "Mark",
            "Merge",
            "Move",
            "Place",
            "Presign",
            "Propose",
            "Raise",
            "Receive",
        ),
        *(
            "Recommend",
            "Record",
            "Refresh",
            "Refund",
            "Refuse",
            "Remove",
            "Reopen",
            "Report",
            "Request",
            "Restore",
        ),
        *(
            "Retrieve",
            "Return",
            "Reverse",
            "Revoke",
            "Search",
            "Send",
            "Set",
            "Share",
            "Show",
            "Sign",
            "Start",
            "Stop",
        ),
        *("Store", "Summarize", "Switch", "Take", "Track", "Transfer", "Unlink", "Update", "Use", "Verify"),
        *("Withdraw",),
    }
)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return unfolded(CachedGenerator().get_schema(request=None, public=True))


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
        declared = dict(components[name]["properties"]["fields"])
        assert declared.pop("description")
        assert declared == MESSAGES
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


def test_staffs_rows_declare_their_etag(schema):
    """A repair order has its version as ETag, and a stale one is 409."""
    orders, customer = "/api/shop/repair-orders/{id}/", "/api/shop/customers/{id}/"
    # A statement and a call never change. A certificate is made below a customer, and is not the customer's row.
    without = tuple(
        f"{customer}{tail}" for tail in ("statements/{month}/send/", "tax-exemptions/", "phone-calls/")
    )
    for method, path, status in (
        ("get", orders, "200"),
        ("patch", orders, "200"),
        ("post", "/api/shop/repair-orders/", "201"),
        ("post", f"{orders}jobs/", "201"),
        ("get", customer, "200"),
        ("patch", customer, "200"),
        ("post", "/api/shop/customers/", "201"),
        ("patch", f"{customer}tax-exemptions/{{exemption_id}}/", "200"),
        ("post", "/api/shop/appointments/{id}/assign/", "200"),
    ):
        assert "ETag" in schema["paths"][path][method]["responses"][status]["headers"], (method, path)
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            names = {parameter["name"] for parameter in operation.get("parameters", ())}
            is_staffs = operation["tags"][0].startswith("Staff: ")
            is_of_row = ("{id}" in path or "{delivery_id}" in path) and path not in without
            takes = is_staffs and method != "get" and is_of_row
            assert ("If-Match" in names) == takes, (method, path)
            refusals = {"400", "409" if path.startswith(orders) else "412"}
            assert not takes or refusals <= operation["responses"].keys(), (method, path)


def test_staffs_lists_declare_positions_fields_and_files(schema):
    lists = 0
    for path, methods in schema["paths"].items():
        names = {parameter["name"] for parameter in methods.get("get", {}).get("parameters", ())}
        if "page" in names and path.startswith("/api/shop/") and "ordering" in names:
            assert names >= {"after", "fields", "format", "page_size"}, path
            answer = methods["get"]["responses"]["200"]
            assert list(answer["content"]) == ["application/json"], path  # files are not declared
            assert answer["headers"].keys() == {"X-Total-Count"}, path
            lists += 1
    assert lists >= 30


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def undescribed(value: Any, place: str) -> Iterator[str]:
    """Yield the places of properties without a description, also of objects inside a body."""
    if isinstance(value, dict):
        for name, declared in value.get("properties", {}).items():
            if not declared.get("description"):
                yield f"{place}.{name}"
        for name, inner in value.items():
            yield from undescribed(inner, f"{place}.{name}" if name != "properties" else place)
    elif isinstance(value, list):
        for inner in value:
            yield from undescribed(inner, place)


def test_every_property_is_described(schema):
    """In words of its own, else in those of `config/glossary.py`, which need an entry for a new name."""
    assert list(undescribed(schema["components"]["schemas"], "")) == []


def test_descriptions_say_what_null_means(schema):
    silent = [
        f"{name}.{field}"
        for name, component in schema["components"]["schemas"].items()
        for field, declared in component.get("properties", {}).items()
        if is_nullable(declared) and not re.search(r"\bnull\b", declared["description"], re.IGNORECASE)
    ]
    assert silent == []


def test_amounts_and_distances_have_a_unit(schema):
    silent = [
        f"{name}.{field}"
        for name, component in schema["components"]["schemas"].items()
        for field, declared in component.get("properties", {}).items()
        if (unit := declared.get("x-unit")) and UNITS[unit] not in declared["description"].lower()
    ]
    assert silent == []


def test_every_operation_parameter_and_header_is_described(schema):
    for method, path, operation in operations(schema):
        assert operation["description"], (method, path)
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description"), (method, path, parameter["name"])
        for status, response in operation["responses"].items():
            for name, header in response.get("headers", {}).items():
                assert header.get("description"), (method, path, status, name)


def test_words_of_the_glossary_are_used(schema):
    names = {
        snake_case(name)
        for component in schema["components"]["schemas"].values()
        for name in component.get("properties", ())
    }
    names |= {
        snake_case(parameter["name"])
        for *_, operation in operations(schema)
        for parameter in operation.get("parameters", ())
    }
    assert {word.partition(":")[0] for word in WORDS} | set(PARAMETERS) <= names
    components = {
        name.removeprefix("Patched").removesuffix("Request") for name in schema["components"]["schemas"]
    }
    assert set(NOUNS) <= components
    assert set(WORDS_OF) <= {noun_of(name) for name in components}


def test_each_operation_has_a_declared_tag(schema):
    used = {tag for *_, operation in operations(schema) for tag in operation["tags"]}
    contracts = [contract.title for contract in CONTRACTS]
    staff = [staff_tag(resource) for resource in RESOURCES]
    assert [tag["name"] for tag in schema["tags"]] == contracts + staff
    assert all(tag["description"] for tag in schema["tags"])
    assert used == {*contracts, *staff}
    assert schema["x-tagGroups"] == [
        {"name": "Contracts", "tags": contracts},
        {"name": "The staff's API", "tags": staff},
    ]
    for method, path, operation in operations(schema):
        [tag] = operation["tags"]
        assert (tag in staff) == is_staffs(path), (method, path)


def test_summaries_are_imperative_and_unique_in_their_tag(schema):
    seen = set()
    for method, path, operation in operations(schema):
        summary = operation["summary"]
        assert summary.split()[0] in VERBS, (summary, method, path)
        assert not summary.endswith("."), summary
        assert (operation["tags"][0], summary) not in seen, (summary, method, path)
        seen.add((operation["tags"][0], summary))


def test_roles_are_those_of_the_manual(schema):
    found = {operation["operationId"]: operation.get("x-roles", []) for *_, operation in operations(schema)}
    assert {name: found[name] for name, *_ in OPERATIONS} == {
        name: [str(role) for role, cell in by_role(cells).items() if cell == "yes"]
        for name, _, *cells in OPERATIONS
    }


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("shop_login_post", "Needs no sign-in."),
        ("shop_parts_receive", "Roles: advisor, manager, admin."),
        ("member_vehicles_get", "For customers."),
        ("member_contact_post", "Works with and without a token."),
    ],
)
def test_description_ends_with_who_may_call(schema, name, sentence):
    found = {operation["operationId"]: operation for *_, operation in operations(schema)}
    assert found[name]["description"].endswith(sentence)


def test_introduction_has_the_figures_of_the_code(schema):
    text = schema["info"]["description"]
    assert "$" not in text
    assert "](/docs/errors/)" in text
    assert "50 by default and at most 200" in text
    assert "1 to 255 printable ASCII characters" in text
    assert "for 24 hours" in text
    heads = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert heads == [
        *("Sign in", "Requests", "Errors", "Pages", "Repeated requests"),
        *("Many writes and events", "Limits", "Versions"),
    ]
    for method, path in re.findall(r"`(GET|POST) (/[^`]*)`", text):
        assert method.lower() in schema["paths"][path], path


def test_swagger_ui_keeps_the_token_and_filters():
    assert settings.SPECTACULAR_SETTINGS["SWAGGER_UI_SETTINGS"].items() >= {
        ("persistAuthorization", True),
        ("filter", True),
    }


def test_links_of_the_introduction_lead_to_pages_of_the_documentation():
    pages = re.findall(r"\]\(/docs/([^)]*)\)", introduction())
    assert len(pages) > 1
    for page in pages:
        assert (settings.BASE_DIR / f"docs/{page.removesuffix('/')}.md").exists(), page
