"""The page of a reminder's link, which stops reminders without a login (docs/design, D139)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_variables

from appointments.models import Location
from customers.actions import change_customer
from customers.preferences import allows_reminder
from portal.link.view import LinkView
from reminders.links import find_mail_by_token
from reminders.models import ReminderKind, ReminderMail

_OF_LOGINS = [ReminderKind.PARKING, ReminderKind.MEMBERSHIP]


class ReminderPage(LinkView[ReminderMail]):
    """The kinds of reminders, with those that are on. GET changes nothing.

    POST stops the kind of the mail, as the button of a mail program does (RFC 8058). With `choose` it switches on those
    of `kinds` and the others off. A login other than the contact chooses the kinds that go to logins alone.
    """

    http_method_names = ["get", "head", "post"]

    def read(self, token: str) -> ReminderMail | None:
        return find_mail_by_token(token)

    @sensitive_variables("token")
    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        mail = self.find(token)
        return self.show_ended() if mail is None else self.page(mail)

    @sensitive_variables("token")
    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        mail = self.find(token)
        if mail is None:
            return self.show_ended()
        if "choose" in request.POST:
            wanted = request.POST.getlist("kinds")
            kinds = {f"{kind}_reminders": kind in wanted for kind in _kinds_of(mail)}
        else:
            kinds = {f"{mail.kind}_reminders": False}
        change_customer(customer=mail.customer, notification_preferences=kinds)
        return self.page(mail, is_changed=True)

    def page(self, mail: ReminderMail, *, is_changed: bool = False) -> HttpResponse:
        """Show the kinds as they are stored now."""
        stored = mail.customer.notification_preferences
        context = {
            "mail": mail,
            "is_on": allows_reminder(stored, mail.kind),
            "is_email_on": stored.get("email", True),
            "kinds": [
                {"value": kind.value, "label": kind.label, "is_on": stored.get(f"{kind}_reminders", True)}
                for kind in _kinds_of(mail)
            ],
            "is_changed": is_changed,
            "shop": Location.objects.filter(is_default=True).first(),
        }
        return render(self.request, "link/reminders.html", context)


def _kinds_of(mail: ReminderMail) -> list[ReminderKind]:
    """Return the kinds that a link switches. What goes to the contact of a company is not for its other logins."""
    is_of_contact = mail.user_id in (None, mail.customer.contact_id)
    return list(ReminderKind) if is_of_contact else _OF_LOGINS
