"""Base classes of the admin's pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import tzinfo
from functools import partial
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils import timezone
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from common.admin.filters import StrictChangeList
from common.admin.parameters import bad_parameter, fault_of_history, refuse_other_keys
from common.domain import events
from common.domain.errors import DomainError
from common.domain.number_fields import NUMBERS
from common.domain.recent_password import require_recent_password
from common.domain.texts import tidy
from common.domain.transitions import Machine
from common.domain.types import AnyModelField, AnyQuerySet, Json, Values

Column = TypeVar("Column", bound=Callable[..., object])
Button = Callable[..., HttpResponse]
Verb = Callable[..., object]


def column(
    description: str, *, ordering: str | None = None, boolean: bool | None = None
) -> Callable[[Column], Column]:
    """Declare a computed column of a list, or a computed line of a form."""
    decorate: Callable[[Column], Column] = display(
        description=description, ordering=ordering, boolean=boolean
    )
    return decorate


def dollars(description: str, name: str) -> Callable[..., str]:
    """Return a column that shows the row's attribute `name` as an amount."""

    def shown(self: StaffAdmin, row: models.Model) -> str:
        return f"${getattr(row, name):,}"

    return column(description)(shown)


def badge(description: str, *, colors: Mapping[Any, str], ordering: str) -> Callable[[Column], Column]:
    """Declare a column that shows a value as a badge. `colors` is value -> success, info, warning or danger."""
    decorate: Callable[[Column], Column] = display(
        description=description, ordering=ordering, label=dict(colors)
    )
    return decorate


def transition_button(
    title: str,
    verb: Verb,
    *,
    ask: str,
    done: str,
    icon: str,
    variant: ActionVariant = ActionVariant.DEFAULT,
    form: type[forms.Form] | None = None,
    permission: str = "change",
    to: str = "",
    is_sensitive: bool = False,
) -> Button:
    """Return a button of a change page that calls `verb(<noun>=row, by=acting user's id, now=now, **answers)`.

    The noun is that of the page. Without one, row, user and time are passed by position. The button opens a dialog, so
    that the call is a POST and not a link. `answers` are the fields of `form`, named like the verb's arguments.
    `permission` is `app.codename`, as in the API, or one of the admin's own such as `change`. `to` is the state to
    which the verb leads. The button is shown only where the page's machine allows that. A sensitive button asks for the
    password if it was not entered recently.
    """

    decorate: Callable[[Button], Button] = action(
        description=title,
        icon=icon,
        variant=variant,
        permissions=[permission.rpartition(".")[2]],
        dialog={"title": title, "description": ask, "form_class": form, "form_submit_text": title},
    )

    def press(self: StaffAdmin, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        if is_sensitive:
            require_recent_password(request.session, now=timezone.now())
        answers = {name: value for name, value in form.cleaned_data.items() if name != "_form_submitted"}
        return self.act(request, object_id, partial(verb, **answers), done=done)

    button = decorate(press)
    vars(button).update(asks_for=permission, leads_to=to)
    return button


def _permitted(permission: str) -> Callable[..., bool]:
    def has_permission(self: StaffAdmin, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return request.user.has_perm(permission)

    return has_permission


class SensitiveStepsMixin:
    """Pages that ask for the password before rows are deleted, if it was not entered recently."""

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Json | None = None
    ) -> HttpResponse:
        if request.method == "POST":
            require_recent_password(request.session, now=timezone.now())
        response: HttpResponse = super().delete_view(request, object_id, extra_context)  # type: ignore[misc]
        return response

    def response_action(self, request: HttpRequest, queryset: AnyQuerySet) -> HttpResponse | None:
        # The first POST shows which rows would be deleted, the second one carries the confirmation.
        if request.POST.get("action") == "delete_selected" and request.POST.get("post"):
            require_recent_password(request.session, now=timezone.now())
        response: HttpResponse | None = super().response_action(request, queryset)  # type: ignore[misc]
        return response


class StaffAdmin(SensitiveStepsMixin, ModelAdmin):
    """Pages that act through the domain: rows locked for a save, errors as messages, buttons that fit the status.

    `noun` is the name of the row's argument in the domain's actions, `machine` the table of its states.
    """

    noun: ClassVar[str] = ""
    machine: ClassVar[Machine] = {}

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Add a method for the permission of each button.

        Unfold looks up a dotted permission in the database already when it checks the project, but calls a method late.
        """
        super().__init_subclass__(**kwargs)
        for button in list(vars(cls).values()):
            app, _, codename = getattr(button, "asks_for", "").rpartition(".")
            if app:
                setattr(cls, f"has_{codename}_permission", _permitted(f"{app}.{codename}"))

    formfield_overrides: Mapping[type[AnyModelField], Values] = {
        **NUMBERS,
        models.URLField: {"assume_scheme": "https"},
        models.TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})},
    }
    delete_confirmation_template: Any = "common/delete.html"
    show_full_result_count = False
    list_per_page = 50
    compressed_fields = True
    warn_unsaved_form = True

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the row. Lock it for a POST, so that the save writes over the row that its rules have read."""
        row = super().get_object(request, object_id, from_field)
        if row is not None and request.method == "POST":
            row.refresh_from_db(from_queryset=self.model._base_manager.select_for_update(no_key=True))
        return row

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save the row and record its event. A page whose save is an action does not come here."""
        super().save_model(request, obj, form, change)
        if not change:
            events.record_new(obj)
        elif form.has_changed():
            events.record_change(obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if change and not form.has_changed() and any(formset.has_changed() for formset in formsets):
            events.record_change(form.instance)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        events.record_removal(obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: AnyQuerySet) -> None:
        events.record_all("removed", list(queryset), at=timezone.now())
        super().delete_queryset(request, queryset)

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[StrictChangeList]:
        return StrictChangeList

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list. A refused parameter becomes a message, and Django shows the list without parameters."""
        try:
            return super().get_changelist_instance(request)
        except IncorrectLookupParameters as error:
            self.message_user(request, f"Nothing was filtered. {error}", messages.ERROR)
            raise

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Return the searched columns. Without a prefix of Django's a column is searched as the API does it."""
        names = super().get_search_fields(request)
        return [name if name.startswith(("=", "^", "@")) else f"{name}__has_text" for name in names]

    def get_search_results(
        self, request: HttpRequest, queryset: AnyQuerySet, search_term: str
    ) -> tuple[AnyQuerySet, bool]:
        found: tuple[AnyQuerySet, bool] = super().get_search_results(request, queryset, tidy(search_term))
        return found

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Json | None = None
    ) -> HttpResponse:
        if fault := fault_of_history(request):
            return bad_parameter(self, request, fault)
        response: HttpResponse = super().history_view(request, object_id, extra_context)
        return response

    def zone_of(self, row: Any) -> tzinfo | None:
        """Return the time zone of the row's page, or None for the project's."""
        return None

    def _in_zone_of(self, request: HttpRequest, object_id: str | None, view: Callable[[], Any]) -> Any:
        """Return the view's response, rendered in the time zone of the row."""
        has_zone = object_id and type(self).zone_of is not StaffAdmin.zone_of
        row = super().get_object(request, unquote(str(object_id))) if has_zone else None
        if row is None:
            return view()
        with timezone.override(self.zone_of(row)):
            response = view()
            if isinstance(response, SimpleTemplateResponse):
                response.render()
            return response

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Json | None = None,
    ) -> HttpResponse:
        """Show or save the form. An error of the domain becomes a message."""
        view = partial(super().changeform_view, request, object_id, form_url, extra_context)
        try:
            with transaction.atomic() if request.method == "POST" else nullcontext():
                response: HttpResponse = self._in_zone_of(request, object_id, view)
                return response
        except DomainError as error:
            return self.refused(request, error)

    def refused(self, request: HttpRequest, error: DomainError) -> HttpResponse:
        """Return the response to a form that the domain refuses."""
        self.message_user(request, error.text, messages.ERROR)
        return redirect(request.get_full_path())

    def render_change_form(
        self,
        request: HttpRequest,
        context: Json,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """Show the permitted buttons that the row's status allows."""
        permitted = context.get("actions_detail", ())
        context["actions_detail"] = [
            entry for entry in permitted if self.offers(obj, _name(entry)) and self.may_act_on(request, obj)
        ]
        response: HttpResponse = super().render_change_form(request, context, add, change, form_url, obj)
        return response

    def offers(self, row: Any, button: str) -> bool:
        """Return whether the row's status allows the button with this method name."""
        to = getattr(type(self), button).leads_to
        return not to or to in self.machine[self.status_of(row)]

    def may_act_on(self, request: HttpRequest, row: Any) -> bool:
        """Return whether the user may press the buttons of this row. Unfold checks permissions without the row."""
        return True

    def status_of(self, row: Any) -> str:
        """Return the row's status in the machine."""
        return str(row.status)

    def act(self, request: HttpRequest, object_id: str, verb: Verb, *, done: str) -> HttpResponse:
        """Call the verb for the row, show a message about the result, and redirect to the row."""
        try:
            with transaction.atomic():
                row = self.get_object(request, unquote(object_id))
                if row is None:
                    raise Http404
                if not self.may_act_on(request, row):
                    raise PermissionDenied
                by, now = request.user.pk, timezone.now()
                verb(**{self.noun: row}, by=by, now=now) if self.noun else verb(row, by, now)
        except DomainError as error:
            self.message_user(request, error.text, messages.ERROR)
        else:
            self.message_user(request, done, messages.SUCCESS)
        url = reverse(
            f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id]
        )
        if request.headers.get("HX-Request"):  # the dialog was open over the page
            return HttpResponse(headers={"HX-Redirect": url})
        return redirect(url)


def _name(entry: Values) -> str:
    """Return the name of a button's method, which is the last part of its URL."""
    return str(entry["path"]).rstrip("/").rpartition("/")[2]


class NoDeleteMixin:
    """Pages of rows that are never deleted, because the shop's history refers to them."""

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class HistoryAdmin(SimpleHistoryAdmin, StaffAdmin):
    """Pages with the row's history, which can be read but not restored."""

    object_history_form_template = "common/past.html"

    def has_change_history_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: Json | None = None
    ) -> HttpResponse:
        refuse_other_keys(self.opts.pk, unquote(object_id))
        refuse_other_keys(self.model.history.model._meta.pk, version_id)
        # simple-history only hides its button. A POST would still restore an old status, past the machine.
        if request.method != "GET":
            raise PermissionDenied
        view = partial(super().history_form_view, request, object_id, version_id, extra_context)
        response: HttpResponse = self._in_zone_of(request, object_id, view)
        return response

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Json | None = None
    ) -> HttpResponse:
        refuse_other_keys(self.opts.pk, unquote(object_id))
        if fault := fault_of_history(request):
            return bad_parameter(self, request, fault)
        view = partial(super().history_view, request, object_id, extra_context)
        response: HttpResponse = self._in_zone_of(request, object_id, view)
        return response

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the stored fields for a past version. Computed ones would be computed from today's rows."""
        if _shows_the_past(request):
            return [(None, {"fields": self._stored_fields()})]
        return super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        if _shows_the_past(request):
            return self._stored_fields()
        return list(super().get_readonly_fields(request, obj))

    def _stored_fields(self) -> list[str]:
        return [field.name for field in self.model.history.model.tracked_fields if field.name != "id"]


def _shows_the_past(request: HttpRequest) -> bool:
    match = request.resolver_match
    return bool(match and match.url_name and match.url_name.endswith("_simple_history"))


class ReadOnly:
    """Pages of rows that only the system writes.

    The help text of a yes or no stands beside its value, and says for which of them it holds.
    """

    model: type[models.Model]

    def get_form(self, request: HttpRequest, obj: models.Model | None = None, **options: Any) -> Any:
        texts = {
            field.name: f"Yes means: {field.help_text}"
            for field in self.model._meta.fields
            if isinstance(field, models.BooleanField) and field.help_text
            if not field.help_text.startswith("Whether ")
        }
        return super().get_form(request, obj, **{"help_texts": texts, **options})  # type: ignore[misc]

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class StaffInline(TabularInline):
    """Rows below another one."""

    formfield_overrides: Mapping[type[AnyModelField], Values] = NUMBERS


class ReadOnlyInline(ReadOnly, StaffInline):
    """Rows shown below another one."""

    extra = 0
    can_delete = False
