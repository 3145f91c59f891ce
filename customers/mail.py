"""Emails with notifications and invitations, as text and as HTML."""

from __future__ import annotations

from django.template.loader import render_to_string

from common.domain.mail import Mail
from common.domain.types import Json
from customers.models import Invitation, Notification
from customers.preferences import allows_mail


def notification_mail(notification: Notification) -> Mail | None:
    """Return the mail to the customer's contact, or None without an email or if the preferences exclude it."""
    contact = notification.customer.contact
    if contact is None or not contact.email:
        return None
    if not allows_mail(notification.customer.notification_preferences, notification.type):
        return None
    context = {"name": contact.first_name, "title": notification.title, "message": notification.message}
    return _mail("notification", subject=notification.title, to=contact.email, context=context)


def invitation_mail(invitation: Invitation, *, link: str) -> Mail:
    """Return the mail with the link of an invitation.

    The company's name is its own text. It stands in the body, on one line, and not in the subject.
    """
    context = {
        "company": invitation.customer.name,
        "link": link,
        "until": invitation.expires_at,
    }
    return _mail("invitation", subject="Invitation to the fleet portal", to=invitation.email, context=context)


def _mail(template: str, *, subject: str, to: str, context: Json) -> Mail:
    text, html = (render_to_string(f"customers/mail/{template}.{kind}", context) for kind in ("txt", "html"))
    mail = Mail(subject=subject, body=text, to=[to])
    mail.attach_alternative(html, "text/html")
    return mail
