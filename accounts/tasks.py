"""Tasks that run after the response, in the same process or in `manage.py db_worker` (`TASK_QUEUE`)."""

from __future__ import annotations

from django_tasks import task

from accounts.mail import invitation_mail, reset_mail
from accounts.models import User


@task
def mail_reset_link(email: str, page: str = "") -> None:
    """Mail a link to set a new password to the active user with this email.

    The link opens `page`, or `PASSWORD_RESET_URL` if it is empty. For an unknown email the message is rendered too and
    dropped, because a task in the same process must not reveal by its duration whether the account exists.
    """
    user = User.objects.filter(email=email, is_active=True).first()
    mail = reset_mail(user or User(email=email), page=page)
    if user is not None:
        mail.send()


@task
def mail_invitation(user_id: int, company: str, page: str) -> None:
    """Mail a new user the link to the page where they choose a password."""
    invitation_mail(User.objects.get(pk=user_id), company=company, page=page).send()
