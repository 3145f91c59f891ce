"""Contract 002, "Settings APIs" and "Notifications APIs"."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.errors import Missing, NoCustomerRecord
from common.http.bodies import JSONResponse
from common.http.contracts.care import CareList, CareView
from common.http.fields import Instant, StrictBoolean, Word
from common.http.permissions import CustomersOnly
from common.http.query import ListQuery
from common.http.routing import route
from common.http.views import serialize
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer
from customers import actions
from customers.models import Customer, Notification
from customers.preferences import with_defaults
from customers.querysets import NotificationFilters


class Language(serializers.RegexField):
    """A language tag: `en`, `pt-BR`."""

    def __init__(self, *, required: bool = True) -> None:
        super().__init__(r"\A[A-Za-z]{2,3}(-[A-Za-z0-9]{2,4})?\Z", required=required)


class Theme(Word):
    def __init__(self, *, required: bool = True) -> None:
        super().__init__(choices=["light", "dark", "system"], required=required)


class Kinds(Serializer):
    """The four kinds of `preferences.default_notifications`. Contract 004 stores others too."""

    email = serializers.BooleanField(help_text="Whether mail is sent at all.")
    order_updates = serializers.BooleanField(help_text="Whether changes of parts orders are sent.")
    refund_updates = serializers.BooleanField(help_text="Whether changes of returns and refunds are sent.")
    support_replies = serializers.BooleanField(help_text="Whether answers of the support are sent.")


class General(Serializer):
    theme = serializers.CharField()
    timezone = serializers.CharField(
        help_text="Time zone of the application, by its IANA name. The product only stores it."
    )
    currency = serializers.CharField(
        help_text="Currency of the application, ISO 4217. The product only stores it."
    )


class SettingsSerializer(Serializer):
    notifications = Derived(
        with_defaults, "notification_preferences", output=Kinds(help_text="Which notifications are sent.")
    )
    general = General(source="*", help_text="How the application looks.")


class KindsInput(Serializer):
    email = StrictBoolean(required=False, help_text="Whether mail is sent at all.")
    order_updates = StrictBoolean(required=False, help_text="Whether changes of parts orders are sent.")
    refund_updates = StrictBoolean(
        required=False, help_text="Whether changes of returns and refunds are sent."
    )
    support_replies = StrictBoolean(required=False, help_text="Whether answers of the support are sent.")


class GeneralInput(Serializer):
    theme = Theme(required=False)
    timezone = serializers.CharField(
        required=False,
        max_length=50,
        help_text="Time zone of the application, by its IANA name. The product only stores it.",
    )
    currency = serializers.RegexField(
        r"\A[A-Z]{3}\Z", required=False, help_text="ISO 4217, in capitals: `EUR`."
    )


class SettingsInput(Serializer):
    notifications = KindsInput(
        required=False,
        source="notification_preferences",
        help_text="Which notifications are sent. Kinds that are left out stay.",
    )
    general = GeneralInput(
        required=False, source="*", help_text="How the application looks. Values that are left out stay."
    )


class NotificationSerializer(Serializer):
    id = serializers.IntegerField()
    title = serializers.CharField()
    message = serializers.CharField(help_text="Text of the notification.")
    type = serializers.CharField(help_text="Kind of the notification, such as `ORDER`.")
    read = serializers.BooleanField(help_text="Whether the customer has read it.")
    timestamp = Instant(source="created_at")


class NotificationQuery(ListQuery):
    unread_only = serializers.BooleanField(required=False)


def _own(caller: Caller, filters: object) -> QuerySet[Customer]:
    return Customer.objects.visible_to(caller).order_by("id")


_SETTINGS = Read(_own, SettingsSerializer)


class Settings(CareView):
    """Retrieve your settings."""

    permission_classes = [CustomersOnly]
    input_class = SettingsInput

    @extend_schema(responses=SettingsSerializer)
    def get(self, request: Request) -> JSONResponse:
        return self.show()

    @extend_schema(responses=SettingsSerializer)
    def put(self, request: Request) -> JSONResponse:
        """Change your settings.

        Settings that are not sent keep their values.
        """
        actions.change_profile(customer_id=self.caller.account, **self.read_body())
        return self.show()

    def show(self) -> JSONResponse:
        # The customer may have been deleted since the caller was loaded.
        return JSONResponse(_SETTINGS.one(self.caller, {}, NoCustomerRecord))


class Notifications(CareList):
    """List your notifications, newest first."""

    permission_classes = [CustomersOnly]
    query = NotificationQuery
    serializer_class = NotificationSerializer

    @staticmethod
    def rows(caller: Caller, filters: NotificationFilters) -> QuerySet[Notification]:
        return Notification.objects.visible_to(caller).matching(filters).newest_first()


class ReadNotification(CareView):
    """Mark a notification as read.

    A notification that is read already stays unchanged.
    """

    permission_classes = [CustomersOnly]

    @extend_schema(request=None, responses=NotificationSerializer)
    def put(self, request: Request, id: int) -> JSONResponse:
        notification = Notification.objects.visible_to(self.caller).filter(pk=id).first()
        if notification is None:
            raise Missing("Notification not found.")
        actions.mark_read(notification=notification)
        return JSONResponse(serialize(NotificationSerializer, notification))


class DeletedSerializer(Serializer):
    message = serializers.CharField()


class OneNotification(CareView):
    """Delete a notification."""

    permission_classes = [CustomersOnly]

    @extend_schema(responses=DeletedSerializer)
    def delete(self, request: Request, id: int) -> JSONResponse:
        notification = Notification.objects.visible_to(self.caller).filter(pk=id).first()
        if notification is None:
            raise Missing("Notification not found.")
        actions.delete_notification(notification=notification)
        return JSONResponse({"message": "The notification was deleted."})


urlpatterns = [
    route("settings", Settings.as_view()),
    route("notifications", Notifications.as_view()),
    route("notifications/<id:id>", OneNotification.as_view()),
    route("notifications/<id:id>/read", ReadNotification.as_view()),
]
