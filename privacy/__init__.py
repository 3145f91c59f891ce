"""One person's data: what each table holds of him, given out whole, or forgotten as far as a shop may forget it.

`holdings.py` says it once, table by table; `export.py` and `erase.py` follow it.
"""
