"""Contract 003, "Referrals"."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.models import ReferralStatus, User
from accounts.referrals import refer, referral_link
from common.domain.caller import Caller
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberView
from common.http.fields import Instant
from common.http.permissions import CustomerRole
from common.http.query import Query
from common.http.routing import route
from common.http.views import serialize
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer


class ReferralSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    referrerUser = serializers.UUIDField(source="referrer.uuid", help_text="UUID of the user who referred.")
    referredUser = serializers.UUIDField(
        source="referred.uuid", help_text="UUID of the user who registered with the code."
    )
    code = serializers.CharField(help_text="The code that was used.")
    status = serializers.ChoiceField(choices=ReferralStatus.values)
    rewardsApplied = serializers.DictField(
        source="rewards_applied",
        child=serializers.IntegerField(),
        help_text="`{points}` after the referral is credited.",
    )
    createdAt = Instant(source="created_at")


class ReferralsSerializer(Serializer):
    code = serializers.CharField(
        source="referral_code", help_text="The code of the caller, which others enter when they register."
    )
    link = Derived(
        referral_link,
        "referral_code",
        output=serializers.URLField(help_text="Page of the app to register on, with the code."),
    )
    referrals = ReferralSerializer(many=True, help_text="The users whom the caller referred.")


class CodeInput(Serializer):
    code = serializers.CharField(
        source="referral_code", max_length=20, help_text="Code of the user who referred the caller."
    )


class MyReferrals(MemberView):
    """Retrieve your referral code, its link and the users it referred.

    The newest referral comes first.
    """

    permission_classes = [CustomerRole]

    @staticmethod
    def rows(caller: Caller, filters: object) -> QuerySet[User]:
        return User.objects.filter(pk=caller.user_id).order_by("id")

    read = Read(rows, ReferralsSerializer)

    @extend_schema(responses=ReferralsSerializer)
    def get(self, request: Request) -> JSONResponse:
        return JSONResponse(self.read.one(self.caller, Query.read(request.query_params)))


class ApplyReferral(MemberView):
    """Apply a referral code to your account.

    An account accepts one code, which cannot be changed later.
    """

    permission_classes = [CustomerRole]
    input_class = CodeInput

    @extend_schema(responses={201: ReferralSerializer})
    def post(self, request: Request) -> JSONResponse:
        body = self.read_body()
        referral = refer(friend_id=self.caller.user_id, code=body["referral_code"], now=timezone.now())
        return JSONResponse(serialize(ReferralSerializer, referral), status=201)


urlpatterns = [
    route("referrals/me/", MyReferrals.as_view()),
    route("referrals/apply/", ApplyReferral.as_view()),
]
