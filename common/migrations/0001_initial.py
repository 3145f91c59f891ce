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
    ]
