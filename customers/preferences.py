"""How a customer wants to be told: stored once as `{kind: yes or no}`, spelled by three contracts.

004 shows the stored object; 002's settings show the four kinds of `default_notifications`, its profile one switch for
all of them. Whatever is not sent stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

MOST_KINDS = 50
_KIND = re.compile(r"[A-Za-z0-9_.-]{1,50}")

Notifications = Mapping[str, bool]


def default_notifications() -> dict[str, bool]:
    """Everything on, as contract 002's settings start."""
    return {"email": True, "order_updates": True, "refund_updates": True, "support_replies": True}


def validate_notifications(value: Any) -> None:
    """Raise ValidationError unless `value` is `{kind: true or false}` with at most 50 kinds."""
    if not isinstance(value, dict) or not all(isinstance(choice, bool) for choice in value.values()):
        raise ValidationError("Give an object whose values are true or false.", code="not_booleans")
    if any(not _KIND.fullmatch(str(kind)) for kind in value):
        raise ValidationError(
            "Name each kind with 1 to 50 letters, digits, dots, hyphens or underscores.", code="not_a_kind"
        )
    if len(value) > MOST_KINDS:
        raise ValidationError(f"There can be at most {MOST_KINDS} kinds.", code="too_many_kinds")


def merged(stored: Notifications, given: Notifications) -> dict[str, bool]:
    """What was sent over what is stored."""
    return {**stored, **given}


def is_any_on(stored: Notifications) -> bool:
    """Contract 002's one switch: on while any kind is."""
    return any(stored.values())


def all_switched(stored: Notifications, on: bool) -> dict[str, bool]:
    """Every kind as the one switch says; those that nobody has written down yet, too."""
    return dict.fromkeys({**default_notifications(), **stored}, on)
