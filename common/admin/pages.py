"""What every page of the staff's admin has in common, and the shared ground's one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from common.domain.errors import DomainError
from common.domain.transitions import Machine
from common.domain.types import AnyModelField, Json, Values

Column = Callable[[Any, Any], Any]
Button = Callable[..., HttpResponse]
Verb = Callable[..., object]


def column(
    description: str, *, ordering: str | None = None, boolean: bool | None = None
) -> Callable[[Column], Column]:
    """A computed column of a list, or a computed line of a form."""
    decorate: Callable[[Column], Column] = display(
        description=description, ordering=ordering, boolean=boolean
    )
    return decorate


def dollars(description: str, name: str) -> Column:
    """A column of an amount: the row's `name`, as money is written."""

    def shown(self: Any, row: Any) -> str:
        return f"${getattr(row, name):,}"

    return column(description)(shown)


def badge(description: str, *, colors: Mapping[Any, str], ordering: str) -> Callable[[Column], Column]:
    """A column that shows a word on a coloured ground; `colors` is word -> success, info, warning, danger."""
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
    form: type[Any] | None = None,
    permission: str = "change",
    to: str = "",
) -> Button:
    """A button of a change page that calls `verb(<noun>=row, by=acting user's id, now=now, **answers)`; the noun is
    the page's, and without one the three come by position.

    It asks before it acts, so that the transition_button is a POST and never a mere link; `answers` are the fields of
    `form`, under the names of the verb's arguments. `permission` is `app.codename`, the one the API asks for too, or
    the admin's own word for the row at hand (`change`). `to` is the state it leads to: it is offered where the page's
    machine allows that.
    """

    decorate: Callable[[Button], Button] = action(
        description=title,
        icon=icon,
        variant=variant,
        permissions=[permission.rpartition(".")[2]],
        dialog={"title": title, "description": ask, "form_class": form, "form_submit_text": title},
    )

    def press(self: StaffAdmin, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        answers = {name: value for name, value in form.cleaned_data.items() if name != "_form_submitted"}
        return self.act(request, object_id, partial(verb, **answers), done=done)

    button = decorate(press)
    vars(button).update(asks_for=permission, leads_to=to)
    return button


def _permitted(permission: str) -> Callable[..., bool]:
    def has_permission(self: Any, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(permission))

    return has_permission


class StaffAdmin(ModelAdmin):
    """Pages that act through the domain: locked saves, refusals as messages, buttons that fit the state.

    `noun` is what the domain's verbs call the row, `machine` the table of its states.
    """

    noun: ClassVar[str] = ""
    machine: ClassVar[Machine] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Unfold looks a dotted permission up when it checks the project, before there is a database to look in;
        so a button names a method, which is made here."""
        super().__init_subclass__(**kwargs)
        for button in list(vars(cls).values()):
            app, _, codename = getattr(button, "asks_for", "").rpartition(".")
            if app:
                setattr(cls, f"has_{codename}_permission", _permitted(f"{app}.{codename}"))

    formfield_overrides: Mapping[type[AnyModelField], Values] = {
        models.URLField: {"assume_scheme": "https"},
        models.TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})},
    }
    delete_confirmation_template: Any = "common/delete.html"
    show_full_result_count = False
    list_per_page = 50
    compressed_fields = True
    warn_unsaved_form = True

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row; locked before a save, so that what its rules read is what it writes over."""
        row = super().get_object(request, object_id, from_field)
        if row is not None and request.method == "POST":
            row.refresh_from_db(from_queryset=self.model._base_manager.select_for_update())
        return row

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Json | None = None,
    ) -> Any:
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        try:
            with transaction.atomic():
                return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as error:
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
        """Of the buttons this person may press, those that the row's state allows now."""
        permitted = context.get("actions_detail", ())
        context["actions_detail"] = [entry for entry in permitted if self.offers(obj, _name(entry))]
        response: HttpResponse = super().render_change_form(request, context, add, change, form_url, obj)
        return response

    def offers(self, row: Any, button: str) -> bool:
        """Whether the button, by its method's name, makes sense for the row as it stands."""
        to = getattr(type(self), button).leads_to
        return not to or to in self.machine[self.status_of(row)]

    def status_of(self, row: Any) -> str:
        """Where the row stands."""
        return str(row.status)

    def act(self, request: HttpRequest, object_id: str, verb: Verb, *, done: str) -> HttpResponse:
        """Call the verb for the row, say how it went, and show the row again."""
        try:
            with transaction.atomic():
                row = self.get_object(request, unquote(object_id))
                if row is None:
                    raise Http404
                by, now = request.user.pk, timezone.now()
                verb(**{self.noun: row}, by=by, now=now) if self.noun else verb(row, by, now)
        except DomainError as error:
            self.message_user(request, error.text, messages.ERROR)
        else:
            self.message_user(request, done, messages.SUCCESS)
        url = reverse(
            f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change", args=[object_id]
        )
        if request.headers.get("HX-Request"):  # the question stood in a dialog over the page
            return HttpResponse(headers={"HX-Redirect": url})
        return redirect(url)


def _name(entry: Values) -> str:
    """A button's method, which is the tail of its address."""
    return str(entry["path"]).rstrip("/").rpartition("/")[2]


class NoDeleteMixin:
    """Rows that are the shop's history, or what its history hangs on: changed, closed, archived, never deleted."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class HistoryAdmin(SimpleHistoryAdmin, StaffAdmin):
    """With the pages that show who changed what. The past is read there, never put back."""

    object_history_form_template = "common/past.html"

    def has_change_history_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: Any = None
    ) -> Any:
        # simple-history only hides its button: a POST would still restore an old status past the machine.
        if request.method != "GET":
            raise PermissionDenied
        return super().history_form_view(request, object_id, version_id, extra_context)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Of the past, what was stored then: what is computed would be computed from today's rows."""
        if _shows_the_past(request):
            return [(None, {"fields": self._kept_fields()})]
        return super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        if _shows_the_past(request):
            return self._kept_fields()
        return list(super().get_readonly_fields(request, obj))

    def _kept_fields(self) -> list[str]:
        return [field.name for field in self.model.history.model.tracked_fields if field.name != "id"]


def _shows_the_past(request: HttpRequest) -> bool:
    match = request.resolver_match
    return bool(match and match.url_name and match.url_name.endswith("_simple_history"))


class ReadOnly:
    """What the system writes by itself: looked at, not changed by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(ReadOnly, TabularInline):
    """Rows shown beneath another one."""

    extra = 0
    can_delete = False
