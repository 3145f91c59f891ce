"""Diagnostic trouble codes: what a vehicle's own diagnosis reports, until it is cleared."""
