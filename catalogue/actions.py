"""Add, change and remove parts and services of the catalogue."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from catalogue.models import Part, Service
from common.domain.database import change, violates
from common.domain.errors import DomainError, Invalid


class PartNumberTaken(Invalid):
    code = "part_number_taken"
    message = "A part with this part number already exists."


class ArticleWasSold(DomainError):
    code = "article_was_sold"
    title = "Article was sold"
    message = "This article is on an order and cannot be removed from the catalogue."


def save_article(article: Part | Service, **fields: object) -> Part | Service:
    """Create a part or service, or change fields of a stored one. Raises PartNumberTaken."""
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
    """Remove a part or service. Raises ArticleWasSold if a line of an order refers to it."""
    try:
        with transaction.atomic():
            article.delete()
    except ProtectedError as error:
        raise ArticleWasSold from error
