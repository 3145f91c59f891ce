"""Contract 002, "Dashboard APIs" and "Profile APIs", which combine the data of several rooms."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from accounts.avatars import avatar_url
from accounts.names import MAX_NAME_LENGTH, full_name, split_name, validate_full_name
from chat.api.care import RecentTicketSerializer, recent_tickets
from chat.models import ENDED, ConversationStatus
from chat.queries import count_tickets_by_status
from common.domain.caller import Caller
from common.domain.days import day_of
from common.domain.errors import NoCustomerRecord
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.contracts.care import CareView
from common.http.fields import Instant, Money, StrictBoolean
from common.http.permissions import CustomersOnly
from common.http.routing import route
from common.http.views import serialize
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer
from customers import actions
from customers.api.care import Language, Theme
from customers.models import CustomerUser
from customers.preferences import is_any_on
from files.avatars import change_avatar
from orders.api.care import OrderBriefSerializer, cancel_expired, recent_orders
from orders.figures import orders_per_month
from portal.queries import get_own_login


def _own(caller: Caller, filters: object) -> QuerySet[CustomerUser]:
    return get_own_login(caller)


class Stats(Serializer):
    open_tickets = serializers.IntegerField(help_text="Tickets that are open or in progress.")
    active_orders = serializers.IntegerField(
        help_text="Parts orders that are not delivered, returned or cancelled."
    )
    pending_refunds = serializers.IntegerField(help_text="Returns that are not refunded or refused.")
    resolved_tickets = serializers.IntegerField(help_text="Tickets that are resolved.")


_NAMES = ("user.first_name", "user.last_name")
CHART_MONTHS = 6
# The bars of the chart of tickets -> the states of their conversations.
TICKET_STATES: dict[str, tuple[str, ...]] = {
    "Open": (ConversationStatus.OPEN,),
    "In Progress": (ConversationStatus.IN_PROGRESS,),
    "Resolved": ENDED,
}


@extend_schema_field(OpenApiTypes.STR)
class ShortMonth(serializers.DateField):
    """A month by its short name, such as `Jan`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="%b", **options)


class MonthSerializer(Serializer):
    month = ShortMonth(help_text="Short name of the month, such as `Jan`.")
    orders = serializers.IntegerField(help_text="Without cancelled ones.")
    spending = Money(as_number=True, help_text="Without what was refunded.")


class StateCountSerializer(Serializer):
    status = serializers.ChoiceField(choices=list(TICKET_STATES))
    count = serializers.IntegerField(help_text="Number of tickets in this state.")


class Charts(Serializer):
    monthly_orders = MonthSerializer(many=True, help_text="Orders of the last six months, oldest first.")
    ticket_status = StateCountSerializer(many=True, help_text="Tickets by state.")


class DashboardSerializer(Serializer):
    stats = Stats(help_text="Numbers of tickets, orders and refunds.")
    recent_orders = OrderBriefSerializer(many=True, help_text="The latest parts orders, newest first.")
    recent_tickets = RecentTicketSerializer(many=True, help_text="The latest tickets, newest first.")
    charts = Charts(help_text="What the charts are drawn from.")


class Preferences(Serializer):
    language = serializers.CharField(source="customer.language")
    notifications = Derived(
        is_any_on,
        "customer.notification_preferences",
        output=serializers.BooleanField(help_text="Whether any kind of notification is enabled."),
    )
    theme = serializers.CharField(source="customer.theme")


class ProfileSerializer(Serializer):
    id = serializers.IntegerField(source="user.id")
    email = serializers.EmailField(source="user.email", allow_null=True)
    full_name = Derived(full_name, *_NAMES, output=serializers.CharField(allow_blank=True))
    avatar = Derived(avatar_url, "user.avatar", *_NAMES, output=serializers.URLField())
    preferences = Preferences(source="*", help_text="How the application looks and what it sends.")
    total_orders = serializers.IntegerField(help_text="Number of parts orders.")
    total_tickets = serializers.IntegerField(help_text="Number of tickets.")
    member_since = Instant(source="customer.customer_since", help_text="When the customer record was made.")


class PreferencesInput(Serializer):
    language = Language(required=False)
    notifications = StrictBoolean(
        required=False,
        source="notification_preferences",
        help_text="Enables or disables every kind of notification.",
    )
    theme = Theme(required=False)


class ProfileInput(Serializer):
    full_name = serializers.CharField(
        required=False, max_length=2 * MAX_NAME_LENGTH, validators=[validate_full_name]
    )
    preferences = PreferencesInput(required=False, source="*", help_text="What is left out stays.")

    def validate(self, attrs: Json) -> Json:
        if "full_name" in attrs:
            attrs["first_name"], attrs["last_name"] = split_name(attrs.pop("full_name"))
        return attrs


_STATS = Read(_own, Stats)
_PROFILE = Read(_own, ProfileSerializer)


class Dashboard(CareView):
    """Retrieve the dashboard.

    It has the counts of tickets and orders, the newest five of each, and the figures of two charts.
    """

    permission_classes = [CustomersOnly]

    @extend_schema(responses=DashboardSerializer)
    def get(self, request: Request) -> JSONResponse:
        cancel_expired(self.caller)
        return JSONResponse(
            {
                "stats": _STATS.one(self.caller, {}, NoCustomerRecord),
                "recent_orders": recent_orders(self.caller),
                "recent_tickets": recent_tickets(self.caller),
                "charts": self._charts(),
            }
        )

    def _charts(self) -> Json:
        months = orders_per_month(self.caller, until=day_of(timezone.now()), months=CHART_MONTHS)
        counts = count_tickets_by_status(self.caller)
        states = [
            {"status": label, "count": sum(counts.get(status, 0) for status in statuses)}
            for label, statuses in TICKET_STATES.items()
        ]
        return serialize(Charts, {"monthly_orders": months, "ticket_status": states})


class Profile(CareView):
    """Retrieve the profile."""

    permission_classes = [CustomersOnly]
    input_class = ProfileInput

    @extend_schema(responses=ProfileSerializer)
    def get(self, request: Request) -> JSONResponse:
        return self._respond()

    @extend_schema(responses=ProfileSerializer)
    def put(self, request: Request) -> JSONResponse:
        """Update the profile.

        Fields that are not sent keep their value.
        """
        actions.change_own_profile(
            user_id=self.caller.user_id, customer_id=self.caller.account, **self.read_body()
        )
        return self._respond()

    def _respond(self) -> JSONResponse:
        return JSONResponse(_PROFILE.one(self.caller, {}, NoCustomerRecord))


class AvatarInput(Serializer):
    file = serializers.ListField(
        child=serializers.FileField(),
        source="avatar",
        allow_empty=False,
        max_length=1,
        help_text="A JPEG, PNG, WebP or GIF image of at most 5 MB.",
    )


class AvatarSerializer(Serializer):
    avatar_url = serializers.URLField(help_text="URL of the new picture.")


class Avatar(CareView):
    """Change the avatar.

    The body is a form with one image. The file of the last avatar is removed.
    """

    permission_classes = [CustomersOnly]
    parser_classes = [MultiPartParser]
    input_class = AvatarInput
    body_limit = "MAX_UPLOAD_BYTES"

    @extend_schema(responses=AvatarSerializer)
    def post(self, request: Request) -> JSONResponse:
        [image] = self.read_body()["avatar"]
        url = change_avatar(
            caller=self.caller,
            content_type=(image.content_type or "").lower(),
            size=image.size,
            content=image,
            now=timezone.now(),
        )
        return JSONResponse({"avatar_url": url})


urlpatterns = [
    route("dashboard", Dashboard.as_view()),
    route("profile", Profile.as_view()),
    route("profile/avatar", Avatar.as_view()),
]
