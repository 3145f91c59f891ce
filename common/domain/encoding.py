"""JSON as the contracts write it, by orjson, with instants in UTC and a `Z`."""

from __future__ import annotations

import orjson

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def dumps(body: object) -> bytes:
    """Return `body` as UTF-8 JSON. DRF's lazy strings and list types become plain text and lists."""
    try:
        return orjson.dumps(body, default=_plain, option=_OPTIONS)
    except TypeError:  # a key is no plain `str`, which is rare and costs twice the time to allow
        return orjson.dumps(body, default=_plain, option=_OPTIONS | orjson.OPT_NON_STR_KEYS)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, (list, tuple)):
        return list(value)
    return str(value)  # ErrorDetail, lazy translations
