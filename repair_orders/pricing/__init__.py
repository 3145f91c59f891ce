"""Prices of a location: labour rates, taxes, fees and ceilings, and exemptions from tax (docs/design, D82)."""
