"""Samples of one vehicle from a table with a (vehicle, t) key, as JSON: `/<vehicle>?from=<ms>&to=<ms>`.

One prepared statement with binary rows, and orjson. There is no authentication or validation.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import orjson
import psycopg

_SELECT = "SELECT t, speed, fuel_rate, odometer FROM peer_rows WHERE vehicle = %s AND t BETWEEN %s AND %s ORDER BY t"


def dsn() -> str:
    login = os.environ.get("DB_USER", "postgres"), os.environ.get("DB_PASSWORD", "postgres")
    return "host={} dbname={} user={} password={}".format(
        os.environ["DB_HOST"], os.environ["DB_NAME"], *login
    )


@cache
def connection() -> psycopg.Connection[Any]:
    return psycopg.connect(dsn(), autocommit=True)


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    query = parse_qs(environ["QUERY_STRING"])
    key = (int(environ["PATH_INFO"][1:]), int(query["from"][0]), int(query["to"][0]))
    rows = connection().cursor(binary=True).execute(_SELECT, key, prepare=True)
    body = orjson.dumps(
        [
            {"t": t, "speed": speed, "fuelRate": fuel_rate, "odometer": odometer}
            for t, speed, fuel_rate, odometer in rows
        ]
    )
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
