"""Searches: words in any order, in any case, with or without accents and separators (docs/design, D56).

A model declares in `SEARCHED` which of its columns are searched, and indexes the same expression with `Trigrams`.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, Func, Lookup, Q, Value
from django.db.models.sql.compiler import SQLCompiler

from common.domain import texts

MOST_WORDS = 6  # the words after these are found in the given order
# Not compared: ASCII punctuation, dashes, quotes and dots, and the accents of Latin and Greek letters as combining
# characters. These texts are constants of an index. A change of them needs a migration that builds the indexes anew, as
# `common/migrations/0002_searches_without_accents.py` does.
SEPARATORS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~‐‑‒–—―−·•‘’“”„«»…"
ACCENTS = (
    "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u0309\u030a\u030b\u030c"
    "\u0313\u0314\u031b\u0323\u0324\u0325\u0326\u0327\u0328\u0331\u0342\u0345"
)
_STROKED, _PLAIN = "\u00d8\u0141\u0110", "OLD"  # capital letters that do not decompose
_DROP = str.maketrans(_STROKED, _PLAIN, ACCENTS + SEPARATORS)
_LITERAL = (_STROKED + ACCENTS + SEPARATORS).replace("'", "''").replace("%", "%%")
_NOTHING = "-"  # is in no searched text, because it is a separator


def squeeze(text: str) -> str:
    """Return the text as it is searched: in capitals, without accents and separators."""
    if not text.isascii():
        text = unicodedata.normalize("NFD", text)
    return texts.upper(text).translate(_DROP)


def words_of(text: str) -> list[str]:
    return squeeze(texts.tidy(text)).split()


class Searched(Func):
    """The text of a row that is searched: its columns, squeezed. Of `codes`, such as a phone, spaces are dropped too.

    Everything but the columns is part of the SQL. A parameter could not be matched with the expression of an index.
    """

    output_field = models.TextField()

    def __init__(self, *columns: str, codes: tuple[str, ...] = ()) -> None:
        self.number_of_plain = len(columns)
        super().__init__(*columns, *codes)

    def _joined(self, columns: list[str]) -> str:
        plain, codes = columns[: self.number_of_plain], columns[self.number_of_plain :]
        parts = [f"coalesce({sql}, '')" for sql in plain]
        parts += [f"replace(coalesce({sql}, ''), ' ', '')" for sql in codes]
        return " || ' ' || ".join(parts)

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, list[str | int]]:
        compiled = [compiler.compile(expression) for expression in self.get_source_expressions()]
        joined = self._joined([sql for sql, _ in compiled])
        params = [param for _, found in compiled for param in found]
        if connection.vendor == "sqlite":
            return f"squeeze({joined})", params
        return f"translate(UPPER(normalize({joined}, NFD)), '{_LITERAL}', '{_PLAIN}')", params


class Pattern(models.TextField[str, str]):
    """Bind a search as the LIKE pattern of one of its words: the first is 0. A pattern without a word fits all."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def get_db_prep_value(self, value: str, connection: BaseDatabaseWrapper, prepared: bool = False) -> str:
        words = words_of(value)
        if not words:
            return _NOTHING
        if len(words) > MOST_WORDS:
            words[MOST_WORDS - 1 :] = ["%".join(words[MOST_WORDS - 1 :])]
        return f"%{words[self.number]}%" if self.number < len(words) else "%"


class _Fits(Lookup[str]):
    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[str | int, ...]]:
        (left, left_params), (right, right_params) = (
            self.process_lhs(compiler, connection),
            self.process_rhs(compiler, connection),
        )
        return f"{left} LIKE UPPER({right})", (*left_params, *right_params)


def fits(searched: Expression, patterns: list[Expression]) -> Q:
    """Return the condition that a searched text has every word."""
    return Q(*(_Fits(searched, pattern) for pattern in patterns))


def patterns_of(text: str) -> list[Expression]:
    """Return the patterns of a search that is known now."""
    return [Value(text, Pattern(number)) for number in range(max(1, min(MOST_WORDS, len(words_of(text)))))]


@models.CharField.register_lookup
@models.TextField.register_lookup
class HasText(Lookup[str]):
    """`field__has_text`: one column has the text, whatever its case, separators and spaces. For the admin."""

    lookup_name = "has_text"
    prepare_rhs = False

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[str | int, ...]]:
        sql, params = Searched(codes=(self.lhs,)).as_sql(compiler, connection)
        word = "".join(words_of(str(self.rhs)))
        return f"{sql} LIKE UPPER(%s)", (*params, f"%{word}%" if word else _NOTHING)
