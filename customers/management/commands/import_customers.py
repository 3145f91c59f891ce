"""`manage.py import_customers FILE`: import customers from another system."""

from __future__ import annotations

from argparse import RawDescriptionHelpFormatter
from collections import Counter
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from common.domain.sheets import Unreadable, open_sheet
from customers.imports import BATCH, COLUMNS, Outcome, Verdict, check_columns, import_customers

_HELP = """\
Import customers from a file: CSV with commas, semicolons or tabs in UTF-8, UTF-16 or Windows-1252, or the first sheet
of an Excel workbook (.xlsx). Titles above the heading and empty rows and columns are skipped.

columns, in any order and any case, with - or space or _:
  name                      or first_name and last_name (optional with company_name)
  email, phone              optional
  address                   "123 Main St, Portland, OR, 97201, USA", or
  street_address, city, state, postal_code, and optionally country (USA)
  company_name, business_type, tax_id, terms_days    optional
docs/imports.md lists the other headings that are known, such as E-mail, Surname and Zip. An unknown column is an
error, unless --ignore-unknown is given.

A row is identified by its email, else by name, company and phone, and without a phone by name, company and whole
address. Stored customers are never changed: a second import changes nothing, and a row that differs is reported as a
conflict. The result of each row is printed. With -v 0 only the rows that were not imported are.

exit status: 0 if every row is stored, 1 if some rows are not (the others are), 2 if the file cannot be read.
"""
_EVERY = 10 * BATCH


class Command(BaseCommand):
    help = _HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: object) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--dry-run", action="store_true", help="Report the same outcomes without storing anything."
        )
        parser.add_argument(
            "--ignore-unknown", action="store_true", help="Ignore columns with an unknown heading."
        )

    def handle(
        self,
        *args: object,
        file: Path,
        dry_run: bool,
        ignore_unknown: bool,
        verbosity: int,
        **options: object,
    ) -> None:
        self._reports_all = verbosity > 0
        try:
            counts = self._import(file, dry_run, ignore_unknown)
        except Unreadable as error:
            raise CommandError(str(error), returncode=2) from error
        stored = "would be created (dry run: nothing was stored)" if dry_run else "created"
        self.stdout.write(
            f"{counts.total():,} rows: {counts[Verdict.CREATED]:,} {stored}, "
            f"{counts[Verdict.UNCHANGED]:,} unchanged, {counts[Verdict.CONFLICT]:,} in conflict, "
            f"{counts[Verdict.REFUSED]:,} refused."
        )
        if bad := counts[Verdict.CONFLICT] + counts[Verdict.REFUSED]:
            raise CommandError(f"{bad:,} rows were not imported.", returncode=1)

    def _import(self, file: Path, dry_run: bool, ignore_unknown: bool) -> Counter[Verdict]:
        counts: Counter[Verdict] = Counter()
        with open_sheet(file, COLUMNS, ignore_unknown=ignore_unknown) as sheet:
            for note in sheet.notes:
                self.stderr.write(note)
            check_columns(sheet.columns)
            outcomes = import_customers(
                sheet.rows, columns=sheet.columns, now=timezone.now(), dry_run=dry_run
            )
            for outcome in outcomes:
                counts[outcome.verdict] += 1
                self._report(outcome)
                self._progress(counts.total())
        if self.stderr.isatty() and counts:
            self.stderr.write("")
        return counts

    def _report(self, outcome: Outcome) -> None:
        if self._reports_all or outcome.reason:
            reason = f": {outcome.reason}" if outcome.reason else ""
            self.stdout.write(f"line {outcome.line}: {outcome.verdict}{reason}")

    def _progress(self, rows: int) -> None:
        if self.stderr.isatty() and rows % BATCH == 0:
            self.stderr.write(f"\r{rows:,} rows", style_func=str, ending="")
            self.stderr.flush()
        elif not self.stderr.isatty() and rows % _EVERY == 0:
            self.stderr.write(f"{rows:,} rows", style_func=str)
