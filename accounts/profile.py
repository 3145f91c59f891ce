"""A person's own data: names, email, phone. They stand on the user alone, whatever contract changes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User, normal_email
from common.database import change
from common.errors import Invalid


class EmailTaken(Invalid):
    code = "email_taken"
    title = "Email is taken"
    message = "There is an account with this email already."


def change_person(*, user: User, **person: Any) -> None:
    """Change some of first_name, last_name, email, phone; the email is stored in small letters.

    Sessions go on: a token shows the change when it is refreshed. Raises EmailTaken.
    """
    if person.get("email"):
        person["email"] = normal_email(person["email"])
    with email_free(person.get("email"), but=user):
        change(user, **person)


@contextmanager
def email_free(email: str | None, but: User | None = None) -> Iterator[None]:
    """The unique index decides, also between two at once; EmailTaken is its refusal's name."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        others = User.objects.exclude(pk=but.pk if but else 0)
        if email and others.filter(email=normal_email(email)).exists():
            raise EmailTaken(field="email") from error
        raise
