"""Emails to users, as text and as HTML. A subject is fixed text."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import User
from accounts.tokens import reset_token
from common.domain.mail import Mail
from common.domain.types import Json


def reset_mail(user: User, *, page: str = "") -> Mail:
    """Return the email with the link to set a new password, to the last confirmed address.

    The link is `page`, or `PASSWORD_RESET_URL` if `page` is empty, with the token as a parameter.
    """
    context = {
        "link": _link(page or settings.PASSWORD_RESET_URL, reset_token(user)),
        "minutes": settings.PASSWORD_RESET_TIMEOUT // 60,
        "unconfirmed": user.email if user.confirmed_email else "",
    }
    return _mail("reset", user, subject="Your new password", to=user.confirmed_email or user.email, **context)


def email_changed_mail(user: User, *, to: str, new_email: str | None, token: str, until: datetime) -> Mail:
    """Return the notice of a change of email to an earlier address. With a token it has the link to undo the change."""
    link = _link(settings.PUBLIC_URL + reverse("fleet-undo-email"), token) if token else ""
    context = {"new_email": new_email or "", "link": link, "until": until}
    return _mail("email_changed", user, subject="Your email address was changed", to=to, **context)


def confirm_email_mail(user: User, *, to: str, token: str, until: datetime) -> Mail:
    """Return the email with the link that confirms a new address."""
    link = _link(settings.PUBLIC_URL + reverse("fleet-confirm-email"), token)
    return _mail("confirm_email", user, subject="Confirm your email address", to=to, link=link, until=until)


def _link(page: str, token: str) -> str:
    return f"{page}?{urlencode({'token': token})}"


def _mail(template: str, user: User, *, subject: str, to: str | None, **more: object) -> Mail:
    context: Json = {"name": user.first_name, **more}
    text, html = (render_to_string(f"accounts/mail/{template}.{kind}", context) for kind in ("txt", "html"))
    mail = Mail(subject=subject, body=text, to=[to or ""])
    mail.attach_alternative(html, "text/html")
    return mail
