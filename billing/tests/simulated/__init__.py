"""A simulated year of billing: a second set of books runs beside the product (docs/reports.md, "Tried").

`arithmetic` and `books` are the oracle. They import nothing from the product, so that a mistake there is not repeated
here. `year` draws what happens and tells both. `compare` compares every figure to the cent.
"""
