"""Who is meant, and which accounts are his alone."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db.models import Q

from accounts.models import User, normal_email
from customers.models import Customer
from privacy.holdings import Person


def user_called(name: str) -> User | None:
    """The user with this email or uuid."""
    found = User.objects.filter(email=normal_email(name)).first()
    if found is None:
        try:
            found = User.objects.filter(uuid=name).first()
        except ValidationError:  # no uuid either
            return None
    return found


def person_of(user: User) -> Person:
    """The user with the accounts that he acts for or is the contact of, and nobody else."""
    his = Customer.objects.filter(Q(logins__user=user) | Q(contact=user))
    of_others = Customer.objects.filter(
        Q(logins__user__isnull=False) & ~Q(logins__user=user) | Q(contact__isnull=False) & ~Q(contact=user)
    )
    alone = his.exclude(pk__in=of_others.values("pk"))
    return Person(user, frozenset(alone.values_list("pk", flat=True)))
