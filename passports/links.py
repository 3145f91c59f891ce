"""The link by which a passport is opened without signing in (docs/design, D140)."""

from __future__ import annotations

from accounts.links import Links

PASSPORTS = Links(route="passport-link", salt="passports.passport-link")
