"""Tasks that mail. They are stored in the transaction of what they tell (docs/design, D57)."""

from __future__ import annotations

from django.template.loader import render_to_string
from django_tasks import task

from appointments.queries import find_shop_addresses
from common.domain.mail import Mail


@task
def mail_contact(email: str, name: str, phone: str, user_type: str, message: str) -> None:
    """Mail a message of the contact form to the shop. An answer goes to the sender."""
    context = {"email": email, "name": name, "phone": phone, "user_type": user_type, "message": message}
    text = render_to_string("chat/mail/contact.txt", context)
    if to := find_shop_addresses():
        Mail(subject="Message from the contact form", body=text, to=to, reply_to=[email]).send()
