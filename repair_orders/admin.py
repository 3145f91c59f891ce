"""Admin pages of repair orders with their photos, totals and transitions."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesCheckboxFilter
from unfold.enums import ActionVariant

from common.admin.filters import DayRangeFilter, StrictChangeList
from common.admin.pages import (
    HistoryAdmin,
    NoDeleteMixin,
    ReadOnly,
    StaffAdmin,
    badge,
    column,
    transition_button,
)
from common.domain.errors import DomainError
from files.papers import Document
from files.queries import public_url
from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from repair_orders.estimates.models import Estimate
from repair_orders.forms import (
    DenyForm,
    NotesForm,
    ReasonForm,
    RepairOrderForm,
    TotalForm,
)
from repair_orders.lines_admin import (
    JobInline,
    LineFormSet,
    PartLineInline,
    ServiceLineInline,
    lines_can_change,
)
from repair_orders.models import (
    AUTHORISED_STATUSES,
    OPEN_STATUSES,
    REPAIR_ORDER_MACHINE,
    Job,
    RepairOrder,
    RepairOrderStatus,
    RepairPhoto,
)
from repair_orders.papers.actions import authorisations_paper, estimate_paper
from repair_orders.papers.serving import pdf_response
from repair_orders.pricing import admin as pricing_admin  # noqa: F401  # registers its pages
from repair_orders.queries import photos_of, totals_of, totals_with_lines, with_lines
from repair_orders.time_entries import admin as time_entries_admin  # noqa: F401  # registers its pages

STATUS_COLORS = {
    RepairOrderStatus.REQUESTED: "warning",
    RepairOrderStatus.PENDING: "warning",
    RepairOrderStatus.APPROVED: "info",
    RepairOrderStatus.DENIED: "danger",
    RepairOrderStatus.IN_PROGRESS: "info",
    RepairOrderStatus.COMPLETED: "success",
}
# Discounts and tax. They can change only while the lines can.
_TERMS = ("discount_amount", "discount_percent", "tax_percent")


# The states in which each button is shown.
_OFFERED: dict[str, tuple[str, ...]] = {
    "estimate": OPEN_STATUSES,
    "approve": (RepairOrderStatus.PENDING,),
    "deny": (RepairOrderStatus.REQUESTED, RepairOrderStatus.PENDING),
    "start": (RepairOrderStatus.APPROVED,),
    "complete": (RepairOrderStatus.IN_PROGRESS,),
    "stop": AUTHORISED_STATUSES,
    "withdraw": (RepairOrderStatus.APPROVED,),
    "reopen": (RepairOrderStatus.COMPLETED,),
    "retax": OPEN_STATUSES,
    "comeback": (RepairOrderStatus.COMPLETED,),
}


class _OrderChangeList(StrictChangeList):
    """The list of orders with their lines, which the column of totals reads."""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[RepairOrder]:
        return with_lines(super().get_queryset(request, exclude_parameters))


@admin.register(RepairOrder)
class RepairOrderAdmin(NoDeleteMixin, HistoryAdmin):
    noun, machine = "order", REPAIR_ORDER_MACHINE
    form = RepairOrderForm
    list_display: tuple[str, ...] = (
        *("identifier", "created_at", "customer", "vehicle", "summary", "total", "status_badge"),
    )
    list_filter = (("status", ChoicesCheckboxFilter), ("created_at", DayRangeFilter))
    list_filter_submit = True
    list_select_related = ("vehicle", "customer__contact")
    search_fields = (
        "=number",
        "=id",
        "customer__company_name",
        "customer__contact__first_name",
        "customer__contact__last_name",
        "vehicle__vin",
        "vehicle__license_plate",
        "vehicle__unit_number",
        "description",
    )
    date_hierarchy = "created_at"
    ordering = ("-created_at", "-id")
    autocomplete_fields = ("vehicle", "advisor")
    readonly_fields: tuple[str, ...] = (
        *("customer", "status", "totals", "papers", "denial_reason", "photos", "created_at", "uuid"),
        *("estimated_at", "approved_at", "denied_at", "started_at", "completed_at"),
        *("location", "number", "authorised_total", "ceiling", "work_amount", "tax_exemption", "comeback_of"),
    )
    inlines = (JobInline, PartLineInline, ServiceLineInline)
    actions_detail: tuple[str, ...] = (
        *("estimate", "approve", "deny", "start", "complete"),
        *("stop", "withdraw", "reopen", "retax", "comeback"),
    )
    add_fieldsets = (
        (None, {"fields": ("vehicle", "description", "notes")}),
        ("Terms", {"fields": (_TERMS,)}),
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("status", "denial_reason"),
                    ("customer", "vehicle"),
                    ("location", "number"),
                    ("advisor", "po_number"),
                    "comeback_of",
                    ("seen_status", "seen_version"),
                )
            },
        ),
        (
            "Visit",
            {
                "fields": (("promised_at", "key_tag"), ("odometer_in", "odometer_out")),
                "classes": ("collapse",),
            },
        ),
        ("Work", {"fields": ("description", "photos", "notes")}),
        (
            "Totals",
            {
                "fields": (
                    _TERMS,
                    "totals",
                    ("authorised_total", "ceiling", "work_amount"),
                    "tax_exemption",
                    "papers",
                )
            },
        ),
        (
            "Record",
            {
                "fields": (
                    ("created_at", "estimated_at"),
                    ("approved_at", "denied_at"),
                    ("started_at", "completed_at"),
                    "uuid",
                ),
                "classes": ("collapse",),
            },
        ),
    )

    def get_urls(self) -> list[URLPattern]:
        papers = [
            ("<int:object_id>/estimates/<int:revision>.pdf", self.estimate_pdf, "estimate_pdf"),
            ("<int:object_id>/authorisations.pdf", self.authorisations_pdf, "authorisations_pdf"),
        ]
        own = [path(to, self.admin_site.admin_view(view), name=name) for to, view, name in papers]
        return [*own, *super().get_urls()]

    def estimate_pdf(self, request: HttpRequest, object_id: int, revision: int) -> HttpResponse:
        """Show a revision as PDF."""
        rows = Estimate.objects.filter(repair_order=self.order_of(request, object_id))
        estimate = get_object_or_404(rows, revision=revision)
        return self.show_paper(request, object_id, lambda: estimate_paper(estimate, now=timezone.now()))

    def authorisations_pdf(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show the record of all authorisations as PDF."""
        order = self.order_of(request, object_id)
        return self.show_paper(request, object_id, lambda: authorisations_paper(order, now=timezone.now()))

    def order_of(self, request: HttpRequest, object_id: int) -> RepairOrder:
        order = self.get_object(request, str(object_id))
        if order is None:
            raise Http404
        if not self.has_view_permission(request, order):
            raise PermissionDenied
        found: RepairOrder = order
        return found

    def show_paper(self, request: HttpRequest, object_id: int, get: Callable[[], Document]) -> HttpResponse:
        """Return the PDF. An error of the domain becomes a message on the order's page."""
        try:
            return pdf_response(get())
        except DomainError as error:
            self.message_user(request, error.text, messages.ERROR)
            return redirect("admin:repair_orders_repairorder_change", object_id)

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[StrictChangeList]:
        return _OrderChangeList

    def get_readonly_fields(self, request: HttpRequest, obj: RepairOrder | None = None) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        if obj is not None:
            fields = [*fields, "vehicle"]
        return fields if lines_can_change(obj) else [*fields, *_TERMS]

    def save_model(self, request: HttpRequest, obj: RepairOrder, form: RepairOrderForm, change: bool) -> None:
        """Save through the actions that the API calls, which know the location's prices and the order's version."""
        values = form.get_changed()
        if change:
            actions.change_order(order=obj, **values)
            return
        values.setdefault("description", "")
        made = actions.request_repair(
            customer=obj.customer,
            now=timezone.now(),
            **{name: value for name, value in values.items() if value is not None},
        )
        obj.pk, obj._state.adding = made.pk, False
        obj.refresh_from_db()

    def save_related(
        self, request: HttpRequest, form: ModelForm[RepairOrder], formsets: list[LineFormSet], change: bool
    ) -> None:
        order = form.instance
        of_jobs = [formset for formset in formsets if formset.model is Job]
        of_lines = [formset for formset in formsets if formset.model is not Job]
        for formset in of_jobs:
            for job in formset.save(commit=False):
                self.save_job(order, job)
        changed = [line for formset in of_lines for line in formset.save(commit=False)]
        removed = [line for formset in of_lines for line in formset.deleted_objects]
        if changed or removed:
            jobs.change_lines(order=order, save=changed, remove=removed)

    def save_job(self, order: RepairOrder, job: Job) -> None:
        """Add a job to the order, or change its words."""
        if job.pk:
            jobs.change_job(job=job, name=job.name, concern=job.concern, technician=job.technician)
            return
        added = jobs.add_job(order=order, name=job.name, concern=job.concern, takes_first=False)
        if job.technician:
            jobs.change_job(job=added, technician=job.technician)

    def offers(self, row: RepairOrder, button: str) -> bool:
        """Return whether the order's state allows the button."""
        return self.status_of(row) in _OFFERED[button]

    estimate = transition_button(
        "Send estimate",
        estimates.send_estimate,
        ask="Send the customer an estimate of the current lines?",
        done="The estimate was sent.",
        icon="send",
        variant=ActionVariant.PRIMARY,
        form=NotesForm,
        permission=actions.PERMISSIONS["estimate"],
        to=RepairOrderStatus.PENDING,
    )
    approve = transition_button(
        "Approve",
        estimates.approve,
        ask="Approve exactly this total for the customer?",
        done="The order was approved.",
        icon="thumb_up",
        variant=ActionVariant.SUCCESS,
        form=TotalForm,
        permission=actions.PERMISSIONS["approve"],
        to=RepairOrderStatus.APPROVED,
    )
    deny = transition_button(
        "Deny",
        estimates.deny,
        ask="Deny the order for the customer, or because the shop does not take the work?",
        done="The order was denied.",
        icon="thumb_down",
        variant=ActionVariant.DANGER,
        form=DenyForm,
        permission=actions.PERMISSIONS["deny"],
        to=RepairOrderStatus.DENIED,
    )
    start = transition_button(
        "Start",
        actions.start,
        ask="Start the work on the vehicle?",
        done="The work was started.",
        icon="play_arrow",
        variant=ActionVariant.PRIMARY,
        permission=actions.PERMISSIONS["start"],
        to=RepairOrderStatus.IN_PROGRESS,
    )
    complete = transition_button(
        "Complete",
        actions.complete,
        ask="Complete the order? Its total is stored and the customer is notified.",
        done="The order was completed.",
        icon="check",
        variant=ActionVariant.SUCCESS,
        permission=actions.PERMISSIONS["complete"],
        to=RepairOrderStatus.COMPLETED,
    )
    stop = transition_button(
        "Stop",
        actions.stop,
        ask="Stop the work because the customer wants it? Approved jobs are declined.",
        done="The work was stopped.",
        icon="block",
        variant=ActionVariant.DANGER,
        form=ReasonForm,
        permission=actions.PERMISSIONS["stop"],
    )
    withdraw = transition_button(
        "Withdraw",
        estimates.withdraw,
        ask="Withdraw the last authorisation? Its jobs are proposed again.",
        done="The authorisation was withdrawn.",
        icon="undo",
        form=ReasonForm,
        permission=actions.PERMISSIONS["withdraw"],
    )
    reopen = transition_button(
        "Reopen",
        actions.reopen,
        ask="Reopen the order? Its total is counted again when it is completed.",
        done="The order was reopened.",
        icon="lock_open",
        form=ReasonForm,
        permission=actions.PERMISSIONS["reopen"],
    )
    retax = transition_button(
        "Take prices again",
        actions.retax,
        ask="Take tax, exemption, fees and overrun of the location as they are today?",
        done="The prices of the location were taken.",
        icon="sync",
        permission="repair_orders.change_repairorder",
    )
    comeback = transition_button(
        "Comeback",
        actions.come_back,
        ask="Make a new order in which the finished jobs are done again without charge?",
        done="The order of the comeback was made.",
        icon="replay",
        permission="repair_orders.add_repairorder",
    )

    @column("No.", ordering="id")
    def identifier(self, order: RepairOrder) -> str:
        return str(order.reference)

    @column("Problem")
    def summary(self, order: RepairOrder) -> str:
        text = order.description or order.notes
        return text if len(text) <= 60 else f"{text[:59]}…"

    @column("Total")
    def total(self, order: RepairOrder) -> str:
        return f"${totals_with_lines(order).total:,}"

    # Unfold renders a read-only field five times per page, so `photos` and `totals` keep their rows on the order.
    @column("Photos")
    def photos(self, order: RepairOrder) -> SafeString:
        uploads = vars(order).get("uploads") or vars(order).setdefault("uploads", list(photos_of(order)))
        links = ((public_url(upload.key), upload.name) for upload in uploads)
        return format_html_join(", ", '<a href="{}" target="_blank" rel="noopener">{}</a>', links)

    @column("Totals")
    def totals(self, order: RepairOrder) -> SafeString:
        figures = vars(order).get("figures") or vars(order).setdefault("figures", totals_of(order))
        rows = (
            ("", "Subtotal", f"{figures.subtotal:,}"),
            ("", "Discount", f"−{figures.discount:,}" if figures.discount else "0.00"),
            ("", "Tax", f"{figures.tax:,}"),
            ("font-semibold", "Total", f"{figures.total:,}"),
        )
        return format_html(
            '<table class="tabular-nums">{}</table>',
            format_html_join(
                "",
                '<tr class="{}"><td class="pr-8">{}</td><td class="text-right">{}</td></tr>',
                rows,
            ),
        )

    @column("Papers")
    def papers(self, order: RepairOrder) -> SafeString:
        if "papers" not in vars(order):
            vars(order)["papers"] = self.links_of(order)
        links: list[tuple[str, str]] = vars(order)["papers"]
        return format_html_join(", ", '<a href="{}" target="_blank" rel="noopener">{}</a>', links)

    def links_of(self, order: RepairOrder) -> list[tuple[str, str]]:
        """Return URL and text of each paper of an order."""
        revisions = Estimate.objects.filter(repair_order=order).order_by("revision")
        numbers = list(revisions.values_list("revision", "authorisation"))
        links = [
            (reverse("admin:estimate_pdf", args=[order.pk, number]), f"Estimate, revision {number}")
            for number, _ in numbers
        ]
        if any(answer for _, answer in numbers):
            links.append((reverse("admin:authorisations_pdf", args=[order.pk]), "Record of authorisations"))
        return links

    @badge("Status", colors=STATUS_COLORS, ordering="status")
    def status_badge(self, order: RepairOrder) -> tuple[str, str]:
        return order.status, RepairOrderStatus(order.status).label


@admin.register(RepairPhoto)
class RepairPhotoAdmin(ReadOnly, StaffAdmin):
    list_display = ("upload", "repair_order")
    list_select_related = ("upload", "repair_order")
    search_fields = ("upload__name", "=repair_order__id")
    ordering = ("-id",)
