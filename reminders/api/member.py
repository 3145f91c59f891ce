"""Contract 003, everything that is due for the caller and their vehicles."""

from __future__ import annotations

from typing import cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberView
from common.http.fields import ChoiceList, Instant, Money, PublicId
from common.http.lists import DEFAULT_PAGE_SIZE, Page
from common.http.permissions import CustomerRole
from common.http.query import ListQuery
from common.http.routing import route
from common.http.schema import HEADERS_OF_ARRAYS, declare_headers
from common.http.views import serialize
from common.reads.serializers import Serializer
from reminders.due import KINDS, STATES, Due, DueFilters, list_due
from vehicles.queries import get_own_vehicle

ACTIONS = ["book", "move", "renewal", "come", "answer", "pay"]


class DueSerializer(Serializer):
    kind = serializers.ChoiceField(choices=KINDS)
    state = serializers.ChoiceField(choices=list(STATES))
    text = serializers.CharField()
    id = serializers.UUIDField(
        allow_null=True, help_text="Of what is due. Null for a recommendation, which has none."
    )
    vehicleId = serializers.UUIDField(allow_null=True)
    vehicle = serializers.CharField(
        allow_null=True, help_text="Year, make and model of the vehicle. Null without one."
    )
    dueDate = serializers.DateField(allow_null=True)
    dueAt = Instant(
        allow_null=True, help_text="When it begins. Null for what is due on a day or at a distance."
    )
    dueMileage = serializers.FloatField(allow_null=True, help_text="Miles.")
    amount = Money(as_number=True, allow_null=True, help_text="Dollars.")
    action = serializers.ChoiceField(choices=ACTIONS, help_text="What to do about it.")


class DueQuery(ListQuery):
    kind = ChoiceList(KINDS, help_text="Comma-separated.")
    vehicleId = PublicId(source="vehicle", required=False)


def body_of(due: Due) -> Json:
    """Return the body of something that is due."""
    values = {
        "kind": due.kind,
        "state": due.state,
        "text": due.text,
        "id": getattr(due.row, "uuid", None),
        "vehicleId": due.vehicle and due.vehicle.uuid,
        "vehicle": due.vehicle and str(due.vehicle),
        "dueDate": due.on,
        "dueAt": due.at,
        "dueMileage": due.miles,
        "amount": due.amount,
        "action": due.action,
    }
    return serialize(DueSerializer, values)


class DueList(MemberView):
    """List everything that is due for the caller."""

    permission_classes = [CustomerRole]

    @extend_schema(
        parameters=[DueQuery, *declare_headers(HEADERS_OF_ARRAYS)], responses=DueSerializer(many=True)
    )
    def get(self, request: Request) -> JSONResponse:
        """List everything that is due for the caller.

        What is overdue comes first, then what is due the soonest.
        """
        query = DueQuery.read(request.query_params)
        number, size = query.pop("page", None), query.pop("page_size", None)
        if "vehicle" in query:
            get_own_vehicle(self.caller, query["vehicle"])
        found = list_due(self.caller, cast("DueFilters", query), now=timezone.now())
        if not (number or size):
            return JSONResponse([body_of(due) for due in found])
        page = Page(number or 1, size or DEFAULT_PAGE_SIZE, len(found), request.build_absolute_uri())
        if page.number > page.last:
            raise serializers.ValidationError({"page": [f"The last page is {page.last}."]})
        return JSONResponse([body_of(due) for due in found[page.bounds]], headers=page.headers)


urlpatterns = [route("due/", DueList.as_view())]
