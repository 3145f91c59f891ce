"""What follows when a webhook is disabled or removed. The transaction of that stores the task (docs/design, D57)."""

from __future__ import annotations

from django.conf import settings
from django.template.loader import render_to_string
from django_tasks import task

from accounts.models import User
from common.domain.caller import Role
from common.domain.mail import Mail
from integrations.webhooks.models import Webhook
from integrations.webhooks.removal import delete_webhook

_MOST = 20  # managers


@task
def mail_disabled(webhook_id: int) -> None:
    """Mail the person who added the webhook, or else the managers. Without an address nothing is sent."""
    webhook = Webhook.objects.select_related("created_by").filter(pk=webhook_id).first()
    if webhook is None or webhook.is_active:
        return
    addresses = _owners(webhook)
    if addresses:
        context = {
            "webhook": webhook,
            "because": webhook.get_disabled_because_display(),
            "waiting": webhook.deliveries.filter(state="waiting").count(),
            "page": settings.PUBLIC_URL + "/admin/webhooks/",
        }
        body = render_to_string("integrations/mail/webhook_disabled.txt", context)
        Mail(subject=f"A webhook was disabled: {webhook}", body=body, to=addresses).send()


@task
def delete_removed(webhook_id: int) -> None:
    """Delete a webhook that was removed, and its deliveries."""
    delete_webhook(webhook_id)


def _owners(webhook: Webhook) -> list[str]:
    owner = webhook.created_by
    if owner is not None and owner.is_active and owner.email and owner.role in (Role.MANAGER, Role.ADMIN):
        return [owner.email]
    rows = (
        User.objects.people().filter(role__in=(Role.MANAGER, Role.ADMIN), is_active=True).exclude(email=None)
    )
    return [email for email in rows.order_by("id").values_list("email", flat=True)[:_MOST] if email]
