"""The contact form of contract 003's web client (docs/design, D17)."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.phones import validate_phone
from chat.contact import contact_shop
from common.http.address import client_address
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberView
from common.http.fields import OptionalText
from common.http.permissions import Anyone
from common.http.routing import route
from common.reads.serializers import Serializer


class ContactInput(Serializer):
    name = serializers.CharField(max_length=200)
    email = serializers.EmailField(max_length=254)
    phone = OptionalText(max_length=30, validators=[validate_phone])
    userType = OptionalText(
        source="user_type", max_length=40, help_text="What the sender is, in free words, such as `member`."
    )
    message = serializers.CharField(max_length=5000, help_text="Text of the message.")


class Contacted(Serializer):
    message = serializers.CharField()
    threadId = serializers.UUIDField(
        allow_null=True, help_text="The conversation of a customer with a token."
    )


class Contact(MemberView):
    """The contact form, open to everyone."""

    permission_classes = [Anyone]
    input_class = ContactInput

    @extend_schema(responses={201: Contacted})
    def post(self, request: Request) -> JSONResponse:
        """Send a message to the shop.

        With a customer's token it starts a conversation, otherwise it is mailed to the shop. An address can send twenty
        messages an hour.
        """
        started = contact_shop(
            by=self.caller if self.is_signed_in else None,
            address=client_address(request._request),
            now=timezone.now(),
            **self.read_body(),
        )
        thread = started and str(started.uuid)
        return JSONResponse({"message": "Your message was sent.", "threadId": thread}, status=201)


urlpatterns = [route("auth/contact/", Contact.as_view())]
