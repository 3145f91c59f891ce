from django.contrib.postgres.operations import BtreeGistExtension, TrigramExtension
from django.db import migrations, models


class _Kept:
    """Leave the extension in place on the way back: other schemas of the database may use it."""

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        pass


class KeptBtreeGist(_Kept, BtreeGistExtension):
    pass


class KeptTrigram(_Kept, TrigramExtension):
    pass


class Migration(migrations.Migration):

    initial = True

    dependencies = []

    operations = [
        # NoOverlap's exclusion constraints need the first, searches the second. Every app depends on this migration.
        KeptBtreeGist(),
        KeptTrigram(),
        migrations.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user_id', models.BigIntegerField()),
                ('key', models.CharField(max_length=255)),
                ('fingerprint', models.CharField(help_text='SHA-256 of method, path and body.', max_length=64)),
                ('status', models.PositiveSmallIntegerField(default=0)),
                ('body', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user_id', 'key'), name='one_answer_per_key')],
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('type', models.CharField(max_length=80)),
                ('subject', models.CharField(max_length=80)),
                ('at', models.DateTimeField()),
                ('payload', models.JSONField(default=dict)),
            ],
            options={
                'indexes': [models.Index(fields=['subject', 'id'], name='event_of_subject'), models.Index(fields=['type', 'id'], name='event_of_type')],
            },
        ),

        migrations.CreateModel(
            name='NumberSeries',
            fields=[
                ('name', models.CharField(max_length=80, primary_key=True, serialize=False)),
                ('last', models.PositiveIntegerField(default=0)),
            ],
            options={
                'verbose_name_plural': 'number series',
            },
        ),
        migrations.CreateModel(
            name='SheetImport',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('table', models.CharField(help_text='The label of the model.', max_length=80)),
                ('user_id', models.BigIntegerField()),
                ('file_name', models.CharField(max_length=200)),
                ('content', models.BinaryField()),
                ('state', models.CharField(choices=[('checking', 'Checking'), ('checked', 'Checked'), ('importing', 'Importing'), ('done', 'Done'), ('refused', 'Refused'), ('expired', 'Expired')], default='checking', max_length=9)),
                ('lines', models.PositiveIntegerField(help_text='The number of rows without the header.')),
                ('preview', models.JSONField(default=dict)),
                ('totals', models.JSONField(default=dict, help_text='The number of rows that are new, update, skip, ….')),
                ('outcomes', models.JSONField(default=list, help_text='The number of each row, and what happened to it.')),
                ('notes', models.JSONField(default=list, help_text='A sentence for all of the file that is not read.')),
                ('ignores_unknown', models.BooleanField(default=False, help_text='Whether unknown columns are ignored.')),
                ('errors', models.JSONField(default=list, help_text="A sentence for each error, with the row's number.")),
                ('task_id', models.UUIDField(null=True)),
                ('created_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['table', '-id'], name='import_of_table')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['checking', 'checked', 'importing', 'done', 'refused', 'expired'])), name='import_state_is_known')],
            },
        ),
    ]
