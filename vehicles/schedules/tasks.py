"""The task that applies a template to all vehicles. The transaction that stores the template stores it (D57)."""

from __future__ import annotations

from django.utils import timezone
from django_tasks import task

from vehicles.schedules.models import ScheduleTemplate


@task
def spread_template(template_id: int) -> None:
    """Begin the schedules of a template for all vehicles, and follow its present interval."""
    from vehicles.schedules.actions import spread  # inline: it orders this task

    template = ScheduleTemplate.objects.filter(pk=template_id).first()
    if template is not None:
        spread(template=template, now=timezone.now())
