"""The pages of the two links that are mailed after a change of email: undo it, and confirm the new address."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone

from accounts.emails import LinkRefused, confirm_email, get_confirmation, get_undo, undo_change
from accounts.registration import EmailTaken
from accounts.tokens import reset_token
from portal.fleet.mailed import MailedPage
from portal.fleet.sign_in import NewPassword


class UndoEmailChange(MailedPage):
    """Undo a change of email, then choose a new password. Every session of the user ends."""

    template = "fleet/undo_email.html"
    cookie = "email_undo"
    name = "fleet-undo-email"

    def show_page(self) -> HttpResponse:
        try:
            change = get_undo(token=self.token, now=timezone.now())
        except LinkRefused:
            return self.show_spent()
        return self.show(email=change.undo_email)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        try:
            user = undo_change(token=self.token, now=timezone.now())
        except LinkRefused:
            return self.show_spent()
        except EmailTaken:
            return self.show(is_taken=True, status=409)
        # A browser that was signed in, perhaps by the thief, keeps nothing of that session.
        request.session.flush()
        messages.success(request, f"Your email is {user.email} again. Every session has ended.")
        return self.forget(NewPassword.open(reset_token(user)))


class ConfirmEmail(MailedPage):
    """Confirm a new email."""

    template = "fleet/confirm_email.html"
    cookie = "email_confirm"
    name = "fleet-confirm-email"

    def show_page(self) -> HttpResponse:
        try:
            change = get_confirmation(token=self.token, now=timezone.now())
        except LinkRefused:
            return self.show_spent()
        return self.show(email=change.new_email)

    def post(self, request: HttpRequest) -> HttpResponseBase:
        try:
            user = confirm_email(token=self.token, now=timezone.now())
        except LinkRefused:
            return self.show_spent()
        return self.forget(self.show(email=user.email, is_done=True))
