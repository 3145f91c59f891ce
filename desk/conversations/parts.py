"""The page of parts by mail: what is to be confirmed, packed, shipped and delivered, and the returns to decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Prefetch
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from common.domain.errors import DomainError
from common.domain.money import PaymentMethod
from common.domain.number_fields import AmountField
from common.domain.text_fields import TextFormField
from common.domain.types import Json
from desk.pages import DeskView
from desk.places import Place
from orders import actions, returns
from orders.models import Order, OrderStatus, ReturnLine, ReturnRequest, ReturnStatus
from orders.queries import with_items

MOST = 50  # rows of a list, the oldest first
VIEW = "orders.view_order"


class ConfirmForm(forms.Form):
    method = forms.ChoiceField(choices=PaymentMethod.choices, initial=PaymentMethod.CARD)
    reference = TextFormField(required=False, max_length=100)


class ShipForm(forms.Form):
    courier_name = TextFormField(label="Courier", max_length=100)
    tracking_number = TextFormField(label="Tracking number", max_length=100)


class RefuseForm(forms.Form):
    reason = TextFormField(label="Reason", max_length=1_000)


class RefundForm(forms.Form):
    amount = AmountField(max_digits=10, decimal_places=2, min_value=Decimal(0))
    restock = forms.BooleanField(required=False)


@dataclass(frozen=True, slots=True)
class Step:
    """A step with an order (or a return), what it is called, what it asks for, and what is told afterwards."""

    act: Callable[..., None]
    permission: str
    done: str
    form: type[forms.Form] = forms.Form


ORDER_STEPS = {
    "confirm": Step(actions.confirm, actions.PERMISSIONS["confirm"], "is paid for.", ConfirmForm),
    "pack": Step(actions.pack, actions.PERMISSIONS["pack"], "is packed."),
    "ship": Step(actions.ship, actions.PERMISSIONS["ship"], "is shipped.", ShipForm),
    "deliver": Step(actions.deliver, actions.PERMISSIONS["deliver"], "is delivered."),
    "cancel": Step(actions.cancel, actions.PERMISSIONS["cancel"], "is cancelled."),
}
RETURN_STEPS = {
    "approve": Step(returns.approve, returns.PERMISSIONS["approve"], "is approved."),
    "receive": Step(returns.receive, returns.PERMISSIONS["receive"], "has arrived."),
    "refuse": Step(returns.refuse, returns.PERMISSIONS["refuse"], "is refused.", RefuseForm),
    "refund": Step(returns.refund, returns.PERMISSIONS["refund"], "is refunded.", RefundForm),
}


class PartsPage(DeskView):
    """The parts orders and returns that need a step, the oldest first."""

    permission = VIEW
    title = "Parts orders and returns"
    may = {
        "move": "orders.move_order",
        "decide": "orders.decide_returnrequest",
        "refund": "orders.refund_returnrequest",
    }

    def get(self, request: HttpRequest) -> HttpResponse:
        actions.expire_unpaid(now=timezone.now())  # so that no order is shown as unpaid that has expired
        user = request.user
        context: Json = {
            "lists": _order_lists(),
            "returns": _return_lists() if user.has_perm("orders.view_returnrequest") else [],
            "methods": PaymentMethod.choices,
        }
        return self.show("desk/conversations/parts.html", context, place=Place(request))


class _StepView(DeskView):
    http_method_names = ["post"]
    permission = VIEW
    title = "Parts orders and returns"
    steps: dict[str, Step]

    def row(self, pk: int) -> Any:
        raise NotImplementedError

    def arguments(self, row: Any) -> Json:
        raise NotImplementedError

    def post(self, request: HttpRequest, pk: int, step: str) -> HttpResponseBase:
        """Take the step, and tell what was done or why not."""
        if step not in self.steps:
            raise Http404
        chosen = self.steps[step]
        if not request.user.has_perm(chosen.permission):
            raise PermissionDenied
        form = chosen.form(request.POST)
        row = self.row(pk)
        if not form.is_valid():
            for name, errors in form.errors.items():
                label = form.fields[name].label or name.replace("_", " ").capitalize()
                messages.error(request, f"{row.number}: {label}: {' '.join(map(str, errors))}")
            return redirect("parts-desk")
        try:
            with transaction.atomic():
                row.refresh_from_db(from_queryset=type(row).objects.select_for_update(no_key=True))
                chosen.act(**self.arguments(row), by=self.by(), now=timezone.now(), **form.cleaned_data)
        except DomainError as error:
            messages.error(request, f"{row.number}: {error.text}")
        else:
            messages.success(request, f"{row.number} {chosen.done}")
        return redirect("parts-desk")


class OrderStep(_StepView):
    steps = ORDER_STEPS

    def row(self, pk: int) -> Order:
        found = Order.objects.filter(pk=pk).first()
        if found is None:
            raise Http404
        return found

    def arguments(self, row: Order) -> Json:
        return {"order": row}


class ReturnStep(_StepView):
    permission = "orders.view_returnrequest"
    steps = RETURN_STEPS

    def row(self, pk: int) -> ReturnRequest:
        found = ReturnRequest.objects.filter(pk=pk).first()
        if found is None:
            raise Http404
        return found

    def arguments(self, row: ReturnRequest) -> Json:
        return {"request": row}


# The status of a list, its title, and what its rows wait for.
_ORDERS = (
    (OrderStatus.PLACED, "Not paid", "Confirm the payment before it expires."),
    (OrderStatus.CONFIRMED, "To pack", "Paid for. Put the pieces into a parcel."),
    (OrderStatus.PACKED, "To ship", "Hand the parcel to a courier."),
    (OrderStatus.SHIPPED, "On the way", "Delivered starts the 30 days for returns."),
)
_RETURNS = (
    (ReturnStatus.REQUESTED, "Returns to decide", "The customer waits for a yes or no."),
    (ReturnStatus.APPROVED, "Returns on their way", "The customer sends the items."),
    (ReturnStatus.RECEIVED, "Returns to refund", "Inspect the items, then give the money back."),
)


def _order_lists() -> list[Json]:
    counts = dict(
        Order.objects.filter(status__in=[status for status, _, _ in _ORDERS])
        .values_list("status")
        .annotate(Count("id"))
        .order_by("status")
    )
    lists = []
    for status, title, hint in _ORDERS:
        rows = with_items(Order.objects.filter(status=status).select_related("customer__contact"))
        found = list(rows.order_by("created_at", "id")[:MOST])
        lists.append(
            {
                "status": str(status),
                "title": title,
                "hint": hint,
                "count": counts.get(status, 0),
                "rows": [{"order": order, "total": actions.total_of(order)} for order in found],
            }
        )
    return lists


def _return_lists() -> list[Json]:
    statuses = [status for status, _, _ in _RETURNS]
    counts = dict(
        ReturnRequest.objects.filter(status__in=statuses)
        .values_list("status")
        .annotate(Count("id"))
        .order_by("status")
    )
    lists = []
    for status, title, hint in _RETURNS:
        lines = Prefetch("lines", ReturnLine.objects.select_related("item").in_order())
        rows = ReturnRequest.objects.filter(status=status).select_related("order__customer__contact")
        lists.append(
            {
                "status": str(status),
                "title": title,
                "hint": hint,
                "count": counts.get(status, 0),
                "rows": list(rows.prefetch_related(lines).order_by("created_at", "id")[:MOST]),
            }
        )
    return lists
