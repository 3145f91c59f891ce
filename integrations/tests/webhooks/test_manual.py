"""The example of docs/webhooks.md verifies what is sent."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from integrations.webhooks.queue import DELAYS
from integrations.webhooks.signing import new_secret, signed_headers

MANUAL = (settings.BASE_DIR / "docs/webhooks.md").read_text(encoding="utf-8")
BODY = '{"id": 1, "name": "ä"}'.encode()


@pytest.fixture(scope="module")
def is_genuine():
    [code] = re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)
    names = {}
    exec(code, names)  # the manual's own
    return names["is_genuine"]


def test_example_takes_what_each_secret_of_a_rotation_signed(is_genuine):
    old, new = new_secret(), new_secret()
    headers = signed_headers(message_id="msg_1", body=BODY, keys=[new, old], at=datetime.now(UTC))
    assert is_genuine(old, headers, BODY)
    assert is_genuine(new, headers, BODY)


def test_example_refuses_another_secret_body_id_and_time(is_genuine):
    secret, now = new_secret(), datetime.now(UTC)
    headers = signed_headers(message_id="msg_1", body=BODY, keys=[secret], at=now)
    assert not is_genuine(new_secret(), headers, BODY)
    assert not is_genuine(secret, headers, BODY + b" ")
    assert not is_genuine(secret, {**headers, "webhook-id": "msg_2"}, BODY)
    for minutes in (-6, 6):
        other = signed_headers(
            message_id="msg_1", body=BODY, keys=[secret], at=now + timedelta(minutes=minutes)
        )
        assert not is_genuine(secret, other, BODY)


def test_table_has_the_delays():
    units = {"second": 1, "seconds": 1, "minutes": 60, "hour": 3600, "hours": 3600}
    rows = re.findall(r"^\| \d[\w ]* \| (\d+) (\w+)", MANUAL, re.MULTILINE)
    assert tuple(int(number) * units[unit] for number, unit in rows) == DELAYS
