"""Webhooks: events sent to the addresses of other programs (docs/design, D150)."""
