"""Set a paper as PDF from a template and plain values, without a query, the clock or the network (docs/design, D72)."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from common.domain.types import Json

if TYPE_CHECKING:
    from typst import Fonts

# Templates import the parts that all papers share by a path from here, and read nothing outside of it.
ROOT = Path(__file__).resolve().parents[2]
# Control characters, marks that turn the direction of the text that follows, and halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
# A word that may be wider than its column. It can be broken between any of these letters, none of which is joined to
# the next or carries marks: Latin, Greek and Cyrillic.
_LONG_WORD = re.compile("[!-~\u00a1-\u024f\u0370-\u0482\u048a-\u052f]{25,}")
_BREAK = "\N{ZERO WIDTH SPACE}"
_IMAGE = Path(__file__).with_name("image.typ")


def render(
    template: Path, snapshot: Json, paper: Literal["letter", "a4"], *, logo: bytes | None = None
) -> bytes:
    """Return the PDF of a template (a `.typ` file) filled with `snapshot`. Equal values give equal bytes.

    The values are the template's data, and no text in them is read as markup. `logo` is an image for the letterhead.
    The fonts are those inside the package of the typesetter. The date in the file is the one that the template takes
    from the values, or none.
    """
    data = json.dumps(_printable(snapshot), ensure_ascii=False)
    return _compile(template, {"paper": data, "size": paper} | ({} if logo is None else _image_input(logo)))


def can_set_image(image: bytes) -> bool:
    """Return whether the typesetter reads these bytes as an image."""
    import typst  # inline, as in `_compile`

    try:
        _compile(_IMAGE, _image_input(image))
    except typst.TypstError:
        return False
    return True


def _compile(template: Path, inputs: dict[str, str]) -> bytes:
    import typst  # inline: 30 MB that a process loads when it sets its first paper

    pdf = typst.compile(
        template,
        root=ROOT,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs=inputs,
        timestamp=0,
    )
    assert isinstance(pdf, bytes)
    return pdf


def _image_input(image: bytes) -> dict[str, str]:
    # Inputs are texts, and the typesetter decodes no Base64.
    return {"logo": json.dumps(list(image))}


@cache
def _fonts() -> Fonts:
    from typst import Fonts  # inline, as in `render`

    return Fonts(include_system_fonts=False)


def _printable(value: object) -> object:
    """Return the value with each text in it without unprintable characters, and its long words breakable."""
    if isinstance(value, str):
        text = _UNPRINTABLE.sub("", value.replace("\r\n", "\n").replace("\t", " "))
        return _LONG_WORD.sub(lambda word: _BREAK.join(word[0]), text)
    if isinstance(value, dict):
        return {name: _printable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(item) for item in value]
    return value
