"""Lists read without objects: a serializer's declaration becomes flat SQL and a body (docs/decisions/0007)."""
