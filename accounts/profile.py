"""Change a person's names, email and phone, which every contract stores on the user."""

from __future__ import annotations

from django.db import transaction

from accounts.emails import Origin, count_try, record_change
from accounts.models import User, normalize_email
from accounts.registration import unique_email
from common.domain.changes import change
from common.domain.types import Json


def change_person(*, user: User, origin: Origin | None = None, **person: str | None) -> None:
    """Change any of first_name, last_name, email and phone. The email is stored in lower case.

    A change of email needs its `origin` (`accounts.emails`). Sessions stay open. A token's claims show the change after
    the next refresh. Raises EmailTaken, TooManyEmailChanges, TokenRefused.
    """
    values: Json = dict(person)
    email = normalize_email(values.pop("email") or "") or None if "email" in values else user.email
    if email == user.email:
        change(user, **values)
        return
    assert origin is not None
    count_try(origin)
    with transaction.atomic(), unique_email(email, but=user):
        values |= record_change(user=user, email=email, at=origin.at, session=origin.session)
        change(user, **values)
