"""Emails with notifications, as text and as HTML."""

from __future__ import annotations

from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from customers.models import Notification
from customers.preferences import allows_mail


def notification_mail(notification: Notification) -> EmailMultiAlternatives | None:
    """Return the mail to the customer's contact, or None without an email or if the preferences exclude it."""
    contact = notification.customer.contact
    if contact is None or not contact.email:
        return None
    if not allows_mail(notification.customer.notification_preferences, notification.type):
        return None
    context = {"name": contact.first_name, "title": notification.title, "message": notification.message}
    mail = EmailMultiAlternatives(
        subject=" ".join(notification.title.split()),  # a subject must be one line
        body=render_to_string("customers/mail/notification.txt", context),
        to=[contact.email],
    )
    mail.attach_alternative(render_to_string("customers/mail/notification.html", context), "text/html")
    return mail
