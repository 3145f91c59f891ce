"""The staff API: payments, their use, refunds and reversals."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from appointments.models import Location
from billing import payments as actions
from billing import sending
from billing.api.filters import LeftFilter, MoneyFilter, account_search_filter, validate_days
from billing.api.papers import SentSerializer, sent_body
from billing.api.problems import OVER_PAYMENT
from billing.ledger import Target
from billing.models import Invoice, Payment, PaymentKind
from billing.papers.actions import receipt_paper
from common.domain.caller import Caller
from common.domain.money import PaymentMethod
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import Day, Id, Instant, Money, Word
from common.http.filters import ChoiceListFilter, IdFilter, apply, order, query_of
from common.http.permissions import role_permissions
from common.http.query import Query
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Derived, Serializer
from customers.models import Customer
from orders.models import Order
from repair_orders.api.answers import PDF
from repair_orders.models import RepairOrder
from repair_orders.papers.serving import pdf_response

ORDERING = {"posted": ("posted_at",)}
MAX_ALLOCATIONS = 500
# The key of an allocation -> the rows that it names.
TARGETS: dict[str, type[Invoice] | type[RepairOrder] | type[Order]] = {
    "invoice_id": Invoice,
    "repair_order_id": RepairOrder,
    "order_id": Order,
}
_CENT = Decimal("0.01")


def _uses(
    invoices: list[int | None],
    repair_orders: list[int | None],
    orders: list[int | None],
    amounts: list[Decimal],
) -> list[Json]:
    """Return what a payment is used for now, the first use first."""
    sums: dict[tuple[str, int], Decimal] = {}
    for *ids, amount in zip(invoices, repair_orders, orders, amounts, strict=True):
        key = next((name, pk) for name, pk in zip(TARGETS, ids, strict=True) if pk is not None)
        sums[key] = sums.get(key, Decimal("0.00")) + amount
    return [{name: pk, "amount": amount} for (name, pk), amount in sums.items() if amount]


class AllocationSerializer(Serializer):
    """The target of a payment. One of the three ids is there."""

    invoice_id = serializers.IntegerField(required=False)
    repair_order_id = serializers.IntegerField(required=False, help_text="A deposit.")
    order_id = serializers.IntegerField(required=False, help_text="An order of parts.")
    amount = Money()


class RefundSerializer(Serializer):
    """A refund of a payment."""

    id = serializers.IntegerField()
    amount = Money()
    method = serializers.ChoiceField(choices=PaymentMethod.choices)
    reference = serializers.CharField(allow_blank=True)
    location_id = serializers.IntegerField(allow_null=True)
    posted_at = Instant()
    day = serializers.DateField()
    is_reversal = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)


class PaymentSerializer(Serializer):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=PaymentKind.choices)
    customer_id = serializers.IntegerField()
    location_id = serializers.IntegerField(
        allow_null=True, help_text="The till. Null where the shop has no location."
    )
    amount = Money()
    method = serializers.ChoiceField(choices=PaymentMethod.choices)
    reference = serializers.CharField(allow_blank=True)
    received_on = serializers.DateField(allow_null=True, help_text="A note. It counts on `day`.")
    posted_at = Instant()
    day = serializers.DateField(help_text="The day on which it counts, at its location.")
    taken_by = serializers.IntegerField(source="taken_by_id", allow_null=True, help_text="The acting user.")
    refunds_id = serializers.IntegerField(allow_null=True, help_text="Of a refund: the payment.")
    is_reversal = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True)
    allocations = Derived(
        _uses,
        *("allocations.invoice_id", "allocations.repair_order_id", "allocations.parts_order_id"),
        "allocations.amount",
        output=AllocationSerializer(many=True),
    )
    refunds = RefundSerializer(
        many=True, source="refunded_by", help_text="What of the payment was given back."
    )
    open = Money(help_text="What of it is neither used nor refunded.")


class AllocationInput(Serializer):
    """An invoice to pay, a repair order to keep a deposit for, or a parts order to pay as a whole."""

    invoice_id = Id(required=False)
    repair_order_id = Id(required=False)
    order_id = Id(required=False)
    amount = Money(min_value=_CENT)

    def validate(self, attrs: Json) -> Json:
        if len(attrs.keys() & TARGETS.keys()) != 1:
            raise serializers.ValidationError("Send one of invoice_id, repair_order_id and order_id.")
        return attrs


class AllocationsInput(Serializer):
    allocations = AllocationInput(many=True, allow_empty=False, max_length=MAX_ALLOCATIONS)  # type: ignore[call-arg]  # of a list


class PaymentInput(Serializer):
    customer_id = Id()
    location_id = Id(help_text="The till.")
    amount = Money(min_value=_CENT)
    method = Word(choices=PaymentMethod.choices)
    reference = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="Check number, slip of the terminal, …"
    )
    received_on = Day(required=False, allow_null=True, help_text="A note. It counts on the day it is posted.")
    allocations = AllocationInput(many=True, required=False, max_length=MAX_ALLOCATIONS)  # type: ignore[call-arg]  # of a list


class RefundInput(Serializer):
    amount = Money(min_value=_CENT)
    method = Word(choices=PaymentMethod.choices, required=False, help_text="That of the payment by default.")
    reference = serializers.CharField(max_length=100, required=False, allow_blank=True)
    reason = serializers.CharField(max_length=10_000)
    location_id = Id(
        required=False, help_text="The till that gives the money. That of the payment by default."
    )


class ReverseInput(Serializer):
    reason = serializers.CharField(max_length=10_000)


class PaymentFilter(MoneyFilter):
    customer_id = IdFilter(Customer, "customer_id")
    location_id = IdFilter(Location, "location_id")
    method = ChoiceListFilter(choices=PaymentMethod.choices, lookup_expr="in")
    kind = ChoiceListFilter(choices=PaymentKind.choices, lookup_expr="in")
    open = LeftFilter("open", help_text="With a part that is neither used nor refunded, or without one.")
    search = account_search_filter("customer")

    class Meta:
        model = Payment
        fields: list[str] = []


class PaymentQuery(query_of(PaymentFilter, ORDERING)):  # type: ignore[misc]  # made from declarations
    def validate(self, attrs: Json) -> Json:
        return validate_days(self, attrs)


class StaffPayments(StaffViewSet):
    """List the payments and refunds, newest first."""

    resource = "payments"
    model = Payment
    serializer_class = PaymentSerializer
    query = PaymentQuery
    inputs = {
        "create": PaymentInput,
        "allocate": AllocationsInput,
        "refund": RefundInput,
        "reverse": ReverseInput,
    }
    verbs = ("allocate", "refund", "reverse", "send")
    permissions = actions.PERMISSIONS | sending.PERMISSIONS | {"pdf": "billing.view_payment"}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [*super().routes(), cls.address("<id:id>/pdf/", get="pdf")]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Payment]:
        rows = apply(Payment.objects.visible_to(caller), PaymentFilter, filters)
        return order(rows, ORDERING, filters, "-posted")

    @extend_schema(responses={201: PaymentSerializer, **OVER_PAYMENT})
    def create(self, request: Request) -> JSONResponse:
        """Record a payment.

        It is used for invoices, kept as a deposit for repair orders, or pays parts orders. The rest stays open on it.
        """
        body = self.read_body()
        customer = self.one_of(Customer, body.pop("customer_id"), field="customer_id")
        location = self.one_of(Location, body.pop("location_id"), field="location_id")
        targets = self.targets(body.pop("allocations", ()))
        payment = actions.take_payment(
            customer=customer,
            location=location,
            allocations=targets,
            by=self.caller.user_id,
            now=timezone.now(),
            **body,
        )
        return self.show(payment.pk, status=201)

    @extend_schema(responses={200: PaymentSerializer, **OVER_PAYMENT})
    def allocate(self, request: Request, id: int) -> JSONResponse:
        """Use the open part of a payment."""
        targets = self.targets(self.read_body()["allocations"])
        actions.allocate(
            payment=self.row(id), allocations=targets, by=self.caller.user_id, now=timezone.now()
        )
        return self.show(id)

    @extend_schema(responses={200: PaymentSerializer, **OVER_PAYMENT})
    def refund(self, request: Request, id: int) -> JSONResponse:
        """Give back an open part of a payment.

        The refund is the last item of `refunds`, and a row of its own. Another method than the payment's needs the
        permission to reverse payments.
        """
        body = self.read_body()
        location_id = body.pop("location_id", None)
        location = location_id and self.one_of(Location, location_id, field="location_id")
        may_change_method = actions.PERMISSIONS["reverse"] in role_permissions()[self.caller.role]
        actions.refund(
            payment=self.row(id),
            location=location,
            may_change_method=may_change_method,
            by=self.caller.user_id,
            now=timezone.now(),
            **body,
        )
        return self.show(id)

    def reverse(self, request: Request, id: int) -> JSONResponse:
        """Reverse a payment that was recorded by mistake.

        It is taken off everything, and its whole amount is booked as a refund that is marked as a reversal.
        """
        reason = self.read_body()["reason"]
        actions.reverse(payment=self.row(id), reason=reason, by=self.caller.user_id, now=timezone.now())
        return self.show(id)

    @extend_schema(responses=PDF)
    def pdf(self, request: Request, id: int) -> HttpResponse:
        """Retrieve the receipt of a payment or a refund as PDF.

        It is set at the first request and never again.
        """
        Query.read(request.query_params)
        return pdf_response(receipt_paper(self.row(id), now=timezone.now()))

    @extend_schema(responses=SentSerializer)
    def send(self, request: Request, id: int) -> JSONResponse:
        """Mail the receipt of a payment or a refund to its customer."""
        return sent_body(sending.send_receipt(self.row(id), by=self.caller.user_id, now=timezone.now()))

    def targets(self, allocations: Sequence[Json]) -> list[Target]:
        """Return what the allocations of a body name. Raises Missing."""
        targets = []
        for place, allocation in enumerate(allocations):
            name = next(name for name in TARGETS if name in allocation)
            row = self.one_of(TARGETS[name], allocation[name], field=f"allocations[{place}].{name}")
            targets.append(Target(row, allocation["amount"]))
        return targets


urlpatterns = StaffPayments.routes()
