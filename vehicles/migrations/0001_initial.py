import common.domain.ids
import common.domain.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.text
import django.db.models.lookups
import simple_history.models
import vehicles.vin
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('common', '0001_initial'),
        ('customers', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalVehicle',
            fields=[
                ('id', models.BigIntegerField(blank=True, db_index=True)),
                ('uuid', models.UUIDField(db_index=True, default=common.domain.ids.new_uuid, editable=False)),
                ('vin', models.CharField(max_length=17, validators=[vehicles.vin.validate_vin], verbose_name='VIN')),
                ('make', models.CharField(max_length=60)),
                ('model', models.CharField(max_length=60)),
                ('trim', models.CharField(blank=True, default='', max_length=60)),
                ('year', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1886), django.core.validators.MaxValueValidator(2100)])),
                ('license_plate', models.CharField(blank=True, default='', max_length=20)),
                ('color', models.CharField(blank=True, default='', max_length=30)),
                ('fuel_type', models.CharField(blank=True, default='', max_length=20)),
                ('odometer', models.DecimalField(decimal_places=2, default=Decimal('0'), help_text='Miles. Cannot go down.', max_digits=10)),
                ('unit_number', models.CharField(blank=True, default='', help_text="The fleet's own number.", max_length=30)),
                ('photo_url', models.URLField(blank=True, default='')),
                ('dongle_id', models.CharField(blank=True, max_length=100, null=True)),
                ('dongle_connection', models.CharField(blank=True, choices=[('BLE', 'Ble'), ('WIFI', 'Wifi'), ('CLOUD', 'Cloud')], max_length=5, null=True)),
                ('created_at', models.DateTimeField(blank=True, editable=False)),
                ('archived_at', models.DateTimeField(blank=True, null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('customer', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='customers.customer')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical vehicle',
                'verbose_name_plural': 'historical vehicles',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Vehicle',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=common.domain.ids.new_uuid, editable=False, unique=True)),
                ('vin', models.CharField(max_length=17, validators=[vehicles.vin.validate_vin], verbose_name='VIN')),
                ('make', models.CharField(max_length=60)),
                ('model', models.CharField(max_length=60)),
                ('trim', models.CharField(blank=True, default='', max_length=60)),
                ('year', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1886), django.core.validators.MaxValueValidator(2100)])),
                ('license_plate', models.CharField(blank=True, default='', max_length=20)),
                ('color', models.CharField(blank=True, default='', max_length=30)),
                ('fuel_type', models.CharField(blank=True, default='', max_length=20)),
                ('odometer', models.DecimalField(decimal_places=2, default=Decimal('0'), help_text='Miles. Cannot go down.', max_digits=10)),
                ('unit_number', models.CharField(blank=True, default='', help_text="The fleet's own number.", max_length=30)),
                ('photo_url', models.URLField(blank=True, default='')),
                ('dongle_id', models.CharField(blank=True, max_length=100, null=True)),
                ('dongle_connection', models.CharField(blank=True, choices=[('BLE', 'Ble'), ('WIFI', 'Wifi'), ('CLOUD', 'Cloud')], max_length=5, null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('archived_at', models.DateTimeField(blank=True, null=True)),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='vehicles', to='customers.customer')),
            ],
        ),
        migrations.CreateModel(
            name='TelematicsBatch',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('start', models.BigIntegerField(help_text='Milliseconds since 1970, UTC.')),
                ('end', models.BigIntegerField(help_text='Milliseconds since 1970, UTC, inclusive.')),
                ('count', models.PositiveSmallIntegerField(verbose_name='samples')),
                ('data', models.BinaryField()),
                ('vehicle', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='telematics', to='vehicles.vehicle')),
            ],
            options={
                'verbose_name': 'telematics batch',
                'verbose_name_plural': 'telematics batches',
            },
        ),
        migrations.AddIndex(
            model_name='vehicle',
            index=models.Index(fields=['year', 'id'], name='vehicle_by_year'),
        ),
        migrations.AddIndex(
            model_name='vehicle',
            index=models.Index(fields=['created_at', 'id'], name='vehicle_by_age'),
        ),
        migrations.AddIndex(
            model_name='vehicle',
            index=models.Index(condition=models.Q(('archived_at__isnull', False)), fields=['id'], name='vehicle_archived'),
        ),
        migrations.AddIndex(
            model_name='vehicle',
            index=common.domain.indexes.Trigrams('vin', 'license_plate', 'unit_number', 'make', 'model', name='vehicle_searched'),
        ),
        migrations.AddConstraint(
            model_name='vehicle',
            constraint=models.UniqueConstraint(condition=models.Q(('archived_at', None)), fields=('customer', 'vin'), name='vin_once_per_customer', violation_error_message='This customer already has a vehicle with this VIN.'),
        ),
        migrations.AddConstraint(
            model_name='vehicle',
            constraint=models.UniqueConstraint(condition=models.Q(('archived_at', None)), fields=('dongle_id',), name='dongle_in_one_vehicle'),
        ),
        migrations.AddConstraint(
            model_name='vehicle',
            constraint=models.UniqueConstraint(condition=models.Q(('archived_at', None), models.Q(('unit_number', ''), _negated=True)), fields=('customer', 'unit_number'), name='unit_number_once_per_customer', violation_error_message='This customer already has a unit with this number.'),
        ),
        migrations.AddConstraint(
            model_name='vehicle',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length('vin'), 17), name='vin_has_17_characters'),
        ),
        migrations.AddConstraint(
            model_name='vehicle',
            constraint=models.CheckConstraint(condition=models.Q(('odometer__gte', 0)), name='odometer_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='vehicle',
            constraint=models.CheckConstraint(condition=models.Q(('year__gte', 1886), ('year__lte', 2100)), name='vehicle_year_is_possible'),
        ),
        migrations.AddConstraint(
            model_name='vehicle',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('dongle_connection', None), ('dongle_id', None)), models.Q(('dongle_connection__in', ['BLE', 'WIFI', 'CLOUD']), ('dongle_connection__isnull', False), ('dongle_id__isnull', False)), _connector='OR'), name='dongle_has_a_connection'),
        ),
        migrations.AddConstraint(
            model_name='telematicsbatch',
            constraint=models.UniqueConstraint(fields=('vehicle', 'start', 'end'), name='telematics_batch_once'),
        ),
        migrations.AddConstraint(
            model_name='telematicsbatch',
            constraint=models.CheckConstraint(condition=models.Q(('end__gte', models.F('start')), ('end__lte', django.db.models.expressions.CombinedExpression(models.F('start'), '+', models.Value(86400000)))), name='telematics_batch_spans_a_day_at_most'),
        ),
        migrations.AddConstraint(
            model_name='telematicsbatch',
            constraint=models.CheckConstraint(condition=models.Q(('count__gte', 1), ('count__lte', 10000)), name='telematics_batch_has_samples'),
        ),
    ]
