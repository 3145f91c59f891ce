"""The staff API: everything that is due for customers, and the reminders that they got."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.errors import RoleMayNot
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import ChoiceList, Id, Instant, Money
from common.http.filters import ChoiceListFilter, IdFilter, apply, order, query_of
from common.http.lists import DEFAULT_PAGE_SIZE, Page
from common.http.permissions import role_permissions
from common.http.query import ListQuery
from common.http.views import serialize
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer
from customers.api.shop import name_of
from customers.models import Customer
from reminders.due import SOURCES, STATES, Due, DueFilters, Source, page_of_due, sources_of
from reminders.models import Reminder, ReminderKind
from vehicles.models import Vehicle
from vehicles.schedules.models import ServiceSchedule

KINDS = [source.kind for source in SOURCES if source.permission]
ORDERING = {"id": ()}


class StaffDueSerializer(Serializer):
    kind = serializers.ChoiceField(choices=KINDS)
    state = serializers.ChoiceField(choices=list(STATES))
    text = serializers.CharField()
    id = serializers.IntegerField(help_text="Of what is due.")
    customer_id = serializers.IntegerField(allow_null=True)
    customer_name = serializers.CharField(allow_null=True)
    phone = serializers.CharField(allow_null=True)
    vehicle_id = serializers.IntegerField(allow_null=True)
    vehicle = serializers.CharField(
        allow_null=True, help_text="Year, make and model of the vehicle. Null without one."
    )
    due_on = serializers.DateField(allow_null=True)
    due_at = Instant(
        allow_null=True, help_text="When it begins. Null for what is due on a day or at a distance."
    )
    due_miles = serializers.DecimalField(
        max_digits=10,
        decimal_places=2,
        allow_null=True,
        help_text="Odometer reading at which it is due, in miles. Null without one.",
    )
    amount = Money(allow_null=True)


class DuePageSerializer(Serializer):
    results = StaffDueSerializer(many=True)
    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class DueQuery(ListQuery):
    kind = ChoiceList(KINDS, help_text="Comma-separated. Without it all kinds that the role may see.")
    customer_id = Id(source="customer", required=False)
    vehicle_id = Id(source="vehicle", required=False)


class StaffDue(StaffViewSet):
    """Everything that is due."""

    resource = "due"
    model = ServiceSchedule
    serializer_class = StaffDueSerializer
    lists = ()
    permissions = {"due": "vehicles.view_serviceschedule"}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address("", get="due")]

    @extend_schema(responses=DuePageSerializer, parameters=[DueQuery])
    def due(self, request: Request) -> JSONResponse:
        """List everything that is due.

        The kinds come one after the other, each with what is due first. Parking is its user's alone.
        """
        query = DueQuery.read(request.query_params)
        filters: DueFilters = {}
        for name, model in (("customer", Customer), ("vehicle", Vehicle)):
            if name in query:
                filters[name] = self.one_of(model, query[name], field=f"{name}_id").pk  # type: ignore[literal-required]
        number, size = query.get("page", 1), query.get("page_size", DEFAULT_PAGE_SIZE)
        bounds = slice((number - 1) * size, number * size)
        found, total = page_of_due(
            self.caller, self._sources(query.get("kind")), filters, bounds=bounds, now=timezone.now()
        )
        page = Page(number, size, total, request.build_absolute_uri())
        if number > page.last:
            raise serializers.ValidationError({"page": [f"The last page is {page.last}."]})
        body, _ = self.envelope([_body_of(due) for due in found], page)
        return JSONResponse(body)

    def _sources(self, kinds: list[str] | None) -> list[Source]:
        """Return the sources that the role may see. Raises RoleMayNot if a kind that was named is not among them."""
        permitted = role_permissions()[self.caller.role]
        sources = [source for source in sources_of(kinds) if source.permission in permitted]
        if kinds is not None and len(sources) < len(kinds):
            raise RoleMayNot
        return sources


def _body_of(due: Due) -> Json:
    contact = due.customer and due.customer.contact
    values = {
        "kind": due.kind,
        "state": due.state,
        "text": due.text,
        "id": due.row.pk,
        "customer_id": due.customer and due.customer.pk,
        "customer_name": due.customer and due.customer.name,
        "phone": contact.phone if contact else None,
        "vehicle_id": due.vehicle and due.vehicle.pk,
        "vehicle": due.vehicle and str(due.vehicle),
        "due_on": due.on,
        "due_at": due.at,
        "due_miles": due.miles,
        "amount": due.amount,
    }
    return serialize(StaffDueSerializer, values)


# Where a person parks concerns no one else.
REMINDED = [(kind.value, kind.value) for kind in ReminderKind if kind != ReminderKind.PARKING]


class ReminderSerializer(Serializer):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=REMINDED)
    text = serializers.CharField()
    customer_id = serializers.IntegerField(source="mail.customer_id")
    customer_name = name_of("mail.customer.")
    mail_id = serializers.IntegerField(help_text="Reminders with the same id went in one mail.")
    created_at = Instant(source="mail.created_at")
    sent_at = Instant(source="mail.sent_at", allow_null=True, help_text="Null while the mail waits.")


class ReminderFilter(django_filters.FilterSet):
    customer_id = IdFilter(Customer, "mail__customer_id")
    kind = ChoiceListFilter(choices=REMINDED, lookup_expr="in", help_text="Comma-separated.")

    class Meta:
        model = Reminder
        fields: list[str] = []


class StaffReminders(StaffViewSet):
    """List the reminders that customers got by mail, or will get.

    The newest come first. Those of parking are left out.
    """

    resource = "reminders"
    model = Reminder
    serializer_class = ReminderSerializer
    query = query_of(ReminderFilter, ORDERING)

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [cls.address("", get="list")]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Reminder]:
        rows = apply(Reminder.objects.visible_to(caller), ReminderFilter, filters)
        return order(rows, ORDERING, filters, "-id")


urlpatterns = [*StaffDue.routes(), *StaffReminders.routes()]
