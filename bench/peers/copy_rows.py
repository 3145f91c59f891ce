"""The least that takes a telematics batch in: no sign-in, no checks; a row a sample through `COPY … BINARY`, committed."""

from __future__ import annotations

import os
from typing import Any

import orjson
import psycopg

_connection: Any = None


def connection() -> Any:
    global _connection
    if _connection is None:
        _connection = psycopg.connect(
            host=os.environ["DB_HOST"],
            dbname=os.environ["DB_NAME"],
            user=os.environ.get("DB_USER", "postgres"),
            password=os.environ.get("DB_PASSWORD", "postgres"),
        )
    return _connection


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    if environ["REQUEST_METHOD"] == "POST":
        batch = orjson.loads(environ["wsgi.input"].read())
        with connection().transaction(), connection().cursor() as cursor:
            uuid = environ["PATH_INFO"].split("/")[3]
            (vehicle,) = cursor.execute("SELECT id FROM vehicles_vehicle WHERE uuid = %s", (uuid,)).fetchone()
            with cursor.copy("COPY peer_rows FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["int8", "int8", "float8", "float8", "float8"])
                for sample in batch["samples"]:
                    copy.write_row(
                        (vehicle, sample["t"], sample["speed"], sample["fuelRate"], sample["odometer"])
                    )
    body = b'{"message":"Telemetry batch accepted"}'
    start_response("202 Accepted", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
