"""The parts that every JSON route shares: contracts, views, lists, filters, fields, problems and middleware."""
