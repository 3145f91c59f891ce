"""A customer's notification preferences, stored as `{kind: true or false}`.

Contract 004 returns the stored object. The settings of contract 002 return the four kinds of `default_notifications`,
and its profile returns one switch for all kinds. Kinds that are not sent keep their values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.core.exceptions import ValidationError

MAX_KINDS = 50
_KIND = re.compile(r"[A-Za-z0-9_.-]{1,50}")

Notifications = Mapping[str, bool]

# The kind that must be on, in addition to `email`, for a notification of this type to be mailed.
_KIND_OF = {"ORDER": "order_updates", "REFUND": "refund_updates", "SUPPORT": "support_replies"}


# Further kinds, which are on until they are switched off. Contract 002 does not show them.
REMINDERS = ("service_reminders", "put_off_reminders", "parking_reminders", "membership_reminders")


def default_notifications() -> dict[str, bool]:
    """Return the initial preferences, with every kind on (contract 002, "Settings APIs")."""
    return {"email": True, "order_updates": True, "refund_updates": True, "support_replies": True}


def validate_notifications(value: object) -> None:
    """Raise ValidationError unless `value` is `{kind: true or false}` with at most 50 kinds."""
    if not isinstance(value, dict) or not all(isinstance(choice, bool) for choice in value.values()):
        raise ValidationError("Give an object whose values are true or false.", code="not_booleans")
    if any(not _KIND.fullmatch(str(kind)) for kind in value):
        raise ValidationError(
            "Name each kind with 1 to 50 letters, digits, dots, hyphens or underscores.", code="not_a_kind"
        )
    if has_too_many(value):
        raise ValidationError(f"Give at most {MAX_KINDS} kinds of notification.", code="too_many_kinds")


def has_too_many(kinds: Notifications) -> bool:
    """Whether there are more kinds than are stored, beside those of reminders, which can always be switched off."""
    return len(kinds.keys() - set(REMINDERS)) > MAX_KINDS


def with_defaults(stored: Notifications) -> dict[str, bool]:
    """Return the stored kinds and the missing defaults, which are on."""
    return {**default_notifications(), **stored}


def merge(stored: Notifications, given: Notifications | bool) -> dict[str, bool]:
    """Return the stored kinds updated with the given kinds. True or False sets every kind, including the defaults."""
    if isinstance(given, bool):
        return dict.fromkeys(with_defaults(stored), given)
    return {**stored, **given}


def is_any_on(stored: Notifications) -> bool:
    """Whether at least one kind is on (the switch of contract 002's profile)."""
    return any(with_defaults(stored).values())


def allows_mail(stored: Notifications, type: str) -> bool:
    """Whether a notification of this type is mailed: `email` must be on, and the kind of the type if there is one."""
    kinds = with_defaults(stored)
    return kinds["email"] and kinds[_KIND_OF.get(type, "email")]


def allows_reminder(stored: Notifications, kind: str) -> bool:
    """Whether reminders of this kind (`service`) are mailed: `email` and `service_reminders` must be on."""
    return stored.get("email", True) and stored.get(f"{kind}_reminders", True)


def refused_reminders(stored: Notifications) -> dict[str, bool]:
    """Return the kinds of reminders that are off, also by `email`, as they are stored."""
    return {kind: False for kind in REMINDERS if not allows_reminder(stored, kind.removesuffix("_reminders"))}
