import accounts.models
import accounts.phones
import accounts.querysets
import common.domain.ids
import common.domain.indexes
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('common', '0001_initial'),
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='User',
            fields=[
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=common.domain.ids.new_uuid, editable=False, unique=True)),
                ('email', models.EmailField(blank=True, max_length=254, null=True, unique=True)),
                ('first_name', models.CharField(blank=True, default='', max_length=100)),
                ('last_name', models.CharField(blank=True, default='', max_length=100)),
                ('phone', models.CharField(blank=True, default='', max_length=30, validators=[accounts.phones.validate_phone])),
                ('role', models.CharField(choices=[('customer', 'Customer'), ('technician', 'Technician'), ('advisor', 'Advisor'), ('manager', 'Manager'), ('admin', 'Admin')], db_index=True, default='customer', max_length=12)),
                ('avatar', models.URLField(blank=True, default='')),
                ('referral_code', models.CharField(default=accounts.models.new_referral_code, max_length=20, unique=True)),
                ('rewards_balance', models.PositiveIntegerField(default=0, help_text='Whole points: the sum of the ledger.')),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
        ),
        migrations.CreateModel(
            name='Device',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=common.domain.ids.new_uuid, editable=False, unique=True)),
                ('device_id', models.CharField(max_length=200)),
                ('last_seen_at', models.DateTimeField()),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='devices', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='HistoricalReferral',
            fields=[
                ('id', models.BigIntegerField(blank=True, db_index=True)),
                ('uuid', models.UUIDField(db_index=True, default=common.domain.ids.new_uuid, editable=False)),
                ('code', models.CharField(help_text="The referrer's code at that time.", max_length=20)),
                ('status', models.CharField(choices=[('signed_up', 'Signed Up'), ('credited', 'Credited')], default='signed_up', max_length=9)),
                ('rewards_applied', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField()),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('referred', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('referrer', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical referral',
                'verbose_name_plural': 'historical referrals',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalUser',
            fields=[
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('id', models.BigIntegerField(blank=True, db_index=True)),
                ('uuid', models.UUIDField(db_index=True, default=common.domain.ids.new_uuid, editable=False)),
                ('email', models.EmailField(blank=True, db_index=True, max_length=254, null=True)),
                ('first_name', models.CharField(blank=True, default='', max_length=100)),
                ('last_name', models.CharField(blank=True, default='', max_length=100)),
                ('phone', models.CharField(blank=True, default='', max_length=30, validators=[accounts.phones.validate_phone])),
                ('role', models.CharField(choices=[('customer', 'Customer'), ('technician', 'Technician'), ('advisor', 'Advisor'), ('manager', 'Manager'), ('admin', 'Admin')], db_index=True, default='customer', max_length=12)),
                ('avatar', models.URLField(blank=True, default='')),
                ('referral_code', models.CharField(db_index=True, default=accounts.models.new_referral_code, max_length=20)),
                ('rewards_balance', models.PositiveIntegerField(default=0, help_text='Whole points: the sum of the ledger.')),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(blank=True, editable=False)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical user',
                'verbose_name_plural': 'historical users',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='KnownAddress',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('address', models.CharField(max_length=64)),
                ('last_sign_in_at', models.DateTimeField()),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='known_addresses', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'known addresses',
            },
        ),
        migrations.CreateModel(
            name='Referral',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=common.domain.ids.new_uuid, editable=False, unique=True)),
                ('code', models.CharField(help_text="The referrer's code at that time.", max_length=20)),
                ('status', models.CharField(choices=[('signed_up', 'Signed Up'), ('credited', 'Credited')], default='signed_up', max_length=9)),
                ('rewards_applied', models.JSONField(blank=True, default=dict)),
                ('created_at', models.DateTimeField()),
                ('referred', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='referred_by', to=settings.AUTH_USER_MODEL)),
                ('referrer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='referrals', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='RewardEntry',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=common.domain.ids.new_uuid, editable=False, unique=True)),
                ('points', models.IntegerField(help_text='Whole points. A negative number reduces the balance.', validators=[django.core.validators.MinValueValidator(-1000000), django.core.validators.MaxValueValidator(1000000)])),
                ('reason', models.CharField(max_length=200)),
                ('created_at', models.DateTimeField()),
                ('referral', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reward_entries', to='accounts.referral')),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='reward_entries', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'reward entries',
            },
        ),
        migrations.CreateModel(
            name='Session',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('uuid', models.UUIDField(default=common.domain.ids.new_uuid, editable=False, unique=True)),
                ('refresh_jti', models.CharField(help_text='The ID of the only valid refresh token.', max_length=32)),
                ('created_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('device', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to='accounts.device')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.AddIndex(
            model_name='user',
            index=common.domain.indexes.Trigrams(accounts.querysets.FullName(), 'email', 'phone', name='user_searched'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['customer', 'technician', 'advisor', 'manager', 'admin'])), name='user_role_is_known'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('email__isnull', True), ('email', django.db.models.functions.text.Lower('email')), _connector='OR'), name='user_email_is_lower_case'),
        ),
        migrations.AddConstraint(
            model_name='device',
            constraint=models.UniqueConstraint(fields=('user', 'device_id'), name='device_once_per_user'),
        ),
        migrations.AddConstraint(
            model_name='knownaddress',
            constraint=models.UniqueConstraint(fields=('user', 'address'), name='known_address_once_per_user'),
        ),
        migrations.AddConstraint(
            model_name='referral',
            constraint=models.UniqueConstraint(fields=('referred',), name='referred_once'),
        ),
        migrations.AddConstraint(
            model_name='referral',
            constraint=models.CheckConstraint(condition=models.Q(('referrer', models.F('referred')), _negated=True), name='referred_by_another'),
        ),
        migrations.AddConstraint(
            model_name='referral',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['signed_up', 'credited'])), name='referral_status_is_known'),
        ),
        migrations.AddIndex(
            model_name='rewardentry',
            index=models.Index(fields=['user', '-created_at', '-id'], name='reward_newest_first'),
        ),
        migrations.AddConstraint(
            model_name='rewardentry',
            constraint=models.UniqueConstraint(fields=('referral',), name='referral_rewarded_once'),
        ),
        migrations.AddConstraint(
            model_name='rewardentry',
            constraint=models.CheckConstraint(condition=models.Q(('points', 0), _negated=True), name='reward_moves_something'),
        ),
        migrations.AddIndex(
            model_name='session',
            index=models.Index(condition=models.Q(('ended_at', None)), fields=['user'], name='session_living_of_user'),
        ),
    ]
