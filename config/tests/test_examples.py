"""The schema's examples are recorded from the demo data, and stay true: each call is made again and compared.

`make examples` records them anew. A list is cut to its first row, as the contracts print it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from jsonschema import Draft202012Validator

from accounts.models import User
from common.http.contracts import registry
from common.http.schema import CachedGenerator
from demo import loader
from files.tests.conftest import PNG as PHOTO
from testing.examples import care, crm, fleet, member, shop
from testing.examples.calls import NEWCOMER, Call, Calls, filled
from testing.openapi import unfolded

CONTRACTS = {"shop": shop, "fleet": fleet, "care": care, "member": member, "crm": crm}
TITLES = {contract.name: contract.title for contract in registry.CONTRACTS}
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
# Values that differ each time or are secret -> how they are shown.
VEILS = {
    r"eyJ[\w-]+\.[\w-]+\.[\w-]+": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...",
    r"[0-9a-f]{32}-[0-9a-z]+-[0-9a-f]{32,}": "01930000000070008000000000000047-d3kx8w-5f1c...",
    r"(?<=signature=)[\w%-]+": "5f1c...",
    r'(?<="ticket": ")[\w-]+': "Jm8wq1kZ5f1c...",
    r"(?<=/uploads/)[\w-]{22}": "kZ5f1cJm8wq1Jm8wq1kZ5f",
    r"whsec_[\w+/]{43}=": "whsec_kZ5f1cJm8wq1kZ5f1cJm8wq1",
    r"gk_[\w-]{43}": "gk_kZ5f1c...",
    r'(?<="prefix": "gk_)[\w-]{6}(?=")': "kZ5f1c",
    r"http://testserver(?=/)": "http://localhost:8000",
}


def shown(body: Any) -> Any:
    """Return the body as the schema shows it: without secrets, and of a list only the first row."""
    if isinstance(body, dict) and isinstance(body.get("results"), list):
        body = {**body, "results": body["results"][:1]}
    elif isinstance(body, list):
        body = body[:1]
    text = json.dumps(body)
    for secret, veil in VEILS.items():
        text = re.sub(secret, veil, text)
    return json.loads(text)


def make(api, method: str, path: str, call: Call, names: dict[str, str]) -> tuple[Any, Any]:
    """Return request body (None without one) and response body as they are shown."""
    headers = {}
    api.logout()
    if call.login and path.startswith("/customer/"):  # Django's session, as a browser brings it
        api.force_login(User.objects.get(email=call.login[0]))
    elif call.login:
        words = dict(zip(("email", "password"), call.login, strict=True))
        names |= api.post("/api/token/", words, format="json").json()
        headers = {"Authorization": f"Bearer {names['access']}"}
    body = filled(call.body, names)
    data = filled(call.params, names) if method == "get" else body
    kind = None if method == "get" else "json"
    if call.photos:
        body, kind = {call.photos: ["photo.png"]}, "multipart"
        data = {call.photos: SimpleUploadedFile("photo.png", PHOTO, "image/png")}
    response = getattr(api, method)(path.format(**names), data, headers=headers, format=kind)
    assert response.status_code == call.status, (path, call, response.content)
    return shown(body), shown(response.json()) if response.content else None


def record(api, calls: Calls, names: Callable[[], dict[str, str]]) -> dict[str, Any]:
    examples: dict[str, Any] = {}
    for operation, (method, path, made) in calls.items():
        example: dict[str, Any] = {"responses": {}}
        for call in made:
            body, example["responses"][str(call.status)] = make(api, method, path, call, names())
            if call.status < 300 and body is not None and method != "delete":
                example["request"] = body
        examples[operation] = example
    return examples


@pytest.mark.django_db(transaction=True, reset_sequences=True)
@pytest.mark.parametrize("contract", CONTRACTS)
def test_examples_match_the_api(api, monkeypatch, contract):
    # The clock, uuids and codes are the same each time. Tokens use the real clock.
    numbers, chance = count(1), Random(3)
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOON)
    monkeypatch.setattr(
        "common.domain.ids.uuid7", lambda: UUID(int=0x0193_0000_0000_7000_8000_0000_0000_0000 + next(numbers))
    )
    monkeypatch.setattr("accounts.models.secrets.choice", chance.choice)
    loader.load(now=NOON)
    User.objects.create_user(*NEWCOMER)
    file = settings.EXAMPLES_DIR / f"{contract}.json"
    module = CONTRACTS[contract]
    examples = record(api, module.ALL, module.names)
    if os.environ.get("RECORD_EXAMPLES"):
        file.write_text(json.dumps(examples, indent=2, ensure_ascii=False) + "\n")
    assert json.loads(file.read_text()) == examples


def operations() -> dict[str, dict[str, Any]]:
    schema = unfolded(CachedGenerator().get_schema(request=None, public=True))
    return {
        operation["operationId"]: operation
        for path in schema["paths"].values()
        for operation in path.values()
    }


def test_every_operation_has_summary_tag_and_examples():
    found = operations()
    assert set(found) == {name for module in CONTRACTS.values() for name in module.ALL}
    for name, operation in found.items():
        assert operation["summary"], name
        [tag] = operation["tags"]
        assert tag == TITLES[name.partition("_")[0]] or (
            tag.startswith("Staff: ") and name.startswith("shop_")
        )
        for status, response in operation["responses"].items():
            # Every response but a 400 has an example, an error at least a typical one. A file is no JSON.
            media = response.get("content", {}).get("application/json")
            assert status == "400" or media is None or {"example", "examples"} & set(media), (name, status)
        if "requestBody" in operation:
            for media in operation["requestBody"]["content"].values():
                assert "example" in media, name
        assert {"429", "503"} <= set(operation["responses"]), name


def test_examples_are_valid_by_the_schema():
    """They also hold no key that the schema does not declare."""
    schema = json.loads(json.dumps(unfolded(CachedGenerator().get_schema(request=None, public=True))))
    for component in schema["components"]["schemas"].values():
        if "properties" in component:
            component.setdefault("additionalProperties", False)
    checked = 0
    for name, operation in operations().items():
        for part in (operation.get("requestBody", {}), *operation["responses"].values()):
            content = part.get("content", {}).get("application/json", {})
            if "example" in content:
                rule = {**content["schema"], "components": schema["components"]}
                wrong = [
                    error.message for error in Draft202012Validator(rule).iter_errors(content["example"])
                ]
                assert wrong == [], name
                checked += 1
    assert checked > 400
