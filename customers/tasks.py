"""What is done after the answer, in place or by `manage.py db_worker` (`TASK_QUEUE`)."""

from __future__ import annotations

from django_tasks import task

from customers.mail import notification_mail
from customers.models import Notification


@task
def mail_notification(notification_id: int) -> None:
    """Mail a notification, if the customer wants it so when it is sent."""
    told = Notification.objects.select_related("customer__contact").filter(pk=notification_id).first()
    mail = notification_mail(told) if told else None
    if mail is not None:
        mail.send()
