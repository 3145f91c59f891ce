"""The page of contract 003's web client that asks for the deletion of one's data (docs/design, D17)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.api.member import Confirmation
from accounts.models import User
from common.domain.errors import CustomersOnly
from common.http.address import client_address
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberView
from common.http.fields import OptionalText
from common.http.permissions import Anyone
from common.http.routing import route
from common.reads.serializers import Serializer
from privacy.deletion import request_deletion, request_own_deletion

_MESSAGE = "The request was received. If an account with this email exists, our staff will take care of it."


class DeletionInput(Serializer):
    email = serializers.EmailField(max_length=254)
    reason = OptionalText(max_length=2000)


class RequestDeletion(MemberView):
    """Ask for the deletion of your personal data."""

    permission_classes = [Anyone]
    viewer_methods = frozenset({"POST"})  # it changes nothing of the company
    input_class = DeletionInput

    @extend_schema(responses={202: Confirmation})
    def post(self, request: Request) -> JSONResponse:
        """Ask for the deletion of your personal data.

        Without a token the response is the same whether an account with this email exists or not. With a token the
        email must be the caller's own, or left out. The response is 409 if something stands
        against it, and `error` names the open orders, appointments, returns and invoices.
        """
        address = client_address(request._request)
        if not self.is_signed_in:
            request_deletion(**self.read_body(), address=address)
            return JSONResponse({"message": _MESSAGE}, status=202)
        if self.caller.is_staff:
            raise CustomersOnly
        body = self.read_body(partial=True)
        own = User.objects.values_list("email", flat=True).get(pk=self.caller.user_id)
        if body.pop("email", own) not in (own, None):
            raise serializers.ValidationError({"email": ["This is not the email of your account."]})
        request_own_deletion(user_id=self.caller.user_id, reason=body.get("reason", ""), address=address)
        return JSONResponse({"message": _MESSAGE}, status=202)


urlpatterns = [route("users/request-deletion/", RequestDeletion.as_view())]
