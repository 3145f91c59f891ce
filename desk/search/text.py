"""The words of a search at the desk, and the pieces of a text that they match."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from accounts.phones import significant_digits
from common.domain.search import MOST_WORDS, squeeze, words_of
from common.domain.texts import without_control_characters

LONGEST = 200  # characters of a search that are read
_PHONE = re.compile(r"[0-9+()\-./\s]*")
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Sought:
    """A search: up to six words, squeezed as searched columns are."""

    text: str

    @classmethod
    def of(cls, text: str) -> Sought:
        return cls(without_control_characters(text[:LONGEST]))

    @cached_property
    def words(self) -> list[str]:
        return words_of(self.text)[:MOST_WORDS]

    @cached_property
    def whole(self) -> str:
        """The search without spaces, as codes are compared: a plate, a VIN, a number."""
        return "".join(self.words)

    @cached_property
    def digits(self) -> str:
        """The last ten digits of a search that is a phone number in any format, else "" (`significant_digits`)."""
        return significant_digits(self.text) if _PHONE.fullmatch(self.text) else ""

    def number(self, *prefixes: str) -> int | None:
        """Return the number that the search is, perhaps after one of these words in capitals: `RO 1042`, `#1042`."""
        digits = self.whole
        for prefix in prefixes:
            if digits.startswith(prefix):
                digits = digits[len(prefix) :]
                break
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
            return None
        number = int(digits)
        return number if 0 < number <= _LARGEST_ID else None

    def mark(self, text: str) -> list[tuple[str, bool]]:
        """Return the pieces of a text, each with whether it is what the search matches.

        The piece is marked in the text's own spelling: `5550123` marks `555-0123`, and `muller` marks `Müller`.
        """
        return list(_pieces(text, self._spans(text)))

    def _spans(self, text: str) -> list[bool]:
        """Return for each character of the text whether it is matched."""
        letters, places = [], []
        for place, character in enumerate(text):
            for letter in squeeze(character):
                letters.append(letter)
                places.append(place)
        marked = [False] * len(text)
        spaced = "".join(letters)
        close = [
            (letter, place) for letter, place in zip(letters, places, strict=True) if not letter.isspace()
        ]
        closed, close_places = "".join(letter for letter, _ in close), [place for _, place in close]
        for word in self.words:
            _mark(marked, spaced, places, word)
        for code in {self.whole, self.digits} - {""}:
            if len(code) > 2:  # a code may be written with spaces, and `12` is no `1 2`
                _mark(marked, closed, close_places, code)
        return marked


def _mark(marked: list[bool], text: str, places: list[int], word: str) -> None:
    start = text.find(word)
    while word and start >= 0:
        first, last = places[start], places[start + len(word) - 1]
        marked[first : last + 1] = [True] * (last + 1 - first)
        start = text.find(word, start + len(word))


def _pieces(text: str, marked: list[bool]) -> Iterator[tuple[str, bool]]:
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or marked[place] is not marked[start]:
            yield text[start:place], marked[start]
            start = place
