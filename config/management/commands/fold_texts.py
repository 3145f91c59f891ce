"""`manage.py fold_texts`: give texts that were stored earlier the form in which new ones are written."""

from __future__ import annotations

from django.apps import apps
from django.core.management.base import BaseCommand

from common.domain.stored_texts import fold_stored_texts


class Command(BaseCommand):
    help = "Fold the stored texts of every model. Rows that would collide are listed and stay as they are."

    def handle(self, *args: object, **options: object) -> None:
        for row in fold_stored_texts(apps.get_models(include_auto_created=True)):
            texts = ", ".join(f"{name} {text!r}" for name, text in row.values.items())
            self.stderr.write(f"{row.model._meta.label} {row.pk} stays as it is: another row has {texts}.")
