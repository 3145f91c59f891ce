"""Emails to users, as text and as HTML."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts.models import User
from accounts.tokens import reset_token


def reset_mail(user: User, *, page: str = "") -> EmailMultiAlternatives:
    """Return the email with the link to set a new password.

    The link is `page`, or `PASSWORD_RESET_URL` if `page` is empty, with the token as a parameter.
    """
    return _mail(user, "Your new password", "reset", page=page)


def invitation_mail(user: User, *, company: str, page: str) -> EmailMultiAlternatives:
    """Return the invitation of a new user to sign in for a company.

    The link is `page`, where the user chooses a password, with the token as a parameter.
    """
    return _mail(user, f"You can sign in for {company}", "invitation", page=page, company=company)


def _mail(user: User, subject: str, template: str, *, page: str, **more: str) -> EmailMultiAlternatives:
    context = {
        "name": user.first_name,
        "link": f"{page or settings.PASSWORD_RESET_URL}?{urlencode({'token': reset_token(user)})}",
        "minutes": settings.PASSWORD_RESET_TIMEOUT // 60,
        **more,
    }
    mail = EmailMultiAlternatives(
        subject=subject,
        body=render_to_string(f"accounts/mail/{template}.txt", context),
        to=[user.email or ""],
    )
    mail.attach_alternative(render_to_string(f"accounts/mail/{template}.html", context), "text/html")
    return mail
