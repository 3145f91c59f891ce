"""What the catalogue offers beside single articles: matrices that price parts by cost, and canned jobs."""
