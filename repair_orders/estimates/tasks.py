"""The task that mails an estimate. It is stored in the transaction that sends it (docs/design, D57)."""

from __future__ import annotations

from django.utils import timezone
from django_tasks import task

from repair_orders.estimates.mail import estimate_mail
from repair_orders.estimates.models import Estimate, EstimateMail


@task
def mail_estimate(estimate_id: int) -> None:
    """Mail a revision that is the last one of its order, with its link.

    Preferences do not matter, because the shop waits for an answer. That the mail server took it is kept as evidence.
    """
    estimate = Estimate.objects.select_related("repair_order").filter(pk=estimate_id).first()
    if estimate is None:
        return
    later = Estimate.objects.filter(repair_order=estimate.repair_order, revision__gt=estimate.revision)
    if estimate.sent_to and not later.exists():
        mail = estimate_mail(estimate)
        mail.send()
        EstimateMail.objects.create(
            estimate=estimate, at=timezone.now(), message_id=mail.extra_headers.get("Message-ID", "")
        )
