"""Build the indexes of searches anew, whose expression drops accents since this version.

The state of the models does not change: an index names its columns, and the expression is `Searched`.
"""

from django.db import migrations

from common.domain.indexes import Trigrams

_SEARCHED = (
    ("accounts", "User"),
    ("customers", "Customer"),
    ("vehicles", "Vehicle"),
    ("appointments", "Appointment"),
    ("repair_orders", "RepairOrder"),
)


def build_anew(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for app, name in _SEARCHED:
        model = apps.get_model(app, name)
        for index in model._meta.indexes:
            if isinstance(index, Trigrams):
                schema_editor.remove_index(model, index)
                schema_editor.add_index(model, index)


class Migration(migrations.Migration):

    dependencies = [
        ("common", "0001_initial"),
        ("accounts", "0001_initial"),
        ("customers", "0001_initial"),
        ("vehicles", "0001_initial"),
        ("appointments", "0001_initial"),
        ("repair_orders", "0001_initial"),
    ]

    operations = [migrations.RunPython(build_anew, migrations.RunPython.noop)]
