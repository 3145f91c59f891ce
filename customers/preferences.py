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

# type of a notification -> the kind that says whether it is mailed, beside `email` itself
_KIND_OF = {"ORDER": "order_updates", "REFUND": "refund_updates", "SUPPORT": "support_replies"}


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


def complete(stored: Notifications) -> dict[str, bool]:
    """What holds: a kind that nobody has written down yet is on."""
    return {**default_notifications(), **stored}


def changed(stored: Notifications, given: Notifications | bool) -> dict[str, bool]:
    """What was sent over what is stored; True or False is every kind, those that nobody has written down yet, too."""
    if isinstance(given, bool):
        return dict.fromkeys(complete(stored), given)
    return {**stored, **given}


def is_any_on(stored: Notifications) -> bool:
    """Contract 002's one switch: on while any kind is."""
    return any(complete(stored).values())


def allow_mail(stored: Notifications, type: str) -> bool:
    """Whether a notification of this type is mailed: `email` must be on, and the type's own kind if there is one."""
    kinds = complete(stored)
    return kinds["email"] and kinds[_KIND_OF.get(type, "email")]
