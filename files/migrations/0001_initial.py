import common.domain.ids
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('common', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Upload',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=common.domain.ids.new_uuid, editable=False, unique=True)),
                ('customer_id', models.BigIntegerField(blank=True, db_index=True, help_text='The customer whose logins may see it.', null=True)),
                ('name', models.CharField(max_length=100)),
                ('content_type', models.CharField(choices=[('image/jpeg', 'image/jpeg'), ('image/jpg', 'image/jpg'), ('image/png', 'image/png'), ('image/webp', 'image/webp'), ('image/gif', 'image/gif'), ('image/heic', 'image/heic'), ('image/heif', 'image/heif'), ('application/pdf', 'application/pdf')], max_length=50)),
                ('size', models.PositiveBigIntegerField(blank=True, help_text='Bytes: first as announced, then as stored.', null=True)),
                ('key', models.CharField(help_text='Key in the store, with 128 random bits.', max_length=200, unique=True)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('stored', 'Stored'), ('attached', 'Attached')], default='pending', max_length=8)),
                ('created_at', models.DateTimeField()),
                ('stored_at', models.DateTimeField(blank=True, null=True)),
                ('attached_at', models.DateTimeField(blank=True, null=True)),
                ('owner', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='uploads', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'attached'), _negated=True), fields=['created_at'], name='upload_not_attached')],
                'constraints': [models.CheckConstraint(condition=models.Q(('content_type__in', ['image/jpeg', 'image/jpg', 'image/png', 'image/webp', 'image/gif', 'image/heic', 'image/heif', 'application/pdf'])), name='upload_type_is_taken'), models.CheckConstraint(condition=models.Q(('size', None), ('size__gte', 1), _connector='OR'), name='upload_is_not_empty'), models.CheckConstraint(condition=models.Q(models.Q(('attached_at', None), ('state', 'pending'), ('stored_at', None)), models.Q(('attached_at', None), ('size__isnull', False), ('state', 'stored'), ('stored_at__isnull', False)), models.Q(('attached_at__isnull', False), ('size__isnull', False), ('state', 'attached')), _connector='OR'), name='upload_state_has_its_stamps')],
            },
        ),
    ]
