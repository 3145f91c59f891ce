import accounts.phones
import common.domain.ids
import common.domain.indexes
import customers.preferences
import django.db.models.deletion
import django.db.models.functions.text
import simple_history.models
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
            name='Customer',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=common.domain.ids.new_uuid, editable=False, unique=True)),
                ('street_address', models.CharField(blank=True, default='', max_length=200)),
                ('city', models.CharField(blank=True, default='', max_length=100)),
                ('state', models.CharField(blank=True, default='', max_length=100)),
                ('postal_code', models.CharField(blank=True, default='', max_length=20)),
                ('country', models.CharField(blank=True, default='USA', max_length=100)),
                ('company_name', models.CharField(blank=True, default='', max_length=200)),
                ('business_type', models.CharField(blank=True, default='', max_length=100)),
                ('tax_id', models.CharField(blank=True, default='', max_length=50, verbose_name='tax ID')),
                ('emergency_contact_name', models.CharField(blank=True, default='', max_length=200)),
                ('emergency_contact_phone', models.CharField(blank=True, default='', max_length=30, validators=[accounts.phones.validate_phone])),
                ('emergency_contact_relationship', models.CharField(blank=True, default='', max_length=100)),
                ('is_verified', models.BooleanField(default=False)),
                ('customer_since', models.DateTimeField()),
                ('last_service_date', models.DateTimeField(blank=True, null=True)),
                ('total_services', models.PositiveIntegerField(default=0, help_text='Completed repair orders are counted automatically.')),
                ('preferred_contact_method', models.CharField(choices=[('email', 'Email'), ('phone', 'Phone'), ('sms', 'Sms')], default='email', max_length=5)),
                ('notification_preferences', models.JSONField(blank=True, default=customers.preferences.default_notifications, validators=[customers.preferences.validate_notifications])),
                ('language', models.CharField(default='en', max_length=10)),
                ('theme', models.CharField(default='light', max_length=10)),
                ('timezone', models.CharField(default='UTC+0', max_length=50)),
                ('currency', models.CharField(default='USD', max_length=3)),
                ('contact', models.ForeignKey(blank=True, help_text='The user who is shown and billed. Without a contact the customer is shown as “Former customer”.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='contact_of', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='CustomerUser',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='logins', to='customers.customer')),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='customer_login', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'login',
            },
        ),
        migrations.CreateModel(
            name='HistoricalCustomer',
            fields=[
                ('id', models.BigIntegerField(blank=True, db_index=True)),
                ('uuid', models.UUIDField(db_index=True, default=common.domain.ids.new_uuid, editable=False)),
                ('street_address', models.CharField(blank=True, default='', max_length=200)),
                ('city', models.CharField(blank=True, default='', max_length=100)),
                ('state', models.CharField(blank=True, default='', max_length=100)),
                ('postal_code', models.CharField(blank=True, default='', max_length=20)),
                ('country', models.CharField(blank=True, default='USA', max_length=100)),
                ('company_name', models.CharField(blank=True, default='', max_length=200)),
                ('business_type', models.CharField(blank=True, default='', max_length=100)),
                ('tax_id', models.CharField(blank=True, default='', max_length=50, verbose_name='tax ID')),
                ('emergency_contact_name', models.CharField(blank=True, default='', max_length=200)),
                ('emergency_contact_phone', models.CharField(blank=True, default='', max_length=30, validators=[accounts.phones.validate_phone])),
                ('emergency_contact_relationship', models.CharField(blank=True, default='', max_length=100)),
                ('is_verified', models.BooleanField(default=False)),
                ('customer_since', models.DateTimeField()),
                ('last_service_date', models.DateTimeField(blank=True, null=True)),
                ('total_services', models.PositiveIntegerField(default=0, help_text='Completed repair orders are counted automatically.')),
                ('preferred_contact_method', models.CharField(choices=[('email', 'Email'), ('phone', 'Phone'), ('sms', 'Sms')], default='email', max_length=5)),
                ('notification_preferences', models.JSONField(blank=True, default=customers.preferences.default_notifications, validators=[customers.preferences.validate_notifications])),
                ('language', models.CharField(default='en', max_length=10)),
                ('theme', models.CharField(default='light', max_length=10)),
                ('timezone', models.CharField(default='UTC+0', max_length=50)),
                ('currency', models.CharField(default='USD', max_length=3)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('contact', models.ForeignKey(blank=True, db_constraint=False, help_text='The user who is shown and billed. Without a contact the customer is shown as “Former customer”.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical customer',
                'verbose_name_plural': 'historical customers',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Notification',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=common.domain.ids.new_uuid, editable=False, unique=True)),
                ('type', models.CharField(max_length=30)),
                ('title', models.CharField(max_length=200)),
                ('message', models.TextField()),
                ('read', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField()),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='notifications', to='customers.customer')),
            ],
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(fields=['customer_since', 'id'], name='customer_by_age'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('is_verified', False)), fields=['customer_since', 'id'], name='customer_unverified_by_age'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(django.db.models.functions.text.Upper('state'), models.F('customer_since'), models.F('id'), name='customer_by_state'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(django.db.models.functions.text.Upper('business_type'), models.F('customer_since'), models.F('id'), name='customer_by_business'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=common.domain.indexes.Trigrams('company_name', 'city', 'postal_code', name='customer_searched'),
        ),
        migrations.AddConstraint(
            model_name='customer',
            constraint=models.CheckConstraint(condition=models.Q(('preferred_contact_method__in', ['email', 'phone', 'sms'])), name='customer_contact_method_is_known'),
        ),
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(fields=['customer', '-created_at', '-id'], name='notification_newest_first'),
        ),
        migrations.AddIndex(
            model_name='notification',
            index=models.Index(condition=models.Q(('read', False)), fields=['customer', '-created_at', '-id'], name='notification_unread'),
        ),
    ]
