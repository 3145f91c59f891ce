"""Export, erasure and merge of what is held of a person.

`holdings.py` declares the personal data of each table. `export.py` and `erase.py` follow it (docs/decisions/0019).
"""
