"""The staff's API: merge two customers."""

from __future__ import annotations

from typing import ClassVar

from django.urls import URLPattern
from django.utils import timezone
from rest_framework.request import Request

from common.http.bodies import JSONResponse
from common.http.fields import Id
from common.reads.serializers import Serializer
from customers.api.shop_staff import StaffCustomers
from customers.models import Customer
from privacy.merge import PERMISSIONS, merge_customers


class MergeInput(Serializer):
    into_id = Id(source="into", help_text="The customer to keep.")


class StaffMerges(StaffCustomers):
    """The merge of a customer, which the room `customers` cannot offer, because it does not know the others."""

    inputs: ClassVar[dict[str, type[Serializer]]] = {"merge": MergeInput}
    permissions = PERMISSIONS

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address("<id:id>/merge/", post="merge")]

    def merge(self, request: Request, id: int) -> JSONResponse:
        """Merge a customer into another.

        Everything of the customer moves to `into_id`, which is the answer. The merged id answers with it from now on.
        """
        into = self.one_of(Customer, self.read_body()["into"], field="into")
        merge_customers(customer=self.row(id), into=into, by=self.caller.user_id, now=timezone.now())
        return self.show(into.pk)


urlpatterns = StaffMerges.routes()
