"""Invoices, payments, credit notes, statements, closed days and reports."""
