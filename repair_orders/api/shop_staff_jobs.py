"""The staff API for the jobs of repair orders and their lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeVar

from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from appointments.models import Technician
from catalogue.models import Part, Service
from catalogue.pricing.models import CannedJob
from catalogue.shelf import actions as shelf
from common.domain.errors import Invalid, Missing
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.etags import WrongMatch
from common.http.fields import DecimalNumber, Id, Money, Quantity, Word
from common.http.permissions import check_role
from common.http.query import Query
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer
from repair_orders import actions, jobs
from repair_orders.models import Condition, Job, PartLine, ServiceKind, ServiceLine
from repair_orders.pricing.models import LabourRate
from repair_orders.worksheet import PART
from vehicles.models import Recommendation

_SEEN = "The version that was seen. Another one is a 409."


class VersionInput(Serializer):
    # No docstring, because the schema would describe the bodies of subclasses by it.
    version = serializers.IntegerField(required=False, min_value=1, help_text=_SEEN)


class JobWordsInput(Serializer):
    name = serializers.CharField(max_length=200, required=False)
    concern = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    cause = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    correction = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    technician_id = Id(required=False, allow_null=True)


class NewJobInput(VersionInput):
    """A job needs a name, or a canned job or a recommendation that gives it one."""

    name = serializers.CharField(max_length=200, required=False)
    concern = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    canned_job_id = Id(required=False)
    recommendation_id = Id(required=False, help_text="Of the vehicle, and open.")


class LineValuesInput(VersionInput):
    """The values of a line. Parts have a quantity and a price, labor has hours and a rate or an amount."""

    name = serializers.CharField(max_length=200, required=False)
    description = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    part_number = serializers.CharField(max_length=60, allow_blank=True, required=False)
    manufacturer = serializers.CharField(max_length=120, allow_blank=True, required=False)
    condition = Word(choices=Condition.values, required=False)
    oem = serializers.BooleanField(required=False, allow_null=True)
    quantity = Quantity(required=False)
    unit_price = Money(required=False, min_value=0)
    hours = DecimalNumber(
        required=False, max_digits=6, decimal_places=2, min_value=Decimal("0.01"), max_value=1_000
    )
    rate = Money(required=False, min_value=0, help_text="Dollars an hour.")
    labour_rate_id = Id(required=False, help_text="A labor rate of the order's location, instead of `rate`.")
    amount = Money(required=False, min_value=0, help_text="A flat amount of labor or sublet work.")
    cost = Money(required=False, min_value=0, allow_null=True)
    taxable = serializers.BooleanField(required=False)
    warranty_months = serializers.IntegerField(min_value=0, max_value=1200, required=False)


class NewLineInput(LineValuesInput):
    """A line of the catalogue has a `part_id` or a `service_id`. A typed line has a name."""

    kind = Word(choices=[PART, ServiceKind.LABOUR.value, ServiceKind.SUBLET.value])
    part_id = Id(required=False)
    service_id = Id(required=False)


class FinishJobInput(VersionInput):
    received = serializers.BooleanField(
        required=False, help_text="Book missing parts as received first. Needs the right to receive parts."
    )


class LineQuery(Query):
    kind = serializers.ChoiceField(
        choices=[PART, ServiceKind.LABOUR.value, ServiceKind.SUBLET.value],
        required=False,
        help_text="Needed if a part line and a service line of the job have the same id.",
    )


# The names of a body that only lines of one kind have.
_OF_PARTS = {"part_id", "part_number", "manufacturer", "condition", "oem", "quantity", "unit_price"}
_OF_WORK = {"service_id", "hours", "rate", "labour_rate_id", "amount"}
_COLUMNS = {"oem": "is_oem"}
Article = TypeVar("Article", Part, Service)


class NotOfThisKind(Invalid):
    code = "not_of_this_kind"


class KindIsNeeded(Invalid):
    code = "kind_is_needed"
    message = "A part line and a service line of this job have this id. Say which by ?kind=."


class NotListed(Invalid):
    code = "not_listed"
    message = "This is not offered any more. Choose another one, or type the line."


class NameIsNeeded(Invalid):
    code = "name_is_needed"
    message = "Give a name, or an id of the catalogue."


class CannedOrRecommended(Invalid):
    code = "canned_or_recommended"
    message = "Give a canned job or a recommendation, not both."


class JobRoutes(StaffViewSet):
    """The routes below `/api/shop/repair-orders/{id}/jobs/`. Each answers the whole order."""

    has_versions = True

    @classmethod
    def routes(cls) -> list[URLPattern]:
        job = "<id:id>/jobs/<id:job_id>/"
        return [
            *super().routes(),
            cls.address("<id:id>/jobs/", post="add_job"),
            cls.address(job, patch="change_job", delete="remove_job"),
            cls.address(f"{job}propose/", post="propose_job"),
            cls.address(f"{job}finish/", post="finish_job"),
            cls.address(f"{job}unfinish/", post="unfinish_job"),
            cls.address(f"{job}lines/", post="add_line"),
            cls.address(f"{job}lines/<id:line_id>/", patch="change_line", delete="remove_line"),
        ]

    def seen_version(self) -> int | None:
        """Return the version in `If-Match`, else that in the body, or None. Raises WrongMatch."""
        seen = self.request.headers.get("If-Match", "")
        if seen == "*":
            return None
        if seen:
            if not re.fullmatch(r'"[0-9]{1,9}"', seen):
                raise WrongMatch('If-Match must be the ETag of the order, such as "3".')
            return int(seen[1:-1])
        body = self.request.data
        version = body.get("version") if isinstance(body, Mapping) else None
        is_one = type(version) is int and version > 0  # another value is named as an error of the body
        return version if is_one else None

    def given(self) -> jobs.By:
        """Return the caller and the time."""
        return {"by": self.caller.user_id, "now": timezone.now()}

    def may_receive(self, body: Json) -> bool:
        """Return whether missing parts are to be booked as received. Raises RoleMayNot."""
        received: bool = body.pop("received", False)
        if received:
            check_role(self.caller, shelf.PERMISSIONS["receive"])
        return received

    def job(self, id: int, job_id: int) -> Job:
        """Return a job of the order. Raises Missing."""
        job = Job.objects.filter(repair_order=self.row(id), pk=job_id).select_related("repair_order").first()
        if job is None:
            raise Missing("Job not found.")
        return job

    def line(self, request: Request, id: int, job_id: int, line_id: int) -> PartLine | ServiceLine:
        """Return a line of the job. Raises Missing, KindIsNeeded.

        Parts and services have ids of their own, so that two lines of a job may have the same.
        """
        kind = LineQuery.read(request.query_params).get("kind")
        job = self.job(id, job_id)
        found: list[PartLine | ServiceLine] = []
        if kind in (None, PART):
            found += PartLine.objects.filter(job=job, pk=line_id).select_related("job", "repair_order")
        if kind != PART:
            work = ServiceLine.objects.filter(job=job, pk=line_id).select_related("job", "repair_order")
            found += work.filter(kind=kind) if kind else work
        if len(found) > 1:
            raise KindIsNeeded(field="kind")
        if not found:
            raise Missing("Line not found.")
        return found[0]

    def add_job(self, request: Request, id: int) -> JSONResponse:
        """Add a proposed job, or a canned job with its lines.

        A job for a recommendation has the lines of the canned job that it is about, if there is one.
        """
        body = self.read_body()
        canned_id, recommendation_id = (
            body.pop(name, None) for name in ("canned_job_id", "recommendation_id")
        )
        if recommendation_id is not None:
            if canned_id is not None:
                raise CannedOrRecommended(field="canned_job_id")
            recommendation = self.one_of(Recommendation, recommendation_id, field="recommendation_id")
            jobs.add_recommended_job(order=self.row(id), recommendation=recommendation, **body)
        elif canned_id is not None:
            canned = self.one_of(CannedJob, canned_id, field="canned_job_id")
            jobs.add_canned_job(order=self.row(id), canned=canned, **body)
        elif not body.get("name"):
            raise NameIsNeeded(field="name")
        else:
            jobs.add_job(order=self.row(id), **body)
        return self.show(id, status=201)

    def change_job(self, request: Request, id: int, job_id: int) -> JSONResponse:
        """Update the words or the technician of a job."""
        body = self.read_body()
        if "technician_id" in body:
            technician_id = body.pop("technician_id")
            body["technician"] = technician_id and self.one_of(
                Technician, technician_id, field="technician_id"
            )
        jobs.change_job(job=self.job(id, job_id), **body)
        return self.show(id)

    def remove_job(self, request: Request, id: int, job_id: int) -> JSONResponse:
        """Remove a proposed job with its lines."""
        jobs.remove_job(job=self.job(id, job_id))
        return self.show(id)

    def propose_job(self, request: Request, id: int, job_id: int) -> JSONResponse:
        """Propose a declined or deferred job again.

        Customers see it once it is sent.
        """
        self.read_body()
        jobs.propose(job=self.job(id, job_id))
        return self.show(id)

    def finish_job(self, request: Request, id: int, job_id: int) -> JSONResponse:
        """Finish an approved job of an order in progress.

        Its stocked parts are taken off the shelf. A missing one is 409 `part_needed`, unless `received` is true.
        """
        received = self.may_receive(self.read_body())
        actions.finish_job(
            job=self.job(id, job_id), by=self.caller.user_id, now=timezone.now(), received=received
        )
        return self.show(id)

    def unfinish_job(self, request: Request, id: int, job_id: int) -> JSONResponse:
        """Take back that a job is done.

        It is approved again, and its parts come back to the shelf. The order must be in progress.
        """
        self.read_body()
        actions.unfinish_job(job=self.job(id, job_id), by=self.caller.user_id, now=timezone.now())
        return self.show(id)

    def add_line(self, request: Request, id: int, job_id: int) -> JSONResponse:
        """Add a line to a job.

        A part without a price takes that of the price matrix if a cost is given, else that of the catalogue. Labor
        without a rate takes the default one of the location.
        """
        body = self.read_body()
        kind, given = body.pop("kind"), self.given()
        job = self.job(id, job_id)
        values = self.values_of(kind, body)
        if kind == PART:
            part_id = values.pop("part_id", None)
            part = self.article(Part, part_id, "part_id")
            self._check_name(part, values)
            jobs.add_part_line(job=job, part=part, given=given, **values)
        else:
            service_id = values.pop("service_id", None)
            service = self.article(Service, service_id, "service_id")
            self._check_name(service, values)
            jobs.add_service_line(job=job, service=service, kind=kind, given=given, **values)
        return self.show(id, status=201)

    @extend_schema(parameters=[LineQuery])
    def change_line(self, request: Request, id: int, job_id: int, line_id: int) -> JSONResponse:
        """Update a line.

        A flat amount of labor takes the place of hours and rate, and the other way round.
        """
        line = self.line(request, id, job_id, line_id)
        kind = PART if isinstance(line, PartLine) else line.kind
        body = self.read_body()
        jobs.change_line(line=line, given=self.given(), **self.values_of(kind, body))
        return self.show(id)

    @extend_schema(parameters=[LineQuery])
    def remove_line(self, request: Request, id: int, job_id: int, line_id: int) -> JSONResponse:
        """Remove a line."""
        line = self.line(request, id, job_id, line_id)
        jobs.remove_line_of_job(line=line, given=self.given())
        return self.show(id)

    def values_of(self, kind: str, body: Json) -> Json:
        """Return the columns of a line, and its labor rate if one is named. Raises Missing, NotOfThisKind."""
        values = line_values(kind, body)
        if "labour_rate_id" in values:
            rate_id = values.pop("labour_rate_id")
            values["labour_rate"] = self.one_of(LabourRate, rate_id, field="labour_rate_id")
        return values

    def article(self, model: type[Article], id: int | None, field: str) -> Article | None:
        """Return the part or service that a line names, or None for a typed line. Raises Missing, NotListed."""
        if id is None:
            return None
        row = self.one_of(model, id, field=field)
        if not row.is_listed:
            raise NotListed(field=field)
        return row

    def _check_name(self, article: object, values: Json) -> None:
        if article is None and not values.get("name"):
            raise NameIsNeeded(field="name")


def line_values(kind: str, body: Json) -> Json:
    """Return the columns of a line. Raises NotOfThisKind for a name that lines of another kind have."""
    foreign = sorted(set(body) & (_OF_WORK if kind == PART else _OF_PARTS))
    if foreign:
        raise NotOfThisKind(f"A line of the kind {kind} has no {foreign[0]}.", field=foreign[0])
    if kind == ServiceKind.SUBLET and "labour_rate_id" in body:
        raise NotOfThisKind("Only labor has a labor rate.", field="labour_rate_id")
    if "amount" in body and {"hours", "rate", "labour_rate_id"} & set(body):
        raise NotOfThisKind("Give hours and a rate, or a flat amount.", field="amount")
    if {"rate", "labour_rate_id"} <= set(body):
        raise NotOfThisKind("Give a labor rate or dollars an hour, not both.", field="labour_rate_id")
    columns = _COLUMNS | ({"cost": "unit_cost"} if kind == PART else {})
    return {columns.get(name, name): value for name, value in body.items()}


JOB_INPUTS: dict[str, type[Serializer]] = {
    "add_job": NewJobInput,
    "change_job": JobWordsInput,
    "propose_job": VersionInput,
    "finish_job": FinishJobInput,
    "unfinish_job": VersionInput,
    "add_line": NewLineInput,
    "change_line": LineValuesInput,
}
JOB_PERMISSIONS = {
    "add_job": "repair_orders.change_repairorder",
    "change_job": "repair_orders.work_repairorder",
    "remove_job": "repair_orders.change_repairorder",
    "propose_job": "repair_orders.change_repairorder",
    "finish_job": actions.PERMISSIONS["finish_job"],
    "unfinish_job": actions.PERMISSIONS["unfinish_job"],
    "add_line": "repair_orders.change_repairorder",
    "change_line": "repair_orders.change_repairorder",
    "remove_line": "repair_orders.change_repairorder",
}
