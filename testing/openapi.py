"""Read the OpenAPI schema as tests and trials need it: with everything that it says once for the sake of generators."""

from __future__ import annotations

import copy
from typing import Any


def unfolded(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a copy in which each operation has its responses itself, and bodies have both spellings of their keys."""
    schema = copy.deepcopy(schema)
    components = schema["components"]
    for methods in schema["paths"].values():
        for operation in methods.values():
            operation["responses"] = {
                status: components["responses"][response["$ref"].rpartition("/")[2]]
                if "$ref" in response
                else response
                for status, response in operation["responses"].items()
            }
    for component in components["schemas"].values():
        for name, declared in [*component.get("properties", {}).items()]:
            if other := declared.get("x-other-spelling"):
                component["properties"][other] = declared
                if name in component.get("required", ()):
                    component["required"].append(other)
    return schema
