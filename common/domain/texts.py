"""One form for texts that look alike (docs/design, D55).

A text is stored in Unicode's composed form (NFC) and without characters that cannot be seen. A line has no control
characters. What identifies a thing (an email, a VIN, a license plate) is folded further, by its own function.
"""

from __future__ import annotations

import re
import unicodedata

from django.core.exceptions import ValidationError

# An API field that takes more characters than this takes several lines.
LONGEST_LINE = 1_000
CONTROL_CHARACTERS = "Control characters such as line breaks and tabs are not allowed here."

# Zero-width characters, direction marks and the soft hyphen. The joiners U+200C and U+200D are handled apart.
_INVISIBLE = "\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
_REMOVED = re.compile(f"[{_INVISIBLE}]")
_JOINERS = re.compile("[\u200c\u200d]+")
# Line and paragraph separators break a line as a control character does.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_VIRAMA = 9  # the combining class of the sign after which a joiner chooses the shape of an Indic letter
_SHARP_S = str.maketrans({"\u1e9e": "\u00df"})


def tidy(text: str) -> str:
    """Return the text in composed form, without characters that cannot be seen.

    A joiner stays where it changes the picture: within an emoji, between Arabic letters and after a virama.
    """
    if text.isascii():
        return text
    text = _REMOVED.sub("", text)
    return unicodedata.normalize("NFC", _JOINERS.sub(_joiner, text))


def _joiner(found: re.Match[str]) -> str:
    before, after = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    if not before:
        return ""
    is_shaping = after and {unicodedata.bidirectional(before), unicodedata.bidirectional(after)} == {"AL"}
    if is_shaping or unicodedata.combining(before) == _VIRAMA or (_is_picture(before) and _is_picture(after)):
        return found[0][0]
    return ""


def _is_picture(character: str) -> bool:
    # Symbols, the skin tones, and the selector of a coloured picture.
    return bool(character) and (unicodedata.category(character) in {"So", "Sk"} or character == "\ufe0f")


def tidy_code(text: str) -> str:
    """Return a text that identifies a thing, with one form for each letter and digit (NFKC): `Ａ１` is `A1`."""
    return tidy(unicodedata.normalize("NFKC", tidy(text))).strip()


def tidy_capitals(text: str) -> str:
    """Return a code in capitals."""
    return upper(tidy_code(text))


def tidy_email(text: str) -> str:
    """Return the form in which an email is stored, searched and counted.

    Case is folded. ß stays, because `straße.example` and `strasse.example` are two domains.
    """
    parts = tidy_code(text).translate(_SHARP_S).split("\u00df")
    # Some scripts fold to capitals. A second step makes the result lower case in every script.
    return "\u00df".join(part.casefold().lower() for part in parts)


def upper(text: str) -> str:
    """Return the text in capitals, letter by letter as PostgreSQL does: ß, which has no single capital, stays."""
    return text.upper() if text.isascii() else "".join([_single(c.upper(), c) for c in text])


def lower(text: str) -> str:
    """Return the text in small letters, letter by letter as PostgreSQL does."""
    return text.lower() if text.isascii() else "".join([_single(c.lower(), c) for c in text])


def _single(folded: str, character: str) -> str:
    return folded if len(folded) == 1 else character


def has_control_characters(text: str) -> bool:
    return _CONTROL.search(text) is not None


def validate_line(text: str) -> None:
    """Raise ValidationError if the text is not one line. Another validator refuses the null character."""
    if has_control_characters(text.replace("\0", "")):
        raise ValidationError(CONTROL_CHARACTERS, code="control_characters")


def without_control_characters(text: str) -> str:
    """Return a stored text as one line, with a space for each run of control characters."""
    return re.sub(f"{_CONTROL.pattern}+", " ", text).strip()
