"""Tasks that run after the response, in the same process or in `manage.py db_worker` (`TASK_QUEUE`)."""

from __future__ import annotations

from django_tasks import task

from customers.mail import notification_mail
from customers.models import Notification


@task
def mail_notification(notification_id: int) -> None:
    """Mail a notification, if the customer's preferences allow it when the task runs."""
    rows = Notification.objects.select_related("customer__contact")
    notification = rows.filter(pk=notification_id).first()
    mail = notification_mail(notification) if notification else None
    if mail is not None:
        mail.send()
