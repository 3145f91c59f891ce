"""Admin pages of templates of inspections, and of inspections with their findings."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import BooleanRadioFilter

from common.admin.filters import DayRangeFilter
from common.admin.pages import HistoryAdmin, ReadOnly, ReadOnlyInline, StaffInline, column
from common.domain.errors import DomainError
from common.domain.types import AnyQuerySet
from files.queries import public_url
from inspections.models import Finding, FindingPhoto, Inspection, Rating, Template, TemplateItem
from inspections.papers.actions import inspection_paper
from repair_orders.papers.serving import pdf_response

NOT_RATED = "Not rated"


class TemplateItemInline(StaffInline):
    model = TemplateItem
    fields = ("position", "group", "name", "unit", "canned_job")
    ordering = ("position", "id")
    autocomplete_fields = ("canned_job",)
    extra = 0


@admin.register(Template)
class TemplateAdmin(HistoryAdmin):
    list_display = ("name", "is_listed")
    list_filter = (("is_listed", BooleanRadioFilter),)
    search_fields = ("name",)
    ordering = ("name", "id")
    fields = (("name", "is_listed"),)
    inlines = (TemplateItemInline,)


class FindingInline(ReadOnlyInline):
    """The findings of an inspection, in their order."""

    model = Finding
    fields = ("group", "name", "rated", "measured", "note", "pictures", "job")
    readonly_fields = fields
    ordering = ("position", "id")
    hide_title = True

    def get_queryset(self, request: HttpRequest) -> AnyQuerySet:
        photos = FindingPhoto.objects.select_related("upload").in_order()
        rows = super().get_queryset(request).select_related("job")
        return rows.prefetch_related(Prefetch("photos", photos))  # type: ignore[no-any-return]

    @column("Rating")
    def rated(self, finding: Finding) -> str:
        return Rating(finding.rating).label if finding.rating else NOT_RATED

    @column("Value")
    def measured(self, finding: Finding) -> str:
        return f"{finding.value} {finding.unit}".strip() if finding.value else ""

    @column("Photos")
    def pictures(self, finding: Finding) -> SafeString:
        uploads = [photo.upload for photo in finding.photos.all()]
        links = ((public_url(upload.key), upload.name) for upload in uploads)
        return format_html_join(", ", '<a href="{}" target="_blank" rel="noopener">{}</a>', links)


@admin.register(Inspection)
class InspectionAdmin(ReadOnly, HistoryAdmin):
    """Inspections. They are started and recorded at the vehicle, by the desk's pages and the staff's API."""

    list_display = ("name", "repair_order", "vehicle", "technician", "started_at", "finished_at")
    list_filter = (("started_at", DayRangeFilter),)
    list_filter_submit = True
    list_select_related = ("repair_order__vehicle", "technician")
    search_fields = ("name", "=repair_order__id")
    ordering = ("-id",)
    fields = (
        ("repair_order", "vehicle"),
        ("name", "technician"),
        ("started_at", "finished_at"),
        "paper_link",
    )
    readonly_fields = ("vehicle", "paper_link")
    inlines = (FindingInline,)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.inspection_pdf)
        own = path("<int:object_id>/inspection.pdf", view, name="inspection_pdf")
        return [own, *super().get_urls()]

    def inspection_pdf(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show a finished inspection as PDF. An error of the domain becomes a message on its page."""
        inspection = self.get_object(request, str(object_id))
        if inspection is None:
            raise Http404
        if not self.has_view_permission(request, inspection):
            raise PermissionDenied
        try:
            return pdf_response(inspection_paper(inspection, now=timezone.now()))
        except DomainError as error:
            self.message_user(request, error.text, messages.ERROR)
            return redirect("admin:inspections_inspection_change", object_id)

    @column("Vehicle")
    def vehicle(self, inspection: Inspection) -> Any:
        return inspection.repair_order.vehicle

    @column("Paper")
    def paper_link(self, inspection: Inspection) -> str | SafeString:
        if inspection.finished_at is None:
            return "when it is finished"
        url = reverse("admin:inspection_pdf", args=[inspection.pk])
        return format_html('<a href="{}" target="_blank" rel="noopener">Inspection as PDF</a>', url)
