"""A notification as it is mailed, as text and as HTML."""

from __future__ import annotations

from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from customers.models import Notification
from customers.preferences import allow_mail


def notification_mail(told: Notification) -> EmailMultiAlternatives | None:
    """The mail to the customer's contact; None where there is no address, or the preferences do not want it."""
    contact = told.customer.contact
    if contact is None or not contact.email:
        return None
    if not allow_mail(told.customer.notification_preferences, told.type):
        return None
    context = {"name": contact.first_name, "title": told.title, "message": told.message}
    mail = EmailMultiAlternatives(
        subject=" ".join(told.title.split()),  # one line, whatever was typed
        body=render_to_string("customers/mail/notification.txt", context),
        to=[contact.email],
    )
    mail.attach_alternative(render_to_string("customers/mail/notification.html", context), "text/html")
    return mail
