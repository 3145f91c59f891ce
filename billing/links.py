"""The links by which a customer opens an invoice or a statement without signing in (docs/design, D93)."""

from __future__ import annotations

from accounts.links import Links
from billing.models import Invoice, Statement

INVOICES = Links(route="invoice-link", salt="billing.invoice-link")
STATEMENTS = Links(route="statement-link", salt="billing.statement-link")


def invoice_url(invoice: Invoice) -> str:
    """Return the absolute URL of an invoice's link."""
    return INVOICES.url_of(invoice.uuid, invoice.token_hash)


def statement_url(statement: Statement) -> str:
    """Return the absolute URL of a statement's link."""
    return STATEMENTS.url_of(statement.uuid, statement.token_hash)
