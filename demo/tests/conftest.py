from __future__ import annotations

import pytest
from django.core.management import call_command
from django.utils import timezone

from demo import loader


@pytest.fixture(scope="module")
def demo(django_db_setup, django_db_blocker):
    """Load the demo once for the tests of a file, because loading takes seconds. Return its time."""
    now = timezone.now()
    with django_db_blocker.unblock():
        loader.load(now=now)
    yield now
    with django_db_blocker.unblock():
        call_command("flush", interactive=False, verbosity=0)
