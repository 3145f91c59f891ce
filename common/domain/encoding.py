"""JSON as the contracts write it: orjson, with instants in UTC and a `Z`."""

from __future__ import annotations

from typing import Any

import orjson

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS


def dumps(body: Any) -> bytes:
    """`body` as UTF-8 JSON. DRF's lazy strings and list types are written as what they stand for."""
    return orjson.dumps(body, default=_plain, option=_OPTIONS)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, (list, tuple)):
        return list(value)
    return str(value)  # ErrorDetail, lazy translations
