"""Change the catalogue."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from catalogue.models import Part, Service
from common.domain.database import change, violates
from common.domain.errors import DomainError, Invalid


class PartNumberTaken(Invalid):
    code = "part_number_taken"
    message = "There is a part with this number already."


class ArticleWasSold(DomainError):
    code = "article_was_sold"
    title = "Article was sold"
    message = "This article is on an order and stays in the catalogue."


def save_article(article: Part | Service, **fields: Any) -> Part | Service:
    """Write a new part or service of the catalogue, or some fields of one. Raises PartNumberTaken."""
    try:
        with transaction.atomic():
            if article._state.adding:
                return type(article)._default_manager.create(**fields)
            change(article, **fields)
    except IntegrityError as error:
        if isinstance(article, Part) and violates(error, Part, "part_number_once"):
            raise PartNumberTaken(field="part_number") from error
        raise
    return article


def remove_article(article: Part | Service) -> None:
    """Take an article out of the catalogue. Raises ArticleWasSold: a line of an order keeps it."""
    try:
        with transaction.atomic():
            article.delete()
    except ProtectedError as error:
        raise ArticleWasSold from error
