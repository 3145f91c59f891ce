"""API keys, with which machines call the staff's API (docs/design, D141)."""
