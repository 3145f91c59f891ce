"""Set a passport as PDF (docs/design, D72, D140).

It is not stored: what it prints changes with each reading, and no revision stands behind it.
"""

from __future__ import annotations

from pathlib import Path

from django.utils.text import slugify

from appointments.logos import find_logo
from common.papers.rendering import render
from files.papers import Document
from passports.contents import Passport
from passports.papers.layout import paper_layout, shop_of, size_of

_TEMPLATE = Path(__file__).parent / "passport.typ"


def passport_paper(passport: Passport) -> Document:
    """Return the paper of a passport, named after the vehicle and the day."""
    name = slugify(f"passport {passport.name} {passport.made_at:%Y-%m-%d}")
    logo = find_logo(shop_of(passport))
    return Document(f"{name}.pdf", render(_TEMPLATE, paper_layout(passport), size_of(passport), logo=logo))
