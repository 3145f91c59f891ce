"""Reads compiled once: from a serializer's declaration to flat SQL and back to the body (docs/decisions/0004)."""
