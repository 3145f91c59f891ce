"""The page *My jobs* of a technician: the running clock, the checks, and what comes next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Prefetch, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from appointments.models import Technician
from appointments.queries import local_time
from catalogue.models import Part
from catalogue.shelf.actions import PERMISSIONS as SHELF_PERMISSIONS
from catalogue.shelf.queries import shortages
from catalogue.shelf.sources import source_of
from common.domain.errors import DomainError
from common.domain.types import Json
from customers.callers import caller_of_user
from desk.jobs.forms import DoneForm, FindingForm, FoundForm
from desk.pages import DeskView
from files.actions import ContentMismatch, ContentTypeMismatch, UnsupportedFileType, save_file
from files.api.serving import upload_response
from inspections import actions as inspections
from inspections.models import Finding, FindingPhoto, Inspection, Template
from inspections.queries import get_photo
from repair_orders import clock
from repair_orders.actions import finish_job, unfinish_job
from repair_orders.jobs import change_job
from repair_orders.models import (
    AUTHORISED_STATUSES,
    OPEN_STATUSES,
    Job,
    JobStatus,
    PartLine,
    RepairOrder,
    RepairOrderStatus,
    ServiceLine,
)
from repair_orders.parts import KIND
from repair_orders.queries import find_jobs_of
from repair_orders.time_entries.models import TimeEntry

MOST = 30
NO_PHOTO = "This is not a photo. Take it again, or send a JPEG or PNG."
RATINGS = [("green", "Good"), ("yellow", "Soon"), ("red", "Now"), ("not_applicable", "N/A")]


class NothingFound(DomainError):
    """What was found has no words, or too many."""

    code = "nothing_found"
    title = "Nothing found"
    message = "Say in up to 200 characters what you found, and press Now or Soon."


class MyJobsPage(DeskView):
    """The jobs of the technician whose login asks. Those who may clock others choose one with `?technician=`."""

    permission = "repair_orders.work_repairorder"
    title = "My jobs"
    may: ClassVar[dict[str, str]] = {
        "choose": clock.PERMISSIONS["clock_others"],
        "inspect": inspections.PERMISSIONS["start_inspection"],
        "finding": inspections.PERMISSIONS["finish"],
        "found": inspections.PERMISSIONS["add_finding"],
        "finish": inspections.PERMISSIONS["finish"],
        "receive": SHELF_PERMISSIONS["receive"],
    }

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.ask()

    def post(self, request: HttpRequest) -> HttpResponseBase:
        technician, do = self.technician(), request.POST.get("do", "")
        if do in self.may and not request.user.has_perm(self.may[do]):
            raise PermissionDenied
        steps: dict[str, Callable[[Technician], str]] = {
            "clock_in": self.clock_in,
            "clock_out": self.clock_out,
            "done": self.done,
            "undone": self.undone,
            "inspect": self.inspect,
            "finding": self.finding,
            "found": self.add_found,
            "finish": self.finish,
        }
        step = steps.get(do)
        if technician is None or step is None:
            return redirect("my-jobs")
        is_part = request.headers.get("X-Part") == "finding"
        try:
            anchor = step(technician)
        except inspections.StillUnrated:
            return redirect(self.url_of_unrated(technician))
        except DomainError as error:
            if is_part:
                return render(request, "desk/jobs/refusal.html", {"text": error.text}, status=409)
            messages.error(request, error.text)
            return redirect(f"{request.get_full_path()}#top")
        except _Refused as refusal:
            return self.ask(done=refusal.form)
        if is_part:
            return self.show_finding(technician)
        return redirect(self.url(technician, anchor))

    # --- Steps: each returns the anchor to which the page goes back ------------------------------------------

    def clock_in(self, technician: Technician) -> str:
        job = get_object_or_404(Job.objects.select_related("repair_order"), pk=self.number("job"))
        switch = self.request.POST.get("switch") == "yes"
        clock.clock_in(technician=technician, job=job, switch=switch, by=self.by(), now=timezone.now())
        return ""

    def clock_out(self, technician: Technician) -> str:
        now = timezone.now()
        job = clock.clock_out(technician=technician, by=self.by(), now=now).job
        entries = TimeEntry.objects.filter(
            technician=technician, job=job, started__gte=_midnight(technician, now)
        )
        worked = sum(((entry.ended or now) - entry.started for entry in entries), start=now - now)
        messages.success(self.request, f"Stopped: {_clock(int(worked.total_seconds()))} on {job.name} today.")
        return ""

    def done(self, technician: Technician) -> str:
        """Finish a job with what was done in words. Its clock stops."""
        job = get_object_or_404(Job.objects.select_related("repair_order"), pk=self.number("job"))
        form = DoneForm(self.request.POST)
        if not form.is_valid():
            raise _Refused(form)
        if received := form.cleaned_data["received"]:
            self.refuse_without(self.may["receive"])
        try:
            with transaction.atomic():
                finish_job(job=job, by=self.by(), now=timezone.now(), received=received)
                change_job(job=job, correction=form.cleaned_data["correction"])
        except DomainError as error:
            form.add_error(None, error.text)
            raise _Refused(form) from error
        messages.success(self.request, f"{job.name} is done.")
        return ""

    def undone(self, technician: Technician) -> str:
        """Take back that a job is done. What was written about it stays, and no clock starts."""
        job = get_object_or_404(Job.objects.select_related("repair_order"), pk=self.number("job"))
        unfinish_job(job=job, by=self.by(), now=timezone.now())
        messages.success(self.request, f"{job.name} is not done. Start it to go on.")
        return ""

    def inspect(self, technician: Technician) -> str:
        """Start the checks of the job on which the clock runs, or those of an order before its estimate."""
        if "job" in self.request.POST:
            order = get_object_or_404(RepairOrder, jobs=self.number("job"))
        else:
            order = get_object_or_404(RepairOrder, pk=self.number("order"))
        template = get_object_or_404(Template, pk=self.number("template"))
        inspections.start_inspection(
            order=order, template=template, technician=technician, by=self.by(), now=timezone.now()
        )
        return "checks" if "job" in self.request.POST else "checked"

    def finding(self, technician: Technician) -> str:
        """Record what was found about one item, and a photo of it."""
        finding, now = self.found(), timezone.now()
        form = FindingForm(self.request.POST, self.request.FILES)
        if not form.is_valid():
            raise inspections.WrongPhotoType(
                NO_PHOTO
                if "photo" in form.errors
                else " ".join(str(text) for texts in form.errors.values() for text in texts)
            )
        values: dict[str, Any] = form.sent
        photo = form.cleaned_data["photo"]
        if photo is not None or (drop := self.request.POST.get("drop")):
            kept = list(
                FindingPhoto.objects.filter(finding=finding).in_order().values_list("upload__uuid", flat=True)
            )
            if photo is not None:
                kept.append(self.stored(photo, now))
            else:
                kept = [uuid for uuid in kept if str(uuid) != drop]
            values["photos"] = kept
        with _photo():
            inspections.record_finding(finding=finding, by=self.by(), now=now, **values)
        return f"finding-{finding.pk}"

    def add_found(self, technician: Technician) -> str:
        """Add what is no item of the template. A photo that is refused does not take the words with it."""
        inspection, now = get_object_or_404(Inspection, pk=self.number("inspection")), timezone.now()
        form = FoundForm(self.request.POST, self.request.FILES)
        form.is_valid()
        if "name" in form.errors or "rating" in form.errors:
            raise NothingFound
        finding = inspections.add_finding(
            inspection=inspection,
            name=form.cleaned_data["name"],
            rating=form.cleaned_data["rating"],
            by=self.by(),
            now=now,
        )
        if "photo" in form.errors:
            raise inspections.WrongPhotoType(NO_PHOTO)
        if (photo := form.cleaned_data["photo"]) is not None:
            kept = FindingPhoto.objects.filter(finding=finding).in_order()
            photos = [*kept.values_list("upload__uuid", flat=True), self.stored(photo, now)]
            with _photo():
                inspections.record_finding(finding=finding, by=self.by(), now=now, photos=photos)
        return f"finding-{finding.pk}"

    def finish(self, technician: Technician) -> str:
        inspection = get_object_or_404(Inspection, pk=self.number("inspection"))
        anyway = self.request.POST.get("anyway") == "yes"
        inspections.finish_inspection(inspection=inspection, anyway=anyway, by=self.by(), now=timezone.now())
        text = f"{inspection.name} is finished. The desk can quote from it, and the customer can see it."
        messages.success(self.request, text)
        return ""

    # --- What the page shows ---------------------------------------------------------------------------------

    def ask(self, done: DoneForm | None = None) -> HttpResponse:
        technician = self.technician()
        if technician is None:
            return self.show("desk/jobs/nobody.html", {"technicians": self.technicians()})
        now, running = timezone.now(), clock.get_running(technician)
        jobs = list(find_jobs_of(technician)[:MOST])
        context: Json = {
            "ratings": RATINGS,
            "technician": technician,
            "technicians": self.technicians(),
            "running": running,
            "jobs": [self.next_of(job) for job in jobs if running is None or job.pk != running.job_id],
            "offered": self.offered(technician),
            "ended": self.ended(technician, now),
            "done_form": done,
            "unrated": _id(self.request.GET.get("unrated", "")),
        }
        if running is not None:
            context |= self.current(running, now)
        context |= self.checking(running, technician)
        return self.show("desk/jobs/jobs.html", context)

    def checking(self, running: TimeEntry | None, technician: Technician) -> Json:
        """Return the order that is checked without a clock, and those that are here and wait for their checks."""
        if not self.request.user.has_perm(self.may["inspect"]):
            return {}
        here = self.here(technician)
        found: Json = {"here": here, "all_templates": self.templates(None) if here else []}
        if asked := self.order_id():
            rows = RepairOrder.objects.filter(pk=asked, status__in=OPEN_STATUSES).select_related("vehicle")
            order = rows.first()
            if order is not None and (running is None or running.job.repair_order_id != order.pk):
                found |= {"checked": order, "checked_inspections": self.inspections(order.pk)}
                found["here"] = [row for row in here if row != order]
        return found

    def here(self, technician: Technician) -> list[RepairOrder]:
        """Return the orders that are checked in and wait for their checks, at their location or of their visits."""
        mine = Q(appointment__technician=technician)
        if technician.location_id is not None:
            mine |= Q(location=technician.location_id)
        made = Inspection.objects.filter(repair_order=OuterRef("pk"))
        rows = RepairOrder.objects.filter(
            mine,
            ~Exists(made) | Exists(made.filter(finished_at=None)),
            status__in=(RepairOrderStatus.REQUESTED, RepairOrderStatus.PENDING),
            checked_in_at__isnull=False,
        ).annotate(is_begun=Exists(made))
        rows = rows.select_related("vehicle", "location", "appointment")
        return list(rows.order_by(F("promised_at").asc(nulls_last=True), "id")[:MOST])

    def current(self, running: TimeEntry, now: datetime) -> Json:
        """Return what the page shows of the job on which the clock runs."""
        job = Job.objects.select_related("repair_order__vehicle", "repair_order__location").get(
            pk=running.job_id
        )
        order = job.repair_order
        entries = TimeEntry.objects.filter(technician=running.technician, job=job)
        worked = sum(((entry.ended or now) - entry.started for entry in entries), start=now - now)
        short = shortages(source_of(KIND, job.pk))
        missing = Part.objects.filter(pk__in=short).select_related("on_order").order_by("pk")
        place = order.location
        return {
            "job": job,
            "order": order,
            "running_vehicle": order.vehicle,  # the lists have an `order` of their own
            "worked": worked,
            "worked_seconds": int(worked.total_seconds()),
            "worked_text": _clock(int(worked.total_seconds())),
            "since": _at(running.started, place),
            "has_break": len(entries) > 1,
            "sold": sum(
                (line.hours for line in ServiceLine.objects.filter(job=job) if line.hours is not None),
                start=0,
            ),
            "promised": _at(order.promised_at, place) if order.promised_at else "",
            "parts": list(PartLine.objects.filter(job=job).in_order()),
            "short": [(part, short[part.pk]) for part in missing],
            "inspections": self.inspections(order.pk),
            "templates": self.templates(order.pk),
        }

    def inspections(self, order_id: int) -> list[Inspection]:
        photos = Prefetch("photos", FindingPhoto.objects.select_related("upload").in_order())
        findings = Finding.objects.in_order().prefetch_related(photos)
        rows = Inspection.objects.filter(repair_order_id=order_id, finished_at=None).order_by("id")
        return list(rows.prefetch_related(Prefetch("findings", findings)))

    def templates(self, order_id: int | None) -> list[Template]:
        """Return the templates that this order has not used yet."""
        used = Inspection.objects.filter(repair_order_id=order_id).values("name")
        return list(Template.objects.filter(is_listed=True).exclude(name__in=used).order_by("name"))

    def next_of(self, job: Job) -> Json:
        order = job.repair_order
        return {
            "job": job,
            "order": order,
            "promised": _at(order.promised_at, order.location) if order.promised_at else "",
        }

    def offered(self, technician: Technician) -> list[Job]:
        """Return approved jobs without a technician, of orders whose visit is theirs or that are at their location."""
        mine = Q(repair_order__appointment__technician=technician)
        if technician.location_id is not None:
            mine |= Q(repair_order__location=technician.location_id)
        rows = Job.objects.filter(
            mine,
            technician=None,
            status=JobStatus.APPROVED,
            repair_order__status__in=AUTHORISED_STATUSES,
        )
        return list(
            rows.select_related("repair_order__vehicle").order_by("repair_order__promised_at", "id")[:MOST]
        )

    def ended(self, technician: Technician, now: datetime) -> list[Job]:
        """Return the jobs on which the technician has worked today and that are done."""
        begin = _midnight(technician, now)
        worked = TimeEntry.objects.filter(technician=technician, started__gte=begin).values("job")
        rows = Job.objects.filter(pk__in=worked, status=JobStatus.DONE)
        return list(rows.select_related("repair_order__vehicle").order_by("-pk")[:MOST])

    def technician(self) -> Technician | None:
        """Return the technician of the page. Who may clock others can name one."""
        rows = Technician.objects.select_related("location")
        chosen = self.request.GET.get("technician", "")
        is_id = chosen.isascii() and chosen.isdigit() and len(chosen) < 16
        if is_id and self.request.user.has_perm(self.may["choose"]):
            return rows.filter(pk=int(chosen)).first()
        return rows.filter(user_id=self.by()).first()

    def technicians(self) -> list[Technician]:
        if not self.request.user.has_perm(self.may["choose"]):
            return []
        return list(Technician.objects.order_by("name", "id")[:200])

    def found(self) -> Finding:
        rows = Finding.objects.select_related("inspection__repair_order")
        found: Finding = get_object_or_404(rows, pk=self.number("finding"))
        return found

    def show_finding(self, technician: Technician) -> HttpResponse:
        photos = Prefetch("photos", FindingPhoto.objects.select_related("upload").in_order())
        rows = Finding.objects.select_related("inspection__repair_order__location").prefetch_related(photos)
        finding = rows.get(pk=self.number("finding"))
        saved = _at(timezone.now(), technician.location or finding.inspection.repair_order.location)
        return render(
            self.request, "desk/jobs/finding.html", {"finding": finding, "saved": saved, "ratings": RATINGS}
        )

    def stored(self, photo: Any, now: datetime) -> UUID:
        """Store a photo, an uploaded file, and return its uuid."""
        assert self.request.user.is_authenticated
        with _photo():
            upload = save_file(
                caller=caller_of_user(self.request.user),
                filename=photo.name or "photo",
                content_type=photo.content_type or "",
                size=photo.size or 0,
                content=photo,
                now=now,
            )
        return upload.uuid

    def number(self, name: str) -> int:
        text = self.request.POST.get(name, "")
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            raise Http404
        return int(text)

    def order_id(self) -> int:
        """Return the id of the order whose checks are shown without a clock, 0 for none."""
        return _id(self.request.POST.get("order") or self.request.GET.get("order", ""))

    def url(self, technician: Technician, anchor: str = "", **query: int) -> str:
        """Return the page at an anchor, else at its top, where messages are.

        A browser takes the anchor of the form's page to a redirect that has none, and would scroll away from a message.
        """
        if technician.user_id != self.by():
            query["technician"] = technician.pk
        if anchor and self.order_id():
            query["order"] = self.order_id()
        page = reverse("my-jobs") + (f"?{urlencode(query)}" if query else "")
        return f"{page}#{anchor or 'top'}"

    def url_of_unrated(self, technician: Technician) -> str:
        """Return the page at the first item without a rating. It marks all of them, and names them at the button."""
        inspection = self.number("inspection")
        first = Finding.objects.filter(inspection=inspection, rating=None).in_order().first()
        return self.url(technician, f"finding-{first.pk}" if first else "checks", unrated=inspection)


class FindingPhotoPage(DeskView):
    """A photo of an inspection, on this page and on that of its order."""

    permission = "inspections.view_inspection"

    def get(self, request: HttpRequest, inspection_id: int, photo_id: UUID | None) -> HttpResponseBase:
        inspection = get_object_or_404(Inspection, pk=inspection_id)
        return upload_response(
            request, get_photo(inspection, photo_id), cache="private, max-age=86400, immutable"
        )


@contextmanager
def _photo() -> Iterator[None]:
    """Say of a file that is no photo what to do instead of what it is."""
    try:
        yield
    except (ContentMismatch, ContentTypeMismatch, UnsupportedFileType, inspections.WrongPhotoType) as error:
        raise inspections.WrongPhotoType(NO_PHOTO) from error


class _Refused(Exception):
    """A form that is shown again with what was typed."""

    def __init__(self, form: DoneForm) -> None:
        super().__init__(form)
        self.form = form


def _id(text: str) -> int:
    """Return an id of the query, 0 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def _midnight(technician: Technician, now: datetime) -> datetime:
    """Return when the day began at the technician's location."""
    local = now if technician.location is None else local_time(technician.location, now)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds % 3600 // 60:02}"


def _at(at: datetime, location: Any) -> str:
    local = local_time(location, at) if location is not None else timezone.localtime(at)
    return f"{local:%H:%M}"
