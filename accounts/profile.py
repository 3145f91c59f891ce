"""A person's own data: names, email, phone. They stand on the user alone, whatever contract changes them."""

from __future__ import annotations

from typing import Any

from accounts.models import User, normal_email
from accounts.registration import email_free
from common.domain.database import change


def change_person(*, user: User, **person: Any) -> None:
    """Change some of first_name, last_name, email, phone; the email is stored in small letters.

    Sessions go on: a token shows the change when it is refreshed. Raises EmailTaken.
    """
    if person.get("email"):
        person["email"] = normal_email(person["email"])
    with email_free(person.get("email"), but=user):
        change(user, **person)
