"""The admin's fonts are small and have every icon that is used."""

from __future__ import annotations

import re

from django.conf import settings
from django.contrib.staticfiles import finders
from fontTools.ttLib import TTFont

from config.development.management.commands.fonts import FONTS, ICONS, UNFOLD, WEIGHTS, icons_of
from config.unfold import UNFOLD as LOOK

_IN_TEMPLATE = re.compile(r"material-symbols-outlined[^>]*>\s*([a-z0-9_]+)\s*<")
_IN_MODULE = re.compile(r"""\bicon=["']([a-z0-9_]+)""")


def used_icons() -> set[str]:
    found = {LOOK["SITE_SYMBOL"]}
    found |= {item["icon"] for group in LOOK["SIDEBAR"]["navigation"] for item in group["items"]}
    apps = [path for path in settings.BASE_DIR.iterdir() if (path / "apps.py").exists()]
    for root in (UNFOLD, *apps):
        for file in root.rglob("*.html"):
            found |= set(_IN_TEMPLATE.findall(file.read_text()))
        for file in root.rglob("*.py"):
            found |= set(_IN_MODULE.findall(file.read_text()))
    return found


def test_every_icon_is_in_the_font():
    missing = used_icons() - icons_of(TTFont(FONTS / ICONS)).keys()
    assert missing == set(), "run manage.py fonts"


def test_fonts_of_a_first_page_are_small():
    files = [ICONS, *(f"inter/Inter-{name}-Latin.woff2" for name in WEIGHTS.values())]
    assert sum((FONTS / file).stat().st_size for file in files) < 130_000


def test_pages_load_them_in_place_of_unfolds():
    for file in (ICONS, "inter/styles.css"):
        assert finders.find(f"unfold/fonts/{file}") == str(FONTS / file)
    assert finders.find("unfold/fonts/inter/Inter-Regular.woff2") == str(
        UNFOLD / "static/unfold/fonts/inter/Inter-Regular.woff2"
    )
