"""Add, change and remove parts and services of the catalogue."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from catalogue.models import Part, Reservation, Service, StockMove
from catalogue.pricing.models import CannedLine
from common.domain import events
from common.domain.changes import change
from common.domain.database import violates
from common.domain.errors import DomainError, Invalid


class PartNumberTaken(Invalid):
    code = "part_number_taken"
    message = "A part with this part number already exists."


class ArticleWasSold(DomainError):
    code = "article_was_sold"
    title = "Article was sold"
    message = "This article is on an order and cannot be removed from the catalogue."


class ArticleInCannedJob(DomainError):
    code = "article_in_canned_job"
    title = "Article is in a canned job"
    message = "This article is in a canned job. Take it out of the job first."


class PartHasMoves(DomainError):
    """The moves of a part are the shop's record. The part can be taken off the list instead."""

    code = "part_has_moves"
    title = "Part has moves"
    message = "This part has moves of the shelf and cannot be removed. Take it off the list instead."


def save_article(article: Part | Service, **fields: object) -> Part | Service:
    """Create a part or service, or change fields of a stored one. Raises PartNumberTaken."""
    try:
        with transaction.atomic():
            if article._state.adding:
                article = type(article)._default_manager.create(**fields)
                events.record_new(article)
                return article
            change(article, **fields)
    except IntegrityError as error:
        if isinstance(article, Part) and violates(error, Part, "part_number_once"):
            raise PartNumberTaken(field="part_number") from error
        raise
    return article


def remove_article(article: Part | Service) -> None:
    """Remove a part or service.

    Raises ArticleWasSold if a line of an order refers to it, else ArticleInCannedJob or PartHasMoves.
    """
    try:
        with transaction.atomic():
            events.record_removal(article)
            article.delete()
    except ProtectedError as error:
        held_by = [type(row) for row in error.protected_objects]
        if all(issubclass(table, (StockMove, Reservation)) for table in held_by):
            raise PartHasMoves from error
        if all(issubclass(table, (CannedLine, StockMove, Reservation)) for table in held_by):
            raise ArticleInCannedJob from error
        raise ArticleWasSold from error
