from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def write_role_groups(**_: Any) -> None:
    """Each role's group has exactly the permissions of the table, whatever the database had before."""
    from django.contrib.auth.models import Group, Permission  # models are not loaded when this module is

    from portal.roles import PERMISSIONS

    stored = {
        f"{p.content_type.app_label}.{p.codename}": p
        for p in Permission.objects.select_related("content_type")
    }
    for role, names in PERMISSIONS.items():
        if names:
            group, _created = Group.objects.get_or_create(name=role)
            group.permissions.set([stored[name] for name in sorted(names)])


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        # Django makes its permissions in post_migrate too, app by app; portal is the last one. Only an app with a
        # module `models` is told, and so it has one.
        post_migrate.connect(write_role_groups, sender=self)
