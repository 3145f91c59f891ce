"""Contract 002, `POST orders/return`. It opens a ticket, too."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from chat.models import SUPPORT_TICKET_PREFIX
from chat.returns import request_return
from common.domain import ids
from common.domain.errors import Missing
from common.http.bodies import JSONResponse
from common.http.contracts.care import CareView
from common.http.fields import PrefixedId
from common.http.permissions import CustomersOnly
from common.http.routing import route
from orders.api.care_returns import ReturnInput, ReturnSerializer, return_body
from orders.models import Order


class RequestedReturnSerializer(ReturnSerializer):
    ticket_id = PrefixedId(SUPPORT_TICKET_PREFIX, help_text="A ticket about the return.")


class RequestReturn(CareView):
    """Request a return.

    Items can be returned within 30 days of the delivery. A ticket about the return is opened.
    """

    permission_classes = [CustomersOnly]
    input_class = ReturnInput

    @extend_schema(responses={201: RequestedReturnSerializer})
    def post(self, request: Request) -> JSONResponse:
        body = self.read_body()
        order = Order.objects.visible_to(self.caller).filter(pk=body.pop("order_id")).first()
        if order is None:
            raise Missing("Order not found.")
        requested = request_return(by=self.caller, order=order, **body, now=timezone.now())
        ticket = ids.format_id(SUPPORT_TICKET_PREFIX, requested.ticket.pk)
        return JSONResponse(
            {**return_body(self.caller, requested.request.pk), "ticket_id": ticket}, status=201
        )


urlpatterns = [route("orders/return", RequestReturn.as_view())]
