"""The project's own app. It is the last one, so that its handler runs when every permission exists."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def write_role_groups(**_: object) -> None:
    """Give the group of each role exactly the permissions of `config.roles`."""
    from django.contrib.auth.models import Group, Permission  # models are not loaded yet when this module is

    from config.roles import PERMISSIONS

    stored = {
        f"{p.content_type.app_label}.{p.codename}": p
        for p in Permission.objects.select_related("content_type")
    }
    for role, names in PERMISSIONS.items():
        if names:
            group, _created = Group.objects.get_or_create(name=role)
            group.permissions.set([stored[name] for name in sorted(names)])


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Project"

    def ready(self) -> None:
        post_migrate.connect(write_role_groups, sender=self)
