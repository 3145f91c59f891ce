"""The calls whose answers are the schema's examples; one module a contract."""
