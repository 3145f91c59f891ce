"""Find users by name and phone, as files without emails name them."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet
from django.db.models.functions import Upper

from accounts.models import User
from accounts.phones import significant_digits
from accounts.querysets import FullName, SignificantDigits
from common.domain.texts import upper


def users_like(persons: Collection[User]) -> QuerySet[User]:
    """Return the users with the name of one of these persons and the phone of one of them, compared by its digits."""
    digits = {significant_digits(person.phone) for person in persons} - {""}
    # A name without a first or a last part has a space in its place.
    names = {
        upper(name)
        for person in persons
        for name in (f"{person.full_name} ", f" {person.full_name}", person.full_name)
    }
    if not digits:
        return User.objects.none()
    users = User.objects.alias(named=Upper(FullName()), digits=SignificantDigits())
    return users.filter(digits__in=digits, named__in=names)
