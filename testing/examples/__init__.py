"""The calls whose responses are the examples in the schema, one module per contract."""
