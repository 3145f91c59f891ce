"""The staff API: the money of a repair order, its invoice, and the step *vehicle out*."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import transaction
from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from billing import exits, invoices
from billing.api.problems import BALANCE_DUE, INVOICED
from billing.api.shop_staff import LinkedInvoiceSerializer, StaffInvoices, UsedPaymentSerializer
from billing.ledger import ZERO, held
from billing.models import Invoice, VehicleExit
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import Id, Instant, Miles, Money
from common.http.idempotency import Handler
from common.http.permissions import role_permissions
from common.http.query import Query
from common.http.views import serialize
from common.reads.serializers import Serializer
from customers.models import Customer
from repair_orders.api.shop_staff import StaffRepairOrders
from repair_orders.api.shop_staff_jobs import VersionInput
from repair_orders.models import RepairOrderStatus
from vehicles.models import Vehicle


class InvoiceInput(VersionInput):
    bill_to_id = Id(required=False, help_text="Another customer who pays, such as a leasing company.")
    po_number = serializers.CharField(
        max_length=40, required=False, allow_blank=True, help_text="That of the order by default."
    )


class VehicleOutInput(VersionInput):
    odometer = Miles(required=False, help_text="Miles at the hand-over.")
    override = serializers.CharField(
        max_length=10_000, required=False, help_text="Why the vehicle leaves with a balance. For managers."
    )


class VehicleExitSerializer(Serializer):
    """The step *vehicle out*."""

    at = Instant()
    by = serializers.IntegerField(source="by_id", allow_null=True, help_text="The acting user.")
    odometer = Miles(allow_null=True)
    balance = Money(help_text="What was not paid then.")
    override = serializers.CharField(allow_blank=True, help_text="Why it left with a balance.")


class OrderBillingSerializer(Serializer):
    """The money of a repair order."""

    repair_order_id = serializers.IntegerField()
    status = serializers.ChoiceField(choices=RepairOrderStatus.choices)
    invoice_id = serializers.IntegerField(allow_null=True)
    invoice = LinkedInvoiceSerializer(allow_null=True, help_text="The last one.")
    deposits = UsedPaymentSerializer(many=True, help_text="Payments that are kept for this order.")
    deposit = Money(help_text="The sum of the deposits.")
    balance = Money(allow_null=True, help_text="Of the invoice. Null without one.")
    vehicle_out = VehicleExitSerializer(
        allow_null=True, help_text="When and how the vehicle left. Null while it is here."
    )


class StaffOrderBilling(StaffRepairOrders):
    """The billing of a repair order, which its own room cannot offer, because it does not know this one."""

    inputs: ClassVar[dict[str, type[Serializer]]] = {"invoice": InvoiceInput, "vehicle_out": VehicleOutInput}
    creates = frozenset({"invoice"})
    permissions = {
        "invoice": "billing.add_invoice",
        "billing": "billing.view_invoice",
        "vehicle_out": exits.PERMISSIONS["vehicle_out"],
    }

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [
            cls.address("<id:id>/billing/", get="billing"),
            cls.address("<id:id>/invoice/", post="invoice"),
            cls.address("<id:id>/vehicle-out/", post="vehicle_out"),
        ]

    def _write(self, handler: Handler, request: Request, *args: Any, **kwargs: Any) -> JSONResponse:
        """Lock the vehicle before the order (D25), because an odometer reading belongs to it."""
        if self.action != "vehicle_out":
            return super()._write(handler, request, *args, **kwargs)
        with transaction.atomic():
            vehicles = Vehicle.objects.select_for_update(no_key=True, of=("self",))
            vehicles.filter(pk=self.row(kwargs["id"]).vehicle_id).first()
            return super()._write(handler, request, *args, **kwargs)

    def billing_of(self, id: int) -> Json:
        """Return the money of the order. Raises Missing."""
        order = self.row(id)
        invoice = (
            Invoice.objects.filter(repair_order=order).order_by("-id").values_list("pk", flat=True).first()
        )
        shown = None if invoice is None else StaffInvoices.read_one(self.caller, invoice)
        deposits = held(order)
        left = VehicleExit.objects.filter(repair_order=order).first()
        return {
            "repair_order_id": order.pk,
            "status": order.status,
            "invoice_id": invoice,
            "invoice": shown,
            "deposits": [
                {
                    "payment_id": payment.pk,
                    "method": payment.method,
                    "reference": payment.reference,
                    "amount": str(amount),
                }
                for payment, amount in deposits
            ],
            "deposit": str(sum((amount for _, amount in deposits), ZERO)),
            "balance": shown and shown["balance"],
            "vehicle_out": left and serialize(VehicleExitSerializer, left),
        }

    @extend_schema(responses=OrderBillingSerializer)
    def billing(self, request: Request, id: int) -> JSONResponse:
        """Retrieve the invoice, the deposits and the balance of a repair order, and whether the vehicle is out."""
        Query.read(request.query_params)
        return JSONResponse(self.billing_of(id))

    @extend_schema(responses={201: LinkedInvoiceSerializer, **INVOICED})
    def invoice(self, request: Request, id: int) -> JSONResponse:
        """Issue the invoice of a completed repair order.

        Deposits of the customer who is billed move to it, the oldest first, at most the balance. An order of 0.00 is
        invoiced and paid at once.
        """
        body = self.read_body()
        bill_to_id = body.pop("bill_to_id", None)
        bill_to = bill_to_id and self.one_of(Customer, bill_to_id, field="bill_to_id")
        issued = invoices.issue_invoice(
            order=self.row(id), bill_to=bill_to, by=self.caller.user_id, now=timezone.now(), **body
        )
        return JSONResponse(StaffInvoices.read_one(self.caller, issued.pk), status=201)

    @extend_schema(responses={200: OrderBillingSerializer, **BALANCE_DUE})
    def vehicle_out(self, request: Request, id: int) -> JSONResponse:
        """Hand over the keys of a completed or denied repair order.

        A completed order needs its invoice, and a balance the reason of a manager.
        """
        may_override = exits.PERMISSIONS["override"] in role_permissions()[self.caller.role]
        exits.vehicle_out(
            order=self.row(id),
            may_override=may_override,
            by=self.caller.user_id,
            now=timezone.now(),
            **self.read_body(),
        )
        return JSONResponse(self.billing_of(id))


urlpatterns = StaffOrderBilling.routes()
