"""The staff API for repair orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.urls import URLPattern
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import User
from appointments.models import Appointment, Location
from catalogue.models import Part, Service
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import FinePercent, Id, Instant, Miles, Money, Quantity
from common.http.filters import ChoiceListFilter, DayFilter, IdFilter, apply, order, query_of
from common.http.idempotency import Handler
from common.http.query import RowQuery
from common.reads.serializers import Serializer
from customers.api.shop import OwnList, OwnListQuery
from customers.models import Customer
from repair_orders import actions, jobs
from repair_orders.api.shop import CustomerRepairOrders, RepairOrderSerializer
from repair_orders.api.shop import RepairOrderQuery as OwnQuery
from repair_orders.api.shop_staff_estimates import (
    ApproveInput,
    AuthorisationInput,
    DenyInput,
    EstimateInput,
    EstimateRoutes,
    ReasonInput,
)
from repair_orders.api.shop_staff_jobs import (
    JOB_INPUTS,
    JOB_PERMISSIONS,
    FinishJobInput,
    JobRoutes,
    VersionInput,
)
from repair_orders.api.workbench import (
    AuthorisedSerializer,
    CeilingSerializer,
    DiscountSerializer,
    EstimateSerializer,
    ExplainedSerializer,
    FeeSerializer,
    JobSerializer,
    TotalsSerializer,
    workbench,
)
from repair_orders.changes import StaleVersion, at_version
from repair_orders.estimates import actions as estimates
from repair_orders.models import PartLine, RepairOrder, RepairOrderStatus, ServiceLine
from vehicles.api.shop_staff import work_search_filter
from vehicles.models import Vehicle

ORDERING = {"created": ("created_at",)}


class RepairOrderRowSerializer(RepairOrderSerializer):
    """The contract's repair order, as the customer sees it, with all six statuses and the fields for staff."""

    status = serializers.ChoiceField(choices=RepairOrderStatus.choices)  # type: ignore[assignment]
    discount_amount = Money(help_text="The shop's own, without `discounts`.")  # type: ignore[assignment]
    description = serializers.CharField(allow_blank=True)
    denial_reason = serializers.CharField(allow_blank=True)
    estimated_at = Instant(allow_null=True, help_text="When the last estimate was sent. Null until then.")
    approved_at = Instant(allow_null=True)
    denied_at = Instant(allow_null=True, help_text="When the customer declined. Null unless they did.")
    started_at = Instant(allow_null=True)
    completed_at = Instant(allow_null=True)
    number = serializers.IntegerField(allow_null=True)
    version = serializers.IntegerField()
    location_id = serializers.IntegerField(allow_null=True)
    appointment_id = serializers.IntegerField(allow_null=True)
    advisor_id = serializers.IntegerField(allow_null=True)
    promised_at = Instant(allow_null=True)
    key_tag = serializers.CharField(
        allow_blank=True, help_text="The tag of the vehicle's keys, or where they hang."
    )
    checked_in_at = Instant(allow_null=True, help_text="When the vehicle was taken in.")
    po_number = serializers.CharField(allow_blank=True)
    odometer_in = Miles(allow_null=True)
    odometer_out = Miles(allow_null=True)
    tax_exemption = serializers.CharField(
        allow_blank=True, help_text="Number of the customer's exemption certificate. Empty if tax is charged."
    )
    comeback_of = serializers.IntegerField(
        source="comeback_of_id",
        allow_null=True,
        help_text="The order whose work is done again without charge.",
    )


class RepairOrderDetailSerializer(RepairOrderRowSerializer):
    """One repair order with its jobs, figures and revisions, as the shop works on it."""

    jobs = JobSerializer(many=True)
    fees = FeeSerializer(many=True)
    discounts = DiscountSerializer(many=True, help_text="Those of a plan, an offer and points.")
    totals = TotalsSerializer(help_text="Of the jobs that count for the shop, drafts included.")
    shown_to_customer = TotalsSerializer(help_text="Of the jobs that count for the customer.")
    authorised = AuthorisedSerializer(
        allow_null=True, help_text="What the customer approved. Null before the first answer."
    )
    ceiling = CeilingSerializer(
        allow_null=True,
        help_text="The most that the approved jobs may come to. Null before the first answer.",
    )
    estimates = EstimateSerializer(many=True)
    changed_since_sent = serializers.BooleanField(
        help_text="Whether what is asked has changed since the last estimate was sent. A declined job changes it, too."
    )
    explain = ExplainedSerializer(many=True, required=False, help_text="With `?explain=true`.")


PERMISSIONS = {
    **actions.PERMISSIONS,
    **JOB_PERMISSIONS,
    "authorise": actions.PERMISSIONS["approve"],
    "authorisations": "repair_orders.view_repairorder",
    "revision": "repair_orders.view_repairorder",
    "choice": "repair_orders.view_repairorder",
    "estimate_pdf": "repair_orders.view_repairorder",
    "authorisations_pdf": "repair_orders.view_repairorder",
    "retax": "repair_orders.change_repairorder",
    "copy": "repair_orders.add_repairorder",
    "comeback": "repair_orders.add_repairorder",
}


class RepairOrderFilter(django_filters.FilterSet):
    status = ChoiceListFilter(choices=RepairOrderStatus.choices, lookup_expr="in")
    customer_id = IdFilter(Customer, "customer_id")
    vehicle_id = IdFilter(Vehicle, "vehicle_id")
    created_from = DayFilter("created_at", "gte", help_text="First day of creation, inclusive.")
    created_to = DayFilter("created_at", "lte", help_text="Last day of creation, inclusive.")
    search = work_search_filter()

    class Meta:
        model = RepairOrder
        fields: list[str] = []


class RepairOrderQuery(query_of(RepairOrderFilter, ORDERING)):  # type: ignore[misc]  # made from declarations
    def validate(self, attrs: Json) -> Json:
        self.validate_range(attrs, "created_from", "created_to")
        return attrs


class _OrderValues(Serializer):
    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    discount_amount = Money(required=False, min_value=0)
    discount_percent = FinePercent(required=False)
    tax_percent = FinePercent(required=False, help_text="Above 0 it ends an exemption.")
    tax_exemption = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=60,
        help_text="Number of the customer's exemption certificate. It sets `tax_percent` to 0.",
    )
    location_id = Id(required=False, help_text="Until the first estimate is sent.")
    advisor_id = Id(required=False, allow_null=True)
    promised_at = Instant(required=False, allow_null=True)
    key_tag = serializers.CharField(required=False, allow_blank=True, max_length=20)
    po_number = serializers.CharField(required=False, allow_blank=True, max_length=40)
    odometer_in = Miles(required=False, allow_null=True)
    odometer_out = Miles(required=False, allow_null=True)
    comeback_of_id = Id(
        required=False,
        allow_null=True,
        help_text="A completed order of the vehicle whose work is done again.",
    )


class RepairOrderInput(_OrderValues, VersionInput):
    """Texts can change at any time, discounts and tax while the order is open, up to the ceiling."""


class NewRepairOrderInput(_OrderValues):
    vehicle_id = Id()
    appointment_id = Id(required=False)


class PartLineInput(VersionInput):
    part_id = Id()
    quantity = Quantity(default=Decimal(1), help_text="1 by default.")


class ServiceLineInput(VersionInput):
    service_id = Id()


class CompleteInput(FinishJobInput):
    jobs = serializers.ListField(
        child=Id(),
        required=False,
        help_text="The approved jobs to finish, all by default. The others are declined.",
    )
    odometer = Miles(
        required=False, help_text="Miles after the work. The invoice prints them as odometer out."
    )


class ComebackInput(VersionInput):
    jobs = serializers.ListField(
        child=Id(), required=False, help_text="The finished jobs to do again, all by default."
    )


class DetailQuery(RowQuery):
    explain = serializers.BooleanField(required=False, help_text="Add the rule of each figure.")


class OwnRepairOrderQuery(OwnListQuery, OwnQuery):
    """The contract's parameters with those of the staff's address."""


class OwnRepairOrders(OwnList, CustomerRepairOrders):
    """The list of a customer at the staff's address."""

    query = OwnRepairOrderQuery


class StaffRepairOrders(JobRoutes, EstimateRoutes):
    """List the repair orders of all customers, newest first.

    A customer gets the response of `GET /api/shop/repair-orders/customers/me/repair-orders/`.
    """

    resource = "repair-orders"
    model = RepairOrder
    serializer_class = RepairOrderRowSerializer
    detail_class = RepairOrderDetailSerializer
    query = RepairOrderQuery
    inputs = {
        "create": NewRepairOrderInput,
        "partial_update": RepairOrderInput,
        "add_part": PartLineInput,
        "add_service": ServiceLineInput,
        "start": VersionInput,
        "estimate": EstimateInput,
        "authorise": AuthorisationInput,
        "approve": ApproveInput,
        "deny": DenyInput,
        "complete": CompleteInput,
        "stop": ReasonInput,
        "reopen": ReasonInput,
        "withdraw": ReasonInput,
        "retax": VersionInput,
        "comeback": ComebackInput,
        **JOB_INPUTS,
    }
    verbs = (
        *("estimate", "approve", "deny", "start", "complete"),
        *("stop", "reopen", "withdraw", "retax", "copy", "comeback"),
    )
    creates = frozenset({"create", "add_job", "add_line", "copy", "comeback"})
    permissions = PERMISSIONS
    customer_actions = {"list": "list_own"}
    own_list = OwnRepairOrders
    row_query = DetailQuery

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [
            *super().routes(),
            cls.address("<id:id>/parts/", post="add_part"),
            cls.address("<id:id>/parts/<id:line_id>/", delete="remove_part"),
            cls.address("<id:id>/services/", post="add_service"),
            cls.address("<id:id>/services/<id:line_id>/", delete="remove_service"),
        ]

    @classmethod
    def detail_of(cls, caller: Caller, id: int, *, explains: bool = False) -> Json:
        """Return one order with its jobs, figures and revisions, also for another resource's answer. Raises Missing."""
        row = cls.read_one(caller, id)
        order = RepairOrder.objects.get(pk=id)
        return row | workbench(order, now=timezone.now(), explains=explains)

    def body_of(self, id: int, *, explains: bool = False) -> Json:
        return self.detail_of(self.caller, id, explains=explains)

    def etag_of(self, body: Json) -> str:
        return f'"{body["version"]}"'

    def retrieve(self, request: Request, id: int) -> JSONResponse:
        """Retrieve a repair order with its jobs, figures and revisions.

        `explain=true` adds the matrix, rate, rule and rounding of each figure.
        """
        explains = DetailQuery.read(request.query_params).get("explain", False)
        return self.answer_row(self.body_of(id, explains=explains))

    def read_body(self, *, partial: bool = False) -> Json:
        """Return the body without its version, which `_write` has compared."""
        body = super().read_body(partial=partial)
        body.pop("version", None)
        return body

    def _write(self, handler: Handler, request: Request, *args: Any, **kwargs: Any) -> JSONResponse:
        """Call the action of a write on the version that the caller saw, if it names one.

        Another one is a 409 with the present order.
        """
        # A missing order is a 404 before its body is read.
        order = self.row(kwargs["id"]) if "id" in kwargs else None
        seen = self.seen_version() if order else None
        if order is None or seen is None:
            return super()._write(handler, request, *args, **kwargs)
        try:
            # Completing may read the odometer.
            with at_version(order, seen, with_vehicle=self.action == "complete"):
                return super()._write(handler, request, *args, **kwargs)
        except StaleVersion as error:
            error.facts["order"] = self.body_of(kwargs["id"])
            raise

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[RepairOrder]:
        rows = apply(RepairOrder.objects.visible_to(caller), RepairOrderFilter, filters)
        return order(rows, ORDERING, filters, "-created")

    def create(self, request: Request) -> JSONResponse:
        """Create a repair order.

        It is of the location named, else of its appointment's, else of the default one, and takes the tax, fees and
        overrun of that location.
        """
        body = self.named(self.read_body())
        vehicle = self.one_of(Vehicle, body.pop("vehicle_id"), field="vehicle_id")
        appointment_id = body.pop("appointment_id", None)
        if appointment_id:
            body["appointment"] = self.one_of(Appointment, appointment_id, field="appointment_id")
        body.setdefault("description", "")
        created = actions.request_repair(
            customer=vehicle.customer, vehicle=vehicle, now=timezone.now(), **body
        )
        return self.show(created.pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        actions.change_order(order=self.row(id), **self.named(self.read_body(partial=True)))
        return self.show(id)

    def named(self, body: Json) -> Json:
        """Return the body with the rows that its ids name. Raises Missing."""
        for name, model in (("location", Location), ("advisor", User), ("comeback_of", RepairOrder)):
            if f"{name}_id" in body:
                given = body.pop(f"{name}_id")
                body[name] = given and self.one_of(model, given, field=f"{name}_id")
        return body

    def add_part(self, request: Request, id: int) -> JSONResponse:
        """Add a part at its catalogue price."""
        body = self.read_body()
        part = self.article(Part, body["part_id"], "part_id")
        assert part is not None  # the id is required
        jobs.add_part(order=self.row(id), part=part, quantity=body["quantity"])
        return self.show(id)

    def add_service(self, request: Request, id: int) -> JSONResponse:
        """Add a service at its catalogue price."""
        service = self.article(Service, self.read_body()["service_id"], "service_id")
        assert service is not None  # the id is required
        jobs.add_service(order=self.row(id), service=service)
        return self.show(id)

    def remove_part(self, request: Request, id: int, line_id: int) -> JSONResponse:
        """Remove a part."""
        return self._remove(PartLine, id, line_id)

    def remove_service(self, request: Request, id: int, line_id: int) -> JSONResponse:
        """Remove a service."""
        return self._remove(ServiceLine, id, line_id)

    def _remove(self, model: type[PartLine] | type[ServiceLine], id: int, line_id: int) -> JSONResponse:
        jobs.remove_line(order=self.row(id), model=model, line_id=line_id)
        return self.show(id)

    def estimate(self, request: Request, id: int) -> JSONResponse:
        """Send a revision of the estimate to the customer.

        It shows all jobs as they are now and supersedes a revision that is not answered. The last item of `estimates`
        says whether it was mailed.
        """
        estimates.send_estimate(
            order=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body()
        )
        return self.show(id)

    def approve(self, request: Request, id: int) -> JSONResponse:
        """Approve all proposed jobs of the last revision for the customer."""
        estimates.approve(order=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body())
        return self.show(id)

    def deny(self, request: Request, id: int) -> JSONResponse:
        """Refuse a request, or decline all proposed jobs of the last revision for the customer."""
        estimates.deny(order=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body())
        return self.show(id)

    def start(self, request: Request, id: int) -> JSONResponse:
        """Start the work."""
        self.read_body()
        actions.start(order=self.row(id), by=self.caller.user_id, now=timezone.now())
        return self.show(id)

    def complete(self, request: Request, id: int) -> JSONResponse:
        """Complete a repair order.

        Its approved jobs are finished, the total is stored and the customer is notified.
        """
        body = self.read_body()
        received = self.may_receive(body)
        actions.complete(
            order=self.row(id), by=self.caller.user_id, now=timezone.now(), received=received, **body
        )
        return self.show(id)

    def stop(self, request: Request, id: int) -> JSONResponse:
        """Stop the work for the customer.

        Approved jobs are declined. If a job is done, complete the order instead.
        """
        actions.stop(order=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body())
        return self.show(id)

    def reopen(self, request: Request, id: int) -> JSONResponse:
        """Reopen a completed order."""
        actions.reopen(order=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body())
        return self.show(id)

    def retax(self, request: Request, id: int) -> JSONResponse:
        """Take tax, exemption, fees and overrun of the location again, as they are today."""
        actions.retax(order=self.row(id), now=timezone.now(), **self.read_body())
        return self.show(id)

    def copy(self, request: Request, id: int) -> JSONResponse:
        """Copy a repair order to a new one with the same jobs, all proposed."""
        copied = actions.copy_order(order=self.row(id), by=self.caller.user_id, now=timezone.now())
        return self.show(copied.pk, status=201)

    def comeback(self, request: Request, id: int) -> JSONResponse:
        """Do finished jobs of a completed order again without charge.

        The new order names this one in `comeback_of`. Its lines have the price 0.00 and keep their cost.
        """
        again = actions.come_back(
            order=self.row(id), by=self.caller.user_id, now=timezone.now(), **self.read_body()
        )
        return self.show(again.pk, status=201)


urlpatterns = StaffRepairOrders.routes()
