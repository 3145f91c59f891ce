"""What is mailed to people, as text and as HTML."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts.models import User
from accounts.tokens import reset_token


def reset_mail(user: User) -> EmailMultiAlternatives:
    """The mail with the link to a new password: the app's page (`PASSWORD_RESET_URL`) with the token."""
    context = {
        "name": user.first_name,
        "link": f"{settings.PASSWORD_RESET_URL}?{urlencode({'token': reset_token(user)})}",
        "minutes": settings.PASSWORD_RESET_TIMEOUT // 60,
    }
    mail = EmailMultiAlternatives(
        subject="Your new password",
        body=render_to_string("accounts/mail/reset.txt", context),
        to=[user.email or ""],
    )
    mail.attach_alternative(render_to_string("accounts/mail/reset.html", context), "text/html")
    return mail
