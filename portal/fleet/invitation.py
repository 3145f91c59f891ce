"""The page on which an invitation is accepted, by a signed-in user or by a new one."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from accounts.models import User
from accounts.names import MAX_NAME_LENGTH
from accounts.passwords import WeakPassword
from common.domain.errors import DomainError, TooMany
from common.http.address import client_address
from common.http.problems import STATUS
from customers.invitations import InvitationRefused, accept, accept_as_new, get_invitation
from customers.models import Invitation
from portal.fleet.forms import PortalForm
from portal.fleet.mailed import MailedPage, page_url
from portal.fleet.sign_in import NewPasswordForm, with_retry_after


def invitation_page() -> str:
    """Return the URL of the page that an emailed invitation opens, without its token."""
    return page_url("fleet-invitation")


class NewLoginForm(NewPasswordForm, PortalForm):
    """The names and the password of an invited user. The email is that of the invitation."""

    first_name = forms.CharField(label="First name", max_length=MAX_NAME_LENGTH)
    last_name = forms.CharField(label="Last name", max_length=MAX_NAME_LENGTH)
    field_order = ["first_name", "last_name", "password", "again"]


class AcceptInvitation(MailedPage):
    """Accept an invitation.

    A user who is signed in with the invited address joins the company. An address without an account gets one. An
    account of the address has to sign in first.
    """

    template = "fleet/invitation.html"
    cookie = "fleet_invitation"
    name = "fleet-invitation"

    def show_page(self) -> HttpResponse:
        try:
            invitation = get_invitation(token=self.token, now=timezone.now())
        except InvitationRefused:
            return self.show_spent()
        return self.show_invitation(invitation, NewLoginForm())

    def show_invitation(
        self, invitation: Invitation, form: NewLoginForm, status: int = 200, refusal: str = ""
    ) -> HttpResponse:
        user = self.request.user
        if user.is_authenticated:
            way = "join" if user.email == invitation.email else "leave"
        else:
            way = "sign-in" if User.objects.filter(email=invitation.email).exists() else "register"
        return self.show(
            status=status,
            invitation=invitation,
            company=invitation.customer.name,
            form=form,
            way=way,
            refusal=refusal,
        )

    def post(self, request: HttpRequest) -> HttpResponseBase:
        now, form = timezone.now(), NewLoginForm(request.POST)
        try:
            invitation = get_invitation(token=self.token, now=now)
            if request.user.is_authenticated:
                accept(token=self.token, user_id=request.user.pk, now=now)
            elif form.is_valid():
                del form.cleaned_data["again"]
                address = client_address(request)
                accept_as_new(token=self.token, address=address, now=now, **form.cleaned_data)
            else:
                return self.show_invitation(invitation, form, status=400)
        except InvitationRefused:
            return self.show_spent()
        except WeakPassword as error:
            form.add_error("password", error.messages)
            return self.show_invitation(invitation, form, status=400)
        except TooMany as error:
            refused = self.show_invitation(invitation, form, status=429, refusal=error.text)
            return with_retry_after(refused, error)
        except DomainError as error:
            return self.show_invitation(invitation, form, status=STATUS[error.kind], refusal=error.text)
        if request.user.is_authenticated:
            messages.success(request, f"You can sign in for {invitation.customer.name} now.")
            return self.forget(redirect("fleet-dashboard"))
        messages.success(request, "Your password is set. Sign in with it.")
        return self.forget(redirect("fleet-login"))
