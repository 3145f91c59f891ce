import common.domain.ids
import django.core.validators
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('common', '0001_initial'),
        ('appointments', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalOffer',
            fields=[
                ('id', models.BigIntegerField(blank=True, db_index=True)),
                ('uuid', models.UUIDField(db_index=True, default=common.domain.ids.new_uuid, editable=False)),
                ('title', models.CharField(max_length=200)),
                ('description', models.TextField(blank=True, default='')),
                ('terms', models.TextField(blank=True, default='')),
                ('expiry', models.DateTimeField()),
                ('is_active', models.BooleanField(default=True, verbose_name='shown')),
                ('for_basic', models.BooleanField(default=False, verbose_name='basic')),
                ('for_plus', models.BooleanField(default=False, verbose_name='plus')),
                ('for_premium', models.BooleanField(default=False, verbose_name='premium')),
                ('year_from', models.PositiveSmallIntegerField(blank=True, help_text='First model year.', null=True, validators=[django.core.validators.MinValueValidator(1886), django.core.validators.MaxValueValidator(2100)])),
                ('year_to', models.PositiveSmallIntegerField(blank=True, help_text='Last model year.', null=True, validators=[django.core.validators.MinValueValidator(1886), django.core.validators.MaxValueValidator(2100)])),
                ('created_at', models.DateTimeField()),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical offer',
                'verbose_name_plural': 'historical offers',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalPlan',
            fields=[
                ('id', models.BigIntegerField(blank=True, db_index=True)),
                ('uuid', models.UUIDField(db_index=True, default=common.domain.ids.new_uuid, editable=False)),
                ('name', models.CharField(max_length=100)),
                ('tier', models.CharField(choices=[('basic', 'Basic'), ('plus', 'Plus'), ('premium', 'Premium')], max_length=7)),
                ('price', models.DecimalField(decimal_places=2, help_text='US dollars per month.', max_digits=10, validators=[django.core.validators.MinValueValidator(0)])),
                ('features', models.TextField(blank=True, default='', help_text='One feature per line.')),
                ('is_active', models.BooleanField(default=True, verbose_name='on sale')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical plan',
                'verbose_name_plural': 'historical plans',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Offer',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=common.domain.ids.new_uuid, editable=False, unique=True)),
                ('title', models.CharField(max_length=200)),
                ('description', models.TextField(blank=True, default='')),
                ('terms', models.TextField(blank=True, default='')),
                ('expiry', models.DateTimeField()),
                ('is_active', models.BooleanField(default=True, verbose_name='shown')),
                ('for_basic', models.BooleanField(default=False, verbose_name='basic')),
                ('for_plus', models.BooleanField(default=False, verbose_name='plus')),
                ('for_premium', models.BooleanField(default=False, verbose_name='premium')),
                ('year_from', models.PositiveSmallIntegerField(blank=True, help_text='First model year.', null=True, validators=[django.core.validators.MinValueValidator(1886), django.core.validators.MaxValueValidator(2100)])),
                ('year_to', models.PositiveSmallIntegerField(blank=True, help_text='Last model year.', null=True, validators=[django.core.validators.MinValueValidator(1886), django.core.validators.MaxValueValidator(2100)])),
                ('created_at', models.DateTimeField()),
                ('locations', models.ManyToManyField(blank=True, help_text='Leave empty for every location.', related_name='offers', to='appointments.location')),
            ],
        ),
        migrations.CreateModel(
            name='OfferMake',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('make', models.CharField(max_length=60)),
                ('offer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='makes', to='memberships.offer')),
            ],
            options={
                'verbose_name': 'make of an offer',
                'verbose_name_plural': 'makes of offers',
            },
        ),
        migrations.CreateModel(
            name='Plan',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=common.domain.ids.new_uuid, editable=False, unique=True)),
                ('name', models.CharField(max_length=100)),
                ('tier', models.CharField(choices=[('basic', 'Basic'), ('plus', 'Plus'), ('premium', 'Premium')], max_length=7)),
                ('price', models.DecimalField(decimal_places=2, help_text='US dollars per month.', max_digits=10, validators=[django.core.validators.MinValueValidator(0)])),
                ('features', models.TextField(blank=True, default='', help_text='One feature per line.')),
                ('is_active', models.BooleanField(default=True, verbose_name='on sale')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('name',), name='plan_name_once'), models.CheckConstraint(condition=models.Q(('tier__in', ['basic', 'plus', 'premium'])), name='plan_tier_is_known'), models.CheckConstraint(condition=models.Q(('price__gte', 0)), name='plan_price_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=common.domain.ids.new_uuid, editable=False, unique=True)),
                ('status', models.CharField(choices=[('active', 'Active'), ('cancelled', 'Cancelled')], default='active', max_length=9)),
                ('started_at', models.DateTimeField()),
                ('cancelled_at', models.DateTimeField(blank=True, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='memberships.plan')),
            ],
            options={
                'permissions': [('cancel_membership', 'Can end a membership for its member')],
            },
        ),
        migrations.CreateModel(
            name='HistoricalMembership',
            fields=[
                ('id', models.BigIntegerField(blank=True, db_index=True)),
                ('uuid', models.UUIDField(db_index=True, default=common.domain.ids.new_uuid, editable=False)),
                ('status', models.CharField(choices=[('active', 'Active'), ('cancelled', 'Cancelled')], default='active', max_length=9)),
                ('started_at', models.DateTimeField()),
                ('cancelled_at', models.DateTimeField(blank=True, null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('user', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('plan', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='memberships.plan')),
            ],
            options={
                'verbose_name': 'historical membership',
                'verbose_name_plural': 'historical memberships',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.AddIndex(
            model_name='offer',
            index=models.Index(fields=['expiry', 'id'], name='offer_by_expiry'),
        ),
        migrations.AddConstraint(
            model_name='offer',
            constraint=models.CheckConstraint(condition=models.Q(('year_from', None), ('year_to', None), ('year_from__lte', models.F('year_to')), _connector='OR'), name='offer_years_are_in_order', violation_error_message='The first model year must not be after the last one.'),
        ),
        migrations.AddConstraint(
            model_name='offermake',
            constraint=models.UniqueConstraint(fields=('offer', 'make'), name='make_once_an_offer', violation_error_message='This make is already listed.'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'active')), fields=('user',), name='one_active_membership_a_user'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('cancelled_at', None), ('status', 'active')), models.Q(('cancelled_at__isnull', False), ('status', 'cancelled')), _connector='OR'), name='membership_status_has_its_stamp'),
        ),
    ]
