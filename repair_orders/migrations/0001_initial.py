import common.domain.ids
import common.domain.indexes
import django.core.validators
import django.db.models.deletion
import simple_history.models
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('common', '0001_initial'),
        ('catalogue', '0001_initial'),
        ('customers', '0001_initial'),
        ('files', '0001_initial'),
        ('vehicles', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalRepairOrder',
            fields=[
                ('id', models.BigIntegerField(blank=True, db_index=True)),
                ('uuid', models.UUIDField(db_index=True, default=common.domain.ids.new_uuid, editable=False)),
                ('status', models.CharField(choices=[('requested', 'Requested'), ('pending', 'Pending'), ('approved', 'Approved'), ('denied', 'Denied'), ('in_progress', 'In Progress'), ('completed', 'Completed')], default='requested', max_length=11)),
                ('description', models.TextField(blank=True, default='', help_text="The problem, in the customer's words.")),
                ('notes', models.TextField(blank=True, default='', help_text='Notes of the shop, which the customer can read.')),
                ('discount_amount', models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=10, validators=[django.core.validators.MinValueValidator(0)])),
                ('discount_percent', models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=5, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)])),
                ('tax_percent', models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=5, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)])),
                ('total_cost', models.DecimalField(blank=True, decimal_places=2, help_text='The total, stored when the order is completed.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(0)])),
                ('denial_reason', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField()),
                ('estimated_at', models.DateTimeField(blank=True, null=True)),
                ('approved_at', models.DateTimeField(blank=True, null=True)),
                ('denied_at', models.DateTimeField(blank=True, null=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('completed_at', models.DateTimeField(blank=True, null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('customer', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='customers.customer')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('vehicle', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='vehicles.vehicle')),
            ],
            options={
                'verbose_name': 'historical repair order',
                'verbose_name_plural': 'historical repair orders',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='RepairOrder',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=common.domain.ids.new_uuid, editable=False, unique=True)),
                ('status', models.CharField(choices=[('requested', 'Requested'), ('pending', 'Pending'), ('approved', 'Approved'), ('denied', 'Denied'), ('in_progress', 'In Progress'), ('completed', 'Completed')], default='requested', max_length=11)),
                ('description', models.TextField(blank=True, default='', help_text="The problem, in the customer's words.")),
                ('notes', models.TextField(blank=True, default='', help_text='Notes of the shop, which the customer can read.')),
                ('discount_amount', models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=10, validators=[django.core.validators.MinValueValidator(0)])),
                ('discount_percent', models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=5, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)])),
                ('tax_percent', models.DecimalField(decimal_places=2, default=Decimal('0.00'), max_digits=5, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)])),
                ('total_cost', models.DecimalField(blank=True, decimal_places=2, help_text='The total, stored when the order is completed.', max_digits=10, null=True, validators=[django.core.validators.MinValueValidator(0)])),
                ('denial_reason', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField()),
                ('estimated_at', models.DateTimeField(blank=True, null=True)),
                ('approved_at', models.DateTimeField(blank=True, null=True)),
                ('denied_at', models.DateTimeField(blank=True, null=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('completed_at', models.DateTimeField(blank=True, null=True)),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='repair_orders', to='customers.customer')),
                ('vehicle', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='repair_orders', to='vehicles.vehicle')),
            ],
            options={
                'permissions': [('estimate_repairorder', 'Can send estimates'), ('decide_repairorder', 'Can approve and deny for the customer'), ('work_repairorder', 'Can start and complete repair orders')],
            },
        ),
        migrations.CreateModel(
            name='PartLine',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('quantity', models.PositiveIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10000)])),
                ('unit_price', models.DecimalField(decimal_places=2, max_digits=10, validators=[django.core.validators.MinValueValidator(0)])),
                ('taxable', models.BooleanField()),
                ('part', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='catalogue.part')),
                ('repair_order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='part_lines', to='repair_orders.repairorder')),
            ],
        ),
        migrations.CreateModel(
            name='HistoricalServiceLine',
            fields=[
                ('id', models.BigIntegerField(blank=True, db_index=True)),
                ('labor_cost', models.DecimalField(decimal_places=2, max_digits=10, validators=[django.core.validators.MinValueValidator(0)])),
                ('taxable', models.BooleanField()),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('service', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='catalogue.service')),
                ('repair_order', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='repair_orders.repairorder')),
            ],
            options={
                'verbose_name': 'historical service line',
                'verbose_name_plural': 'historical service lines',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalPartLine',
            fields=[
                ('id', models.BigIntegerField(blank=True, db_index=True)),
                ('quantity', models.PositiveIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10000)])),
                ('unit_price', models.DecimalField(decimal_places=2, max_digits=10, validators=[django.core.validators.MinValueValidator(0)])),
                ('taxable', models.BooleanField()),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('part', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='catalogue.part')),
                ('repair_order', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='repair_orders.repairorder')),
            ],
            options={
                'verbose_name': 'historical part line',
                'verbose_name_plural': 'historical part lines',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='RepairPhoto',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('repair_order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='photos', to='repair_orders.repairorder')),
                ('upload', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='repair_photo', to='files.upload')),
            ],
        ),
        migrations.CreateModel(
            name='ServiceLine',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('labor_cost', models.DecimalField(decimal_places=2, max_digits=10, validators=[django.core.validators.MinValueValidator(0)])),
                ('taxable', models.BooleanField()),
                ('repair_order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='service_lines', to='repair_orders.repairorder')),
                ('service', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='catalogue.service')),
            ],
        ),
        migrations.AddIndex(
            model_name='repairorder',
            index=models.Index(fields=['-created_at', '-id'], name='repair_order_by_age'),
        ),
        migrations.AddIndex(
            model_name='repairorder',
            index=models.Index(fields=['customer', '-created_at', '-id'], name='repair_order_of_customer'),
        ),
        migrations.AddIndex(
            model_name='repairorder',
            index=models.Index(fields=['status', '-created_at', '-id'], name='repair_order_by_status'),
        ),
        migrations.AddIndex(
            model_name='repairorder',
            index=models.Index(fields=['customer', 'status', '-created_at', '-id'], name='repair_order_of_state'),
        ),
        migrations.AddIndex(
            model_name='repairorder',
            index=models.Index(fields=['customer', 'vehicle', '-created_at', '-id'], name='repair_order_of_unit'),
        ),
        migrations.AddIndex(
            model_name='repairorder',
            index=common.domain.indexes.Trigrams('description', name='repair_order_searched'),
        ),
        migrations.AddConstraint(
            model_name='repairorder',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['requested', 'pending', 'approved', 'denied', 'in_progress', 'completed'])), name='repair_order_status_is_known'),
        ),
        migrations.AddConstraint(
            model_name='repairorder',
            constraint=models.CheckConstraint(condition=models.Q(('discount_amount__gte', 0)), name='discount_amount_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='repairorder',
            constraint=models.CheckConstraint(condition=models.Q(('discount_percent__gte', 0), ('discount_percent__lte', 100)), name='discount_percent_is_one'),
        ),
        migrations.AddConstraint(
            model_name='repairorder',
            constraint=models.CheckConstraint(condition=models.Q(('tax_percent__gte', 0), ('tax_percent__lte', 100)), name='tax_percent_is_one'),
        ),
        migrations.AddConstraint(
            model_name='repairorder',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'completed'), ('total_cost__gte', 0), ('total_cost__isnull', False)), models.Q(models.Q(('status', 'completed'), _negated=True), ('total_cost', None)), _connector='OR'), name='total_is_frozen_when_completed'),
        ),
        migrations.AddConstraint(
            model_name='partline',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gte', 1), ('quantity__lte', 10000)), name='line_quantity_is_possible'),
        ),
        migrations.AddConstraint(
            model_name='partline',
            constraint=models.CheckConstraint(condition=models.Q(('unit_price__gte', 0)), name='line_price_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='serviceline',
            constraint=models.CheckConstraint(condition=models.Q(('labor_cost__gte', 0)), name='labour_line_not_negative'),
        ),
    ]
