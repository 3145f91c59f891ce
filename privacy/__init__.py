"""Export and erasure of one person's data.

`holdings.py` declares the personal data of each table. `export.py` and `erase.py` follow it (docs/decisions/0019).
"""
