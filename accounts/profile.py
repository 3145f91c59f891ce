"""Change a person's names, email and phone, which every contract stores on the user."""

from __future__ import annotations

from accounts.models import User, normalize_email
from accounts.registration import unique_email
from common.domain.database import change


def change_person(*, user: User, **person: str) -> None:
    """Change any of first_name, last_name, email and phone. The email is stored in lower case.

    Sessions stay open. A token's claims show the change after the next refresh. Raises EmailTaken.
    """
    if person.get("email"):
        person["email"] = normalize_email(person["email"])
    with unique_email(person.get("email"), but=user):
        change(user, **person)
