"""Prices of the catalogue beside single articles: matrices that price parts by cost, and canned jobs."""
