"""The pages of conversations: what waits for an answer, one conversation, and a new one."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from billing.once import claim
from chat.actions import PERMISSIONS, change_status, post_message, start_conversation
from chat.models import CONVERSATION_MACHINE, Conversation, Message
from common.domain.caller import Caller
from common.domain.errors import DomainError
from common.domain.types import Json
from customers.models import Customer
from desk.conversations.forms import AnswerForm, AnyFile, NewForm
from desk.conversations.waiting import (
    OPEN,
    PER_PAGE,
    VIEWS,
    WAITING,
    count_views,
    find_conversations,
    with_wait,
)
from desk.pages import DeskView
from desk.places import Place
from files.actions import save_file
from files.models import Upload
from repair_orders.models import OPEN_STATUSES, RepairOrder
from vehicles.models import Vehicle

PER_SCREEN = 50  # messages
FEW = 5
# The steps of the page: the status to which each leads.
STEPS = {"resolved": "Resolve", "closed": "Close", "open": "Reopen"}


class ConversationsView(DeskView):
    permission = PERMISSIONS["read"]
    title = "Conversations"
    may = {
        "post": PERMISSIONS["post"],
        "start": PERMISSIONS["start"],
        "end": PERMISSIONS["end"],
        "parts": "orders.view_order",
    }


class ListPage(ConversationsView):
    """The conversations of a view, those that wait the longest first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        asked = request.GET.get("view", WAITING)
        view = asked if asked in VIEWS else WAITING
        if asked != view:
            messages.error(request, f"There is no view {asked!r}.")
        rows = find_conversations(view)
        counts = count_views()
        page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
        context = {
            "view": view,
            "views": [(name, title, counts.get(name)) for name, title in VIEWS.items()],
            "page": page,
            "others": counts[OPEN] - counts[WAITING],
        }
        return self.show("desk/conversations/list.html", context, place=Place(request))


class ConversationPage(ConversationsView):
    """One conversation: its messages, the answer, and whom and what it is about."""

    may = {**ConversationsView.may, "customer": "customers.view_customer"}

    def get(self, request: HttpRequest, conversation_id: int) -> HttpResponse:
        conversation = self.conversation(conversation_id)
        if "after" in request.GET:
            return self.show_news(conversation, _number(request.GET["after"]))
        return self.ask(conversation, AnswerForm())

    def post(self, request: HttpRequest, conversation_id: int) -> HttpResponseBase:
        """Send an answer, keep an internal note, or change the status."""
        conversation = self.conversation(conversation_id)
        if step := request.POST.get("step"):
            return self.move(conversation, step)
        if not request.user.has_perm(PERMISSIONS["post"]):
            raise PermissionDenied
        form = AnswerForm(request.POST, request.FILES)
        if not form.is_valid():
            return self.ask(conversation, form)
        is_internal = "note" in request.POST
        by, now = self.caller(), timezone.now()
        try:
            uploads = [self.save(file, by).uuid for file in form.cleaned_data["uploads"]]
            post_message(
                conversation=conversation.uuid,
                by=by,
                body=form.cleaned_data["body"],
                uploads=uploads,
                client_id=form.cleaned_data["key"],
                is_internal=is_internal,
                now=now,
            )
        except DomainError as error:
            form.add_error("uploads" if error.field == "attachments" else None, error.text)
            return self.ask(conversation, form)
        messages.success(request, "The note is kept." if is_internal else "The message is sent.")
        return redirect("conversation", conversation.pk)

    @staticmethod
    def save(file: AnyFile, by: Caller) -> Upload:
        return save_file(
            caller=by,
            filename=file.name or "file",
            content_type=file.content_type or "",
            size=file.size or 0,
            content=cast("BinaryIO", file),
            now=timezone.now(),
        )

    def move(self, conversation: Conversation, to: str) -> HttpResponse:
        if not self.request.user.has_perm(PERMISSIONS["end"]):
            raise PermissionDenied
        if to not in STEPS:
            messages.error(self.request, f"There is no step {to!r}.")
            return redirect("conversation", conversation.pk)
        try:
            change_status(conversation=conversation, to=to, by=self.by(), now=timezone.now())
        except DomainError as error:
            messages.error(self.request, error.text)
        else:
            messages.success(
                self.request, f"The conversation is {conversation.get_status_display().lower()}."
            )
        return redirect("conversation", conversation.pk)

    def conversation(self, pk: int) -> Conversation:
        rows = with_wait(Conversation.objects.select_related("customer__contact", "support_ticket__order"))
        found: Conversation = get_object_or_404(rows, pk=pk)
        return found

    def show_news(self, conversation: Conversation, after: int) -> HttpResponse:
        """Return the messages after a number, for the script that keeps the page up to date."""
        rows = Message.objects.filter(conversation=conversation, number__gt=after).select_related("author")
        entries = _entries(list(rows.order_by("number")[:PER_SCREEN]))
        if not entries:
            return HttpResponse(status=204)
        with timezone.override(Place(self.request).zone):
            response = render(self.request, "desk/conversations/messages.html", {"entries": entries})
        response.headers["Cache-Control"] = "private, no-store"
        return response

    def ask(self, conversation: Conversation, form: AnswerForm) -> HttpResponse:
        user = self.request.user
        rows = Message.objects.filter(conversation=conversation).select_related("author")
        before = _number(self.request.GET.get("before"))
        if before:
            rows = rows.filter(number__lt=before)
        newest = list(rows.order_by("-number")[: PER_SCREEN + 1])
        shown = newest[:PER_SCREEN][::-1]
        customer = conversation.customer
        context: Json = {
            "title": conversation.subject,
            "conversation": conversation,
            "customer": customer,
            "ticket": getattr(conversation, "support_ticket", None),
            "form": form,
            "entries": _entries(shown),
            "earlier": shown[0].number if len(newest) > PER_SCREEN else None,
            "is_latest": not before,
            "steps": [
                (to, title) for to, title in STEPS.items() if to in CONVERSATION_MACHINE[conversation.status]
            ],
        }
        if user.has_perm("vehicles.view_vehicle"):
            cars = Vehicle.objects.in_use().filter(customer=customer).order_by("-pk")
            context["vehicles"] = list(cars[:FEW])
        if user.has_perm("repair_orders.view_repairorder"):
            orders = RepairOrder.objects.filter(customer=customer, status__in=OPEN_STATUSES)
            context["orders"] = list(orders.select_related("vehicle").order_by("-pk")[:FEW])
        return self.show("desk/conversations/conversation.html", context, place=Place(self.request))


class NewPage(ConversationsView):
    """Start a conversation with a customer."""

    permission = PERMISSIONS["start"]
    title = "New conversation"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return self.ask(NewForm())

    def post(self, request: HttpRequest) -> HttpResponseBase:
        form = NewForm(request.POST)
        if not form.is_valid():
            return self.ask(form)
        now = timezone.now()
        try:
            with transaction.atomic():
                claim(form.cleaned_data["key"], by=self.by(), now=now)
                conversation = start_conversation(
                    by=self.caller(),
                    customer=self.customer(),
                    subject=form.cleaned_data["subject"],
                    message=form.cleaned_data["body"],
                    now=now,
                )
        except DomainError as error:
            form.add_error(None, error.text)
            return self.ask(form)
        messages.success(request, "The message is sent.")
        return redirect("conversation", conversation.pk)

    def customer(self) -> Customer:
        rows = Customer.objects.current().with_contact()
        found: Customer = get_object_or_404(rows, pk=_number(self.request.GET.get("customer")))
        return found

    def ask(self, form: NewForm) -> HttpResponse:
        return self.show("desk/conversations/new.html", {"customer": self.customer(), "form": form})


def _entries(rows: list[Message]) -> list[Json]:
    """Return messages with the names of their files. One query for all of them, none without files."""
    ids = [attachment["id"] for row in rows for attachment in row.attachments]
    names: dict[str, Any] = {}
    if ids:
        found = Upload.objects.filter(uuid__in=ids).values_list("uuid", "name")
        names = {str(uuid): name for uuid, name in found}
    return [
        {
            "message": row,
            "files": [
                {"url": attachment["url"], "name": names.get(attachment["id"], "File")}
                for attachment in row.attachments
            ],
        }
        for row in rows
    ]


def _number(text: str | None) -> int:
    """Return the number that a URL names, 0 for none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0
