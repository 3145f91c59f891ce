"""What the portal mails: a link under which a password is chosen."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import User


def password_link(user: User) -> str:
    """Good once: it is signed over the password that it replaces."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    return settings.PUBLIC_URL + reverse("fleet-new-password", kwargs={"uidb64": uid, "token": token})


def send_reset(user: User) -> None:
    _mail(user, "Your new password", "fleet/mail/reset.txt")


def send_invitation(user: User, *, company: str) -> None:
    _mail(user, f"You can now sign in for {company}", "fleet/mail/invitation.txt", company=company)


def _mail(user: User, subject: str, template: str, **context: str) -> None:
    sign_in = settings.PUBLIC_URL + reverse("fleet-login")
    body = render_to_string(template, {"name": user.first_name, "link": password_link(user), "sign_in": sign_in, **context})  # fmt: skip
    EmailMessage(subject=subject, body=body, to=[user.email or ""]).send()
