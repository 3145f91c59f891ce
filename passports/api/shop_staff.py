"""The staff API: the passport of a vehicle, with the history of all its owners (docs/design, D140)."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.http.bodies import JSONResponse
from common.http.fields import Instant
from common.http.query import Query
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
from vehicles.api.shop_staff import StaffVehicles
from vehicles.models import OdometerSource, Urgency
from vehicles.schedules.querysets import STATUSES


def _miles() -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=10, decimal_places=2, allow_null=True, help_text="Miles.")


def _mpg() -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=12, decimal_places=2, allow_null=True)


class ShownReadingSerializer(Serializer):
    on = serializers.DateField()
    miles = _miles()
    source = serializers.ChoiceField(choices=OdometerSource.values)  # type: ignore[assignment]
    is_base = serializers.BooleanField(help_text="The first reading of a new instrument cluster.")


class ShownWorkSerializer(Serializer):
    on = serializers.DateField()
    miles = _miles()
    location = serializers.CharField(allow_blank=True, help_text="Name of the location.")
    jobs = serializers.ListField(child=serializers.CharField(), help_text="Names of the jobs.")


class ShownFindingSerializer(Serializer):
    rating = serializers.ChoiceField(choices=ADVISED)
    name = serializers.CharField()
    measured = serializers.CharField(allow_blank=True)


class ShownInspectionSerializer(Serializer):
    on = serializers.DateField()
    name = serializers.CharField()
    green = serializers.IntegerField()
    yellow = serializers.IntegerField()
    red = serializers.IntegerField()
    findings = ShownFindingSerializer(many=True)


class ShownAdviceSerializer(Serializer):
    name = serializers.CharField()
    urgency = serializers.ChoiceField(choices=Urgency.values)
    due_on = serializers.DateField(allow_null=True)
    due_miles = _miles()


class ShownScheduleSerializer(Serializer):
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=STATUSES)
    last_on = serializers.DateField(allow_null=True)
    last_miles = _miles()
    due_on = serializers.DateField(allow_null=True)
    due_miles = _miles()


class ShownCodeSerializer(Serializer):
    code = serializers.CharField(help_text="Diagnostic trouble code, such as `P0301`.")
    description = serializers.CharField(help_text="What the structure of the code says.")
    since = serializers.DateField()


class ShownFuelSerializer(Serializer):
    fill_ups = serializers.IntegerField()
    average_mpg = _mpg()
    best_mpg = _mpg()
    worst_mpg = _mpg()


class PassportSerializer(Serializer):
    """The history of a vehicle without personal data. What has happened is listed newest first."""

    made_at = Instant()
    year = serializers.IntegerField()
    make = serializers.CharField()
    model = serializers.CharField()
    trim = serializers.CharField(allow_blank=True)
    vin = serializers.CharField(allow_blank=True)
    color = serializers.CharField(allow_blank=True)
    fuel_type = serializers.CharField(allow_blank=True)
    odometer = _miles()
    odometer_on = serializers.DateField(allow_null=True)
    earlier_owners = serializers.IntegerField(help_text="Previous owners whose history is part of it.")
    is_cut = serializers.BooleanField(help_text="Whether older entries are left out.")
    recommendations = ShownAdviceSerializer(many=True)
    schedules = ShownScheduleSerializer(many=True)
    codes = ShownCodeSerializer(many=True)
    work = ShownWorkSerializer(many=True)
    inspections = ShownInspectionSerializer(many=True)
    readings = ShownReadingSerializer(many=True)
    fuel = ShownFuelSerializer()


class PassportLinkSerializer(Serializer):
    id = serializers.UUIDField(source="uuid")
    url = Derived(PASSPORTS.url_of, "uuid", "token_hash", output=serializers.URLField())
    for_next_owner = serializers.BooleanField(help_text="Whether the next owner keeps the history.")
    created_at = Instant()
    expires_at = Instant()


class SharePassportInput(Serializer):
    expires_in_days = serializers.IntegerField(
        source="days",
        min_value=actions.LEAST_DAYS,
        max_value=actions.MOST_DAYS,
        required=False,
        help_text=f"{actions.DAYS} by default.",
    )
    for_next_owner = serializers.BooleanField(
        required=False, help_text="Whether the next owner keeps the history. False if it is left out."
    )


class StaffPassports(StaffVehicles):
    """The passport of a vehicle, which its own room cannot offer, because it does not know orders and inspections."""

    inputs = {"share_passport": SharePassportInput}
    creates = frozenset({"share_passport"})
    permissions = actions.PERMISSIONS

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [
            cls.address("<id:id>/passport/", get="passport"),
            cls.address("<id:id>/passport.pdf", get="passport_pdf"),
            cls.address("<id:id>/passport/links/", get="passport_links", post="share_passport"),
            cls.address("<id:id>/passport/links/<public_id:link_id>/", delete="withdraw_passport"),
        ]

    @extend_schema(responses=PassportSerializer)
    def passport(self, request: Request, id: int) -> JSONResponse:
        """Retrieve the passport of a vehicle: its history without personal data.

        The history of the rows that it continues is included.
        """
        Query.read(request.query_params)
        passport = get_passport(vehicle=self.row(id), now=timezone.now(), with_all_owners=True)
        return JSONResponse(serialize(PassportSerializer, passport))

    @extend_schema(responses=PDF)
    def passport_pdf(self, request: Request, id: int) -> HttpResponse:
        """Retrieve the passport of a vehicle as PDF, as its owner may see it.

        The history of an earlier owner is part of it if that owner passed it on.
        """
        Query.read(request.query_params)
        return pdf_response(passport_paper(get_passport(vehicle=self.row(id), now=timezone.now())))

    @extend_schema(responses=PassportLinkSerializer(many=True))
    def passport_links(self, request: Request, id: int) -> JSONResponse:
        """List the links of a passport that work, newest first."""
        Query.read(request.query_params)
        return JSONResponse(
            [serialize(PassportLinkSerializer, link) for link in find_live(self.row(id), now=timezone.now())]
        )

    @extend_schema(responses={201: PassportLinkSerializer})
    def share_passport(self, request: Request, id: int) -> JSONResponse:
        """Share the passport of a vehicle by a link.

        Whoever has the link can read the passport as the owner sees it, until the link expires or is withdrawn. A
        vehicle has at most 20 links that work.
        """
        link = actions.share(vehicle=self.row(id), now=timezone.now(), **self.read_body())
        return JSONResponse(serialize(PassportLinkSerializer, link), status=201)

    @extend_schema(responses={204: None})
    def withdraw_passport(self, request: Request, id: int, link_id: UUID | None) -> JSONResponse:
        """Withdraw a link of a passport."""
        actions.withdraw(link=get_link(self.row(id), link_id), now=timezone.now())
        return JSONResponse(status=204)


urlpatterns = StaffPassports.routes()
