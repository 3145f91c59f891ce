"""The link by which a customer opens a revision without signing in (docs/design, D79)."""

from __future__ import annotations

from accounts.links import Links
from repair_orders.estimates.models import Estimate

ESTIMATES = Links(route="estimate-link", salt="repair_orders.estimate-link")


def link_of(estimate: Estimate) -> str:
    """Return the absolute URL of a revision's link."""
    return ESTIMATES.url_of(estimate.uuid, estimate.token_hash)
