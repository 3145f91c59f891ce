"""QuerySets of revisions."""

from __future__ import annotations

from typing import Self, TypeVar

from django.db import models
from django.db.models import Exists, F, Min, OuterRef
from django.db.models.expressions import Combinable

from accounts.models import User
from common.domain.caller import Caller

Row = TypeVar("Row", bound=models.Model, covariant=True)


class EstimateQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return every revision for staff, and those of the customer's own orders for a customer."""
        return self if caller.is_staff else self.filter(repair_order__customer_id=caller.account)

    def with_mail(self) -> Self:
        """Add `mailed_at`, the time at which the mail server took the revision's mail first, or None."""
        annotated: Self = self.annotate(mailed_at=Min("mails__at"))
        return annotated

    def with_facts(self, caller: Caller, now: Combinable) -> Self:
        """Add the facts that the state of a revision follows from: `answer_id`, `is_superseded` and `now`.

        `has_link` is whether the revision was mailed to the caller's own address.
        """
        later = self.model._default_manager.filter(
            repair_order=OuterRef("repair_order"), revision__gt=OuterRef("revision")
        )
        own = User.objects.filter(pk=caller.user_id, email=OuterRef("sent_to"))
        annotated: Self = self.annotate(
            answer_id=F("authorisation__id"), is_superseded=Exists(later), now=now, has_link=Exists(own)
        )
        return annotated
