"""Contract 003, the passport of a vehicle and the links by which it is shared (docs/design, D140)."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.http.bodies import JSONResponse
from common.http.fields import Instant, Miles, StrictBoolean
from common.http.permissions import check_write
from common.http.query import Query
from common.http.routing import route
from common.http.views import serialize
from common.reads.serializers import Derived, Serializer
from inspections.models import ADVISED
from passports import actions
from passports.contents import get_passport
from passports.links import PASSPORTS
from passports.papers.actions import passport_paper
from passports.queries import find_live, get_link
from repair_orders.api.answers import PDF
from repair_orders.papers.serving import pdf_response
from vehicles.api.member import VehicleView
from vehicles.api.member_fuel import Economy
from vehicles.models import OdometerSource, Urgency
from vehicles.schedules.querysets import STATUSES


class PassportReadingSerializer(Serializer):
    date = serializers.DateField(source="on")
    miles = Miles()
    source = serializers.ChoiceField(choices=OdometerSource.values)  # type: ignore[assignment]
    isNewCluster = serializers.BooleanField(
        source="is_base", help_text="Whether it is the first reading of a new instrument cluster."
    )


class PassportWorkSerializer(Serializer):
    date = serializers.DateField(source="on")
    miles = Miles(allow_null=True)
    location = serializers.CharField(allow_blank=True, help_text="Name of the location.")
    jobs = serializers.ListField(child=serializers.CharField(), help_text="Names of the jobs.")


class PassportFindingSerializer(Serializer):
    rating = serializers.ChoiceField(choices=ADVISED)
    name = serializers.CharField()
    measured = serializers.CharField(allow_blank=True)


class PassportInspectionSerializer(Serializer):
    date = serializers.DateField(source="on")
    name = serializers.CharField()
    green = serializers.IntegerField()
    yellow = serializers.IntegerField()
    red = serializers.IntegerField()
    findings = PassportFindingSerializer(many=True)


class PassportAdviceSerializer(Serializer):
    name = serializers.CharField()
    urgency = serializers.ChoiceField(choices=Urgency.values)
    dueDate = serializers.DateField(source="due_on", allow_null=True)
    dueMileage = Miles(source="due_miles", allow_null=True)


class PassportScheduleSerializer(Serializer):
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=STATUSES)
    lastCompletedDate = serializers.DateField(source="last_on", allow_null=True)
    lastCompletedMileage = Miles(source="last_miles", allow_null=True)
    nextDueDate = serializers.DateField(source="due_on", allow_null=True)
    nextDueMileage = serializers.FloatField(source="due_miles", allow_null=True, help_text="Miles.")


class PassportCodeSerializer(Serializer):
    code = serializers.CharField(help_text="Diagnostic trouble code, such as `P0301`.")
    description = serializers.CharField(help_text="What the structure of the code says.")
    since = serializers.DateField()


class PassportFuelSerializer(Serializer):
    fillUps = serializers.IntegerField(source="fill_ups")
    averageMpg = Economy(source="average_mpg", allow_null=True)
    bestMpg = Economy(source="best_mpg", allow_null=True)
    worstMpg = Economy(source="worst_mpg", allow_null=True)


class PassportVehicleSerializer(Serializer):
    year = serializers.IntegerField()
    make = serializers.CharField()
    model = serializers.CharField()
    trim = serializers.CharField(allow_blank=True)
    vin = serializers.CharField(allow_blank=True)
    color = serializers.CharField(allow_blank=True)
    fuelType = serializers.CharField(source="fuel_type", allow_blank=True)
    odometer = Miles(allow_null=True, help_text="Miles. Null if it was never read.")
    odometerDate = serializers.DateField(source="odometer_on", allow_null=True)


class MemberPassportSerializer(Serializer):
    """The history of a vehicle without personal data. What has happened is listed newest first."""

    madeAt = Instant(source="made_at")
    vehicle = PassportVehicleSerializer(source="*")
    earlierOwners = serializers.IntegerField(
        source="earlier_owners", help_text="Previous owners whose history is part of it."
    )
    isCut = serializers.BooleanField(source="is_cut", help_text="Whether older entries are left out.")
    recommendations = PassportAdviceSerializer(many=True)
    schedules = PassportScheduleSerializer(many=True)
    codes = PassportCodeSerializer(many=True)
    work = PassportWorkSerializer(many=True)
    inspections = PassportInspectionSerializer(many=True)
    readings = PassportReadingSerializer(many=True)
    fuel = PassportFuelSerializer()


class MemberPassportLinkSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    url = Derived(PASSPORTS.url_of, "uuid", "token_hash", output=serializers.URLField())
    forNextOwner = serializers.BooleanField(
        source="for_next_owner", help_text="Whether the next owner keeps the history."
    )
    createdAt = Instant(source="created_at")
    expiresAt = Instant(source="expires_at")


class ShareInput(Serializer):
    expiresInDays = serializers.IntegerField(
        source="days",
        min_value=actions.LEAST_DAYS,
        max_value=actions.MOST_DAYS,
        required=False,
        help_text=f"{actions.DAYS} if it is left out.",
    )
    forNextOwner = StrictBoolean(
        source="for_next_owner", required=False, help_text="False if it is left out."
    )


class MemberPassport(VehicleView):
    """Retrieve the passport of a vehicle."""

    @extend_schema(responses=MemberPassportSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        """Retrieve the passport of a vehicle: its history without personal data.

        The history of an earlier owner is part of it if that owner passed it on.
        """
        Query.read(request.query_params)
        passport = get_passport(vehicle=self.vehicle(id), now=timezone.now())
        return JSONResponse(serialize(MemberPassportSerializer, passport))


class MemberPassportPdf(VehicleView):
    """Retrieve the passport of a vehicle as PDF."""

    @extend_schema(responses=PDF)
    def get(self, request: Request, id: UUID | None) -> HttpResponse:
        """Retrieve the passport of a vehicle as PDF."""
        Query.read(request.query_params)
        return pdf_response(passport_paper(get_passport(vehicle=self.vehicle(id), now=timezone.now())))


class MemberPassportLinks(VehicleView):
    """List or make the links of a passport. They are for logins that may write, because a link can be passed on."""

    input_class = ShareInput

    @extend_schema(responses=MemberPassportLinkSerializer(many=True))
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        """List the links of a passport that work, newest first."""
        check_write(self.caller)
        Query.read(request.query_params)
        return JSONResponse(
            [
                serialize(MemberPassportLinkSerializer, link)
                for link in find_live(self.vehicle(id), now=timezone.now())
            ]
        )

    @extend_schema(responses={201: MemberPassportLinkSerializer})
    def post(self, request: Request, id: UUID | None) -> JSONResponse:
        """Share the passport of a vehicle by a link.

        Whoever has the link can read the passport until it expires or is withdrawn. A vehicle has at most 20 links
        that work.
        """
        link = actions.share(vehicle=self.vehicle(id), now=timezone.now(), **self.read_body())
        return JSONResponse(serialize(MemberPassportLinkSerializer, link), status=201)


class MemberPassportLink(VehicleView):
    """Withdraw a link of a passport."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, id: UUID | None, link_id: UUID | None) -> JSONResponse:
        """Withdraw a link of a passport."""
        actions.withdraw(link=get_link(self.vehicle(id), link_id), now=timezone.now())
        return JSONResponse(status=204)


urlpatterns = [
    route("vehicles/<public_id:id>/passport/", MemberPassport.as_view()),
    route("vehicles/<public_id:id>/passport.pdf", MemberPassportPdf.as_view()),
    route("vehicles/<public_id:id>/passport/links/", MemberPassportLinks.as_view()),
    route("vehicles/<public_id:id>/passport/links/<public_id:link_id>/", MemberPassportLink.as_view()),
]
