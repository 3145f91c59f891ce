"""Write smaller fonts of the admin in place of Unfold's: `manage.py fonts`.

Unfold's four weights of Inter and its icons are 750 KB, which every browser loads on its first page. Inter is split:
Latin letters in a small file, Greek and others in Unfold's own file, which is loaded when a page has them. The icons
are those whose names stand in a template or module of Unfold or of the product.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import unfold
from django.conf import settings
from django.core.management.base import BaseCommand
from fontTools import subset
from fontTools.ttLib import TTFont

UNFOLD = Path(unfold.__file__).parent
GIVEN = UNFOLD / "static/unfold/fonts"
FONTS = settings.BASE_DIR / "config/static/unfold/fonts"
ICONS = "material-symbols/Material-Symbols-Outlined.woff2"
WEIGHTS = {400: "Regular", 500: "Medium", 600: "SemiBold", 700: "Bold"}
LATIN = "U+0020-017F, U+2000-206F, U+20AC, U+2122, U+2190-2193, U+2212, U+25B2-25C2, U+2713-2717"
FEATURES = ["calt", "ccmp", "kern", "liga", "locl", "mark", "tnum"]
_FACE = """@font-face {{
  font-family: "Inter";
  font-style: normal;
  font-weight: {weight};
  font-display: swap;
  src: url({file}) format("woff2");
  unicode-range: {range};
}}
"""
# Inter has Greek and Cyrillic, and no letters of Asia or Arabia.
OTHERS = (
    "U+0180-052F, U+1E00-1FFF, U+2070-20AB, U+20AD-2121, U+2123-218F, U+2194-2211, U+2213-22FF, U+25A0-25B1, "
    "U+25C3-25FF"
)


class Command(BaseCommand):
    help = "Write the admin's fonts from those of the installed Unfold."

    def handle(self, *args: object, **options: object) -> None:
        logging.getLogger("fontTools").setLevel(logging.WARNING)
        styles = ["/* Written by manage.py fonts. */\n"]
        for weight, name in WEIGHTS.items():
            file = f"inter/Inter-{name}.woff2"
            _write(file, f"inter/Inter-{name}-Latin.woff2", unicodes=_code_points(LATIN))
            styles += [
                _FACE.format(weight=weight, file=f"Inter-{name}-Latin.woff2", range=LATIN),
                _FACE.format(weight=weight, file=f"Inter-{name}.woff2", range=OTHERS),
            ]
        (FONTS / "inter/styles.css").write_text("\n".join(styles))
        glyphs = icons_of(TTFont(GIVEN / ICONS))
        used = words() & glyphs.keys()
        _write(ICONS, ICONS, glyphs=[glyphs[name] for name in used], unicodes=_code_points("U+0020-007A"))
        self.stdout.write(f"{len(used)} icons")


def words() -> set[str]:
    """Return every word of the templates and modules of Unfold and of the product, which may name an icon."""
    roots = [UNFOLD, *(path for path in settings.BASE_DIR.iterdir() if (path / "apps.py").exists())]
    files = [path for root in roots for path in root.rglob("*") if path.suffix in (".html", ".py")]
    files.append(settings.BASE_DIR / "config/unfold.py")
    return {word for file in files for word in re.findall(r"[a-z0-9_]{2,}", file.read_text())}


def icons_of(font: Any) -> dict[str, str]:
    """Return the glyph of each icon by its name, which is a ligature of the letters of the name."""
    letters: dict[str, str] = {}
    for code, glyph in font.getBestCmap().items():
        letters.setdefault(glyph, chr(code).lower())
    return {
        "".join(letters.get(part, "?") for part in (first, *ligature.Component)): ligature.LigGlyph
        for first, ligatures in _ligatures(font)
        for ligature in ligatures
    }


def _ligatures(font: Any) -> Iterator[tuple[str, Any]]:
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            yield from getattr(getattr(table, "ExtSubTable", table), "ligatures", {}).items()


def _code_points(text: str) -> list[int]:
    return list(subset.parse_unicodes(text.replace(", ", ",")))


def _write(source: str, file: str, **kept: Any) -> None:
    """Write the part of a font that has these `glyphs` and `unicodes`."""
    options = subset.Options()
    options.flavor, options.hinting = "woff2", False
    options.name_IDs = ["*"]  # copyright and license stay in the file
    options.layout_closure = "glyphs" not in kept  # every icon is made of letters that are kept
    options.layout_features = ["*"] if "glyphs" in kept else FEATURES
    options.drop_tables += ["FFTM"]
    font = subset.load_font(str(GIVEN / source), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(**kept)
    subsetter.subset(font)
    (FONTS / file).parent.mkdir(parents=True, exist_ok=True)
    subset.save_font(font, str(FONTS / file), options)
