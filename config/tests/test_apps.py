"""The groups of the roles, written after a migration."""

from __future__ import annotations

import tomllib

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.core.checks import run_checks
from django.core.management.sql import emit_post_migrate_signal
from django.test import TransactionTestCase

from catalogue.models import Part
from config.apps import write_role_groups
from config.roles import PERMISSIONS
from testing import factories

pytestmark = pytest.mark.django_db


def stored() -> dict[str, set[str]]:
    return {
        group.name: {f"{p.content_type.app_label}.{p.codename}" for p in group.permissions.all()}
        for group in Group.objects.prefetch_related("permissions__content_type")
    }


def wanted() -> dict[str, set[str]]:
    return {str(role): set(names) for role, names in PERMISSIONS.items() if names}


def test_migrated_database_has_the_group_of_each_role():
    assert stored() == wanted()


def test_migration_rewrites_the_groups():
    Group.objects.get(name="technician").permissions.clear()
    Group.objects.get(name="manager").permissions.set(Group.objects.get(name="admin").permissions.all())
    Group.objects.get(name="advisor").delete()
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    assert stored() == wanted()


def test_project_checks_need_no_database(django_assert_num_queries):
    with django_assert_num_queries(0):
        run_checks(app_configs=[apps.get_app_config("admin")])


def test_other_groups_stay_unchanged():
    Group.objects.create(name="Night shift")
    write_role_groups()
    assert stored() == wanted() | {"Night shift": set()}


def test_suite_and_coverage_have_every_room(pytestconfig):
    rooms = {folder.parent.name for folder in settings.BASE_DIR.glob("*/tests")}
    coverage = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["tool"]["coverage"]
    assert rooms == set(pytestconfig.getini("testpaths")) == set(coverage["run"]["source"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "change",
    [
        lambda group: None,
        lambda group: group.delete(),
        lambda group: group.permissions.clear(),
        lambda group: group.permissions.set(list(Permission.objects.all())[: group.permissions.count()]),
    ],
)
def test_suite_empties_the_database_after_a_commit_but_keeps_the_groups(change):
    factories.PartFactory()
    change(Group.objects.get(name="technician"))
    TransactionTestCase("run")._fixture_teardown()
    assert not Part.objects.exists()
    assert stored() == wanted()
