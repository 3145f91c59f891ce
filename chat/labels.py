"""Words of contract 003 that its REST API and its socket share."""

from __future__ import annotations

CUSTOMER, SUPPORT = "user", "support"


def format_sender(is_support: bool) -> str:
    """Return the `sender` of a message: `support` for staff, `user` for the customer."""
    return SUPPORT if is_support else CUSTOMER
