"""Find the user of a request for data, and the customer accounts that are theirs alone."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db.models import Q

from accounts.models import User, normalize_email
from customers.models import Customer
from privacy.holdings import Person


def find_user(name: str) -> User | None:
    """Return the user with this email or uuid, or None."""
    found = User.objects.filter(email=normalize_email(name)).first()
    if found is None:
        try:
            found = User.objects.filter(uuid=name).first()
        except ValidationError:  # not a uuid either
            return None
    return found


def get_person(user: User) -> Person:
    """Return the user with the accounts that only they act for or are the contact of, and those merged into them."""
    own = Customer.objects.filter(Q(logins__user=user) | Q(contact=user))
    of_others = Customer.objects.filter(
        Q(logins__user__isnull=False) & ~Q(logins__user=user) | Q(contact__isnull=False) & ~Q(contact=user)
    )
    alone = own.exclude(pk__in=of_others.values("pk"))
    with_merged = Customer.objects.filter(
        Q(pk__in=alone.values("pk")) | Q(merged_into__in=alone.values("pk"))
    )
    return Person(user, frozenset(with_merged.values_list("pk", flat=True)))
