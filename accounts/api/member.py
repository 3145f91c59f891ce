"""Contract 003, "Authentication": tokens and passwords. Registration and sign-in show the whole person and stand in
`portal/api/member.py`."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from accounts import actions, passwords
from common.domain.types import Json
from common.http.address import client_address
from common.http.contracts.member import MemberView
from common.http.permissions import SignedIn
from common.http.responses import JSONResponse
from common.http.routing import route
from common.reads.serializers import Serializer


class RefreshInput(Serializer):
    refreshToken = serializers.CharField(source="refresh", max_length=4096)


class Refreshed(Serializer):
    accessToken = serializers.CharField()


class LogoutInput(Serializer):
    """Either name will do."""

    refreshToken = serializers.CharField(required=False, max_length=4096)
    refresh = serializers.CharField(required=False, max_length=4096)

    def validate(self, attrs: Json) -> Json:
        if not attrs:
            raise serializers.ValidationError({"refreshToken": ["This field is required."]}, code="required")
        return {"refresh": attrs.get("refreshToken") or attrs["refresh"]}


class PasswordChange(Serializer):
    oldPassword = serializers.CharField(source="old_password", trim_whitespace=False, max_length=128)
    newPassword = serializers.CharField(source="password", trim_whitespace=False, max_length=128)


class ForgottenPassword(Serializer):
    email = serializers.EmailField()


class PasswordReset(Serializer):
    token = serializers.CharField(max_length=200)
    password = serializers.CharField(trim_whitespace=False, max_length=128)
    passwordConfirm = serializers.CharField(trim_whitespace=False, max_length=128)

    def validate(self, attrs: Json) -> Json:
        if attrs["password"] != attrs.pop("passwordConfirm"):
            raise serializers.ValidationError({"passwordConfirm": ["The two passwords are not the same."]})
        return attrs


class Said(Serializer):
    message = serializers.CharField()


class Door(MemberView):
    """Open. What `Authorization` says is not looked at: a client that sends its expired token along with everything
    must still get in."""

    permission_classes = [AllowAny]
    authentication_classes = []


class Refresh(Door):
    """Trade a refresh token for a new access token, its claims written anew.

    The refresh token stays good until it expires.
    """

    input_class = RefreshInput

    @extend_schema(responses=Refreshed)
    def post(self, request: Request) -> JSONResponse:
        return JSONResponse({"accessToken": actions.refresh_access(**self.read_body())})


class Logout(Door):
    """End the session of a refresh token; its access token ends with it."""

    input_class = LogoutInput

    @extend_schema(responses={204: None})
    def post(self, request: Request) -> JSONResponse:
        actions.sign_out(**self.read_body(), now=timezone.now())
        return JSONResponse(status=204)


class ChangePassword(MemberView):
    """Trade one's old password for a new one.

    Every session ends, the present one too: sign in with the new password.
    """

    permission_classes = [SignedIn]
    input_class = PasswordChange

    @extend_schema(responses=Said)
    def post(self, request: Request) -> JSONResponse:
        passwords.change_own_password(
            user_id=self.caller.user_id,
            **self.read_body(),
            address=client_address(request._request),
            now=timezone.now(),
        )
        return JSONResponse({"message": "The password is changed. Sign in with the new one."})


class ForgotPassword(Door):
    """Have a link to a new password mailed.

    The answer is the same whether there is an account with this email or not.
    """

    input_class = ForgottenPassword

    @extend_schema(responses={202: Said})
    def post(self, request: Request) -> JSONResponse:
        passwords.ask_for_reset(**self.read_body(), address=client_address(request._request))
        return JSONResponse(
            {"message": "If there is an account with this email, a link to a new password is on its way."},
            status=202,
        )


class ResetPassword(Door):
    """Set a new password by the token of a mailed link.

    The token is good once, and for an hour. Every session of the account ends.
    """

    input_class = PasswordReset

    @extend_schema(responses=Said)
    def post(self, request: Request) -> JSONResponse:
        passwords.reset_password(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        return JSONResponse({"message": "The password is changed. Sign in with the new one."})


urlpatterns = [
    route("auth/refresh/", Refresh.as_view()),
    route("auth/logout/", Logout.as_view()),
    route("auth/password/change/", ChangePassword.as_view()),
    route("auth/forgot-password/", ForgotPassword.as_view()),
    route("auth/reset-password/", ResetPassword.as_view()),
]
